"""fastsg nn, predict and info: questions to the files that a training left."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import FormatError
from ..io.bias import load_bias
from ..io.word2vec import load_word2vec
from ..model.softmax import SoftmaxModel
from ..system.config import show_config
from ..text.vocab import Vocab
from ..vectors.keyed_vectors import KeyedVectors
from .flags import Commands, add_command
from .terminal import EXIT_ERROR, EXIT_OK, asked_words, print_ranked, printable, say_error


def add_nn(commands: Commands) -> None:
    """Declare fastsg nn."""
    parser = add_command(
        commands,
        "nn",
        run_nn,
        help="nearest neighbours of words",
        description="Print the words most similar to each word. A word that is not known does not stop the "
        "others; the exit code is 1 then.",
        examples="""
            fastsg nn words.vec cat dog -k 5
            fastsg nn words.vec
        """,
    )
    parser.add_argument("vectors", help="word2vec text or binary file")
    parser.add_argument(
        "operands", metavar="word", nargs="*", help="words; without any, standard input is read, one per line"
    )
    parser.add_argument("-k", "--topn", type=int, default=10, metavar="N", help="how many neighbours")
    _add_format(parser)


def add_predict(commands: Commands) -> None:
    """Declare fastsg predict."""
    parser = add_command(
        commands,
        "predict",
        run_predict,
        help="likeliest contexts of words, with their probabilities",
        description="Print the likeliest contexts of each center word, with their exact probabilities over "
        "the whole vocabulary.",
        examples="""
            fastsg predict words.vec output.vec --bias bias cat
        """,
    )
    parser.add_argument("vectors", help="input vectors, from fastsg train --output")
    parser.add_argument("output_vectors", help="output vectors, from fastsg train --save-output")
    parser.add_argument(
        "operands",
        metavar="word",
        nargs="*",
        help="center words; without any, standard input is read, one per line",
    )
    parser.add_argument(
        "--bias", metavar="F", help="constants added to the logits, from fastsg train --save-bias"
    )
    parser.add_argument("-k", "--topn", type=int, default=10, metavar="N", help="how many contexts")
    _add_format(parser)


def add_info(commands: Commands) -> None:
    """Declare fastsg info."""
    parser = add_command(
        commands,
        "info",
        run_info,
        help="describe a vector file, or this installation",
        description="Describe vector files: words, coordinates, norms. Without a file, describe this "
        "installation.",
        examples="""
            fastsg info words.vec
            fastsg info
        """,
    )
    parser.add_argument("operands", metavar="file", nargs="*", help="word2vec text or binary files")
    _add_format(parser)


def _add_format(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--format",
        choices=("text", "binary"),
        help="of the vector files; by default binary if the name ends in .bin",
    )


def run_nn(args: argparse.Namespace) -> int:
    """Print the neighbours of each word."""
    _check_topn(args.topn)
    vectors = KeyedVectors(*_load(args.vectors, args.format))
    return _answer(args.operands, lambda word: print_ranked(word, vectors.most_similar(word, topn=args.topn)))


def run_predict(args: argparse.Namespace) -> int:
    """Print the likeliest contexts of each word."""
    _check_topn(args.topn)
    words, inputs = _load(args.vectors, args.format)
    same, outputs = _load(args.output_vectors, args.format)
    if words != same or inputs.shape != outputs.shape:
        raise ValueError(
            f"{args.vectors} and {args.output_vectors} do not hold the same words in the same order and size"
        )
    bias = load_bias(args.bias, words) if args.bias else None
    falling = np.arange(len(words), 0, -1)  # a vocabulary needs counts, and the files have only their order
    model = SoftmaxModel(Vocab(words, falling), inputs, outputs, bias)
    return _answer(args.operands, lambda word: print_ranked(word, model.predict_context(word, args.topn)))


def run_info(args: argparse.Namespace) -> int:
    """Describe each file, or this installation."""
    if not args.operands:
        print(json.dumps(show_config(), indent=2))
    for path in args.operands:
        words, matrix = _load(path, args.format)
        norms = np.linalg.norm(matrix.astype(np.float64), axis=1)
        size = (
            f"{len(words):,} words x {matrix.shape[1]} coordinates, {os.path.getsize(path) / 2**20:.1f} MiB"
        )
        print(printable(path))
        print(f"  {size}")
        print(f"  norms: median {np.median(norms):.3f}, from {norms.min():.3f} to {norms.max():.3f}")
        print(f"  first words: {' '.join(map(printable, words[:10]))}")
    return EXIT_OK


def _check_topn(topn: int) -> None:
    if topn < 1:
        raise ValueError(f"--topn is {topn}; it must be at least 1")


def _load(path: str, format: str | None) -> tuple[list[str], NDArray[np.float32]]:
    """Words and vectors of a file; where the format was only guessed, an error says how to name it."""
    if format:
        return load_word2vec(path, binary=format == "binary")
    try:
        return load_word2vec(path)
    except FormatError as error:
        raise FormatError(
            f"{error} (text or binary was guessed from the name; --format overrides that)"
        ) from None


def _answer(words: Sequence[str], answer: Callable[[str], None]) -> int:
    """Answer each word; one that is not known is named, and does not stop the others."""
    code = EXIT_OK
    for word in asked_words(words):
        try:
            answer(word)
        except KeyError as error:
            say_error(error)
            code = EXIT_ERROR
    return code
