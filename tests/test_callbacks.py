"""Callbacks: order of the hooks, stopping, early stopping on scripted losses."""

import math

import numpy as np
import pytest

from fastsg import Callback, EarlyStopping, SkipGram
from fastsg.training.callbacks import StopTraining

TEXT = [["a", "b", "c", "d"], ["b", "d", "a"]] * 10


def train(*callbacks, epochs=3, **settings):
    return SkipGram(
        TEXT,
        vector_size=4,
        min_count=1,
        epochs=epochs,
        sample=0,
        callbacks=callbacks,
        progress=False,
        **settings,
    )


class Recorder(Callback):
    """Writes down what it is told, and where the model stands."""

    def __init__(self, name="", log=None):
        self.name, self.log = name, [] if log is None else log

    def told(self, hook, model):
        self.log.append((self.name + hook, len(model.history)))

    def on_train_begin(self, model):
        self.told("train begin", model)

    def on_epoch_begin(self, model):
        self.told("epoch begin", model)

    def on_epoch_end(self, model):
        self.told("epoch end", model)

    def on_train_end(self, model):
        self.told("train end", model)


class StopAt(Callback):
    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch_end(self, model):
        if len(model.history) == self.epoch:
            raise StopTraining


class Script(Callback):
    """Puts losses of our own into the history, and keeps each epoch's matrices."""

    def __init__(self, losses, name="valid_nll"):
        self.losses, self.name, self.states = losses, name, []

    def on_epoch_end(self, model):
        model.history[-1][self.name] = self.losses[len(model.history) - 1]
        self.states.append((model.I.copy(), model.O.copy()))


def test_order_of_hooks():
    recorder = Recorder()
    train(recorder, epochs=2)
    assert recorder.log == [
        ("train begin", 0),
        ("epoch begin", 0),
        ("epoch end", 1),
        ("epoch begin", 1),
        ("epoch end", 2),
        ("train end", 2),
    ]


def test_callbacks_take_turns_and_those_of_train_come_last():
    log = []
    model = SkipGram(
        vector_size=4, min_count=1, epochs=1, sample=0, callbacks=[Recorder("1 ", log)], progress=False
    )
    model.train(TEXT, callbacks=[Recorder("2 ", log)])
    assert [hook for hook, _ in log] == [
        f"{i} {hook}" for hook in ("train begin", "epoch begin", "epoch end", "train end") for i in (1, 2)
    ]
    model.train()  # the second was for one training only
    assert [hook for hook, _ in log[8:]] == [
        f"1 {hook}" for hook in ("train begin", "epoch begin", "epoch end", "train end")
    ]


def test_the_base_does_nothing_and_changes_no_bit():
    assert train(Callback()).I.tobytes() == train().I.tobytes()


def test_stopping():
    """The others are told of the last epoch, and of the end."""
    before, after = Recorder(), Recorder()
    model = train(before, StopAt(2), after, epochs=9)
    assert len(model.history) == 2 and before.log == after.log
    assert after.log[-2:] == [("epoch end", 2), ("train end", 2)]
    assert len(model.train(epochs=1).history) == 3


def test_an_error_in_a_callback_ends_the_training_and_the_model_can_go_on():
    class Broken(Callback):
        def on_epoch_end(self, model):
            raise ZeroDivisionError

    model = SkipGram(vector_size=4, min_count=1, epochs=3, sample=0, progress=False)
    with pytest.raises(ZeroDivisionError):
        model.train(TEXT, callbacks=[Broken()])
    assert len(model.history) == 1 and np.isfinite(model.I).all()
    assert len(model.train(TEXT).history) == 4


def test_history_is_there_when_an_epoch_ends():
    seen = []

    class Look(Callback):
        def on_epoch_end(self, model):
            seen.append((model.history[-1]["nll"], model.wv["a"].copy(), model.score(TEXT)))

    model = train(Look())
    assert [nll for nll, *_ in seen] == [record["nll"] for record in model.history]
    assert (seen[-1][1] == model.wv["a"]).all() and seen[0][2] < seen[-1][2]


