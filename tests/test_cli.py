"""The command line: what it writes, what it says, how it fails."""

import gzip
import hashlib
import json
import math
import subprocess
import sys

import numpy as np
import pytest

from fastsg import SkipGram, Vocab
from fastsg.cli import main, parse
from fastsg.cli_query import printable
from fastsg.io.bias import load_bias
from fastsg.io.word2vec import load_word2vec

SMALL = ["--vector-size", "8", "--min-count", "1", "--epochs", "2", "--batch-size", "64"]


@pytest.fixture
def text(tmp_path):
    """A small text in which 'cat' and 'dog' share their contexts."""
    path = tmp_path / "text.txt"
    path.write_text("the cat eats fish\nthe dog eats meat\na cat sees a dog\n" * 40, encoding="utf-8")
    return path


def run(capsys, *argv):
    """(exit code, stdout, stderr) of a command."""
    code = main([str(part) for part in argv])
    out, err = capsys.readouterr()
    return code, out, err


def fails(capsys, *argv):
    """The one line on stderr of a command that must fail."""
    code, _, err = run(capsys, *argv)
    assert code == 1
    lines = [line for line in err.splitlines() if line.startswith("fastsg: error")]
    assert len(lines) == 1 and "Traceback" not in err
    return lines[0]


def test_train_writes_everything_and_the_report_agrees(text, tmp_path, capsys):
    files = {name: tmp_path / name for name in ("i.vec", "o.bin", "vocab", "bias", "report.json", "log")}
    code, out, _ = run(capsys, "train", text, "-o", files["i.vec"], "--save-output", files["o.bin"], "--save-vocab", files["vocab"],
                       "--save-bias", files["bias"], "--report", files["report.json"], "--json-log", files["log"], "--valid", text,
                       "--sample", "0.05", *SMALL)
    assert code == 0
    report = json.loads(files["report.json"].read_text())
    words, I = load_word2vec(files["i.vec"])
    same, O = load_word2vec(files["o.bin"])
    assert words == same == Vocab.load(files["vocab"]).words
    assert report["input_sha256"] == hashlib.sha256(I.tobytes()).hexdigest()
    assert report["output_sha256"] == hashlib.sha256(O.tobytes()).hexdigest()
    assert set(report) >= {"version", "settings", "vocabulary_size", "vector_size", "tokens", "pairs", "softmax_rows", "uniform_nll",
                           "unigram_nll", "valid_unigram_nll", "epochs", "seconds", "workers", "isa", "precision", "peak_rss_bytes"}
    assert set(report["epochs"][0]) >= {"nll", "valid_nll", "pairs", "softmax_rows", "seconds", "pairs_per_second", "alpha"}
    assert set(report["seconds"]) == {"read", "count", "init", "train", "save", "total"}
    assert len(report["epochs"]) == 2 and report["vocabulary_size"] == len(words) and report["vector_size"] == 8
    assert report["uniform_nll"] == pytest.approx(math.log(len(words)))
    assert report["tokens"] == 40 * 13
    assert [json.loads(line)["epoch"] for line in files["log"].read_text().splitlines()] == [1, 2]
    assert load_bias(files["bias"], words).shape == (len(words),)
    assert "held-out" in out and "ln K" in out


def test_flags_mean_what_the_constructor_means(text, tmp_path, capsys):
    run(capsys, "train", "--train", text, "--output", tmp_path / "v.bin", "--size", 8, "--ws", "2,1", "--shrink-windows", "random",
        "--min-count", 1, "--max-vocab", 6, "-t", 0.1, "--lr", 0.2, "--min-alpha", 0.1, "--iter", 1, "--threads", 1, "--batch-size", 32,
        "--seed", 7, "--optimizer", "sgd", "--output-bias", "none", "--solver", "sgd", "--quiet")
    model = SkipGram(corpus_file=text, vector_size=8, window=(2, 1), shrink_windows="random", min_count=1, max_final_vocab=6, sample=0.1,
                     alpha=0.2, min_alpha=0.1, epochs=1, batch_size=32, seed=7, optimizer="sgd", output_bias=None)
    words, I = load_word2vec(tmp_path / "v.bin")
    assert words == model.vocab.words and np.array_equal(I, model.I)


