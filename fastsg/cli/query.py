"""fastsg nn, predict and info: questions to the files that a training left."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from ..checks import printable
from ..io.formats import format_of_file
from ..model.skipgram import SkipGram, load
from ..model.softmax import SoftmaxModel
from ..system.config import show_config
from ..vectors import Answers, KeyedVectors
from .flags import Commands, add_command, add_json
from .terminal import EXIT_ERROR, EXIT_OK, asked_words, print_ranked, say_error
from .vector_files import add_format, is_native, load_table, softmax_of_files


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
    parser.add_argument("vectors", help="vectors of any format, or a native model")
    parser.add_argument(
        "operands", metavar="word", nargs="*", help="words; without any, standard input is read, one per line"
    )
    parser.add_argument("-k", "--topn", type=int, default=10, metavar="N", help="how many neighbours")
    add_json(parser)
    add_format(parser)


def add_predict(commands: Commands) -> None:
    """Declare fastsg predict."""
    parser = add_command(
        commands,
        "predict",
        run_predict,
        help="likeliest contexts of words, with their probabilities",
        description="Print the likeliest contexts of each center word, with their exact probabilities over "
        "the whole vocabulary. A native model has all that takes; without one, name the input vectors, then "
        "the output vectors, and the constants with --bias.",
        examples="""
            fastsg predict model cat
            fastsg predict words.vec output.vec --bias bias cat
        """,
    )
    parser.add_argument(
        "vectors", help="a native model, from fastsg train --save-model; or input vectors, from --output"
    )
    parser.add_argument(
        "operands",
        metavar="[output_vectors] word",
        nargs="*",
        help="behind input vectors the output vectors, from --save-output; then center words; without any, "
        "standard input is read, one per line",
    )
    parser.add_argument(
        "--bias",
        metavar="F",
        help="constants added to the logits, from fastsg train --save-bias; 'none': there are none (no "
        "default for vectors; a model has its own)",
    )
    parser.add_argument("-k", "--topn", type=int, default=10, metavar="N", help="how many contexts")
    add_json(parser)
    add_format(parser)


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
    parser.add_argument("operands", metavar="file", nargs="*", help="vectors, models or folders")
    add_format(parser)


def run_nn(args: argparse.Namespace) -> int:
    """Print the neighbours of each word."""
    _check_topn(args.topn)
    vectors = KeyedVectors(*load_table(args.vectors, args.format))
    return _answer(args.operands, partial(vectors.most_similar, topn=args.topn), "cosine", args.json)


def run_predict(args: argparse.Namespace) -> int:
    """Print the likeliest contexts of each word."""
    _check_topn(args.topn)
    model, asked = _model_and_words(args)
    return _answer(asked, partial(model.predict_context, topn=args.topn), "probability", args.json)


def _model_and_words(args: argparse.Namespace) -> tuple[SkipGram | SoftmaxModel, list[str]]:
    """A native model, or that of files, the second of which is among the operands; and the words to ask."""
    if is_native(args.vectors, args.format):
        if args.bias:
            raise ValueError(f"--bias is for vectors; the model {args.vectors} has its own constants")
        return load(args.vectors), args.operands
    if not args.operands:
        raise ValueError(f"{args.vectors} is no native model: name the output vectors behind it")
    return softmax_of_files(args.vectors, args.operands[0], args.bias, args.format), args.operands[1:]


def run_info(args: argparse.Namespace) -> int:
    """Describe each file, or this installation."""
    if not args.operands:
        print(json.dumps(show_config(), indent=2))
    for path in args.operands:
        words, matrix, counts = load_table(path, args.format)
        norms = np.linalg.norm(matrix.astype(np.float64), axis=1)
        size = f"{len(words):,} words x {matrix.shape[1]} coordinates, {_bytes(path) / 2**20:.1f} MiB"
        print(printable(path))
        print(f"  {size}, {format_of_file(path, args.format).title}")
        if len(words):
            print(f"  norms: median {np.median(norms):.3f}, from {norms.min():.3f} to {norms.max():.3f}")
        if counts is not None:
            print(f"  counts: {counts.sum():,} occurrences")
        print(f"  first words: {' '.join(map(printable, words[:10]))}")
    return EXIT_OK


def _bytes(path: str) -> int:
    """Size of a file, or of the files in a folder."""
    if not os.path.isdir(path):
        return os.path.getsize(path)
    with os.scandir(path) as entries:
        return sum(entry.stat().st_size for entry in entries if entry.is_file())


def _check_topn(topn: int) -> None:
    if topn < 1:
        raise ValueError(f"--topn is {topn}; it must be at least 1")


def _answer(words: Sequence[str], answer: Callable[[str], Answers], measure: str, as_json: bool) -> int:
    """Answer each word; one that is not known is named, and does not stop the others."""
    code = EXIT_OK
    for word in asked_words(words):
        try:
            print_ranked(word, answer(word), measure, as_json)
        except KeyError as error:
            say_error(error)
            code = EXIT_ERROR
    return code
