"""The command line: what it writes, what it says, how it fails."""

import gzip
import hashlib
import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest

from fastsg import SkipGram, Vocab
from fastsg.cli.main import main, parse
from fastsg.cli.query import printable
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
    code, out, _ = run(
        capsys,
        "train",
        text,
        "-o",
        files["i.vec"],
        "--save-output",
        files["o.bin"],
        "--save-vocab",
        files["vocab"],
        "--save-bias",
        files["bias"],
        "--report",
        files["report.json"],
        "--json-log",
        files["log"],
        "--valid",
        text,
        "--sample",
        "0.05",
        *SMALL,
    )
    assert code == 0
    report = json.loads(files["report.json"].read_text())
    words, I = load_word2vec(files["i.vec"])
    same, O = load_word2vec(files["o.bin"])
    assert words == same == Vocab.load(files["vocab"]).words
    assert report["input_sha256"] == hashlib.sha256(I.tobytes()).hexdigest()
    assert report["output_sha256"] == hashlib.sha256(O.tobytes()).hexdigest()
    assert set(report) >= {
        "version",
        "settings",
        "vocabulary_size",
        "vector_size",
        "tokens",
        "pairs",
        "softmax_rows",
        "uniform_nll",
        "unigram_nll",
        "valid_unigram_nll",
        "epochs",
        "seconds",
        "workers",
        "isa",
        "precision",
        "peak_rss_bytes",
    }
    assert set(report["epochs"][0]) >= {
        "nll",
        "valid_nll",
        "pairs",
        "softmax_rows",
        "seconds",
        "pairs_per_second",
        "alpha",
    }
    assert set(report["seconds"]) >= {"read", "count", "init", "train", "save", "total"}
    assert (
        len(report["epochs"]) == 2 and report["vocabulary_size"] == len(words) and report["vector_size"] == 8
    )
    assert report["uniform_nll"] == pytest.approx(math.log(len(words)))
    assert report["tokens"] == 40 * 13
    assert [json.loads(line)["epoch"] for line in files["log"].read_text().splitlines()] == [1, 2]
    assert load_bias(files["bias"], words).shape == (len(words),)
    assert "held-out" in out and "ln K" in out


def test_flags_mean_what_the_constructor_means(text, tmp_path, capsys):
    run(
        capsys,
        "train",
        "--train",
        text,
        "--output",
        tmp_path / "v.bin",
        "--size",
        8,
        "--ws",
        "2,1",
        "--shrink-windows",
        "random",
        "--min-count",
        1,
        "--max-vocab",
        6,
        "-t",
        0.1,
        "--lr",
        0.2,
        "--min-alpha",
        0.1,
        "--iter",
        1,
        "--threads",
        1,
        "--batch-size",
        32,
        "--seed",
        7,
        "--optimizer",
        "sgd",
        "--output-bias",
        "none",
        "--solver",
        "sgd",
        "--quiet",
    )
    model = SkipGram(
        corpus_file=text,
        vector_size=8,
        window=(2, 1),
        shrink_windows="random",
        min_count=1,
        max_final_vocab=6,
        sample=0.1,
        alpha=0.2,
        min_alpha=0.1,
        epochs=1,
        batch_size=32,
        seed=7,
        optimizer="sgd",
        output_bias=None,
        solver="sgd",
    )
    words, I = load_word2vec(tmp_path / "v.bin")
    assert words == model.vocab.words and np.array_equal(I, model.I)
    run(
        capsys,
        "train",
        text,
        "-o",
        tmp_path / "c.bin",
        "--solver",
        "counts",
        "--optimizer",
        "adagrad",
        "--init",
        "random",
        "--draws",
        2,
        "--shrink-windows",
        "harmonic",
        "--sample",
        0.1,
        "--lr-schedule",
        "constant",
        "--quiet",
        *SMALL,
    )
    model = SkipGram(
        corpus_file=text,
        vector_size=8,
        min_count=1,
        epochs=2,
        batch_size=64,
        optimizer="adagrad",
        init="random",
        draws=2,
        shrink_windows="harmonic",
        sample=0.1,
        lr_schedule="constant",
        solver="counts",
    )
    assert np.array_equal(load_word2vec(tmp_path / "c.bin")[1], model.I)


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
    done = subprocess.run(
        [sys.executable, "-m", "fastsg", "train", "--input", "-", "-o", tmp_path / "b.vec", *SMALL],
        input=text.read_bytes(),
        capture_output=True,
        check=True,
    )
    assert (tmp_path / "a.vec").read_bytes() == (tmp_path / "b.vec").read_bytes()
    assert b"%|" not in done.stderr  # no progress bar where there is no terminal


