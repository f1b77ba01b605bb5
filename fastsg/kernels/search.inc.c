/* Exact search: which rows of a matrix lie closest to each query. Included after softmax.inc.c, whose tiles it
 * uses.
 *
 *   score_uk = (Y_k . X_u) inverse_k
 *
 * in float32: the caller scores what is found again, in float64. So a query keeps, besides its n best scores,
 * a list of every row that comes near them: of all whose score lies above the n-th best less the slack. That
 * bar only rises, so the list of a thread, which sees some of the rows, misses none of the rows that the bar
 * of all rows lets pass. What is in it depends on the thread; what the last bar leaves of it does not.
 */

/* Query u has met a better score: the heap, whose top is the worst of the n best, takes it in. */
static void nearest_raise(const fsg_nearest *N, int64_t u, float score)
{
    float *heap = N->heap_un + u * N->n;
    int64_t i = N->filled_u[u];
    if (i < N->n) {
        N->filled_u[u]++;
        for (; i > 0 && heap[(i - 1) / 2] > score; i = (i - 1) / 2) heap[i] = heap[(i - 1) / 2];
        heap[i] = score;
    } else if (score > heap[0]) {
        i = 0;
        for (int64_t child; (child = 2 * i + 1) < N->n; i = child) {
            child += child + 1 < N->n && heap[child + 1] < heap[child];
            if (heap[child] >= score) break;
            heap[i] = heap[child];
        }
        heap[i] = score;
    }
    if (N->filled_u[u] == N->n) N->bar_u[u] = heap[0] - N->slack;
}

/* Row k passed the bar of query u: the list takes it in. A full list first drops what the bar has left behind;
 * too many rows of nearly one score fill it all the same, and the query has failed. */
static void nearest_take(const fsg_nearest *N, int64_t u, int32_t k, float score)
{
    int32_t *id_r = N->id_ur + u * N->room;
    float *score_r = N->score_ur + u * N->room;
    int64_t size = N->size_u[u];
    nearest_raise(N, u, score);
    if (size == N->room) {
        size = 0;
        for (int64_t r = 0; r < N->room; r++)
            if (score_r[r] > N->bar_u[u]) {
                id_r[size] = id_r[r];
                score_r[size++] = score_r[r];
            }
        if (size > N->room / 4 * 3) {
            N->bar_u[u] = __builtin_inff();
            N->size_u[u] = -1;
            return;
        }
    }
    id_r[size] = k;
    score_r[size] = score;
    N->size_u[u] = size + 1;
}

/* Products of query u with `count` rows from row `first` on, `step` apart: those rows that pass the bar are
 * taken. A NaN does not pass. */
static void nearest_column(const fsg_nearest *N, int64_t u, const float *C_k, int64_t step,
                           const float *inverse_k, int64_t count, int64_t first)
{
    for (int64_t k = 0; k < count; k++) {
        const float score = C_k[k * step] * inverse_k[k];
        if (score > N->bar_u[u]) nearest_take(N, u, (int32_t)(first + k), score);
    }
}

#define AT_ONCE 4 /* rows: as many streams as a memory bus follows well; x is read once for all */

typedef float quarter __attribute__((vector_size(16)));

#define AHEAD 16 /* rows */

/* The sum of a vector's numbers. */
INLINE float vsum(vf sum)
{
    quarter part[VLEN / 4];
    memcpy(part, &sum, sizeof part);
    UNROLL for (int n = VLEN / 8; n > 0; n /= 2) UNROLL
        for (int i = 0; i < n; i++) part[i] += part[i + n];
    return (part[0][0] + part[0][2]) + (part[0][1] + part[0][3]);
}

/* score_k = Y_k . x for `rows` rows of H >= VLEN numbers. What is left behind the last whole vector is read
 * together with what stands before it, which `end` then multiplies by zero. */
INLINE void few_products(const int rows, const float *Y_kh, int64_t H, const float *x_h, vf end,
                         float *score_k)
{
    vf sum[AT_ONCE];
    UNROLL for (int i = 0; i < rows; i++)
        sum[i] = end * vload(Y_kh + (i + 1) * H - VLEN);
    for (int64_t h = 0; h + VLEN <= H; h += VLEN) {
        const vf x = vload(x_h + h);
        UNROLL for (int i = 0; i < rows; i++)
            sum[i] += x * vload(Y_kh + i * H + h);
        UNROLL for (int i = 0; i < rows * VLEN; i += 16) /* each cache line of some rows ahead, once */
            __builtin_prefetch(Y_kh + AHEAD * H + h * rows + i);
    }
    UNROLL for (int i = 0; i < rows; i++)
        score_k[i] = vsum(sum[i]);
}

/* score_k = (Y_k . x) inverse_k for `count` rows. */
static void score_rows(const float *Y_kh, const float *inverse_k, int64_t count, int64_t H, const float *x_h,
                       float *score_k)
{
    int64_t k = 0;
    if (H >= VLEN) {
        vf end = {0};
        for (int64_t i = VLEN - H % VLEN; i < VLEN; i++) end[i] = x_h[H - VLEN + i];
        for (; k + AT_ONCE <= count; k += AT_ONCE)
            few_products(AT_ONCE, Y_kh + k * H, H, x_h, end, score_k + k);
        for (; k < count; k++) few_products(1, Y_kh + k * H, H, x_h, end, score_k + k);
    }
    for (; k < count; k++) score_k[k] = dot(Y_kh + k * H, x_h, H);
    for (k = 0; k < count; k++) score_k[k] *= inverse_k[k];
}

/* At most SLICE rows from row `first` on, against all queries, query by query: for few of them. */
static void nearest_rows(const fsg_nearest *N, const float *Y_kh, const float *inverse_k, int64_t count,
                         int64_t H, int64_t first, const float *X_uh, int64_t U)
{
    float score_k[SLICE];
    for (int64_t u = 0; u < U; u++) {
        score_rows(Y_kh, inverse_k, count, H, X_uh + u * H, score_k);
        for (int64_t k = 0; k < count; k++)
            if (score_k[k] > N->bar_u[u]) nearest_take(N, u, (int32_t)(first + k), score_k[k]);
    }
}

/* At most SLICE rows from row `first` on, against all queries, panel by panel. Lanes past U have a bar that
 * nothing passes. */
static void nearest_slice(const fsg_nearest *N, const float *Y_kh, const float *inverse_k, int64_t count,
                          int64_t H, int64_t first, const float *X_ph, int64_t U)
{
    float C[SLICE * PANEL] __attribute__((aligned(64)));
    for (int64_t start = 0; start < U; start += PANEL) {
        logits_panel(Y_kh, H, X_ph + start * H, PANEL, C, count);
        for (int64_t j = 0; j < PANEL; j += VLEN) {
            const vf bar = vload(N->bar_u + start + j);
            vi passed = {0};
            for (int64_t k = 0; k < count; k++) passed |= vload(C + k * PANEL + j) * vset(inverse_k[k]) > bar;
            for (int64_t i = 0; i < VLEN; i++)
                if (passed[i]) nearest_column(N, start + j + i, C + j + i, PANEL, inverse_k, count, first);
        }
    }
}
