"""A training that was interrupted inside an epoch goes on there, and is the training that was not."""

import errno
import os
import subprocess
import sys
import time

import numpy as np
import pytest
from conftest import slow
from test_checkpoint import SMALL, SOLVERS, Told, outcome, sentences, trained

import fastsg
from fastsg import (
    Callback,
    Checkpoint,
    CooccurrenceCounts,
    EarlyStopping,
    FormatError,
    SkipGram,
    load_checkpoint,
)
from fastsg.io import safetensors
from fastsg.io.model_file import read_model_file, save_model_file
from fastsg.model import checkpoint
from fastsg.model.checkpoint import seconds_of
from fastsg.training import stages
from fastsg.training.callbacks import StopTraining


class SaveAtBatches(Callback):
    """Saves the model after every batch, or every so many."""

    def __init__(self, folder, every=1):
        self.folder, self.every, self.batches, self.files = folder, every, 0, []

    def on_batch_end(self, model):
        self.batches += 1
        if self.batches % self.every == 0:
            self.files.append(self.folder / str(self.batches))
            model.save(self.files[-1])


class StopAtBatch(Callback):
    """Raises at the end of a batch."""

    def __init__(self, number, error=StopTraining):
        self.left, self.error = number, error

    def on_batch_end(self, model):
        self.left -= 1
        if not self.left:
            raise self.error


#: Settings, and after how many batches each the model is saved.
CASES = [
    ({"solver": "counts", "batch_size": 1, "sample": 0.05, "head": 0.5}, 5),
    ({"solver": "counts", "batch_size": 8, "optimizer": "adagrad", "init": "random"}, 1),
    ({"solver": "counts", "batch_size": 8, "optimizer": "sgd", "window": (3, 1)}, 1),
    ({"solver": "sgd", "sample": 0.05, "shrink_windows": "random"}, 1),
    ({"solver": "sgd", "optimizer": "newton", "batch_size": 16}, 5),
    ({"solver": "sgd", "optimizer": "sgd", "batch_size": 8}, 20),
]


# ---- resumed = uninterrupted ----


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_sum_of_losses_below_zero(tmp_path, solver):
    """One word predicts itself with probability 1, and what rounding leaves of log 1 may have any sign."""
    text, saver = [["x"] * 20] * 300, SaveAtBatches(tmp_path)
    options = {"min_count": 1, "vector_size": 8, "epochs": 6, "solver": solver, "progress": False}
    model = SkipGram(text, **options, callbacks=[saver])
    numbers = [fastsg.load(file).state.begun.numbers() for file in saver.files]
    assert len(numbers) >= 6
    content = read_model_file(saver.files[-1])
    content.training["begun"]["loss"] = -1e-3
    save_model_file(tmp_path / "below", content)
    again = fastsg.load(tmp_path / "below").train(text, resume=True)
    assert again.I.tobytes() == model.I.tobytes()


def test_more_text_taken_in(tmp_path):
    """An epoch that partial_fit begins at a smaller rate is gone on with at that rate."""
    text, more, stop = sentences(count=600), sentences(seed=1, count=12), StopAtBatch(0)
    models = [trained(text, batch_size=4, callbacks=hooks) for hooks in ([], [stop])]
    stop.left = 3
    for model in models:
        model.partial_fit(more)
    assert models[1].state.begun and models[1].plan.first_rate < models[1].plan.alpha
    models[1].save(tmp_path / "m")
    models[1].train(resume=True)
    again = fastsg.load(tmp_path / "m").train([*text, *more], resume=True)
    assert outcome(models[0]) == outcome(models[1]) == outcome(again)


def test_resumed_in_a_coarser_epoch_is_uninterrupted(tmp_path, monkeypatch):
    """As of a large vocabulary: the first epoch has half of the rows, the second four fifths of the head."""
    monkeypatch.setattr(stages, "MEDIUM_VOCABULARY", 20)
    options = {"solver": "counts", "batch_size": 8, "sample": 0.05, "head": 0.8}
    plan = check_resumed(tmp_path, options, 1).plan
    assert 0 < plan.opening < plan.coarse < plan.head


@pytest.mark.parametrize("options, every", CASES, ids=str)
def test_resumed_at_a_batch_is_uninterrupted(tmp_path, options, every):
    check_resumed(tmp_path, options, every)


