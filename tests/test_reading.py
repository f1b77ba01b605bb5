"""Blocks, decompression, tokenizer objects, and the compiled parts under them."""

import bz2
import gzip
import io
import lzma
import os
import sys
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastsg import _text
from fastsg.text import blocks as reading

SPACES = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680"
    + "".join(map(chr, range(0x2000, 0x200B)))
    + "\u2028\u2029\u202f\u205f\u3000"
)
WIDE_SPACES = [c for c in SPACES if c > "\x7f"]
# Bytes that make valid, almost valid and invalid sequences likely.
HOSTILE_BYTES = st.lists(
    st.sampled_from(
        [
            b"a",
            b" ",
            b"\n",
            b"\r",
            b"\0",
            b"\x80",
            b"\xbf",
            b"\xc2",
            b"\xe2",
            b"\xe2\x80",
            b"\xed\xa0\x80",
            b"\xf4\x90",
            b"\xf0\x9f",
        ]
        + [b"\xc0\xaf", b"\xef\xbf\xbd", b"\xff", "é".encode(), "\U0001f600".encode()]
        + [c.encode() for c in WIDE_SPACES]
    ),
    max_size=40,
).map(b"".join)


def read(paths, cut=_text.last_space, **options):
    """The blocks of files as (bytes, offset)."""
    options.setdefault("block_bytes", 64)
    return [
        (bytes(b.text[: b.n]), b.offset) for b in reading.blocks(reading.input_paths(paths), cut, **options)
    ]


def padded(data):
    return bytearray(data + b" " * _text.PAD)


# ---- compiled parts ----


def test_white_space_is_that_of_python():
    chars = [chr(c) for c in range(sys.maxunicode + 1) if not 0xD800 <= c < 0xE000]
    assert [c for c in chars if c.isspace()] == sorted(SPACES)
    assert [c for c in chars[:0x4000] if not n_words(c)] == sorted(SPACES)
    assert n_words("".join(chars[0x4000:])) == 1


def n_words(text):
    data = text.encode()
    text = padded(data)
    assert _text.clean(text, len(data)) == len(data)
    room = np.empty(len(data) + 2, np.int32), np.empty(len(data) + 2, np.int64)
    return _text.WordTable(64).encode(text, len(data), len(data), *room)[0]


def test_control_characters_and_zero_width_are_letters():
    assert all(map(n_words, "\0\x01\x08\x0e\x1b\x7f\u200b\u200d\ufeff\u180e"))


@settings(deadline=None)
@given(HOSTILE_BYTES)
def test_clean_finds_what_the_decoder_finds(data):
    text = padded(data)
    try:
        data.decode()
        expected = len(data)
    except UnicodeDecodeError as exc:
        expected = exc.start
    assert _text.clean(text, len(data)) == expected
    blank = data.decode(errors="replace")
    for space in WIDE_SPACES:
        blank = blank.replace(space, " " * len(space.encode()))
    assert bytes(text[: len(data)]).decode(errors="replace") == blank


def test_clean_every_two_and_three_byte_sequence():
    """All combinations of interesting bytes, against Python's decoder."""
    edge = [
        0x00,
        0x20,
        0x7F,
        0x80,
        0x8F,
        0x90,
        0x9F,
        0xA0,
        0xBF,
        0xC0,
        0xC1,
        0xC2,
        0xDF,
        0xE0,
        0xE1,
        0xED,
        0xEF,
    ]
    edge += [0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF]
    for a in range(0x80, 0x100):
        for b in edge:
            for c in edge:
                data = bytes([a, b, c, 0xBF])
                try:
                    data.decode()
                    expected = 4
                except UnicodeDecodeError as exc:
                    expected = exc.start
                assert _text.clean(padded(data), 4) == expected, data


@settings(deadline=None)
@given(HOSTILE_BYTES, st.sampled_from([_text.last_space, _text.last_char]))
def test_cuts_do_not_disturb_the_decoder(data, cut):
    at = cut(bytearray(data), len(data))
    whole = data.decode(errors="replace")
    parts = data[:at].decode(errors="replace") + data[at:].decode(errors="replace")
    assert parts == whole
    if cut is _text.last_space:
        assert data[:at].decode(errors="replace")[-1:].isspace() or at == 0
        assert not any(c.isspace() for c in data[at:].decode(errors="replace"))
    else:
        assert at > 0 or len(data.decode(errors="ignore")) <= 1


