"""word2vec text and binary vectors: words and a float32 matrix, to and from the format that every tool reads.

Text: a header ``K H``, then a line for each row: the word and H numbers, separated by single spaces.
Binary: the same header line, then for each row the word, one space, H little-endian float32, and LF
(word2vec.c) or nothing (gensim). Words hold any bytes except space, tab, CR, LF and NUL; nothing else
separates, so U+00A0 and U+2028 stay inside words. A name ending in ``.gz``, ``.bz2``, ``.xz`` or ``.zst``
means compression around either.

Reading trusts nothing: sizes are proven against the length of the file before memory is taken for them.
"""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from .. import _text
from ..checks import all_str, integer, word_counts, word_index
from ..errors import FormatError
from ..system.atomic import atomic_write
from ..system.compression import compressed, compression_of, without_compression
from .untrusted import checked_limits, open_untrusted, shown
from .vector_table import check_finite
from .word2vec_binary import read_binary
from .word2vec_rows import (
    CHUNK_NUMBERS,
    FIRST_LINE_BYTES,
    FORBIDDEN,
    Matrix,
    UniqueWords,
    decoded,
    fields_of,
)
from .word2vec_text import read_text

Path = str | os.PathLike[str]
Floats = NDArray[np.floating[Any]]


def save_word2vec(
    path: Path,
    words: Sequence[str],
    matrix: Floats,
    *,
    counts: Sequence[int] | NDArray[np.integer[Any]] | None = None,
    binary: bool | None = None,
    write_header: bool = True,
    fvocab: Path | None = None,
) -> None:
    """Write vectors in word2vec's text or binary format, atomically.

    Parameters
    ----------
    path : str or PathLike                  Target; compressed if it ends in ``.gz``, ``.bz2``,
                                            ``.xz`` or ``.zst``.
    words : sequence of str, length K       Unique. Encoded as UTF-8; ``surrogateescape`` gives undecodable
                                            bytes back.
    matrix : ndarray of shape (K, H)        float32 or float64 (rounded to float32), finite, H >= 1. Not
                                            changed.
    counts : sequence of int (K,) or None   Occurrences of each word, for `fvocab`.
    binary : bool or None                   None: by the suffix ``.bin`` (``.bin.gz`` and so on).
    write_header : bool                     False writes GloVe's text layout; binary files need their header.
    fvocab : path or None                   Also write "word count" lines there, in the order of `words`.

    Raises
    ------
    TypeError, ValueError                   An argument is not as above; names the argument, and the word if
                                            one is at fault. Nothing is written.
    OSError                                 Writing failed; the old file is untouched.

    Notes
    -----
    Text numbers carry 9 significant digits, which give every float32 back bit for bit, even through readers
    that parse to double first. Shorter numbers do not always survive those, and took three times as long to
    make.
    """
    matrix = _checked_matrix(matrix)
    if len(words) != len(matrix):
        raise ValueError(f"words must have one entry per row of matrix ({len(matrix)}), got {len(words)}")
    encoded = check_words(words)
    if fvocab is not None and counts is None:
        raise ValueError("fvocab needs counts: this vocabulary has none")
    checked = None if counts is None else word_counts(counts, len(encoded))
    binary = _is_binary_name(path) if binary is None else binary
    if binary and not write_header:
        raise ValueError("write_header=False is for text: binary rows cannot be told apart without a header")
    check_finite(matrix, lambda row: f"matrix: the vector of word {words[row]!r}", ValueError)

    with atomic_write(path) as file, compressed(file, compression_of(path)) as out:
        if write_header:
            out.write(b"%d %d\n" % matrix.shape)
        write_rows = _write_binary if binary else _write_text
        write_rows(out, encoded, matrix)
    if fvocab is not None and checked is not None:
        with atomic_write(fvocab) as file, compressed(file, compression_of(fvocab)) as out:
            lines = [b"%b %d\n" % pair for pair in zip(encoded, checked.tolist(), strict=True)]
            out.write(b"".join(lines))


