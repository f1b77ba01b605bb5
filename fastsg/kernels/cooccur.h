/* Co-occurrence counts of a text, one row at a time: the positions of a word, a dense row of sums, no hashing, no allocation.
 *
 * A text is one array of ids with a mark (-1) before, between and behind its sentences, so that no window leaves a sentence.
 */
#ifndef FASTSG_COOCCUR_H
#define FASTSG_COOCCUR_H

#include <stdint.h>

#define FSG_MARK (-1)

/* left, right: reach of the window (-1: the whole sentence); weight_left[d - 1] weighs distance d, NULL weighs 1. */
typedef struct {
    int64_t left, right;
    const double *weight_left, *weight_right;
} fsg_reach;

/* text: tokens + sentences + 1 ids. Returns how many were written. */
int64_t fsg_mark_text(const int32_t *tokens, const int64_t *offsets, int64_t sentences, int32_t *text);

/* Counting sort of the positions [start, stop) of the text by word, in two rounds over pieces of it: the first adds up how often each
 * word occurs in the piece, the second writes positions from place_k[word] on, which it moves forward. */
void fsg_count_words(const int32_t *text, int64_t start, int64_t stop, int64_t *count_k);
void fsg_place_words(const int32_t *text, int64_t start, int64_t stop, int64_t *place_k, int64_t *positions);

/* One row: sums over the windows of n positions. sum_k (K) need not be initialised, seen (K / 64 + 1) is zero before and after.
 * Writes the contexts in rising order and their sums times scale (times scale_k[context] if given).
 * Sums below `least` are left out. Returns the number of entries. */
int64_t fsg_count_row(const fsg_reach *reach, const int32_t *text, const int64_t *positions, int64_t n,
                      int64_t K, double scale, const double *scale_k, double least, double *sum_k,
                      uint64_t *seen, int32_t *contexts, float *counts);

#endif
