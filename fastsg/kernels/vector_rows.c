/* See vector_rows.h for what the functions promise. */
#include "vector_rows.h"

#include <string.h>

#include "decimal.h"

static int is_blank(char c) { return c == ' ' || c == '\t'; }

/* Append the word from p up to end, with a newline; 0 if no plain word stands there. */
static int take_word(fsg_rows *run, const char *p, const char *end)
{
    const int64_t length = end - p;
    if (length == 0 || length > run->max_word) return 0;
    char *const to = run->words + run->words_used;
    for (int64_t i = 0; i < length; i++) {
        const char c = p[i];
        if (c == '\r' || c == '\n' || c == '\t' || c == '\0') return 0;
        to[i] = c;
    }
    to[length] = '\n';
    run->words_used += length + 1;
    return 1;
}

/* The numbers from p on, where `end` is the newline of the line; 0 unless there are H plain ones. */
static int take_numbers(fsg_rows *run, const char *p, const char *end)
{
    float *const values = run->values + run->rows * run->H;
    for (int64_t h = 0; h < run->H; h++) {
        if (!is_blank(*p)) return 0;
        while (is_blank(*p)) p++;
        p = fsg_read_decimal(p, &values[h]);
        if (p == NULL) return 0;
    }
    while (is_blank(*p) || *p == '\r') p++;
    return p == end;
}

int fsg_rows_of_text(fsg_rows *run)
{
    while (run->rows < run->most) {
        const char *const line = run->data + run->pos;
        const char *const end = memchr(line, '\n', (size_t)(run->n - run->pos));
        if (end == NULL) return FSG_ROWS_MORE;
        const char *p = line;
        while (p < end && !is_blank(*p)) p++;
        const int64_t words_used = run->words_used;
        if (!take_word(run, line, p) || !take_numbers(run, p, end)) {
            run->words_used = words_used;
            return FSG_ROWS_ODD;
        }
        run->rows++;
        run->pos = end + 1 - run->data;
    }
    return FSG_ROWS_DONE;
}

int fsg_rows_of_binary(fsg_rows *run)
{
    const int64_t bytes = run->H * (int64_t)sizeof(float);
    while (run->rows < run->most) {
        int64_t at = run->pos, left = run->n - at;
        const int is_led = left > 0 && run->data[at] == '\n';
        at += is_led;
        left -= is_led;
        const int64_t reach = left < run->max_word + 1 ? left : run->max_word + 1;
        const char *const space = memchr(run->data + at, ' ', (size_t)reach);
        if (space == NULL) return reach == left ? FSG_ROWS_MORE : FSG_ROWS_ODD;
        const char *const numbers = space + 1;
        if (run->data + run->n - numbers < bytes) return FSG_ROWS_MORE;
        if (!take_word(run, run->data + at, space)) return FSG_ROWS_ODD;
        memcpy(run->values + run->rows * run->H, numbers, (size_t)bytes);
        run->rows++;
        run->is_led = is_led;
        run->pos = numbers + bytes - run->data;
    }
    return FSG_ROWS_DONE;
}
