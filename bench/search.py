"""Queries beside gensim's, on the same random vectors: each call alone, and many queries at once.

usage: python bench/search.py [--words 400000] [--size 100] [--queries 1000] [--repeats 9] [--json FILE]

Needs gensim (the extra interop). Every pair of answers is compared before anything is timed. The two take
turns, so that both meet the same disturbances; medians are printed. gensim answers many queries in a loop,
which is timed for a part of them. Set OMP_NUM_THREADS for both alike.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
from machine import describe

from fastsg import KeyedVectors

LOOPED = 20  # queries of gensim's loop that are timed
CALLS: dict[str, Callable[[Any, np.ndarray], Any]] = {
    "kv[w]": lambda kv, v: kv["w17"],
    "kv[three words]": lambda kv, v: kv[["w17", "w3", "w9"]],
    "get_vector(w, norm=True)": lambda kv, v: kv.get_vector("w17", norm=True),
    "get_mean_vector, one word": lambda kv, v: kv.get_mean_vector(["w1"]),
    "get_mean_vector, five": lambda kv, v: kv.get_mean_vector(["w1", "w2", "w5", "w8", "w9"]),
    "get_mean_vector, weights": lambda kv, v: kv.get_mean_vector(["w1", "w2", "w5"], [1.0, 2.0, -0.5]),
    "similarity": lambda kv, v: kv.similarity("w1", "w2"),
    "n_similarity": lambda kv, v: kv.n_similarity(["w1", "w2", "w5"], ["w9", "w4"]),
    "doesnt_match": lambda kv, v: kv.doesnt_match(["w1", "w2", "w3", "w4"]),
    "rank_by_centrality": lambda kv, v: kv.rank_by_centrality(["w1", "w2", "w3", "w4"]),
    "most_similar, one word": lambda kv, v: kv.most_similar("w1"),
    "most_similar, analogy": lambda kv, v: kv.most_similar(["w1", "w2"], ["w3"]),
    "most_similar, topn=100": lambda kv, v: kv.most_similar("w1", topn=100),
    "most_similar, topn=1000": lambda kv, v: kv.most_similar("w1", topn=1000),
    "most_similar, topn=None": lambda kv, v: kv.most_similar("w1", topn=None),
    "most_similar_cosmul": lambda kv, v: kv.most_similar_cosmul(["w1", "w2"], ["w3"]),
    "similar_by_vector": lambda kv, v: kv.similar_by_vector(v),
    "distances": lambda kv, v: kv.distances("w1"),
    "rank": lambda kv, v: kv.rank("w1", "w2"),
    "relative_cosine_similarity": lambda kv, v: kv.relative_cosine_similarity("w1", "w2"),
}


class Times(NamedTuple):
    """Seconds of fastsg and gensim: medians, and the best."""

    ours: float
    theirs: float
    best_ours: float
    best_theirs: float


def close(ours: Any, theirs: Any) -> bool:
    """Whether two answers agree to float32, in which gensim may order near ties in another way."""
    if isinstance(ours, str):
        return bool(ours == theirs)
    if isinstance(ours, list):
        place = 1 if isinstance(ours[0][0], str) else 0
        ours, theirs = ([pair[place] for pair in answer] for answer in (ours, theirs))
    return np.shape(ours) == np.shape(theirs) and np.allclose(ours, theirs, atol=2e-6)


def seconds(work: Callable[[], object], least: float = 0.0) -> float:
    """Mean time of a call, repeated until `least` seconds have passed.

    The first is not timed: the threads of the other side still spin for some milliseconds after their work.
    """
    work()
    begun, n = time.perf_counter(), 0
    while n == 0 or time.perf_counter() - begun < least:
        work()
        n += 1
    return (time.perf_counter() - begun) / n


def in_turn(first: Callable[[], object], second: Callable[[], object], repeats: int) -> Times:
    """Medians and best of two ways to do the same."""
    times = [(seconds(first, 0.01), seconds(second, 0.01)) for _ in range(repeats)]
    ours, theirs = zip(*times)
    return Times(median(ours), median(theirs), min(ours), min(theirs))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--words", type=int, default=400_000)
    parser.add_argument("--size", type=int, default=100)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--json", metavar="FILE")
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((args.words, args.size), dtype=np.float32)
    ours = KeyedVectors([f"w{i}" for i in range(args.words)], matrix)
    theirs = ours.to_gensim()
    theirs.vectors = ours.vectors  # the same memory
    ours.fill_norms()
    theirs.fill_norms()
    vector = rng.standard_normal(args.size, dtype=np.float32)
    words = [f"w{i}" for i in rng.choice(args.words, args.queries, replace=False)]
    rows: dict[str, Times] = {}
    print(json.dumps(describe(), indent=1))
    print(f"{args.words:,} words x {args.size}, microseconds: medians, best")
    print(f"{'':28}{'fastsg':>12}{'gensim':>12}{'':10}{'fastsg':>12}{'gensim':>12}")

    def show(name: str, took: Times) -> None:
        rows[name] = took
        a, b, c, d = (value * 1e6 for value in took)
        print(f"{name:28}{a:12.1f}{b:12.1f}{b / a:8.2f}x {c:12.1f}{d:12.1f}{d / c:8.2f}x", flush=True)

    for name, call in CALLS.items():
        if not close(call(ours, vector), call(theirs, vector)):
            raise SystemExit(f"{name}: the answers differ; nothing was timed")
        show(name, in_turn(lambda c=call: c(ours, vector), lambda c=call: c(theirs, vector), args.repeats))

    answers = ours.most_similar_batch(words)
    if not all(close(a, theirs.most_similar(w)) for a, w in zip(answers[:LOOPED], words)):
        raise SystemExit("most_similar_batch: the answers differ; nothing was timed")
    if answers[:LOOPED] != [ours.most_similar(word) for word in words[:LOOPED]]:
        raise SystemExit("most_similar_batch and most_similar differ; nothing was timed")
    some = words[:LOOPED]
    took = in_turn(
        lambda: ours.most_similar_batch(words), lambda: [theirs.most_similar(w) for w in some], args.repeats
    )
    scale = len(words) / len(some)
    show(
        f"{len(words)} queries at once",
        took._replace(theirs=took.theirs * scale, best_theirs=took.best_theirs * scale),
    )
    if args.json:
        Path(args.json).write_text(json.dumps({"machine": describe(), "seconds": rows}, indent=1))


if __name__ == "__main__":
    main()
