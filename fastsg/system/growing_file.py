"""An array that is appended to in a file without a name; and mapped pages that are given back."""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import tempfile
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


class GrowingFile:
    """A one-dimensional array that grows in a file, which vanishes with its last user, or map.

    Parameters
    ----------
    dtype : data type
    folder : str, optional      Of the file; None: see :func:`temporary_folder`.

    An OSError of the file names the folder.
    """

    def __init__(self, dtype: DTypeLike, folder: str | None) -> None:
        self._dtype = np.dtype(dtype)
        self._folder = temporary_folder() if folder is None else folder
        with self._named():
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115  it stays
        self.n = 0

    def append(self, part: NDArray[Any]) -> None:
        """Add the elements of an array."""
        if part.size:
            with self._named():
                self._file.seek(0, os.SEEK_END)
                self._file.write(np.ascontiguousarray(part, self._dtype).data.cast("B"))
            self.n += len(part)

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Elements [start, stop), in memory of their own."""
        found = np.empty(stop - start, self._dtype)
        with self._named():
            self._file.seek(start * self._dtype.itemsize)
            if self._file.readinto(found.data.cast("B")) != found.nbytes:
                raise OSError(errno.EIO, "a temporary file ended early")
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
        with self._named():
            self._file.flush()
            return np.memmap(self._file, self._dtype, mode, shape=(n,)).view(np.ndarray)

    @contextlib.contextmanager
    def _named(self) -> Iterator[None]:
        """A file without a name would leave its errors without one."""
        try:
            yield
        except OSError as error:
            if error.filename is None and error.errno is not None:
                error.filename = self._folder
            raise


def temporary_folder() -> str:
    """The folder that TMPDIR names, or else the system's for temporary files.

    ValueError if TMPDIR names none that can be written in: tempfile would quietly take another, which may be
    memory.
    """
    named = os.environ.get("TMPDIR")
    if not named:
        return tempfile.gettempdir()
    if not (os.path.isdir(named) and os.access(named, os.W_OK | os.X_OK)):
        raise ValueError(f"TMPDIR is {named!r}; it must name a folder to write in")
    return named


def is_mapped(array: NDArray[Any]) -> bool:
    """Whether an array lies in a file, which others may write to."""
    base: object = array
    while isinstance(base, np.ndarray):
        base = base.base
    return isinstance(base, mmap.mmap)


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
