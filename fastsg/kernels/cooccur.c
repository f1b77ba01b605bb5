/* See cooccur.h for what each function promises. */
#include "cooccur.h"

#include "rows.h"

#include <stddef.h>
#include <string.h>

int64_t fsg_mark_text(const int32_t *tokens, const int64_t *offsets, int64_t sentences, int32_t *text)
{
    int64_t n = 0;
    text[n++] = FSG_MARK;
    for (int64_t s = 0; s < sentences; s++) {
        memcpy(text + n, tokens + offsets[s], (size_t)(offsets[s + 1] - offsets[s]) * sizeof *text);
        n += offsets[s + 1] - offsets[s];
        text[n++] = FSG_MARK;
    }
    return n;
}

void fsg_count_words(const int32_t *text, int64_t start, int64_t stop, int64_t *count_k)
{
    for (int64_t i = start; i < stop; i++)
        if (text[i] != FSG_MARK) count_k[text[i]]++;
}

void fsg_place_words(const int32_t *text, int64_t start, int64_t stop, int64_t *place_k, uint32_t *positions)
{
    for (int64_t i = start; i < stop; i++)
        if (text[i] != FSG_MARK) positions[place_k[text[i]]++] = (uint32_t)i;
}

enum { AHEAD = 16 }; /* positions of a word whose windows are asked for ahead of time */

static inline void mark(int32_t k, uint64_t *seen) { seen[k >> 6] |= (uint64_t)1 << (k & 63); }

/* In integers, which any order of adding leaves exact. Without a question whether k was seen, whose answer no
 * CPU foresees: sums start at zero. */
static inline void add(int32_t k, int64_t weight, int64_t *sum_k, uint64_t *seen)
{
    mark(k, seen);
    sum_k[k] += weight;
}

/* Whether a count says too little of its sum: float has 24 bits, so that below 2^22 half a unit is to spare. */
static inline int is_large(float count, double unit) { return (double)count * unit >= 0x1p22; }

int64_t fsg_take_sums(const fsg_count_scale *scale, int64_t K, int64_t *sum_k, uint64_t *seen,
                      int32_t *contexts, float *counts, int64_t *large, int64_t *n_large)
{
    int64_t entries = 0;
    *n_large = 0;
    for (int64_t w = 0; w <= K / 64; w++)
        for (uint64_t bits = seen[w]; bits; bits &= bits - 1) {
            const int64_t k = w * 64 + __builtin_ctzll(bits), sum = sum_k[k];
            const double count =
                (double)sum / scale->unit * scale->row * (scale->of_k ? scale->of_k[k] : 1.0);
            sum_k[k] = 0;
            if (count < 0.0) return FSG_COUNTS_NEGATIVE;
            if (!(count >= FSG_LEAST_COUNT)) continue;
            contexts[entries] = (int32_t)k;
            counts[entries] = (float)count;
            if (large && is_large(counts[entries], scale->unit)) large[(*n_large)++] = sum;
            entries++;
        }
    memset(seen, 0, (size_t)(K / 64 + 1) * sizeof *seen);
    return entries;
}

int64_t fsg_count_row(const fsg_cooccur_window *window, const int32_t *text, const uint32_t *positions,
                      int64_t n, const fsg_count_scale *scale, int64_t K, int64_t *sum_k, uint64_t *seen,
                      int32_t *contexts, float *counts, int64_t *large, int64_t *n_large)
{
    for (int64_t i = 0; i < n; i++) {
        const int32_t *center = text + positions[i];
        if (i + AHEAD < n) { /* the windows of a word lie far apart, and most of them on two lines */
            /* not a pointer: what is asked for may lie outside the text */
            const uintptr_t next = (uintptr_t)(text + positions[i + AHEAD]);
            __builtin_prefetch((const void *)(next - (uintptr_t)(window->left > 0 ? 4 * window->left : 0)));
            __builtin_prefetch((const void *)(next + (uintptr_t)(window->right > 0 ? 4 * window->right : 0)));
        }
        for (int64_t d = 1; d != window->left + 1 && center[-d] != FSG_MARK; d++)
            add(center[-d], window->weight_left ? window->weight_left[d - 1] : 1, sum_k, seen);
        for (int64_t d = 1; d != window->right + 1 && center[d] != FSG_MARK; d++)
            add(center[d], window->weight_right ? window->weight_right[d - 1] : 1, sum_k, seen);
    }
    return fsg_take_sums(scale, K, sum_k, seen, contexts, counts, large, n_large);
}

int64_t fsg_count_large(const float *counts, int64_t n, double unit)
{
    int64_t found = 0;
    for (int64_t e = 0; e < n; e++) found += is_large(counts[e], unit);
    return found;
}

int64_t fsg_add_entries(const int32_t *contexts, const float *counts, int64_t n, double unit, int taken_off,
                        const int64_t *large, int64_t n_large, int64_t *sum_k, uint64_t *seen)
{
    int64_t used = 0;
    for (int64_t e = 0; e < n; e++) {
        int64_t *of_k = sum_k + contexts[e], sum;
        if (is_large(counts[e], unit)) {
            if (used == n_large) return FSG_COUNTS_INEXACT;
            sum = large[used++];
        } else {
            sum = (int64_t)((double)counts[e] * unit + 0.5);
        }
        if ((float)((double)sum / unit) != counts[e]) return FSG_COUNTS_INEXACT;
        mark(contexts[e], seen);
        if (taken_off ? __builtin_sub_overflow(*of_k, sum, of_k) : __builtin_add_overflow(*of_k, sum, of_k))
            return FSG_COUNTS_OVERFLOW;
    }
    return used;
}
