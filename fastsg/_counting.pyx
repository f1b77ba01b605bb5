"""Thin binding of kernels/cooccur.c: checks what comes in, makes room, shares the rows among threads. Knows
no words and no files, and nothing of what becomes of the counts."""

import numpy as np

from cpython.exc cimport PyErr_CheckSignals
from cython.parallel cimport prange
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from ._core import check_corpus


cdef extern from "_omp.h" nogil:
    int fsg_omp_thread() noexcept


cdef extern from "rows.h" nogil:
    const double FSG_LEAST_COUNT


cdef extern from "cooccur.h" nogil:
    ctypedef struct fsg_cooccur_window:
        int64_t left, right
        const int64_t *weight_left
        const int64_t *weight_right

    ctypedef struct fsg_count_scale:
        double unit, row
        const double *of_k

    const int64_t FSG_COUNTS_NEGATIVE, FSG_COUNTS_OVERFLOW, FSG_MARK, FSG_MOST_TEXT

    int64_t fsg_mark_text(const int32_t *, const int64_t *, int64_t, int32_t *) noexcept
    void fsg_count_words(const int32_t *, int64_t, int64_t, int64_t *) noexcept
    void fsg_place_words(const int32_t *, int64_t, int64_t, int64_t *, uint32_t *) noexcept
    int64_t fsg_count_row(const fsg_cooccur_window *, const int32_t *, const uint32_t *, int64_t,
                          const fsg_count_scale *, int64_t, int64_t *, uint64_t *, int32_t *, float *,
                          int64_t *, int64_t *) noexcept
    int64_t fsg_take_sums(const fsg_count_scale *, int64_t, int64_t *, uint64_t *, int32_t *, float *,
                          int64_t *, int64_t *) noexcept
    int64_t fsg_count_large(const float *, int64_t, double) noexcept
    int64_t fsg_add_entries(const int32_t *, const float *, int64_t, double, int, const int64_t *, int64_t,
                            int64_t *, uint64_t *) noexcept


#: Smaller counts vanish, as in the rows of a batch.
LEAST_COUNT = FSG_LEAST_COUNT
#: Most ids and ends of sentences, over all texts, that a Counter takes.
MOST_IDS = FSG_MOST_TEXT


