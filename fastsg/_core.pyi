from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

_Ids: TypeAlias = NDArray[np.int32]
_Offsets: TypeAlias = NDArray[np.int64]
_Floats: TypeAlias = NDArray[np.float32]
_Doubles: TypeAlias = NDArray[np.float64]
_Counts: TypeAlias = tuple[_Ids, _Offsets, _Ids, _Floats]

SLICE: int
PANEL: int
OPENMP: int
SUM_PARTS: int
COMPILER: str
LEAST_COUNT: float
MOST_COUNT: float

def available_isas() -> list[str]: ...
def available_bf16() -> list[str]: ...
def available_precisions() -> list[str]: ...
def select_isa(name: str | None = None) -> str: ...
def select_bf16(name: str | None = None) -> str | None: ...
def isa() -> str: ...
def pause() -> None: ...
def after_fork() -> None: ...
def shard_count(K: int) -> int: ...
def shard_rows(K: int) -> _Offsets: ...
def scratch_bytes(
    K: int, H: int, rows: int, batch_rows: int, num_threads: int, precision: str = "float32"
) -> int: ...
def random_words(seed: int, stream: int, start: int, n: int) -> NDArray[np.uint32]: ...
def random_uniform(seed: int, stream: int, n: int, num_threads: int = 1) -> NDArray[np.float32]: ...
def check_ids(name: str, ids: _Ids, K: int, first: int = 0) -> None: ...
def check_corpus(tokens: _Ids, offsets: _Offsets, K: int, first: int = 0) -> None: ...
def thin(
    tokens: _Ids,
    offsets: _Offsets,
    keep_k: _Doubles,
    seed: int,
    stream: int,
    numbers: _Offsets | None = None,
) -> tuple[_Ids, _Offsets]: ...
def group_windows(
    tokens: _Ids,
    offsets: _Offsets,
    start: int,
    stop: int,
    K: int,
    left: int,
    right: int,
    weight_left: _Floats,
    weight_right: _Floats,
    draw: bool,
    seed: int,
    stream: int,
) -> _Counts: ...
def group_pairs(centers: _Ids, contexts: _Ids, weights: _Floats, K: int) -> _Counts: ...
def abs_max(array: _Floats) -> float: ...
def aligned(n: int) -> _Floats: ...
def leading_block(
    row_ptr: _Offsets, contexts: _Ids, counts: _Floats, words: int, num_threads: int = 1
) -> tuple[_Offsets, NDArray[np.float64]]: ...
def bad_entry(row_ptr: _Offsets, contexts: _Ids, counts: _Floats, K: int, num_threads: int = 1) -> int: ...
def cut_rows(row_ptr: _Offsets, contexts: _Ids, rows: int, column: int, num_threads: int = 1) -> _Offsets: ...
def row_sums(row_ptr: _Offsets, counts: _Floats, num_threads: int = 1) -> NDArray[np.float64]: ...
def gather_rows(
    starts: _Offsets,
    stops: _Offsets,
    contexts: _Ids,
    counts: _Floats,
    ids: _Ids,
    scale_k: _Floats,
    num_threads: int = 1,
) -> tuple[_Offsets, _Ids, _Floats]: ...

