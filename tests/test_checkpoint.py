"""Checkpoints: a training that was interrupted, and resumed, is the training that was not."""

import dataclasses
import errno
import hashlib
import json
import math
import os
import re
import resource
import shlex
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import fastsg
from fastsg import (
    Callback,
    Checkpoint,
    CooccurrenceCounts,
    EarlyStopping,
    EncodedCorpus,
    FormatError,
    SkipGram,
    _core,
    load_checkpoint,
)
from fastsg.model import checkpoint
from fastsg.numerics import optimizer
from fastsg.training import epoch, stages
from fastsg.training.callbacks import StopTraining
from fastsg.training.plan import Plan

SMALL = {"vector_size": 6, "min_count": 2, "epochs": 5, "batch_size": 64, "progress": False}
SOLVERS = {
    "counts": {"solver": "counts", "batch_size": 8},
    "sgd": {"solver": "sgd"},
}  # several batches an epoch with either
TIMES = ("seconds", "count_seconds", "pairs_per_second")


@pytest.fixture(params=SOLVERS)
def solver(request):
    """The settings of either solver, or of the one a test names."""
    return SOLVERS[request.param]


def sentences(seed=0, count=60):
    ids = np.random.default_rng(seed).zipf(1.4, (count, 12))
    return [[f"w{i}" for i in row if i < 30] + ["end"] for row in ids]


class StopAfter(Callback):
    """Interrupts at the end of an epoch, as a limit of time would."""

    def __init__(self, done):
        self.done = done

    def on_epoch_end(self, model):
        if model.plan.done == self.done:
            raise StopTraining


class Seen(Callback):
    def __init__(self):
        self.epochs = []

    def on_epoch_end(self, model):
        self.epochs.append(model.plan.done)


def trained(text=None, **options):
    return SkipGram(text or sentences(), **(SMALL | options))


def outcome(model):
    """Everything that must be equal, as a digest, and the history without its times."""
    digest = hashlib.sha256(model.I.tobytes() + model.O.tobytes() + model.state.shift.tobytes()).hexdigest()
    return (
        digest,
        [{key: value for key, value in record.items() if key not in TIMES} for record in model.history],
        model.state.step,
    )


def interrupted(path, done, **options):
    return trained(callbacks=[Checkpoint(path), StopAfter(done)], **options)


# ---- resumed = uninterrupted ----


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"optimizer": "sgd"},
        {"sample": 0.05, "shrink_windows": "random"},
        {"sample": 0.05, "optimizer": "sgd", "output_bias": None},
        {"lr_schedule": "constant", "window": None},
        {"batch_size": None},
        {"optimizer": "newton", "sample": 0.05, "draws": 0},
        {"sample": 0.05, "head": 0.5},
        {"sample": 0.05, "head": 0.3, "optimizer": "adagrad", "output_bias": None},
        {"optimizer": "adagrad", "init": "random", "shrink_windows": "harmonic", "vectors": "sum"},
    ],
    ids=str,
)
def test_resumed_is_uninterrupted(tmp_path, options, solver):
    options = solver | options
    if solver["solver"] == "sgd":
        options.pop("head", None)
    whole = outcome(trained(validation=sentences(1), **options))
    path = tmp_path / "m"
    interrupted(path, 1, validation=sentences(1), **options)
    for done in range(1, 5):  # and interrupted after each epoch again
        resumed = load_checkpoint(path, workers=1 + done % 2, validation=sentences(1))
        assert resumed.plan.done == done
        resumed.train(sentences(), resume=True, callbacks=[Checkpoint(path), StopAfter(done + 1)])
    assert outcome(resumed) == whole
    model = trained(validation=sentences(1), callbacks=[StopAfter(2)], **options)  # without a file between
    assert outcome(model.train(resume=True, callbacks=[StopAfter(3)]).train(resume=True)) == whole


@pytest.mark.parametrize(
    "optimizer, forget",
    [
        ("newton", lambda model: model.state.optimizer.sums_O.fill(0)),
        ("adagrad", lambda model: model.state.optimizer.sums_O.fill(0)),
        ("sgd", lambda model: setattr(model.state, "epoch", 0)),
        ("sgd", lambda model: setattr(model.plan, "done", 1)),
    ],
)
def test_control_whatever_is_left_out_shows(tmp_path, optimizer, forget, solver):
    options = {"optimizer": optimizer, "sample": 0.05} | solver
    interrupted(tmp_path / "m", 2, **options)
    model = load_checkpoint(tmp_path / "m")
    forget(model)
    assert outcome(model.train(sentences(), resume=True)) != outcome(trained(**options))


