/* Fuzzes vector_rows.c. The first five bytes choose the sizes, the others are the block. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vector_rows.h"

#define REQUIRE(x)                                                                                           \
    if (!(x)) abort()

/* What vector_rows.h promises of a run that ended. */
static void check(const fsg_rows *run, int64_t start, int code)
{
    REQUIRE(code == FSG_ROWS_DONE || code == FSG_ROWS_MORE || code == FSG_ROWS_ODD);
    REQUIRE((code == FSG_ROWS_DONE) == (run->rows == run->most));
    REQUIRE(run->pos >= start && run->pos <= run->n);
    REQUIRE(run->words_used <= run->pos - start);
    int64_t words = 0, length = 0;
    for (int64_t i = 0; i < run->words_used; i++) {
        if (run->words[i] == '\n') {
            REQUIRE(length > 0 && length <= run->max_word);
            words++;
            length = 0;
        } else {
            length++;
        }
    }
    REQUIRE(words == run->rows && length == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { SIZES = 5 };
    if (size <= SIZES) return 0;
    const int64_t n = (int64_t)size - SIZES, start = data[1] % n, H = 1 + data[2] % 9, most = 1 + data[3] % 9;
    char *const block = malloc((size_t)n), *const words = malloc((size_t)(n - start));
    float *const values = malloc((size_t)(most * H) * sizeof(float));
    memcpy(block, data + SIZES, (size_t)n);
    fsg_rows run = {block, n, start, H, most, data[4], values, words, 0, 0, 0};
    const int code = data[0] & 1 ? fsg_rows_of_binary(&run) : fsg_rows_of_text(&run);
    check(&run, start, code);
    free(block);
    free(words);
    free(values);
    return 0;
}
