"""fastsg count, and fastsg train --counts on what it wrote: the same vectors as from the text, and what excludes what."""

import json
import subprocess
import sys

import numpy as np
import pytest

from fastsg import CooccurrenceCounts, EncodedCorpus, SkipGram, Vocab
from fastsg.cli.main import main, parse
from fastsg.io.word2vec import load_word2vec

SMALL = ["--vector-size", "8", "--epochs", "3", "--batch-size", "3", "--quiet"]


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(
        "the cat eats fish\nthe dog eats meat\na cat sees a dog\n" * 40 + "the end\n", encoding="utf-8"
    )
    return path


def run(capsys, *argv):
    """stdout of a command that must succeed."""
    assert main([str(part) for part in argv]) == 0, capsys.readouterr().err
    return capsys.readouterr().out


def fails(capsys, *argv):
    """The one line on stderr of a command that must fail."""
    assert main([str(part) for part in argv]) == 1
    err = capsys.readouterr().err
    lines = [line for line in err.splitlines() if line.startswith("fastsg: error")]
    assert len(lines) == 1 and "Traceback" not in err
    return lines[0]


# ---- counting --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "flags, options",
    [
        ([], {}),
        (["--window", "2,1", "--shrink-windows", "false"], {"window": (2, 1), "shrink_windows": False}),
        (["--ws", "none"], {"window": None}),
        (["-t", "0.05", "--draws", "2", "--seed", "7"], {"sample": 0.05, "draws": 2, "seed": 7}),
        (
            ["--sample", "0.05", "--draws", "0", "--shrink-windows", "harmonic"],
            {"sample": 0.05, "draws": 0, "shrink_windows": "harmonic"},
        ),
        (
            ["--sample", "0", "--memory-limit", "0", "--threads", "2", "--shrink-windows", "true"],
            {"shrink_windows": True},
        ),
    ],
    ids=str,
)
def test_flags_mean_what_for_training_means(text, tmp_path, capsys, flags, options):
    run(capsys, "count", text, "-o", tmp_path / "c", "--min-count", 2, "--quiet", *flags)
    corpus = EncodedCorpus.from_files(str(text), min_count=2)
    want = CooccurrenceCounts.for_training(corpus, **{"sample": 10 / len(corpus.vocab)} | options)
    got = CooccurrenceCounts.load(tmp_path / "c")
    assert got.vocab == corpus.vocab and "end" not in got.vocab
    assert (got.thinned is None) == (want.thinned is None) == ("sample" not in options)
    for name in ("row_ptr", "contexts", "counts"):
        assert getattr(got, name).tobytes() == getattr(want, name).tobytes()
        assert getattr(got.start, name).tobytes() == getattr(want.start, name).tobytes()


def test_vocabulary_flags(text, tmp_path, capsys):
    run(capsys, "count", text, "-o", tmp_path / "c", "--max-vocab", 3, "--quiet")
    assert CooccurrenceCounts.load(tmp_path / "c").K == 3
    Vocab(["dog", "cat", "unseen"], [9, 8, 1]).save(tmp_path / "vocab")
    run(capsys, "count", text, "-o", tmp_path / "c", "--read-vocab", tmp_path / "vocab", "--quiet")
    assert CooccurrenceCounts.load(tmp_path / "c").vocab.words == ["dog", "cat", "unseen"]
    (tmp_path / "zh").write_text("春眠不觉晓\n" * 9, encoding="utf-8")
    run(capsys, "count", tmp_path / "zh", "-o", tmp_path / "c", "--tokenizer", "char", "--quiet")
    assert set(CooccurrenceCounts.load(tmp_path / "c").vocab.words) == set("春眠不觉晓")


def test_summary(text, tmp_path, capsys):
    out = run(capsys, "count", text, "-o", tmp_path / "c", "--min-count", 2, "--sample", 0)
    counts = CooccurrenceCounts.load(tmp_path / "c")
    assert (
        f"{counts.K} words, 521 tokens, {counts.nnz} pairs of words, {counts.total:,.0f} pairs" in out
        and "seconds" in out
    )
    assert run(capsys, "count", text, "-o", tmp_path / "c", "--quiet") == ""


