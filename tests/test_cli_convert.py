"""fastsg convert, and vectors of every format in the other commands."""

import json
import os

import numpy as np
import pytest
from commands import TEXT, fails, run
from vector_files import fasttext_model, needs_pyarrow

from fastsg import Vocab, load
from fastsg.io import FORMATS, load_vectors

TRAIN = "train text.txt --quiet --vector-size 8 --min-count 1 --epochs 2 --batch-size 64"
FILES = ["v.vec", "v.bin.gz", "v.npz", "v.safetensors", "v.tsv", "v.fifu", "v.glove", "folder/"]
ARROW = [pytest.param(name, marks=needs_pyarrow) for name in ("v.parquet", "v.arrow")]


@pytest.fixture(autouse=True)
def text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")


@pytest.fixture
def model(capsys):
    run(capsys, f"{TRAIN} --save-model m --save-bias b")
    return load("m")


def test_a_model_of_fasttext_is_read(tmp_path, capsys):
    (tmp_path / "f.bin").write_bytes(fasttext_model((b"cat", b"dog")))
    assert run(capsys, "nn f.bin cat").splitlines()[1].split()[1] == "dog"
    assert "2 words x 2 coordinates" in run(capsys, "info f.bin")
    run(capsys, "convert f.bin v.vec")
    run(capsys, "convert f.bin o.vec --which output")
    assert run(capsys, "predict f.bin o.vec --bias none cat") == run(
        capsys, "predict v.vec o.vec --bias none cat"
    )


@pytest.mark.parametrize("file", [*FILES, *ARROW])
def test_train_writes_every_format_and_every_command_reads_it(file, capsys):
    run(capsys, f"{TRAIN} -o {file} --save-output o{file} --save-model m --save-bias b")
    model = load("m")
    words, matrix, counts = load_vectors(file)
    assert words == model.vocab.words and np.array_equal(matrix, model.I)
    assert counts is None or counts.tolist() == model.vocab.counts.tolist()
    near = run(capsys, f"nn {file} cat dog -k 2")
    assert near == run(capsys, "nn m cat dog -k 2") and near.splitlines()[0] == "cat"
    assert "8 words x 8 coordinates" in run(capsys, f"info {file}")
    likely = run(capsys, f"predict {file} o{file} --bias b cat -k 3")
    assert likely == run(capsys, "predict m cat -k 3")
    run(capsys, f"{TRAIN} -o {file}")  # replaces it
    assert not [name for name in os.listdir() if name.startswith(".")]


def test_convert(model, capsys):
    for file in FILES:
        out = run(capsys, f"convert m {file}")
        assert f"8 words x 8 coordinates: m (model) -> {file}" in out
        assert np.array_equal(load_vectors(file).matrix, model.I)
    run(capsys, "convert v.npz w.vec --quiet")
    assert load_vectors("w.vec").words == model.vocab.words
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("which", ["input", "output", "sum", "centered", "whitened", "concat"])
def test_which(model, which, capsys):
    run(capsys, f"convert m v.npz --which {which}")
    assert load_vectors("v.npz").matrix.shape == (8, 16 if which == "concat" else 8)
    if which == "output":
        assert np.array_equal(load_vectors("v.npz").matrix, model.O)


def test_counts(model, capsys):
    run(capsys, "convert m v.npz --save-vocab vocab --limit 5")
    vocab = Vocab.load("vocab")
    assert vocab.words == model.vocab.words[:5] and vocab.counts.tolist() == model.vocab.counts[:5].tolist()
    run(capsys, "convert v.npz v.vec")
    run(capsys, "convert v.vec w.npz --read-vocab vocab")
    assert load_vectors("w.npz").counts.tolist() == vocab.counts.tolist()
    run(capsys, "convert v.vec folder/ --read-vocab vocab --sif 1e-3")
    with open("folder/config.json") as file:
        assert json.load(file)["sif_coefficient"] == 1e-3
    assert "no counts" not in capsys.readouterr().err
    assert "--save-vocab needs counts" in fails(capsys, "convert v.vec x.npz --save-vocab f")
    assert "no count for 3 of 8 words" in fails(capsys, "convert m x.npz --read-vocab vocab")


