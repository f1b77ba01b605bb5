/* Rows of vector files, text and binary, out of a block of bytes. No allocation, no locale. */
#ifndef FASTSG_VECTOR_ROWS_H
#define FASTSG_VECTOR_ROWS_H

#include <stdint.h>

/* What stopped the reading of a block. */
enum { FSG_ROWS_DONE, FSG_ROWS_MORE, FSG_ROWS_ODD };

/* A block being read.
 *   data (n)           bytes of the file
 *   pos                where the next row starts; moves
 *   H, most, max_word  numbers in a row, rows wanted, bytes that a word may have
 *   values (most, H)   the numbers of the rows read
 *   words (n)          their words, each with a newline behind it; words_used bytes are filled
 *   rows               rows read
 *   is_led             whether a newline stood before the word of the last row (binary) */
typedef struct {
    const char *data;
    int64_t n, pos, H, most, max_word;
    float *values;
    char *words;
    int64_t words_used, rows;
    int is_led;
} fsg_rows;

/* Read rows until there are `most` of them (DONE), the block has no whole one more (MORE), or the row at pos is
 * not plain (ODD): its word is empty, too long or has a control character, its numbers are not H, or one of
 * them needs a slower way. An odd row is left to the caller, who knows what to say about it. */
int fsg_rows_of_text(fsg_rows *run);

/* The same for binary rows: word, space, H little-endian floats; a newline may stand before the word. The
 * bytes of the numbers are copied as they are. */
int fsg_rows_of_binary(fsg_rows *run);

#endif
