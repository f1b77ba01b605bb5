"""Vectors into a file of any format, with what some formats hold besides."""

from __future__ import annotations

import os

import numpy as np

from .. import checks
from ..io.formats import format_to_write, save_vectors
from ..io.vector_table import Neighbours, VectorTable
from .keyed_vectors import KeyedVectors


def export_vectors(
    path: str | os.PathLike[str],
    table: VectorTable,
    format: str | None = None,
    *,
    neighbors: int | None = None,
    sif: float | None = None,
) -> None:
    """Write words, vectors and counts; see :func:`fastsg.io.save_vectors`.

    Parameters
    ----------
    path, format, sif           As there.
    table : VectorTable
    neighbors : int, optional   For "parquet" and "arrow": a column with so many nearest neighbours of each
                                word, exact.
    """
    nearest = None
    if neighbors is not None:
        wanted = checks.integer("neighbors", neighbors, 1)
        takes = "neighbors" in format_to_write(path, format).takes  # else there is no need to look for them
        nearest = _nearest(table, wanted if takes else 0)
    words, matrix, counts = table
    save_vectors(path, words, matrix, format, counts=counts, neighbors=nearest, sif=sif)


def _nearest(table: VectorTable, n: int) -> Neighbours:
    """(rows, 1 - cosine) of the nearest words of each word, (K, n) each, or fewer where there are no more."""
    n = max(min(n, len(table.words) - 1), 0)
    vectors = KeyedVectors(table.words, table.matrix)
    ids, distances = np.empty((len(table.words), n), np.int64), np.empty((len(table.words), n), np.float32)
    for row, found in enumerate(vectors.most_similar_batch(table.words, topn=n)):
        ids[row] = [vectors.key_to_index[near] for near, _ in found]
        distances[row] = [1.0 - cosine for _, cosine in found]
    return ids, distances