def test_lost_counts_are_said(model, capsys):
    from fastsg.cli import main

    assert main(["convert", "m", "v.vec"]) == 0
    assert "holds no counts; --save-vocab F keeps them" in capsys.readouterr().err


def test_neighbors(model, capsys):
    pytest.importorskip("pyarrow")
    from pyarrow import parquet

    run(capsys, "convert m v.parquet --neighbors 3")
    rows = parquet.read_table("v.parquet")["neighbors"].to_pylist()
    expected = model.wv.most_similar("cat", topn=3)
    row = rows[model.vocab["cat"]]
    assert [model.vocab.words[i] for i in row["ids"]] == [word for word, _ in expected]
    assert row["distances"] == pytest.approx([1 - cosine for _, cosine in expected], abs=1e-6)


@pytest.mark.parametrize(
    "line, says",
    [
        ("convert m m", "same file"),
        ("convert m v.npy", "OUT: v.npy: .npy is not written"),
        ("convert m v.npz.gz", "not compressed by suffix"),
        ("convert m no/such/v.vec", "OUT"),
        ("convert m .", "OUT"),
        ("convert m text.txt/", "something else"),
        ("convert m -", "OUT is '-'"),
        ("convert nosuch v.vec", "nosuch"),
        ("convert text.txt v.npz", "text.txt: line 1"),
        ("convert m v.npz --limit 0", "limit is 0"),
        ("convert m v.npz --neighbors 2", "neighbors is for parquet and arrow"),
        ("convert m v.npz --neighbors 0", "--neighbors is 0"),
        ("convert m v.npz --sif 0.1", "sif is for model2vec"),
        ("convert m v.npz --from npz", "m: this is a safetensors file"),
        ("nn text.txt cat", "--format"),
    ],
)
def test_refused(line, says, model, capsys):
    before = sorted(os.listdir())
    assert says in fails(capsys, line)
    assert sorted(os.listdir()) == before


def test_usage_names_the_formats(capsys):
    from fastsg.cli import main

    for line in ("convert a b --format nosuch", "convert a b --from nosuch", "nn a b --format nosuch"):
        with pytest.raises(SystemExit):
            main(line.split())
        said = capsys.readouterr().err
        assert all(name in said for name in FORMATS if "--format" not in line or "convert" not in line)


# ---- predict ----


def test_predict_refuses_without_the_constants(capsys):
    run(capsys, f"{TRAIN} -o v.vec --save-output o.vec --save-model m")
    said = fails(capsys, "predict v.vec o.vec cat")
    assert "--bias F" in said and "--bias none" in said
    run(capsys, "predict v.vec o.vec --bias none cat")
    assert "name the output vectors" in fails(capsys, "predict v.vec")
    assert "has its own constants" in fails(capsys, "predict m cat --bias none")


def test_predict_on_a_model_sums_to_one(model, capsys):
    out = run(capsys, "predict m eats -k 100")
    assert sum(float(line.split()[0]) for line in out.splitlines()[1:]) == pytest.approx(1, abs=1e-3)


def test_without_constants_none_is_right(capsys):
    run(capsys, f"{TRAIN} --output-bias none --sample 0 -o v.vec --save-output o.vec --save-model m")
    assert run(capsys, "predict v.vec o.vec --bias none cat") == run(capsys, "predict m cat")


# ---- train ----


def test_formats_are_refused_before_the_text_is_read(capsys, monkeypatch):
    monkeypatch.setattr("fastsg.SkipGram.build_vocab", lambda *args, **kwargs: pytest.fail("a text was read"))
    assert "--output: v.npy: .npy is not written" in fails(capsys, f"{TRAIN} -o v.npy")
    assert "--save-output: v.h5" in fails(capsys, f"{TRAIN} -o v.vec --save-output v.h5")
    os.mkdir("folder")
    with open("folder/precious", "w"):
        pass
    assert "--output" in fails(capsys, f"{TRAIN} -o folder/") and os.listdir("folder") == ["precious"]


def test_words_with_spaces_fit_where_the_format_holds_them(capsys):
    with open("text.txt", "w") as file:
        file.write("the c\0t eats fish\n" * 40)
    assert "--output" in fails(capsys, f"{TRAIN} -o v.vec")
    run(capsys, f"{TRAIN} -o v.npz")
    assert "c\0t" in load_vectors("v.npz").words
