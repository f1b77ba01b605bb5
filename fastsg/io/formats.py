"""Every vector format by name: what its files are called, what they hold, who reads and who writes them.

A new format is a module with a reader and a writer, and a row in ``_ALL``. A safetensors file says in its
metadata which format it is; ``_CONTAINERS`` has the names.

Written is what ``format=`` or the suffix says; where a name has none, word2vec text. A suffix that stands
for a format without a writer, or for no format, is refused; it begins with a letter, so ``v1.2`` has none.
Read is what ``format=`` or the first bytes say, and where these say nothing the suffix. Names may end in .gz,
.bz2, .xz or .zst besides, where the format is not compressed by itself.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checks import choice, integer, real, word_counts
from ..errors import FormatError
from ..numerics.views import WHICH
from ..system.compression import compression_of, without_compression
from . import arrow, embeddings_file, fasttext, finalfusion, npz, projector, safetensors, static_folder
from .untrusted import checked_limits, first_bytes, shown
from .vector_table import (
    Neighbours,
    Reading,
    VectorTable,
    Writing,
    check_finite,
    utf8_words,
)
from .word2vec import check_words, load_word2vec, save_word2vec

Path = str | os.PathLike[str]
Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Format:
    """A format of vectors.

    Attributes
    ----------
    name : str                          For ``format=`` and ``--format``.
    suffixes : tuple of str             In lower case; the first one is customary.
    title : str                         For people.
    read, write : callable or None      None where that is not done.
    is_word2vec : bool                  Words may not hold white space; the names may say compressed.
    is_compressible : bool              A file may be compressed as a whole.
    is_folder : bool
    has_counts : bool                   Counts survive.
    has_outputs : bool                  There may be output vectors, for ``which``.
    takes : tuple of str                What :func:`save_vectors` may be asked for besides: sif, neighbors.
    files_of : callable                 The files that a path means: that of the vectors first.
    """

    name: str
    suffixes: tuple[str, ...]
    title: str
    read: Callable[[str, Reading], VectorTable]
    write: Callable[[str, VectorTable, Writing], None] | None = None
    is_word2vec: bool = False
    is_compressible: bool = False
    is_folder: bool = False
    has_counts: bool = True
    has_outputs: bool = False
    takes: tuple[str, ...] = ()
    files_of: Callable[[str], list[str]] = lambda path: [path]


def _read_word2vec(path: str, reading: Reading, **options: Any) -> VectorTable:
    words, matrix = load_word2vec(
        path,
        limit=reading.limit,
        encoding=reading.encoding,
        errors=reading.errors,
        allow_nonfinite=reading.allow_nonfinite,
        max_word_bytes=reading.max_word_bytes,
        max_decompressed=reading.max_decompressed,
        **options,
    )
    return VectorTable(words, matrix, None)


def _word2vec(name: str, suffixes: tuple[str, ...], title: str, binary: bool, header: bool) -> Format:
    options = {"binary": binary} if header else {"binary": binary, "no_header": True}

    def read(path: str, reading: Reading) -> VectorTable:
        return _read_word2vec(path, reading, **options)

    def write(path: str, vectors: VectorTable, writing: Writing) -> None:
        save_word2vec(path, vectors.words, vectors.matrix, binary=binary, write_header=header)

    return Format(name, suffixes, title, read, write, True, is_compressible=True, has_counts=False)


_ALL = (
    _word2vec("text", (".vec", ".txt", ".w2v"), "word2vec text, fastText .vec", False, True),
    _word2vec("binary", (".bin",), "word2vec binary", True, True),
    _word2vec("glove", (".glove",), "GloVe text, without a header", False, False),
    Format(
        "fasttext",
        (".ftbin",),
        "fastText's native model (its .bin)",
        fasttext.read_fasttext,
        is_compressible=True,
        has_outputs=True,
    ),
    Format("npz", (".npz",), "NumPy archive without pickle", npz.read_npz, npz.write_npz),
    Format(
        "safetensors",
        (".safetensors", ".kv"),
        "file of vectors (safetensors)",
        embeddings_file.read_safetensors,
        embeddings_file.write_safetensors,
    ),
    Format("model", (), "native model", embeddings_file.read_model_vectors, has_outputs=True),
    Format(
        "parquet",
        (".parquet", ".pq"),
        "Parquet table (needs pyarrow)",
        arrow.read_parquet,
        arrow.write_parquet,
        takes=("neighbors",),
    ),
    Format(
        "arrow",
        (".arrow", ".feather"),
        "Arrow table (needs pyarrow)",
        arrow.read_arrow,
        arrow.write_arrow,
        takes=("neighbors",),
    ),
    Format(
        "tsv",
        (".tsv",),
        "TensorBoard projector, two files",
        projector.read_projector,
        projector.write_projector,
        files_of=projector.files_of,
    ),
    Format(
        "model2vec",
        (),
        "folder for model2vec and sentence-transformers",
        static_folder.read_static_folder,
        static_folder.write_static_folder,
        is_folder=True,
        has_counts=False,
        takes=("sif",),
    ),
    Format(
        "finalfusion",
        (".fifu",),
        "finalfusion",
        finalfusion.read_finalfusion,
        finalfusion.write_finalfusion,
        has_counts=False,
    ),
)
#: The formats by name, in the order in which people should see them.
FORMATS = {format.name: format for format in _ALL}
#: Of safetensors files: what stands as ``format`` in their metadata, and the format that is. A container of
#: its own kind has a row here and one above.
_CONTAINERS = {embeddings_file.MODEL: "model", embeddings_file.VECTORS: "safetensors"}
_BY_SUFFIX = {suffix: format for format in _ALL for suffix in format.suffixes}
# Longer than a word of a text that happens to start so.
_BY_START = {
    fasttext.MAGIC: "fasttext",
    npz.MAGIC: "npz",
    b"PAR1\x15": "parquet",
    b"ARROW1\0\0": "arrow",
    b"FiFu\0\0\0\0": "finalfusion",
}
_SUFFIX = re.compile(r"\.[a-z]\w*")
#: Suffixes of formats that are not written, and what to do instead.
_NOT_WRITTEN = dict.fromkeys((".pkl", ".pickle", ".joblib", ".pt", ".pth"), "pickles are never written") | {
    ".npy": "it has no room for words; .npz has",
    ".ftz": "fastText's models are read (.bin), not written",
    **dict.fromkeys((".h5", ".hdf5", ".mat", ".magnitude", ".json", ".csv", ".onnx"), "it is not supported"),
}


def writable_formats() -> list[str]:
    """Names of the formats that can be written."""
    return [format.name for format in _ALL if format.write]


def format_to_write(path: Path, format: str | None = None) -> Format:
    """The format that `format`, or else the name, asks for; worth asking before a long training.

    Raises
    ------
    ValueError      There is no such format, it is not written, or cannot be compressed by suffix.
    ImportError     It needs a package that is not installed.
    """
    path = os.fsdecode(path)
    if format is not None:
        choice("format", format, list(FORMATS))
        found = FORMATS[format]
    else:
        found = _format_by_name(path)
    if found.write is None:
        raise ValueError(
            f"{path}: the format {found.name} ({found.title}) is read, not written; allowed are "
            f"{', '.join(writable_formats())}"
        )
    if compression_of(path) and not found.is_compressible:
        raise ValueError(
            f"{path}: the format {found.name} is not compressed by suffix; leave {compression_of(path)} out"
        )
    if "neighbors" in found.takes:
        arrow.require()
    return found


def _format_by_name(path: str) -> Format:
    if os.path.isdir(path) and _is_projector(path):
        return FORMATS["tsv"]
    if path.endswith(os.sep) or _is_model2vec(path):
        return FORMATS["model2vec"]
    suffix = os.path.splitext(without_compression(path))[1].lower()
    if suffix in _NOT_WRITTEN:
        raise ValueError(
            f"{path}: {suffix} is not written: {_NOT_WRITTEN[suffix]}; allowed are the formats "
            f"{', '.join(writable_formats())}"
        )
    if suffix not in _BY_SUFFIX and _SUFFIX.fullmatch(suffix):
        known = " ".join(other for format in _ALL if format.write for other in format.suffixes)
        raise ValueError(
            f"{path}: no format has the suffix {suffix}; there are {known}, and a name without a suffix is "
            "word2vec text; or name the format as well, such as text"
        )
    return _BY_SUFFIX.get(suffix, FORMATS["text"])


def _is_model2vec(folder: str) -> bool:
    return os.path.isfile(os.path.join(folder, static_folder.STATIC_FILES[1]))


def _is_projector(folder: str) -> bool:
    """Whether a folder holds the projector's files, and not as guests of a model2vec model."""
    return os.path.isfile(projector.files_of(folder)[0]) and not _is_model2vec(folder)


