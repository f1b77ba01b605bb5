"""Checksums of a container: SHA-256 of every MiB of every tensor, and one of the header and all of these.

They are the last tensor, ``checksums`` U8: the digests of the chunks, tensor after tensor in the order of the
file, then the seal. A tensor begins a chunk of its own, so that each can be verified without the others. The
seal is the digest of all bytes from the first of the file to the last digest before it, less the tensors.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

#: Bytes that one digest is of.
CHUNK = 1 << 20
_SIZE = 32


def size_of(tensor_bytes: list[int]) -> int:
    """Bytes of the checksums of tensors of so many bytes."""
    return _SIZE * (sum(map(_chunks, tensor_bytes)) + 1)


def chunks(data: memoryview) -> Iterator[tuple[memoryview, bytes]]:
    """The chunks of a tensor's bytes, each with its digest."""
    for start in range(0, len(data), CHUNK):
        chunk = data[start : start + CHUNK]
        yield chunk, hashlib.sha256(chunk).digest()


def seal(header: bytes, digests: bytes) -> bytes:
    """The last of the checksums; `header` is all of the file before the tensors."""
    return hashlib.sha256(header + digests).digest()


class Checksums:
    """The checksums of a file, whose seal is right.

    Parameters
    ----------
    header : bytes                  All of the file before the tensors.
    stored : bytes                  The tensor ``checksums``.
    tensor_bytes : dict             Size of each tensor by its name, in the order of the file.

    Raises
    ------
    ValueError                      They are not as many as the tensors need, or the seal is broken.
    """

    def __init__(self, header: bytes, stored: bytes, tensor_bytes: dict[str, int]) -> None:
        if len(stored) != size_of(list(tensor_bytes.values())):
            raise ValueError("it does not have the checksums that its tensors need")
        digests, found = stored[:-_SIZE], stored[-_SIZE:]
        if seal(header, digests) != found:
            raise ValueError("its header or its checksums are damaged: their SHA-256 is another")
        self._digests: dict[str, bytes] = {}
        end = 0
        for name, size in tensor_bytes.items():
            start, end = end, end + _SIZE * _chunks(size)
            self._digests[name] = digests[start:end]

    def check(self, name: str, data: memoryview, after_each: Callable[[], object] = lambda: None) -> None:
        """ValueError unless the bytes of a tensor are those that were written; says where they are not."""
        wanted = self._digests[name]
        for i, (chunk, digest) in enumerate(chunks(data)):
            if digest != wanted[_SIZE * i : _SIZE * (i + 1)]:
                raise ValueError(
                    f"the bytes of {name} are damaged, among {CHUNK * i} to {CHUNK * i + len(chunk)}: their "
                    "SHA-256 is not the one on record"
                )
            after_each()


def _chunks(size: int) -> int:
    return -(-size // CHUNK)
