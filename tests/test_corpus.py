"""EncodedCorpus against Python's own split, decode, Counter and sort."""

import bz2
import gzip
import importlib.util
import io
import itertools
import json
import logging
import lzma
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from safetensors import safe_open

from fastsg.errors import FormatError
from fastsg.text import corpus as corpus_module
from fastsg.text.corpus import EncodedCorpus
from fastsg.text.vocab import Vocab

SPACES = (
    "\t\v\f\x1c\x1d\x1e\x1f \x85\xa0\u1680"
    + "".join(map(chr, range(0x2000, 0x200B)))
    + "\u2028\u2029\u202f\u205f\u3000"
)
LETTERS = "ab\0é爱\U0001f600\u200b\ufeff"
PIECES = st.sampled_from(
    [*SPACES, *LETTERS, *LETTERS, "\n", "\r", "\r\n", "word", "longer-than-fifteen-bytes", "abcdefgh"]
)
TEXT = st.lists(PIECES, max_size=60).map("".join)
BAD_BYTES = st.lists(
    st.sampled_from(
        [
            b"a",
            b"b ",
            b" ",
            b"\n",
            b"\r\n",
            b"\x80",
            b"\xbf",
            b"\xc2",
            b"\xe2\x80",
            b"\xed\xa0\x80",
            b"\xf0\x9f\x98",
            b"\xff",
            b"\xc0\xaf",
        ]
        + ["é".encode(), "\u3000".encode(), "\U0001f600".encode(), "\ufffd".encode()]
    ),
    max_size=60,
).map(b"".join)


def oracle_lines(data, errors="strict"):
    """What a text file's lines are to Python."""
    return (
        io.TextIOWrapper(io.BytesIO(data.removeprefix(b"\xef\xbb\xbf")), encoding="utf-8", errors=errors)
        .read()
        .split("\n")
    )


def oracle(sentences, min_count=1, limit=None):
    """Words, counts and sentences of ids, in the dumbest way."""
    sentences = [list(sentence) for sentence in sentences]
    counts = Counter(token for sentence in sentences for token in sentence)
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0].encode()))
    ranked = [pair for pair in ranked if pair[1] >= min_count][:limit]
    words = [word for word, _ in ranked]
    index = {word: i for i, word in enumerate(words)}
    encoded = [[index[token] for token in sentence if token in index] for sentence in sentences]
    return words, [n for _, n in ranked], [sentence for sentence in encoded if sentence]


def content(corpus):
    """The same three of a corpus."""
    bounds = corpus.offsets.tolist()
    encoded = [corpus.tokens[a:b].tolist() for a, b in itertools.pairwise(bounds)]
    return corpus.vocab.words, corpus.vocab.counts.tolist(), encoded


@pytest.fixture
def write(tmp_path):
    """Writes bytes or text to a file, gives its path."""

    def write(data, name="a.txt"):
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    return write


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """One file for all examples of a property."""
    return tmp_path_factory.mktemp("corpus") / "a.txt"


def check_file(path, data, sentences, **options):
    """A file's corpus is the oracle's, or both find no tokens."""
    path.write_bytes(data)
    expected = oracle(sentences)
    if not expected[0]:
        with pytest.raises(ValueError, match="there are no tokens in"):
            EncodedCorpus.from_files(path, min_count=1, **options)
        return None
    corpus = EncodedCorpus.from_files(path, min_count=1, **options)
    assert content(corpus) == expected
    assert corpus.raw_tokens == corpus.n_tokens == sum(expected[1])
    return corpus


# ---- against the oracle ----


@settings(max_examples=300, deadline=None)
@given(TEXT, st.sampled_from([1, 2, 5, 64, 1 << 20]), st.sampled_from([1, 2, 3, 7]))
@example("a b", 1, 1)
@example("\ufeffa b\r\nc", 64, 2)
@example("\ufeff\ufeffa", 64, 1)
def test_words_of_any_text(scratch, text, block_bytes, workers):
    data = text.encode()
    sentences = [line.split() for line in oracle_lines(data)]
    check_file(scratch, data, sentences, workers=workers, _block_bytes=block_bytes)


@settings(max_examples=300, deadline=None)
@given(TEXT, st.sampled_from([1, 2, 5, 64, 1 << 20]), st.sampled_from([1, 2, 3, 7]))
def test_characters_of_any_text(scratch, text, block_bytes, workers):
    data = text.encode()
    sentences = [[c for c in line if not c.isspace()] for line in oracle_lines(data)]
    check_file(scratch, data, sentences, tokenizer="char", workers=workers, _block_bytes=block_bytes)


