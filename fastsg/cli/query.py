"""fastsg nn, predict, info: ask questions of files that a training left."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from ..errors import FormatError
from ..io.bias import load_bias
from ..io.word2vec import load_word2vec
from ..model.softmax import SoftmaxModel
from ..system.config import show_config
from ..text.vocab import Vocab
from ..vectors.keyed_vectors import KeyedVectors


def add_nn(commands: argparse._SubParsersAction) -> None:
    """Declare fastsg nn."""
    parser = commands.add_parser(
        "nn", help="nearest neighbours of words", description="Print the words most similar to each word."
    )
    parser.add_argument("vectors", help="word2vec text or binary file")
    parser.add_argument(
        "operands",
        metavar="word",
        nargs="*",
        help="words; without any, one a line is read from standard input",
    )
    parser.add_argument("-k", "--topn", type=int, default=10, help="how many neighbours (default 10)")
    _add_format(parser)
    parser.set_defaults(run=run_nn)


def add_predict(commands: argparse._SubParsersAction) -> None:
    """Declare fastsg predict."""
    parser = commands.add_parser(
        "predict",
        help="P(context|center)",
        description="Print the likeliest contexts of each center word, with "
        "their exact probabilities over the whole vocabulary.",
    )
    parser.add_argument("vectors", help="input vectors: what fastsg train --output wrote")
    parser.add_argument("output_vectors", help="output vectors: what fastsg train --save-output wrote")
    parser.add_argument(
        "operands",
        metavar="word",
        nargs="*",
        help="center words; without any, one a line is read from standard input",
    )
    parser.add_argument(
        "--bias", metavar="F", help="constants added to the logits: what fastsg train --save-bias wrote"
    )
    parser.add_argument("-k", "--topn", type=int, default=10, help="how many contexts (default 10)")
    _add_format(parser)
    parser.set_defaults(run=run_predict)


def add_info(commands: argparse._SubParsersAction) -> None:
    """Declare fastsg info."""
    parser = commands.add_parser(
        "info",
        help="describe a vector file, or this installation",
        description="Describe vector files: words, "
        "coordinates, norms. Without a file, describe this installation.",
    )
    parser.add_argument("operands", metavar="file", nargs="*", help="word2vec text or binary files")
    _add_format(parser)
    parser.set_defaults(run=run_info)


def _add_format(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--format",
        choices=("text", "binary"),
        help="of the vector files (default: binary if the name ends in .bin)",
    )


def _load(path: str, args: argparse.Namespace) -> tuple[list[str], np.ndarray]:
    """Words and vectors of a file; a failure on a guessed format says that there is another one."""
    if args.format:
        return load_word2vec(path, binary=args.format == "binary")
    try:
        return load_word2vec(path)
    except FormatError as error:
        raise FormatError(
            f"{error} (the name decides between text and binary; --format tells otherwise)"
        ) from None


def printable(word: str) -> str:
    """The word with control characters escaped: nothing in a file may reach the terminal as a command."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in word)


def asked_words(words: Iterable[str]) -> Iterator[str]:
    """The words given, or one a line from standard input, with a prompt for a person."""
    if words:
        yield from words
        return
    prompt = sys.stdin.isatty()
    while True:
        if prompt:
            print("word? ", end="", flush=True)
        if not (line := sys.stdin.readline()):
            return
        if word := line.strip():
            yield word


def print_ranked(title: str, rows: Iterable[tuple[str, float]]) -> None:
    """A title and a row for each word and number."""
    print(printable(title))
    for word, value in rows:
        print(f"  {value:8.4f}  {printable(word)}")
    sys.stdout.flush()


def error_text(error: BaseException) -> str:
    """One line for people; a bare KeyError would quote its message."""
    text = str(error.args[0]) if type(error) is KeyError and error.args else str(error)
    return printable(" ".join(text.split())) or type(error).__name__


def _check_topn(topn: int) -> None:
    if topn < 1:
        raise ValueError(f"--topn is {topn}; it must be at least 1")


def run_nn(args: argparse.Namespace) -> int:
    """fastsg nn"""
    _check_topn(args.topn)
    vectors = KeyedVectors(*_load(args.vectors, args))
    return _answer(args.operands, lambda word: print_ranked(word, vectors.most_similar(word, topn=args.topn)))


def run_predict(args: argparse.Namespace) -> int:
    """fastsg predict"""
    _check_topn(args.topn)
    words, inputs = _load(args.vectors, args)
    same, outputs = _load(args.output_vectors, args)
    if words != same or inputs.shape != outputs.shape:
        raise ValueError(
            f"{args.vectors} and {args.output_vectors} do not hold the same words in the same order and size"
        )
    model = SoftmaxModel(
        Vocab(words, np.arange(len(words), 0, -1)),
        inputs,
        outputs,
        load_bias(args.bias, words) if args.bias else None,
    )
    return _answer(args.operands, lambda word: print_ranked(word, model.predict_context(word, args.topn)))


def _answer(words: Iterable[str], answer: Callable[[str], object]) -> int:
    """Answer each word. A word given as argument must be known; one typed in may be wrong and is asked again."""
    failed = 0
    for word in asked_words(words):
        try:
            answer(word)
        except KeyError as error:
            if words:
                raise
            failed = 1
            print(f"fastsg: error: {error_text(error)}", file=sys.stderr)
    return failed


def run_info(args: argparse.Namespace) -> int:
    """fastsg info"""
    if not args.operands:
        print(json.dumps(show_config(), indent=2))
    for path in args.operands:
        words, matrix = _load(path, args)
        norms = np.linalg.norm(matrix.astype(np.float64), axis=1)
        print(
            f"{printable(path)}\n  {len(words):,} words x {matrix.shape[1]} coordinates, {os.path.getsize(path) / 2**20:.1f} MiB\n"
            f"  norms: median {np.median(norms):.3f}, from {norms.min():.3f} to {norms.max():.3f}\n"
            f"  first words: {' '.join(printable(word) for word in words[:10])}"
        )
    return 0
