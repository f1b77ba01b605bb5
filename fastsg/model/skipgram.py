"""SkipGram: the public trainer. Owns vocabulary, matrices and history; the loop itself is in trainer.py."""

from __future__ import annotations

import dataclasses
import io
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _core
from ..cooccurrence import window as pairs
from ..cooccurrence.counts import CooccurrenceCounts
from ..io.model_file import ModelContent, read_model_file, save_model_file, write_model_file
from ..io.safetensors import named
from ..numerics import objective
from ..system import memory as _memory
from ..system.threads import effective_num_threads
from ..text.corpus import EncodedCorpus
from ..text.vocab import Vocab
from ..training import loop as course
from ..training import stages
from ..training.callbacks import Callback, tell
from ..training.epoch import State
from ..training.settings import Settings, default_batch_rows, default_batch_size, default_sample
from ..vectors import KeyedVectors, unit_rows
from .inputs import (
    Corpus,
    Paths,
    TextReader,
    checked_pairs,
    is_paths,
    kept,
    known_corpus,
    pair_ids,
    pair_vocab,
)
from .saving import Plan, Source, pack, unpack
from .softmax import SoftmaxModel

logger = logging.getLogger(__name__)
_ENTER = threading.Lock()


class SkipGram(SoftmaxModel):
    """Skip-gram word embeddings by the exact full softmax.

    P(n|m) = exp(O_n . I_m + b_n) / sum_i exp(O_i . I_m + b_i), trained on all pairs (center m, context n) of the windows.
    Given sentences or a file, the constructor trains; otherwise call :meth:`build_vocab` and :meth:`train`.

    Parameters
    ----------
    sentences : iterable of lists of str, or EncodedCorpus, optional
        Also a one-shot generator: it is read once.
    corpus_file : path, or list of paths, optional
        Text files, a sentence a line; ``"-"`` is standard input; ``.gz .bz2 .xz .zst`` are unpacked.
    vector_size : int
        H, the length of a vector.
    window : int, (int, int) or None
        Words to either side that are contexts; ``(left, right)`` for an asymmetric window; None for the whole sentence.
    shrink_windows : bool, "harmonic" or "random"
        True weighs distance d by (z - d + 1) / z, the expectation of word2vec's shrinking window; "harmonic" by 1 / d; "random" draws
        the reach of every position as word2vec does; False gives every distance the weight 1. Held-out losses weigh pairs by
        (z - d + 1) / z in all cases but False.
    min_count, max_final_vocab : int
        Rarer words are dropped before windows are cut; at most so many words are kept. The cost of training grows with both
        the number of words and the variety of centers.
    sample : float, optional
        word2vec's subsampling: a word of relative frequency f is kept with probability min(1, sqrt(sample/f) + sample/f),
        before windows are cut; 0 keeps all, None is max(2e-4, 10 / K), with solver "sgd" max(1e-3, 10 / K). Solver "counts" trains on
        thinned text first and on the text as it is in the end. Probabilities and held-out losses are about the real text.
    alpha, min_alpha : float, optional
        Learning rate at the start and at the end; defaults depend on the optimizer (docs/defaults.md).
    lr_schedule : {"linear", "constant"}
    epochs : int
        Passes over the counts, or with solver "sgd" over the text.
    batch_size : int, optional
        Parameters are fixed within a batch, so it is part of the result. Solver "counts": rows (distinct centers) in a batch, default
        about 64 batches an epoch. Solver "sgd": center positions (q), default about 64 batches an epoch, a power of two from 1,024 to
        131,072; 1,024 for plain SGD.
    workers : int, optional
        Threads; default as many as this process may use. The same bits for any number.
    seed : int
    dtype : "float32"
        Of I and O.
    precision : {"float32", "bfloat16"}
        Of the operands of the matrix products in training; sums, gradients and I and O stay in float32, and so do held-out
        losses. bfloat16 is several times faster and needs a CPU with AVX512_BF16 or AMX; its bits are those of such CPUs alone.
    solver : {"counts", "sgd"}
        "counts" counts all windows once and walks the rows of the co-occurrence matrix: a pass costs 6 K^2 H operations whatever the
        length of the text. "sgd" is the paper's procedure: walk the text batch by batch. Both minimise the same loss.
    optimizer : {"newton", "adagrad", "sgd"}, optional
        "newton" (default with "counts"): damped Newton steps for the rows of I, row-wise Adagrad for those of O. "adagrad" (default
        with "sgd"): row-wise Adagrad for both. "sgd": plain gradient descent on the batch's summed loss.
    init : {"svd", "random"}, optional
        "svd" (default with "counts", and only there): I and O start as factors of the counts' positive pointwise mutual information.
        "random": I uniform on [-1/2H, 1/2H), O zero, as in word2vec; or whatever stands in I and O when training begins.
    draws : int
        Solver "counts": copies of the text, thinned by `sample`, whose counts are averaged; 0 weighs every pair by keep(m) keep(n)
        instead, without dropping tokens.
    head : float, optional
        Solver "counts": the epochs between the first and the last train on this share of the vocabulary, the most frequent words, among
        themselves. Default .5 above 16,384 words; 1 trains on all words in every epoch.
    vectors : {"input", "output", "sum"}
        What `wv` holds: rows of I, rows of O, or the sum of both at unit length.
    output_bias : {None, "unigram"}
        None is the paper's model; "unigram" fixes b_n = log p(n), so that the vectors carry only what the center adds.
    tokenizer : {"space", "char"}, callable or object with ``encode``, optional
        For files. Default "space": split on Unicode white space.
    errors : {"replace", "strict", "ignore"}
        What to do with invalid UTF-8 in files.
    validation : path, paths, EncodedCorpus or iterable of lists of str, optional
        Held-out text; its loss is taken after every epoch.
    callbacks : sequence of Callback
    progress : bool, optional
        Progress bar; default only when stderr is a terminal.
    sg, hs, negative : int
        Accepted for gensim users: only sg=1, hs=0, negative=0 exist here.

    Attributes
    ----------
    vocab : Vocab
    I, O : ndarray (K, H), float32          Input and output matrix.
    wv, cv : KeyedVectors                   The word vectors (see `vectors`), and the rows of O.
    history : list of dict                  One for each epoch: nll, perplexity, unigram_nll, valid_nll, valid_perplexity (nats per
                                            pair), pairs, softmax_rows, seconds, count_seconds, pairs_per_second, alpha, words
                                            (over which that epoch's softmax ran).
    plan : Plan or None                     The training begun last: epochs planned and done. It is saved with the model.
    restored_epoch : int or None            The epoch (from 1) whose I and O early stopping has put back.

    Examples
    --------
    >>> from fastsg import SkipGram
    >>> model = SkipGram([["to", "be", "or", "not", "to", "be"]] * 10, vector_size=8, min_count=1, epochs=2)
    >>> sorted(model.wv.index_to_key)
    ['be', 'not', 'or', 'to']
    """

    def __init__(
        self,
        sentences: Corpus | None = None,
        *,
        corpus_file: Paths | None = None,
        vector_size: int = 100,
        window: int | tuple[int, int] | None = 5,
        shrink_windows: bool | str = True,
        min_count: int = 5,
        max_final_vocab: int | None = None,
        sample: float | None = None,
        alpha: float | None = None,
        min_alpha: float | None = None,
        lr_schedule: str = "linear",
        epochs: int = 5,
        batch_size: int | None = None,
        workers: int | None = None,
        seed: int = 1,
        dtype: str = "float32",
        precision: str = "float32",
        solver: str = "counts",
        optimizer: str | None = None,
        output_bias: str | None = "unigram",
        init: str | None = None,
        draws: int = 3,
        head: float | None = None,
        vectors: str = "input",
        tokenizer: object = None,
        errors: str = "replace",
        validation: Corpus | Paths | None = None,
        callbacks: Sequence[Callback] = (),
        progress: bool | None = None,
        sg: int = 1,
        hs: int = 0,
        negative: int = 0,
    ) -> None:
        if (sg, hs, negative) != (1, 0, 0):
            raise ValueError(
                f"sg={sg}, hs={hs}, negative={negative}: fastsg trains skip-gram with the exact full softmax only, "
                "which is sg=1, hs=0, negative=0"
            )
        if sentences is not None and corpus_file is not None:
            raise ValueError("sentences and corpus_file are both given; give one of them")
        self.settings = Settings.checked(
            vector_size=vector_size,
            window=window,
            shrink_windows=shrink_windows,
            min_count=min_count,
            max_final_vocab=max_final_vocab,
            sample=sample,
            alpha=alpha,
            min_alpha=min_alpha,
            lr_schedule=lr_schedule,
            epochs=epochs,
            batch_size=batch_size,
            seed=seed,
            dtype=dtype,
            precision=precision,
            solver=solver,
            optimizer=optimizer,
            output_bias=output_bias,
            init=init,
            draws=draws,
            head=head,
            vectors=vectors,
        )
        self._window = pairs.Window.parse(window, shrink_windows)
        self._workers = effective_num_threads(workers)
        self._reader = TextReader(
            tokenizer if tokenizer is not None else "space",
            errors,
            self._workers,
            progress,
            min_count,
            self.settings.max_final_vocab,
        )
        self._callbacks, self._progress = checked_callbacks(callbacks), progress
        self._validation_given, self.validation = kept(validation), None
        self._held_out: CooccurrenceCounts | None = None
        self.history: list[dict[str, float | int | None]] = []
        self.seconds = {"read": 0.0, "count": 0.0, "init": 0.0, "validate": 0.0}
        self.corpus: EncodedCorpus | None = None
        self.plan: Plan | None = None
        self.restored_epoch: int | None = None
        self._keyed: dict[str, KeyedVectors] = {}
        self._training = False
        if sentences is not None or corpus_file is not None:
            self.build_vocab(sentences, corpus_file=corpus_file)
            self.train()

    def __repr__(self) -> str:
        words = len(self.vocab) if self.is_built else "no"
        return f"SkipGram({words} words, vector_size={self.settings.vector_size}, {len(self.history)} epochs trained)"

    # ---- vocabulary and matrices ----

    @property
    def is_built(self) -> bool:
        """Whether there is a vocabulary."""
        return hasattr(self, "vocab")

    def build_vocab(
        self, sentences: Corpus | None = None, *, corpus_file: Paths | None = None, vocab: Vocab | None = None
    ) -> None:
        """Read and encode a corpus, which :meth:`train` then uses, and lay out the matrices.

        Parameters
        ----------
        sentences, corpus_file              As in the constructor; one of them, or only `vocab`.
        vocab : Vocab, optional             Take this vocabulary instead of counting one.
        """
        begun = time.perf_counter()
        with self._alone():
            if sentences is None and corpus_file is None:
                if vocab is None:
                    raise ValueError("build_vocab needs sentences, corpus_file or vocab")
                self._lay_out(vocab, None, self._keep_probabilities(vocab))
            else:
                corpus = self._reader.encode(sentences, corpus_file, vocab)
                self.seconds["read"] = time.perf_counter() - begun
                self._lay_out(corpus.vocab, corpus, self._keep_probabilities(corpus.vocab))

    def build_from_counts(self, counts: CooccurrenceCounts) -> None:
        """Take vocabulary and thinning from counts and lay out the matrices, for :meth:`fit_counts`.

        Where the counts know how they were made, window, shrink_windows, sample and draws of :attr:`settings` become theirs.
        """
        _check_counts(counts)
        with self._alone():
            # of a text, the bias is that of a training on it
            self._lay_out(
                counts.vocab, None, counts.start.keep, None if counts.about else counts.column_sums()
            )
            if counts.about:
                self._adopt(counts)

    def _adopt(self, counts: CooccurrenceCounts) -> None:
        """The settings become those that the counts were made with."""
        about, start = counts.about, counts.start.about
        left, right = about["window"]
        window = None if left < 0 else left if left == right else (left, right)
        sample = start["sample"] if start and counts.start.keep is not None else 0.0
        self.settings = dataclasses.replace(
            self.settings,
            window=window,
            shrink_windows=about["shrink_windows"],
            sample=self.settings.sample if sample is None else sample,
            draws=start["draws"] if start else self.settings.draws,
        )
        self._window = pairs.Window.parse(window, about["shrink_windows"])

    def _lay_out(
        self,
        vocab: Vocab,
        corpus: EncodedCorpus | None,
        keep: NDArray[np.float64] | None,
        contexts: NDArray[np.float64] | None = None,
    ) -> None:
        """Start anew with a vocabulary and what thins it; `contexts` is how often each word is a context, unless that follows from
        them. Nothing of the model changes unless all of it can."""
        begun = time.perf_counter()
        needed = self._estimate(len(vocab), corpus)
        _memory.require(needed, f"training {len(vocab)} words of {self.settings.vector_size} coordinates")
        state = State.start(
            len(vocab), self.settings.vector_size, self.settings.optimizer, self.settings.seed, self._workers
        )
        contexts = vocab.unigram() * (1.0 if keep is None else keep) if contexts is None else contexts
        self._train_bias = self._unigram_bias(contexts)
        self.vocab, self.corpus, self.state, self._keep = vocab, corpus, state, keep
        self.history, self._keyed, self.plan, self.validation, self._held_out = [], {}, None, None, None
        self.seconds["init"] = time.perf_counter() - begun

    @property
    def sample(self) -> float:
        """The subsampling threshold in use; 0 where every token is kept."""
        self._need_vocab()
        return 0.0 if self._keep is None else self._threshold(self.vocab)

    def _threshold(self, vocab: Vocab) -> float:
        return (
            default_sample(len(vocab), self.settings.solver)
            if self.settings.sample is None
            else self.settings.sample
        )

    def _keep_probabilities(self, vocab: Vocab) -> NDArray[np.float64] | None:
        """keep(n) of each word, or None where every token is kept."""
        keep = vocab.keep_probabilities(self._threshold(vocab))
        return keep if (keep < 1).any() else None

    def _unigram_bias(self, contexts: NDArray[np.float64]) -> NDArray[np.float32]:
        """b_n = log p(n) of the thinned text, so that the softmax starts at the unigram distribution it is trained on."""
        if self.settings.output_bias is None:
            return np.zeros(0, np.float32)
        return _core.logarithms(np.maximum(contexts / contexts.sum(), 1e-30)).astype(np.float32)

    def real_bias(self) -> NDArray[np.float32]:
        """b_n - log keep(n): what is added to the logits when probabilities are about the real text, shape (K,) or (0,)."""
        if self._keep is None:
            return self._train_bias
        correction = -_core.logarithms(self._keep)
        return (correction + self._train_bias if len(self._train_bias) else correction).astype(np.float32)

    def _encode_validation(self) -> EncodedCorpus | None:
        given = self._validation_given
        if given is None or self.validation is not None:
            return self.validation
        paths = given if is_paths(given) else None
        corpus = self._reader.encode(None if paths else given, paths, self.vocab, "validation")
        if np.diff(corpus.offsets).max() < 2:
            raise ValueError("the validation text has no pair of known words within a sentence")
        return corpus

    @property
    def I(self) -> NDArray[np.float32]:  # noqa: E743
        """Input matrix, shape (K, H)."""
        self._need_vocab()
        return self.state.I

    @property
    def O(self) -> NDArray[np.float32]:  # noqa: E743
        """Output matrix, shape (K, H)."""
        self._need_vocab()
        return self.state.O

    @property
    def workers(self) -> int:
        """Threads in use; they do not change a result."""
        return self._workers

    @property
    def wv(self) -> KeyedVectors:
        """The word vectors: rows of I, unless the model was made with another `vectors`."""
        return self._vectors({"input": "I", "output": "O", "sum": "sum"}[self.settings.vectors])

    @property
    def cv(self) -> KeyedVectors:
        """The context vectors: rows of O."""
        return self._vectors("O")

    def _vectors(self, name: str) -> KeyedVectors:
        self._need_vocab()
        if name not in self._keyed:
            matrix = unit_rows(self.I) + unit_rows(self.O) if name == "sum" else getattr(self, name)
            self._keyed[name] = KeyedVectors(self.vocab.words, matrix, self.vocab.counts)
        return self._keyed[name]

    def _need_vocab(self) -> None:
        if not self.is_built:
            raise RuntimeError(
                "the model has no vocabulary yet: call build_vocab or train with sentences first"
            )

    def _known_vocab(self) -> Vocab:
        self._need_vocab()
        return self.vocab

    def estimate_memory(self) -> dict[str, int]:
        """Bytes the training needs, by part: matrices, optimizer, scratch, vocabulary, tokens, total."""
        self._need_vocab()
        return self._estimate(len(self.vocab), self.corpus)

    def _estimate(self, K: int, corpus: EncodedCorpus | None) -> dict[str, int]:
        tokens = corpus.n_tokens if corpus else 0
        if self.settings.solver == "counts":
            rows = self.settings.batch_size or default_batch_rows(K, objective.block_rows(K))
            words = self._window.words(corpus.offsets) if corpus else 0
            return _memory.estimate(
                K,
                self.settings.vector_size,
                min(rows, K),
                objective.block_rows(K),
                self._workers,
                tokens,
                self.settings.precision,
                drawn=tokens * max(self.settings.draws, 1),
                entries=_memory.distinct_pairs(K, tokens * words),
                tables=1 if self.settings.sample == 0 else 2,
            )
        centers = min(self.batch_size(tokens), max(tokens, 1))
        most = pairs.batch_pairs(self._window, corpus.offsets, centers) if corpus else 0
        return _memory.estimate(
            K,
            self.settings.vector_size,
            min(centers, K),
            objective.block_rows(K),
            self._workers,
            tokens,
            self.settings.precision,
            most,
        )

    # ---- file ----

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything there is to ask the model and to train it on: one safetensors file, see fastsg/io/model_file.py.

        Settings, vocabulary with counts, I, O, optimizer, history and the plan of the training; not the corpus, the validation
        text, the callbacks or a tokenizer of your own. The file is replaced as a whole or not at all, and the same model gives
        the same bytes (two trainings differ in the seconds of their histories).

        Raises
        ------
        OSError                             With the path; the old file is untouched.
        """
        self._need_vocab()
        save_model_file(path, pack(self))

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        mmap: bool = False,
        verify: bool | None = None,
        allow_nonfinite: bool = False,
        workers: int | None = None,
        tokenizer: object = None,
        errors: str | None = None,
        validation: Corpus | Paths | None = None,
        callbacks: Sequence[Callback] = (),
        progress: bool | None = None,
    ) -> SkipGram:
        """Read a file written by :meth:`save` or by :class:`Checkpoint`; nothing in it is ever executed.

        Parameters
        ----------
        path : path
        mmap : bool                         Map I and O read-only instead of reading them: queries work, training raises.
                                            Shortening the file while it is mapped kills the process (SIGBUS).
        verify : bool, optional             Compare the checksums of I and O, and look for NaN; default unless mapped.
        allow_nonfinite : bool              Load NaN and infinity.
        workers, tokenizer, errors, validation, callbacks, progress
                                            As in the constructor. By default the tokenizer "space" or "char" and `errors`
                                            are those of the file.

        Raises
        ------
        FormatError                         The file is no model file, or is damaged.
        OSError                             It cannot be read.
        """
        saved = read_model_file(path, mmap=mmap, verify=verify, allow_nonfinite=allow_nonfinite)
        return cls._restored(
            saved,
            os.fsdecode(path),
            workers=workers,
            tokenizer=tokenizer,
            errors=errors,
            validation=validation,
            callbacks=callbacks,
            progress=progress,
        )

    @classmethod
    def _restored(
        cls,
        saved: ModelContent,
        name: str,
        *,
        tokenizer: object = None,
        errors: str | None = None,
        **options: object,
    ) -> SkipGram:
        with named(name, "model file"):
            parts = unpack(saved)
        model = cls(**parts.settings.as_dict(), tokenizer=tokenizer, errors=errors or parts.errors, **options)
        if tokenizer is None:
            model._reader.tokenizer = parts.tokenizer
        model.vocab, model.history, model.state, model.plan = (
            parts.vocab,
            saved.history,
            parts.state,
            parts.plan,
        )
        model._keep, model._train_bias = parts.keep, parts.bias
        return model

    def __reduce__(self) -> tuple[Callable[..., SkipGram], tuple[type[SkipGram], bytes]]:
        """Copies and pickles hold what :meth:`save` writes."""
        self._need_vocab()
        file = io.BytesIO()
        write_model_file(file, pack(self))
        return _from_bytes, (type(self), file.getvalue())

    def batch_size(self, units: int | None = None) -> int:
        """Rows in a batch with solver "counts"; centers in a batch for a text of `units` tokens (or pairs), by default the text that
        build_vocab read, with "sgd"."""
        if self.settings.solver == "counts":
            K = len(self.vocab) if self.is_built else 0
            return self.settings.batch_size or default_batch_rows(K, objective.block_rows(K))
        if units is None:
            units = self.corpus.n_tokens if self.corpus else 0
        return self.settings.batch_size or default_batch_size(units, self.settings.optimizer)

    # ---- training ----

    def train(
        self,
        corpus: Corpus | None = None,
        *,
        corpus_file: Paths | None = None,
        total_examples: int | None = None,
        epochs: int | None = None,
        callbacks: Sequence[Callback] = (),
        resume: bool = False,
    ) -> SkipGram:
        """Train on a corpus, or on the one that build_vocab read.

        Parameters
        ----------
        corpus, corpus_file                 As in the constructor; words outside the vocabulary are dropped.
        total_examples : int, optional      Accepted for gensim users; nothing needs it.
        epochs : int, optional              Default: as in the constructor.
        resume : bool                       Do the epochs that an interrupted training still has to do, see :attr:`plan`. The
                                            result is that of an uninterrupted one, bit for bit. Corpus and validation text
                                            must be the same as then; callbacks must be given again. A training that was
                                            complete stays as it is.

        Raises
        ------
        DivergenceError                     A step would leave the finite numbers; I and O keep the state before it.
        ValueError                          resume: there is nothing to resume, the texts are others (says which), or the
                                            model was left in the middle of an epoch.
        """
        _check_epochs(epochs)
        if resume:
            self._need_resumable()
        encoded = self._training_corpus(corpus, corpus_file)
        if resume:
            self.corpus = encoded
        done, planned = (self.plan.done, self.plan.epochs) if resume else (0, epochs or self.settings.epochs)
        return self._run(
            self._source(encoded, done, planned), epochs, self.settings.lr_schedule, callbacks, resume
        )

    def partial_fit(self, sentences: Corpus | None = None, *, corpus_file: Paths | None = None) -> SkipGram:
        """One more epoch on new text at the constant rate alpha; the first call also builds the vocabulary from its text."""
        return self._run(self._source(self._training_corpus(sentences, corpus_file), 0, 1), 1, "constant")

    def fit_pairs(
        self,
        centers: Sequence[str] | ArrayLike,
        contexts: Sequence[str] | ArrayLike,
        weights: ArrayLike | None = None,
        *,
        epochs: int | None = None,
        resume: bool = False,
    ) -> SkipGram:
        """Train on explicit (center, context) pairs; no window, no subsampling.

        Solver "counts" adds equal pairs up and walks the rows of the sums, so that their order is nothing to it; solver "sgd" walks
        them in their order, `batch_size` pairs a batch.

        Parameters
        ----------
        centers, contexts : sequences of str, or of int
            Words; without a vocabulary one is counted from both sides (min_count, max_final_vocab and the order of ids as for
            text). Integers are ids of the vocabulary; without one they become the words ``"0"``, ``"1"``, …
            Pairs with a word outside the vocabulary are left out, and their number is logged.
        weights : array-like, optional
            Weight of each pair, not negative; default 1.
            A model whose vocabulary comes from pairs does not subsample text later either.
        epochs : int, optional
            Default: as in the constructor.
        resume : bool
            As in :meth:`train`.
        """
        if resume:
            self._need_resumable()
        m, n, w = checked_pairs(centers, contexts, weights)
        if not self.is_built:
            vocab = pair_vocab(m, n, self.settings.min_count, self.settings.max_final_vocab)
            m, n = m.astype(str), n.astype(str)
            with self._alone():
                self._lay_out(vocab, None, None)
        if self._keep is not None:
            raise ValueError(
                "the vocabulary was built for subsampled text, and pairs are not subsampled: give the constructor sample=0, "
                "or call fit_pairs on a model without a vocabulary"
            )
        m, n = pair_ids("centers", m, self.vocab), pair_ids("contexts", n, self.vocab)
        known = (m >= 0) & (n >= 0)
        if not known.all():
            logger.warning(
                "%d of %d pairs have a word outside the vocabulary and are left out",
                (~known).sum(),
                len(known),
            )
        if not w[known].any():
            raise ValueError(
                "there are no pairs to train on: no pair has two words of the vocabulary and a weight above 0"
            )
        if self.settings.solver == "counts":
            counts = CooccurrenceCounts.from_arrays(m[known], n[known], w[known], self.vocab)
            source: Source = self._count_source(counts)
        else:
            source = pairs.PairSource(
                m[known], n[known], w[known], len(self.vocab), self.batch_size(int(known.sum()))
            )
        return self._run(source, epochs, self.settings.lr_schedule, resume=resume)

    def fit_counts(
        self,
        counts: CooccurrenceCounts,
        *,
        epochs: int | None = None,
        callbacks: Sequence[Callback] = (),
        resume: bool = False,
    ) -> SkipGram:
        """Train on co-occurrence counts, made by :class:`CooccurrenceCounts` or anybody else; needs solver "counts".

        Parameters
        ----------
        counts : CooccurrenceCounts
            A model without a vocabulary takes theirs, and with it `window`, `shrink_windows`, `sample` and `draws`, where they are known.
        epochs, callbacks, resume
            As in :meth:`train`.
        """
        if self.settings.solver != "counts":
            raise ValueError(
                f"fit_counts needs a model with solver='counts'; this one has {self.settings.solver!r}"
            )
        _check_counts(counts)
        if resume:
            self._need_resumable()
        if not self.is_built:
            self.build_from_counts(counts)
        elif self.vocab.words != counts.vocab.words:
            raise ValueError(
                "the counts have another vocabulary than the model; count with vocab=model.vocab, or take a model without one"
            )
        elif not _same(self._keep, counts.start.keep):
            raise ValueError(
                "the counts were thinned otherwise than the model's vocabulary: give both the same sample, or take a model "
                "without a vocabulary"
            )
        return self._run(self._count_source(counts), epochs, self.settings.lr_schedule, callbacks, resume)

    def _training_corpus(self, corpus: Corpus | None, corpus_file: Paths | None) -> EncodedCorpus:
        """Encode what is given (building the vocabulary if there is none yet), or take what build_vocab read."""
        if corpus is not None and corpus_file is not None:
            raise ValueError("a corpus and corpus_file are both given; give one of them")
        if corpus is None and corpus_file is None:
            if self.corpus is None:
                raise ValueError("there is no corpus to train on: give sentences or corpus_file")
            return self.corpus
        if not self.is_built:
            self.build_vocab(corpus, corpus_file=corpus_file)
            return self.corpus
        begun = time.perf_counter()
        encoded = self._reader.encode(corpus, corpus_file, self.vocab)
        self.seconds["read"] += time.perf_counter() - begun
        return encoded

    def _need_resumable(self) -> None:
        if self.plan is None:
            raise ValueError("resume=True, but no training of this model was begun")
        if not self.state.whole:
            raise ValueError(
                "resume=True, but the model does not stand at the end of an epoch: it was interrupted in the middle of one, "
                "or early stopping has put back its best state; load a checkpoint"
            )

    def _source(self, corpus: EncodedCorpus, done: int, epochs: int) -> Source:
        """The corpus as a source of batches for the epochs of a training of `epochs` that are still to be done."""
        known_corpus("the corpus", corpus, self.vocab)
        settings = self.settings
        if settings.solver == "sgd":
            return pairs.TextSource(
                corpus.tokens,
                corpus.offsets,
                self._window,
                self._keep,
                len(self.vocab),
                self.batch_size(corpus.n_tokens),
                settings.seed,
            )
        begun = time.perf_counter()
        starts = settings.init == "svd" and self.state.step == 0
        counts = CooccurrenceCounts.of_windows(
            corpus,
            self._window,
            self._keep if starts or stages.any_thinned(done, epochs) else None,
            thinned_too=True,
            sample=self.sample,
            draws=settings.draws,
            seed=settings.seed,
            workers=self._workers,
        )
        self.seconds["count"] += time.perf_counter() - begun
        logger.info("%r in %.2f s", counts, self.seconds["count"])
        return self._count_source(counts, ("tokens", (corpus.tokens, corpus.offsets)))

    def _count_source(
        self, counts: CooccurrenceCounts, origin: tuple[str, tuple[NDArray[Any], ...]] | None = None
    ) -> stages.CountSource:
        settings = self.settings
        return stages.CountSource(
            counts,
            self.batch_size(),
            settings.seed,
            self._workers,
            stages.head_words(counts, settings.head),
            origin,
        )

    def _run(
        self,
        source: Source,
        epochs: int | None,
        schedule: str,
        callbacks: Sequence[Callback] = (),
        resume: bool = False,
    ) -> SkipGram:
        """Train, if nobody else does."""
        with self._alone():
            return self._carry_out(source, epochs, schedule, callbacks, resume)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Two trainings of one model would overwrite each other's matrices: the second one is refused."""
        with _ENTER:
            if self._training:
                raise RuntimeError(
                    "this model is being trained already, by another thread or around a callback"
                )
            self._training = True
        try:
            yield
        finally:
            self._training = False

    def _carry_out(
        self, source: Source, epochs: int | None, schedule: str, callbacks: Sequence[Callback], resume: bool
    ) -> SkipGram:
        """Make the plan, or take up the old one; carry it out."""
        _check_epochs(epochs)
        if not self.I.flags.writeable:
            raise ValueError(
                "I and O are mapped from a file, read-only; load the model without mmap to train it"
            )
        callbacks = (*self._callbacks, *checked_callbacks(callbacks))
        self.validation = self._encode_validation()
        if resume:
            self.plan.check_continues(source, self.validation, epochs)
            source = self.plan.settle(source)
        else:
            self.plan = Plan.start(source, self.validation, epochs or self.settings.epochs, schedule)
            self.state.whole, self.state.best, self.restored_epoch = True, None, None
        if isinstance(source, stages.CountSource) and self.settings.init == "svd" and self.state.step == 0:
            course.start_from(self, source.table.start)
        try:
            if tell(callbacks, "on_train_begin", self):
                course.train(self, source, callbacks)
            tell(callbacks, "on_train_end", self)
        finally:
            self._keyed = {}  # vectors cache their norms, and the matrices have moved
        return self


