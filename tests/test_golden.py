"""No bit and no public name changes unnoticed: trainings, files and names against the values of
golden.json.
"""

import copy
import json

import golden
import pytest

from fastsg import _core

WANTED = json.loads(golden.GOLDEN.read_text(encoding="utf-8"))


@pytest.fixture
def fma():
    """The first instruction set with FMA: all of them give the bits of the file."""
    names = [name for name in _core.available_isas() if name != "generic"]
    if not names:
        pytest.skip("this CPU has no FMA")
    before = _core.isa()
    _core.select_isa(names[0])
    yield
    _core.select_isa(before)


def test_the_same_trainings():
    assert list(golden.CASES) == list(WANTED["trainings"])


@pytest.mark.parametrize("name", golden.CASES)
def test_trainings(fma, name):
    found = golden.trainings(only=(name,))
    assert golden.differences(found, {name: WANTED["trainings"][name]}) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_trainings_on_other_numbers_of_threads(fma, workers):
    only = ("counts", "sgd")
    found = golden.trainings(workers, only=only)
    assert golden.differences(found, {name: WANTED["trainings"][name] for name in only}) == []


def test_trainings_begun_otherwise(fma, tmp_path):
    assert golden.differences(golden.other_ways(tmp_path), WANTED["other ways"]) == []


def test_files(fma, tmp_path):
    assert golden.differences(golden.files(tmp_path), WANTED["files"]) == []


def test_public_names():
    assert golden.differences(json.loads(json.dumps(golden.public_names())), WANTED["names"]) == []


def test_control_a_last_bit_is_seen():
    changed = copy.deepcopy(WANTED["trainings"])
    record = changed["counts"]["history"][-1]
    record["nll"] *= 1 + 2**-52
    record["perplexity"] *= 1 + 2**-50  # through the C library: may differ that much
    assert len(golden.differences(changed, WANTED["trainings"])) == 1
    record["perplexity"] *= 1 + 1e-9
    assert len(golden.differences(changed, WANTED["trainings"])) == 2


@pytest.mark.parametrize(
    "change", [lambda names: names.pop("load"), lambda names: names["SkipGram"].update(train="(self)")]
)
def test_control_a_name_is_seen(change):
    changed = copy.deepcopy(WANTED["names"])
    change(changed)
    assert len(golden.differences(changed, WANTED["names"])) == 1
