# Tall matrices of K rows and few columns (dense.inc.c), and small square ones (small_matrices.h): what the
# spectral start and Newton steps are made of. No batches, no text.

cdef extern from "small_matrices.h" nogil:
    int fsg_invert(double *, int64_t, double *) noexcept
    void fsg_orthonormal(const double *, int64_t, double *, double *) noexcept
    void fsg_reflect(double *, int64_t, int64_t, double *, double *, double *) noexcept
    void fsg_settle(double *, double *, double *, int64_t, int64_t) noexcept
    void fsg_reflect_back(const double *, int64_t, double *) noexcept


cdef enum:
    SHARDS = 32  # of a sum over K rows: fixed, so that threads do not change it
    CACHED = 1 << 18  # floats that stay in a core's second-level cache
    SPARSE_ROWS = 128  # of a sparse matrix, that one thread multiplies at a time
    LOGS_AT_ONCE = 256


#: Parts of a sum over the rows of a matrix, added in order. Part s begins at row K * s // SUM_PARTS.
SUM_PARTS = SHARDS


cdef int64_t part_count(int64_t first, int64_t stop) except -1:
    if not 0 <= first <= stop <= SHARDS:
        raise ValueError(f"the parts are {first} to {stop}; they must rise within 0 to {SHARDS}")
    return stop - first


def mean(const float[:, ::1] Y_kh not None, const float[::1] weights not None, num_threads: int):
    """sum_k w_k Y_kh in float64, (H,)."""
    return in_order(mean_parts(Y_kh, weights, num_threads, 0, SHARDS))


def in_order(parts):
    """The sum of the parts, the first axis, one after the other."""
    return np.add.reduce(parts, axis=0)  # over the first axis NumPy adds in order


def mean_parts(const float[:, ::1] Y_kh not None, const float[::1] weights not None, num_threads: int,
               first: int, stop: int):
    """What the parts `first` to `stop` add to :func:`mean`, (stop - first, H) float64."""
    cdef int64_t K = Y_kh.shape[0], H = Y_kh.shape[1], i, threads = num_threads, begin, end, before = first
    cdef int64_t count = part_count(first, stop)
    out = np.zeros((count, H))
    cdef double[:, ::1] part = out
    if weights.shape[0] != K:
        raise ValueError(f"weights has {weights.shape[0]} values; need {K}")
    with nogil:
        for i in prange(count, num_threads=threads, schedule="dynamic", chunksize=1):
            begin, end = K * (before + i) // SHARDS, K * (before + i + 1) // SHARDS
            table.mean_rows(&Y_kh[0, 0] + begin * H, &weights[0] + begin, end - begin, H, &part[i, 0])
    return out


def gram(const float[:, ::1] Y_kh not None, weights, num_threads: int, center=None):
    """sum_k w_k (Y_ki - center_i) (Y_kj - center_j), (H, H) float64. Without weights w is 1, without center
    it is 0."""
    return mirrored(in_order(gram_parts(Y_kh, weights, num_threads, center, 0, SHARDS)))


def mirrored(half):
    """A symmetric matrix (H, H) of its upper triangle; what is below it is not read."""
    return np.triu(half) + np.triu(half, 1).T


def gram_parts(const float[:, ::1] Y_kh not None, weights, num_threads: int, center, first: int, stop: int):
    """What the parts `first` to `stop` add to the upper triangle of :func:`gram`, (stop - first, H, H)
    float64; below it there is no result."""
    cdef int64_t K = Y_kh.shape[0], H = Y_kh.shape[1], i, threads = num_threads, begin, end, before = first
    cdef int64_t count = part_count(first, stop)
    out = np.zeros((count, H, H))
    cdef double[:, :, ::1] part = out
    cdef double[:, ::1] scratch_t = np.zeros((threads, FSG_GRAM_SCRATCH(H)))
    cdef const float[::1] w_k = weights, center_h = center
    cdef const float *w = NULL
    cdef const float *c = NULL
    if weights is not None:
        if w_k.shape[0] != K:
            raise ValueError(f"weights has {w_k.shape[0]} values; need {K}")
        w = &w_k[0]
    if center is not None:
        if center_h.shape[0] != H:
            raise ValueError(f"center has {center_h.shape[0]} values; need {H}")
        c = &center_h[0]
    with nogil:
        for i in prange(count, num_threads=threads, schedule="dynamic", chunksize=1):
            begin, end = K * (before + i) // SHARDS, K * (before + i + 1) // SHARDS
            table.gram_rows(&Y_kh[0, 0] + begin * H, w + begin if w != NULL else NULL, c, end - begin, H,
                            &scratch_t[fsg_omp_thread(), 0], &part[i, 0, 0])
    return out


