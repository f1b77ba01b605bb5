"""Same seed, same bits: threads, instruction sets, OpenMP's environment, hash seeds, a build without OpenMP;
and random numbers by counter.
"""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import outcomes
import pytest
import reference
from conftest import copy_of_project, needs_checkout, train_threads
from outcomes import CASES, outcome, train

import fastsg
from fastsg import _core, loss_and_gradient
from fastsg.numerics import objective

# where the package under test lies, for the processes started here
ROOT = Path(fastsg.__file__).resolve().parents[1]


@pytest.mark.parametrize("name", CASES)
def test_threads(isa, name):
    found = {workers: outcome(train(workers, **CASES[name])) for workers in train_threads()}
    assert len(set(found.values())) == 1, found


@pytest.mark.skipif("bfloat16" not in _core.available_precisions(), reason="this CPU has no bfloat16 tiles")
@pytest.mark.parametrize("name", CASES)
def test_threads_in_bfloat16(name):
    found = {
        workers: outcome(train(workers, **CASES[name], precision="bfloat16")) for workers in train_threads()
    }
    assert len(set(found.values())) == 1, found
    assert found[1] != outcome(train(1, **CASES[name]))


def test_the_text_is_worth_it():
    """Several shards, several batches, words that subsampling drops."""
    model = train(sample=1e-2)
    assert _core.shard_count(len(model.vocab)) > 1 and model.corpus.n_tokens > 4 * model.settings.batch_size
    assert len(model.vocab) > 4 * CASES["counts"]["batch_size"]
    assert model.history[0]["pairs"] < train().history[0]["pairs"]


@pytest.mark.parametrize("name", ["adagrad", "plain", "counts"])
def test_threads_when_a_batch_takes_several_blocks(monkeypatch, name):
    monkeypatch.setattr(objective, "_MAX_ROWS", 64)
    settings = CASES[name] | {"batch_size": 1000}
    found = {workers: outcome(train(workers, **settings)) for workers in train_threads()}
    assert len(set(found.values())) == 1, found
    assert train(**settings).history[0]["softmax_rows"] > 2 * 64
    # few steps, so that a batch has many rows
    assert train(**settings | {"sample": 0, "batch_size": 1000}).state.step <= 2 * 4


def test_threads_in_blocks_of_rows(isa, problem):
    """A batch of more rows than the workspace holds at once."""
    p = problem(1500, 17, 400, scale=0.3, bias=True)
    results = set()
    for threads in train_threads():
        I, O = p.copy()
        sums = np.zeros(p.K, np.float32), np.zeros(p.K, np.float32)
        shift, workspace = np.zeros(p.K, np.float32), p.workspace(rows=96, threads=threads)
        losses = [workspace.step(I, O, p.bias, *p.batch, shift, 0.1, *sums) for _ in range(3)]
        results.add((repr(losses), I.tobytes(), O.tobytes(), shift.tobytes(), *(s.tobytes() for s in sums)))
    assert len(results) == 1


def test_threads_share_shards(isa, problem):
    """Passes large enough to be shared, on as many threads as shards, more, and fewer; again and again."""
    p = problem(6_200, 33, 130, scale=0.3, bias=True)
    results = set()
    for threads in (1, 2, 3, 16, 65):
        I, O = p.copy()
        shift, workspace = np.zeros(p.K, np.float32), p.workspace(rows=256, threads=threads)
        losses = [workspace.step(I, O, p.bias, *p.batch, shift, 0.1) for _ in range(5)]
        results.add((repr(losses), I.tobytes(), O.tobytes(), shift.tobytes()))
    assert len(results) == 1


