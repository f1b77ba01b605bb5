/* Fuzzes text.c as _text.pyx calls it. The first two bytes choose the longest word, the others are the text,
 * whose words must be those that a plain loop finds. Memory is never larger than promised to be. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

#define REQUIRE(x)                                                                                           \
    if (!(x)) abort()

enum { FIRST_ENTRIES = 64, FIRST_ARENA = 8, CODE_POINTS = 0x110000 };

static fsg_word_table new_table(uint64_t seed)
{
    fsg_word_table table = {
        calloc(FIRST_ENTRIES, sizeof(fsg_word)), malloc(FIRST_ARENA), FIRST_ENTRIES, 0, FIRST_ARENA, 0, seed};
    return table;
}

static void free_table(fsg_word_table *table)
{
    free(table->entries);
    free(table->arena);
}

static void make_room(fsg_word_table *table, int code, int64_t more)
{
    REQUIRE(code == FSG_TEXT_GROW_TABLE || code == FSG_TEXT_GROW_ARENA);
    if (code == FSG_TEXT_GROW_ARENA) {
        table->arena_size = (table->arena_size + more + 7) / 8 * 8;
        table->arena = realloc(table->arena, (size_t)table->arena_size);
        return;
    }
    fsg_word_table larger = {
        calloc(2 * (size_t)table->capacity, sizeof(fsg_word)), NULL, 2 * table->capacity, 0, 0, 0, 0};
    fsg_text_rehash(table, &larger);
    free(table->entries);
    *table = larger;
}

/* A text with the room behind it, of which only the first byte is told. */
static uint8_t *padded(const uint8_t *data, int64_t n)
{
    uint8_t *const text = malloc((size_t)n + FSG_TEXT_PAD);
    memcpy(text, data, (size_t)n);
    memset(text + n, 0xE2, FSG_TEXT_PAD);
    text[n] = ' ';
    return text;
}

static int is_space(uint8_t c) { return (c >= 9 && c <= 13) || (c >= 0x1c && c <= 0x20); }

/* The ids of tokens stand for the words of the text, one after the other; returns how many there are. */
static int64_t compare(const fsg_word_table *table, const uint8_t *text, int64_t n, const int32_t *tokens)
{
    const size_t types = (size_t)table->n_types + 1;
    int64_t *const counts = malloc(types * 8), *const slots = malloc(types * 8);
    fsg_text_index(table, counts, slots);
    uint8_t *const word = malloc((size_t)n + 1);
    int64_t found = 0;
    for (int64_t start = 0, end; start < n; start = end) {
        for (; start < n && is_space(text[start]); start++) {
        }
        for (end = start; end < n && !is_space(text[end]); end++) {
        }
        if (end == start) break;
        const int64_t id = tokens[found++];
        REQUIRE(id >= 0 && id < table->n_types && counts[id] > 0);
        REQUIRE(fsg_text_words(table, slots, &id, 1, NULL) == end - start + 1);
        fsg_text_words(table, slots, &id, 1, word);
        REQUIRE(memcmp(word, text + start, (size_t)(end - start)) == 0 && word[end - start] == '\n');
    }
    int64_t total = 0;
    for (int64_t id = 0; id < table->n_types; id++) total += counts[id];
    REQUIRE(total == found);
    free(counts);
    free(slots);
    free(word);
    return found;
}

/* Another table takes the words over; its ids are those that the map tells. */
static void merge(const fsg_word_table *table, int32_t *tokens, int64_t n_tokens, const uint8_t *text,
                  int64_t n)
{
    fsg_word_table other = new_table(2);
    int32_t *const map = malloc(((size_t)table->n_types + 1) * sizeof(int32_t));
    int64_t slot = 0;
    for (int code; (code = fsg_text_merge(&other, table, &slot, map)) != FSG_TEXT_OK;)
        make_room(&other, code, table->arena_used);
    REQUIRE(other.n_types == table->n_types);
    REQUIRE(fsg_text_remap(tokens, n_tokens, map, NULL, 0) == n_tokens);
    REQUIRE(compare(&other, text, n, tokens) == n_tokens);
    free(map);
    free_table(&other);
}

static void check_ends(int64_t *ends, int64_t n_ends, int64_t n_tokens)
{
    for (int64_t i = 0; i < n_ends; i++)
        REQUIRE(ends[i] >= 0 && ends[i] <= n_tokens && (i == 0 || ends[i] >= ends[i - 1]));
    const int64_t kept = fsg_text_drop_empty(ends, n_ends);
    REQUIRE(kept <= n_ends);
    for (int64_t i = 0; i < kept; i++) REQUIRE(ends[i] > (i ? ends[i - 1] : 0));
}

static void words(const uint8_t *text, int64_t n, int64_t max_word)
{
    fsg_word_table table = new_table(1);
    int32_t *const tokens = malloc((size_t)(n / 2 + 1) * sizeof(int32_t));
    int64_t *const ends = malloc((size_t)(n + 1) * sizeof(int64_t));
    fsg_text_run run = {tokens, ends, 0, 0, 0};
    int code;
    while ((code = fsg_text_encode_words(&table, text, n, max_word, &run)) == FSG_TEXT_GROW_TABLE ||
           code == FSG_TEXT_GROW_ARENA)
        make_room(&table, code, n);
    const int64_t long_at = fsg_text_long_word(text, n, max_word);
    REQUIRE((code == FSG_TEXT_LONG_WORD) == (long_at >= 0));
    if (code == FSG_TEXT_LONG_WORD) REQUIRE(run.pos == long_at);
    if (code == FSG_TEXT_OK) {
        check_ends(ends, run.n_ends, run.n_tokens);
        REQUIRE(compare(&table, text, n, tokens) == run.n_tokens);
        merge(&table, tokens, run.n_tokens, text, n);
    }
    free(tokens);
    free(ends);
    free_table(&table);
}

static void characters(const uint8_t *text, int64_t n)
{
    static int64_t counts[CODE_POINTS];
    int32_t *const tokens = malloc((size_t)(n + 1) * sizeof(int32_t));
    int64_t *const ends = malloc((size_t)(n + 1) * sizeof(int64_t));
    fsg_text_run run = {tokens, ends, 0, 0, 0};
    fsg_text_encode_chars(text, n, counts, &run);
    REQUIRE(run.n_tokens <= n && run.pos == n);
    check_ends(ends, run.n_ends, run.n_tokens);
    for (int64_t i = 0; i < run.n_tokens; i++) REQUIRE(tokens[i] >= 0 && tokens[i] < CODE_POINTS);
    free(tokens);
    free(ends);
}

/* Where a text may be cut. Nothing stands behind it here. */
static void cuts(const uint8_t *data, int64_t n)
{
    uint8_t *const text = malloc((size_t)n);
    memcpy(text, data, (size_t)n);
    const int64_t space = fsg_text_last_space(text, n), character = fsg_text_last_char(text, n);
    REQUIRE(space >= 0 && space <= n && character >= 0 && character < n);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { SIZES = 2 };
    if (size <= SIZES) return 0;
    const int64_t n = (int64_t)size - SIZES, max_word = data[0] & 1 ? data[1] + 1 : n + 1;
    data += SIZES;
    cuts(data, n);
    uint8_t *const text = padded(data, n);
    const int is_valid = fsg_text_clean(text, n) == n;
    words(text, n, max_word);
    if (is_valid) characters(text, n);
    free(text);
    return 0;
}
