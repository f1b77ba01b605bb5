"""Blocks: the file itself, cut where the tokenizer allows; lines and invalid UTF-8."""

import gzip
import os

import pytest

from fastsg import _text
from fastsg.text.blocks import Block, blocks, decoded, last_line, lines
from fastsg.text.files import input_paths


def read(paths, cut=_text.last_space, **options):
    """The blocks of files as (bytes, offset)."""
    options.setdefault("block_bytes", 64)
    return [(bytes(b.text[: b.n]), b.offset) for b in blocks(input_paths(paths), cut, **options)]


@pytest.mark.parametrize("cut", [_text.last_space, _text.last_char, last_line])
@pytest.mark.parametrize("block_bytes", [1, 7, 64, 1000])
def test_blocks_are_the_file(tmp_path, rng, cut, block_bytes):
    alphabet = ["a", "bc", " ", "\n", "\r", "é", "\u3000", "\U0001f600", "\xa0"]
    data = "".join(rng.choice(alphabet, 2000)).encode()
    (tmp_path / "a").write_bytes(data)
    found = read(tmp_path / "a", cut, block_bytes=block_bytes)
    assert b"".join(text for text, _ in found) == data + b"\n"
    position = 0
    for text, offset in found:
        assert offset == position
        text.decode()
        position += len(text)


def test_offsets_count_the_byte_order_mark(tmp_path):
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfab \xef\xbb\xbfc")
    assert read(tmp_path / "a") == [(b"ab \xef\xbb\xbfc\n", 3)]


def test_long_tail_is_refused_with_its_offset(tmp_path):
    (tmp_path / "a").write_bytes(b"ab " + b"x" * 1000)
    with pytest.raises(ValueError, match=r"a': the word at byte offset 3 is longer than max_word_bytes=100"):
        read(tmp_path / "a", max_tail=100)


def test_one_line_without_cut_is_read_whole(tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 10_000)
    assert read(tmp_path / "a", block_bytes=1)[-1] == (b"x" * 10_000 + b"\n", 0)


def test_file_that_shrinks_while_read(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"the of and\n" * 1000)
    stream = blocks([str(path)], _text.last_space, block_bytes=1000)
    first = bytes(next(stream).text)
    os.truncate(path, 100)
    rest = list(stream)
    assert first.startswith(b"the of") and sum(block.n for block in rest) < 100


def test_progress_counts_the_file(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(os.urandom(100_000)))
    steps = []
    list(blocks([str(path)], _text.last_char, block_bytes=5000, advance=steps.append))
    assert sum(steps) == path.stat().st_size and min(steps) >= 0


@pytest.mark.parametrize("block_bytes", [1, 3, 64])
def test_lines_are_those_of_universal_newlines(tmp_path, block_bytes, rng):
    data = "".join(rng.choice(["a", "é ", "\n", "\r", "\r\n", "\x85", "\u2028", "\v", "\x1c"], 500)).encode()
    (tmp_path / "a").write_bytes(data)
    found = list(lines(blocks([str(tmp_path / "a")], last_line, block_bytes=block_bytes), "strict", id))
    expected = (tmp_path / "a").open(encoding="utf-8").read().split("\n")
    assert found == [line for line in expected if line]


@pytest.mark.parametrize("errors, expected", [("replace", "a\ufffdb"), ("ignore", "ab")])
def test_invalid_utf8(errors, expected):
    assert decoded(Block(bytearray(b"a\xe9b  "), 3, "a.txt", 10), errors) == (expected, 1)
    assert decoded(Block(bytearray("\ufffdé".encode()), 5, "a.txt", 10), errors) == ("\ufffdé", 0)


def test_strict_names_file_offset_and_bytes():
    with pytest.raises(ValueError, match=r"'a.txt': invalid UTF-8 at byte offset 11 \(bytes e9\)"):
        decoded(Block(bytearray(b"a\xe9b"), 3, "a.txt", 10), "strict")
