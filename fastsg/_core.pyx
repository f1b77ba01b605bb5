# cython: freethreading_compatible = False
"""Thin binding of the kernels: checks what comes in, owns the scratch, runs the passes under prange, turns
codes into exceptions. Here stands what takes a batch, class Workspace; the other files of this module are

    _isa.pxi                the kernels and the choice among them
    _rows.pxi               from a text to rows of counts
    _batch_rows.pxi         the rows of a batch, checked and weighed
    _scratch.pxi            the buffers of a workspace
    _forward_backward.pxi   the passes over a block of rows, shared among threads
    _bounds.pxi             whether a step stays in the range of float32
    _dense.pxi              tall matrices of few columns, and small ones
    _search.pxi             the rows closest to queries

Nothing here knows words, files, epochs or default settings.
"""

import os

import numpy as np

from cpython.exc cimport PyErr_CheckSignals
from cython.parallel cimport prange
from libc.math cimport INFINITY, sqrt
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from .errors import DivergenceError

include "_isa.pxi"
include "_rows.pxi"
include "_scratch.pxi"
include "_batch_rows.pxi"
include "_forward_backward.pxi"
include "_bounds.pxi"


cdef double[::1] checked_rates(rates, int64_t U):
    """The part of its Newton step that each of U rows takes, from a number or an array of them."""
    given = np.asarray(rates, np.float64)
    if given.shape not in ((), (U,)):
        raise ValueError(f"newton's rate has the shape {given.shape}; need a number or ({U},)")
    if not (np.isfinite(given) & (given >= 0)).all():
        raise ValueError("newton's rate must be finite and at least 0")
    return np.full(U, given)


