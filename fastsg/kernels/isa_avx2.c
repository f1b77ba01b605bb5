/* The stub of x86-64 with AVX2 and FMA (2013 and later): 16 registers of eight floats. */
#include "kernels.h" /* system headers before the pragma */

#include <stddef.h>
#include <string.h>

#if defined(__x86_64__)
  #include <immintrin.h>
  #define VSTREAM(x, v) _mm256_stream_ps(x, (__m256)(v)) /* what the vector extension cannot say */
  #define VFENCE() _mm_sfence()
  #define ISA_NAME "avx2"
  #define ISA_FMA 1
  #define VLEN 8 /* floats in a vector */
  #define MR 6   /* register tile: MR broadcast rows x NV vectors */
  #define NV 2
  #define GO_MR 6 /* register tile of gO */
  #define GO_NV 2
  #if defined(__clang__)
    #pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
  #else
    #pragma GCC push_options
    #pragma GCC target("avx2,fma")
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

const fsg_table *fsg_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &table : NULL;
}
#else
const fsg_table *fsg_avx2(void) { return NULL; }
#endif
