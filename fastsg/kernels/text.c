/* See text.h for what each function promises. */
#include "text.h"

#include <stddef.h>
#include <string.h>

#define LIKELY(x) __builtin_expect(!!(x), 1)

/* Words looked up together: the table entries of some come from memory while others of the batch are still
 * being cut. */
#define BATCH 32
#define ONES UINT64_C(0x0101010101010101)
#define HIGHS UINT64_C(0x8080808080808080)
#define LONG_KEY (UINT64_C(1) << 63)

/* 1 = white space, 2 = line end, as in Python's str.split() and universal newlines. */
static const uint8_t KIND[256] = {
    ['\t'] = 1, ['\n'] = 2, ['\v'] = 1, ['\f'] = 1, ['\r'] = 2,
    [0x1c] = 1, [0x1d] = 1, [0x1e] = 1, [0x1f] = 1, [' '] = 1,
};

/* Eight bytes, the first of them lowest whatever the machine. */
static inline uint64_t load8(const uint8_t *p)
{
    uint64_t x;
    memcpy(&x, p, 8);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    x = __builtin_bswap64(x);
#endif
    return x;
}

/* Top bit of every byte that is <= ' '; no carry crosses a byte, so each is exact. */
static inline uint64_t low_bytes(uint64_t x) { return ~(((x | HIGHS) - 0x21 * ONES) | x) & HIGHS; }

/* The bytes below the lowest one that low_bytes marks. */
static inline uint64_t mask_below(uint64_t marks) { return (marks ^ (marks - 1)) >> 8; }

static inline int64_t first_mark(uint64_t marks) { return __builtin_ctzll(marks) >> 3; }

static inline uint64_t low_mask(int64_t n_bytes) { return (UINT64_C(1) << (8 * n_bytes)) - 1; }

/* First white space from p on; the space behind the text stops it. Control characters belong to words. */
static const uint8_t *word_end(const uint8_t *p)
{
    for (;;) {
        uint64_t marks = low_bytes(load8(p));
        if (!marks) {
            p += 8;
            continue;
        }
        p += first_mark(marks);
        if (KIND[*p]) return p;
        p++;
    }
}

/* ---- hash table ---- */

static inline uint64_t mix(uint64_t h)
{
    h *= UINT64_C(0x9E3779B97F4A7C15);
    return h ^ (h >> 32);
}

static inline uint64_t hash_key(uint64_t seed, uint64_t key0, uint64_t key1)
{
    return (mix(key0 ^ seed) ^ key1) * UINT64_C(0xD6E8FEB86659FD93);
}

/* The top bits choose the entry: the last product mixes those best. */
static inline int64_t home(uint64_t hash, int shift) { return (int64_t)(hash >> shift); }

static int table_shift(int64_t capacity)
{
    int shift = 64;
    for (; capacity > 1; capacity >>= 1) shift--;
    return shift;
}

static int64_t table_limit(int64_t capacity) { return capacity - capacity / 3; }

static int64_t round8(int64_t n) { return (n + 7) & ~(int64_t)7; }

/* Keys of any word; the loop of encode_words does the same inline for short ones. */
static void make_keys(uint64_t seed, const uint8_t *word, int64_t len, uint64_t *key0, uint64_t *key1)
{
    if (len < FSG_TEXT_INLINE) {
        *key0 = len < 8 ? load8(word) & low_mask(len) : load8(word);
        *key1 = (len < 8 ? 0 : load8(word + 8) & low_mask(len - 8)) | (uint64_t)len << 56;
        return;
    }
    uint64_t h = seed;
    int64_t i = 0;
    for (; i + 8 <= len; i += 8) h = mix(h ^ load8(word + i)) + ONES;
    if (i < len) h = mix(h ^ (load8(word + i) & low_mask(len - i))) + ONES;
    *key0 = h;
    *key1 = LONG_KEY | (uint64_t)len;
}

static inline int64_t word_length(const fsg_word *e)
{
    return (int64_t)(e->key1 & LONG_KEY ? e->key1 ^ LONG_KEY : e->key1 >> 56);
}

/* The bytes of a word that is too long for its entry. */
static inline const uint8_t *long_bytes(const fsg_word_table *t, const fsg_word *e)
{
    return t->arena + 8 * (int64_t)e->place;
}

