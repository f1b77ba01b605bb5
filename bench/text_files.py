"""Texts as the benches need them: unpacked, in lines that gensim reads to their end, in two parts."""

from __future__ import annotations

import bz2
import gzip
import lzma
import shutil
from collections.abc import Iterator
from pathlib import Path

MIB = 2**20
FEW_LINES = 200  # a text with fewer is cut in two by its words


def unpacked(path: str | Path, folder: Path) -> Path:
    """The text itself, or an unpacked copy."""
    openers = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
    if (opener := openers.get(Path(path).suffix)) is None:
        return Path(path)
    with opener(path) as source, open(folder / Path(path).stem, "wb") as copy:
        shutil.copyfileobj(source, copy, MIB)
    return folder / Path(path).stem


def pieces(path: Path) -> Iterator[tuple[list[bytes], bool]]:
    """Words of a text in small portions, and whether a line ends after them."""
    with open(path, "rb") as file:
        rest = b""
        while piece := file.readline(1 << 16):
            words = (rest + piece).split()
            rest = b"" if piece[-1:].isspace() else words.pop()
            yield words, piece.endswith(b"\n")
        yield [rest] if rest else [], True


def longest_line(path: Path) -> int:
    """Words of the longest line."""
    longest = now = 0
    for words, ends in pieces(path):
        now += len(words)
        longest = max(longest, now)
        now = 0 if ends else now
    return longest


def cut_lines(path: Path, target: Path, length: int = 1000) -> None:
    """The same words with at most so many a line; lines still end where they ended."""
    with open(target, "wb") as file:
        line: list[bytes] = []
        for words, ends in pieces(path):
            line += words
            while len(line) > length or (ends and line):
                file.write(b" ".join(line[:length]) + b"\n")
                del line[:length]


def hold_out(path: Path, folder: Path) -> tuple[Path, Path]:
    """A text in two: its last tenth, of lines, or of words where lines are few, is held out.

    Returns
    -------
    train, valid : Path                     New files in the folder.
    """
    n_lines, n_words = -1, 0  # the last piece is what comes behind the end of the last line
    for words, ends in pieces(path):
        n_lines, n_words = n_lines + ends, n_words + len(words)
    by_line = n_lines >= FEW_LINES
    left = round(0.9 * (n_lines if by_line else n_words))
    train, valid = folder / f"{path.name}.train", folder / f"{path.name}.valid"
    with open(train, "wb") as first, open(valid, "wb") as second:
        for words, ends in pieces(path):
            here = min(left, len(words)) if not by_line else len(words) if left else 0
            for file, part in ((first, words[:here]), (second, words[here:])):
                file.write(b"".join(word + b" " for word in part))
            if ends:
                (first if left and here == len(words) else second).write(b"\n")
            left -= min(left, ends if by_line else len(words))
    return train, valid