def format_of_file(path: Path, format: str | None = None) -> Format:
    """The format that `format`, the first bytes of the file or else its name say."""
    path = os.fsdecode(path)
    if format is not None:
        choice("format", format, list(FORMATS))
        return FORMATS[format]
    if os.path.isdir(path):
        return FORMATS["tsv" if _is_projector(path) else "model2vec"]
    start = first_bytes(path)
    found = next((name for magic, name in _BY_START.items() if start.startswith(magic)), None)
    if found is None and not compression_of(path) and start[4:9] == b"\0\0\0\0{":
        found = _CONTAINERS.get(safetensors.format_of(path) or "", "safetensors")
    suffix = os.path.splitext(without_compression(path))[1].lower()
    return FORMATS[found] if found else _BY_SUFFIX.get(suffix, FORMATS["text"])


def check_words_fit(format: Format, words: Sequence[str]) -> None:
    """TypeError or ValueError that names the word if a file of this format cannot hold all of them."""
    if format.is_word2vec:
        check_words(words)
    else:
        utf8_words(words)


def load_vectors(
    path: Path,
    format: str | None = None,
    *,
    which: str | None = None,
    limit: int | None = None,
    encoding: str = "utf-8",
    errors: str = "strict",
    allow_nonfinite: bool = False,
    max_word_bytes: int = 4096,
    max_decompressed: int | None = None,
) -> VectorTable:
    """Read vectors of any format.

    Parameters
    ----------
    path : str or PathLike          A file, or a folder of format "model2vec" or "tsv".
    format : str or None            One of :data:`FORMATS`; None: by the first bytes, then by the suffix.
    which : str or None             Of a model with input and output vectors: "input", "output", "sum" (of
                                    both at unit length), "centered" (input vectors less their mean),
                                    "whitened" (see ``fastsg/numerics/views.py``) or "concat"
                                    ((K, 2 H)). None: what the model says.
    limit : int or None             The first `limit` rows only.
    encoding, errors : str          How words are decoded, where the format does not fix it.
    allow_nonfinite : bool          Accept NaN and infinity.
    max_word_bytes : int            Longest word accepted in formats without sizes of their own.
    max_decompressed : int or None  Most bytes that a compressed file may unpack to; None: 100 times its size,
                                    or 64 MiB.

    Returns
    -------
    words : list of str             Length K, unique.
    matrix : ndarray (K, H), float32, C-contiguous
    counts : ndarray (K,), int64, or None where the file has none

    Raises
    ------
    FormatError                     The file is not what it should be; names it and the place.
    ValueError                      An argument is out of range, or does not go with the format.
    ImportError                     The format needs a package that is not installed.
    OSError                         The file cannot be read.
    """
    path = os.fsdecode(path)
    if which is not None:
        choice("which", which, WHICH)
    if limit is not None:
        limit = integer("limit", limit, 1)
    max_word_bytes, max_decompressed = checked_limits(max_word_bytes, max_decompressed)
    found = format_of_file(path, format)
    if which not in (None, "input") and not found.has_outputs:
        raise ValueError(
            f"which is {which!r}, but {path} is of format {found.name}, which has one matrix only"
        )
    if compression_of(path) and not found.is_compressible:
        raise FormatError(f"{path}: files of format {found.name} are not read compressed; unpack it first")
    reading = Reading(which, limit, encoding, errors, allow_nonfinite, max_word_bytes, max_decompressed)
    words, matrix, counts = found.read(path, reading)
    if not allow_nonfinite and not found.is_word2vec:  # whose reader has looked
        check_finite(matrix, lambda row: f"{path}: the vector of word {shown(words[row])}", FormatError)
    if counts is not None and (counts < 0).any():
        raise FormatError(f"{path}: a count is {counts.min()}")
    return VectorTable(words[:limit], matrix[:limit], None if counts is None else counts[:limit])


