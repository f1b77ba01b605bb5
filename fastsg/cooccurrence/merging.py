"""Counts merged: those in memory, or files of any size with little memory and one of them open at a time."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..io import safetensors
from ..io.safetensors import Container, named
from ..system.digest import sha256
from ..system.threads import effective_num_threads
from .adding import Reading, Source, add_up, check_same, shards_of
from .counting import CountRows, StoredCounts
from .counts_file import SCHEMA, CountsFile, read_vocab, told_counts, write_counts
from .entries import Entries
from .row_checks import check_ends, check_entries, check_keep
from .window import Window

_THE_TEXTS, _THINNED = "counts", "thinned counts"


# ---- in memory ----


def combined(
    parts: Sequence[CountsFile], names: Sequence[str], *, taken_off: bool, complete: bool
) -> CountsFile:
    """The first of the parts with the others added, or taken off.

    ValueError, with one of the names, unless they fit; with `complete` also if they are some of the shards of
    a text, not all.
    """
    first = parts[0]
    shards = [(name, part.shard) for name, part in zip(names, parts, strict=True)]
    shard = shards_of(shards, taken_off=taken_off, complete=complete)
    for name, part in zip(names, parts, strict=True):
        if part.vocab is not first.vocab and part.vocab != first.vocab:
            raise ValueError(f"{name} have another vocabulary than the first: count both with the same one")
        check_same(name, part.counts, first.counts, _THE_TEXTS)
        check_same(name, part.thinned, first.thinned, _THINNED)

    def added(counts: list[StoredCounts]) -> StoredCounts:
        sources = [Source.of(one, is_taken_off=taken_off and one is not counts[0]) for one in counts]
        entries = Entries(sum(len(one.rows.counts) for one in counts), None, None)
        rows, large = add_up(sources, len(first.vocab), counts[0].unit, entries)
        return counts[0]._replace(rows=rows, large=large)

    thinned = [part.thinned for part in parts if part.thinned is not None]
    text = added([part.counts for part in parts])
    return CountsFile(first.vocab, text, added(thinned) if thinned else None, shard)


# ---- files ----


class Needs(NamedTuple):
    """Bytes that counting or merging takes at most, as far as can be told before; the disk is that of the
    output, beside which there may be temporary files in a folder of their own.
    """

    memory: int
    disk: int
    temporary: int = 0


def needs_of_counting(
    text_bytes: int,
    K: int,
    window: Window,
    draws: int,
    memory_limit: int | None = None,
    workers: int | None = 1,
) -> Needs:
    """What it takes to count so many bytes of text: a token has five, and all pairs are different ones.

    Under a limit of memory there are temporary files: the ids of the text; its counts, while the pieces of
    its thinned copies wait to be added up, and while they are; these, too, while both are saved.
    """
    tokens, draws, unit = text_bytes // 5, max(draws, 1), window.units().unit
    reach = _LONG_REACH if window.left < 0 else window.left + window.right
    pairs = tokens * reach
    counts = _bytes_of(pairs, K * K, unit) + _bytes_of(pairs * draws, K * K, unit)
    words = (_BYTES_OF_A_WORD + _BYTES_OF_A_THREAD * effective_num_threads(workers)) * K
    in_core = Needs(tokens * (4 + 12 * draws) + counts + words, counts)
    if memory_limit is None:
        return in_core
    memory = memory_limit + _BESIDE_A_LIMIT + words
    pieces = _bytes_of(pairs * draws, pairs * draws, unit) + 4 * tokens * draws + 8 * K  # and their row_ptr
    return Needs(min(in_core.memory, memory), counts, 12 * tokens + counts + pieces)


def _bytes_of(pairs: int, most: int, unit: int) -> int:
    """Of the counts of so many pairs, of which at most so many differ, and of their large sums."""
    entries = min(pairs, most)
    return 8 * (entries + min(entries, pairs * unit // _LARGE))


class CountsMerger:
    """Files of counts, checked to be the shards of one text, or counts of several texts that fit.

    Parameters
    ----------
    paths : sequence of path        At least one. All checksums are compared here, which reads them once.

    Attributes
    ----------
    needs : Needs

    Raises
    ------
    FormatError                     A file is damaged, or no file of counts.
    ValueError                      One does not fit the first; says which, and why.
    OSError                         One cannot be read.
    """

    def __init__(self, paths: Sequence[str | os.PathLike[str]]) -> None:
        if not paths:
            raise ValueError("paths is empty; there are no counts to merge")
        self._files = [_File(os.fsdecode(path)) for path in paths]
        self._first = self._files[0].content
        shards_of([(repr(file.path), file.content.shard) for file in self._files], complete=True)
        for file in self._files:
            if file.words != self._files[0].words:
                raise ValueError(f"{file.path!r} has another vocabulary than {self._files[0].path!r}")
            check_same(repr(file.path), file.content.counts, self._first.counts, _THE_TEXTS)
            check_same(repr(file.path), file.content.thinned, self._first.thinned, _THINNED)
        disk = 2 * sum(file.bytes for file in self._files)  # entries as they are made, and the file
        self.needs = Needs(memory=_MEMORY + _BYTES_OF_A_WORD * len(self._first.vocab), disk=disk)

    def save(self, path: str | os.PathLike[str]) -> CountsFile:
        """Write the merged counts, the same bytes as counting the whole text writes; returns what it says.

        ValueError if there are no pairs, or a sum does not fit 64 bits; OSError with the path, or its folder.
        """
        path = os.fsdecode(path)
        thinned = self._first.thinned
        counts = self._added(self._first.counts, "", path)
        if not len(counts.rows.counts):
            raise ValueError("there are no pairs: a file of no counts could not be trained on")
        merged = CountsFile(self._first.vocab, counts, thinned and self._added(thinned, "thinned_", path))
        write_counts(path, merged)
        return merged

    def _added(self, like: StoredCounts, prefix: str, path: str) -> StoredCounts:
        """The sum, in files without a name beside `path`; errors name it, or the folder of them all."""
        sources = [Source(file.reader(prefix), file.check_rows) for file in self._files]
        entries = Entries(0, 0, os.path.dirname(os.path.abspath(path)))
        with _errors_naming(path):
            rows, large = add_up(sources, len(self._first.vocab), like.unit, entries)
        return like._replace(rows=rows, large=large)


#: Words of a sentence, where a window takes all of them.
_LONG_REACH = 40
#: Bytes that adding the parts of rows takes, and what each word takes besides.
_MEMORY, _BYTES_OF_A_WORD = 1 << 29, 300
#: And what each of them takes for each thread.
_BYTES_OF_A_THREAD = 16
#: Units from which on a sum is kept beside its count.
_LARGE = 2**22
#: Bytes that counting under a limit takes besides.
_BESIDE_A_LIMIT = 300 << 20


@contextlib.contextmanager
def _errors_naming(path: str) -> Iterator[None]:
    """Make OSErrors without a path carry this one."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = path
        raise


