/* The batch step in bfloat16: the body of the stubs bf16_amx.c and bf16_avx512.c, which supply block_sum.
 *
 * The passes are those of softmax.inc.c. The operands of the three products are rounded to bfloat16: rows of
 * I and O, E, the residual R, scale_u X_u. Logits, exp, row sums and gradients stay in fp32, and so do I and
 * O, which move here as there.
 *
 * A product takes a left operand of rows and a right operand whose rows come in interleaved pairs:
 *   pass A   C[k][u] = O[k][h] X[h][u]     left  O rounded, row-major       right  X in pairs of h
 *   pass B   gI[h][u] += O[h][k] R[k][u]   left  O rounded and transposed   right  R in pairs of k
 *            gO[k][h] += R[k][u] Xs[u][h]  left  R as pass A stored it      right  Xs in pairs of u
 * The last columns of gO, if they are few, would leave most of a vector empty: see narrow_sum.
 * Operands are padded with zeros to multiples of 32, which block_sum need not multiply. The bits do not
 * depend on the number of threads, but AMX sums in another order than AVX-512.
 */
#include "exp.inc.c"

#define INNER 32 /* bfloat16 values that one tile product sums up */

typedef uint16_t bf16;

static int64_t padded(int64_t n) { return (n + INNER - 1) / INNER * INNER; }

static bf16 rounded(float x) /* to nearest, ties to even; a NaN stays one */
{
    uint32_t bits;
    memcpy(&bits, &x, 4);
    const bf16 nearest = (bf16)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
    return (bits & 0x7fffffff) > 0x7f800000 ? 0x7fc0 : nearest;
}

static float widened(bf16 x)
{
    const uint32_t bits = (uint32_t)x << 16;
    float y;
    memcpy(&y, &bits, 4);
    return y;
}

/* Where an operand begins, how far apart its rows (left) or pairs of rows (right) are, how far its pieces. */
typedef struct {
    const bf16 *at;
    int64_t row, piece;
} operand;

/* C (32 x 32, rows of length `row`) = or (if add) += left times right, summed over `pieces` pieces of `inner`
 * products each. Wanted are the first `rows` rows and `cols` columns: the rest of C may be written or not. On
 * the way `lines` cache lines from `ahead` on are prefetched. */
static void block_sum(float *C, int64_t row, int add, int64_t rows, int64_t cols, operand left, operand right,
                      int64_t inner, int64_t pieces, uintptr_t ahead, int64_t lines);
static void begin(void); /* before and after a run of block_sum */
static void end(void);
static int64_t peak(int64_t n);

/* ---- pass A ---- */

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

/* 16 values of a slice's row k of O from h on; what lies past count and H is zero. The instruction that then
 * rounds them takes denormals as zero, as the products do; rounded() keeps them. */
INLINE __m512 part_of_row(const float *O_sh, int64_t H, int64_t count, int64_t k, int64_t h)
{
    const int64_t left = k < count ? H - h : 0;
    if (left <= 0) return _mm512_setzero_ps();
    return _mm512_maskz_loadu_ps((__mmask16)(left < 16 ? (1 << left) - 1 : 0xffff), O_sh + k * H + h);
}

/* The slice's rows of O rounded, [SLICE][padded(H)]. */
static void pack_rows(const float *O_sh, int64_t H, int64_t count, bf16 *out)
{
    for (int64_t k = 0; k < SLICE; k++)
        for (int64_t h = 0; h < padded(H); h += INNER, out += INNER) {
            const __m512 a = part_of_row(O_sh, H, count, k, h), b = part_of_row(O_sh, H, count, k, h + 16);
            _mm512_storeu_si512(out, (__m512i)_mm512_cvtne2ps_pbh(b, a));
        }
}

/* E = exp(C + bias) 2^-shift rounded, S += sum over k before rounding. Rows past count become zero up to the
 * next multiple of 32. */
INLINE void exp_sweep(const int careful, const int stream, int64_t count, const float *bias_k,
                      const float *shift, const float *C, bf16 *E, float *S)
{
    vf shift_j[4], S_j[4];
    UNROLL for (int j = 0; j < 4; j++) {
        shift_j[j] = careful ? vload(shift + j * VLEN) : EXP_MAGIC - vload(shift + j * VLEN);
        S_j[j] = vset(0);
    }
    for (int64_t k = 0; k < count; k++) {
        const vf bias = vset(bias_k[k]);
        vf e[4];
        UNROLL for (int j = 0; j < 4; j++) {
            const vf c = vload(C + k * PANEL + j * VLEN) + bias;
            e[j] = careful ? vexp_careful(c, shift_j[j]) : vexp(c, shift_j[j]);
            S_j[j] += e[j];
        }
        UNROLL for (int j = 0; j < 4; j += 2) {
            const __m512i pair = (__m512i)_mm512_cvtne2ps_pbh((__m512)e[j + 1], (__m512)e[j]);
            if (stream) _mm512_stream_si512((__m512i *)(E + k * PANEL + j * VLEN), pair);
            else _mm512_storeu_si512(E + k * PANEL + j * VLEN, pair);
        }
    }
    memset(E + count * PANEL, 0, (size_t)((padded(count) - count) * PANEL) * sizeof *E);
    UNROLL for (int j = 0; j < 4; j++)
        vstore(S + j * VLEN, vload(S + j * VLEN) + S_j[j]);
}

