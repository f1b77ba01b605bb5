"""Subsampling: how likely each word is kept; what is kept follows from seed, epoch and place."""

import numpy as np
import pytest

from fastsg import _core, streams
from fastsg.text.subsampling import keep_probabilities, thin
from fastsg.text.vocab import Vocab


def test_keep_probabilities_are_those_of_the_vocabulary():
    vocab = Vocab(["a", "b", "c"], [900, 99, 1])
    found = keep_probabilities(np.array([0.9, 0.099, 0.001]), 0.01)
    assert found == pytest.approx(vocab.keep_probabilities(0.01), rel=1e-15)
    assert found[0] < found[1] < found[2] == 1.0


def test_all_is_kept_without_probabilities():
    tokens, offsets = np.zeros(3, np.int32), np.array([0, 1, 3])
    assert thin(tokens, offsets, None, 1, 0) == (tokens, offsets)


def test_thinning_follows_seed_and_epoch(rng):
    tokens = rng.integers(0, 2, 1000).astype(np.int32)
    offsets = np.arange(0, 1001, 2)
    keep = np.array([0.3, 1.0])
    found, ends = thin(tokens, offsets, keep, 5, 3)
    expected, expected_ends = _core.thin(tokens, offsets, keep, 5, streams.thinning(3))
    assert (found == expected).all() and (ends == expected_ends).all()
    assert (found == 1).sum() == (tokens == 1).sum() and 0 < (found == 0).sum() < (tokens == 0).sum()
    assert (np.diff(ends) > 0).all() and ends[-1] == len(found)  # no sentence is empty
    for seed, epoch in ((6, 3), (5, 4)):
        other = thin(tokens, offsets, keep, seed, epoch)[0]
        assert len(other) != len(found) or (other != found).any()
