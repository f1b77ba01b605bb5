"""Counts of the same words added up and taken off, in the units that they are sums of: exact in any order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .._counting import add_rows
from ..system.interrupts import check
from ..system.progress import advancing_bar
from ..system.threads import effective_num_threads
from ..text.shards import Shard, shown_numbers
from .counting import CountRows, StoredCounts, row_parts
from .entries import Entries

#: Entries that are added at once.
PART = 2**22

#: Some rows: row_ptr, contexts, counts and large sums, as add_rows takes them.
Part: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32], NDArray[np.int64]]
#: (name of a tensor of the rows, first, last) -> that part of it
Reading: TypeAlias = Callable[[str, int, int], NDArray[Any]]


class Source:
    """Rows of counts to be added or taken off, which come from memory or from a file.

    Parameters
    ----------
    read : function         Parts of row_ptr, contexts, counts and large.
    check : function        Raises an error unless some rows that were read are sound: add_rows trusts them.
    is_taken_off : bool
    """

    def __init__(
        self, read: Reading, check: Callable[[CountRows], None] | None = None, *, is_taken_off: bool = False
    ) -> None:
        self._read, self._check, self.is_taken_off, self._used = read, check, is_taken_off, 0

    @classmethod
    def of(cls, counts: StoredCounts, *, is_taken_off: bool = False) -> Source:
        """Counts in memory, which were checked when they were made."""
        arrays = counts.rows._asdict() | {"large": counts.large}
        return cls(lambda name, start, stop: arrays[name][start:stop], is_taken_off=is_taken_off)

    def sizes(self, K: int) -> NDArray[np.int64]:
        """Entries of each row, (K,)."""
        return np.diff(self._read("row_ptr", 0, K + 1))

    def rows(self, start: int, stop: int) -> Part:
        """Rows [start, stop), which come one part after the other."""
        row_ptr = self._read("row_ptr", start, stop + 1)
        first, last = int(row_ptr[0]), int(row_ptr[-1])
        large = self._read("large", self._used, self._used + last - first)
        rows = CountRows(
            row_ptr - first, self._read("contexts", first, last), self._read("counts", first, last)
        )
        if self._check:
            self._check(rows)
        return *rows, large

    def advance(self, used: int) -> None:
        """So many large sums belonged to the rows that came last."""
        self._used += used


def add_up(
    sources: Sequence[Source],
    K: int,
    unit: int,
    entries: Entries,
    part: int = PART,
    *,
    keep_k: NDArray[np.float64] | None = None,
    workers: int | None = None,
    progress: bool | None = False,
) -> tuple[CountRows, NDArray[np.int64]]:
    """The sum of rows of K words and its large sums, made part by part in `entries`.

    Takes memory for some `part` entries, or for a row of each of two sources if that is more. `keep_k`, and
    ValueError: see :func:`.._counting.add_rows`.
    """
    ends = np.cumsum(sum(source.sizes(K) for source in sources))
    row_ptr, threads = np.zeros(K + 1, np.int64), effective_num_threads(workers)

    def add(parts: list[Part], taken_off: list[bool], *weights: Any) -> tuple[Part, NDArray[np.int64]]:
        return add_rows(parts, taken_off, K, unit, threads, *weights)

    with advancing_bar(int(ends[-1]), "pairs", progress, desc="adding up", leave=False) as advance:
        for start, stop in row_parts(ends, part):
            pointers, contexts, counts, large = _sum_of_rows(sources, start, stop, add, part, keep_k)
            row_ptr[start + 1 : stop + 1] = row_ptr[start] + pointers[1:]

            def fill(to_contexts: NDArray[np.int32], to_counts: NDArray[np.float32]) -> None:
                to_contexts[:], to_counts[:] = contexts, counts  # noqa: B023  called at once

            entries.add(len(contexts), fill)
            entries.add_large(large)
            advance(int(ends[stop - 1] - (ends[start - 1] if start else 0)))
            check()
    contexts, counts, large = entries.joined()
    return CountRows(row_ptr, contexts, counts), large


def _sum_of_rows(
    sources: Sequence[Source],
    start: int,
    stop: int,
    summed: Callable[..., tuple[Part, NDArray[np.int64]]],
    part: int,
    keep_k: NDArray[np.float64] | None,
) -> Part:
    """Rows [start, stop) of all sources, as many at once as memory is meant for."""
    total: list[Part] = []
    waiting: list[tuple[Source, Part]] = []

    def add(*weights: Any) -> None:
        parts = total + [rows for _, rows in waiting]
        taken_off = [False] * len(total) + [source.is_taken_off for source, _ in waiting]
        found, used = summed(parts, taken_off, *weights)
        for (source, _), n in zip(waiting, used[len(total) :].tolist(), strict=True):
            source.advance(n)
        total[:] = [found]
        waiting.clear()

    for source in sources:
        if sum(len(rows[1]) for _, rows in waiting) > part:
            add()
        waiting.append((source, source.rows(start, stop)))
    add(keep_k, start)  # sums that are weighted are no sums of units, and cannot be added any more
    return total[0]


def check_same(name: str, counts: StoredCounts | None, first: StoredCounts | None, what: str) -> None:
    """ValueError unless counts can be added to the first ones; about the words, see the callers.

    Parameters
    ----------
    name, what : str    Of the counts, and whether they are the text's or thinned ones, for messages.
    """
    if counts is None or first is None:
        if counts is not first:
            raise ValueError(f"{name} differ in having {what}: count with the same sample")
        return
    if counts.settings is None or first.settings is None:
        raise ValueError(f"{name} were not counted from a text by fastsg: {what} are no sums of a known unit")
    theirs, ours = counts.settings.as_dict(), first.settings.as_dict()
    nothing = () if counts.keep is not None or first.keep is not None else ("draws", "seed")  # was dropped
    if different := [key for key in ours if ours[key] != theirs[key] and key not in nothing]:
        key = different[0]
        raise ValueError(f"{name} have {what} of {key}={theirs[key]}, the first have {key}={ours[key]}")
    if counts.unit == 0:
        raise ValueError(
            f"{name} weigh pairs by the probability of keeping both words (draws=0): {what} are no sums of a "
            "unit; count with draws of at least 1"
        )
    if counts.large is None:
        raise ValueError(f"{name} were made without their exact sums, as by earlier versions: count again")
    same = counts.keep is first.keep or (
        counts.keep is not None and first.keep is not None and np.array_equal(counts.keep, first.keep)
    )
    if not same:
        raise ValueError(f"{name} were thinned otherwise than the first: count with the same vocabulary")


def shards_of(
    named: Sequence[tuple[str, Shard | None]], *, taken_off: bool = False, complete: bool = False
) -> Shard | None:
    """Which shards of a text the sum of counts holds, or with `taken_off` what is left of the first.

    Counts that are no shards have nothing to be checked; beside shards they are refused, unless these are
    taken off from them as the counts of the whole text. None: the whole, or what is no part of a text by
    number.

    Raises
    ------
    ValueError      Shards are of different texts, come twice, are missing if the sum is to be `complete`, or
                    are not in what they are taken off from; with the name.
    """
    shards = [(name, shard) for name, shard in named if shard is not None]
    if not shards:
        return None
    first_name, first = shards[0]
    is_whole = taken_off and named[0][1] is None
    for name, shard in named[is_whole:]:
        if shard is None:
            raise ValueError(f"{name} and {first_name}: one is a shard, the other is not")
    seen: dict[int, str] = {}
    for name, shard in shards:
        _check_same_text(name, shard, first_name, first)
        if twice := seen.keys() & shard.numbers if not taken_off else ():
            raise ValueError(f"{name} hold {shard}, and so do {seen[min(twice)]}")
        seen |= dict.fromkeys(shard.numbers, name)
    if taken_off:
        held = set(range(1, first.of + 1)) if is_whole else set(first.numbers)
        gone = shards[-1][1]
        if not held.issuperset(gone.numbers):
            raise ValueError(f"{shards[-1][0]} hold {gone}; they are taken off from {first}")
        return first.with_numbers(held.difference(gone.numbers))
    if complete and len(seen) < first.of:
        missing = (number for number in range(1, first.of + 1) if number not in seen)
        raise ValueError(
            f"{first.of - len(seen)} of {first.of} shards are missing: number {shown_numbers(missing)}; "
            "count them first"
        )
    return first.with_numbers(seen)


def _check_same_text(name: str, shard: Shard, first_name: str, first: Shard) -> None:
    for field in ("of", "text", "reading"):
        theirs, ours = getattr(shard, field), getattr(first, field)
        if theirs != ours:
            raise ValueError(
                f"{name} hold {shard} of another text, or read otherwise, than {first_name}, {first}: "
                f"{field} is {theirs!r}, not {ours!r}"
            )
