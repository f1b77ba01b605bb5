# From a text to rows of counts: random numbers, subsampling, windows, pairs grouped by center, matrices of
# counts in CSR form; and the checks of ids and texts. Bindings of random.h, subsampling.h, windows.h and
# rows.h.

cdef extern from "random.h" nogil:
    void fsg_random_words(uint64_t, uint64_t, int64_t, int64_t, uint32_t *) noexcept
    void fsg_random_uniform(uint64_t, uint64_t, int64_t, int64_t, float *) noexcept


cdef extern from "subsampling.h" nogil:
    int64_t fsg_thin(const int32_t *, const int64_t *, const int64_t *, int64_t, const double *, uint64_t,
                     uint64_t, int32_t *, int64_t *) noexcept


cdef extern from "windows.h" nogil:
    ctypedef struct fsg_window:
        int64_t left, right
        const float *weight_left
        const float *weight_right
        int draw
        uint64_t seed, stream

    int64_t fsg_window_pairs(const fsg_window *, const int32_t *, const int64_t *, int64_t, int64_t, int64_t,
                             uint64_t *, float *) noexcept


cdef extern from "rows.h" nogil:
    const double FSG_LEAST_COUNT, FSG_MOST_COUNT
    void fsg_sort_pairs(int64_t, int64_t, uint64_t *, float *, uint64_t *, float *) noexcept
    int64_t fsg_group_pairs(int64_t, const uint64_t *, const float *, int32_t *, int64_t *, int32_t *,
                            float *) noexcept
    int64_t fsg_bad_entry(const int32_t *, const float *, int64_t, int64_t, int64_t) noexcept
    int64_t fsg_place_from(const int32_t *, int64_t, int64_t, int64_t) noexcept
    void fsg_cut_row(const int32_t *, int64_t, int64_t, const int64_t *, int64_t, int64_t *, int64_t) noexcept
    void fsg_row_sums(const int64_t *, const int64_t *, const float *, int64_t, double *) noexcept
    ctypedef struct fsg_count_matrix:
        const int64_t *starts
        const int32_t *contexts
        const float *counts

    void fsg_scaled_rows(const fsg_count_matrix *, const int32_t *, const float *, int64_t, const int64_t *,
                         int32_t *, float *) noexcept


#: Smaller sums of weights count as zero, and a larger count is refused.
LEAST_COUNT = FSG_LEAST_COUNT
MOST_COUNT = FSG_MOST_COUNT


# ---- random numbers ----

def random_words(seed: int, stream: int, start: int, n: int):
    """`n` words (uint32) of Philox 4x32-10, from word `start` of a stream on: the same however reached."""
    out = np.empty(n, np.uint32)
    cdef uint32_t[::1] out_v = out
    cdef uint64_t seed_c = seed, stream_c = stream
    cdef int64_t start_c = start, n_c = n
    if n > 0:
        with nogil:
            fsg_random_words(seed_c, stream_c, start_c, n_c, &out_v[0])
    return out


def random_uniform(seed: int, stream: int, n: int, num_threads: int = 1):
    """The first `n` words of a stream as float32 numbers, uniform on [-1/2, 1/2)."""
    out = np.empty(n, np.float32)
    cdef float[::1] out_v = out
    cdef uint64_t seed_c = seed, stream_c = stream
    cdef int64_t part, parts = 64, n_c = n, first, count
    cdef int threads = num_threads
    if n > 0:
        with nogil:
            for part in prange(parts, num_threads=threads, schedule="static"):
                first = n_c * part // parts
                count = n_c * (part + 1) // parts - first
                if count:
                    fsg_random_uniform(seed_c, stream_c, first, count, &out_v[0] + first)
    return out


# ---- texts ----

def check_ids(name: str, const int32_t[::1] ids not None, K: int, first: int = 0) -> None:
    """ValueError unless every id lies in [0, K); the message counts places from `first`."""
    cdef int64_t i, bad = -1, n = ids.shape[0], limit = K
    with nogil:
        for i in range(n):
            if ids[i] < 0 or ids[i] >= limit:
                bad = i
                break
    if bad >= 0:
        raise ValueError(f"{name}[{first + bad}] is {ids[bad]}; ids must lie in [0, {K})")


def check_corpus(const int32_t[::1] tokens not None, const int64_t[::1] offsets not None, K: int,
                 first: int = 0) -> None:
    """ValueError unless the offsets cover the tokens in rising order and every token is an id below K.

    The message counts tokens from `first`, where a part of a corpus begins.
    """
    cdef int64_t i, bad = -1, sentences = offsets.shape[0] - 1
    check_ids("tokens", tokens, K, first)
    if sentences < 0 or offsets[0] != 0 or offsets[sentences] != tokens.shape[0]:
        raise ValueError(f"offsets must start at 0 and end at the number of tokens, {tokens.shape[0]}")
    with nogil:
        for i in range(sentences):
            if offsets[i] > offsets[i + 1]:
                bad = i
                break
    if bad >= 0:
        raise ValueError(f"offsets[{bad + 1}] is {offsets[bad + 1]}, below offsets[{bad}] = {offsets[bad]}")