def test_read_vocab(text, tmp_path, capsys):
    (tmp_path / "vocab").write_text("cat 9\ndog 8\nunseen 1\n")
    run(
        capsys,
        "train",
        text,
        "-o",
        tmp_path / "v.vec",
        "--read-vocab",
        tmp_path / "vocab",
        "--quiet",
        "--vector-size",
        8,
    )
    assert load_word2vec(tmp_path / "v.vec")[0] == ["cat", "dog", "unseen"]
    for flag in ("--min-count", "--max-vocab"):
        said = fails(
            capsys, "train", text, "--read-vocab", tmp_path / "vocab", "-o", tmp_path / "w.vec", flag, 5
        )
        assert "--read-vocab and --m" in said and not (tmp_path / "w.vec").exists()


def test_char_tokenizer(tmp_path, capsys):
    (tmp_path / "zh").write_text("春眠不觉晓\n处处闻啼鸟\n" * 20, encoding="utf-8")
    run(capsys, "train", tmp_path / "zh", "-o", tmp_path / "v.vec", "--tokenizer", "char", "--quiet", *SMALL)
    assert "鸟" in load_word2vec(tmp_path / "v.vec")[0]


def test_patience_stops(text, tmp_path, capsys):
    report = tmp_path / "r.json"
    (tmp_path / "valid").write_text("fish the\n")  # a text the training must get worse on
    run(
        capsys,
        "train",
        text,
        "--valid",
        tmp_path / "valid",
        "--patience",
        1,
        "--report",
        report,
        "--epochs",
        50,
        "--vector-size",
        8,
        "--min-count",
        1,
        "--quiet",
        "--alpha",
        1,
    )
    assert 2 <= len(json.loads(report.read_text())["epochs"]) < 50


def test_nn_predict_info(text, tmp_path, capsys):
    v, o, b = tmp_path / "v.vec", tmp_path / "o.vec", tmp_path / "b"
    run(
        capsys,
        "train",
        text,
        "-o",
        v,
        "--save-output",
        o,
        "--save-bias",
        b,
        "--quiet",
        "--vector-size",
        8,
        "--min-count",
        1,
        "--epochs",
        60,
        "--batch-size",
        128,
        "--shrink-windows",
        "true",
    )
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
    done = subprocess.run(
        [sys.executable, "-m", "fastsg", "nn", tmp_path / "v.vec", "-k", "2"],
        input="cat\nnothere\ndog\n",
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    assert [line for line in done.stdout.splitlines() if not line.startswith(" ")] == ["cat", "dog"]
    assert "nothere" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("content", "argv", "says"),
    [
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
        (
            "a b",
            ["--min-count", "1", "--patience", "0", "--valid", "missing"],
            "patience is 0; allowed are integers >= 1",
        ),
    ],
)
def test_bad_input_is_one_line(content, argv, says, tmp_path, capsys):
    path = tmp_path / "missing.txt"
    if content is not None:
        path.write_text(content)
    assert says in fails(capsys, "train", path, "-o", tmp_path / "v.vec", "--quiet", *argv)
    assert not (tmp_path / "v.vec").exists()


def test_no_input_and_directory(tmp_path, capsys):
    assert "no input" in fails(capsys, "train")
    assert str(tmp_path) in fails(capsys, "train", tmp_path)


