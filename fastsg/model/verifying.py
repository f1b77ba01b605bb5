"""verify: whether a file is still what was written, as far as its format can tell."""

from __future__ import annotations

import os
from typing import NamedTuple

from ..cooccurrence.counts import CooccurrenceCounts
from ..cooccurrence.counts_file import SCHEMA as COUNTS
from ..io import safetensors
from ..io.embeddings_file import MODEL, VECTORS
from ..io.formats import format_of_file, load_vectors
from ..system.compression import compression_of
from ..text.corpus import SCHEMA as CORPUS
from ..text.corpus import EncodedCorpus
from ..vectors.keyed_vectors import KeyedVectors
from .skipgram import SkipGram

_XZ_CHECKS = {1: "CRC-32", 4: "CRC-64", 10: "SHA-256"}


class Verified(NamedTuple):
    """A file in which nothing is wrong.

    Attributes
    ----------
    kind : str              What it is, for people.
    holds : str             What is in it, likewise.
    checksums : str or None Those that every byte of what was read agreed with; None: the file has none, and
                            only its form was checked, as whenever it is loaded.
    """

    kind: str
    holds: str
    checksums: str | None


def verify(path: str | os.PathLike[str], format: str | None = None) -> Verified:
    """Read a file whole, with all its checksums and all the checks of its loader.

    Parameters
    ----------
    path : path             A model, a checkpoint, counts, an encoded corpus, or vectors of any format.
    format : str or None    As in :func:`fastsg.io.load_vectors`, for vectors that do not tell.

    Returns
    -------
    Verified                Memory is taken for the file as when it is loaded, and given back.

    Raises
    ------
    FormatError             It is damaged, or of no format that is known; names it.
    ImportError             Its format needs a package that is not installed.
    OSError                 It cannot be read.

    Examples
    --------
    >>> fastsg.verify("wiki.counts").checksums  # doctest: +SKIP
    'SHA-256'
    """
    path = os.fsdecode(path)
    found = safetensors.format_of(path) if format in (None, "model", "safetensors") else None
    if found in _OURS:
        kind, holds = _OURS[found](path)
        has_own = found == MODEL or safetensors.has_checksums(path)
        return Verified(kind, holds, "SHA-256" if has_own else None)
    known, vectors = format_of_file(path, format), load_vectors(path, format)
    checksums = "CRC-32" if known.name == "npz" else _of_compression(path)
    return Verified(known.title, _shape(*vectors.matrix.shape), checksums)


def _of_compression(path: str) -> str | None:
    """The checksums that a compressed file was read with; in .xz and .zst they may be missing."""
    if not (suffix := compression_of(path)):
        return None
    with open(path, "rb") as file:
        start = file.read(8)
    if suffix == ".xz":
        return _XZ_CHECKS.get(start[7] & 15)
    return "CRC-32" if suffix != ".zst" else "XXH64" if start[4] & 4 else None


def _model(path: str) -> tuple[str, str]:
    model = SkipGram.load(path)
    return "native model", f"{_shape(*model.I.shape)}, {len(model.history)} epochs"


def _counts(path: str) -> tuple[str, str]:
    counts = CooccurrenceCounts.load(path)
    entries = counts.nnz + (counts.thinned.nnz if counts.thinned else 0)
    kind = "file of counts" if counts.shard is None else f"counts, {counts.shard}"
    return kind, f"{counts.K:,} words, {entries:,} entries"


def _corpus(path: str) -> tuple[str, str]:
    corpus = EncodedCorpus.load(path)
    return "encoded corpus", f"{len(corpus.vocab):,} words, {corpus.n_tokens:,} tokens"


def _vectors(path: str) -> tuple[str, str]:
    return "file of vectors", _shape(*KeyedVectors.load(path).vectors.shape)


def _shape(K: int, H: int) -> str:
    return f"{K:,} words x {H} coordinates"


_OURS = {MODEL: _model, COUNTS.name: _counts, CORPUS.name: _corpus, VECTORS: _vectors}
