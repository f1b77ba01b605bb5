/* See subsampling.h for what the function promises. */
#include "subsampling.h"

#include "random.h"

int64_t fsg_thin(const int32_t *tokens, const int64_t *offsets, int64_t sentences, const double *keep_k,
                 uint64_t seed, uint64_t stream, int32_t *out_tokens, int64_t *out_offsets)
{
    int64_t kept = 0, rows = 0;
    uint32_t block[4] = {0};
    out_offsets[0] = 0;
    for (int64_t s = 0; s < sentences; s++) {
        for (int64_t i = offsets[s]; i < offsets[s + 1]; i++) {
            if (i % 4 == 0 || i == offsets[0]) fsg_random_block(seed, stream, (uint64_t)i / 4, block);
            if (block[i % 4] < keep_k[tokens[i]] * 0x1p32) out_tokens[kept++] = tokens[i];
        }
        if (kept > out_offsets[rows]) out_offsets[++rows] = kept;
    }
    return rows;
}
