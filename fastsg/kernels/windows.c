#include "windows.h"

#include <stddef.h>
#include <string.h>

void fsg_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3], k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        const uint64_t a = (uint64_t)0xD2511F53u * c0, b = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(b >> 32) ^ c1 ^ k0;
        c2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)b;
        c3 = (uint32_t)a;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/* Words 4 * block .. 4 * block + 3 of a stream. */
static void random_block(uint64_t seed, uint64_t stream, uint64_t block, uint32_t out[4])
{
    const uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), (uint32_t)stream,
                                 (uint32_t)(stream >> 32)};
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    fsg_philox(counter, key, out);
}

void fsg_random_words(uint64_t seed, uint64_t stream, int64_t start, int64_t n, uint32_t *out)
{
    uint32_t block[4];
    for (int64_t i = 0; i < n; i++) {
        if (i == 0 || (start + i) % 4 == 0) random_block(seed, stream, (uint64_t)(start + i) / 4, block);
        out[i] = block[(start + i) % 4];
    }
}

void fsg_random_uniform(uint64_t seed, uint64_t stream, int64_t start, int64_t n, float *out)
{
    uint32_t block[4];
    for (int64_t i = 0; i < n; i++) {
        if (i == 0 || (start + i) % 4 == 0) random_block(seed, stream, (uint64_t)(start + i) / 4, block);
        out[i] = (float)(int32_t)(block[(start + i) % 4] >> 8) * 0x1p-24f - 0.5f;
    }
}

int64_t fsg_thin(const int32_t *tokens, const int64_t *offsets, int64_t sentences, const double *keep_k,
                 uint64_t seed, uint64_t stream, int32_t *out_tokens, int64_t *out_offsets)
{
    int64_t kept = 0, rows = 0;
    uint32_t block[4] = {0};
    out_offsets[0] = 0;
    for (int64_t s = 0; s < sentences; s++) {
        for (int64_t i = offsets[s]; i < offsets[s + 1]; i++) {
            if (i % 4 == 0 || i == offsets[0]) random_block(seed, stream, (uint64_t)i / 4, block);
            if (block[i % 4] < keep_k[tokens[i]] * 0x1p32) out_tokens[kept++] = tokens[i];
        }
        if (kept > out_offsets[rows]) out_offsets[++rows] = kept;
    }
    return rows;
}

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

/* A reach drawn from 1..reach; the word of the position serves both sides. */
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
            random_block(window->seed, window->stream, (uint64_t)i, block);
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

enum { DIGIT = 11 };

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
        if (!(sum >= FSG_LEAST_COUNT)) continue;
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

void fsg_cut_row(const int32_t *contexts, int64_t from, int64_t to, const int64_t *first_k, int64_t parts,
                 int64_t *cut, int64_t stride)
{
    for (int64_t part = 0; part < parts; part++) {
        const int64_t k = first_k[part];
        int64_t low = from, step = 1;
        while (low + step < to &&
               contexts[low + step - 1] < k) { /* steps that double, then halves: parts lie close together */
            low += step;
            step *= 2;
        }
        int64_t high = low + step < to ? low + step : to;
        while (low < high) {
            const int64_t middle = low + (high - low) / 2;
            if (contexts[middle] < k) low = middle + 1;
            else high = middle;
        }
        cut[part * stride] = from = low;
    }
}

int64_t fsg_bad_entry(const int32_t *contexts, const float *counts, int64_t from, int64_t to, int64_t K)
{
    if (from == to) return -1;
    int bad = contexts[from] < 0 || contexts[to - 1] >= K;
    for (int64_t i = from + 1; i < to; i++) bad |= contexts[i] <= contexts[i - 1];
    for (int64_t i = from; i < to; i++)
        bad |= !(counts[i] >= FSG_LEAST_COUNT) | !(counts[i] <= FSG_MOST_COUNT); /* a NaN fails */
    for (int64_t i = from; bad && i < to; i++)
        if (contexts[i] < 0 || contexts[i] >= K || (i > from && contexts[i] <= contexts[i - 1]) ||
            !(counts[i] >= FSG_LEAST_COUNT && counts[i] <= FSG_MOST_COUNT))
            return i;
    return -1;
}

void fsg_scaled_row(const int32_t *contexts, const float *counts, int64_t n, float scale,
                    int32_t *out_contexts, float *out_counts)
{
    memcpy(out_contexts, contexts, (size_t)n * sizeof *contexts);
    for (int64_t i = 0; i < n; i++) {
        const float count = counts[i] * scale;
        out_counts[i] = count > FSG_LEAST_COUNT ? count : FSG_LEAST_COUNT;
    }
}
