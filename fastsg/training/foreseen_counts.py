"""What the counts of a text will be, from those of a part of it: how many entries, and after how long."""

from __future__ import annotations

import dataclasses
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..cooccurrence.counts import CooccurrenceCounts
from ..cooccurrence.window import Window
from ..text.corpus import EncodedCorpus
from .calibration import timed
from .settings import Settings
from .stages import Stage, any_thinned

#: The part of a text that is counted: a quarter, but so many tokens at least and at most.
_SHARE, _LEAST, _MOST = 4, 2**18, 2**22
#: It is made of so many pieces: texts keep to their subjects.
_PIECES = 64
#: Seconds grow as a power of the tokens, not a higher one than this.
_MOST_POWER = 1.05


@dataclasses.dataclass(frozen=True)
class ForeseenCounts:
    """Counts that a training will have.

    Attributes
    ----------
    part : CooccurrenceCounts       Of a part of the text, or of all.
    growth, thinned_growth : float  Entries that there will be for each one of the part's.
    starts : two CooccurrenceCounts Fewer counts and more, of those that a training begins on.
    seconds : float                 Of counting.
    """

    part: CooccurrenceCounts
    growth: float
    thinned_growth: float
    starts: tuple[CooccurrenceCounts, CooccurrenceCounts]
    seconds: float

    def entries(self, thinned: bool) -> float:
        """Of the text's counts, or of the thinned ones."""
        return self.growth * self.part.nnz if not thinned else self.thinned_growth * self.part.start.nnz

    def walked(self, stage: Stage, times: NDArray[np.int64]) -> float:
        """Entries that an epoch walks, in which row m comes times[m] times."""
        counts = self.part.start if stage.thinned else self.part
        sizes = counts.leading(stage.words)[0] - counts.row_ptr[: stage.words]
        return float(sizes @ times) * (self.thinned_growth if stage.thinned else self.growth)


def known_counts(counts: CooccurrenceCounts) -> ForeseenCounts:
    """Counts that are there already."""
    starts = tuple(_some_entries(counts.start, every) for every in (16, 4))
    return ForeseenCounts(counts, 1.0, 1.0, (starts[0], starts[1]), 0.0)


def foresee_counts(settings: Settings, corpus: EncodedCorpus, tokens: int, workers: int) -> ForeseenCounts:
    """Count parts of a text of so many tokens, a quarter, a sixteenth and a 64th, and see how that grows.

    `corpus` is the text, or if there are fewer tokens in it a text like it.
    """
    size = min(max(tokens // _SHARE, _LEAST), _MOST, corpus.n_tokens)
    sizes = [max(size // _SHARE**2, 1), max(size // _SHARE, 1), size]
    least, fewer, more = (_counted(settings, corpus, n, workers) for n in sizes)
    shares = math.log(tokens / size) / math.log(_SHARE)  # how often the part must be taken _SHARE times

    def growth(*entries: int) -> float:
        first, second, third = (math.log(max(n, 1)) for n in entries)
        return math.exp(_gone_on(second - first, third - second, shares))

    made = [one.counts for one in (least, fewer, more)]
    slower = min(max(more.seconds / fewer.seconds, 1.0), _SHARE**_MOST_POWER)
    return ForeseenCounts(
        more.counts,
        growth(*(counts.nnz for counts in made)),
        growth(*(counts.start.nnz for counts in made)),
        (fewer.counts.start, more.counts.start),
        more.seconds * slower**shares,
    )


def _gone_on(before: float, last: float, steps: float) -> float:
    """How far a curve rises in so many steps, whose last two rose by `before` and `last`.

    A parabola up to its top: each time that a text is four times as long, the entries of its counts grow by
    less.
    """
    bend = min(last - before, 0.0)
    if bend < 0:
        steps = min(steps, max(-last / bend - 0.5, 0.0))
    return steps * last + steps * (steps + 1) / 2 * bend


class _Counted(NamedTuple):
    counts: CooccurrenceCounts
    seconds: float


def _counted(settings: Settings, corpus: EncodedCorpus, tokens: int, workers: int) -> _Counted:
    """The counts of a part of a text as a training makes them."""
    part, K = part_of_text(corpus, tokens), len(corpus.vocab)
    thins = settings.init != "random" or any_thinned(0, settings.epochs_of(K))
    keep = corpus.vocab.keep_probabilities(settings.threshold(K)) if thins else None

    def count() -> CooccurrenceCounts:
        return CooccurrenceCounts.of_windows(
            part,
            Window.parse(settings.window, settings.shrink_windows),
            keep,
            thinned_too=True,
            draws=settings.draws,
            seed=settings.seed,
            workers=workers,
        )

    return _Counted(*timed(count))


def part_of_text(corpus: EncodedCorpus, tokens: int) -> EncodedCorpus:
    """So many tokens in pieces from all over a text; sentences end where pieces do."""
    length = tokens // _PIECES
    if tokens >= corpus.n_tokens or not length:
        return corpus
    begins = np.linspace(0, corpus.n_tokens - length, _PIECES).astype(np.int64)
    ends, offsets = corpus.offsets, [np.zeros(1, np.int64)]
    for number, begin in enumerate(begins.tolist()):
        inside = ends[np.searchsorted(ends, begin, "right") : np.searchsorted(ends, begin + length)]
        offsets += [inside - begin + number * length, np.array([(number + 1) * length])]
    pieces = [corpus.tokens[begin : begin + length] for begin in begins.tolist()]
    return EncodedCorpus(np.concatenate(pieces), np.concatenate(offsets), corpus.vocab)


def _some_entries(counts: CooccurrenceCounts, every: int) -> CooccurrenceCounts:
    """About every so manieth entry, alike on both sides of the diagonal."""
    sizes = np.diff(counts.row_ptr)
    rows = np.repeat(np.arange(counts.K, dtype=np.int32), sizes)
    kept = (rows + counts.contexts) % every == 0
    row_ptr = np.append(0, np.cumsum(np.bincount(rows[kept], minlength=counts.K)))
    some = CooccurrenceCounts(
        row_ptr, counts.contexts[kept], counts.counts[kept], counts.vocab, keep=counts.keep
    )
    some.settings = counts.settings
    return some
