"""The settings of a model: one dataclass, checked once, written into every report."""

from __future__ import annotations

import dataclasses
import math
from numbers import Integral, Real

from .. import _core
from ..numerics.optimizer import DEFAULT_ALPHA, SCHEDULES, check_optimizer

#: The solvers, with the optimizer and the least subsampling threshold each has unless the user says otherwise (measured,
#: docs/defaults.md).
SOLVERS = {"counts": ("newton", 2e-4), "sgd": ("adagrad", 1e-3)}
_BATCHES, _LEAST_BATCH, _LARGEST_BATCH = 64, 1024, 131072


def default_batch_size(units: int, optimizer: str = "adagrad") -> int:
    """Centers (or pairs) in a batch unless the user says otherwise (measured, docs/defaults.md).

    About 64 batches an epoch: larger batches share more softmax rows, smaller ones take more steps. A power of two from 1,024
    to 131,072, so that small changes of the text do not change it. Plain SGD takes the least: its gradient is the sum over the
    batch, and the rate that is stable falls as batches grow.
    """
    if optimizer == "sgd":
        return _LEAST_BATCH
    return min(max(1 << max(units // _BATCHES, 1).bit_length() - 1, _LEAST_BATCH), _LARGEST_BATCH)


def default_batch_rows(K: int, most: int) -> int:
    """Rows of counts in a batch unless the user says otherwise: about 64 batches a pass, and no more than are worked off at once."""
    return max(min(-(-K // _BATCHES), most), 1)


def default_sample(K: int, solver: str = "sgd") -> float:
    """Subsampling threshold unless the user gives one: 2e-4 on counts, 1e-3 on text, never below ten times a word's mean frequency.

    In a small vocabulary every word is frequent; thinning them all would only throw text away (measured, docs/defaults.md).
    """
    return max(SOLVERS[solver][1], 10.0 / K)


@dataclasses.dataclass(frozen=True)
class Settings:
    """Everything that decides what is trained. Field names are the public argument names; see :class:`fastsg.SkipGram`."""

    vector_size: int
    window: int | tuple[int, int] | None
    shrink_windows: bool | str
    min_count: int
    max_final_vocab: int | None
    sample: float | None
    alpha: float
    min_alpha: float
    lr_schedule: str
    epochs: int
    batch_size: int | None
    seed: int
    dtype: str
    precision: str
    solver: str
    optimizer: str
    output_bias: str | None
    init: str
    draws: int
    head: float | None
    vectors: str

    @classmethod
    def checked(cls, **given: object) -> Settings:
        """Check every value and fill in the defaults that depend on others; ValueError or TypeError names the argument."""
        _choice("solver", given["solver"], tuple(SOLVERS))
        given["optimizer"] = SOLVERS[given["solver"]][0] if given["optimizer"] is None else given["optimizer"]
        given["init"] = (
            ("svd" if given["solver"] == "counts" else "random") if given["init"] is None else given["init"]
        )
        for name in ("vector_size", "min_count", "epochs"):
            given[name] = _integer(name, given[name], 1)
        for name in ("max_final_vocab", "batch_size"):
            given[name] = None if given[name] is None else _integer(name, given[name], 1)
        given["seed"] = _integer("seed", given["seed"], 0)
        if given["seed"] >= 2**64:
            raise ValueError(f"seed is {given['seed']}; it must be below 2**64")
        given["draws"] = _integer("draws", given["draws"], 0)
        _choice(
            "init",
            given["init"],
            ("random", "svd") if given["solver"] == "counts" else ("random",),
            " (svd needs solver='counts')",
        )
        _choice("vectors", given["vectors"], ("input", "output", "sum"))
        _choice("dtype", str(given["dtype"]), ("float32",))
        _choice(
            "precision",
            given["precision"],
            tuple(_core.available_precisions()),
            " (bfloat16 needs a CPU with AVX512_BF16 or AMX)",
        )
        _choice("lr_schedule", given["lr_schedule"], tuple(SCHEDULES))
        _choice("output_bias", given["output_bias"], (None, "unigram"))
        check_optimizer(given["optimizer"])
        given["head"] = None if given["head"] is None else _real("head", given["head"])
        if given["head"] is not None and given["solver"] != "counts":
            raise ValueError(
                f"head is {given['head']}, which is for solver='counts'; solver {given['solver']!r} trains on all words"
            )
        if given["head"] is not None and not 0 < given["head"] <= 1:
            raise ValueError(f"head is {given['head']}; it must be above 0 and at most 1")
        given["sample"] = None if given["sample"] is None else _real("sample", given["sample"])
        given["alpha"] = (
            DEFAULT_ALPHA[given["optimizer"]] if given["alpha"] is None else _real("alpha", given["alpha"])
        )
        if given["alpha"] == 0:
            raise ValueError("alpha is 0; it must be above 0")
        given["min_alpha"] = (
            given["alpha"] / 10 if given["min_alpha"] is None else _real("min_alpha", given["min_alpha"])
        )
        given["dtype"], given["window"] = str(given["dtype"]), _plain(given["window"])
        return cls(**given)

    def as_dict(self) -> dict[str, object]:
        """For reports: plain values only."""
        return dataclasses.asdict(self)


def _plain(window: object) -> object:
    """NumPy's integers as Python's, for reports; what a window may be is for pairs.py to say."""
    if isinstance(window, (tuple, list)):
        return tuple(map(_plain, window))
    return int(window) if isinstance(window, Integral) and not isinstance(window, bool) else window


def _integer(name: str, value: object, least: int) -> int:
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise TypeError(
            f"{name} is {value!r}, a {type(value).__name__}; it must be an integer of at least {least}"
        )
    if value < least:
        raise ValueError(f"{name} is {value}; it must be at least {least}")
    return int(value)


def _real(name: str, value: object) -> float:
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{name} is {value!r}, a {type(value).__name__}; it must be a number")
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{name} is {value}; it must be finite and not negative")
    return float(value)


def _choice(name: str, value: object, allowed: tuple, why: str = "") -> None:
    if value not in allowed:
        raise ValueError(f"{name} is {value!r}; allowed are {', '.join(map(repr, allowed))}{why}")
