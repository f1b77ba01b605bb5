"""The file of the constants added to the logits: what is written comes back, all else is a FormatError."""

import numpy as np
import pytest

from fastsg.errors import FormatError
from fastsg.io import load_bias, save_bias

WORDS = ["the", "of", "春"]


def test_what_is_written_comes_back(tmp_path):
    path, bias = tmp_path / "bias", np.float32([-1.5, 1e-30, 3.4e38])
    save_bias(path, WORDS, bias)
    assert np.array_equal(load_bias(path, WORDS), bias)
    assert np.array_equal(load_bias(path, WORDS[::-1]), bias[::-1])
    save_bias(path, WORDS, np.zeros(0, np.float32))
    assert np.array_equal(load_bias(path, WORDS), np.zeros(3, np.float32))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("the 1\nof 2\n春 3\nof 2\n", "line 4: a second value for the word 'of', which has one on line 2"),
        ("the 1\nof nan\nof 2\n春 3\n", "line 3: a second value for the word 'of'"),
        ("the 1\nof 2\n", "lacks a finite value for 1 of 3 words"),
        ("the 1\nof inf\n春 3\n", "lacks a finite value for 1 of 3 words"),
        ("the 1\nof 2\ncat 3\n", "line 3: need 'word value' with a word of the vectors, got 'cat 3"),
        ("the 1\nof two\n春 3\n", "line 2: need 'word value'"),
        ("the 1\n\nof 2\n春 3\n", "line 2: need 'word value'"),
    ],
)
def test_any_other_file_is_refused(tmp_path, text, message):
    path = tmp_path / "bias"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FormatError, match=message) as error:
        load_bias(path, WORDS)
    assert str(path) in str(error.value)
