"""Windows: how far the contexts of a position reach, and what a pair at each distance weighs."""

from __future__ import annotations

import math
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_MAX_REACH = 2**20
#: Most units of a weight of 1: sums of 2**31 such weights fit 64 bits.
MAX_UNIT = 2**32

#: What users give as window, and as shrink_windows.
Reach = int | tuple[int, int] | None
Shrink = bool | str


class Units(NamedTuple):
    """Weights of a window in units.

    Attributes
    ----------
    unit : int                                  So many make a weight of 1.
    weight_left, weight_right : ndarray, int64  At each distance; empty: one unit.
    """

    unit: int
    weight_left: NDArray[np.int64]
    weight_right: NDArray[np.int64]


class Window(NamedTuple):
    """Reach and weights of a window.

    Attributes
    ----------
    left, right : int               Words to either side; -1 is the whole sentence.
    weight_left, weight_right       Weight at each distance, float32; empty weighs 1.
    draw : bool                     The reach is drawn anew at each position, uniformly on 1..left and
                                    1..right.
    harmonic : bool                 The weights are 1 / d.
    """

    left: int
    right: int
    weight_left: NDArray[np.float32]
    weight_right: NDArray[np.float32]
    draw: bool
    harmonic: bool = False

    @classmethod
    def parse(cls, window: Reach, shrink_windows: Shrink) -> Window:
        """Build from the public arguments; ValueError or TypeError names what is wrong.

        ``shrink_windows=True`` (or ``"expected"``) weighs distance d by (z - d + 1) / z, the expectation of
        word2vec's randomly shrunk window; ``"random"`` draws the reach as word2vec does; ``"harmonic"``
        weighs distance d by 1 / d; ``False`` weighs every distance 1.
        """
        left, right = _reach(window)
        _check_shrink(window, shrink_windows)
        if shrink_windows == "harmonic":
            return cls(left, right, _inverse(left), _inverse(right), False, True)
        if window is None:  # no reach to fall towards, and none to draw
            return cls(left, right, _ONES, _ONES, False)
        if shrink_windows in (True, "expected"):
            return cls(left, right, _falling(left), _falling(right), False)
        return cls(left, right, _ONES, _ONES, shrink_windows == "random")

    def expected(self) -> Window:
        """The same window with the expectation of its random draws."""
        return self._falling() if self.draw else self

    def held_out(self) -> Window:
        """The window of held-out losses: one way of weighing distances, so that losses compare."""
        return self._falling() if self.draw or self.harmonic else self

    def _falling(self) -> Window:
        weights = _falling(self.left), _falling(self.right)
        return self._replace(weight_left=weights[0], weight_right=weights[1], draw=False, harmonic=False)

    def units(self) -> Units:
        """The weights as whole numbers of a common unit, of which sums are exact in any order.

        The unit is 1 / z, or the least common one of both sides, or of all 1 / d. Where there is none of at
        least 1 / MAX_UNIT (1 / d beyond 22 words, sides of different size beyond 65,536) it is 1 / MAX_UNIT,
        and weights are rounded to it: by less than float32 does up to 512 words.
        """
        if not len(self.weight_left) + len(self.weight_right):
            return Units(1, *[np.zeros(0, np.int64)] * 2)
        fractions = [self._fractions(reach) for reach in (self.left, self.right)]
        unit = 1
        for denominator in np.concatenate([denominators for _, denominators in fractions]).tolist():
            if (unit := math.lcm(unit, denominator)) > MAX_UNIT:
                unit = MAX_UNIT
                break
        left, right = ((2 * above * unit + below) // (2 * below) for above, below in fractions)
        return Units(unit, left, right)

    def _fractions(self, reach: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Numerators and denominators of the weights of a side: 1 / d, or (z - d + 1) / z."""
        rising = np.arange(1, reach + 1)
        if self.harmonic:
            return np.ones(reach, np.int64), rising
        return rising[::-1], np.full(reach, reach)

    @property
    def reach(self) -> Reach:
        """The value of `window` that gives this reach."""
        if self.left < 0:
            return None
        return self.left if self.left == self.right else (self.left, self.right)

    @property
    def shrinks(self) -> Shrink:
        """The value of `shrink_windows` that gives these weights."""
        if self.draw:
            return "random"
        return "harmonic" if self.harmonic else bool(len(self.weight_left) + len(self.weight_right))

    def most_contexts(self, offsets: NDArray[np.int64]) -> int:
        """Most contexts that a position of these sentences can have."""
        longest = int(np.diff(offsets).max(initial=0))
        return min(longest, sum(longest if side < 0 else side for side in (self.left, self.right)))


_ONES = np.zeros(0, np.float32)  # empty: every distance weighs 1


def _reach(window: Any) -> tuple[int, int]:
    if window is None:
        return -1, -1
    sides = (window, window) if _is_integer(window) else window
    pair = isinstance(sides, (tuple, list)) and len(sides) == 2
    if not pair or not all(_is_integer(side) and side >= 0 for side in sides):
        raise ValueError(
            f"window is {window!r}; allowed are an integer of at least 1, a pair (left, right) "
            "or None for the whole sentence"
        )
    if sum(sides) < 1:
        raise ValueError(f"window is {window!r}; it must reach at least one word to one side")
    if max(sides) > _MAX_REACH:
        raise ValueError(
            f"window is {window!r}; the limit is {_MAX_REACH}, and None takes the whole sentence"
        )
    return int(sides[0]), int(sides[1])


def _is_integer(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _check_shrink(window: Reach, shrink_windows: object) -> None:
    allowed = (True, False, "expected", "random", "harmonic")
    if not isinstance(shrink_windows, (bool, np.bool_, str)) or shrink_windows not in allowed:
        raise ValueError(
            f"shrink_windows is {shrink_windows!r}; allowed are True (or 'expected'), False, 'random' and "
            "'harmonic'"
        )
    if shrink_windows == "harmonic" and window is None:
        raise ValueError(
            "shrink_windows is 'harmonic', which needs a window with a limit, but window is None"
        )


def _falling(reach: int) -> NDArray[np.float32]:
    """(z - d + 1) / z for d = 1..z."""
    return (np.arange(reach, 0, -1) / max(reach, 1)).astype(np.float32)


def _inverse(reach: int) -> NDArray[np.float32]:
    """1 / d for d = 1..z."""
    return (1 / np.arange(1, reach + 1)).astype(np.float32)