@settings(max_examples=100, deadline=None)
@given(TEXT, st.sampled_from([1, 5, 64]))
def test_callable_on_any_text(scratch, text, block_bytes):
    data = text.encode()
    check_file(
        scratch,
        data,
        [line.split() for line in oracle_lines(data)],
        tokenizer=str.split,
        _block_bytes=block_bytes,
    )


@settings(max_examples=300, deadline=None)
@given(
    BAD_BYTES,
    st.sampled_from(["space", "char", "callable"]),
    st.sampled_from([1, 3, 64, 1 << 20]),
    st.sampled_from([1, 3]),
)
@pytest.mark.parametrize("errors", ["replace", "ignore"])
def test_invalid_utf8_as_python_decodes_it(scratch, errors, data, tokenizer, block_bytes, workers):
    lines = oracle_lines(data, errors)
    split = list if tokenizer == "char" else str.split
    sentences = [[token for token in split(line) if not token.isspace()] for line in lines]
    corpus = check_file(
        scratch,
        data,
        sentences,
        tokenizer=str.split if tokenizer == "callable" else tokenizer,
        errors=errors,
        workers=workers,
        _block_bytes=block_bytes,
    )
    if corpus:
        replaced = data.removeprefix(b"\xef\xbb\xbf").decode(errors="replace").count("\ufffd") - data.count(
            b"\xef\xbf\xbd"
        )
        assert corpus.invalid_bytes_replaced == replaced


@settings(max_examples=200, deadline=None)
@given(
    BAD_BYTES,
    st.sampled_from(["space", "char", "callable"]),
    st.sampled_from([1, 3, 64, 1 << 20]),
    st.sampled_from([1, 3]),
)
def test_strict_names_the_offset(scratch, data, tokenizer, block_bytes, workers):
    scratch.write_bytes(data)
    options = {
        "tokenizer": str.split if tokenizer == "callable" else tokenizer,
        "errors": "strict",
        "workers": workers,
        "_block_bytes": block_bytes,
    }
    try:
        data.decode()
    except UnicodeDecodeError as exc:
        with pytest.raises(ValueError, match=rf"a.txt': invalid UTF-8 at byte offset {exc.start} \(bytes "):
            EncodedCorpus.from_files(scratch, min_count=1, **options)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=3), max_size=8),
        max_size=8,
    )
)
def test_token_lists(sentences):
    expected = oracle(sentences)
    if expected[0]:
        assert content(EncodedCorpus.from_iter(sentences, min_count=1)) == expected
    else:
        with pytest.raises(ValueError, match="there are no tokens in sentences"):
            EncodedCorpus.from_iter(sentences, min_count=1)


@pytest.mark.parametrize("min_count, limit", [(1, None), (2, None), (5, None), (5, 7), (1, 1), (3, 10_000)])
@pytest.mark.parametrize("workers", [1, 2, 7])
def test_cuts(write, rng, min_count, limit, workers):
    lines = [" ".join(f"w{k}" for k in rng.zipf(1.3, rng.integers(0, 30)) if k < 3000) for _ in range(500)]
    path = write("\n".join(lines))
    expected = oracle([line.split() for line in lines], min_count, limit)
    corpus = EncodedCorpus.from_files(
        path, min_count=min_count, max_final_vocab=limit, workers=workers, _block_bytes=512
    )
    assert content(corpus) == expected
    raw = Counter(" ".join(lines).split())
    assert (corpus.raw_tokens, corpus.vocab.raw_tokens, corpus.vocab.raw_types) == (
        raw.total(),
        raw.total(),
        len(raw),
    )
    assert (
        content(EncodedCorpus.from_iter(map(str.split, lines), min_count=min_count, max_final_vocab=limit))
        == expected
    )


def test_many_types_and_long_words(write, rng):
    """Tables and arenas grow, in every worker."""
    words = [f"{'long' * (k % 12)}{k}" for k in rng.integers(0, 60_000, 200_000)]
    path = write(" ".join(words))
    assert content(EncodedCorpus.from_files(path, min_count=2, workers=3, _block_bytes=20_000)) == oracle(
        [words], 2
    )


def test_equal_counts_go_by_bytes(write):
    corpus = EncodedCorpus.from_files(write("\U0001f600 \uff21 é e B b\n"), min_count=1)
    assert corpus.vocab.words == ["B", "b", "e", "é", "\uff21", "\U0001f600"]


