"""GrowingArray: what was appended is there, in its order, however often the array had to grow."""

import numpy as np
import pytest

from fastsg.system.growing import GrowingArray


@pytest.mark.parametrize("room", [0, 1, 1000, 10_000_000])
def test_appended_parts_stand_end_to_end(rng, room):
    parts = [rng.integers(0, 100, size, dtype=np.int32) for size in (0, 3, 1, 500, 3_000_000, 7, 2_500_000)]
    array = GrowingArray(np.int32, room)
    for part in parts:
        array.append(part)
    assert array.n == sum(map(len, parts)) and (array.view() == np.concatenate(parts)).all()
    whole = array.finish()
    assert whole.dtype == np.int32 and whole.flags.owndata and (whole == np.concatenate(parts)).all()


def test_extend_and_finish_early():
    array = GrowingArray(np.float32, room=2)
    array.extend(3)[:] = [1, 2, 3]
    array.extend(0)
    array.extend(2)[:] = [4, 5]
    assert array.view().tolist() == [1, 2, 3, 4, 5]
    assert array.finish(4).tolist() == [1, 2, 3, 4]
