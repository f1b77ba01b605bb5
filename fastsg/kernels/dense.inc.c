/* Tall matrices of K rows and few columns: what the spectral start and Newton steps are made of. Included behind softmax.inc.c.
 *
 * Every element of a result is one chain in the order of its index, so neither vector width nor threads change a bit.
 */

/* G_ij += sum over rows of w_k Y_ki Y_kj (w = 1 without) for j >= i, in double. Four rows share one walk over G. */
INLINE void gram_few(const int rows, const float *Y_kh, const float *w_k, int64_t H, double *G_hh)
{
    for (int64_t i = 0; i < H; i++) {
        double a[4];
        UNROLL for (int r = 0; r < rows; r++) a[r] = (w_k ? w_k[r] : 1.0) * Y_kh[r * H + i];
        double *g = G_hh + i * H;
        for (int64_t j = i; j < H; j++) {
            double sum = g[j];
            UNROLL for (int r = 0; r < rows; r++) sum += a[r] * Y_kh[r * H + j];
            g[j] = sum;
        }
    }
}

static void gram_rows(const float *Y_kh, const float *w_k, int64_t rows, int64_t H, double *G_hh)
{
    int64_t k = 0;
    for (; k + 4 <= rows; k += 4) gram_few(4, Y_kh + k * H, w_k ? w_k + k : NULL, H, G_hh);
    for (; k < rows; k++) gram_few(1, Y_kh + k * H, w_k ? w_k + k : NULL, H, G_hh);
}

/* out_kj = sum_i Y_ki M_ij for `rows` rows; out is not Y. */
INLINE void times_few(const int rows, const float *Y_kh, int64_t H, const float *M_hj, int64_t J, float *out_kj)
{
    int64_t j = 0;
    vf acc[MAX_ROWS][4];
    for (; j + 4 * VLEN <= J; j += 4 * VLEN) {
        tile_zero(rows, 4, acc);
        tile(rows, 4, acc, Y_kh, H, 1, M_hj + j, J, H, NULL);
        tile_store(rows, 4, acc, out_kj + j, J);
    }
    for (; j + VLEN <= J; j += VLEN) {
        tile_zero(rows, 1, acc);
        tile(rows, 1, acc, Y_kh, H, 1, M_hj + j, J, H, NULL);
        tile_store(rows, 1, acc, out_kj + j, J);
    }
    for (int64_t k = 0; k < rows && j < J; k++) { /* element by element: a sum over i alone might be taken apart and lose its fusing */
        float *out = out_kj + k * J;
        for (int64_t r = j; r < J; r++) out[r] = 0;
        for (int64_t i = 0; i < H; i++) {
            const float a = Y_kh[k * H + i];
            for (int64_t r = j; r < J; r++) out[r] += a * M_hj[i * J + r];
        }
    }
}

static void times_rows(const float *Y_kh, int64_t rows, int64_t H, const float *M_hj, int64_t J, float *out_kj)
{
    int64_t k = 0;
    for (; k + 4 <= rows; k += 4) times_few(4, Y_kh + k * H, H, M_hj, J, out_kj + k * J);
    for (; k < rows; k++) times_few(1, Y_kh + k * H, H, M_hj, J, out_kj + k * J);
}

/* out_h = sum over entries of value * X_kh[column]; H is a multiple of 16. */
static void sparse_row(const float *values, const int32_t *columns, int64_t n, const float *X_kh, int64_t H, float *out_h)
{
    for (int64_t h = 0; h < H; h += 64) {
        const int64_t width = H - h < 64 ? H - h : 64;
        vf sum[64 / VLEN];
        UNROLL for (int j = 0; j < 64 / VLEN; j++) sum[j] = vset(0);
        if (width == 64) {
            for (int64_t e = 0; e < n; e++) {
                const float *x = X_kh + (int64_t)columns[e] * H + h;
                UNROLL for (int j = 0; j < 64 / VLEN; j++) sum[j] += values[e] * vload(x + j * VLEN);
            }
        } else {
            for (int64_t e = 0; e < n; e++) {
                const float *x = X_kh + (int64_t)columns[e] * H + h;
                for (int j = 0; j < width / VLEN; j++) sum[j] += values[e] * vload(x + j * VLEN);
            }
        }
        for (int j = 0; j < width / VLEN; j++) vstore(out_h + h + j * VLEN, sum[j]);
    }
}

/* I_h -= rate d for a step d / (n + prior), its length limited to half the row's and a bit. */
static void newton_row(float *I_h, const float *d_h, int64_t H, double n, double prior, double rate)
{
    const double scale = 1.0 / (n + prior), length = __builtin_sqrt((double)dot(d_h, d_h, H)) * scale;
    const double limit = 0.5 * __builtin_sqrt((double)dot(I_h, I_h, H)) + 0.3;
    const float factor = (float)(rate * scale * (length > limit ? limit / length : 1.0));
    for (int64_t h = 0; h < H; h++) I_h[h] -= factor * d_h[h];
}