cdef void check_rows(const int64_t[::1] row_ptr, int64_t U, int64_t contexts, int64_t counts) except *:
    """ValueError unless row_ptr rises in U steps from 0 to the number of contexts, and of counts."""
    cdef int64_t m
    if row_ptr.shape[0] != U + 1 or row_ptr[0] != 0 or not row_ptr[U] == contexts == counts:
        raise ValueError(f"row_ptr must hold {U + 1} values from 0 to the {contexts} contexts, "
                         "and counts as many as contexts")
    for m in range(U):
        if row_ptr[m] > row_ptr[m + 1]:
            raise ValueError(f"row_ptr falls at row {m}")


def thin(const int32_t[::1] tokens not None, const int64_t[::1] offsets not None,
         const double[::1] keep_k not None, seed: int, stream: int, const int64_t[::1] numbers=None):
    """Drop tokens at random, keeping token t with probability keep_k[t]; returns (tokens, offsets).

    What is dropped follows from the number of the sentence (None: 0, 1, 2 ...) and the place in it. Sentences
    left empty vanish. The input is taken on trust: see :func:`check_corpus`.
    """
    cdef int64_t n = tokens.shape[0], sentences = offsets.shape[0] - 1, kept
    cdef uint64_t seed_c = seed, stream_c = stream
    out_tokens, out_offsets = np.empty(max(n, 1), np.int32), np.empty(sentences + 1, np.int64)
    cdef int32_t[::1] tokens_v = out_tokens
    cdef int64_t[::1] offsets_v = out_offsets
    cdef const int64_t *numbers_p = NULL
    if n == 0:
        return out_tokens[:0], np.zeros(1, np.int64)
    if numbers is not None:
        if numbers.shape[0] != sentences:
            raise ValueError(f"numbers has {numbers.shape[0]} values for {sentences} sentences")
        numbers_p = &numbers[0]
    with nogil:
        kept = fsg_thin(&tokens[0], &offsets[0], numbers_p, sentences, &keep_k[0], seed_c, stream_c,
                        &tokens_v[0], &offsets_v[0])
    return out_tokens[:out_offsets[kept]], out_offsets[:kept + 1]


# ---- pairs ----

cdef tuple grouped(uint64_t[::1] keys, float[::1] weights, int64_t n, int64_t K):
    """Sort and merge the first n pairs: (centers, row_ptr, contexts, counts)."""
    cdef uint64_t[::1] spare_keys = np.empty(max(n, 1), np.uint64)
    cdef float[::1] spare_weights = np.empty(max(n, 1), np.float32)
    centers, contexts = np.empty(max(n, 1), np.int32), np.empty(max(n, 1), np.int32)
    row_ptr, counts = np.empty(n + 1, np.int64), np.empty(max(n, 1), np.float32)
    cdef int32_t[::1] centers_v = centers, contexts_v = contexts
    cdef int64_t[::1] row_ptr_v = row_ptr
    cdef float[::1] counts_v = counts
    cdef int64_t rows
    with nogil:
        fsg_sort_pairs(n, K, &keys[0], &weights[0], &spare_keys[0], &spare_weights[0])
        rows = fsg_group_pairs(n, &keys[0], &weights[0], &centers_v[0], &row_ptr_v[0], &contexts_v[0],
                               &counts_v[0])
    entries = row_ptr[rows]
    return (centers[:rows].copy(), row_ptr[:rows + 1].copy(), contexts[:entries].copy(),
            counts[:entries].copy())