static double exp_slice(const fsg_batch *B, const float *O_kh, int64_t s, const bf16 *X, void *scratch,
                        bf16 *E, int stream, int64_t *next_u, fsg_placed *placed, float *S_u)
{
    const int64_t start = s * SLICE, count = start + SLICE < B->K ? SLICE : B->K - start,
                  width = padded(B->H);
    const int64_t panels = (B->U + PANEL - 1) / PANEL;
    const float *O_sh = O_kh + start * B->H;
    float *C = scratch, bias[SLICE], norm[2] = {-1, -1};
    bf16 *rows = (bf16 *)(C + SLICE * PANEL);
    const float top_bias = slice_bias(B, start, count, bias);
    double entries = 0;
    pack_rows(O_sh, B->H, count, rows);
    begin();
    for (int64_t p = 0; p < panels; p++, E += SLICE * PANEL) {
        const float *shift = B->shift_u + p * PANEL;
        for (int64_t k = 0; k < count; k += 32)
            for (int64_t u = 0; u < PANEL; u += 32)
                block_sum(C + k * PANEL + u, PANEL, 0, 32, 32, (operand){rows + k * width, width, 0},
                          (operand){X + p * width * PANEL + 2 * u, 2 * PANEL, 0}, B->H, 1, 0, 0);
        entries += entries_sum(B, s, p, C, bias, next_u, placed);
        if (!within_reach(B, p, O_sh, count, top_bias, norm))
            exp_sweep(1, 0, count, bias, shift, C, E, S_u + p * PANEL);
        else if (stream) exp_sweep(0, 1, count, bias, shift, C, E, S_u + p * PANEL);
        else exp_sweep(0, 0, count, bias, shift, C, E, S_u + p * PANEL);
    }
    end();
    if (placed) placed->size_p += panels;
    VFENCE();
    return entries;
}

/* ---- pass B ---- */

/* How many columns of gO block_sum takes; those behind, NARROW at most, are narrow_sum's. */
static int64_t paired_columns(const fsg_batch *B)
{
    const int64_t narrow = B->H % VLEN;
    return narrow && narrow <= NARROW ? B->H - narrow : B->H_pad;
}

/* scale_u X_u of one panel: Xs[p][u / 2][paired][2] in interleaved pairs of u, and then the columns behind,
 * one after the other, [H_pad - paired][PANEL]. */
static void pack_scaled(const fsg_batch *B, int64_t p, bf16 *Xs)
{
    const int64_t paired = paired_columns(B);
    bf16 *out = Xs + p * PANEL * B->H_pad;
    for (int64_t i = 0; i < PANEL; i++)
        for (int64_t h = 0; h < B->H_pad; h++)
            out[h < paired ? i / 2 * 2 * paired + 2 * h + i % 2 : h * PANEL + i] =
                rounded(B->Xs_uh[(p * PANEL + i) * B->H_pad + h]);
}

/* The sums over the lanes of four vectors. */
INLINE __m128 lane_sums(const __m512 v[4])
{
    const __m512 a = _mm512_unpacklo_ps(v[0], v[1]) + _mm512_unpackhi_ps(v[0], v[1]),
                 b = _mm512_unpacklo_ps(v[2], v[3]) + _mm512_unpackhi_ps(v[2], v[3]);
    const __m512d c = (__m512d)a, d = (__m512d)b;
    const __m512 four = (__m512)_mm512_unpacklo_pd(c, d) + (__m512)_mm512_unpackhi_pd(c, d);
    const __m256 two = _mm512_castps512_ps256(four) + _mm512_extractf32x8_ps(four, 1);
    return _mm256_castps256_ps128(two) + _mm256_extractf128_ps(two, 1);
}

/* C (count x 4, rows of length `row`) = or (if add) += R of all panels times four columns of Xs, in vectors
 * that run along u; block_sum's would run along the columns and be empty but for these. What a block of rows
 * adds is summed up first, so here the bits depend on where blocks end. Up to 3 more rows are written. */
