/* See decimal.h for what the functions promise. */
#include "decimal.h"

#include <stddef.h>
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

enum { MOST_DIGITS = 19, EXACT_POWER = 22, MOST_POWER = 66 };

/* A decimal number as read: (-1)^negative w 10^scale; `cut` where digits beyond the 19th were left out. */
struct decimal {
    uint64_t w;
    int64_t scale;
    int negative, cut;
};

static int is_digit(char c) { return c >= '0' && c <= '9'; }

/* The digits from p on, before the point or behind it; returns where they end. */
static const char *read_digits(const char *p, int is_fraction, int *used, struct decimal *number)
{
    for (; is_digit(*p); p++) {
        if (*used < MOST_DIGITS) {
            number->w = number->w * 10 + (uint64_t)(*p - '0');
            *used += number->w != 0;
            number->scale -= is_fraction;
        } else {
            number->cut = 1;
            number->scale += !is_fraction;
        }
    }
    return p;
}

/* The parts of a number; NULL where it is none. */
static const char *read_parts(const char *p, struct decimal *number)
{
    int used = 0;
    number->negative = *p == '-';
    p += *p == '-' || *p == '+';
    const char *const whole = p;
    p = read_digits(p, 0, &used, number);
    const int has_whole = p > whole;
    if (*p == '.') {
        const char *const fraction = ++p;
        p = read_digits(p, 1, &used, number);
        if (p == fraction && !has_whole) return NULL;
    } else if (!has_whole) {
        return NULL;
    }
    if (*p == 'e' || *p == 'E') {
        const int is_below = *++p == '-';
        p += *p == '-' || *p == '+';
        if (!is_digit(*p)) return NULL;
        int e = 0;
        for (; is_digit(*p); p++) {
            if (e > 999) return NULL;
            e = 10 * e + (*p - '0');
        }
        number->scale += is_below ? -e : e;
    }
    return p;
}

/* Up to 2^53 and 10^22 both factors are exact, so their product or quotient is the rounded number itself.
 * Elsewhere w, up to three powers and what was cut off err by less than 2^-51 in all: where both ends of an
 * interval of 2^-50 give one float, the number gives it too. */
const char *fsg_read_decimal(const char *text, float *out)
{
    static const double POWER[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                   1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    struct decimal number = {0, 0, 0, 0};
    const char *const end = read_parts(text, &number);
    if (end == NULL || number.scale < -MOST_POWER || number.scale > MOST_POWER) return NULL;
    double d = (double)number.w;
    int64_t left = number.scale < 0 ? -number.scale : number.scale;
    const int is_exact = !number.cut && number.w <= ((uint64_t)1 << 53) && left <= EXACT_POWER;
    for (; left > 0; left -= EXACT_POWER) {
        const double power = POWER[left < EXACT_POWER ? left : EXACT_POWER];
        d = number.scale < 0 ? d / power : d * power;
    }
    if (d > 1e38) return NULL;
    const float low = (float)(is_exact ? d : d * (1 - 0x1p-50));
    const float high = (float)(is_exact ? d : d * (1 + 0x1p-50));
    if (low != high) return NULL;
    *out = number.negative ? -low : low;
    return end;
}
