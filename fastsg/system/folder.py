"""Folders written as a whole: a name has the old one, the new one or none, never half of one."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator

from . import atomic


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
    No call exchanges two folders on every system: a process killed between two renames leaves no folder under
    the name, and the old one beside it under a hidden name. The old one is removed when the disk has the new.
    """
    path = os.path.abspath(os.fsdecode(path))
    check_replaceable(path, own_files)
    with atomic._errors_naming(path):
        temporary = tempfile.mkdtemp(".tmp", atomic._own_prefix(path), os.path.dirname(path))
        replaced = temporary + ".old"
        try:
            yield temporary
            umask = os.umask(0o077)  # setting it is the only portable way to read it
            os.umask(umask)
            os.chmod(temporary, 0o777 & ~umask)
            _exchange(temporary, path, replaced)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        try:
            atomic._sync_folder(os.path.dirname(path))
        finally:
            shutil.rmtree(replaced, ignore_errors=True)


def _exchange(new: str, path: str, replaced: str) -> None:
    """Give `new` the name `path`, and what has that the name `replaced`."""
    has_old = os.path.lexists(path)
    if has_old:
        os.rename(path, replaced)
    try:
        os.rename(new, path)
    except BaseException:
        if has_old:
            os.rename(replaced, path)
        raise


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
