/* The body that every ISA stub includes: one batch step as two passes over slices of the vocabulary.
 *
 *   pass A   c_uk = O_k . X_u + b_k,  E_uk = e^c_uk 2^-shift_u,  S_u = sum_k E_uk           2 U K H flops
 *   between  Z_u = sum of S_u over shards,  log P(k|u) = c_uk - shift_u ln 2 - log Z_u,  scale_u = n_u / Z_u
 *   pass B   R_uk = E_uk - N_uk Z_u / n_u,   so that  n_u P(k|u) - N_uk = scale_u R_uk
 *            gI_u = scale_u sum_k R_uk O_k,   gO_k = sum_u R_uk (scale_u X_u),   O_k moves    4 U K H flops
 *
 * The lanes of a vector run along the batch rows u, so sums over k need no folding, and only u is padded (and
 * h for gO). O is read as broadcast scalars straight from the user's matrix: nothing is packed but the
 * batch's own rows. What each function promises stands in kernels.h.
 */
#include "exp.inc.c"

#define WIDE (NV * VLEN) /* lanes of one register tile */
#define MAX_ROWS 12
#define TALL (2 * MR) /* rows of a tile of one vector, which so has chains enough to keep the CPU busy */
_Static_assert(TALL <= MAX_ROWS && MR <= MAX_ROWS, "tiles have room for MAX_ROWS rows");

/* ---- register tiles: one chain of multiply-adds for each element ---- */

/* acc_ij += sum_t a[i * a_row + t * a_step] * b[t * b_step + j]: `rows` broadcast operands against `cols`
 * vectors. Each round prefetches the next line from `ahead` on, unless that is NULL. */
INLINE void tile(const int rows, const int cols, vf acc[][4], const float *a, int64_t a_row, int64_t a_step,
                 const float *b, int64_t b_step, int64_t count, const float *ahead)
{
    for (int64_t t = 0; t < count; t++, a += a_step, b += b_step) {
        if (ahead) __builtin_prefetch(ahead + t * 16, 0, 2);
        vf b_j[4];
        UNROLL for (int j = 0; j < cols; j++)
            b_j[j] = vload(b + j * VLEN);
        UNROLL for (int i = 0; i < rows; i++) {
            vf a_i = vset(a[i * a_row]);
            UNROLL for (int j = 0; j < cols; j++)
                acc[i][j] += a_i * b_j[j];
        }
    }
}

INLINE void tile_zero(const int rows, const int cols, vf acc[][4])
{
    UNROLL for (int i = 0; i < rows; i++) {
        UNROLL for (int j = 0; j < cols; j++)
            acc[i][j] = vset(0);
    }
}

INLINE void tile_load(const int rows, const int cols, vf acc[][4], const float *c, int64_t c_row)
{
    UNROLL for (int i = 0; i < rows; i++) {
        UNROLL for (int j = 0; j < cols; j++)
            acc[i][j] = vload(c + i * c_row + j * VLEN);
    }
}

INLINE void tile_store(const int rows, const int cols, vf acc[][4], float *c, int64_t c_row)
{
    UNROLL for (int i = 0; i < rows; i++) {
        UNROLL for (int j = 0; j < cols; j++)
            vstore(c + i * c_row + j * VLEN, acc[i][j]);
    }
}

/* Lanes of panel p that hold rows, up to a whole vector: the rest of the last panel is not computed. */
static int64_t lanes_used(int64_t U, int64_t p)
{
    const int64_t left = (U - p * PANEL + VLEN - 1) / VLEN * VLEN;
    return left < PANEL ? left : PANEL;
}

/* ---- pass A ---- */

static float pack_panel(const float *I_kh, const int32_t *ids, int64_t U, int64_t H, int64_t p, float *X_ph)
{
    float *out = X_ph + p * H * PANEL, top = 0;
    for (int64_t i = 0; i < PANEL; i++) {
        const float *row = p * PANEL + i < U ? I_kh + (int64_t)ids[p * PANEL + i] * H : NULL;
        if (row) top = larger(top, dot(row, row, H));
        for (int64_t h = 0; h < H; h++) out[h * PANEL + i] = row ? row[h] : 0.0f;
    }
    return __builtin_sqrtf(top);
}