def test_given_vocabulary(write):
    vocab = Vocab(["the", "of", "é"], [9, 8, 7])
    text = "the big of\nbig big\né the\n"
    for corpus in (
        EncodedCorpus.from_files(write(text), vocab=vocab, workers=2, _block_bytes=4),
        EncodedCorpus.from_iter(map(str.split, text.split("\n")), vocab=vocab),
    ):
        assert corpus.vocab is vocab
        assert list(corpus) == [["the", "of"], ["é", "the"]]
        assert (corpus.raw_tokens, corpus.n_tokens, len(corpus)) == (7, 4, 2)
    characters = EncodedCorpus.from_files(write("aéz é"), tokenizer="char", vocab=Vocab(["é", "b"], [2, 1]))
    assert list(characters) == [["é", "é"]]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 6, 7])
def test_ties_at_the_cap_in_chunks(monkeypatch, limit):
    """The words of the lowest count that still find room are the first by their bytes."""
    monkeypatch.setattr(corpus_module, "_WORDS_AT_ONCE", 2)
    sentences = [["f", "b", "e", "z", "z", "a", "c"]]
    assert content(EncodedCorpus.from_iter(sentences, min_count=1, max_final_vocab=limit)) == oracle(
        sentences, 1, limit
    )


def test_known_ids_in_chunks(monkeypatch):
    monkeypatch.setattr(corpus_module, "_WORDS_AT_ONCE", 2)
    vocab = Vocab(["b", "d"], [1, 1])
    types = corpus_module._Types(np.ones(5, np.int64), lambda ids: ["abcde"[i] for i in ids])
    assert corpus_module._known_ids(types, vocab).tolist() == [-1, 0, -1, 1, -1]


# ---- forms of input ----


@pytest.mark.parametrize(
    "data",
    [b"a b\r\nc d\r\n", b"a b\rc d\r", b"a b\nc d", b"\xef\xbb\xbfa b\nc d\n", b"\n\n a b \n\n\r\r\nc d\n\n"],
    ids=["CRLF", "CR", "no final newline", "BOM", "blank lines"],
)
@pytest.mark.parametrize("block_bytes", [1, 4, 1000])
def test_line_ends(write, data, block_bytes):
    assert list(EncodedCorpus.from_files(write(data), min_count=1, _block_bytes=block_bytes)) == [
        ["a", "b"],
        ["c", "d"],
    ]


def test_files_end_sentences_and_may_start_with_a_bom(write):
    paths = [write(b"a b", "1"), write(b"", "2"), write(b"\xef\xbb\xbfc\n", "3"), write(b"d e\n", "4")]
    for workers in (1, 3):
        corpus = EncodedCorpus.from_files(paths, min_count=1, workers=workers)
        assert list(corpus) == [["a", "b"], ["c"], ["d", "e"]]


@pytest.mark.parametrize(
    "suffix, pack", [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)]
)
def test_compressed_files(write, suffix, pack):
    text = "the of and\n" * 3000
    plain = EncodedCorpus.from_files(write(text))
    packed = EncodedCorpus.from_files(write(pack(text.encode()), "a" + suffix), _block_bytes=999)
    assert content(plain) == content(packed)


def test_truncated_gz_names_the_file(write):
    path = write(gzip.compress(os.urandom(5000))[:-12], "cut.gz")
    with pytest.raises(OSError, match="truncated.*cut.gz"):
        EncodedCorpus.from_files(path)


def run(code, **options):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, timeout=60, check=False, **options
    )


def test_standard_input():
    code = "from fastsg.text.corpus import EncodedCorpus; print(list(EncodedCorpus.from_files('-', min_count=1)))"
    done = run(code, input="a b\r\né".encode(), env=os.environ | {"PYTHONIOENCODING": "utf-8"})
    assert done.stdout.decode().strip() == "[['a', 'b'], ['é']]", done.stderr


def test_generators_are_consumed_once():
    class Once:
        asked = 0

        def __iter__(self):
            self.asked += 1
            return ((token for token in line.split()) for line in ["a b", "", "b c"])

    once = Once()
    assert list(EncodedCorpus.from_iter(once, min_count=1)) == [["a", "b"], ["b", "c"]]
    assert once.asked == 1
    assert len(EncodedCorpus.from_iter(["a"] * 5 for _ in range(3))) == 3
    assert list(EncodedCorpus.from_iter([np.array(["a", "b"])], min_count=1)) == [["a", "b"]]


