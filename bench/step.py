"""One training step: fastsg against NumPy, literal and grouped, on the same batch, after all three gave the
same loss.

usage: python bench/step.py [--input TEXT] [--sizes 10000 23000 68000] [--vector-size 100] [--batch-size 4096]
[--repeats 5] [--json FILE]

Without --input the batches come from a made-up corpus of 2 million tokens with word frequencies after Zipf's
law. Each size K is the vocabulary cut to its K most frequent words. The three forms run in turn (one process,
the same threads), medians are quoted. The literal form takes one softmax per pair, so only a sample of pairs
is timed and the time is scaled to the whole batch.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
from baseline_numpy import GroupedBuffers, grouped_step, literal_step
from machine import describe

from fastsg import EncodedCorpus, Vocab, _core
from fastsg.cooccurrence import window as pairs
from fastsg.numerics import objective

RATE = 1e-6  # small: every repeat starts from nearly the same matrices


def zipf_corpus(tokens: int, types: int, seed: int = 0) -> EncodedCorpus:
    """Sentences of 25 tokens drawn after Zipf's law; every type occurs."""
    rng = np.random.default_rng(seed)
    p = 1 / np.arange(1, types + 1)
    drawn = np.concatenate([np.arange(types), rng.choice(types, tokens - types, p=p / p.sum())])
    rng.shuffle(drawn)
    order = np.argsort(-np.bincount(drawn, minlength=types), kind="stable")
    rank = np.empty(types, np.int32)
    rank[order] = np.arange(types)
    counts = np.bincount(drawn, minlength=types)[order]
    words = [f"w{i:07d}" for i in range(types)]  # rising names, so that ties keep the order of ids
    return EncodedCorpus(
        rank[drawn], np.append(np.arange(0, tokens, 25), tokens).astype(np.int64), Vocab(words, counts)
    )


def cut(corpus: EncodedCorpus, K: int) -> EncodedCorpus:
    """The corpus with its K most frequent words only."""
    keep = corpus.tokens < K
    ends = np.concatenate([[0], np.cumsum(keep)])[corpus.offsets]
    vocab = Vocab(corpus.vocab.words[:K], corpus.vocab.counts[:K])
    return EncodedCorpus(np.ascontiguousarray(corpus.tokens[keep]), np.unique(ends), vocab)


