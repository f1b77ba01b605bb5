"""How much memory this process may still take, and has taken."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from .threads import cgroup_folders

#: Bytes that reading leaves free, or a quarter of what is free at its start if that is less.
_RESERVE = 1 << 30


def available() -> int | None:
    """Bytes this process may still take: the least of free memory, control group and address space."""
    limits = [_kilobytes("/proc/meminfo", "MemAvailable:"), _cgroup(), _address_space()]
    return min((limit for limit in limits if limit is not None), default=None)


def require(needed: dict[str, int], what: str) -> None:
    """MemoryError with the estimate if it cannot fit."""
    free = available()
    if free is not None and needed["total"] > free:
        parts = ", ".join(f"{name} {size / 2**30:.2f}" for name, size in needed.items() if name != "total")
        cure = "lower max_final_vocab or vector_size, or raise min_count"
        if 2 * needed.get("counts", 0) > needed["total"]:
            cure += "; fastsg count --memory-limit writes counts to a file, which fastsg train --counts maps"
        raise MemoryError(
            f"{what} needs about {needed['total'] / 2**30:.2f} GiB ({parts}), {free / 2**30:.2f} GiB are "
            f"free; {cure}"
        )


class Watch:
    """Keeps what grows with a text from taking the last of the memory: the system would end the process.

    Parameters
    ----------
    what : str      What is being done, for the message.
    """

    def __init__(self, what: str) -> None:
        free = available()
        self._what = what
        self._reserve = 0 if free is None else min(_RESERVE, free // 4)
        self._step = max(self._reserve // 32, 1)  # no text takes more than some 20 bytes for each of its own
        self._unseen = 0

    def grown(self, n: int, needed: int = 0) -> None:
        """Note `n` more bytes of text; MemoryError if the memory comes to its end, less `needed` bytes."""
        self._unseen += n
        if self._reserve and self._unseen >= self._step:
            self._unseen = 0
            if (free := available()) is not None and free < self._reserve + needed:
                raise MemoryError(
                    f"{self._what} stopped: {free / 2**30:.2f} GiB of memory are free, and "
                    f"{(self._reserve + needed) / 2**30:.2f} GiB must stay so; read less at once"
                )


def peak_rss_bytes() -> int:
    """Largest resident size of this process so far.

    Linux hands ru_maxrss on from the parent to what it starts, so it comes second.
    """
    if (peak := _kilobytes("/proc/self/status", "VmHWM:")) is not None:
        return peak
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _kilobytes(path: str, name: str) -> int | None:
    """The value of a line ``Name: 123 kB``, in bytes."""
    try:
        for line in Path(path).read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    return None


def _cgroup(membership: str = "/proc/self/cgroup", mounts: str = "/sys/fs/cgroup") -> int | None:
    """Least that our control groups and those above them leave; cached files not in use count as free."""
    free = [
        left for folder in cgroup_folders("memory", membership, mounts) if (left := _left(folder)) is not None
    ]
    return min(free, default=None)


def _left(folder: Path) -> int | None:
    """Bytes below the limit of one group, or None. Version 2 has the first names, version 1 the second."""
    for limit, used, idle in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        if (most := _number(folder / limit)) is not None and most < 2**60:
            taken = max((_number(folder / used) or 0) - _statistic(folder, idle), 0)
            return max(most - taken, 0)
    return None


def _statistic(folder: Path, name: str) -> int:
    """A number of memory.stat, whose lines read ``name bytes``; 0 where there is none."""
    try:
        lines = (folder / "memory.stat").read_text().splitlines()
        return next((int(line.split()[1]) for line in lines if line.startswith(name + " ")), 0)
    except (OSError, ValueError, IndexError):
        return 0


def _address_space() -> int | None:
    soft = resource.getrlimit(resource.RLIMIT_AS)[0]
    if soft == resource.RLIM_INFINITY:
        return None
    pages = _number_of_pages()
    return max(soft - pages * resource.getpagesize(), 0)


def _number_of_pages() -> int:
    try:
        return int(Path("/proc/self/statm").read_text().split()[0])
    except (OSError, ValueError):
        return 0
