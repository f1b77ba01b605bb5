/* The stub of AArch64: 32 registers of four floats. Compiled, not yet run. */
#include "kernels.h" /* system headers before the pragma */

#include <stddef.h>
#include <string.h>

#if defined(__aarch64__)
  #define ISA_NAME "neon"
  #define ISA_FMA 1
  #define VLEN 4 /* floats in a vector */
  #define MR 6   /* register tile: MR broadcast rows x NV vectors */
  #define NV 4
  #define GO_MR 6 /* register tile of gO */
  #define GO_NV 4
  #include "softmax.inc.c"
  #include "dense.inc.c"
  #include "newton.inc.c"
  #include "search.inc.c"
  #include "kernel_table.inc.c"

const fsg_table *fsg_neon(void) { return &table; }
#else
const fsg_table *fsg_neon(void) { return NULL; }
#endif