def group_windows(const int32_t[::1] tokens not None, const int64_t[::1] offsets not None, start: int,
                  stop: int, K: int, left: int, right: int, const float[::1] weight_left not None,
                  const float[::1] weight_right not None, draw: bool, seed: int, stream: int):
    """Pair counts of the centers at positions [start, stop): (centers, row_ptr, contexts, counts), rows by
    center id.

    left, right: reach of the window, -1 for the whole sentence; weight_left[d - 1] weighs distance d, empty
    weighs 1. draw: each position's reach is drawn anew from (seed, stream, position). The text is taken on
    trust: see :func:`check_corpus`.
    """
    cdef fsg_window window
    cdef int64_t n = 0, sentences = offsets.shape[0] - 1, start_c = start, stop_c = stop
    if not 0 <= start_c <= stop_c <= tokens.shape[0]:
        raise ValueError(f"positions [{start}, {stop}) lie outside the {tokens.shape[0]} tokens")
    window.left, window.right, window.draw = left, right, draw
    window.seed, window.stream = seed, stream
    window.weight_left = &weight_left[0] if weight_left.shape[0] else NULL
    window.weight_right = &weight_right[0] if weight_right.shape[0] else NULL
    if 0 < weight_left.shape[0] < left or 0 < weight_right.shape[0] < right:
        raise ValueError("weight_left and weight_right must hold a weight for every distance of the window")
    if start_c < stop_c:
        with nogil:
            n = fsg_window_pairs(&window, &tokens[0], &offsets[0], sentences, start_c, stop_c, NULL, NULL)
    cdef uint64_t[::1] keys = np.empty(max(n, 1), np.uint64)
    cdef float[::1] weights = np.empty(max(n, 1), np.float32)
    if n:
        with nogil:
            fsg_window_pairs(&window, &tokens[0], &offsets[0], sentences, start_c, stop_c, &keys[0],
                             &weights[0])
    return grouped(keys, weights, n, K)


def group_pairs(const int32_t[::1] centers not None, const int32_t[::1] contexts not None,
                const float[::1] weights not None, K: int):
    """Pair counts of explicit pairs, as group_windows returns them. Ids and weights are checked.

    Pairs whose weights add up to less than LEAST_COUNT vanish: they could move nothing, and their softmax row
    could not be scaled.
    """
    cdef int64_t i, n = centers.shape[0], bad = -1
    check_ids("centers", centers, K)
    check_ids("contexts", contexts, K)
    if contexts.shape[0] != n or weights.shape[0] != n:
        raise ValueError(f"centers, contexts and weights have {n}, {contexts.shape[0]} and "
                         f"{weights.shape[0]} values; they must be equal")
    cdef uint64_t[::1] keys = np.empty(max(n, 1), np.uint64)
    cdef float[::1] copy = np.empty(max(n, 1), np.float32)
    with nogil:
        for i in range(n):
            keys[i] = <uint64_t>centers[i] << 32 | <uint32_t>contexts[i]
            copy[i] = weights[i]
            if not 0 <= weights[i] <= <float>FSG_MOST_COUNT:  # a NaN fails
                bad = i
                break
    if bad >= 0:
        raise ValueError(f"weights[{bad}] is {weights[bad]}; weights must lie in [0, {MOST_COUNT:g}]")
    return grouped(keys, copy, n, K)


# ---- matrices of counts ----

cdef inline bint is_count(float x) noexcept nogil:
    """Whether x lies within the limits of a count; a NaN does not."""
    return <float>FSG_LEAST_COUNT <= x <= <float>FSG_MOST_COUNT


cdef enum:
    ROWS_AT_ONCE = 16  # for a thread: few, as the rows of frequent words come first and are the longest


cdef void sum_rows(const int64_t *starts, const int64_t *stops, const float *counts, int64_t rows,
                   double *sum_m, int num_threads) noexcept nogil:
    """What each row weighs, by threads."""
    cdef int64_t i, m, parts = (rows + ROWS_AT_ONCE - 1) // ROWS_AT_ONCE
    for i in prange(parts, num_threads=num_threads, schedule="dynamic", chunksize=4):
        m = i * ROWS_AT_ONCE
        fsg_row_sums(starts + m, stops + m, counts, min(<int64_t>ROWS_AT_ONCE, rows - m), sum_m + m)


def leading_block(const int64_t[::1] row_ptr not None, const int32_t[::1] contexts not None,
                  const float[::1] counts not None, words: int, num_threads: int = 1):
    """Of rows of a matrix of counts (CSR, taken on trust), of which m holds the entries from row_ptr[m] on:
    where the contexts below `words` end in each, int64, and what they weigh, float64."""
    cdef int64_t m, rows = row_ptr.shape[0] - 1, limit = words
    if limit < 1 or rows < 1:
        raise ValueError(f"words is {words}, of {rows} rows; both must be at least 1")
    out_stops, out_weights = np.array(row_ptr[1:]), np.zeros(rows)
    cdef int64_t[::1] stops = out_stops
    cdef double[::1] weights = out_weights
    cdef int threads = num_threads
    if contexts.shape[0]:
        with nogil:
            for m in prange(rows, num_threads=threads, schedule="dynamic", chunksize=64):
                stops[m] = fsg_place_from(&contexts[0], row_ptr[m], row_ptr[m + 1], limit)
            sum_rows(&row_ptr[0], &stops[0], &counts[0], rows, &weights[0], threads)
    return out_stops, out_weights


