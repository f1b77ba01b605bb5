"""Files written atomically: whenever the process or the power dies, there is the old or the whole new one.

Protocol: temporary file in the same folder (0600) -> write -> fsync -> chmod -> ``os.replace`` -> fsync of
the folder. A symbolic link as the target is replaced, never written through. Special files (a FIFO, a device,
``/dev/stdout``) cannot be replaced and hold no old state: they are written to directly.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import platform
import re
import stat
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

from .. import checks

logger = logging.getLogger(__name__)

_BUFFER_BYTES = 1 << 20
_STALE_SECONDS = 3600.0
# Folders whose entries are open descriptors: one may lead to a regular file, yet must not be replaced.
_DESCRIPTOR_FOLDERS = ("/dev", "/dev/fd", "/proc/self/fd")
_STEM_CHARACTERS = 50  # of the target's name in the temporary name: at most 200 bytes, below NAME_MAX
# Some network and FUSE file systems refuse to sync a folder; the rename is then as durable as they make it.
_NO_FOLDER_SYNC = {errno.EINVAL, errno.ENOTSUP}


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open `path` for writing bytes; the target changes only when the block ends without an error.

    Parameters
    ----------
    path : str or PathLike      Target. Its folder must exist. A special file is written to directly.

    Yields
    ------
    file : binary file object   Buffered; seekable unless the target is a special file.

    Raises
    ------
    OSError                     Any failure, with errno and `path`; the old file is untouched, no temporary is
                                left.

    Notes
    -----
    The mode is that of the old file, else 0666 & ~umask. Temporaries that our own dead writers of this target
    left are removed first. An error of the last step (fsync of the folder) is raised although the new file is
    already in place.
    """
    path = checks.path("path", path)
    if _is_special(path):
        with _errors_naming(path), open(path, "wb") as file:
            yield file
        return
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    remove_stale_temporaries(path)
    with _errors_naming(path):
        descriptor, temporary = tempfile.mkstemp(".tmp", _own_prefix(path), _folder(path))
    with _errors_naming(path):
        try:
            with _closed_quietly(os.fdopen(descriptor, "wb", _BUFFER_BYTES)) as file:
                yield file
                file.flush()
                os.chmod(temporary, _final_mode(path))
                _sync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        _sync_folder(_folder(path))


def check_writable(path: str | os.PathLike[str], argument: str) -> None:
    """Fail now, and clearly, if `path` could not be written after hours of training.

    Parameters
    ----------
    path : str or PathLike      Where a file will be written. An existing one is neither opened nor changed.
    argument : str              Name of the user's argument or option, for the message.

    Raises
    ------
    TypeError, ValueError       `path` is not a path, is empty or contains NUL.
    OSError                     It is a folder, its folder is missing, or a file cannot be made there. That is
                                tried: permission bits do not bind root, and do not show that a file system is
                                read-only.
    """
    path = checks.path(argument, path)
    if os.path.isdir(path):
        raise _path_error(errno.EISDIR, f"{argument} names a folder, a file name is needed", path)
    if _is_special(path):
        if not os.access(path, os.W_OK):
            raise _path_error(errno.EACCES, f"{argument} is not writable", path)
        return
    folder = _folder(path)
    if not os.path.isdir(folder):
        code = errno.ENOTDIR if os.path.lexists(folder) else errno.ENOENT
        raise _path_error(code, f"{argument}: there is no folder {folder!r} to write in", path)
    try:
        descriptor, temporary = tempfile.mkstemp(".tmp", _own_prefix(path), folder)
        os.close(descriptor)
        os.unlink(temporary)
    except OSError as error:
        reason = os.strerror(error.errno or errno.EIO)
        raise _path_error(
            error.errno, f"{argument}: cannot write in folder {folder!r} ({reason})", path
        ) from error


