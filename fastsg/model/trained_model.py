"""TrainedModel: what a model shows of its training: matrices, history, probabilities, its file."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core, checks
from ..io.model_file import ModelContent, save_model_file
from ..io.vector_table import VectorTable
from ..numerics.views import WHICH, chosen
from ..system.interrupts import kept
from ..text.corpus import EncodedCorpus
from ..text.vocab import Vocab
from ..training.heldout import HeldOutLoss
from ..training.history import History
from ..training.memory import estimate_training
from ..training.plan import Plan
from ..training.settings import Settings
from ..training.state import PretrainedWords, Training, TrainingState, no_seconds
from ..vectors import KeyedVectors
from ..vectors.answers import Answers
from ..vectors.export import export_vectors
from .saving import pack
from .softmax import SoftmaxModel
from .text_reader import Corpus, Paths, TextReader


class _NotBuiltError(RuntimeError, AttributeError):
    """Both, so that ``hasattr(model, "vocab")`` answers."""


class TrainedModel:
    """A model: it holds a Training, once there is a vocabulary, and answers as a SoftmaxModel of it does.

    Parameters
    ----------
    settings : Settings
    reader : TextReader         How its texts become ids.
    """

    def __init__(self, settings: Settings, reader: TextReader) -> None:
        self.settings, self._reader, self._workers = settings, reader, reader.workers
        self._team = reader.team
        self.corpus: EncodedCorpus | None = None
        self.notes: dict[str, Any] = {}
        self._training: Training | None = None
        #: What `wv` and `cv` are, by what they hold, and the matrices that they were given.
        self._keyed: dict[str, tuple[KeyedVectors, NDArray[np.float32]]] = {}

    def __repr__(self) -> str:
        words = len(self.vocab) if self.is_built else "no"
        size, epochs = self.settings.vector_size, len(self.history)
        return f"SkipGram({words} words, vector_size={size}, {epochs} epochs trained)"

    @property
    def is_built(self) -> bool:
        """Whether there is a vocabulary."""
        return self._training is not None

    def _take(self, training: Training, corpus: EncodedCorpus | None) -> None:
        self.settings, self.corpus, self._training = training.settings, corpus, training
        training.team = self._team

    def _built(self) -> Training:
        if self._training is None:
            raise _NotBuiltError(
                "the model has no vocabulary yet: call build_vocab or train with sentences first"
            )
        return self._training

    @property
    def vocab(self) -> Vocab:
        """The vocabulary."""
        return self._built().vocab

    @property
    def state(self) -> TrainingState:
        """What training changes."""
        return self._built().state

    @property
    def I(self) -> NDArray[np.float32]:  # noqa: E743
        """Input matrix, shape (K, H)."""
        return self.state.I

    @property
    def O(self) -> NDArray[np.float32]:  # noqa: E743
        """Output matrix, shape (K, H)."""
        return self.state.O

    @property
    def history(self) -> History:
        """A record for each epoch: a list, which a notebook shows as a table."""
        return self._training.history if self._training else History()

    @property
    def plan(self) -> Plan | None:
        """The training begun last."""
        return self._training.plan if self._training else None

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds spent beside the epochs: read, count, init, validate."""
        return self._training.seconds if self._training else no_seconds()

    @property
    def validation(self) -> EncodedCorpus | None:
        """The held-out text, once training has begun."""
        held_out = self._training and self._training.held_out
        return held_out.corpus if held_out else None

    @property
    def restored_epoch(self) -> int | None:
        """The epoch (from 1) whose I and O early stopping has put back."""
        return self._training.state.restored_epoch if self._training else None

    @property
    def pretrained(self) -> PretrainedWords | None:
        """How many words started from vectors that were there before (`init`), how many did not."""
        return self._training.pretrained if self._training else None

    @property
    def workers(self) -> int:
        """Threads in use; they do not change a result."""
        return self._workers

    @property
    def rank(self) -> int:
        """Which of the processes that train this model together this one is, from 0 on."""
        return self._team.rank

    @property
    def ranks(self) -> int:
        """How many processes train this model together; they do not change a result."""
        return self._team.size

    @property
    def sample(self) -> float:
        """The subsampling threshold in use; 0 where every token is kept."""
        training = self._built()
        return 0.0 if training.keep is None else self.settings.threshold(len(training.vocab))

    @property
    def reading(self) -> dict[str, Any]:
        """How texts are read: tokenizer (None: unknown, or your own), errors, encoding, lower."""
        return self._reader.record()

    def encode(
        self,
        sentences: Corpus | None = None,
        *,
        corpus_file: Paths | None = None,
        all_words: bool = False,
    ) -> EncodedCorpus:
        """A text as the model reads it: by its tokenizer, encoding and lower, and by the ids of its words.

        Parameters
        ----------
        sentences, corpus_file      As in the constructor; one of them.
        all_words : bool            By ids of its own, a vocabulary of all its words, rare ones included.
        """
        if (sentences is None) == (corpus_file is None):
            raise ValueError("encode takes either sentences or corpus_file")
        if all_words:
            return self._reader.encode_all_words(sentences, corpus_file)
        return self._reader.encode(sentences, corpus_file, self.vocab)

    def estimate_memory(self) -> dict[str, int]:
        """Bytes the training needs, by part: matrices, optimizer, scratch, vocabulary, tokens, pairs,
        counts, total.

        Without counting: as many different pairs of words are reckoned with as the text might have, and none
        where there is no text. :meth:`SkipGram.estimate` counts a part of the text, or takes counts, and
        tells more closely.
        """
        return estimate_training(self.settings, self.vocab, self.corpus, self._workers)

    def batch_size(self, units: int | None = None) -> int:
        """Rows in a batch with solver "counts"; with "sgd" centers in a batch.

        The latter for a text of `units` tokens (or pairs), by default the text that build_vocab read.
        """
        if units is None:
            units = self.corpus.n_tokens if self.corpus else 0
        return self.settings.batch_of(len(self.vocab) if self.is_built else 0, units)

    def _take_edited_vectors(self) -> None:
        """Vectors replaced in `wv` or `cv`, which copy before they change, become rows of I or O."""
        training = self._built()
        for which, (edited, given) in self._keyed.items():
            if edited.vectors is given:
                continue
            if which not in ("input", "output"):
                raise ValueError(
                    "vectors of model.wv were replaced, but are made from rows of I and O "
                    f"(vectors={which!r}): what of these should change is not known; set rows of model.I and "
                    "model.O instead"
                )
            if edited.index_to_key != training.vocab.words or edited.vectors.shape != given.shape:
                raise ValueError(
                    "words of model.wv were added or moved, and the model does not know these: copy its "
                    "vectors into a KeyedVectors of your own first"
                )
            training.check_writable()
            given[:] = edited.vectors
            edited.vectors = given

    # ---- probabilities ----

    def _answering(self) -> SoftmaxModel:
        """Made anew for each question: whoever holds the state may put other matrices into it."""
        training, settings = self._built(), self.settings
        return SoftmaxModel(
            training.vocab,
            training.state.I,
            training.state.O,
            training.real_bias(),
            window=settings.window,
            shrink_windows=settings.shrink_windows,
            workers=self._workers,
        )

    def real_bias(self) -> NDArray[np.float32]:
        """b_n - log keep(n), added to the logits when they are about the real text, (K,) or (0,)."""
        return self._answering().real_bias()

    def predict_context(self, word: str | int, topn: int = 10) -> Answers:
        """The contexts most likely around a center word, see :meth:`SoftmaxModel.predict_context`."""
        return self._answering().predict_context(word, topn)

    def predict_proba(self, centers: Sequence[str | int]) -> NDArray[np.float64]:
        """P(context|center) over the whole vocabulary, shape (len(centers), K), float64; rows sum to 1."""
        return self._answering().predict_proba(centers)

    def log_prob(self, centers: Sequence[str | int], contexts: Sequence[str | int]) -> NDArray[np.float64]:
        """log P(context|center) of each pair, in nats, shape (len(centers),)."""
        return self._answering().log_prob(centers, contexts)

    def nll(self, corpus: EncodedCorpus, workspace: _core.Workspace | None = None) -> HeldOutLoss:
        """Held-out loss of an encoded text: (nll, unigram_nll, pairs), see :meth:`SoftmaxModel.nll`."""
        return self._answering().nll(corpus, workspace)

    def score(self, corpus: Corpus | Paths) -> float:
        """Mean log P per pair of a text, in nats; higher is better.

        Sentences, a path or a list of paths are read as :meth:`encode` does.
        """
        return self._answering().score(self._reader.encode_either(corpus, self.vocab, "the text"))

    def perplexity(self, corpus: Corpus | Paths) -> float:
        """exp(-score): how many equally likely words the model hesitates between."""
        return math.exp(-self.score(corpus))

    # ---- file ----

    @kept()
    def export(
        self,
        path: str | os.PathLike[str],
        format: str | None = None,
        *,
        which: str | None = None,
        neighbors: int | None = None,
        sif: float | None = None,
    ) -> None:
        """Write the vectors in any format, as ``fastsg convert`` does; :meth:`save` keeps the whole model.

        Parameters
        ----------
        path : path
        format : str, optional      "text", "binary", "glove", "npz", "safetensors", "parquet", "arrow",
                                    "tsv", "model2vec" or "finalfusion"; by default what the suffix says,
                                    else text.
        which : {"input", "output", "sum", "centered", "whitened", "concat"}, optional
                                    Rows of I, of O, the sum of both at unit length, rows of I less their
                                    mean, whitened ones, or both side by side; by default what `wv` holds.
        neighbors : int, optional   For "parquet" and "arrow": a column with so many neighbours of each word.
        sif : float, optional       For "model2vec": weigh each word by sif / (sif + its probability).

        Raises
        ------
        ValueError, TypeError       An argument is not as above, or a word does not fit; nothing is written.
        ImportError                 The format needs a package that is not installed.
        OSError                     Writing failed; the old file is untouched.
        """
        vocab = self.vocab
        self._take_edited_vectors()
        table = VectorTable(vocab.words, self._matrix(which or self.settings.vectors), vocab.counts)
        export_vectors(path, table, format, neighbors=neighbors, sif=sif)

    def _matrix(self, which: str) -> NDArray[np.float32]:
        """What of I and O is meant; ValueError unless it is one of those."""
        checks.choice("which", which, WHICH)
        return self.I if which == "input" else chosen(which, self.I, self.O, self.vocab.counts)

    @kept()
    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all it takes to ask the model and to train it on: one file, see fastsg/io/model_file.py.

        Settings, vocabulary with counts, I, O, optimizer, history, the plan of the training, how texts are
        read, and `notes`; not the corpus, the validation text, the callbacks or a tokenizer of your own. The
        file is replaced as a whole or not at all, and the same model gives the same bytes (two trainings
        differ in the seconds of their histories).

        Raises
        ------
        OSError                             With the path; the old file is untouched.
        """
        save_model_file(path, self._packed())

    def _packed(self) -> ModelContent:
        """What :meth:`save` writes."""
        self._take_edited_vectors()
        return pack(self._built(), self._reader.record(), self.notes)
