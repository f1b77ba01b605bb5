"""fastsg vocab and encode, and what other commands make of encoded corpora, encodings and lower case."""

import importlib.util
import json
from collections import Counter

import pytest
from commands import TEXT, fails, python, run

from fastsg import CooccurrenceCounts, EncodedCorpus, Vocab
from fastsg.io.word2vec import load_word2vec

CHINESE = "春眠不觉晓，处处闻啼鸟。夜来风雨声，花落知多少。\n" * 20
SMALL = "--vector-size 8 --epochs 2 --quiet"


@pytest.fixture(autouse=True)
def text(tmp_path, monkeypatch):
    """Every test works in a folder of its own, in which there are text.txt, mixed.txt and chinese.txt."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text(TEXT + "the end\n")
    (tmp_path / "mixed.txt").write_text(TEXT.title() + TEXT + "The end\n")
    (tmp_path / "chinese.txt").write_bytes(CHINESE.encode("gb18030"))
    return tmp_path / "text.txt"


# ---- vocab -----------------------------------------------------------------------------------------------


def test_vocab_is_a_counter(text, capsys):
    out = run(capsys, "vocab text.txt -o v --min-count 1")
    want = Counter(text.read_text().split())
    words = Vocab.load("v")
    assert dict(zip(words.words, words.counts.tolist())) == want
    assert f"{len(want)} words, {want.total()} of {want.total()} tokens" in out
    assert run(capsys, "vocab text.txt -o v --quiet") == "" and "end" not in Vocab.load("v")
    printed = run(capsys, "vocab text.txt --max-vocab 2")
    assert printed == "".join(f"{word} {count}\n" for word, count in (("the", 81), ("a", 80)))


def test_vocab_of_given_words(tmp_path, capsys):
    (tmp_path / "given").write_text("dog 1\nunseen 99\nend 5\n")
    run(capsys, "vocab text.txt --read-vocab given --min-count 1 -o v --quiet")
    assert Vocab.load("v").words == ["dog", "end"]
    assert "min_count=500" in fails(capsys, "vocab text.txt --read-vocab given --min-count 500 -o w")
    assert not (tmp_path / "w").exists()


def test_vocab_of_an_encoded_corpus(capsys):
    run(capsys, "encode text.txt -o ids --min-count 2 --quiet")
    assert run(capsys, "vocab ids --min-count 50") == run(capsys, "vocab text.txt --min-count 50") != ""
    assert run(capsys, "vocab ids") == run(capsys, "vocab text.txt --min-count 2")


# ---- encode ----------------------------------------------------------------------------------------------


def test_encode_is_an_encoded_corpus(text, capsys):
    out = run(capsys, "encode text.txt -o ids")
    corpus, want = EncodedCorpus.load("ids"), EncodedCorpus.from_files(text)
    assert corpus.vocab == want.vocab and corpus.tokens.tobytes() == want.tokens.tobytes()
    assert (
        f"{len(want)} sentences, {want.n_tokens} of {want.raw_tokens} tokens, {len(want.vocab)} words" in out
    )


def test_train_and_count_take_it_in_place_of_the_text(tmp_path, capsys):
    run(capsys, "encode text.txt -o ids --quiet")
    run(capsys, f"train ids -o a.bin --report r --valid text.txt {SMALL}")
    run(capsys, f"train text.txt -o b.bin --valid text.txt {SMALL}")
    assert (tmp_path / "a.bin").read_bytes() == (tmp_path / "b.bin").read_bytes()
    assert json.loads((tmp_path / "r").read_text())["settings"]["min_count"] is None
    run(capsys, "count ids -o a --quiet")
    run(capsys, "count text.txt -o b --quiet")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    run(capsys, f"train --counts a -o c.bin --valid ids {SMALL}")
    assert (tmp_path / "a.bin").read_bytes() == (tmp_path / "c.bin").read_bytes()


def test_a_training_on_it_is_resumed(tmp_path, capsys):
    run(capsys, "encode text.txt -o ids --quiet")
    run(capsys, f"train ids --valid ids -o a.bin --checkpoint m {SMALL}")
    run(capsys, "train ids --valid ids -o b.bin --resume m.1 --quiet")
    assert (tmp_path / "a.bin").read_bytes() == (tmp_path / "b.bin").read_bytes()


@pytest.mark.parametrize(
    "line, says",
    [
        ("ids text.txt", "which must be the only input"),
        ("ids --min-count 2", "--min-count and the encoded corpus ids exclude each other"),
        ("ids --max-vocab 2", "--max-final-vocab and"),
        ("ids --tokenizer char", "--tokenizer and"),
        ("ids --encoding gb18030", "--encoding and"),
        ("ids --lower", "--lower and"),
        ("ids --read-vocab words", "--read-vocab and"),
        ("text.txt --valid ids --min-count 50", "another vocabulary"),
    ],
)
def test_what_excludes_it(tmp_path, capsys, line, says):
    run(capsys, "encode text.txt -o ids --quiet")
    run(capsys, "vocab text.txt -o words --quiet")
    assert says in fails(capsys, f"train {line} -o v.vec {SMALL}")
    assert not (tmp_path / "v.vec").exists()


def test_it_is_known_by_its_content(tmp_path, capsys):
    """Neither a name nor the first bytes make one; a damaged one is no text."""
    run(capsys, "encode text.txt -o ids --quiet")
    run(capsys, f"train text.txt --save-model model {SMALL}")
    data = (tmp_path / "ids").read_bytes()
    (tmp_path / "cut").write_bytes(data[:-9])
    assert "'cut' is no encoded corpus of fastsg" in fails(capsys, f"train cut -o v {SMALL}")
    (tmp_path / "text.ids").write_text(TEXT)
    run(capsys, f"train text.ids -o v {SMALL}")


# ---- encodings and lower case ----------------------------------------------------------------------------


def test_another_encoding_is_the_same_text(tmp_path, capsys):
    (tmp_path / "utf8.txt").write_text(CHINESE, encoding="utf-8")
    for command, file in (("vocab", "-o"), ("encode", "-o"), ("count", "-o"), (f"train {SMALL}", "-o")):
        run(capsys, f"{command} utf8.txt --tokenizer char {file} a.bin --quiet")
        run(capsys, f"{command} chinese.txt --encoding gb18030 --tokenizer char {file} b.bin --quiet")
        assert (tmp_path / "a.bin").read_bytes() == (tmp_path / "b.bin").read_bytes(), command


def test_standard_input_in_another_encoding(tmp_path, capsys):
    (tmp_path / "utf8.txt").write_text(CHINESE, encoding="utf-8")
    command = (
        "import sys, subprocess; sys.exit(subprocess.run([sys.executable, '-m', 'fastsg', 'vocab', '-', "
    )
    command += (
        "'--encoding', 'gb18030', '--tokenizer', 'char', '-o', 'b'], stdin=open('chinese.txt')).returncode)"
    )
    assert python("-c", command, folder=tmp_path).returncode == 0
    run(capsys, "vocab utf8.txt --tokenizer char -o a --quiet")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_lower_case_also_of_the_held_out_text_and_when_resumed(tmp_path, capsys):
    (tmp_path / "low.txt").write_text((tmp_path / "mixed.txt").read_text().lower())
    flags = f"--report r --checkpoint m {SMALL}"
    run(capsys, f"train low.txt --valid low.txt -o a.bin {flags}")
    want = json.loads((tmp_path / "r").read_text())["epochs"][-1]["valid_nll"]
    run(capsys, f"train mixed.txt --lower --valid mixed.txt -o b.bin {flags}")
    assert json.loads((tmp_path / "r").read_text())["epochs"][-1]["valid_nll"] == want
    run(capsys, "train mixed.txt --lower --valid mixed.txt -o c.bin --resume m.1 --quiet")
    a, b, c = ((tmp_path / f"{name}.bin").read_bytes() for name in "abc")
    assert a == b == c and "The" not in load_word2vec("c.bin")[0]
    run(capsys, "train mixed.txt --valid mixed.txt -o d.bin --resume m.1 --quiet")  # the checkpoint tells
    assert (tmp_path / "d.bin").read_bytes() == a
    settings = json.loads((tmp_path / "r").read_text())["settings"]
    assert (settings["lower"], settings["encoding"], settings["tokenizer"]) == (True, "utf-8", "space")
    run(capsys, f"train low.txt --valid low.txt -o a.bin {flags}")
    said = fails(capsys, "train mixed.txt --lower --valid mixed.txt -o e.bin --resume m.1 --quiet")
    assert "lower is True, but the texts of this model were read with lower=False" in said


@pytest.mark.parametrize("command", ["train", "count", "vocab", "encode"])
def test_unknown_encodings_and_invalid_bytes(tmp_path, capsys, command):
    assert "encoding is 'nonsense'" in fails(capsys, f"{command} text.txt -o v --encoding nonsense")
    (tmp_path / "bad.txt").write_bytes("好 人\n".encode("gb18030") * 5 + b"\xff\n")
    said = fails(capsys, f"{command} bad.txt -o v --encoding gb18030 --errors strict")
    assert "invalid gb18030 at byte offset 30 (bytes ff)" in said and not (tmp_path / "v").exists()


@pytest.mark.parametrize("command", ["train", "count", "vocab", "encode"])
def test_a_hint_at_unsegmented_text(tmp_path, command):
    line = ["-m", "fastsg", command, "chinese.txt", "--encoding", "gb18030", "-o", "v"]
    done = python(*line, folder=tmp_path)
    assert "fastsg: 'chinese.txt' seems to be Chinese" in done.stderr and "'rjieba'" in done.stderr
    done = python(*line, "--tokenizer", "char", folder=tmp_path)
    assert "seems" not in done.stderr and done.returncode == 0


@pytest.mark.skipif(not importlib.util.find_spec("rjieba"), reason="needs rjieba")
def test_chinese_words_in_every_command(capsys):
    flags = "chinese.txt --encoding gb18030 --tokenizer rjieba --quiet"
    run(capsys, f"vocab {flags} -o v")
    run(capsys, f"encode {flags} -o e")
    run(capsys, f"count {flags} -o c")
    run(capsys, f"train {flags} -o t.vec --vector-size 4 --save-model m")
    words = Vocab.load("v").words
    assert any(len(word) > 1 for word in words)
    assert EncodedCorpus.load("e").vocab.words == CooccurrenceCounts.load("c").vocab.words == words
    assert load_word2vec("t.vec")[0] == words


# ---- names that say compressed ---------------------------------------------------------------------------


def test_words_and_constants_are_compressed_by_suffix(capsys, tmp_path):
    """They were written as they are under such a name, which no other program could read."""
    files = "-o v.vec.gz --save-vocab words.gz --save-bias bias.gz --save-output o.vec"
    run(capsys, f"train text.txt {files} {SMALL}")
    packed = [tmp_path / name for name in ("v.vec.gz", "words.gz", "bias.gz")]
    assert all(path.read_bytes()[:2] == b"\x1f\x8b" for path in packed)
    assert "cat" in run(capsys, "predict v.vec.gz o.vec --bias bias.gz the")
    run(capsys, f"train text.txt --read-vocab words.gz -o again.vec {SMALL}")
    run(capsys, "convert again.vec counted.npz --read-vocab words.gz")
    run(capsys, "vocab text.txt -o plain")
    assert Vocab.load("plain") == Vocab.load("words.gz")
    (tmp_path / "words.gz").write_bytes((tmp_path / "plain").read_bytes())
    failed = fails(capsys, "train text.txt --read-vocab words.gz -o v.vec")
    assert "words.gz: named .gz, but holds no gzip data" in failed


@pytest.mark.parametrize(
    "line",
    [
        "encode text.txt -o f.gz",
        "count text.txt -o f.xz",
        "train text.txt --save-model f.bz2",
        "train text.txt --report f.json.gz",
        "train text.txt --json-log f.gz",
        "train text.txt --checkpoint f.gz",
    ],
)
def test_what_is_never_compressed_is_not_named_so(capsys, tmp_path, line):
    before = sorted(tmp_path.iterdir())
    assert "this file is not compressed by suffix; leave" in fails(capsys, line)
    assert sorted(tmp_path.iterdir()) == before
