"""SkipGram: settings, and the ways to train. Its base, in trained_model.py, is what a model shows."""

from __future__ import annotations

import dataclasses
import io
import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ..cooccurrence.counts import CooccurrenceCounts
from ..distributed import check_agreement, team_of
from ..io.model_file import ModelContent, read_model_file, write_model_file
from ..io.safetensors import named
from ..system.interrupts import check, free, held, kept
from ..system.memory import require
from ..system.threads import effective_num_threads
from ..text.corpus import EncodedCorpus
from ..text.growth import recoded
from ..text.vocab import Vocab, check_vocab
from ..training.batch_sources import BatchSource
from ..training.callbacks import Callback, checked_callbacks, notify
from ..training.growth import begin_anew, first_rate, has_outgrown
from ..training.heldout import HeldOutText
from ..training.loop import run
from ..training.memory import CountSizes, estimate_training, estimate_with_counts
from ..training.plan import Plan
from ..training.settings import SETTING_NAMES, Settings
from ..training.state import Training
from ..vectors import KeyedVectors
from .forecasting import Forecast, forecast, writing
from .inputs import (
    Side,
    check_counts_fit,
    check_foreseeable,
    checked_counts,
    checked_epochs,
    checked_pairs,
    corpus_source,
    counts_source,
    ids_of_pairs,
    pairs_source,
    settings_of_counts,
    updated,
    vocab_of_pairs,
)
from .pretrained import VectorsLike, start_of
from .saving import unpack
from .sharing import CountsAbout, about_counts, agreed_build, shared_content
from .text_reader import Corpus, Paths, TextReader, reusable, revised
from .trained_model import TrainedModel

_ENTER = threading.Lock()
Result = TypeVar("Result")
_NOTHING_TRAINED = (
    "trained_on is the text of an earlier training: it goes with partial_fit, or build_vocab(update=True), "
    "of a model that was trained"
)


