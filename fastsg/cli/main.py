"""Parses a command line, runs the command, and turns what went wrong into one line and an exit code."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

from .._version import __version__
from .convert import add_convert
from .count import add_count
from .demo import add_demo
from .query import add_info, add_nn, add_predict
from .terminal import EXIT_ERROR, EXIT_INTERRUPTED, say, say_error
from .train import add_train

# What bad input, a full disk or a missing package raises. Anything else is a bug, and shows where it is.
_EXPECTED = (
    ValueError, TypeError, KeyError, OSError, MemoryError, ArithmeticError, ImportError, RuntimeError,
)  # fmt: skip


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="fastsg", description="Skip-gram word embeddings by the exact full softmax."
    )
    parser.add_argument("--version", action="version", version=f"fastsg {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for add in (add_train, add_count, add_nn, add_predict, add_convert, add_info, add_demo):
        add(commands)
    return parser


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse a command line; unlike in argparse, words and files may stand before and after flags."""
    parser = build_parser()
    args, rest = parser.parse_known_args(argv)
    if any(word.startswith("-") for word in rest) or (rest and not hasattr(args, "operands")):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        args.operands = [*args.operands, *rest]
    args.argv = list(sys.argv[1:] if argv is None else argv)
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code: 0 done, 1 error, 130 interrupted. Usage errors exit with 2."""
    logging.basicConfig(format="fastsg: %(message)s", level=logging.WARNING)
    args = parse(argv)
    try:
        return int(args.run(args))
    except KeyboardInterrupt:
        say("interrupted")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # the reader has gone: say nothing more, not even at exit
        return EXIT_ERROR
    except _EXPECTED as error:
        say_error(error)
        return EXIT_ERROR
