"""Bytes that are no UTF-8: what is said, and the guess at their encoding."""

import gzip
import os

import pytest

from fastsg import EncodedCorpus
from fastsg.text.invalid import guessed_encoding

SIMPLIFIED = "　　我们昨天去了北京的公园，看见了很多人。\n"
TRADITIONAL = "我們昨天去了臺北的公園，看見了很多人。\n"
GUESS = "it seems to be gb18030, give its encoding"


@pytest.mark.parametrize(
    "text, encoding, found",
    [
        (SIMPLIFIED, "gb18030", "gb18030"),
        (SIMPLIFIED, "gb2312", "gb18030"),
        (TRADITIONAL, "gbk", "gb18030"),
        (SIMPLIFIED.replace("，", " ") * 5000, "gb18030", "gb18030"),  # longer than what is looked at
        (TRADITIONAL, "big5hkscs", None),
        ("吾輩は猫である。名前はまだ無い。\n" * 9, "euc-jp", None),
        ("吾輩は猫である。名前はまだ無い。\n" * 9, "shift_jis", None),
        ("우리는 어제 공원에 갔다, 사람이 많았다.\n" * 9, "euc-kr", None),
        ("Вчера мы были в парке, там было много людей.\n" * 9, "koi8-r", None),
        ("Вчера мы были в парке, там было много людей.\n" * 9, "cp1251", None),
        ("Gestern waren wir im größten Park, für Süßes.\n" * 9, "latin-1", None),
        (SIMPLIFIED, "utf-16", "utf-16"),
        ("\ufeffplain\n", "utf-16-be", "utf-16"),
        (SIMPLIFIED, "utf-32", None),
        ("plain\n", "ascii", None),
        ("", "ascii", None),
    ],
)
def test_guesses(tmp_path, text, encoding, found):
    (tmp_path / "a").write_bytes(text.encode(encoding))
    (tmp_path / "a.gz").write_bytes(gzip.compress(text.encode(encoding)))
    assert guessed_encoding(str(tmp_path / "a")) == guessed_encoding(str(tmp_path / "a.gz")) == found


def test_what_can_be_read_only_once_is_left_alone(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    assert guessed_encoding(str(tmp_path / "fifo")) is guessed_encoding("-") is None


@pytest.mark.parametrize("tokenizer", ["space", "char", str.split])
def test_the_warning_names_the_encoding(tmp_path, caplog, tokenizer):
    (tmp_path / "a").write_bytes(SIMPLIFIED.encode("gb18030") * 5)
    EncodedCorpus.from_files(tmp_path / "a", tokenizer=tokenizer, min_count=1)
    assert GUESS in caplog.text and "invalid UTF-8 sequences were replaced by U+FFFD" in caplog.text


def test_control_utf8_with_a_broken_place_is_not_guessed(tmp_path, caplog):
    (tmp_path / "a").write_bytes(SIMPLIFIED.encode() * 5 + b"\xff\n")
    EncodedCorpus.from_files(tmp_path / "a", tokenizer="char", min_count=1)
    assert GUESS not in caplog.text and "if it is not UTF-8, give its encoding" in caplog.text
