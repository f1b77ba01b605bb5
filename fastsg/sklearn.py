"""SkipGramVectorizer: documents to mean word vectors, for scikit-learn's pipelines.

This module imports scikit-learn (extra ``sklearn``); nothing else of fastsg imports this module.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from numbers import Integral
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

try:
    from sklearn.base import BaseEstimator, TransformerMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.validation import check_is_fitted
except ImportError as error:
    raise ImportError("fastsg.sklearn needs scikit-learn: pip install 'fastsg[sklearn]'") from error

from . import SkipGram, checks
from .text import line_tokenizer

logger = logging.getLogger(__name__)

Document: TypeAlias = str | Iterable[str]

#: Arguments that go to SkipGram under their own names.
_PASSED = (
    "vector_size",
    "window",
    "shrink_windows",
    "min_count",
    "max_final_vocab",
    "sample",
    "alpha",
    "epochs",
    "solver",
    "optimizer",
    "prior",
    "init",
    "output_bias",
    "precision",
    "vectors",
)
# Tokens whose vectors are in memory at one time.
_TOKENS = 1 << 16


class SkipGramVectorizer(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # it has no types
    """Documents to vectors: the mean of their words' vectors, which are trained on the documents fitted.

    Parameters
    ----------
    vector_size, window, shrink_windows, min_count, max_final_vocab, sample, alpha, epochs, solver, optimizer,
    prior, init, output_bias, precision, vectors
        As in :class:`fastsg.SkipGram`.
    pooling : {"mean", "sif"}
        "mean": the plain mean of the vectors of known words. "sif": words of frequency p weigh a / (a + p),
        and the first principal component of the documents fitted is taken away (Arora, Liang and Ma 2017).
    sif_a : float
        a of "sif".
    tokenizer : {"space", "char", "rjieba"}, callable or object with ``encode``, optional
        For documents that are strings; default "space". ``CountVectorizer().build_tokenizer()`` is one that
        leaves out punctuation.
    lowercase : bool
        Lower the letters of documents that are strings.
    n_jobs : int, optional
        Threads; None and -1: as many as this process may use, -2: one fewer, and so on. No word vector
        depends on it.
    random_state : int, RandomState or None
        The seed; None is 1.

    Attributes
    ----------
    model_ : SkipGram                   The model: its words, vectors, probabilities, history.
    vocabulary_ : dict of str to int    Row of each word.
    component_ : ndarray (H,) or None   What "sif" takes away, of length 1.
    n_features_out_ : int               H.

    Notes
    -----
    A document is a str, or an iterable of tokens. One without known words is zeros (with "sif" too), and how
    many there were is logged.

    BERTopic takes it in a pipeline, ``BERTopic(embedding_model=make_pipeline(SkipGramVectorizer()))``; given
    the vectorizer by itself, BERTopic overlooks it and downloads a model of its own.

    Examples
    --------
    >>> from fastsg.sklearn import SkipGramVectorizer
    >>> docs = ["red green blue", "one two three", "blue red", "two one"] * 5
    >>> SkipGramVectorizer(vector_size=4, epochs=2).fit_transform(docs).shape
    (20, 4)
    """

    def __init__(
        self,
        *,
        vector_size: int = 100,
        window: int | tuple[int, int] | None = 5,
        shrink_windows: bool | str = True,
        min_count: int = 5,
        max_final_vocab: int | None = None,
        sample: float | None = None,
        alpha: float | None = None,
        epochs: int | None = None,
        solver: str = "counts",
        optimizer: str | None = None,
        prior: float | None = None,
        init: Any = None,
        output_bias: str | None = "unigram",
        precision: str = "float32",
        vectors: str = "input",
        pooling: str = "mean",
        sif_a: float = 1e-3,
        tokenizer: Any = None,
        lowercase: bool = False,
        n_jobs: int | None = None,
        random_state: Any = None,
    ) -> None:
        self.vector_size = vector_size
        self.window = window
        self.shrink_windows = shrink_windows
        self.min_count = min_count
        self.max_final_vocab = max_final_vocab
        self.sample = sample
        self.alpha = alpha
        self.epochs = epochs
        self.solver = solver
        self.optimizer = optimizer
        self.prior = prior
        self.init = init
        self.output_bias = output_bias
        self.precision = precision
        self.vectors = vectors
        self.pooling = pooling
        self.sif_a = sif_a
        self.tokenizer = tokenizer
        self.lowercase = lowercase
        self.n_jobs = n_jobs
        self.random_state = random_state

    # ---- fit and transform ----

    def fit(self, X: Iterable[Document], y: object = None) -> Self:
        """Train on documents, each of which is one sentence.

        Raises
        ------
        ValueError, TypeError           An argument or a document is not as described; no word is frequent
                                        enough (names `min_count`).
        """
        self._fit(self._tokenized(X))
        return self

    def fit_transform(self, X: Iterable[Document], y: object = None) -> NDArray[np.float32]:
        """Train on documents, and give their vectors (n, H); they are gone through once."""
        documents = self._tokenized(X)
        self._fit(documents)
        return self._pooled(documents, self.component_)

    def transform(self, X: Iterable[Document]) -> NDArray[np.float32]:
        """Vectors of documents, shape (n, H), float32; NotFittedError before :meth:`fit`."""
        check_is_fitted(self, "model_")
        return self._pooled(self._tokenized(X), self.component_)

    def _fit(self, documents: list[list[str]]) -> None:
        checks.choice("pooling", self.pooling, ("mean", "sif"))
        if checks.real("sif_a", self.sif_a) == 0:
            raise ValueError("sif_a is 0; it must be above 0")
        settings = {name: getattr(self, name) for name in _PASSED}
        self.model_ = SkipGram(
            documents, seed=self._seed(), workers=_workers(self.n_jobs), progress=False, **settings
        )
        self.vocabulary_ = dict(self.model_.wv.key_to_index)
        self.n_features_out_ = self.model_.wv.vector_size
        self.component_: NDArray[np.float32] | None = None
        if self.pooling == "sif":
            self.component_ = _first_component(self._pooled(documents, None))

    def _seed(self) -> int:
        if self.random_state is None:
            return 1
        if isinstance(self.random_state, Integral):
            return checks.integer("random_state", self.random_state, 0, 2**64 - 1)
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    # ---- documents ----

    def _tokenized(self, X: Iterable[Document]) -> list[list[str]]:
        if isinstance(X, (str, bytes, Mapping)) or not isinstance(X, Iterable):
            raise ValueError(  # noqa: TRY004  as scikit-learn's vectorizers
                f"X is a {type(X).__name__}; it must be an iterable of documents, each a str or a list of "
                "tokens"
            )
        if hasattr(X, "columns") or getattr(X, "ndim", 1) != 1:
            raise ValueError("X is a table; give its column of documents")
        tokenize = _string_tokenizer(self.tokenizer)
        return [self._tokens(number, document, tokenize) for number, document in enumerate(X)]

    def _tokens(self, number: int, document: Any, tokenize: Callable[[str], Iterable[str]]) -> list[str]:
        if hasattr(document, "as_py"):  # a single value of Arrow
            document = document.as_py()
        if isinstance(document, str):
            return list(tokenize(document.lower() if self.lowercase else document))
        if isinstance(document, (bytes, Mapping)) or not isinstance(document, Iterable):
            raise TypeError(
                f"document {number} is a {type(document).__name__}: {document!r:.60}; documents are str or "
                "lists of tokens"
            )
        tokens = list(document)
        wrong = next((token for token in tokens if not isinstance(token, str)), None)
        if wrong is not None:
            raise TypeError(f"document {number}: tokens must be str, got {wrong!r}")
        return tokens

    def _weights(self) -> NDArray[np.float64]:
        """Weight of each word, shape (K,)."""
        p = self.model_.vocab.unigram()
        return self.sif_a / (self.sif_a + p) if self.pooling == "sif" else np.ones(len(p))

    def _pooled(
        self, documents: list[list[str]], component: NDArray[np.float32] | None
    ) -> NDArray[np.float32]:
        """Weighted means of word vectors, in float64, without their share of a component."""
        index, vectors, weights = self.vocabulary_, self.model_.wv.vectors, self._weights()
        ids = [[index[word] for word in document if word in index] for document in documents]
        pooled = np.zeros((len(documents), vectors.shape[1]))
        for rows in _portions(ids):
            flat = np.concatenate([np.asarray(ids[row], np.int64) for row in rows])
            starts = np.cumsum([0] + [len(ids[row]) for row in rows[:-1]])
            pooled[rows] = _sums(vectors, weights, flat, starts) / [[len(ids[row])] for row in rows]
        unknown = sum(not document for document in ids)
        if unknown:
            logger.info("%d of %d documents have no known word: their vectors are 0", unknown, len(ids))
        if component is not None:
            pooled -= np.sum(pooled * component, axis=1, keepdims=True) * component
        return pooled.astype(np.float32)

    # ---- what scikit-learn asks ----

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Names of the columns: skipgramvectorizer0, skipgramvectorizer1, ..."""
        check_is_fitted(self, "model_")
        prefix = type(self).__name__.lower()
        return np.array([f"{prefix}{i}" for i in range(self.n_features_out_)], dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.two_d_array = True, False
        tags.transformer_tags.preserves_dtype = []
        return tags


def _workers(n_jobs: Any) -> int | None:
    if n_jobs is None:
        return None
    if isinstance(n_jobs, bool) or not isinstance(n_jobs, Integral) or n_jobs == 0:
        raise ValueError(f"n_jobs is {n_jobs!r}; it must be None or an integer that is not 0")
    threads = int(n_jobs)
    return threads if threads > 0 else max(SkipGram().workers + 1 + threads, 1)


def _string_tokenizer(tokenizer: Any) -> Callable[[str], Iterable[str]]:
    if tokenizer is None or (isinstance(tokenizer, str) and tokenizer == "space"):
        return str.split
    if isinstance(tokenizer, str) and tokenizer == "char":
        return lambda text: [char for char in text if not char.isspace()]
    return line_tokenizer(tokenizer)


def _portions(ids: list[list[int]]) -> Iterator[list[int]]:
    """Rows of the documents that have words, in runs of at most so many tokens, or of one document."""
    rows: list[int] = []
    tokens = 0
    for row, document in enumerate(ids):
        if rows and tokens + len(document) > _TOKENS:
            yield rows
            rows, tokens = [], 0
        if document:
            rows.append(row)
            tokens += len(document)
    if rows:
        yield rows


def _sums(
    vectors: NDArray[np.float32],
    weights: NDArray[np.float64],
    flat: NDArray[np.int64],
    starts: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Weighted sums of the words `flat` of documents that begin at `starts`, shape (len(starts), H)."""
    if len(starts) > 1 or len(flat) <= _TOKENS:
        return np.add.reduceat(vectors[flat] * weights[flat, None], starts)
    parts = (flat[i : i + _TOKENS] for i in range(0, len(flat), _TOKENS))  # one long document
    total = np.zeros((1, vectors.shape[1]))
    for part in parts:
        total += np.sum(vectors[part] * weights[part, None], axis=0)
    return total


def _first_component(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The direction of length 1 in which the rows reach farthest; its largest coordinate is positive."""
    double = vectors.astype(np.float64)
    _, directions = np.linalg.eigh(double.T @ double)
    first = directions[:, -1]
    first *= np.sign(first[np.argmax(np.abs(first))])
    component: NDArray[np.float32] = first.astype(np.float32)
    return component
