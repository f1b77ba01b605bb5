"""fastsg word2vec: the flags of word2vec.c mean what they mean there, or are refused, or noted."""

import shlex

import numpy as np
import pytest
from commands import TEXT, fails, run

from fastsg import SkipGram, Vocab
from fastsg.cli import main, parse
from fastsg.cli.word2vec import translation
from fastsg.io.word2vec import load_word2vec

#: The first demonstration that comes with word2vec.c, with its -cbow 1 made 0 and fewer passes.
DEMO = (
    "-train text8 -output vectors.bin -cbow 0 -size 200 -window 8 -negative 25 -hs 0 -sample 1e-4 "
    "-threads 20 -binary 1 -iter 2"
)


@pytest.fixture(autouse=True)
def text(tmp_path, monkeypatch):
    """Every test works in a folder of its own, in which there is text8."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text8").write_text(TEXT)
    return tmp_path / "text8"


def test_the_demonstration_is_a_training_of_ours(text, capsys):
    run(capsys, f"word2vec {DEMO}")
    model = SkipGram(corpus_file=text, vector_size=200, window=8, sample=1e-4, epochs=2)
    words, I = load_word2vec("vectors.bin", binary=True)
    assert words == model.vocab.words and np.array_equal(I, model.I)


def test_what_is_ignored_is_said(capsys):
    assert main(shlex.split(f"word2vec {DEMO} -alpha 0.05")) == 0
    err = capsys.readouterr().err
    assert "note: -negative 25 is ignored" in err and "note: -alpha 0.05 is ignored" in err
    assert main(shlex.split("word2vec -train text8 -output v -iter 1 -size 4")) == 0
    assert "without -cbow word2vec.c trains CBOW" in capsys.readouterr().err
    assert main(shlex.split("word2vec -train text8 -output v -iter 1 -size 4 -negative 5 -debug 0")) == 0
    assert capsys.readouterr() == ("", "")


def test_defaults_are_those_of_word2vec():
    args = translation(parse(shlex.split("word2vec -train text8 -output v.bin")))
    assert (args.vector_size, args.window, args.sample, args.min_count, args.epochs) == (100, 5, 1e-3, 5, 5)
    assert args.operands == ["text8"] and args.format == "text" and args.shrink_windows is True
    assert args.workers is None and not args.quiet
    args = translation(parse(shlex.split("word2vec -train=-x -output=-v -threads 1 -min_count 2 -debug 0")))
    assert (args.operands, args.output, args.workers, args.min_count) == (["-x"], "-v", 1, 2) and args.quiet


def test_binary_is_what_the_flag_says_not_the_name(capsys):
    run(capsys, "word2vec -train text8 -output v.bin -cbow 0 -iter 1 -size 4")
    assert load_word2vec("v.bin", binary=False)[1].shape[1] == 4


def test_vocabularies(capsys, tmp_path):
    run(capsys, "word2vec -train text8 -save-vocab words -min-count 50")
    assert sorted(Vocab.load("words").words) == ["a", "cat", "dog", "eats", "the"]
    assert [path.name for path in tmp_path.iterdir() if path.name not in ("text8", "words")] == []
    run(capsys, "word2vec -train text8 -output v -read-vocab words -save-vocab again -iter 1 -cbow 0 -size 4")
    assert load_word2vec("v")[0] == Vocab.load("words").words == Vocab.load("again").words


@pytest.mark.parametrize(
    "flags, says",
    [
        ("-output v -cbow 1", "-cbow 1 is the bag-of-words model"),
        ("-output v -hs 1", "-hs 1 is the hierarchical softmax"),
        ("-output v -classes 500", "-classes 500 asks for clusters"),
        ("", "there is no output: give -output"),
        ("-output no/such/v", "--output"),
        ("-output text8", "same file"),
        ("-output v -iter 0", "epochs is 0"),
        ("-output v -threads 0", "workers"),
        ("-output v -size -1", "vector_size is -1"),
    ],
)
def test_what_is_refused(text, capsys, flags, says):
    before = text.read_bytes()
    assert says in fails(capsys, f"word2vec -train text8 {flags}")
    assert text.read_bytes() == before


@pytest.mark.parametrize("flags", ["", "-output v", "--train t", "-train t -nosuch 1", "-train t -binary 2"])
def test_usage_errors_exit_2(flags):
    with pytest.raises(SystemExit) as stop:
        main(["word2vec", *flags.split()])
    assert stop.value.code == 2
