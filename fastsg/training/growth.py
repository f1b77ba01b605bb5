"""A training that goes on over a larger vocabulary, and how fast it goes on with more text."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from ..text.vocab import Vocab
from .history import History
from .settings import Rates
from .state import Training, TrainingState

#: With so many times the text it was begun on, a training is better begun anew than continued. All trainings
#: of a growing text together then cost five of the last, besides an epoch for each piece.
_OUTGROWN = 1.25
#: So many times its share of the text is the part of the learning rate that new text gets, up to all of it.
_RATE_PER_SHARE = 10.0


def grown_training(training: Training, vocab: Vocab, keep: NDArray[np.float64] | None) -> Training:
    """The same training over a vocabulary that has all its words and more, the old one being left as it is.

    New words start as they do in a new model: their rows of O are zero, so that they are predicted as often
    as they occur, and those of I small and random.
    """
    grown = Training.start(training.settings, vocab, keep, None, training.workers, training.progress)
    place = np.array([vocab.index[word] for word in training.vocab.words])
    old, new = training.state, grown.state
    new.I[place], new.O[place], new.shift[place] = old.I, old.O, old.shift
    sums = ((old.optimizer.sums_I, new.optimizer.sums_I), (old.optimizer.sums_O, new.optimizer.sums_O))
    for mine, theirs in sums:
        if mine is not None and theirs is not None:
            theirs[place] = mine
    new.step, new.epoch, new.thinned = old.step, old.epoch, old.thinned
    return dataclasses.replace(
        grown,
        seconds=training.seconds.copy(),
        history=History(training.history),
        text=training.text,
        begun_tokens=training.begun_tokens,
        pretrained=training.pretrained,
    )


def begin_anew(training: Training) -> None:
    """Put I, O and the optimiser back to where a training starts; epochs count on."""
    settings, (K, H), epoch = training.settings, training.state.I.shape, training.state.epoch
    training.state = TrainingState.start(K, H, settings.optimizer, settings.seed, training.workers)
    training.state.epoch = epoch


def has_outgrown(tokens: int, begun_tokens: int) -> bool:
    """Whether a text is so much larger than the one a training was begun on that it should begin anew."""
    return tokens >= _OUTGROWN * begun_tokens


def first_rate(rates: Rates, new_tokens: int, all_tokens: int) -> float:
    """The learning rate with which more text is taken in: the last of a training, or more for much text."""
    share = new_tokens / all_tokens
    return max(min(rates.alpha * _RATE_PER_SHARE * share, rates.alpha), rates.min_alpha)
