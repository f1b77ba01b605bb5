"""Interrupts: none is lost, whatever runs when it comes; the callers' handlers stay in charge."""

import contextlib
import ctypes
import json
import operator
import os
import pkgutil
import signal
import sys
import threading
import weakref

import pytest
from commands import ROOT, python
from conftest import SLOW, slow
from test_checkpoint import SMALL, outcome, sentences, trained

from fastsg import Callback, SkipGram
from fastsg.system import interrupts
from fastsg.system.interrupts import check, deferred, free, held, is_pending, kept
from fastsg.training.epoch import Stepper

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def handlers_put_back():
    before = [(number, signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)]
    yield
    for number, handler in before:
        signal.signal(number, handler)


class Dies:
    """Its destructor is what happens to run when the signal comes."""

    def __del__(self):
        signal.raise_signal(signal.SIGINT)


class Target:
    pass


def in_a_destructor():
    Dies()


def in_a_weak_reference():
    target = Target()
    watched = weakref.ref(target, lambda _: signal.raise_signal(signal.SIGINT))
    del target
    assert watched() is None


def in_code_that_ignores_errors():
    with contextlib.suppress(BaseException):
        signal.raise_signal(signal.SIGINT)


SWALLOWS = [in_a_destructor, in_a_weak_reference, in_code_that_ignores_errors]


# ---- the mechanism ----


def test_deferred_interrupts_are_pending_and_come_at_the_end():
    """Control: without the block they come at once."""
    reached = []
    with pytest.raises(KeyboardInterrupt), kept():
        with deferred():
            assert not is_pending()
            signal.raise_signal(signal.SIGINT)
            assert is_pending()
            check()
            reached.append("the end of the block")
        assert not is_pending()
        check()
        reached.append("behind it")
    assert reached == ["the end of the block"]
    with pytest.raises(KeyboardInterrupt), kept():
        signal.raise_signal(signal.SIGINT)
        reached.append("behind the signal")
    assert reached == ["the end of the block"]


@pytest.mark.parametrize("swallow", SWALLOWS)
def test_a_swallowed_interrupt_comes_at_the_next_check(swallow):
    reached = []
    with pytest.raises(KeyboardInterrupt), kept():
        swallow()
        reached.append("swallowed")
        check()
        reached.append("lost")
    assert reached == ["swallowed"]
    check()  # it is gone


@pytest.mark.parametrize("swallow", SWALLOWS)
def test_or_at_the_end_of_the_block_or_function(swallow):
    with pytest.raises(KeyboardInterrupt), kept():
        swallow()
    with pytest.raises(KeyboardInterrupt):
        kept()(swallow)()
    with pytest.raises(KeyboardInterrupt), kept():
        with kept():
            swallow()
        pytest.fail("the inner block has an end of its own")


@pytest.mark.parametrize("swallow", SWALLOWS)
def test_control_without_the_block_it_is_lost(swallow):
    swallow()
    check()


def test_an_interrupt_that_arrives_comes_once():
    with pytest.raises(KeyboardInterrupt), kept():
        signal.raise_signal(signal.SIGINT)
    with kept():
        with contextlib.suppress(KeyboardInterrupt), kept():
            signal.raise_signal(signal.SIGINT)
        check()  # whoever called the inner block has seen it


def test_it_counts_more_than_an_error_that_came_of_it():
    with pytest.raises(KeyboardInterrupt), kept():
        in_a_destructor()
        raise ValueError("because of what was left undone")
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt:  # one that is being handled outside is another
        with pytest.raises(KeyboardInterrupt), kept():
            in_a_destructor()


def test_the_callers_handlers_are_called_and_put_back():
    seen = []

    def notes(number, frame):
        seen.append(number)

    def raises(number, frame):
        raise TimeoutError("enough")

    signal.signal(signal.SIGINT, notes)
    signal.signal(signal.SIGTERM, raises)
    with kept():
        signal.raise_signal(signal.SIGINT)
        check()  # a handler that raises nothing interrupts nothing
    assert seen == [signal.SIGINT]
    with pytest.raises(TimeoutError, match="enough"), kept():
        with contextlib.suppress(TimeoutError):
            signal.raise_signal(signal.SIGTERM)
        check()
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == (notes, raises)


def test_what_is_ignored_or_ends_the_process_is_left_alone():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with kept():
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
        signal.raise_signal(signal.SIGINT)


def test_ours_put_back_by_somebody_remembers_nothing():
    """Whoever takes the handler within a block for the caller's own, and sets it later, has the caller's."""
    with kept():
        ours = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, ours)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    with kept():
        check()  # nobody has pressed anything since
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with pytest.raises(KeyboardInterrupt), kept():
        in_a_destructor()


