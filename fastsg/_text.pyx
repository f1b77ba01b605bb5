"""Thin binding of kernels/text.c, decimal.c and vector_rows.c: checks sizes, makes room, holds no GIL while
it works. Knows no files and no tokenizer but white space and characters."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t, uintptr_t
from libc.string cimport memcpy

import numpy as np

cdef extern from "text.h" nogil:
    enum:
        FSG_TEXT_PAD
        FSG_TEXT_OK, FSG_TEXT_GROW_TABLE, FSG_TEXT_GROW_ARENA, FSG_TEXT_LONG_WORD, FSG_TEXT_TOO_MANY
    ctypedef struct fsg_word:
        pass
    ctypedef struct fsg_word_table:
        fsg_word *entries
        uint8_t *arena
        int64_t capacity, n_types, arena_size, arena_used
        uint64_t seed
    ctypedef struct fsg_text_run:
        int32_t *tokens
        int64_t *ends
        int64_t pos, n_tokens, n_ends
    int64_t fsg_text_clean(uint8_t *text, int64_t n) noexcept
    int64_t fsg_text_last_space(const uint8_t *text, int64_t n) noexcept
    int64_t fsg_text_last_char(const uint8_t *text, int64_t n) noexcept
    int64_t fsg_text_long_word(const uint8_t *text, int64_t n, int64_t max_word) noexcept
    int fsg_text_encode_words(
        fsg_word_table *table, const uint8_t *text, int64_t n, int64_t max_word, fsg_text_run *run) noexcept
    void fsg_text_encode_chars(const uint8_t *text, int64_t n, int64_t *counts, fsg_text_run *run) noexcept
    void fsg_text_rehash(const fsg_word_table *source, fsg_word_table *to) noexcept
    int fsg_text_merge(
        fsg_word_table *table, const fsg_word_table *other, int64_t *slot, int32_t *map) noexcept
    void fsg_text_index(const fsg_word_table *table, int64_t *counts, int64_t *slots) noexcept
    int64_t fsg_text_words(
        const fsg_word_table *table, const int64_t *slots, const int64_t *ids, int64_t n,
        uint8_t *out) noexcept
    int64_t fsg_text_remap(
        int32_t *tokens, int64_t n, const int32_t *map, int64_t *ends, int64_t n_ends) noexcept
    int64_t fsg_text_drop_empty(int64_t *ends, int64_t n) noexcept

cdef extern from "decimal.h" nogil:
    enum:
        FSG_DECIMAL_MOST
    int fsg_decimal(float x, char *out) noexcept

cdef extern from "vector_rows.h" nogil:
    enum:
        FSG_ROWS_DONE, FSG_ROWS_MORE, FSG_ROWS_ODD
    ctypedef struct fsg_rows:
        const char *data
        int64_t n, pos, H, most, max_word
        float *values
        char *words
        int64_t words_used, rows
        int is_led
    int fsg_rows_of_text(fsg_rows *run) noexcept
    int fsg_rows_of_binary(fsg_rows *run) noexcept

PAD = FSG_TEXT_PAD
N_CODE_POINTS = 0x110000
ROWS_DONE, ROWS_MORE, ROWS_ODD = FSG_ROWS_DONE, FSG_ROWS_MORE, FSG_ROWS_ODD
cdef Py_ssize_t ALIGN = 64
cdef str NO_PAD = "text needs a space and PAD bytes behind it"


cdef int need(bint enough, str what) except -1:
    if not enough:
        raise ValueError(what)
    return 0


cdef uint8_t *aligned(uint8_t[::1] owner) noexcept:
    """First address on a cache line inside a buffer made ALIGN bytes larger than asked."""
    return <uint8_t *> ((<uintptr_t> &owner[0] + ALIGN - 1) & ~<uintptr_t> (ALIGN - 1))


cdef class WordTable:
    """Words met so far, numbered in the order in which they were first met, with their counts.

    One thread at a time may use a table. ``capacity`` (a power of two) and ``seed`` change neither words nor
    counts.
    """

    cdef fsg_word_table table
    cdef uint8_t[::1] entries, arena

    def __init__(self, int64_t capacity=1 << 15, uint64_t seed=0):
        need(capacity >= 64 and capacity & (capacity - 1) == 0,
             "capacity must be a power of two and at least 64")
        self.entries = np.zeros(capacity * sizeof(fsg_word) + ALIGN, dtype=np.uint8)
        self.arena = np.empty(4096 + ALIGN, dtype=np.uint8)
        self.table = fsg_word_table(
            <fsg_word *> aligned(self.entries), aligned(self.arena), capacity, 0, 4096, 0, seed)

    def __len__(self):
        return self.table.n_types

    cdef int make_room(self, int code, int64_t long_bytes) except -1:
        """Make the room that a code asks for."""
        if code == FSG_TEXT_TOO_MANY:
            raise OverflowError("more than 2**31 - 2 different words (or 32 GiB of long ones)")
        if code == FSG_TEXT_GROW_ARENA:
            self.grow_arena(long_bytes)
        else:
            self.grow_table()
        return 0

    cdef int grow_table(self) except -1:
        cdef fsg_word_table larger
        entries = np.zeros(2 * self.table.capacity * sizeof(fsg_word) + ALIGN, dtype=np.uint8)
        cdef uint8_t[::1] view = entries
        larger.entries = <fsg_word *> aligned(view)
        larger.capacity = 2 * self.table.capacity
        with nogil:
            fsg_text_rehash(&self.table, &larger)
        self.entries = view
        self.table = larger
        return 0

    cdef int grow_arena(self, int64_t more) except -1:
        cdef int64_t size = (self.table.arena_size + max(self.table.arena_size // 2, more) + 7) // 8 * 8
        cdef uint8_t[::1] view = np.empty(size + ALIGN, dtype=np.uint8)
        memcpy(aligned(view), self.table.arena, <size_t> self.table.arena_used)
        self.arena = view
        self.table.arena = aligned(view)
        self.table.arena_size = size
        return 0

    def encode(
            self, const uint8_t[::1] text, int64_t n, int64_t max_word, int32_t[::1] tokens,
            int64_t[::1] ends):
        """Ids of the words of ``text[:n]``, which is clean; ``text[n]`` is a space.

        Returns
        -------
        n_tokens, n_ends : int  How much of ``tokens`` and ``ends`` (tokens before each line end) was written.
        long_at : int           Where the first word of more than ``max_word`` bytes starts, or -1.
        """
        need(0 <= n and text.shape[0] >= n + FSG_TEXT_PAD and text[n] == 32, NO_PAD)
        need(tokens.shape[0] > n // 2 and ends.shape[0] >= max(n, 1), "tokens or ends is too short")
        cdef fsg_text_run run = fsg_text_run(&tokens[0], &ends[0], 0, 0, 0)
        cdef int code = FSG_TEXT_GROW_TABLE
        while True:
            with nogil:
                code = fsg_text_encode_words(&self.table, &text[0], n, max_word, &run)
            if code == FSG_TEXT_OK:
                return run.n_tokens, run.n_ends, -1
            if code == FSG_TEXT_LONG_WORD:
                return run.n_tokens, run.n_ends, run.pos
            self.make_room(code, n)

    def merge(self, WordTable other):
        """Enter the words and counts of another table, of another seed; returns the ids that its words have
        here, int32."""
        ids = np.empty(len(other) + 1, dtype=np.int32)
        cdef int32_t[::1] view = ids
        cdef int64_t slot = 0
        cdef int code
        while True:
            with nogil:
                code = fsg_text_merge(&self.table, &other.table, &slot, &view[0])
            if code == FSG_TEXT_OK:
                return ids[: len(other)]
            self.make_room(code, other.table.arena_used)

    def index(self):
        """Counts, int64, and entry numbers, int64, of the words in order of their ids."""
        counts = np.empty(len(self) + 1, dtype=np.int64)
        slots = np.empty(len(self) + 1, dtype=np.int64)
        cdef int64_t[::1] counts_view = counts, slots_view = slots
        with nogil:
            fsg_text_index(&self.table, &counts_view[0], &slots_view[0])
        return counts[: len(self)], slots[: len(self)]

    def words(self, const int64_t[::1] slots, const int64_t[::1] ids):
        """The words of some ids, as a list of str; ``slots`` from :meth:`index`."""
        cdef int64_t n = ids.shape[0], i, size
        if n == 0:
            return []
        need(slots.shape[0] == self.table.n_types, "slots is not of this table")
        for i in range(n):
            need(0 <= ids[i] < slots.shape[0], "an id is not of this table")
        size = fsg_text_words(&self.table, &slots[0], &ids[0], n, NULL)
        blob = bytearray(size)
        cdef uint8_t[::1] view = blob
        with nogil:
            fsg_text_words(&self.table, &slots[0], &ids[0], n, &view[0])
        return blob[: size - 1].decode().split("\n")


def encode_chars(
        const uint8_t[::1] text, int64_t n, int64_t[::1] counts, int32_t[::1] tokens, int64_t[::1] ends):
    """Code points of ``text[:n]``, which is clean and valid UTF-8, without white space; ``counts`` is added
    to.

    Returns ``n_tokens, n_ends`` as :meth:`WordTable.encode` does.
    """
    need(0 <= n and text.shape[0] >= n + FSG_TEXT_PAD and text[n] == 32, NO_PAD)
    need(tokens.shape[0] > n and ends.shape[0] >= max(n, 1), "tokens or ends is too short")
    need(counts.shape[0] == N_CODE_POINTS, "counts needs one element for each code point")
    cdef fsg_text_run run = fsg_text_run(&tokens[0], &ends[0], 0, 0, 0)
    with nogil:
        fsg_text_encode_chars(&text[0], n, &counts[0], &run)
    return run.n_tokens, run.n_ends


def clean(uint8_t[::1] text, int64_t n):
    """Overwrite wide white space of ``text[:n]`` with spaces; returns where invalid UTF-8 starts, ``n`` if
    nowhere."""
    need(0 <= n and text.shape[0] >= n + FSG_TEXT_PAD and text[n] == 32, NO_PAD)
    cdef int64_t bad
    with nogil:
        bad = fsg_text_clean(&text[0], n)
    return bad


def long_word(const uint8_t[::1] text, int64_t n, int64_t max_word):
    """Where the first word of more than ``max_word`` bytes of clean ``text[:n]`` starts, or -1."""
    need(0 <= n and text.shape[0] >= n + FSG_TEXT_PAD and text[n] == 32, NO_PAD)
    return fsg_text_long_word(&text[0], n, max_word)


def last_space(const uint8_t[::1] text, int64_t n):
    """Position behind the last white space of ``text[:n]``, 0 if there is none."""
    need(0 <= n <= text.shape[0], "n is outside the text")
    return fsg_text_last_space(&text[0], n) if n else 0


def last_char(const uint8_t[::1] text, int64_t n):
    """Start of the last character of ``text[:n]``, 0 if that is its first."""
    need(0 <= n <= text.shape[0], "n is outside the text")
    return fsg_text_last_char(&text[0], n) if n else 0


def remap(int32_t[::1] tokens, const int32_t[::1] ids, int64_t[::1] ends):
    """Replace tokens by ``ids[token]`` in place, leaving out those below 0; ``ends`` follow. Returns how many
    are kept. Every token must be a place in ``ids``; this is not checked."""
    cdef int64_t n = tokens.shape[0], n_ends = ends.shape[0], kept
    cdef int32_t *first = &tokens[0] if n else NULL
    cdef const int32_t *first_id = &ids[0] if n else NULL
    cdef int64_t *first_end = &ends[0] if n_ends else NULL
    with nogil:
        kept = fsg_text_remap(first, n, first_id, first_end, n_ends)
    return kept


def drop_empty(int64_t[::1] ends):
    """Keep in place the ends above the one before (0 at first); returns how many are kept."""
    return fsg_text_drop_empty(&ends[0], ends.shape[0]) if ends.shape[0] else 0


def format_rows(words: list[bytes], const float[:, :] rows not None) -> bytes:
    """A line for each word: the word and its numbers as %.9g writes them, separated by spaces."""
    cdef Py_ssize_t i, j, n = rows.shape[0], H = rows.shape[1], at = 0
    cdef int length
    cdef bytes word, text
    if len(words) != n:
        raise ValueError(f"there are {len(words)} words and {n} rows; they must be equal")
    out = bytearray(sum(map(len, words)) + n * (H * (1 + FSG_DECIMAL_MOST) + 1))
    cdef char[::1] o = out
    for i in range(n):
        word = words[i]
        memcpy(&o[at], <const char *> word, len(word))
        at += len(word)
        for j in range(H):
            o[at] = c' '
            at += 1
            length = fsg_decimal(rows[i, j], &o[at])
            if length == 0:
                text = b"%.9g" % rows[i, j]
                length = <int> len(text)
                memcpy(&o[at], <const char *> text, length)
            at += length
        o[at] = c'\n'
        at += 1
    return bytes(memoryview(out)[:at])


def read_rows(
        const uint8_t[::1] data not None, int64_t start, bint is_binary, int64_t most, int64_t max_word,
        float[:, ::1] values not None):
    """Up to ``most`` rows of a vector file from ``data[start]`` on, their numbers into ``values``.

    Returns
    -------
    rows, pos : int     How many were read, and where the next one starts.
    words : bytes       Their words, each with a newline behind it.
    code : int          ``ROWS_DONE``; ``ROWS_MORE`` where the data end within a row; ``ROWS_ODD`` where the
                        row at ``pos`` is not plain.
    is_led : bool       Whether a newline stands before the word of the last row of a binary file.
    """
    need(0 <= start <= data.shape[0], "start is outside the data")
    need(most >= 1 and values.shape[0] >= most and values.shape[1] >= 1, "values has no room for the rows")
    need(max_word >= 0, "max_word is negative")
    cdef int code = FSG_ROWS_MORE
    if start == data.shape[0]:
        return 0, start, b"", code, False
    cdef uint8_t[::1] words = np.empty(data.shape[0] - start, dtype=np.uint8)
    cdef fsg_rows run = fsg_rows(
        <const char *> &data[0], data.shape[0], start, values.shape[1], most, max_word, &values[0, 0],
        <char *> &words[0], 0, 0, 0)
    with nogil:
        code = fsg_rows_of_binary(&run) if is_binary else fsg_rows_of_text(&run)
    return run.rows, run.pos, bytes(words[: run.words_used]), code, bool(run.is_led)