def check_resumed(tmp_path, options, every):
    """The model of a training, after others went on from all that it saved."""
    options, saves = options | {"epochs": 4}, SaveAtBatches(tmp_path, every)
    text, held_out = sentences(count=40), sentences(1)
    whole = trained(text, callbacks=[saves], validation=held_out, **options)
    assert outcome(whole) == outcome(trained(text, validation=held_out, **options)) and len(saves.files) > 7
    for number, path in enumerate(saves.files):
        model = load_checkpoint(path, workers=1 + number % 3, validation=held_out)
        assert model.state.begun and not model.state.at_epoch_end
        assert outcome(model.train(text, resume=True)) == outcome(whole), path
    return whole


def without_contexts(model):
    model.state.begun.contexts[:] = 1


#: What a resumed training needs, by what it is that forgets it.
FORGET = {
    "batches": lambda model: setattr(model.state.begun, "batches", 0),
    "walked": lambda model: setattr(model.state.begun, "walked", 0),
    "steps": lambda model: setattr(model.state.begun, "steps", 16),
    "loss": lambda model: setattr(model.state.begun, "loss", 0.0),
    "pairs": lambda model: setattr(model.state.begun, "pairs", 0.0),
    "rows": lambda model: setattr(model.state.begun, "softmax_rows", 0),
    "axes": lambda model: setattr(model.state.begun, "axes", None),
    "contexts": without_contexts,
    "sums": lambda model: model.state.optimizer.sums_O.fill(0),
    "shift": lambda model: model.state.shift.fill(0),
    "epoch": lambda model: setattr(model.state, "epoch", 0),
}