class Once(Callback):
    """Fails the first time a hook is called."""

    def __init__(self, hook):
        self.failed = False
        setattr(self, hook, self.fail)

    def fail(self, model):
        if not self.failed:
            self.failed = True
            raise KeyboardInterrupt


@pytest.mark.parametrize("hook", ["on_train_begin", "on_epoch_begin"])
@pytest.mark.parametrize("init", ["svd", "random"])
def test_interrupted_before_the_first_step(tmp_path, hook, init):
    """I and O start where they would have started, however often a training is begun."""
    options = {"init": init, "sample": 0.05}
    whole, model = outcome(trained(**options)), SkipGram(**SMALL, **options)
    model.build_vocab(sentences())
    with pytest.raises(KeyboardInterrupt):
        model.train(callbacks=[Once(hook)])
    model.save(tmp_path / "m")
    assert outcome(SkipGram.load(tmp_path / "m").train(sentences(), resume=True)) == whole
    assert outcome(model.train()) == whole


def test_the_plan_keeps_the_head(tmp_path, monkeypatch):
    """Another version may choose another share."""
    options = {"sample": 0.05, "batch_size": 8}
    monkeypatch.setattr(stages, "MEDIUM_VOCABULARY", 5)
    whole = outcome(trained(**options))
    interrupted(tmp_path / "m", 2, **options)
    monkeypatch.undo()
    assert outcome(load_checkpoint(tmp_path / "m").train(sentences(), resume=True)) == whole
    assert outcome(trained(**options)) != whole


def test_the_plan_keeps_the_rates(tmp_path, monkeypatch):
    """Likewise: they go by the text."""
    options = {"sample": 0.05, "batch_size": 8}
    whole = outcome(trained(**options))
    interrupted(tmp_path / "m", 2, **options)
    monkeypatch.setattr(optimizer, "_ALPHA_PER_PAIR", (0.002, 0.001))
    monkeypatch.setattr(optimizer, "_LEAST_ALPHA", 0.001)
    assert outcome(load_checkpoint(tmp_path / "m").train(sentences(), resume=True)) == whole
    assert outcome(trained(**options)) != whole


def test_a_plan_without_rates_takes_those_of_the_text(tmp_path):
    """As it is in files of before."""
    model = interrupted(tmp_path / "m", 2)
    saved = dataclasses.asdict(model.plan)
    for bad in (-1.0, math.nan, math.inf, "0.1", True):
        with pytest.raises(ValueError, match="its plan has the rates"):
            Plan.parse(saved | {"alpha": bad})
    del saved["alpha"], saved["min_alpha"]
    loaded = load_checkpoint(tmp_path / "m")
    loaded._training.plan = Plan.parse(saved)
    assert outcome(loaded.train(sentences(), resume=True)) == outcome(trained())


def test_resumed_pairs(tmp_path, solver):
    settings = SMALL | {"min_count": 1} | solver
    rng = np.random.default_rng(3)
    centers, contexts, weights = rng.integers(0, 20, 500), rng.integers(0, 20, 500), rng.random(500)

    def fit(model, **options):
        return model.fit_pairs(centers, contexts, weights, **options)

    whole = fit(SkipGram(**settings))
    fit(SkipGram(callbacks=[Checkpoint(tmp_path / "m"), StopAfter(2)], **settings))
    # Integers are ids now that there is a vocabulary; as words they mean the same pairs as before.
    model = load_checkpoint(tmp_path / "m")
    resumed = model.fit_pairs(centers.astype(str), contexts.astype(str), weights, resume=True)
    assert outcome(resumed) == outcome(whole)
    now = "499 pairs" if solver["solver"] == "sgd" else rf"{len(set(zip(centers[1:], contexts[1:])))} entries"
    with pytest.raises(ValueError, match=f"the corpus is not that of the interrupted training: now {now}"):
        load_checkpoint(tmp_path / "m").fit_pairs(
            centers[1:].astype(str), contexts[1:].astype(str), weights[1:], resume=True
        )
    with pytest.raises(ValueError, match="no training of this model was begun"):
        SkipGram(**settings).fit_pairs(centers, contexts, resume=True)


