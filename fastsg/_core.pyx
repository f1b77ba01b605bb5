# cython: freethreading_compatible = False
"""Thin binding of the kernels: checks what comes in, owns the scratch, runs the passes under prange, turns codes into exceptions.

Nothing here knows words, files, epochs or default settings.
"""

import os

import numpy as np

from cpython.exc cimport PyErr_CheckSignals
from cython.parallel cimport prange
from libc.math cimport sqrt
from libc.stdint cimport int32_t, int64_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memmove

from .errors import DivergenceError


cdef extern from "_omp.h" nogil:
    const int FSG_OPENMP
    const int FSG_FORKS
    int fsg_omp_thread() noexcept
    void fsg_omp_pause() noexcept


cdef extern from "kernels.h" nogil:
    const int FSG_PANEL, FSG_SLICE, FSG_LANES
    int64_t FSG_GRAM_SCRATCH(int64_t) noexcept
    const double FSG_SUM_MIN, FSG_SUM_MAX, FSG_LN2

    ctypedef struct fsg_batch:
        int64_t K, H, U, H_pad
        const float *bias_k
        const float *X_ph
        const float *reach_p
        float *shift_u
        float *Xs_uh
        const float *target_u
        const int64_t *stop_u
        const int32_t *contexts
        const float *counts

    ctypedef struct fsg_step:
        float rate
        float *adagrad_k

    ctypedef struct fsg_table:
        const char *name
        int fma
        float (*pack_panel)(const float *, const int32_t *, int64_t, int64_t, int64_t, float *) noexcept nogil
        double (*exp_slice)(const fsg_batch *, const float *, int64_t, float *, int, int64_t *, float *) noexcept nogil
        void (*max_slice)(const fsg_batch *, const float *, int64_t, float *) noexcept nogil
        int64_t (*merge_sums)(const float *, int64_t, int64_t, int64_t, double *) noexcept nogil
        void (*gradient_slice)(const fsg_batch *, float *, int64_t, float *, int64_t *, float *, int, float *, int,
                               const fsg_step *) noexcept nogil
        void (*merge_panel)(const fsg_batch *, int64_t, float *, int64_t, int64_t, const float *, float *) noexcept nogil
        void (*move_row)(float *, const float *, int64_t, const fsg_step *, int64_t) noexcept nogil
        void (*mean_rows)(const float *, const float *, int64_t, int64_t, double *) noexcept nogil
        void (*gram_rows)(const float *, const float *, const float *, int64_t, int64_t, double *, double *) noexcept nogil
        void (*times_rows)(const float *, int64_t, int64_t, const float *, int64_t, float *) noexcept nogil
        void (*sparse_row)(const float *, const int32_t *, int64_t, const float *, int64_t, float *) noexcept nogil
        void (*newton_row)(float *, const float *, int64_t, double, double, double) noexcept nogil
        double (*log)(double) noexcept nogil
        void (*exp)(const float *, const float *, float *, int64_t) noexcept nogil
        int64_t (*peak)(int64_t, float *) noexcept nogil
        void (*chain)(int64_t, float *) noexcept nogil

    ctypedef struct fsg_bf16_table:
        const char *name
        int64_t (*scratch_bytes)(int64_t) noexcept nogil
        void (*pack_panel)(const float *, const int32_t *, int64_t, int64_t, int64_t, uint16_t *) noexcept nogil
        void (*pack_scaled)(const fsg_batch *, int64_t, uint16_t *) noexcept nogil
        double (*exp_slice)(const fsg_batch *, const float *, int64_t, const uint16_t *, void *, uint16_t *, int, int64_t *,
                            float *) noexcept nogil
        void (*gradient_slice)(const fsg_batch *, const fsg_table *, float *, int64_t, uint16_t *, const uint16_t *, void *, int64_t *,
                               float *, int, float *, int, const fsg_step *) noexcept nogil
        int64_t (*peak)(int64_t) noexcept nogil

    const fsg_bf16_table *fsg_bf16_available(int) noexcept
    const fsg_table *fsg_available(int) noexcept
    float fsg_abs_max(const float *, int64_t) noexcept
    float fsg_whole_bits(float) noexcept
    const char *FSG_COMPILER


# ---- instruction sets ------------------------------------------------------------------------------------------------

cdef const fsg_table *table = NULL
cdef const fsg_bf16_table *bf16_table = NULL

SLICE = FSG_SLICE
PANEL = FSG_PANEL
OPENMP = FSG_OPENMP
COMPILER = FSG_COMPILER.decode()


def available_isas() -> list[str]:
    """Names of the kernel sets this CPU can run, best first."""
    names = []
    while fsg_available(<int>len(names)) != NULL:
        names.append(fsg_available(<int>len(names)).name.decode())
    return names


def select_isa(name: str | None = None) -> str:
    """Choose the kernels: ``None`` the best, else one of :func:`available_isas`; anything else is a ValueError."""
    global table
    names = available_isas()
    if name is not None and name not in names:
        raise ValueError(f"instruction set is {name!r}; this build and CPU allow {', '.join(names)}")
    table = fsg_available(0 if name is None else <int>names.index(name))
    return isa()


