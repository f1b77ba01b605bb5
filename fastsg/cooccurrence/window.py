"""From token ids to the weighted pair counts of a batch: windows, subsampling, grouping by center.

A batch is a set of center positions. Its pairs are grouped by center word, equal centers merged, so that each distinct
center has one softmax row. Every random choice is a function of (seed, epoch, position): nothing depends on what ran before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import _core

# Streams of the random generator: one for each purpose in each epoch.
_THIN, _REACH, _STREAMS = 0, 1, 2
#: Stream of the start of I; no epoch reaches it.
START_STREAM = 2**62

_MAX_BATCH_PAIRS = 2**26
_MAX_REACH = 2**20


class Stage(NamedTuple):
    """What one epoch trains on: the `words` most frequent words; as the text was thinned (if it was), or as it is."""

    words: int
    thinned: bool


class PairCounts(NamedTuple):
    """Weighted pair counts grouped by distinct center, as the kernels take them.

    Attributes
    ----------
    centers : ndarray (U,), int32       Distinct center ids, rising.
    row_ptr : ndarray (U + 1,), int64   Row u holds entries row_ptr[u] to row_ptr[u + 1].
    contexts : ndarray (E,), int32      Context ids, rising within a row.
    counts : ndarray (E,), float32      Weight of each (center, context), above 0.
    """

    centers: NDArray[np.int32]
    row_ptr: NDArray[np.int64]
    contexts: NDArray[np.int32]
    counts: NDArray[np.float32]

    @property
    def total(self) -> float:
        """Sum of the weights: the number of pairs, in float64."""
        return float(self.counts.sum(dtype=np.float64))

    def context_totals(self, K: int) -> NDArray[np.float64]:
        """Weight of each context word, shape (K,)."""
        return np.bincount(self.contexts, self.counts, minlength=K)


class Window(NamedTuple):
    """Reach and weights of a window.

    Attributes
    ----------
    left, right : int               Words to either side; -1 is the whole sentence.
    weight_left, weight_right       Weight at each distance, float32; empty weighs 1.
    draw : bool                     The reach is drawn anew at each position, uniformly on 1..left and 1..right.
    harmonic : bool                 The weights are 1 / d.
    """

    left: int
    right: int
    weight_left: NDArray[np.float32]
    weight_right: NDArray[np.float32]
    draw: bool
    harmonic: bool = False

    @classmethod
    def parse(cls, window: int | tuple[int, int] | None, shrink_windows: bool | str) -> Window:
        """Build from the public arguments; ValueError or TypeError names what is wrong.

        ``shrink_windows=True`` (or ``"expected"``) weighs distance d by (z - d + 1) / z, the expectation of word2vec's
        randomly shrunk window; ``"random"`` draws the reach as word2vec does; ``"harmonic"`` weighs distance d by 1 / d;
        ``False`` weighs every distance 1.
        """
        left, right = _reach(window)
        if not isinstance(shrink_windows, (bool, np.bool_, str)) or shrink_windows not in (
            True,
            False,
            "expected",
            "random",
            "harmonic",
        ):
            raise ValueError(
                f"shrink_windows is {shrink_windows!r}; allowed are True (or 'expected'), False, 'random' and 'harmonic'"
            )
        if shrink_windows == "harmonic":
            if window is None:
                raise ValueError(
                    "shrink_windows is 'harmonic', which needs a window with a limit, but window is None"
                )
            return cls(left, right, _inverse(left), _inverse(right), False, True)
        expected = shrink_windows in (True, "expected") and window is not None
        none = np.zeros(0, np.float32)
        return cls(
            left,
            right,
            _falling(left) if expected else none,
            _falling(right) if expected else none,
            shrink_windows == "random" and window is not None,
        )

    def expected(self) -> Window:
        """The same window with the expectation of its random draws."""
        return (
            self._replace(weight_left=_falling(self.left), weight_right=_falling(self.right), draw=False)
            if self.draw
            else self
        )

    def held_out(self) -> Window:
        """The window of held-out losses: word2vec's expected weights for every window that weighs distances, so that losses compare."""
        return (
            self._replace(
                weight_left=_falling(self.left), weight_right=_falling(self.right), draw=False, harmonic=False
            )
            if self.draw or self.harmonic
            else self
        )

    def harmonised(self) -> Window:
        """The same window with weights 1 / d, if it weighs distances at all."""
        if not self.shrinks:
            return self
        return self._replace(
            weight_left=_inverse(self.left), weight_right=_inverse(self.right), draw=False, harmonic=True
        )

    @property
    def shrinks(self) -> bool | str:
        """What `shrink_windows` says the same."""
        return (
            "random"
            if self.draw
            else "harmonic"
            if self.harmonic
            else bool(len(self.weight_left) + len(self.weight_right))
        )

    def words(self, offsets: NDArray[np.int64]) -> int:
        """Most contexts that a position of these sentences can have."""
        longest = int(np.diff(offsets).max(initial=0))
        return min(longest, sum(longest if side < 0 else side for side in (self.left, self.right)))


