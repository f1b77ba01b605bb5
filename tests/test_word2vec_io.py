"""word2vec files: bit-equal round trips, files of other tools, hostile and mutated ones."""

import gzip
import os
import re
import shutil
import struct
import subprocess
import sys
import time
import tracemalloc
import warnings

import numpy as np
import pytest
from conftest import DATA, NO_DATA, SEED, examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fastsg import _text
from fastsg.errors import FormatError
from fastsg.io.word2vec import load_counts, load_word2vec, save_word2vec

NAMES = ["v.txt", "v.bin", "v.txt.gz", "v.bin.gz"]


def same_bits(a, b):
    return a.shape == b.shape and a.dtype == b.dtype and (a.view(np.uint32) == b.view(np.uint32)).all()


# ---- round trips ----

words_st = st.text(
    st.characters(exclude_characters=" \t\r\n\0", exclude_categories=["Cs"]), min_size=1, max_size=12
)
floats_st = st.floats(width=32, allow_nan=False, allow_infinity=False)


@st.composite
def vocabularies(draw):
    words = draw(st.lists(words_st, unique=True, max_size=6))
    shape = (len(words), draw(st.integers(1, 5)))
    return words, draw(hnp.arrays(np.float32, shape, elements=floats_st))


@pytest.mark.parametrize("name", NAMES)
@settings(
    max_examples=examples(300), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(vocabulary=vocabularies())
def test_round_trip(tmp_path, name, vocabulary):
    words, matrix = vocabulary
    save_word2vec(tmp_path / name, words, matrix)
    again, values = load_word2vec(tmp_path / name)
    assert (
        again == words and same_bits(values, matrix) and values.flags.c_contiguous and values.flags.writeable
    )


def test_round_trip_of_any_bits(tmp_path):
    """Every exponent, subnormals and zeros of both signs."""
    rng = np.random.default_rng(SEED)
    values = rng.integers(0, 2**32, (4000, 7), np.uint64).astype(np.uint32).view(np.float32)
    values = np.where(np.isfinite(values), values, np.float32(-0.0))
    words = [f"w{i}" for i in range(len(values))]
    save_word2vec(tmp_path / "v.txt", words, values)
    assert same_bits(load_word2vec(tmp_path / "v.txt")[1], values)


def test_text_is_what_other_readers_expect(tmp_path):
    matrix = np.array([[0.1, -2], [1e-30, 3.25]])
    save_word2vec(tmp_path / "v.txt", ["the", "café"], matrix, counts=[5, 2], fvocab=tmp_path / "vocab")
    assert (tmp_path / "v.txt").read_text("utf-8") == "2 2\nthe 0.100000001 -2\ncafé 1e-30 3.25\n"
    assert (tmp_path / "vocab").read_text("utf-8") == "the 5\ncafé 2\n"
    assert load_counts(tmp_path / "vocab") == {"the": 5, "café": 2}


def test_binary_is_the_layout_of_word2vec_c(tmp_path):
    save_word2vec(tmp_path / "v.bin", ["a", "b"], np.array([[1, 2], [3, 4]], np.float32))
    expected = b"2 2\na " + struct.pack("<2f", 1, 2) + b"\nb " + struct.pack("<2f", 3, 4) + b"\n"
    assert (tmp_path / "v.bin").read_bytes() == expected


def test_same_vectors_same_bytes(tmp_path):
    for name in ("a.txt.gz", "b.txt.gz"):
        save_word2vec(tmp_path / name, ["a"], np.ones((1, 3), np.float32))
    assert (tmp_path / "a.txt.gz").read_bytes() == (tmp_path / "b.txt.gz").read_bytes()


def test_undecodable_bytes_survive(tmp_path):
    (tmp_path / "v.txt").write_bytes(b"1 2\ncaf\xe9 1 2\n")
    words, matrix = load_word2vec(tmp_path / "v.txt", errors="surrogateescape")
    save_word2vec(tmp_path / "w.txt", words, matrix)
    assert (tmp_path / "w.txt").read_bytes() == b"1 2\ncaf\xe9 1 2\n"


@pytest.mark.parametrize("name", NAMES)
def test_many_rows(tmp_path, rng, name):
    """More than one block."""
    matrix = rng.standard_normal((3000, 61)).astype(np.float32)
    words = [f"{'x' * (i % 97)}{i}" for i in range(3000)]
    save_word2vec(tmp_path / name, words, matrix)
    again, values = load_word2vec(tmp_path / name)
    assert again == words and same_bits(values, matrix)
    again, values = load_word2vec(tmp_path / name, limit=1234)
    assert again == words[:1234] and same_bits(values, matrix[:1234])


def test_limit_does_not_look_further(tmp_path):
    (tmp_path / "v.txt").write_text("3 1\na 1\nb 2\nc broken\n")
    assert load_word2vec(tmp_path / "v.txt", limit=2)[0] == ["a", "b"]
    (tmp_path / "v.bin").write_bytes(b"9 1\na 1234")
    assert load_word2vec(tmp_path / "v.bin", limit=1)[0] == ["a"]


def test_headerless(tmp_path):
    save_word2vec(tmp_path / "v.txt", ["a", "b"], np.array([[1], [2]], np.float32), write_header=False)
    assert load_word2vec(tmp_path / "v.txt", no_header=True)[0] == ["a", "b"]
    with pytest.raises(FormatError, match=r"line 1: expected a header 'K H'"):
        load_word2vec(tmp_path / "v.txt")
    (tmp_path / "v.txt").write_text("5 3\n7 4\n")
    assert load_word2vec(tmp_path / "v.txt", no_header=True)[1].tolist() == [[3], [4]]


# ---- arguments ----


@pytest.mark.parametrize("word", ["new york", "a\tb", "a\nb", "a\rb", "a\0b", "", " "])
@pytest.mark.parametrize("name", ["v.txt", "v.bin"])
def test_word_that_cannot_be_written(tmp_path, name, word):
    with pytest.raises(ValueError, match=re.escape(repr(word))):
        save_word2vec(tmp_path / name, ["ok", word], np.ones((2, 2), np.float32))
    assert os.listdir(tmp_path) == []


def row(value=1.0):
    return np.full((1, 2), value, np.float32)


@pytest.mark.parametrize(
    ("args", "kwargs", "error", "message"),
    [
        ((["a"], np.ones((2, 2))), {}, ValueError, "words must have one entry per row of matrix"),
        ((["a", "a"], np.ones((2, 2))), {}, ValueError, "words must be unique; the word 'a' occurs twice"),
        ((["\udcc3\udca9", "é"], np.ones((2, 2))), {}, ValueError, "the word 'é' occurs twice"),
        (([b"a"], row()), {}, TypeError, "words must be str; got b'a' of type bytes"),
        ((["\ud800"], row()), {}, ValueError, "cannot be encoded"),
        ((["a"], np.ones(2)), {}, ValueError, "matrix must be floats of shape"),
        ((["a"], np.ones((1, 2), int)), {}, ValueError, "matrix must be floats"),
        ((["word"], row(np.nan)), {}, ValueError, r"vector of word 'word' \(row 1\) is not finite"),
        ((["word"], np.full((1, 2), 1e39)), {}, ValueError, "not finite in float32"),
        ((["a"], row()), {"fvocab": "vocab"}, ValueError, "fvocab needs counts"),
        ((["a"], row()), {"counts": [1, 2]}, ValueError, "counts must be 1 integers"),
        (
            (["a"], row()),
            {"binary": True, "write_header": False},
            ValueError,
            "write_header=False is for text",
        ),
    ],
)
def test_save_refuses(tmp_path, monkeypatch, args, kwargs, error, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        save_word2vec("v.txt", *args, **kwargs)
    assert os.listdir(tmp_path) == []


def test_a_wrong_limit_is_named(tmp_path):
    save_word2vec(tmp_path / "v.txt", ["a"], row())
    with pytest.raises(TypeError, match=r"limit is 2\.5, a float; it must be an integer"):
        load_word2vec(tmp_path / "v.txt", limit=2.5)


@pytest.mark.parametrize("counts", [[1.5], [-1], [2**63]])
def test_counts_are_not_cut_off(tmp_path, counts):
    with pytest.raises(ValueError, match="counts must be 1 integers >= 0"):
        save_word2vec(tmp_path / "v.txt", ["a"], row(), counts=counts, fvocab=tmp_path / "counts")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"limit": 0}, "limit is 0; it must be at least 1"),
        ({"binary": True, "no_header": True}, "no_header=True is for text"),
        ({"encoding": "nope"}, "encoding='nope'"),
        ({"errors": "nope"}, "errors='nope'"),
        ({"encoding": "utf-16"}, "utf-16"),
        ({"encoding": "cp037"}, "encoding must contain ASCII"),
    ],
)
def test_load_refuses(tmp_path, kwargs, message):
    save_word2vec(tmp_path / "v.txt", ["a"], row())
    with pytest.raises(ValueError, match=message):
        load_word2vec(tmp_path / "v.txt", **kwargs)


