/* The stub of x86-64 with AVX-512: 32 registers of sixteen floats. */
#include "kernels.h" /* system headers before the pragma */

#include <stddef.h>
#include <string.h>

#if defined(__x86_64__)
  #include <immintrin.h>
  #define VSTREAM(x, v) _mm512_stream_ps(x, (__m512)(v)) /* what the vector extension cannot say */
  #define VFENCE() _mm_sfence()
  #define ISA_NAME "avx512"
  #define ISA_FMA 1
  #define VLEN 16 /* floats in a vector */
  #define MR 6    /* register tile: MR broadcast rows x NV vectors */
  #define NV 4
  #define GO_MR 6 /* register tile of gO */
  #define GO_NV 4
  #if defined(__clang__)
    #pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma"))),     \
                                 apply_to = function)
  #else
    #pragma GCC push_options
    #pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")
  #endif
  #include "softmax.inc.c"
  #include "dense.inc.c"
  #include "newton.inc.c"
  #include "search.inc.c"
  #include "kernel_table.inc.c"
  #if defined(__clang__)
    #pragma clang attribute pop
  #else
    #pragma GCC pop_options
  #endif

const fsg_table *fsg_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                   __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")
               ? &table
               : NULL;
}
#else
const fsg_table *fsg_avx512(void) { return NULL; }
#endif
