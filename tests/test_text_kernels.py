"""The compiled functions under reading: white space, UTF-8, tables of words, cuts."""

import sys
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from texts import HOSTILE_BYTES, SPACES, WIDE_SPACES, padded

from fastsg import _text


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
    """Tables of one seed fill the front of the table they go into: ten million types took 77 s, not 3."""

    def timed_merge(seed):
        tables = [_text.WordTable(seed=s) for s in (1, seed)]
        for table, first in zip(
            tables, (0, 145_000), strict=True
        ):  # so full that the front overflows before it grows
            data = " ".join(f"w{i}" for i in range(first, first + 145_000)).encode()
            table.encode(
                padded(data), len(data), 99, np.empty(len(data), np.int32), np.empty(len(data), np.int64)
            )
        start = time.perf_counter()
        tables[0].merge(tables[1])
        took = time.perf_counter() - start
        assert len(tables[0]) == 290_000
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
