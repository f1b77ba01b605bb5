"""What the counts of a text will be, from those of a part of it: how many entries, and after how long."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..cooccurrence.counts import CooccurrenceCounts
from ..cooccurrence.window import Window
from ..text.corpus import EncodedCorpus
from .calibration import timed
from .settings import Settings
from .stages import Stage, any_thinned

#: The part of a text that is counted: a quarter, but so many tokens at least and at most.
_SHARE, _LEAST, _MOST = 4, 2**20, 2**22
#: It is made of so many pieces: texts keep to their subjects.
_PIECES = 64


@dataclasses.dataclass(frozen=True)
class ForeseenCounts:
    """Counts that a training will have.

    Attributes
    ----------
    part : CooccurrenceCounts       Of a part of the text, or of all.
    growth, thinned_growth : float  Entries that there will be for each one of the part's.
    seconds : float                 Of counting.
    tokens : int                    Whose windows are counted for them; 0: the counts are there.
    """

    part: CooccurrenceCounts
    growth: float
    thinned_growth: float
    seconds: float
    tokens: int

    def entries(self, thinned: bool) -> float:
        """Of the text's counts, or of the thinned ones."""
        return self.growth * self.part.nnz if not thinned else self.thinned_growth * self.part.start.nnz

    def of_stage(self, stage: Stage) -> tuple[CooccurrenceCounts, float]:
        """The part's counts that an epoch walks, and how many entries there will be for each of theirs."""
        return (self.part.start, self.thinned_growth) if stage.thinned else (self.part, self.growth)

    def walked(self, stage: Stage, times: NDArray[np.int64]) -> float:
        """Entries that an epoch walks, in which row m comes times[m] times."""
        counts, growth = self.of_stage(stage)
        sizes = (counts.leading(stage.words)[0] - counts.row_ptr[: stage.words])[: stage.rows]
        return float(sizes @ times) * growth


def known_counts(counts: CooccurrenceCounts) -> ForeseenCounts:
    """Counts that are there already."""
    return ForeseenCounts(counts, 1.0, 1.0, 0.0, 0)


def foresee_counts(settings: Settings, corpus: EncodedCorpus, tokens: int, workers: int) -> ForeseenCounts:
    """Count parts of a text of so many tokens, a quarter, a sixteenth and a 64th, and see how that grows.

    `corpus` is the text, or if there are fewer tokens in it a text like it.
    """
    size = min(max(tokens // _SHARE, _LEAST), _MOST, corpus.n_tokens)
    sizes = [max(size // _SHARE**2, 1), max(size // _SHARE, 1), size]
    least, fewer, count = (_counting(settings, corpus, n, workers) for n in sizes)
    made = [least(), fewer()]
    more, seconds = timed(count)  # a second time: the first one is slower, but a long one hardly
    made.append(more)
    shares = math.log(tokens / size) / math.log(_SHARE)  # how often the part must be taken _SHARE times

    def growth(*entries: int) -> float:
        first, second, third = (math.log(max(n, 1)) for n in entries)
        return math.exp(_gone_on(second - first, third - second, shares))

    return ForeseenCounts(
        more,
        growth(*(counts.nnz for counts in made)),
        growth(*(counts.start.nnz for counts in made)),
        seconds * tokens / size,
        tokens,
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


def _counting(
    settings: Settings, corpus: EncodedCorpus, tokens: int, workers: int
) -> Callable[[], CooccurrenceCounts]:
    """What makes the counts of a part of a text, as a training does."""
    part, K = part_of_text(corpus, tokens), len(corpus.vocab)
    thins = settings.init != "random" or any_thinned(0, settings.epochs_of(K, corpus.n_tokens))
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

    return count


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
