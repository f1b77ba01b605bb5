/* Small symmetric matrices in double, on one thread: the same bits everywhere, which no LAPACK promises. */
#ifndef FASTSG_SMALL_H
#define FASTSG_SMALL_H

#include <stdint.h>

/* A (n, n), positive definite, becomes its inverse; its lower triangle is read, scratch (n, n) is written.
 * Returns 0, or 1 if A is not positive definite: A is spoilt then. */
int fsg_invert(double *A, int64_t n, double *scratch);

/* Eigenvalues (n), falling, and eigenvectors, the columns of V (n, n), of a symmetric A (n, n), by cyclic
 * Jacobi rotations. A is overwritten. */
void fsg_eigen(double *A, int64_t n, double *values, double *V);

#endif