def test_a_handler_set_meanwhile_stays():
    def later(number, frame):
        pass

    with kept():
        signal.signal(signal.SIGINT, later)
    assert signal.getsignal(signal.SIGINT) is later


def test_other_threads_are_left_alone():
    before, failed = signal.getsignal(signal.SIGINT), []

    def work():
        try:
            with kept():
                assert signal.getsignal(signal.SIGINT) is before
                check()
            trained(epochs=1)
        except BaseException as error:  # noqa: BLE001  the test looks at it
            failed.append(error)

    with kept():
        in_main = signal.getsignal(signal.SIGINT)
    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert not failed and in_main is not before


# ---- trainings ----


class SwallowedAt(Callback):
    def __init__(self, hook, swallow):
        setattr(self, hook, lambda model: swallow())


@pytest.mark.parametrize("hook", [name for name in vars(Callback) if name.startswith("on_")])
@pytest.mark.parametrize("swallow", SWALLOWS)
def test_a_training_ends_where_the_interrupt_was_swallowed(hook, swallow):
    model = SkipGram(**SMALL)
    model.build_vocab(sentences())
    with pytest.raises(KeyboardInterrupt):
        model.train(callbacks=[SwallowedAt(hook, swallow)])
    assert len(model.history) <= (5 if hook == "on_train_end" else 1)
    assert outcome(model.train(resume=True)) == outcome(trained())


def test_a_text_is_not_read_to_its_end():
    def text():
        for number, sentence in enumerate(sentences()):
            if number == 3:
                in_a_destructor()
            yield sentence

    with pytest.raises(KeyboardInterrupt):
        SkipGram(text(), **SMALL)


# ---- at every line ----


class InterruptAt:
    """A trace function: the signal comes before line number `number` of the training's files.

    Of interrupts.py, and of what Python's context managers do, calls are such lines: CPython looks for
    signals at calls and loops alone.
    """

    FOLDERS = tuple(
        f"{ROOT / 'fastsg' / name}{os.sep}"
        for name in ("training", "numerics", "cooccurrence", "model", "distributed")
    )

    def __init__(self, number):
        self.number, self.lines, self.where, self.error = number, 0, None, None

    def __call__(self, frame, event, arg):
        if frame.f_code.co_filename.startswith(self.FOLDERS):
            return self.line
        if frame.f_code.co_filename in (interrupts.__file__, contextlib.__file__):
            self.count(frame)
        return None

    def line(self, frame, event, arg):
        if event == "line":
            self.count(frame)
        return self.line

    def count(self, frame):
        self.lines += 1
        if self.lines == self.number:
            sys.settrace(None)
            self.where = f"{frame.f_code.co_filename}:{frame.f_lineno}"
            signal.getsignal(signal.SIGINT)(signal.SIGINT, frame)  # as Python would call it here


def interrupted_at_line(number, work):
    """Do it, and be interrupted there; the trace function."""
    trace, before = InterruptAt(number), sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    except KeyboardInterrupt as error:
        trace.error = error  # kept, as a console does: nothing may wait for its end
    finally:
        sys.settrace(before)
    assert bool(trace.where) == (trace.error is not None), f"lost at {trace.where}"
    assert not interrupts._depth and not interrupts._is_held, trace.where
    return trace


def left_at_line(number, options):
    """The model of a training that was interrupted there, and the trace function."""
    model = SkipGram(**SMALL | options)
    model.build_vocab(sentences())
    return model, interrupted_at_line(number, model.train)


def not_resumed(options, stride):
    """The lines at which an interrupt leaves a model that cannot be resumed, or is another one then."""
    whole, trace = left_at_line(0, options)
    found, lines = [], range(1 + stride // 2, trace.lines, stride)
    for number in lines:
        model, trace = left_at_line(number, options)
        try:
            same = outcome(model.train(resume=model.plan is not None)) == outcome(whole)
        except (RuntimeError, ValueError) as error:
            found.append((trace.where, str(error)))
        else:
            found += [] if same else [(trace.where, "another model")]
    assert len(lines) > 20
    return found


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "options",
    [
        {"epochs": 3, "batch_size": 40},
        {"epochs": 2, "batch_size": 40, "validation": sentences(1)},
        {"epochs": 3, "batch_size": 30, "optimizer": "adagrad", "init": "random", "sample": 0.01},
        {"epochs": 2, "solver": "sgd", "batch_size": 400, "optimizer": "adagrad"},
    ],
)
def test_interrupted_at_any_line_and_resumed(options):
    """Whatever a training had begun to change is changed whole, or is as it was."""
    assert not_resumed(options, 1 if SLOW else 61) == []


