/* The stub of bfloat16 on x86-64 Linux with AMX (Sapphire Rapids and later): tiles of 16 x 16 sums, fp32
 * accumulation. */
#define _GNU_SOURCE /* syscall */

#include "kernels.h" /* system headers before the pragma */

#include <stddef.h>
#include <string.h>

#if defined(__x86_64__) && defined(__linux__)
  #include <cpuid.h>
  #include <immintrin.h>
  #include <sys/syscall.h>
  #include <unistd.h>
  #define VSTREAM(x, v) _mm512_stream_ps(x, (__m512)(v))
  #define VFENCE() _mm_sfence()
  #define ISA_NAME "amx"
  #define VLEN 16
  #define NARROW 0 /* a tile of 16 columns takes no longer than 4 dot products */
  #if defined(__clang__)
    #pragma clang attribute push(                                                                            \
        __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx512bf16,avx2,fma,amx-tile,amx-bf16"))), \
        apply_to = function)
  #else
    #pragma GCC push_options
    #pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,avx512bf16,avx2,fma,amx-tile,amx-bf16")
  #endif
  #include "bf16.inc.c"

static void begin(void)
{
    static const struct {
        uint8_t palette, start_row, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } shape = {1, 0, {0}, {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}};
    _tile_loadconfig(&shape);
}

static void end(void) { _tile_release(); }

/* Tiles 0-3 hold the sums, 4-5 the 32 rows of the left operand, 6-7 the 32 columns of the right one. Of two
 * tiles of rows or columns the second is left out where one is enough. Prefetches stand beside the products:
 * two dozen at once would fill the core's buffers of misses, and tiles wait for these. */
static void block_sum(float *C, int64_t row, int add, int64_t rows, int64_t cols, operand left, operand right,
                      int64_t inner, int64_t pieces, uintptr_t ahead, int64_t lines)
{
    const int64_t products = (inner + INNER - 1) / INNER * pieces, beside = (lines + products - 1) / products;
    const int wide = cols > 16, tall = rows > 16;
    if (add) {
        _tile_loadd(0, C, row * 4);
        _tile_loadd(1, C + 16, row * 4);
        _tile_loadd(2, C + 16 * row, row * 4);
        _tile_loadd(3, C + 16 * row + 16, row * 4);
    } else {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
    }
    for (int64_t piece = 0; piece < pieces; piece++)
        for (int64_t t = 0; t < inner; t += INNER) {
            const bf16 *l = left.at + piece * left.piece + t,
                       *r = right.at + piece * right.piece + t / 2 * right.row;
            for (int64_t i = 0; i < beside; i++, ahead += 64) __builtin_prefetch((const void *)ahead, 0, 2);
            _tile_loadd(4, l, left.row * 2);
            _tile_loadd(6, r, right.row * 2);
            _tile_dpbf16ps(0, 4, 6);
            if (wide) {
                _tile_loadd(7, r + 32, right.row * 2);
                _tile_dpbf16ps(1, 4, 7);
            }
            if (tall) {
                _tile_loadd(5, l + 16 * left.row, left.row * 2);
                _tile_dpbf16ps(2, 5, 6);
                if (wide) _tile_dpbf16ps(3, 5, 7);
            }
        }
    _tile_stored(0, C, row * 4);
    _tile_stored(1, C + 16, row * 4);
    _tile_stored(2, C + 16 * row, row * 4);
    _tile_stored(3, C + 16 * row + 16, row * 4);
}

static int64_t peak(int64_t n)
{
    begin();
    for (int64_t t = 0; t < n; t++) {
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    end();
    return n * 4 * 2 * 16 * 16 * INNER;
}

  #if defined(__clang__)
    #pragma clang attribute pop
  #else
    #pragma GCC pop_options
  #endif

/* The CPU must have the instructions, and the system must let this process use the tiles' state. */
const fsg_bf16_table *fsg_bf16_amx(void)
{
    enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };
    unsigned a, b, c, d;
    if (!fsg_bf16_avx512() || !__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d >> 22 & 1) || !(d >> 24 & 1))
        return NULL;
    return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0 ? &table : NULL;
}
#else
const fsg_bf16_table *fsg_bf16_amx(void) { return NULL; }
#endif