def times(const float[:, ::1] Y_kh not None, const float[:, ::1] M_hj not None, num_threads: int):
    """Y M, (K, J) float32."""
    cdef int64_t K = Y_kh.shape[0], H = Y_kh.shape[1], J = M_hj.shape[1]
    cdef int64_t s, shards = 256, threads = num_threads, first
    if M_hj.shape[0] != H:
        raise ValueError(f"M_hj has {M_hj.shape[0]} rows; need {H}")
    out = np.empty((K, J), np.float32)
    cdef float[:, ::1] out_v = out
    with nogil:
        for s in prange(shards, num_threads=threads, schedule="dynamic", chunksize=1):
            first = K * s // shards
            table.times_rows(&Y_kh[0, 0] + first * H, K * (s + 1) // shards - first, H, &M_hj[0, 0], J,
                             &out_v[0, 0] + first * J)
    return out


def sparse_times(const int64_t[::1] row_ptr not None, const int32_t[::1] columns not None,
                 const float[::1] values not None, const float[:, ::1] X_kh not None, num_threads: int):
    """A X of a sparse A (CSR) and a dense X whose width is a multiple of 16, float32. The columns are taken
    on trust."""
    cdef int64_t rows = row_ptr.shape[0] - 1, H = X_kh.shape[1], i, threads = num_threads, stop, width
    cdef int64_t parts = (rows + SPARSE_ROWS - 1) // SPARSE_ROWS
    if H < 1 or H % FSG_LANES or columns.shape[0] != values.shape[0] or row_ptr[rows] != columns.shape[0]:
        raise ValueError(f"a width of {H} with {columns.shape[0]} columns and {values.shape[0]} values; "
                         f"need a multiple of {FSG_LANES}, and as many")
    out = np.zeros((rows, H), np.float32)
    cdef float[:, ::1] out_v = out
    cdef int64_t[::1] next_m = np.array(row_ptr[:rows])
    # so many columns that their rows of X stay in a core's cache, but not so few that a row has hardly any
    # entry there
    width = max(CACHED // H, 8 * rows * X_kh.shape[0] // max(columns.shape[0], 1), 1)
    if columns.shape[0]:
        with nogil:
            stop = 0
            while stop < X_kh.shape[0]:
                stop += width
                for i in prange(parts, num_threads=threads, schedule="dynamic", chunksize=1):
                    table.sparse_rows(&values[0], &columns[0], i * SPARSE_ROWS,
                                      min((i + 1) * SPARSE_ROWS, rows), &next_m[0], &row_ptr[1], stop,
                                      &X_kh[0, 0], H, &out_v[0, 0])
    return out


def ppmi(const int64_t[::1] row_ptr not None, const int32_t[::1] columns not None,
         const float[::1] counts not None, const double[::1] row_sums not None,
         const double[::1] column_sums not None, num_threads: int):
    """max(0, log((N_mn + 1) / (E_mn + 1))) of every entry, E_mn = N_m N'_n / N_total, times (p_m p_n)^(1/4):
    (row_ptr, columns, values) of those above 0, float32. The columns are taken on trust."""
    cdef int64_t rows = row_ptr.shape[0] - 1, m, i, threads = num_threads
    cdef double weight = np.sum(row_sums)
    cdef double[::1] root_m = np.sqrt(np.sqrt(np.asarray(row_sums) / weight))
    cdef double[::1] root_n = np.sqrt(np.sqrt(np.asarray(column_sums) / weight))
    out_ptr = np.zeros(rows + 1, np.int64)
    cdef int64_t[::1] ptr = out_ptr
    with nogil:
        for m in prange(rows, num_threads=threads, schedule="dynamic", chunksize=16):
            for i in range(row_ptr[m], row_ptr[m + 1]):
                ptr[m + 1] += counts[i] > row_sums[m] / weight * column_sums[columns[i]]
        for m in range(rows):
            ptr[m + 1] += ptr[m]
    out_columns, out_values = np.empty(ptr[rows], np.int32), np.empty(ptr[rows], np.float32)
    cdef int32_t[::1] column = out_columns
    cdef float[::1] value = out_values
    if ptr[rows]:
        with nogil:
            for m in prange(rows, num_threads=threads, schedule="dynamic", chunksize=16):
                ppmi_row(row_ptr[m], row_ptr[m + 1], columns, counts, row_sums[m] / weight, column_sums,
                         root_m[m], root_n, &column[0] + ptr[m], &value[0] + ptr[m])
    return out_ptr, out_columns, out_values


cdef void ppmi_row(int64_t begin, int64_t end, const int32_t[::1] columns, const float[::1] counts,
                   double share, const double[::1] column_sums, double root, const double[::1] root_n,
                   int32_t *column, float *value) noexcept nogil:
    """The entries [begin, end) of a row of :func:`ppmi` that are above 0."""
    cdef double[LOGS_AT_ONCE] logs
    cdef int32_t[LOGS_AT_ONCE] kept  # in the room of the row there is no place for what is not
    cdef double expected
    cdef int64_t i = begin, n, j
    while i < end:
        n = 0
        for i in range(i, min(i + LOGS_AT_ONCE, end)):
            expected = share * column_sums[columns[i]]
            kept[n] = columns[i]
            logs[n] = (counts[i] + 1.0) / (expected + 1.0)
            n += counts[i] > expected
        i += 1
        table.log_array(&logs[0], n)
        for j in range(n):
            column[j] = kept[j]
            value[j] = <float>(logs[j] * root * root_n[kept[j]])
        column += n
        value += n


def inverse(const double[:, ::1] A not None):
    """Inverse of a symmetric positive definite matrix; ValueError for any other."""
    cdef int64_t n = A.shape[0]
    out = np.array(A)
    cdef double[:, ::1] out_v = out, scratch = np.empty((2 * n, n))
    if A.shape[1] != n or fsg_invert(&out_v[0, 0], n, &scratch[0, 0]):
        raise ValueError(f"the matrix of shape ({n}, {A.shape[1]}) is not positive definite")
    return out


def orthonormal(const double[:, ::1] A not None):
    """T (n, n): the columns of Y T are orthonormal, where A = Y' Y. Those that the ones before explain, but
    for 1e-6 of their length, become zero."""
    cdef int64_t n = A.shape[0]
    if A.shape[1] != n:
        raise ValueError(f"the matrix is ({n}, {A.shape[1]}); it must be square")
    out = np.empty((n, n))
    cdef double[:, ::1] out_v = out, scratch = np.empty((n, n))
    with nogil:
        fsg_orthonormal(&A[0, 0], n, &scratch[0, 0], &out_v[0, 0])
    return out.T


def eigen(const double[:, ::1] A not None):
    """(eigenvalues, falling; eigenvectors as columns) of a symmetric matrix. Can be interrupted."""
    cdef int64_t n = A.shape[0], i
    if A.shape[1] != n:
        raise ValueError(f"the matrix is ({n}, {A.shape[1]}); it must be square")
    largest = float(np.abs(A).max(initial=0.0))  # divided by a power of two near it, no square overflows
    scale = float(np.ldexp(1.0, np.frexp(largest)[1] - 1)) if 0 < largest < INFINITY else 1.0
    values, vectors = np.empty(n), np.eye(n)
    cdef double[::1] values_v = values, beside = np.empty(n), scratch = np.empty(n)
    cdef double[:, ::1] rows = vectors, copy = np.asarray(A) / scale
    for i in range(n):
        with nogil:
            fsg_reflect(&copy[0, 0], n, i, &values_v[0], &beside[0], &scratch[0])
        PyErr_CheckSignals()
    for i in range(n):
        with nogil:
            fsg_settle(&values_v[0], &beside[0], &rows[0, 0], n, i)
        PyErr_CheckSignals()
    for i in range(n):
        with nogil:
            fsg_reflect_back(&copy[0, 0], n, &rows[i, 0])
        PyErr_CheckSignals()
    order = (-values).argsort(kind="stable")
    return values[order] * scale, vectors[order].T
