"""fastsg verify: whether files are still what was written."""

from __future__ import annotations

import argparse

from ..checks import printable
from ..model.verifying import Verified, verify
from .flags import Commands, add_command
from .terminal import EXIT_ERROR, EXIT_OK, EXPECTED, say_error
from .vector_files import add_format


def add_verify(commands: Commands) -> None:
    """Declare fastsg verify."""
    parser = add_command(
        commands,
        "verify",
        run_verify,
        help="check files against their checksums",
        description="Read models, checkpoints, counts, encoded corpora and vectors whole, and say of each "
        "file whether its checksums are right; of a file without checksums only its form can be checked. A "
        "file that is damaged does not stop the others; the exit code is 1 then.",
        examples="""
            fastsg verify model words.vec
            fastsg verify words.vec --format text
        """,
    )
    parser.add_argument(
        "operands", metavar="file", nargs="+", help="models, counts, encoded corpora, vectors or folders"
    )
    add_format(parser)


def run_verify(args: argparse.Namespace) -> int:
    """A line for each file; an error does not stop the others."""
    code = EXIT_OK
    for path in args.operands:
        try:
            found = verify(path, args.format)
        except EXPECTED as error:
            say_error(error)
            code = EXIT_ERROR
        else:
            print(f"{printable(path)}: {_told(found)}", flush=True)
    return code


def _told(found: Verified) -> str:
    if found.checksums:
        return f"sound by its checksums, {found.checksums} ({found.kind}, {found.holds})"
    return f"well-formed, but without checksums ({found.kind}, {found.holds})"
