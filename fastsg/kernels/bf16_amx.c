/* The batch step in bfloat16 on x86-64 with AMX (Sapphire Rapids and later): tiles of 16 x 16 sums, fp32 accumulation.
 *
 * The passes are those of softmax.inc.c. Rounded to bfloat16 are the operands of the three products: rows of I and O, E, the
 * residual R, scale_u X_u. In fp32 stay the logits, exp, row sums, gradients, and the masters I and O, which move here as there.
 *
 * A tile product takes a left operand of 16 rows and a right operand of 16 columns whose rows come in interleaved pairs:
 *   pass A   C[k][u] = O[k][h] X[h][u]      left  O_kh rounded, row-major          right  X interleaved in pairs of h
 *   pass B   gI[h][u] += O[h][k] R[k][u]    left  O rounded and transposed         right  R interleaved in pairs of k
 *            gO[k][u] += R[k][u] Xs[u][h]   left  R as pass A stored it            right  Xs interleaved in pairs of u
 * Inner lengths are padded with zeros to 32. The bits depend on no thread count; on other CPUs there is no such table.
 */
#define _GNU_SOURCE /* syscall */
#include "kernels.h"

#include <stddef.h>
#include <string.h>

#if defined(__x86_64__) && defined(__linux__)
  #include <cpuid.h>
  #include <immintrin.h>
  #include <sys/syscall.h>
  #include <unistd.h>
  #define VMIN(x, y) ((vf)_mm512_min_ps(x, y))
  #define VLEN 16
  #if defined(__clang__)
    #pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx512bf16,avx2,fma,amx-tile,amx-bf16"))), apply_to = function)
  #else
    #pragma GCC push_options
    #pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,avx512bf16,avx2,fma,amx-tile,amx-bf16")
  #endif
  #include "vec.h"
  #define PANEL FSG_PANEL
  #define SLICE FSG_SLICE
  #define INNER 32 /* bfloat16 values that one tile product sums up */
  #define UNROLL _Pragma("GCC unroll 16")

typedef uint16_t bf16;

static int64_t padded(int64_t n) { return (n + INNER - 1) / INNER * INNER; }