cdef class Counter:
    """The windows of a text, to be counted row by row.

    Parameters
    ----------
    texts : sequence of (tokens, offsets)
        One or more draws of a text; their counts are averaged. Ids are checked, again where they were copied
        to: those of a mapped file may change. Offsets must be in memory.
    K : int
        Size of the vocabulary.
    left, right : int
        Reach to either side; -1 is the whole sentence.
    unit : int
        Weights are multiples of 1 / unit.
    weight_left, weight_right : ndarray, int64
        Weight of every distance, in units; empty weighs one.
    keep_k : ndarray (K,), float64
        Every pair (m, n) is weighted keep_k[m] keep_k[n]; empty weighs 1.
    num_threads : int
        Does not change the result.
    exact : bool
        Keep the sums that are too large to follow from their counts, see cooccur.h.

    Whoever counts sees to it that no sum exceeds 64 bits, see :meth:`occurrences`.
    """

    cdef readonly int64_t K
    cdef readonly int num_threads
    cdef fsg_cooccur_window window
    cdef const int64_t[::1] weight_left, weight_right
    cdef const double[::1] keep_k
    cdef int32_t[::1] text
    cdef int64_t[::1] place_k
    cdef uint32_t[::1] positions
    cdef double unit
    cdef int64_t[:, ::1] sum_tk
    cdef uint64_t[:, ::1] seen_t
    cdef int64_t[::1] slot, size  # of the rows counted last: where the room of each begins, its entries
    cdef int32_t[::1] contexts
    cdef float[::1] counts
    cdef bint exact
    cdef int64_t[::1] n_large, large  # as sizes and counts

    def __init__(self, texts, K: int, left: int, right: int, unit: int,
                 const int64_t[::1] weight_left not None, const int64_t[::1] weight_right not None,
                 const double[::1] keep_k not None, num_threads: int, exact: bool = False):
        cdef const int32_t[::1] tokens
        cdef const int64_t[::1] offsets
        cdef int64_t n = 0
        if K < 1 or num_threads < 1 or not texts:
            raise ValueError(f"K and num_threads are {K} and {num_threads}, with {len(texts)} texts; "
                             "all must be at least 1")
        if keep_k.shape[0] not in (0, K):
            raise ValueError(f"keep_k has {keep_k.shape[0]} values; need 0 or {K}")
        for name, reach, weights in (("left", left, weight_left), ("right", right, weight_right)):
            if weights.shape[0] and weights.shape[0] < reach or weights.shape[0] and reach < 0:
                raise ValueError(f"weight_{name} has {weights.shape[0]} values for a reach of {reach}")
        self.K, self.num_threads, self.unit, self.exact = K, num_threads, unit * len(texts), exact
        # one by one: of several at once Cython orders the temporaries at random, and no two builds are alike
        self.weight_left = weight_left
        self.weight_right = weight_right
        self.keep_k = keep_k
        self.window.left, self.window.right = left, right
        self.window.weight_left = &weight_left[0] if weight_left.shape[0] else NULL
        self.window.weight_right = &weight_right[0] if weight_right.shape[0] else NULL
        ids = sum(len(tokens) + len(offsets) for tokens, offsets in texts)
        if ids > MOST_IDS:
            raise ValueError(f"texts have {ids} ids and ends of sentences over all draws; {MOST_IDS} are "
                             "counted at once: cut the longest line into several, or lower draws")
        self.text = np.empty(ids, np.int32)
        # one after the other: the end of a pool of Python's threads drops interrupts that came meanwhile
        for tokens, offsets in texts:
            check_corpus(tokens, offsets, K)
            if tokens.shape[0]:
                with nogil:
                    fsg_mark_text(&tokens[0], &offsets[0], offsets.shape[0] - 1, &self.text[n])
                n += tokens.shape[0] + offsets.shape[0]
        self.check_copied(n)
        self.sort(n)
        PyErr_CheckSignals()
        self.sum_tk = np.zeros((num_threads, K), np.int64)
        self.seen_t = np.zeros((num_threads, K // 64 + 1), np.uint64)
        self.slot, self.size = np.zeros(1, np.int64), np.zeros(0, np.int64)
        self.contexts, self.counts = np.empty(0, np.int32), np.empty(0, np.float32)
        self.n_large, self.large = np.zeros(0, np.int64), np.empty(0, np.int64)

    cdef check_copied(self, int64_t n):
        """ValueError unless the first n of the text are ids or marks: nothing looks at their source again."""
        copied = np.asarray(self.text)[:n]
        least, most = int(copied.min(initial=0)), int(copied.max(initial=0))
        if least < FSG_MARK or most >= self.K:
            raise ValueError(f"tokens hold ids from {least} to {most} since they were checked: the corpus "
                             "was written to while it was counted")

    cdef void sort(self, int64_t n):
        """The positions of every word, in rising order: those of word k at place_k[k] to place_k[k + 1]."""
        cdef int64_t piece, pieces = self.num_threads, k, total = 0, count, K = self.K
        cdef int64_t[:, ::1] place = np.zeros((pieces, K), np.int64)
        self.place_k, self.positions = np.zeros(K + 1, np.int64), np.empty(max(n, 1), np.uint32)
        with nogil:
            for piece in prange(pieces, num_threads=self.num_threads, schedule="static"):
                fsg_count_words(&self.text[0], n * piece // pieces, n * (piece + 1) // pieces,
                                &place[piece, 0])
            for k in range(K):
                for piece in range(pieces):
                    count = place[piece, k]
                    place[piece, k] = total
                    total += count
                self.place_k[k + 1] = total
            for piece in prange(pieces, num_threads=self.num_threads, schedule="static"):
                fsg_place_words(&self.text[0], n * piece // pieces, n * (piece + 1) // pieces,
                                &place[piece, 0], &self.positions[0])

    cdef int64_t row(self, int64_t m, int64_t slot, int64_t *n_large) noexcept nogil:
        """Count row m into the room from `slot` on; returns its entries."""
        cdef int thread = fsg_omp_thread()
        cdef fsg_count_scale scale = fsg_count_scale(self.unit, 1.0, NULL)
        if self.keep_k.shape[0]:
            scale = fsg_count_scale(self.unit, self.keep_k[m], &self.keep_k[0])
        return fsg_count_row(&self.window, &self.text[0], &self.positions[0] + self.place_k[m],
                             self.place_k[m + 1] - self.place_k[m], &scale, self.K, &self.sum_tk[thread, 0],
                             &self.seen_t[thread, 0], &self.contexts[0] + slot, &self.counts[0] + slot,
                             &self.large[0] + slot if self.exact else NULL, n_large)

    def occurrences(self):
        """How often each word occurs, in all texts together, int64 (K,)."""
        return np.diff(np.asarray(self.place_k))

    def bounds(self):
        """What the number of entries of each row cannot exceed, int64 (K,)."""
        positions = self.occurrences()
        if self.window.left < 0 or self.window.right < 0:
            return np.where(positions > 0, self.K, 0)
        return np.minimum(positions * (self.window.left + self.window.right), self.K)

    def rows(self, start: int, stop: int):
        """Count rows [start, stop) and hold them for :meth:`take`; returns the number of entries of each,
        int64 (stop - start,)."""
        cdef int64_t m, first = start, last = stop
        if not 0 <= first <= last <= self.K:
            raise ValueError(f"rows are [{start}, {stop}); they must lie in [0, {self.K})")
        slots = np.concatenate([np.zeros(1, np.int64), np.cumsum(self.bounds()[first:last])])
        out, room = np.zeros(last - first, np.int64), int(slots[last - first])
        self.size = np.zeros(0, np.int64)  # until there is room, nothing is held
        if self.contexts.shape[0] < room:
            self.contexts, self.counts = np.empty(room, np.int32), np.empty(room, np.float32)
            if self.exact:
                self.large = np.empty(room, np.int64)
        self.n_large = np.zeros(last - first, np.int64)
        self.slot, self.size = slots, out
        with nogil:
            for m in prange(first, last, num_threads=self.num_threads, schedule="dynamic", chunksize=16):
                if self.slot[m - first + 1] > self.slot[m - first]:
                    self.size[m - first] = self.row(m, self.slot[m - first], &self.n_large[m - first])
        PyErr_CheckSignals()
        return out

    def take(self, int32_t[::1] contexts not None, float[::1] counts not None) -> None:
        """Write the rows counted last, one after the other, into arrays of as many places as they have
        entries."""
        cdef int64_t m, rows = self.size.shape[0]
        place = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.asarray(self.size))])
        cdef int64_t[::1] to = place
        if contexts.shape[0] != to[rows] or counts.shape[0] != to[rows]:
            raise ValueError(f"contexts and counts have {contexts.shape[0]} and {counts.shape[0]} places; "
                             f"need {to[rows]}")
        with nogil:  # in parallel because pages of fresh memory are cleared when they are first written
            for m in prange(rows, num_threads=self.num_threads, schedule="dynamic", chunksize=16):
                if self.size[m]:
                    memcpy(&contexts[0] + to[m], &self.contexts[0] + self.slot[m],
                           self.size[m] * sizeof(int32_t))
                    memcpy(&counts[0] + to[m], &self.counts[0] + self.slot[m], self.size[m] * sizeof(float))

    def take_large(self):
        """The large sums of the rows counted last, in their order, int64."""
        cdef int64_t m
        large = np.asarray(self.large)
        parts = [large[self.slot[m]:self.slot[m] + self.n_large[m]] for m in np.flatnonzero(self.n_large)]
        return np.concatenate([np.empty(0, np.int64), *parts])


