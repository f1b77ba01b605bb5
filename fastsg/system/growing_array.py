"""An array that is appended to, without a second copy of what it holds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

_STEP = 1 << 21  # elements


class GrowingArray:
    """A one-dimensional array that grows. Large ones move by remapping pages: there is never a second copy.

    Parameters
    ----------
    dtype : data type
    room : int      Elements to take addresses for at once: memory that is not written to costs nothing.
    step : int      Elements by which it grows at least, when there is no room left.
    """

    def __init__(self, dtype: DTypeLike, room: int = _STEP, step: int = _STEP) -> None:
        self._array: NDArray[Any] = np.empty(room, dtype=dtype)
        self._step = step
        self.n = 0

    def extend(self, n: int) -> NDArray[Any]:
        """Room for n more elements, to be written by the caller and let go before the next call."""
        start, self.n = self.n, self.n + n
        if self.n > len(self._array):
            self._array.resize(self.n + max(self._step, self.n // 64), refcheck=False)
        return self._array[start : self.n]

    def append(self, part: NDArray[Any]) -> None:
        """Add the elements of an array."""
        self.extend(len(part))[:] = part

    def view(self) -> NDArray[Any]:
        """What was appended; to be let go before the next append."""
        return self._array[: self.n]

    def finish(self, n: int | None = None) -> NDArray[Any]:
        """The first `n` elements, or all of them; this object is used up."""
        self._array.resize(self.n if n is None else n, refcheck=False)
        return self._array
