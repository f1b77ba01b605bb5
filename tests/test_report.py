"""Reports: what the JSON says and what a person reads."""

import json
import math
import re

import numpy as np
import pytest

from fastsg import Callback, CooccurrenceCounts, EarlyStopping, EncodedCorpus, SkipGram
from fastsg.cli.summary import summary
from fastsg.model.report import build_report, write_json
from fastsg.numerics.optimizer import newton_alpha

SENTENCES = [["a", "b", "c", "d"], ["b", "a", "d"]] * 20


@pytest.fixture(autouse=True)
def terminal_of_80_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


def trained(**options):
    return SkipGram(SENTENCES, **{"vector_size": 4, "min_count": 1, "epochs": 2, "progress": False} | options)


def summarized(model):
    return summary(build_report(model))


def table(text):
    """The lines of the epochs in a summary, as lists of cells."""
    lines = [line for line in text.splitlines() if re.match(r" +\d+  ", line)]
    return [re.split(r" {2,}", line.strip()) for line in lines]


def subjects(model):
    """What the summary says each epoch was trained on."""
    return [" ".join(row[1:3]) for row in table(summarized(model))]


# ---- for machines ----------------------------------------------------------------------------------------


def test_the_report_tells_what_went_by_the_text():
    model = SkipGram(SENTENCES, vector_size=2, min_count=1, progress=False)
    settings = build_report(model)["settings"]
    assert model.settings.epochs is None and settings["epochs"] == 10 == len(model.history)
    pairs = CooccurrenceCounts.from_corpus(EncodedCorpus.from_iter(SENTENCES, min_count=1)).total
    assert settings["alpha"] == pytest.approx(newton_alpha(pairs, len(model.vocab), 2))
    assert settings["min_alpha"] == settings["alpha"] / 10


def test_report_adds_up():
    model = trained(validation=SENTENCES)
    report = build_report(model, 0.5)
    assert report["pairs"] == sum(epoch["pairs"] for epoch in model.history)
    assert report["seconds"]["total"] == pytest.approx(
        sum(value for name, value in report["seconds"].items() if name != "total")
    )
    assert report["seconds"]["save"] == 0.5
    assert report["valid_unigram_nll"] > 0
    assert report["epochs"][1]["valid_nll"] == model.history[1]["valid_nll"]
    assert report["uniform_nll"] == math.log(4)


def test_same_training_same_digests():
    digests = "input_sha256", "output_sha256"
    first, second = build_report(trained(workers=1)), build_report(trained(workers=2))
    assert [first[name] for name in digests] == [second[name] for name in digests]
    assert build_report(trained(seed=2))["input_sha256"] != first["input_sha256"]


def test_digest_depends_on_every_bit():
    model = trained()
    model.I[2, 1] = 0.0
    before = build_report(model)
    model.I[2, 1] = -0.0
    after = build_report(model)
    assert after["input_sha256"] != before["input_sha256"]
    assert after["output_sha256"] == before["output_sha256"]


def test_unigram_cross_entropy_is_that_of_the_contexts():
    """Whole-sentence windows of [a b]: each word is the context of the other, so ln 2."""
    model = SkipGram([["a", "b"]] * 5, vector_size=2, min_count=1, epochs=1, window=None, progress=False)
    assert abs(build_report(model)["unigram_nll"] - math.log(2)) < 1e-12


def test_json_has_no_nan(tmp_path):
    write_json({"x": math.nan, "y": [math.inf, 1.0], "z": {"w": (1, 2)}}, tmp_path / "r.json")
    assert json.loads((tmp_path / "r.json").read_text()) == {"x": None, "y": [None, 1.0], "z": {"w": [1, 2]}}


# ---- for people ------------------------------------------------------------------------------------------


def test_summary_is_for_people():
    text = summarized(trained(validation=SENTENCES))
    for part in ("4 words x 4 coordinates", "held-out", "perplexity", "ln K", "pairs/s", "peak memory"):
        assert part in text
    assert "2 epochs" in text and [row[0] for row in table(text)] == ["1", "2"]
    assert "None" not in text and "nan" not in text
    assert "held-out" not in summarized(trained())
    assert max(map(len, text.splitlines())) <= 80


def test_the_table_shows_each_loss_beside_the_unigram_loss_of_the_same_pairs():
    model = trained(validation=SENTENCES, sample=0.1, epochs=3)
    assert model.history[0]["unigram_nll"] != model.history[-1]["unigram_nll"]
    for (_, _, _, *cells), epoch in zip(table(summarized(model)), model.history, strict=True):
        losses = [
            epoch[name] for name in ("nll", "unigram_nll", "perplexity", "valid_nll", "valid_perplexity")
        ]
        np.testing.assert_allclose([float(cell) for cell in cells[:5]], losses, atol=0.06)
        assert cells[0] == f"{epoch['nll']:.4f}" and cells[1] == f"{epoch['unigram_nll']:.4f}"
        assert cells[3] == f"{epoch['valid_nll']:.4f}"
    held_out = f"{model.history[-1]['valid_unigram_nll']:.4f}"
    assert re.search(rf"\(unigram, whole text\) +{held_out}", summarized(model))


THINNED, WHOLE = "thinned all", "whole all"


