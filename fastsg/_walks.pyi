import numpy as np
from numpy.typing import NDArray

def check_graph(
    row_ptr: NDArray[np.int64], neighbours: NDArray[np.int32], weights: NDArray[np.float32] | None
) -> None: ...

class Walker:
    num_threads: int
    def __init__(
        self,
        row_ptr: NDArray[np.int64],
        neighbours: NDArray[np.int32],
        weights: NDArray[np.float32] | None,
        back: float,
        far: float,
        num_threads: int,
    ) -> None: ...
    def walk(
        self,
        seed: int,
        streams: NDArray[np.uint64],
        starts: NDArray[np.int32],
        walks: NDArray[np.int32],
        lengths: NDArray[np.int64],
    ) -> None: ...
