"""How much memory a training needs and how much there is: said before the start, not by the kernel's out-of-memory killer."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from .. import _core
from .threads import cgroup_folders

_PAIR_BYTES = 44
_DRAWN_BYTES, _ENTRY_BYTES = 12, 8


def distinct_pairs(K: int, pairs: int) -> int:
    """About how many different pairs of words a text of so many pairs has: it grows as their number to the 3/4, by experience with
    texts of 2 to 280 million pairs, whose counts stay below this."""
    return int(min(40 * pairs**0.75, pairs, K * K))


def estimate(
    K: int,
    H: int,
    batch_rows: int,
    rows: int,
    num_threads: int,
    tokens: int = 0,
    precision: str = "float32",
    pairs: int = 0,
    drawn: int = 0,
    entries: int = 0,
    tables: int = 1,
) -> dict[str, int]:
    """Bytes by part, for a vocabulary of K words, H coordinates and batches of `batch_rows` distinct centers.

    Parameters
    ----------
    rows : int       Softmax rows worked off at once.
    tokens : int     Tokens of the corpus; a thinned copy and the validation text are not counted.
    pairs : int      Most pairs of a batch: keys, weights and spare copies while they are sorted and grouped.
    drawn : int      Tokens whose windows are counted, over all draws; thinning leaves fewer.
    entries : int    Pairs of words in a table of counts: ids and weights.
    tables : int     Tables of counts: the text's and that of thinned copies; one more while the start is made.
    """
    parts = {
        "matrices": 2 * 4 * K * H,
        "optimizer": 3 * 4 * K,
        "scratch": _core.scratch_bytes(K, H, rows, max(batch_rows, 1), num_threads, precision),
        "vocabulary": 150 * K,
        "tokens": 4 * tokens,
        "pairs": _PAIR_BYTES * pairs,
        # the marked copies of the text are gone when the start is made
        "counts": max(
            _DRAWN_BYTES * drawn + tables * _ENTRY_BYTES * entries, (tables + 1) * _ENTRY_BYTES * entries
        ),
    }
    return parts | {"total": sum(parts.values())}


def available() -> int | None:
    """Bytes this process may still take: free memory, control group and address-space limit, whichever is least."""
    limits = [_kilobytes("/proc/meminfo", "MemAvailable:"), _cgroup(), _address_space()]
    return min((limit for limit in limits if limit is not None), default=None)


def require(needed: dict[str, int], what: str) -> None:
    """MemoryError with the estimate if it cannot fit."""
    free = available()
    if free is not None and needed["total"] > free:
        parts = ", ".join(f"{name} {size / 2**30:.2f}" for name, size in needed.items() if name != "total")
        raise MemoryError(
            f"{what} needs about {needed['total'] / 2**30:.2f} GiB ({parts}), {free / 2**30:.2f} GiB are free; "
            "lower max_final_vocab or vector_size, or raise min_count"
        )


def peak_rss_bytes() -> int:
    """Largest resident size of this process so far. Linux hands ru_maxrss on from the parent to what it starts, so it comes second."""
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
    """Least that our control groups and those above them leave; the files they cache count as free while they are not in use."""
    free = [
        left for folder in cgroup_folders("memory", membership, mounts) if (left := _left(folder)) is not None
    ]
    return min(free, default=None)


def _left(folder: Path) -> int | None:
    """Bytes below the limit of one group; None without a limit. Version 2 has the first names, version 1 the second."""
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