static bf16 rounded(float x) /* to nearest, ties to even; x finite */
{
    uint32_t bits;
    memcpy(&bits, &x, 4);
    return (bf16)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static float widened(bf16 x)
{
    const uint32_t bits = (uint32_t)x << 16;
    float y;
    memcpy(&y, &bits, 4);
    return y;
}

INLINE void round_32(const float *x, bf16 *y)
{
    const __m512bh r = _mm512_cvtne2ps_pbh(_mm512_loadu_ps(x + 16), _mm512_loadu_ps(x));
    memcpy(y, &r, sizeof r);
}

/* ---- blocks of 32 x 32 sums: tiles 0-3; tiles 4-5 hold 32 rows of the left operand, 6-7 32 columns of the right one ---- */

static void tiles_on(void)
{
    static const struct {
        uint8_t palette, start_row, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } shape = {1, 0, {0}, {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}};
    _tile_loadconfig(&shape);
}

INLINE void block_zero(void)
{
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
}

INLINE void block_load(const float *c, int64_t row)
{
    _tile_loadd(0, c, row * 4);
    _tile_loadd(1, c + 16, row * 4);
    _tile_loadd(2, c + 16 * row, row * 4);
    _tile_loadd(3, c + 16 * row + 16, row * 4);
}

INLINE void block_store(float *c, int64_t row)
{
    _tile_stored(0, c, row * 4);
    _tile_stored(1, c + 16, row * 4);
    _tile_stored(2, c + 16 * row, row * 4);
    _tile_stored(3, c + 16 * row + 16, row * 4);
}

/* += left (32 rows, INNER) times right (INNER / 2 pairs, 32 columns); `pair` is the length of a pair of right rows. */
INLINE void block_multiply(const bf16 *left, int64_t row, const bf16 *right, int64_t pair)
{
    _tile_loadd(4, left, row * 2);
    _tile_loadd(6, right, pair * 2);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(7, right + 32, pair * 2);
    _tile_dpbf16ps(1, 4, 7);
    _tile_loadd(5, left + 16 * row, row * 2);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
}

/* ---- pass A ------------------------------------------------------------------------------------------------------ */

/* X[p][h / 2][PANEL][2]: rows ids[u] of I_kh in interleaved pairs of h; rows past U and h past H are zero. */
static void pack_panel(const float *I_kh, const int32_t *ids, int64_t U, int64_t H, int64_t p, bf16 *X)
{
    bf16 *out = X + p * padded(H) * PANEL;
    memset(out, 0, (size_t)(padded(H) * PANEL) * sizeof *out);
    for (int64_t i = 0; i < PANEL && p * PANEL + i < U; i++) {
        const float *row = I_kh + (int64_t)ids[p * PANEL + i] * H;
        for (int64_t h = 0; h < H; h++) out[h / 2 * 2 * PANEL + 2 * i + h % 2] = rounded(row[h]);
    }
}

/* The slice's rows of O rounded, [SLICE][padded(H)]; what lies past count and H is zero. */
static void pack_rows(const float *O_sh, int64_t H, int64_t count, bf16 *out)
{
    const int64_t width = padded(H);
    memset(out, 0, (size_t)(SLICE * width) * sizeof *out);
    for (int64_t k = 0; k < count; k++) {
        int64_t h = 0;
        for (; h + INNER <= H; h += INNER) round_32(O_sh + k * H + h, out + k * width + h);
        for (; h < H; h++) out[k * width + h] = rounded(O_sh[k * H + h]);
    }
}

/* E[k][PANEL] = exp(C + bias - shift) of up to 32 rows, rounded; sums are taken before rounding. Rows past `rows` become zero. */
INLINE void exp_rows(int64_t rows, const float *bias_k, const float *C, const vf *shift_j, vf *S_j, bf16 *E)
{
    for (int64_t k = 0; k < rows; k++) {
        const vf bias = vset(bias_k ? bias_k[k] : 0.0f);
        vf e[4];
        UNROLL for (int j = 0; j < 4; j++) {
            e[j] = vexp(vload(C + k * PANEL + j * VLEN) + bias - shift_j[j]);
            S_j[j] += e[j];
        }
        const __m512bh low = _mm512_cvtne2ps_pbh((__m512)e[1], (__m512)e[0]), high = _mm512_cvtne2ps_pbh((__m512)e[3], (__m512)e[2]);
        memcpy(E + k * PANEL, &low, sizeof low);
        memcpy(E + k * PANEL + 32, &high, sizeof high);
    }
    memset(E + rows * PANEL, 0, (size_t)((32 - rows) * PANEL) * sizeof *E);
}

static void exp_slice(const fsg_batch *B, const float *O_kh, int64_t s, const bf16 *X, void *scratch, bf16 *E, float *S_u)
{
    const int64_t start = s * SLICE, count = start + SLICE < B->K ? SLICE : B->K - start, width = padded(B->H);
    const int64_t panels = (B->U + PANEL - 1) / PANEL;
    float *C = scratch;
    bf16 *rows = (bf16 *)(C + 32 * PANEL);
    pack_rows(O_kh + start * B->H, B->H, count, rows);
    tiles_on();
    for (int64_t p = 0; p < panels; p++) {
        vf shift_j[4], S_j[4];
        UNROLL for (int j = 0; j < 4; j++) shift_j[j] = vload(B->shift_u + p * PANEL + j * VLEN), S_j[j] = vset(0);
        for (int64_t k = 0; k < count; k += 32) {
            for (int64_t u = 0; u < PANEL; u += 32) {
                block_zero();
                for (int64_t h = 0; h < width; h += INNER)
                    block_multiply(rows + k * width + h, width, X + (p * width + h) * PANEL + 2 * u, 2 * PANEL);
                block_store(C + u, PANEL);
            }
            exp_rows(count - k < 32 ? count - k : 32, B->bias_k ? B->bias_k + start + k : NULL, C, shift_j, S_j,
                     E + (p * SLICE + k) * PANEL);
        }
        UNROLL for (int j = 0; j < 4; j++) {
            float *S = S_u + p * PANEL + j * VLEN;
            vstore(S, vload(S) + S_j[j]);
        }
    }
    _tile_release();
}

/* Sum of w log E over the slice's entries; the rounding of E shows in the sum as noise of 2^-9 for each entry. */
static double entries_slice(const fsg_batch *B, const fsg_table *base, const float *O_kh, int64_t s, const bf16 *E)
{
    double sum = 0;
    for (int64_t i = B->slice_ptr[s]; i < B->slice_ptr[s + 1]; i++) {
        const int64_t u = B->entry_u[i], k = B->entry_k[i];
        const float e = widened(E[((u / PANEL) * SLICE + (k - s * SLICE)) * PANEL + u % PANEL]);
        const double log_e = e > 0 ? base->log(e) : base->logit(B, O_kh, u, k);
        sum = B->entry_w[i] * log_e + sum;
    }
    return sum;
}

/* ---- pass B ------------------------------------------------------------------------------------------------------ */

/* Xs[p][u / 2][H_pad][2]: scale_u X_u in interleaved pairs of u. */
static void pack_scaled(const fsg_batch *B, int64_t p, bf16 *Xs)
{
    bf16 *out = Xs + p * PANEL * B->H_pad;
    for (int64_t i = 0; i < PANEL; i++)
        for (int64_t h = 0; h < B->H_pad; h++)
            out[i / 2 * 2 * B->H_pad + 2 * h + i % 2] = rounded(B->Xs_uh[(p * PANEL + i) * B->H_pad + h]);
}

/* The slice's rows of O rounded and transposed, [padded(H)][SLICE]; what lies past count and H is zero. */
static void pack_columns(const float *O_sh, int64_t H, int64_t count, bf16 *out)
{
    memset(out, 0, (size_t)(padded(H) * SLICE) * sizeof *out);
    for (int64_t k = 0; k < count; k++)
        for (int64_t h = 0; h < H; h++) out[h * SLICE + k] = rounded(O_sh[k * H + h]);
}

/* Rows k and k + 1 of R interleaved, [k / 2][PANEL][2]. */
static void pair_rows(const bf16 *R, int64_t count, bf16 *out)
{
    const __m512i low = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11), high = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    for (int64_t k = 0; k < count; k += 2)
        for (int64_t j = 0; j < PANEL; j += 32) {
            const __m512i a = _mm512_loadu_si512(R + k * PANEL + j), b = _mm512_loadu_si512(R + (k + 1) * PANEL + j);
            const __m512i even = _mm512_unpacklo_epi16(a, b), odd = _mm512_unpackhi_epi16(a, b);
            _mm512_storeu_si512(out + k * PANEL + 2 * j, _mm512_permutex2var_epi64(even, low, odd));
            _mm512_storeu_si512(out + k * PANEL + 2 * j + 32, _mm512_permutex2var_epi64(even, high, odd));
        }
}

