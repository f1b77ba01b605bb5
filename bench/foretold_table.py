"""The table of docs/settings.md: what trainings of many sizes would take, by the cost model of --dry-run.

usage: python bench/foretold_table.py [--K 5000 ...] [--H 100 300] [--tokens 1e6 1e7 1e8] [--write PAGE]

Each cell is ``fastsg train --dry-run`` of a made-up vocabulary, in which the word of rank r has a share of
1 / (r + 2.7) of the tokens (Zipf and Mandelbrot): the small trainings of the model are timed on this machine,
which prints itself above the table. Nothing of the sizes in the table is trained, so the figures are those of
the model, and as good as that. --write puts the table into a page, between the comments ``foretold`` and
``end``; docs/settings.md has them. The machine should do nothing else.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from machine import describe
from markdown_table import markdown

from fastsg import Vocab
from fastsg.cli import main

#: Tokens for each word that a text has at least, or no such text is asked about: its words would be too rare.
LEAST = 50


def foretold(K: int, H: int, tokens: float, folder: Path) -> dict[str, Any]:
    """What --dry-run --json says of K words of H coordinates in a text of so many tokens."""
    shares = 1 / (np.arange(K) + 2.7)
    counts = np.maximum(tokens * shares / shares.sum(), 5).astype(np.int64)
    words = folder / "words.txt"
    Vocab([f"w{number:07}" for number in range(K)], counts).save(words)
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        flags = ["--read-vocab", str(words), "--vector-size", str(H), "--dry-run", "--json"]
        if code := main(["train", "text", *flags]):
            raise SystemExit(code)
    found: dict[str, Any] = json.loads(output.getvalue())
    return found


def cell(found: dict[str, Any] | None, K: int, H: int) -> str:
    """Operations in passes of all K words, time and memory, to two digits."""
    if found is None:
        return "–"
    passes, seconds = found["flops"] / (6 * K * K * H), found["seconds"]["total"]
    return f"{passes:.1f}, {_time(seconds)}, {found['memory']['total'] / 2**30:.2g} GiB"


def _time(seconds: float) -> str:
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{float(f'{seconds / size:.2g}'):g} {unit}"
    return f"{float(f'{seconds:.2g}'):g} s"


def written(page: str, text: str) -> str:
    """A page with the text between its comments."""
    begin, end = "<!-- foretold -->\n", "\n<!-- end -->"
    if not re.search(f"{begin}.*{end}", page, re.DOTALL):
        raise SystemExit(f"the page has no {begin.strip()} with {end.strip()} behind it")
    before, _, rest = page.partition(begin)
    return f"{before}{begin}\n{text}\n{end}{rest.partition(end)[2]}"


def table(sizes: list[int], lengths: list[int], tokens: list[float]) -> str:
    """The table as Markdown."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        for K in sizes:
            for H in lengths:
                found = [foretold(K, H, n, Path(name)) if n >= LEAST * K else None for n in tokens]
                rows.append([f"{K:,}", str(H), *(cell(one, K, H) for one in found)])
    return markdown(["K", "H", *(f"{n / 1e6:,.0f} M tokens" for n in tokens)], rows)


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--K", type=int, nargs="+", default=[5_000, 20_000, 50_000, 100_000, 200_000])
    parser.add_argument("--H", type=int, nargs="+", default=[100, 300])
    parser.add_argument("--tokens", type=float, nargs="+", default=[1e6, 1e7, 1e8])
    parser.add_argument("--write", type=Path, metavar="PAGE")
    return parser.parse_args()


if __name__ == "__main__":
    args, here = parsed(), describe()
    machine = f"{here['cpu']}, {here['threads']} threads, {here['isa']}:"
    found = f"{machine}\n\n{table(args.K, args.H, args.tokens)}"
    print(found)
    if args.write:
        args.write.write_text(written(args.write.read_text(encoding="utf-8"), found), encoding="utf-8")
