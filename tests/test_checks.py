"""Checks of arguments: what they give back, and what every error says."""

import fractions

import numpy as np
import pytest

from fastsg import checks


def refused(error, message, check, *args, **options):
    """The check raises exactly this."""
    with pytest.raises(error) as caught:
        check(*args, **options)
    assert type(caught.value) is error and str(caught.value) == message


@pytest.mark.parametrize("value", [0, 3, np.int64(3), np.uint8(3)])
def test_integer(value):
    assert checks.integer("seed", value, 0) == value and type(checks.integer("seed", value, 0)) is int


def test_wrong_integers():
    refused(ValueError, "seed is -1; it must be at least 0", checks.integer, "seed", -1, 0)
    refused(ValueError, "draws is 0; it must be at least 1", checks.integer, "draws", np.int32(0), 1)
    for value, kind in ((1.0, "float"), ("1", "str"), (None, "NoneType"), (True, "bool")):
        message = f"seed is {value!r}, a {kind}; it must be an integer of at least 0"
        refused(TypeError, message, checks.integer, "seed", value, 0)
    assert checks.integer("topn", -(2**70), None) == -(2**70)
    refused(TypeError, "topn is 5.0, a float; it must be an integer", checks.integer, "topn", 5.0, None)


@pytest.mark.parametrize("value", [1, 2**40, np.int32(7)])
def test_positive_integer(value):
    assert checks.positive_integer("workers", value) == value
    assert type(checks.positive_integer("workers", value)) is int


@pytest.mark.parametrize("value", [0, -1, 1.0, "1", None, True, [1], np.bool_(True)])
def test_wrong_positive_integers(value):
    message = f"workers is {value!r}; allowed are integers >= 1"
    refused(ValueError, message, checks.positive_integer, "workers", value)
    message = f"workers is {value!r}; allowed are None and integers >= 1"
    refused(ValueError, message, checks.positive_integer, "workers", value, also="None and ")


@pytest.mark.parametrize("value", [0, 0.5, 3, np.float32(0.5), np.int64(2), fractions.Fraction(1, 4)])
def test_real(value):
    assert checks.real("alpha", value) == value and type(checks.real("alpha", value)) is float


def test_wrong_reals():
    for value in (-0.5, float("nan"), float("inf"), float("-inf")):
        message = f"alpha is {value}; it must be finite and not negative"
        refused(ValueError, message, checks.real, "alpha", value)
    for value, kind in (("1", "str"), (None, "NoneType"), (True, "bool"), (1j, "complex")):
        message = f"alpha is {value!r}, a {kind}; it must be a number"
        refused(TypeError, message, checks.real, "alpha", value)


def test_choice():
    assert checks.choice("errors", "strict", checks.TEXT_ERRORS) is None
    message = "errors is 'lenient'; allowed are 'replace', 'strict', 'ignore'"
    refused(ValueError, message, checks.choice, "errors", "lenient", checks.TEXT_ERRORS)
    message = "init is 3; allowed are 'a', None (it must be so)"
    refused(ValueError, message, checks.choice, "init", 3, ("a", None), " (it must be so)")


@pytest.mark.parametrize("given", [[0, 2], (0, 2), np.array([0, 2], np.uint64), np.array([0, 9, 2, 9])[::2]])
def test_ids(given):
    found = checks.ids("centers", given, 3)
    assert found.dtype == np.int32 and found.flags.c_contiguous and found.tolist() == [0, 2]


def test_ids_may_be_empty_or_ready():
    assert checks.ids("centers", [], 3).dtype == np.int32
    ready = np.array([1, 0], np.int32)
    assert checks.ids("centers", ready, 2) is ready


def test_wrong_ids():
    refused(ValueError, "centers[1] is 3; ids must lie in [0, 3)", checks.ids, "centers", [0, 3], 3)
    refused(ValueError, "centers[0] is -1; ids must lie in [0, 3)", checks.ids, "centers", [-1, 5], 3)
    wraps = np.array([0, 2**32 + 1])
    refused(ValueError, "ids[1] is 4294967297; ids must lie in [0, 3)", checks.ids, "ids", wraps, 3)
    message = "centers must be one-dimensional, of integers; it is 1-dimensional, float64"
    refused(TypeError, message, checks.ids, "centers", [0.5], 3)
    message = "centers must be one-dimensional, of integers; it is 1-dimensional, bool"
    refused(TypeError, message, checks.ids, "centers", [True], 3)
    message = "centers must be one-dimensional, of integers; it is 2-dimensional, int32"
    refused(TypeError, message, checks.ids, "centers", np.zeros((1, 1), np.int32), 3)


def test_matrix():
    good = np.zeros((3, 2), np.float32)
    assert checks.matrix("I", good) is good


def test_wrong_matrices():
    refused(TypeError, "I is float64; it must be a float32 array", checks.matrix, "I", np.zeros((3, 2)))
    refused(TypeError, "I is a list; it must be a float32 array", checks.matrix, "I", [[1.0]])
    for array in (np.zeros(3, np.float32), np.zeros((3, 4), np.float32)[:, ::2]):
        given = f"I has shape {array.shape} and strides {array.strides}"
        message = f"{given}; it must be two-dimensional and C-contiguous"
        refused(ValueError, message, checks.matrix, "I", array)


def test_word_index():
    assert checks.word_index(["b", "", "a"]) == {"b": 0, "": 1, "a": 2}
    assert checks.word_index(()) == {}
    assert list(checks.word_index(["b", "a"])) == ["b", "a"]


def test_wrong_words():
    refused(ValueError, "words must be unique; the word 'a' occurs twice", checks.word_index, ["a", "b", "a"])
    refused(TypeError, "words must be str; got 3 of type int", checks.word_index, ["a", 3, "a"])
    refused(TypeError, "words must be str; got b'b' of type bytes", checks.word_index, ["a", b"b"])
