"""How much memory a training needs and how much there is: said before the start, not by the kernel's out-of-memory killer."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from . import _core


_PAIR_BYTES = 44


def estimate(K: int, H: int, batch_rows: int, rows: int, num_threads: int, tokens: int = 0,
             precision: str = "float32", pairs: int = 0) -> dict[str, int]:
    """Bytes by part, for a vocabulary of K words, H coordinates and batches of `batch_rows` distinct centers.

    Parameters
    ----------
    rows : int       Softmax rows worked off at once.
    tokens : int     Tokens of the corpus; a thinned copy and the validation text are not counted.
    pairs : int      Most pairs of a batch: keys, weights and spare copies while they are sorted and grouped.
    """
    parts = {
        "matrices": 2 * 4 * K * H,
        "optimizer": 3 * 4 * K,
        "scratch": _core.scratch_bytes(K, H, rows, max(batch_rows, 1), num_threads, precision),
        "vocabulary": 150 * K,
        "tokens": 4 * tokens,
        "pairs": _PAIR_BYTES * pairs,
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
        raise MemoryError(f"{what} needs about {needed['total'] / 2**30:.2f} GiB ({parts}), {free / 2**30:.2f} GiB are free; "
                          "lower max_final_vocab or vector_size, or raise min_count")


def peak_rss_bytes() -> int:
    """Largest resident size of this process so far. Linux hands ru_maxrss on from the parent to what it starts, so it comes second."""
    if (peak := _kilobytes("/proc/self/status", "VmHWM:")) is not None:
        return peak
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _number(path: str) -> int | None:
    try:
        return int(Path(path).read_text())
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


def _cgroup() -> int | None:
    for limit, used in (("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
                        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes")):
        if (most := _number(limit)) is not None and most < 2**60:
            return max(most - (_number(used) or 0), 0)
    return None


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
