"""fastsg plot: pictures of trainings and vectors."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from typing import Any

from ..errors import FormatError
from ..io import read_whole
from ..model.skipgram import load
from ..plotting import (
    SUFFIXES,
    check_picture,
    plot_analogy,
    plot_comparison,
    plot_heatmap,
    plot_loss,
    plot_map,
    plot_neighbours,
    save_picture,
)
from ..vectors import KeyedVectors, require_projection
from .flags import Commands, add_command, flag
from .outputs import check_can_be_written, check_no_overwriting
from .projecting import add_projection
from .terminal import EXIT_OK
from .vector_files import add_format, is_native, load_table, softmax_of_files

_NEIGHBOURS, _WORDS = 10, 150


def add_plot(commands: Commands) -> None:
    """Declare fastsg plot."""
    parser = add_command(
        commands,
        "plot",
        run_plot,
        help="pictures: losses, maps, neighbours, analogies",
        description="Draw a picture with matplotlib (pip install 'fastsg[plot]'). loss: a report or a model; "
        "map: vectors, and words or --around; neighbours: vectors and a word; analogy: vectors and words in "
        "threes; heatmap: vectors and words; compare: two files of vectors and a word.",
        examples="""
            fastsg plot loss model -o loss.svg
            fastsg plot map words.vec --around cat -k 3 -o map.png
            fastsg plot neighbours model cat -o neighbours.png
            fastsg plot analogy words.vec cat dog cats -o analogy.pdf
            fastsg plot heatmap words.vec cat dog fish -o heatmap.png
            fastsg plot compare words.vec output.vec cat -o compare.png
        """,
    )
    parser.add_argument("kind", choices=tuple(_KINDS), help="what to draw")
    parser.add_argument("source", metavar="V", help="vectors of any format, a native model, or a report")
    parser.add_argument(
        "operands", metavar="word", nargs="*", help="words; for compare the other vectors, then a word"
    )
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="F",
        help=f"the picture to write: {', '.join(SUFFIXES)} (no default)",
    )
    parser.add_argument(
        "-k",
        "--topn",
        type=int,
        metavar="N",
        help=f"how many words (default: {_NEIGHBOURS} neighbours; {_WORDS} on a map)",
    )
    parser.add_argument("--around", metavar="WORD", help="of a map: this word and those nearest to it")
    parser.add_argument(
        "--output-vectors",
        metavar="F",
        help="for P(n|m) beside neighbours, as in explore (default: a model's own)",
    )
    parser.add_argument("--bias", metavar="F", help="the same: constants, or 'none' (default: a model's own)")
    add_projection(parser)
    add_format(parser)


def run_plot(args: argparse.Namespace) -> int:
    """Draw and write a picture."""
    check_picture(args.output, "--output")
    check_can_be_written([("--output", args.output)])
    inputs = [("V", args.source), ("--output-vectors", args.output_vectors), ("--bias", args.bias)]
    if args.kind == "compare":
        inputs += [("the other vectors", path) for path in args.operands[:1]]
    check_no_overwriting([("--output", args.output)], [(name, path) for name, path in inputs if path])
    _check_flags(args)
    save_picture(_KINDS[args.kind](args), args.output)
    return EXIT_OK


def _check_flags(args: argparse.Namespace) -> None:
    """ValueError for a flag or a number of words that the kind of picture has no use for."""
    for name, (unused, kinds) in _FLAGS.items():
        if getattr(args, name) != unused and args.kind not in kinds:
            raise ValueError(f"{flag(name)} is for {' and '.join(kinds)}, not for {args.kind}")
    least, most, what = _OPERANDS[args.kind]
    if not least <= len(args.operands) <= most:
        raise ValueError(f"{args.kind} takes {what} behind V; {len(args.operands)} were given")
    if args.topn is not None and args.topn < 1:
        raise ValueError(f"--topn is {args.topn}; it must be at least 1")


def _loss(args: argparse.Namespace) -> Any:
    if is_native(args.source, args.format):
        return plot_loss(load(args.source))
    return plot_loss(_report(args.source))


def _report(path: str) -> dict[str, Any]:
    try:
        return dict(json.loads(read_whole(path)))
    except (TypeError, ValueError, RecursionError):
        raise FormatError(f"{path} is neither a native model nor a report of fastsg train --report") from None


def _map(args: argparse.Namespace) -> Any:
    require_projection(args.projection)
    return plot_map(
        _vectors(args.source, args),
        args.operands or None,
        around=args.around,
        topn=args.topn or _WORDS,
        projection=args.projection,
        seed=args.seed,
    )


def _neighbours(args: argparse.Namespace) -> Any:
    (word,), topn = args.operands, args.topn or _NEIGHBOURS
    if is_native(args.source, args.format):
        if args.output_vectors or args.bias:
            raise ValueError(
                f"--output-vectors and --bias are for vectors; the model {args.source} has its own"
            )
        model = load(args.source)
        return plot_neighbours(model.wv, word, topn, model=model)
    vectors = _vectors(args.source, args)
    if not args.output_vectors:
        if args.bias:
            raise ValueError("--bias is for P(n|m), which needs --output-vectors too")
        return plot_neighbours(vectors, word, topn)
    softmax = softmax_of_files(args.source, args.output_vectors, args.bias, args.format)
    return plot_neighbours(vectors, word, topn, model=softmax)


def _analogy(args: argparse.Namespace) -> Any:
    words = args.operands
    if len(words) % 3:
        raise ValueError(f"analogy takes words in threes, a b c for 'a is to b as c is to'; got {len(words)}")
    questions = [(words[i], words[i + 1], words[i + 2]) for i in range(0, len(words), 3)]
    return plot_analogy(_vectors(args.source, args), questions)


def _heatmap(args: argparse.Namespace) -> Any:
    return plot_heatmap(_vectors(args.source, args), args.operands)


def _compare(args: argparse.Namespace) -> Any:
    other, word = args.operands
    first, second = (_vectors(path, args) for path in (args.source, other))
    names = os.path.basename(args.source), os.path.basename(other)
    return plot_comparison(first, second, word, args.topn or _NEIGHBOURS, names=names)


def _vectors(path: str, args: argparse.Namespace) -> KeyedVectors:
    return KeyedVectors(*load_table(path, args.format))


_KINDS: dict[str, Callable[[argparse.Namespace], Any]] = {
    "loss": _loss,
    "map": _map,
    "neighbours": _neighbours,
    "analogy": _analogy,
    "heatmap": _heatmap,
    "compare": _compare,
}
#: Of flags that not all kinds take: what stands there if they were not given, and which do.
_FLAGS: dict[str, tuple[object, tuple[str, ...]]] = {
    "topn": (None, ("map", "neighbours", "compare")),
    "around": (None, ("map",)),
    "projection": ("pca", ("map",)),
    "seed": (1, ("map",)),
    "output_vectors": (None, ("neighbours",)),
    "bias": (None, ("neighbours",)),
}
_MANY = 10**6
#: Of each kind: fewest and most operands behind V, and what they are.
_OPERANDS = {
    "loss": (0, 0, "nothing"),
    "map": (0, _MANY, "words, or none"),
    "neighbours": (1, 1, "a word"),
    "analogy": (3, _MANY, "words in threes"),
    "heatmap": (2, _MANY, "two words or more"),
    "compare": (2, 2, "other vectors and a word"),
}
