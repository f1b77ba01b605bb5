/* Text to word ids: white-space and character tokenizers over UTF-8, and a hash table of words.
 *
 * Everything here works on memory of the caller: nothing allocates, opens a file, starts a thread or keeps
 * state of its own. A function that lacks room says so by its code; the caller makes room and calls again
 * with the same arguments. Sizes and positions are int64_t, word ids int32_t. The ids of a table depend on
 * the order in which it met its words; the caller sorts them, so neither block size, nor threads, nor the
 * seed of the hash shows in the result.
 */
#ifndef FASTSG_TEXT_H
#define FASTSG_TEXT_H

#include <stdint.h>

/* The buffer of a text has this many readable bytes behind its last one, and a space in the first of them. */
#define FSG_TEXT_PAD 16
/* Words shorter than this live inside their table entry, longer ones in the arena. */
#define FSG_TEXT_INLINE 16
/* Largest number of words of a table. */
#define FSG_TEXT_MAX_TYPES (INT32_MAX - 1)

enum {
    FSG_TEXT_OK = 0,
    FSG_TEXT_GROW_TABLE = 1, /* the table is too full: fsg_text_rehash into a larger one, call again */
    FSG_TEXT_GROW_ARENA = 2, /* the arena is too small: copy it to a larger one, call again */
    FSG_TEXT_LONG_WORD = 3,  /* a word longer than allowed starts at run->pos */
    FSG_TEXT_TOO_MANY = 4,   /* more types than ids, or than the arena can address */
};

/* The entry of one word, half a cache line. Zeroed memory is an empty entry: the length in key1 is never 0.
 *   up to 15 bytes: key0 = bytes 0-7, key1 = bytes 8-14 and the length in its top byte
 *   longer:         key0 = hash,      key1 = length with the top bit set, bytes at arena + 8 place */
typedef struct {
    uint64_t key0, key1;
    int64_t count;
    int32_t id;
    uint32_t place;
} fsg_word;

/* A hash table of words, numbered in the order in which they were first met. */
typedef struct {
    fsg_word *entries; /* (capacity), a power of two >= 64; zeroed at first */
    uint8_t *arena;    /* (arena_size), a multiple of 8, 8-byte aligned */
    int64_t capacity, n_types, arena_size, arena_used;
    uint64_t seed;
} fsg_word_table;

/* How far the encoding of one text has come; the caller zeroes pos, n_tokens, n_ends before the first call.
 *   tokens  word ids: room for n / 2 + 1 (words), for n (characters)
 *   ends    tokens before each "\n" and each "\r", never falling: room for n */
typedef struct {
    int32_t *tokens;
    int64_t *ends;
    int64_t pos, n_tokens, n_ends;
} fsg_text_run;

/* clean: checks that text (n) is UTF-8 and overwrites white space beyond ASCII with spaces, so that what
 * follows need only know ASCII. Goes on after an invalid byte. Returns where the first invalid sequence is, n
 * if all is valid. */
int64_t fsg_text_clean(uint8_t *text, int64_t n);

/* last_space, last_char: largest position in (0, n] where text may be cut: behind white space of any kind;
 * between two characters, where even a decoder of invalid bytes would start anew. 0 if there is none. Text
 * need not be clean. */
int64_t fsg_text_last_space(const uint8_t *text, int64_t n);
int64_t fsg_text_last_char(const uint8_t *text, int64_t n);

/* long_word: where the first word of more than max_word bytes starts in clean text, -1 if there is none. */
int64_t fsg_text_long_word(const uint8_t *text, int64_t n, int64_t max_word);

/* encode_words: clean text (n) to ids of the table; enters new words, counts all. Any code can come back. */
int fsg_text_encode_words(fsg_word_table *table, const uint8_t *text, int64_t n, int64_t max_word,
                          fsg_text_run *run);

/* encode_chars: clean and VALID text (n) to code points, which are the ids; counts (0x110000) is added to. */
void fsg_text_encode_chars(const uint8_t *text, int64_t n, int64_t *counts, fsg_text_run *run);

/* rehash: the entries of `from` into the larger, zeroed ones of `to`; the rest of the struct is copied. */
void fsg_text_rehash(const fsg_word_table *from, fsg_word_table *to);

/* merge: enters the words and counts of other into table; map (other->n_types) takes other's ids to table's.
 * *slot is 0 at first and keeps the progress between calls. Give the tables different seeds: with the same
 * one, words would be entered in the order of their places, which fills the front of a table that is too
 * small first and takes time quadratic in the number of words. */
int fsg_text_merge(fsg_word_table *table, const fsg_word_table *other, int64_t *slot, int32_t *map);

/* index: count and entry number of each id (n_types each). words: the words of ids (n), each followed by
 * '\n'; returns the number of bytes, and with out = NULL only that. */
void fsg_text_index(const fsg_word_table *table, int64_t *counts, int64_t *slots);
int64_t fsg_text_words(const fsg_word_table *table, const int64_t *slots, const int64_t *ids, int64_t n,
                       uint8_t *out);

/* remap: tokens (n) through map in place, without those mapped below 0; ends (n_ends) follow. Returns
 * how many are kept. */
int64_t fsg_text_remap(int32_t *tokens, int64_t n, const int32_t *map, int64_t *ends, int64_t n_ends);

/* drop_empty: of the ends (n), which never fall, keeps in place those above the one before (0 at first). */
int64_t fsg_text_drop_empty(int64_t *ends, int64_t n);
#endif
