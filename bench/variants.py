"""Variants of the settings by name, and one training of each. Used by defaults.py."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sets import ANALOGIES, SIMILARITY

from fastsg import CooccurrenceCounts, EncodedCorpus, SkipGram
from fastsg.numerics.objective import block_rows
from fastsg.training.settings import default_batch_rows, default_batch_size

VARIANTS: dict[str, dict[str, dict[str, object]]] = {
    "counts": {
        "defaults": {},
        "seed 2": {"seed": 2},
        "epochs 4": {"epochs": 4},
        "epochs 6": {"epochs": 6},
        "epochs 10": {"epochs": 10},
        "head 0.25": {"head": 0.25},
        "head 1": {"head": 1.0},
        "alpha 0.05": {"alpha": 0.05},
        "alpha 0.15": {"alpha": 0.15},
        "alpha 0.3": {"alpha": 0.3},
        "sample 0": {"sample": 0},
        "sample 1e-3": {"sample": 1e-3},
        "sample 1e-4": {"sample": 1e-4},
        "sample 1e-5": {"sample": 1e-5},
        "draws 1": {"draws": 1},
        "draws 0": {"draws": 0},
        "shrink_windows harmonic": {"shrink_windows": "harmonic"},
        "shrink_windows False": {"shrink_windows": False},
        "thinned windows as the text's": {"thinned_windows": True},
        "batch_size half": {"batch_size": 0.5},
        "optimizer adagrad": {"optimizer": "adagrad"},
        "init random": {"init": "random"},
        "init random, optimizer adagrad": {"init": "random", "optimizer": "adagrad"},
        "output_bias None": {"output_bias": None},
        "vectors output": {"vectors": "output"},
        "vectors sum": {"vectors": "sum"},
        "float32": {"precision": "float32"},
        "bfloat16": {"precision": "bfloat16"},
    },
    "sgd": {
        "defaults": {},
        "sample 0": {"sample": 0},
        "sample 1e-4": {"sample": 1e-4},
        "batch_size a quarter": {"batch_size": 0.25},
        "batch_size fourfold": {"batch_size": 4.0},
        "alpha 0.1": {"alpha": 0.1},
        "alpha 0.4": {"alpha": 0.4},
        "lr_schedule constant": {"lr_schedule": "constant"},
        "shrink_windows random": {"shrink_windows": "random"},
        "shrink_windows False": {"shrink_windows": False},
        "output_bias None": {"output_bias": None},
        "output_bias None, alpha 0.4": {"output_bias": None, "alpha": 0.4},
        "optimizer sgd": {"optimizer": "sgd"},
    },
}
NUMBERS = {
    "seed": int,
    "alpha": float,
    "epochs": int,
    "head": float,
    "sample": float,
    "prior": float,
    "vector_size": int,
}


def scores(model: SkipGram, folders: Sequence[Path], fewest: int) -> dict[str, float]:
    """Spearman's rho of each similarity set and the accuracy of the analogies, by the word vectors."""
    words = {word.lower() for word in model.wv.index_to_key}
    found: dict[str, float] = {}
    for folder in folders:
        for name, file in SIMILARITY.items():
            if known(folder / file, words, 2) >= fewest:
                found[name] = float(model.wv.evaluate_word_pairs(folder / file)[1][0])
        frequent = {word.lower() for word in model.wv.index_to_key[:30_000]}
        for name, file in ANALOGIES.items():
            if known(folder / file, frequent, 4) >= fewest:
                found[name] = model.wv.evaluate_word_analogies(folder / file, restrict_vocab=30_000)[0]
    return found


def known(file: Path, words: set[str], n: int) -> int:
    """Lines of a set whose first n words are known; none of a file that is not there."""
    if not file.exists():
        return 0
    lines = [line.lower().split() for line in file.read_text(encoding="utf-8").splitlines()]
    return sum(len(line) >= n and words.issuperset(line[:n]) for line in lines)


def batch_size(solver: str, corpus: EncodedCorpus, part: float) -> int:
    """A multiple of what is the default for this text."""
    if solver == "sgd":
        return int(default_batch_size(corpus.n_tokens) * part)
    return max(int(default_batch_rows(len(corpus.vocab), block_rows(len(corpus.vocab))) * part), 1)


def measure(
    name: str, seed: int, args: argparse.Namespace, corpus: EncodedCorpus, valid: EncodedCorpus
) -> dict[str, object]:
    """One training, and what its model is worth."""
    settings: dict[str, Any] = {
        "epochs": args.epochs,
        "precision": args.precision,
        "vector_size": args.vector_size,
        "seed": seed,
    } | variant(args.solver, name)
    if "batch_size" in settings:
        settings["batch_size"] = batch_size(args.solver, corpus, settings["batch_size"])
    thinned_windows = settings.pop("thinned_windows", None)
    model, K = SkipGram(solver=args.solver, **settings), len(corpus.vocab)
    model.build_vocab(corpus)
    if thinned_windows is None:
        model.train()
    else:  # what no setting does: other weights for the windows of thinned text
        made = {"sample": model.sample, "draws": model.settings.draws, "seed": model.settings.seed}
        counts = CooccurrenceCounts.for_training(corpus, **made)
        counts.thinned = CooccurrenceCounts.from_corpus(corpus, shrink_windows=thinned_windows, **made)
        model.fit_counts(counts)
    nll, unigram, _ = model.nll(valid)
    return {
        "variant": name,
        "valid_nll": nll,
        "below_unigram": unigram - nll,
        "passes": sum(epoch["softmax_rows"] * epoch["words"] for epoch in model.history) / K**2,
    } | scores(model, args.eval, args.fewest)


def variant(solver: str, name: str) -> dict[str, object]:
    """The settings behind a name: one of VARIANTS, or settings with a number, or several of these."""
    if name in VARIANTS[solver]:
        return VARIANTS[solver][name]
    parts = name.split(", ")
    if len(parts) > 1:
        return {key: value for part in parts for key, value in variant(solver, part).items()}
    setting, _, value = name.partition(" ")
    if setting not in NUMBERS:
        raise SystemExit(
            f"there is no variant {name!r}; there are {', '.join(VARIANTS[solver])}, and "
            f"{', '.join(NUMBERS)} with any number"
        )
    return {setting: NUMBERS[setting](value)}
