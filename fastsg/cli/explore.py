"""fastsg explore: vectors as one HTML page, to be opened from where it lies."""

from __future__ import annotations

import argparse
import os

import numpy as np
from numpy.typing import NDArray

from ..checks import printable
from ..explorer import MOST_WORDS, Page, make_page
from ..model.skipgram import load
from ..system.compression import refuse_compression
from ..vectors import KeyedVectors, require_projection
from .flags import Commands, add_command, add_quiet
from .outputs import check_can_be_written, check_no_overwriting
from .projecting import add_projection
from .terminal import EXIT_OK, say
from .vector_files import add_format, is_native, load_table, softmax_of_files

#: Vectors, and where they are known output vectors and constants.
Parts = tuple[KeyedVectors, NDArray[np.float32] | None, NDArray[np.float32] | None]


def add_explore(commands: Commands) -> None:
    """Declare fastsg explore."""
    parser = add_command(
        commands,
        "explore",
        run_explore,
        help="a page to look at vectors: map, neighbours, analogies, contexts",
        description="Write one HTML file that shows the words on a map and answers in the browser what nn, "
        "analogies and predict answer here. It needs no server and no network. A native model has all that "
        "takes; with vectors, --output-vectors and --bias add P(context|center).",
        examples="""
            fastsg explore model -o map.html
            fastsg explore words.vec --output-vectors output.vec --bias bias -o map.html
        """,
    )
    parser.add_argument("vectors", help="vectors of any format, or a native model")
    parser.add_argument("-o", "--output", required=True, metavar="F", help="the page to write (no default)")
    parser.add_argument(
        "--output-vectors",
        metavar="F",
        help="output vectors, from fastsg train --save-output, for P(context|center) (default: a "
        "model's own)",
    )
    parser.add_argument(
        "--bias",
        metavar="F",
        help="constants added to the logits, from fastsg train --save-bias; 'none': there are none (default: "
        "a model's own)",
    )
    parser.add_argument(
        "--limit",
        type=int,
        default=MOST_WORDS,
        metavar="N",
        help="only the N most frequent words; probabilities are then those among them",
    )
    parser.add_argument("--title", help="heading of the page (default: the name of the vectors)")
    add_projection(parser)
    add_format(parser)
    add_quiet(parser, "summary")


def run_explore(args: argparse.Namespace) -> int:
    """Read, make the page, say what it holds, write it."""
    check_can_be_written([("--output", args.output)])
    refuse_compression(args.output, "--output")
    inputs = [("vectors", args.vectors), ("--output-vectors", args.output_vectors), ("--bias", args.bias)]
    check_no_overwriting([("--output", args.output)], [(name, path) for name, path in inputs if path])
    require_projection(args.projection)
    vectors, outputs, bias = _parts(args)
    page = make_page(
        vectors,
        outputs,
        bias,
        title=args.title or printable(os.path.basename(args.vectors)),
        projection=args.projection,
        limit=args.limit,
        seed=args.seed,
    )
    if not args.quiet:
        tell_page(args.output, page, len(vectors))
    page.save(args.output)
    return EXIT_OK


def tell_page(path: str, page: Page, of_words: int) -> None:
    """What a page that is about to be written holds, and what that costs."""
    left_out = f" of {of_words:,}" if page.words < of_words else ""
    contexts = " with P(context|center)" if page.has_contexts else ""
    print(
        f"{printable(path)}: {page.words:,}{left_out} words x {page.size} coordinates{contexts}, "
        f"{len(page.html) / 2**20:.1f} MiB; {page.same_neighbours:.1%} of the ten nearest words are those of "
        "float32",
        flush=True,
    )


def _parts(args: argparse.Namespace) -> Parts:
    if is_native(args.vectors, args.format):
        if args.output_vectors or args.bias:
            raise ValueError(
                f"--output-vectors and --bias are for vectors; the model {args.vectors} has its own"
            )
        model = load(args.vectors)
        if model.settings.vectors == "input":
            return model.wv, model.O, model.real_bias()
        say(f"no P(context|center): the vectors of this model are its {model.settings.vectors} vectors")
        return model.wv, None, None
    if not args.output_vectors:
        if args.bias:
            raise ValueError("--bias is for P(context|center), which needs --output-vectors too")
        return KeyedVectors(*load_table(args.vectors, args.format)), None, None
    softmax = softmax_of_files(args.vectors, args.output_vectors, args.bias, args.format)
    return KeyedVectors(softmax.vocab.words, softmax.I), softmax.O, softmax.real_bias()
