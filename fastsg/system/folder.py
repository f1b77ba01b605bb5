"""Folders written as a whole: a name has the old one or the new one, never half of one."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Collection, Iterator

from . import atomic

# AT_FDCWD of Linux, and the flag that both systems happen to give the same number.
_HERE, _EXCHANGE = -100, 2


@contextlib.contextmanager
def atomic_folder(path: str | os.PathLike[str], own_files: Collection[str]) -> Iterator[str]:
    """A new folder to write into, which takes the place of `path` when the block ends without an error.

    Parameters
    ----------
    path : str or PathLike          The folder around it must exist.
    own_files : collection of str   Names that an older folder at `path` may hold; it is replaced only if it
                                    holds nothing else.

    Yields
    ------
    folder : str                    Beside `path`, empty. What is written there should reach the disk before
                                    the block ends, as :func:`~fastsg.system.atomic.atomic_write` sees to.

    Raises
    ------
    OSError                         `path` is something that must not be replaced, or any failure, with errno
                                    and `path`; the old folder is untouched, and no temporary is left.

    Notes
    -----
    Linux and macOS exchange two folders in one call, where the C library has it (glibc from 2.28 on) and the
    file system does it. Elsewhere it takes two renames: a process killed between them leaves no folder under
    the name, and the old one beside it under a hidden name. The old one is removed when the disk has the new,
    and what killed processes left.
    """
    path = os.path.abspath(os.fsdecode(path))
    check_replaceable(path, own_files)
    with atomic._errors_naming(path):
        temporary = tempfile.mkdtemp(".tmp", atomic._own_prefix(path), os.path.dirname(path))
        try:
            yield temporary
            umask = os.umask(0o077)  # setting it is the only portable way to read it
            os.umask(umask)
            os.chmod(temporary, 0o777 & ~umask)
            check_replaceable(path, own_files)  # somebody may have put something there meanwhile
            replaced = _exchange(temporary, path)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        try:
            atomic._sync_folder(os.path.dirname(path))
        finally:
            for old in (replaced, *atomic.stale_temporaries(path, stat.S_ISDIR)):
                shutil.rmtree(old, ignore_errors=True)


def _exchange(new: str, path: str) -> str:
    """Give `new` the name `path`; the name that what was there has now."""
    if os.path.lexists(path) and swapped(new, path):
        return new
    replaced = new.removesuffix(".tmp") + ".old.tmp"
    try:
        if os.path.lexists(path):
            os.rename(path, replaced)
        os.rename(new, path)
    except BaseException:
        if os.path.lexists(replaced) and not os.path.lexists(path):
            os.rename(replaced, path)
        if not os.path.lexists(new):  # it is in its place, and then came an interrupt
            shutil.rmtree(replaced, ignore_errors=True)
        raise
    return replaced


def swapped(first: str, second: str) -> bool:
    """Exchange two names at one stroke; False where that is not done, whatever the reason: renames tell."""
    try:
        import ctypes  # which some builds of Python lack

        library = ctypes.CDLL(None)
    except (ImportError, OSError, TypeError):  # or a system without such a library
        return False
    paths = os.fsencode(first), os.fsencode(second)
    if hasattr(library, "renameat2"):
        return not library.renameat2(_HERE, paths[0], _HERE, paths[1], _EXCHANGE)
    return sys.platform == "darwin" and not library.renamex_np(*paths, _EXCHANGE)


def check_replaceable(path: str | os.PathLike[str], own_files: Collection[str]) -> None:
    """OSError unless `path` is free, or a folder that holds none but its own files."""
    path = os.fsdecode(path)
    if not os.path.lexists(path):
        return
    if os.path.islink(path) or not os.path.isdir(path):
        raise FileExistsError(errno.EEXIST, "a folder is to be written, and this is something else", path)
    others = sorted(set(os.listdir(path)) - set(own_files))
    if others:
        raise FileExistsError(
            errno.EEXIST, f"the folder holds {others[0]!r}, which is not ours; it is not replaced", path
        )