def test_standard_input(text, tmp_path, capsys):
    run(capsys, "count", text, "-o", tmp_path / "a", "--quiet")
    subprocess.run(
        [sys.executable, "-m", "fastsg", "count", "-", "-o", tmp_path / "b", "--quiet"],
        input=text.read_bytes(),
        check=True,
    )
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    "content, argv, says",
    [
        (None, [], "missing.txt"),
        ("", [], "no token"),
        ("a b c", [], "min_count=5"),
        ("a b a b", ["--min-count", "1", "--window", "0"], "window is 0"),
        ("a b a b", ["--min-count", "1", "--draws", "-1"], "draws is -1"),
        (
            "a b a b",
            ["--min-count", "1", "--window", "none", "--shrink-windows", "harmonic"],
            "shrink_windows is 'harmonic'",
        ),
        ("a b a b", ["--min-count", "1", "--sample", "-1"], "sample"),
        ("a b a b", ["--min-count", "1", "--workers", "0"], "workers"),
        ("a b", ["--min-count", "1", "--read-vocab", "nowhere"], "nowhere"),
        ("a\nb\n", ["--min-count", "1"], "no pairs"),
    ],
)
def test_bad_input_is_one_line(content, argv, says, tmp_path, capsys):
    path = tmp_path / "missing.txt"
    if content is not None:
        path.write_text(content)
    assert says in fails(capsys, "count", path, "-o", tmp_path / "c", "--quiet", *argv)
    assert not (tmp_path / "c").exists()


def test_unwritable_output_is_told_before_the_text_is_read(tmp_path, capsys):
    assert "--output" in fails(capsys, "count", tmp_path / "missing", "-o", tmp_path / "no" / "c")


def test_the_text_is_not_overwritten_by_its_counts(text, capsys):
    vocab = text.parent / "vocab"
    Vocab(["dog", "cat"], [9, 8]).save(vocab)
    for path in (text, vocab):
        before = path.read_bytes()
        said = fails(capsys, "count", text, "-o", path, "--read-vocab", vocab, "--quiet")
        assert "--output" in said and "same file" in said and path.read_bytes() == before


@pytest.mark.parametrize(
    "argv",
    [
        ["count"],
        ["count", "text"],
        ["count", "text", "-o", "c", "--window", "x"],
        ["count", "text", "-o", "c", "--draws", "few"],
        ["count", "text", "-o", "c", "--shrink-windows", "maybe"],
    ],
)
def test_usage_errors_exit_2(argv, capsys):
    with pytest.raises(SystemExit) as stop:
        main(argv)
    assert stop.value.code == 2


def test_defaults_are_those_of_train():
    count, train = parse(["count", "x", "-o", "c"]), parse(["train", "x"])
    for name in (
        "window",
        "shrink_windows",
        "min_count",
        "max_final_vocab",
        "sample",
        "draws",
        "seed",
        "tokenizer",
        "errors",
        "workers",
    ):
        assert getattr(count, name) == getattr(train, name), name


# ---- training on them ------------------------------------------------------------------------------------------------

COUNTED = [
    [],
    ["--sample", "0.05"],
    ["--sample", "0.05", "--draws", "0"],
    ["--window", "1,3", "--shrink-windows", "false"],
    ["--sample", "0"],
]
TRAINED = {
    "default": ([], {}),
    "no bias": (["--output-bias", "none"], {"output_bias": None}),
    "adagrad": (
        ["--optimizer", "adagrad", "--init", "random", "--vectors", "sum"],
        {"optimizer": "adagrad", "init": "random", "vectors": "sum"},
    ),
}


@pytest.mark.parametrize("trained", [flags for flags, _ in TRAINED.values()], ids=TRAINED)
@pytest.mark.parametrize("flags", COUNTED, ids=str)
def test_counts_give_the_vectors_of_the_text(text, tmp_path, capsys, flags, trained):
    """Byte for byte, the bias included: counts of a text know its words' frequencies."""
    run(capsys, "count", text, "-o", tmp_path / "c", "--min-count", 2, "--quiet", *flags)
    run(
        capsys,
        "train",
        "--counts",
        tmp_path / "c",
        "-o",
        tmp_path / "a.bin",
        "--save-output",
        tmp_path / "ao.bin",
        *SMALL,
        *trained,
    )
    run(
        capsys,
        "train",
        text,
        "-o",
        tmp_path / "b.bin",
        "--save-output",
        tmp_path / "bo.bin",
        "--min-count",
        2,
        *SMALL,
        *flags,
        *trained,
    )
    for a, b in (("a.bin", "b.bin"), ("ao.bin", "bo.bin")):
        (words, X), (same, Y) = load_word2vec(tmp_path / a), load_word2vec(tmp_path / b)
        assert words == same and X.tobytes() == Y.tobytes()