def available_bf16() -> list[str]:
    """Names of the bfloat16 kernel sets this CPU can run, best first."""
    names = []
    while fsg_bf16_available(<int>len(names)) != NULL:
        names.append(fsg_bf16_available(<int>len(names)).name.decode())
    return names


def select_bf16(name: str | None = None) -> str | None:
    """Choose the bfloat16 kernels of workspaces to come: ``None`` the best there is, else one of :func:`available_bf16`."""
    global bf16_table
    names = available_bf16()
    if name is not None and name not in names:
        raise ValueError(f"bfloat16 kernel set is {name!r}; this build and CPU allow {', '.join(names) or 'none'}")
    bf16_table = fsg_bf16_available(0 if name is None else <int>names.index(name))
    return None if bf16_table == NULL else bf16_table.name.decode()


def available_precisions() -> list[str]:
    """Precisions of the products that this CPU can train in."""
    return ["float32"] + (["bfloat16"] if bf16_table != NULL else [])


def isa() -> str:
    """Name of the kernels in use."""
    return table.name.decode()


select_isa(os.environ.get("FASTSG_ISA") or None)
select_bf16()


# ---- fork ------------------------------------------------------------------------------------------------------------

cdef bint one_thread = False


def pause() -> None:
    """Let go of this thread's OpenMP threads; they come back when needed. Runs before every fork."""
    fsg_omp_pause()


def after_fork() -> None:
    """In a forked child: one thread from now on, where OpenMP cannot let go of its threads. The results are the same."""
    global one_thread
    one_thread = not FSG_FORKS


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=pause, after_in_child=after_fork)


def logarithms(values):
    """log of positive normal numbers, float64, by the kernels' own logarithm: NumPy's may differ between CPUs."""
    out = np.array(values, np.float64, order="C")
    cdef double[::1] flat = out.reshape(-1)
    cdef int64_t i
    for i in range(flat.shape[0]):
        flat[i] = table.log(flat[i])
    return out


# ---- layout of the vocabulary ----------------------------------------------------------------------------------------

cdef enum:
    STREAM_FROM = 1 << 22  # values of E: more do not stay in the caches until the second pass, and are written past them
    H_UNIT = 32  # rows of Xs and gO are padded to so many coordinates: two vectors of AVX-512, one bfloat16 tile product


cdef inline int64_t round_up(int64_t x, int64_t unit) noexcept nogil:
    return (x + unit - 1) // unit * unit


def shard_count(K: int) -> int:
    """Shards of a vocabulary: a power of two, a function of K alone, so that no thread count can change a sum."""
    cdef int64_t slices = round_up(K, FSG_SLICE) // FSG_SLICE, shards = 1
    while shards < 64 and 4 * shards <= slices:
        shards *= 2
    return shards


def scratch_bytes(K: int, H: int, rows: int, batch_rows: int, num_threads: int, precision: str = "float32") -> int:
    """Bytes of scratch for batches of `batch_rows` distinct centers worked off in blocks of `rows`."""
    cdef int64_t slices = round_up(K, FSG_SLICE) // FSG_SLICE
    block = round_up(min(rows, batch_rows), FSG_PANEL)
    H_pad = round_up(H, H_UNIT)
    exps = slices * FSG_SLICE * block // (2 if precision == "bfloat16" else 1)
    partial = shard_count(K) * block * (H + 1)
    gradients = (K if batch_rows > rows else num_threads * FSG_SLICE) * H_pad + batch_rows * H
    return 4 * (exps + partial + gradients + block * (H + H_pad + 8))


include "_rows.pxi"


# ---- the batch step --------------------------------------------------------------------------------------------------

cdef double LARGEST = 1e37  # gradients, Adagrad sums and matrices stay below; float32 ends at 3.4e38
cdef double SMALLEST_ROOT = 3e-23  # square root of the smallest Adagrad sum above 0, rounded down


def abs_max(array) -> float:
    """Largest absolute value of a float32 array; NaN counts as larger than infinity."""
    cdef const float[::1] flat = array.reshape(-1)
    cdef float top = 0
    if flat.shape[0]:
        with nogil:
            top = fsg_abs_max(&flat[0], flat.shape[0])
    return top


cdef double tree_sum(double *part, int64_t n) noexcept nogil:
    """Sum by the fixed binary tree; part is overwritten."""
    cdef int64_t i, width = 1
    while width < n:
        i = 0
        while i + width < n:
            part[i] += part[i + width]
            i += 2 * width
        width *= 2
    return part[0]