/* Entry of a word, made if it is new; long_word is read for keys with LONG_KEY only. pre: there is room(). */
static inline fsg_word *enter(fsg_word_table *t, int shift, uint64_t hash, uint64_t key0, uint64_t key1,
                              const uint8_t *long_word)
{
    int64_t last = t->capacity - 1;
    for (int64_t slot = home(hash, shift);; slot = (slot + 1) & last) {
        fsg_word *e = &t->entries[slot];
        if (LIKELY(e->key0 == key0 && e->key1 == key1)) {
            if (LIKELY(!(key1 & LONG_KEY)) || !memcmp(long_bytes(t, e), long_word, (size_t)(key1 ^ LONG_KEY)))
                return e;
            continue;
        }
        if (e->key1) continue;
        e->key0 = key0;
        e->key1 = key1;
        e->id = (int32_t)t->n_types++;
        if (key1 & LONG_KEY) {
            int64_t len = (int64_t)(key1 ^ LONG_KEY);
            e->place = (uint32_t)(t->arena_used / 8);
            memcpy(t->arena + t->arena_used, long_word, (size_t)len);
            t->arena_used += round8(len);
        }
        return e;
    }
}

/* Is there room for n_words more, of which the long ones take n_bytes? */
static int room(const fsg_word_table *t, int64_t n_words, int64_t n_bytes)
{
    int64_t types = t->n_types + n_words, bytes = t->arena_used + n_bytes;
    if (types > FSG_TEXT_MAX_TYPES || bytes > 8 * (int64_t)UINT32_MAX) return FSG_TEXT_TOO_MANY;
    if (types > table_limit(t->capacity)) return FSG_TEXT_GROW_TABLE;
    return bytes > t->arena_size ? FSG_TEXT_GROW_ARENA : FSG_TEXT_OK;
}

void fsg_text_rehash(const fsg_word_table *from, fsg_word_table *to)
{
    fsg_word *entries = to->entries;
    int64_t capacity = to->capacity;
    *to = *from;
    to->entries = entries;
    to->capacity = capacity;
    int shift = table_shift(capacity);
    for (int64_t i = 0; i < from->capacity; i++) {
        const fsg_word *e = &from->entries[i];
        if (!e->key1) continue;
        int64_t slot = home(hash_key(from->seed, e->key0, e->key1), shift);
        while (entries[slot].key1) slot = (slot + 1) & (capacity - 1);
        entries[slot] = *e;
    }
}

int fsg_text_merge(fsg_word_table *t, const fsg_word_table *other, int64_t *slot, int32_t *map)
{
    int shift = table_shift(t->capacity);
    for (; *slot < other->capacity; ++*slot) {
        const fsg_word *from = &other->entries[*slot];
        if (!from->key1) continue;
        int is_long = (from->key1 & LONG_KEY) != 0;
        int code = room(t, 1, is_long ? round8(word_length(from)) : 0);
        if (code) return code;
        const uint8_t *word = is_long ? long_bytes(other, from) : NULL;
        uint64_t key0 = from->key0, key1 = from->key1;
        /* the tables may differ in their seeds */
        if (is_long) make_keys(t->seed, word, word_length(from), &key0, &key1);
        fsg_word *e = enter(t, shift, hash_key(t->seed, key0, key1), key0, key1, word);
        e->count += from->count;
        map[from->id] = e->id;
    }
    return FSG_TEXT_OK;
}

void fsg_text_index(const fsg_word_table *t, int64_t *counts, int64_t *slots)
{
    for (int64_t slot = 0; slot < t->capacity; slot++) {
        const fsg_word *e = &t->entries[slot];
        if (!e->key1) continue;
        counts[e->id] = e->count;
        slots[e->id] = slot;
    }
}

int64_t fsg_text_words(const fsg_word_table *t, const int64_t *slots, const int64_t *ids, int64_t n,
                       uint8_t *out)
{
    int64_t used = 0;
    for (int64_t i = 0; i < n; i++) {
        const fsg_word *e = &t->entries[slots[ids[i]]];
        int64_t len = word_length(e);
        if (out) {
            if (e->key1 & LONG_KEY) memcpy(out + used, long_bytes(t, e), (size_t)len);
            else
                for (int64_t b = 0; b < len; b++)
                    out[used + b] = (uint8_t)((b < 8 ? e->key0 : e->key1) >> (8 * (b & 7)));
            out[used + len] = '\n';
        }
        used += len + 1;
    }
    return used;
}

/* ---- UTF-8 ---- */

static inline int tail_byte(uint8_t b) { return (b & 0xC0) == 0x80; }