def test_resumed_counts(tmp_path):
    counts = CooccurrenceCounts.from_corpus(EncodedCorpus.from_iter(sentences(), min_count=2), sample=0.05)
    settings = SMALL | SOLVERS["counts"]
    whole = SkipGram(**settings).fit_counts(counts)
    SkipGram(**settings).fit_counts(counts, callbacks=[Checkpoint(tmp_path / "m"), StopAfter(2)])
    counts.save(tmp_path / "counts")
    model = load_checkpoint(tmp_path / "m", workers=1)
    assert outcome(model.fit_counts(CooccurrenceCounts.load(tmp_path / "counts"), resume=True)) == outcome(
        whole
    )
    other = CooccurrenceCounts.from_corpus(
        EncodedCorpus.from_iter(sentences(), min_count=2), sample=0.05, seed=2
    )
    with pytest.raises(
        ValueError,
        match=rf"the corpus is not that of .*now {other.nnz} entries, .*then {counts.nnz} entries, ",
    ):
        load_checkpoint(tmp_path / "m").fit_counts(other, resume=True)
    with pytest.raises(ValueError, match="no training of this model was begun"):
        SkipGram(**settings).fit_counts(counts, resume=True)


class Told(Callback):
    """Plants a course of held-out losses."""

    def __init__(self, losses):
        self.losses = losses

    def on_epoch_end(self, model):
        model.history[-1]["valid_nll"] = self.losses[len(model.history) - 1]


@pytest.mark.parametrize(
    "order, solver",
    [(slice(None), "counts"), (slice(None, None, -1), "sgd")],
    ids=["checkpoint last", "checkpoint first"],
    indirect=["solver"],
)
@pytest.mark.parametrize(
    "losses, on_counts, on_text",
    [
        ([5, 4, 4.5, 4.6, 4.7, 3], 5, 5),
        ([5, 4, 4.5, 3, 3.5, 2], 6, 6),
        ([5, 6, 7, 8, 9, 1], 5, 4),
        ([3, 4, 5, 2, 3, 4], 6, 6),
    ],
)
def test_early_stopping_survives(tmp_path, losses, on_counts, on_text, order, solver):
    """On counts three of the six epochs, on thinned text, are not counted."""
    patience, epochs = (2, on_counts) if solver["solver"] == "counts" else (3, on_text)

    def stopping(path=None):
        last = [EarlyStopping(patience=patience), *([Checkpoint(path)] if path else [])]
        return [Told(losses), *last[order]]

    whole = trained(epochs=6, callbacks=stopping(), validation=sentences(1), **solver)
    assert len(whole.history) == epochs
    for done in range(1, 7):
        trained(
            epochs=6,
            callbacks=[*stopping(tmp_path / "m"), StopAfter(done)],
            validation=sentences(1),
            **solver,
        )
        model = load_checkpoint(tmp_path / "m", validation=sentences(1))
        resumed = model.train(sentences(), resume=True, callbacks=stopping(tmp_path / "m"))
        assert outcome(resumed)[:2] == outcome(whole)[:2]


def test_a_state_put_back_is_not_resumed():
    model = trained(callbacks=[Told([1, 2, 3, 4, 5]), EarlyStopping(patience=1)], validation=sentences(1))
    assert model.plan.done == 4
    with pytest.raises(ValueError, match="early stopping has put back its best state; load a checkpoint"):
        model.train(resume=True)


def test_a_best_state_that_was_not_kept_is_missed(tmp_path, caplog):
    trained(
        callbacks=[Told([1, 2, 3, 4, 5]), Checkpoint(tmp_path / "m"), StopAfter(2)], validation=sentences(1)
    )
    model = load_checkpoint(tmp_path / "m", validation=sentences(1))
    model.train(sentences(), resume=True, callbacks=[EarlyStopping(patience=3)])
    assert "the best epoch of the interrupted training was not kept" in caplog.text


def test_every_callback_is_told_of_the_last_epoch():
    seen = Seen()
    trained(callbacks=[StopAfter(2), seen])
    assert seen.epochs == [1, 2]


