/* Random numbers by counter: Philox 4x32-10 (Salmon et al. 2011). Word i of stream (seed, stream) is a
 * function of these three numbers, so it is the same however it is reached. Nothing here keeps a state,
 * allocates or knows what the numbers are for.
 */
#ifndef FASTSG_RANDOM_H
#define FASTSG_RANDOM_H

#include <stdint.h>

/* out = words 4 * block to 4 * block + 3 of a stream. */
void fsg_random_block(uint64_t seed, uint64_t stream, uint64_t block, uint32_t out[4]);

/* out[i] = word start + i of a stream. */
void fsg_random_words(uint64_t seed, uint64_t stream, int64_t start, int64_t n, uint32_t *out);

/* The same words as numbers, uniform on [-1/2, 1/2): their upper 24 bits times 2^-24, less a half. Both steps
 * are exact. */
void fsg_random_uniform(uint64_t seed, uint64_t stream, int64_t start, int64_t n, float *out);

#endif
