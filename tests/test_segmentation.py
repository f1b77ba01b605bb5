"""Text without spaces between its words is noticed; other text is not."""

import importlib.util
import lzma

import pytest

from fastsg import EncodedCorpus
from fastsg.text import line_tokenizer
from fastsg.text.segmentation import unsegmented

POEM = "春眠不觉晓，处处闻啼鸟。\n夜来风雨声，花落知多少。\n" * 3
HINT = "without spaces between the words"

needs_rjieba = pytest.mark.skipif(not importlib.util.find_spec("rjieba"), reason="needs rjieba")


@pytest.mark.parametrize(
    "text, found",
    [
        (POEM, True),
        (POEM.replace("，", "\n").replace("。", ""), True),
        ("吾輩は猫である。名前はまだ無い。\n" * 4, True),
        (POEM + "一些 英文 and English words\n", True),
        ("春眠 不觉晓 处处 闻 啼鸟\n" * 9, False),
        (" ".join(POEM), False),
        ("春眠\n不觉\n处处\n啼鸟\n" * 9, False),
        ("thecatsatonthemat\n" * 9, False),
        ("the cat sat on 春眠不觉晓\n" * 9, False),
        ("고양이는매트위에앉았다 그리고\n" * 9, False),
        ("", False),
        ("春眠不觉晓", False),
        ("\n \n\u3000\n", False),
    ],
)
def test_what_is_unsegmented(text, found):
    assert unsegmented(text) is found


def test_one_hint_for_each_such_file(tmp_path, caplog):
    (tmp_path / "a").write_text(POEM * 9, encoding="utf-8")
    (tmp_path / "b").write_text("the cat sat\n" * 99, encoding="utf-8")
    EncodedCorpus.from_files([tmp_path / "a", tmp_path / "b"], min_count=1, _block_bytes=100)
    (record,) = [record.message for record in caplog.records if HINT in record.message]
    assert str(tmp_path / "a") in record and "'char' and 'rjieba'" in record
    caplog.clear()
    EncodedCorpus.from_files(tmp_path / "a", min_count=1, tokenizer="char")
    assert HINT not in caplog.text


def test_real_texts(data):
    """None of the corpora is unsegmented; without its spaces the Chinese one is."""
    for path in [*data.glob("corpora_*/*.xz"), *data.glob("samples/*.xz")]:
        with lzma.open(path, "rt", encoding="utf-8", errors="replace") as file:
            text = file.read(20_000)
        assert not unsegmented(text), path
        if "seg" in path.name:
            assert unsegmented(text.replace(" ", ""))


@needs_rjieba
def test_chinese_words(tmp_path):
    (tmp_path / "a").write_text("我来到北京清华大学 读书\n" * 3, encoding="utf-8")
    corpus = EncodedCorpus.from_files(tmp_path / "a", min_count=1, tokenizer="rjieba")
    assert {"北京", "清华大学"} <= set(corpus.vocab.words) and len(corpus) == 3
    assert not any(word.isspace() for word in corpus.vocab.words)


def test_a_package_that_is_missing(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "rjieba", None)
    with pytest.raises(ImportError, match="needs the package rjieba: pip install rjieba"):
        line_tokenizer("rjieba")
    with pytest.raises(ValueError, match="'char', 'rjieba'"):
        line_tokenizer("jieba")
