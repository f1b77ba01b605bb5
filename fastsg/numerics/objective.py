"""The exact softmax objective: loss, gradient, probabilities. Knows no corpus, no words, no schedule.

c_n = O_n . I_m + b_n      P(n|m) = exp(c_n) / sum_i exp(c_i)      loss = - sum N_mn log P(n|m), in nats
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _core, checks
from ..distributed import Share
from ..system.threads import effective_num_threads

#: Bytes of scratch that a block of softmax rows may take; twice as many where it would have too few rows: O
#: and its gradient pass through memory once for every block, which at 64 rows takes a quarter of the time.
SCRATCH_BYTES = 384 * 2**20
_FEW_ROWS, _MAX_ROWS = 192, 1024
_NO_BIAS = np.zeros(0, np.float32)
#: What stands for the probability of a word that a given vocabulary counts 0.
LEAST_PROBABILITY = 1e-30

Floats = NDArray[np.float32]
#: Rows of pair counts as the kernels take them: distinct centers, row pointers, contexts, counts.
Counts = tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int32], Floats]


def block_rows(K: int) -> int:
    """Softmax rows worked off at once: a function of K alone, because it is part of the result's bits."""
    rows = SCRATCH_BYTES // (4 * max(K, 1))
    if rows < _FEW_ROWS:
        rows = min(2 * rows, _FEW_ROWS)
    return int(min(max(rows // _core.PANEL * _core.PANEL, _core.PANEL), _MAX_ROWS))


def make_workspace(
    K: int,
    H: int,
    num_threads: int | None = None,
    precision: str = "float32",
    shared: _core.Workspace | None = None,
    share: Share | None = None,
) -> _core.Workspace:
    """Scratch for batches over K words of H coordinates.

    With `shared` it is that of another workspace, which must not be in use at the same time. `share` is what
    this process has of the words, if others have the rest.
    """
    return _core.Workspace(K, H, block_rows(K), effective_num_threads(num_threads), precision, shared, share)


def loss_and_gradient(
    centers: ArrayLike,
    contexts: ArrayLike,
    I_kh: Floats,
    O_kh: Floats,
    *,
    weights: ArrayLike | None = None,
    bias: Floats | None = None,
    num_threads: int | None = None,
) -> tuple[float, Floats, Floats]:
    """Exact loss of a batch of pairs and its gradient with respect to all of I and all of O.

    Equivalent to ``-log_softmax(I[m] @ O.T + bias)[n]`` summed over the pairs. Pairs with equal centers share
    a softmax row.

    Parameters
    ----------
    centers, contexts : array-like of shape (pairs,), int
        Ids m and n, each in [0, K).
    I_kh, O_kh : ndarray of shape (K, H), float32
        Input and output matrix, C-contiguous.
    weights : array-like of shape (pairs,), optional
        Weight of each pair, not negative; default 1.
    bias : ndarray of shape (K,), float32, optional
        Added to the logits.
    num_threads : int, optional
        Does not change the result.

    Returns
    -------
    loss : float                Sum of -log P(n|m) over the pairs, in nats, accumulated in float64.
    gI_kh : ndarray (K, H)      d loss / d I; zero in the rows that are no center.
    gO_kh : ndarray (K, H)      d loss / d O, dense.

    Raises
    ------
    ValueError                  Wrong shape, dtype or id; names the argument and the value.
    DivergenceError             A softmax row is not finite.

    Notes
    -----
    6 U K H flops for U distinct centers. Derivation: docs/model.md.
    """
    I_kh, O_kh = checks.matrix("I_kh", I_kh), checks.matrix("O_kh", O_kh)
    K, H = O_kh.shape
    m, n = checks.ids("centers", centers, K), checks.ids("contexts", contexts, K)
    w = (
        np.ones(len(m), np.float32)
        if weights is None
        else checks.floats("weights", weights).astype(np.float32)
    )
    counts = _core.group_pairs(m, n, w, K)
    gI_kh = np.zeros_like(I_kh)
    if not len(counts[0]):
        return 0.0, gI_kh, np.zeros_like(O_kh)
    workspace = make_workspace(K, H, num_threads)
    loss, rows, gO_kh = workspace.gradient(I_kh, O_kh, _NO_BIAS if bias is None else bias, *counts)
    gI_kh[counts[0]] = rows
    return loss, gI_kh, gO_kh


def cross_entropy(weights: NDArray[np.float64], model: NDArray[np.float64] | None = None) -> float:
    """Cross-entropy in nats of the distribution that `weights` give under `model`, by default itself."""
    p = weights / weights.sum()
    q = p if model is None else np.maximum(model, LEAST_PROBABILITY)
    seen = p > 0
    return float(-(p[seen] * np.log(q[seen])).sum())


def total_nll(
    batches: Iterable[Counts], I_kh: Floats, O_kh: Floats, bias: Floats, workspace: _core.Workspace
) -> float:
    """Sum of -log P over all counts of some batches, in nats."""
    return sum(workspace.loss(I_kh, O_kh, bias, *counts) for counts in batches if len(counts[0]))


def log_partition(
    ids: NDArray[np.int32], I_kh: Floats, O_kh: Floats, bias: Floats, workspace: _core.Workspace
) -> NDArray[np.float64]:
    """log Z of the centers `ids`, shape (len(ids),)."""
    log_z = np.zeros(len(ids))
    no_entries = np.zeros(len(ids) + 1, np.int64)
    workspace.loss(I_kh, O_kh, bias, ids, no_entries, np.zeros(0, np.int32), _NO_BIAS, log_z)
    return log_z


def log_prob(
    centers: NDArray[np.int32],
    contexts: NDArray[np.int32],
    I_kh: Floats,
    O_kh: Floats,
    bias: Floats,
    workspace: _core.Workspace,
) -> NDArray[np.float64]:
    """log P(context|center) of each pair, in nats, shape (pairs,)."""
    distinct, row = np.unique(centers, return_inverse=True)
    log_z = log_partition(distinct.astype(np.int32), I_kh, O_kh, bias, workspace)
    logits: NDArray[np.float64] = np.einsum("ph,ph->p", I_kh[centers], O_kh[contexts], dtype=np.float64)
    return logits + (bias[contexts] if len(bias) else 0.0) - log_z[row]


def probabilities(
    ids: NDArray[np.int32], I_kh: Floats, O_kh: Floats, bias: Floats, chunk: int = 8192
) -> NDArray[np.float64]:
    """P(n|m) of the centers `ids` over the whole vocabulary, float64, shape (len(ids), K); rows sum to 1."""
    X = I_kh[ids].astype(np.float64)
    P = np.empty((len(ids), len(O_kh)))
    for k in range(0, len(O_kh), chunk):  # float64 copies of O in small pieces
        P[:, k : k + chunk] = X @ O_kh[k : k + chunk].astype(np.float64).T
    if len(bias):
        P += bias
    P -= P.max(1, keepdims=True)
    np.exp(P, out=P)
    P /= P.sum(1, keepdims=True)
    return P
