"""The file of counts: a safetensors container, written whole or not at all, read with proofs.

Metadata: ``library_version``; ``about``, and ``thinned_about`` beside thinned counts, JSON of how they were
made; ``raw_types`` and ``raw_tokens`` of the vocabulary. Tensors, in this order, K words, E and F entries::

    word_counts   I64 (K,)      word_offsets     I64 (K + 1,)   word i is words[offsets i to i + 1]
    row_ptr       I64 (K + 1,)  thinned_row_ptr  I64 (K + 1,)   the thinned ones are all there or all missing
    keep          F64 (K,)      of the thinned counts, or of the only ones; missing where nothing was thinned
    contexts      I32 (E,)      counts           F32 (E,)
    thinned_contexts I32 (F,)   thinned_counts   F32 (F,)
    words         U8            the words in UTF-8, end to end
    checksums     U8            see io/checksums.py; missing in version 1
"""

from __future__ import annotations

import json
import os

from .._version import __version__
from ..errors import FormatError
from ..io import safetensors
from ..io.safetensors import Container, Field, Schema
from ..system.atomic import atomic_write
from ..system.compression import refuse_compression
from ..system.memory import available
from ..text.vocab import Vocab
from .count_settings import CountSettings
from .counting import CountRows, StoredCounts

SCHEMA = Schema(
    "fastsg-counts",
    "2",
    (
        Field("word_counts", "I64"),
        Field("word_offsets", "I64"),
        Field("row_ptr", "I64"),
        Field("thinned_row_ptr", "I64", optional=True),
        Field("keep", "F64", optional=True),
        Field("contexts", "I32"),
        Field("counts", "F32"),
        Field("thinned_contexts", "I32", optional=True),
        Field("thinned_counts", "F32", optional=True),
        Field("words", "U8"),
    ),
    unsealed="1",
)


def write_counts(
    path: str | os.PathLike[str], vocab: Vocab, counts: StoredCounts, thinned: StoredCounts | None
) -> None:
    """Write the file; OSError with the path. The same counts give the same bytes."""
    offsets, blob = safetensors.pack_words(vocab.words)
    arrays = {
        "word_counts": vocab.counts,
        "word_offsets": offsets,
        "words": blob,
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
        metadata["thinned_about"] = _described(thinned.settings)
    if (keep := (thinned or counts).keep) is not None:
        arrays["keep"] = keep
    refuse_compression(path)
    with atomic_write(path) as file:
        safetensors.write(file, SCHEMA, metadata, arrays)


def read_counts(
    path: str | os.PathLike[str], mmap: bool, verify: bool | None
) -> tuple[Vocab, StoredCounts, StoredCounts | None]:
    """The vocabulary, the counts, and the thinned ones if there are any; see CooccurrenceCounts.load.

    A FormatError does not name the file: see :func:`named`. The entries are not looked at here.
    """
    with safetensors.open_regular(path) as file:
        container = Container(file, SCHEMA, verify)
        if not mmap:
            _check_room(os.fsdecode(path), sum(place.size for place in container.places.values()))
        words = safetensors.unpack_words(container.read("word_offsets"), container.read("words"))
        metadata = container.metadata
        vocab = Vocab(
            words,
            container.read("word_counts"),
            raw_types=safetensors.count(metadata, "raw_types"),
            raw_tokens=safetensors.count(metadata, "raw_tokens"),
        )
        keep = container.read("keep") if "keep" in container.places else None
        parts = sum(name.startswith("thinned_") for name in container.places)
        if parts not in (0, 3) or (parts and keep is None):
            raise FormatError("it has some of the tensors of thinned counts, not all of them")
        thinned = None
        if parts:
            rows = _rows(container, "thinned_", mmap)
            thinned = StoredCounts(rows, _settings(metadata, "thinned_about"), keep)
        found = StoredCounts(
            _rows(container, "", mmap), _settings(metadata, "about"), None if thinned else keep
        )
        return vocab, found, thinned


def _check_room(path: str, size: int) -> None:
    """MemoryError before the memory is taken: what is promised too freely ends in a process killed later."""
    free = available()
    if free is not None and size > free:
        raise MemoryError(
            f"{path} takes {size / 2**30:.2f} GiB of memory, {free / 2**30:.2f} GiB are free; mmap=True "
            "(--mmap) maps it instead of reading it"
        )


def _rows(container: Container, prefix: str, mmap: bool) -> CountRows:
    get = container.map if mmap else container.read
    return CountRows(container.read(prefix + "row_ptr"), get(prefix + "contexts"), get(prefix + "counts"))


def _described(settings: CountSettings | None) -> str:
    return json.dumps(settings.as_dict() if settings else {})


def _settings(metadata: dict[str, str], name: str) -> CountSettings | None:
    return CountSettings.parse(safetensors.parse_json(metadata.get(name, "{}")))
