"""The settings of a model: one dataclass, checked once, written into every report."""

from __future__ import annotations

import dataclasses
from numbers import Integral
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .. import _core, checks
from ..cooccurrence.count_settings import MAX_DRAWS
from ..cooccurrence.window import Reach, Shrink, Window
from ..numerics.objective import block_rows
from ..numerics.optimizer import (
    DEFAULT_ALPHA,
    DEFAULT_PRIOR,
    SCHEDULES,
    check_optimizer,
    newton_alpha,
    sgd_alpha,
)
from ..numerics.views import VIEWS
from .stages import default_epochs

if TYPE_CHECKING:
    from .batch_sources import BatchSource

#: The solvers, with the optimizer and the least subsampling threshold each has unless the user says otherwise
#: (measured, docs/defaults.md).
SOLVERS = {"counts": ("newton", 1e-4), "sgd": ("adagrad", 1e-3)}
#: Where I and O may start, other than from vectors.
STARTS = ("svd", "random")
_BATCHES, _LEAST_BATCH, _LARGEST_BATCH = 64, 1024, 131072
#: Batches of an epoch over few words, and up to how many rows each.
_FEW_BATCHES, _ROWS_OF_FEW = 28, 3 * _core.PANEL
#: Most epochs of a training. All of them are gone through before the first begins, and a model's file may
#: promise anything.
MAX_EPOCHS = 100_000
#: Passes over a text unless the user says otherwise.
_EPOCHS_OF_TEXT = 5


