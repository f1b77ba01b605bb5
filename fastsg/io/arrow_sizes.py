"""How much Arrow files unpack to, by their own headers: asked before pyarrow takes memory for it.

pyarrow has no limit of its own, and a run of equal numbers takes a few bytes however long it is. Arrow's
headers are flatbuffers: tables of offsets to offsets, of which a few are followed here (format/File.fbs,
Message.fbs of Apache Arrow).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

_END = b"ARROW1"
_DICTIONARIES, _BATCHES = 2, 3  # fields of Arrow's footer
_HEADER = 2  # of a message
_DICTIONARY_DATA = 1  # of a dictionary batch
_BUFFERS, _COMPRESSION = 2, 3  # of a record batch
_BLOCK = struct.Struct("<qi4xq")
_BUFFER = struct.Struct("<qq")


def arrow_bytes(file: BinaryIO, size: int) -> int:
    """Bytes of all that an Arrow file of `size` bytes holds.

    Raises
    ------
    ValueError, struct.error    Its headers lead nowhere.
    """
    length, end = struct.unpack("<i6s", _at(file, size - 10, 10))
    if end != _END or not 0 < length <= size - 10:
        raise ValueError("it does not end as an Arrow file does")
    footer = _Table.root(_at(file, size - 10 - length, length))
    total = buffers = 0
    for field in (_DICTIONARIES, _BATCHES):
        for offset, metadata_bytes, _ in footer.structs(field, _BLOCK):
            for taken in _message_bytes(file, offset, metadata_bytes, field == _DICTIONARIES):
                total += taken
                buffers += 1
            if buffers * _BUFFER.size > size:
                raise ValueError("its headers name more buffers than it can hold")
    return total


def _message_bytes(file: BinaryIO, offset: int, metadata_bytes: int, is_dictionary: bool) -> Iterator[int]:
    """Bytes of each buffer of a message."""
    metadata = _at(file, offset, metadata_bytes)
    batch = _Table.root(metadata[8 if metadata[:4] == b"\xff" * 4 else 4 :]).table(_HEADER)
    if is_dictionary:
        batch = batch.table(_DICTIONARY_DATA)
    is_packed = batch.place(_COMPRESSION) > 0
    for start, length in batch.structs(_BUFFERS, _BUFFER):
        unpacked = -1
        if is_packed and length >= 8:
            (unpacked,) = struct.unpack("<q", _at(file, offset + metadata_bytes + start, 8))
        if length < 0 or unpacked < -1:
            raise ValueError("a buffer has less than no bytes")
        yield max(unpacked, length)


def _at(file: BinaryIO, offset: int, count: int) -> bytes:
    if offset < 0 or count < 0:
        raise ValueError(f"its headers name {count} bytes at {offset}")
    file.seek(offset)
    data = file.read(count)
    if len(data) < count:
        raise ValueError(f"its headers name {count} bytes at {offset}, beyond its end")
    return data


class _Table:
    """A table of a flatbuffer."""

    def __init__(self, data: bytes, start: int) -> None:
        self._data, self._start = data, start

    @classmethod
    def root(cls, data: bytes) -> _Table:
        """The table that a buffer is about."""
        return cls(data, *struct.unpack_from("<I", data))

    def place(self, field: int) -> int:
        """Where a field stands; 0 if it is absent."""
        (back,) = struct.unpack_from("<i", self._data, self._start)
        names = self._start - back
        if names < 0:
            raise ValueError("a header begins before its file")
        (length,) = struct.unpack_from("<H", self._data, names)
        if 4 + 2 * field + 2 > length:
            return 0
        (offset,) = struct.unpack_from("<H", self._data, names + 4 + 2 * field)
        return self._start + offset if offset else 0

    def _target(self, field: int) -> int:
        if not (place := self.place(field)):
            return 0
        return int(place + struct.unpack_from("<I", self._data, place)[0])

    def table(self, field: int) -> _Table:
        """A field that is a table."""
        if not (target := self._target(field)):
            raise ValueError("a header lacks a part")
        return _Table(self._data, target)

    def structs(self, field: int, form: struct.Struct) -> Iterator[tuple[Any, ...]]:
        """The items of a field that is a vector of structs."""
        if not (target := self._target(field)):
            return
        (count,) = struct.unpack_from("<I", self._data, target)
        if target + 4 + count * form.size > len(self._data):
            raise ValueError("a header is cut off")
        for i in range(count):
            yield form.unpack_from(self._data, target + 4 + i * form.size)
