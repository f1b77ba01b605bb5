"""The safetensors container as fastsg writes and reads it.

Layout: eight bytes of length, a JSON header, the arrays end to end in little-endian bytes. We write it
ourselves because the library orders metadata at random and loses errno; we read it ourselves because whatever
a header promises is proven against the size of the file before memory is taken. A reader that meets anything
unexpected raises FormatError without the name of the file: callers read inside :func:`named`, which adds it.

Formats that say so (``Schema.unsealed``) end in checksums, see :mod:`~fastsg.io.checksums`: what is read is
verified, what is mapped only on request. Every later release reads the files of this one and of those before,
whose versions a schema names; tests/test_kept_files.py has them all.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from .. import checks
from ..errors import FormatError
from ..system.growing_file import give_back
from . import checksums
from .checksums import Checksums
from .untrusted import open_if_regular

#: Bytes that a header may have.
MAX_HEADER = 1 << 20
_IS_PICKLE = (
    "it is a pickle, which is never opened; where it comes from, save_word2vec_format writes its vectors in "
    "a format that can be read here"
)
_NUMPY_TYPES = {"I64": "<i8", "F64": "<f8", "I32": "<i4", "F32": "<f4", "F16": "<f2", "U8": "|u1"}
_ALIGNMENT = 64
#: Chunks of a mapped array that are in memory when it is written.
_CHUNKS_AT_ONCE = 64


class Field(NamedTuple):
    """A tensor that a format has, or may have: its name, safetensors type and number of dimensions."""

    name: str
    dtype: str
    ndim: int = 1
    optional: bool = False


_CHECKSUMS = Field("checksums", "U8")


class Schema(NamedTuple):
    """A format: its name and version in the metadata, and its tensors in the order of the file.

    Tensors of eight-byte numbers come first, so that all of them are aligned. Files without a name are those
    of others: their metadata are not looked at. `unsealed` is the version before the files had checksums;
    None: this format has none, or its own. `older` are versions since then, of fewer optional tensors.
    """

    name: str | None
    version: str
    fields: tuple[Field, ...]
    unsealed: str | None = None
    older: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the file an array is, proven to lie within it."""

    dtype: str
    shape: tuple[int, ...]
    start: int

    @property
    def size(self) -> int:
        """Bytes."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize

    def part(self, start: int, stop: int) -> Place:
        """Where elements [start, stop) are, of a tensor of one dimension; only those that it has."""
        start, stop = (min(at, self.shape[0]) for at in (start, stop))
        return Place(self.dtype, (stop - start,), self.start + start * np.dtype(self.dtype).itemsize)


def write(
    file: BinaryIO,
    schema: Schema,
    metadata: Mapping[str, str],
    arrays: Mapping[str, NDArray[Any]],
    advance: Callable[[int], object] = lambda n: None,
) -> None:
    """Write a whole file; the same arguments always give the same bytes.

    Parameters
    ----------
    file : binary file
    schema : Schema
    metadata : mapping of str to str        Besides ``format`` and ``format_version``, which the schema gives.
    arrays : mapping of str to ndarray      One for each field of the schema; optional ones may be missing.
    advance : function                      Is told of bytes of arrays that were written with a checksum.

    Raises
    ------
    ValueError                              The header would be longer than a reader allows.
    """
    raw = {field: raw_bytes(field, arrays[field.name]) for field in _present(schema, arrays)}
    shapes = {field: list(arrays[field.name].shape) for field in raw}
    sizes = {field: data.nbytes for field, data in raw.items()}
    if schema.unsealed:
        sizes[_CHECKSUMS] = checksums.size_of(list(sizes.values()))
        shapes[_CHECKSUMS] = [sizes[_CHECKSUMS]]
    header = _header(schema, metadata, shapes, sizes)
    file.write(header)
    digests = bytearray()
    for field, data in raw.items():
        if not schema.unsealed:
            file.write(data)
            continue
        for number, (chunk, digest) in enumerate(checksums.chunks(data), 1):
            file.write(chunk)
            digests += digest
            advance(len(chunk))
            if number % _CHUNKS_AT_ONCE == 0:
                give_back(arrays[field.name])
    if schema.unsealed:
        file.write(digests + checksums.seal(header, bytes(digests)))


def _present(schema: Schema, arrays: Mapping[str, NDArray[Any]]) -> list[Field]:
    return [field for field in schema.fields if not field.optional or field.name in arrays]


def _header(
    schema: Schema, metadata: Mapping[str, str], shapes: dict[Field, list[int]], sizes: dict[Field, int]
) -> bytes:
    """All of the file before the tensors."""
    about = {} if schema.name is None else {"format": schema.name, "format_version": schema.version}
    header: dict[str, Any] = {"__metadata__": {**about, **metadata}}
    end = 0
    for field, shape in shapes.items():
        start, end = end, end + sizes[field]
        header[field.name] = {"dtype": field.dtype, "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(len(text) + 8) % _ALIGNMENT)
    if len(text) > MAX_HEADER:
        raise ValueError(f"the header would have {len(text)} bytes; {MAX_HEADER} are allowed")
    return len(text).to_bytes(8, "little") + text


def raw_bytes(field: Field, array: NDArray[Any]) -> memoryview:
    """The bytes of an array as the file has them; a copy only where its bytes are others in memory."""
    return np.ascontiguousarray(array, _NUMPY_TYPES[field.dtype]).data.cast("B")


@contextlib.contextmanager
def named(name: str, what: str) -> Iterator[None]:
    """Turn whatever is wrong with the content of a file into a FormatError that names the file.

    Parameters
    ----------
    name : str      Of the file.
    what : str      What it should hold, for the message: "model file".
    """
    try:
        yield
    except (ValueError, TypeError) as error:
        # Python's own errors repeat names of the file's as they are
        raise FormatError(f"{name!r} is no {what} of fastsg: {checks.printable(str(error))}") from None


def open_regular(path: str | os.PathLike[str]) -> io.BufferedReader:
    """Open a file for reading; FormatError if it is not a regular one."""
    file = open_if_regular(path)
    if file is None:
        raise FormatError("it is no regular file")
    return file


def format_of(path: str | os.PathLike[str]) -> str | None:
    """The format that a file of :func:`write` names, by its header alone; None for any other file."""
    metadata = _told_header(path).get("__metadata__")
    name = metadata.get("format") if isinstance(metadata, dict) else None
    return name if isinstance(name, str) else None


def has_checksums(path: str | os.PathLike[str]) -> bool:
    """Whether a file of :func:`write` says that it ends in checksums, by its header alone."""
    return _CHECKSUMS.name in _told_header(path)


def _told_header(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What a header says, be it true or not; empty if there is none."""
    try:
        with open_regular(path) as file:
            size = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(size)) if 2 <= size <= MAX_HEADER else None
    except (OSError, ValueError, RecursionError):
        return {}
    return header if isinstance(header, dict) else {}