static void narrow_sum(float *C, int64_t row, int add, int64_t count, const bf16 *R, const bf16 *Xs,
                       int64_t piece, int64_t panels)
{
    for (int64_t k = 0; k < count; k += 4) {
        __m512 acc[4][4] = {{{0}}};
        for (int64_t p = 0; p < panels; p++) UNROLL
            for (int64_t u = 0; u < PANEL; u += 32) {
                __m512bh x[4];
                UNROLL for (int j = 0; j < 4; j++)
                    x[j] = (__m512bh)_mm512_loadu_si512(Xs + p * piece + j * PANEL + u);
                UNROLL for (int i = 0; i < 4; i++) {
                    const __m512bh r = (__m512bh)_mm512_loadu_si512(R + (p * SLICE + k + i) * PANEL + u);
                    UNROLL for (int j = 0; j < 4; j++)
                        acc[i][j] = _mm512_dpbf16_ps(acc[i][j], r, x[j]);
                }
            }
        UNROLL for (int i = 0; i < 4; i++) {
            float *c = C + (k + i) * row;
            __m128 sums = lane_sums(acc[i]);
            if (add) sums += _mm_loadu_ps(c);
            _mm_storeu_ps(c, sums);
        }
    }
}

/* The rows of a matrix of 16 x 16 words become its columns. */
INLINE void transpose_words(__m512i word[16])
{
    __m512i a[16], b[16];
    UNROLL for (int i = 0; i < 16; i += 2) {
        a[i] = _mm512_unpacklo_epi32(word[i], word[i + 1]);
        a[i + 1] = _mm512_unpackhi_epi32(word[i], word[i + 1]);
    }
    UNROLL for (int i = 0; i < 16; i += 4) { /* b[i + j]: lanes j of rows i to i + 3, in each quarter */
        b[i] = _mm512_unpacklo_epi64(a[i], a[i + 2]);
        b[i + 1] = _mm512_unpackhi_epi64(a[i], a[i + 2]);
        b[i + 2] = _mm512_unpacklo_epi64(a[i + 1], a[i + 3]);
        b[i + 3] = _mm512_unpackhi_epi64(a[i + 1], a[i + 3]);
    }
    UNROLL for (int j = 0; j < 4; j++) {
        const __m512i low = _mm512_shuffle_i32x4(b[j], b[j + 4], 0x88),
                      high = _mm512_shuffle_i32x4(b[j], b[j + 4], 0xdd),
                      low_8 = _mm512_shuffle_i32x4(b[j + 8], b[j + 12], 0x88),
                      high_8 = _mm512_shuffle_i32x4(b[j + 8], b[j + 12], 0xdd);
        word[j] = _mm512_shuffle_i32x4(low, low_8, 0x88);
        word[j + 4] = _mm512_shuffle_i32x4(high, high_8, 0x88);
        word[j + 8] = _mm512_shuffle_i32x4(low, low_8, 0xdd);
        word[j + 12] = _mm512_shuffle_i32x4(high, high_8, 0xdd);
    }
}

/* The slice's rows of O rounded and transposed, [padded(H)][SLICE]. The values of rows k and k + 1 at one h,
 * which stand 16 apart in what the conversion gives, are neighbours in the result, and so one word here. */
static void pack_columns(const float *O_sh, int64_t H, int64_t count, bf16 *out)
{
    const __m512i neighbours =
        _mm512_set_epi32(0x1f000f, 0x1e000e, 0x1d000d, 0x1c000c, 0x1b000b, 0x1a000a, 0x190009, 0x180008,
                         0x170007, 0x160006, 0x150005, 0x140004, 0x130003, 0x120002, 0x110001, 0x100000);
    for (int64_t k = 0; k < SLICE; k += 32)
        for (int64_t h = 0; h < padded(H); h += 16) {
            __m512i word[16];
            UNROLL for (int i = 0; i < 16; i++) {
                const __m512 a = part_of_row(O_sh, H, count, k + 2 * i, h),
                             b = part_of_row(O_sh, H, count, k + 2 * i + 1, h);
                word[i] = _mm512_permutexvar_epi16(neighbours, (__m512i)_mm512_cvtne2ps_pbh(b, a));
            }
            transpose_words(word);
            UNROLL for (int i = 0; i < 16; i++)
                _mm512_storeu_si512(out + (h + i) * SLICE + k, word[i]);
        }
}

/* Rows k and k + 1 of R interleaved, [k / 2][PANEL][2]. */
static void pair_rows(const bf16 *R, int64_t count, bf16 *out)
{
    const __m512i low = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11),
                  high = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    for (int64_t k = 0; k < count; k += 2)
        for (int64_t j = 0; j < PANEL; j += 32) {
            const __m512i a = _mm512_loadu_si512(R + k * PANEL + j),
                          b = _mm512_loadu_si512(R + (k + 1) * PANEL + j);
            const __m512i even = _mm512_unpacklo_epi16(a, b), odd = _mm512_unpackhi_epi16(a, b);
            _mm512_storeu_si512(out + k * PANEL + 2 * j, _mm512_permutex2var_epi64(even, low, odd));
            _mm512_storeu_si512(out + k * PANEL + 2 * j + 32, _mm512_permutex2var_epi64(even, high, odd));
        }
}

