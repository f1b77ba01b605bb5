"""Arrays that are appended to."""

import numpy as np
import pytest

from fastsg.system.growing_array import GrowingArray


@pytest.mark.parametrize("room, step", [(0, 1), (3, 2), (1000, 7)])
def test_parts_end_to_end(rng, room, step):
    parts = [rng.integers(0, 99, n).astype(np.int32) for n in rng.integers(0, 40, 30)]
    array = GrowingArray(np.int32, room, step)
    for i, part in enumerate(parts):
        if i % 2:
            array.append(part)
        else:
            array.extend(len(part))[:] = part
        assert array.n == len(array.view()) == sum(map(len, parts[: i + 1]))
    expected = np.concatenate(parts)
    assert (array.view() == expected).all()
    found = array.finish()
    assert found.dtype == np.int32 and found.base is None and (found == expected).all()


def test_the_first_elements():
    array = GrowingArray(np.int64, room=2, step=1)
    array.append(np.arange(5))
    assert array.finish(3).tolist() == [0, 1, 2]


@pytest.mark.parametrize("room", [0, 1, 1000, 10_000_000])
def test_large_parts_end_to_end(rng, room):
    parts = [rng.integers(0, 100, size, dtype=np.int32) for size in (0, 3, 1, 500, 3_000_000, 7, 2_500_000)]
    array = GrowingArray(np.int32, room)
    for part in parts:
        array.append(part)
    assert array.n == sum(map(len, parts)) and (array.view() == np.concatenate(parts)).all()
    whole = array.finish()
    assert whole.dtype == np.int32 and whole.flags.owndata and (whole == np.concatenate(parts)).all()
