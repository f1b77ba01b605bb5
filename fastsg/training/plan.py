"""The plan of a training: what it takes to continue one that was interrupted."""

from __future__ import annotations

import dataclasses
import logging
import math
from typing import Any, TypeVar

from .. import _core
from ..numerics.optimizer import SCHEDULES
from .batch_sources import BatchSource
from .heldout import HeldOutText
from .settings import MAX_EPOCHS, Rates

logger = logging.getLogger(__name__)

AnySource = TypeVar("AnySource", bound=BatchSource)

# Epochs number streams of random numbers, whose purposes lie 2**61 apart; no training comes near.
_MAX_STEPS = 2**48


@dataclasses.dataclass
class Plan:
    """A training and how far it is.

    Attributes
    ----------
    epochs, done : int              How many are to be trained; how many are finished.
    schedule : str                  Name of the learning rate's schedule.
    batch_size, head : int          As they came out of settings and text; another version may choose
                                    otherwise. Without counts head is 0.
    corpus, validation : str        What is trained on and measured on: size and digest, see
                                    batch_sources.fingerprint.
    isa : str                       Instruction set that it was begun with.
    alpha, min_alpha : float        The learning rates at its start and end, likewise; None in files of before
                                    they were kept.
    first_rate : float, optional    The rate that it starts at instead, where it takes in a little more text.
    opening : int                   Rows of the first epoch, like head; 0: all, as in older files.
    coarse : int                    Words of the first epochs over the head; 0: the head, as in older files.
    """

    epochs: int
    done: int
    schedule: str
    batch_size: int
    head: int
    corpus: str
    validation: str
    isa: str
    alpha: float | None = None
    min_alpha: float | None = None
    first_rate: float | None = None
    opening: int = 0
    coarse: int = 0

    @classmethod
    def start(
        cls,
        source: BatchSource,
        held_out: HeldOutText | None,
        epochs: int,
        schedule: str,
        rates: Rates,
        first_rate: float | None = None,
    ) -> Plan:
        """A plan of which nothing is done."""
        sizes, texts = (source.batch_size, source.head), _fingerprints(source, held_out)
        rows = source.opening, source.coarse
        return cls(epochs, 0, schedule, *sizes, *texts, _core.isa(), *rates, first_rate, *rows)

    @classmethod
    def parse(cls, saved: dict[str, Any]) -> Plan:
        """From the file; ValueError or TypeError if it makes no sense."""
        plan = cls(**saved)
        if not (is_count(plan.epochs) and is_count(plan.done) and plan.done <= plan.epochs <= MAX_EPOCHS):
            raise ValueError(
                f"its plan has {plan.done!r} of {plan.epochs!r} epochs done; at most {MAX_EPOCHS} are allowed"
            )
        sizes = (plan.batch_size, plan.head, plan.opening, plan.coarse)
        if not all(map(is_count, sizes)) or plan.batch_size < 1:
            names = ("batch_size", "head", "opening", "coarse")
            told = ", ".join(f"{name}={size!r}" for name, size in zip(names, sizes, strict=True))
            raise ValueError(f"its plan has {told}")
        if not isinstance(plan.schedule, str) or plan.schedule not in SCHEDULES:
            allowed = ", ".join(map(repr, SCHEDULES))
            raise ValueError(f"its plan has the schedule {plan.schedule!r}; allowed are {allowed}")
        if not all(isinstance(text, str) for text in (plan.corpus, plan.validation, plan.isa)):
            raise ValueError("its plan does not name corpus, validation text and instruction set")
        rates = (plan.alpha, plan.min_alpha, plan.first_rate)
        if not all(map(_is_rate, rates)):
            raise ValueError(f"its plan has the rates {rates}")
        return plan

    @property
    def rates(self) -> Rates | None:
        """Its learning rates, if it has any."""
        if self.alpha is None or self.min_alpha is None:
            return None
        return Rates(self.alpha, self.min_alpha)

    @property
    def settings(self) -> dict[str, int | float | None]:
        """What became of settings that go by the text unless the user gives them."""
        return {"epochs": self.epochs, "alpha": self.alpha, "min_alpha": self.min_alpha}

    def with_planned_sizes(self, source: AnySource) -> AnySource:
        """The source with the sizes of this plan."""
        return source.with_sizes(self.batch_size, self.head, self.opening, self.coarse)

    def check_continues(self, source: BatchSource, held_out: HeldOutText | None, epochs: int | None) -> None:
        """ValueError unless this is the same training; a warning where its last bits cannot be the same."""
        if epochs not in (None, self.epochs):
            raise ValueError(
                f"epochs is {epochs}, but the interrupted training was planned for {self.epochs}; "
                "leave it out, or begin another training without resume"
            )
        texts = zip(
            ("corpus", "validation text"), _fingerprints(source, held_out), (self.corpus, self.validation)
        )
        for name, found, planned in texts:
            if found != planned:
                raise ValueError(
                    f"the {name} is not that of the interrupted training: now {found}; then {planned}"
                )
        if (_core.isa() == "generic") != (self.isa == "generic"):
            logger.warning(
                "training began with %s instructions and continues with %s: the last bits will differ from "
                "those of an uninterrupted one",
                self.isa,
                _core.isa(),
            )


def _fingerprints(source: BatchSource, held_out: HeldOutText | None) -> tuple[str, str]:
    return source.fingerprint(), "none" if held_out is None else held_out.fingerprint()


def _is_rate(value: object) -> bool:
    return value is None or (isinstance(value, float) and 0 <= value < math.inf)


def is_count(value: object) -> bool:
    """Whether a value of a file is a number of steps, epochs or rows."""
    return type(value) is int and 0 <= value < _MAX_STEPS