def _reach(window: int | tuple[int, int] | None) -> tuple[int, int]:
    if window is None:
        return -1, -1
    sides = (
        (window, window) if isinstance(window, (int, np.integer)) and not isinstance(window, bool) else window
    )
    if not (
        isinstance(sides, (tuple, list))
        and len(sides) == 2
        and all(
            isinstance(side, (int, np.integer)) and not isinstance(side, bool) and side >= 0 for side in sides
        )
    ):
        raise ValueError(
            f"window is {window!r}; allowed are an integer of at least 1, a pair (left, right) or None for the whole sentence"
        )
    if sum(sides) < 1:
        raise ValueError(f"window is {window!r}; it must reach at least one word to one side")
    if max(sides) > _MAX_REACH:
        raise ValueError(
            f"window is {window!r}; the limit is {_MAX_REACH}, and None takes the whole sentence"
        )
    return int(sides[0]), int(sides[1])


def _falling(reach: int) -> NDArray[np.float32]:
    """(z - d + 1) / z for d = 1..z."""
    return (np.arange(reach, 0, -1) / max(reach, 1)).astype(np.float32)


def _inverse(reach: int) -> NDArray[np.float32]:
    """1 / d for d = 1..z."""
    return (1 / np.arange(1, reach + 1)).astype(np.float32)


