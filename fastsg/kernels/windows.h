/* The windows of a text as weighted pairs (center, context), position by position. No allocation: the caller
 * sizes the arrays. What becomes of the pairs stands in rows.h; whole texts are counted without making pairs,
 * see cooccur.h.
 */
#ifndef FASTSG_WINDOWS_H
#define FASTSG_WINDOWS_H

#include <stdint.h>

/* left, right: how far a window reaches (-1: the whole sentence). weight_left[d - 1], weight_right[d - 1]
 * weigh distance d; NULL weighs 1. draw: each position draws a reach of its own, uniform on 1..left and
 * 1..right, from (seed, stream, position). */
typedef struct {
    int64_t left, right;
    const float *weight_left, *weight_right;
    int draw;
    uint64_t seed, stream;
} fsg_window;

/* The pairs of the centers at positions [start, stop), as keys center << 32 | context with their weights.
 * With keys NULL nothing is written. Returns the number of pairs. */
int64_t fsg_window_pairs(const fsg_window *window, const int32_t *tokens, const int64_t *offsets,
                         int64_t sentences, int64_t start, int64_t stop, uint64_t *keys, float *weights);

#endif