class SkipGram(TrainedModel):
    """Skip-gram word embeddings by the exact full softmax.

    P(n|m) = exp(O_n . I_m + b_n) / sum_i exp(O_i . I_m + b_i), trained on all pairs (center m, context n) of
    the windows. Given sentences or a file, the constructor trains; otherwise call :meth:`build_vocab` and
    :meth:`train`.

    Parameters
    ----------
    sentences : iterable of lists of str, or EncodedCorpus, optional
        Also a one-shot generator: it is read once.
    corpus_file : path, or list of paths, optional
        Text files, a sentence a line; ``"-"`` is standard input; ``.gz .bz2 .xz .zst`` are unpacked.
    vector_size : int
        H, the length of a vector.
    window : int, (int, int) or None
        Words to either side that are contexts; ``(left, right)`` for an asymmetric window; None for the whole
        sentence.
    shrink_windows : bool, "harmonic" or "random"
        True weighs distance d by (z - d + 1) / z, the expectation of word2vec's shrinking window; "harmonic"
        by 1 / d; "random" draws the reach of every position as word2vec does; False gives every distance the
        weight 1. Held-out losses weigh pairs by (z - d + 1) / z in all cases but False.
    min_count, max_final_vocab : int
        Rarer words are dropped before windows are cut; at most so many words are kept. The cost of training
        grows with both the number of words and the variety of centers.
    sample : float, optional
        word2vec's subsampling: a word of relative frequency f is kept with probability min(1, sqrt(sample/f)
        + sample/f), before windows are cut; 0 keeps all, None is max(1e-4, 2.5 / K), with solver "sgd"
        max(1e-3, 10 / K). Solver "counts" trains on thinned text first and on the text as it is in the end.
        Probabilities and held-out losses are about the real text.
    alpha, min_alpha : float, optional
        Learning rate at the start and at the end; defaults depend on the optimizer (docs/defaults.md).
    lr_schedule : {"linear", "constant"}
    epochs : int, optional
        Passes over the counts, or with solver "sgd" over the text; default 5, with solver "counts" 6, and for
        at most 16,384 words 10, or 20 for over 1,024 of which there are 1.2 K H tokens. Most of them train
        half of the vocabulary (`head`).
    batch_size : int, optional
        Parameters are fixed within a batch, so it is part of the result. Solver "counts": rows (distinct
        centers) in a batch, default about 64 batches an epoch of all rows, 28 up to 5,376 words, more than 64
        rows in multiples of 64. Solver "sgd": center positions (q), default about 64 batches an epoch, a
        power of two from 1,024 to 131,072; 1,024 for plain SGD.
    workers : int, optional
        Threads; default as many as this process may use. The same bits for any number.
    seed : int
    dtype : "float32" or np.float32
        Of I and O.
    precision : {"float32", "bfloat16"}
        Of the operands of the matrix products in training; sums, gradients and I and O stay in float32, and
        so do held-out losses. bfloat16 is several times faster and needs a CPU with AVX512_BF16 or AMX; its
        bits are those of such CPUs alone.
    solver : {"counts", "sgd"}
        "counts" counts all windows once and walks the rows of the co-occurrence matrix: a pass costs 6 K^2 H
        operations whatever the length of the text. "sgd" is the paper's procedure: walk the text batch by
        batch. Both minimise the same loss.
    optimizer : {"newton", "adagrad", "sgd"}, optional
        "newton" (default with "counts"): damped Newton steps for the rows of I, row-wise Adagrad for those of
        O. "adagrad" (default with "sgd"): row-wise Adagrad for both. "sgd": plain gradient descent on the
        batch's summed loss.
    prior : float, optional
        Solver "counts" with "newton": precision of a Gaussian prior on the rows of I. What is minimised is
        the loss plus prior / 2 times the sum of I's squares; that holds back what a row's own pairs do not
        speak of, above all in rows of rare words. Default .3 for each coordinate; 0 is none.
    init : {"svd", "random"}, path or KeyedVectors, optional
        "svd" (default with "counts", and only there): I and O start as factors of the counts' positive
        pointwise mutual information. "random": I uniform on [-1/2H, 1/2H), O zero, as in word2vec; or
        whatever stands in I and O when training begins. Vectors, or a file of vectors or of a model, in any
        format: their words start there, and all are trained on; vectors longer than 2 on average are
        shortened by a common factor. With "counts" the other words and O start where the counts put them
        among these (and likewise where you set rows of I before training), else as with "random". A model
        starts so once, with its first vocabulary; words that join later start as in :meth:`partial_fit`.
        A file named like a start needs ``./``.
    draws : int
        Solver "counts": copies of the text, thinned by `sample`, whose counts are averaged; 0 weighs every
        pair by keep(m) keep(n) instead, without dropping tokens.
    head : float, optional
        Solver "counts": the epochs between the first and the last train on this share of the vocabulary, the
        most frequent words, among themselves; above 16,384 words the first half of them on four fifths of
        it. Default .5 above 16,384 words, and above 1,024 with more than 5 epochs; 1 trains on all words in
        every epoch.
    vectors : {"input", "output", "sum", "centered", "whitened"}
        What `wv` holds: rows of I, rows of O, the sum of both at unit length, rows of I less their mean, or
        "whitened", the best for similarity (docs/defaults.md): unit rows of I, centered, multiplied by their
        covariance to the power -1/16, and a tenth of the same made of O. Probabilities are those of I and O,
        whatever `wv` holds.
    output_bias : {None, "unigram"}
        None is the paper's model; "unigram" fixes b_n = log p(n), so that the vectors carry only what the
        center adds.
    tokenizer : {"space", "char", "rjieba"}, callable or object with ``encode``, optional
        For files. Default "space": split on Unicode white space. "rjieba" finds Chinese words.
    errors : {"replace", "strict", "ignore"}
        What to do with invalid UTF-8 in files, or bytes that are not of another `encoding`.
    encoding : str
        Of files, as Python names it: "gb18030", "latin-1", ...
    lower : bool
        Make all texts lower case, token lists too: those trained on, held-out ones, and those of
        :meth:`partial_fit`, :meth:`score` and :meth:`perplexity`. What is encoded already, pairs, and words
        asked for are taken as they are.
    validation : path, paths, EncodedCorpus or iterable of lists of str, optional
        Held-out text; its loss is taken after every epoch.
    callbacks : sequence of Callback
    progress : bool, optional
        Progress bar; default only when stderr is a terminal, and in a notebook.
    comm : mpi4py communicator, optional
        Its ranks train one model together, each a part of the vocabulary, with the bits that one process
        gives (docs/mpi.md). All make the same calls; texts and counts are those of rank 0, which alone reads.
    sg, hs, negative : int
        Accepted for gensim users: only sg=1, hs=0, negative=0 exist here.

    Attributes
    ----------
    vocab : Vocab
    I, O : ndarray (K, H), float32          Input and output matrix.
    wv, cv : KeyedVectors                   The word vectors (see `vectors`), and the rows of O.
    history : list of EpochRecord           A dict for each epoch: nll, perplexity, unigram_nll, valid_nll,
                                            valid_perplexity (nats per pair), pairs, softmax_rows, seconds,
                                            count_seconds, pairs_per_second, alpha, words (over which that
                                            epoch's softmax ran), centers (how many of them were centers),
                                            thinned.
    plan : Plan or None                     The training begun last: epochs planned and done. It is saved with
                                            the model.
    restored_epoch : int or None            The epoch (from 1) whose I and O early stopping has put back.
    pretrained : (found, not_found, factor) or None
                                            How many words started from vectors, and what these were
                                            multiplied by.
    reading : dict                          How texts are read: tokenizer, errors, encoding, lower.
    notes : dict                            Yours: plain values that :meth:`save` keeps.

    Examples
    --------
    >>> from fastsg import SkipGram
    >>> model = SkipGram([["to", "be", "or", "not", "to", "be"]] * 10, vector_size=8, min_count=1, epochs=2)
    >>> sorted(model.wv.index_to_key)
    ['be', 'not', 'or', 'to']
    """

    #: Whether it is being trained.
    _busy = False

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
        epochs: int | None = None,
        batch_size: int | None = None,
        workers: int | None = None,
        seed: int = 1,
        dtype: DTypeLike = "float32",
        precision: str = "float32",
        solver: str = "counts",
        optimizer: str | None = None,
        prior: float | None = None,
        output_bias: str | None = "unigram",
        init: str | os.PathLike[str] | VectorsLike | None = None,
        draws: int = 3,
        head: float | None = None,
        vectors: str = "input",
        tokenizer: object = None,
        errors: str = "replace",
        encoding: str = "utf-8",
        lower: bool = False,
        validation: Corpus | Paths | None = None,
        callbacks: Sequence[Callback] = (),
        progress: bool | None = None,
        comm: Any = None,
        sg: int = 1,
        hs: int = 0,
        negative: int = 0,
    ) -> None:
        # every parameter that is a setting, before there are other local names
        settings = {name: value for name, value in locals().items() if name in SETTING_NAMES}
        _check_mode(sg, hs, negative)
        settings["init"], start = start_of(init, vector_size)
        checked = Settings.checked(**settings)
        reading = tokenizer, errors, encoding, lower
        limits = min_count, checked.max_final_vocab
        team = team_of(comm)
        trains = sentences is not None or corpus_file is not None
        check_agreement(team, checked.as_dict() | agreed_build(checked.precision) | {"a text": trains})
        threads = effective_num_threads(workers)
        share = team.threads(threads)  # which all ranks ask for together
        workers = share if workers is None else threads
        reader = TextReader(*reading, workers, progress if team.rank == 0 else False, *limits, team=team)
        super().__init__(checked, reader)
        self._told_reader, self._start = reader, start  # as told to read, whatever a corpus says
        self._callbacks, self._validation_given = checked_callbacks(callbacks), reusable(validation)
        if trains:
            self.build_vocab(sentences, corpus_file=corpus_file)
            self.train()

    # ---- vocabulary and matrices ----

    @property
    def _walks_text(self) -> bool:
        """Whether every rank needs the ids of the text, not only the first one, which counts it."""
        return self.settings.solver == "sgd"

    @kept()
    def build_vocab(
        self,
        sentences: Corpus | None = None,
        *,
        corpus_file: Paths | None = None,
        vocab: Vocab | None = None,
        update: bool = False,
        trained_on: Corpus | Paths | None = None,
    ) -> None:
        """Read and encode a corpus, which :meth:`train` then uses, and lay out the matrices.

        Parameters
        ----------
        sentences, corpus_file              As in the constructor; one of them, or only `vocab`.
        vocab : Vocab, optional             Take this vocabulary instead of counting one.
        update : bool                       Add the text to that of a model which has a vocabulary already:
                                            its frequent words join, I and O stay, and :meth:`train` then
                                            trains on all text. :meth:`partial_fit` does both.
        trained_on                          With update=True: as in :meth:`partial_fit`.
        """
        if update and self.is_built:
            if vocab is not None:
                raise ValueError("build_vocab(update=True) takes text, not vocab")
            found, _ = self._all_words(sentences, corpus_file)
            self._alone(lambda: self._grow(found, trained_on), undone=True)
            return
        if trained_on is not None:
            raise ValueError(_NOTHING_TRAINED)
        check_vocab(vocab)
        self._alone(lambda: self._lay_out_text(sentences, corpus_file, vocab))

    def _lay_out_text(self, sentences: Corpus | None, corpus_file: Paths | None, vocab: Vocab | None) -> None:
        begun = time.perf_counter()
        if sentences is None and corpus_file is None:
            if vocab is None:
                raise ValueError("build_vocab needs sentences, corpus_file or vocab")
            self._lay_out(vocab, keep=self._keep_probabilities(vocab))
        else:
            reader = self._told_reader.following(sentences)
            corpus = reader.encode(sentences, corpus_file, vocab, everywhere=self._walks_text)
            seconds = time.perf_counter() - begun
            self._lay_out(corpus.vocab, corpus, self._keep_probabilities(corpus.vocab))
            self._reader, self.seconds["read"] = reader, seconds

    @kept()
    def build_from_counts(self, counts: CooccurrenceCounts | None) -> None:
        """Take vocabulary and thinning from counts and lay out the matrices, for :meth:`fit_counts`.

        Where the counts know how they were made, window, shrink_windows, sample and draws of `settings`
        become theirs.
        """
        self._build_from_counts(self._about(counts))

    def _about(self, counts: CooccurrenceCounts | None) -> CountsAbout:
        """Of rank 0's, after a check."""
        return about_counts(self._team, lambda: checked_counts(counts))

    def _build_from_counts(self, counts: CountsAbout) -> None:
        def build() -> None:
            settings = settings_of_counts(self.settings, counts)
            # where they are of a text, the bias is that of a training on it
            self._lay_out(counts.vocab, None, counts.keep, counts.contexts, settings, counts.sizes)
            self._reader = self._told_reader.told(None)

        self._alone(build)

    def _lay_out(
        self,
        vocab: Vocab,
        corpus: EncodedCorpus | None = None,
        keep: NDArray[np.float64] | None = None,
        contexts: NDArray[np.float64] | None = None,
        settings: Settings | None = None,
        sizes: CountSizes | None = None,
    ) -> None:
        """Start anew with a vocabulary and what thins it; nothing of the model changes unless all of it can.

        `contexts` is how often each word is a context, unless that follows from the vocabulary; `sizes` are
        those of counts that are there.
        """
        begun, settings = time.perf_counter(), settings or self.settings
        if sizes is None:
            needed = estimate_training(settings, vocab, corpus, self._workers)
            needed["total"] -= needed.pop("tokens")  # which are there already
        else:
            needed = estimate_with_counts(settings, len(vocab), self._workers, sizes)
            needed["total"] -= sizes.bytes  # likewise; what is left is the start's
            needed["start"] = needed.pop("counts") - sizes.bytes
        require(needed, f"training {len(vocab)} words of {settings.vector_size} coordinates")
        if settings.is_pretrained and self._start is None:
            raise ValueError(
                f"the vectors that this model starts from ({settings.init}) are used up, or not in "
                "its file: make another SkipGram with init=... for another vocabulary, or use partial_fit"
            )
        training = Training.start(settings, vocab, keep, contexts, self._workers, self._reader.progress)
        if self._start is not None:
            self._start.place(training)
        self._take(training, corpus)
        self._keyed, self._start = {}, None
        training.seconds["init"] = time.perf_counter() - begun

    def _keep_probabilities(self, vocab: Vocab) -> NDArray[np.float64] | None:
        """keep(n) of each word, or None where every token is kept."""
        keep = vocab.keep_probabilities(self.settings.threshold(len(vocab)))
        return keep if (keep < 1).any() else None

    # ---- foreseen ----

    def estimate(
        self,
        sentences: Corpus | None = None,
        *,
        corpus_file: Paths | None = None,
        vocab: Vocab | None = None,
        counts: CooccurrenceCounts | None = None,
        save: Callable[[SkipGram, str], object] | None = None,
    ) -> Forecast:
        """What :meth:`train` on a text would take: seconds by phase, operations, memory and disk.

        The text is read whole and a quarter of it counted, four million tokens at most; trials of steps and
        of the start take some two seconds. Nothing of the model changes.

        Parameters
        ----------
        sentences, corpus_file              As in the constructor; by default what :meth:`build_vocab` read.
        vocab : Vocab, optional             Of the text; alone it stands for a text that is not read, as
                                            `model.vocab` does for that of a model that has been loaded.
        counts : CooccurrenceCounts, optional
                                            What :meth:`fit_counts` would train on.
        save : function, optional           Writes the files that are to be kept of a model into a folder; by
                                            default :meth:`save` writes one.

        Raises
        ------
        ValueError, TypeError               Arguments that exclude each other or are of another kind; no text;
                                            no pair to train on.
        """
        begun, settings, corpus = time.perf_counter(), self.settings, None
        given = {"sentences": sentences, "corpus_file": corpus_file, "vocab": vocab, "counts": counts}
        check_foreseeable(settings, **given)
        if counts is not None:
            settings, vocab = settings_of_counts(settings, CountsAbout.of(counts)), counts.vocab
        elif sentences is not None or corpus_file is not None:
            corpus = self._told_reader.following(sentences).encode(sentences, corpus_file, vocab)
            vocab = corpus.vocab
        elif vocab is None:
            corpus, vocab = self.corpus, self.vocab
            if corpus is None:
                raise ValueError(
                    "this model has no text whose training could be foreseen: give sentences or corpus_file; "
                    "or counts; or vocab=model.vocab, for a text of these words"
                )
            begun -= self.seconds["read"]
        read = time.perf_counter() - begun
        save = save or (lambda model, folder: model.save(f"{folder}/model"))
        written = writing(vocab, settings.vector_size, self._random, save)
        return forecast(
            settings,
            vocab,
            corpus=corpus,
            counts=counts,
            workers=self.workers,
            read=read,
            written=written,
        )

    def _random(self, vocab: Vocab) -> SkipGram:
        """A model like this one of random elements."""
        model = SkipGram(
            **(self.settings.as_dict() | {"init": "random"}), workers=self.workers, progress=False
        )
        model.build_vocab(vocab=vocab)
        random = np.random.default_rng(0)
        for matrix in (model.I, model.O):
            matrix[:] = random.standard_normal(matrix.shape, np.float32) / 4
        return model

    # ---- vectors ----

    @property
    def wv(self) -> KeyedVectors:
        """The word vectors: rows of I, unless the model was made with another `vectors`.

        Rows that you replace in it go into I (or O) when the model is saved, exported, grown or trained.
        """
        return self._vectors(self.settings.vectors)

    @property
    def cv(self) -> KeyedVectors:
        """The context vectors: rows of O."""
        return self._vectors("output")

    def _vectors(self, which: str) -> KeyedVectors:
        vocab = self.vocab
        if which not in self._keyed:
            matrix = self._matrix(which)
            self._keyed[which] = KeyedVectors(vocab.words, matrix, vocab.counts), matrix
        return self._keyed[which][0]

    # ---- file ----

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
        encoding: str | None = None,
        lower: bool | None = None,
        validation: Corpus | Paths | None = None,
        callbacks: Sequence[Callback] = (),
        progress: bool | None = None,
        comm: Any = None,
    ) -> SkipGram:
        """Read a file written by :meth:`save` or by :class:`Checkpoint`; nothing in it is ever executed.

        Parameters
        ----------
        path : path
        mmap : bool                         Map I and O read-only instead of reading them: queries work,
                                            training raises. Shortening the file while it is mapped kills the
                                            process (SIGBUS).
        verify : bool, optional             Compare the checksums of I and O, and look for NaN; default unless
                                            mapped.
        allow_nonfinite : bool              Load NaN and infinity.
        workers, tokenizer, errors, encoding, lower, validation, callbacks, progress, comm
                                            As in the constructor. By default the tokenizer, if it has a name,
                                            `errors`, `encoding` and `lower` are those of the file.

        Raises
        ------
        FormatError                         The file is no model file, or is damaged.
        OSError                             It cannot be read.
        ValueError                          `lower` is another than that of the model's words.
        """
        team = team_of(comm)
        saved = shared_content(
            team,
            lambda: read_model_file(path, mmap=mmap, verify=verify, allow_nonfinite=allow_nonfinite),
        )
        return cls._restored(
            saved,
            os.fsdecode(path),
            {"tokenizer": tokenizer, "errors": errors, "encoding": encoding, "lower": lower},
            workers=workers,
            validation=validation,
            callbacks=callbacks,
            progress=progress,
            comm=team,
        )

    @classmethod
    def _restored(
        cls, saved: ModelContent, name: str, reading: dict[str, Any] | None = None, **options: Any
    ) -> SkipGram:
        """The model of a file; `reading` is what the user says of it otherwise."""
        with named(name, "model file"):
            training, recorded, notes = unpack(saved)
        model = cls(**(training.settings.as_dict() | {"init": None}), **options)  # I has its start already
        model._reader = model._told_reader = model._reader.restored(recorded, reading or {})
        model.notes = notes
        training.workers, training.progress = model._workers, model._reader.progress
        model._take(training, None)
        return model

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles hold what :meth:`save` writes; before there is a vocabulary, what was given."""
        if not self.is_built:
            return object.__new__, (type(self),), dict(vars(self))
        file = io.BytesIO()
        write_model_file(file, self._packed())
        return _from_bytes, (type(self), file.getvalue())

    # ---- training ----

    @kept()
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
        resume : bool                       Do what an interrupted training still has to do, see :attr:`plan`,
                                            from the batch on that it stands at. The result is that of an
                                            uninterrupted one, bit for bit. Corpus and validation text must be
                                            the same as then; callbacks must be given again. A training that
                                            was complete stays as it is.

        Raises
        ------
        DivergenceError                     A step would leave the finite numbers; I and O keep the state
                                            before it.
        ValueError                          resume: there is nothing to resume, the texts are others (says
                                            which), or the model was left within a step.
        """
        epochs = checked_epochs(epochs)
        plan = self._resumable_plan() if resume else None
        encoded = self._training_corpus(corpus, corpus_file)
        if plan:
            self.corpus = encoded
        training = self._built()
        planned = plan.epochs if plan else epochs or training.default_epochs
        source = corpus_source(training, encoded, planned, plan)
        training.note_text(encoded, begins=training.state.step == 0 or resume)
        return self._run(source, epochs, resume, callbacks)

    @kept()
    def partial_fit(
        self,
        sentences: Corpus | None = None,
        *,
        corpus_file: Paths | None = None,
        trained_on: Corpus | Paths | None = None,
    ) -> SkipGram:
        """Take in more text; the first call builds the vocabulary and trains as :meth:`train` does.

        Words that by now occur `min_count` times join the vocabulary, others are left out and logged. Solver
        "counts" trains one epoch on all text so far, from where I and O stand; when the text has grown by a
        quarter since they began, it trains anew (unless they began at vectors given as `init`). The result
        is close to a training on all text at once, whatever the pieces, but for words that have just joined:
        for these ``build_vocab(more, update=True)`` and ``train()`` do more. Solver "sgd" makes one epoch on
        the new text alone, at the constant rate alpha. If it ends with an error or an interrupt, the model is
        what it was before, which is kept until then (8 K H bytes more): call it again, with the whole text,
        of which an iterator has lost what was read.

        Parameters
        ----------
        sentences, corpus_file      As in the constructor.
        trained_on                  The text that a model loaded from a file was trained on, sentences or
                                    paths; solver "counts" needs it.
        """
        found, reader = self._all_words(sentences, corpus_file)
        return self._alone(lambda: self._take_in(found, reader, trained_on), undone=True)

    def _take_in(
        self, found: EncodedCorpus, reader: TextReader, trained_on: Corpus | Paths | None
    ) -> SkipGram:
        """Train on more text, by the words that a vocabulary of its own has."""
        if not self.is_built:
            if trained_on is not None:
                raise ValueError(_NOTHING_TRAINED)
            return self._begin_with(found, reader)
        text = self._grow(found, trained_on)
        training, all_text = self._built(), self._built().known_text
        if all_text is None or self.settings.solver == "sgd":
            return self._run_alone(corpus_source(training, text, 1), epochs=1, schedule="constant")
        outgrown = has_outgrown(all_text.n_tokens, training.begun_tokens)
        if outgrown and not self.settings.is_pretrained:  # whose vectors it would lose
            begin_anew(training)
            training.begun_tokens = all_text.n_tokens
            return self._run_alone(corpus_source(training, all_text, training.default_epochs))
        source = corpus_source(training, all_text, 1)
        rates = self.settings.rates(len(training.vocab), source, 1)
        rate = first_rate(rates, text.n_tokens, all_text.n_tokens)
        return self._run_alone(source, epochs=1, schedule="linear", first_rate=rate)

    def _all_words(
        self, sentences: Corpus | None, corpus_file: Paths | None
    ) -> tuple[EncodedCorpus, TextReader]:
        """More text, by a vocabulary that has all its words, and what has read it."""
        if sentences is None and corpus_file is None:
            raise ValueError("there is no new text: give sentences or corpus_file")
        reader = self._reader if self.is_built else self._told_reader.following(sentences)
        return reader.encode_all_words(sentences, corpus_file, self._walks_text), reader

    def _grow(self, found: EncodedCorpus, trained_on: Corpus | Paths | None = None) -> EncodedCorpus:
        """Let the frequent words of more text join, add it to the text so far; returns it by the new ids."""
        begun, training = time.perf_counter(), dataclasses.replace(self._built())
        training.check_writable()
        self._take_edited_vectors()
        if trained_on is not None:
            earlier = self._reader.encode_either(trained_on, training.vocab, "trained_on", self._walks_text)
            training.note_text(earlier, begins=True)
        known = training.vocab
        training, text = updated(training, found, self._reader)
        self._take(training, training.known_text or text)  # what train then takes
        self._keyed = {}
        self._validation_given = revised(self._validation_given, known, training.vocab)
        self.seconds["read"] += time.perf_counter() - begun
        return text

    def _begin_with(self, found: EncodedCorpus, reader: TextReader) -> SkipGram:
        """Train on a first text, whose rare words are kept: they may become frequent."""
        self._reader = reader
        vocab = Vocab.from_counts(
            found.vocab.words,
            found.vocab.counts,
            min_count=reader.min_count,
            max_final_vocab=reader.max_final_vocab,
        )
        corpus = recoded(found, vocab)
        self._lay_out(vocab, corpus, self._keep_probabilities(vocab))
        training = self._built()
        assert corpus is not None, "it has the words of the vocabulary"
        self._run_alone(corpus_source(training, corpus, training.default_epochs))
        training.text, training.known_text, training.begun_tokens = found, corpus, corpus.n_tokens
        return self

    @kept()
    def fit_pairs(
        self,
        centers: Side,
        contexts: Side,
        weights: ArrayLike | None = None,
        *,
        epochs: int | None = None,
        resume: bool = False,
    ) -> SkipGram:
        """Train on explicit (center, context) pairs; no window, no subsampling.

        Solver "counts" adds equal pairs up and walks the rows of the sums, so that their order is nothing to
        it; solver "sgd" walks them in their order, `batch_size` pairs a batch.

        Parameters
        ----------
        centers, contexts : sequences of str, or of int
            Words; without a vocabulary one is counted from both sides (min_count, max_final_vocab and the
            order of ids as for text). Integers are ids of the vocabulary; without one they become the words
            ``"0"``, ``"1"``, … Pairs with a word outside the vocabulary are left out, and their number is
            logged.
        weights : array-like, optional
            Weight of each pair, not negative; default 1.
            A model whose vocabulary comes from pairs does not subsample text later either.
        epochs : int, optional
            Default: as in the constructor.
        resume : bool
            As in :meth:`train`.
        """
        plan = self._resumable_plan() if resume else None
        pairs = checked_pairs(centers, contexts, weights)
        if not self.is_built:
            vocab, pairs = vocab_of_pairs(pairs, self.settings.min_count, self.settings.max_final_vocab)
            self._alone(lambda: self._lay_out(vocab))
        training = self._built()
        if training.keep is not None:
            raise ValueError(
                "the vocabulary was built for subsampled text, and pairs are not subsampled: give the "
                "constructor sample=0, or call fit_pairs on a model without a vocabulary"
            )
        known = ids_of_pairs(pairs, training.vocab)
        source = pairs_source(training, known, checked_epochs(epochs), plan)
        return self._run(source, epochs, resume)

    @kept()
    def fit_counts(
        self,
        counts: CooccurrenceCounts | None,
        *,
        epochs: int | None = None,
        callbacks: Sequence[Callback] = (),
        resume: bool = False,
    ) -> SkipGram:
        """Train on co-occurrence counts, made by CooccurrenceCounts or anybody else; needs solver "counts".

        Parameters
        ----------
        counts : CooccurrenceCounts
            A model without a vocabulary takes theirs, and with it `window`, `shrink_windows`, `sample` and
            `draws`, where they are known. Of several ranks (`comm`) only the first one needs any.
        epochs, callbacks, resume
            As in :meth:`train`.
        """
        if self.settings.solver != "counts":
            raise ValueError(
                f"fit_counts needs a model with solver='counts'; this one has {self.settings.solver!r}"
            )
        about = self._about(counts)
        plan = self._resumable_plan() if resume else None
        if not self.is_built:
            self._build_from_counts(about)
        training = self._built()
        check_counts_fit(about, training)
        source = counts_source(training, lambda: checked_counts(counts), checked_epochs(epochs), plan)
        return self._run(source, epochs, resume, callbacks)

    def _training_corpus(self, corpus: Corpus | None, corpus_file: Paths | None) -> EncodedCorpus:
        """Encode what is given, building the vocabulary if need be, or take what build_vocab read."""
        given = corpus is not None or corpus_file is not None
        if given and self.is_built:
            begun = time.perf_counter()
            encoded = self._reader.encode(corpus, corpus_file, self.vocab, everywhere=self._walks_text)
            self.seconds["read"] += time.perf_counter() - begun
            return encoded
        if given:
            self.build_vocab(corpus, corpus_file=corpus_file)
        if self.corpus is None:
            raise ValueError("there is no corpus to train on: give sentences or corpus_file")
        return self.corpus

    def _resumable_plan(self) -> Plan:
        if self._training is None:
            raise ValueError("resume=True, but no training of this model was begun")
        plan = self._training.begun_plan()
        if not (self.state.at_epoch_end or self.state.begun):
            raise ValueError(
                "resume=True, but the model does not stand between two steps of a training: it was "
                "interrupted within one, or early stopping has put back its best state; load a checkpoint"
            )
        return plan

    def _run(
        self,
        source: BatchSource,
        epochs: int | None,
        resume: bool,
        callbacks: Sequence[Callback] = (),
    ) -> SkipGram:
        """Train, if nobody else does."""
        return self._alone(lambda: self._run_alone(source, epochs=epochs, callbacks=callbacks, resume=resume))

    def _run_alone(
        self,
        source: BatchSource,
        *,
        epochs: int | None = None,
        schedule: str | None = None,
        first_rate: float | None = None,
        callbacks: Sequence[Callback] = (),
        resume: bool = False,
    ) -> SkipGram:
        """Train; nobody else does meanwhile."""
        epochs, hooked = checked_epochs(epochs), (*self._callbacks, *checked_callbacks(callbacks))

        def call(hook: str) -> bool:
            self._keyed = {}  # vectors cache their norms, and the matrices have moved
            return notify(hooked, hook, self)

        training = self._built()
        training.check_writable()
        self._take_edited_vectors()
        if training.held_out is None and self._validation_given is not None:
            corpus = self._reader.encode_validation(self._validation_given, training.vocab)
            training.held_out = HeldOutText(corpus, training.window)
        try:
            run(
                training,
                source,
                call,
                epochs=epochs,
                schedule=schedule,
                first_rate=first_rate,
                resume=resume,
                is_due=lambda: any(callback.is_due() for callback in hooked),
                listens=bool(hooked),
            )
        finally:
            self._keyed = {}
        return self

    def _alone(self, work: Callable[[], Result], undone: bool = False) -> Result:
        """Do what changes the model; `undone`: what it changes of ours is put back if it does not end.

        Two trainings of one model would overwrite each other's matrices: the second one is refused.
        """
        with held():  # an interrupt must not leave the door locked
            with _ENTER:
                if self._busy:
                    raise RuntimeError(
                        "this model is being trained already, by another thread or around a callback"
                    )
                self._busy = True
            before = vars(self).copy() if undone else {}
            try:
                with free():
                    result = work()
                if undone:
                    check()  # one that came in the last moment: it says that nothing was done
            except BaseException:
                vars(self).update(before)
                raise
            finally:
                self._busy = False
            return result


def _check_mode(sg: int, hs: int, negative: int) -> None:
    if (sg, hs, negative) != (1, 0, 0):
        raise ValueError(
            f"sg={sg}, hs={hs}, negative={negative}: fastsg trains skip-gram with the exact full "
            "softmax only, which is sg=1, hs=0, negative=0"
        )


def _from_bytes(cls: type[SkipGram], data: bytes) -> SkipGram:
    return cls._restored(read_model_file(data), "<bytes>")


def load(path: str | os.PathLike[str], **options: Any) -> SkipGram:
    """Read a model file: :meth:`SkipGram.load`."""
    return SkipGram.load(path, **options)