def thin(
    tokens: NDArray[np.int32],
    offsets: NDArray[np.int64],
    keep: NDArray[np.float64] | None,
    seed: int,
    epoch: int,
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Drop tokens before windows are cut, token t kept with probability keep[t]; None keeps all.

    Returns
    -------
    tokens, offsets : the thinned corpus; sentences left empty vanish.
    """
    return (
        (tokens, offsets)
        if keep is None
        else _core.thin(tokens, offsets, keep, seed, _STREAMS * epoch + _THIN)
    )


def window_batches(
    tokens: NDArray[np.int32],
    offsets: NDArray[np.int64],
    window: Window,
    K: int,
    batch_size: int,
    seed: int = 0,
    epoch: int = 0,
) -> Iterator[tuple[int, PairCounts]]:
    """Walk the text: (centers walked so far, counts) of each batch of `batch_size` center positions.

    Batches without a pair (one-word sentences) are yielded too, empty, so that progress stays true.
    """
    for start in range(0, len(tokens), batch_size):
        stop = min(start + batch_size, len(tokens))
        _check_pairs(offsets, window, start, stop)
        yield (
            stop,
            PairCounts(
                *_core.group_windows(
                    tokens,
                    offsets,
                    start,
                    stop,
                    K,
                    window.left,
                    window.right,
                    window.weight_left,
                    window.weight_right,
                    window.draw,
                    seed,
                    _STREAMS * epoch + _REACH,
                )
            ),
        )


def batch_pairs(window: Window, offsets: NDArray[np.int64], centers: int) -> int:
    """Most pairs that a batch of so many centers of this text may have."""
    return min(window.words(offsets) * centers, _MAX_BATCH_PAIRS)


def _check_pairs(offsets: NDArray[np.int64], window: Window, start: int, stop: int) -> None:
    """Refuse a batch whose pairs would not fit in memory: whole-sentence windows are quadratic in the sentence."""
    first, last = np.searchsorted(offsets, start, "right") - 1, np.searchsorted(offsets, stop, "left")
    reach = window.words(offsets[first : last + 1])
    if (pairs := reach * (stop - start)) > _MAX_BATCH_PAIRS:
        raise ValueError(
            f"the window takes up to {reach} words of a sentence: a batch of {stop - start} centers would have up to "
            f"{pairs:.2e} pairs, the limit is {_MAX_BATCH_PAIRS:.2e}; give a smaller window, a smaller batch_size or "
            "shorter sentences"
        )


def pair_batches(
    centers: NDArray[np.int32],
    contexts: NDArray[np.int32],
    weights: NDArray[np.float32],
    K: int,
    batch_size: int,
) -> Iterator[tuple[int, PairCounts]]:
    """(pairs walked so far, counts) of each batch of `batch_size` explicit pairs."""
    for start in range(0, len(centers), batch_size):
        part = slice(start, start + batch_size)
        yield (
            min(start + batch_size, len(centers)),
            PairCounts(*_core.group_pairs(centers[part], contexts[part], weights[part], K)),
        )


def entropy(totals: NDArray[np.float64], model: NDArray[np.float64] | None = None) -> float:
    """Cross-entropy in nats of weights `totals` under the distribution `model` (default: their own)."""
    p = totals / totals.sum()
    q = p if model is None else np.maximum(model, 1e-30)  # a given vocabulary may count a word 0
    seen = p > 0
    return float(-(p[seen] * np.log(q[seen])).sum())


class TextSource(NamedTuple):
    """A corpus as a source of batches: windows cut after thinning, anew in every epoch."""

    tokens: NDArray[np.int32]
    offsets: NDArray[np.int64]
    window: Window
    keep: NDArray[np.float64] | None
    K: int
    batch_size: int
    seed: int

    def expected(self, stage: Stage | None = None) -> int:
        """About how many centers an epoch has."""
        if self.keep is None:
            return len(self.tokens)
        return int(np.bincount(self.tokens, minlength=self.K) @ self.keep)

    def stage(self, index: int, epochs: int) -> Stage:
        """What epoch `index` of a training trains on: all words."""
        return Stage(self.K, True)

    def epoch(self, epoch: int, stage: Stage | None = None) -> tuple[int, Iterator[tuple[int, PairCounts]]]:
        """(centers of the epoch, its batches)."""
        tokens, offsets = thin(self.tokens, self.offsets, self.keep, self.seed, epoch)
        return len(tokens), window_batches(
            tokens, offsets, self.window, self.K, self.batch_size, self.seed, epoch
        )


class PairSource(NamedTuple):
    """Explicit pairs as a source of batches: the same in every epoch."""

    centers: NDArray[np.int32]
    contexts: NDArray[np.int32]
    weights: NDArray[np.float32]
    K: int
    batch_size: int

    def expected(self, stage: Stage | None = None) -> int:
        """How many pairs an epoch has."""
        return len(self.centers)

    def stage(self, index: int, epochs: int) -> Stage:
        """What epoch `index` of a training trains on: all words."""
        return Stage(self.K, True)

    def epoch(self, epoch: int, stage: Stage | None = None) -> tuple[int, Iterator[tuple[int, PairCounts]]]:
        """(pairs of the epoch, its batches)."""
        return len(self.centers), pair_batches(*self)
