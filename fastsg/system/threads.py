"""How many threads to use: what the user asked for, else what this process may really have.

``os.cpu_count()`` counts the machine. A process may be given less, in three ways, all of which count:

``OMP_NUM_THREADS``
    the user's wish for every program that uses OpenMP; of a list (one number for each nesting level) the
    first counts. Anything but a positive number is ignored, as OpenMP itself does.
affinity
    the cores this process may run on (``taskset``, ``docker --cpuset-cpus``, batch systems); on systems
    without affinity the number of cores.
cgroup
    a quota of CPU time (``docker --cpus``, Kubernetes limits), rounded up to whole cores. The quota of every
    group above ours holds too, so the smallest counts. Version 2 writes ``cpu.max``, version 1
    ``cpu.cfs_quota_us``.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from .. import checks

#: More threads than this, or than there are cores, are not started.
_MOST = 256


def effective_num_threads(workers: int | None = None) -> int:
    """Number of threads to use.

    Parameters
    ----------
    workers : int or None   Threads wanted, at least 1; taken as given, even if the machine has fewer cores,
                            up to 256 or its cores: thousands would only take memory, or end the process.
                            None takes the smallest of :func:`available_threads`.

    Returns
    -------
    int                     At least 1. No result of fastsg depends on it.

    Raises
    ------
    ValueError              ``workers`` is not None and not a positive integer.
    """
    if workers is None:
        return max(1, min(n for n in available_threads().values() if n is not None))
    wanted = checks.positive_integer("workers", workers, also="None (all cores this process may use) and ")
    return min(wanted, max(_MOST, os.cpu_count() or 1))


def available_threads() -> dict[str, int | None]:
    """Each limit on the number of threads, None where it sets none.

    Returns
    -------
    dict                    Keys ``OMP_NUM_THREADS``, ``affinity`` and ``cgroup``, explained above in the
                            module.
    """
    return {"OMP_NUM_THREADS": _omp_num_threads(), "affinity": _affinity(), "cgroup": _cgroup_cores()}


def _omp_num_threads() -> int | None:
    first = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return int(first) if first.isascii() and first.isdigit() and int(first) > 0 else None


def _affinity() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cgroup_cores(membership: str = "/proc/self/cgroup", mounts: str = "/sys/fs/cgroup") -> int | None:
    """Smallest CPU quota over our groups and those above them, in cores, rounded up; None without one."""
    cores = [quota for folder in cgroup_folders("cpu", membership, mounts) for quota in _quotas(folder)]
    return max(1, math.ceil(min(cores))) if cores else None


def cgroup_folders(
    controller: str, membership: str = "/proc/self/cgroup", mounts: str = "/sys/fs/cgroup"
) -> Iterator[Path]:
    """Folders that may hold a limit of the controller "cpu" or "memory": those of our groups and all above.

    The lines of `membership` read ``id:controllers:path``; version 2 names no controllers.
    """
    try:
        lines = Path(membership).read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = (line.split(":", 2) + ["", ""])[:3]
        if not controllers:
            tops = [Path(mounts), Path(mounts, "unified")]
        elif controller in controllers.split(","):
            tops = [Path(mounts, controllers), Path(mounts, controller)]
        else:
            continue
        # In a container the path may be the host's and not exist here; its parents lead to the mount.
        inside = PurePosixPath(path.lstrip("/"))
        yield from (top / part for top in tops for part in (inside, *inside.parents))


def _quotas(folder: Path) -> Iterator[float]:
    """Quota of one group in cores. Files that are missing, or say "max" or -1, set none."""
    for name in ("cpu.max", "cpu.cfs_quota_us"):
        try:
            fields = (folder / name).read_text().split()
            if name != "cpu.max":
                fields += (folder / "cpu.cfs_period_us").read_text().split()
            quota, period = int(fields[0]), int(fields[1])
        except (OSError, ValueError, IndexError):
            continue
        if quota > 0 and period > 0:
            yield quota / period
