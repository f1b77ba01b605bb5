/* See decimal.h for what the function promises. */
#include "decimal.h"

#include <stdint.h>

enum { DIGITS = 9 };

/* For a = |x|, a 10^(8 - e) lies in [1e8, 1e9): its whole part has the nine digits. Powers of ten up to 1e22
 * are exact, so the product errs by half a unit in the last place, 6e-8 at most; nearer than 1e-6 to a middle
 * nothing is decided. */
int fsg_decimal(float x, char *out)
{
    static const double POWER[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12};
    static const double LEAST[] = {1e-4, 1e-3, 1e-2, 1e-1, 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    const double a = x < 0 ? -(double)x : (double)x;
    if (!(a >= LEAST[0] && a < LEAST[13])) return 0;
    int e = -4;
    while (a >= LEAST[e + 5]) e++;
    const double scaled = a * POWER[8 - e];
    int64_t n = (int64_t)scaled;
    const double rest = scaled - (double)n;
    if (rest > 0.5 - 1e-6 && rest < 0.5 + 1e-6) return 0;
    n += rest > 0.5;
    if (n >= 1000000000) { /* 9.999999999 is written as 10 */
        if (++e == DIGITS) return 0;
        n /= 10;
    }
    char digit[DIGITS];
    for (int i = DIGITS - 1; i >= 0; i--, n /= 10) digit[i] = (char)('0' + n % 10);
    int used = DIGITS, length = 0;
    while (used > 1 && digit[used - 1] == '0') used--;
    if (x < 0) out[length++] = '-';
    if (e < 0) {
        out[length++] = '0';
        out[length++] = '.';
        for (int i = -1; i > e; i--) out[length++] = '0';
    }
    for (int i = 0; i < used || i <= e; i++) {
        if (i == e + 1 && e >= 0) out[length++] = '.';
        out[length++] = digit[i];
    }
    return length;
}
