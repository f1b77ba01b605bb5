"""Small trainings, each with a digest of all that it leaves. As a program: the digests of all, as JSON, for
another process or build.

Several shards, several batches, words that subsampling drops; test_invariance.py makes sure of that.
"""

from __future__ import annotations

import hashlib
import json

import numpy as np

from fastsg import SkipGram, _core

CASES: dict[str, dict[str, object]] = {
    "adagrad": {"solver": "sgd", "optimizer": "adagrad"},
    "sgd": {"solver": "sgd", "optimizer": "sgd", "alpha": 0.005},
    "sampled": {"solver": "sgd", "optimizer": "adagrad", "sample": 1e-2, "shrink_windows": "random"},
    "plain": {
        "solver": "sgd",
        "optimizer": "sgd",
        "alpha": 0.005,
        "sample": 1e-2,
        "shrink_windows": False,
        "output_bias": None,
        "window": (3, 1),
    },
    "counts": {"solver": "counts", "batch_size": 100},
    "counts sampled": {
        "solver": "counts",
        "batch_size": 100,
        "sample": 1e-2,
        "output_bias": None,
        "window": (3, 1),
    },
    "counts adagrad": {
        "solver": "counts",
        "batch_size": 100,
        "optimizer": "adagrad",
        "sample": 1e-2,
        "draws": 0,
        "shrink_windows": "harmonic",
    },
}
COMMON: dict[str, object] = {
    "vector_size": 13,
    "window": 4,
    "min_count": 1,
    "epochs": 2,
    "batch_size": 300,
    "seed": 5,
    "sample": 0,
    "progress": False,
}
TIMES = ("seconds", "count_seconds", "pairs_per_second")


def text(seed: int = 3, sentences: int = 150) -> list[list[str]]:
    """Sentences of 1 to 39 words out of 700, early ones more often."""
    rng = np.random.default_rng(seed)
    words = [f"w{i}" for i in range(700)]
    return [
        [words[i] for i in (700 * rng.random(rng.integers(1, 40)) ** 2).astype(int)] for _ in range(sentences)
    ]


def train(workers: int = 2, **settings: object) -> SkipGram:
    return SkipGram(text(), validation=text(4, 5), workers=workers, **(COMMON | settings))


def outcome(model: SkipGram) -> str:
    """Everything a training leaves, without its times."""
    history = [{name: x for name, x in record.items() if name not in TIMES} for record in model.history]
    return hashlib.sha256(model.I.tobytes() + model.O.tobytes() + repr(history).encode()).hexdigest()


if __name__ == "__main__":
    found = {name: outcome(train(**settings)) for name, settings in CASES.items()}
    print(json.dumps({"openmp": _core.OPENMP, "outcomes": found}))
