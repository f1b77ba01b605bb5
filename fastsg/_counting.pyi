from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LEAST_COUNT: float

class Counter:
    K: int
    num_threads: int
    def __init__(
        self,
        texts: Sequence[tuple[NDArray[np.int32], NDArray[np.int64]]],
        K: int,
        left: int,
        right: int,
        weight_left: NDArray[np.float64],
        weight_right: NDArray[np.float64],
        keep_k: NDArray[np.float64],
        num_threads: int,
    ) -> None: ...
    def bounds(self) -> NDArray[np.int64]: ...
    def rows(self, start: int, stop: int) -> NDArray[np.int64]: ...
    def take(self, contexts: NDArray[np.int32], counts: NDArray[np.float32]) -> None: ...