class Problem:
    """One batch and three ways to take the step."""

    def __init__(self, corpus: EncodedCorpus, H: int, batch_size: int, literal_pairs: int) -> None:
        self.K, self.H = len(corpus.vocab), H
        middle = min(len(corpus.tokens) // 2, len(corpus.tokens) - batch_size)
        window = pairs.Window.parse(5, True)
        text = corpus.tokens[middle : middle + batch_size]
        self.counts = pairs.PairCounts(
            *next(iter(pairs.window_batches(text, np.array([0, len(text)]), window, self.K, batch_size)))[1]
        )
        rng = np.random.default_rng(1)
        self.I = (rng.standard_normal((self.K, H)) * 0.3).astype(np.float32)
        self.O = (rng.standard_normal((self.K, H)) * 0.3).astype(np.float32)
        self.none = np.zeros(0, np.float32)
        self.shift = np.zeros(self.K, np.float32)
        self.workspace = objective.make_workspace(self.K, H)
        self.buffers = GroupedBuffers(len(self.counts.centers), self.K, H)
        sample = rng.choice(
            len(self.counts.contexts), min(literal_pairs, len(self.counts.contexts)), replace=False
        )
        row = np.searchsorted(self.counts.row_ptr, sample, "right") - 1
        self.sample = np.stack([self.counts.centers[row], self.counts.contexts[sample]], 1)
        self.sample_weights = self.counts.counts[sample]
        # the literal form knows no merging: it pays one softmax for every pair of the windows
        self.window_pairs = sum(min(i, 5) + min(len(text) - 1 - i, 5) for i in range(len(text)))

    def fastsg(self) -> float:
        return self.workspace.step(self.I, self.O, self.none, *self.counts, self.shift, RATE)

    def grouped(self) -> float:
        return grouped_step(self.I, self.O, *self.counts, RATE, self.buffers)

    def literal(self) -> float:
        return literal_step(self.I, self.O, self.sample, RATE, self.sample_weights)

    def verify(self) -> float:
        """Largest relative difference of the losses; the literal form is checked on its sample of pairs."""
        I, O = self.I.copy(), self.O.copy()
        both = self.fastsg()
        self.I[:], self.O[:] = I, O
        worst = abs(self.grouped() / both - 1)
        self.I[:], self.O[:] = I, O
        some = pairs.PairCounts(
            *_core.group_pairs(*np.ascontiguousarray(self.sample.T), self.sample_weights, self.K)
        )
        same = self.workspace.loss(self.I, self.O, self.none, *some)
        worst = max(worst, abs(self.literal() / same - 1))
        self.I[:], self.O[:] = I, O
        return worst


def seconds(step: Callable[[], float]) -> float:
    """Seconds of one step, after a rest: BLAS threads spin for a while after their work and would slow
    whoever comes next.
    """
    time.sleep(0.2)
    begun = time.perf_counter()
    step()
    return time.perf_counter() - begun


def measure(problem: Problem, repeats: int) -> dict[str, float]:
    """Medians of interleaved runs, after a warm-up and the comparison of losses."""
    difference = problem.verify()
    assert difference < 1e-4, f"the forms disagree by {difference:.1e}"
    times: dict[str, list[float]] = {"fastsg": [], "grouped": [], "literal": []}
    for _ in range(repeats):
        for name in times:
            times[name].append(seconds(getattr(problem, name)))
    U, entries = len(problem.counts.centers), len(problem.counts.contexts)
    literal = median(times["literal"]) / len(problem.sample) * problem.window_pairs
    fast, grouped = median(times["fastsg"]), median(times["grouped"])
    flops = 6 * U * problem.K * problem.H
    return {
        "K": problem.K,
        "H": problem.H,
        "U": U,
        "pairs": problem.window_pairs,
        "entries": entries,
        "loss_difference": difference,
        "fastsg_s": fast,
        "grouped_s": grouped,
        "literal_s": literal,
        "fastsg_gflops": flops / fast * 1e-9,
        "grouped_gflops": flops / grouped * 1e-9,
        "over_grouped": median(b / a for a, b in zip(times["fastsg"], times["grouped"], strict=True)),
        "over_literal": literal / fast,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--input", help="text file; default: a made-up Zipf corpus")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 23_000, 68_000])
    parser.add_argument("--vector-size", type=int, default=100)
    parser.add_argument("--batch-size", type=int, default=4096)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--literal-pairs", type=int, default=8)
    parser.add_argument("--json")
    args = parser.parse_args()
    corpus = (
        EncodedCorpus.from_files(args.input, min_count=1)
        if args.input
        else zipf_corpus(2_000_000, max(args.sizes))
    )
    machine = describe()
    print("  ".join(f"{name} {value}" for name, value in machine.items()))
    print(
        f"\n{'K':>7} {'U':>6} {'pairs':>7} | {'literal':>10} {'grouped':>10} {'fastsg':>10} | "
        f"{'over literal':>12} {'over grouped':>12} | {'NumPy Gflop/s':>13} {'fastsg Gflop/s':>14}"
    )
    rows = []
    for K in args.sizes:
        row = measure(
            Problem(cut(corpus, K), args.vector_size, args.batch_size, args.literal_pairs), args.repeats
        )
        rows.append(row)
        print(
            f"{row['K']:7,} {row['U']:6,} {row['pairs']:7,} | {row['literal_s']:8.2f} s "
            f"{row['grouped_s']:8.3f} s {row['fastsg_s']:8.3f} s | {row['over_literal']:11.0f}x "
            f"{row['over_grouped']:11.2f}x | {row['grouped_gflops']:13.0f} {row['fastsg_gflops']:14.0f}",
            flush=True,
        )
    if args.json:
        Path(args.json).write_text(json.dumps({"machine": machine, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
