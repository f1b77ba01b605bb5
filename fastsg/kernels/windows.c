/* See windows.h for what the function promises. */
#include "windows.h"

#include "random.h"

#include <stddef.h>

/* The sentence that holds a position: the last whose offset is <= position. */
static int64_t sentence_of(const int64_t *offsets, int64_t sentences, int64_t position)
{
    int64_t low = 0, high = sentences;
    while (high - low > 1) {
        const int64_t middle = low + (high - low) / 2;
        if (offsets[middle] <= position) low = middle;
        else high = middle;
    }
    return low;
}

/* A reach drawn from 1..reach; a whole sentence stays one. The word of the position serves both sides. */
static int64_t drawn(int64_t reach, uint32_t word)
{
    return reach > 0 ? 1 + (int64_t)(((uint64_t)word * (uint64_t)reach) >> 32) : reach;
}

int64_t fsg_window_pairs(const fsg_window *window, const int32_t *tokens, const int64_t *offsets,
                         int64_t sentences, int64_t start, int64_t stop, uint64_t *keys, float *weights)
{
    int64_t n = 0, s = sentence_of(offsets, sentences, start);
    for (int64_t i = start; i < stop; i++) {
        while (offsets[s + 1] <= i) s++;
        int64_t left = window->left, right = window->right;
        if (window->draw) {
            uint32_t block[4];
            fsg_random_block(window->seed, window->stream, (uint64_t)i, block);
            left = drawn(left, block[0]);
            right = drawn(right, block[0]);
        }
        const int64_t first = left < 0 || i - left < offsets[s] ? offsets[s] : i - left;
        const int64_t last = right < 0 || i + right >= offsets[s + 1] ? offsets[s + 1] - 1 : i + right;
        if (keys) {
            const uint64_t center = (uint64_t)tokens[i] << 32;
            for (int64_t j = first; j < i; j++, n++) {
                keys[n] = center | (uint32_t)tokens[j];
                weights[n] = window->weight_left ? window->weight_left[i - j - 1] : 1.0f;
            }
            for (int64_t j = i + 1; j <= last; j++, n++) {
                keys[n] = center | (uint32_t)tokens[j];
                weights[n] = window->weight_right ? window->weight_right[j - i - 1] : 1.0f;
            }
        } else {
            n += last - first;
        }
    }
    return n;
}
