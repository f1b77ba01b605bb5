"""A disk that is watched: every call that changes it can fail, and is recorded.

From a record follow the states in which a disk may be after a power loss. What was written to a file and not
synced may be there, or not, or in part, or be zeros. Of the changes to folders (files made, renamed, removed)
all up to some moment are there; which moment, only the sync of a folder tells.
"""

from __future__ import annotations

import contextlib
import copy
import errno
import io
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from fastsg.system import folder

PAGE = 4096
#: What may have become of bytes that were not synced.
LOSSES: dict[str, Callable[[bytes, bytes], bytes]] = {
    "all written": lambda synced, written: written,
    "none": lambda synced, written: synced,
    "a part": lambda synced, written: written[: len(synced) + (len(written) - len(synced)) // 2],
    "zeros": lambda synced, written: synced + bytes(max(len(written) - len(synced), 0)),
    "a page lost": lambda synced, written: (
        bytes(min(PAGE, len(written) // 2))
        + written[PAGE:].rjust(len(written) - min(PAGE, len(written) // 2), b"\0")
    ),
}


class Disk:
    """Watches the calls of `os` that change files below a folder.

    Parameters
    ----------
    root : Path
    fails : dict        Of the name of a call and its number, from 1, to the errno that it fails with.

    Attributes
    ----------
    calls : dict        How often each was called.
    operations : list   What was done, in order: tuples of a name and paths or bytes.
    """

    def __init__(self, root: Path, fails: dict[tuple[str, int], int] | None = None) -> None:
        self.root, self.fails = str(root), fails or {}
        self.calls: dict[str, int] = {}
        self.operations: list[tuple[Any, ...]] = []
        self._of: dict[int, str] = {}

    def called(self, name: str) -> None:
        """Count a call, which may be the one that fails."""
        self.calls[name] = self.calls.get(name, 0) + 1
        if code := self.fails.get((name, self.calls[name])):
            raise OSError(code, os.strerror(code))

    @contextlib.contextmanager
    def watched(self) -> Iterator[Disk]:
        """Put our functions in place of those of `os` and `shutil`."""
        ours: dict[tuple[Any, str], Any] = {
            (os, "open"): self._open,
            (os, "fdopen"): self._fdopen,
            (os, "fsync"): self._fsync,
            (os, "chmod"): self._counted("chmod", os.chmod),
            (os, "replace"): self._counted("replace", os.replace, "rename"),
            (os, "rename"): self._counted("rename", os.rename, "rename"),
            (os, "link"): self._counted("link", os.link, "link"),
            (os, "unlink"): self._counted("unlink", os.unlink, "unlink"),
            (os, "mkdir"): self._counted("mkdir", os.mkdir, "mkdir"),
            (shutil, "rmtree"): self._rmtree(shutil.rmtree),
            (folder, "swapped"): self._counted("swapped", folder.swapped, "swap"),
        }
        before = {place: getattr(*place) for place in ours}
        self._real = {name: function for (_, name), function in before.items()}
        for (module, name), function in ours.items():
            setattr(module, name, function)
        try:
            yield self
        finally:
            for (module, name), function in before.items():
                setattr(module, name, function)

    def _record(self, name: str, *what: Any) -> None:
        self.operations.append((name, *what))

    def _below(self, path: Any) -> str:
        """A path from the root on."""
        return os.path.relpath(os.path.abspath(os.fsdecode(path)), self.root)

    def _open(self, path: Any, flags: int, *args: Any, **options: Any) -> int:
        if flags & (os.O_CREAT | os.O_WRONLY | os.O_RDWR):
            self.called("open")
        descriptor = int(self._real["open"](path, flags, *args, **options))
        self._of[descriptor] = self._below(path)
        if flags & os.O_CREAT:
            self._record("create", self._of[descriptor])
        return descriptor

    def _fdopen(self, descriptor: int, mode: str, buffering: int = -1) -> Any:
        self.called("fdopen")
        size = buffering if buffering > 0 else io.DEFAULT_BUFFER_SIZE
        return io.BufferedWriter(_Raw(self, descriptor, self._of[descriptor]), size)

    def _fsync(self, descriptor: int) -> None:
        self.called("fsync")
        self._real["fsync"](descriptor)
        kind = "sync folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "sync"
        self._record(kind, self._of[descriptor])

    def _counted(self, name: str, real: Callable[..., Any], recorded: str = "") -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            self.called(name)
            result = real(*args, **options)
            if recorded:
                paths = [
                    self._below(path) for path in args[: 2 if recorded in ("rename", "link", "swap") else 1]
                ]
                self._record(recorded, *paths)
            return result

        return call

    def _rmtree(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Any, *args: Any, **options: Any) -> None:
            names = {name: self._real[name] for name in ("open", "unlink")}
            ours = {name: getattr(os, name) for name in names}
            for name, function in names.items():
                setattr(os, name, function)
            try:
                real(path, *args, **options)
            finally:
                for name, function in ours.items():
                    setattr(os, name, function)
            self._record("remove all", self._below(path))

        return call


class _Raw(io.RawIOBase):
    """An open file of which every write is counted and recorded."""

    def __init__(self, disk: Disk, descriptor: int, name: str) -> None:
        self._disk, self._name = disk, name
        self._file = io.FileIO(descriptor, "w")

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._file.fileno()

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def truncate(self, size: int | None = None) -> int:
        return self._file.truncate(size)

    def write(self, data: Any) -> int:
        self._disk.called("write")
        at = self._file.tell()
        count = self._file.write(data)
        self._disk._record("write", self._name, at, bytes(data[:count]))
        return int(count)

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._file.close()


# ---- power loss ----


class _File:
    def __init__(self, content: bytes = b"") -> None:
        self.synced = self.written = content


Names = dict[str, _File]


def states_after_power_loss(
    before: dict[str, bytes], operations: list[tuple[Any, ...]], amid: bool = True
) -> list[dict[str, bytes]]:
    """Every state of a disk, path to content, that a power loss amid or after the operations may leave."""
    found: dict[tuple[tuple[str, bytes], ...], None] = {}
    for end in range(0 if amid else len(operations), len(operations) + 1):
        for names in _possible_names(before, operations[:end]):
            for loss in LOSSES.values():
                state = {name: _left(file, loss) for name, file in names.items()}
                found[tuple(sorted(state.items()))] = None
    return [dict(state) for state in found]


def _left(file: _File, loss: Callable[[bytes, bytes], bytes]) -> bytes:
    return file.synced if file.synced == file.written else loss(file.synced, file.written)


def _possible_names(before: dict[str, bytes], operations: list[tuple[Any, ...]]) -> Iterator[Names]:
    """What the folders hold, for every moment up to which their changes may have reached the disk."""
    names: Names = {name: _File(content) for name, content in before.items()}
    live, moments = dict(names), [dict(names)]
    for name, *what in operations:
        if name == "write":
            path, at, data = what
            file = live[path]
            file.written = file.written[:at].ljust(at, b"\0") + data + file.written[at + len(data) :]
        elif name == "sync":
            live[what[0]].synced = live[what[0]].written
        elif name == "sync folder":
            moments = [dict(live)]  # as journals do: with a folder, all that came before
        else:
            _change(live, name, what)
            moments.append(dict(live))
    yield from (copy.copy(moment) for moment in moments)


def _change(live: Names, name: str, paths: list[str]) -> None:
    """Apply a change of a folder."""
    first = paths[0]
    if name == "create":
        live[first] = _File()
    elif name == "link":
        live[paths[1]] = live[first]
    elif name == "unlink":
        live.pop(first, None)
    elif name == "rename":
        _rename(live, first, paths[1])
    elif name == "swap":
        for old, new in ((first, "aside"), (paths[1], first), ("aside", paths[1])):
            _rename(live, old, new)
    elif name == "remove all":
        for path in [path for path in live if path.startswith(first + os.sep)]:
            del live[path]


def _rename(live: Names, old: str, new: str) -> None:
    for path in [path for path in live if path == old or path.startswith(old + os.sep)]:
        live[new + path[len(old) :]] = live.pop(path)


def files_below(root: Path) -> dict[str, bytes]:
    """Path to content of every file."""
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@contextlib.contextmanager
def laid_out(state: dict[str, bytes]) -> Iterator[Path]:
    """A folder with such files."""
    with tempfile.TemporaryDirectory() as name:
        for path, content in state.items():
            full = Path(name) / path
            full.parent.mkdir(parents=True, exist_ok=True)
            full.write_bytes(content)
        yield Path(name)


#: What calls fail with.
ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES)