def test_a_complete_training_stays_as_it_is(tmp_path, solver):
    whole = trained(callbacks=[Checkpoint(tmp_path / "m")], **solver)
    model = load_checkpoint(tmp_path / "m")
    assert model.plan.done == model.plan.epochs == 5
    assert outcome(model.train(sentences(), resume=True)) == outcome(whole)


# ---- what cannot be resumed says so ----


def test_other_texts_are_refused(tmp_path, solver):
    interrupted(tmp_path / "m", 2, validation=sentences(1), **solver)
    model = fastsg.load(tmp_path / "m")
    size, fewer = (
        EncodedCorpus.from_iter(text, vocab=model.vocab).n_tokens for text in (sentences(), sentences()[1:])
    )
    with pytest.raises(
        ValueError, match=f"the corpus is not that of .*now {fewer} tokens, .*then {size} tokens, "
    ):
        load_checkpoint(tmp_path / "m", validation=sentences(1)).train(sentences()[1:], resume=True)
    other = sentences()
    other[0][0], other[0][1] = "w2", "end"
    with pytest.raises(ValueError, match=f"now {size} tokens, SHA-256 .*then {size} tokens, SHA-256"):
        load_checkpoint(tmp_path / "m", validation=sentences(1)).train(other, resume=True)
    split = [half for sentence in sentences() for half in (sentence[:2], sentence[2:])]
    with pytest.raises(ValueError, match="the corpus is not that of"):
        load_checkpoint(tmp_path / "m", validation=sentences(1)).train(split, resume=True)
    with pytest.raises(
        ValueError,
        match=r"the validation text is not that of the interrupted training: now none; then .* tokens",
    ):
        load_checkpoint(tmp_path / "m").train(sentences(), resume=True)


def test_other_plans_are_refused(tmp_path):
    model = interrupted(tmp_path / "m", 2)
    with pytest.raises(ValueError, match="epochs is 7, but the interrupted training was planned for 5"):
        model.train(epochs=7, resume=True)
    with pytest.raises(ValueError, match="no training of this model was begun"):
        SkipGram(**SMALL).train(sentences(), resume=True)
    with pytest.raises(ValueError, match="no corpus to train on"):
        load_checkpoint(tmp_path / "m").train(resume=True)


class InterruptInEpoch(Callback):
    """Ctrl-C, as it comes: in the middle of a batch, a moment behind the third epoch's fifth."""

    def __init__(self, monkeypatch):
        self._monkeypatch = monkeypatch

    def on_epoch_begin(self, model):
        if model.plan.done == 2:
            self._monkeypatch.setattr(epoch.Stepper, "step", self._armed(epoch.Stepper.step))

    @staticmethod
    def _armed(step):
        done = []

        def armed(*args):
            step(*args)
            done.append(args)
            if len(done) == 5:
                signal.setitimer(signal.ITIMER_REAL, 0.0002)

        return armed


@pytest.mark.parametrize("solver, batch_size, words", [("sgd", 8, 30), ("counts", 1, 300)])
def test_a_training_interrupted_within_an_epoch_goes_on_there(
    tmp_path, solver, batch_size, words, monkeypatch
):
    text = [
        [f"w{i}" for i in row] + ["end"] for row in np.random.default_rng(1).integers(0, words, (250, 12))
    ]
    settings = SMALL | {"vector_size": 100, "batch_size": batch_size, "solver": solver}
    settings["optimizer"] = "adagrad"
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        for _ in range(9):  # once in a while it comes between matrices and books, see below
            model = SkipGram(**settings)
            with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
                model.train(text, callbacks=[InterruptInEpoch(patch)])
            if model.state.begun:
                break
    finally:
        signal.signal(signal.SIGALRM, before)
    assert model.state.begun and model.plan.done == 2 and model.predict_context("end", 1)
    model.save(tmp_path / "m")
    whole = outcome(SkipGram(text, **settings))
    assert outcome(fastsg.load(tmp_path / "m").train(text, resume=True)) == whole
    assert outcome(model.train(resume=True)) == whole
    again = fastsg.load(tmp_path / "m")
    again.state.begun = None  # as after an interrupt that came between matrices and books
    with pytest.raises(ValueError, match="it was interrupted within one"):
        again.train(text, resume=True)
    again.train(text[:50], epochs=1)  # another training may begin