/* Logits of `rows` vocabulary rows against the first `cols` vectors of a panel, without bias and shift. */
INLINE void logits_tile(const int rows, const int cols, const float *O_k, int64_t H, const float *X_h,
                        float *C)
{
    vf acc[MAX_ROWS][4];
    tile_zero(rows, cols, acc);
    tile(rows, cols, acc, O_k, H, 1, X_h, PANEL, H, NULL);
    tile_store(rows, cols, acc, C, PANEL);
}

INLINE void logits_lanes(const int rows, const int cols, const float *O_sh, int64_t H, const float *X_h,
                         float *C, int64_t count)
{
    int64_t k = 0;
    for (; k + rows <= count; k += rows) logits_tile(rows, cols, O_sh + k * H, H, X_h, C + k * PANEL);
    for (; k < count; k++) logits_tile(1, cols, O_sh + k * H, H, X_h, C + k * PANEL);
}

static void logits_panel(const float *O_sh, int64_t H, const float *X_ph, int64_t used, float *C,
                         int64_t count)
{
    int64_t lane = 0;
    for (; lane + WIDE <= used; lane += WIDE) logits_lanes(MR, NV, O_sh, H, X_ph + lane, C + lane, count);
    for (; lane < used; lane += VLEN) logits_lanes(TALL, 1, O_sh, H, X_ph + lane, C + lane, count);
}

/* Where the exponentials of a panel go: only into sums, also to memory through the caches, or past them. */
enum keep { SUMS_ONLY, KEEP, STREAM };

/* E = exp(C + bias) 2^-shift for one panel of the slice, S += sum over k. A sweep of its own: the block is
 * still in the first-level cache, and the constants of exp stay in registers. The slice has a sum of its own:
 * one chain over a whole shard would lose a long tail of small terms. */
INLINE void exp_lanes(const int cols, const int careful, const enum keep keep, const int64_t count,
                      const float *bias_k, const float *shift, const float *C, float *E, float *S)
{
    vf shift_j[PANEL / VLEN], S_j[PANEL / VLEN];
    UNROLL for (int j = 0; j < cols; j++) {
        shift_j[j] = careful ? vload(shift + j * VLEN) : EXP_MAGIC - vload(shift + j * VLEN);
        S_j[j] = vset(0);
    }
    for (int64_t k = 0; k < count; k++) {
        const vf bias = vset(bias_k[k]);
        UNROLL for (int j = 0; j < cols; j++) {
            const vf c = vload(C + k * PANEL + j * VLEN) + bias;
            const vf e = careful ? vexp_careful(c, shift_j[j]) : vexp(c, shift_j[j]);
            if (keep == KEEP) vstore(E + k * PANEL + j * VLEN, e);
            if (keep == STREAM) VSTREAM(E + k * PANEL + j * VLEN, e);
            S_j[j] += e;
        }
    }
    UNROLL for (int j = 0; j < cols; j++)
        vstore(S + j * VLEN, vload(S + j * VLEN) + S_j[j]);
}

INLINE void exp_sweep(const int careful, const enum keep keep, const int64_t used, const int64_t count,
                      const float *bias_k, const float *shift, const float *C, float *E, float *S)
{
    if (used == PANEL) exp_lanes(PANEL / VLEN, careful, keep, count, bias_k, shift, C, E, S);
    else
        for (int64_t i = 0; i < used; i += VLEN)
            exp_lanes(1, careful, keep, count, bias_k, shift + i, C + i, E + (keep == SUMS_ONLY ? 0 : i),
                      S + i);
}

static double exp_slice(const fsg_batch *B, const float *O_kh, int64_t s, float *E_pk, int stream,
                        int64_t *next_u, fsg_placed *placed, float *S_u)
{
    const int64_t start = s * SLICE, count = start + SLICE < B->K ? SLICE : B->K - start,
                  panels = (B->U + PANEL - 1) / PANEL;
    const float *O_sh = O_kh + start * B->H;
    float C[SLICE * PANEL] __attribute__((aligned(64))), bias[SLICE], norm[2] = {-1, -1};
    const float top_bias = slice_bias(B, start, count, bias);
    double entries = 0;
    for (int64_t p = 0; p < panels; p++) {
        const float *shift = B->shift_u + p * PANEL;
        const int64_t used = lanes_used(B->U, p);
        float *E = E_pk + (E_pk ? p * SLICE * PANEL : 0), *S = S_u + p * PANEL;
        logits_panel(O_sh, B->H, B->X_ph + p * B->H * PANEL, used, C, count);
        entries += entries_sum(B, s, p, C, bias, next_u, placed);
        if (!within_reach(B, p, O_sh, count, top_bias, norm)) {
            if (!E_pk) exp_sweep(1, SUMS_ONLY, used, count, bias, shift, C, E, S);
            else exp_sweep(1, KEEP, used, count, bias, shift, C, E, S);
        } else if (!E_pk) exp_sweep(0, SUMS_ONLY, used, count, bias, shift, C, E, S);
        else if (stream) exp_sweep(0, STREAM, used, count, bias, shift, C, E, S);
        else exp_sweep(0, KEEP, used, count, bias, shift, C, E, S);
    }
    if (placed) placed->size_p += panels;
    VFENCE();
    return entries;
}

