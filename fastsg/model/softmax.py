"""What the exact softmax can tell about the real text: P(context|center), scores, perplexity."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from .. import _core, checks
from ..cooccurrence.counts import CooccurrenceCounts
from ..cooccurrence.window import Reach, Shrink, Window
from ..numerics import objective
from ..system.threads import effective_num_threads
from ..text.corpus import EncodedCorpus
from ..text.vocab import Vocab
from ..training.heldout import HeldOutLoss, held_out_loss
from ..vectors.answers import Answers, Ranking
from .text_reader import known_corpus


class SoftmaxModel:
    """An exact softmax over a vocabulary: c_n = O_n . I_m + b_n.

    Parameters
    ----------
    vocab : Vocab
    I, O : ndarray (K, H), float32       Input and output matrix.
    bias : ndarray (K,), float32         The whole constant added to each logit; empty for none.
    window, shrink_windows               How :meth:`score` cuts and weighs pairs, as in training.
    workers : int, optional              Threads; does not change a result.
    """

    def __init__(
        self,
        vocab: Vocab,
        I: NDArray[np.float32],
        O: NDArray[np.float32],
        bias: NDArray[np.float32] | None = None,
        *,
        window: Reach = 5,
        shrink_windows: Shrink = True,
        workers: int | None = None,
    ) -> None:
        if not isinstance(vocab, Vocab):
            raise TypeError(f"vocab is a {type(vocab).__name__}; it must be a Vocab")
        self.vocab, self.I, self.O = vocab, checks.matrix("I", I), checks.matrix("O", O)
        if not self.I.shape == self.O.shape == (len(vocab), self.O.shape[1]):
            raise ValueError(
                f"I and O have shapes {self.I.shape} and {self.O.shape}; both must have a row for each of "
                f"the {len(vocab)} words, of as many numbers"
            )
        self._bias = np.zeros(0, np.float32) if bias is None else checks.bias("bias", bias, len(vocab))
        self._window = Window.parse(window, shrink_windows)
        self._workers = effective_num_threads(workers)

    def real_bias(self) -> NDArray[np.float32]:
        """The constant added to each logit when probabilities are about the real text, (K,) or (0,)."""
        return self._bias

    def predict_context(self, word: str | int, topn: int = 10) -> Answers:
        """The contexts most likely around a center word.

        Returns
        -------
        list of (word, probability), most likely first; the probabilities of the whole vocabulary sum to 1.
        """
        topn = checks.integer("topn", topn, 0)
        P = objective.probabilities(self._ids("word", [word]), self.I, self.O, self._bias)[0]
        best = np.argsort(-P, kind="stable")[:topn]
        return Ranking(((self.vocab.words[n], float(P[n])) for n in best), "probability")

    def predict_proba(self, centers: Sequence[str | int]) -> NDArray[np.float64]:
        """P(context|center) over the whole vocabulary, shape (len(centers), K), float64; rows sum to 1."""
        return objective.probabilities(self._ids("centers", centers), self.I, self.O, self._bias)

    def log_prob(self, centers: Sequence[str | int], contexts: Sequence[str | int]) -> NDArray[np.float64]:
        """log P(context|center) of each pair, in nats, shape (len(centers),)."""
        m, n = self._ids("centers", centers), self._ids("contexts", contexts)
        if len(m) != len(n):
            raise ValueError(f"centers and contexts have {len(m)} and {len(n)} words; they must be equal")
        return objective.log_prob(m, n, self.I, self.O, self._bias, self._workspace())

    def nll(self, corpus: EncodedCorpus, workspace: _core.Workspace | None = None) -> HeldOutLoss:
        """Held-out loss of an encoded text.

        Windows are cut after words outside the vocabulary were dropped, nothing is subsampled. Pairs weigh as
        in training; where they weighed 1 / d there, distance d weighs (z - d + 1) / z here, so that losses
        compare.

        Returns
        -------
        nll : float            Mean -log P per pair, in nats.
        unigram_nll : float    The same for the vocabulary's unigram distribution, whatever the center.
        pairs : float          Sum of the pairs' weights.
        """
        known_corpus("the text", corpus, self.vocab)
        workspace = workspace or self._workspace()
        if not isinstance(workspace, _core.Workspace):
            raise TypeError(f"workspace is a {type(workspace).__name__}; it must be a Workspace")
        window = self._window.held_out()
        counts = CooccurrenceCounts.of_windows(corpus, window, workers=workspace.num_threads)
        return held_out_loss(counts, self.I, self.O, self._bias, workspace)

    def score(self, corpus: EncodedCorpus | Iterable[Iterable[str]]) -> float:
        """Mean log P per pair of a text, in nats; higher is better. See :meth:`nll` for how pairs are cut."""
        if not isinstance(corpus, EncodedCorpus):
            corpus = EncodedCorpus.from_iter(corpus, vocab=self.vocab)
        return -self.nll(corpus).nll

    def perplexity(self, corpus: EncodedCorpus | Iterable[Iterable[str]]) -> float:
        """exp(-score): how many equally likely words the model hesitates between."""
        return math.exp(-self.score(corpus))

    def _workspace(self) -> _core.Workspace:
        K, H = self.O.shape
        return objective.make_workspace(K, H, self._workers)

    def _ids(self, name: str, words: Iterable[str | int]) -> NDArray[np.int32]:
        """Ids of words, or ids as given; unknown words are a KeyError that suggests close ones."""
        if isinstance(words, str):
            raise TypeError(f"{name} is the str {words!r}; give a list of words")
        return checks.ids(name, [self._id(name, word) for word in words], len(self.vocab))

    def _id(self, name: str, word: object) -> int:
        if isinstance(word, (int, np.integer)):
            return int(word)
        if isinstance(word, str):
            return self.vocab[word]
        raise TypeError(f"{name}: {word!r} is neither a word nor an id")