@pytest.mark.parametrize(
    "flag", ["--output", "--save-output", "--save-vocab", "--save-bias", "--report", "--json-log"]
)
def test_unwritable_output_is_told_before_training(flag, text, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(SkipGram, "train", lambda *args, **kwargs: pytest.fail("training started"))
    assert flag in fails(capsys, "train", text, flag, tmp_path / "no" / "such" / "file", *SMALL)
    assert flag in fails(capsys, "train", text, flag, tmp_path, *SMALL)


@pytest.fixture
def untouched(monkeypatch):
    """Fails when a text is read or a training starts."""
    for method in ("build_vocab", "train"):
        monkeypatch.setattr(SkipGram, method, lambda *args, **kwargs: pytest.fail("began to work"))


WORD_FILES = ["--output", "--save-output", "--save-vocab", "--save-bias"]


@pytest.mark.parametrize("flag", WORD_FILES)
def test_words_that_cannot_be_written_are_told_before_training(flag, tmp_path, capsys, monkeypatch):
    odd = tmp_path / "odd.txt"
    odd.write_bytes(b"the c\0t eats fish\n" * 40)
    with monkeypatch.context() as patch:
        patch.setattr(SkipGram, "train", lambda *args, **kwargs: pytest.fail("training started"))
        said = fails(capsys, "train", odd, flag, tmp_path / "v", "--save-model", tmp_path / "m", *SMALL)
    assert flag in said and r"c\x00t" in said and "--save-model" in said
    assert (
        run(capsys, "train", odd, "--save-model", tmp_path / "m", "--quiet", *SMALL)[0] == 0
        and (tmp_path / "m").exists()
    )


@pytest.mark.parametrize(
    "argv, flags",
    [
        (["-o", "a.vec", "--save-output", "a.vec"], ("--output", "--save-output")),
        (["-o", "a.vec", "--save-output", "./x/../a.vec"], ("--output", "--save-output")),
        (["-o", "text.txt"], ("--output", "--input")),
        (["-o", "link.txt"], ("--output", "--input")),
        (["--report", "valid", "--valid", "valid"], ("--report", "--valid")),
        (["--save-vocab", "vocab", "--read-vocab", "vocab"], ("--save-vocab", "--read-vocab")),
        (["--save-model", "m", "--resume", "m"], ("--save-model", "--resume")),
        (["--save-model", "m", "--checkpoint", "m"], ("--save-model", "--checkpoint")),
        (["--save-model", "m.1", "--resume", "m"], ("--save-model", "--checkpoint")),
    ],
)
def test_files_that_would_overwrite_each_other(argv, flags, text, tmp_path, capsys, monkeypatch, untouched):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x").mkdir()
    (tmp_path / "link.txt").symlink_to(text)
    before = text.read_bytes()
    said = fails(capsys, "train", text, *argv)
    assert all(flag in said for flag in flags) and "same file" in said and text.read_bytes() == before


def test_devices_may_repeat_and_a_checkpoint_is_its_own_successor(text, tmp_path, capsys):
    null = ["-o", "/dev/null", "--save-output", "/dev/null", "--report", "/dev/null", "--json-log", "-"]
    assert run(capsys, "train", text, *null, "--checkpoint", tmp_path / "m", *SMALL)[0] == 0
    for begun in ("m", "m.1"):
        assert (
            run(
                capsys, "train", text, "--quiet", "--resume", tmp_path / begun, "--checkpoint", tmp_path / "m"
            )[0]
            == 0
        )


@pytest.mark.parametrize("flag", [*WORD_FILES, "--save-model", "--checkpoint", "--report"])
def test_only_the_log_goes_to_standard_output(flag, text, tmp_path, capsys, monkeypatch, untouched):
    monkeypatch.chdir(tmp_path)
    said = fails(capsys, "train", text, flag, "-")
    assert f"{flag} is '-'" in said and "--json-log" in said and not (tmp_path / "-").exists()


@pytest.mark.parametrize("argv", [["--input", "-", "--valid", "-"], ["-", "-"]])
def test_standard_input_is_read_once(argv, capsys, untouched):
    assert "only once" in fails(capsys, "train", *argv)


@pytest.mark.parametrize(
    "argv, says",
    [
        (
            ["--shrink-windows", "maybe"],
            "argument --shrink-windows: 'maybe' is not allowed; allowed are 'true', 'false', 'random' and 'harmonic'",
        ),
        (["--window", "x"], "argument --window/--ws: 'x' is no window; allowed are an integer"),
        (["--window", "1,2,3"], "argument --window/--ws: '1,2,3' is no window"),
    ],
)
def test_usage_errors_say_what_is_allowed(argv, says, capsys):
    with pytest.raises(SystemExit):
        main(["train", "text", *argv])
    assert says in capsys.readouterr().err


def test_a_format_against_the_suffix_can_be_read(text, tmp_path, capsys):
    v, o = tmp_path / "v.vec", tmp_path / "o.vec"
    run(capsys, "train", text, "-o", v, "--save-output", o, "--format", "binary", "--quiet", *SMALL)
    for argv in (["nn", v, "cat"], ["predict", v, o, "cat"], ["info", v]):
        assert "--format" in fails(capsys, *argv)
        assert run(capsys, *argv, "--format", "binary")[0] == 0


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
    assert "lacks" in fails(
        capsys, "predict", tmp_path / "v.vec", tmp_path / "v.vec", "cat", "--bias", tmp_path / "b"
    )
    (tmp_path / "b").write_text("cat one\n")
    assert "line 1" in fails(
        capsys, "predict", tmp_path / "v.vec", tmp_path / "v.vec", "cat", "--bias", tmp_path / "b"
    )


def test_usage_errors_exit_2(capsys):
    for argv in (
        ["train", "--window", "x"],
        ["train", "--window", "1,2,3"],
        ["train", "--shrink-windows", "maybe"],
        ["nosuch"],
        [],
    ):
        with pytest.raises(SystemExit) as stop:
            main(argv)
        assert stop.value.code == 2
        capsys.readouterr()


def test_control_characters_never_reach_the_terminal():
    assert printable("a\x1b[31mb\n\x9b") == "a\\x1b[31mb\\n\\x9b"
    assert printable("猫 naïve") == "猫 naïve"


@pytest.mark.parametrize(
    "given, shown",
    [
        ({}, "passive (set by fastsg)"),
        ({"GOMP_SPINCOUNT": "1000"}, "GOMP_SPINCOUNT=1000"),
        ({"OMP_WAIT_POLICY": "active"}, "OMP_WAIT_POLICY=active"),
    ],
)
def test_info_shows_the_wait_policy_at_import(given, shown):
    clean = {
        name: value for name, value in os.environ.items() if name not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
    }
    code = "import fastsg, os; os.environ['OMP_WAIT_POLICY'] = 'late'; print(fastsg.show_config()['wait_policy'])"
    done = subprocess.run(
        [sys.executable, "-c", code], env=clean | given, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == shown


def test_version(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0 and capsys.readouterr().out.startswith("fastsg ")