cdef class Adder:
    """Parts of the same rows, end to end, and room for their sum: see :func:`add_rows`."""

    cdef const int32_t[::1] contexts
    cdef const float[::1] counts
    cdef const int64_t[::1] large, large_end
    cdef const int64_t[:, ::1] ptr_pr
    cdef const uint8_t[::1] off_p
    cdef const double[::1] keep_k
    cdef int64_t K, first
    cdef double unit
    cdef int64_t[:, ::1] large_bp, sum_bk  # of each block of rows: its large sums begin there; its sums
    cdef uint64_t[:, ::1] seen_b
    cdef int32_t[::1] out_contexts
    cdef float[::1] out_counts
    cdef int64_t[::1] out_size, out_large, entries_b, n_large_b

    cdef void find_large(self, int64_t b, int64_t start, int64_t stop) noexcept nogil:
        """How many large sums the rows [start, stop) of each part have."""
        cdef int64_t p
        for p in range(self.ptr_pr.shape[0]):
            self.large_bp[b, p] = fsg_count_large(&self.counts[self.ptr_pr[p, start]],
                                                  self.ptr_pr[p, stop] - self.ptr_pr[p, start], self.unit)

    cdef int64_t add(self, int64_t b, int64_t start, int64_t stop, int64_t room) noexcept nogil:
        """Add up rows [start, stop) into the room that begins there; returns a code below 0, or not."""
        cdef fsg_count_scale scale = fsg_count_scale(self.unit, 1.0, NULL)
        cdef int64_t r, p, found = 0, some = 0
        cdef int64_t *at_p = &self.large_bp[b, 0]
        for r in range(start, stop):
            for p in range(self.ptr_pr.shape[0]):
                found = fsg_add_entries(
                    &self.contexts[self.ptr_pr[p, r]], &self.counts[self.ptr_pr[p, r]],
                    self.ptr_pr[p, r + 1] - self.ptr_pr[p, r], self.unit, self.off_p[p],
                    &self.large[min(at_p[p], self.large_end[p])], max(self.large_end[p] - at_p[p], 0),
                    &self.sum_bk[b, 0], &self.seen_b[b, 0])
                if found < 0:
                    return found
                at_p[p] += found
            if self.keep_k.shape[0]:
                scale = fsg_count_scale(self.unit, self.keep_k[self.first + r], &self.keep_k[0])
            found = fsg_take_sums(&scale, self.K, &self.sum_bk[b, 0], &self.seen_b[b, 0],
                                  &self.out_contexts[room + self.entries_b[b]],
                                  &self.out_counts[room + self.entries_b[b]],
                                  &self.out_large[room + self.n_large_b[b]], &some)
            if found < 0:
                return found
            self.out_size[r] = found
            self.entries_b[b] += found
            self.n_large_b[b] += some
        return 0


