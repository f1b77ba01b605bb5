"""What may be given as sentences: token lists of every make, Arrow columns. Lines and words of a file.

Libraries are told by what they can do (duck typing); none is imported.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .. import _text
from .blocks import Cut, blocks, decoded, last_line, lines

logger = logging.getLogger(__name__)

# Rows of an Arrow column that are Python objects at one time.
_ROWS = 1 << 14
_BLOCK_BYTES = 1 << 20


def number_of(sentences: Iterable[Any]) -> int | None:
    """How many there are, for a progress bar; None where nobody knows before the end.

    Some classes have a ``__len__`` that passes the question on to an object without one.
    """
    try:
        return len(sentences)  # type: ignore[arg-type]
    except TypeError:
        return None


def plain_sentences(sentences: Any) -> Iterator[Any]:
    """The sentences, from whatever holds them.

    Columns of Arrow lists become Python's lists, some thousand rows at a time. Tables and mappings, whose
    iterators give names of columns or whole rows, are a TypeError that names their columns.
    """
    columns = getattr(sentences, "column_names", None)  # Arrow, Hugging Face
    if columns is None and hasattr(sentences, "dtypes"):  # pandas, Polars
        columns = getattr(sentences, "columns", None)
    if columns is None and isinstance(sentences, Mapping):
        columns = sentences
    if columns is not None:
        names = list(map(str, columns))
        example = names[0] if names else "tokens"
        raise TypeError(
            f"sentences is a {type(sentences).__name__} with the columns {_shown(names)}: give the one with "
            f"the token lists, as in sentences[{example!r}]"
        )
    if hasattr(sentences, "to_pylist") and hasattr(sentences, "slice"):
        return _arrow_rows(sentences)
    try:
        return iter(sentences)
    except TypeError:
        raise TypeError(
            f"sentences is {sentences!r}, a {type(sentences).__name__}; it must be an iterable of token lists"
        ) from None


def _arrow_rows(column: Any) -> Iterator[Any]:
    for start in range(0, len(column), _ROWS):
        yield from column.slice(start, _ROWS).to_pylist()


def token_list(number: int, sentence: Any) -> Iterable[str]:
    """A sentence as an iterable of tokens.

    TypeError for a str, whose letters would be taken for tokens, for a row of a table, whose names of columns
    would, and for what cannot be iterated.
    """
    if hasattr(sentence, "as_py"):  # a single value of Arrow
        sentence = sentence.as_py()
    if isinstance(sentence, (str, bytes, bytearray)):
        raise TypeError(
            f"sentence {number} is a {type(sentence).__name__}, not a list of tokens: {sentence[:40]!r}; "
            "split it, or read files with EncodedCorpus.from_files(..., tokenizer='char') for one token a "
            "character"
        )
    if isinstance(sentence, Mapping):
        names = list(map(str, sentence))
        lists = [str(name) for name, value in sentence.items() if not isinstance(value, str | int | float)]
        example = (lists or names or ["tokens"])[0]
        raise TypeError(
            f"sentence {number} is a {type(sentence).__name__} with the keys {_shown(names)}, not a list of "
            f"tokens: take one of its columns, as in (row[{example!r}] for row in rows)"
        )
    if not isinstance(sentence, Iterable):
        raise TypeError(
            f"sentence {number} is {sentence!r}, a {type(sentence).__name__}, not a list of tokens"
        )
    return sentence


def _shown(names: list[str]) -> str:
    return ", ".join(map(repr, names[:8])) + ", ..." * (len(names) > 8)


def file_lines(path: str | os.PathLike[str], errors: str = "replace") -> Iterator[str]:
    """The lines of a text file that are not empty, without their ends.

    Parameters
    ----------
    path : path             ``"-"`` is standard input; ``.gz .bz2 .xz .zst`` are decompressed.
    errors : str            Invalid UTF-8: "replace" and "ignore" are logged, "strict" is a ValueError.
    """
    invalid = 0

    def count(n: int) -> None:
        nonlocal invalid
        invalid += n

    name = os.fsdecode(path)
    yield from lines(blocks([name], last_line, block_bytes=_BLOCK_BYTES), errors, count)
    _warn(invalid, errors, name)


def file_words(path: str | os.PathLike[str], errors: str = "replace") -> Iterator[str]:
    """The words of a text file between white space, of which no line needs to fit into memory.

    Parameters are those of :func:`file_lines`.
    """
    name, cut, invalid = os.fsdecode(path), _last_space, 0
    for block in blocks([name], cut, block_bytes=_BLOCK_BYTES):
        text, n = decoded(block, errors)
        invalid += n
        yield from text.split()
    _warn(invalid, errors, name)


_last_space: Cut = _text.last_space


def _warn(invalid: int, errors: str, name: str) -> None:
    if invalid:
        logger.warning("%d invalid UTF-8 sequences in %r (errors=%r)", invalid, name, errors)
