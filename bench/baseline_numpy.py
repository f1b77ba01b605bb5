"""The NumPy baseline: one batch of exact-softmax skip-gram, in two forms of the same loss and update.

``literal_step``   the paper's formulas as they stand, pair by pair; what a first NumPy program does.
``grouped_step``   pairs grouped by center into three matrix products through NumPy's BLAS; what an expert
                   writes: float32 throughout, no buffer allocated twice, no pass over the logits that can be
                   saved.

Letters as everywhere: K words, H vector size, U centers of a batch, m a center id, n a context id.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.integer[Any]]

# Rows of logits go through the softmax together as long as they fit in a cache: best of 2^14 to 2^30 at
# K = 10k and 68k, where the whole step takes 1.2 and 1.7 times as long without such blocks.
SOFTMAX_BYTES = 1 << 20


def literal_step(I: Floats, O: Floats, pairs: Ints, rate: float, weights: Floats | None = None) -> float:
    """One gradient step over a batch of pairs, each with a softmax of its own.

    Parameters
    ----------
    I, O : ndarray of shape (K, H), float32     Input and output matrix, updated in place.
    pairs : ndarray of shape (n, 2), int        Rows (m, n); the same pair may come again.
    rate : float                                The learning rate; the gradient is the sum over pairs.
    weights : ndarray of shape (n,), float32    What each pair counts; None is one each, as in the paper.

    Returns
    -------
    loss : float    Sum of -w log P(n|m) at the parameters of the batch's start, in nats.
    """
    loss = 0.0
    dI, dO = np.zeros_like(I), np.zeros_like(O)
    for r, (m, n) in enumerate(pairs.tolist()):
        w = np.float32(1 if weights is None else weights[r])
        logits = O @ I[m]
        logits -= logits.max()
        e = np.exp(logits)
        total = e.sum()
        loss += float(w) * (float(np.log(total)) - float(logits[n]))
        residual = e / total  # P(j|m) - 1[j = n]
        residual[n] -= 1
        residual *= w
        dO += np.outer(residual, I[m])
        dI[m] += residual @ O
    rate32 = np.float32(rate)
    I -= rate32 * dI
    O -= rate32 * dO
    return loss


class GroupedBuffers:
    """Scratch of :func:`grouped_step` for up to `rows` centers, reused from batch to batch.

    Parameters
    ----------
    rows, K, H : int
        Most centers of a batch, vocabulary size, vector size. The logits take 4·rows·K bytes.
    """

    def __init__(self, rows: int, K: int, H: int) -> None:
        self.E = np.empty((rows, K), np.float32)
        self.X = np.empty((rows, H), np.float32)
        self.dX = np.empty((rows, H), np.float32)
        self.dO = np.empty((K, H), np.float32)
        self.top = np.empty((rows, 1), np.float32)
        self.total = np.empty((rows, 1), np.float32)


def grouped_step(
    I: Floats,
    O: Floats,
    centers: Ints,
    row_offsets: Ints,
    contexts: Ints,
    weights: Floats,
    rate: float,
    buffers: GroupedBuffers | None = None,
) -> float:
    """The same step with the pairs grouped by center: three matrix products.

    Parameters
    ----------
    I, O : ndarray of shape (K, H), float32         Input and output matrix, C-contiguous, updated in place.
    centers : ndarray of shape (U,), int            Center ids; one that comes twice costs two rows.
    row_offsets : ndarray of shape (U + 1,), int    Center r has contexts[row_offsets[r]:row_offsets[r + 1]].
    contexts : ndarray of shape (nnz,), int         Context ids; one may come twice in a row.
    weights : ndarray of shape (nnz,), float32      What each of them counts.
    rate : float                                    The learning rate; the gradient is the sum over pairs.
    buffers : GroupedBuffers or None                Scratch to reuse; None allocates it.

    Returns
    -------
    loss : float    Sum of -w log P(n|m) at the parameters of the batch's start, in nats.

    Notes
    -----
    With E = exp(U - max), S its row sums and N the counts, the residual is R = diag(N_m / S) (E - N·S / N_m):
    the scale goes to the (U, H) matrices on the other side of the products: a pass over the (U, K) one less.
    """
    U, (K, H) = len(centers), O.shape
    b = buffers if buffers is not None else GroupedBuffers(U, K, H)
    E, X, dX, total = b.E[:U], b.X[:U], b.dX[:U], b.total[:U]
    counts = np.diff(row_offsets)
    row_of = np.repeat(np.arange(U), counts)
    flat = row_of * K + contexts
    row_weight = np.bincount(row_of, weights, minlength=U).astype(np.float32)[:, None]

    np.take(
        I, centers, axis=0, out=X, mode="clip"
    )  # any other mode makes NumPy buffer `out`; ids are valid here
    np.matmul(X, O.T, out=E)
    log_weight = (
        E.ravel()[flat].astype(np.float64) @ weights
    )  # sum of w·u_mn, before the logits are overwritten
    _softmax_parts(E, b.top[:U], total)
    log_z = (b.top[:U].astype(np.float64) + np.log(total, dtype=np.float64)).ravel()
    loss = float(row_weight.ravel().astype(np.float64) @ log_z - log_weight)

    inverse = np.divide(total, row_weight, out=np.zeros_like(total), where=row_weight > 0)
    np.subtract.at(E.reshape(-1), flat, weights * inverse.ravel()[row_of])
    scale = row_weight * (np.float32(rate) / total)
    np.matmul(E, O, out=dX)
    dX *= scale
    X *= scale
    np.matmul(E.T, X, out=b.dO)
    O -= b.dO
    _subtract_rows(I, centers, dX)
    return loss


def _softmax_parts(E: Floats, top: Floats, total: Floats) -> None:
    """Turn logits into exp(u - max) in place, with row maxima and row sums, a cache-sized block at a time."""
    step = max(1, SOFTMAX_BYTES // (4 * E.shape[1]))
    for start in range(0, len(E), step):
        block = E[start : start + step]
        np.max(block, axis=1, keepdims=True, out=top[start : start + step])
        np.subtract(block, top[start : start + step], out=block)
        np.exp(block, out=block)
        np.sum(block, axis=1, keepdims=True, out=total[start : start + step])


def _subtract_rows(matrix: Floats, rows: Ints, change: Floats) -> None:
    """``matrix[rows] -= change``, right also where a row comes twice."""
    if len(np.unique(rows)) == len(rows):
        matrix[rows] -= change
    else:
        np.subtract.at(matrix, rows, change)