def add_rows(parts, taken_off, K: int, unit: int, num_threads: int = 1, keep_k=None, first: int = 0):
    """Rows of counts out of several, added or taken off, in the integers that they are sums of.

    Parameters
    ----------
    parts : sequence of (row_ptr, contexts, counts, large)
        Of the same rows; row r holds the entries up to row_ptr[r + 1] - row_ptr[0]. `large` begins with the
        large sums of these rows, see cooccur.h, and may go on.
    taken_off : sequence of bool
        Whether a part is subtracted.
    K : int
        Contexts are below K. The arrays are taken on trust: what comes from a file is checked before.
    unit : int
        All counts are multiples of 1 / unit.
    num_threads : int
        Does not change the result.
    keep_k : ndarray (K,), float64, optional
        The sum of each pair (m, n) is weighted keep_k[m] keep_k[n] in the end, and no sum of units any more.
    first : int
        Number of the first row, where there is `keep_k`.

    Returns
    -------
    part : (row_ptr, contexts, counts, large)   The sum; entries of 0 vanish.
    used : ndarray of int64     How many large sums of each part belong to the rows.

    Raises
    ------
    ValueError                  A sum is below zero, or does not fit 64 bits, or a count is not one of sums.
    """
    cdef Adder adder = Adder.__new__(Adder)
    starts = np.cumsum([0, *(len(part[1]) for part in parts)])
    large_starts = np.cumsum([0, *(len(part[3]) for part in parts)])
    cdef int64_t n = len(parts), rows = len(parts[0][0]) - 1, room = starts[n], b, blocks = num_threads
    ptr = np.stack([part[0] - part[0][0] + start for part, start in zip(parts, starts[:n])])
    before = ptr.sum(axis=0) - ptr[:, 0].sum()  # entries of all parts before each row
    cuts = np.searchsorted(before, room * np.arange(1, blocks) // blocks)
    cdef const int64_t[::1] row_b = np.concatenate([[0], cuts, [rows]]).astype(np.int64)
    cdef const int64_t[::1] room_b = before[np.asarray(row_b)]
    # with one place more, so that there is a first one
    adder.contexts = np.concatenate([*(part[1] for part in parts), np.zeros(1, np.int32)])
    adder.counts = np.concatenate([*(part[2] for part in parts), np.zeros(1, np.float32)])
    adder.large = np.concatenate([*(part[3] for part in parts), np.zeros(1, np.int64)])
    adder.large_end = large_starts[1:]
    adder.ptr_pr = ptr
    adder.off_p = np.array(taken_off, np.uint8)
    adder.keep_k = np.zeros(0) if keep_k is None else keep_k
    adder.K, adder.unit, adder.first = K, unit, first
    adder.large_bp, adder.sum_bk = np.zeros((blocks, n), np.int64), np.zeros((blocks, K), np.int64)
    adder.seen_b = np.zeros((blocks, K // 64 + 1), np.uint64)
    size, codes = np.zeros(rows, np.int64), np.zeros(blocks, np.int64)
    contexts, counts = np.empty(room + 1, np.int32), np.empty(room + 1, np.float32)
    large = np.empty(room + 1, np.int64)
    entries, n_large = np.zeros(blocks, np.int64), np.zeros(blocks, np.int64)
    adder.out_size, adder.out_contexts, adder.out_counts, adder.out_large = size, contexts, counts, large
    adder.entries_b, adder.n_large_b = entries, n_large
    cdef int64_t[::1] code_b = codes
    with nogil:
        for b in prange(blocks, num_threads=blocks, schedule="static"):
            adder.find_large(b, row_b[b], row_b[b + 1])
    found = np.asarray(adder.large_bp)
    used = found.sum(axis=0)
    found[:] = np.cumsum(found, axis=0) - found + large_starts[:n]
    with nogil:
        for b in prange(blocks, num_threads=blocks, schedule="static"):
            code_b[b] = adder.add(b, row_b[b], row_b[b + 1], room_b[b])
    PyErr_CheckSignals()
    check_sums(int(codes[np.argmax(codes < 0)]))
    spans = list(zip(np.asarray(room_b), entries, n_large))
    part = (
        np.concatenate([np.zeros(1, np.int64), np.cumsum(size)]),
        np.concatenate([contexts[at:at + some] for at, some, _ in spans]),
        np.concatenate([counts[at:at + some] for at, some, _ in spans]),
        np.concatenate([large[at:at + some] for at, _, some in spans]),
    )
    return part, used


cdef check_sums(int64_t code):
    """ValueError for a code below 0."""
    if code == FSG_COUNTS_NEGATIVE:
        raise ValueError("they hold more of a pair of words than what they are subtracted from")
    if code == FSG_COUNTS_OVERFLOW:
        raise ValueError("a sum of theirs does not fit 64 bits")
    if code < 0:
        raise ValueError("they are not the sums of windows that they say they are")