def default_batch_size(units: int, optimizer: str = "adagrad") -> int:
    """Centers (or pairs) in a batch unless the user says otherwise (measured, docs/defaults.md).

    About 64 batches an epoch: larger batches share more softmax rows, smaller ones take more steps. A power
    of two from 1,024 to 131,072, so that small changes of the text do not change it. Plain SGD takes the
    least: its gradient is the sum over the batch, and the rate that is stable falls as batches grow.
    """
    if optimizer == "sgd":
        return _LEAST_BATCH
    return min(max(1 << max(units // _BATCHES, 1).bit_length() - 1, _LEAST_BATCH), _LARGEST_BATCH)


def default_batch_rows(K: int, most: int) -> int:
    """Rows of counts in a batch unless the user says otherwise (measured, docs/defaults.md).

    About 64 batches a pass, and at most `most` rows: more than are worked off at once would save nothing. Up
    to 12,288 words it is fewer batches, about 28 (21 to 42) up to 5,376, since what comes with each takes as
    long as its products. The kernels take rows by panels: where there is more than one, all are full.
    """
    panel = _core.PANEL
    rows, few = -(-K // _BATCHES), min(-(-K // _FEW_BATCHES), _ROWS_OF_FEW)
    if rows > panel:
        rows = -(-rows // panel) * panel
    if few > panel:
        few = (few + panel // 2) // panel * panel
    return max(min(max(rows, few), most), 1)


def default_sample(K: int, solver: str = "sgd") -> float:
    """Subsampling threshold unless the user gives one: 1e-4 or 2.5 / K on counts, 1e-3 or 10 / K on text.

    In a small vocabulary every word is frequent; thinning them all would only throw text away (measured,
    docs/defaults.md).
    """
    least, share = SOLVERS[solver][1], 2.5 if solver == "counts" else 10.0
    return max(least, share / K)


class Rates(NamedTuple):
    """Learning rates at the start and at the end of a training."""

    alpha: float
    min_alpha: float


@dataclasses.dataclass(frozen=True)
class Settings:
    """Everything that decides what is trained. Fields are the arguments of :class:`fastsg.SkipGram`.

    `init` is one of STARTS, or the name of the vectors that a training starts from: a path, or "vectors".
    """

    vector_size: int
    window: Reach
    shrink_windows: Shrink
    min_count: int
    max_final_vocab: int | None
    sample: float | None
    alpha: float | None
    min_alpha: float | None
    lr_schedule: str
    epochs: int | None
    batch_size: int | None
    seed: int
    dtype: str
    precision: str
    solver: str
    optimizer: str
    prior: float
    output_bias: str | None
    init: str
    draws: int
    head: float | None
    vectors: str

    @classmethod
    def checked(cls, **given: Any) -> Settings:
        """Check every value and fill in defaults that depend on others; an error names the argument."""
        solver = given["solver"]
        checks.choice("solver", solver, tuple(SOLVERS))
        if given["optimizer"] is None:
            given["optimizer"] = SOLVERS[solver][0]
        if given["init"] is None:
            given["init"] = "svd" if solver == "counts" else "random"
        _check_integers(given)
        if given["init"] == "svd" and solver != "counts":
            raise ValueError(
                f"init is 'svd', which needs solver='counts'; with solver {solver!r} allowed are 'random' "
                "and vectors"
            )
        if not isinstance(given["init"], str):
            raise TypeError(f"init is {given['init']!r}; it must be the name of a start, or of vectors")
        checks.choice("vectors", given["vectors"], VIEWS)
        given["dtype"] = _checked_dtype(given["dtype"])
        cpu = " (bfloat16 needs a CPU with AVX512_BF16 or AMX)"
        checks.choice("precision", given["precision"], tuple(_core.available_precisions()), cpu)
        checks.choice("lr_schedule", given["lr_schedule"], tuple(SCHEDULES))
        checks.choice("output_bias", given["output_bias"], (None, "unigram"))
        check_optimizer(given["optimizer"])
        given["prior"] = _checked_prior(given)
        given["head"] = None if given["head"] is None else _checked_head(given["head"], solver)
        _check_rates(given)
        Window.parse(given["window"], given["shrink_windows"])
        given["window"] = _plain(given["window"])
        return cls(**given)

    def as_dict(self) -> dict[str, Any]:
        """For reports: plain values only."""
        return dataclasses.asdict(self)

    @property
    def is_pretrained(self) -> bool:
        """Whether a training starts from vectors."""
        return self.init not in STARTS

    def threshold(self, K: int) -> float:
        """The subsampling threshold for a vocabulary of K words."""
        return default_sample(K, self.solver) if self.sample is None else self.sample

    def epochs_of(self, K: int, tokens: int) -> int:
        """Epochs for a vocabulary of K words and so much text."""
        if self.epochs is not None:
            return self.epochs
        if self.solver == "sgd":
            return _EPOCHS_OF_TEXT
        return default_epochs(K, tokens, self.vector_size)

    def rates(self, K: int, source: BatchSource, epochs: int) -> Rates:
        """The learning rates of a training of K words, of so many epochs of the source."""
        alpha = self.alpha
        if alpha is None:
            alpha = self._default_alpha(K, source, epochs)
        return Rates(alpha, alpha / 10 if self.min_alpha is None else self.min_alpha)

    def _default_alpha(self, K: int, source: BatchSource, epochs: int) -> float:
        if self.optimizer == "newton" and source.pairs is not None:
            return newton_alpha(source.pairs, K, self.vector_size)
        if self.optimizer == "sgd" and (heaviest := source.heaviest_row(epochs)) is not None:
            return sgd_alpha(heaviest)
        return DEFAULT_ALPHA[self.optimizer]

    def batch_of(self, K: int, units: int) -> int:
        """Rows (solver "counts") or units of a text or of pairs ("sgd") in a batch."""
        if self.batch_size:
            return self.batch_size
        if self.solver == "counts":
            return default_batch_rows(K, block_rows(K))
        return default_batch_size(units, self.optimizer)


def _checked_dtype(dtype: Any) -> str:
    """The name of the type: ``"float32"``, np.float32 and np.dtype("float32") are the same."""
    try:
        name = "None" if dtype is None else np.dtype(dtype).name  # to NumPy None is float64
    except TypeError:
        name = str(dtype)
    checks.choice("dtype", name, ("float32",))
    return name


def _check_integers(given: dict[str, Any]) -> None:
    for name in ("vector_size", "min_count"):
        given[name] = checks.integer(name, given[name], 1)
    for name, most in (
        ("epochs", MAX_EPOCHS),
        ("max_final_vocab", checks.MOST_INTEGER),
        ("batch_size", checks.MOST_INTEGER),
    ):
        given[name] = None if given[name] is None else checks.integer(name, given[name], 1, most)
    given["seed"] = checks.integer("seed", given["seed"], 0, 2**64 - 1)
    given["draws"] = checks.integer("draws", given["draws"], 0, MAX_DRAWS)


def _steps_once(given: dict[str, Any]) -> bool:
    """Whether a row of I takes one Newton step an epoch."""
    return bool(given["solver"] == "counts" and given["optimizer"] == "newton")


def _checked_prior(given: dict[str, Any]) -> float:
    """Where a row of I takes one Newton step an epoch, by default so much for each coordinate; else none."""
    one_step = _steps_once(given)
    if given["prior"] is None:
        return DEFAULT_PRIOR * given["vector_size"] if one_step else 0.0
    precision = checks.real("prior", given["prior"])
    if precision and not one_step:
        raise ValueError(
            f"prior is {precision}, which needs solver='counts' with optimizer='newton'; solver "
            f"{given['solver']!r} with {given['optimizer']!r} has no prior"
        )
    return precision


def _checked_head(head: object, solver: str) -> float:
    share = checks.real("head", head)
    if solver != "counts":
        raise ValueError(
            f"head is {share}, which is for solver='counts'; solver {solver!r} trains on all words"
        )
    if not 0 < share <= 1:
        raise ValueError(f"head is {share}; it must be above 0 and at most 1")
    return share


def _check_rates(given: dict[str, Any]) -> None:
    given["sample"] = None if given["sample"] is None else checks.real("sample", given["sample"])
    for name in ("alpha", "min_alpha"):
        given[name] = None if given[name] is None else checks.real(name, given[name])
    if given["alpha"] == 0:
        raise ValueError("alpha is 0; it must be above 0")
    by_counts = given["solver"] == "counts" and given["optimizer"] != "adagrad"
    if given["alpha"] is None and not by_counts:  # by counts it waits for them
        given["alpha"] = DEFAULT_ALPHA[given["optimizer"]]
    if given["min_alpha"] is None and given["alpha"] is not None:
        given["min_alpha"] = given["alpha"] / 10


def _plain(window: Any) -> Any:
    """NumPy's integers as Python's, for reports."""
    if isinstance(window, (tuple, list)):
        return tuple(map(_plain, window))
    return window if isinstance(window, bool) or not isinstance(window, Integral) else int(window)


#: Parameters of a model that are settings.
SETTING_NAMES = frozenset(field.name for field in dataclasses.fields(Settings))