def test_control_nothing_is_held(monkeypatch):
    for module in ("fastsg.training.loop", "fastsg.model.skipgram"):
        monkeypatch.setattr(f"{module}.held", contextlib.nullcontext)
    assert not_resumed({"epochs": 3, "batch_size": 40}, 41)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("before, more", [(0, 60), (60, 60), (60, 6)])
@pytest.mark.parametrize("solver", ["counts", "sgd"])
def test_interrupted_at_any_line_of_more_text(before, more, solver):
    """Text is taken in once, or not at all: whoever is interrupted makes the same call again.

    Unless it had come to its end: what comes behind its last check ends it too, as it must end something.
    """

    def taking_in(number):
        model = SkipGram(**SMALL | {"epochs": 2, "batch_size": 40, "solver": solver})
        if before:
            model.partial_fit(sentences(count=before))
        known = outcome(model) if before else None
        return model, known, interrupted_at_line(number, lambda: model.partial_fit(sentences(1, more)))

    whole, _, trace = taking_in(0)
    late, lines = 0, range(1 if SLOW else 40, trace.lines, 1 if SLOW else 211)
    assert len(lines) > 3
    for number in lines:
        model, known, trace = taking_in(number)
        if model.is_built and outcome(model) == outcome(whole):
            late += 1
            continue
        assert (outcome(model) if model.is_built else None) == known, trace.where
        assert outcome(model.partial_fit(sentences(1, more))) == outcome(whole), trace.where
    assert late < 10


@pytest.mark.parametrize("mode", ["kept", "free"])
def test_the_end_of_a_block_is_not_interrupted(mode):
    """Its first instruction looks for signals, and it must be closed all the same."""
    ends = {"kept": kept.__exit__.__code__, "free": type(free()).__exit__.__code__}
    came = []

    def trace(frame, event, arg):
        if frame.f_code is ends[mode] and not came:
            came.append(interrupts._is_held)
            signal.getsignal(signal.SIGINT)(signal.SIGINT, frame)

    before = sys.gettrace()
    with pytest.raises(KeyboardInterrupt), kept(), held():
        with free():
            if mode == "free":
                sys.settrace(trace)
        assert mode == "kept" or (came == [False] and interrupts._is_held)
        if mode == "kept":
            sys.settrace(trace)
    sys.settrace(before)
    assert came and not interrupts._depth and not interrupts._is_held
    check()  # it came once


class Once:
    """In place of a function: the signal comes in its first call, and what would follow must not."""

    def __init__(self, real):
        self.real, self.went_on, self.calls = real, False, 0

    def __call__(self, *args, **options):
        self.calls += 1
        if self.calls == 1:
            signal.raise_signal(signal.SIGINT)
            self.went_on = True
        return self.real(*args, **options)


@pytest.mark.parametrize(
    "place",
    [
        "fastsg.numerics.initializers.spectral_start",
        "fastsg.numerics.fold_in._nearest",
        "fastsg.training.loop.held_out_loss",
        "fastsg.training.heldout.CooccurrenceCounts.of_windows",
        "fastsg.training.batch_sources.leading_block",
        "fastsg.training.plan._fingerprints",
    ],
)
def test_what_takes_long_is_interrupted_at_once(place, monkeypatch):
    """And can be begun anew: the training goes on to the same end."""
    model = SkipGram(**SMALL | {"validation": sentences(1)})
    model.build_vocab(sentences())
    whole = SkipGram(**SMALL | {"validation": sentences(1)})
    whole.build_vocab(sentences())
    if "fold_in" in place:
        for each in (model, whole):
            each.I[0] = 1
    name, _, function = place.rpartition(".")
    once = Once(operator.attrgetter(function)(pkgutil.resolve_name(name)))
    monkeypatch.setattr(place, once)
    with pytest.raises(KeyboardInterrupt):
        model.train()
    assert once.calls == 1 and not once.went_on
    assert outcome(model.train(resume=model.plan is not None)) == outcome(whole.train())


def test_a_callback_is_interrupted_at_once():
    class Long(Callback):
        went_on = False

        def on_batch_end(self, model):
            signal.raise_signal(signal.SIGINT)
            self.went_on = True

    model, long = SkipGram(**SMALL), Long()
    model.build_vocab(sentences())
    with pytest.raises(KeyboardInterrupt):
        model.train(callbacks=[long])
    assert not long.went_on
    assert outcome(model.train(resume=True)) == outcome(trained())