def load_word2vec(
    path: Path,
    *,
    binary: bool | None = None,
    limit: int | None = None,
    no_header: bool = False,
    encoding: str = "utf-8",
    errors: str = "strict",
    allow_nonfinite: bool = False,
    max_word_bytes: int = 4096,
    max_decompressed: int | None = None,
) -> tuple[list[str], Matrix]:
    """Read vectors in word2vec's text or binary format.

    Parameters
    ----------
    path : str or PathLike          A regular file; compressed if it ends in ``.gz``, ``.bz2``,
                                    ``.xz`` or ``.zst``.
    binary : bool or None           None: by the suffix ``.bin`` (``.bin.gz`` and so on).
    limit : int or None             Read the first `limit` rows only; what follows them is not looked at.
    no_header : bool                The first line of the text is a row (GloVe). Without it such a file is
                                    still recognised if its first line is a word and at least two numbers.
    encoding, errors : str          How words are decoded; the encoding must contain ASCII.
    allow_nonfinite : bool          Accept NaN and infinity.
    max_word_bytes : int            Longest word accepted.
    max_decompressed : int or None  Most bytes a file may unpack to; None: 100 times its size, or 64 MiB.

    Returns
    -------
    words : list of str             Length K, unique.
    matrix : ndarray (K, H), float32, C-contiguous

    Raises
    ------
    FormatError                     The file is not such a file; names the file and the line or row.
    ValueError                      An argument is out of range.
    OSError                         The file cannot be read, or is not a regular file.

    Warns
    -----
    UserWarning                     A word occurs twice (the first row is kept), or decodes to nothing (the
                                    row is dropped).

    Notes
    -----
    Accepted in text: tabs for spaces, runs of them, trailing ones, CRLF, a UTF-8 byte order mark, a last line
    without its newline.
    """
    path = os.fsdecode(path)
    limit = None if limit is None else integer("limit", limit, 1)
    max_word_bytes, max_decompressed = checked_limits(max_word_bytes, max_decompressed)
    _check_codec(encoding, errors)
    binary = _is_binary_name(path) if binary is None else binary
    if binary and no_header:
        raise ValueError("no_header=True is for text: binary rows cannot be told apart without a header")
    found = UniqueWords(path, encoding, errors, max_word_bytes)
    with open_untrusted(path, max_decompressed) as source:
        matrix = read_binary(source, found, limit) if binary else read_text(source, found, limit, no_header)
    found.warn_of_dropped()
    if not allow_nonfinite:
        check_finite(matrix, lambda row: f"{path}: the vector of word {shown(found.kept[row])}", FormatError)
    return found.kept, matrix


def load_counts(path: Path, *, encoding: str = "utf-8", errors: str = "strict") -> dict[str, int]:
    """Read lines "word count", written by :func:`save_word2vec` (`fvocab`) or word2vec.c (``-save-vocab``).

    Raises FormatError naming file and line if a line is not a word and a count, or a word occurs twice.
    """
    path = os.fsdecode(path)
    _check_codec(encoding, errors)
    counts: dict[str, int] = {}
    with open_untrusted(path) as source:
        for number, line in enumerate(iter(lambda: source.read_line(FIRST_LINE_BYTES), b""), 1):
            fields = fields_of(line)
            if not fields:
                continue
            if len(fields) != 2 or not re.fullmatch(rb"[0-9]{1,18}", fields[1]):
                raise FormatError(f"{path}: line {number}: expected a word and a count, got {shown(line)}")
            word = decoded(fields[0], encoding, errors, f"{path}: line {number}")
            if word in counts:
                raise FormatError(f"{path}: line {number}: the word {shown(word)} occurs twice")
            counts[word] = int(fields[1])
    return counts


def check_words(words: Sequence[str]) -> list[bytes]:
    """The words in UTF-8, if these formats can hold them; worth asking before a long training.

    Raises TypeError or ValueError naming the word if one is not a str, cannot be encoded, is empty, contains
    a separator or occurs twice.
    """
    all_str(words)
    encoded = [_encoded(word) for word in words]
    # Compared as they will be read: escaped bytes and the character that they spell are one word in a file.
    word_index([raw.decode("utf-8", "surrogateescape") for raw in encoded])
    return encoded


# ---- arguments ----


def _is_binary_name(path: Path) -> bool:
    return without_compression(path).endswith(".bin")


def _check_codec(encoding: str, errors: str) -> None:
    try:
        codecs.lookup_error(errors)
        contains_ascii = bytes(range(128)).decode(encoding) == "".join(map(chr, range(128)))
    except (LookupError, UnicodeError) as error:
        raise ValueError(f"encoding={encoding!r}, errors={errors!r}: {error}") from None
    if not contains_ascii:
        raise ValueError(f"encoding must contain ASCII, {encoding!r} does not")


def _checked_matrix(matrix: Floats) -> Floats:
    matrix = np.asarray(matrix)
    if matrix.ndim != 2 or matrix.shape[1] < 1 or matrix.dtype.kind != "f":
        raise ValueError(
            f"matrix must be floats of shape (K, H), H >= 1, got {matrix.dtype} of shape {matrix.shape}"
        )
    return matrix


def _encoded(word: str) -> bytes:
    try:
        raw = word.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise ValueError(f"words: {word!r} cannot be encoded as UTF-8 ({error.reason})") from None
    if not raw or FORBIDDEN.search(raw):
        raise ValueError(f"words: {word!r} cannot be written: empty, or contains a space, tab, CR, LF or NUL")
    return raw


# ---- writing ----


def _blocks(words: list[bytes], matrix: Floats) -> Iterator[tuple[list[bytes], Matrix]]:
    """The rows, a few at a time, which keeps copies small."""
    step = max(1, CHUNK_NUMBERS // matrix.shape[1])
    for start in range(0, len(words), step):
        yield words[start : start + step], matrix[start : start + step].astype("<f4", copy=False)


def _write_text(out: BinaryIO, words: list[bytes], matrix: Floats) -> None:
    for block_words, block in _blocks(words, matrix):
        out.write(_text.format_rows(block_words, block.astype(np.float32, copy=False)))


def _write_binary(out: BinaryIO, words: list[bytes], matrix: Floats) -> None:
    for block_words, block in _blocks(words, matrix):
        out.write(
            b"".join([b"%b %b\n" % (w, row.tobytes()) for w, row in zip(block_words, block, strict=True)])
        )
