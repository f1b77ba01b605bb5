/* Tall matrices of K rows and few columns: what the spectral start and the curvature of Newton steps are made
 * of. Included after softmax.inc.c, whose tiles it uses. Small square matrices: small_matrices.c.
 *
 * Every element of a result is one chain in the order of its index, so neither vector width nor threads
 * change a bit.
 */

/* sum_h += sum over rows of w_k Y_kh. */
static void mean_rows(const float *Y_kh, const float *w_k, int64_t rows, int64_t H, double *sum_h)
{
    for (int64_t k = 0; k < rows; k++)
        for (int64_t h = 0; h < H; h++) sum_h[h] += (double)w_k[k] * (double)Y_kh[k * H + h];
}

/* `rows` rows of Y less the center, and the same times w (1 if NULL), each padded with zeros to `width`. */
static void gram_pack(const float *Y_kh, const float *w_k, const float *center_h, int64_t rows, int64_t H,
                      int64_t width, double *Y, double *wY)
{
    for (int64_t k = 0; k < rows; k++)
        for (int64_t h = 0; h < width; h++) {
            const double y = h < H ? (double)Y_kh[k * H + h] - (center_h ? (double)center_h[h] : 0.0) : 0.0;
            Y[k * width + h] = y;
            wY[k * width + h] = w_k ? (double)w_k[k] * y : y;
        }
}

/* G_ij += sum over `count` packed rows of wY_ki Y_kj for a tile of `rows` x `cols` vectors. Of what lies below the
 * diagonal some is written too, of what lies outside G nothing. */
INLINE void gram_tile(const int rows, const int cols, const double *Y, const double *wY, int64_t count,
                      int64_t width, int64_t i, int64_t j, int64_t H, double *G_hh)
{
    vd acc[MAX_ROWS][NV] = {{{0}}};
    for (int64_t k = 0; k < count; k++) {
        const vd *y = (const vd *)(Y + k * width + j);
        UNROLL for (int r = 0; r < rows; r++) {
            const vd a = wY[k * width + i + r] - (vd){0};
            UNROLL for (int c = 0; c < cols; c++)
                acc[r][c] += a * y[c];
        }
    }
    UNROLL for (int r = 0; r < rows; r++) {
        if (i + r >= H) break;
        double *g = G_hh + (i + r) * H + j;
        if (j + cols * VLEN_D > H) { /* of one vector, as all that are left */
            for (int64_t c = 0; j + c < H; c++) g[c] += acc[r][0][c];
            continue;
        }
        UNROLL for (int c = 0; c < cols; c++)
            ((vd *)g)[c] += acc[r][c];
    }
}

/* G_ij += sum over rows of w_k (Y_ki - center_i) (Y_kj - center_j) for j >= i, in double, FSG_GRAM_ROWS rows
 * at a time. w_k and center_h may be NULL; scratch holds FSG_GRAM_SCRATCH(H) values. Below the diagonal G holds
 * no result. */
static void gram_rows(const float *Y_kh, const float *w_k, const float *center_h, int64_t rows, int64_t H,
                      double *scratch, double *G_hh)
{
    const int64_t width = FSG_GRAM_WIDTH(H);
    double *Y = scratch, *wY = scratch + FSG_GRAM_ROWS * width;
    for (int64_t start = 0; start < rows; start += FSG_GRAM_ROWS) {
        const int64_t count = rows - start < FSG_GRAM_ROWS ? rows - start : FSG_GRAM_ROWS;
        int64_t j = 0;
        gram_pack(Y_kh + start * H, w_k ? w_k + start : NULL, center_h, count, H, width, Y, wY);
        for (; j + NV * VLEN_D <= H; j += NV * VLEN_D)
            for (int64_t i = 0; i < j + NV * VLEN_D; i += MR)
                gram_tile(MR, NV, Y, wY, count, width, i, j, H, G_hh);
        for (; j < H; j += VLEN_D) /* columns that are left */
            for (int64_t i = 0; i < j + VLEN_D && i < H; i += TALL)
                gram_tile(TALL, 1, Y, wY, count, width, i, j, H, G_hh);
    }
}

