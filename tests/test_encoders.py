"""Texts to ids against Python's own split, decode, Counter and sort: any text, bytes and form of input."""

import bz2
import gzip
import logging
import lzma
import os
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
from conftest import examples
from hypothesis import example, given, settings
from hypothesis import strategies as st
from texts import HOSTILE_BYTES, TEXT, content, oracle, oracle_lines, writer

from fastsg.system.growing_array import GrowingArray
from fastsg.text import encoders
from fastsg.text.corpus import EncodedCorpus
from fastsg.text.encoders import SentenceEncoder
from fastsg.text.ids import final_ids
from fastsg.text.vocab import Vocab


@pytest.fixture
def write(tmp_path):
    return writer(tmp_path)


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


@settings(max_examples=examples(300), deadline=None)
@given(TEXT, st.sampled_from([1, 2, 5, 64, 1 << 20]), st.sampled_from([1, 2, 3, 7]))
@example("a b", 1, 1)
@example("\ufeffa b\r\nc", 64, 2)
@example("\ufeff\ufeffa", 64, 1)
def test_words_of_any_text(scratch, text, block_bytes, workers):
    data = text.encode()
    sentences = [line.split() for line in oracle_lines(data)]
    check_file(scratch, data, sentences, workers=workers, _block_bytes=block_bytes)


@settings(max_examples=examples(300), deadline=None)
@given(TEXT, st.sampled_from([1, 2, 5, 64, 1 << 20]), st.sampled_from([1, 2, 3, 7]))
def test_characters_of_any_text(scratch, text, block_bytes, workers):
    data = text.encode()
    sentences = [[c for c in line if not c.isspace()] for line in oracle_lines(data)]
    check_file(scratch, data, sentences, tokenizer="char", workers=workers, _block_bytes=block_bytes)


@settings(max_examples=examples(100), deadline=None)
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


@settings(max_examples=examples(300), deadline=None)
@given(
    HOSTILE_BYTES,
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


@settings(max_examples=examples(200), deadline=None)
@given(
    HOSTILE_BYTES,
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


@settings(max_examples=examples(100), deadline=None)
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


def test_many_types_and_long_words(write, rng):
    """Tables and arenas grow, in every worker."""
    words = [f"{'long' * (k % 12)}{k}" for k in rng.integers(0, 60_000, 200_000)]
    path = write(" ".join(words))
    assert content(EncodedCorpus.from_files(path, min_count=2, workers=3, _block_bytes=20_000)) == oracle(
        [words], 2
    )


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
    with pytest.raises(OSError, match=r"truncated.*cut\.gz"):
        EncodedCorpus.from_files(path)


def run(code, **options):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, timeout=60, check=False, **options
    )


def test_standard_input():
    code = "from fastsg import EncodedCorpus; print(list(EncodedCorpus.from_files('-', min_count=1)))"
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


def test_more_sentences_than_a_chunk():
    sentences = [[f"w{i % 5}"] * (i % 4) for i in range(100)]
    encoder = SentenceEncoder(chunk=7)
    encoder.add(sentences)
    assert len(encoder.segments) > 10
    assert content(EncodedCorpus(*final_ids(encoder, None, 1, None, "sentences"))) == oracle(sentences)


def test_arrays_grow(write, monkeypatch):
    monkeypatch.setattr(encoders, "GrowingArray", partial(GrowingArray, room=16, step=16))
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
        ([["a"], ["b", 3.0]], TypeError, "sentence 1: tokens must be str or integers, got 3.0 of type float"),
        (
            [["1"], ["b", True]],
            TypeError,
            "sentence 1: tokens must be str or integers, got True of type bool",
        ),
        ([[1], [1.0]], TypeError, "sentence 1: tokens must be str or integers, got 1.0 of type float"),
        ([["a"], b"b c"], TypeError, "sentence 1 is a bytes, not a list of tokens"),
        ([["a"], [["b"]]], TypeError, "sentence 1: "),
        ([["a"], None], TypeError, "sentence 1 is None, a NoneType, not a list of tokens"),
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
        ({"max_word_bytes": 0}, ValueError, "max_word_bytes is 0; it must be at least 1"),
        ({"max_word_bytes": True}, TypeError, "max_word_bytes is True"),
        ({"workers": 0}, ValueError, "workers is 0"),
        ({"tokenizer": "words"}, ValueError, "tokenizer is 'words'"),
        ({"tokenizer": 3}, TypeError, "tokenizer must be"),
        ({"vocab": ["a"]}, TypeError, "vocab is a list; it must be None or a Vocab"),
        ({"min_count": 0}, ValueError, "min_count is 0"),
        ({"max_final_vocab": 0}, ValueError, "max_final_vocab is 0"),
        ({"min_count": 3}, ValueError, "the commonest occurs 2 times, fewer than min_count=3"),
        ({"vocab": Vocab(["z"], [1])}, ValueError, "none of the 3 tokens in .* is in the vocabulary"),
        ({"tokenizer": lambda line: line}, TypeError, "sentence 0 is a str"),
        ({"tokenizer": lambda line: [1.5]}, TypeError, "sentence 0: tokens must be str"),
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
    with pytest.raises(ValueError, match=r"there are no tokens in '.*a\.txt'"):
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
    """A long word (its bytes in the file count, whatever is left of them), and an invalid byte."""
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
        assert "if it is not UTF-8, give its encoding" in caplog.text
        EncodedCorpus.from_files(path, errors="ignore")
        assert "30 invalid UTF-8 sequences were left out in" in caplog.text
        caplog.clear()
        EncodedCorpus.from_files(write("café " * 5))
        assert not caplog.records
