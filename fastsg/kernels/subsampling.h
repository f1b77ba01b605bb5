/* Subsampling: drops tokens of a text at random. No allocation: the caller sizes the arrays.
 *
 * A file of its own: it draws random numbers, but random.h knows no text; and it comes before the windows,
 * which need not know whether the text they walk was thinned.
 */
#ifndef FASTSG_SUBSAMPLING_H
#define FASTSG_SUBSAMPLING_H

#include <stdint.h>

/* The blocks of a stream that belong to one sentence, as a power of two: for 2^30 tokens. What comes behind
 * shares the numbers of the next sentence. */
#define FSG_SENTENCE_BITS 28

/* Keeps token t, the i-th of sentence s, if word i % 4 of block (numbers[s] << FSG_SENTENCE_BITS) + i / 4 of
 * stream (seed, stream) is below keep_k[t] * 2^32: it does not matter what else there is. numbers NULL: 0, 1,
 * 2 ... Sentences left empty vanish. Returns the number of sentences kept; out_tokens needs room for all
 * tokens, out_offsets for sentences + 1 values. */
int64_t fsg_thin(const int32_t *tokens, const int64_t *offsets, const int64_t *numbers, int64_t sentences,
                 const double *keep_k, uint64_t seed, uint64_t stream, int32_t *out_tokens,
                 int64_t *out_offsets);

#endif