def aligned(n: int):
    """n float32 zeros that start on a cache line: vector loads that straddle two lines cost a tenth of the speed."""
    spare = np.zeros(n + 16, np.float32)
    start = -(spare.ctypes.data // 4) % 16
    return spare[start:start + n]


cdef class Workspace:
    """Scratch for batches over a vocabulary of K words, and the passes that use it.

    Parameters
    ----------
    K, H : int
        Vocabulary and vector size.
    rows : int
        Softmax rows held at once; a larger batch is worked off in blocks of so many rows. Part of the result's bits.
    num_threads : int
        Does not change the result.
    precision : {"float32", "bfloat16"}
        Of the products of :meth:`step` and :meth:`gradient`; :meth:`loss` is always in float32.
    shared : Workspace, optional
        One of the same H whose large buffers this one takes, as far as they go: the two must not be in use at once.
    """

    cdef readonly int64_t K, H, rows, slices, shards, H_pad
    cdef readonly int num_threads
    cdef int busy
    cdef Workspace shared
    cdef double bound_I, bound_O, bound_sum_I, bound_sum_O  # no absolute value in I, O or Adagrad's sums is larger
    cdef readonly double weight  # of the pairs of the batch that was checked last
    cdef int64_t[::1] shard_ptr
    cdef float[::1] X, Xs, E, S, gI, gO, G, reach
    cdef readonly object shift  # (rows,) float32: what was taken off each logit, in units of ln 2
    cdef float[::1] shift_u, scale_u, target_u
    cdef double[::1] Z_u, weight_u, part  # weight_u: of all rows of the batch; n_u points to those of the block
    cdef double *n_u
    cdef int64_t[::1] first_k, stop_u  # of every shard, its first vocabulary row; of every row, the end of its entries
    cdef int64_t[:, ::1] cut_su, next_su  # where a row's entries in a shard begin; where the shard's owner has come to
    cdef fsg_batch batch
    cdef const fsg_bf16_table *half  # NULL: float32
    cdef float[::1] X_half, Xs_half, scratch_half

    def __init__(self, K: int, H: int, rows: int, num_threads: int, precision: str = "float32", Workspace shared = None):
        if K < 1 or H < 1 or rows < 1 or num_threads < 1:
            raise ValueError(f"K, H, rows and num_threads are {K}, {H}, {rows}, {num_threads}; all must be at least 1")
        if precision not in (allowed := available_precisions()):
            raise ValueError(f"precision is {precision!r}; this CPU allows {', '.join(allowed)} (bfloat16 needs AVX512_BF16 or AMX)")
        self.half = bf16_table if precision == "bfloat16" else NULL
        self.K, self.H, self.num_threads = K, H, num_threads
        self.rows = round_up(rows, FSG_PANEL)
        self.H_pad = round_up(H, H_UNIT)
        self.slices = round_up(K, FSG_SLICE) // FSG_SLICE
        self.shards = shard_count(K)
        self.shard_ptr = np.array([self.slices * s // self.shards for s in range(self.shards + 1)], np.int64)
        self.first_k = np.asarray(self.shard_ptr)[:self.shards] * SLICE
        self.part, self.weight_u = np.zeros(self.shards), np.zeros(1)
        self.X = self.Xs = self.E = self.S = self.gI = self.gO = self.G = self.reach = aligned(0)
        self.X_half = self.Xs_half = self.scratch_half = aligned(0)
        self.shared = shared
        self.forget()
        self.batch.K, self.batch.H, self.batch.H_pad = self.K, self.H, self.H_pad

    def forget(self) -> None:
        """Matrices or Adagrad's sums have been changed from outside, or are others: the next step reads them again to check its range."""
        self.bound_I = self.bound_O = self.bound_sum_I = self.bound_sum_O = np.inf

    # -- scratch --

    cdef void reserve(self, int64_t block, int64_t batch_rows, bint keep_E, bint keep_gO) except *:
        """Make every buffer large enough; they only grow."""
        cdef int64_t padded = round_up(block, FSG_PANEL)
        if self.shared is not None:
            self.borrow(self.shared)
        if self.S.shape[0] < self.shards * padded:
            self.X = aligned(padded * self.H)
            self.Xs = aligned(padded * self.H_pad)
            self.S = aligned(self.shards * padded)
            self.reach = aligned(padded // FSG_PANEL)
            self.cut_su, self.next_su = np.zeros((self.shards, padded), np.int64), np.zeros((self.shards, padded), np.int64)
            self.stop_u = np.zeros(padded, np.int64)
            self.shift = np.zeros(padded, np.float32)
            self.shift_u = self.shift
            self.scale_u = np.empty(padded, np.float32)
            self.target_u = np.empty(padded, np.float32)
            self.Z_u = np.empty(padded)
        if keep_E:
            size = self.slices * padded * FSG_SLICE
            if self.half != NULL:
                size //= 2  # two values a float
                if self.X_half.shape[0] < padded * self.H_pad // 2:
                    self.X_half, self.Xs_half = aligned(padded * self.H_pad // 2), aligned(padded * self.H_pad // 2)
                if self.scratch_half.shape[0] == 0:
                    self.scratch_half = aligned(self.num_threads * (self.half.scratch_bytes(self.H) // 4))
            if self.E.shape[0] < size:
                self.E = aligned(size)
            if self.gI.shape[0] < self.shards * padded * self.H:
                self.gI = aligned(self.shards * padded * self.H)
            if self.G.shape[0] < batch_rows * self.H:
                self.G = aligned(batch_rows * self.H)
            size = (self.slices if keep_gO else self.num_threads) * FSG_SLICE * self.H_pad
            if self.gO.shape[0] < size:
                self.gO = aligned(size)

    cdef void borrow(self, Workspace other) except *:
        """Take the other's large buffers where they are larger."""
        if other.E.shape[0] > self.E.shape[0]:
            self.E = other.E
        if other.gI.shape[0] > self.gI.shape[0]:
            self.gI = other.gI
        if other.gO.shape[0] > self.gO.shape[0]:
            self.gO = other.gO
        if other.G.shape[0] > self.G.shape[0]:
            self.G = other.G

    cdef void enter(self) except *:
        """Before anything of the workspace is written."""
        if self.busy:
            raise RuntimeError("this model is already training or being evaluated in another thread")
        self.busy = 1
        if one_thread:
            self.num_threads = 1

    # -- pass A: one block of rows --

    cdef void begin(self, const float[:, ::1] I_kh, const float[::1] bias_k, const int32_t[::1] ids, const int64_t[::1] row_ptr,
                    const int32_t[::1] contexts, const float[::1] counts, int64_t u0, int64_t u1, bint halved) noexcept nogil:
        """Pack the rows, find where their entries in every shard begin."""
        cdef fsg_batch *batch = &self.batch
        cdef int64_t u, p, panels = (u1 - u0 + FSG_PANEL - 1) // FSG_PANEL
        batch.U, self.n_u = u1 - u0, &self.weight_u[u0]
        batch.bias_k = &bias_k[0] if bias_k.shape[0] else NULL
        batch.X_ph, batch.Xs_uh, batch.reach_p = &self.X[0], &self.Xs[0], &self.reach[0]
        batch.shift_u, batch.target_u, batch.stop_u = &self.shift_u[0], &self.target_u[0], &self.stop_u[0]
        # rows without entries (only their log Z is wanted) leave contexts empty: its address may be anything, it is not read
        batch.contexts = &contexts[0] if contexts.shape[0] else NULL
        batch.counts = &counts[0] if counts.shape[0] else NULL
        for p in prange(panels, num_threads=self.num_threads, schedule="static"):
            self.reach[p] = table.pack_panel(&I_kh[0, 0], &ids[u0], batch.U, self.H, p, &self.X[0])
            if halved:
                self.half.pack_panel(&I_kh[0, 0], &ids[u0], batch.U, self.H, p, <uint16_t *>&self.X_half[0])
        for u in prange(batch.U, num_threads=self.num_threads, schedule="dynamic", chunksize=16):  # frequent words come first
            self.stop_u[u] = row_ptr[u0 + u + 1]
            fsg_cut_row(batch.contexts, row_ptr[u0 + u], self.stop_u[u], &self.first_k[0], self.shards, &self.cut_su[0, u],
                        self.cut_su.shape[1])
        for u in range(batch.U, panels * FSG_PANEL):
            self.shift_u[u] = 0

    cdef int64_t *cuts(self, int64_t shard) noexcept nogil:
        """Where the rows' entries in a shard begin, for the passes to move on."""
        memcpy(&self.next_su[shard, 0], &self.cut_su[shard, 0], self.batch.U * sizeof(int64_t))
        return &self.next_su[shard, 0]

    cdef void *own_scratch(self) noexcept nogil:
        """This thread's scratch for the bfloat16 kernels."""
        return &self.scratch_half[0] + fsg_omp_thread() * (self.half.scratch_bytes(self.H) // 4)

    cdef void exp_pass(self, const float[:, ::1] O_kh, bint keep_E) noexcept nogil:
        """The sums of every shard, its entries' log E, and E if it is kept, shard by shard."""
        cdef int64_t s, shard, size = round_up(self.batch.U, FSG_PANEL)
        cdef int stream = self.slices * FSG_SLICE * size > STREAM_FROM
        cdef int64_t *next_u
        cdef double logs
        for shard in prange(self.shards, num_threads=self.num_threads, schedule="dynamic", chunksize=1):
            for s in range(size):
                self.S[shard * size + s] = 0
            logs = 0
            next_u = self.cuts(shard)
            for s in range(self.shard_ptr[shard], self.shard_ptr[shard + 1]):
                if keep_E and self.half != NULL:
                    logs = logs + self.half.exp_slice(
                        &self.batch, &O_kh[0, 0], s, <uint16_t *>&self.X_half[0], self.own_scratch(),
                        <uint16_t *>&self.E[0] + s * size * FSG_SLICE, stream, next_u, &self.S[0] + shard * size)
                else:
                    logs = logs + table.exp_slice(&self.batch, &O_kh[0, 0], s, &self.E[0] + s * size * FSG_SLICE if keep_E else NULL,
                                                  stream, next_u, &self.S[0] + shard * size)
            self.part[shard] = logs

    cdef void true_maxima(self, const float[:, ::1] O_kh) noexcept nogil:
        """Rows whose sum failed (Z = 0) get their largest logit as shift. Rare, so one thread does it."""
        cdef int64_t s, u, panels = (self.batch.U + FSG_PANEL - 1) // FSG_PANEL
        for u in range(panels * FSG_PANEL):
            self.S[u] = -3.4e38
        for s in range(self.slices):
            table.max_slice(&self.batch, &O_kh[0, 0], s, &self.S[0])
        for u in range(self.batch.U):
            if self.Z_u[u] == 0:
                self.shift_u[u] = fsg_whole_bits(self.S[u])

    cdef double normalise(self, const float[:, ::1] O_kh, bint keep_E) except? -1:
        """Pass A of a block, with the second try for rows whose shift was off. Returns the block's loss; logs Z_u into Z_u."""
        cdef int64_t u, failed, size = round_up(self.batch.U, FSG_PANEL)
        cdef double loss = 0
        with nogil:
            self.exp_pass(O_kh, keep_E)
            failed = table.merge_sums(&self.S[0], self.shards, size, self.batch.U, &self.Z_u[0])
            if failed:
                self.true_maxima(O_kh)
                self.exp_pass(O_kh, keep_E)
                failed = table.merge_sums(&self.S[0], self.shards, size, self.batch.U, &self.Z_u[0])
            for u in range(self.batch.U):
                loss += self.n_u[u] * table.log(self.Z_u[u])
            loss -= tree_sum(&self.part[0], self.shards)
        if failed:
            raise DivergenceError(f"{failed} of {self.batch.U} softmax rows of the batch are not finite")
        return loss

    # -- pass B --

    cdef void prepare_gradient(self, const float[:, ::1] I_kh, const int32_t[::1] ids, int64_t u0) noexcept nogil:
        cdef int64_t u, h, H = self.H, U = self.batch.U, size = round_up(U, FSG_PANEL)
        for u in prange(size, num_threads=self.num_threads, schedule="static"):
            if u < U:
                self.scale_u[u] = <float>(self.n_u[u] / self.Z_u[u])
                self.target_u[u] = <float>(self.Z_u[u] / self.n_u[u])
            for h in range(H):
                self.Xs[u * self.H_pad + h] = self.scale_u[u] * I_kh[ids[u0 + u], h] if u < U else 0
        if self.half != NULL:
            for u in prange(size // FSG_PANEL, num_threads=self.num_threads, schedule="static"):
                self.half.pack_scaled(&self.batch, u, <uint16_t *>&self.Xs_half[0])

    cdef void gradient_pass(self, float[:, ::1] O_kh, int first, const fsg_step *step, bint keep_gO) noexcept nogil:
        cdef int64_t s, shard, panels = (self.batch.U + FSG_PANEL - 1) // FSG_PANEL, size = panels * FSG_PANEL
        cdef int64_t stride = size * self.H
        cdef int64_t *next_u
        cdef float *gO
        for shard in prange(self.shards, num_threads=self.num_threads, schedule="dynamic", chunksize=1):
            next_u = self.cuts(shard)
            for s in range(self.shard_ptr[shard], self.shard_ptr[shard + 1]):
                gO = &self.gO[0] + (s if keep_gO else fsg_omp_thread()) * FSG_SLICE * self.H_pad
                if self.half != NULL:
                    self.half.gradient_slice(&self.batch, table, &O_kh[0, 0], s, <uint16_t *>&self.E[0] + s * size * FSG_SLICE,
                                             <uint16_t *>&self.Xs_half[0], self.own_scratch(), next_u, &self.gI[0] + shard * stride,
                                             s == self.shard_ptr[shard], gO, first, step)
                    continue
                table.gradient_slice(&self.batch, &O_kh[0, 0], s, &self.E[0] + s * size * FSG_SLICE, next_u,
                                     &self.gI[0] + shard * stride, s == self.shard_ptr[shard], gO, first, step)

    cdef void merge_pass(self, int64_t u0) noexcept nogil:
        cdef int64_t p, panels = (self.batch.U + FSG_PANEL - 1) // FSG_PANEL
        for p in prange(panels, num_threads=self.num_threads, schedule="static"):
            table.merge_panel(&self.batch, p, &self.gI[0], self.shards, panels * FSG_PANEL * self.H, &self.scale_u[0],
                              &self.G[0] + u0 * self.H)

    cdef void move_inputs(self, float[:, ::1] I_kh, const int32_t[::1] ids, const fsg_step *step) noexcept nogil:
        cdef int64_t u
        for u in prange(ids.shape[0], num_threads=self.num_threads, schedule="static"):
            table.move_row(&I_kh[ids[u], 0], &self.G[0] + u * self.H, self.H, step, ids[u])

    cdef void newton_inputs(self, float[:, ::1] I_kh, const int32_t[::1] ids, const float[:, ::1] inverse, double rate,
                            double prior) except *:
        cdef int64_t u, U = ids.shape[0]
        cdef float[:, ::1] row = np.empty((self.num_threads, self.H), np.float32)
        cdef float *d
        with nogil:
            for u in prange(U, num_threads=self.num_threads, schedule="static"):
                d = &row[fsg_omp_thread(), 0]
                table.times_rows(&self.G[0] + u * self.H, 1, self.H, &inverse[0, 0], self.H, d)
                table.newton_row(&I_kh[ids[u], 0], d, self.H, self.weight_u[u], prior, rate)
        self.bound_I += 1.01 * rate * (0.5 * sqrt(<double>self.H) * self.bound_I + 0.3)  # the limit of a step, see newton_row

    cdef void check_range(self, const float[:, ::1] I_kh, const float[:, ::1] O_kh, double weight, double heaviest,
                          const fsg_step *step, adagrad_I) except *:
        """DivergenceError if this step could leave the range of float32, told from bounds before anything is written.

        |gO| <= sum_u n_u max|I| and |gI| <= n_u max|O|, since |P - N/n| <= 1; on the way to them the passes hold sums up to
        2 Z_u max|O| and rows n_u / Z_u I_u. An Adagrad step is at most rate * sqrt(H), its factor at most rate / SMALLEST_ROOT.
        The maxima are themselves bounds, raised by each step; matrices and sums are read again only when the bounds do not do.
        """
        cdef double gradient_I = 0, gradient_O = 0, step_I, step_O, sum_I = 0, sum_O = 0, rate = abs(step.rate), way = 0, factor = rate
        cdef bint read = False
        while True:
            gradient_I, gradient_O = 2 * heaviest * self.bound_O, 2 * weight * self.bound_I
            way = max(2 * FSG_SUM_MAX * self.bound_O, heaviest / FSG_SUM_MIN * self.bound_I)
            step_I, step_O = rate * gradient_I, rate * gradient_O
            if step.adagrad_k != NULL:
                step_I = step_O = rate * sqrt(<double>self.H) * 1.01
                factor = rate / SMALLEST_ROOT
                sum_I = self.bound_sum_I + gradient_I * gradient_I * self.H  # the sum of squares, before the mean is taken
                sum_O = self.bound_sum_O + gradient_O * gradient_O * self.H
            # each on its own, so that a NaN fails
            if (self.bound_I + step_I < LARGEST and self.bound_O + step_O < LARGEST and gradient_I < LARGEST and gradient_O < LARGEST
                    and way < LARGEST and factor < LARGEST and sum_I < LARGEST and sum_O < LARGEST):
                self.bound_I += step_I
                self.bound_O += step_O
                if step.adagrad_k != NULL:
                    self.bound_sum_I, self.bound_sum_O = sum_I, sum_O
                return
            if read:
                break
            self.bound_I, self.bound_O, read = abs_max(np.asarray(I_kh)), abs_max(np.asarray(O_kh)), True
            if step.adagrad_k != NULL:
                self.bound_sum_I, self.bound_sum_O = abs_max(adagrad_I), fsg_abs_max(step.adagrad_k, self.K)
        raise DivergenceError(f"a step of rate {step.rate:g} would leave the range of float32: values up to {self.bound_I:g} in I and "
                              f"{self.bound_O:g} in O, gradients up to {max(gradient_I, gradient_O):g}")

    # -- public --

    cdef void check(self, I_kh, O_kh, bias_k, const int32_t[::1] ids, const int64_t[::1] row_ptr, const int32_t[::1] contexts,
                    const float[::1] counts) except *:
        """Shapes, ids, row pointers and counts, what the kernels take on trust; and what the rows weigh."""
        cdef int64_t u, bad = -1, U = ids.shape[0]
        cdef int64_t[::1] bad_u
        if tuple(I_kh.shape)[1] != self.H or tuple(O_kh.shape) != (self.K, self.H):
            raise ValueError(f"I_kh is {tuple(I_kh.shape)} and O_kh {tuple(O_kh.shape)}; need (any, {self.H}) and ({self.K}, {self.H})")
        if bias_k.shape[0] not in (0, self.K):
            raise ValueError(f"bias_k has {bias_k.shape[0]} values; need 0 or {self.K}")
        if row_ptr.shape[0] != U + 1 or row_ptr[0] != 0 or row_ptr[U] != contexts.shape[0] or counts.shape[0] != contexts.shape[0]:
            raise ValueError(f"row_ptr must hold {U + 1} values from 0 to the {contexts.shape[0]} contexts, and counts as many as contexts")
        for u in range(U):
            if row_ptr[u] > row_ptr[u + 1]:
                raise ValueError(f"row_ptr falls at row {u}")
        check_ids("centers", ids, I_kh.shape[0])
        if self.weight_u.shape[0] < U:
            self.weight_u = np.empty(U)
        self.weight, bad_u = 0, np.full(max(U, 1), -1)
        with nogil:
            for u in prange(U, num_threads=self.num_threads, schedule="dynamic", chunksize=16):  # frequent words come first
                self.weight_u[u] = 0
                if row_ptr[u] < row_ptr[u + 1]:
                    bad_u[u] = fsg_bad_entry(&contexts[0], &counts[0], row_ptr[u], row_ptr[u + 1], self.K)
                    self.weight_u[u] = row_sum(row_ptr[u], row_ptr[u + 1], counts)
            for u in range(U):
                self.weight += self.weight_u[u]
            for u in range(U):
                if bad_u[u] >= 0:
                    bad = bad_u[u]
                    break
        if bad < 0:
            return
        if contexts[bad] < 0 or contexts[bad] >= self.K:
            raise ValueError(f"contexts[{bad}] is {contexts[bad]}; ids must lie in [0, {self.K})")
        if not (counts[bad] >= FSG_LEAST_COUNT and counts[bad] <= 3e38):
            raise ValueError(f"counts[{bad}] is {counts[bad]}; counts must be finite and at least {FSG_LEAST_COUNT:g}")
        raise ValueError(f"contexts[{bad}] is {contexts[bad]} after {contexts[bad - 1]}; the contexts of a row must be distinct and rise")

    cdef void check_distinct(self, const int32_t[::1] ids) except *:
        """Two rows of one center would move at once: the ids must rise, as group_windows and group_pairs give them."""
        cdef int64_t u
        for u in range(1, ids.shape[0]):
            if ids[u] <= ids[u - 1]:
                raise ValueError(f"centers[{u}] is {ids[u]} after {ids[u - 1]}; the centers of a step must be distinct and rise")

    def loss(self, const float[:, ::1] I_kh not None, const float[:, ::1] O_kh not None,
             const float[::1] bias_k not None, const int32_t[::1] ids not None, const int64_t[::1] row_ptr not None,
             const int32_t[::1] contexts not None, const float[::1] counts not None, log_z=None):
        """Sum of -log P over the counts, in nats; writes log Z of each row into log_z (float64) if given. Ids may repeat."""
        cdef int64_t u0, u1, u, U = ids.shape[0]
        cdef double total = 0
        cdef double[::1] log_z_v = np.empty(U) if log_z is None else log_z
        if log_z_v.shape[0] != U:
            raise ValueError(f"log_z has {log_z_v.shape[0]} values; need {U}")
        self.enter()
        try:
            self.check(I_kh, O_kh, bias_k, ids, row_ptr, contexts, counts)
            for u0 in range(0, U, self.rows):
                u1 = min(u0 + self.rows, U)
                self.reserve(u1 - u0, 0, False, False)
                self.shift_u[:] = 0
                self.begin(I_kh, bias_k, ids, row_ptr, contexts, counts, u0, u1, False)
                total += self.normalise(O_kh, False)
                for u in range(u1 - u0):
                    log_z_v[u0 + u] = table.log(self.Z_u[u]) + self.shift_u[u] * FSG_LN2
                PyErr_CheckSignals()
        finally:
            self.busy = 0
        return total

    def step(self, float[:, ::1] I_kh not None, float[:, ::1] O_kh not None, const float[::1] bias_k not None,
             const int32_t[::1] ids not None, const int64_t[::1] row_ptr not None, const int32_t[::1] contexts not None,
             const float[::1] counts not None, float[::1] shift_k not None, rate: float, adagrad_I=None,
             adagrad_O=None, newton=None):
        """One step on a batch: the loss at its start (nats); rows ids of I_kh and all rows of O_kh move in place.

        The ids must be distinct. shift_k (rows of I_kh) holds the last log Z of each center and is renewed. A DivergenceError
        leaves I_kh, O_kh and the Adagrad sums as they were. Whoever changes these between steps calls :meth:`forget` before the next.

        newton: (inverse, rate, prior); the rows of I then move by damped Newton steps instead: along inverse (H, H) times the
        gradient, over the row's weight + prior, at this rate, no further than half the row's length and 0.3.
        """
        cdef fsg_step step_I, step_O
        cdef float[::1] a_I, a_O
        cdef const float[:, ::1] inverse
        cdef double newton_rate = 0, prior = 0
        if newton is not None:
            inverse_kh, newton_rate, prior = newton
            if inverse_kh is None:
                raise TypeError(f"newton's inverse is None; need a float32 array ({self.H}, {self.H})")
            inverse = inverse_kh
            if inverse.shape[0] != self.H or inverse.shape[1] != self.H:
                raise ValueError(f"newton's inverse is ({inverse.shape[0]}, {inverse.shape[1]}); need ({self.H}, {self.H})")
        step_I.rate = step_O.rate = rate
        step_I.adagrad_k = step_O.adagrad_k = NULL
        if (adagrad_I is None) != (adagrad_O is None):
            raise ValueError("adagrad_I and adagrad_O must be given both or neither")
        if adagrad_I is not None:
            a_I, a_O = adagrad_I, adagrad_O
            if a_I.shape[0] != I_kh.shape[0] or a_O.shape[0] != self.K:
                raise ValueError("adagrad_I and adagrad_O must hold a value for each row of I_kh and O_kh")
            step_I.adagrad_k, step_O.adagrad_k = &a_I[0], &a_O[0]
        if shift_k.shape[0] != I_kh.shape[0]:
            raise ValueError(f"shift_k has {shift_k.shape[0]} values; need {I_kh.shape[0]}")
        self.enter()
        try:
            self.check(I_kh, O_kh, bias_k, ids, row_ptr, contexts, counts)
            self.check_distinct(ids)
            loss = self.run(I_kh, O_kh, bias_k, ids, row_ptr, contexts, counts, shift_k, &step_O, adagrad_I)
            if newton is None:
                with nogil:
                    self.move_inputs(I_kh, ids, &step_I)
            else:
                self.newton_inputs(I_kh, ids, inverse, newton_rate, prior)
        finally:
            self.busy = 0
        return loss

    def gradient(self, const float[:, ::1] I_kh not None, const float[:, ::1] O_kh not None,
                 const float[::1] bias_k not None, const int32_t[::1] ids not None, const int64_t[::1] row_ptr not None,
                 const int32_t[::1] contexts not None, const float[::1] counts not None):
        """(loss, gI of shape (U, H), gO of shape (K, H)) of a batch with distinct ids; nothing moves."""
        copy = np.array(O_kh)  # gradient_slice wants a writable O, though it does not write without a step
        self.enter()
        try:
            self.check(I_kh, O_kh, bias_k, ids, row_ptr, contexts, counts)
            self.check_distinct(ids)
            loss = self.run(I_kh, copy, bias_k, ids, row_ptr, contexts, counts, np.zeros(I_kh.shape[0], np.float32), NULL, None)
            gI = np.array(self.G)[:ids.shape[0] * self.H].reshape(ids.shape[0], self.H)
            if not ids.shape[0]:
                return loss, gI, np.zeros_like(copy)
            gO = np.array(self.gO).reshape(-1, self.H_pad)[:self.K, :self.H].copy()
        finally:
            self.busy = 0
        return loss, gI, gO

    cdef double run(self, const float[:, ::1] I_kh, float[:, ::1] O_kh, const float[::1] bias_k, const int32_t[::1] ids,
                    const int64_t[::1] row_ptr, const int32_t[::1] contexts, const float[::1] counts, float[::1] shift_k,
                    const fsg_step *step, adagrad_I) except? -1:
        """Blocks of rows: pass A, pass B; O moves in the last one's pass B, after every check has passed. G holds gI."""
        cdef int64_t u0, u1, u, U = ids.shape[0]
        cdef bint keep_gO = step == NULL or U > self.rows
        cdef double total = 0, heaviest = 0
        for u0 in range(0, U, self.rows):
            u1 = min(u0 + self.rows, U)
            self.reserve(u1 - u0, U, True, keep_gO)
            for u in range(u1 - u0):
                self.shift_u[u] = fsg_whole_bits(shift_k[ids[u0 + u]])
            self.begin(I_kh, bias_k, ids, row_ptr, contexts, counts, u0, u1, self.half != NULL)
            total += self.normalise(O_kh, True)
            for u in range(u1 - u0):
                heaviest = max(heaviest, self.n_u[u])
            PyErr_CheckSignals()  # nothing is written yet; from the last block's pass B on, the step completes
            if u1 == U and step != NULL:
                self.check_range(I_kh, O_kh, self.weight, heaviest, step, adagrad_I)
            with nogil:
                self.prepare_gradient(I_kh, ids, u0)
                self.gradient_pass(O_kh, u0 == 0, step if u1 == U else NULL, keep_gO)
                self.merge_pass(u0)
                for u in range(u1 - u0):
                    shift_k[ids[u0 + u]] = <float>(table.log(self.Z_u[u]) + self.shift_u[u] * FSG_LN2)
        return total


include "_dense.pxi"


# ---- for tests and benchmarks ---------------------------------------------------------------------------------------------------

def vector_exp(const float[::1] c not None, const float[::1] m not None):
    """e^c 2^-m by the kernels' own exponential, m whole; the lengths are equal and a multiple of 16."""
    if c.shape[0] % FSG_LANES or c.shape[0] != m.shape[0]:
        raise ValueError(f"c and m have {c.shape[0]} and {m.shape[0]} values; need as many, and a multiple of {FSG_LANES}")
    out = np.empty(c.shape[0], np.float32)
    cdef float[::1] out_v = out
    if c.shape[0]:
        table.exp(&c[0], &m[0], &out_v[0], c.shape[0])
    return out


def fma_rounds(n: int, num_threads: int, precision: str = "float32") -> int:
    """n rounds of multiply-adds in registers on each thread; returns the floating-point operations done."""
    cdef float[:, ::1] out = np.zeros((num_threads, 12 * FSG_LANES), np.float32)
    cdef int64_t[::1] flops = np.zeros(num_threads, np.int64)
    cdef int64_t t, rounds = n, threads = num_threads
    cdef bint half = precision == "bfloat16"
    if half and bf16_table == NULL:
        raise ValueError("this CPU has no bfloat16 kernels")
    with nogil:
        for t in prange(threads, num_threads=threads, schedule="static"):
            flops[t] = bf16_table.peak(rounds) if half else table.peak(rounds, &out[t, 0])
    return int(np.sum(flops))


def fma_chain(n: int) -> None:
    """n multiply-adds, each waiting for the one before it (4 cycles on x86-64 CPUs since 2015): shows the clock."""
    cdef float[::1] out = np.zeros(FSG_LANES, np.float32)
    cdef int64_t rounds = n
    with nogil:
        table.chain(rounds, &out[0])
