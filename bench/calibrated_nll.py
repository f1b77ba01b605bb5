"""The exact held-out loss of vectors not trained as a softmax, with the scale and prior that suit them best.

usage: python bench/calibrated_nll.py INPUT_VECTORS OUTPUT_VECTORS --train TEXT --valid TEXT [--window 5]
                                      [--centers 2000] [--seed 0] [--order WORDS] [--scale S --prior B]

Negative sampling leaves I_m . O_n near log P(n|m) / p'(n) plus a constant, p' its noise, so its vectors are
given the softmax

    P(n|m) = exp(s O_n . I_m + b log p(n)) / sum over k of exp(s O_k . I_m + b log p(k))

with p the unigram distribution of the training text. s and b are those of the least loss on the training
text's pairs of the very centers whose held-out pairs are then scored: the loss is convex in the two,
Newton's method finds them. --scale and --prior fix both instead; 1 and 1 is fastsg's own model with
output_bias="unigram" and sample=0. A pair at distance d weighs (Z - d + 1) / Z, as the expectation of
word2vec's shrinking window; words outside the vocabulary are dropped before windows are cut; a line is a
sentence. Centers are N distinct words of the held-out text drawn at random by their place in the
vocabulary. WORDS is a file whose lines begin with the same words in the order to draw from, so that two
models are scored on the same pairs (the way of drawing is that of accept/exact_nll.py in the shared
folder). Computes in float64; needs NumPy alone; prints JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
from array import array
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BLOCK = 64  # centers at once


class Pairs(NamedTuple):
    """Weighted distinct pairs, sorted by row; a row is a place in the list of centers."""

    rows: NDArray
    contexts: NDArray
    weights: NDArray


class Loss(NamedTuple):
    """Nats per pair, with derivatives by (s, b)."""

    value: float
    gradient: NDArray
    hessian: NDArray


# ---- files -----------------------------------------------------------------------------------------------


def load(path: str) -> tuple[list[str], NDArray]:
    """Words and rows of a word2vec text file."""
    with open(path, "rb") as file:
        count, width = map(int, file.readline().split())
        words, rows = [], np.empty((count, width), np.float32)
        for i in range(count):
            word, *values = file.readline().rstrip(b"\n").rstrip().rsplit(b" ", width)
            words.append(word.decode("utf-8", "replace"))
            rows[i] = values
    return words, rows


def reorder(words: list[str], order: str) -> NDArray:
    """Places of the words in another order; their own order if the file names other words, which is said."""
    place = {word: i for i, word in enumerate(words)}
    with open(order, encoding="utf-8", errors="replace") as file:
        wanted = [line.split(None, 1)[0] for line in file if line.strip()]
    if sorted(wanted) != sorted(words):
        print(
            f"calibrated_nll: {order} has other words than the vectors, so other centers are drawn",
            file=sys.stderr,
        )
        return np.arange(len(words))
    return np.array([place[word] for word in wanted])


def encode(path: str, words: Sequence[str]) -> tuple[NDArray, NDArray]:
    """Ids of the words of a text that are in the vocabulary, and the line of each."""
    index = {word: i for i, word in enumerate(words)}
    ids, ends = array("i"), array("q")
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            ids.extend(index[word] for word in line.split() if word in index)
            ends.append(len(ids))
    lines = np.repeat(np.arange(len(ends), dtype=np.int32), np.diff(np.array(ends), prepend=0))
    return np.array(ids), lines


# ---- pairs -----------------------------------------------------------------------------------------------


def neighbours(ids: NDArray, lines: NDArray, window: int) -> Iterator[tuple[float, NDArray, NDArray]]:
    """Weight, centers and contexts of the pairs at every distance, to either side."""
    for d in range(1, window + 1):
        same = lines[d:] == lines[:-d]
        left, right = ids[:-d][same], ids[d:][same]
        yield (window - d + 1) / window, left, right
        yield (window - d + 1) / window, right, left


def draw_centers(ids: NDArray, lines: NDArray, n: int, seed: int) -> NDArray:
    """N distinct words that have a pair in the text, in the order of ids; 0 is all."""
    found = np.unique(np.concatenate([centers for _, centers, _ in neighbours(ids, lines, 1)]))
    if 0 < n < len(found):
        found = np.sort(np.random.default_rng(seed).choice(found, n, replace=False))
    return found


def count_pairs(ids: NDArray, lines: NDArray, centers: NDArray, K: int, window: int) -> Pairs:
    """All pairs of the centers, merged."""
    row = np.full(K, -1, np.int64)
    row[centers] = np.arange(len(centers))
    keys, weights = [], []
    for weight, m, n in neighbours(ids, lines, window):
        taken = row[m] >= 0
        key, count = np.unique(row[m[taken]] * K + n[taken], return_counts=True)
        keys.append(key)
        weights.append(count * weight)
    key, place = np.unique(np.concatenate(keys), return_inverse=True)
    return Pairs(key // K, key % K, np.bincount(place, np.concatenate(weights), len(key)))


# ---- the loss --------------------------------------------------------------------------------------------


def block_loss(x_rk: NDArray, prior_k: NDArray, pairs: Pairs, s: float, b: float) -> Loss:
    """Sums over a block of rows: -log P of the pairs and derivatives; x_rk = O_k . I_m."""
    c_rk = s * x_rk + b * prior_k
    c_rk -= c_rk.max(1, keepdims=True)
    p_rk = np.exp(c_rk)
    Z_r = p_rk.sum(1)
    p_rk /= Z_r[:, None]
    W_r = np.bincount(pairs.rows, pairs.weights, len(x_rk))
    value = W_r @ np.log(Z_r) - pairs.weights @ c_rk[pairs.rows, pairs.contexts]
    px_rk = p_rk * x_rk
    Ex_r, El_r = px_rk.sum(1), p_rk @ prior_k
    seen = pairs.weights @ x_rk[pairs.rows, pairs.contexts], pairs.weights @ prior_k[pairs.contexts]
    xx = W_r @ (np.einsum("rk,rk->r", px_rk, x_rk) - Ex_r**2)
    xl = W_r @ (px_rk @ prior_k - Ex_r * El_r)
    ll = W_r @ (p_rk @ prior_k**2 - El_r**2)
    return Loss(
        float(value), np.array([W_r @ Ex_r - seen[0], W_r @ El_r - seen[1]]), np.array([[xx, xl], [xl, ll]])
    )


def loss(I: NDArray, O: NDArray, prior: NDArray, centers: NDArray, pairs: Pairs, s: float, b: float) -> Loss:
    """The exact loss per pair of all pairs, and its derivatives by s and b."""
    O64, total = O.astype(np.float64), pairs.weights.sum()
    parts = []
    for first in range(0, len(centers), BLOCK):
        part = slice(*np.searchsorted(pairs.rows, [first, first + BLOCK]))
        block = Pairs(pairs.rows[part] - first, pairs.contexts[part], pairs.weights[part])
        parts.append(
            block_loss(I[centers[first : first + BLOCK]].astype(np.float64) @ O64.T, prior, block, s, b)
        )
    return Loss(*(sum(values) / total for values in zip(*parts, strict=True)))


def fit(
    I: NDArray, O: NDArray, prior: NDArray, centers: NDArray, pairs: Pairs, tolerance: float = 1e-5
) -> tuple[float, float, float]:
    """s, b and the loss at its minimum. Newton's steps, halved as long as the loss does not fall."""
    at = np.array([1.0, 0.75])  # negative sampling in theory: its noise is p^0.75
    now = loss(I, O, prior, centers, pairs, *at)
    for _ in range(30):
        step = -np.linalg.solve(now.hessian + 1e-12 * np.eye(2), now.gradient)
        if np.abs(step).max() < tolerance:
            break
        for _ in range(20):
            then = loss(I, O, prior, centers, pairs, *(at + step))
            if then.value <= now.value:
                break
            step /= 2
        else:
            break
        at, now = at + step, then
    return float(at[0]), float(at[1]), float(now.value)


