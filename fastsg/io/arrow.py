"""Vectors as a table: Parquet (.parquet) and Arrow's file format (.arrow, .feather); needs pyarrow.

Columns ``word`` (string), ``count`` (int64, where known), ``vector`` (fixed_size_list<float>[H]) and, where
asked for, ``neighbors``: a struct of ``ids`` (rows, from 0) and ``distances`` (1 - cosine) as embedding
viewers read it. Read are also the names that others give to the columns, and lists of any floats.
"""

from __future__ import annotations

import importlib
import os
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import FormatError
from ..system.atomic import atomic_write
from ..system.compression import most_unpacked
from .arrow_sizes import arrow_bytes
from .untrusted import open_untrusted
from .vector_table import Counts, Matrix, Reading, VectorTable, Writing, check_unique, utf8_words

PARQUET_MAGIC, ARROW_MAGIC = b"PAR1", b"ARROW1"
_WORDS = ("word", "token", "text", "key", "label")
_VECTORS = ("vector", "embedding", "embeddings", "vectors")
_COUNTS = ("count", "counts", "frequency")
# Bytes that strings and lists of a Parquet header may take; ours have a few hundred.
_MOST_HEADER = 16 << 20
_MOST_SHOWN = 200
_ROWS = 1024  # read at once
_NUMBER_BYTES = 4


def require() -> Any:
    """pyarrow; ImportError that says how to get it."""
    try:
        return importlib.import_module("pyarrow")
    except ImportError:
        raise ImportError("Parquet and Arrow files need pyarrow: pip install 'fastsg[arrow]'") from None


def write_parquet(path: str, vectors: VectorTable, writing: Writing) -> None:
    """Write a Parquet file; ValueError if a word cannot be UTF-8."""
    table = _table(vectors, writing)
    parquet = importlib.import_module("pyarrow.parquet")
    with atomic_write(path) as file:
        parquet.write_table(table, file)


def write_arrow(path: str, vectors: VectorTable, writing: Writing) -> None:
    """Write an Arrow file; ValueError if a word cannot be UTF-8."""
    table = _table(vectors, writing)
    ipc = importlib.import_module("pyarrow.ipc")
    with atomic_write(path) as file, ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)


def _table(vectors: VectorTable, writing: Writing) -> Any:
    pa = require()
    utf8_words(vectors.words)
    H = vectors.matrix.shape[1]
    columns = {"word": pa.array(vectors.words, pa.string())}
    if vectors.counts is not None:
        columns["count"] = pa.array(vectors.counts)
    columns["vector"] = pa.FixedSizeListArray.from_arrays(pa.array(vectors.matrix.reshape(-1)), H)
    if writing.neighbors is not None:
        ids, distances = writing.neighbors
        lists = {
            "ids": _lists(pa, np.asarray(ids, np.int64)),
            "distances": _lists(pa, np.asarray(distances, np.float32)),
        }
        columns["neighbors"] = pa.StructArray.from_arrays(list(lists.values()), list(lists))
    return pa.table(columns)


def _lists(pa: Any, matrix: Any) -> Any:
    offsets = np.arange(len(matrix) + 1, dtype=np.int32) * matrix.shape[1]
    return pa.ListArray.from_arrays(offsets, pa.array(matrix.reshape(-1)))


def read_parquet(path: str, reading: Reading) -> VectorTable:
    """Words, vectors and counts of a Parquet file; FormatError if its columns do not hold them."""
    parquet = _submodule("pyarrow.parquet")
    with open_untrusted(path, magic=PARQUET_MAGIC):
        pass  # regular, and says what it is

    limits = {"thrift_string_size_limit": _MOST_HEADER, "thrift_container_size_limit": _MOST_HEADER}

    def read() -> Any:
        with parquet.ParquetFile(path, **limits) as file:
            schema, rows = file.schema_arrow, file.metadata.num_rows
        for names in (_WORDS, _VECTORS):  # rows of no columns take no room in a file, however many it says
            _name(path, schema.names, names)
        known = [field for field in schema if field.name in (*_WORDS, *_VECTORS, *_COUNTS)]
        widths = [getattr(field.type, "list_size", 1) for field in known]
        _refuse_bomb(path, reading, rows * _NUMBER_BYTES * sum(widths))
        words = [field.name for field in known if field.name in _WORDS and _is_text(field.type)]
        with parquet.ParquetFile(path, **limits, read_dictionary=words) as file:
            return schema.names, _in_pieces(path, reading, file, [field.name for field in known])

    return _read(path, read)


def read_arrow(path: str, reading: Reading) -> VectorTable:
    """Words, vectors and counts of an Arrow file; FormatError if its columns do not hold them."""
    ipc = _submodule("pyarrow.ipc")
    with open_untrusted(path, magic=ARROW_MAGIC):
        pass

    def read() -> Any:
        with open(path, "rb") as file:
            _refuse_bomb(path, reading, arrow_bytes(file, os.fstat(file.fileno()).st_size))
            file.seek(0)
            table = ipc.open_file(file).read_all()
            return table.column_names, table

    return _read(path, read)