/* A NaN is passed over: the sums will show it. */
static void max_slice(const fsg_batch *B, const float *O_kh, int64_t s, float *top_u)
{
    const int64_t start = s * SLICE, count = start + SLICE < B->K ? SLICE : B->K - start,
                  panels = (B->U + PANEL - 1) / PANEL;
    float C[SLICE * PANEL] __attribute__((aligned(64))), bias[SLICE];
    slice_bias(B, start, count, bias);
    for (int64_t p = 0; p < panels; p++) {
        const int64_t used = lanes_used(B->U, p);
        logits_panel(O_kh + start * B->H, B->H, B->X_ph + p * B->H * PANEL, used, C, count);
        for (int64_t k = 0; k < count; k++)
            for (int64_t j = 0; j < used; j++) {
                const float c = C[k * PANEL + j] + bias[k];
                if (c > top_u[p * PANEL + j]) top_u[p * PANEL + j] = c;
            }
    }
}

/* ---- between the passes ---- */

/* log x for x > 0 and normal: x = 2^e m, m in [sqrt(1/2), sqrt 2), log m = 2 atanh((m - 1) / (m + 1)). Error
 * below 1e-15. */
INLINE vd log_lanes(vd x)
{
    const vl bits = (vl)x, one = (vl){0} + 0x3ff0000000000000;
    const vd above = (vd)((bits & 0xfffffffffffff) | one);
    const vl halved = above > 0x1.6a09e667f3bcdp+0; /* -1 where it is */
    const vd m = (vd)((vl)above + halved * (1ll << 52));
    const vd e = (vd)((bits >> 52) - 1023 - halved + 0x4338000000000000) - 0x1.8p52; /* as a double: exact */
    const vd f = (m - 1.0) / (m + 1.0), g = f * f;
    vd y = (vd){0} + 1.0 / 21;
    UNROLL for (int i = 19; i >= 1; i -= 2)
        y = y * g + 1.0 / i;
    vd fractional = y * 2.0 * f;
    ROUND_ALONE(fractional);
    return e * FSG_LN2 + fractional;
}

static double log_double(double x) { return log_lanes(x - (vd){0})[0]; }

static void log_array(double *x, int64_t n)
{
    int64_t i = 0;
    for (; i + VLEN_D <= n; i += VLEN_D) *(vd *)(x + i) = log_lanes(*(const vd *)(x + i));
    for (; i < n; i++) x[i] = log_double(x[i]);
}

static void merge_sums(const float *S_su, int64_t shards, int64_t stride, int64_t U, double *sum_u)
{
    double part[64] = {0};
    for (int64_t u = 0; u < U; u++) {
        for (int64_t s = 0; s < shards; s++) part[s] = S_su[s * stride + u];
        for (int64_t step = 1; step < shards; step *= 2)
            for (int64_t s = 0; s + step < shards; s += 2 * step) part[s] += part[s + step];
        sum_u[u] = part[0];
    }
}

/* ---- pass B ---- */

/* gI_ph[h .. h+rows) = or (unless it opens) += sum over the slice's k of R_pk O_kh */
INLINE void gI_tile(const int rows, const int cols, const int opens, const float *O_h, int64_t H,
                    const float *R, float *gI, int64_t count, const float *ahead)
{
    vf acc[MAX_ROWS][4];
    if (opens) tile_zero(rows, cols, acc);
    else tile_load(rows, cols, acc, gI, PANEL);
    tile(rows, cols, acc, O_h, 1, H, R, PANEL, count, ahead);
    tile_store(rows, cols, acc, gI, PANEL);
}