@pytest.fixture(scope="module")
def begun_models(tmp_path_factory):
    """Files of a training that was begun, and what comes out at its end."""
    newton = {"solver": "sgd", "optimizer": "newton", "batch_size": 16, "sample": 0.05, "epochs": 3}
    saves = SaveAtBatches(tmp_path_factory.mktemp("begun"))
    whole = outcome(trained(callbacks=[saves], **newton))
    files = saves.files[len(saves.files) // 2 :: 3]
    for path in files[:4]:
        assert outcome(load_checkpoint(path).train(sentences(), resume=True)) == whole
    return files, whole


@pytest.mark.parametrize("part", FORGET)
def test_control_whatever_is_left_out_shows(begun_models, part):
    files, whole = begun_models
    for path in files:
        model = load_checkpoint(path)
        FORGET[part](model)
        if outcome(model.train(sentences(), resume=True)) != whole:
            return
    pytest.fail(f"without {part} the same came out")


def test_a_callback_may_stop_within_an_epoch():
    options = SOLVERS["counts"]
    whole = outcome(trained(**options))
    for number in (1, 3, 7, 12):
        model = trained(callbacks=[StopAtBatch(number)], **options)
        assert model.state.begun and model.state.step == number and len(model.history) == model.plan.done
        assert outcome(model.train(resume=True, callbacks=[StopAtBatch(2)]).train(resume=True)) == whole


def test_a_training_stopped_within_an_epoch_leaves_a_checkpoint(tmp_path):
    options = SOLVERS["counts"] | {"validation": sentences(1)}
    trained(callbacks=[Checkpoint(tmp_path / "m"), StopAtBatch(7)], **options)
    model = load_checkpoint(tmp_path / "m", validation=sentences(1))
    assert model.state.step == 7 and outcome(model.train(sentences(), resume=True)) == outcome(
        trained(**options)
    )
    stopping = [Told([3, 4, 5, 6, 7]), EarlyStopping(patience=3), StopAtBatch(11)]
    model = trained(callbacks=stopping, **options)
    assert model.restored_epoch == 1  # which is not where it stopped
    with pytest.raises(ValueError, match="early stopping has put back its best state"):
        model.train(resume=True)


def test_counts_and_pairs_whose_contexts_are_known_only_after_the_walk(tmp_path):
    rng = np.random.default_rng(3)
    settings = SMALL | {"min_count": 1, "batch_size": 4}
    pairs = rng.integers(0, 20, 500).astype(str), rng.integers(0, 20, 500).astype(str), rng.random(500)
    for solver in SOLVERS:
        (tmp_path / solver).mkdir()
        saves = SaveAtBatches(tmp_path / solver, every=5)
        whole = SkipGram(**settings, solver=solver, callbacks=[saves]).fit_pairs(*pairs)
        for path in saves.files[::20]:
            assert outcome(fastsg.load(path).fit_pairs(*pairs, resume=True)) == outcome(whole)
    counts = CooccurrenceCounts.from_arrays(*np.array(pairs[:2]).astype(int), pairs[2], whole.vocab)
    saves = SaveAtBatches(tmp_path, every=3)
    whole = SkipGram(**settings, callbacks=[saves]).fit_counts(counts)
    for path in saves.files:
        assert outcome(fastsg.load(path).fit_counts(counts, resume=True)) == outcome(whole)


@pytest.mark.parametrize("losses", [[5, 4, 4.5, 4.6, 4.7], [5, 4, 3, 3.5, 3.6]])
def test_early_stopping_survives(tmp_path, losses):
    """The best epoch is the one before, or lies further back: the state of now is not it in either case."""
    saves = SaveAtBatches(tmp_path)
    stopping = [Told(losses), EarlyStopping(patience=3)]
    options = SOLVERS["counts"] | {"validation": sentences(1)}
    whole = trained(callbacks=[*stopping, saves], **options)
    for path in saves.files:
        model = load_checkpoint(path, validation=sentences(1))
        again = [Told(losses), EarlyStopping(patience=3)]
        assert outcome(model.train(sentences(), resume=True, callbacks=again))[:2] == outcome(whole)[:2]
        assert model.restored_epoch == whole.restored_epoch


def test_other_texts_and_epochs_are_refused(tmp_path):
    trained(callbacks=[saves := SaveAtBatches(tmp_path, every=7)], **SOLVERS["counts"])
    with pytest.raises(ValueError, match="the corpus is not that of the interrupted training: now"):
        fastsg.load(saves.files[0]).train(sentences()[1:], resume=True)
    with pytest.raises(ValueError, match="epochs is 7, but the interrupted training was planned for 5"):
        fastsg.load(saves.files[0]).train(sentences(), epochs=7, resume=True)
    model = fastsg.load(saves.files[0])
    model.state.begun.words = 5
    with pytest.raises(ValueError, match="interrupted in an epoch over 5 words, which is over"):
        model.train(sentences(), resume=True)
    model = fastsg.load(saves.files[0])
    assert not model.train(sentences(), epochs=1).state.begun  # another training may begin


def test_books_that_make_no_sense_are_refused(tmp_path):
    trained(callbacks=[saves := SaveAtBatches(tmp_path, every=7)], **(SOLVERS["sgd"]))
    sound = read_model_file(saves.files[0])
    for name, value in (
        ("batches", -1), ("steps", 1.5), ("words", 3), ("loss", "1"), ("pairs", -1.0), ("alpha", 1), ("x", 1),
    ):  # fmt: skip
        content = read_model_file(saves.files[0])
        content.training["begun"][name] = value
        save_model_file(tmp_path / "bad", content)
        with pytest.raises(FormatError, match="bad' is no model file"):
            fastsg.load(tmp_path / "bad")
    for change in ({"begun": []}, {"whole": True}, {"plan": None}, {"begun": {}}):
        content = read_model_file(saves.files[0])
        content.training |= change
        save_model_file(tmp_path / "bad", content)
        with pytest.raises(FormatError, match="bad' is no model file"):
            fastsg.load(tmp_path / "bad")
    sound.arrays["contexts"][0] = -1
    save_model_file(tmp_path / "bad", sound)
    with pytest.raises(FormatError, match="contexts holds -1"):
        fastsg.load(tmp_path / "bad")


# ---- checkpoints by the clock ----


def test_times():
    assert [seconds_of(span) for span in ("30s", "5m", "1h", "007m", 2, 0.5)] == [30, 300, 3600, 420, 2, 0.5]
    for bad in (
        "5",
        "m",
        "0s",
        "-5m",
        "5 m",
        "1d",
        "",
        0,
        -1,
        float("nan"),
        float("inf"),
        True,
        b"5m",
        10**400,
    ):
        with pytest.raises((ValueError, TypeError), match="checkpoint_every is "):
            seconds_of(bad)


def test_the_clock_decides(tmp_path, monkeypatch):
    """So many seconds after the last one, and never for more than a twentieth of the time."""
    now, took, written = [0.0], [0.0], []
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: now[0])
    real = checkpoint.write_model_file

    def write(file, content):
        real(file, content)
        written.append((now[0], "begun" in content.training))
        now[0] += took[0]

    class Tick(Callback):
        def on_batch_end(self, model):
            now[0] += 1

    monkeypatch.setattr(checkpoint, "write_model_file", write)
    for every, cost, inside in ((10, 0, 10), (None, 0, 0), (10, 1, 20), ("1h", 0, 0)):
        now[0], took[0], written[:] = 0.0, cost, []
        trained(epochs=1, solver="sgd", batch_size=5,
                callbacks=[Tick(), Checkpoint(tmp_path / "m", checkpoint_every=every)])  # fmt: skip
        moments = [moment for moment, begun in written if begun]
        assert not written[-1][1]
        if not inside:
            assert not moments
        else:
            assert len(moments) > 4 and set(np.diff(moments)) == {inside}, (every, cost)


