"""TrainedWord2Vec: what a Word2Vec shows of its training, by gensim's names."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import EncodedCorpus, KeyedVectors, SkipGram, Vocab
from ..checks import integer

logger = logging.getLogger(__name__)

#: How the names of our notes begin.
_NOTES = "gensim."


def _setting(name: str, doc: str) -> Any:
    """A setting of the SkipGram, for reading."""
    return property(lambda self: getattr(self.skipgram.settings, name), doc=doc)


def _default_epochs(model: SkipGram) -> int:
    K, tokens = (len(model.vocab), int(model.vocab.counts.sum())) if model.is_built else (0, 0)
    return model.settings.epochs_of(K, tokens)


def _noted(name: str, default: Callable[[SkipGram], int], doc: str) -> Any:
    """A number that goes into the file with the SkipGram, as one of its notes."""

    def get(self: TrainedWord2Vec) -> int:
        found = self.skipgram.notes.get(_NOTES + name)
        return found if isinstance(found, int) else default(self.skipgram)

    def put(self: TrainedWord2Vec, value: int) -> None:
        self.skipgram.notes[_NOTES + name] = integer(name, value, 0)

    return property(get, put, doc=doc)


class TrainedWord2Vec:
    """The part of Word2Vec that trains nothing: settings, loss, vectors, probabilities, file."""

    sg, hs, negative = 1, 0, 0

    def __init__(self, skipgram: SkipGram) -> None:
        self.skipgram = skipgram

    def __repr__(self) -> str:
        words = len(self.wv)
        return f"{type(self).__name__}<vocab={words}, vector_size={self.vector_size}, exact softmax>"

    # ---- settings, for reading ----

    vector_size = layer1_size = _setting("vector_size", "H, the length of a vector.")
    window = _setting("window", "Words to either side that are contexts.")
    min_count = _setting("min_count", "Rarer words are dropped.")
    max_final_vocab = _setting("max_final_vocab", "At most so many words are kept.")
    shrink_windows = _setting("shrink_windows", "How distances weigh.")
    seed = _setting("seed", "Of all random numbers.")
    alpha = _setting("alpha", "Learning rate at the start, of the optimizer here.")
    min_alpha = _setting("min_alpha", "Learning rate at the end.")

    # ---- what save keeps besides ----

    corpus_count = _noted("corpus_count", lambda model: 0, "Sentences that build_vocab met.")
    corpus_total_words = _noted(
        "corpus_total_words",
        lambda model: model.vocab.raw_tokens if model.is_built else 0,
        "Tokens that build_vocab met.",
    )
    epochs = _noted("epochs", _default_epochs, "What train does by default.")
    _epochs_before = _noted("epochs_before", lambda model: 0, "Of the call of train that came last.")

    @property
    def sample(self) -> float | None:
        """The subsampling threshold: the one in use once there is a vocabulary."""
        return self.skipgram.sample if self.skipgram.is_built else self.skipgram.settings.sample

    @property
    def workers(self) -> int:
        """Threads in use."""
        return self.skipgram.workers

    # ---- loss ----

    def get_latest_training_loss(self) -> float:
        """The loss summed over the pairs of all epochs since :meth:`train` was called, in nats, float64.

        It grows from epoch to epoch, as gensim's does. The mean loss per pair of each epoch is in
        ``skipgram.history``.
        """
        epochs = self.skipgram.history[self._epochs_before :]
        return float(sum(epoch["nll"] * epoch["pairs"] for epoch in epochs))

    @property
    def total_train_time(self) -> float:
        """Seconds that all epochs so far have taken."""
        return float(sum(epoch["seconds"] for epoch in self.skipgram.history))

    # ---- vectors and probabilities ----

    @property
    def wv(self) -> KeyedVectors:
        """The word vectors."""
        if self.skipgram.is_built:
            return self.skipgram.wv
        return KeyedVectors([], np.zeros((0, self.vector_size), np.float32))

    @property
    def syn1neg(self) -> NDArray[np.float32]:
        """The output matrix O, shape (K, H)."""
        return self.skipgram.O

    def predict_output_word(
        self, context_words_list: Iterable[str | int], topn: int | None = 10
    ) -> list[tuple[str, float]] | None:
        """The words most likely beside the given ones: softmax(O mean(I) + b) over the whole vocabulary.

        For one word these are the exact probabilities P(n|m), see :meth:`fastsg.SkipGram.predict_context`.
        For several they are the geometric mean of these, brought to sum 1. Unknown words are left out and
        logged; None if none is known, as in gensim.
        """
        if isinstance(context_words_list, str):
            raise TypeError(f"context_words_list is the str {context_words_list!r}; give a list of words")
        most = None if topn is None else integer("topn", topn, 0)
        model, wv, given = self.skipgram, self.wv, list(context_words_list)
        known = [wv.get_index(word) for word in given if word in wv]
        if len(known) < len(given):
            logger.warning("left out unknown words %r", [word for word in given if word not in wv])
        if not known:
            return None
        scores = (model.O @ model.I[known].mean(axis=0, dtype=np.float64).astype(np.float32)).astype(float)
        bias = model.real_bias()
        scores += bias if len(bias) else 0.0
        P = np.exp(scores - scores.max())
        P /= P.sum()
        best = np.argsort(-P, kind="stable")[:most]
        return [(wv.index_to_key[n], float(P[n])) for n in best]

    def score(
        self,
        sentences: Iterable[Iterable[str]],
        total_sentences: int | None = None,
        chunksize: int = 100,
        queue_factor: int = 2,
        report_delay: float = 1.0,
    ) -> NDArray[np.float64]:
        """Log-likelihood of each sentence, in nats: log P(context|center), summed over its pairs by weight.

        Parameters
        ----------
        sentences : iterable of token lists     Unknown words are left out.
        total_sentences, chunksize, queue_factor, report_delay
                                                Have no effect: all sentences are scored.

        Returns
        -------
        ndarray (n,), float64                   0 for a sentence without a pair of known words.
        """
        return np.array([self._log_likelihood(list(sentence)) for sentence in _lists(sentences)])

    def _log_likelihood(self, sentence: list[str]) -> float:
        vocab: Vocab = self.skipgram.vocab
        if self.skipgram.reading["lower"]:
            sentence = [word.lower() for word in sentence]
        ids = np.array([vocab.index[word] for word in sentence if word in vocab.index], np.int32)
        if len(ids) < 2:
            return 0.0
        loss = self.skipgram.nll(EncodedCorpus(ids, np.array([0, len(ids)], np.int64), vocab))
        return -float(loss.nll * loss.pairs)

    def estimate_memory(self) -> dict[str, int]:
        """Bytes the training needs, by part."""
        return self.skipgram.estimate_memory()

    # ---- file ----

    def save(self, fname: str | os.PathLike[str]) -> None:
        """Write the file of :meth:`fastsg.SkipGram.save`: one safetensors file, no pickle."""
        self.skipgram.save(fname)


def _lists(sentences: Iterable[Iterable[str]]) -> Iterable[Iterable[str]]:
    for number, sentence in enumerate(sentences):
        if isinstance(sentence, str):
            raise TypeError(f"sentence {number} is a str, not a list of tokens: {sentence[:40]!r}")
        yield sentence
