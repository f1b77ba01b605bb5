"""Texts in other encodings made UTF-8 on their way in, and texts made lower case."""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable
from typing import Any

_CHUNK = 1 << 18
#: A run without a space or line feed longer than this is cut anywhere.
_LONGEST_TAIL = 1 << 16
#: What the decoder puts for bytes that are no text, until they are counted: no text has it.
_MARK = "\udcff"
_MARKING = "fastsg-mark"


class Transcoding:
    """What is to be done to the bytes of every file before they are read as UTF-8.

    Parameters
    ----------
    encoding : str      Of the files: a name that Python knows.
    errors : str        "replace", "ignore" or "strict", for bytes that are not of the encoding.
    lower : bool        Make the text lower case, as ``str.lower()`` does.

    Attributes
    ----------
    invalid : int       Invalid sequences met so far, which were replaced or left out.
    """

    def __init__(self, encoding: str, errors: str, lower: bool) -> None:
        self.encoding, self.errors, self.lower = encoding, errors, lower
        self.invalid = 0

    @classmethod
    def wanted(cls, encoding: object, errors: str, lower: bool) -> Transcoding | None:
        """What the arguments ask for, None if there is nothing to do; ValueError for an unknown encoding."""
        plain = check_encoding(encoding) == "utf-8"
        return None if plain and not lower else cls(str(encoding), errors, lower)

    def reader(self, head: bytes, readinto: Callable[[Any], int], path: str) -> TranscodingReader:
        """A file as UTF-8: `head` are bytes that were read already, `readinto` reads the others."""
        return TranscodingReader(self, head, readinto, path)

    def decoder(self) -> codecs.IncrementalDecoder:
        """A decoder that marks what is no text, or raises."""
        if self.errors == "strict":
            return codecs.getincrementaldecoder(self.encoding)("strict")
        codecs.register_error(_MARKING, _mark)
        return codecs.getincrementaldecoder(self.encoding)(_MARKING)

    def finished(self, text: str) -> bytes:
        """Decoded text as it is handed on, its invalid places counted."""
        if marks := text.count(_MARK):
            self.invalid += marks
            text = text.replace(_MARK, "\ufffd" if self.errors == "replace" else "")
        return (text.lower() if self.lower else text).encode(errors="replace")


def check_encoding(encoding: object) -> str:
    """The encoding's own name; ValueError unless Python knows it and it is one of texts."""
    try:
        name = codecs.lookup(str(encoding)).name
        "".encode(name)  # raises for codecs that are no encodings of text
        codecs.getincrementaldecoder(name)
    except (LookupError, ValueError):
        raise ValueError(
            f"encoding is {encoding!r}, which Python does not know as an encoding of texts; allowed are "
            "names such as 'utf-8', 'gb18030', 'big5', 'latin-1' and 'utf-16'"
        ) from None
    return name


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return _MARK, error.end


class TranscodingReader(io.RawIOBase):
    """Reads from another file what that has, decoded, as UTF-8. What is decoded at once does not matter."""

    def __init__(
        self, transcoding: Transcoding, head: bytes, readinto: Callable[[Any], int], path: str
    ) -> None:
        self._transcoding, self._decoder = transcoding, transcoding.decoder()
        self._head, self._source, self._path = head, readinto, path
        self._room = bytearray(_CHUNK)
        self._tail = ""  # decoded, but it may go on: whether a sigma ends a word decides its lower case
        self._ready = memoryview(b"")
        self._fed, self._ended = 0, False

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, room: Any) -> int:
        """Fill the room as far as one reading of the file goes; 0 at its end."""
        while not self._ready and not self._ended:
            self._ready = memoryview(self._next())
        n = min(len(room), len(self._ready))
        room[:n], self._ready = self._ready[:n], self._ready[n:]
        return n

    def _next(self) -> bytes:
        data, self._head = self._head, b""
        if not data:
            data = bytes(memoryview(self._room)[: self._source(self._room)])
        self._ended = not data
        self._fed += len(data)
        text = self._tail + self._decoded(data)
        cut = len(text)
        if self._transcoding.lower and not self._ended:
            cut = max(text.rfind(" "), text.rfind("\n")) + 1
            if len(text) - cut > _LONGEST_TAIL:
                cut = len(text)
        self._tail = text[cut:]
        return self._transcoding.finished(text[:cut])

    def _decoded(self, data: bytes) -> str:
        try:
            return self._decoder.decode(data, self._ended)
        except UnicodeDecodeError as error:
            place = self._fed - len(error.object) + error.start
            wrong = error.object[error.start : error.end].hex(" ")
            raise ValueError(
                f"{self._path!r}: invalid {self._transcoding.encoding} at byte offset {place} "
                f"(bytes {wrong}); errors='replace' and errors='ignore' read on"
            ) from None
        except UnicodeError as error:  # UTF-16 and UTF-32 that do not start as they must
            raise ValueError(f"{self._path!r} is not {self._transcoding.encoding}: {error}") from None