def test_more_sentences_than_a_chunk(monkeypatch):
    monkeypatch.setattr(corpus_module._Lists, "_CHUNK", 7)
    sentences = [[f"w{i % 5}"] * (i % 4) for i in range(100)]
    assert content(EncodedCorpus.from_iter(sentences, min_count=1)) == oracle(sentences)


def test_arrays_grow(write, monkeypatch):
    monkeypatch.setattr(corpus_module, "_GROWTH", 16)
    text = "\n".join(f"w{i % 50} x" for i in range(2000))
    expected = oracle([line.split() for line in text.split("\n")])
    assert (
        content(EncodedCorpus.from_files(write(text), min_count=1, workers=2, _block_bytes=100)) == expected
    )


# ---- errors ----


@pytest.mark.parametrize(
    "sentences, error, message",
    [
        ("a b", TypeError, "sentences is a str; use EncodedCorpus.from_files"),
        (b"a b", TypeError, "sentences is a bytes; use EncodedCorpus.from_files"),
        ([["a"], "b c"], TypeError, r"sentence 1 is a str, not a list of tokens: 'b c'.*tokenizer='char'"),
        ([["a"], ["b", 3]], TypeError, "sentence 1: tokens must be str, got 3 of type int"),
        ([["a"], b"b c"], TypeError, "sentence 1: tokens must be str, got 98 of type int"),
        ([["a"], [["b"]]], TypeError, "sentence 1: "),
        ([["a"], None], TypeError, "sentence 1: 'NoneType' object is not iterable"),
        ([["a", ""]], ValueError, "sentence 0: the empty string cannot be a token"),
        ([["\udc80"]], ValueError, r"sentence 0: the token '\\udc80' cannot be encoded as UTF-8"),
        ([], ValueError, "there are no tokens in sentences"),
        ([[], []], ValueError, "there are no tokens in sentences"),
        (
            [["a"] * 4 + ["b"]],
            ValueError,
            "of 2 different words the commonest occurs 4 times, fewer than min_count=5",
        ),
    ],
)
def test_wrong_token_lists(sentences, error, message):
    with pytest.raises(error, match=message):
        EncodedCorpus.from_iter(sentences)


@pytest.mark.parametrize(
    "options, error, message",
    [
        (
            {"errors": "xmlcharrefreplace"},
            ValueError,
            "errors is 'xmlcharrefreplace'; allowed are 'replace', 'strict', 'ignore'",
        ),
        ({"max_word_bytes": 0}, ValueError, "max_word_bytes is 0; allowed are integers >= 1"),
        ({"max_word_bytes": True}, ValueError, "max_word_bytes is True"),
        ({"workers": 0}, ValueError, "workers is 0"),
        ({"tokenizer": "words"}, ValueError, "tokenizer is 'words'"),
        ({"tokenizer": 3}, TypeError, "tokenizer must be"),
        ({"vocab": ["a"]}, TypeError, "vocab must be None or a Vocab, got list"),
        ({"min_count": 0}, ValueError, "min_count is 0"),
        ({"max_final_vocab": 0}, ValueError, "max_final_vocab is 0"),
        ({"min_count": 3}, ValueError, "the commonest occurs 2 times, fewer than min_count=3"),
        ({"vocab": Vocab(["z"], [1])}, ValueError, "none of the 3 tokens in .* is in the vocabulary"),
        ({"tokenizer": lambda line: line}, TypeError, "sentence 0 is a str"),
        ({"tokenizer": lambda line: [1]}, TypeError, "sentence 0: tokens must be str"),
    ],
)
def test_wrong_options(write, options, error, message):
    with pytest.raises(error, match=message):
        EncodedCorpus.from_files(write("a b a\n"), **options)


@pytest.mark.parametrize("tokenizer", ["space", "char", str.split])
@pytest.mark.parametrize(
    "data",
    [b"", b"\n\n \n\t\n", b"\xef\xbb\xbf", "\u3000\u2028".encode()],
    ids=["empty", "blank", "BOM", "wide"],
)
def test_no_tokens(write, tokenizer, data):
    with pytest.raises(ValueError, match="there are no tokens in '.*a.txt'"):
        EncodedCorpus.from_files(write(data), tokenizer=tokenizer)


@pytest.mark.parametrize("tokenizer", ["space", "char", str.split])
def test_files_that_cannot_be_read(tmp_path, tokenizer):
    with pytest.raises(FileNotFoundError, match="missing"):
        EncodedCorpus.from_files(tmp_path / "missing", tokenizer=tokenizer)
    with pytest.raises(IsADirectoryError):
        EncodedCorpus.from_files(tmp_path, tokenizer=tokenizer)
    with pytest.raises(ValueError, match="paths is empty"):
        EncodedCorpus.from_files([], tokenizer=tokenizer)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_unreadable(write):
    path = write("a")
    path.chmod(0)
    with pytest.raises(PermissionError):
        EncodedCorpus.from_files(path)


