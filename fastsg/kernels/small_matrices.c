/* See small_matrices.h for what each function promises. */
#include "small_matrices.h"

#include <math.h>
#include <string.h>

/* x' y of n numbers: four chains, so that each need not wait for the one before it. */
static double product(const double *x, const double *y, int64_t n)
{
    double sum[4] = {0, 0, 0, 0};
    int64_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (int j = 0; j < 4; j++) sum[j] += x[i + j] * y[i + j];
    for (; i < n; i++) sum[0] += x[i] * y[i];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* y += a x of n numbers. */
static void add(double *y, double a, const double *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++) y[i] += a * x[i];
}

/* X = L^-1 where A = L L'. A row and column of A of whose square no more than the part `least` is left, when
 * those before are taken away, is left out: its row of X is zero. Returns how many are. X and L are triangular,
 * and of A the lower triangle is read. */
static int64_t inverse_root(const double *A, int64_t n, double least, double *L, double *X)
{
    int64_t left_out = 0;
    memset(L, 0, (size_t)(n * n) * sizeof *L);
    memset(X, 0, (size_t)(n * n) * sizeof *X);
    for (int64_t i = 0; i < n; i++) {
        double *row = L + i * n, *inverse = X + i * n;
        for (int64_t j = 0; j < i; j++)
            if (L[j * n + j] > 0) row[j] = (A[i * n + j] - product(row, L + j * n, j)) / L[j * n + j];
        const double rest = A[i * n + i] - product(row, row, i);
        if (!(rest > least * A[i * n + i])) { /* also for NaN */
            memset(row, 0, (size_t)n * sizeof *row);
            left_out++;
            continue;
        }
        row[i] = sqrt(rest);
        for (int64_t j = 0; j < i; j++) add(inverse, -row[j] / row[i], X + j * n, j + 1);
        inverse[i] = 1 / row[i];
    }
    return left_out;
}

int fsg_invert(double *A, int64_t n, double *scratch)
{
    double *X = scratch, *L = scratch + n * n;
    if (inverse_root(A, n, 0, L, X)) return 1;
    memset(A, 0, (size_t)(n * n) * sizeof *A);
    for (int64_t i = 0; i < n; i++) /* A^-1 = X' X */
        for (int64_t j = 0; j <= i; j++) add(A + j * n, X[i * n + j], X + i * n, i + 1);
    return 0;
}

void fsg_orthonormal(const double *A, int64_t n, double *scratch, double *X)
{
    inverse_root(A, n, 1e-12, scratch, X);
}

void fsg_reflect(double *A, int64_t n, int64_t k, double *diagonal, double *beside, double *scratch)
{
    double *v = A + k * n + k + 1, *w = scratch;
    const int64_t m = n - k - 1; /* of what is left below and beside row k */
    diagonal[k] = A[k * n + k];
    if (m < 1) {
        beside[k] = 0;
        return;
    }
    const double rest = m > 1 ? product(v + 1, v + 1, m - 1) : 0;
    if (!(rest > 0)) { /* it is tridiagonal here */
        beside[k] = v[0];
        v[0] = 0;
        return;
    }
    /* v, of length 2^1/2, so that 1 - v v' turns the row into (beside, 0, 0, ...). */
    const double norm = sqrt(v[0] * v[0] + rest);
    beside[k] = v[0] > 0 ? -norm : norm;
    v[0] -= beside[k];
    const double scale = sqrt(2 / (v[0] * v[0] + rest));
    for (int64_t i = 0; i < m; i++) v[i] *= scale;
    /* (1 - v v') B (1 - v v') = B - v w' - w v', w = B v - (v' B v / 2) v. */
    double *B = A + (k + 1) * n + k + 1;
    for (int64_t i = 0; i < m; i++) w[i] = product(B + i * n, v, m);
    const double half = product(v, w, m) / 2;
    for (int64_t i = 0; i < m; i++) w[i] -= half * v[i];
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < m; j++) B[i * n + j] -= v[i] * w[j] + w[i] * v[j];
}

/* Two rows turned by the angle whose cosine and sine are c and s. */
static void rotate(double *x, double *y, int64_t n, double c, double s)
{
    for (int64_t i = 0; i < n; i++) {
        const double a = x[i], b = y[i];
        x[i] = c * a - s * b;
        y[i] = s * a + c * b;
    }
}

enum { MOST_SWEEPS = 60 }; /* two or three are the rule */

/* One sweep from row m up to row l, shifted by what the two numbers at l suggest. */
static void sweep(double *diagonal, double *beside, double *rows, int64_t n, int64_t l, int64_t m)
{
    double g = (diagonal[l + 1] - diagonal[l]) / (2 * beside[l]), r = sqrt(g * g + 1), s = 1, c = 1, p = 0;
    g = diagonal[m] - diagonal[l] + beside[l] / (g + (g < 0 ? -r : r));
    for (int64_t i = m - 1; i >= l; i--) {
        const double f = s * beside[i], b = c * beside[i];
        r = sqrt(f * f + g * g);
        beside[i + 1] = r;
        if (!(r > 0)) { /* it has fallen into two */
            diagonal[i + 1] -= p;
            beside[m] = 0;
            return;
        }
        s = f / r;
        c = g / r;
        g = diagonal[i + 1] - p;
        r = (diagonal[i] - g) * s + 2 * c * b;
        p = s * r;
        diagonal[i + 1] = g + p;
        g = c * r - b;
        rotate(rows + i * n, rows + (i + 1) * n, n, c, s);
    }
    diagonal[l] -= p;
    beside[l] = g;
    beside[m] = 0;
}

void fsg_settle(double *diagonal, double *beside, double *rows, int64_t n, int64_t l)
{
    for (int count = 0; count < MOST_SWEEPS; count++) {
        int64_t m = l;
        while (m < n - 1 && fabs(beside[m]) > 0x1p-53 * (fabs(diagonal[m]) + fabs(diagonal[m + 1]))) m++;
        if (m == l) return;
        sweep(diagonal, beside, rows, n, l, m);
    }
}

void fsg_reflect_back(const double *A, int64_t n, double *row)
{
    for (int64_t k = n - 3; k >= 0; k--) {
        const double *v = A + k * n + k + 1;
        const double along = product(v, row + k + 1, n - k - 1);
        for (int64_t i = 0; i < n - k - 1; i++) row[k + 1 + i] -= along * v[i];
    }
}