@pytest.mark.parametrize("trained, options", TRAINED.values(), ids=TRAINED)
def test_a_file_of_counts_is_fit_counts(text, tmp_path, capsys, trained, options):
    run(capsys, "count", text, "-o", tmp_path / "c", "--min-count", 2, "--sample", 0.05, "--quiet")
    run(
        capsys,
        "train",
        "--counts",
        tmp_path / "c",
        "-o",
        tmp_path / "v.bin",
        "--report",
        tmp_path / "r",
        "--json-log",
        tmp_path / "log",
        "--save-model",
        tmp_path / "m",
        *SMALL,
        *trained,
    )
    model = SkipGram(vector_size=8, epochs=3, batch_size=3, progress=False, **options).fit_counts(
        CooccurrenceCounts.load(tmp_path / "c")
    )
    words, X = load_word2vec(tmp_path / "v.bin")
    assert words == model.vocab.words and X.tobytes() == model.wv.vectors.tobytes()
    report = json.loads((tmp_path / "r").read_text())
    assert (
        len(report["epochs"]) == 3
        and report["vocabulary_size"] == len(words)
        and len((tmp_path / "log").read_text().splitlines()) == 3
    )
    assert SkipGram.load(tmp_path / "m").I.tobytes() == model.I.tobytes()


def test_held_out_text_beside_counts(text, tmp_path, capsys):
    run(capsys, "count", text, "-o", tmp_path / "c", "--min-count", 2, "--quiet")
    run(
        capsys,
        "train",
        "--counts",
        tmp_path / "c",
        "--valid",
        text,
        "--report",
        tmp_path / "r",
        "--patience",
        2,
        *SMALL,
    )
    report = json.loads((tmp_path / "r").read_text())
    assert 0 < report["epochs"][-1]["valid_nll"] < report["valid_unigram_nll"]


def test_the_report_tells_the_windows_of_the_counts(text, tmp_path, capsys):
    """And the held-out loss is about them, as if the text had been trained on."""
    flags = ["--window", 2, "--shrink-windows", "false", "--sample", 0.05]
    run(capsys, "count", text, "-o", tmp_path / "c", "--min-count", 2, "--quiet", *flags)
    run(
        capsys,
        "train",
        "--counts",
        tmp_path / "c",
        "--valid",
        text,
        "--report",
        tmp_path / "r",
        "--json-log",
        tmp_path / "l",
        *SMALL,
    )
    run(
        capsys,
        "train",
        text,
        "--min-count",
        2,
        "--valid",
        text,
        "--report",
        tmp_path / "s",
        "--json-log",
        tmp_path / "k",
        *SMALL,
        *flags,
    )
    counted, read = (json.loads((tmp_path / name).read_text())["settings"] for name in "rs")
    assert read["window"] == 2 and read["shrink_windows"] is False and read["sample"] == 0.05
    assert (
        counted | {"min_count": 2, "batch_size": None} == read | {"batch_size": None}
        and counted["min_count"] is None
    )
    ends = [json.loads((tmp_path / name).read_text().splitlines()[-1]) for name in "lk"]
    assert ends[0]["valid_nll"] == ends[1]["valid_nll"] and ends[0]["valid_pairs"] == ends[1]["valid_pairs"]


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--seed", -1], "seed is -1; it must be an integer from 0"),
        (["--draws", -1], "draws is -1"),
        (["--memory-limit", "nan"], "--memory-limit is nan; it must be a number of GB, 0 or more"),
        (["--memory-limit", -1], "--memory-limit is -1"),
    ],
)
def test_count_refuses(text, tmp_path, capsys, flags, message):
    assert message in fails(capsys, "count", text, "-o", tmp_path / "c", "--min-count", 2, *flags)


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--draws", 2], "--draws is for --solver counts"),
        (["--head", 0.5], "head is 0.5, which is for solver='counts'"),
    ],
)
def test_what_the_solver_sgd_does_not_know(text, tmp_path, capsys, flags, message):
    assert message in fails(capsys, "train", text, "--solver", "sgd", "-o", tmp_path / "v", *flags)


