"""Word2Vec under gensim's names: each call is handed on to a SkipGram."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Self, TypeAlias

import numpy as np

from .. import EncodedCorpus, SkipGram
from .arguments import (
    PASSED,
    check_possible,
    counted,
    least_count,
    ruled_corpus,
    ruled_vocab,
    warn_without_effect,
)
from .callbacks import passed_callbacks
from .trained import TrainedWord2Vec

Sentences: TypeAlias = EncodedCorpus | Iterable[Iterable[str]]
Path: TypeAlias = str | os.PathLike[str]
Paths: TypeAlias = Path | Sequence[Path]
Rule: TypeAlias = Callable[[str, int, int], int]


class Word2Vec(TrainedWord2Vec):
    """Skip-gram by the exact full softmax, with the names and signatures of gensim 4's Word2Vec.

    Given sentences or a file, the constructor trains.

    Parameters
    ----------
    sentences : iterable of token lists, optional
        Also a one-shot generator, an Arrow or pandas column of lists, an EncodedCorpus.
    corpus_file : path, or list of paths, optional
        A sentence a line; nothing is cut off, ``.gz .bz2 .xz .zst`` are unpacked.
    vector_size, window, min_count, max_final_vocab, sample, shrink_windows, epochs
        As in :class:`fastsg.SkipGram`, whose defaults they have; min_count=0 is 1.
    seed, workers : int, optional
        The result depends on the seed alone. None is 1, and as many threads as this process may use.
    sg : int
        1; there is no CBOW.
    hs, negative, ns_exponent, cbow_mean, alpha, min_alpha, max_vocab_size, sorted_vocab, hashfxn
        Have no effect; where they ask for something, one warning says so.
    trim_rule : callable (word, count, min_count) -> int, optional
        0: keep the word if it is frequent enough, 1: discard, 2: keep.
    null_word : int
        0.
    batch_words, compute_loss
        Have no effect: batches have their own size, and the loss is always computed.
    callbacks : iterable
        Objects with some of on_train_begin, on_epoch_begin, on_epoch_end, on_train_end, told of this model;
        or fastsg.Callback objects, told of the SkipGram. For the training in the constructor.
    comment : object
        Kept as it is.
    settings : dict, optional
        Arguments of :class:`fastsg.SkipGram` that gensim does not have, or that mean something else there:
        solver, optimizer, alpha, validation, progress, ...

    Attributes
    ----------
    skipgram : SkipGram             The model itself: probabilities, perplexity, history.
    wv : KeyedVectors               The word vectors; empty before there is a vocabulary.
    corpus_count, corpus_total_words : int
                                    Sentences and tokens that build_vocab met. Of files, sentences without a
                                    known word are not counted.
    epochs : int                    What :meth:`train` does by default; may be changed.

    Raises
    ------
    ValueError, TypeError           An argument is out of its range, or asks for what is not here.

    Examples
    --------
    >>> from fastsg.compat import Word2Vec
    >>> model = Word2Vec([["to", "be", "or", "not", "to", "be"]] * 10, vector_size=8, min_count=1, epochs=2)
    >>> model.wv.index_to_key[0], model.corpus_count
    ('be', 10)
    """

    def __init__(
        self,
        sentences: Sentences | None = None,
        corpus_file: Paths | None = None,
        vector_size: int = 100,
        alpha: float | None = None,
        window: int | tuple[int, int] | None = 5,
        min_count: int = 5,
        max_vocab_size: int | None = None,
        sample: float | None = None,
        seed: int | None = 1,
        workers: int | None = None,
        min_alpha: float | None = None,
        sg: int = 1,
        hs: int | None = None,
        negative: int | None = None,
        ns_exponent: float | None = None,
        cbow_mean: int | None = None,
        hashfxn: Callable[..., int] | None = None,
        epochs: int = 5,
        null_word: int = 0,
        trim_rule: Rule | None = None,
        sorted_vocab: int = 1,
        batch_words: int | None = None,
        compute_loss: bool = True,
        callbacks: Iterable[object] = (),
        comment: object = None,
        max_final_vocab: int | None = None,
        shrink_windows: bool = True,
        *,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        given = dict(locals())
        check_possible(sg, null_word)
        warn_without_effect(given, stacklevel=2)
        ours = {name: given[name] for name in PASSED}
        ours |= {"min_count": least_count(min_count), "seed": 1 if seed is None else seed}
        self._hold(SkipGram(**(ours | dict(settings or {}))), trim_rule, comment)
        passed_callbacks(callbacks, self)  # raises unless they are callbacks
        if sentences is not None or corpus_file is not None:
            self.build_vocab(sentences, corpus_file)
            self.train(callbacks=callbacks)
        elif callbacks:
            warnings.warn(
                "callbacks are for the training in the constructor: give them to train", stacklevel=2
            )

    def _hold(self, skipgram: SkipGram, trim_rule: Rule | None = None, comment: object = None) -> None:
        super().__init__(skipgram)
        self.trim_rule, self.comment = trim_rule, comment
        self._updated_corpus: EncodedCorpus | None = None

    # ---- vocabulary ----

    def build_vocab(
        self,
        corpus_iterable: Sentences | None = None,
        corpus_file: Paths | None = None,
        update: bool = False,
        progress_per: int = 10000,
        keep_raw_vocab: bool = False,
        trim_rule: Rule | None = None,
        *,
        trained_on: Sentences | Paths | None = None,
    ) -> None:
        """Read a corpus, count its words and lay out the matrices.

        Parameters
        ----------
        corpus_iterable, corpus_file        One of them, as in the constructor.
        update : bool                       Add the text to that so far: its frequent words join the
                                            vocabulary, and :meth:`train` then trains on all text.
        progress_per                        Has no effect.
        keep_raw_vocab : bool               Must be False: the words that were cut are not kept.
        trim_rule                           As in the constructor, which gives the default.
        trained_on                          With update=True: the text (sentences or paths) that a model from
                                            a file was trained on, which the file does not hold.
        """
        _refuse(keep_raw_vocab)
        if (corpus_iterable is None) == (corpus_file is None):
            raise ValueError("build_vocab takes either corpus_iterable or corpus_file")
        sentences = corpus_iterable
        if isinstance(sentences, Iterable) and not isinstance(sentences, str):
            sentences = counted(sentences, self._count)
        rule = trim_rule or self.trim_rule
        update = update and self.skipgram.is_built
        if update and rule is not None:
            raise ValueError(
                "trim_rule does not go with update=True: which words join is a matter of min_count"
            )
        if rule is None:
            self.skipgram.build_vocab(
                sentences, corpus_file=corpus_file, update=update, trained_on=trained_on
            )
        else:
            self.skipgram.build_vocab(self._ruled(sentences, corpus_file, rule), trained_on=trained_on)
        corpus = self.skipgram.corpus
        assert corpus is not None, "it was just read"
        self._updated_corpus = corpus if update else None
        if corpus_file is not None:
            self.corpus_count = len(corpus)
        self.corpus_total_words = corpus.raw_tokens

    def _count(self, sentences: int) -> None:
        self.corpus_count = sentences

    def _ruled(self, sentences: Sentences | None, files: Paths | None, rule: Rule) -> EncodedCorpus:
        whole = self.skipgram.encode(sentences, corpus_file=files, all_words=True)
        return ruled_corpus(whole, rule, self.min_count, self.max_final_vocab)

    def build_vocab_from_freq(
        self,
        word_freq: Mapping[str, int],
        keep_raw_vocab: bool = False,
        corpus_count: int | None = None,
        trim_rule: Rule | None = None,
        update: bool = False,
    ) -> None:
        """Take the vocabulary from words with their counts; the other arguments as in :meth:`build_vocab`."""
        _refuse(keep_raw_vocab)
        if update:
            raise ValueError(
                "build_vocab_from_freq(update=True): frequencies without text cannot be trained on"
            )
        words, counts = list(word_freq), [_whole(word, count) for word, count in word_freq.items()]
        rule = trim_rule or self.trim_rule or (lambda word, count, least: 0)
        self.skipgram.build_vocab(
            vocab=ruled_vocab(words, counts, rule, self.min_count, self.max_final_vocab)
        )
        self.corpus_count, self.corpus_total_words = corpus_count or 0, sum(counts)

    def reset_from(self, other_model: Word2Vec) -> None:
        """Take the vocabulary of another model, and start anew."""
        self.skipgram.build_vocab(vocab=other_model.skipgram.vocab)
        self.corpus_count, self.corpus_total_words = (
            other_model.corpus_count,
            other_model.corpus_total_words,
        )

    # ---- training ----

    def train(
        self,
        corpus_iterable: Sentences | None = None,
        corpus_file: Paths | None = None,
        total_examples: int | None = None,
        total_words: int | None = None,
        epochs: int | None = None,
        start_alpha: float | None = None,
        end_alpha: float | None = None,
        word_count: int = 0,
        queue_factor: int = 2,
        report_delay: float = 1.0,
        compute_loss: bool = True,
        callbacks: Iterable[object] = (),
    ) -> tuple[int, int]:
        """Train, by default on the corpus that build_vocab read.

        Parameters
        ----------
        corpus_iterable, corpus_file        As in the constructor; words that are not in the vocabulary are
                                            left out. After build_vocab(update=True) all text is trained on,
                                            whatever is given here: the model must not forget the rest.
        epochs : int, optional              Default :attr:`epochs`.
        callbacks                           As in the constructor.
        start_alpha, end_alpha              Have no effect, with a warning.
        total_examples, total_words, word_count, queue_factor, report_delay, compute_loss
                                            Have no effect.

        Returns
        -------
        (int, int)                          Known tokens, and all tokens, of the corpus times the epochs.
        """
        warn_without_effect({"start_alpha": start_alpha, "end_alpha": end_alpha}, stacklevel=2)
        model, passed = self.skipgram, passed_callbacks(callbacks, self)
        if corpus_iterable is not None and corpus_file is not None:
            raise ValueError("train takes either corpus_iterable or corpus_file")
        if not model.is_built:
            raise RuntimeError("there is no vocabulary: call build_vocab before train")
        corpus = self._updated_corpus or self._encoded(corpus_iterable, corpus_file)
        self._epochs_before = len(model.history)
        model.train(corpus, epochs=self.epochs if epochs is None else epochs, callbacks=passed)
        done = len(model.history) - self._epochs_before
        return corpus.n_tokens * done, corpus.raw_tokens * done

    def _encoded(self, sentences: Sentences | None, files: Paths | None) -> EncodedCorpus:
        if sentences is not None or files is not None:
            return self.skipgram.encode(sentences, corpus_file=files)
        if self.skipgram.corpus is None:
            raise ValueError("there is no corpus to train on: give corpus_iterable or corpus_file")
        return self.skipgram.corpus

    # ---- file ----

    @classmethod
    def load(cls, fname: Path, mmap: str | None = None) -> Self:
        """Read a file written by :meth:`save` or :meth:`fastsg.SkipGram.save`.

        Parameters
        ----------
        fname : path
        mmap : None or "r"          Map I and O read-only instead of reading them.

        Raises
        ------
        FormatError                 The file is not one of fastsg's; gensim's own are pickles, which are never
                                    read.
        """
        if mmap not in (None, "r"):
            raise ValueError(f"mmap is {mmap!r}; allowed are None and 'r'")
        model = cls.__new__(cls)
        model._hold(SkipGram.load(fname, mmap=mmap == "r"))
        return model


def _whole(word: str, count: Any) -> int:
    """A count as an int; ValueError if it is not a whole number or is negative."""
    is_number = isinstance(count, (int, float, np.integer, np.floating))
    if not (is_number and 0 <= count < math.inf and int(count) == count):
        raise ValueError(f"word_freq[{word!r}] is {count!r}; it must be a whole number, 0 or more")
    return int(count)


def _refuse(keep_raw_vocab: bool) -> None:
    if keep_raw_vocab:
        raise ValueError("keep_raw_vocab is True; it must be False: the words that are cut are not kept")
