/* See rows.h for what each function promises. */
#include "rows.h"

#include <stdint.h>
#include <string.h>

/* Counts are floats and are compared as such. */
static const float LEAST = (float)FSG_LEAST_COUNT, MOST = (float)FSG_MOST_COUNT;

enum { DIGIT = 11 }; /* bits that one round of the radix sort looks at */

/* One round: a stable counting sort by the digit at `shift`. */
static void sort_digit(int64_t n, int shift, const uint64_t *keys, const float *weights, uint64_t *to_keys,
                       float *to_weights)
{
    int64_t place[1 << DIGIT] = {0};
    for (int64_t i = 0; i < n; i++) place[keys[i] >> shift & ((1 << DIGIT) - 1)]++;
    for (int64_t d = 0, sum = 0; d < 1 << DIGIT; d++) {
        const int64_t count = place[d];
        place[d] = sum;
        sum += count;
    }
    for (int64_t i = 0; i < n; i++) {
        const int64_t to = place[keys[i] >> shift & ((1 << DIGIT) - 1)]++;
        to_keys[to] = keys[i];
        to_weights[to] = weights[i];
    }
}

void fsg_sort_pairs(int64_t n, int64_t K, uint64_t *keys, float *weights, uint64_t *spare_keys,
                    float *spare_weights)
{
    uint64_t *from_keys = keys, *to_keys = spare_keys;
    float *from_weights = weights, *to_weights = spare_weights;
    for (int half = 0; half < 64; half += 32)
        for (int shift = 0; (K - 1) >> shift; shift += DIGIT) {
            sort_digit(n, half + shift, from_keys, from_weights, to_keys, to_weights);
            uint64_t *k = from_keys;
            float *w = from_weights;
            from_keys = to_keys, from_weights = to_weights;
            to_keys = k, to_weights = w;
        }
    if (from_keys != keys) {
        memcpy(keys, from_keys, (size_t)n * sizeof *keys);
        memcpy(weights, from_weights, (size_t)n * sizeof *weights);
    }
}

int64_t fsg_group_pairs(int64_t n, const uint64_t *keys, const float *weights, int32_t *centers,
                        int64_t *row_ptr, int32_t *contexts, float *counts)
{
    int64_t rows = 0, entries = 0;
    for (int64_t i = 0; i < n;) {
        const uint64_t key = keys[i];
        double sum = 0; /* float would stop growing at 2^24 equal pairs */
        for (; i < n && keys[i] == key; i++) sum += weights[i];
        if (!(sum >= LEAST)) continue;
        const int32_t center = (int32_t)(key >> 32);
        if (rows == 0 || centers[rows - 1] != center) {
            centers[rows] = center;
            row_ptr[rows++] = entries;
        }
        contexts[entries] = (int32_t)key;
        counts[entries++] = (float)sum;
    }
    row_ptr[rows] = entries;
    return rows;
}

int64_t fsg_place_from(const int32_t *contexts, int64_t from, int64_t to, int64_t k)
{
    int64_t low = from, step = 1; /* steps that double, then halves */
    while (low + step < to && contexts[low + step - 1] < k) {
        low += step;
        step *= 2;
    }
    int64_t high = low + step < to ? low + step : to;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (contexts[middle] < k) low = middle + 1;
        else high = middle;
    }
    return low;
}

void fsg_cut_row(const int32_t *contexts, int64_t from, int64_t to, const int64_t *first_k, int64_t parts,
                 int64_t *cut, int64_t stride)
{
    for (int64_t part = 0; part < parts; part++) {
        /* halves, without a branch that could be foretold wrongly: so the searches of several parts overlap */
        int64_t low = from, left = to - from;
        while (left > 0) {
            const int64_t half = (left + 1) / 2;
            low += half & -(int64_t)(contexts[low + half - 1] < first_k[part]);
            left -= half;
        }
        cut[part * stride] = low;
    }
}

enum { ABREAST = 4 }; /* rows that are added up side by side: no sum need wait for another */

void fsg_row_sums(const int64_t *starts, const int64_t *stops, const float *counts, int64_t rows,
                  double *sum_m)
{
    int64_t row[ABREAST], at[ABREAST], next = 0;
    double sum[ABREAST];
    int running = 0;
    for (; running < ABREAST && next < rows; running++, next++)
        row[running] = next, at[running] = starts[next], sum[running] = 0;
    while (running) {
        int64_t least = INT64_MAX;
        for (int j = 0; j < running; j++)
            if (stops[row[j]] - at[j] < least) least = stops[row[j]] - at[j];
        if (running == ABREAST)
            for (int64_t i = 0; i < least; i++)
                for (int j = 0; j < ABREAST; j++) sum[j] += counts[at[j] + i];
        else
            for (int j = 0; j < running; j++)
                for (int64_t i = 0; i < least; i++) sum[j] += counts[at[j] + i];
        for (int j = running - 1; j >= 0; j--) {
            at[j] += least;
            if (at[j] < stops[row[j]]) continue;
            sum_m[row[j]] = sum[j];
            if (next < rows) row[j] = next, at[j] = starts[next++], sum[j] = 0;
            else if (j < --running) row[j] = row[running], at[j] = at[running], sum[j] = sum[running];
        }
    }
}

int64_t fsg_bad_entry(const int32_t *contexts, const float *counts, int64_t from, int64_t to, int64_t K)
{
    if (from == to) return -1;
    int bad = contexts[from] < 0 || contexts[to - 1] >= K;
    for (int64_t i = from + 1; i < to; i++) bad |= contexts[i] <= contexts[i - 1];
    for (int64_t i = from; i < to; i++) bad |= !(counts[i] >= LEAST) | !(counts[i] <= MOST); /* a NaN fails */
    for (int64_t i = from; bad && i < to; i++)
        if (contexts[i] < 0 || contexts[i] >= K || (i > from && contexts[i] <= contexts[i - 1]) ||
            !(counts[i] >= LEAST && counts[i] <= MOST))
            return i;
    return -1;
}

enum { LINE = 64, LINES = 16 }; /* bytes of a line of the caches; lines that are fetched */

/* Fetches the first lines of what is read next; the CPU foresees the rest by itself. */
static void fetch(const void *row, int64_t bytes)
{
    for (int64_t at = 0; at < bytes && at < LINES * LINE; at += LINE)
        __builtin_prefetch((const char *)row + at);
}

void fsg_scaled_rows(const fsg_count_matrix *from, const int32_t *ids, const float *scale_k, int64_t rows,
                     const int64_t *out_ptr, int32_t *out_contexts, float *out_counts)
{
    for (int64_t u = 0; u < rows; u++) {
        const int64_t start = from->starts[ids[u]], n = out_ptr[u + 1] - out_ptr[u];
        const float scale = scale_k[ids[u]], *counts = from->counts + start;
        float *out = out_counts + out_ptr[u];
        if (u + 1 < rows) {
            const int64_t next = from->starts[ids[u + 1]], bytes = 4 * (out_ptr[u + 2] - out_ptr[u + 1]);
            fetch(from->contexts + next, bytes);
            fetch(from->counts + next, bytes);
        }
        memcpy(out_contexts + out_ptr[u], from->contexts + start, (size_t)n * sizeof *out_contexts);
        for (int64_t i = 0; i < n; i++) {
            const float count = counts[i] * scale;
            out[i] = count > LEAST ? count : LEAST;
        }
    }
}
