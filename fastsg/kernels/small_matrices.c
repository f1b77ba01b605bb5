/* See small_matrices.h for what each function promises. */
#include "small_matrices.h"

#include <math.h>
#include <string.h>

/* A = L L', then the columns of the inverse by two substitutions each. scratch holds L. */
int fsg_invert(double *A, int64_t n, double *L)
{
    memset(L, 0, (size_t)(n * n) * sizeof *L);
    for (int64_t j = 0; j < n; j++)
        for (int64_t i = j; i < n; i++) {
            double sum = A[i * n + j];
            for (int64_t t = 0; t < j; t++) sum -= L[i * n + t] * L[j * n + t];
            if (i > j) L[i * n + j] = sum / L[j * n + j];
            else if (sum > 0) L[i * n + i] = sqrt(sum);
            else return 1; /* also for NaN */
        }
    for (int64_t c = 0; c < n; c++) { /* row c of the result is its column: it is symmetric */
        double *x = A + c * n;
        for (int64_t i = 0; i < n; i++) {
            double sum = i == c;
            for (int64_t t = c; t < i; t++) sum -= L[i * n + t] * x[t];
            x[i] = i < c ? 0 : sum / L[i * n + i];
        }
        for (int64_t i = n - 1; i >= 0; i--) {
            double sum = x[i];
            for (int64_t t = i + 1; t < n; t++) sum -= L[t * n + i] * x[t];
            x[i] = sum / L[i * n + i];
        }
    }
    return 0;
}

/* n pairs of elements, `step` apart, turned by the angle whose cosine and sine are c and s. */
static void rotate(double *x, double *y, int64_t n, int64_t step, double c, double s)
{
    for (int64_t i = 0; i < n * step; i += step) {
        const double a = x[i], b = y[i];
        x[i] = c * a - s * b;
        y[i] = s * a + c * b;
    }
}

void fsg_eigen(double *A, int64_t n, double *values, double *V)
{
    memset(V, 0, (size_t)(n * n) * sizeof *V);
    for (int64_t i = 0; i < n; i++) V[i * n + i] = 1;
    for (int sweep = 0; sweep < 50; sweep++) {
        double off = 0, all = 0;
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < n; j++) {
                all += A[i * n + j] * A[i * n + j];
                if (i != j) off += A[i * n + j] * A[i * n + j];
            }
        if (!(off > 1e-26 * all)) break;
        for (int64_t p = 0; p < n; p++)
            for (int64_t q = p + 1; q < n; q++) {
                const double a = A[p * n + q];
                if (a == 0) continue;
                const double theta = (A[q * n + q] - A[p * n + p]) / (2 * a);
                const double t = (theta >= 0 ? 1 : -1) / (fabs(theta) + sqrt(theta * theta + 1)),
                             c = 1 / sqrt(t * t + 1), s = t * c;
                rotate(A + p * n, A + q * n, n, 1, c, s); /* rows, then columns */
                rotate(A + p, A + q, n, n, c, s);
                rotate(V + p, V + q, n, n, c, s);
            }
    }
    for (int64_t i = 0; i < n; i++) values[i] = A[i * n + i];
    for (int64_t i = 0; i < n; i++) { /* order by selection */
        int64_t top = i;
        for (int64_t j = i + 1; j < n; j++)
            if (values[j] > values[top]) top = j;
        const double value = values[i];
        values[i] = values[top];
        values[top] = value;
        for (int64_t r = 0; top != i && r < n; r++) {
            const double v = V[r * n + i];
            V[r * n + i] = V[r * n + top];
            V[r * n + top] = v;
        }
    }
}
