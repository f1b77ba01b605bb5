"""Fixtures shared by the tests: seeds, problems of awkward shapes, and the shared data where it is present."""

import os
from pathlib import Path

import numpy as np
import pytest

from fastsg import _core

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SEED = int(os.environ.get("FASTSG_SEED", "0"))


@pytest.fixture
def rng():
    return np.random.default_rng(SEED)


@pytest.fixture
def data():
    """Folder of the shared corpora; tests that need it are skipped where it is absent."""
    if not DATA.is_dir():
        pytest.skip("the shared data are not here")
    return DATA


@pytest.fixture(params=_core.available_isas())
def isa(request):
    """Runs the test once for each instruction set of this machine."""
    _core.select_isa(request.param)
    yield request.param
    _core.select_isa(os.environ.get("FASTSG_ISA") or None)


class Problem:
    """A random batch: matrices, counts in CSR and dense, bias."""

    def __init__(self, rng, K, H, U, scale=1.0, pairs=None, bias=False):
        self.K, self.H = K, H
        self.I = (rng.standard_normal((K, H)) * scale).astype(np.float32)
        self.O = (rng.standard_normal((K, H)) * scale).astype(np.float32)
        self.bias = np.log(rng.dirichlet(np.ones(K))).astype(np.float32) if bias else np.zeros(0, np.float32)
        pool = rng.choice(K, min(U, K), replace=False)
        m = np.concatenate([pool, rng.choice(pool, pairs or 4 * len(pool))]).astype(np.int32)
        n = rng.integers(0, K, len(m)).astype(np.int32)
        w = rng.integers(1, 5, len(m)).astype(np.float32) / 4
        self.pairs = m, n, w
        self.batch = _core.group_pairs(m, n, w, K)
        centers, row_ptr, contexts, counts = self.batch
        self.N = np.zeros((len(centers), K))
        np.add.at(self.N, (np.searchsorted(centers, m), n), w)

    def workspace(self, rows=64, threads=2):
        return _core.Workspace(self.K, self.H, rows, threads)


@pytest.fixture
def problem(rng):
    return lambda *args, **kwargs: Problem(rng, *args, **kwargs)