/* gI_ph of one panel += columns (H, SLICE) times pairs (SLICE, PANEL), for the first `count` of SLICE (a multiple of INNER). */
static void gI_panel(int64_t H, int64_t count, const bf16 *columns, const bf16 *pairs, float *C, float *gI)
{
    for (int64_t h = 0; h < H; h += 32)
        for (int64_t u = 0; u < PANEL; u += 32) {
            float *out = gI + h * PANEL + u;
            const int whole = h + 32 <= H;
            if (whole) block_load(out, PANEL);
            else block_zero();
            for (int64_t k = 0; k < count; k += INNER)
                block_multiply(columns + h * SLICE + k, SLICE, pairs + k * PANEL + 2 * u, 2 * PANEL);
            if (whole) {
                block_store(out, PANEL);
                continue;
            }
            block_store(C, 32); /* rows past H have no place in gI */
            for (int64_t i = 0; h + i < H; i++)
                for (int64_t j = 0; j < 32; j += VLEN) vstore(out + i * PANEL + j, vload(out + i * PANEL + j) + vload(C + i * 32 + j));
        }
}

static void gO_slice(const fsg_batch *B, int64_t count, const bf16 *R, const bf16 *Xs, int first, float *gO_kh)
{
    const int64_t panels = (B->U + PANEL - 1) / PANEL, width = B->H_pad;
    for (int64_t k = 0; k < count; k += 32)
        for (int64_t h = 0; h < width; h += 32) {
            if (first) block_zero();
            else block_load(gO_kh + k * width + h, width);
            for (int64_t p = 0; p < panels; p++)
                for (int64_t u = 0; u < PANEL; u += INNER)
                    block_multiply(R + (p * SLICE + k) * PANEL + u, PANEL, Xs + (p * PANEL + u) * width + 2 * h, 2 * width);
            block_store(gO_kh + k * width + h, width);
        }
}