def test_tables_grow_and_seeds_do_not_matter():
    words = [f"{'x' * (i % 40)}{i}" for i in range(5000)] * 2
    data = " ".join(words).encode()
    for seed in (0, 1, 2**64 - 1):
        table = _text.WordTable(64, seed)
        tokens, ends = np.empty(len(data), np.int32), np.empty(len(data), np.int64)
        n, n_ends, long_at = table.encode(padded(data), len(data), 4096, tokens, ends)
        counts, slots = table.index()
        assert (n, n_ends, long_at, len(table)) == (10000, 0, -1, 5000)
        assert table.words(slots, np.arange(5000)) == words[:5000]
        assert tokens[:n].tolist() == [*range(5000)] * 2 and (counts == 2).all()


def test_merge_of_tables_with_different_seeds():
    def table(words, seed):
        data = " ".join(words).encode()
        made = _text.WordTable(64, seed)
        made.encode(
            padded(data), len(data), 4096, np.empty(len(data), np.int32), np.empty(len(data), np.int64)
        )
        return made

    ours, theirs = (
        [f"w{i}" * (i % 9 + 1) for i in range(3000)],
        [f"w{i}" * (i % 9 + 1) for i in range(2000, 6000)],
    )
    first, second = table(ours, 1), table(theirs, 2)
    ids = first.merge(second)
    counts, slots = first.index()
    assert len(first) == 6000 and ids[:1000].tolist() == [*range(2000, 3000)]
    assert first.words(slots, ids.astype(np.int64)) == theirs
    assert counts.sum() == 7000 and (counts[2000:3000] == 2).all()


def test_merging_many_types_takes_linear_time():
    """Tables of one seed fill the front of the table they are merged into: 77 s instead of 3 for ten million types."""

    def timed_merge(seed):
        tables = [_text.WordTable(seed=s) for s in (1, seed)]
        for table, first in zip(
            tables, (0, 580_000), strict=True
        ):  # so full that the front overflows before it grows
            data = " ".join(f"w{i}" for i in range(first, first + 580_000)).encode()
            table.encode(
                padded(data), len(data), 99, np.empty(len(data), np.int32), np.empty(len(data), np.int64)
            )
        start = time.perf_counter()
        tables[0].merge(tables[1])
        took = time.perf_counter() - start
        assert len(tables[0]) == 1_160_000
        return took

    assert timed_merge(seed=2) < timed_merge(seed=1) / 3  # the second is the control


@pytest.mark.parametrize("length", [*range(1, 35), 255, 256, 4096])
def test_word_lengths(length):
    """Words live in their entry up to 15 bytes; a table must not mix up one with its prefix."""
    words = ["x" * length, "x" * (length + 1), "x" * length + "\0", "\0" * length, "x" * (length - 1) + "y"]
    data = " ".join(words * 2).encode()
    tokens, ends = np.empty(len(data), np.int32), np.empty(len(data), np.int64)
    _text.WordTable(64).encode(padded(data), len(data), 9999, tokens, ends)
    assert tokens[:10].tolist() == [*range(5)] * 2


def test_boundary_checks():
    i4, i8 = np.empty(9, np.int32), np.empty(9, np.int64)
    table = _text.WordTable(64)
    for text, n in [(bytearray(8), 8), (padded(b"a")[:-1], 1), (bytearray(40), 1), (padded(b"a"), -1)]:
        with pytest.raises(ValueError, match="text needs a space and PAD bytes"):
            table.encode(text, n, 9, i4, i8)
        with pytest.raises(ValueError, match="text needs a space and PAD bytes"):
            _text.clean(text, n)
    with pytest.raises(ValueError, match="tokens or ends is too short"):
        table.encode(padded(b"a " * 20), 40, 9, i4, i8)
    with pytest.raises(ValueError, match="tokens or ends is too short"):
        _text.encode_chars(padded(b"a" * 20), 20, np.zeros(_text.N_CODE_POINTS, np.int64), i4, i8)
    with pytest.raises(ValueError, match="one element for each code point"):
        _text.encode_chars(padded(b"a"), 1, i8, i4, i8)
    with pytest.raises(ValueError, match="capacity must be a power of two"):
        _text.WordTable(100)
    with pytest.raises(ValueError, match="not of this table"):
        table.words(np.empty(0, np.int64), np.zeros(1, np.int64))


