"""Seconds to load and to save vectors, beside gensim where that is installed. Each format is verified before
it is timed: what is loaded must be what was saved, bit for bit.

    python bench/loading.py [--words 400000] [--size 100] [--folder .] [--repeats 3]

Printed is a line for each format, with the best of the repeats; files stay in memory (the page cache).
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable

import numpy as np

from fastsg.io import load_vectors, save_vectors

FILES = ["v.txt", "v.bin", "v.glove", "v.npz", "v.safetensors", "v.fifu", "v.parquet", "v.txt.gz", "folder/"]


def best(action: Callable[[], object], repeats: int) -> float:
    """Seconds of the fastest of several runs."""
    seconds = []
    for _ in range(repeats):
        begun = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - begun)
    return min(seconds)


def gensim_seconds(path: str, repeats: int) -> float | None:
    """What gensim takes for word2vec text or binary; None where it cannot."""
    try:
        from gensim.models import KeyedVectors
    except ImportError:
        return None
    if not path.endswith((".txt", ".bin")):
        return None
    binary = path.endswith(".bin")
    return best(lambda: KeyedVectors.load_word2vec_format(path, binary=binary), repeats)


def main() -> None:
    """Measure every format."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--words", type=int, default=400_000)
    parser.add_argument("--size", type=int, default=100)
    parser.add_argument("--folder", help="for the files; by default a temporary one")
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    matrix = 0.3 * rng.standard_normal((args.words, args.size), np.float32)
    words = [f"word{i}" for i in range(args.words)]
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        for name in FILES:
            path = os.path.join(folder, name)
            try:
                saving = best(lambda path=path: save_vectors(path, words, matrix), 1)
            except ImportError as error:
                print(f"{name:15} {error}")
                continue
            again = load_vectors(path)
            assert again.words == words and np.array_equal(again.matrix, matrix), name
            loading = best(lambda path=path: load_vectors(path), args.repeats)
            theirs = gensim_seconds(path, args.repeats)
            beside = "" if theirs is None else f"   gensim {theirs:6.2f} s   ratio {theirs / loading:5.1f}"
            print(f"{name:15} save {saving:6.2f} s   load {loading:6.2f} s{beside}", flush=True)


if __name__ == "__main__":
    main()