cdef class Workspace:
    """Scratch for batches over a vocabulary of K words, and the passes that use it.

    Parameters
    ----------
    K, H : int
        Vocabulary and vector size.
    rows : int
        Softmax rows held at once; a larger batch is processed in blocks of so many rows. Part of the result's
        bits.
    num_threads : int
        Does not change the result.
    precision : {"float32", "bfloat16"}
        Of the products of :meth:`step` and :meth:`gradient`; :meth:`loss` is always in float32.
    shared : Workspace, optional
        One of the same H whose large buffers this one takes where they are larger than its own: the two must
        not be in use at once.
    share : Share, optional
        What this process has of the vocabulary where several work on one batch (fastsg/distributed). Each
        then calls the same methods with the same arguments, and moves its own rows of O and of their sums
        alone; :meth:`gradient` is for a process that has all of it.
    """

    cdef readonly int64_t K, H, rows
    cdef readonly int num_threads
    cdef readonly double weight  # of the pairs of the batch that was checked last
    cdef readonly int64_t steps  # taken so far
    cdef readonly double step_loss  # of the last of them
    cdef readonly object share
    cdef int busy
    cdef Passes passes
    cdef Bounds bounds

    def __init__(self, K: int, H: int, rows: int, num_threads: int, precision: str = "float32",
                 Workspace shared = None, share=None):
        if K < 1 or H < 1 or rows < 1 or num_threads < 1:
            raise ValueError(f"K, H, rows and num_threads are {K}, {H}, {rows}, {num_threads}; "
                             "all must be at least 1")
        if precision not in (allowed := available_precisions()):
            raise ValueError(f"precision is {precision!r}; this CPU allows {', '.join(allowed)} "
                             "(bfloat16 needs AVX512_BF16 or AMX)")
        self.K, self.H, self.num_threads, self.rows = K, H, num_threads, round_up(rows, FSG_PANEL)
        lender = None if shared is None else shared.passes.scratch
        self.share = share
        # who is alone asks nobody: Python that ran after O has moved could be interrupted there
        others = None if share is None or share.team.size == 1 else share
        self.passes = Passes(K, H, num_threads, precision == "bfloat16", lender, others)
        self.bounds = Bounds()
        self.invalidate_bounds()

    @property
    def shift(self):
        """(rows,) float32: what was taken off the logits of each row of the last block, in units of ln 2."""
        return self.passes.scratch.shift

    @property
    def bounds_I(self):
        """(absolute value, length of a row) that nothing in I exceeds; infinite until a step has looked."""
        return self.bounds.bound_I, self.bounds.length_I

    def invalidate_bounds(self) -> None:
        """Matrices or Adagrad's sums were changed from outside, or are others: the next step reads them again
        to check its range."""
        self.bounds.invalidate()

    cdef void enter(self) except *:
        """Take the workspace, before anything in it is written; the caller gives it back by busy = 0."""
        if self.busy:
            raise RuntimeError("this model is already training or being evaluated in another thread")
        self.busy = 1
        if one_thread:
            self.num_threads = self.passes.num_threads = 1

    cdef BatchRows check(self, const float[:, ::1] I_kh, const float[:, ::1] O_kh, const float[::1] bias_k,
                         const int32_t[::1] ids, const int64_t[::1] row_ptr, const int32_t[::1] contexts,
                         const float[::1] counts, weights=None):
        """The rows of a batch, after a check of all that the kernels take on trust."""
        if I_kh.shape[1] != self.H or O_kh.shape[0] != self.K or O_kh.shape[1] != self.H:
            raise ValueError(f"I_kh is ({I_kh.shape[0]}, {I_kh.shape[1]}) and O_kh ({O_kh.shape[0]}, "
                             f"{O_kh.shape[1]}); need (any, {self.H}) and ({self.K}, {self.H})")
        if bias_k.shape[0] not in (0, self.K):
            raise ValueError(f"bias_k has {bias_k.shape[0]} values; need 0 or {self.K}")
        cdef int64_t block = min(<int64_t>ids.shape[0], self.rows)
        cdef int threads = self.passes.threads_beside(block, contexts.shape[0])
        rows = checked_rows(ids, row_ptr, contexts, counts, I_kh.shape[0], self.K, threads, weights)
        self.weight = rows.weight
        return rows

    cdef double run(self, const float[:, ::1] I_kh, float[:, ::1] O_kh, const float[::1] bias_k,
                    BatchRows rows, float[::1] shift_k, const fsg_step *step, adagrad_I) except? -1:
        """Blocks of rows: pass A, pass B; O moves in the last one's pass B, after every check has passed, and
        the new log Z go into shift_k after that. The scratch then holds gI in G. Can be interrupted before
        that pass, and only there."""
        cdef int64_t u0, u1, u
        cdef bint keep_gO = step == NULL or rows.U > self.rows
        cdef double total = 0, heaviest = 0
        cdef float[::1] log_z_u = np.empty(rows.U, np.float32), scale_u = np.empty(rows.U, np.float32)
        for u0 in range(0, rows.U, self.rows):
            u1 = min(u0 + self.rows, rows.U)
            self.passes.scratch.reserve(u1 - u0, rows.U, rows.row_ptr[u1] - rows.row_ptr[u0], True, keep_gO)
            for u in range(u1 - u0):
                self.passes.scratch.shift_u[u] = fsg_whole_bits(shift_k[rows.ids[u0 + u]])
            self.passes.begin(I_kh, bias_k, rows, u0, u1, self.passes.half != NULL)
            total += self.passes.normalise(O_kh, True)
            for u in range(u1 - u0):
                heaviest = max(heaviest, rows.weight_u[u0 + u])
            if u1 == rows.U and step != NULL:
                self.bounds.check_step(I_kh, O_kh, rows.weight, heaviest, step, adagrad_I, self.passes)
            with nogil:
                self.passes.prepare_gradient(I_kh, &rows.ids[u0])
                self.passes.gradient_pass(O_kh, u0 == 0, step if u1 == rows.U else NULL, keep_gO)
                self.passes.merge_pass(u0, rows.U)
                for u in range(u1 - u0):
                    log_z_u[u0 + u] = <float>self.passes.log_z(u)
                    scale_u[u0 + u] = self.passes.scratch.scale_u[u]
        self.passes.finish_gradient(scale_u)
        for u in range(rows.U):
            shift_k[rows.ids[u]] = log_z_u[u]
        return total

    cdef void check_newton(self, const float[:, ::1] axes, const float[::1] curvature) except *:
        if axes is None or curvature is None:
            raise TypeError(f"newton's axes or curvature are None; need float32 arrays ({self.H}, {self.H}) "
                            f"and ({self.H},)")
        if axes.shape[0] != self.H or axes.shape[1] != self.H or curvature.shape[0] != self.H:
            raise ValueError(f"newton's axes are ({axes.shape[0]}, {axes.shape[1]}), its curvature "
                             f"({curvature.shape[0]},); need ({self.H}, {self.H}) and ({self.H},)")

    # -- public --

    def loss(self, const float[:, ::1] I_kh not None, const float[:, ::1] O_kh not None,
             const float[::1] bias_k not None, const int32_t[::1] ids not None,
             const int64_t[::1] row_ptr not None, const int32_t[::1] contexts not None,
             const float[::1] counts not None, log_z=None):
        """Sum of -log P over the counts, in nats; writes log Z of each row into log_z (float64) if given. Ids
        may repeat."""
        cdef int64_t u0, u1, u, U = ids.shape[0]
        cdef double total = 0
        cdef double[::1] log_z_v = np.empty(U) if log_z is None else log_z
        cdef BatchRows rows
        if log_z_v.shape[0] != U:
            raise ValueError(f"log_z has {log_z_v.shape[0]} values; need {U}")
        self.enter()
        try:
            rows = self.check(I_kh, O_kh, bias_k, ids, row_ptr, contexts, counts)
            for u0 in range(0, U, self.rows):
                u1 = min(u0 + self.rows, U)
                self.passes.scratch.reserve(u1 - u0, 0, 0, False, False)
                self.passes.scratch.shift_u[:] = 0
                self.passes.begin(I_kh, bias_k, rows, u0, u1, False)
                total += self.passes.normalise(O_kh, False)
                for u in range(u1 - u0):
                    log_z_v[u0 + u] = self.passes.log_z(u)
        finally:
            self.busy = 0
        return total

    def step(self, float[:, ::1] I_kh not None, float[:, ::1] O_kh not None, const float[::1] bias_k not None,
             const int32_t[::1] ids not None, const int64_t[::1] row_ptr not None,
             const int32_t[::1] contexts not None, const float[::1] counts not None,
             float[::1] shift_k not None, rate: float, adagrad_I=None, adagrad_O=None, newton=None,
             weights=None):
        """One step on a batch: the loss at its start (nats); rows ids of I_kh and all rows of O_kh move in
        place.

        The ids must be distinct. shift_k (rows of I_kh) holds the last log Z of each center and is renewed. A
        DivergenceError, or an interrupt, leaves them, I_kh, O_kh and the Adagrad sums as they were; one that
        comes as the step returns finds it counted in `steps`. Whoever changes these between
        steps calls :meth:`invalidate_bounds` before the next.

        newton: (axes, curvature, prior, rate); the rows of I then move by damped Newton steps instead, at
        this rate, or each at its own if it is an array (len(ids),): along each of the axes (H, H), which are
        rows, by gradient + prior * row over (weight + 20) * curvature (H,) + prior, no further than half the
        row's length and 0.3.

        weights (len(ids),), float64: what each row weighs, where the entries are only those whose contexts
        are this process's rows of O; without it they are all, and what they add up to is taken.
        """
        cdef fsg_step step_I, step_O
        cdef float[::1] sums_I, sums_O
        cdef const float[:, ::1] axes, turned
        cdef const float[::1] curvature
        cdef const double[::1] rate_u = None
        cdef double largest_rate = 0
        cdef float[:, ::1] scratch_t
        cdef fsg_newton newton_step
        cdef BatchRows rows
        if newton is not None:
            axes, curvature, newton_step.prior, rates = newton
            self.check_newton(axes, curvature)
            rate_u = checked_rates(rates, ids.shape[0])
            largest_rate = np.max(rate_u, initial=0)
            scratch_t = np.empty((self.num_threads, 2 * NEWTON_ROWS * self.H), np.float32)
            turned = np.ascontiguousarray(np.asarray(axes).T)
            newton_step.axes_hh, newton_step.turned_hh = &axes[0, 0], &turned[0, 0]
            newton_step.curvature_h = &curvature[0]
        step_I.rate = step_O.rate = rate
        step_I.adagrad_k = step_O.adagrad_k = NULL
        if (adagrad_I is None) != (adagrad_O is None):
            raise ValueError("adagrad_I and adagrad_O must be given both or neither")
        if adagrad_I is not None:
            sums_I, sums_O = adagrad_I, adagrad_O
            if sums_I.shape[0] != I_kh.shape[0] or sums_O.shape[0] != self.K:
                raise ValueError("adagrad_I and adagrad_O must hold a value for each row of I_kh and O_kh")
            step_I.adagrad_k, step_O.adagrad_k = &sums_I[0], &sums_O[0]
        if shift_k.shape[0] != I_kh.shape[0]:
            raise ValueError(f"shift_k has {shift_k.shape[0]} values; need {I_kh.shape[0]}")
        # From the first row that moves to the count of the step there is no Python, where an interrupt may
        # come, and no memory to be had: what takes either has its place before that.
        self.enter()
        try:
            rows = self.check(I_kh, O_kh, bias_k, ids, row_ptr, contexts, counts, weights)
            rows.check_distinct()
            loss = self.run(I_kh, O_kh, bias_k, rows, shift_k, &step_O, adagrad_I)
            if newton is None:
                with nogil:
                    self.passes.move_inputs(I_kh, ids, &step_I)
            else:
                with nogil:
                    self.passes.newton_inputs(I_kh, rows, &newton_step, rate_u, scratch_t)
                if rows.U:
                    self.bounds.newton_step(largest_rate)
            self.steps, self.step_loss = self.steps + 1, loss
        finally:
            self.busy = 0
        return loss

    def gradient(self, const float[:, ::1] I_kh not None, const float[:, ::1] O_kh not None,
                 const float[::1] bias_k not None, const int32_t[::1] ids not None,
                 const int64_t[::1] row_ptr not None, const int32_t[::1] contexts not None,
                 const float[::1] counts not None):
        """(loss, gI of shape (U, H), gO of shape (K, H)) of a batch with distinct ids; nothing moves."""
        cdef BatchRows rows
        copy = np.array(O_kh)  # gradient_slice wants a writable O, though it does not write without a step
        self.enter()
        try:
            rows = self.check(I_kh, O_kh, bias_k, ids, row_ptr, contexts, counts)
            rows.check_distinct()
            loss = self.run(I_kh, copy, bias_k, rows, np.zeros(I_kh.shape[0], np.float32), NULL, None)
            gI = np.array(self.passes.scratch.G)[:rows.U * self.H].reshape(rows.U, self.H)
            if not rows.U:
                return loss, gI, np.zeros_like(copy)
            gO = np.array(self.passes.scratch.gO).reshape(-1, self.passes.H_pad)[:self.K, :self.H].copy()
        finally:
            self.busy = 0
        return loss, gI, gO


include "_dense.pxi"
include "_search.pxi"