def test_a_step_is_interrupted_before_it_writes():
    """Not when the whole batch is done: its first pass looks for signals (test_process.py)."""
    model = SkipGram(**SMALL | {"batch_size": 10_000})
    model.build_vocab(sentences())

    class Pending(Callback):
        def on_epoch_begin(self, model):
            self.before = model.O.tobytes()

    pending, real = Pending(), Stepper._parts

    def parts(*args):
        ctypes.pythonapi.PyErr_SetInterrupt()  # seen at the next call in Python
        return real(*args)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt) as caught:
        patch.setattr(Stepper, "_parts", parts)
        model.train(callbacks=[pending])
    assert model.O.tobytes() == pending.before and caught.traceback
    assert outcome(model.train(resume=True)) == outcome(trained(batch_size=10_000))


def test_held_interrupts_come_at_the_next_check_or_free_block():
    reached = []
    with pytest.raises(KeyboardInterrupt), kept():
        with held():
            signal.raise_signal(signal.SIGINT)
            reached.append("held")
            check()
        reached.append("after a check")
    with pytest.raises(KeyboardInterrupt), kept(), held():
        signal.raise_signal(signal.SIGINT)
        reached.append("held again")
        with free():
            reached.append("free")
    with pytest.raises(KeyboardInterrupt), kept(), held(), free():
        signal.raise_signal(signal.SIGINT)
        reached.append("after it")
    with pytest.raises(KeyboardInterrupt), kept():
        with held():
            signal.raise_signal(signal.SIGINT)
        reached.append("the end of the block raises nothing")
    assert reached == ["held", "held again", "the end of the block raises nothing"]
    with pytest.raises(KeyboardInterrupt), kept():
        signal.raise_signal(signal.SIGINT)
        reached.append("it holds no longer")
    assert len(reached) == 3


# ---- at random moments ----

MOMENTS = """
import json, os, random, signal, sys, threading, time
import numpy as np
import fastsg
from fastsg import SkipGram
folder, times, words, tokens, number = sys.argv[1], *map(int, sys.argv[2:])
rng = np.random.default_rng(number)
def write(path, n):
    ids = rng.zipf(1.1, (n // 20, 20)) % words
    with open(path, "w") as file:
        file.write("\\n".join(" ".join(f"w{i}" for i in row) for row in ids))
text, valid = folder + "/text", folder + "/valid"
write(text, tokens)
write(valid, tokens // 20)
def session():
    global model, phase
    phase = "read"
    model = SkipGram(vector_size=32, min_count=1, epochs=2, progress=False, validation=valid)
    model.build_vocab(corpus_file=text)
    phase = "train"
    model.train()
    phase = "save"
    model.save(folder + "/m")
    model.wv.save_word2vec_format(folder + "/v.vec")
    phase = "ask"
    model.wv.most_similar("w1")
begun = time.perf_counter()
session()
whole = time.perf_counter() - begun
lost, waits, phases = 0, [], {}
def kill():
    global sent
    sent = time.perf_counter()
    os.kill(os.getpid(), signal.SIGINT)
for _ in range(times):
    sent = None
    timer = threading.Timer(rng.uniform(0, whole), kill)
    try:
        timer.start()
        session()
        timer.cancel()
        timer.join()
        time.sleep(0.001)
        lost += sent is not None
    except KeyboardInterrupt:
        waits.append(time.perf_counter() - sent)
        phases[phase] = phases.get(phase, 0) + 1
    if model.is_built:
        assert np.isfinite(model.I).all() and np.isfinite(model.O).all()
        if model.plan and _ % 5 == 0:
            assert not np.isnan(model.train(resume=bool(model.state.begun), epochs=None).history[-1]["nll"])
assert fastsg.load(folder + "/m").history
print(json.dumps([lost, sorted(waits), phases, whole]))
"""


def interrupted_at_moments(folder, times, words, tokens):
    """How many interrupts of how many were lost, and the seconds that each of the others took."""
    done = python("-c", MOMENTS, folder, times, words, tokens, 1, timeout=1700)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def test_interrupted_at_random_moments(tmp_path):
    lost, waits, _, _ = interrupted_at_moments(tmp_path, 10, 2000, 100_000)
    assert lost == 0 and len(waits) > 2


@slow
@pytest.mark.timeout(1800)
def test_interrupted_at_two_hundred_moments(tmp_path):
    lost, waits, phases, whole = interrupted_at_moments(tmp_path, 230, 8_000, 300_000)
    print(f"{len(waits)} interrupts, {lost} lost, {phases}, session {whole:.1f} s, p99 {waits[-3]:.3f} s")
    assert lost == 0 and len(waits) >= 200 and waits[-3] < 0.5