def test_defaults_are_the_constructors():
    args = parse(["train", "x"])
    import inspect

    for name, parameter in inspect.signature(SkipGram).parameters.items():
        if hasattr(args, name) and name != "tokenizer":
            assert getattr(args, name) == parameter.default, name


def test_standard_input_and_gzip_give_the_same(text, tmp_path, capsys):
    packed = tmp_path / "text.gz"
    packed.write_bytes(gzip.compress(text.read_bytes()))
    run(capsys, "train", packed, "-o", tmp_path / "a.vec", "--quiet", *SMALL)
    done = subprocess.run([sys.executable, "-m", "fastsg", "train", "--input", "-", "-o", tmp_path / "b.vec", *SMALL], input=text.read_bytes(),
                          capture_output=True, check=True)
    assert (tmp_path / "a.vec").read_bytes() == (tmp_path / "b.vec").read_bytes()
    assert b"%|" not in done.stderr  # no progress bar where there is no terminal


def test_read_vocab(text, tmp_path, capsys):
    (tmp_path / "vocab").write_text("cat 9\ndog 8\nunseen 1\n")
    run(capsys, "train", text, "-o", tmp_path / "v.vec", "--read-vocab", tmp_path / "vocab", "--quiet", *SMALL)
    assert load_word2vec(tmp_path / "v.vec")[0] == ["cat", "dog", "unseen"]


def test_char_tokenizer(tmp_path, capsys):
    (tmp_path / "zh").write_text("春眠不觉晓\n处处闻啼鸟\n" * 20, encoding="utf-8")
    run(capsys, "train", tmp_path / "zh", "-o", tmp_path / "v.vec", "--tokenizer", "char", "--quiet", *SMALL)
    assert "鸟" in load_word2vec(tmp_path / "v.vec")[0]


def test_patience_stops(text, tmp_path, capsys):
    report = tmp_path / "r.json"
    (tmp_path / "valid").write_text("fish the\n")  # a text the training must get worse on
    run(capsys, "train", text, "--valid", tmp_path / "valid", "--patience", 0, "--report", report, "--epochs", 50, "--vector-size", 8,
        "--min-count", 1, "--quiet", "--alpha", 1)
    assert 2 <= len(json.loads(report.read_text())["epochs"]) < 50


def test_nn_predict_info(text, tmp_path, capsys):
    v, o, b = tmp_path / "v.vec", tmp_path / "o.vec", tmp_path / "b"
    run(capsys, "train", text, "-o", v, "--save-output", o, "--save-bias", b, "--quiet", "--vector-size", 8, "--min-count", 1, "--epochs", 60,
        "--batch-size", 128)
    code, out, _ = run(capsys, "nn", v, "cat", "-k", 3)
    assert code == 0 and out.splitlines()[0] == "cat" and len(out.splitlines()) == 4
    code, out, _ = run(capsys, "predict", v, o, "--bias", b, "eats", "-k", 100)
    assert code == 0
    listed = {line.split()[1]: float(line.split()[0]) for line in out.splitlines()[1:]}
    assert sum(listed.values()) == pytest.approx(1, abs=1e-3)
    assert max(listed, key=listed.get) == "the"
    code, out, _ = run(capsys, "info", v)
    assert code == 0 and "8 words x 8 coordinates" in out
    code, out, _ = run(capsys, "info")
    assert code == 0 and json.loads(out)["isa"]


