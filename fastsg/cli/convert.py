"""fastsg convert: vectors and native models from one format into another."""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray

from ..checks import printable
from ..errors import FormatError
from ..io import WHICH
from ..io.formats import FORMATS, check_words_fit, format_of_file, format_to_write, load_vectors
from ..io.vector_table import VectorTable
from ..io.word2vec import load_counts
from ..text.vocab import Vocab
from ..vectors.export import export_vectors
from .flags import Commands, add_command, add_quiet
from .outputs import (
    add_write_format,
    check_can_be_written,
    check_no_overwriting,
    check_vector_files,
    files_written,
)
from .terminal import EXIT_OK, say


def add_convert(commands: Commands) -> None:
    """Declare fastsg convert."""
    parser = add_command(
        commands,
        "convert",
        run_convert,
        help="vectors and models from one format into another",
        description="Read vectors or a native model and write vectors in another format, bit for bit where "
        "that format holds float32. The format of OUT follows from --format or its suffix, that of IN from "
        "--from, its first bytes or its suffix.",
        examples="""
            fastsg convert words.vec words.npz
            fastsg convert model words.bin
        """,
    )
    parser.add_argument(
        "input", metavar="IN", help="a file of vectors, a native model, or a folder of vectors"
    )
    parser.add_argument(
        "output",
        metavar="OUT",
        help="where to write; a name that ends in / is a folder, for model2vec, or with --format tsv for "
        "the projector",
    )
    add_write_format(parser, "OUT")
    parser.add_argument(
        "--from",
        dest="source",
        choices=list(FORMATS),
        metavar="FORMAT",
        help="format of IN (default: found out)",
    )
    parser.add_argument(
        "--which",
        choices=WHICH,
        help="of a model: its input or output vectors, the sum of both at unit length, the input vectors "
        "less their mean, or both side by side; by default what the model hands out",
    )
    parser.add_argument("--limit", type=int, metavar="N", help="the first N words only")
    parser.add_argument(
        "--read-vocab",
        metavar="F",
        help="take counts from lines of a word and its count; every word needs one",
    )
    parser.add_argument("--save-vocab", metavar="F", help="write the counts as lines of a word and its count")
    parser.add_argument(
        "--sif",
        type=float,
        metavar="A",
        help="for model2vec: weigh each word by A / (A + its probability), such as 1e-3; needs counts",
    )
    parser.add_argument(
        "--neighbors",
        type=int,
        metavar="N",
        help="for parquet and arrow: a column with the N nearest neighbours of each word",
    )
    add_quiet(parser, "summary")


def run_convert(args: argparse.Namespace) -> int:
    """Read, write, say what was written."""
    outputs = [("OUT", args.output), *([("--save-vocab", args.save_vocab)] if args.save_vocab else [])]
    check_vector_files([("OUT", args.output)], args.format)
    check_can_be_written(outputs)
    inputs = [("IN", args.input), *([("--read-vocab", args.read_vocab)] if args.read_vocab else [])]
    check_no_overwriting(files_written(outputs, args.format), inputs)
    if args.neighbors is not None and args.neighbors < 1:
        raise ValueError(f"--neighbors is {args.neighbors}; it must be at least 1")
    source, target = format_of_file(args.input, args.source), format_to_write(args.output, args.format)
    words, matrix, counts = load_vectors(args.input, source.name, which=args.which, limit=args.limit)
    if args.read_vocab:
        counts = _counts(args.read_vocab, words)
    check_words_fit(target, words)
    table = VectorTable(words, matrix, counts)
    _save_counts(table, args.save_vocab)
    export_vectors(args.output, table, target.name, sif=args.sif, neighbors=args.neighbors)
    if not args.quiet:
        if counts is not None and not target.has_counts and not args.save_vocab:
            say(f"the format {target.name} holds no counts; --save-vocab F keeps them")
        print(
            f"{len(words):,} words x {matrix.shape[1]} coordinates: "
            f"{printable(args.input)} ({source.name}) -> {printable(args.output)} ({target.name})"
        )
    return EXIT_OK


def _counts(path: str, words: list[str]) -> NDArray[np.int64]:
    counts = load_counts(path)
    missing = [word for word in words if word not in counts]
    if missing:
        raise FormatError(f"{path}: no count for {len(missing)} of {len(words)} words, first {missing[0]!r}")
    return np.array([counts[word] for word in words], np.int64)


def _save_counts(table: VectorTable, path: str | None) -> None:
    if path is None:
        return
    if table.counts is None:
        raise ValueError("--save-vocab needs counts, and the input has none; --read-vocab F gives them")
    Vocab(table.words, table.counts).save(path)
