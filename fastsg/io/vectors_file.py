"""The file of vectors: a safetensors container, written whole or not at all, read with proofs.

Metadata: ``library_version``; ``attributes``, a JSON list of [name, type] for each attribute, those of
integers first, then of numbers, bools and texts. Tensors, in this order, for K words and vectors of length H;
all but ``words``, ``word_offsets`` and one of the matrices may be missing::

    word_offsets  I64 (K + 1,)  word i is words[word_offsets[i]:word_offsets[i + 1]]
    integers      I64 (n, K)    a row for each attribute of integers, "count" among them
    numbers       F64 (n, K)    the same of floating-point numbers
    vectors64     F64 (K, H)    the matrix in float64
    vectors       F32 (K, H)    the matrix in float32
    bools         U8 (n, K)     attributes of 0 and 1
    texts         U8            attributes of texts: a JSON list of lists of strings
    words         U8            the words in UTF-8, end to end
    checksums     U8            see checksums.py; missing in version 1
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._version import __version__
from ..checks import MAX_WORDS, word_index
from ..errors import FormatError
from ..system.atomic import atomic_write
from ..system.compression import refuse_compression
from . import safetensors
from .safetensors import Container, Field, Schema

_SCHEMA = Schema(
    "fastsg-vectors",
    "2",
    (
        Field("word_offsets", "I64"),
        Field("integers", "I64", 2, optional=True),
        Field("numbers", "F64", 2, optional=True),
        Field("vectors64", "F64", 2, optional=True),
        Field("vectors", "F32", 2, optional=True),
        Field("bools", "U8", 2, optional=True),
        Field("texts", "U8", optional=True),
        Field("words", "U8"),
    ),
    unsealed="1",
)
_INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32")
#: Types of the attributes that each tensor holds.
_TABLES: dict[str, tuple[str, ...]] = {
    "integers": _INTEGERS,
    "numbers": ("float16", "float32", "float64"),
    "bools": ("bool",),
    "texts": ("str",),
}
_STORED = {"integers": np.int64, "numbers": np.float64, "bools": np.uint8}


class VectorsContent(NamedTuple):
    """What the file holds: K words, a matrix (K, H) in float32 or float64, attributes (K,) by name."""

    words: list[str]
    matrix: NDArray[np.floating[Any]]
    attributes: dict[str, NDArray[Any]]


def write_vectors_file(path: str | os.PathLike[str], content: VectorsContent) -> None:
    """Write the file as a whole or not at all; the same content gives the same bytes.

    Raises
    ------
    ValueError      There are no words, or one is empty or cannot be encoded.
    TypeError       An attribute is of a type that the file cannot hold; names it.
    OSError         Writing failed; the old file is untouched.
    """
    offsets, blob = safetensors.pack_words(_checked_words(content.words))
    matrix = content.matrix
    arrays: dict[str, NDArray[Any]] = {"word_offsets": offsets, "words": blob}
    arrays["vectors64" if matrix.dtype == np.float64 else "vectors"] = matrix
    listed: list[tuple[str, str]] = []
    for table, kinds in _TABLES.items():
        names = [name for name, column in content.attributes.items() if _kind(name, column) in kinds]
        listed += [(name, _kind(name, content.attributes[name])) for name in names]
        if names:
            columns = [content.attributes[name] for name in names]
            arrays[table] = _json_bytes(columns) if table == "texts" else np.array(columns, _STORED[table])
    metadata = {"library_version": __version__, "attributes": json.dumps(listed)}
    refuse_compression(path)
    with atomic_write(path) as file:
        safetensors.write(file, _SCHEMA, metadata, arrays)


def _checked_words(words: Sequence[str]) -> Sequence[str]:
    if not words:
        raise ValueError("there are no words to save")
    if "" in words:
        raise ValueError(f"words: word {words.index('')} is empty, which the file cannot hold")
    return words


def _kind(name: str, column: NDArray[Any]) -> str:
    """The type of an attribute as the file names it."""
    is_text = column.dtype == object and all(isinstance(value, str) for value in column)
    kind = "str" if is_text else column.dtype.name
    if not any(kind in kinds for kinds in _TABLES.values()):
        raise TypeError(f"attribute {name!r} is of type {column.dtype}, which the file cannot hold")
    return kind


def _json_bytes(columns: Sequence[NDArray[Any]]) -> NDArray[np.uint8]:
    return np.frombuffer(json.dumps([column.tolist() for column in columns]).encode(), np.uint8)


def read_vectors_file(
    path: str | os.PathLike[str], *, mmap: bool = False, verify: bool | None = None
) -> VectorsContent:
    """Read the file; nothing is allocated before the header is proven against its size.

    Parameters
    ----------
    mmap : bool             Map the matrix, read-only, instead of reading it.
    verify : bool or None   Compare the checksums of the matrix; None: unless it is mapped. False leaves out
                            all checksums.

    Raises
    ------
    FormatError             The file is no such file, or is damaged; names it. Or `verify` is True and it was
                            written before files had checksums.
    OSError                 It cannot be read.
    """
    with safetensors.named(os.fsdecode(path), "file of vectors"), safetensors.open_regular(path) as file:
        return _read(Container(file, _SCHEMA, verify), mmap)


def _read(container: Container, mmap: bool) -> VectorsContent:
    matrices = {"vectors", "vectors64"} & container.places.keys()
    if len(matrices) != 1:
        raise FormatError(f"it has {len(matrices)} matrices, not one")
    name = matrices.pop()
    K = container.places[name].shape[0]
    if K > MAX_WORDS or container.places["word_offsets"].shape != (K + 1,):
        raise FormatError(f"it has {K} vectors, and {container.places['word_offsets'].shape[0] - 1} words")
    words = safetensors.unpack_words(container.read("word_offsets"), container.read("words"))
    word_index(words)
    attributes = _attributes(container, K)
    return VectorsContent(words, container.map(name) if mmap else container.read(name), attributes)


def _attributes(container: Container, K: int) -> dict[str, NDArray[Any]]:
    listed = safetensors.parse_json(container.metadata.get("attributes", ""))
    match listed:
        case [*entries] if all(_is_entry(entry) for entry in entries):
            kinds: Mapping[str, str] = dict(entries)
        case _:
            raise FormatError("its list of attributes is not valid")
    if len(kinds) < len(listed):
        raise FormatError("an attribute occurs twice")
    attributes: dict[str, NDArray[Any]] = {}
    for table, allowed in _TABLES.items():
        names = [name for name, kind in listed if kind in allowed]
        for name, column in zip(names, _columns(container, table, len(names), K), strict=True):
            attributes[name] = _as_kind(name, column, kinds[name])
    return attributes


def _is_entry(entry: Any) -> bool:
    return (
        isinstance(entry, list)
        and len(entry) == 2
        and all(isinstance(part, str) for part in entry)
        and any(entry[1] in kinds for kinds in _TABLES.values())
    )


def _columns(container: Container, table: str, n: int, K: int) -> Sequence[NDArray[Any]]:
    """The attributes that a tensor holds, which is missing where there are none."""
    if (table in container.places) != (n > 0):
        raise FormatError(f"{table} is not what its list of attributes says")
    if not n:
        return []
    if table != "texts":
        if container.places[table].shape != (n, K):
            raise FormatError(f"{table} has shape {container.places[table].shape}; it must be {(n, K)}")
        return list(container.read(table))
    texts = safetensors.parse_json(container.read(table).tobytes().decode())
    if not isinstance(texts, list) or len(texts) != n or not all(_are_texts(part, K) for part in texts):
        raise FormatError(f"its texts are not {n} lists of {K} strings")
    return [np.array(part, object) for part in texts]


def _are_texts(part: Any, K: int) -> bool:
    return isinstance(part, list) and len(part) == K and all(isinstance(text, str) for text in part)


def _as_kind(name: str, column: NDArray[Any], kind: str) -> NDArray[Any]:
    """The column in its own type, in which every value must survive."""
    if kind == "str":
        return column
    with np.errstate(over="ignore", invalid="ignore"):
        cast = column.astype(kind)
    if not np.array_equal(cast.astype(column.dtype), column, equal_nan=column.dtype.kind == "f"):
        raise FormatError(f"attribute {name!r} has values that are no {kind}")
    return cast