def identity(path: str) -> tuple[int, int] | None:
    """What is another one once a file has been written anew; None if there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def remove_stale_temporaries(path: str | os.PathLike[str]) -> list[str]:
    """Remove what dead writers of `path` left behind; returns the names removed.

    A temporary is ours if its name has our form for this very target. It is stale if its process on this host
    is dead, or if nothing was written to it for an hour. Everything else is left alone.
    """
    path = os.fsdecode(path)
    removed: list[str] = []
    for temporary in stale_temporaries(path, stat.S_ISREG):
        with contextlib.suppress(OSError):
            os.unlink(temporary)
            removed.append(os.path.basename(temporary))
    if removed:
        logger.info("removed %d temporary file(s) of dead writers beside %s", len(removed), path)
    return removed


def stale_temporaries(path: str, is_kind: Callable[[int], bool]) -> Iterator[str]:
    """What dead writers of `path` left behind, of one kind by its mode; see remove_stale_temporaries."""
    pattern = re.compile(
        re.escape(f".{_stem(path)}.") + r"([0-9a-f]{8})-([0-9]{1,10})-[0-9a-z_]{8}(\.old)?\.tmp"
    )
    try:
        names = os.listdir(_folder(path))
    except OSError:  # the write that follows will report it better
        return
    for name in names:
        match, full = pattern.fullmatch(name), os.path.join(_folder(path), name)
        if match and _is_stale(full, is_kind, host=match[1], pid=int(match[2])):
            yield full


def _folder(path: str) -> str:
    return os.path.dirname(os.path.abspath(path))


def _stem(path: str) -> str:
    return os.path.basename(path)[:_STEM_CHARACTERS]


def _host_tag() -> str:
    """Process ids mean nothing on another host (or in another container) that shares the folder."""
    return f"{zlib.crc32(platform.node().encode()):08x}"


def _own_prefix(path: str) -> str:
    return f".{_stem(path)}.{_host_tag()}-{os.getpid()}-"


def _own_start(path: str) -> str:
    return os.path.join(_folder(path), _own_prefix(path))


def _is_stale(temporary: str, is_kind: Callable[[int], bool], host: str, pid: int) -> bool:
    try:
        info = os.lstat(temporary)
        if not is_kind(info.st_mode):
            return False
        written = info.st_mtime
        if stat.S_ISDIR(info.st_mode):  # whose own time is that of its newest name
            written = max([written, *(entry.stat().st_mtime for entry in os.scandir(temporary))])
    except OSError:
        return False
    return (host == _host_tag() and not _is_alive(pid)) or time.time() - written > _STALE_SECONDS


def _is_alive(pid: int) -> bool:
    if os.name != "posix":  # elsewhere os.kill would end the process; the age alone decides
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _is_special(path: str) -> bool:
    if os.path.dirname(os.path.abspath(path)) in _DESCRIPTOR_FOLDERS:
        return os.path.exists(path)
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _final_mode(path: str) -> int:
    try:
        info = os.lstat(path)
        if stat.S_ISREG(info.st_mode):
            return stat.S_IMODE(info.st_mode)
    except OSError:
        pass
    # Setting the umask is the only portable way to read it. A file that another thread makes now is private.
    umask = os.umask(0o077)
    os.umask(umask)
    return 0o666 & ~umask


def _sync(descriptor: int) -> None:
    """Push a file to the disk. No retry after an error: the kernel may have dropped the pages."""
    if sys.platform == "darwin":  # where fsync stops at the cache of the drive
        import fcntl

        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fsync(descriptor)


def _sync_folder(folder: str) -> None:
    if os.name != "posix":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:  # one may write in it, not read it; the new file is in its place
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _closed_quietly(file: BinaryIO) -> Iterator[BinaryIO]:
    """Close at the end. After an error, another one raised by close (it flushes) must not hide the first."""
    try:
        yield file
    except BaseException:
        with contextlib.suppress(OSError):
            file.close()
        raise
    file.close()


@contextlib.contextmanager
def _errors_naming(path: str) -> Iterator[None]:
    """Make OSErrors carry the path that the user gave, instead of no path or that of the temporary."""
    try:
        yield
    except OSError as error:
        if error.filename is None or str(error.filename).startswith(_own_start(path)):
            error.filename = path
            del error.filename2  # assigning None would be printed
        raise


def _path_error(code: int | None, message: str, path: str) -> OSError:
    return OSError(code or errno.EIO, message, path)