class _File:
    """A file that was verified whole, and of which parts are read, opened anew each time.

    Attributes
    ----------
    content : CountsFile    Without entries.
    words : str             Digest of its vocabulary.
    bytes : int             Of its entries.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        with self._opened() as file:
            container = Container(file, SCHEMA, True)
            self._places = container.places
            for name in set(self._places) - {"word_counts", "word_offsets", "words", "row_ptr"}:
                container.map(name)  # compares its checksums
            vocab = read_vocab(container)
            raw = f"{vocab.raw_types} {vocab.raw_tokens}".encode()
            words = [container.read(name) for name in ("word_counts", "word_offsets", "words")]
            self.words = sha256(*words, raw)
            self.content = told_counts(container, vocab, lambda name: np.empty(0, self._places[name].dtype))
            self._check_layout()
        self.bytes = sum(place.size for place in self._places.values())

    def _check_layout(self) -> None:
        """ValueError unless the rows end where the entries do; these are checked when they are read."""
        K = len(self.content.vocab)
        for prefix, stored in (("", self.content.counts), ("thinned_", self.content.thinned)):
            if stored is not None:
                ends = [self._places.get(prefix + name, _NOWHERE).shape[0] for name in ("contexts", "counts")]
                check_ends(stored.rows.row_ptr, K, *ends)
                check_keep(stored.keep, K)

    def check_rows(self, rows: CountRows) -> None:
        """FormatError, with the path, unless some rows are sound."""
        with named(self.path, _WHAT):
            check_ends(rows.row_ptr, len(rows.row_ptr) - 1, len(rows.contexts), len(rows.counts))
            check_entries(rows, len(self.content.vocab))

    def reader(self, prefix: str) -> Reading:
        """Reads parts of the tensors of a prefix; what has no entry is empty."""

        def read(name: str, start: int, stop: int) -> NDArray[Any]:
            if (place := self._places.get(prefix + name)) is None:
                return np.empty(0, _DTYPES[name])
            with self._opened() as file:
                return safetensors.read_place(file, place.part(start, stop))

        return read

    @contextlib.contextmanager
    def _opened(self) -> Iterator[io.BufferedReader]:
        naming = _errors_naming(self.path), named(self.path, _WHAT)
        with naming[0], naming[1], safetensors.open_regular(self.path) as file:
            yield file


_WHAT = "file of counts"
#: Of tensors that are missing because they are empty.
_NOWHERE = safetensors.Place("", (0,), 0)
_DTYPES = {"contexts": np.int32, "counts": np.float32, "large": np.int64}
