/* The stub of every CPU: vectors of four floats, whatever the compiler makes of them. */
#include "kernels.h"

#include <stddef.h>
#include <string.h>

#define ISA_NAME "generic"
#define ISA_FMA 0
#define VLEN 4
#define MR 4
#define NV 2
#define GO_MR 4
#define GO_NV 2
#include "softmax.inc.c"
#include "dense.inc.c"
#include "newton.inc.c"
#include "search.inc.c"
#include "kernel_table.inc.c"

const fsg_table *fsg_generic(void) { return &table; }
