/* Vector types by the compilers' vector extension, and the exponential. Included by an ISA stub that has set VLEN.
 *
 * vexp: exp(x) with x in [-69, 88]; below -69 exactly 0; above 88 (and NaN) exp(88), which the caller's check on sums
 * catches. x = n ln 2 + r, n by magic-number rounding, e^r on [-ln2/2, ln2/2] by a degree-6 polynomial (relative error
 * 3e-9 before rounding), 2^n by an integer addition to the exponent. Error bound 2 ulp, tested in tests/test_kernels.py.
 */
#include "kernels.h"

#include <stdint.h>
#include <string.h>

typedef float vf __attribute__((vector_size(VLEN * 4)));
typedef int32_t vi __attribute__((vector_size(VLEN * 4)));
typedef uint32_t vu __attribute__((vector_size(VLEN * 4)));
typedef float lanes __attribute__((vector_size(FSG_LANES * 4)));

#define INLINE static inline __attribute__((always_inline))

INLINE vf vload(const float *x) { vf v; memcpy(&v, x, sizeof v); return v; }
INLINE void vstore(float *x, vf v) { memcpy(x, &v, sizeof v); }
INLINE vf vset(float x) { return x - (vf){0}; }
INLINE vf vselect(vi mask, vf yes, vf no) { return (vf)((mask & (vi)yes) | (~mask & (vi)no)); }

#ifndef VMIN /* the smaller; y where x is NaN */
  #define VMIN(x, y) vselect((x) < (y), x, y)
#endif

INLINE vf vexp(vf x)
{
    /* LN2_HIGH has 8 bits, so n * LN2_HIGH is exact and r is the same with and without a fused multiply-add */
    const float LOG2E = 0x1.715476p+0f, MAGIC = 0x1.8p+23f, LN2_HIGH = 0x1.62p-1f, LN2_LOW = 0x1.c85fep-10f;
    x = VMIN(x, vset(88.0f));
    vf t = x * LOG2E + MAGIC;
    vf n = t - MAGIC;
    vf r = x - n * LN2_HIGH;
    r = r - n * LN2_LOW;
    vf y = r * 0x1.6a2434p-10f + 0x1.1239e2p-7f;
    y = y * r + 0x1.5558f2p-5f;
    y = y * r + 0x1.555492p-3f;
    y = y * r + 0x1.fffffcp-2f;
    y = y * r + 1.0f;
    y = y * r + 1.0f;
    y = (vf)((vu)y + ((vu)t << 23)); /* wraps round for x far below -69, whose result is masked out */
    return (vf)((vi)y & (x >= FSG_EXP_MIN));
}
