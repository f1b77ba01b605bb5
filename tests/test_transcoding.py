"""Texts in other encodings, and in lower case: what Python's own decode, replace and lower make of them."""

import gzip
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from texts import HOSTILE_BYTES, TEXT, content, oracle

from fastsg import EncodedCorpus
from fastsg.text import transcoding
from fastsg.text.transcoding import Transcoding

CHINESE = "春眠 不觉晓\n处处闻啼鸟\n夜来 风雨声\n花落 知多少\n𠮷野家\n" * 30


def read_all(data, encoding="utf-8", errors="replace", lower=False, chunk=7):
    """What a reader makes of bytes that come a few at a time, and how many places were invalid."""
    wanted = Transcoding(encoding, errors, lower)
    source = io.BytesIO(data[3:])
    reader = wanted.reader(data[:3], lambda room: source.readinto(memoryview(room)[:chunk]), "x")
    return reader.readall(), wanted.invalid


@given(TEXT, st.sampled_from(["utf-8", "utf-16", "utf-32-le", "gb18030", "utf-7"]), st.integers(1, 20))
def test_every_text_comes_through(text, encoding, chunk):
    assert read_all(text.encode(encoding), encoding, chunk=chunk) == (text.encode(), 0)


@given(HOSTILE_BYTES, st.sampled_from(["utf-8", "gb18030", "shift_jis", "ascii"]), st.integers(1, 20))
@example(b"a\xffb\x81", "gb18030", 1)
def test_what_is_no_text_is_replaced_left_out_or_refused(data, encoding, chunk):
    """As bytes.decode does, except that a U+FFFD in the text itself is not counted."""
    for errors in ("replace", "ignore"):
        found, invalid = read_all(data, encoding, errors, chunk=chunk)
        assert found.decode() == data.decode(encoding, errors)
    replaced = data.decode(encoding, "backslashreplace").replace("\ufffd", "")
    assert bool(invalid) == (replaced != data.decode(encoding, "replace").replace("\ufffd", ""))
    try:
        data.decode(encoding)
    except UnicodeDecodeError as error:
        with pytest.raises(ValueError, match=rf"'x': invalid {encoding} at byte offset {error.start} "):
            read_all(data, encoding, "strict", chunk=chunk)
    else:
        assert read_all(data, encoding, "strict", chunk=chunk)[0].decode() == data.decode(encoding)


@given(st.text(st.sampled_from("aAΣσς ßẞİI\n.'"), max_size=80), st.integers(1, 20))
def test_lower_case_does_not_depend_on_what_is_read_at_once(text, chunk):
    """A sigma is lower case in two ways, at the end of a word and within."""
    assert read_all(text.encode(), lower=True, chunk=chunk)[0].decode() == text.lower()


def test_control_lower_case_in_pieces_is_another(monkeypatch):
    monkeypatch.setattr(transcoding, "_LONGEST_TAIL", 0)
    assert read_all("ΑΣ Α".encode(), lower=True, chunk=1)[0].decode() != "ΑΣ Α".lower()


@pytest.mark.parametrize(
    "encoding", ["gb18030", "GBK", "utf-16", "utf-16-be", "UTF-8", "utf-8-sig", "big5hkscs"]
)
@pytest.mark.parametrize("tokenizer", ["space", "char", str.split])
def test_a_corpus_is_that_of_the_text_in_utf8(tmp_path, encoding, tokenizer):
    text = CHINESE if encoding not in ("GBK", "big5hkscs") else "中文 你好\n人 中文\n" * 9
    (tmp_path / "plain").write_text(text, encoding="utf-8", newline="")
    (tmp_path / "coded.gz").write_bytes(gzip.compress(text.encode(encoding)))
    options = {"tokenizer": tokenizer, "min_count": 1}
    plain = EncodedCorpus.from_files(tmp_path / "plain", **options)
    for block_bytes in (1 << 20, 50):
        coded = EncodedCorpus.from_files(
            tmp_path / "coded.gz", encoding=encoding, _block_bytes=block_bytes, **options
        )
        assert content(coded) == content(plain) and coded.invalid_bytes_replaced == 0


def test_lower_case_of_a_corpus(tmp_path):
    text = "The CAT\nthe Cat ΟΔΟΣ\n"
    (tmp_path / "a").write_text(text, encoding="utf-8")
    corpus = EncodedCorpus.from_files(tmp_path / "a", min_count=1, lower=True)
    assert content(corpus)[:2] == oracle([line.lower().split() for line in text.splitlines()])[:2]


def test_invalid_bytes_are_counted_and_logged(tmp_path, caplog):
    (tmp_path / "a").write_bytes("好 人\n".encode("gb18030") + b"a\xff b\n")
    corpus = EncodedCorpus.from_files(tmp_path / "a", encoding="gb18030", min_count=1)
    assert corpus.invalid_bytes_replaced == 1 and set(corpus.vocab.words) == {"好", "人", "a\ufffd", "b"}
    assert "1 invalid gb18030 sequences were replaced" in caplog.text


@pytest.mark.parametrize("encoding", ["nonsense", "base64", "rot13", "", None, 5, "hex"])
def test_unknown_encodings(tmp_path, encoding):
    with pytest.raises(ValueError, match=r"encoding is .*, which Python does not know"):
        EncodedCorpus.from_files(tmp_path / "missing", encoding=encoding)


def test_compressed_data_without_the_suffix_are_refused_before_they_are_decoded(tmp_path):
    (tmp_path / "a").write_bytes(gzip.compress(b"text"))
    with pytest.raises(ValueError, match="holds gz data"):
        EncodedCorpus.from_files(tmp_path / "a", encoding="latin-1")


def test_a_byte_order_mark_is_left_out_once(tmp_path):
    (tmp_path / "a").write_bytes("\ufeff\ufeffa b".encode())
    words = [
        EncodedCorpus.from_files(tmp_path / "a", min_count=1, lower=lower).vocab.words
        for lower in (False, True)
    ]
    assert words[0] == words[1] == ["b", "\ufeffa"]
