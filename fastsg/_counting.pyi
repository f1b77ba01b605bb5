from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LEAST_COUNT: float
MOST_IDS: int
_Part = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32], NDArray[np.int64]]

class Counter:
    K: int
    num_threads: int
    def __init__(
        self,
        texts: Sequence[tuple[NDArray[np.int32], NDArray[np.int64]]],
        K: int,
        left: int,
        right: int,
        unit: int,
        weight_left: NDArray[np.int64],
        weight_right: NDArray[np.int64],
        keep_k: NDArray[np.float64],
        num_threads: int,
        exact: bool = False,
    ) -> None: ...
    def occurrences(self) -> NDArray[np.int64]: ...
    def bounds(self) -> NDArray[np.int64]: ...
    def rows(self, start: int, stop: int) -> NDArray[np.int64]: ...
    def take(self, contexts: NDArray[np.int32], counts: NDArray[np.float32]) -> None: ...
    def take_large(self) -> NDArray[np.int64]: ...

def add_rows(
    parts: Sequence[_Part],
    taken_off: Sequence[bool],
    K: int,
    unit: int,
    num_threads: int = 1,
    keep_k: NDArray[np.float64] | None = None,
    first: int = 0,
) -> tuple[_Part, NDArray[np.int64]]: ...