def bad_entry(const int64_t[::1] row_ptr not None, const int32_t[::1] contexts not None,
              const float[::1] counts not None, K: int, num_threads: int = 1) -> int:
    """The first entry of a matrix of counts (CSR; row_ptr is checked) whose context is not an id below K or
    does not rise within its row, or whose count is not in [LEAST_COUNT, MOST_COUNT]; -1 if all are sound."""
    cdef int64_t m, rows = max(row_ptr.shape[0] - 1, 0), limit = K
    check_rows(row_ptr, rows, contexts.shape[0], counts.shape[0])
    cdef int threads = num_threads
    cdef int64_t[::1] bad_m = np.full(max(rows, 1), -1)
    if not contexts.shape[0]:
        return -1
    with nogil:
        for m in prange(rows, num_threads=threads, schedule="dynamic", chunksize=64):
            bad_m[m] = fsg_bad_entry(&contexts[0], &counts[0], row_ptr[m], row_ptr[m + 1], limit)
    found = np.asarray(bad_m)
    return int(found[found >= 0].min(initial=2**63 - 1)) if (found >= 0).any() else -1


def cut_rows(const int64_t[::1] row_ptr not None, const int32_t[::1] contexts not None, rows: int,
             column: int, num_threads: int = 1):
    """Where the contexts from `column` on begin in each of the first `rows` rows of a matrix of counts (CSR,
    taken on trust), int64."""
    cdef int64_t m, limit = rows, first = column
    if not 0 <= limit < row_ptr.shape[0]:
        raise ValueError(f"rows is {rows}; it must lie in [0, {row_ptr.shape[0] - 1}]")
    out = np.array(row_ptr[:rows])
    cdef int64_t[::1] cuts = out
    cdef int threads = num_threads
    if contexts.shape[0]:
        with nogil:
            for m in prange(limit, num_threads=threads, schedule="dynamic", chunksize=64):
                cuts[m] = fsg_place_from(&contexts[0], row_ptr[m], row_ptr[m + 1], first)
    return out


def row_sums(const int64_t[::1] row_ptr not None, const float[::1] counts not None, num_threads: int = 1):
    """What each row of a matrix of counts (CSR) weighs, float64."""
    cdef int64_t rows = max(row_ptr.shape[0] - 1, 0)
    check_rows(row_ptr, rows, counts.shape[0], counts.shape[0])
    out = np.zeros(rows)
    cdef double[::1] sums = out
    cdef int threads = num_threads
    if counts.shape[0]:
        with nogil:
            sum_rows(&row_ptr[0], &row_ptr[1], &counts[0], rows, &sums[0], threads)
    return out


def gather_rows(const int64_t[::1] starts not None, const int64_t[::1] stops not None,
                const int32_t[::1] contexts not None, const float[::1] counts not None,
                const int32_t[::1] ids not None, const float[::1] scale_k not None, num_threads: int = 1):
    """Rows `ids` of a matrix of counts, whose entries lie between starts and stops (taken on trust), each
    times its scale, as (row_ptr, contexts, counts). Ids are checked."""
    cdef int64_t u, U = ids.shape[0], i, parts = (U + ROWS_AT_ONCE - 1) // ROWS_AT_ONCE
    cdef fsg_count_matrix rows
    check_ids("ids", ids, stops.shape[0])
    if scale_k.shape[0] != stops.shape[0] or stops.shape[0] > starts.shape[0]:
        raise ValueError(f"starts, stops and scale_k have {starts.shape[0]}, {stops.shape[0]} and "
                         f"{scale_k.shape[0]} values; need as many stops as scales, and a start for each")
    out_ptr = np.zeros(U + 1, np.int64)
    cdef int64_t[::1] out_ptr_v = out_ptr
    for u in range(U):
        out_ptr_v[u + 1] = out_ptr_v[u] + stops[ids[u]] - starts[ids[u]]
    out_contexts, out_counts = np.empty(out_ptr_v[U], np.int32), np.empty(out_ptr_v[U], np.float32)
    cdef int32_t[::1] out_contexts_v = out_contexts
    cdef float[::1] out_counts_v = out_counts
    # a step with these rows over so many words follows, in which threads share the passes if they are long
    cdef bint shared = 2 * <double>U * scale_k.shape[0] > WORTH_WAKING and shard_count(scale_k.shape[0]) > 1
    cdef int threads = threads_near(2 * out_ptr_v[U], shared, num_threads)
    if out_ptr_v[U]:
        rows.starts, rows.contexts, rows.counts = &starts[0], &contexts[0], &counts[0]
        with nogil:
            for i in prange(parts, num_threads=threads, schedule="dynamic", chunksize=1):
                u = i * ROWS_AT_ONCE
                fsg_scaled_rows(&rows, &ids[u], &scale_k[0], min(<int64_t>ROWS_AT_ONCE, U - u), &out_ptr_v[u],
                                &out_contexts_v[0], &out_counts_v[0])
    return out_ptr, out_contexts, out_counts