def test_remap_and_drop_empty_by_hand():
    tokens = np.array([0, 1, 2, 1, 0, 1], np.int32)
    ends = np.array([0, 2, 4, 6], np.int64)
    kept = _text.remap(tokens, np.array([7, -1, 5], np.int32), ends)
    assert tokens[:kept].tolist() == [7, 5, 7] and ends.tolist() == [0, 1, 2, 3]
    ends = np.array([0, 0, 2, 2, 3, 3], np.int64)
    assert ends[: _text.drop_empty(ends)].tolist() == [2, 3]


# ---- blocks ----


@pytest.mark.parametrize("cut", [_text.last_space, _text.last_char, reading.last_line])
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


PACK = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".GZ": gzip.compress,
}


@pytest.mark.parametrize("suffix", PACK)
def test_compressed(tmp_path, suffix):
    data = b"the of and\n" * 5000
    path = tmp_path / f"a.txt{suffix}"
    path.write_bytes(PACK[suffix](data[:30000]) + PACK[suffix](data[30000:]))  # two members
    assert b"".join(text for text, _ in read(path, block_bytes=1000)) == data + b"\n"


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz"])
def test_truncated(tmp_path, suffix, rng):
    path = tmp_path / f"a.txt{suffix}"
    path.write_bytes(PACK[suffix](rng.bytes(5000))[:-100])
    with pytest.raises(OSError, match="the compressed data are truncated") as caught:
        read(path)
    assert caught.value.filename == str(path)


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz"])
@pytest.mark.parametrize("damage", ["text", "middle"])
def test_damaged(tmp_path, suffix, damage, rng):
    data = bytearray(PACK[suffix](rng.bytes(5000)))
    data[2000:2100] = bytes(100)
    path = tmp_path / f"a.txt{suffix}"
    path.write_bytes(b"just text\n" * 100 if damage == "text" else data)
    with pytest.raises(OSError, match="damaged") as caught:
        read(path)
    assert caught.value.filename == str(path)


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz"])
def test_compressed_without_its_suffix(tmp_path, suffix):
    path = tmp_path / "a.txt"
    path.write_bytes(PACK[suffix](b"the of and\n" * 50))
    with pytest.raises(
        ValueError, match=f"holds {suffix[1:]} data, not text; its name must end with {suffix}"
    ):
        read(path)


def test_zst(tmp_path):
    zstandard = pytest.importorskip("zstandard")
    data = b"".join(b"%d and so on\n" % i for i in range(50000))
    path = tmp_path / "a.zst"
    compress = zstandard.ZstdCompressor(write_checksum=True).compress
    packed = compress(data[:300_000]) + compress(data[300_000:])
    path.write_bytes(packed)
    assert b"".join(text for text, _ in read(path, block_bytes=9999)) == data + b"\n"
    for size in (len(packed) - 1, len(packed) // 2, 10):
        path.write_bytes(packed[:size])
        with pytest.raises(OSError, match="truncated"):
            read(path, block_bytes=9999)
    path.write_bytes(packed[:500] + bytes(100) + packed[600:])
    with pytest.raises(OSError, match="damaged"):
        read(path, block_bytes=9999)


def test_zst_without_a_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "zstandard", None)
    monkeypatch.setitem(sys.modules, "compression", None)
    (tmp_path / "a.zst").write_bytes(b"\x28\xb5\x2f\xfd")
    with pytest.raises(ImportError, match="pip install zstandard"):
        read(tmp_path / "a.zst")


