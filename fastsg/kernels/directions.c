#include "directions.h"

#include <stdlib.h>

/* The length of x: four chains, so that each need not wait for the one before it. */
static double length(const float *x_h, int64_t H)
{
    double square[4] = {0, 0, 0, 0};
    int64_t h = 0;
    for (; h + 4 <= H; h += 4)
        for (int i = 0; i < 4; i++) square[i] += (double)x_h[h + i] * (double)x_h[h + i];
    for (; h < H; h++) square[0] += (double)x_h[h] * (double)x_h[h];
    return __builtin_sqrt((square[0] + square[1]) + (square[2] + square[3]));
}

/* One number of a vector of this length, brought to length 1. */
static float scaled(float x, double norm) { return (float)(norm < 0x1p-126 ? x * 0.0 : x / norm); }

void fsg_unit(const float *x_h, int64_t H, float *out_h)
{
    const double norm = length(x_h, H);
    for (int64_t h = 0; h < H; h++) out_h[h] = scaled(x_h[h], norm);
}

void fsg_add_row(const float *x_h, int64_t H, double w, int as_unit, double *sum_h)
{
    const double norm = as_unit ? length(x_h, H) : 0;
    for (int64_t h = 0; h < H; h++) sum_h[h] += w * (double)(as_unit ? scaled(x_h[h], norm) : x_h[h]);
}

double fsg_cosine(const float *x_h, int64_t H, const double *unit_h)
{
    double product[4] = {0, 0, 0, 0};
    int64_t h = 0;
    for (; h + 4 <= H; h += 4)
        for (int i = 0; i < 4; i++) product[i] += (double)x_h[h + i] * unit_h[h + i];
    for (; h < H; h++) product[0] += (double)x_h[h] * unit_h[h];
    const double norm = length(x_h, H), sum = (product[0] + product[1]) + (product[2] + product[3]);
    return norm < 0x1p-126 ? sum * 0.0 : sum / norm;
}

/* Better scores first, NaN last, equal ones by row. */
static int compare(const void *left, const void *right)
{
    const fsg_scored a = *(const fsg_scored *)left, b = *(const fsg_scored *)right;
    const int a_is_nan = a.score != a.score, b_is_nan = b.score != b.score;
    if (a.score > b.score || a_is_nan < b_is_nan) return -1;
    if (a.score < b.score || a_is_nan > b_is_nan) return 1;
    return (a.row > b.row) - (a.row < b.row);
}

void fsg_rank(fsg_scored *found_n, int64_t n) { qsort(found_n, (size_t)n, sizeof *found_n, compare); }