/* Length of the sequence that a byte >= 0x80 at p begins; 0: invalid. The space behind the text stops it. */
static inline int sequence_length(const uint8_t *p)
{
    uint8_t a = p[0], b = p[1];
    if (a < 0xC2) return 0;
    if (a < 0xE0) return tail_byte(b) ? 2 : 0;
    if (!tail_byte(b) || !tail_byte(p[2])) return 0;
    if (a < 0xF0) /* overlong; surrogates */
        return (a == 0xE0 && b < 0xA0) || (a == 0xED && b > 0x9F) ? 0 : 3;
    if (!tail_byte(p[3]) || a > 0xF4) return 0;
    return (a == 0xF0 && b < 0x90) || (a == 0xF4 && b > 0x8F) ? 0 : 4; /* overlong; above U+10FFFF */
}

/* White space beyond ASCII: U+0085 U+00A0 | U+1680 | U+2000-200A U+2028 U+2029 U+202F | U+205F | U+3000. */
static inline int is_wide_space2(const uint8_t *p) { return p[0] == 0xC2 && (p[1] == 0x85 || p[1] == 0xA0); }

static inline int is_wide_space3(const uint8_t *p)
{
    uint8_t a = p[0], b = p[1], c = p[2];
    if (a == 0xE2 && b == 0x80) return c <= 0x8A || c == 0xA8 || c == 0xA9 || c == 0xAF;
    if (a == 0xE2) return b == 0x81 && c == 0x9F;
    return (a == 0xE1 && b == 0x9A && c == 0x80) || (a == 0xE3 && b == 0x80 && c == 0x80);
}

static inline int ascii32(const uint8_t *p)
{
    return !((load8(p) | load8(p + 8) | load8(p + 16) | load8(p + 24)) & HIGHS);
}

int64_t fsg_text_clean(uint8_t *text, int64_t n)
{
    int64_t i = 0, bad = n;
    while (i < n) {
        if (text[i] < 0x80) {
            while (i + 32 <= n && ascii32(text + i)) i += 32;
            while (i < n && text[i] < 0x80) i++;
            continue;
        }
        int len = sequence_length(text + i);
        if (!len) {
            if (bad == n) bad = i;
            len = 1;
        } else if ((len == 2 && is_wide_space2(text + i)) ||
                   (len == 3 && text[i] <= 0xE3 && is_wide_space3(text + i))) {
            memset(text + i, ' ', (size_t)len);
        }
        i += len;
    }
    return bad;
}

int64_t fsg_text_last_space(const uint8_t *text, int64_t n)
{
    for (int64_t i = n - 1; i >= 0; i--) {
        if (text[i] < 0x80 ? KIND[text[i]] : (i >= 1 && is_wide_space2(text + i - 1))) return i + 1;
        if (i >= 2 && tail_byte(text[i]) && is_wide_space3(text + i - 2)) return i + 1;
    }
    return 0;
}

int64_t fsg_text_last_char(const uint8_t *text, int64_t n)
{
    for (int64_t i = n - 1; i > 0; i--) {
        if (!tail_byte(text[i])) return i;
        /* No sequence has more than three tail bytes: behind three of them, a fourth belongs to nothing. */
        if (i >= 3 && tail_byte(text[i - 1]) && tail_byte(text[i - 2]) && tail_byte(text[i - 3])) return i;
    }
    return 0;
}

/* ---- tokenizers ---- */

/* A line ends after n_tokens tokens. Ends of empty lines count too: they number the lines behind them. */
static inline void mark_end(fsg_text_run *run, int64_t n_tokens) { run->ends[run->n_ends++] = n_tokens; }

int64_t fsg_text_long_word(const uint8_t *text, int64_t n, int64_t max_word)
{
    const uint8_t *p = text, *end = text + n;
    while (p < end) {
        if (KIND[*p]) {
            p++;
            continue;
        }
        const uint8_t *stop = word_end(p);
        if (stop - p > max_word) return p - text;
        p = stop;
    }
    return -1;
}

/* Words of one batch, cut but not yet looked up. */
typedef struct {
    uint64_t key0[BATCH], key1[BATCH], hash[BATCH];
    const uint8_t *start[BATCH];
    int64_t n, long_bytes;
} word_batch;

