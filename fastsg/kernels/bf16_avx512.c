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
  #define NARROW 4 /* 5 to 8 would take narrow_sum twice, and read R once more: slower than an empty half */
  #if defined(__clang__)
    #pragma clang attribute push(                                                                            \
        __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx512bf16,avx2,fma"))),                   \
        apply_to = function)
  #else
    #pragma GCC push_options
    #pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,avx512bf16,avx2,fma")
  #endif
  #include "bf16.inc.c"

static void begin(void) {}
static void end(void) {}

/* A register tile: broadcast pairs of `rows` left rows times `vectors` vectors of right pairs. */
INLINE void tile_sum(const int rows, const int vectors, float *C, int64_t row, int add, operand left,
                     operand right, int64_t inner, int64_t pieces)
{
    __m512 acc[16][2];
    UNROLL for (int i = 0; i < rows; i++) {
        UNROLL for (int j = 0; j < vectors; j++)
            acc[i][j] = add ? _mm512_loadu_ps(C + i * row + 16 * j) : _mm512_setzero_ps();
    }
    for (int64_t piece = 0; piece < pieces; piece++) {
        const bf16 *l = left.at + piece * left.piece, *r = right.at + piece * right.piece;
        for (int64_t t = 0; t < inner; t += 2, l += 2, r += right.row) {
            __m512bh r_j[2];
            UNROLL for (int j = 0; j < vectors; j++)
                r_j[j] = (__m512bh)_mm512_loadu_si512(r + 32 * j);
            UNROLL for (int i = 0; i < rows; i++) {
                int32_t two;
                memcpy(&two, l + i * left.row, sizeof two);
                const __m512bh l_i = (__m512bh)_mm512_set1_epi32(two);
                UNROLL for (int j = 0; j < vectors; j++)
                    acc[i][j] = _mm512_dpbf16_ps(acc[i][j], l_i, r_j[j]);
            }
        }
    }
    UNROLL for (int i = 0; i < rows; i++) {
        UNROLL for (int j = 0; j < vectors; j++)
            _mm512_storeu_ps(C + i * row + 16 * j, acc[i][j]);
    }
}

/* Tiles of 8 rows and two vectors; of 16 and one where one is enough; the last 4 rows alone. */
static void block_sum(float *C, int64_t row, int add, int64_t rows, int64_t cols, operand left, operand right,
                      int64_t inner, int64_t pieces, uintptr_t ahead, int64_t lines)
{
    for (int64_t i = 0; i < lines; i++, ahead += 64) __builtin_prefetch((const void *)ahead, 0, 2);
    for (int64_t top = 0, height; top < rows;
         top += height, C += height * row, left.at += height * left.row) {
        if (cols <= 16) {
            height = 16;
            tile_sum(16, 1, C, row, add, left, right, inner, pieces);
        } else if (rows - top > 4) {
            height = 8;
            tile_sum(8, 2, C, row, add, left, right, inner, pieces);
        } else {
            height = 4;
            tile_sum(4, 2, C, row, add, left, right, inner, pieces);
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
