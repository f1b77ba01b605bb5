"""Files that promise more than anybody has, files cut short while they are used: bounded, and refused."""

import signal
import tracemalloc

import kept_files
import numpy as np
import pytest
from commands import fails, python, run
from test_model_file import with_json

import fastsg
from fastsg import CooccurrenceCounts, EncodedCorpus, FormatError, SkipGram
from fastsg.cooccurrence import counts_file
from fastsg.cooccurrence.count_settings import MAX_DRAWS
from fastsg.training.settings import MAX_EPOCHS
from fastsg.training.stages import stage_of

GOOD = (kept_files.KEPT / "0.1" / "model").read_bytes()
SMALL, sentences = kept_files.SETTINGS, kept_files.SENTENCES


@pytest.fixture
def changed(tmp_path):
    """Gives the path of a model whose JSON is changed, with the checksums that go with it."""

    def changed(key, change):
        (tmp_path / "m").write_bytes(with_json(GOOD, key, change))
        return tmp_path / "m"

    return changed


# ---- epochs, draws, histories ----


@pytest.mark.parametrize("epochs", [2**40, 10**9, MAX_EPOCHS + 1])
@pytest.mark.parametrize("where", ["plan", "config"])
def test_epochs_of_a_file_are_bounded(changed, where, epochs):
    def change(value):
        (value["plan"] if where == "plan" else value)["epochs"] = epochs

    path = changed("training" if where == "plan" else "config", change)
    with pytest.raises(FormatError, match=rf"{epochs}.* at most {MAX_EPOCHS}"):
        fastsg.load(path)


def peak_of(action):
    """Bytes that it had at most."""
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_as_many_as_are_allowed_take_no_memory(changed):
    """On the way to the first of 100,000 epochs."""

    class Stop(fastsg.Callback):
        def on_epoch_begin(self, model):
            raise KeyboardInterrupt

    def peak(epochs):
        path = changed("training", lambda value: value["plan"].update(epochs=epochs))
        model = fastsg.load(path, progress=False)

        def resume():
            with pytest.raises(KeyboardInterrupt):
                model.train(sentences, resume=True, callbacks=[Stop()])

        return peak_of(resume)

    assert peak(MAX_EPOCHS) < peak(10) + (1 << 20)


def test_control_a_stage_for_each_of_them_does():
    assert peak_of(lambda: [stage_of(epoch, MAX_EPOCHS, 9, 5) for epoch in range(MAX_EPOCHS)]) > 4 << 20


@pytest.mark.parametrize("epochs", [MAX_EPOCHS + 1, 10**9, 2**64])
def test_epochs_of_an_argument_are_bounded(epochs):
    says = f"epochs is {epochs}; it must be at most {MAX_EPOCHS}"
    with pytest.raises(ValueError, match=says):
        SkipGram(**SMALL | {"epochs": epochs})
    with pytest.raises(ValueError, match=says):
        SkipGram(**SMALL).train(sentences, epochs=epochs)


@pytest.mark.parametrize("draws", [MAX_DRAWS + 1, 2**31, 2**70])
def test_draws_are_bounded(changed, draws):
    with pytest.raises(FormatError, match=f"draws is {draws}; it must be at most {MAX_DRAWS}"):
        fastsg.load(changed("config", lambda config: config.update(draws=draws)))
    with pytest.raises(ValueError, match=f"draws is {draws}; it must be at most {MAX_DRAWS}"):
        SkipGram(draws=draws)
    with pytest.raises(ValueError, match=f"draws is {draws}"):
        CooccurrenceCounts.from_corpus(EncodedCorpus.from_iter(sentences, min_count=1), draws=draws)


@pytest.mark.parametrize("name", ["min_count", "max_final_vocab", "batch_size"])
def test_integers_that_no_array_holds(name):
    with pytest.raises(ValueError, match=f"{name} is {2**63}; it must be at most {2**63 - 1}"):
        SkipGram(**{name: 2**63})


@pytest.mark.parametrize("errors", ["bad", None, 3, ["strict"]])
def test_what_reads_texts_is_known(changed, errors):
    with pytest.raises(FormatError, match="errors="):
        fastsg.load(changed("config", lambda config: config.update(errors=errors)))


@pytest.mark.parametrize("field", list(fastsg.training.EpochRecord.__annotations__))
def test_histories_are_of_their_types(changed, field):
    for value in ("x" * 1000, [1], {}, "1"):
        path = changed("history", lambda history, value=value: history[1].update({field: value}))
        with pytest.raises(FormatError, match=f"its history has {field}=.*in record 2") as caught:
            fastsg.load(path)
        assert len(str(caught.value)) < 300


def test_histories_have_their_fields(changed):
    with pytest.raises(FormatError, match="its history has no seconds in record 1"):
        fastsg.load(changed("history", lambda history: history[0].pop("seconds") and None))


def test_a_history_that_was_cut_is_gone_on_with(tmp_path, monkeypatch):
    """Files keep the newest epochs; of 2,285 and more, none could be loaded."""
    monkeypatch.setattr(fastsg.io.model_file, "_MAX_HISTORY", 1000)
    path = tmp_path / "m"
    model = SkipGram(sentences, **SMALL | {"epochs": 6}, validation=sentences[:3])
    model.plan.epochs = 8
    model.save(path)
    again = fastsg.load(path, validation=sentences[:3], progress=False)
    assert len(again.history) < 4 and again.plan.done == 6
    again.train(sentences, resume=True, callbacks=[fastsg.EarlyStopping(patience=9)])
    assert again.plan.done == 8


# ---- files cut short, files larger than memory ----

CUT = """
import sys
from fastsg import CooccurrenceCounts
counts = CooccurrenceCounts.load(sys.argv[1], mmap=sys.argv[2] == "mapped")
with open(sys.argv[1], "r+b") as file:
    file.truncate(100)
print(counts.counts.sum())
"""


@pytest.fixture
def large(tmp_path):
    """Counts of several pages."""
    n = 30_000
    pairs = np.arange(n)
    CooccurrenceCounts.from_arrays(pairs % 300, pairs // 300, np.ones(n)).save(tmp_path / "c")
    return tmp_path / "c"


def test_a_file_cut_short_after_loading_does_not_matter(large):
    assert python("-c", CUT, large, "read").stdout == "30000.0\n"


def test_control_a_mapped_file_cut_short_kills(large):
    done = python("-c", CUT, large, "mapped")
    assert done.returncode == -signal.SIGBUS


def test_no_more_is_read_than_there_is_room_for(large, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(counts_file, "available", lambda: 1 << 16)
    with pytest.raises(MemoryError, match=r"c takes 0\.00 GiB of memory, .*mmap=True \(--mmap\) maps it"):
        CooccurrenceCounts.load(large)
    assert CooccurrenceCounts.load(large, mmap=True).nnz == 30_000
    line = f"train --counts {large} --vector-size 2 --epochs 1 --quiet -o {tmp_path / 'v'}"
    assert "--mmap" in fails(capsys, line)
    run(capsys, f"{line} --mmap")


def test_mapping_is_for_counts(capsys):
    assert "--mmap is for --counts" in fails(capsys, "train text -o v --mmap")
