/* The tables this CPU can run, the best first, and two helpers that need no instruction set. The caller
 * chooses; nothing here falls back in silence. */
#include "kernels.h"

#include <stddef.h>
#include <string.h>

const fsg_table *fsg_available(int i)
{
    const fsg_table *(*const all[])(void) = {fsg_avx512, fsg_avx2, fsg_neon, fsg_generic};
    for (size_t t = 0; t < sizeof all / sizeof *all; t++) {
        const fsg_table *table = all[t]();
        if (table && i-- == 0) return table;
    }
    return NULL;
}

const fsg_bf16_table *fsg_bf16_available(int i)
{
    const fsg_bf16_table *(*const all[])(void) = {fsg_bf16_amx, fsg_bf16_avx512};
    for (size_t t = 0; t < sizeof all / sizeof *all; t++) {
        const fsg_bf16_table *table = all[t]();
        if (table && i-- == 0) return table;
    }
    return NULL;
}

float fsg_whole_bits(float c)
{
    return c > -0x1p+22f && c < 0x1p+22f ? c * FSG_LOG2E + 0x1.8p+23f - 0x1.8p+23f : c * FSG_LOG2E;
}

float fsg_abs_max(const float *x, int64_t n)
{
    int32_t top = 0; /* without the sign bit, float order is integer order, and NaN lies above infinity */
    for (int64_t i = 0; i < n; i++) {
        int32_t bits;
        memcpy(&bits, x + i, 4);
        bits &= 0x7fffffff;
        top = bits > top ? bits : top;
    }
    float result;
    memcpy(&result, &top, 4);
    return result;
}
