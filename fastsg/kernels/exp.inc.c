/* Shared by the passes in float32 (softmax.inc.c) and bfloat16 (bf16.inc.c): norms, biases, the entries' part
 * of the loss, and whether the short form of exp will do. */
#include "vec.h"

#define UNROLL _Pragma("GCC unroll 16")
#define PANEL FSG_PANEL
#define SLICE FSG_SLICE
/* For a product that must round on its own: without this barrier compilers may fuse it into an addition. */
#define ROUND_ALONE(x) __asm__("" : "+m"(x))
#ifndef VSTREAM
  #define VSTREAM(x, v) vstore(x, v)
  #define VFENCE() ((void)0)
#endif

/* A quarter of LANES lanes: four. */
typedef float quarter __attribute__((vector_size(FSG_LANES / 4 * sizeof(float))));

/* n numbers, at most four, and zeros behind them. */
INLINE quarter load_some(const float *x, int64_t n)
{
    quarter q = {0};
    memcpy(&q, x, (size_t)(n < 4 ? n : 4) * sizeof *x);
    return q;
}

/* x . y in LANES fixed lanes, folded 8-4-2-1. */
static float dot(const float *x, const float *y, int64_t H)
{
    vf sum[FSG_LANES / VLEN] = {{0}}; /* a vector of all LANES would go through memory where it is too long */
    quarter q[4];
    int64_t h = 0;
    for (; h + FSG_LANES <= H; h += FSG_LANES) UNROLL
        for (int j = 0; j < FSG_LANES / VLEN; j++)
            sum[j] += vload(x + h + j * VLEN) * vload(y + h + j * VLEN);
    memcpy(q, sum, sizeof q);
    UNROLL for (int j = 0; j < 4; j++, h += 4)
        if (h + 4 <= H) q[j] += load_some(x + h, 4) * load_some(y + h, 4);
        else if (h < H) q[j] += load_some(x + h, H - h) * load_some(y + h, H - h);
    q[0] = (q[0] + q[2]) + (q[1] + q[3]);
    return (q[0][0] + q[0][2]) + (q[0][1] + q[0][3]);
}

/* The larger one; a NaN stays. */
INLINE float larger(float a, float b) { return a >= b || a != a ? a : b; }

/* The largest norm of `count` rows of O; a NaN stays. */
static float largest_norm(const float *O_sh, int64_t H, int64_t count)
{
    float top = 0;
    for (int64_t k = 0; k < count; k++) top = larger(top, dot(O_sh + k * H, O_sh + k * H, H));
    return __builtin_sqrtf(top);
}

/* What the largest norm does not exceed, but for rounding, in a fraction of the time: the sum over lanes of
 * the largest sum of squares that any row has there. Some squares count twice, where H is no whole vectors. */
static float norm_bound(const float *O_sh, int64_t H, int64_t count)
{
    if (H < VLEN) return largest_norm(O_sh, H, count);
    vf top = vset(0);
    float total = 0;
    for (int64_t k = 0; k < count; k++) {
        const float *row = O_sh + k * H;
        const vf last = vload(row + H - VLEN);
        vf sum = last * last;
        for (int64_t h = 0; h + VLEN < H; h += VLEN) sum += vload(row + h) * vload(row + h);
        top = vselect((top >= sum) | (top != top), top, sum);
    }
    UNROLL for (int j = 0; j < VLEN; j++)
        total += top[j];
    return __builtin_sqrtf(total);
}

/* The slice's biases, zeros if the batch has none. Returns the largest |bias|; a NaN stays. */
static float slice_bias(const fsg_batch *B, int64_t start, int64_t count, float *bias_k)
{
    float top = 0;
    for (int64_t k = 0; k < count; k++) {
        bias_k[k] = B->bias_k ? B->bias_k[start + k] : 0.0f;
        top = larger(top, __builtin_fabsf(bias_k[k]));
    }
    return top;
}

/* Whether norms show that no logit of panel p against `count` rows of O can leave the range in which the
 * short form of exp holds. norm keeps what was found, and is below 0 before: a bound, and where that does not
 * do the norm itself. With a NaN: no. */
static int within_reach(const fsg_batch *B, int64_t p, const float *O_sh, int64_t count, float bias,
                        float norm[2])
{
    UNROLL for (int i = 0; i < 2; i++) {
        if (norm[i] < 0) norm[i] = i ? largest_norm(O_sh, B->H, count) : norm_bound(O_sh, B->H, count);
        const float c = norm[i] * B->reach_p[p] + bias, bits = c * (1.001f * FSG_LOG2E) + 1.0f;
        if (bits - B->low_p[p] < 120.0f && -bits - B->high_p[p] > FSG_EXP_MIN && c < 0x1p+14f) return 1;
    }
    return 0;
}

/* Sum of w log E over the entries of panel p in slice s, which next_u moves past, and which `placed` takes
 * unless it is NULL. log E = c - shift ln 2, where a huge c counts as what the exponential makes of it. C holds
 * the panel's logits. */
static double entries_sum(const fsg_batch *B, int64_t s, int64_t p, const float *C, const float *bias_k,
                          int64_t *next_u, fsg_placed *placed)
{
    const int64_t start = s * SLICE, end = start + SLICE,
                  last = B->U < (p + 1) * PANEL ? B->U : (p + 1) * PANEL;
    const int32_t *contexts = B->contexts;
    const float *counts = B->counts;
    uint16_t *places = placed ? placed->place : NULL;
    float *kept = placed ? placed->count : NULL;
    double sum = 0;
    for (int64_t u = p * PANEL; u < last; u++) {
        const int64_t stop = B->stop_u[u];
        const double shift = B->shift_u[u];
        double nats = shift * FSG_LN2;
        ROUND_ALONE(nats);
        int64_t i = next_u[u];
        for (; i < stop && contexts[i] < end; i++) {
            const int64_t k = contexts[i] - start, place = k * PANEL + u % PANEL;
            const float c = C[place] + bias_k[k];
            double log_E = c - nats;
            if (__builtin_expect(!(__builtin_fabsf(c) < 0x1p+20f), 0))
                log_E = (fsg_whole_bits(c) - shift) * FSG_LN2;
            sum += counts[i] * log_E;
            if (placed) *places++ = (uint16_t)place, *kept++ = counts[i];
        }
        next_u[u] = i;
    }
    if (placed) {
        placed->size_p[p] = (int32_t)(places - placed->place);
        placed->place = places;
        placed->count = kept;
    }
    return sum;
}

_Static_assert(SLICE *PANEL <= UINT16_MAX + 1, "a place in a panel of a slice fits 16 bits");
