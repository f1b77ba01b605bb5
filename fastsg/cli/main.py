"""The command line: fastsg train, count, nn, predict, info, demo. Argparse over the public API; one line on stderr for an error."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

from .. import __version__
from .count import add_count
from .demo import add_demo
from .query import add_info, add_nn, add_predict, error_text
from .train import add_train

EXIT_ERROR, EXIT_INTERRUPTED = 1, 130


def build_parser() -> argparse.ArgumentParser:
    """The parser of all subcommands."""
    parser = argparse.ArgumentParser(
        prog="fastsg", description="Skip-gram word embeddings by the exact full softmax."
    )
    parser.add_argument("--version", action="version", version=f"fastsg {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    add_train(commands)
    add_count(commands)
    add_nn(commands)
    add_predict(commands)
    add_info(commands)
    add_demo(commands)
    return parser


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse a command line; words and files may stand before and after the flags, which argparse alone does not allow."""
    parser = build_parser()
    args, rest = parser.parse_known_args(argv)
    if any(word.startswith("-") for word in rest) or (rest and not hasattr(args, "operands")):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        args.operands = [*args.operands, *rest]
    args.argv = list(sys.argv[1:] if argv is None else argv)
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code: 0 ok, 1 error, 2 usage, 130 interrupted."""
    logging.basicConfig(format="fastsg: %(message)s", level=logging.WARNING)
    args = parse(argv)
    try:
        return args.run(args) or 0
    except KeyboardInterrupt:
        print("fastsg: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # the reader has gone; say nothing more, not even at exit
        return EXIT_ERROR
    except (
        ValueError,
        TypeError,
        KeyError,
        OSError,
        MemoryError,
        ArithmeticError,
        ImportError,
        RuntimeError,
    ) as error:
        print(f"fastsg: error: {error_text(error)}", file=sys.stderr)
        return EXIT_ERROR
