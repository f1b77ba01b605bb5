"""Thousands of calls of everything public with an odd value or two: they end well, or as documented.

api_calls.py has valid calls. The fuzz replaces one or two of their arguments by values that no one should
give, or by valid ones in another form. AttributeError, IndexError, OverflowError, AssertionError and the like
are slips of ours: an argument was used before it was checked.
"""

import decimal
import itertools
import os
import reprlib
import warnings
from pathlib import Path

import numpy as np
import pytest
from api_calls import COUNTS, TEXT, VALID, WORDS, call, corpus, counts, trained, vectors
from conftest import SEED

from fastsg import DivergenceError, EncodedCorpus, Vocab
from fastsg.io import save_bias

ALLOWED = (ValueError, TypeError, KeyError, OSError, MemoryError, ImportError, DivergenceError)
CALLS = 3000

#: What is huge here takes its time, and may.
ENDLESS = {"epochs", "draws", "walks_per_node", "walk_length", "every"}
HUGE = [2**31, 2**32, 2**63, 2**64, 10**30, -(10**30), 10**4000, 1e30, np.uint64(2**64 - 1), np.inf]
# fmt: off
ODD = [
    None, True, False, 0, 1, -1, 3, 0.5, -2.5, 1e-300, np.nan, 1j, np.int64(2), np.float32(1.5),
    "", "a", "nothere", "\0", "\ud800", "x" * 5000, b"", b"a", Path("p"), "p.gz", "p.npz", "no/such/p",
    [], ["a"], ["a", "a"], [None], [[]], [1, 2], [1.5], [10**30], [[1, 2], [3]], (), (1, 2), (1, 2, 3),
    {}, {"a": 1}, {"a"}, range(3), iter(["a"]), object(), object, len, Ellipsis, decimal.Decimal(1),
    np.zeros(0), np.zeros(3), np.zeros((3, 2)), np.zeros((3, 2), np.float32), np.ones((3, 4), np.float32),
    np.eye(3), np.full((3, 4), np.nan, np.float32), np.ones((4, 3), np.float32).T, np.ones((2, 2, 2)),
    np.arange(3), np.arange(4, dtype=np.int32), np.array(5), np.array([2**63], np.uint64), np.array("a"),
    np.array(["a", "b", "c"]), np.array([{}, None]), np.zeros(3, [("a", int)]), np.datetime64("2020"),
    np.ma.masked, memoryview(b"abc"), Vocab(WORDS, COUNTS), EncodedCorpus.from_iter(TEXT, min_count=1),
]
# fmt: on


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    """A folder of its own with a file for each path of the calls."""
    monkeypatch.chdir(tmp_path)
    Path("text").write_text("\n".join(map(" ".join, TEXT)))
    Path("edges").write_text("1 2\n2 3\n")
    trained().save("model")
    Vocab(WORDS, COUNTS).save("vocab")
    corpus().save("corpus")
    counts().save("counts")
    vectors().save("kv")
    vectors().save_word2vec_format("v.txt")
    save_bias("bias", WORDS, np.zeros(3, np.float32))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def slips(calls, rng):
    """The calls that end in an exception that nothing documents: (function, changed arguments, exception)."""
    found = []
    for make, valid in calls:
        changed = {}
        for name in rng.choice(list(valid), rng.integers(1, min(len(valid), 2) + 1), replace=False).tolist():
            pool = ODD if name in ENDLESS else ODD + HUGE
            changed[name] = pool[rng.integers(len(pool))]
        try:
            function = make()
            function(**(valid | changed))
        except ALLOWED:
            pass
        except Exception as error:  # noqa: BLE001  what is looked for
            found.append((getattr(function, "__qualname__", function), changed, repr(error)))
    return found


def descriptors():
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


def test_valid_calls_are_valid():
    for make, valid in VALID:
        make()(**valid)


def test_odd_values():
    before = descriptors()
    found = slips(itertools.islice(itertools.cycle(VALID), CALLS), np.random.default_rng(SEED))
    assert not found, "\n".join(
        f"{name}({reprlib.repr(changed)}): {error}" for name, changed, error in found
    )[:5000]
    assert descriptors() == before


def test_control_an_unchecked_argument():
    """Control: a function that uses its arguments unchecked, as some did."""

    def unchecked(corpus, seed):
        return len(corpus.vocab), np.int64(seed)

    found = slips([call(lambda: unchecked, corpus=corpus(), seed=1)] * 200, np.random.default_rng(SEED))
    for slip in ("AttributeError", "OverflowError"):
        assert any(slip in error for *_, error in found)
