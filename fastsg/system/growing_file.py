"""An array that is appended to in a file without a name; and mapped pages that are given back."""

from __future__ import annotations

import mmap
import os
import tempfile
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


class GrowingFile:
    """A one-dimensional array that grows in a file, which vanishes with its last user, or map.

    Parameters
    ----------
    dtype : data type
    folder : str, optional      Of the file; None: the system's for temporary files.
    """

    def __init__(self, dtype: DTypeLike, folder: str | None) -> None:
        self._dtype = np.dtype(dtype)
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  it stays
        self.n = 0

    def append(self, part: NDArray[Any]) -> None:
        """Add the elements of an array."""
        if part.size:
            self._file.seek(0, os.SEEK_END)
            self._file.write(np.ascontiguousarray(part, self._dtype).data.cast("B"))
            self.n += len(part)

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Elements [start, stop), in memory of their own."""
        found = np.empty(stop - start, self._dtype)
        self._file.seek(start * self._dtype.itemsize)
        self._file.readinto(found.data.cast("B"))
        return found

    def view(self) -> NDArray[Any]:
        """What was appended, mapped and writable; to be let go before the next append."""
        return self._mapped(self.n, "r+")

    def finish(self, n: int | None = None) -> NDArray[Any]:
        """The first `n` elements, or all of them, mapped to be read; this object is used up."""
        return self._mapped(self.n if n is None else n, "r")

    def _mapped(self, n: int, mode: Any) -> NDArray[Any]:
        if not n:
            return np.empty(0, self._dtype)  # nothing can be mapped
        self._file.flush()
        return np.memmap(self._file, self._dtype, mode, shape=(n,)).view(np.ndarray)


def give_back(*arrays: NDArray[Any]) -> None:
    """Let the pages of mapped arrays leave the memory of this process; whoever looks finds them again.

    A process that went through a mapped file would else look as large as the file. Other arrays stay, and so
    do maps that are private (mode "c"), whose changes are nowhere else.
    """
    for array in arrays:
        base: object = array
        is_shared = False
        while isinstance(base, np.ndarray):
            is_shared = is_shared or (isinstance(base, np.memmap) and base.mode in ("r", "r+", "w+"))
            base = base.base
        if is_shared and isinstance(base, mmap.mmap) and hasattr(base, "madvise"):  # not on Windows
            base.madvise(mmap.MADV_DONTNEED)
