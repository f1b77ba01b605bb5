/* See subsampling.h for what the function promises. */
#include "subsampling.h"

#include "random.h"

int64_t fsg_thin(const int32_t *tokens, const int64_t *offsets, const int64_t *numbers, int64_t sentences,
                 const double *keep_k, uint64_t seed, uint64_t stream, int32_t *out_tokens,
                 int64_t *out_offsets)
{
    int64_t kept = 0, rows = 0;
    uint32_t block[4] = {0};
    out_offsets[0] = 0;
    for (int64_t s = 0; s < sentences; s++) {
        const int32_t *sentence = tokens + offsets[s];
        const uint64_t first = (uint64_t)(numbers ? numbers[s] : s) << FSG_SENTENCE_BITS;
        for (int64_t i = 0; i < offsets[s + 1] - offsets[s]; i++) {
            if (i % 4 == 0) fsg_random_block(seed, stream, first + (uint64_t)i / 4, block);
            /* one that is not kept is written over by the next: no CPU foresees which that are */
            out_tokens[kept] = sentence[i];
            kept += block[i % 4] < keep_k[sentence[i]] * 0x1p32;
        }
        if (kept > out_offsets[rows]) out_offsets[++rows] = kept;
    }
    return rows;
}
