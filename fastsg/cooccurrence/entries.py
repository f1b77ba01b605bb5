"""Entries of counts as they come: in memory, or beyond a limit in files without a name."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import IO, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..system.growing_array import GrowingArray

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
        self._files: list[IO[bytes]] = []

    def add(self, n: int, fill: Callable[[NDArray[np.int32], NDArray[np.float32]], None]) -> None:
        """Take n entries, which `fill` writes."""
        if self._overflows(8 * n):
            parts = np.empty(n, np.int32), np.empty(n, np.float32)
            fill(*parts)
            self._write(*parts)
        else:
            fill(*(array.extend(n) for array in self._arrays[:2]))

    def add_large(self, large: NDArray[np.int64]) -> None:
        """Take the large sums of the entries taken last."""
        if self._overflows(large.nbytes):
            self._files[2].write(large.tobytes())
        else:
            self._arrays[2].append(large)

    def _overflows(self, n: int) -> bool:
        """Whether what is there and n more bytes belong into files; makes these."""
        self._bytes += n
        if not self._files and self._limit is not None and self._bytes > self._limit:
            self._files = [tempfile.TemporaryFile(dir=self._folder) for _ in _DTYPES]  # noqa: SIM115  they stay
            self._write(*(array.view() for array in self._arrays))
            self._arrays = []
        return bool(self._files)

    def _write(self, *parts: NDArray[Any]) -> None:
        for file, part in zip(self._files, parts, strict=False):
            if part.size:
                file.write(part.data.cast("B"))

    def joined(self) -> Joined:
        """All of them; this object is used up."""
        if self._files:
            contexts, counts, large = (_mapped(*pair) for pair in zip(self._files, _DTYPES, strict=True))
        else:
            contexts, counts, large = (array.finish() for array in self._arrays)
        return contexts, counts, large


def _mapped(file: IO[bytes], dtype: DTypeLike) -> NDArray[Any]:
    file.flush()
    if not file.tell():
        return np.empty(0, dtype)  # nothing can be mapped
    return np.memmap(file, dtype, mode="r").view(np.ndarray)
