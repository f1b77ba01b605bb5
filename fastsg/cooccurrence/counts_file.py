"""The file of counts: a safetensors container, written whole or not at all, read with proofs.

Metadata: ``library_version``; ``about``, and ``thinned_about`` beside thinned counts, JSON of how they were
made; ``raw_types`` and ``raw_tokens`` of the vocabulary; ``exact`` where the large sums are here, so that
these counts can be added; ``shard`` of a part of a text, JSON. Tensors, in this order, K words, E and F
entries::

    word_counts   I64 (K,)      word_offsets     I64 (K + 1,)   word i is words[offsets i to i + 1]
    row_ptr       I64 (K + 1,)  thinned_row_ptr  I64 (K + 1,)   the thinned ones are all there or all missing
    keep          F64 (K,)      of the thinned counts, or of the only ones; missing where nothing was thinned
    large         I64           thinned_large    I64            see StoredCounts
    contexts      I32 (E,)      counts           F32 (E,)
    thinned_contexts I32 (F,)   thinned_counts   F32 (F,)
    words         U8            the words in UTF-8, end to end
    checksums     U8            see io/checksums.py; missing in version 1

What has no entry is missing. Versions before 3 have no large sums, no shards, and always entries.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._version import __version__
from ..errors import FormatError
from ..io import safetensors
from ..io.safetensors import Container, Field, Schema
from ..system.atomic import atomic_write
from ..system.compression import refuse_compression
from ..system.memory import available
from ..system.progress import advancing_bar
from ..text.shards import Shard
from ..text.vocab import Vocab
from .count_settings import CountSettings
from .counting import CountRows, StoredCounts

SCHEMA = Schema(
    "fastsg-counts",
    "3",
    (
        Field("word_counts", "I64"),
        Field("word_offsets", "I64"),
        Field("row_ptr", "I64"),
        Field("thinned_row_ptr", "I64", optional=True),
        Field("keep", "F64", optional=True),
        Field("large", "I64", optional=True),
        Field("thinned_large", "I64", optional=True),
        Field("contexts", "I32", optional=True),
        Field("counts", "F32", optional=True),
        Field("thinned_contexts", "I32", optional=True),
        Field("thinned_counts", "F32", optional=True),
        Field("words", "U8"),
    ),
    unsealed="1",
    older=("2",),
)


class CountsFile(NamedTuple):
    """What is in a file: counts, thinned ones if there are any, their words, and which shard they are."""

    vocab: Vocab
    counts: StoredCounts
    thinned: StoredCounts | None = None
    shard: Shard | None = None


def write_counts(path: str | os.PathLike[str], content: CountsFile, progress: bool | None = False) -> None:
    """Write the file; OSError with the path. The same counts give the same bytes."""
    vocab, counts, thinned, shard = content
    offsets, blob = safetensors.pack_words(vocab.words)
    arrays: dict[str, NDArray[Any] | None] = {
        "word_counts": vocab.counts,
        "word_offsets": offsets,
        "words": blob,
        "keep": (thinned or counts).keep,
        "large": counts.large,
        **counts.rows._asdict(),
    }
    metadata = {
        "library_version": __version__,
        "about": _described(counts.settings),
        "raw_types": str(vocab.raw_types),
        "raw_tokens": str(vocab.raw_tokens),
    }
    if thinned:
        arrays |= {f"thinned_{name}": array for name, array in thinned.rows._asdict().items()}
        arrays["thinned_large"] = thinned.large
        metadata["thinned_about"] = _described(thinned.settings)
    if counts.large is not None:
        metadata["exact"] = "yes"
    if shard:
        metadata["shard"] = shard.as_json()
    refuse_compression(path)
    present = {name: array for name, array in arrays.items() if array is not None and array.size}
    size = sum(array.nbytes for array in present.values())
    with (
        atomic_write(path) as file,
        advancing_bar(size, "B", progress, desc="saving", leave=False) as advance,
    ):
        safetensors.write(file, SCHEMA, metadata, present, advance)


def read_counts(path: str | os.PathLike[str], mmap: bool, verify: bool | None) -> CountsFile:
    """The content of a file; see CooccurrenceCounts.load.

    A FormatError does not name the file: see :func:`named`. The entries are not looked at here.
    """
    with safetensors.open_regular(path) as file:
        container = Container(file, SCHEMA, verify)
        if not mmap:
            _check_room(os.fsdecode(path), sum(place.size for place in container.places.values()))
        get = container.map if mmap else container.read
        return told_counts(container, read_vocab(container), get)


def read_vocab(container: Container) -> Vocab:
    """The words of a file."""
    return Vocab(
        safetensors.unpack_words(container.read("word_offsets"), container.read("words")),
        container.read("word_counts"),
        raw_types=safetensors.count(container.metadata, "raw_types"),
        raw_tokens=safetensors.count(container.metadata, "raw_tokens"),
    )


def told_counts(container: Container, vocab: Vocab, get: Callable[[str], NDArray[Any]]) -> CountsFile:
    """What a file says; `get` fetches its entries, by the names of their tensors."""
    metadata, places = container.metadata, container.places
    keep = container.read("keep") if "keep" in places else None
    is_thinned = "thinned_row_ptr" in places
    for prefix in ("", "thinned_"):
        if (prefix + "contexts" in places) != (prefix + "counts" in places):
            raise FormatError(
                f"it has some of the tensors of {prefix.replace('_', ' ')}counts, not all of them"
            )
    parts = any(name.startswith("thinned_") for name in places)
    if parts != is_thinned or (is_thinned and keep is None):
        raise FormatError("it has some of the tensors of thinned counts, not all of them")
    is_exact = "exact" in metadata

    def stored(prefix: str, keep: NDArray[np.float64] | None) -> StoredCounts:
        def entries(name: str, dtype: type[np.generic]) -> NDArray[Any]:
            return get(prefix + name) if prefix + name in places else np.empty(0, dtype)

        contexts, counts = entries("contexts", np.int32), entries("counts", np.float32)
        rows = CountRows(container.read(prefix + "row_ptr"), contexts, counts)
        found = StoredCounts(rows, _settings(metadata, prefix + "about"), keep)
        return found._replace(large=entries("large", np.int64) if is_exact and found.unit else None)

    thinned = stored("thinned_", keep) if is_thinned else None
    shard = Shard.parse(metadata["shard"]) if "shard" in metadata else None
    return CountsFile(vocab, stored("", None if is_thinned else keep), thinned, shard)


def is_counts_file(path: str | os.PathLike[str]) -> bool:
    """Whether a file was written by :func:`write_counts`, by its header; False if there is none."""
    return safetensors.format_of(path) == SCHEMA.name


def _check_room(path: str, size: int) -> None:
    """MemoryError before the memory is taken: what is promised too freely ends in a process killed later."""
    free = available()
    if free is not None and size > free:
        raise MemoryError(
            f"{path} takes {size / 2**30:.2f} GiB of memory, {free / 2**30:.2f} GiB are free; mmap=True "
            "(--mmap) maps it instead of reading it"
        )


def _described(settings: CountSettings | None) -> str:
    return json.dumps(settings.as_dict() if settings else {})


def _settings(metadata: dict[str, str], name: str) -> CountSettings | None:
    return CountSettings.parse(safetensors.parse_json(metadata.get(name, "{}")))