/* R of the next panel lies right behind this one's and is far away in memory: the first tiles prefetch it, from
 * `ahead` on. Returns how far they came. */
INLINE const float *gI_lanes(const int rows, const int cols, const int opens, const float *O_sh, int64_t H,
                             const float *R, float *gI, int64_t count, const float *ahead, const float *end)
{
    int64_t h = 0;
    for (; h + rows <= H && ahead < end; h += rows, ahead += count * 16)
        gI_tile(rows, cols, opens, O_sh + h, H, R, gI + h * PANEL, count, ahead);
    for (; h + rows <= H; h += rows) gI_tile(rows, cols, opens, O_sh + h, H, R, gI + h * PANEL, count, NULL);
    for (; h + 4 <= H; h += 4) gI_tile(4, cols, opens, O_sh + h, H, R, gI + h * PANEL, count, NULL);
    for (; h < H; h++) gI_tile(1, cols, opens, O_sh + h, H, R, gI + h * PANEL, count, NULL);
    return ahead;
}

static void gI_panel(const int opens, const float *O_sh, int64_t H, const float *R, int64_t used, float *gI,
                     int64_t count)
{
    const float *ahead = R + SLICE * PANEL, *end = ahead + SLICE * PANEL;
    int64_t lane = 0;
    for (; lane + WIDE <= used; lane += WIDE)
        ahead = gI_lanes(MR, NV, opens, O_sh, H, R + lane, gI + lane, count, ahead, end);
    for (; lane < used; lane += VLEN) /* the last panel: there is none to prefetch */
        gI_lanes(TALL, 1, opens, O_sh, H, R + lane, gI + lane, count, end, end);
    if (opens && used < PANEL)
        for (int64_t h = 0; h < H; h++) memset(gI + h * PANEL + used, 0, (size_t)(PANEL - used) * sizeof *gI);
}

/* gO_kh[k .. k+rows) = or (unless it opens) += sum over the panel's u of R_pk Xs_uh, for `cols` vectors of h
 */
INLINE void gO_tile(const int rows, const int cols, const int opens, const float *R, const float *Xs,
                    int64_t H_pad, int64_t used, float *gO)
{
    vf acc[MAX_ROWS][4];
    if (opens) tile_zero(rows, cols, acc);
    else tile_load(rows, cols, acc, gO, H_pad);
    tile(rows, cols, acc, R, PANEL, 1, Xs, H_pad, used, NULL);
    tile_store(rows, cols, acc, gO, H_pad);
}

/* The same for the first `vectors` vectors of h, in tiles of GO_NV. A remainder of one is avoided where possible:
 * its chains are few. */
INLINE void gO_rows(const int rows, const int opens, const float *R, const float *Xs, int64_t vectors,
                    int64_t H_pad, int64_t used, float *gO)
{
    for (int64_t left = vectors, cols; left; left -= cols, Xs += cols * VLEN, gO += cols * VLEN) {
        cols = left == GO_NV + 1 && GO_NV > 2 ? GO_NV - 1 : left < GO_NV ? left : GO_NV;
        switch (cols) {
        case 4: gO_tile(rows, 4, opens, R, Xs, H_pad, used, gO); break;
        case 3: gO_tile(rows, 3, opens, R, Xs, H_pad, used, gO); break;
        case 2: gO_tile(rows, 2, opens, R, Xs, H_pad, used, gO); break;
        default: gO_tile(rows, 1, opens, R, Xs, H_pad, used, gO);
        }
    }
}

/* gO of a panel. Of tiles of two vectors one may be left over, whose tiles are tall. */
static void gO_panel(const int opens, const float *R, const float *Xs, int64_t H, int64_t H_pad, int64_t used,
                     float *gO, int64_t count)
{
    const int64_t vectors = (H + VLEN - 1) / VLEN, odd = GO_NV == 2 ? vectors % 2 : 0, last = vectors - odd;
    int64_t k = 0;
    for (; k + GO_MR <= count; k += GO_MR)
        gO_rows(GO_MR, opens, R + k * PANEL, Xs, last, H_pad, used, gO + k * H_pad);
    for (; k < count; k++) gO_rows(1, opens, R + k * PANEL, Xs, last, H_pad, used, gO + k * H_pad);
    if (!odd) return;
    Xs += last * VLEN, gO += last * VLEN;
    for (k = 0; k + TALL <= count; k += TALL)
        gO_tile(TALL, 1, opens, R + k * PANEL, Xs, H_pad, used, gO + k * H_pad);
    for (; k < count; k++) gO_tile(1, 1, opens, R + k * PANEL, Xs, H_pad, used, gO + k * H_pad);
}

