/* From token positions to the weighted pair counts of a batch, grouped by center. No allocation: the caller sizes the arrays. */
#ifndef FASTSG_WINDOWS_H
#define FASTSG_WINDOWS_H

#include <stdint.h>

/* Four random words of Philox 4x32-10 (Salmon et al. 2011) for a counter and a key: random access, no state. */
void fsg_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* out[i] = random word number start + i of stream (seed, stream). */
void fsg_random_words(uint64_t seed, uint64_t stream, int64_t start, int64_t n, uint32_t *out);

/* The same words as numbers, uniform on [-1/2, 1/2): their upper 24 bits times 2^-24, less a half. Both steps are exact. */
void fsg_random_uniform(uint64_t seed, uint64_t stream, int64_t start, int64_t n, float *out);

/* Keep token t at position i if its random word < keep_k[t] * 2^32. Sentences left empty vanish. Returns the sentences kept;
 * out_tokens holds at most n tokens, out_offsets at most sentences + 1. */
int64_t fsg_thin(const int32_t *tokens, const int64_t *offsets, int64_t sentences, const double *keep_k,
                 uint64_t seed, uint64_t stream, int32_t *out_tokens, int64_t *out_offsets);

/* left, right: how far a window reaches (-1: the whole sentence). weight_left[d - 1], weight_right[d - 1] weigh distance d; NULL
 * weighs 1. draw: the reach of each position is drawn anew, uniform on 1..left and 1..right, from (seed, stream, position). */
typedef struct {
    int64_t left, right;
    const float *weight_left, *weight_right;
    int draw;
    uint64_t seed, stream;
} fsg_window;

/* The pairs of the centers at positions [start, stop) as keys center << 32 | context. With keys NULL only counts. Returns the count. */
int64_t fsg_window_pairs(const fsg_window *window, const int32_t *tokens, const int64_t *offsets,
                         int64_t sentences, int64_t start, int64_t stop, uint64_t *keys, float *weights);

/* Sorts keys (stable; both arrays, through the spare ones; the result is in keys), for words < K. */
void fsg_sort_pairs(int64_t n, int64_t K, uint64_t *keys, float *weights, uint64_t *spare_keys,
                    float *spare_weights);

/* Below this the weight of a pair counts as zero: Z_u / n_u must stay finite. */
#define FSG_LEAST_COUNT 1e-20f
/* Above this it is refused: sums must stay finite. */
#define FSG_MOST_COUNT 3e38f

/* Sorted pairs to rows: equal pairs are added up (in order), those below FSG_LEAST_COUNT vanish. Returns the rows; row_ptr has
 * rows + 1 values. */
int64_t fsg_group_pairs(int64_t n, const uint64_t *keys, const float *weights, int32_t *centers,
                        int64_t *row_ptr, int32_t *contexts, float *counts);

/* The first entry of a row whose context is no id below K or does not rise, or whose count is out of range; -1 if all are sound. */
int64_t fsg_bad_entry(const int32_t *contexts, const float *counts, int64_t from, int64_t to, int64_t K);

/* cut[part * stride] = the first place in [from, to) whose context is not below first_k[part]; contexts and first_k rise. */
void fsg_cut_row(const int32_t *contexts, int64_t from, int64_t to, const int64_t *first_k, int64_t parts,
                 int64_t *cut, int64_t stride);

/* A row of a matrix of counts, times a scale; what that makes smaller is FSG_LEAST_COUNT. */
void fsg_scaled_row(const int32_t *contexts, const float *counts, int64_t n, float scale,
                    int32_t *out_contexts, float *out_counts);

#endif