def save_vectors(
    path: Path,
    words: Sequence[str],
    matrix: Floats,
    format: str | None = None,
    *,
    counts: Sequence[int] | NDArray[np.integer[Any]] | None = None,
    neighbors: Neighbours | None = None,
    sif: float | None = None,
) -> None:
    """Write vectors in any format, as a whole or not at all.

    Parameters
    ----------
    path : str or PathLike                      Target; a folder for format "model2vec", and if you like for
                                                "tsv".
    words : sequence of str, length K           Unique.
    matrix : ndarray of shape (K, H)            float32 or float64 (rounded to float32), finite, H >= 1.
    format : str or None                        One of ``writable_formats()``; None: by the suffix, see the
                                                module.
    counts : array-like of int (K,) or None     Occurrences; left out where the format has no room for them.
    neighbors : (ids, distances) or None        (K, n) each, for "parquet" and "arrow": rows and 1 - cosine.
    sif : float or None                     For "model2vec": weigh row i by sif / (sif + p_i); takes counts.

    Raises
    ------
    TypeError, ValueError                       An argument is not as above; names it. Nothing is written.
    ImportError                                 The format needs a package that is not installed.
    OSError                                     Writing failed; the old file is untouched.
    """
    path = os.fsdecode(path)
    found = format_to_write(path, format)
    assert found.write is not None, "format_to_write gives only such"
    for name, value in (("neighbors", neighbors), ("sif", sif)):
        if value is not None and name not in found.takes:
            allowed = [other.name for other in _ALL if name in other.takes]
            raise ValueError(f"{name} is for {' and '.join(allowed)}, but {path} is written as {found.name}")
    values = np.asarray(matrix)
    if values.ndim != 2 or values.shape[1] < 1 or values.dtype.kind != "f":
        raise ValueError(
            f"matrix must be floats of shape (K, H), H >= 1, got {values.dtype} of shape {values.shape}"
        )
    if len(words) != len(values):
        raise ValueError(f"words must have one entry per row of matrix ({len(values)}), got {len(words)}")
    check_words_fit(found, words)
    check_finite(values, lambda row: f"matrix: the vector of word {words[row]!r}", ValueError)
    if sif is not None and real("sif", sif) == 0:
        raise ValueError("sif is 0; it must be above 0")
    table = VectorTable(
        list(words),
        values.astype(np.float32, copy=False),
        None if counts is None else word_counts(counts, len(words)),
    )
    found.write(path, table, Writing(_checked_neighbors(neighbors, len(words)), sif))


def _checked_neighbors(neighbors: Neighbours | None, K: int) -> Neighbours | None:
    if neighbors is None:
        return None
    ids, distances = np.asarray(neighbors[0]), np.asarray(neighbors[1])
    if ids.ndim != 2 or len(ids) != K or ids.shape != distances.shape or ids.dtype.kind not in "iu":
        raise ValueError(
            f"neighbors must be ids and distances of shape ({K}, n), got {ids.dtype} of shape {ids.shape} "
            f"and {distances.dtype} of shape {distances.shape}"
        )
    if ids.size and not 0 <= ids.min() <= ids.max() < K:
        raise ValueError(f"neighbors has ids from {ids.min()} to {ids.max()}; they must lie in [0, {K})")
    return ids, distances
