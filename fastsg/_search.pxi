# Exact search (search.inc.c): the rows of a matrix that lie closest to queries. Single rows (directions.h).

cdef extern from "directions.h" nogil:
    void fsg_unit(const float *, int64_t, float *) noexcept
    void fsg_add_row(const float *, int64_t, double, int, double *) noexcept
    double fsg_cosine(const float *, int64_t, const double *) noexcept

    ctypedef struct fsg_scored:
        double score
        int64_t row
    void fsg_rank(fsg_scored *, int64_t) noexcept


cdef enum:
    FEW = 3  # queries, up to which rows are read one by one: a panel costs as much as about so many
    BUNDLE = 8  # slices that a thread takes at a time


def nearest(const float[:, ::1] Y_kh not None, const float[::1] inverse_k not None,
            const float[:, ::1] X_uh not None, n: int, slack: float, num_threads: int):
    """Rows of Y_kh that come near the n best for each query by Y_k . X_u inverse_k in float32.

    Returns (ptr, ids, scores): query u found ids[ptr[u]:ptr[u + 1]], in no order, with these scores: all rows
    that score more than its n-th best less the slack, and maybe others. Where fewer than n scores can be
    compared, or too many rows come near, a query has found fewer than n. Scratch of about 40 n bytes for
    each query and thread."""
    cdef int64_t K = Y_kh.shape[0], H = Y_kh.shape[1], U = X_uh.shape[0], wanted = n, room = 4 * wanted + 64
    cdef int64_t threads = 1 if one_thread else num_threads, padded = round_up(U, FSG_PANEL), t, u, b, p
    cdef int64_t bundles = (K + BUNDLE * FSG_SLICE - 1) // (BUNDLE * FSG_SLICE)
    if n < 1 or num_threads < 1 or K > 2**31 - 1:
        raise ValueError(f"n, num_threads and K are {n}, {num_threads}, {K}; need 1 or more, K below 2^31")
    if inverse_k.shape[0] != K or X_uh.shape[1] != H:
        raise ValueError(f"inverse_k has {inverse_k.shape[0]} values, X_uh {X_uh.shape[1]} columns; need {K} "
                         f"and {H}")
    if K == 0 or U == 0 or H == 0:
        return np.zeros(U + 1, np.int64), np.empty(0, np.int32), np.empty(0, np.float32)
    cdef int64_t each = padded + U * (wanted + 2 * room)  # numbers of 32 bits that a thread needs
    cdef float[::1] number_ti = np.empty(threads * each, np.float32)
    cdef int64_t[:, :, ::1] size_tu = np.zeros((2, threads, U), np.int64)  # of the heaps, of the lists
    cdef uint8_t[::1] memory = np.empty(threads * sizeof(fsg_nearest), np.uint8)
    cdef fsg_nearest *find = <fsg_nearest *>&memory[0]
    cdef float[::1] X
    cdef int32_t[::1] every
    if U > FEW:
        X, every = aligned(padded * H), np.arange(U, dtype=np.int32)
    for t in range(threads):
        find[t].n, find[t].room, find[t].slack = wanted, room, slack
        find[t].filled_u, find[t].size_u = &size_tu[0, t, 0], &size_tu[1, t, 0]
        find[t].bar_u = &number_ti[t * each]
        find[t].heap_un = find[t].bar_u + padded
        find[t].score_ur = find[t].heap_un + U * wanted
        find[t].id_ur = <int32_t *>(find[t].score_ur + U * room)
        for u in range(padded):
            find[t].bar_u[u] = -INFINITY if u < U else INFINITY
    with nogil:
        if U > FEW:
            for p in range(padded // FSG_PANEL):
                table.pack_panel(&X_uh[0, 0], &every[0], U, H, p, &X[0])
        for b in prange(bundles, num_threads=threads, schedule="dynamic", chunksize=1):
            search_bundle(&find[fsg_omp_thread()], Y_kh, inverse_k, b, X_uh, &X[0] if U > FEW else NULL)
    return gathered(find, threads, U)


cdef void search_bundle(const fsg_nearest *find, const float[:, ::1] Y_kh, const float[::1] inverse_k,
                        int64_t b, const float[:, ::1] X_uh, const float *X_ph) noexcept nogil:
    """One bundle of slices, all queries: by panels, or row by row where X_ph is NULL."""
    cdef int64_t K = Y_kh.shape[0], H = Y_kh.shape[1], s, first, count
    for s in range(b * BUNDLE, (b + 1) * BUNDLE):
        first = s * FSG_SLICE
        count = min(<int64_t>FSG_SLICE, K - first)
        if count <= 0:
            return
        if X_ph == NULL:
            table.nearest_rows(find, &Y_kh[first, 0], &inverse_k[first], count, H, first, &X_uh[0, 0],
                               X_uh.shape[0])
        else:
            table.nearest_slice(find, &Y_kh[first, 0], &inverse_k[first], count, H, first, X_ph,
                                X_uh.shape[0])


cdef gathered(const fsg_nearest *find, int64_t threads, int64_t U):
    """The lists of all threads, query by query; nothing for a query that failed in any of them."""
    cdef int64_t t, u, i, n, size, room = find[0].room
    ptr = np.zeros(U + 1, np.int64)
    cdef int64_t[::1] ptr_v = ptr
    for u in range(U):
        n = 0
        for t in range(threads):
            size = find[t].size_u[u]
            n = -1 if n < 0 or size < 0 else n + size
        ptr_v[u + 1] = ptr_v[u] + max(n, <int64_t>0)
    ids, scores = np.empty(ptr_v[U], np.int32), np.empty(ptr_v[U], np.float32)
    cdef int32_t[::1] ids_v = ids
    cdef float[::1] scores_v = scores
    for u in range(U):
        n = ptr_v[u]
        for t in range(threads if ptr_v[u + 1] > n else 0):
            for i in range(find[t].size_u[u]):
                ids_v[n], scores_v[n] = find[t].id_ur[u * room + i], find[t].score_ur[u * room + i]
                n += 1
    return ptr, ids, scores


def cosines(const float[:, ::1] Y_kh not None, const float[::1] inverse_k not None,
            const float[::1] x_h not None, num_threads: int):
    """Y_k . x inverse_k for all rows (K,), float32; the same for any number of threads."""
    cdef int64_t K = Y_kh.shape[0], H = Y_kh.shape[1], b, first
    cdef int64_t bundles = (K + BUNDLE * FSG_SLICE - 1) // (BUNDLE * FSG_SLICE)
    cdef int threads = 1 if one_thread else num_threads
    if inverse_k.shape[0] != K or x_h.shape[0] != H or num_threads < 1:
        raise ValueError(f"inverse_k has {inverse_k.shape[0]} values, x_h {x_h.shape[0]}, num_threads is "
                         f"{num_threads}; need {K} and {H}, 1 or more")
    score = np.empty(K, np.float32)
    cdef float[::1] score_k = score
    for b in prange(bundles, nogil=True, num_threads=threads, schedule="dynamic", chunksize=1):
        first = b * BUNDLE * FSG_SLICE
        table.score_rows(&Y_kh[first, 0], &inverse_k[first], min(<int64_t>BUNDLE * FSG_SLICE, K - first), H,
                         &x_h[0], &score_k[first])
    return score


def exact_cosines(const float[:, ::1] Y_kh not None, const double[::1] unit_h not None,
                  const int64_t[::1] rows not None):
    """The cosines of some rows with a vector of length 1, in float64 (n,)."""
    cdef int64_t K = Y_kh.shape[0], H = Y_kh.shape[1], i
    if unit_h.shape[0] != H:
        raise ValueError(f"unit_h has {unit_h.shape[0]} values; need {H}")
    cosine = np.empty(rows.shape[0])
    cdef double[::1] cosine_n = cosine
    for i in range(rows.shape[0]):
        if not 0 <= rows[i] < K:
            raise ValueError(f"row {rows[i]} is none of {K}")
        cosine_n[i] = fsg_cosine(&Y_kh[rows[i], 0], H, &unit_h[0])
    return cosine


def ranked(const float[:, ::1] Y_kh not None, const double[::1] unit_h not None,
           const int32_t[::1] ids not None, const float[::1] scores not None, wanted: int, slack: float):
    """(row, cosine) of what :func:`nearest` found for a query of length 1, best first, equal ones by row:
    those that come near the `wanted`-th best score, by their cosines in float64. None for fewer."""
    cdef int64_t K = Y_kh.shape[0], H = Y_kh.shape[1], size = ids.shape[0], n = wanted, i
    cdef double bar
    if unit_h.shape[0] != H or scores.shape[0] != size or n < 1:
        raise ValueError(f"unit_h has {unit_h.shape[0]} values, scores {scores.shape[0]}, wanted is {wanted};"
                         f" need {H} and {size}, 1 or more")
    if size < n:
        return None
    cdef uint8_t[::1] memory = np.empty(size * sizeof(fsg_scored), np.uint8)
    cdef fsg_scored *found = <fsg_scored *>&memory[0]
    for i in range(size):
        if not 0 <= ids[i] < K:
            raise ValueError(f"row {ids[i]} is none of {K}")
        found[i].score, found[i].row = scores[i], ids[i]
    fsg_rank(found, size)
    bar = found[n - 1].score - slack
    while n < size and found[n].score >= bar:
        n += 1
    for i in range(n):
        found[i].score = fsg_cosine(&Y_kh[found[i].row, 0], H, &unit_h[0])
    fsg_rank(found, n)
    return [(found[i].row, found[i].score) for i in range(n)]


def unit_row(const float[:, ::1] Y_kh not None, k: int):
    """Row k at length 1 (H,), float32."""
    cdef int64_t row = k
    if not 0 <= row < Y_kh.shape[0]:
        raise ValueError(f"k is {k}; rows are numbered below {Y_kh.shape[0]}")
    out = np.empty(Y_kh.shape[1], np.float32)
    cdef float[::1] out_h = out
    fsg_unit(&Y_kh[row, 0], Y_kh.shape[1], &out_h[0])
    return out


def add_rows(const float[:, ::1] Y_kh not None, list rows not None, list weights, bint as_unit,
             double[::1] sum_h not None) -> None:
    """sum_h += w_i Y_k for the rows k of the list, one after the other, at length 1 if so wished; without
    weights w is 1."""
    cdef int64_t H = Y_kh.shape[1], i, k
    if sum_h.shape[0] != H or (weights is not None and len(weights) != len(rows)):
        raise ValueError(f"sum_h has {sum_h.shape[0]} values for {H} columns, or there are other than "
                         f"{len(rows)} weights")
    for i in range(len(rows)):
        k = rows[i]
        if not 0 <= k < Y_kh.shape[0]:
            raise ValueError(f"row {k} is none of {Y_kh.shape[0]}")
        fsg_add_row(&Y_kh[k, 0], H, 1.0 if weights is None else weights[i], as_unit, &sum_h[0])