# ---- what is left of it ----


def spoil(path, how, monkeypatch):
    """Make the file unreadable."""
    if how == "folder":
        path.unlink()
        path.mkdir()
        return
    real = safetensors.open_regular

    def failing(name):
        if os.fsdecode(name) == str(path):
            raise OSError(how, os.strerror(how), name)
        return real(name)

    monkeypatch.setattr(safetensors, "open_regular", failing)


@pytest.mark.parametrize("how", ["folder", errno.EIO, errno.EACCES])
def test_the_checkpoint_before_is_used(tmp_path, caplog, monkeypatch, how):
    path = tmp_path / "m"
    trained(callbacks=[Checkpoint(path)])
    spoil(path, how, monkeypatch)
    assert load_checkpoint(path).plan.done == 4 and "the checkpoint before it is used" in caplog.text
    with pytest.raises((OSError, FormatError)):  # control: as it was read before
        fastsg.load(path)


# ---- killed ----

TRIAL = """
import hashlib, json, os, sys
from fastsg import Checkpoint, SkipGram, load_checkpoint
path, text, solver, workers = sys.argv[1:]
options = {"vector_size": 32, "min_count": 1, "epochs": 3, "sample": 1e-2, "progress": False}
options |= {"solver": solver, "batch_size": {"counts": 1, "sgd": 8}[solver]}
checkpoint = Checkpoint(path, checkpoint_every=0.02)
if os.path.exists(path):
    model = load_checkpoint(path, workers=int(workers))
    print("inside" if model.state.begun else "between", flush=True)
    model.train(corpus_file=text, resume=True, callbacks=[checkpoint])
else:
    model = SkipGram(corpus_file=text, workers=int(workers), callbacks=[checkpoint], **options)
TIMES = ("seconds", "count_seconds", "pairs_per_second")
history = [{key: value for key, value in record.items() if key not in TIMES} for record in model.history]
state = model.I.tobytes() + model.O.tobytes() + json.dumps(history).encode()
print(hashlib.sha256(state).hexdigest(), flush=True)
"""


def run_trial(path, text, solver, workers, seconds=None):
    """What it prints, and whether it was killed after so many seconds."""
    argv = [sys.executable, "-c", TRIAL, str(path), str(text), solver, str(workers)]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    if seconds is not None:
        time.sleep(seconds)
        process.kill()
    said = process.communicate()[0].split()
    assert process.returncode == (-9 if seconds is not None and process.returncode else 0)
    return said, process.returncode != 0


def check_trials(folder, solver, wanted, kills_each, rng):
    """Trials until there were so many kills; returns kills, trainings gone on with in an epoch, trials."""
    text = folder / "text"
    ids = rng.integers(0, 500, (800, 12))
    text.write_text("\n".join(" ".join(f"w{i}" for i in row) for row in ids))
    begun = time.monotonic()
    whole = run_trial(folder / "whole", text, solver, 2)[0][-1]
    most, kills, inside, trial = time.monotonic() - begun, 0, 0, 0
    while kills < wanted:
        path, trial = folder / f"m{trial}", trial + 1
        for number in range(kills_each):
            said, killed = run_trial(path, text, solver, 1 + number % 3, rng.uniform(0.2, 0.7) * most)
            inside += "inside" in said
            kills += killed
            if not killed:
                most *= 0.9  # the machine has become faster
                break
        said, _ = run_trial(path, text, solver, 1 + trial % 3)
        inside += "inside" in said
        assert said[-1] == whole
    return kills, inside, trial


@slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("solver", SOLVERS)
def test_killed_a_hundred_times(tmp_path, solver, rng):
    """50 kills of either solver, in 10 trials or more."""
    kills, inside, trials = check_trials(tmp_path, solver, 50, 5, rng)
    print(f"{solver}: {trials} trials, {kills} kills, {inside} trainings went on inside an epoch")
    assert inside
