"""Text file to word ids: EncodedCorpus.from_files against a Python loop, after both gave the same ids.

usage: python bench/reading.py FILE... [--min-count 5] [--tokenizer space] [--threads 1 2] [--repeats 5]
                               [--json FILE]

The Python loop is what a careful Python program does: a Counter over the lines, a sorted vocabulary, a second
pass that looks up every token in a dict. The forms run in turn, so that all meet the same disturbances; the
medians and the best are quoted. The first reading of a file also fills the system's page cache and is not
timed.
"""

from __future__ import annotations

import argparse
import bz2
import gzip
import json
import lzma
import os
import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import numpy as np
from machine import describe

from fastsg import EncodedCorpus

OPENERS = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


def token_lines(path: str, tokenizer: str) -> Iterator[list[str]]:
    """The lines of a file as lists of tokens."""
    with OPENERS.get(Path(path).suffix, open)(path, "rt", encoding="utf-8-sig", errors="replace") as file:
        for line in file:
            yield line.split() if tokenizer == "space" else [c for c in line if not c.isspace()]


def python_loop(path: str, tokenizer: str, min_count: int) -> tuple[list[str], array[int], array[int]]:
    """Words, token ids and sentence offsets."""
    counts: Counter[str] = Counter()
    for tokens in token_lines(path, tokenizer):
        counts.update(tokens)
    words = sorted(
        (word for word, n in counts.items() if n >= min_count),
        key=lambda word: (-counts[word], word.encode()),
    )
    index = {word: i for i, word in enumerate(words)}
    ids, offsets = array("i"), array("q", [0])
    for tokens in token_lines(path, tokenizer):
        ids.extend([index[token] for token in tokens if token in index])
        if len(ids) > offsets[-1]:
            offsets.append(len(ids))
    return words, ids, offsets


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure(path: str, tokenizer: str, min_count: int, threads: list[int], repeats: int) -> dict[str, object]:
    """Times of one file, tokens a second."""

    def compiled(workers: int) -> EncodedCorpus:
        return EncodedCorpus.from_files(
            path, tokenizer=tokenizer, min_count=min_count, workers=workers, progress=False
        )

    def loop() -> object:
        return python_loop(path, tokenizer, min_count)

    words, ids, offsets = python_loop(path, tokenizer, min_count)
    for workers in threads:
        corpus = compiled(workers)
        if (
            corpus.vocab.words != words
            or not np.array_equal(corpus.tokens, ids)
            or not np.array_equal(corpus.offsets, offsets)
        ):
            raise SystemExit(f"{path}: {workers} threads and the Python loop differ; nothing was timed")
    forms: dict[str, Callable[[], object]] = {"python": loop}
    forms |= {f"{n} thread{'s' * (n > 1)}": (lambda n=n: compiled(n)) for n in threads}
    times: dict[str, list[float]] = {name: [] for name in forms}
    for repeat in range(repeats):
        for name, work in forms.items():
            if name != "python" or repeat < 3:  # the slow one varies least
                times[name].append(seconds(work))
    return {
        "file": os.path.basename(path),
        "bytes": os.path.getsize(path),
        "tokens": corpus.raw_tokens,
        "types": corpus.vocab.raw_types,
        "K": len(words),
        "sentences": len(corpus),
        "median_s": {name: median(found) for name, found in times.items()},
        "best_s": {name: min(found) for name, found in times.items()},
    }


def print_table(row: dict) -> None:
    print(
        f"\n{row['file']}: {row['bytes'] / 1e6:.1f} MB, {row['tokens']:,} tokens, {row['types']:,} types, "
        f"K = {row['K']:,}"
    )
    print(f"  {'':12} {'median':>9} {'best':>9} {'M tokens/s':>11} {'MB/s':>7} {'over Python':>12}")
    for name, took in row["median_s"].items():
        rate, ratio = row["tokens"] / took / 1e6, row["median_s"]["python"] / took
        print(
            f"  {name:12} {took:7.3f} s {row['best_s'][name]:7.3f} s {rate:11.1f} "
            f"{row['bytes'] / took / 1e6:7.0f} {ratio:11.1f}x",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--min-count", type=int, default=5)
    parser.add_argument("--tokenizer", choices=["space", "char"], default="space")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json")
    args = parser.parse_args()
    machine = describe()
    print("  ".join(f"{name} {value}" for name, value in machine.items()))
    rows = []
    for path in args.files:
        rows.append(measure(path, args.tokenizer, args.min_count, args.threads, args.repeats))
        print_table(rows[-1])
    if args.json:
        Path(args.json).write_text(json.dumps({"machine": machine, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
