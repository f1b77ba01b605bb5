"""How many threads are used, and why."""

import os
from pathlib import Path

import numpy as np
import pytest

from fastsg import SkipGram
from fastsg.system import threads as _threads
from fastsg.system.threads import available_threads, effective_num_threads


@pytest.fixture
def limits(monkeypatch):
    """Sets the three sources to what a test wants."""

    def set_to(omp=None, affinity=8, cgroup=None):
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
        if omp is not None:
            monkeypatch.setenv("OMP_NUM_THREADS", omp)
        monkeypatch.setattr(_threads, "_affinity", lambda: affinity)
        monkeypatch.setattr(_threads, "_cgroup_cores", lambda: cgroup)

    return set_to


@pytest.mark.parametrize(
    "omp, affinity, cgroup, expected",
    [
        (None, 8, None, 8),
        ("3", 8, None, 3),
        ("16", 8, None, 8),
        ("4,2", 8, None, 4),
        (" 2 ", 8, None, 2),
        ("0", 8, None, 8),
        ("-1", 8, None, 8),
        ("many", 8, None, 8),
        ("", 8, None, 8),
        (None, 8, 2, 2),
        ("3", 2, 1, 1),
    ],
)
def test_smallest_limit_counts(limits, omp, affinity, cgroup, expected):
    limits(omp, affinity, cgroup)
    assert effective_num_threads() == expected


@pytest.mark.parametrize("workers", [1, 7, 200, np.int64(3)])
def test_explicit_workers_are_taken_as_given(limits, workers):
    limits("1", 2, 1)
    n = effective_num_threads(workers)
    assert n == workers and type(n) is int


@pytest.mark.parametrize("workers", [257, 40_000, 10**30])
def test_more_workers_than_any_machine_needs_are_not_started(limits, workers):
    """100,000 were a crash in the runtime of OpenMP."""
    assert effective_num_threads(workers) == max(256, os.cpu_count())


def test_so_many_workers_train():
    text = [["a", "b", "c", "a"]] * 20
    many, one = (SkipGram(text, vector_size=2, min_count=1, workers=n, progress=False) for n in (100_000, 1))
    assert np.array_equal(many.I, one.I) and many.workers == max(256, os.cpu_count())


@pytest.mark.parametrize("workers", [0, -1, 1.0, "2", True, [2]])
def test_wrong_workers(workers):
    with pytest.raises(ValueError, match=r"workers is .*; allowed are None .* and integers >= 1") as caught:
        effective_num_threads(workers)
    assert repr(workers) in str(caught.value)


def test_sources_of_this_process(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    found = available_threads()
    assert found["OMP_NUM_THREADS"] == 5
    assert found["affinity"] >= 1
    assert found["cgroup"] is None or found["cgroup"] >= 1


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity here")
def test_affinity_is_obeyed(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    cores = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(cores)})
        assert effective_num_threads() == 1
    finally:
        os.sched_setaffinity(0, cores)


@pytest.fixture
def cgroup(tmp_path):
    """Cores found for a membership file and some quota files."""

    def cores(membership, files):
        (tmp_path / "cgroup").write_text(membership)
        for name, text in files.items():
            path = tmp_path / "mounts" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return _threads._cgroup_cores(str(tmp_path / "cgroup"), str(tmp_path / "mounts"))

    return cores


V1 = "9:name=systemd:/\n4:cpu,cpuacct:/a/b\n2:memory:/a\n"


@pytest.mark.parametrize(
    "membership, files, expected",
    [
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        ("0::/\n", {"cpu.max": "200000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "1000 100000\n"}, 1),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "300000 100000\n"}, 3),
        ("0::/a/b\n", {"a/b/cpu.max": "400000 100000\n", "a/cpu.max": "100000 100000\n"}, 1),
        ("0::/host/only/path\n", {"cpu.max": "200000 100000\n"}, 2),
        ("0::/a\n", {"unified/a/cpu.max": "200000 100000\n"}, 2),
        (
            V1,
            {"cpu,cpuacct/a/b/cpu.cfs_quota_us": "-1\n", "cpu,cpuacct/a/b/cpu.cfs_period_us": "100000\n"},
            None,
        ),
        (
            V1,
            {"cpu,cpuacct/a/cpu.cfs_quota_us": "250000\n", "cpu,cpuacct/a/cpu.cfs_period_us": "100000\n"},
            3,
        ),
        (V1, {"cpu/a/b/cpu.cfs_quota_us": "50000\n", "cpu/a/b/cpu.cfs_period_us": "25000\n"}, 2),
        (V1, {"memory/a/cpu.cfs_quota_us": "1\n", "memory/a/cpu.cfs_period_us": "1\n"}, None),
        ("0::/\n", {"cpu.max": "garbage\n"}, None),
        ("0::/\n", {"cpu.max": "\n"}, None),
        ("", {}, None),
        ("nonsense\n", {}, None),
    ],
)
def test_cgroup_quota(cgroup, membership, files, expected):
    assert cgroup(membership, files) == expected


def test_no_cgroups_at_all(tmp_path: Path):
    assert _threads._cgroup_cores(str(tmp_path / "missing"), str(tmp_path)) is None