@pytest.mark.parametrize("kind", ["plain", "adagrad", "newton"])
def test_threads_share_what_lies_beside_the_passes(isa, problem, rng, kind):
    """Checks, sums, packing and the moves of rows, in a batch that is long enough for them to be shared."""
    p = problem(6_200, 131, 200, scale=0.2, pairs=30_000)
    axes = np.ascontiguousarray(np.linalg.qr(rng.standard_normal((p.H, p.H)))[0], np.float32)
    newton = (axes, rng.random(p.H).astype(np.float32) + 0.1, 0.5, 0.7) if kind == "newton" else None
    ids, row_ptr, contexts, counts = p.batch
    assert len(contexts) > 25_000
    bad = counts.copy()
    bad[[row_ptr[3], -1]] = np.nan
    results = set()
    for threads in (1, 2, 3, 16):
        I, O = p.copy()
        shift, workspace = np.zeros(p.K, np.float32), p.workspace(rows=256, threads=threads)
        sums = () if kind == "plain" else (np.zeros(p.K, np.float32), np.zeros(p.K, np.float32))
        more = {"newton": newton} if newton else {}
        with pytest.raises(ValueError, match=rf"counts\[{row_ptr[3]}\] is nan"):
            workspace.step(I, O, p.bias, ids, row_ptr, contexts, bad, shift, 0.1, *sums, **more)
        losses = [workspace.step(I, O, p.bias, *p.batch, shift, 0.1, *sums, **more) for _ in range(3)]
        results.add((repr(losses), workspace.weight, *(x.tobytes() for x in (I, O, shift, *sums))))
    assert len(results) == 1


def test_many_batches_of_one_workspace(isa, problem):
    """Batches of all sizes, in any order, through one workspace."""
    batches = [problem(260, 5, U) for U in (3, 200, 1, 64, 33)]
    want = [p.workspace(threads=1).gradient(p.I, p.O, p.bias, *p.batch) for p in batches]
    workspace = batches[0].workspace(threads=3)
    for i in (0, 1, 2, 3, 4, 1, 0, 4, 2):
        p = batches[i]
        for got, exact in zip(workspace.gradient(p.I, p.O, p.bias, *p.batch), want[i], strict=True):
            assert np.asarray(got).tobytes() == np.asarray(exact).tobytes()


FMA = [name for name in _core.available_isas() if name != "generic"]


@pytest.mark.skipif(len(FMA) < 2, reason="this machine has one instruction set with FMA, or none")
@pytest.mark.parametrize("name", CASES)
def test_instruction_sets_with_fma_agree(isa_put_back, name):
    found = {}
    for isa in FMA:
        _core.select_isa(isa)
        found[isa] = outcome(train(**CASES[name]))
    assert len(set(found.values())) == 1, found


@pytest.mark.skipif(len(FMA) < 2, reason="this machine has one instruction set with FMA, or none")
@pytest.mark.parametrize("H", [1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 50, 100, 123])
def test_instruction_sets_agree_at_every_width(isa_put_back, problem, H):
    """Widths that end in every remainder of a register tile."""
    p = problem(501, H, 37, scale=0.4, bias=True, peak=8.0)
    results = set()
    for isa in FMA:
        _core.select_isa(isa)
        I, O = p.copy()
        sums = np.zeros(p.K, np.float32), np.zeros(p.K, np.float32)
        p.workspace().step(I, O, p.bias, *p.batch, np.zeros(p.K, np.float32), 0.1, *sums)
        results.add((I.tobytes(), O.tobytes(), *(s.tobytes() for s in sums)))
    assert len(results) == 1


def test_control_outcome_sees_one_bit():
    model = train()
    before = outcome(model)
    model.O[3, 2] = np.nextafter(model.O[3, 2], np.float32(9))
    assert outcome(model) != before
    assert outcome(train(seed=6)) != before
    assert outcome(train()) == before


def test_control_numpy_products_are_no_substitute(problem):
    """Float sums do depend on their order: the same gradient added up backwards has other bits."""
    p = problem(300, 20, 60)
    _, _, gO = loss_and_gradient(*p.pairs[:2], p.I, p.O)
    backwards = (p.K - 1 - ids for ids in p.pairs[:2])
    turned = loss_and_gradient(*backwards, p.I[::-1].copy(), p.O[::-1].copy())[2][::-1]
    np.testing.assert_allclose(gO, turned, rtol=1e-3, atol=1e-5)
    assert gO.tobytes() != turned.tobytes()