def test_another_instruction_set_is_said(tmp_path, caplog):
    if "generic" == _core.isa() or "generic" not in _core.available_isas():
        pytest.skip("needs another instruction set")
    interrupted(tmp_path / "m", 2)
    try:
        _core.select_isa("generic")
        load_checkpoint(tmp_path / "m").train(sentences(), resume=True)
    finally:
        _core.select_isa(os.environ.get("FASTSG_ISA") or None)
    assert "continues with generic" in caplog.text


# ---- the files ----


def done_in(path):
    return fastsg.load(path).plan.done


def test_the_last_two_are_kept(tmp_path):
    path = tmp_path / "m"
    interrupted(path, 1)
    assert os.listdir(tmp_path) == ["m"]
    interrupted(path, 3)
    assert sorted(os.listdir(tmp_path)) == ["m", "m.1"] and (done_in(path), done_in(tmp_path / "m.1")) == (
        3,
        2,
    )


def test_every(tmp_path):
    path = tmp_path / "m"
    trained(callbacks=[Checkpoint(path, every=2)])
    assert (done_in(path), done_in(tmp_path / "m.1")) == (5, 4)
    for every in (0, True, 1.5):
        with pytest.raises(ValueError, match="every is"):
            Checkpoint(path, every)


def test_the_newest_whole_one_is_loaded(tmp_path, caplog):
    path, spare = tmp_path / "m", tmp_path / "m.1"
    interrupted(path, 3)
    good = path.read_bytes()
    for broken in (good[:-1], good[:-1] + b"x", b""):
        path.write_bytes(broken)
        caplog.clear()
        assert load_checkpoint(path).plan.done == 2 and "the checkpoint before it is used" in caplog.text
        with pytest.raises(FormatError, match="m' is no model file"):
            fastsg.load(path)
    path.unlink()
    assert load_checkpoint(path).plan.done == 2
    spare.write_bytes(b"")
    with pytest.raises(FileNotFoundError, match=r"m'$"):
        load_checkpoint(path)
    spare.unlink()
    with pytest.raises(FileNotFoundError, match=r"m'$"):
        load_checkpoint(path)


def test_a_file_system_without_links(tmp_path, monkeypatch):
    def no_links(*_):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(checkpoint.os, "link", no_links)
    interrupted(tmp_path / "m", 3)
    assert (done_in(tmp_path / "m"), done_in(tmp_path / "m.1")) == (3, 2)


def test_unwritable_is_said_at_once(tmp_path):
    with pytest.raises(OSError, match="no folder") as caught:
        Checkpoint(tmp_path / "no" / "m")
    assert caught.value.filename == str(tmp_path / "no" / "m")
    (tmp_path / "folder").mkdir()
    callback = Checkpoint(tmp_path / "folder" / "m")
    (tmp_path / "folder").rmdir()
    model = SkipGram(**SMALL)
    with pytest.raises(OSError, match="no folder"):
        model.train(sentences(), callbacks=[callback])
    assert not model.history


class NoMoreRoom(Callback):
    def on_epoch_begin(self, model):
        if model.plan.done == 3:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def test_no_room_leaves_both_as_they_were_and_the_training_goes_on(tmp_path, caplog):
    path, limits = tmp_path / "m", resource.getrlimit(resource.RLIMIT_FSIZE)
    checkpoint = Checkpoint(path)
    try:
        model = trained(callbacks=[NoMoreRoom(), checkpoint])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert checkpoint.error.errno == errno.EFBIG and checkpoint.error.filename == str(path)
    assert caplog.text.count("training goes on without: ") == 2 and outcome(model) == outcome(trained())
    assert checkpoint.done == 3 and sorted(os.listdir(tmp_path)) == ["m", "m.1"]
    assert [done_in(path), done_in(tmp_path / "m.1")] == [3, 2]
    assert outcome(load_checkpoint(path).train(sentences(), resume=True)) == outcome(trained())


# ---- the command line, which is interrupted and killed ----

