/* Fuzzes decimal.c: what is read and written must be what strtod and printf make of it. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decimal.h"

#define REQUIRE(x)                                                                                           \
    if (!(x)) abort()

static void reading(const uint8_t *data, size_t size)
{
    char *const text = malloc(size + 1); /* no byte more than promised: the sanitizer watches its end */
    memcpy(text, data, size);
    text[size] = '\n';
    float x = NAN;
    const char *const end = fsg_read_decimal(text, &x);
    if (end != NULL) {
        REQUIRE(end > text && end <= text + size);
        char *const number = calloc((size_t)(end - text) + 1, 1);
        memcpy(number, text, (size_t)(end - text));
        char *stop;
        const float wanted = (float)strtod(number, &stop);
        REQUIRE(*stop == 0 && memcmp(&x, &wanted, sizeof x) == 0);
        free(number);
    }
    free(text);
}

static void writing(const uint8_t *data)
{
    float x;
    memcpy(&x, data, sizeof x);
    char wanted[64], *const out = malloc(FSG_DECIMAL_MOST);
    const int length = fsg_decimal(x, out);
    REQUIRE(length >= 0 && length <= FSG_DECIMAL_MOST);
    REQUIRE(length == 0 || (snprintf(wanted, sizeof wanted, "%.9g", (double)x) == length &&
                            memcmp(wanted, out, (size_t)length) == 0));
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    reading(data, size);
    if (size >= sizeof(float)) writing(data);
    return 0;
}
