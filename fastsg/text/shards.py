"""Shares of a text for several machines: ranges of bytes, whose borders fall on lines.

The files count as one text, end to end. Of n shares the i-th has every line that starts in its n-th of the
bytes, so that each line belongs to one of them, and no token or window is cut. Compressed files, and those
in other encodings than UTF-8, cannot be entered in the middle: they belong whole to the share in which they
start.

Nobody has to agree with anybody: a share counts the lines before it itself, which takes reading them once.
Lines are numbered as in encoders.py.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
import stat
from collections.abc import Iterable
from typing import NamedTuple

from .. import checks
from ..errors import FormatError
from ..io.safetensors import parse_json
from ..system.compression import compression_of
from ..system.interrupts import check
from .files import STDIN, InputFile, Span
from .transcoding import Transcoding, check_encoding

_BLOCK = 1 << 20
#: Places of a file, evenly spread, and bytes there, that go into the fingerprint.
_PLACES, _SAMPLE = 16, 4096
_SHARD = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")


class Shard(NamedTuple):
    """Which part of which text something was made from.

    Attributes
    ----------
    number, of : int    The number-th of so many shares, from 1 on.
    text : str          Fingerprint of the whole text: its sizes, and a digest of samples of its bytes.
    reading : str       How it was read.
    others : tuple      Numbers of further shares that were added to it, rising, above the first.
    """

    number: int
    of: int
    text: str
    reading: str
    others: tuple[int, ...] = ()

    @property
    def numbers(self) -> tuple[int, ...]:
        """Of all shares that are in it."""
        return (self.number, *self.others)

    def with_numbers(self, numbers: Iterable[int]) -> Shard | None:
        """So many shares of the same text; None if they are all of them, or none: no part of it any more."""
        found = sorted(numbers)
        if len(found) in (0, self.of):
            return None
        return self._replace(number=found[0], others=tuple(found[1:]))

    def as_json(self) -> str:
        """What :meth:`parse` reads; `others` only if there are any, as files of lone shards have it."""
        return json.dumps({name: value for name, value in self._asdict().items() if value != ()})

    @classmethod
    def parse(cls, text: str) -> Shard:
        """The shard that a header tells of; FormatError if it makes no sense."""
        match parse_json(text):
            case {"number": int(number), "of": int(of), "text": str(about), "reading": str(reading), **more}:
                others = more.get("others", [])
                if isinstance(others, list) and all(type(other) is int for other in (number, of, *others)):
                    ends = [0, number, *others, of + 1]
                    if all(a < b for a, b in itertools.pairwise(ends)):
                        return cls(number, of, about, reading, tuple(others))
        raise FormatError(f"its header does not say in a known way which shard it is: {text[:80]!r}")

    def __str__(self) -> str:
        if not self.others:
            return f"shard {self.number} of {self.of}"
        return f"shards {shown_numbers(self.numbers)} of {self.of}"


def shown_numbers(numbers: Iterable[int]) -> str:
    """The first ten of them, for messages."""
    shown = list(itertools.islice(numbers, 11))
    return ", ".join(map(str, shown[:10])) + ", ..." * (len(shown) > 10)


class Share(NamedTuple):
    """What there is to read of a text.

    Attributes
    ----------
    spans : list of Span    Parts of its files, in order; empty where no line starts in the range.
    first_line : int        Lines of the whole text before them.
    """

    shard: Shard
    spans: list[Span]
    first_line: int


def parse_shard(text: str) -> tuple[int, int]:
    """(i, n) of 'i/n'; ValueError unless 1 <= i <= n."""
    if not (match := _SHARD.fullmatch(text)):
        raise ValueError(f"shard is {text!r}; allowed are numbers 'i/n' with i from 1 to n, as in '3/16'")
    return checked_shard((int(match[1]), int(match[2])))


def checked_shard(shard: object) -> tuple[int, int]:
    """The argument as (i, n); ValueError unless it is two integers, 1 <= i <= n."""
    if isinstance(shard, (tuple, list)) and len(shard) == 2:
        of = checks.integer("the second number of shard", shard[1], 1)
        return checks.integer("the first number of shard", shard[0], 1, of), of
    raise ValueError(f"shard is {shard!r}; it must be two integers (i, n) with i from 1 to n")


def share_of(
    paths: list[str], shard: object, *, tokenizer: str | None, errors: str, encoding: str, lower: bool
) -> Share:
    """What one of several shares of a text has to read.

    Parameters
    ----------
    paths : list of str         Regular files; all shares must be given the same, in the same order.
    shard : (i, n)
    others                      How the text is read.

    Raises
    ------
    ValueError                  `shard` is not as above, or a path is no regular file.
    OSError                     A file cannot be read.
    """
    number, of = checked_shard(shard)
    sizes = [_size(path) for path in paths]
    total, start = sum(sizes), 0
    low, high = (total * k // of for k in (number - 1, number))
    spans: list[Span] = []
    first_line, is_plain = 0, check_encoding(encoding) == "utf-8"
    for path, size in zip(paths, sizes, strict=True):
        if start >= high:
            break
        if is_plain and not compression_of(path):
            begin, end = (_line_start(path, min(max(at - start, 0), size), size) for at in (low, high))
            before, own = Span(path, 0, begin), Span(path, begin, end)
        else:
            begin, end = (0 if at <= start else size for at in (low, high))
            before = own = Span(path)
        is_mine = begin < end or (not size and low <= start < high)  # an empty file is an empty line
        if not spans and begin:
            first_line += _line_ends(before, encoding)
        if is_mine:
            spans.append(own)
        elif not spans and begin == size:
            first_line += 1  # the end of a file ends a line
        start += size
    reading = f"tokenizer={tokenizer!r}, errors={errors!r}, encoding={encoding!r}, lower={bool(lower)}"
    return Share(Shard(number, of, _fingerprint(paths, sizes), reading), spans, first_line)


def _size(path: str) -> int:
    if path == STDIN or not stat.S_ISREG((info := os.stat(path)).st_mode):
        raise ValueError(f"a shard of {path!r} cannot be taken: it is no regular file, whose size is known")
    return info.st_size


def _line_start(path: str, position: int, size: int) -> int:
    """The first place from `position` on where a line starts: that of the file, or behind a line feed."""
    if position in (0, size):
        return position
    with open(path, "rb") as file:
        file.seek(position - 1)
        place = position - 1
        while data := file.read(_BLOCK):
            if (found := data.find(b"\n")) >= 0:
                return place + found + 1
            place += len(data)
    return size


def _line_ends(span: Span, encoding: str) -> int:
    """How many lines end in a part of a file."""
    room, found = bytearray(_BLOCK), 0
    with InputFile(span, Transcoding.wanted(encoding, "replace", lower=False)) as file:
        while n := file.fill(memoryview(room)):
            found += room.count(b"\n", 0, n) + room.count(b"\r", 0, n)
            check()
    return found


def _fingerprint(paths: list[str], sizes: list[int]) -> str:
    """Sizes of the files and samples of their bytes: names differ from machine to machine."""
    digest = hashlib.sha256(repr(sizes).encode())
    for path, size in zip(paths, sizes, strict=True):
        with open(path, "rb") as file:
            for place in range(_PLACES):
                file.seek((size - _SAMPLE) * place // (_PLACES - 1) if size > _SAMPLE else 0)
                digest.update(file.read(_SAMPLE))
    return f"{sum(sizes)} bytes in {len(sizes)} files, {digest.hexdigest()}"
