"""How a training behaves in its process: fork, threads, interrupts, the environment."""

import ctypes
import functools
import gc
import json
import operator
import os
import re
import signal
import sys
import threading
import time

import numpy as np
import pytest
from commands import python

from fastsg import Callback, DivergenceError, SkipGram, _core

TEXT = [[f"w{(i * j) % 300}" for i in range(1, 25)] for j in range(1, 120)]
COMMON = {
    "vector_size": 16,
    "min_count": 1,
    "epochs": 2,
    "batch_size": 500,
    "sample": 0,
    "workers": 2,
    "progress": False,
}


def train(**settings):
    return SkipGram(TEXT, **COMMON | settings)


def bits(model):
    return model.I.tobytes(), model.O.tobytes(), [record["nll"] for record in model.history]


# ---- fork ------------------------------------------------------------------------------------------------

FORK = """
import ctypes, os, signal, sys, time
from fastsg import SkipGram, _core
sentences = [[f"w{(i * j) % 300}" for i in range(1, 25)] for j in range(1, 60)]
def train():
    options = {"vector_size": 16, "min_count": 1, "epochs": 1, "workers": 2, "sample": 0, "progress": False}
    return SkipGram(sentences, **options).I.tobytes()
def child(fork):
    pid = fork()
    if pid == 0:
        signal.alarm(20)
        os._exit(0 if train() == here else 3)
    return pid
here = train()
"""

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")


