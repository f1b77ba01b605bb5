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

/* left, right: how far a window reaches (-1: the whole sentence). weight_left[d - 1], weight_right[d - 1]
 * weigh distance d; NULL weighs 1. In double, unlike those of windows.h: sums of a whole text are. */
typedef struct {
    int64_t left, right;
    const double *weight_left, *weight_right;
} fsg_cooccur_window;

/* text: tokens + sentences + 1 ids. Returns how many were written. */
int64_t fsg_mark_text(const int32_t *tokens, const int64_t *offsets, int64_t sentences, int32_t *text);

/* Counting sort of the positions [start, stop) of the text by word, in two rounds over pieces of it: the
 * first adds up how often each word occurs in the piece, the second writes positions from place_k[word] on,
 * which it moves forward. */
void fsg_count_words(const int32_t *text, int64_t start, int64_t stop, int64_t *count_k);
void fsg_place_words(const int32_t *text, int64_t start, int64_t stop, int64_t *place_k, int64_t *positions);

/* One row: sums over the windows of n positions. sum_k (K) need not be initialised, seen (K / 64 + 1) is zero
 * before and after. Writes the contexts in rising order and their sums times scale, and times
 * scale_k[context] unless that is NULL. Sums below FSG_LEAST_COUNT are left out. Returns the number of
 * entries. */
int64_t fsg_count_row(const fsg_cooccur_window *window, const int32_t *text, const int64_t *positions,
                      int64_t n, int64_t K, double scale, const double *scale_k, double *sum_k,
                      uint64_t *seen, int32_t *contexts, float *counts);

#endif