def test_only_regular_files(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(OSError, match="not a regular file"):
        load_word2vec(tmp_path / "fifo")
    with pytest.raises(IsADirectoryError):
        load_word2vec(tmp_path)
    with pytest.raises(FileNotFoundError):
        load_word2vec(tmp_path / "missing")


@pytest.mark.parametrize(
    "content", [b"a\n", b"a b c\n", b"a -1\n", b"a 1.5\n", b"a 1\na 2\n", b"\xff 1\n", b""]
)
def test_load_counts_refuses(tmp_path, content):
    (tmp_path / "vocab").write_bytes(content)
    with pytest.raises(FormatError, match="vocab"):
        load_counts(tmp_path / "vocab")


# ---- hostile files ----


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """The files that make_hostile.py writes, in a folder of our own."""
    if not (DATA / "hostile" / "make_hostile.py").is_file():
        pytest.skip(NO_DATA)
    folder = tmp_path_factory.mktemp("hostile")
    shutil.copy(DATA / "hostile" / "make_hostile.py", folder)
    subprocess.run([sys.executable, "make_hostile.py"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return folder


LOADS = {
    "ok.txt ok.bin ok_nonewline.bin ok_trailing_space.txt ok_tabs.txt ok_crlf.txt ok_bom.txt "
    "ok_no_final_newline.txt noheader_glove.txt": ["the", "of", "café"],
    "header_only.txt": [],
    "zero_vector.txt": ["the", "of"],
    "dup_words.txt": ["the", "of"],
    "word_nbsp.txt": ["new\u00a0york"],
    "word_u2028.txt": ["a\u2028b", "c\u0085d"],
    "nfd_nfc.txt": ["cafe\u0301", "caf\u00e9"],
    "big_endian.bin": ["the"],
}
LOADS = {name: words for names, words in LOADS.items() for name in names.split()}
MESSAGES = {
    "empty.txt": "the file is empty",
    "trunc_55.bin": "truncated: the newline after row 3",
    "trunc_49.bin": "truncated in row 3",
    "count_too_big.bin": "truncated",
    "count_too_small.txt": "line 3: more than the 2 rows",
    "count_negative.bin": "says -1 rows",
    "dim_zero.bin": "rows of 0 numbers",
    "row_short.txt": "line 2: expected a word and 3 numbers, got 2",
    "row_long.txt": "line 2: expected a word and 3 numbers, got 4",
    "row_nonnumeric.txt": "line 2: 'x' is not a number",
    "comma_decimal.txt": "line 2: '1,5' is not a number",
    "nan_inf.txt": "word 'the' (row 1) is not finite",
    "nan.bin": "word 'the' (row 1) is not finite",
    "word_empty.txt": "line 2: the word is empty",
    "word_empty.bin": "row 1: the word is empty",
    "latin1.txt": "line 2: the word b'caf\\xe9' is not utf-8",
    "utf16.txt": "UTF-16",
    "gz_named_txt.txt": "gzip data, but its name",
    "txt_named_gz.txt.gz": "holds no gzip data",
    "trunc.txt.gz": "truncated gzip data",
    "text_as_bin.bin": "the numbers are text",
    "bin_as_text.txt": "is the file binary?",
    "pickle.bin": "a pickle; pickles are never opened",
}


def test_hostile_files(hostile):
    lines = (hostile / "MADE.tsv").read_text("utf-8").splitlines()[1:]
    names = [line.split("\t")[0] for line in lines if not line.startswith("corpus_")]
    assert set(LOADS) | set(MESSAGES) <= set(names)
    for name in names:
        path = hostile / "made" / name
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            start = time.perf_counter()
            if name in LOADS:
                words, matrix = load_word2vec(path)
                assert words == LOADS[name] and matrix.shape == (len(words), 3), name
            else:
                with pytest.raises(FormatError) as caught:
                    load_word2vec(path)
                message = str(caught.value)
                assert name in message and MESSAGES.get(name, "") in message, message
            assert time.perf_counter() - start < 0.5, name


def test_hostile_words_with_other_error_handlers(hostile):
    for name in ("latin1.txt", "lone_surrogate.txt", "overlong.txt"):
        words, _ = load_word2vec(hostile / "made" / name, errors="replace")
        assert "\ufffd" in words[0]
    assert load_word2vec(hostile / "made" / "latin1.txt", encoding="latin-1")[0] == ["café"]
    assert load_word2vec(hostile / "made" / "latin1.txt", errors="ignore")[0] == ["caf"]
    with pytest.warns(UserWarning, match="decodes to nothing"):
        assert load_word2vec(hostile / "made" / "overlong.txt", errors="ignore")[0] == []


def test_nonfinite_on_request(hostile):
    _, matrix = load_word2vec(hostile / "made" / "nan_inf.txt", allow_nonfinite=True)
    assert np.isnan(matrix[0, 0]) and matrix[1, :2].tolist() == [np.inf, -np.inf]


def test_duplicates_keep_the_first_and_warn(hostile, tmp_path):
    with pytest.warns(
        UserWarning, match=r"dup_words\.txt: 1 repeated word\(s\), first 'the'; kept the first row"
    ):
        assert load_word2vec(hostile / "made" / "dup_words.txt")[1].tolist() == [[1, 2, 3], [1, 1, 1]]
    (tmp_path / "v.bin").write_bytes(
        b"3 1\n" + b"".join(w + b" " + struct.pack("<f", i) for i, w in enumerate([b"a", b"a", b"b"]))
    )
    with pytest.warns(UserWarning, match="first 'a'"):
        assert load_word2vec(tmp_path / "v.bin")[1].tolist() == [[0], [2]]


@pytest.mark.parametrize(
    "content",
    [
        b"1 2\nthe 1_0 2\n",
        b"1 2\nthe 0x10 2\n",
        b"1 2\nthe 1 2\x0b3\n",
        b"1 1\nthe\n",
        b"1 2\nthe \n",
        b"2 1\na 1\n\nb 2\n",
        b"1 1\na\0b 1\n",
        b"1 1\na 1\n\n\nb 2\n",
        b"+ 1\na 1\n",
        b"1 1\r\na 1\rb 2\r",
        b"1\n",
        b"\n",
        b"1 2\n1 2\n",
    ],
)
def test_malformed_text(tmp_path, content):
    (tmp_path / "v.txt").write_bytes(content)
    with pytest.raises(FormatError, match=r"v\.txt"):
        load_word2vec(tmp_path / "v.txt")


def test_lenient_text(tmp_path):
    (tmp_path / "v.txt").write_bytes(b"\xef\xbb\xbf2\t2 \r\na  1\t 2 \t\r\nb 1e0  +2.\n \n\n")
    words, matrix = load_word2vec(tmp_path / "v.txt")
    assert words == ["a", "b"] and matrix.tolist() == [[1, 2], [1, 2]]


def test_other_formats_are_named(tmp_path):
    for start, what in [
        (b"\xba\x16\x4f\x2f\x0c\0\0\0", "fastText"),
        (b"PK\x03\x04", "zip"),
        (b"\x93NUMPY", "npy"),
    ]:
        for name in ("v.txt", "v.bin"):
            (tmp_path / name).write_bytes(start + bytes(50))
            with pytest.raises(FormatError, match=what):
                load_word2vec(tmp_path / name)
    (tmp_path / "v.bin.gz").write_bytes(gzip.compress(b"\x80\x04\x95"))
    with pytest.raises(FormatError, match="pickle"):
        load_word2vec(tmp_path / "v.bin.gz")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("v.bin", b"2147483647 300\na " + bytes(1200)),
        ("v.bin", b"1 2147483647\na " + bytes(1200)),
        ("v.txt", b"2147483647 2147483647\na 1\n"),
        ("v.txt", b"99999999999999999999 3\n"),
        ("v.txt.gz", gzip.compress(b"1 2147483647\na 1\n")),
        ("v.bin.gz", gzip.compress(b"2147483647 2147483647\na " + bytes(1000))),
        ("v.txt.gz", gzip.compress(b"2000000000 1\na 1\n")),
        ("v.bin.gz", gzip.compress(b"0 2147483647\n" + bytes(1000))),
    ],
)
def test_lying_headers_cost_nothing(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    tracemalloc.start()
    start = time.perf_counter()
    with pytest.raises(FormatError):
        load_word2vec(tmp_path / name)
    assert time.perf_counter() - start < 0.2 and tracemalloc.get_traced_memory()[1] < 16 << 20
    tracemalloc.stop()


def test_gzip_bomb(tmp_path):
    path = tmp_path / "v.txt.gz"
    path.write_bytes(gzip.compress(b"1 5\n" + b"x" * (1 << 20) + b" 1 2 3 4 5\n"))
    with pytest.raises(FormatError, match="unpacks to more than 100000 bytes; see max_decompressed"):
        load_word2vec(path, max_decompressed=100_000)
    with pytest.raises(FormatError, match="a line is longer than"):
        load_word2vec(path)


def test_long_words(tmp_path):
    long = "x" * 5000
    for name in ("v.txt", "v.bin"):
        save_word2vec(tmp_path / name, [long], row())
        with pytest.raises(FormatError, match=r"max_word_bytes|a line is longer"):
            load_word2vec(tmp_path / name)
        assert load_word2vec(tmp_path / name, max_word_bytes=5000)[0] == [long]


def test_messages_escape_control_characters(tmp_path):
    (tmp_path / "v.txt").write_bytes(b"1 1\n\x1b[31mred\x07 x\n")
    with pytest.raises(FormatError) as caught:
        load_word2vec(tmp_path / "v.txt")
    assert str(caught.value).replace(str(tmp_path), "").isprintable()


# ---- files of other tools ----

FOREIGN = {
    "gensim/EN.1-10.cbow1_wind5_hs0_neg10_size300_smpl1e-05.txt": (20, 300),
    "gensim/crime-and-punishment.vec": (291, 5),
    "gensim/euclidean_vectors.bin": (2747, 10),
    "gensim/poincare_vectors.bin": (1182, 10),
    "gensim/high_precision.kv.bin": (2, 2),
    "gensim/high_precision.kv.txt": (2, 2),
    "gensim/lee_fasttext.vec": (1762, 10),
    "gensim/test_glove.txt": (76, 50),
    "gensim/toy-model.vec": (22, 5),
    "finalfusion/analogy.bin": (43, 100),
    "finalfusion/similarity.bin": (41, 100),
    "finalfusion/similarity.txt": (41, 100),
    "finalfusion/similarity.nodims": (41, 100),
}


def test_files_of_other_tools(data):
    for name, shape in FOREIGN.items():
        words, matrix = load_word2vec(data / "vectors" / name)
        assert matrix.shape == shape and len(set(words)) == shape[0], name
    text, binary = (
        load_word2vec(data / "vectors" / f"finalfusion/similarity.{end}") for end in ("txt", "bin")
    )
    assert text[0] == binary[0] and text[1] == pytest.approx(binary[1], rel=1e-6)


def test_native_fasttext_and_pickles_are_refused(data):
    for path in (data / "vectors" / "fasttext_bin").iterdir():
        with pytest.raises(FormatError, match="fastText's native model"):
            load_word2vec(path)
    for name in ("model-from-gensim-3.8.0.w2v", "old_keyedvectors_320.dat", "word2vec_pre_kv_py2"):
        with pytest.raises(FormatError, match="pickle"):
            load_word2vec(data / "hostile" / "gensim" / name)


def test_naughty_strings_as_words(data, tmp_path):
    lines = (data / "hostile" / "blns" / "blns.txt").read_text("utf-8").split("\n")
    words = list(dict.fromkeys(re.sub(r"[ \t\r\n\0]", "_", line) for line in lines if line))
    matrix = np.arange(2 * len(words), dtype=np.float32).reshape(-1, 2)
    for name in NAMES:
        save_word2vec(tmp_path / name, words, matrix)
        again, values = load_word2vec(tmp_path / name)
        assert len(words) > 400 and again == words and same_bits(values, matrix)


# ---- numbers as text ----


def test_numbers_are_written_as_printf_writes_them(rng):
    """Nine digits of anything float32 can be, and of the middles between two results."""
    bits = rng.integers(0, 2**32, 300_000, dtype=np.uint32).view(np.float32)
    usual = rng.standard_normal(300_000).astype(np.float32)
    powers = np.float32(
        [s * 10.0**e * (1 + d * 2.0**-23) for s in (1, -1) for e in range(-12, 14) for d in range(-3, 4)]
    )
    whole = np.concatenate([rng.integers(0, 2**24, 50_000), 2 ** np.arange(30)]).astype(np.float32)
    eighths = rng.integers(0, 2**24, 100_000).astype(np.float32) / np.float32(
        2**13
    )  # of ten digits, some end in 5
    special = np.float32(
        [0, -0.0, 1e-4, 9.9999997e-5, 999999999, 1e9, 0.1, 0.5, 3.4028235e38, 1e-45, np.inf, -np.inf, np.nan]
    )
    for values in (bits, usual, powers, whole, eighths, special):
        got = _text.format_rows([b"w"], values[None, :])
        assert got == b"w" + b"".join(b" %.9g" % x for x in values.tolist()) + b"\n"


def test_rows_of_text():
    rows = np.float32([[1, 0.25], [-3, 1e-7], [7, 8]])
    assert (
        _text.format_rows([b"a", b"", "ü".encode()], rows) == "a 1 0.25\n -3 1.00000001e-07\nü 7 8\n".encode()
    )
    assert _text.format_rows([b"a", b"b", b"c"], rows[:, ::-1]) == b"a 0.25 1\nb 1.00000001e-07 -3\nc 8 7\n"
    assert _text.format_rows([], rows[:0]) == b""
    with pytest.raises(ValueError, match="there are 2 words and 3 rows; they must be equal"):
        _text.format_rows([b"a", b"b"], rows)