/* Cuts up to BATCH words at p; returns where it stopped, NULL at a word above max_word, then at run->pos. */
static inline const uint8_t *cut_batch(const fsg_word_table *t, const uint8_t *text, const uint8_t *p,
                                       const uint8_t *end, int64_t max_word, word_batch *words,
                                       fsg_text_run *run)
{
    int shift = table_shift(t->capacity);
    words->n = words->long_bytes = 0;
    while (words->n < BATCH) {
        for (; p < end && KIND[*p]; p++)
            if (KIND[*p] == 2) mark_end(run, run->n_tokens + words->n);
        if (p >= end) break;
        uint64_t key0 = load8(p), key1 = load8(p + 8), marks0 = low_bytes(key0), marks1 = low_bytes(key1);
        int64_t len = FSG_TEXT_INLINE;
        if (LIKELY(marks0)) {
            len = first_mark(marks0);
            key0 &= mask_below(marks0);
            key1 = (uint64_t)len << 56;
        } else if (LIKELY(marks1)) {
            len = 8 + first_mark(marks1);
            key1 = (key1 & mask_below(marks1)) | (uint64_t)len << 56;
        }
        if (!LIKELY(len < FSG_TEXT_INLINE && KIND[p[len]])) { /* long, or a control character inside */
            len = word_end(p + len) - p;
            if (len <= max_word) make_keys(t->seed, p, len, &key0, &key1);
            if (len >= FSG_TEXT_INLINE) words->long_bytes += round8(len);
        }
        if (!LIKELY(len <= max_word)) {
            run->pos = p - text;
            return NULL;
        }
        uint64_t hash = hash_key(t->seed, key0, key1);
        __builtin_prefetch(&t->entries[home(hash, shift)], 1);
        words->key0[words->n] = key0;
        words->key1[words->n] = key1;
        words->hash[words->n] = hash;
        words->start[words->n++] = p;
        p += len;
    }
    return p;
}

int fsg_text_encode_words(fsg_word_table *t, const uint8_t *text, int64_t n, int64_t max_word,
                          fsg_text_run *run)
{
    const uint8_t *p = text + run->pos, *end = text + n;
    int shift = table_shift(t->capacity);
    word_batch words;
    while (p < end) {
        int64_t n_ends = run->n_ends;
        p = cut_batch(t, text, p, end, max_word, &words, run);
        if (!p) return FSG_TEXT_LONG_WORD;
        int code = room(t, words.n, words.long_bytes);
        if (code) { /* as if this batch had not been cut */
            run->n_ends = n_ends;
            return code;
        }
        for (int64_t i = 0; i < words.n; i++) {
            fsg_word *e = enter(t, shift, words.hash[i], words.key0[i], words.key1[i], words.start[i]);
            e->count++;
            run->tokens[run->n_tokens + i] = e->id;
        }
        run->n_tokens += words.n;
        run->pos = p - text;
    }
    return FSG_TEXT_OK;
}

/* Code point of the valid sequence at *p, which moves behind it. */
static inline int32_t next_char(const uint8_t **p)
{
    const uint8_t *s = *p;
    int32_t a = s[0];
    *p += a < 0x80 ? 1 : a < 0xE0 ? 2 : a < 0xF0 ? 3 : 4;
    if (a < 0x80) return a;
    if (a < 0xE0) return (a & 0x1F) << 6 | (s[1] & 0x3F);
    if (a < 0xF0) return (a & 0x0F) << 12 | (s[1] & 0x3F) << 6 | (s[2] & 0x3F);
    return (a & 0x07) << 18 | (s[1] & 0x3F) << 12 | (s[2] & 0x3F) << 6 | (s[3] & 0x3F);
}

void fsg_text_encode_chars(const uint8_t *text, int64_t n, int64_t *counts, fsg_text_run *run)
{
    const uint8_t *p = text, *end = text + n;
    while (p < end) {
        uint8_t kind = KIND[*p];
        if (kind) {
            if (kind == 2) mark_end(run, run->n_tokens);
            p++;
            continue;
        }
        int32_t c = next_char(&p);
        counts[c]++;
        run->tokens[run->n_tokens++] = c;
    }
    run->pos = n;
}

/* ---- from local to final ids ---- */

int64_t fsg_text_remap(int32_t *tokens, int64_t n, const int32_t *map, int64_t *ends, int64_t n_ends)
{
    int64_t kept = 0, i = 0;
    for (int64_t e = 0; e <= n_ends; e++) {
        int64_t stop = e < n_ends ? ends[e] : n;
        for (; i < stop; i++) {
            int32_t id = map[tokens[i]];
            tokens[kept] = id;
            kept += id >= 0;
        }
        if (e < n_ends) ends[e] = kept;
    }
    return kept;
}

int64_t fsg_text_drop_empty(int64_t *ends, int64_t n)
{
    int64_t kept = 0, before = 0;
    for (int64_t i = 0; i < n; i++) {
        if (ends[i] == before) continue;
        before = ends[kept++] = ends[i];
    }
    return kept;
}
