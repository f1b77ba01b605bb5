"""What fastsg train --dry-run foretells, beside what the training then takes: seconds by phase, memory, disk.

usage: python bench/foretold.py TEXT [--words 5000 23000 68000 300000] [--rounds 1] [--json FILE]
                                [--flags="--precision bfloat16"]

For each number of words (the most frequent ones, or all if there are fewer) a dry-run, then the training,
each a process of its own, one after the other in every round; medians are quoted. Ratios are foretold by
measured. Wall is what the whole process took: what no phase has (starting Python, looking at the files) is
in it. Memory is the peak of the resident size.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from machine import describe
from markdown_table import markdown
from scale import Others

PHASES = ("read", "count", "init", "train", "save", "total")
Figures = dict[str, float]


def fastsg(*flags: str) -> tuple[str, float]:
    """What the command prints, and the seconds that it took."""
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "fastsg", *flags], stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout, time.perf_counter() - begun


def foretold(flags: list[str]) -> Figures:
    """By a dry-run."""
    printed, wall = fastsg("train", *flags, "--dry-run", "--json", "--quiet")
    facts = json.loads(printed)
    return {
        **facts["seconds"],
        "memory": facts["bytes"]["memory"],
        "disk": facts["bytes"]["disk"],
        "flops": facts["flops"],
        "passes": facts["passes"],
        "words": facts["words"],
        "wall": wall,
    }


def measured(flags: list[str], output: str) -> Figures:
    """By the training."""
    printed, wall = fastsg("train", *flags, "--json", "--quiet")
    report = json.loads(printed)
    H = report["vector_size"]
    return {
        **report["seconds"],
        "memory": report["peak_rss_bytes"],
        "disk": os.path.getsize(output),
        "flops": sum(6.0 * epoch["softmax_rows"] * epoch["words"] * H for epoch in report["epochs"]),
        "words": report["vocabulary_size"],
        "wall": wall,
    }


def run(text: str, words: list[int], rounds: int, flags: list[str]) -> list[dict[str, Figures]]:
    """For each number of words both, as medians over the rounds."""
    kinds: list[dict[str, list[Figures]]] = [{"foretold": [], "measured": []} for _ in words]
    with tempfile.TemporaryDirectory() as folder:
        output = os.path.join(folder, "vectors.vec")
        for _ in range(rounds):
            for n, kind in zip(words, kinds, strict=True):
                given = [text, "--min-count", "1", "--max-final-vocab", str(n), "-o", output, *flags]
                kind["foretold"].append(foretold(given))
                kind["measured"].append(measured(given, output))
    return [{name: medians(found) for name, found in kind.items()} for kind in kinds]


def medians(found: list[Figures]) -> Figures:
    """Of each figure."""
    return {name: median(figures[name] for figures in found) for name in found[0]}


def table(rows: list[dict[str, Figures]]) -> str:
    """A line for each number of words: foretold / measured (ratio) of each phase, and of memory and disk."""
    columns = (*PHASES, "memory", "disk")
    cells = [
        [f"{row['measured']['words']:,.0f}", *(_cell(row, name) for name in columns), _cost(row)]
        for row in rows
    ]
    return markdown(["words", *columns, "dry-run / training, wall"], cells)


def _cell(row: dict[str, Figures], name: str) -> str:
    first, second = row["foretold"][name], row["measured"][name]
    scale, unit = (2**20, " MiB") if name in ("memory", "disk") else (1, " s")
    digits = 0 if unit == " MiB" else 2 if second < 10 else 1
    ratio = f"{first / second:.2f}" if second else "-"
    return f"{first / scale:,.{digits}f} / {second / scale:,.{digits}f}{unit} ({ratio})"


def _cost(row: dict[str, Figures]) -> str:
    first, second = row["foretold"]["wall"], row["measured"]["wall"]
    return f"{first:.1f} / {second:.1f} s ({first / second:.0%})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("text")
    parser.add_argument("--words", type=int, nargs="+", default=[5000, 23_000, 68_000, 300_000])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--json")
    parser.add_argument("--flags", type=shlex.split, default=[], help="more flags of fastsg train")
    args = parser.parse_args()
    others = Others()
    rows = run(args.text, args.words, args.rounds, args.flags)
    machine = describe() | {"cores_used_by_others": others.cores()}
    print("  ".join(f"{name} {value}" for name, value in machine.items()))
    print(table(rows))
    if args.json:
        content = {"machine": machine, "text": Path(args.text).name, "flags": args.flags, "rows": rows}
        Path(args.json).write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
