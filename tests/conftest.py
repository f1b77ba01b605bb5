"""Fixtures shared by the tests: seeds, problems of awkward shapes, and corpora where there are some."""

import contextlib
import logging
import os
import resource
import shutil
import signal
import stat
import time
from pathlib import Path

# Tests start Python anew: it must find the package that is being tested, installed or not, and never the
# source folder that it is started in, which has no compiled parts unless it was built in place.
os.environ["PYTHONSAFEPATH"] = "1"

import numpy as np
import pytest

from fastsg import _core

DATA = Path(os.environ.get("FASTSG_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
NO_DATA = "no corpora found: set FASTSG_DATA"
SEED = int(os.environ.get("FASTSG_SEED", "0"))
PROJECT = Path(__file__).resolve().parents[1]
#: Long forms: what else only samples is tried at length.
SLOW = bool(os.environ.get("FASTSG_SLOW"))
NO_BIAS = np.zeros(0, np.float32)

slow = pytest.mark.skipif(not SLOW, reason="set FASTSG_SLOW=1")
fsync = os.fsync
needs_checkout = pytest.mark.skipif(
    not (PROJECT / "setup.py").is_file(), reason="needs the project's own folder"
)


def pytest_configure():
    """A shell starts background jobs with SIGINT ignored, and children inherit that: the tests that interrupt
    theirs would wait in vain.
    """
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def examples(count):
    """How many examples hypothesis tries of a property."""
    return count if SLOW else count // 5


@pytest.fixture(autouse=True)
def level_of_the_log():
    """As it was: the command line sets it, for all that comes after in the same process."""
    logger = logging.getLogger("fastsg")
    level = logger.level
    yield
    logger.setLevel(level)


@pytest.fixture(autouse=True, scope="session")
def disk_that_is_not_waited_for():
    """Without power loss nobody sees whether a file was synced; it takes most of the time of a save.

    test_atomic.py has `fsync` itself, and so has every process that is started.
    """

    def synced(descriptor):
        kind = os.fstat(descriptor).st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
            fsync(descriptor)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", synced)
        yield


@pytest.fixture
def rng():
    return np.random.default_rng(SEED)


@pytest.fixture
def data():
    """Folder of the corpora; tests that need it are skipped where it is absent."""
    if not DATA.is_dir():
        pytest.skip(NO_DATA)
    return DATA


@pytest.fixture
def isa_put_back():
    """Lets a test choose instruction sets."""
    yield
    _core.select_isa(os.environ.get("FASTSG_ISA") or None)


@pytest.fixture(params=_core.available_isas())
def isa(request, isa_put_back):
    """Runs the test once for each instruction set of this machine."""
    _core.select_isa(request.param)
    return request.param


class Problem:
    """A random batch: matrices, counts in CSR and dense, bias.

    Centers and contexts occur more than once, and pairs do. `peak` plants contexts that their center all but
    expects: row m of I against some rows of O gives about that logit. Behind both matrices lies NaN, where no
    kernel may look.
    """

    def __init__(self, rng, K, H, U, scale=1.0, pairs=None, bias=False, peak=None):
        self.K, self.H = K, H
        self.I, self.O = (self._fenced(rng.standard_normal((K, H)) * scale) for _ in range(2))
        self.bias = np.log(rng.dirichlet(np.ones(K))).astype(np.float32) if bias else np.zeros(0, np.float32)
        pool = rng.choice(K, min(U, K), replace=False)
        m = np.concatenate([pool, rng.choice(pool, pairs or 4 * len(pool))]).astype(np.int32)
        n = rng.integers(0, K, len(m)).astype(np.int32)
        w = rng.integers(1, 5, len(m)).astype(np.float32) / 4
        if peak is not None:
            for u in rng.permutation(len(m))[: max(len(m) // 3, 1)]:
                self.O[n[u]] = self.I[m[u]] * (peak / max(float(self.I[m[u]] @ self.I[m[u]]), 1e-3))
        m, n, w = (np.concatenate([x, x[:3]]) for x in (m, n, w))
        self.pairs = m, n, w
        self.batch = _core.group_pairs(m, n, w, K)
        centers, _row_ptr, _contexts, _counts = self.batch
        self.N = np.zeros((len(centers), K))
        np.add.at(self.N, (np.searchsorted(centers, m), n), w)

    @staticmethod
    def _fenced(matrix):
        buffer = np.full(matrix.size + 64, np.nan, np.float32)
        inside = buffer[: matrix.size].reshape(matrix.shape)
        inside[:] = matrix
        return inside

    @property
    def centers(self):
        return self.batch[0]

    def workspace(self, rows=64, threads=2):
        return _core.Workspace(self.K, self.H, rows, threads)

    def copy(self):
        """(I, O), for a step to move."""
        return self.I.copy(), self.O.copy()


@contextlib.contextmanager
def file_size_limit(room):
    """No file may grow beyond `room` bytes; a write that goes further is an OSError (EFBIG)."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def kill_while(action, seconds):
    """A child calls `action` again and again, and is killed by SIGKILL after so many seconds."""
    child = os.fork()
    if child == 0:
        try:
            while True:
                action()
        finally:
            os._exit(1)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def train_threads():
    """Thread counts that must not matter: odd, more than the shards, more than the machine has."""
    return [1, 2, 3, 7, 16, (os.cpu_count() or 1) + 5]


def copy_of_project(folder):
    """The project in a folder of its own, without what was built in place."""
    without = (".git", "build", "dist", "*.so", "*.egg-info", "__pycache__", ".*_cache", ".venv")
    generated = [path.with_suffix(".c").name for path in (PROJECT / "fastsg").glob("*.pyx")]
    shutil.copytree(PROJECT, folder, ignore=shutil.ignore_patterns(*without, *generated))
    (folder / "README.md").touch()
    return folder


@pytest.fixture
def problem(rng):
    return lambda *args, **kwargs: Problem(rng, *args, **kwargs)