class Container:
    """A file whose header is proven: every array lies in it, none overlaps, nothing is left over.

    Parameters
    ----------
    file : binary file, seekable            Stays open; closing it is up to the caller.
    schema : Schema                         What it must be.
    verify : bool or None                   Compare the checksums: True, of all that is read or mapped; None,
                                            of what is read; False, of nothing that was not asked for.

    Attributes
    ----------
    metadata : dict of str to str           As found.
    places : dict of str to Place           Of the tensors found, in the order of the file, less the
                                            checksums.

    Raises
    ------
    FormatError                             The file is something else, or damaged; or it is to be verified
                                            and has no checksums.
    """

    def __init__(self, file: io.BufferedIOBase, schema: Schema, verify: bool | None = None) -> None:
        self._file, self._verify = file, verify
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        header, raw = _read_header(file, size)
        self.metadata = _checked_metadata(header, schema)
        fields = schema.fields
        if is_sealed := bool(schema.unsealed) and self.metadata["format_version"] != schema.unsealed:
            fields = (*fields, _CHECKSUMS)
        self.places = _checked_places(header, fields, len(raw), size)
        self._checksums = self._sealed(raw) if is_sealed else None
        if verify and schema.unsealed and not is_sealed:
            raise FormatError("it was written before there were checksums; saving it anew adds them")

    def _sealed(self, header: bytes) -> Checksums:
        stored = self._read(self.places.pop(_CHECKSUMS.name)).tobytes()
        return Checksums(header, stored, {name: place.size for name, place in self.places.items()})

    def read(self, name: str) -> NDArray[Any]:
        """An array in memory of its own."""
        values = self._read(self.places[name])
        if self._checksums and self._verify is not False:
            self._checksums.check(name, values.data.cast("B"))
        return values.astype(values.dtype.newbyteorder("="), copy=False)

    def map(self, name: str) -> NDArray[Any]:
        """An array mapped from the file, read-only; read instead if it is not aligned, as ours always are."""
        place = self.places[name]
        if place.start % np.dtype(place.dtype).itemsize:
            return self.read(name)
        file = cast(BinaryIO, self._file)
        mapped = np.memmap(file, dtype=place.dtype, mode="r", offset=place.start, shape=place.shape)
        if self._checksums and self._verify:
            self._checksums.check(name, mapped.data.cast("B"), lambda: give_back(mapped))
        return mapped.view(np.ndarray)

    def _read(self, place: Place) -> NDArray[Any]:
        return read_place(self._file, place)