FLAGS = [
    "--vector-size",
    "8",
    "--min-count",
    "1",
    "--epochs",
    "12",
    "--batch-size",
    "64",
    "--sample",
    "0.01",
    "--shrink-windows",
    "random",
]
WALKS = {
    "sgd": ["--solver", "sgd", "--epochs", "20"],
    "counts": ["--solver", "counts", "--epochs", "60", "--batch-size", "2"],
}  # about as long


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    """A text that takes about a twentieth of a second an epoch with the solver sgd."""
    path = tmp_path_factory.mktemp("text") / "text"
    path.write_text("\n".join(" ".join(sentence) for sentence in sentences(2, 1500)), encoding="utf-8")
    return path


@pytest.fixture(scope="module", params=WALKS)
def command(request):
    """fastsg train with some arguments and the flags of either solver."""
    return lambda *argv: [
        sys.executable,
        "-m",
        "fastsg",
        "train",
        *map(str, argv),
        *FLAGS,
        *WALKS[request.param],
    ]


def finish(argv):
    """(exit code, stderr)"""
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


@pytest.fixture(scope="module")
def expected(command, text, tmp_path_factory):
    """Bytes of the vectors of an uninterrupted training."""
    folder = tmp_path_factory.mktemp("whole")
    outputs = ["-o", folder / "i.vec", "--save-output", folder / "o.vec", "--quiet"]
    assert finish(command(text, *outputs)) == (0, "")
    return (folder / "i.vec").read_bytes() + (folder / "o.vec").read_bytes()