def measure(args: argparse.Namespace) -> dict[str, float]:
    """Fit on the training text, score the held-out one."""
    words, I = load(args.input)
    same, O = load(args.output)
    if words != same:
        raise SystemExit("the two files do not hold the same words in the same order")
    if args.order:
        place = reorder(words, args.order)
        words, I, O = [words[i] for i in place], I[place], O[place]
    K = len(words)
    ids, lines = encode(args.valid, words)
    centers = draw_centers(ids, lines, args.centers, args.seed)
    valid = count_pairs(ids, lines, centers, K, args.window)
    ids, lines = encode(args.train, words)
    counts = np.maximum(np.bincount(ids, minlength=K), 1)
    prior = np.log(counts / counts.sum())
    found = {
        "K": K,
        "lnK": float(np.log(K)),
        "centers": len(centers),
        "pairs": float(valid.weights.sum()),
        "unigram": float(-(valid.weights @ prior[valid.contexts]) / valid.weights.sum()),
    }
    if args.scale is None:
        s, b, trained = fit(I, O, prior, centers, count_pairs(ids, lines, centers, K, args.window))
        found |= {"train_nll": trained, "plain_nll": loss(I, O, prior, centers, valid, 1.0, 0.0).value}
    else:
        s, b = args.scale, args.prior
    return found | {"s": s, "b": b, "nll": loss(I, O, prior, centers, valid, s, b).value}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("input", metavar="INPUT_VECTORS")
    parser.add_argument("output", metavar="OUTPUT_VECTORS")
    parser.add_argument("--train", required=True, metavar="TEXT")
    parser.add_argument("--valid", required=True, metavar="TEXT")
    parser.add_argument("--window", type=int, default=5)
    parser.add_argument("--centers", type=int, default=2000, help="0 is every word of the held-out text")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--order", metavar="WORDS")
    parser.add_argument("--scale", type=float)
    parser.add_argument("--prior", type=float)
    args = parser.parse_args()
    if (args.scale is None) != (args.prior is None):
        parser.error("--scale and --prior go together")
    print(json.dumps(measure(args)))


if __name__ == "__main__":
    main()
