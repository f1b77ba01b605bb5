"""fastsg train interrupted, or left without disk or reader: what was there stays, what is done is kept."""

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from commands import python
from conftest import slow
from test_resume_inside import StopAtBatch

import fastsg
from fastsg.cli import main, train
from fastsg.cli.epochs import EpochLog
from fastsg.model import checkpoint
from fastsg.model.checkpoint import load_checkpoint

needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
#: The epoch takes seconds, and has hundreds of batches.
LONG = "--vector-size 300 --min-count 1 --epochs 1 --batch-size 2 --head 1 --sample 0.01"
SHORT = "--vector-size 8 --min-count 1 --epochs 4 --batch-size 500"


def write_text(path, words, tokens):
    ids = np.random.default_rng(1).zipf(1.1, (tokens // 20, 20)) % words
    path.write_text("\n".join(" ".join(f"w{i}" for i in row) for row in ids))


@pytest.fixture
def text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_text(tmp_path / "text", 3000, 60_000)
    return tmp_path / "text"


def start(line, **options):
    argv = [sys.executable, "-m", "fastsg", *shlex.split(line)]
    return subprocess.Popen(argv, stderr=subprocess.PIPE, text=True, **options)


# ---- before the first epoch is done ----


def test_files_of_before_stay(text, tmp_path):
    """Hardly trained vectors do not take the place of finished ones; the checkpoint keeps what is done."""
    before = dict.fromkeys(("good.vec", "report", "log", "vocab"), "of before\n")
    for name, content in before.items():
        (tmp_path / name).write_text(content)
    outputs = "-o good.vec --report report --json-log log --save-vocab vocab --checkpoint m"
    process = start(f"train text {outputs} {LONG} --checkpoint-every 0.1s --quiet")
    while not (tmp_path / "m").exists() and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate()
    assert process.returncode == 130
    left = "--output good.vec, --save-vocab vocab, --report report, --json-log log"
    assert f"interrupted before an epoch was finished; not written: {left}\n" in err
    assert {name: (tmp_path / name).read_text() for name in before} == before
    model = load_checkpoint(tmp_path / "m")
    assert model.plan.done == 0 and model.state.begun.batches > 0
    advice = err.splitlines()[-1].strip()
    assert advice.endswith("--resume m")
    done = python("-m", *shlex.split(advice), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert main(shlex.split(f"train text -o whole.vec {LONG} --quiet")) == 0
    assert (tmp_path / "good.vec").read_bytes() == (tmp_path / "whole.vec").read_bytes()
    log = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [line["epoch"] for line in log] == [1]


def test_interrupted_while_the_command_is_read(tmp_path, monkeypatch, capsys):
    """Before there is anything to do, and before there are the modules that do it."""

    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sys.modules["fastsg.cli.main"], "_parsers", interrupt)
        assert main(["train", "text"]) == 130
        assert capsys.readouterr().err == "fastsg: interrupted\n"
    code = """
import signal, sys
class Interrupts:
    def find_spec(self, name, path, target=None):
        if name == "fastsg.model":
            signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, Interrupts())
from fastsg.__main__ import main
sys.exit(main())
"""
    done = python("-c", code, folder=tmp_path)
    assert (done.returncode, done.stderr) == (130, "fastsg: interrupted\n")


def test_interrupted_before_training(tmp_path, monkeypatch, capsys):
    """While a text is read or counted there is nothing to keep."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text").write_text("a b c\n" * 20)

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("fastsg.model.inputs.CooccurrenceCounts.of_windows", interrupt)
    assert main(shlex.split(f"train text -o v.vec --checkpoint m {SHORT}")) == 130
    err = capsys.readouterr().err
    assert "not written: --output v.vec" in err and "there is no checkpoint of this training" in err
    assert os.listdir(tmp_path) == ["text"]


def test_a_finished_checkpoint_stays(text, tmp_path, monkeypatch, capsys):
    """Two reruns, interrupted in their first epoch, would take the place of the file and of its spare."""
    line = f"train text --checkpoint m {SHORT} --quiet"
    assert main(shlex.split(line)) == 0
    before = (tmp_path / "m").read_bytes()
    for _ in range(2):
        monkeypatch.setattr(train, "epoch_lines", lambda quiet: [StopAtBatch(3, KeyboardInterrupt)])
        assert main(shlex.split(line)) == 130
        assert "there is no checkpoint of this training" in capsys.readouterr().err
    assert (tmp_path / "m").read_bytes() == before
    os.unlink("m")
    assert main(shlex.split(line)) == 130  # nothing to lose: what is done is kept
    assert load_checkpoint("m").state.begun.batches == 3


def test_an_interrupt_when_a_checkpoint_is_in_its_place(text, monkeypatch, capsys):
    """And nobody has been told so yet: it is gone on with all the same."""
    whole, interrupts = checkpoint.atomic_write, iter([KeyboardInterrupt])

    @contextlib.contextmanager
    def interrupted(path):
        with whole(path) as file:
            yield file
        for interrupt in interrupts:
            raise interrupt

    monkeypatch.setattr(checkpoint, "atomic_write", interrupted)
    assert main(shlex.split(f"train text --checkpoint m --checkpoint-every 0.001s {LONG} --quiet")) == 130
    assert capsys.readouterr().err.splitlines()[-1].endswith("--resume m")
    assert load_checkpoint("m").state.begun.batches


def test_interrupted_while_files_are_written(text, tmp_path, monkeypatch, capsys):
    """All is trained: what was not written is written by the command that it names."""
    line = f"train text -o v.vec --save-bias bias {SHORT} --quiet"
    assert main(shlex.split(f"{line} --checkpoint m")) == 0
    whole = [(tmp_path / name).read_bytes() for name in ("v.vec", "bias")]
    for name in ("m", "v.vec", "bias"):
        os.unlink(name)

    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("fastsg.cli.outputs.save_bias", interrupt)
        assert main(shlex.split(line)) == 130
        said = "fastsg: interrupted while the files were written: each of them is whole or as it was before\n"
        assert capsys.readouterr().err == said
        assert main(shlex.split(f"{line} --checkpoint m")) == 130
    err = capsys.readouterr().err
    assert err.startswith(said) and not os.path.exists("bias")
    advice = shlex.split(err.splitlines()[-1])
    assert advice[0] == "fastsg" and advice[-2:] == ["--resume", "m"]
    os.unlink("v.vec")
    assert main(advice[1:]) == 0
    assert [(tmp_path / name).read_bytes() for name in ("v.vec", "bias")] == whole


def test_a_log_has_every_epoch_once(text, tmp_path):
    """A training goes on from the checkpoint before the newest: what the log said after it is said anew."""
    line = f"train text --checkpoint m --json-log log {SHORT} --quiet"
    assert main(shlex.split(line)) == 0
    whole = (tmp_path / "log").read_text().splitlines()
    (tmp_path / "log").write_text("a line of mine\n" + "\n".join(whole) + "\n")
    assert main(shlex.split(f"{line} --resume m.1")) == 0
    mine, *again = (tmp_path / "log").read_text().splitlines()
    assert mine == "a line of mine"
    assert [json.loads(line)["nll"] for line in again] == [json.loads(line)["nll"] for line in whole]


# ---- disks and readers that fail ----


@needs_full
def test_a_full_disk_does_not_end_a_training(text, tmp_path, capsys, caplog):
    for flag in ("--json-log", "--checkpoint"):
        assert main(shlex.split(f"train text -o v.vec {flag} /dev/full {SHORT} --quiet")) == 1
        err = capsys.readouterr().err
        assert (err + caplog.text).count("training goes on") == 4
        assert err.splitlines()[-1].startswith(f"fastsg: error: {flag} was not written: No space left on")
        assert len((tmp_path / "v.vec").read_text().splitlines()) > 1000
        (tmp_path / "v.vec").unlink()
        caplog.clear()


def test_a_log_is_made_up_for(tmp_path, capsys):
    log, model = EpochLog(str(tmp_path / "no" / "log"), append=False), SimpleNamespace(history=[])
    for number in range(4):
        if number == 2:
            (tmp_path / "no").mkdir()
        model.history.append({"nll": number})
        log.on_epoch_end(model)
        assert bool(log.error) == (number < 2)
    log.close()
    written = (tmp_path / "no" / "log").read_text().splitlines()
    assert [json.loads(line) for line in written] == [{"epoch": i + 1, "nll": i} for i in range(4)]
    assert capsys.readouterr().err.count("warning: --json-log is not written") == 2


def test_a_reader_that_has_gone_does_not_end_a_training(text, tmp_path):
    process = start(f"train text -o v.vec --json-log - {SHORT}", stdout=subprocess.PIPE)
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 1 and (tmp_path / "v.vec").exists()
    assert "error: --json-log was not written: Broken pipe" in err
    assert "Traceback" not in err and "Exception ignored" not in err


def test_the_interval_needs_a_checkpoint(text, capsys):
    assert main(["train", "text", "-o", "v.vec", "--checkpoint-every", "5m"]) == 1
    wanted = "--checkpoint-every needs a file to write: give --checkpoint or --resume"
    assert wanted in capsys.readouterr().err
    with pytest.raises(SystemExit) as stopped:
        main(["train", "text", "-o", "v.vec", "--checkpoint-every", "5"])
    assert stopped.value.code == 2 and "'5' is no time; allowed are" in capsys.readouterr().err


# ---- at random moments ----


def catches_sigterm(process):
    """Whether the command has come so far that it catches SIGTERM."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    mask = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(mask, 16) >> (signal.SIGTERM - 1) & 1)


def interrupt(line, number, wait):
    """Send a signal so long after the command has begun; exit code, seconds to the message and to the end.

    None if the command was done before.
    """
    process = start(line)
    while process.poll() is None and not catches_sigterm(process):
        time.sleep(0.002)
    time.sleep(wait)
    process.send_signal(number)
    sent, told = time.perf_counter(), None
    for said in process.stderr:
        if "interrupted" in said and told is None:
            told = time.perf_counter() - sent
    process.wait()
    process.stderr.close()
    return process.returncode, told, time.perf_counter() - sent


def interrupts(folder, number, times, words, tokens, flags=""):
    """What :func:`interrupt` gives at random moments of a command."""
    write_text(folder / "t", words, tokens)
    files = f"{folder}/t --valid {folder}/t -o {folder}/v.vec --checkpoint {folder}/m"
    line = f"train {files} --min-count 1 --quiet {flags}"
    begun, rng = time.monotonic(), np.random.default_rng(number)
    process = start(line)
    process.communicate()
    assert process.returncode == 0
    whole = time.monotonic() - begun
    return [interrupt(line, number, rng.uniform(0, whole)) for _ in range(times)]


def check_none_is_lost(found, number):
    """Those that got another exit code than 130 came when all was done; returns the others."""
    late = [each for each in found if each[0] != 130]
    assert all(code in (0, -number) and told is None and ended < 1 for code, told, ended in late)
    return [each for each in found if each[0] == 130]


@needs_proc
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_none_is_lost(tmp_path, number):
    found = interrupts(tmp_path, number, 2, 1500, 40_000, "--epochs 2 --vector-size 32")
    assert all(told is not None for _, told, _ in check_none_is_lost(found, number))
    assert fastsg.load(tmp_path / "m").plan


@slow
@needs_proc
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_none_of_two_hundred_is_lost(tmp_path, number):
    found = interrupts(tmp_path, number, 260, 20_000, 600_000, "--epochs 2 --vector-size 32")
    in_time = check_none_is_lost(found, number)
    told, ended = (sorted(each[i] for each in in_time)[-3] for i in (1, 2))
    print(f"{len(in_time)} of {number.name}, p99: {told:.2f} s to the message, {ended:.2f} s to the end")
    assert len(in_time) >= 200 and told <= 0.5 and ended <= 3