/* One row moves by one step. Row-wise Adagrad: a += mean_h g^2, x -= rate * g / sqrt(a). */
static void move_row(float *x, const float *g, int64_t H, const fsg_step *step, int64_t k)
{
    float rate = step->rate;
    if (step->adagrad_k) {
        const float a = step->adagrad_k[k] + (float)(dot(g, g, H) / (double)H);
        step->adagrad_k[k] = a;
        rate = a > 0 ? rate / __builtin_sqrtf(a) : 0.0f;
    }
    for (int64_t h = 0; h < H; h++) x[h] -= rate * g[h];
}

static void gradient_slice(const fsg_batch *B, float *O_kh, int64_t s, float *E_pk, fsg_placed *placed,
                           float *gI_ph, int opens, float *gO_kh, int first, const fsg_step *step)
{
    const int64_t start = s * SLICE, count = start + SLICE < B->K ? SLICE : B->K - start, H = B->H;
    const int64_t panels = (B->U + PANEL - 1) / PANEL;
    for (int64_t p = 0; p < panels; p++) {
        float *R = E_pk + p * SLICE * PANEL;
        const float *target = B->target_u + p * PANEL;
        for (int32_t left = *placed->size_p++; left; left--) {
            const uint16_t place = *placed->place++;
            R[place] -= *placed->count++ * target[place % PANEL];
        }
        const int64_t used = lanes_used(B->U, p);
        gI_panel(opens, O_kh + start * H, H, R, used, gI_ph + p * H * PANEL, count);
        gO_panel(first && p == 0, R, B->Xs_uh + p * PANEL * B->H_pad, H, B->H_pad, used, gO_kh, count);
    }
    if (step)
        for (int64_t k = 0; k < count; k++)
            move_row(O_kh + (start + k) * H, gO_kh + k * B->H_pad, H, step, start + k);
}

static void merge_panel(const fsg_batch *B, int64_t p, float *gI_sph, int64_t shards, int64_t stride,
                        float *G_uh)
{
    const int64_t H = B->H, size = H * PANEL;
    float *g = gI_sph + p * size;
    for (int64_t width = 1; width < shards; width *= 2)
        for (int64_t s = 0; s + width < shards; s += 2 * width) {
            float *into = g + s * stride;
            const float *from = into + width * stride;
            for (int64_t j = 0; j < size; j++) into[j] += from[j];
        }
    for (int64_t u = p * PANEL; u < B->U && u < (p + 1) * PANEL; u++)
        for (int64_t h = 0; h < H; h++) G_uh[u * H + h] = g[h * PANEL + u % PANEL];
}

static void exp_array(const float *c, const float *m, float *y, int64_t n)
{
    for (int64_t i = 0; i < n; i += VLEN) vstore(y + i, vexp_careful(vload(c + i), vload(m + i)));
}

/* 12 chains of multiply-adds in registers, n times: the most this CPU can do with this instruction set. */
static int64_t peak(int64_t n, float *out)
{
    vf acc[12];
    const vf a = vset(1.0f - 0x1p-20f), b = vset(0x1p-20f); /* the chains stay near 1 */
    UNROLL for (int i = 0; i < 12; i++)
        acc[i] = vset((float)i);
    for (int64_t t = 0; t < n; t++) {
        UNROLL for (int i = 0; i < 12; i++)
            acc[i] = acc[i] * a + b;
    }
    UNROLL for (int i = 0; i < 12; i++)
        vstore(out + i * VLEN, acc[i]);
    return 2 * 12 * VLEN * n;
}

/* One chain, each multiply-add waiting for the one before it: its speed shows the clock. */
static void chain(int64_t n, float *out)
{
    vf acc = vset(0);
    const vf a = vset(1.0f - 0x1p-20f), b = vset(0x1p-20f);
    for (int64_t t = 0; t < n; t++) acc = acc * a + b;
    vstore(out, acc);
}
