# The rows of a batch as they come in: checked, since the kernels take them on trust, and weighed.

cdef class BatchRows:
    """Row u: of center ids[u], with entries row_ptr[u] to row_ptr[u + 1] of contexts and counts."""

    cdef int64_t U
    cdef const int32_t[::1] ids, contexts
    cdef const int64_t[::1] row_ptr
    cdef const float[::1] counts
    cdef double[::1] weight_u  # the sum of the row's counts, or what is said of them
    cdef double weight  # of all rows

    cdef void weigh(self, int64_t K, int num_threads, told) except *:
        """Check the entries and add up the counts of every row, unless it is told what they weigh."""
        cdef int64_t u, i, U = self.U, parts = (U + ROWS_AT_ONCE - 1) // ROWS_AT_ONCE
        cdef int64_t[::1] bad_u = np.full(max(U, 1), -1)
        cdef bint adds = told is None
        self.weight_u, self.weight = np.zeros(max(U, 1)) if adds else told, 0
        if not adds and self.weight_u.shape[0] != U:
            raise ValueError(f"weights has {self.weight_u.shape[0]} values; need {U}")
        with nogil:
            if self.contexts.shape[0]:
                for i in prange(parts, num_threads=num_threads, schedule="dynamic", chunksize=1):
                    u = i * ROWS_AT_ONCE
                    self.weigh_rows(u, min(u + ROWS_AT_ONCE, U), K, adds, &bad_u[0])
            for u in range(U):
                self.weight += self.weight_u[u]
        for u in range(U):
            if bad_u[u] >= 0:
                self.refuse(bad_u[u], K)

    cdef void weigh_rows(self, int64_t u0, int64_t u1, int64_t K, bint adds, int64_t *bad_u) noexcept nogil:
        """The rows [u0, u1): the first bad entry of each, and its weight if that is not told."""
        cdef int64_t u
        cdef const int64_t *ptr = &self.row_ptr[0]
        for u in range(u0, u1):
            bad_u[u] = fsg_bad_entry(&self.contexts[0], &self.counts[0], ptr[u], ptr[u + 1], K)
        if adds:
            fsg_row_sums(ptr + u0, ptr + u0 + 1, &self.counts[0], u1 - u0, &self.weight_u[u0])

    cdef void refuse(self, int64_t bad, int64_t K) except *:
        """ValueError that says what is wrong with an entry."""
        n, count = self.contexts[bad], self.counts[bad]
        if not 0 <= n < K:
            raise ValueError(f"contexts[{bad}] is {n}; ids must lie in [0, {K})")
        if not is_count(count):
            raise ValueError(f"counts[{bad}] is {count}; counts must lie in "
                             f"[{LEAST_COUNT:g}, {MOST_COUNT:g}]")
        raise ValueError(f"contexts[{bad}] is {n} after {self.contexts[bad - 1]}; "
                         "the contexts of a row must be distinct and rise")

    cdef void check_distinct(self) except *:
        """Two rows of one center would move at once: ids must rise, as group_windows and group_pairs give
        them."""
        cdef int64_t u
        for u in range(1, self.U):
            if self.ids[u] <= self.ids[u - 1]:
                raise ValueError(f"centers[{u}] is {self.ids[u]} after {self.ids[u - 1]}; "
                                 "the centers of a step must be distinct and rise")


cdef BatchRows checked_rows(const int32_t[::1] ids, const int64_t[::1] row_ptr, const int32_t[::1] contexts,
                            const float[::1] counts, int64_t centers, int64_t K, int num_threads, weights):
    """The rows of a batch: ids below `centers`, contexts below K, counts within their limits."""
    cdef BatchRows rows = BatchRows.__new__(BatchRows)
    rows.U, rows.ids, rows.row_ptr, rows.contexts, rows.counts = ids.shape[0], ids, row_ptr, contexts, counts
    check_rows(row_ptr, rows.U, contexts.shape[0], counts.shape[0])
    check_ids("centers", ids, centers)
    rows.weigh(K, num_threads, weights)
    return rows