class Workspace:
    K: int
    H: int
    rows: int
    num_threads: int
    weight: float
    steps: int
    step_loss: float
    share: Any
    def __init__(
        self,
        K: int,
        H: int,
        rows: int,
        num_threads: int,
        precision: str = "float32",
        shared: Workspace | None = None,
        share: object = None,
    ) -> None: ...
    @property
    def shift(self) -> _Floats: ...
    @property
    def bounds_I(self) -> tuple[float, float]: ...
    def invalidate_bounds(self) -> None: ...
    def loss(
        self,
        I_kh: _Floats,
        O_kh: _Floats,
        bias_k: _Floats,
        ids: _Ids,
        row_ptr: _Offsets,
        contexts: _Ids,
        counts: _Floats,
        log_z: _Doubles | None = None,
    ) -> float: ...
    def step(
        self,
        I_kh: _Floats,
        O_kh: _Floats,
        bias_k: _Floats,
        ids: _Ids,
        row_ptr: _Offsets,
        contexts: _Ids,
        counts: _Floats,
        shift_k: _Floats,
        rate: float,
        adagrad_I: _Floats | None = None,
        adagrad_O: _Floats | None = None,
        newton: tuple[_Floats, _Floats, float, float | _Doubles] | None = None,
        weights: _Doubles | None = None,
    ) -> float: ...
    def gradient(
        self,
        I_kh: _Floats,
        O_kh: _Floats,
        bias_k: _Floats,
        ids: _Ids,
        row_ptr: _Offsets,
        contexts: _Ids,
        counts: _Floats,
    ) -> tuple[float, _Floats, _Floats]: ...

def vector_exp(c: _Floats, m: _Floats) -> _Floats: ...
def logarithms(values: NDArray[np.float64]) -> NDArray[np.float64]: ...
def fma_rounds(n: int, num_threads: int, precision: str = "float32") -> int: ...
def fma_chain(n: int) -> None: ...
def mean(Y_kh: NDArray[np.float32], weights: _Floats, num_threads: int) -> NDArray[np.float64]: ...
def gram(
    Y_kh: NDArray[np.float32], weights: _Floats | None, num_threads: int, center: _Floats | None = ...
) -> NDArray[np.float64]: ...
def in_order(parts: NDArray[np.float64]) -> NDArray[np.float64]: ...
def mirrored(half: NDArray[np.float64]) -> NDArray[np.float64]: ...
def mean_parts(
    Y_kh: NDArray[np.float32], weights: _Floats, num_threads: int, first: int, stop: int
) -> NDArray[np.float64]: ...
def gram_parts(
    Y_kh: NDArray[np.float32],
    weights: _Floats | None,
    num_threads: int,
    center: _Floats | None,
    first: int,
    stop: int,
) -> NDArray[np.float64]: ...
def times(Y_kh: NDArray[np.float32], M_hj: NDArray[np.float32], num_threads: int) -> NDArray[np.float32]: ...
def sparse_times(
    row_ptr: _Offsets, columns: _Ids, values: _Floats, X_kh: NDArray[np.float32], num_threads: int
) -> NDArray[np.float32]: ...
def ppmi(
    row_ptr: _Offsets,
    columns: _Ids,
    counts: _Floats,
    row_sums: _Doubles,
    column_sums: _Doubles,
    num_threads: int,
) -> tuple[_Offsets, _Ids, _Floats]: ...
def inverse(A: NDArray[np.float64]) -> NDArray[np.float64]: ...
def orthonormal(A: NDArray[np.float64]) -> NDArray[np.float64]: ...
def eigen(A: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
def nearest(
    Y_kh: NDArray[np.float32],
    inverse_k: NDArray[np.float32],
    X_uh: NDArray[np.float32],
    n: int,
    slack: float,
    num_threads: int,
) -> tuple[_Offsets, _Ids, _Floats]: ...
def ranked(
    Y_kh: NDArray[np.float32],
    unit_h: _Doubles,
    ids: _Ids,
    scores: _Floats,
    wanted: int,
    slack: float,
) -> list[tuple[int, float]] | None: ...
def cosines(
    Y_kh: NDArray[np.float32], inverse_k: NDArray[np.float32], x_h: NDArray[np.float32], num_threads: int
) -> NDArray[np.float32]: ...
def exact_cosines(Y_kh: NDArray[np.float32], unit_h: _Doubles, rows: NDArray[np.int64]) -> _Doubles: ...
def unit_row(Y_kh: NDArray[np.float32], k: int) -> NDArray[np.float32]: ...
def add_rows(
    Y_kh: NDArray[np.float32], rows: list[int], weights: list[float] | None, as_unit: bool, sum_h: _Doubles
) -> None: ...
