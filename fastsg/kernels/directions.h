/* Single vectors in double, and a few rows by their scores, on one thread. */
#ifndef FASTSG_DIRECTIONS_H
#define FASTSG_DIRECTIONS_H

#include <stdint.h>

/* out_h = x_h at length 1. Vectors shorter than 2^-126 become zero; NaN stays. */
void fsg_unit(const float *x_h, int64_t H, float *out_h);

/* sum_h += w x_h, or with `as_unit` += w u_h, where u is what fsg_unit makes of x, rounded to float. */
void fsg_add_row(const float *x_h, int64_t H, double w, int as_unit, double *sum_h);

/* The cosine of x_h with a vector of length 1: the same for equal x, wherever they stand. */
double fsg_cosine(const float *x_h, int64_t H, const double *unit_h);

typedef struct {
    double score;
    int64_t row;
} fsg_scored;

/* Sorts by falling score, NaN last, rows of one score by their number. */
void fsg_rank(fsg_scored *found_n, int64_t n);

#endif
