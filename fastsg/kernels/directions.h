/* Single vectors in double, on one thread. */
#ifndef FASTSG_DIRECTIONS_H
#define FASTSG_DIRECTIONS_H

#include <stdint.h>

/* out_h = x_h at length 1. Vectors shorter than 2^-126 become zero; NaN stays. */
void fsg_unit(const float *x_h, int64_t H, float *out_h);

/* sum_h += w x_h, or with `as_unit` += w u_h, where u is what fsg_unit makes of x, rounded to float. */
void fsg_add_row(const float *x_h, int64_t H, double w, int as_unit, double *sum_h);

#endif
