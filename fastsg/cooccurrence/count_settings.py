"""How the counts of a text are made: counts say it of themselves, and a training takes it over."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from .. import checks
from ..errors import FormatError
from .window import Window

#: Most draws. Every one is a copy of the text in memory, and a file may promise anything.
MAX_DRAWS = 10_000


@dataclasses.dataclass(frozen=True, eq=False)
class CountSettings:
    """How counts of a text are made.

    Attributes
    ----------
    window : Window
    sample : float or None      Subsampling threshold; None where only the probabilities of keeping words were
                                given.
    draws : int                 Thinned copies of the text whose counts are averaged; 0 weighs pairs instead.
    seed : int                  Of the draws.
    """

    window: Window
    sample: float | None
    draws: int
    seed: int

    def __post_init__(self) -> None:
        # NumPy's numbers as Python's: files and reports hold plain values
        object.__setattr__(self, "sample", None if self.sample is None else float(self.sample))
        object.__setattr__(self, "draws", int(self.draws))
        object.__setattr__(self, "seed", int(self.seed))

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as files hold them."""
        return {
            "window": [self.window.left, self.window.right],
            "shrink_windows": self.window.shrinks,
            "sample": self.sample,
            "draws": self.draws,
            "seed": self.seed,
        }

    @classmethod
    def parse(cls, values: Any) -> CountSettings | None:
        """From what :meth:`as_dict` gives, None from an empty dict; FormatError if it makes no sense."""
        if values == {}:
            return None
        try:
            left, right = values["window"]
            shrinks, sample = values["shrink_windows"], values["sample"]
            window = Window.parse(None if left == right == -1 else (left, right), shrinks)
            check_counting(values["draws"], values["seed"], None)
            sound = isinstance(shrinks, (bool, str)) and (sample is None or 0 <= float(sample) < float("inf"))
            if len(values) != 5 or not sound:
                raise ValueError(f"it has {sorted(values)}")
        except (TypeError, ValueError, KeyError, ArithmeticError, MemoryError) as error:
            raise FormatError(
                f"its header does not say in a known way how the counts were made: {error}"
            ) from None
        return cls(window, sample, values["draws"], values["seed"])


def check_counting(draws: object, seed: object, memory_limit: object, folder: object = None) -> None:
    """ValueError unless the first three are whole numbers in their range; TypeError for a folder that is no
    path.
    """
    if folder is not None:
        checks.path("folder", folder)
    for name, value, most in (
        ("draws", draws, MAX_DRAWS + 1),
        ("seed", seed, 2**64),
        ("memory_limit", memory_limit, 2**63),
    ):
        if name == "memory_limit" and value is None:
            continue
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or not 0 <= value < most:
            raise ValueError(f"{name} is {value!r}; it must be an integer from 0 to {most - 1}")
