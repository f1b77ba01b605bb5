/* Co-occurrence counts of a whole text, one row at a time: the positions of a word, a dense row of sums,
 * no hashing.
 *
 * A text is one array of ids with a mark (-1) before, between and behind its sentences, so that no window
 * leaves a sentence. Nothing allocates or starts threads. Limits of a count: rows.h; windows whose reach is
 * drawn: windows.h.
 */
#ifndef FASTSG_COOCCUR_H
#define FASTSG_COOCCUR_H

#include <stdint.h>

#define FSG_MARK (-1)

/* Most ids and marks of a text: positions have 32 bits, which halves what they take. */
#define FSG_MOST_TEXT UINT32_MAX

/* left, right: how far a window reaches (-1: the whole sentence). weight_left[d - 1], weight_right[d - 1]
 * weigh distance d, as so many units; NULL weighs 1. The caller sees to it that no sum exceeds 64 bits. */
typedef struct {
    int64_t left, right;
    const int64_t *weight_left, *weight_right;
} fsg_cooccur_window;

/* From sums to counts: sum / unit * row * of_k[context]; of_k NULL is 1. */
typedef struct {
    double unit, row;
    const double *of_k;
} fsg_count_scale;

/* text: tokens + sentences + 1 ids. Returns how many were written. */
int64_t fsg_mark_text(const int32_t *tokens, const int64_t *offsets, int64_t sentences, int32_t *text);

/* Counting sort of the positions [start, stop) of the text by word, in two rounds over pieces of it: the
 * first adds up how often each word occurs in the piece, the second writes positions from place_k[word] on,
 * which it moves forward. */
void fsg_count_words(const int32_t *text, int64_t start, int64_t stop, int64_t *count_k);
void fsg_place_words(const int32_t *text, int64_t start, int64_t stop, int64_t *place_k, uint32_t *positions);

/* One row: sums over the windows of n positions, taken as fsg_take_sums does. sum_k (K) and seen (K / 64 + 1)
 * are zero before and after. */
int64_t fsg_count_row(const fsg_cooccur_window *window, const int32_t *text, const uint32_t *positions,
                      int64_t n, const fsg_count_scale *scale, int64_t K, int64_t *sum_k, uint64_t *seen,
                      int32_t *contexts, float *counts, int64_t *large, int64_t *n_large);

/* What the counts of a row, added or taken off, may turn out to be. */
enum {
    FSG_COUNTS_NEGATIVE = -1, /* a sum is below zero */
    FSG_COUNTS_OVERFLOW = -2, /* a sum does not fit 64 bits */
    FSG_COUNTS_INEXACT = -3,  /* a count is not that of a sum of units, or its large sum is missing */
};

/* The sums of a row as entries: contexts in rising order, and their counts; those below FSG_LEAST_COUNT are
 * left out. sum_k and seen are zero afterwards. Returns the number of entries, or FSG_COUNTS_NEGATIVE, with
 * which sum_k and seen are of no more use.
 *
 * A sum below 2^22 follows from its count in float, being the nearest integer to count * unit; those above are
 * written to large, one after the other, *n_large of them. large NULL: not wanted. */
int64_t fsg_take_sums(const fsg_count_scale *scale, int64_t K, int64_t *sum_k, uint64_t *seen,
                      int32_t *contexts, float *counts, int64_t *large, int64_t *n_large);

/* How many of n counts are so large that their sums were written to `large`. */
int64_t fsg_count_large(const float *counts, int64_t n, double unit);

/* Adds the n entries of a row to its sums, or takes them off. `large` begins with the large sums of the row, of
 * which there are no more than n_large. Contexts are below K. Returns how many large sums belong to the row, or
 * a code. */
int64_t fsg_add_entries(const int32_t *contexts, const float *counts, int64_t n, double unit, int taken_off,
                        const int64_t *large, int64_t n_large, int64_t *sum_k, uint64_t *seen);

#endif
