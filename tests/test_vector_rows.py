"""The compiled reader of rows: numbers as Python reads them, plain rows, and what it leaves to its caller."""

import struct

import numpy as np
import pytest
from conftest import SEED, examples
from hypothesis import given, settings
from hypothesis import strategies as st

from fastsg import _text


def rows_of(data, width, most=100, max_word=50, is_binary=False, start=0):
    """(words, matrix, pos, code, is_led) of a block."""
    room = np.full((most, width), np.nan, np.float32)
    rows, pos, words, code, is_led = _text.read_rows(data, start, is_binary, most, max_word, room)
    return words.split(b"\n")[:-1], room[:rows].copy(), pos, code, is_led


def number(text):
    """The float32 of one number, None where the reader leaves it to its caller."""
    words, matrix, _, code, _ = rows_of(b"w " + text + b"\n", 1)
    return matrix[0, 0] if code == _text.ROWS_MORE and words == [b"w"] else None


def expected(text):
    with np.errstate(over="ignore"):
        return np.float64(float(text)).astype(np.float32)


def same(got, text):
    return got is None or got.view(np.uint32) == expected(text).view(np.uint32)


def texts_of(values):
    """Each value as several tools write it."""
    for value in values.tolist():
        single = np.float32(value)
        yield from (
            f"{value!r}",
            f"{value:.9g}",
            f"{value:.6f}",
            f"{value:.18e}",
            f"{value:.25f}",
            f"{single}",
        )


def test_numbers_are_those_of_python():
    """Of 60,000 texts of the usual kind hardly one is left to the slower way, and none differs by a bit."""
    rng = np.random.default_rng(SEED)
    values = rng.standard_normal(10_000) * 10.0 ** rng.integers(-6, 6, 10_000)
    left = 0
    for text in texts_of(values):
        got = number(text.encode())
        assert same(got, text), text
        left += got is None
    assert left < 10


def test_numbers_of_any_bits():
    """Every exponent, subnormals, and the middles between two float32, which a double must break right."""
    rng = np.random.default_rng(SEED)
    single = rng.integers(0, 2**32, 5000, np.uint64).astype(np.uint32).view(np.float32)
    single = single[np.isfinite(single)]
    above = np.nextafter(single, np.float32(np.inf))
    middles = (single.astype(np.float64) + above.astype(np.float64)) / 2
    for text in texts_of(np.concatenate([single.astype(np.float64), middles[np.isfinite(middles)]])):
        assert same(number(text.encode()), text), text


@settings(max_examples=examples(2000), deadline=None)
@given(st.from_regex(rb"[+-]?[0-9]{0,25}(\.[0-9]{0,30})?([eE][+-]?[0-9]{1,4})?", fullmatch=True))
def test_any_decimal_is_read_right_or_left(text):
    got = number(text)
    if got is not None:
        assert same(got, text.decode())


@pytest.mark.parametrize(
    "text",
    [b"", b".", b"-", b"e5", b"1e", b"1e+", b"nan", b"inf", b"1_0", b"0x10", b"1e99999", b"1e39", b"1,5"],
)
def test_what_is_no_plain_number_is_left(text):
    assert number(text) is None


@pytest.mark.parametrize("text, value", [(b"-0", "-0.0"), (b"+.5", ".5"), (b"5.", "5"), (b"1e-60", "1e-60")])
def test_odd_but_plain_numbers(text, value):
    got = number(text)
    assert got is not None and same(got, value)


def test_rows_of_text():
    data = "the 1 2\ncafé\t3 \t4 \t\r\n中 5 6\npart 7".encode()
    words, matrix, pos, code, _ = rows_of(data, 2)
    assert words == [b"the", "café".encode(), "中".encode()] and code == _text.ROWS_MORE
    assert matrix.tolist() == [[1, 2], [3, 4], [5, 6]] and data[pos:] == b"part 7"
    words, matrix, pos, code, _ = rows_of(data, 2, most=2)
    assert len(words) == 2 and code == _text.ROWS_DONE and data[pos:].startswith("中".encode())


@pytest.mark.parametrize(
    "line",
    [b"\n", b" 1 2\n", b"a 1\n", b"a 1 2 3\n", b"a\0b 1 2\n", b"a\rb 1 2\n", b"a 1 x\n", b"a 1\r 2\n", b"a\n",
     b"toolongaword 1 2\n", b"a 1 2\x0b\n"],
)  # fmt: skip
def test_odd_lines_are_left(line):
    data = b"ok 1 2\n" + line + b"more 3 4\n"
    words, _, pos, code, _ = rows_of(data, 2, max_word=8)
    assert words == [b"ok"] and code == _text.ROWS_ODD and data[pos:].startswith(line)


def test_rows_of_binary():
    row = struct.pack("<2f", 1, 10)  # 10 in float32 holds no newline, 1 holds bytes of zero
    data = b"the " + row + b"\nof " + row + b"a " + row + b"par"
    words, matrix, pos, code, is_led = rows_of(data, 2, is_binary=True)
    assert words == [b"the", b"of", b"a"] and matrix.tolist() == [[1, 10]] * 3
    assert data[pos:] == b"par" and code == _text.ROWS_MORE and not is_led
    assert rows_of(data, 2, most=2, is_binary=True)[4]
    for end in range(pos):
        assert len(rows_of(data[:end], 2, is_binary=True)[0]) < 3


@pytest.mark.parametrize("word", [b"", b"a\0b", b"a\tb", b"a\rb", b"a\nb", b"\n\n", b"x" * 51])
def test_odd_binary_words_are_left(word):
    data = b"ok " + bytes(8) + word + b" " + bytes(100)
    words, _, pos, code, _ = rows_of(data, 2, is_binary=True)
    assert words == [b"ok"] and code == _text.ROWS_ODD and pos == 11


def test_bad_arguments():
    room = np.empty((2, 2), np.float32)
    for start, most, max_word, message in [
        (5, 1, 1, "start"), (-1, 1, 1, "start"), (0, 3, 1, "room"), (0, 0, 1, "room"), (0, 1, -1, "max_word")
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=message):
            _text.read_rows(b"a 1\n", start, False, most, max_word, room)
    assert _text.read_rows(b"", 0, False, 1, 1, room) == (0, 0, b"", _text.ROWS_MORE, False)
