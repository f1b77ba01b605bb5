"""Vectors of a safetensors file: the file of vectors, and the native model.

Their layouts are described in :mod:`~fastsg.io.vectors_file` and :mod:`~fastsg.io.model_file`. A file of
others has no words in it: they stand in the folder around it, which :mod:`~fastsg.io.static_folder` reads.
"""

from __future__ import annotations

import os

import numpy as np

from ..errors import FormatError
from ..numerics.views import WHICH
from . import safetensors
from .model_file import read_model_file
from .vector_table import Reading, VectorTable, Writing, utf8_words, view_of
from .vectors_file import VectorsContent, read_vectors_file, write_vectors_file

#: ``format`` in the metadata of each kind of file.
MODEL, VECTORS = "fastsg-model", "fastsg-vectors"


def write_safetensors(path: str, vectors: VectorTable, writing: Writing) -> None:
    """Write words, vectors and counts; ValueError if there are none, or one is empty or not UTF-8."""
    utf8_words(vectors.words)
    attributes = {} if vectors.counts is None else {"count": vectors.counts}
    write_vectors_file(path, VectorsContent(vectors.words, vectors.matrix, attributes))


def read_safetensors(path: str, reading: Reading) -> VectorTable:
    """Words, vectors rounded to float32, and counts of a file of vectors; other attributes are left out."""
    words, matrix, attributes = read_vectors_file(path)
    counts = attributes.get("count")
    if counts is not None and counts.dtype.kind not in "iu":
        counts = None  # something else that a user calls so
    with np.errstate(over="ignore"):  # what overflows is reported as not finite
        rounded = matrix.astype(np.float32, copy=False)
    return VectorTable(words, rounded, None if counts is None else counts.astype(np.int64, copy=False))


def read_model_vectors(path: str, reading: Reading) -> VectorTable:
    """Words, counts and the vectors that ``reading.which`` asks for of a native model.

    None asks for what the model itself hands out as its vectors.
    """
    content = read_model_file(path, allow_nonfinite=reading.allow_nonfinite)
    which = reading.which or str(content.config.get("vectors", "input"))
    if which not in WHICH:
        raise FormatError(f"{path}: its config has vectors={which!r}")
    matrix = view_of(path, which, content.arrays["I"], content.arrays["O"], content.word_counts)
    return VectorTable(content.words, matrix, content.word_counts.astype(np.int64, copy=False))


def is_model(path: str | os.PathLike[str]) -> bool:
    """Whether a file says that it is a native model; it may still be damaged."""
    return safetensors.format_of(path) == MODEL