@pytest.mark.parametrize("block_bytes", [1, 10, 64, 1 << 20])
@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("space", [" ", "\n", "\u3000", "\xa0"])
def test_long_words(write, block_bytes, workers, space):
    before = f"ab{space}" * 20
    options = {"min_count": 1, "max_word_bytes": 50, "workers": workers, "_block_bytes": block_bytes}
    good = EncodedCorpus.from_files(write(before + "x" * 50 + space + "cd"), **options)
    assert "x" * 50 in good.vocab
    path = write(before + "y" * 51 + space + "z" * 70)
    with pytest.raises(
        ValueError,
        match=rf"a.txt': the word at byte offset {len(before.encode())} is longer than max_word_bytes=50",
    ):
        EncodedCorpus.from_files(path, **options)
    assert EncodedCorpus.from_files(path, **options | {"max_word_bytes": 70}).n_tokens == 22


@pytest.mark.parametrize("errors", ["replace", "ignore", "strict"])
@pytest.mark.parametrize("block_bytes", [1, 10, 64, 1 << 20])
@pytest.mark.parametrize("workers", [1, 3])
def test_the_first_error_of_the_text_is_reported(write, errors, block_bytes, workers):
    """A long word (its bytes in the file count, whatever is left of them) and an invalid byte, in both orders."""
    options = {
        "min_count": 1,
        "max_word_bytes": 50,
        "errors": errors,
        "workers": workers,
        "_block_bytes": block_bytes,
    }
    with pytest.raises(ValueError, match="the word at byte offset 3 is longer"):
        EncodedCorpus.from_files(write(b"ab " + b"\xff" * 51 + b" cd \xff "), **options)
    with pytest.raises(
        ValueError,
        match="invalid UTF-8 at byte offset 1 " if errors == "strict" else "the word at byte offset 3 is",
    ):
        EncodedCorpus.from_files(write(b"a\xff " + b"x" * 51), **options)
    fits = write(b"ab " + b"\xff" * 50)
    if errors != "strict":
        assert EncodedCorpus.from_files(fits, **options).invalid_bytes_replaced == 50


def test_invalid_utf8_is_warned_of(write, caplog):
    path = write(b"caf\xe9 the of \xff\xfe and\n" * 10)
    with caplog.at_level(logging.WARNING, "fastsg"):
        assert EncodedCorpus.from_files(path).invalid_bytes_replaced == 30
        assert "30 invalid UTF-8 sequences were replaced by U+FFFD in" in caplog.text
        EncodedCorpus.from_files(path, errors="ignore")
        assert "30 invalid UTF-8 sequences were left out in" in caplog.text
        caplog.clear()
        EncodedCorpus.from_files(write("café " * 5))
        assert not caplog.records


# ---- the class ----


def test_members():
    corpus = EncodedCorpus.from_iter([["a", "b", "a"], [], ["rare"], ["b", "a"]], min_count=2)
    assert corpus.tokens.dtype == np.int32 and corpus.offsets.dtype == np.int64
    assert (len(corpus), corpus.n_tokens, corpus.raw_tokens, corpus.invalid_bytes_replaced) == (2, 5, 6, 0)
    assert list(corpus) == [["a", "b", "a"], ["b", "a"]]
    assert repr(corpus) == "<EncodedCorpus: 2 sentences, 5 tokens, 2 words>"


def test_read_only_arrays():
    tokens, offsets = np.zeros(3, np.int32), np.array([0, 1, 3])
    tokens.setflags(write=False)
    offsets.setflags(write=False)
    corpus = EncodedCorpus(tokens, offsets, Vocab(["a"], [3]))
    assert corpus.tokens is tokens and list(corpus) == [["a"], ["a", "a"]]


GOOD = np.array([0, 1, 0], np.int32)


