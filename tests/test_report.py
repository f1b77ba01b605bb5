"""Reports: what the JSON says and what a person reads."""

import json
import math

import numpy as np
import pytest

from fastsg import Callback, EarlyStopping, SkipGram
from fastsg.model.report import build_report, sha256, summary, write_json

SENTENCES = [["a", "b", "c", "d"], ["b", "a", "d"]] * 20


def trained(**options):
    return SkipGram(SENTENCES, **{"vector_size": 4, "min_count": 1, "epochs": 2, "progress": False} | options)


def test_report_adds_up():
    model = trained(validation=SENTENCES)
    report = build_report(model, 0.5)
    assert report["pairs"] == sum(epoch["pairs"] for epoch in model.history)
    assert report["seconds"]["total"] == pytest.approx(
        sum(value for name, value in report["seconds"].items() if name != "total")
    )
    assert report["seconds"]["save"] == 0.5
    assert (
        report["valid_unigram_nll"] > 0 and report["epochs"][1]["valid_nll"] == model.history[1]["valid_nll"]
    )
    assert report["uniform_nll"] == math.log(4)


def test_same_training_same_digests():
    first, second = build_report(trained(workers=1)), build_report(trained(workers=2))
    assert (
        first["input_sha256"] == second["input_sha256"] and first["output_sha256"] == second["output_sha256"]
    )
    assert build_report(trained(seed=2))["input_sha256"] != first["input_sha256"]


def test_digest_depends_on_every_bit():
    matrix = np.zeros((3, 2), np.float32)
    before = sha256(matrix)
    matrix[2, 1] = -0.0
    assert sha256(matrix) != before


def test_unigram_cross_entropy_is_that_of_the_contexts():
    """Whole-sentence windows of [a b]: each word is the context of the other, so ln 2."""
    model = SkipGram([["a", "b"]] * 5, vector_size=2, min_count=1, epochs=1, window=None, progress=False)
    assert abs(build_report(model)["unigram_nll"] - math.log(2)) < 1e-12


def test_json_has_no_nan(tmp_path):
    write_json({"x": math.nan, "y": [math.inf, 1.0], "z": {"w": (1, 2)}}, tmp_path / "r.json")
    assert json.loads((tmp_path / "r.json").read_text()) == {"x": None, "y": [None, 1.0], "z": {"w": [1, 2]}}


def test_summary_is_for_people():
    text = summary(build_report(trained(validation=SENTENCES)))
    for part in (
        "4 words x 4 coordinates",
        "epoch 2",
        "held-out",
        "perplexity",
        "ln K",
        "pairs/s",
        "peak memory",
    ):
        assert part in text
    assert "None" not in text and "nan" not in text
    assert "held-out" not in summary(build_report(trained()))


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
    assert f"those of epoch {report['restored_epoch']}" in summary(report) and not report["interrupted"]


def test_an_interrupted_training_says_so():
    class Interrupt(Callback):
        def on_epoch_begin(self, model):
            if model.history:
                model.state.whole = False
                raise KeyboardInterrupt

    model = SkipGram(vector_size=4, min_count=1, epochs=3, progress=False)
    with pytest.raises(KeyboardInterrupt):
        model.train(SENTENCES, callbacks=[Interrupt()])
    assert build_report(model)["interrupted"] and "interrupted" in summary(build_report(model))
    assert not build_report(trained())["interrupted"]