def test_counts_are_resumed_bit_for_bit(text, tmp_path, capsys):
    run(capsys, "count", text, "-o", tmp_path / "c", "--min-count", 2, "--sample", 0.05, "--quiet")
    run(
        capsys,
        "train",
        "--counts",
        tmp_path / "c",
        "-o",
        tmp_path / "whole.bin",
        "--checkpoint",
        tmp_path / "m",
        *SMALL,
    )
    run(
        capsys,
        "train",
        "--counts",
        tmp_path / "c",
        "-o",
        tmp_path / "again.bin",
        "--resume",
        tmp_path / "m.1",
        "--workers",
        1,
        "--quiet",
    )
    assert (tmp_path / "whole.bin").read_bytes() == (tmp_path / "again.bin").read_bytes()
    run(
        capsys,
        "count",
        text,
        "-o",
        tmp_path / "other",
        "--min-count",
        2,
        "--sample",
        0.05,
        "--seed",
        2,
        "--quiet",
    )
    assert "the corpus is not that of the interrupted training" in fails(
        capsys, "train", "--counts", tmp_path / "other", "--resume", tmp_path / "m.1", "--quiet"
    )


@pytest.mark.parametrize("name", ["input", "output", "sum"])
def test_vectors(text, tmp_path, capsys, name):
    run(
        capsys,
        "train",
        text,
        "-o",
        tmp_path / "v.bin",
        "--save-model",
        tmp_path / "m",
        "--min-count",
        2,
        "--vectors",
        name,
        *SMALL,
    )
    model = SkipGram.load(tmp_path / "m")
    unit = [X / np.linalg.norm(X, axis=1, keepdims=True) for X in (model.I, model.O)]
    want = {"input": model.I, "output": model.O, "sum": unit[0] + unit[1]}[name]
    np.testing.assert_allclose(load_word2vec(tmp_path / "v.bin")[1], want, atol=1e-6)


@pytest.mark.parametrize(
    "flags, says",
    [
        (["text.txt"], ("--counts", "text.txt", "exclude each other")),
        (["--input", "text.txt"], ("--counts", "text.txt", "exclude each other")),
        (["--solver", "sgd"], ("--counts needs --solver counts", "sgd")),
        (["--read-vocab", "v"], ("--counts and --read-vocab exclude each other",)),
        (["--window", "3"], ("--counts and --window exclude each other",)),
        (["--shrink-windows", "true"], ("--counts and --shrink-windows",)),
        (["--sample", "0"], ("--counts and --sample",)),
        (["--draws", "3"], ("--counts and --draws",)),
        (["--min-count", "5"], ("--counts and --min-count",)),
        (["--max-vocab", "5"], ("--counts and --max-final-vocab",)),
        (["-o", "c"], ("--output", "--counts", "same file")),
        (["--save-model", "./c"], ("--save-model", "--counts", "same file")),
    ],
)
def test_what_excludes_counts(text, tmp_path, capsys, monkeypatch, flags, says):
    monkeypatch.chdir(tmp_path)
    run(capsys, "count", text, "-o", "c", "--min-count", 2, "--quiet")
    before = (tmp_path / "c").read_bytes()
    said = fails(capsys, "train", "--counts", "c", "-o", "v.vec", *flags, "--quiet")
    assert all(part in said for part in says), said
    assert (tmp_path / "c").read_bytes() == before and not (tmp_path / "v.vec").exists()


def test_files_that_hold_no_counts(text, tmp_path, capsys):
    assert "text.txt' is no file of counts of fastsg" in fails(
        capsys, "train", "--counts", text, "-o", tmp_path / "v.vec", "--quiet"
    )
    assert "nowhere" in fails(
        capsys, "train", "--counts", tmp_path / "nowhere", "-o", tmp_path / "v.vec", "--quiet"
    )
    run(capsys, "train", text, "--save-model", tmp_path / "m", "--min-count", 2, *SMALL)
    assert "m' is no file of counts" in fails(capsys, "train", "--counts", tmp_path / "m", "--quiet")
    run(capsys, "count", text, "-o", tmp_path / "c", "--min-count", 2, "--quiet")
    assert "c' is no model file of fastsg" in fails(
        capsys, "train", text, "--resume", tmp_path / "c", "--quiet"
    )
