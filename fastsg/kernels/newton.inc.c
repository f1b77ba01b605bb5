/* Damped Newton steps of rows of I under a Gaussian prior. The curvature is the caller's (numerics/newton.py).
 * Needs dot() of exp.inc.c and times_rows() of dense.inc.c. */

#define SPARE 20.0 /* pairs that a row is taken to have beyond its own: so its first steps are the shorter */

/* x -= rate * step, the step shortened to half the row's length plus 0.3 if it is longer. */
static void newton_move(float *x_h, const float *step_h, int64_t H, double rate)
{
    const double length = __builtin_sqrt((double)dot(step_h, step_h, H));
    const double limit = 0.5 * __builtin_sqrt((double)dot(x_h, x_h, H)) + 0.3;
    const float factor = (float)(rate * (length > limit ? limit / length : 1.0));
    for (int64_t h = 0; h < H; h++) x_h[h] -= factor * step_h[h];
}

/* The rows ids[0 .. count) of I, whose gradients are those of G: along each axis of the curvature the step is the
 * gradient with the prior's, over (n + SPARE) times the curvature there plus the prior's, and row u goes rate_u[u] of
 * it. scratch has 2 count H numbers. */
static void newton_rows(const fsg_newton *N, float *I_kh, const int32_t *ids, const double *n_u,
                        const double *rate_u, const float *G_uh, int64_t count, int64_t H, float *scratch)
{
    float *d_uh = scratch, *along_uh = scratch + count * H;
    const float prior = (float)N->prior;
    for (int64_t u = 0; u < count; u++)
        for (int64_t h = 0; h < H; h++)
            d_uh[u * H + h] = G_uh[u * H + h] + prior * I_kh[(int64_t)ids[u] * H + h];
    times_rows(d_uh, count, H, N->turned_hh, H, along_uh);
    for (int64_t u = 0; u < count; u++) {
        const float n = (float)(n_u[u] + SPARE);
        for (int64_t h = 0; h < H; h++) along_uh[u * H + h] /= n * N->curvature_h[h] + prior;
    }
    times_rows(along_uh, count, H, N->axes_hh, H, d_uh);
    for (int64_t u = 0; u < count; u++) newton_move(I_kh + (int64_t)ids[u] * H, d_uh + u * H, H, rate_u[u]);
}
