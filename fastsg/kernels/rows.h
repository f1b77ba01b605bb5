/* Rows of counts, a matrix in CSR form: made from pairs, checked, cut, scaled. No allocation: the caller
 * sizes the arrays.
 *
 * An entry is a context with its count; the contexts of a row are distinct and rise. Where the pairs come
 * from stands in windows.h and cooccur.h.
 */
#ifndef FASTSG_ROWS_H
#define FASTSG_ROWS_H

#include <stdint.h>

/* The limits of a count, for C and Python alike. Below the least one the weight of a pair counts as zero: Z_u
 * / n_u must stay finite. Above the most it is refused: sums must stay finite. */
#define FSG_LEAST_COUNT 1e-20
#define FSG_MOST_COUNT 3e38

/* Sorts pairs by their keys, center << 32 | context, of words < K. Stable; moves through the spare arrays and
 * ends in keys and weights. */
void fsg_sort_pairs(int64_t n, int64_t K, uint64_t *keys, float *weights, uint64_t *spare_keys,
                    float *spare_weights);

/* Sorted pairs to rows: equal pairs are added up (in order), those below FSG_LEAST_COUNT vanish. Returns the
 * number of rows; row_ptr takes one value more. */
int64_t fsg_group_pairs(int64_t n, const uint64_t *keys, const float *weights, int32_t *centers,
                        int64_t *row_ptr, int32_t *contexts, float *counts);

/* The first of the entries [from, to) of a row whose context is not an id below K or does not rise, or whose
 * count is not within the limits; -1 if all are sound. */
int64_t fsg_bad_entry(const int32_t *contexts, const float *counts, int64_t from, int64_t to, int64_t K);

/* What rows weigh: sum_m[m] = the sum of the counts from starts[m] to stops[m], which is not below it, one chain in
 * this order. */
void fsg_row_sums(const int64_t *starts, const int64_t *stops, const float *counts, int64_t rows,
                  double *sum_m);

/* The first place in [from, to) whose context is not below k, or `to`: soon found where it lies close to `from`. */
int64_t fsg_place_from(const int32_t *contexts, int64_t from, int64_t to, int64_t k);

/* cut[part * stride] = the same for each first_k[part], for many parts of a row. */
void fsg_cut_row(const int32_t *contexts, int64_t from, int64_t to, const int64_t *first_k, int64_t parts,
                 int64_t *cut, int64_t stride);

/* A matrix of counts: where the entries of each row begin in the two arrays. */
typedef struct {
    const int64_t *starts;
    const int32_t *contexts;
    const float *counts;
} fsg_count_matrix;

/* Copies rows `ids`, each with its counts times its scale; row u has the places from out_ptr[u] to out_ptr[u + 1].
 * What becomes smaller than FSG_LEAST_COUNT is set to it. */
void fsg_scaled_rows(const fsg_count_matrix *from, const int32_t *ids, const float *scale_k, int64_t rows,
                     const int64_t *out_ptr, int32_t *out_contexts, float *out_counts);

#endif
