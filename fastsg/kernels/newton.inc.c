/* A damped Newton step of one row of I. The curvature is the caller's (numerics/newton.py): here comes the
 * gradient already multiplied by its inverse. Needs dot() of exp.inc.c. */

/* I_h -= rate * step, where step = d / (n + prior), shortened to half the row's length plus 0.3 if it is
 * longer. */
static void newton_row(float *I_h, const float *d_h, int64_t H, double n, double prior, double rate)
{
    const double scale = 1.0 / (n + prior), length = __builtin_sqrt((double)dot(d_h, d_h, H)) * scale;
    const double limit = 0.5 * __builtin_sqrt((double)dot(I_h, I_h, H)) + 0.3;
    const float factor = (float)(rate * scale * (length > limit ? limit / length : 1.0));
    for (int64_t h = 0; h < H; h++) I_h[h] -= factor * d_h[h];
}