static void gradient_slice(const fsg_batch *B, const fsg_table *base, float *O_kh, int64_t s, bf16 *E, const bf16 *Xs, void *scratch,
                           float *gI_ph, float *gO_kh, int first, const fsg_step *step)
{
    const int64_t start = s * SLICE, count = start + SLICE < B->K ? SLICE : B->K - start, H = B->H;
    const int64_t panels = (B->U + PANEL - 1) / PANEL;
    float *C = scratch;
    bf16 *columns = (bf16 *)(C + 32 * PANEL), *pairs = columns + padded(H) * SLICE;
    int64_t i = B->slice_ptr[s];
    pack_columns(O_kh + start * H, H, count, columns);
    tiles_on();
    for (int64_t p = 0; p < panels; p++) {
        bf16 *R = E + p * SLICE * PANEL;
        for (; i < B->slice_ptr[s + 1] && B->entry_u[i] < (p + 1) * PANEL; i++) {
            bf16 *r = R + (B->entry_k[i] - start) * PANEL + B->entry_u[i] % PANEL;
            *r = rounded(widened(*r) - B->entry_w[i] * B->target_u[B->entry_u[i]]);
        }
        pair_rows(R, padded(count), pairs);
        gI_panel(H, padded(count), columns, pairs, C, gI_ph + p * H * PANEL);
    }
    gO_slice(B, padded(count), E, Xs, first, gO_kh);
    _tile_release();
    if (step)
        for (int64_t k = 0; k < count; k++)
            base->move_row(O_kh + (start + k) * H, gO_kh + k * B->H_pad, H, step, start + k);
}

static int64_t scratch_bytes(int64_t H) { return 4 * 32 * PANEL + 2 * (padded(H) * SLICE + SLICE * PANEL); }

static const fsg_bf16_table amx = {
    .name = "amx", .scratch_bytes = scratch_bytes, .pack_panel = pack_panel, .pack_scaled = pack_scaled, .exp_slice = exp_slice,
    .entries_slice = entries_slice, .gradient_slice = gradient_slice,
};

  #if defined(__clang__)
    #pragma clang attribute pop
  #else
    #pragma GCC pop_options
  #endif

/* The CPU must have the instructions and the kernel must let this process use the tiles' state. */
const fsg_bf16_table *fsg_bf16(void)
{
    enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };
    unsigned a, b, c, d;
    if (!fsg_avx512() || !__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d >> 22 & 1) || !(d >> 24 & 1)) return NULL;
    if (!__get_cpuid_count(7, 1, &a, &b, &c, &d) || !(a >> 5 & 1)) return NULL;
    return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0 ? &amx : NULL;
}
#else
const fsg_bf16_table *fsg_bf16(void) { return NULL; }
#endif