# ---- early stopping ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "losses, options, epochs, best",
    [
        ([5, 4, 3, 2, 1], {}, 5, 5),
        ([5, 4, 4.5, 4.6, 1], {"patience": 2}, 4, 2),
        ([5, 4, 4.5, 3, 3.5, 3.6, 1], {"patience": 2}, 6, 4),
        ([5, 6, 1], {}, 2, 1),
        ([5, 6, 1], {"patience": 1}, 2, 1),
        ([5, 4, 4, 4, 4, 1], {"patience": 3}, 5, 2),
        ([5, 4.95, 4.9, 4.8, 1], {"min_delta": 0.1, "patience": 2}, 3, 1),
        ([5, math.nan, math.nan, 1], {"patience": 2}, 3, 1),
    ],
)
def test_early_stopping(losses, options, epochs, best):
    script, stopping = Script(losses), EarlyStopping(**options)
    model = train(script, stopping, validation=TEXT, epochs=len(losses))
    assert len(model.history) == epochs and stopping.best_epoch == best and stopping.best == losses[best - 1]
    assert (model.I == script.states[best - 1][0]).all() and (model.O == script.states[best - 1][1]).all()
    assert (model.wv["a"] == model.I[model.vocab["a"]]).all()


def test_without_restoring_the_last_state_stays():
    script = Script([5, 6, 7, 1])
    model = train(script, EarlyStopping(restore_best=False), validation=TEXT, epochs=4)
    assert len(model.history) == 2 and (model.I == script.states[1][0]).all()


@pytest.mark.parametrize(
    "settings, epochs",
    [({"sample": 0.01}, 4), ({"sample": 0}, 2), ({"sample": 0.01, "solver": "sgd"}, 2)],
    ids=["thinned", "whole", "sgd"],
)
def test_patience_waits_for_the_text(settings, epochs):
    """Of six epochs on counts three are on thinned text, if any is; all of those of sgd are."""
    callbacks = [script := Script([5, 6, 7, 8, 9, 1]), EarlyStopping(patience=1)]
    small = {"vector_size": 4, "min_count": 1, "epochs": 6, "progress": False}
    model = SkipGram(TEXT, validation=TEXT, callbacks=callbacks, **small, **settings)
    assert (len(model.history), model.restored_epoch) == (epochs, 1)
    assert (model.I == script.states[0][0]).all()  # and not those of another epoch that did not count


def test_the_best_state_comes_back_after_the_last_epoch_too():
    script = Script([5, 4, 4.5])
    model = train(script, EarlyStopping(patience=5), validation=TEXT, epochs=3)
    assert len(model.history) == 3 and (model.I == script.states[1][0]).all()


def test_cached_vectors_see_the_restored_state():
    class Cache(Callback):
        def on_epoch_end(self, model):
            model.wv.fill_norms()

    model = train(Script([5, 6, 7]), Cache(), EarlyStopping(), validation=TEXT, epochs=3)
    fresh = np.linalg.norm(model.I[model.vocab["a"]])
    assert np.linalg.norm(model.wv.get_vector("a", norm=True)) == pytest.approx(1, rel=1e-5) and fresh > 0


def test_monitoring_the_training_loss():
    stopping = EarlyStopping("nll", patience=1)
    model = train(Script([3, 2, 2.5, 1], "nll"), stopping, epochs=4, solver="sgd")
    assert len(model.history) == 3 and stopping.best == 2


def test_training_losses_of_counts_do_not_compare():
    with pytest.raises(
        ValueError,
        match=r"monitor='nll'.* different words and counts: give the model validation= "
        r"and monitor 'valid_nll'",
    ):
        train(EarlyStopping("nll"), epochs=4)


def test_a_second_training_starts_counting_anew():
    stopping = EarlyStopping("nll", patience=1)
    model = train(Script([3, 3.5, 9, 9.5, 1, 1], "nll"), stopping, epochs=4, solver="sgd")
    assert len(model.history) == 2
    model.train()
    assert len(model.history) == 4 and stopping.best == 9


def test_early_stopping_refuses():
    with pytest.raises(ValueError, match="monitor is 'loss'; allowed are 'valid_nll' and 'nll'"):
        EarlyStopping("loss")
    for patience in (0, -1, 1.5, True, None):
        with pytest.raises(ValueError, match=r"patience is .*; allowed are integers >= 1"):
            EarlyStopping(patience=patience)
    with pytest.raises(ValueError, match="needs a validation text"):
        train(EarlyStopping())