def _in_pieces(path: str, reading: Reading, file: Any, names: list[str]) -> Any:
    """The table of some columns, read as long as it is not too large.

    What the header says of single columns is not asked: pyarrow 26 ends the process where that is damaged.
    """
    pa, pieces, total = require(), [], 0
    for piece in file.iter_batches(batch_size=_ROWS, columns=names, use_threads=False):
        for column in piece.columns:
            is_text = pa.types.is_dictionary(column.type)  # pieces share the words, and have numbers for them
            total += _NUMBER_BYTES * len(column) if is_text else column.nbytes
        _refuse_bomb(path, reading, total)
        pieces.append(piece)
    return pa.Table.from_batches(pieces).unify_dictionaries() if pieces else file.read(columns=names)


def _is_text(kind: Any) -> bool:
    types = require().types
    return bool(types.is_string(kind) or types.is_large_string(kind))


def _refuse_bomb(path: str, reading: Reading, unpacked: int) -> None:
    """FormatError if a file unpacks to more than it may."""
    most = reading.max_decompressed
    if unpacked > (most := most_unpacked(os.path.getsize(path)) if most is None else most):
        raise FormatError(f"{path}: unpacks to more than {most} bytes; see max_decompressed")


def _submodule(name: str) -> Any:
    require()
    return importlib.import_module(name)


def _read(path: str, read: Callable[[], tuple[list[str], Any]]) -> VectorTable:
    """The vectors of a table; `read` gives the names of all columns, and the table of those that matter."""
    pa = require()
    try:
        names, table = read()
        table.validate(full=True)
        text = _texts(pa, path, _column(path, names, table, _WORDS))
        check_unique(path, text)
        matrix = _matrix(pa, path, _column(path, names, table, _VECTORS))
        return VectorTable(text, matrix, _counts(pa, path, names, table))
    except (FormatError, FileNotFoundError):
        raise
    except (
        pa.ArrowException, OSError, ValueError, KeyError, MemoryError, OverflowError, struct.error,
    ) as error:  # fmt: skip
        raise FormatError(f"{path}: pyarrow refuses it: {_named(error)}") from None


def _named(thing: object) -> str:
    """A type or an error of pyarrow for a message: both repeat what stands in the file."""
    said = " ".join(str(thing).split()).encode("ascii", "backslashreplace").decode()[:_MOST_SHOWN]
    return "".join(c if c.isprintable() else "?" for c in said)


def _name(path: str, all_names: list[str], names: tuple[str, ...]) -> str:
    """The first of the names that one column has; FormatError if there is none."""
    found = next((name for name in names if all_names.count(name) == 1), None)
    if found is None:
        raise FormatError(f"{path}: its columns are {all_names}; need one of {', '.join(names)}")
    return found


def _column(path: str, all_names: list[str], table: Any, names: tuple[str, ...]) -> Any:
    return table.column(_name(path, all_names, names))


def _texts(pa: Any, path: str, words: Any) -> list[str]:
    """The words; a few that are repeated are not made many before that is said."""
    kind = words.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
        if words.num_chunks and len(words) > len(words.chunk(0).dictionary) + words.null_count:
            raise FormatError(f"{path}: a word occurs twice")
    if words.null_count or not _is_text(kind):
        raise FormatError(f"{path}: the words are {_named(kind)} with {words.null_count} nulls")
    text: list[str] = words.to_pylist()
    return text


def _matrix(pa: Any, path: str, column: Any) -> Matrix:
    kind = column.type
    is_list = (
        pa.types.is_fixed_size_list(kind) or pa.types.is_list(kind) or pa.types.is_large_list(kind)
    ) and pa.types.is_floating(kind.value_type)
    if not is_list or column.null_count:
        raise FormatError(
            f"{path}: the vectors are {_named(kind)} with {column.null_count} nulls; need lists of floats"
        )
    column = column.combine_chunks()
    if isinstance(column, pa.ChunkedArray):  # no chunk at all
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], kind)
    values = column.flatten()
    width = len(values) // len(column) if len(column) else getattr(kind, "list_size", 0)
    if not pa.types.is_fixed_size_list(kind):
        lengths = set(column.value_lengths().to_pylist())
        if len(lengths) > 1:
            raise FormatError(f"{path}: the vectors have {min(lengths)} to {max(lengths)} numbers")
    if values.null_count or width < 1 or len(values) != width * len(column):
        raise FormatError(f"{path}: the vectors have {width} numbers, {values.null_count} of them missing")
    with np.errstate(over="ignore"):
        matrix = np.array(values.to_numpy(zero_copy_only=False), np.float32)
    return matrix.reshape(len(column), width)


def _counts(pa: Any, path: str, names: list[str], table: Any) -> Counts | None:
    if not set(_COUNTS) & set(names):
        return None
    column = _column(path, names, table, _COUNTS)
    if column.null_count or not pa.types.is_integer(column.type):
        raise FormatError(f"{path}: the counts are {_named(column.type)} with {column.null_count} nulls")
    return np.array(column.to_pylist(), np.int64).reshape(-1)
