/* Subsampling: drops tokens of a text at random. No allocation: the caller sizes the arrays.
 *
 * A file of its own: it draws random numbers, but random.h knows no text; and it comes before the windows,
 * which need not know whether the text they walk was thinned.
 */
#ifndef FASTSG_SUBSAMPLING_H
#define FASTSG_SUBSAMPLING_H

#include <stdint.h>

/* Keeps token t at position i if word i of stream (seed, stream) < keep_k[t] * 2^32. Sentences left empty
 * vanish. Returns the number of sentences kept; out_tokens needs room for all tokens, out_offsets for
 * sentences + 1 values. */
int64_t fsg_thin(const int32_t *tokens, const int64_t *offsets, int64_t sentences, const double *keep_k,
                 uint64_t seed, uint64_t stream, int32_t *out_tokens, int64_t *out_offsets);

#endif
