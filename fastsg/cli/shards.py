"""The flag --shard, and what a command says of its needs before it starts."""

from __future__ import annotations

import argparse
import os
import shutil

from ..checks import printable
from ..cooccurrence import Needs
from ..system import available, temporary_folder
from ..text import parse_shard
from .flags import Group


def add_shard(group: Group, does: str) -> None:
    """Declare --shard, with which a command `does` something to a share of a text."""
    group.add_argument(
        "--shard",
        type=_parse,
        metavar="i/n",
        help=f"{does} only the i-th of n shares of the text, from 1 on; fastsg merge joins them (default: "
        "the whole text)",
    )


def say_needs(what: str, needs: Needs, output: str) -> None:
    """A line on standard output: what is about to be taken, and what there is."""
    free = available()
    memory = "" if free is None else f" ({_shown(free)} are free)"
    text = (
        f"{what}: at most some {_shown(needs.memory)} of memory{memory} and "
        f"{_on_disk(needs.disk, os.path.dirname(os.path.abspath(output)))}"
    )
    if needs.temporary:
        folder = temporary_folder()
        text += f", and {_on_disk(needs.temporary, folder)} for temporary files in {printable(folder)}"
    print(text, flush=True)


def _on_disk(size: int, folder: str) -> str:
    return f"{_shown(size)} of disk ({_shown(shutil.disk_usage(folder).free)} are free)"


def _shown(size: int) -> str:
    for unit, name in ((2**30, "GiB"), (2**20, "MiB")):
        if size >= unit / 10:
            return f"{size / unit:.2f} {name}"
    return f"{size / 2**10:.2f} KiB"


def _parse(text: str) -> tuple[int, int]:
    try:
        return parse_shard(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
