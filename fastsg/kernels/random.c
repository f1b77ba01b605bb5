/* See random.h for what each function promises. */
#include "random.h"

/* Four words for a counter and a key. */
static void philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
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

void fsg_random_block(uint64_t seed, uint64_t stream, uint64_t block, uint32_t out[4])
{
    const uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), (uint32_t)stream,
                                 (uint32_t)(stream >> 32)};
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    philox(counter, key, out);
}

void fsg_random_words(uint64_t seed, uint64_t stream, int64_t start, int64_t n, uint32_t *out)
{
    uint32_t block[4];
    for (int64_t i = 0; i < n; i++) {
        if (i == 0 || (start + i) % 4 == 0) fsg_random_block(seed, stream, (uint64_t)(start + i) / 4, block);
        out[i] = block[(start + i) % 4];
    }
}

void fsg_random_uniform(uint64_t seed, uint64_t stream, int64_t start, int64_t n, float *out)
{
    uint32_t block[4];
    for (int64_t i = 0; i < n; i++) {
        if (i == 0 || (start + i) % 4 == 0) fsg_random_block(seed, stream, (uint64_t)(start + i) / 4, block);
        out[i] = (float)(int32_t)(block[(start + i) % 4] >> 8) * 0x1p-24f - 0.5f;
    }
}