def test_nn_answers_lines_of_standard_input(text, tmp_path, capsys):
    run(capsys, "train", text, "-o", tmp_path / "v.vec", "--quiet", *SMALL)
    done = subprocess.run([sys.executable, "-m", "fastsg", "nn", tmp_path / "v.vec", "-k", "2"], input="cat\nnothere\ndog\n", text=True,
                          capture_output=True, check=False)
    assert done.returncode == 1
    assert [line for line in done.stdout.splitlines() if not line.startswith(" ")] == ["cat", "dog"]
    assert "nothere" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(("content", "argv", "says"), [
    (None, [], "missing.txt"),
    ("", [], "no token"),
    ("\n\n  \n", [], "no token"),
    ("a b c d", ["--min-count", "5"], "4"),
    ("a\nb\nc\n", ["--min-count", "1"], "no pairs"),
    ("a b", ["--min-count", "1", "--vector-size", "0"], "vector_size is 0"),
    ("a b", ["--min-count", "1", "--window", "0"], "window is 0"),
    ("a b", ["--min-count", "1", "--alpha", "-1"], "alpha is -1"),
    ("a b", ["--min-count", "1", "--workers", "0"], "workers"),
    ("a b", ["--min-count", "1", "--output-bias", "log"], "output_bias is 'log'"),
    ("a b", ["--min-count", "1", "--patience", "1"], "--valid"),
])
def test_bad_input_is_one_line(content, argv, says, tmp_path, capsys):
    path = tmp_path / "missing.txt"
    if content is not None:
        path.write_text(content)
    assert says in fails(capsys, "train", path, "-o", tmp_path / "v.vec", "--quiet", *argv)
    assert not (tmp_path / "v.vec").exists()


def test_no_input_and_directory(tmp_path, capsys):
    assert "no input" in fails(capsys, "train")
    assert str(tmp_path) in fails(capsys, "train", tmp_path)


@pytest.mark.parametrize("flag", ["--output", "--save-output", "--save-vocab", "--save-bias", "--report", "--json-log"])
def test_unwritable_output_is_told_before_training(flag, text, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(SkipGram, "train", lambda *args, **kwargs: pytest.fail("training started"))
    assert flag in fails(capsys, "train", text, flag, tmp_path / "no" / "such" / "file", *SMALL)
    assert flag in fails(capsys, "train", text, flag, tmp_path, *SMALL)


def test_divergence_is_one_line(text, capsys):
    assert "step" in fails(capsys, "train", text, "--optimizer", "sgd", "--alpha", "1e30", "--quiet", *SMALL)


def test_unknown_words(text, tmp_path, capsys):
    v = tmp_path / "v.vec"
    run(capsys, "train", text, "-o", v, "--save-output", tmp_path / "o.vec", "--quiet", *SMALL)
    assert "catt" in fails(capsys, "nn", v, "catt")
    message = fails(capsys, "predict", v, tmp_path / "o.vec", "catt")
    assert "catt" in message and "cat" in message
    assert "--topn is 0" in fails(capsys, "nn", v, "cat", "-k", 0)


def test_predict_refuses_files_that_do_not_belong_together(text, tmp_path, capsys):
    run(capsys, "train", text, "-o", tmp_path / "v.vec", "--quiet", *SMALL)
    run(capsys, "train", text, "-o", tmp_path / "w.vec", "--quiet", *SMALL, "--max-vocab", 3)
    assert "same words" in fails(capsys, "predict", tmp_path / "v.vec", tmp_path / "w.vec", "cat")
    (tmp_path / "b").write_text("cat 1\n")
    assert "lacks" in fails(capsys, "predict", tmp_path / "v.vec", tmp_path / "v.vec", "cat", "--bias", tmp_path / "b")
    (tmp_path / "b").write_text("cat one\n")
    assert "line 1" in fails(capsys, "predict", tmp_path / "v.vec", tmp_path / "v.vec", "cat", "--bias", tmp_path / "b")


def test_usage_errors_exit_2(capsys):
    for argv in (["train", "--window", "x"], ["train", "--window", "1,2,3"], ["train", "--shrink-windows", "maybe"], ["nosuch"], []):
        with pytest.raises(SystemExit) as stop:
            main(argv)
        assert stop.value.code == 2
        capsys.readouterr()


def test_control_characters_never_reach_the_terminal():
    assert printable("a\x1b[31mb\n\x9b") == "a\\x1b[31mb\\n\\x9b"
    assert printable("猫 naïve") == "猫 naïve"


def test_version(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0 and capsys.readouterr().out.startswith("fastsg ")
