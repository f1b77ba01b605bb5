"""Restartable iterables over text files, under gensim's names.

A line is a sentence, words stand between white space. Longer sentences than `max_sentence_length` words are
cut, as gensim cuts them; give the path as `corpus_file`, or to :class:`fastsg.SkipGram`, and none is, and
reading is many times faster.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import IO, Any, TypeAlias

from .. import checks
from ..text import file_lines, file_words

Path: TypeAlias = str | os.PathLike[str]


class LineSentence:
    """The lines of a file as lists of words.

    Parameters
    ----------
    source : path or file object    ``.gz .bz2 .xz .zst`` are unpacked. A file object is read from its start
                                    each time; its bytes are UTF-8.
    max_sentence_length : int       Words in a sentence; longer lines become several.
    limit : int, optional           Read only so many lines; those without a word do not count.

    Raises
    ------
    OSError                         The file cannot be read.
    """

    def __init__(
        self, source: Path | IO[str] | IO[bytes], max_sentence_length: int = 10000, limit: int | None = None
    ) -> None:
        self.source = source
        self.max_sentence_length = checks.integer("max_sentence_length", max_sentence_length, 1)
        self.limit = None if limit is None else checks.integer("limit", limit, 0)

    def __iter__(self) -> Iterator[list[str]]:
        for line in islice(_lines(self.source), self.limit):
            yield from _pieces(line.split(), self.max_sentence_length)


class Text8Corpus:
    """A file that is one long line, such as text8, cut into sentences of `max_sentence_length` words."""

    def __init__(self, fname: Path, max_sentence_length: int = 10000) -> None:
        self.fname = fname
        self.max_sentence_length = checks.integer("max_sentence_length", max_sentence_length, 1)

    def __iter__(self) -> Iterator[list[str]]:
        yield from _pieces(file_words(self.fname), self.max_sentence_length)


class PathLineSentences:
    """:class:`LineSentence` over every file of a folder, in the order of their names; or over one file.

    Raises
    ------
    ValueError                      There is neither a file nor a folder of that name.
    """

    def __init__(self, source: Path, max_sentence_length: int = 10000, limit: int | None = None) -> None:
        self.source = os.fspath(source)
        if os.path.isfile(self.source):
            self.input_files = [self.source]
        elif os.path.isdir(self.source):
            found = (os.path.join(self.source, name) for name in sorted(os.listdir(self.source)))
            self.input_files = [path for path in found if os.path.isfile(path)]
        else:
            raise ValueError(f"source is {self.source!r}; it must be a file or a folder")
        self.max_sentence_length = checks.integer("max_sentence_length", max_sentence_length, 1)
        self.limit = None if limit is None else checks.integer("limit", limit, 0)

    def __iter__(self) -> Iterator[list[str]]:
        every = chain.from_iterable(map(_lines, self.input_files))
        for line in islice(every, self.limit):
            yield from _pieces(line.split(), self.max_sentence_length)


def _lines(source: Any) -> Iterator[str]:
    """The lines of a file, or of a file object from its start."""
    if not hasattr(source, "seek"):
        yield from filter(str.strip, file_lines(source))
        return
    source.seek(0)
    for line in source:
        if line.strip():
            yield line.decode() if isinstance(line, bytes) else line


def _pieces(words: Iterable[str], longest: int) -> Iterator[list[str]]:
    """The words in lists of at most so many; none is empty."""
    words = iter(words)
    while piece := list(islice(words, longest)):
        yield piece
