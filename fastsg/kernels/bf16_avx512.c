/* The stub of bfloat16 on x86-64 with AVX512_BF16 (Zen 4, Cooper Lake and later): dot products of pairs, fp32
 * accumulation. */
#include "kernels.h" /* system headers before the pragma */

#include <stddef.h>
#include <string.h>

#if defined(__x86_64__)
  #include <cpuid.h>
  #include <immintrin.h>
  #define VSTREAM(x, v) _mm512_stream_ps(x, (__m512)(v))
  #define VFENCE() _mm_sfence()
  #define ISA_NAME "avx512_bf16"
  #define VLEN 16
  #if defined(__clang__)
    #pragma clang attribute push(                                                                            \
        __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx512bf16,avx2,fma"))),                   \
        apply_to = function)
  #else
    #pragma GCC push_options
    #pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,avx512bf16,avx2,fma")
  #endif
  #include "bf16.inc.c"

  #define ROWS 8 /* register tile: ROWS broadcast pairs x 2 vectors */

static void begin(void) {}
static void end(void) {}

static void block_sum(float *C, int64_t row, int add, const bf16 *left, int64_t left_row, int64_t left_outer,
                      const bf16 *right, int64_t pair, int64_t right_outer, int64_t inner, int64_t outer)
{
    for (int64_t top = 0; top < 32; top += ROWS, C += ROWS * row, left += ROWS * left_row) {
        __m512 acc[ROWS][2];
        UNROLL for (int i = 0; i < ROWS; i++) {
            UNROLL for (int j = 0; j < 2; j++)
                acc[i][j] = add ? _mm512_loadu_ps(C + i * row + 16 * j) : _mm512_setzero_ps();
        }
        for (int64_t o = 0; o < outer; o++) {
            const bf16 *l = left + o * left_outer, *r = right + o * right_outer;
            for (int64_t t = 0; t < inner * INNER / 2; t++, l += 2, r += pair) {
                const __m512bh r_0 = (__m512bh)_mm512_loadu_si512(r),
                               r_1 = (__m512bh)_mm512_loadu_si512(r + 32);
                UNROLL for (int i = 0; i < ROWS; i++) {
                    int32_t two;
                    memcpy(&two, l + i * left_row, sizeof two);
                    const __m512bh l_i = (__m512bh)_mm512_set1_epi32(two);
                    acc[i][0] = _mm512_dpbf16_ps(acc[i][0], l_i, r_0);
                    acc[i][1] = _mm512_dpbf16_ps(acc[i][1], l_i, r_1);
                }
            }
        }
        UNROLL for (int i = 0; i < ROWS; i++) {
            UNROLL for (int j = 0; j < 2; j++)
                _mm512_storeu_ps(C + i * row + 16 * j, acc[i][j]);
        }
    }
}

static int64_t peak(int64_t n)
{
    float out[16];
    __m512 acc[16], sum = _mm512_setzero_ps();
    const __m512bh a = (__m512bh)_mm512_set1_epi16(0x3c00), b = (__m512bh)_mm512_set1_epi16(0x3c01);
    UNROLL for (int i = 0; i < 16; i++)
        acc[i] = _mm512_set1_ps((float)i); /* no two chains alike, or they become one */
    for (int64_t t = 0; t < n; t++) {
        UNROLL for (int i = 0; i < 16; i++)
            acc[i] = _mm512_dpbf16_ps(acc[i], a, b);
    }
    UNROLL for (int i = 0; i < 16; i++)
        sum += acc[i];
    _mm512_storeu_ps(out, sum);
    __asm__ volatile("" : : "m"(out)); /* or the compiler would drop the sums as unused */
    return n * 16 * 2 * INNER;
}

  #if defined(__clang__)
    #pragma clang attribute pop
  #else
    #pragma GCC pop_options
  #endif

const fsg_bf16_table *fsg_bf16_avx512(void)
{
    unsigned a, b, c, d;
    return fsg_avx512() && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 5 & 1) ? &table : NULL;
}
#else
const fsg_bf16_table *fsg_bf16_avx512(void) { return NULL; }
#endif