/* out_kj = sum_i Y_ki M_ij for `cols` vectors of j, `rows` rows at a time; what is left of them one by one. */
INLINE void times_lanes(const int rows, const int cols, const float *Y_kh, int64_t count, int64_t H,
                        const float *M_hj, int64_t J, float *out_kj)
{
    vf acc[MAX_ROWS][4];
    int64_t k = 0;
    for (; k + rows <= count; k += rows) {
        tile_zero(rows, cols, acc);
        tile(rows, cols, acc, Y_kh + k * H, H, 1, M_hj, J, H, NULL);
        tile_store(rows, cols, acc, out_kj + k * J, J);
    }
    for (; k < count; k++) {
        tile_zero(1, cols, acc);
        tile(1, cols, acc, Y_kh + k * H, H, 1, M_hj, J, H, NULL);
        tile_store(1, cols, acc, out_kj + k * J, J);
    }
}

/* out_kj = sum_i Y_ki M_ij for `rows` rows; out is not Y. The last vector of j is the one that ends at J: what it
 * has in common with the one before is the same chains once more. */
static void times_rows(const float *Y_kh, int64_t rows, int64_t H, const float *M_hj, int64_t J,
                       float *out_kj)
{
    int64_t j = 0;
    for (; j + WIDE <= J; j += WIDE) times_lanes(MR, NV, Y_kh, rows, H, M_hj + j, J, out_kj + j);
    for (; j + VLEN <= J; j += VLEN) times_lanes(TALL, 1, Y_kh, rows, H, M_hj + j, J, out_kj + j);
    if (j == J) return;
    if (J >= VLEN) {
        times_lanes(TALL, 1, Y_kh, rows, H, M_hj + J - VLEN, J, out_kj + J - VLEN);
        return;
    }
    /* element by element: a sum over i alone might be taken apart and lose its fusing */
    for (int64_t k = 0; k < rows; k++) {
        float *out = out_kj + k * J;
        for (int64_t r = 0; r < J; r++) out[r] = 0;
        for (int64_t i = 0; i < H; i++) {
            const float a = Y_kh[k * H + i];
            for (int64_t r = 0; r < J; r++) out[r] += a * M_hj[i * J + r];
        }
    }
}

/* out_h += sum over the entries [e, end) whose column is below `stop` of value * X_kh[column], for `units`
 * times 16 coordinates. Columns rise. Returns the first entry that is left. */
INLINE int64_t sparse_part(const int units, const float *values, const int32_t *columns, int64_t e,
                           int64_t end, int64_t stop, const float *X_kh, int64_t H, float *out_h)
{
    vf sum[4 * 16 / VLEN];
    UNROLL for (int j = 0; j < units * 16 / VLEN; j++)
        sum[j] = vload(out_h + j * VLEN);
    for (; e < end && columns[e] < stop; e++) {
        const float *x = X_kh + (int64_t)columns[e] * H;
        UNROLL for (int j = 0; j < units * 16 / VLEN; j++)
            sum[j] += values[e] * vload(x + j * VLEN);
    }
    UNROLL for (int j = 0; j < units * 16 / VLEN; j++)
        vstore(out_h + j * VLEN, sum[j]);
    return e;
}

#define SPARSE_AHEAD 8 /* rows whose entries are asked for ahead of time: those of two blocks lie far apart */

/* out_mh += sum over the entries of rows [m, stop_m) whose column is below stop_k of value * X_kh[column]; H is
 * a multiple of 16. Row m has those from next_m on, which move past what was added, up to end_m. */
static void sparse_rows(const float *values, const int32_t *columns, int64_t m, int64_t stop_m,
                        int64_t *next_m, const int64_t *end_m, int64_t stop_k, const float *X_kh, int64_t H,
                        float *out_mh)
{
    for (; m < stop_m; m++) {
        const int64_t e = next_m[m], end = end_m[m];
        float *out_h = out_mh + m * H;
        int64_t next = e, h = 0;
        if (m + SPARSE_AHEAD < stop_m) {
            __builtin_prefetch(columns + next_m[m + SPARSE_AHEAD]);
            __builtin_prefetch(values + next_m[m + SPARSE_AHEAD]);
        }
        if (e == end || columns[e] >= stop_k) continue;
        for (; h + 64 <= H; h += 64)
            next = sparse_part(4, values, columns, e, end, stop_k, X_kh + h, H, out_h + h);
        switch ((H - h) / 16) {
        case 3: next = sparse_part(3, values, columns, e, end, stop_k, X_kh + h, H, out_h + h); break;
        case 2: next = sparse_part(2, values, columns, e, end, stop_k, X_kh + h, H, out_h + h); break;
        case 1: next = sparse_part(1, values, columns, e, end, stop_k, X_kh + h, H, out_h + h);
        }
        next_m[m] = next;
    }
}
