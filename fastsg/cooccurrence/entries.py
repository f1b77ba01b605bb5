"""Entries of counts as they come: in memory, or beyond a limit in files without a name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..system.growing_array import GrowingArray
from ..system.growing_file import GrowingFile

#: Entries that counts are given room for from the start, if there may be so many.
_ROOM = 2**27
_DTYPES = (np.int32, np.float32, np.int64)

#: Contexts, counts and large sums.
Joined = tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.int64]]


class Entries:
    """Contexts, counts and large sums: in memory up to a limit, then in three files, which vanish with the
    last map of them.

    Parameters
    ----------
    most : int              No more entries will come. So many get their addresses at once, up to _ROOM.
    limit : int, optional   Bytes in memory.
    folder : str, optional  Of the files.
    """

    def __init__(self, most: int, limit: int | None, folder: str | None) -> None:
        self._limit, self._folder, self._bytes = limit, folder, 0
        room = min(most, _ROOM if limit is None else limit // 8)
        try:
            self._arrays = [GrowingArray(dtype, n) for dtype, n in zip(_DTYPES, (room, room, 0), strict=True)]
        except MemoryError:  # addresses are scarce, which need not mean that memory is
            self._arrays = [GrowingArray(dtype, 0) for dtype in _DTYPES]
        self._files: list[GrowingFile] = []

    def add(self, n: int, fill: Callable[[NDArray[np.int32], NDArray[np.float32]], None]) -> None:
        """Take n entries, which `fill` writes."""
        if self._overflows(8 * n):
            append_filled(self._files, n, fill)
        else:
            fill(*(array.extend(n) for array in self._arrays[:2]))

    def add_large(self, large: NDArray[np.int64]) -> None:
        """Take the large sums of the entries taken last."""
        (self._files if self._overflows(large.nbytes) else self._arrays)[2].append(large)

    def _overflows(self, n: int) -> bool:
        """Whether what is there and n more bytes belong into files; makes these."""
        self._bytes += n
        if not self._files and self._limit is not None and self._bytes > self._limit:
            self._files = [GrowingFile(dtype, self._folder) for dtype in _DTYPES]
            for file, array in zip(self._files, self._arrays, strict=True):
                file.append(array.view())
            self._arrays = []
        return bool(self._files)

    def joined(self) -> Joined:
        """All of them; this object is used up."""
        contexts, counts, large = (column.finish() for column in self._files or self._arrays)
        return contexts, counts, large


def append_filled(files: Sequence[GrowingFile], n: int, fill: Callable[..., None]) -> None:
    """Append n entries, which `fill` writes, to files of contexts and counts."""
    parts: tuple[NDArray[Any], ...] = (np.empty(n, np.int32), np.empty(n, np.float32))
    fill(*parts)
    for file, part in zip(files, parts, strict=False):
        file.append(part)