def interrupt_after(argv, epochs, number):
    """Start, send a signal after so many epochs; (exit code, stderr)."""
    process = subprocess.Popen(
        [*argv, "--json-log", "-"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    for _ in range(epochs):
        process.stdout.readline()
    process.send_signal(number)
    _, err = process.communicate()
    return process.returncode, err


@pytest.mark.parametrize(
    "command, number", [("sgd", signal.SIGTERM), ("counts", signal.SIGINT)], indirect=["command"]
)
def test_interrupted_and_resumed_by_the_command_it_prints(command, text, tmp_path, expected, number):
    outputs = ["-o", tmp_path / "i.vec", "--save-output", tmp_path / "o.vec"]
    code, err = interrupt_after(command(text, *outputs, "--checkpoint", tmp_path / "m"), 2, number)
    assert code == 130 and "interrupted; writing what is trained so far" in err
    assert (tmp_path / "i.vec").exists()  # what there is
    advice = err.splitlines()[-1].strip()
    assert advice.startswith("fastsg train ") and advice.endswith(f"--resume {tmp_path / 'm'}")
    assert finish([sys.executable, "-m", *shlex.split(advice)])[0] == 0
    assert (tmp_path / "i.vec").read_bytes() + (tmp_path / "o.vec").read_bytes() == expected


def test_killed_again_and_again(command, text, tmp_path, expected, rng):
    """kill -9 at any moment, within an epoch too, until the training is complete all the same."""
    begin = command(
        text,
        "-o",
        tmp_path / "i.vec",
        "--save-output",
        tmp_path / "o.vec",
        "--checkpoint",
        tmp_path / "m",
        "--checkpoint-every",
        "0.02s",
        "--quiet",
    )
    kills, done = 0, 0
    while True:
        resume = (
            ["--resume", str(tmp_path / "m"), "--workers", str(1 + kills % 2)]
            if (tmp_path / "m").exists()
            else []
        )
        process = subprocess.Popen([*begin, *resume, "--json-log", "-"], stdout=subprocess.PIPE, text=True)
        if kills < 3:
            process.stdout.readline()
            time.sleep(rng.uniform(0, 0.08))
            process.kill()
            kills += 1
        process.communicate()
        if process.returncode == 0:
            break
        now = load_checkpoint(tmp_path / "m").plan.done if (tmp_path / "m").exists() else 0
        assert now >= done
        done = now
    assert kills == 3 and (tmp_path / "i.vec").read_bytes() + (tmp_path / "o.vec").read_bytes() == expected


def test_interrupted_without_a_checkpoint(command, text, tmp_path):
    code, err = interrupt_after(command(text, "-o", tmp_path / "i.vec"), 1, signal.SIGTERM)
    assert code == 130 and "--resume" not in err and (tmp_path / "i.vec").exists()


def main(capsys, *argv):
    """(exit code, stderr) of fastsg train, in this process."""
    from fastsg.cli.main import main

    code = main(["train", *map(str, argv)])
    return code, capsys.readouterr().err


@pytest.fixture
def begun(text, tmp_path):
    """A checkpoint after two of twelve epochs, made through the interface of Python."""
    path = tmp_path / "begun"
    SkipGram(
        corpus_file=text,
        vector_size=8,
        min_count=1,
        epochs=12,
        batch_size=64,
        sample=0.01,
        shrink_windows="random",
        progress=False,
        callbacks=[Checkpoint(path), StopAfter(2)],
    )
    return path


def test_flags_may_repeat_what_went_by_the_text(text, tmp_path, capsys):
    path, options = tmp_path / "m", {"vector_size": 8, "min_count": 1, "progress": False}
    model = SkipGram(corpus_file=text, callbacks=[Checkpoint(path), StopAfter(2)], **options)
    out = tmp_path / "o.vec"
    flags = (text, "-o", out, "--resume", path, "--quiet")
    code, err = main(capsys, *flags, "--epochs", "11")
    assert code != 0 and "--epochs is 11, but the training in" in err and "was begun with 10" in err
    code, err = main(capsys, *flags, "--epochs", "10", "--alpha", model.plan.alpha)
    assert (code, err) == (0, "")


def test_flags_may_repeat_but_not_contradict_the_checkpoint(text, tmp_path, begun, capsys):
    (text.parent / "vocab").write_text("other 3\n")
    for flags, message in (
        (
            ["--vector-size", 100],
            "--vector-size is 100, but the training in .* was begun with 8; leave the flag out",
        ),
        (
            ["--solver", "sgd"],
            "--solver is sgd, but the training in .* was begun with counts; leave the flag out",
        ),
        (["--epochs", 5], "--epochs is 5"),
        (["--window", "5,4"], r"--window is \(5, 4\), but .* with 5"),
        (["--seed", 2], "--seed is 2"),
        (["--tokenizer", "char"], "none of the .* tokens in .* is in the vocabulary"),
        (["--read-vocab", text.parent / "vocab"], "--read-vocab .* has other words"),
        (["--valid", text], "the validation text is not that"),
    ):
        code, err = main(capsys, text, "--resume", begun, *flags)
        assert code == 1 and re.search(message, err) and len(err.splitlines()) == 1
    assert main(capsys, text, "--resume", begun, "--quiet", "--window", 5, *FLAGS) == (0, "")
    assert done_in(begun) == 12  # goes on in the same file


def test_another_checkpoint_and_the_whole_model(text, tmp_path, begun, capsys):
    before = begun.read_bytes()
    log = tmp_path / "log"
    log.write_text('{"epoch": 1}\n{"epoch": 2}\n')
    code, err = main(
        capsys,
        text,
        "--resume",
        begun,
        "--checkpoint",
        tmp_path / "next",
        "--save-model",
        tmp_path / "model",
        "--quiet",
        "--json-log",
        log,
        "--report",
        tmp_path / "report",
    )
    assert (code, err) == (0, "") and begun.read_bytes() == before and done_in(tmp_path / "next") == 12
    assert outcome(fastsg.load(tmp_path / "model")) == outcome(fastsg.load(tmp_path / "next"))
    assert [json.loads(line)["epoch"] for line in log.read_text().splitlines()] == list(range(1, 13))
    report = json.loads((tmp_path / "report").read_text())
    assert len(report["epochs"]) == 12 and report["tokens"] == sum(map(len, sentences(2, 1500)))


def test_the_checkpoint_is_checked_before_the_text_is_read(tmp_path, capsys):
    for flag in ("--checkpoint", "--save-model"):
        code, err = main(capsys, tmp_path / "missing", flag, tmp_path / "no" / "m")
        assert code == 1 and f"{flag}: there is no folder" in err
    code, err = main(capsys, tmp_path / "missing", "--resume", tmp_path / "m")
    assert code == 1 and "No such file" in err and "m'" in err


def test_sigterm_is_as_it_was_afterwards(text, tmp_path, capsys):
    before = signal.getsignal(signal.SIGTERM)
    main(capsys, text, "--epochs", 1, "--quiet", "--save-model", tmp_path / "m")
    assert signal.getsignal(signal.SIGTERM) is before