@pytest.mark.parametrize(
    "tokens, offsets, message",
    [
        ([0, 1], [0, 2], "tokens must be a NumPy array, got list"),
        (GOOD.astype(np.int64), np.array([0, 3]), "tokens must be a contiguous array .* of int64"),
        (np.zeros(6, np.int32)[::2], np.array([0, 3]), "not contiguous"),
        (GOOD.reshape(1, 3), np.array([0, 3]), r"shape \(1, 3\)"),
        (GOOD, np.array([0, 3], np.int32), "offsets must be a contiguous array"),
        (GOOD, [0, 3], "offsets must be a NumPy array"),
        (GOOD[:0], np.array([0]), "no tokens"),
        (GOOD, np.array([0]), "offsets must rise strictly from 0 to the number of tokens, 3"),
        (GOOD, np.array([0, 2]), "offsets must rise"),
        (GOOD, np.array([1, 3]), "offsets must rise"),
        (GOOD, np.array([0, 2, 2, 3]), "offsets must rise"),
        (GOOD, np.array([0, 4, 3]), "offsets must rise"),
        (GOOD + 1, np.array([0, 3]), "tokens holds ids from 1 to 2; the vocabulary has 0 to 1"),
        (GOOD - 1, np.array([0, 3]), "tokens holds ids from -1 to 0"),
    ],
)
def test_wrong_arrays(tokens, offsets, message):
    with pytest.raises((TypeError, ValueError), match=message):
        EncodedCorpus(tokens, offsets, Vocab(["a", "b"], [2, 1]))
    with pytest.raises(TypeError, match="vocab must be a Vocab"):
        EncodedCorpus(GOOD, np.array([0, 3]), ["a", "b"])


# ---- files of the class ----


@pytest.fixture
def corpus():
    return EncodedCorpus.from_iter(
        [["the", "naïve", "the"], ["爱", "the", "new york"], ["rare"]] * 3 + [["once"]], min_count=2
    )


@pytest.mark.parametrize("mmap", [False, True])
def test_save_and_load(corpus, tmp_path, mmap):
    path = tmp_path / "c.safetensors"
    corpus.save(path)
    again = EncodedCorpus.load(path, mmap=mmap)
    assert content(again) == content(corpus) and again.vocab == corpus.vocab
    assert (again.vocab.raw_types, again.vocab.raw_tokens) == (
        corpus.vocab.raw_types,
        corpus.vocab.raw_tokens,
    )
    assert (again.raw_tokens, again.invalid_bytes_replaced) == (corpus.raw_tokens, 0)
    assert again.tokens.flags.writeable is not mmap and type(again.tokens) is np.ndarray
    again.save(tmp_path / "d")
    assert (tmp_path / "d").read_bytes() == path.read_bytes()


def test_the_library_reads_our_files(corpus, tmp_path):
    corpus.save(tmp_path / "c")
    with safe_open(tmp_path / "c", "np") as file:
        assert sorted(file.keys()) == ["counts", "offsets", "tokens", "word_offsets", "words"]
        assert file.metadata()["raw_types"] == "6" and file.metadata()["format"] == "fastsg-corpus"
        assert (file.get_tensor("tokens") == corpus.tokens).all() and (
            file.get_tensor("offsets") == corpus.offsets
        ).all()
        assert file.get_tensor("words").tobytes() == "".join(corpus.vocab.words).encode()


def test_mutants_load_or_are_refused(corpus, tmp_path, rng):
    path = tmp_path / "c"
    corpus.save(path)
    good = path.read_bytes()
    for turn in range(1500):
        data = bytearray(good)
        region = len(data) if turn % 2 else 700
        for at in rng.integers(0, region, rng.integers(0, 4)):
            data[at] = rng.integers(0, 256)
        path.write_bytes(data[: rng.integers(0, len(data))] if turn % 5 == 0 else data)
        for mmap in (False, True):
            try:
                EncodedCorpus.load(path, mmap=mmap)
            except FormatError as exc:
                assert "c' is no encoded corpus of fastsg: " in str(exc)


def reseal(good, change):
    """The file with another header, everything behind it as it was."""
    length = int.from_bytes(good[:8], "little")
    header = json.loads(good[8 : 8 + length])
    header = change(header) or header
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + good[8 + length :]


