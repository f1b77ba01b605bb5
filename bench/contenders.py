"""Who takes part in quality.py: fastsg in every variant that is named, and its peers where installed."""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from peers import Row, default_variants, run_fastsg, run_peer, say, variant

WINDOW, MIN_COUNT, NEGATIVE = 5, 5, 5


class Contender(NamedTuple):
    """One row of the table: it trains once for each of its seeds."""

    name: str
    kind: str
    seeds: Sequence[int]
    train: Callable[[Path, int], Row]  # stem of the files, seed


def contenders(args: argparse.Namespace, text: Path, cut: Path) -> Iterator[Contender]:
    """All of them; the peers read the text in shorter lines."""
    yield from variants_of_ours(args, text)
    if args.gensim_samples and installed("gensim"):
        for sample in args.gensim_samples:
            yield gensim(args, cut, sample)
    if args.fasttext and installed("fasttext"):
        yield fasttext(args, cut)
    if args.hyperhyper and installed("hyperhyper"):
        yield hyperhyper(args, cut)


def installed(package: str) -> bool:
    """Whether a peer is here; says so if not."""
    found = importlib.util.find_spec(package) is not None
    if not found:
        say(f"{package} is not installed; its rows are left out")
    return found


def variants_of_ours(args: argparse.Namespace, text: Path) -> Iterator[Contender]:
    """fastsg by its command line."""
    shared = {
        "--vector-size": args.vector_size,
        "--window": WINDOW,
        "--min-count": MIN_COUNT,
        "--workers": args.workers,
    }
    for name, more in [variant(given) for given in args.fastsg or ()] or default_variants():

        def train(stem: Path, seed: int, more: Sequence[str] = tuple(more)) -> Row:
            flags = [str(part) for pair in (shared | {"--seed": seed}).items() for part in pair]
            return {"flags": [*more]} | run_fastsg(str(text), stem, [*flags, *more])

        yield Contender(name, "fastsg", args.seeds, train)


def gensim(args: argparse.Namespace, cut: Path, sample: float) -> Contender:
    """Skip-gram with negative sampling."""
    settings = {
        "sg": 1,
        "hs": 0,
        "negative": NEGATIVE,
        "sample": sample,
        "vector_size": args.vector_size,
        "window": WINDOW,
        "min_count": MIN_COUNT,
        "epochs": args.epochs,
        "workers": args.workers,
    }

    def train(stem: Path, seed: int) -> Row:
        return run_peer("gensim", str(cut), stem, settings | {"seed": seed})

    return Contender(f"gensim, sample {sample:g}", "gensim", args.peer_seeds, train)


def fasttext(args: argparse.Namespace, cut: Path) -> Contender:
    """Full softmax, one for each pair, without subsampling."""
    settings = {
        "loss": "softmax",
        "dim": args.vector_size,
        "ws": WINDOW,
        "minCount": MIN_COUNT,
        "epoch": args.epochs,
        "t": 1.0,
        "thread": args.workers,
    }

    def train(stem: Path, seed: int) -> Row:
        return run_peer("fasttext", str(cut), stem, settings | {"seed": seed})

    return Contender("fastText, softmax", "fasttext", args.peer_seeds, train)


def hyperhyper(args: argparse.Namespace, cut: Path) -> Contender:
    """Singular vectors of the positive PMI. It draws nothing, so it trains once."""
    settings = {"dim": args.vector_size, "window": WINDOW, "min_count": MIN_COUNT}

    def train(stem: Path, seed: int) -> Row:
        return run_peer("hyperhyper", str(cut), stem, settings, outputs=False)

    return Contender("hyperhyper, PPMI-SVD", "hyperhyper", args.peer_seeds[:1], train)