def test_stdin_object(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a b\nc")))
    assert read("-") == [(b"a b\nc\n", 0)]
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(ValueError, match="no standard input"):
        read("-")


def test_fifo(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_bytes(b"the of\n" * 1000))
    writer.start()
    assert b"".join(text for text, _ in read(path)) == b"the of\n" * 1000 + b"\n"
    writer.join()


def test_file_that_shrinks_while_read(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"the of and\n" * 1000)
    stream = reading.blocks([str(path)], _text.last_space, block_bytes=1000)
    first = bytes(next(stream).text)
    os.truncate(path, 100)
    rest = list(stream)
    assert first.startswith(b"the of") and sum(block.n for block in rest) < 100


def test_missing_and_directory(tmp_path):
    with pytest.raises(FileNotFoundError, match="missing"):
        read(tmp_path / "missing")
    with pytest.raises(IsADirectoryError):
        read(tmp_path)


def test_read_error_names_the_file(tmp_path, monkeypatch):
    class Broken(io.RawIOBase):
        def readinto(self, room):
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(reading, "_decompressed", lambda raw, path: Broken())
    (tmp_path / "a").write_bytes(b"the")
    with pytest.raises(OSError) as caught:
        read(tmp_path / "a")
    assert (caught.value.errno, caught.value.filename) == (5, str(tmp_path / "a"))


def test_progress_counts_the_file(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(os.urandom(100_000)))
    steps = []
    list(reading.blocks([str(path)], _text.last_char, block_bytes=5000, advance=steps.append))
    assert sum(steps) == path.stat().st_size == reading.total_bytes([str(path)]) and min(steps) >= 0
    assert reading.total_bytes([str(path), "-"]) is None and reading.total_bytes(["missing"]) is None


def test_input_paths(tmp_path):
    assert reading.input_paths("a") == reading.input_paths(b"a") == reading.input_paths(iter(["a"])) == ["a"]
    assert reading.input_paths([tmp_path, "-"]) == [str(tmp_path), "-"]
    with pytest.raises(ValueError, match="paths is empty"):
        reading.input_paths([])
    for wrong in (3, None, [3], [["a"]]):
        with pytest.raises(TypeError, match="paths must be a path or an iterable of paths"):
            reading.input_paths(wrong)


# ---- lines and tokenizers ----


@pytest.mark.parametrize("block_bytes", [1, 3, 64])
def test_lines_are_those_of_universal_newlines(tmp_path, block_bytes, rng):
    data = "".join(rng.choice(["a", "é ", "\n", "\r", "\r\n", "\x85", "\u2028", "\v", "\x1c"], 500)).encode()
    (tmp_path / "a").write_bytes(data)
    found = list(
        reading.lines(
            reading.blocks([str(tmp_path / "a")], reading.last_line, block_bytes=block_bytes), "strict", id
        )
    )
    expected = (tmp_path / "a").open(encoding="utf-8").read().split("\n")
    assert found == [line for line in expected if line]


@pytest.mark.parametrize(
    "tokenizer, expected",
    [
        (str.split, ["a", "b"]),
        (lambda s: s.split(), ["a", "b"]),
        (SimpleNamespace(encode=lambda s: SimpleNamespace(tokens=s.split(), ids=[1, 2])), ["a", "b"]),
        (SimpleNamespace(encode=lambda s: SimpleNamespace(ids=[1, 2])), ["1", "2"]),
        (
            SimpleNamespace(encode=lambda s: SimpleNamespace(ids=[1, 2]), id_to_token="?#".__getitem__),
            ["#", "?"],
        ),
        (SimpleNamespace(encode=lambda s: [1, 2]), ["1", "2"]),
        (SimpleNamespace(encode=lambda s: s.split()), ["a", "b"]),
    ],
)
def test_line_tokenizers(tokenizer, expected):
    if hasattr(tokenizer, "id_to_token"):
        tokenizer.id_to_token = {1: "#", 2: "?"}.__getitem__
    assert list(reading.line_tokenizer(tokenizer)("a b")) == expected


def test_wrong_tokenizers():
    with pytest.raises(ValueError, match="tokenizer is 'words'; allowed are 'space', 'char'"):
        reading.line_tokenizer("words")
    with pytest.raises(TypeError, match="tokenizer must be .*, got int"):
        reading.line_tokenizer(3)
