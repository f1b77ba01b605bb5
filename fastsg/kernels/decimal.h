/* Numbers as text. No allocation, no locale. */
#ifndef FASTSG_DECIMAL_H
#define FASTSG_DECIMAL_H

/* Characters that one number takes at most: -1.17549435e-38 has 15. */
#define FSG_DECIMAL_MOST 16

/* x as printf's %.9g writes it, without a final zero byte: nine digits bring every float32 back. Returns the
 * number of characters; 0 where |x| is below 1e-4, not below 1e9, NaN or too near the middle of two results:
 * there the caller uses a slower way. */
int fsg_decimal(float x, char *out);

/* The number that starts at text, such as -12.5e-3: rounded to double and then to float, as Python's float()
 * and NumPy round. Something that is no part of a number must follow it. Returns where it ends; NULL where it
 * is not that plain, beyond 1e38, or too near the middle of two results: there the caller uses a slower way. */
const char *fsg_read_decimal(const char *text, float *out);

#endif
