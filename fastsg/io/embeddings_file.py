"""Vectors in a safetensors file: ours, and those of the native model.

Ours has the metadata ``format=fastsg-embeddings`` and the tensors ``counts`` I64 (K,) where they are known,
``word_offsets`` I64 (K + 1,), ``embeddings`` F32 (K, H) and ``words`` U8. The native model is described in
:mod:`~fastsg.io.model_file`. A file of others has no words in it: they stand in the folder around it, which
:mod:`~fastsg.io.static_folder` reads.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FormatError
from ..system.atomic import atomic_write
from . import safetensors
from .model_file import read_model_file
from .safetensors import Container, Field, Schema
from .vector_table import Reading, VectorTable, Writing, check_unique, chosen, utf8_words

_SCHEMA = Schema(
    "fastsg-embeddings",
    "1",
    (
        Field("counts", "I64", optional=True),
        Field("word_offsets", "I64"),
        Field("embeddings", "F32", 2),
        Field("words", "U8"),
    ),
)
#: ``format`` in the metadata of each kind of file.
MODEL, EMBEDDINGS = "fastsg-model", "fastsg-embeddings"


def write_safetensors(path: str, vectors: VectorTable, writing: Writing) -> None:
    """Write words, vectors and counts; ValueError if there are none, or a word cannot be UTF-8."""
    utf8_words(vectors.words)
    if not vectors.words:
        raise ValueError("words: a safetensors file needs at least one")
    offsets, blob = safetensors.pack_words(vectors.words)
    arrays: dict[str, NDArray[Any]] = {"word_offsets": offsets, "embeddings": vectors.matrix, "words": blob}
    if vectors.counts is not None:
        arrays["counts"] = vectors.counts
    with atomic_write(path) as file:
        safetensors.write(file, _SCHEMA, {}, arrays)


def read_safetensors(path: str, reading: Reading) -> VectorTable:
    """Words, vectors and counts of a file that :func:`write_safetensors` wrote."""
    with safetensors.named(path, "file of vectors"), safetensors.open_regular(path) as file:
        container = Container(file, _SCHEMA)
        K, _ = container.places["embeddings"].shape
        for name, rows in (("counts", K), ("word_offsets", K + 1)):
            if name in container.places and container.places[name].shape != (rows,):
                raise FormatError(f"{name} has shape {container.places[name].shape}; it must be {(rows,)}")
        words = safetensors.unpack_words(container.read("word_offsets"), container.read("words"))
        counts = container.read("counts") if "counts" in container.places else None
        matrix = container.read("embeddings")
    check_unique(path, words)
    return VectorTable(words, matrix, counts)


def read_model_vectors(path: str, reading: Reading) -> VectorTable:
    """Words, counts and the vectors that ``reading.which`` asks for of a native model.

    None asks for what the model itself hands out as its vectors.
    """
    content = read_model_file(path, allow_nonfinite=reading.allow_nonfinite)
    which = reading.which or str(content.config.get("vectors", "input"))
    if which not in ("input", "output", "sum", "concat"):
        raise FormatError(f"{path}: its config has vectors={which!r}")
    matrix = chosen(path, which, content.arrays["I"], content.arrays["O"])
    return VectorTable(content.words, matrix, content.word_counts.astype(np.int64, copy=False))


def kind_of(path: str | os.PathLike[str]) -> str | None:
    """``format`` in the metadata of a safetensors file; None if it has none there, or is no such file."""
    try:
        with safetensors.open_regular(path) as file:
            return safetensors.format_of(file)
    except FormatError:
        return None


def is_model(path: str | os.PathLike[str]) -> bool:
    """Whether a file says that it is a native model; it may still be damaged."""
    return not os.path.isdir(path) and kind_of(path) == MODEL
