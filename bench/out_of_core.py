"""Counting in core and under limits of memory: time, peak, and that the bytes are the same.

usage: python bench/out_of_core.py TEXT... [--limits none 6 1] [--max-final-vocab 400000] [--json FILE]
                                   [--folder DIR]

Each text is counted by `fastsg count`, once for each limit (GiB), in a process of its own; the file of counts
is hashed and removed. The peak is the process's largest resident size. Rows of FILE for other texts or limits
stay. generate.py writes texts of any size.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from machine import describe

Row = dict[str, Any]


def counted(text: Path, limit: str, words: int, folder: str) -> Row:
    """One run; CalledProcessError if it fails."""
    output = Path(folder, "counts")
    command = [sys.executable, "-m", "fastsg", "count", str(text), "-o", str(output)]
    command += ["--max-final-vocab", str(words)] + ([] if limit == "none" else ["--memory-limit", limit])
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        said = process.stdout.read() if process.stdout else ""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    row = {"text": text.name, "limit": limit, **told(said), "peak": usage.ru_maxrss * 1024}
    row["cpu"] = usage.ru_utime + usage.ru_stime
    row |= {"bytes": output.stat().st_size, "sha256": digest(output)}
    output.unlink()
    return row


def told(said: str) -> Row:
    """The figures of what `fastsg count` prints."""
    found: Row = {
        name: int(number.replace(",", "")) for number, name in re.findall(r"([\d,]+) (words|tokens)", said)
    }
    found |= {name: float(number) for name, number in re.findall(r"(read|count|save) ([\d.]+)", said)}
    return found | {"draws": 4 if "thinned" in said else 1}


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def kept(path: Path, rows: list[Row]) -> list[Row]:
    """The rows of a result file, with those of these runs in the place of their like."""
    found = json.loads(path.read_text())["rows"] if path.exists() else []
    by_run = {(row["text"], row["limit"]): row for row in [*found, *rows]}
    return sorted(by_run.values(), key=lambda row: row["tokens"])


def show(row: Row) -> None:
    """Print a line."""
    speed = row["draws"] * row["tokens"] / row["count"] * 1e-6
    print(
        f"{row['text']}   limit {row['limit']:>5}   {row['tokens']:,} tokens, {row['words']:,} words   "
        f"read {row['read']:.1f}   count {row['count']:.1f}   save {row['save']:.1f}   "
        f"{speed:.1f} M tokens/s a draw   cpu {row['cpu']:.0f}   "
        f"peak {row['peak'] / 2**20:,.0f} MiB   {row['sha256'][:16]}",
        flush=True,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("texts", nargs="+", type=Path)
    parser.add_argument("--limits", nargs="+", default=["none", "6", "1"])
    parser.add_argument("--max-final-vocab", type=int, default=400_000)
    parser.add_argument("--folder", help="of the counts and, as TMPDIR, of temporary files")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    if args.folder:
        os.environ["TMPDIR"] = args.folder
    are_equal = True
    for text in args.texts:
        rows = []
        with tempfile.TemporaryDirectory(dir=args.folder) as folder:
            for limit in args.limits:
                rows.append(counted(text, limit, args.max_final_vocab, folder))
                show(rows[-1])
        are_equal &= len({row["sha256"] for row in rows}) == 1
        if args.json:
            result = {"machine": describe(), "rows": kept(args.json, rows)}
            args.json.write_text(json.dumps(result, indent=2) + "\n")
    print("the same bytes" if are_equal else "the bytes DIFFER")
    return 0 if are_equal else 1


if __name__ == "__main__":
    sys.exit(main())