# ---- other processes ----


def elsewhere(folder=ROOT, **environment):
    """The outcomes of the package in a folder, and its OpenMP, in a process of its own."""
    done = subprocess.run(
        [sys.executable, outcomes.__file__],
        env=os.environ | environment | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    return found["outcomes"], found["openmp"]


@pytest.fixture(scope="module")
def here():
    return {name: outcome(train(1, **settings)) for name, settings in CASES.items()}


@pytest.mark.parametrize(
    "environment",
    [
        {"OMP_DYNAMIC": "true", "OMP_SCHEDULE": "dynamic,1", "PYTHONHASHSEED": "0"},
        {"OMP_SCHEDULE": "guided", "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "1", "LC_ALL": "C"},
        {
            "OMP_THREAD_LIMIT": "1",
            "OMP_WAIT_POLICY": "active",
            "PYTHONHASHSEED": "random",
            "LC_ALL": "C.UTF-8",
        },
    ],
    ids=["dynamic", "one thread", "limit"],
)
def test_environment(here, environment):
    found, openmp = elsewhere(**environment)
    assert found == here and openmp == _core.OPENMP


@needs_checkout
def test_build_without_openmp(here, tmp_path):
    """The same bits, and one thread; builds the package in a copy."""
    if importlib.util.find_spec("Cython") is None or importlib.util.find_spec("setuptools") is None:
        pytest.skip("needs Cython and setuptools")
    copy = copy_of_project(tmp_path / "copy")
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace", "--parallel", "2"]
    environment = os.environ | {"FASTSG_OPENMP": "0"}
    built = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    assert "WITHOUT OpenMP" in built.stderr
    assert elsewhere(copy) == (here, 0)


# ---- random numbers ----


@pytest.mark.parametrize(
    "counter, key, words",  # the test vectors of Random123
    [
        ([0] * 4, [0] * 2, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            [0xA4093822, 0x299F31D0],
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_reference_philox(counter, key, words):
    assert " ".join(f"{word:08x}" for word in reference.philox(counter, key)) == words


def test_philox_known_answer():
    assert [f"{word:08x}" for word in _core.random_words(0, 0, 0, 4)] == [
        "6627e8d5",
        "e169c58d",
        "bc57ac4c",
        "9b00dbd8",
    ]


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1, 2**32, 2**64 - 1])
@pytest.mark.parametrize("stream", [0, 1, 2**33 + 5, 2**64 - 1])
def test_philox_is_the_reference(seed, stream):
    for start in (0, 1, 2, 3, 4, 4 * 2**32 - 2, 2**62):
        want = [reference.random_word(seed, stream, start + i) for i in range(9)]
        assert _core.random_words(seed, stream, start, 9).tolist() == want


def test_words_are_the_same_run_or_jumped_to(rng):
    run = _core.random_words(7, 3, 0, 10_000)
    for start in rng.integers(0, 9_990, 100):
        assert (_core.random_words(7, 3, int(start), 10) == run[start : start + 10]).all()
    assert len(_core.random_words(7, 3, 5, 0)) == 0


def test_words_are_uniform_and_streams_differ():
    words = _core.random_words(1, 2, 0, 1 << 18)
    counts = np.bincount(words >> 24, minlength=256)
    assert 150 < ((counts - 1024) ** 2 / 1024).sum() < 380  # chi-square with 255 degrees of freedom
    for other in (
        _core.random_words(2, 2, 0, 1 << 18),
        _core.random_words(1, 3, 0, 1 << 18),
        _core.random_words(1, 2, 1 << 18, 1 << 18),
    ):
        assert (other == words).mean() < 1e-4
        assert abs(np.corrcoef(other, words)[0, 1]) < 0.01
