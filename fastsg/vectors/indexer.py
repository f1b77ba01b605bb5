"""What may answer in place of the exact search: the protocol, and an approximate index by usearch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from .answers import Answers
from .directions import Floats, unit_rows
from .store import VectorStore


class Indexer(Protocol):
    """What may answer in place of the exact search."""

    def most_similar(self, vector: Floats, topn: int) -> Answers:
        """The `topn` words closest to a vector of length 1, with their similarities, best first."""


class UsearchIndexer:
    """Approximate neighbours by usearch's HNSW graph: ``most_similar(..., indexer=UsearchIndexer(vectors))``.

    Needs the extra ``ann``. Worth building from about a million words on, or for very many queries: the exact
    search needs no building and misses nothing. The words that a query is made of are among its answers, as
    with gensim's indexers.

    Parameters
    ----------
    vectors : KeyedVectors      Copied as they are now, at length 1.
    connectivity, expansion_add, expansion_search : int
                                usearch's settings of the graph; 0 takes its own defaults. Larger ones miss
                                fewer neighbours and take longer.
    threads : int               That build the graph. One builds the same graph every time; with more (0: all
                                cores) usearch is faster, and which neighbours it misses varies from build to
                                build.

    Raises
    ------
    ImportError                 usearch is not installed.
    """

    def __init__(
        self,
        vectors: VectorStore,
        connectivity: int = 0,
        expansion_add: int = 0,
        expansion_search: int = 0,
        threads: int = 1,
    ) -> None:
        try:
            from usearch.index import Index
        except ImportError as error:
            raise ImportError(
                "UsearchIndexer needs usearch, which is not installed: pip install 'fastsg[ann]'"
            ) from error
        self._words: Sequence[str] = vectors.index_to_key
        self._index: Any = Index(
            ndim=vectors.vector_size,
            metric="cos",
            dtype="f32",
            connectivity=connectivity or None,
            expansion_add=expansion_add or None,
            expansion_search=expansion_search or None,
        )
        self._index.add(np.arange(len(vectors)), unit_rows(vectors.vectors), threads=threads)

    def most_similar(self, vector: Floats, topn: int) -> Answers:
        """The `topn` words that the graph finds close to a vector, with their cosines, best first."""
        matches = self._index.search(np.asarray(vector, np.float32), topn)
        return [
            (self._words[i], 1.0 - distance)
            for i, distance in zip(matches.keys.tolist(), matches.distances.tolist())
        ]
