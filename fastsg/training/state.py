"""What a training changes, and all the parts it works with."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..cooccurrence.window import Window
from ..distributed import Alone, Message, Team, from_first
from ..numerics.initializers import uniform_start
from ..numerics.objective import LEAST_PROBABILITY
from ..numerics.optimizer import Optimizer
from ..text.corpus import EncodedCorpus
from ..text.growth import joined
from ..text.vocab import Vocab
from .heldout import HeldOutText
from .history import History
from .plan import Plan
from .settings import Settings
from .totals import EpochTotals

_NO_BIAS = np.zeros(0, np.float32)

Matrix = NDArray[np.float32]


@dataclasses.dataclass
class TrainingState:
    """What training changes: I and O (K, H), the optimiser's sums, each center's last log Z, steps, epochs.

    A training can be continued where all of it goes together: ``at_epoch_end`` says that it stands at the end
    of an epoch whose books are closed; else ``begun`` is the books of the epoch that it stands inside of, at
    the end of a batch, or None. ``thinned`` says whether the last epoch was on thinned counts, which
    Adagrad's sums are about. ``best`` is a copy of (I, O) at the best epoch, where early stopping keeps one;
    ``restored_epoch`` is the epoch (from 1) that it has put back.
    """

    I: Matrix
    O: Matrix
    optimizer: Optimizer
    shift: NDArray[np.float32]
    step: int = 0
    epoch: int = 0
    at_epoch_end: bool = True
    begun: EpochTotals | None = None
    thinned: bool | None = None
    best: tuple[Matrix, Matrix] | None = None
    restored_epoch: int | None = None

    @classmethod
    def start(cls, K: int, H: int, optimizer: str, seed: int, num_threads: int = 1) -> TrainingState:
        """I uniform on [-1/2H, 1/2H) as in word2vec, O zero: the first loss is ln K (without a bias)."""
        I, O = uniform_start(K, H, seed, num_threads), np.zeros((K, H), np.float32)
        return cls(I, O, Optimizer(optimizer, K), np.zeros(K, np.float32))

    def given_rows(self, seed: int, num_threads: int) -> NDArray[np.bool_]:
        """Which rows of I, before the first step, are not as :meth:`start` made them, shape (K,)."""
        K, H = self.I.shape
        given: NDArray[np.bool_] = (self.I != uniform_start(K, H, seed, num_threads)).any(axis=1)
        return given

    def begin_stage(self, thinned: bool) -> None:
        """Before an epoch: Adagrad's sums begin anew where its loss is another than the last epoch's."""
        if self.thinned not in (None, thinned):
            self.optimizer.reset()
        self.thinned = thinned


class PretrainedWords(NamedTuple):
    """How many words of the vocabulary a training began at vectors of theirs, or without, and by what factor
    these were shortened.
    """

    found: int
    not_found: int
    factor: float


def no_seconds() -> dict[str, float]:
    """Nothing has taken any time yet."""
    return {"read": 0.0, "count": 0.0, "init": 0.0, "validate": 0.0}


@dataclasses.dataclass
class Training:
    """A training and all it works with.

    Attributes
    ----------
    settings : Settings
    vocab : Vocab
    keep : ndarray (K,), float64, or None   Probability of keeping a token of each word; None where all are
                                            kept.
    bias : ndarray (K,) or (0,), float32    b_n, added to the logits of thinned text.
    state : TrainingState
    workers : int
    progress : bool or None                 Whether a bar is shown; None: on a terminal and in a notebook.
    seconds : dict                          Seconds spent, by what they were spent on.
    history : History                       A record for each epoch.
    plan : Plan or None                     The training begun last.
    held_out : HeldOutText or None          What is measured on after every epoch.
    text : EncodedCorpus or None            All text that I and O were trained on, where that is known; by a
                                            vocabulary of its own, which may have rarer words too.
    known_text : EncodedCorpus or None      What the vocabulary leaves of it, where that is another corpus.
    begun_tokens : int                      How much of it there was when they last began at their start.
    pretrained : PretrainedWords or None    What it started from, where that was vectors.
    team : Team                             The processes that train together; not in files.
    """

    settings: Settings
    vocab: Vocab
    keep: NDArray[np.float64] | None
    bias: NDArray[np.float32]
    state: TrainingState
    workers: int
    progress: bool | None
    seconds: dict[str, float] = dataclasses.field(default_factory=no_seconds)
    history: History = dataclasses.field(default_factory=History)
    plan: Plan | None = None
    held_out: HeldOutText | None = None
    text: EncodedCorpus | None = None
    known_text: EncodedCorpus | None = None
    begun_tokens: int = 0
    pretrained: PretrainedWords | None = None
    team: Team = dataclasses.field(default_factory=Alone)

    @classmethod
    def start(
        cls,
        settings: Settings,
        vocab: Vocab,
        keep: NDArray[np.float64] | None,
        contexts: NDArray[np.float64] | None,
        workers: int,
        progress: bool | None,
    ) -> Training:
        """A training of which nothing is done.

        `contexts` is how often each word is a context, by default as in a text.
        """
        state = TrainingState.start(
            len(vocab), settings.vector_size, settings.optimizer, settings.seed, workers
        )
        training = cls(settings, vocab, keep, _NO_BIAS, state, workers, progress)
        if settings.output_bias is not None:
            training.bias = _log_shares(training.thinned_unigram() if contexts is None else contexts)
        return training

    @property
    def default_epochs(self) -> int:
        """Epochs of a training, unless it is told otherwise."""
        return self.settings.epochs_of(len(self.vocab), int(self.vocab.counts.sum()))

    def check_writable(self) -> None:
        """ValueError if I and O cannot be trained."""
        if not self.state.I.flags.writeable:
            raise ValueError(
                "I and O are mapped from a file, read-only; load the model without mmap to train it"
            )

    def note_text(self, corpus: EncodedCorpus, begins: bool) -> None:
        """Remember what was trained on; `begins`: I and O were at their start before that."""
        if begins:
            self.text, self.begun_tokens = corpus, corpus.n_tokens
        elif self.text is not None:
            known = from_first(self.team, lambda: Message({"known": self._knows(corpus)}, {}))
            if not known.about["known"]:
                self.text = joined(self.text, corpus)

    def _knows(self, corpus: EncodedCorpus) -> bool:
        """Whether a corpus is the text so far: itself, or the same again."""
        return any(known is not None and _same_text(known, corpus) for known in (self.text, self.known_text))

    def begun_plan(self) -> Plan:
        """The plan of a training that was begun; ValueError if there is none."""
        if self.plan is None:
            raise ValueError("resume=True, but no training of this model was begun")
        return self.plan

    @property
    def window(self) -> Window:
        """How windows are cut, as the settings say."""
        return Window.parse(self.settings.window, self.settings.shrink_windows)

    def thinned_unigram(self) -> NDArray[np.float64]:
        """How often each word occurs in the thinned text, up to a factor, shape (K,)."""
        return self.vocab.unigram() * (1.0 if self.keep is None else self.keep)

    def real_bias(self) -> NDArray[np.float32]:
        """b_n - log keep(n): what is added to the logits when they are about the real text, (K,) or (0,)."""
        if self.keep is None:
            return self.bias
        correction = -_core.logarithms(self.keep)
        return (correction + self.bias if len(self.bias) else correction).astype(np.float32)


def _log_shares(contexts: NDArray[np.float64]) -> NDArray[np.float32]:
    """b_n = log p(n), so that the softmax starts at the unigram distribution it is trained on."""
    return _core.logarithms(np.maximum(contexts / contexts.sum(), LEAST_PROBABILITY)).astype(np.float32)


def _same_text(first: EncodedCorpus, second: EncodedCorpus) -> bool:
    return first is second or (
        first.n_tokens == second.n_tokens
        and np.array_equal(first.offsets, second.offsets)
        and np.array_equal(first.tokens, second.tokens)
    )
