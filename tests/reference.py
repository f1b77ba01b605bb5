"""The float64 oracle: dumb, slow, sharing no code with the package."""

import numpy as np


def log_probabilities(I, O, bias=None):
    """log P(n|m) of every row of I against every row of O, in float64; shape (rows, K)."""
    c = I.astype(np.float64) @ O.astype(np.float64).T
    if bias is not None and len(bias):
        c = c + np.asarray(bias, np.float64)
    top = c.max(1, keepdims=True)
    return c - (top + np.log(np.exp(c - top).sum(1, keepdims=True)))


def dense_counts(row_ptr, contexts, counts, K):
    """The counts of a batch as a dense (U, K) matrix."""
    N = np.zeros((len(row_ptr) - 1, K))
    for u in range(len(row_ptr) - 1):
        for i in range(row_ptr[u], row_ptr[u + 1]):
            N[u, contexts[i]] += counts[i]
    return N


def loss(I, O, centers, N, bias=None):
    """Sum of -log P over the counts, in nats."""
    return float(-(N * log_probabilities(I[centers], O, bias)).sum())


def gradient(I, O, centers, N, bias=None):
    """(gI of shape (U, H), gO of shape (K, H)): R = n P - N, gI = R O, gO = R' X."""
    P = np.exp(log_probabilities(I[centers], O, bias))
    R = N.sum(1, keepdims=True) * P - N
    return R @ O.astype(np.float64), R.T @ I[centers].astype(np.float64)


def float32_gradient(I, O, centers, N, bias=None):
    """The same in ordinary float32 NumPy: what a user would write, and what the kernels may not be worse
    than.
    """
    X, N = I[centers], N.astype(np.float32)
    c = X @ O.T
    if bias is not None and len(bias):
        c = c + bias
    c = c - c.max(1, keepdims=True)
    e = np.exp(c)
    z = e.sum(1, keepdims=True)
    value = float((N * (np.log(z) - c)).sum(dtype=np.float64))
    R = N.sum(1, keepdims=True) * (e / z) - N
    return value, R @ O, R.T @ X


def window_pairs(sentences, left, right, weight_left=None, weight_right=None):
    """{(center, context): weight} of lists of ids, pair by pair. None as reach: the whole sentence."""
    pairs = {}
    for sentence in sentences:
        for i, m in enumerate(sentence):
            for j, n in enumerate(sentence):
                d = j - i
                if (
                    d == 0
                    or (d < 0 and left is not None and -d > left)
                    or (d > 0 and right is not None and d > right)
                ):
                    continue
                table = weight_left if d < 0 else weight_right
                pairs[m, n] = pairs.get((m, n), 0.0) + (1.0 if table is None else table[abs(d) - 1])
    return pairs


def adagrad(x, g, sums, rate):
    """Row-wise Adagrad in float64: a += mean_h g^2, x -= rate g / sqrt(a). Returns (x, a); rows that never
    moved stay.
    """
    g, sums = g.astype(np.float64), sums + (g.astype(np.float64) ** 2).mean(1)
    return x - rate * np.divide(
        g, np.sqrt(sums)[:, None], out=np.zeros_like(g), where=sums[:, None] > 0
    ), sums


def philox(counter, key):
    """Philox 4x32-10 of Salmon et al. 2011 on lists of Python integers."""
    c, k = list(counter), list(key)
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [b >> 32 ^ c[1] ^ k[0], b & 0xFFFFFFFF, a >> 32 ^ c[3] ^ k[1], a & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def random_word(seed, stream, i):
    """Word i of a stream: block i // 4 and the stream are the counter, the seed is the key."""
    low, high = (lambda x: x & 0xFFFFFFFF), (lambda x: x >> 32)
    return philox([low(i // 4), high(i // 4), low(stream), high(stream)], [low(seed), high(seed)])[i % 4]
