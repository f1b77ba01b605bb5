/* Vector types by the compilers' vector extension, and the exponential. For a stub that has set VLEN, the
 * number of floats in a vector.
 *
 * vexp: e^c 2^-m for a logit c and a whole number m. c = n ln 2 + r, n by magic-number rounding, e^r on
 * [-ln2/2, ln2/2] by a degree-6 polynomial (relative error 3e-9 before rounding), 2^(n - m) by an integer
 * addition to the exponent. Error bound 2 ulp, tested in tests/test_kernels.py. The short form holds where
 * FSG_EXP_MIN <= n - m <= 126 and |c| < 2^14. The careful one gives the same bits there, 0 below, beyond it a
 * value above every sum that passes its check, and NaN for NaN.
 */
#include "kernels.h"

#include <stdint.h>
#include <string.h>

typedef float vf __attribute__((vector_size(VLEN * 4)));
typedef int32_t vi __attribute__((vector_size(VLEN * 4)));
typedef uint32_t vu __attribute__((vector_size(VLEN * 4)));
/* Half as many doubles, and as many whole numbers. */
typedef double vd __attribute__((vector_size(VLEN * 4), aligned(8), may_alias));
typedef int64_t vl __attribute__((vector_size(VLEN * 4)));
#define VLEN_D (VLEN / 2)

#define INLINE static inline __attribute__((always_inline))

INLINE vf vload(const float *x)
{
    vf v;
    memcpy(&v, x, sizeof v);
    return v;
}
INLINE void vstore(float *x, vf v) { memcpy(x, &v, sizeof v); }
INLINE vf vset(float x) { return x - (vf){0}; }
INLINE vf vselect(vi mask, vf yes, vf no) { return (vf)((mask & (vi)yes) | (~mask & (vi)no)); }

/* x + EXP_MAGIC - EXP_MAGIC rounds x to a whole number, whose low bits end the sum's mantissa. */
#define EXP_MAGIC 0x1.8p+23f

/* e^(c - n ln 2). The high part of ln 2 has 8 bits, so n * high is exact, and r the same with and without a
 * fused multiply-add. */
INLINE vf exp_fraction(vf c, vf n)
{
    vf r = c - n * 0x1.62p-1f;
    r = r - n * 0x1.c85fep-10f;
    vf y = r * 0x1.6a2434p-10f + 0x1.1239e2p-7f;
    y = y * r + 0x1.5558f2p-5f;
    y = y * r + 0x1.555492p-3f;
    y = y * r + 0x1.fffffcp-2f;
    y = y * r + 1.0f;
    return y * r + 1.0f;
}

/* The short form. magic = EXP_MAGIC - m: the whole number m costs nothing. */
INLINE vf vexp(vf c, vf magic)
{
    const vf t = c * FSG_LOG2E + magic;
    return (vf)((vu)exp_fraction(c, t - magic) + ((vu)t << 23));
}

/* The careful form. */
INLINE vf vexp_careful(vf c, vf m)
{
    const vf bits = c * FSG_LOG2E, t = bits + EXP_MAGIC;
    const vi huge = (bits > 0x1p+22f) | (bits < -0x1p+22f); /* such a logit has no fraction worth keeping */
    const vf n = vselect(huge, bits, t - EXP_MAGIC), d = n - m;
    const vi high = d > 126.0f;
    const vf y = vselect(huge, vset(1), exp_fraction(c, n)), e = vselect(high, vset(126.0f), d) + EXP_MAGIC;
    const vf power = (vf)((vu)y + ((vu)e << 23));
    return vselect(d == d, vselect(d < (float)FSG_EXP_MIN, vset(0), power), d);
}