def setter(tensor, key, value):
    return lambda header: header[tensor].__setitem__(key, value)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda h: h.pop("tokens") and None, "it holds"),
        (lambda h: h.__setitem__("extra", h["tokens"]), "it holds"),
        (lambda h: h["__metadata__"].__setitem__("format", "other"), "does not say format="),
        (lambda h: h["__metadata__"].__setitem__("format_version", "2"), "its version is '2'"),
        (lambda h: h["__metadata__"].__setitem__("raw_types", "-1"), "its header has raw_types='-1'"),
        (lambda h: h["__metadata__"].pop("raw_tokens") and None, "its header has raw_tokens=None"),
        (lambda h: h["__metadata__"].__setitem__("raw_types", "1"), "are below"),
        (lambda h: h.pop("__metadata__") and None, "does not say format="),
        (setter("tokens", "dtype", "F32"), "do not agree"),
        (setter("tokens", "shape", [2**62]), "do not agree"),
        (setter("tokens", "shape", [-1]), "do not agree"),
        (setter("tokens", "shape", [7, 1]), "describes tokens in an unknown way"),
        (setter("tokens", "shape", 7), "in an unknown way"),
        (setter("tokens", "more", 7), "in an unknown way"),
        (setter("tokens", "data_offsets", [0, 2**63]), "do not agree"),
        (lambda h: b"[" * 100_000, "its header is not valid"),
        (lambda h: b"[1]", "does not say format="),
        (lambda h: b'{"a":1,"a":2}', "a key occurs twice"),
        (lambda h: b"\xff{}", "its header is not valid"),
    ],
)
def test_lying_headers(corpus, tmp_path, change, message):
    corpus.save(tmp_path / "c")
    (tmp_path / "c").write_bytes(reseal((tmp_path / "c").read_bytes(), change))
    with pytest.raises(FormatError, match=message):
        EncodedCorpus.load(tmp_path / "c")


def test_load_refuses_other_files(tmp_path, write):
    for data in (
        b"",
        b"\x80\x04\x95\x0b pickle of something",
        b"the of and\n" * 50,
        b"\xff" * 100,
        (2**63).to_bytes(8, "little"),
    ):
        with pytest.raises(FormatError, match="a.txt' is no encoded corpus"):
            EncodedCorpus.load(write(data))
    with pytest.raises(FileNotFoundError):
        EncodedCorpus.load(tmp_path / "missing")
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(FormatError, match="no regular file"):
        EncodedCorpus.load(tmp_path / "fifo")
    with pytest.raises(IsADirectoryError):
        EncodedCorpus.load(tmp_path)


def test_trailing_bytes_are_refused(corpus, tmp_path):
    corpus.save(tmp_path / "c")
    with open(tmp_path / "c", "ab") as file:
        file.write(b"x")
    with pytest.raises(FormatError, match="its header describes"):
        EncodedCorpus.load(tmp_path / "c")


# ---- behaviour of the process ----


def test_progress_bar(write, capsys):
    path = write("the of and\n" * 100)
    EncodedCorpus.from_files(path, progress=True)
    assert "reading" in capsys.readouterr().err
    EncodedCorpus.from_iter([["a"] * 5], progress=True)
    assert "sentences" in capsys.readouterr().err
    EncodedCorpus.from_files(path)
    EncodedCorpus.from_files(path, progress=False)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("workers", [1, 2])
def test_interrupt(workers):
    """Ctrl-C while standard input is silent, and while there is much to do."""
    code = f"""
import sys
from fastsg.text.corpus import EncodedCorpus
print("ready", flush=True)
try:
    EncodedCorpus.from_files("-", workers={workers})
except KeyboardInterrupt:
    print("stopped")
"""
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert child.stdout.readline() == b"ready\n"
        child.stdin.write(b"the of and\n" * 300_000)
        child.stdin.flush()
        start = time.perf_counter()
        child.send_signal(signal.SIGINT)
        assert child.wait(timeout=20) == 0
        assert time.perf_counter() - start < 5
        assert child.stdout.read() == b"stopped\n"
    finally:
        child.kill()
        child.communicate()