/* gI_ph of one panel = or (unless it opens) += columns (H, SLICE) times pairs (SLICE, PANEL), for the first
 * `count` of SLICE. R of the next panel lies `ahead`, far away in memory: every block
 * prefetches its share of it. Behind the last panel nothing lies there, which a prefetch does not mind, so
 * it is not a pointer. */
static void gI_panel(int64_t H, int64_t count, const bf16 *columns, const bf16 *pairs, float *C, float *gI,
                     int opens, uintptr_t ahead)
{
    const int64_t blocks = (H + 31) / 32 * (PANEL / 32), lines = (SLICE * PANEL / 32 + blocks - 1) / blocks;
    for (int64_t h = 0; h < H; h += 32)
        for (int64_t u = 0; u < PANEL; u += 32, ahead += 64 * lines) {
            float *out = gI + h * PANEL + u;
            const int whole = h + 32 <= H;
            block_sum(whole ? out : C, whole ? PANEL : 32, whole && !opens, whole ? 32 : H - h, 32,
                      (operand){columns + h * SLICE, SLICE, 0}, (operand){pairs + 2 * u, 2 * PANEL, 0}, count,
                      1, ahead, lines);
            for (int64_t i = 0; !whole && h + i < H; i++) /* rows past H have no place in gI */
                for (int64_t j = 0; j < 32; j += VLEN)
                    vstore(out + i * PANEL + j, opens ? vload(C + i * 32 + j)
                                                      : vload(out + i * PANEL + j) + vload(C + i * 32 + j));
        }
}

static void gradient_slice(const fsg_batch *B, const fsg_table *base, float *O_kh, int64_t s, bf16 *E,
                           const bf16 *Xs, void *scratch, fsg_placed *placed, float *gI_ph, int opens,
                           float *gO_kh, int first, const fsg_step *step)
{
    const int64_t start = s * SLICE, count = start + SLICE < B->K ? SLICE : B->K - start, H = B->H;
    const int64_t panels = (B->U + PANEL - 1) / PANEL, paired = paired_columns(B),
                  stop = paired < H ? paired : H;
    float *C = scratch;
    bf16 *columns = (bf16 *)(C + 32 * 32), *pairs = columns + padded(H) * SLICE;
    pack_columns(O_kh + start * H, H, count, columns);
    begin();
    for (int64_t p = 0; p < panels; p++) {
        bf16 *R = E + p * SLICE * PANEL;
        const float *target = B->target_u + p * PANEL;
        for (int32_t left = *placed->size_p++; left; left--) {
            bf16 *r = R + *placed->place;
            *r = rounded(widened(*r) - *placed->count++ * target[*placed->place++ % PANEL]);
        }
        pair_rows(R, padded(count), pairs);
        gI_panel(H, count, columns, pairs, C, gI_ph + p * H * PANEL, opens, (uintptr_t)(R + SLICE * PANEL));
    }
    for (int64_t k = 0; k < count; k += 32)
        for (int64_t h = 0; h < stop; h += 32)
            block_sum(gO_kh + k * B->H_pad + h, B->H_pad, !first, 32, h + 32 <= stop ? 32 : stop - h,
                      (operand){E + k * PANEL, PANEL, SLICE * PANEL},
                      (operand){Xs + 2 * h, 2 * paired, PANEL * B->H_pad}, PANEL, panels, 0, 0);
    end();
    if (paired < H)
        narrow_sum(gO_kh + paired, B->H_pad, !first, count, E, Xs + paired * PANEL, PANEL * B->H_pad, panels);
    if (step)
        for (int64_t k = 0; k < count; k++)
            base->move_row(O_kh + (start + k) * H, gO_kh + k * B->H_pad, H, step, start + k);
}

/* Pass A: logits and rows of O. Pass B: a block of sums, columns of O and pairs of R. */
static int64_t scratch_bytes(int64_t H)
{
    const int64_t a = 4 * SLICE * PANEL + 2 * padded(H) * SLICE,
                  b = 4 * 32 * 32 + 2 * (padded(H) * SLICE + SLICE * PANEL);
    return a > b ? a : b;
}

static const fsg_bf16_table table = {
    .name = ISA_NAME,
    .scratch_bytes = scratch_bytes,
    .pack_panel = pack_panel,
    .pack_scaled = pack_scaled,
    .exp_slice = exp_slice,
    .gradient_slice = gradient_slice,
    .peak = peak,
};