def read_place(file: io.BufferedIOBase, place: Place) -> NDArray[Any]:
    """The bytes at a place, unverified; FormatError if there are fewer."""
    values = np.empty(place.shape, dtype=place.dtype)
    file.seek(place.start)
    if values.size and file.readinto(values.data.cast("B")) != values.nbytes:
        raise FormatError("it ended early")
    return values


def _read_header(file: io.BufferedIOBase, size: int) -> tuple[dict[str, Any], bytes]:
    """The header, and all bytes before the arrays."""
    start = file.read(8)
    length = int.from_bytes(start, "little")
    if size < 8 or not 2 <= length <= min(MAX_HEADER, size - 8):
        is_pickle = start[:1] == b"\x80" and start[1:2] in (b"\2", b"\3", b"\4", b"\5")
        raise FormatError(_IS_PICKLE if is_pickle else "it does not start as a safetensors file does")
    text = file.read(length)
    try:
        header = parse_json(text.decode())
    except ValueError as error:
        raise FormatError(f"its header is not valid: {error}") from None
    return header if isinstance(header, dict) else {}, start + text


def parse_json(text: str) -> Any:
    """Parse JSON that nobody vouches for; repeated keys and too deep nesting are a ValueError too."""
    try:
        return json.loads(text, object_pairs_hook=_unique_keys)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _checked_metadata(header: dict[str, Any], schema: Schema) -> dict[str, str]:
    metadata = header.pop("__metadata__", None)
    if schema.name is None:
        return {}
    found = metadata.get("format") if isinstance(metadata, dict) else None
    if not isinstance(metadata, dict) or found != schema.name:
        other = f" but {found[:40]!r}" if isinstance(found, str) else ""
        raise FormatError(f"its header does not say format={schema.name!r}{other}")
    if not all(isinstance(value, str) for value in metadata.values()):
        raise FormatError("its metadata are not all strings")
    known = [version for version in (schema.unsealed, *schema.older, schema.version) if version]
    if metadata.get("format_version") not in known:
        raise FormatError(
            f"its version is {metadata.get('format_version')!r}; this fastsg reads "
            + " and ".join(map(repr, known))
        )
    return metadata


def _checked_places(
    header: dict[str, Any], fields: Sequence[Field], start: int, size: int
) -> dict[str, Place]:
    required = {field.name for field in fields if not field.optional}
    if not required <= set(header) <= {field.name for field in fields}:
        raise FormatError(f"it holds {sorted(header)}, not {[field.name for field in fields]}")
    places, end = {}, 0
    for field in fields:
        if field.name not in header:
            continue
        shape, first, last = _described(field, header[field.name])
        # math.prod of Python's integers cannot overflow.
        if first != end or last - first != math.prod(shape) * np.dtype(_NUMPY_TYPES[field.dtype]).itemsize:
            raise FormatError(f"type, shape and place of {field.name} do not agree")
        places[field.name], end = Place(_NUMPY_TYPES[field.dtype], shape, start + first), last
    if start + end != size:
        raise FormatError(f"it has {size} bytes; its header describes {start + end}")
    return places


def _described(field: Field, entry: Any) -> tuple[tuple[int, ...], int, int]:
    """(shape, first byte, byte after the last) as the header has them."""
    match entry:
        case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [first, last]} if len(entry) == 3:
            # Not isinstance: True is an int as well.
            is_known = len(shape) == field.ndim and all(type(n) is int for n in (*shape, first, last))
        case _:
            is_known = False
    if not is_known:
        raise FormatError(f"its header describes {field.name} in an unknown way")
    if dtype != field.dtype or min(shape) < 1:
        raise FormatError(f"type, shape and place of {field.name} do not agree")
    return tuple(shape), first, last


def count(metadata: Mapping[str, str], key: str) -> int:
    """A count among the metadata: an integer of at least 0."""
    text = metadata.get(key)
    if not isinstance(text, str) or not text.isascii() or not text.isdigit() or len(text) > 18:
        raise FormatError(f"its header has {key}={text!r}")
    return int(text)


def pack_words(words: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """(offsets, blob): word i is ``blob[offsets[i]:offsets[i + 1]]`` in UTF-8."""
    encoded = [word.encode() for word in words]
    lengths = np.array([0, *map(len, encoded)], dtype=np.int64)
    return np.cumsum(lengths), np.frombuffer(b"".join(encoded), dtype=np.uint8)


def unpack_words(offsets: NDArray[np.int64], blob: NDArray[np.uint8]) -> list[str]:
    """The words; none is empty. A UnicodeDecodeError, which is a ValueError, if they are not UTF-8."""
    if offsets[0] != 0 or offsets[-1] != len(blob) or not (offsets[1:] > offsets[:-1]).all():
        raise FormatError("word_offsets must rise strictly from 0 to the size of words")
    data, bounds = blob.tobytes(), offsets.tolist()
    return [data[start:stop].decode() for start, stop in itertools.pairwise(bounds)]