@needs_fork
def test_forked_children_train():
    """Again and again, several at once, and the parent goes on too: all with the same bits."""
    code = (
        FORK
        + """
for round in range(4):
    children = [child(os.fork) for _ in range(3)]
    assert train() == here
    print(*[os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children])
"""
    )
    done = python("-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["0"] * 12


@needs_fork
def test_grandchildren_train():
    code = (
        FORK
        + """
pid = os.fork()
if pid == 0:
    signal.alarm(40)
    good = train() == here
    grandchild = child(os.fork)
    os._exit(0 if good and os.waitpid(grandchild, 0)[1] == 0 else 3)
print(os.waitpid(pid, 0)[1])
"""
    )
    done = python("-c", code)
    assert done.stdout.split() == ["0"], done.stderr


@needs_fork
@pytest.mark.skipif(
    not _core.OPENMP or not sys.platform.startswith("linux"), reason="needs OpenMP as gcc has it"
)
def test_control_fork_behind_our_back_hangs():
    """Without the handler (a fork that Python does not see) the child waits for threads that do not exist."""
    code = (
        FORK
        + """
pid = child(ctypes.CDLL(None).fork)
time.sleep(2)
print("waits" if os.waitpid(pid, os.WNOHANG)[0] == 0 else "trained")
os.kill(pid, signal.SIGKILL)
"""
    )
    done = python("-c", code)
    if done.stdout.split() == ["trained"]:
        pytest.skip("this OpenMP survives a fork by itself")
    assert done.stdout.split() == ["waits"], done.stderr


@needs_fork
def test_pools_of_processes_train():
    code = """
import multiprocessing, sys
from fastsg import SkipGram
def train(seed):
    sentences = [[f"w{(i * j) % 300}" for i in range(1, 25)] for j in range(1, 60)]
    options = {"vector_size": 8, "min_count": 1, "epochs": 1, "workers": 2, "sample": 0, "progress": False}
    return SkipGram(sentences, seed=seed, **options).I.sum()
if __name__ == "__main__":
    here = [train(seed) for seed in range(4)]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        print(pool.map(train, range(4)) == here)
"""
    done = python("-c", code)
    assert done.stdout.split() == ["True"], done.stderr


def test_pausing_changes_nothing():
    want = bits(train())
    _core.pause()
    _core.pause()
    assert bits(train()) == want


# ---- Python threads --------------------------------------------------------------------------------------


def in_threads(*functions):
    """Run all at once; their results or exceptions."""
    results, barrier = [None] * len(functions), threading.Barrier(len(functions))

    def call(i):
        barrier.wait()
        try:
            results[i] = functions[i]()
        except Exception as error:  # noqa: BLE001 - whatever it is, the test looks at it
            results[i] = error

    threads = [threading.Thread(target=call, args=(i,)) for i in range(len(functions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_models_in_threads_are_models_in_turn():
    want = [bits(train(seed=seed)) for seed in range(4)]
    got = in_threads(*(lambda seed=seed: bits(train(seed=seed)) for seed in range(4)))
    assert got == want


class Meanwhile(Callback):
    """Does something while the model is being trained."""

    def __init__(self, action):
        self.action, self.caught = action, None

    def on_epoch_begin(self, model):
        if self.caught is None:
            self.caught = (
                "nothing yet"  # if a second training does begin, its callbacks must not begin a third
            )
            (self.caught,) = in_threads(lambda: self.action(model))


@pytest.mark.parametrize(
    "action",
    [
        lambda m: m.train(),
        lambda m: m.partial_fit(TEXT),
        lambda m: m.fit_pairs(["w0"], ["w1"]),
        lambda m: m.build_vocab(TEXT),
    ],
    ids=["train", "partial_fit", "fit_pairs", "build_vocab"],
)
def test_one_model_in_two_threads_is_refused(action):
    meanwhile = Meanwhile(action)
    model = train(callbacks=[meanwhile])
    assert isinstance(meanwhile.caught, RuntimeError) and "this model is being trained already" in str(
        meanwhile.caught
    )
    assert bits(model) == bits(train())  # the first one was not disturbed
    assert len(model.train(epochs=1).history) == 3  # and the model is free again


def test_a_training_within_a_callback_of_the_same_model_is_refused():
    class Nested(Callback):
        def on_epoch_end(self, model):
            model.train(epochs=1)

    model = SkipGram(**COMMON)
    with pytest.raises(RuntimeError, match="trained already"):
        model.train(TEXT, callbacks=[Nested()])
    assert model.train().history


def test_questions_may_be_asked_during_a_training():
    meanwhile = Meanwhile(lambda m: m.predict_proba(["w0"]).sum())
    train(callbacks=[meanwhile])
    assert meanwhile.caught == pytest.approx(1)


def test_one_workspace_in_two_threads():
    """One of them works, the other is refused or comes later; nothing is mixed up."""
    K, H, rng = 3000, 32, np.random.default_rng(0)
    I, O = (rng.standard_normal((K, H)).astype(np.float32) for _ in range(2))
    none, batches = np.zeros(0, np.float32), []
    for pairs in (4000, 9000, 500, 6000):  # of other weights and numbers of rows
        ids = [rng.integers(0, K, pairs).astype(np.int32) for _ in range(2)]
        batches.append(_core.group_pairs(*ids, rng.random(pairs).astype(np.float32) * pairs, K))
    want = [_core.Workspace(K, H, 1024, 2).loss(I, O, none, *batch) for batch in batches]
    workspace = _core.Workspace(K, H, 1024, 2)

    def many(batch, loss):
        """Refusals, and losses that are not this batch's."""
        refused = wrong = 0
        for _ in range(20):
            try:
                wrong += workspace.loss(I, O, none, *batch) != loss
            except RuntimeError as error:
                if "already training or being evaluated in another thread" not in str(error):
                    raise
                refused += 1
        return refused, wrong

    results = in_threads(*[lambda i=i: many(batches[i], want[i]) for i in range(4)])
    assert all(wrong == 0 for _, wrong in results) and 0 < sum(refused for refused, _ in results) < 80
    assert workspace.loss(I, O, none, *batches[0]) == want[0]


# ---- interrupts ------------------------------------------------------------------------------------------

INTERRUPT = """
import json, os, signal, sys, threading, time
import numpy as np
from fastsg import Callback, SkipGram
sentences = [[f"w{(i * j) % 4000}" for i in range(1, 25)] for j in range(1, 3000)]
options = {"vector_size": 64, "min_count": 1, "epochs": 10_000, "batch_size": 2000, "workers": 2, "sample": 0}
model = SkipGram(output_bias=None, progress=False, **options)
model.build_vocab(sentences)
class Ready(Callback):
    def on_epoch_begin(self, model):
        global sent
        if not sent:
            threading.Timer(float(sys.argv[1]), kill).start()
            sent = True
def kill():
    global sent
    sent = time.perf_counter()
    os.kill(os.getpid(), signal.SIGINT)
sent = False
try:
    model.train(callbacks=[Ready()])
    caught = None
except KeyboardInterrupt:
    caught = time.perf_counter() - sent
finite = bool(np.isfinite(model.I).all() and np.isfinite(model.O).all())
loss = model.score(sentences[:50])
model.train(epochs=1)
print(json.dumps([caught, finite, loss, len(model.history)]))
"""


@pytest.mark.parametrize("moment", ["0.05", "0.31"])
def test_interrupt(moment):
    """Control-C becomes KeyboardInterrupt between batches, soon; the model stays whole and can go on."""
    done = python("-c", INTERRUPT, moment, timeout=100)
    assert done.returncode == 0, done.stderr
    caught, finite, loss, epochs = json.loads(done.stdout)
    # Of a training that would take hours; a tighter bound would test this machine's load.
    assert caught is not None and caught < 10
    assert finite and loss < 0 and epochs >= 1


def test_interrupt_within_a_step_writes_nothing(problem):
    """A signal that came by the end of pass A is raised there: the step has not happened and can be redone.

    No clock: PyErr_SetInterrupt marks the signal, and map() goes from there into the step without leaving C.
    """
    if threading.current_thread() is not threading.main_thread():
        pytest.skip("signals reach the main thread only")
    p = problem(500, 9, 100)
    I, O = p.copy()
    workspace, args = p.workspace(), (I, O, p.bias, *p.batch, np.zeros(p.K, np.float32), 0.1)
    before = I.tobytes(), O.tobytes()
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    gc.collect()
    gc.disable()  # a signal that lands in another test's destructor is swallowed there
    try:
        with pytest.raises(KeyboardInterrupt) as caught:
            list(
                map(
                    operator.call,
                    [ctypes.pythonapi.PyErr_SetInterrupt, functools.partial(workspace.step, *args)],
                )
            )
    finally:
        gc.enable()
        signal.signal(signal.SIGINT, previous)
    assert any("_core.pyx" in str(entry.path) for entry in caught.traceback)  # raised inside, not on the way
    assert (I.tobytes(), O.tobytes()) == before
    assert workspace.step(*args) > 0 and I.tobytes() != before[0]


@pytest.mark.parametrize("optimizer", ["sgd", "adagrad", "newton"])
def test_python_runs_only_where_a_step_can_be_interrupted(problem, optimizer):
    """Handlers of signals run between instructions of Python. In a step there are some before the first row
    moves and none after it, until it is counted: an interrupt finds matrices and books that go together."""
    p = problem(500, 9, 100)
    I, O = p.copy()
    workspace = p.workspace(rows=64)
    args = I, O, p.bias, *p.batch, np.zeros(p.K, np.float32), 0.1
    options = {}
    if optimizer == "adagrad":
        options = {"adagrad_I": np.zeros(p.K, np.float32), "adagrad_O": np.zeros(p.K, np.float32)}
    if optimizer == "newton":
        axes, curvature = np.eye(9, dtype=np.float32), np.ones(9, np.float32)
        options = {"newton": (axes, curvature, 0.0, np.full(len(p.centers), 0.1))}
    before, calls = (I.tobytes(), O.tobytes()), []

    def look(frame, event, _):
        if event == "call":
            calls.append((frame.f_code.co_qualname, (I.tobytes(), O.tobytes()) == before, workspace.steps))

    sys.setprofile(look)
    try:
        workspace.step(*args, **options)
    finally:
        sys.setprofile(None)
    assert workspace.steps == 1 and (I.tobytes(), O.tobytes()) != before
    assert calls and {call[1:] for call in calls} == {(True, 0)}, calls


def test_a_step_refused_in_a_later_block_writes_nothing(problem):
    """Not even the log Z of the blocks before, from which the next step on these centers sets out."""
    p = problem(500, 9, 100)
    I, O = p.copy()
    workspace, shift = p.workspace(rows=64), np.ones(p.K, np.float32)
    assert len(p.centers) > workspace.rows
    I[p.centers[-1]] = 1e38
    before = I.tobytes(), O.tobytes()
    with pytest.raises(DivergenceError):
        workspace.step(I, O, p.bias, *p.batch, shift, 0.1)
    assert (I.tobytes(), O.tobytes()) == before and (shift == 1).all() and workspace.steps == 0
    I[p.centers[-1]] = 0
    loss = workspace.step(I, O, p.bias, *p.batch, shift, 0.1)
    assert (shift[p.centers] != 1).all() and (workspace.steps, workspace.step_loss) == (1, loss)


# ---- environment -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [{}, {"OMP_WAIT_POLICY": "active"}, {"GOMP_SPINCOUNT": "1000"}])
def test_wait_policy_is_restored(given):
    names = "OMP_WAIT_POLICY", "GOMP_SPINCOUNT"
    code = f"import os, fastsg; print(*map(os.environ.get, {names}))"
    done = python("-c", code, without=names, **given)
    assert done.stdout.split() == [given.get(name, "None") for name in names], done.stderr


@pytest.mark.skipif(
    not _core.OPENMP or not sys.platform.startswith("linux"), reason="needs OpenMP as gcc has it"
)
def test_wait_policy_reaches_openmp():
    """libgomp says what it has read: to spin for a moment and then to sleep, unless somebody chose."""

    names = "OMP_WAIT_POLICY", "GOMP_SPINCOUNT"

    def shown(**given):
        done = python("-c", "import fastsg", without=names, OMP_DISPLAY_ENV="verbose", **given)
        found = dict(re.findall(r"(OMP_WAIT_POLICY|GOMP_SPINCOUNT) = '(\w+)'", done.stderr))
        if set(found) != set(names):
            pytest.skip("this OpenMP shows something else")
        return found["OMP_WAIT_POLICY"].upper(), int(found["GOMP_SPINCOUNT"])

    assert shown() == ("PASSIVE", 2000)
    policy, turns = shown(OMP_WAIT_POLICY="active")
    assert policy == "ACTIVE" and turns > 1e9
    assert shown(GOMP_SPINCOUNT="7")[1] == 7


def test_training_leaves_the_environment_and_threads_alone():
    before, threads = dict(os.environ), threading.active_count()
    train()
    assert dict(os.environ) == before and threading.active_count() == threads


def test_training_does_not_touch_numpys_random_numbers():
    np.random.seed(1)
    want = np.random.random(3)
    np.random.seed(1)
    train(shrink_windows="random")
    assert (np.random.random(3) == want).all()


def test_a_clock_that_stands_still(monkeypatch):
    """Found here: the speed was divided by the seconds."""
    want = bits(train())[:2]
    monkeypatch.setattr(time, "perf_counter", lambda: 0.0)
    assert bits(train())[:2] == want
