"""The files that fastsg train writes at its end: each is tried, each failure is told."""

import json
import os
import shlex

import numpy as np
import pytest
from commands import TEXT, python

import fastsg
from fastsg import KeyedVectors
from fastsg.cli import main, outputs, train
from fastsg.io import load_vectors, save_vectors

SMALL = "--quiet --vector-size 8 --min-count 1 --epochs 2 --batch-size 64"
FULL = "/dev/full"

needs_full_device = pytest.mark.skipif(not os.path.exists(FULL), reason="needs /dev/full")


@pytest.fixture(autouse=True)
def text(tmp_path, monkeypatch):
    """Every test works in a folder of its own, in which there is text.txt."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")


def errors(capsys, line):
    """The error lines of a command that must end with 1."""
    assert main(shlex.split(line)) == 1
    err = capsys.readouterr().err
    assert "Traceback" not in err
    return [line for line in err.splitlines() if line.startswith("fastsg: error: ")]


ALL_BUT_MODEL = f"-o {FULL} --save-output {FULL} --save-vocab {FULL} --save-bias {FULL} --report {FULL}"


@needs_full_device
def test_a_failed_write_leaves_the_others(tmp_path, capsys):
    said = errors(capsys, f"train text.txt {ALL_BUT_MODEL} --save-model m {SMALL}")
    flags = ("--output", "--save-output", "--save-vocab", "--save-bias", "--report")
    assert len(said) == len(flags)
    for flag, line in zip(flags, said, strict=True):
        assert line == f"fastsg: error: {flag}: No space left on device: '{FULL}'"
    assert fastsg.load(tmp_path / "m").history
    said = errors(capsys, f"train text.txt --save-model {FULL} -o v.vec --report r {SMALL}")
    assert len(said) == 1 and "--save-model" in said[0]
    assert (tmp_path / "v.vec").exists() and (tmp_path / "r").exists()


@needs_full_device
def test_control_the_first_failure_ends_all(tmp_path, monkeypatch):
    """Control: as it was, a full disk under the vectors lost the model on a good one."""
    monkeypatch.setattr(outputs, "is_written", lambda name, write: write() is None)
    with pytest.raises(AssertionError):
        assert main(shlex.split(f"train text.txt -o {FULL} --save-model m {SMALL}")) == 1
        assert (tmp_path / "m").exists()


@needs_full_device
def test_an_interrupted_training_that_cannot_be_written_is_an_error(tmp_path, capsys, monkeypatch):
    to_its_end = train._train

    def interrupted(*args):
        to_its_end(*args)
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "_train", interrupted)
    assert main(shlex.split(f"train text.txt --save-model m {SMALL}")) == 130
    assert len(errors(capsys, f"train text.txt -o {FULL} --save-model m {SMALL}")) == 1


# ---- without standard streams ----


@pytest.mark.parametrize(
    "closed, flags",
    [
        ([2], "--json"),
        ([2], "--log-level debug"),
        ([1], "--json-log -"),
        ([1], "--json"),
        ([1, 2], ""),
        ([0, 1, 2], "--json"),
        ([0, 1, 2], "--json-log - --log-level debug"),
    ],
    ids=str,
)
def test_closed_streams(closed, flags, tmp_path):
    code = (
        f"import os, sys\nfor fd in {closed}: os.close(fd)\n"
        "os.execv(sys.executable, [sys.executable, '-m', 'fastsg', *sys.argv[1:]])"
    )
    line = f"train text.txt -o v.vec {flags} --vector-size 8 --min-count 1 --epochs 2"
    done = python("-c", code, *shlex.split(line), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "v.vec").read_text().splitlines()
    assert lines[0] == "8 8" and len(lines) == 9
    if flags == "--json" and closed == [2]:  # messages go nowhere, not to the results
        assert json.loads(done.stdout)["vector_size"] == 8


@pytest.mark.parametrize("progress", [None, True])
@pytest.mark.parametrize("how", ["sys.stderr = None", "sys.stderr.close()", "sys.stdout = sys.stderr = None"])
def test_the_library_without_streams(how, progress, tmp_path):
    code = (
        "import sys\nfrom fastsg import SkipGram\n"
        f"{how}\nSkipGram([['a', 'b', 'c']] * 20, min_count=1, vector_size=2, progress={progress}).save('m')"
    )
    python("-c", code, folder=tmp_path)
    assert fastsg.load(tmp_path / "m").history


DIVERGES = f"--optimizer sgd --alpha 1e30 {SMALL}"


def test_the_last_finite_state_of_a_divergence(tmp_path, capsys):
    assert main(shlex.split(f"train text.txt -o v.vec --save-model m {DIVERGES}")) == 1
    err = capsys.readouterr().err.splitlines()
    assert "is in m;" in err[-2] and "diverged at step" in err[-1]
    model = fastsg.load(tmp_path / "m")
    assert not (tmp_path / "v.vec").exists() and len(model.wv.vectors) == 8
    before = (tmp_path / "m").read_bytes()
    errors(capsys, f"train text.txt --save-model m --seed 7 {DIVERGES}")
    assert (tmp_path / "m").read_bytes() == before
    assert fastsg.load(tmp_path / "m.diverged").settings.seed == 7


def test_a_divergence_writes_no_model_that_was_not_asked_for(tmp_path, capsys):
    before = sorted(tmp_path.iterdir())
    assert len(errors(capsys, f"train text.txt -o v.vec {DIVERGES}")) == 1
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "line",
    [
        "-o d/ --save-output d/ --format tsv",
        "-o d/ --save-output d/ --format model2vec",
        "-o d/ --save-vocab d/metadata.tsv --format tsv",
        "-o d/vectors.tsv --save-vocab d/metadata.tsv",
        "-o x.tsv --save-vocab x.metadata.tsv",
    ],
)
def test_files_that_one_output_becomes_are_nobody_elses(line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d").mkdir()
    (tmp_path / "text").write_text("a b c a b c a b c\n" * 5)
    assert main(["train", "text", "--min-count", "1", "--vector-size", "2", "--quiet", *line.split()]) == 1
    assert "one would overwrite the other" in capsys.readouterr().err
    assert not list((tmp_path / "d").iterdir())


def test_a_report_may_lie_in_the_folder_of_the_vectors(tmp_path, monkeypatch):
    """The control: not every file in the folder is one of the vectors'."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d").mkdir()
    (tmp_path / "text").write_text("a b c a b c a b c\n" * 5)
    line = "train text --min-count 1 --vector-size 2 --quiet -o d/ --format tsv --report d/report.json"
    assert main(line.split()) == 0
    assert {path.name for path in (tmp_path / "d").iterdir()} == {
        "vectors.tsv",
        "metadata.tsv",
        "report.json",
    }


def test_files_of_the_projector_in_a_models_folder_are_guests(tmp_path):
    vectors = KeyedVectors(["a", "b"], np.eye(2, dtype=np.float32))
    vectors_of_others = KeyedVectors(["a", "b"], np.ones((2, 2), np.float32))
    folder = f"{tmp_path / 'm'}/"
    save_vectors(folder, vectors.index_to_key, vectors.vectors)
    save_vectors(f"{folder}vectors.tsv", vectors_of_others.index_to_key, vectors_of_others.vectors)
    assert np.array_equal(load_vectors(folder)[1], np.eye(2))


def test_what_the_encoding_of_the_terminal_lacks_is_no_failure(tmp_path):
    """The files are written: the exit code must not say otherwise."""
    (tmp_path / "文").write_text("春 秋 春 秋\n" * 9, encoding="utf-8")
    line = ["train", "文", "-o", "春.vec", "--min-count", "1", "--vector-size", "2"]
    done = python("-m", "fastsg", *line, folder=tmp_path, PYTHONIOENCODING="latin-1")
    assert done.returncode == 0, done.stderr
    assert "\\u6625.vec" in done.stdout and (tmp_path / "春.vec").exists()