def test_two_readers_at_once(write, rng):
    paths = [write(" ".join(f"w{k}" for k in rng.integers(0, 500, 20_000)), str(i)) for i in range(2)]
    alone = [content(EncodedCorpus.from_files(path)) for path in paths]
    together = [None, None]

    def read(i):
        together[i] = content(EncodedCorpus.from_files(paths[i], workers=2, _block_bytes=1000))

    threads = [threading.Thread(target=read, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone


MEMORY = """
import os, resource, sys
import numpy as np
from fastsg.text.corpus import EncodedCorpus
EncodedCorpus.from_iter([["a"] * 5])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
corpus = EncodedCorpus.from_files(sys.argv[1], workers=2)
grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
print(grown - corpus.tokens.nbytes - corpus.offsets.nbytes)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ru_maxrss is in KiB on Linux")
@pytest.mark.parametrize("space", [" ", "\n"], ids=["one line", "a word a line"])
def test_memory_is_tokens_once(tmp_path, space):
    """60 MB of text: tokens and offsets once, little vocabulary, and at most 64 MB."""
    path = tmp_path / "big"
    path.write_bytes(space.join(f"word{i % 5000}" for i in range(500_000)).encode() * 12)
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(path)], capture_output=True, text=True, timeout=120, check=False
    )
    assert int(done.stdout) < 64 << 20, done.stderr


# ---- corpora ----

EXPECTED_ERRORS = {
    "corpus_empty.txt": "there are no tokens",
    "corpus_blank_lines.txt": "there are no tokens",
    "corpus_one_word.txt": "fewer than min_count=5",
    "corpus_all_rare.txt": "of 5000 different words the commonest occurs 1 times, fewer than min_count=5",
    "corpus_long_token.txt": "the word at byte offset 0 is longer than max_word_bytes=4096",
}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """Runs the script that writes broken files; skipped where it is absent."""
    from conftest import DATA, NO_DATA

    script = DATA / "hostile" / "make_hostile.py"
    if not script.is_file():
        pytest.skip(NO_DATA)
    folder = tmp_path_factory.mktemp("hostile") / "x"
    folder.mkdir()
    copy = folder / script.name
    copy.write_bytes(script.read_bytes())
    spec = importlib.util.spec_from_file_location("make_hostile", copy)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    return folder / "made"


def test_hostile_corpora(hostile):
    paths = sorted(hostile.glob("corpus_*"))
    assert len(paths) == 16
    for path in paths:
        for workers, block_bytes in ((1, 1 << 20), (3, 100)):
            options = {"workers": workers, "_block_bytes": block_bytes}
            if path.name in EXPECTED_ERRORS:
                with pytest.raises(ValueError, match=EXPECTED_ERRORS[path.name]):
                    EncodedCorpus.from_files(path, **options)
                continue
            sentences = [line.split() for line in oracle_lines(path.read_bytes(), "replace")]
            corpus = EncodedCorpus.from_files(path, **options)
            assert content(corpus) == oracle(sentences, 5), path.name


def test_hostile_details(hostile):
    def words(name, **options):
        return EncodedCorpus.from_files(hostile / name, **options).vocab.words

    assert words("corpus_bom.txt") == ["and", "of", "the"]
    assert "\u200b" in words("corpus_zero_width.txt") and "\ufeff" in words("corpus_zero_width.txt")
    assert words("corpus_ideographic_space.txt") == ["北京", "天安门", "我", "爱"]
    assert "</s>" in words("corpus_special_tokens.txt")
    assert "x" * 1_000_000 in words("corpus_long_token.txt", max_word_bytes=1_000_000, min_count=1)
    with pytest.raises(ValueError, match=r"invalid UTF-8 at byte offset 3 \(bytes e9\)"):
        words("corpus_bad_utf8.txt", errors="strict")
    with pytest.raises(ValueError, match=r"invalid UTF-8 at byte offset 40003 \(bytes c3\)"):
        words("corpus_trunc_utf8.txt", errors="strict")
    for other in ("trunc.txt.gz", "txt_named_gz.txt.gz"):
        with pytest.raises(OSError, match=other):
            words(other)
    with pytest.raises(ValueError, match="holds gz data"):
        words("gz_named_txt.txt")


def test_known_counts_wikitext2(data):
    path = data / "corpora_en" / "wikitext2.train.txt.xz"
    corpus = EncodedCorpus.from_files(path)
    assert (corpus.raw_tokens, corpus.vocab.raw_types, len(corpus.vocab)) == (2_051_910, 33_277, 23_379)
    with lzma.open(path, "rt", encoding="utf-8") as file:
        assert content(corpus) == oracle([line.split() for line in file.read().split("\n")], 5)


def test_known_counts_poems(data):
    corpus = EncodedCorpus.from_files(data / "corpora_zh" / "poems_tang.chars.xz", min_count=1)
    assert (corpus.raw_tokens, len(corpus.vocab)) == (3_667_171, 9_168)
    assert (corpus.vocab.counts >= 5).sum() == 6_047


@pytest.mark.skipif("not __import__('os').environ.get('FASTSG_SLOW')", reason="set FASTSG_SLOW=1")
@pytest.mark.parametrize(
    "name, expected",
    [
        ("corpora_en/enwiki15a.text8fmt.xz", (16_908_100, 221_303, 67_965)),
        ("corpora_zh/zhwiki16a.seg.xz", (11_970_563, 405_867, 102_014)),
    ],
)
def test_known_counts_of_large_corpora(data, name, expected):
    corpus = EncodedCorpus.from_files(data / name)
    assert (corpus.raw_tokens, corpus.vocab.raw_types, len(corpus.vocab)) == expected