def _from_bytes(cls: type[SkipGram], data: bytes) -> SkipGram:
    return cls._restored(read_model_file(data), "<bytes>")


def load(path: str | os.PathLike[str], **options: Any) -> SkipGram:
    """Read a model file: :meth:`SkipGram.load`."""
    return SkipGram.load(path, **options)


def _same(a: NDArray[np.float64] | None, b: NDArray[np.float64] | None) -> bool:
    return a is b if a is None or b is None else np.array_equal(a, b)


def _check_counts(counts: object) -> None:
    if not isinstance(counts, CooccurrenceCounts):
        raise TypeError(
            f"counts is {type(counts).__name__}; it must be CooccurrenceCounts, see its from_arrays and from_scipy"
        )
    if not counts.nnz:
        raise ValueError("there are no pairs to train on: the counts are empty")


def _check_epochs(epochs: object) -> None:
    if epochs is not None and (not isinstance(epochs, Integral) or isinstance(epochs, bool) or epochs < 1):
        raise ValueError(f"epochs is {epochs!r}; it must be an integer of at least 1")


def checked_callbacks(callbacks: Sequence[Callback]) -> tuple[Callback, ...]:
    """The callbacks as a tuple; TypeError if one is none."""
    if not isinstance(callbacks, Iterable) or not all(
        isinstance(callback, Callback) for callback in callbacks
    ):
        raise TypeError(f"callbacks is {callbacks!r}; it must be a list of fastsg.Callback objects")
    return tuple(callbacks)