@pytest.mark.parametrize(
    "options, wanted",
    [
        ({"epochs": 5}, [THINNED] * 3 + [WHOLE] * 2),
        ({"epochs": 1}, [WHOLE]),
        ({"epochs": 5, "draws": 0}, [THINNED] * 3 + [WHOLE] * 2),
        (
            {"epochs": 5, "head": 0.5},
            [THINNED, *["thinned 2"] * 2, "whole 2", WHOLE],
        ),
        ({"epochs": 3, "sample": 0}, [WHOLE] * 3),
        ({"epochs": 3, "solver": "sgd"}, [THINNED] * 3),
        ({"epochs": 3, "solver": "sgd", "sample": 0}, [WHOLE] * 3),
    ],
    ids=str,
)
def test_every_epoch_says_what_it_was_trained_on(options, wanted):
    model = trained(**{"sample": 0.1} | options)
    assert subjects(model) == wanted
    text = summarized(model)
    notes = re.findall(r"(?m)^(thinned|words) ", text)
    assert ("thinned" in notes) == any("thinned" in subject for subject in wanted)
    assert ("words" in notes) == any("2" in subject for subject in wanted)


def test_the_summary_says_which_words_were_centers():
    """Of the last epoch in which not all were; nothing where epochs had all, or do not tell."""
    model = trained(epochs=3, head=0.5)
    few = model.history[0]["centers"]
    assert few < model.history[0]["words"] == len(model.vocab)
    line = f"in epoch 1 the {few} most frequent words alone"
    assert line in " ".join(summarized(model).split())
    for record in model.history:
        del record["centers"]
    assert "centers" not in summarized(model)
    assert "centers" not in summarized(trained(epochs=3, head=1))


def test_the_texts_named_are_those_trained_on():
    """By what training itself keeps: its state after each epoch."""
    found = []

    class Watch(Callback):
        def on_epoch_end(self, model):
            found.append("thinned" if model.state.thinned else "whole")

    model = trained(sample=0.1, epochs=6, callbacks=[Watch()])
    assert [subject.split()[0] for subject in subjects(model)] == found and len(set(found)) == 2


def test_counts_that_are_thinned_throughout():
    counts = CooccurrenceCounts.from_corpus(EncodedCorpus.from_iter(SENTENCES, min_count=1), sample=0.1)
    model = SkipGram(vector_size=4, epochs=3, progress=False).fit_counts(counts)
    assert subjects(model) == [THINNED] * 3


def test_a_file_tells_what_each_epoch_was_trained_on(tmp_path):
    model = trained(sample=0.1, epochs=3).train(SENTENCES, epochs=2)
    model.save(tmp_path / "m")
    loaded = SkipGram.load(tmp_path / "m")
    assert subjects(loaded) == subjects(model) == [THINNED, THINNED, WHOLE, THINNED, WHOLE]
    assert [epoch["thinned"] for epoch in build_report(loaded)["epochs"]] == [True, True, False, True, False]
    loaded.train(SENTENCES, epochs=1)
    assert subjects(loaded) == [*subjects(model), WHOLE]


def test_what_an_old_file_does_not_tell_is_not_claimed(tmp_path):
    model = trained(sample=0.1, epochs=3)
    for record in model.history:
        del record["thinned"]
    model.save(tmp_path / "m")
    loaded = SkipGram.load(tmp_path / "m").train(SENTENCES, epochs=1)
    assert subjects(loaded) == ["unknown all"] * 3 + [WHOLE]
    assert [epoch["thinned"] for epoch in build_report(loaded)["epochs"]] == [None] * 3 + [False]


def test_thinning_that_leaves_no_pair_is_not_claimed():
    """There are no thinned counts then: every epoch is on the whole text."""
    sentences = [["a", "b"]] * 60 + [["c", "d"]] * 2
    model = SkipGram(sentences, vector_size=2, min_count=1, sample=1e-6, draws=1, epochs=3, progress=False)
    assert model.sample > 0 and subjects(model) == [WHOLE] * 3


def test_huge_losses_stay_in_their_columns():
    model = trained()
    model.history[0]["nll"] = 1000.0
    row, other = table(summarized(model))
    assert "1.0e+304" in row and len(row) == len(other)
    assert max(map(len, summarized(model).splitlines())) <= 80


def test_the_epoch_that_early_stopping_put_back_is_named():
    model = trained(
        validation=[["a", "a", "d", "d"]] * 3, callbacks=[EarlyStopping(patience=1)], alpha=2.0, epochs=9
    )
    report = build_report(model)
    if report["restored_epoch"] is None:
        pytest.fail("the held-out loss never rose: choose another text")
    assert -model.score(model.validation) == pytest.approx(
        report["epochs"][report["restored_epoch"] - 1]["valid_nll"], rel=1e-6
    )
    text = summary(report)
    assert f"those of epoch {report['restored_epoch']}" in text and not report["interrupted"]
    assert len(table(text)) == len(model.history)


class Interrupt(Callback):
    """Ends a training as Ctrl-C does, within the epoch after `epochs` ones."""

    def __init__(self, epochs):
        self.epochs = epochs

    def on_epoch_begin(self, model):
        if len(model.history) == self.epochs:
            model.state.at_epoch_end = False
            raise KeyboardInterrupt


@pytest.mark.parametrize("epochs", [0, 1, 3])
def test_an_interrupted_training_says_so(epochs):
    model = SkipGram(vector_size=4, min_count=1, epochs=5, sample=0.1, progress=False)
    with pytest.raises(KeyboardInterrupt):
        model.train(SENTENCES, callbacks=[Interrupt(epochs)])
    assert build_report(model)["interrupted"] and "interrupted" in summarized(model)
    assert subjects(model) == [THINNED] * epochs
    assert not build_report(trained())["interrupted"] and "interrupted" not in summarized(trained())
