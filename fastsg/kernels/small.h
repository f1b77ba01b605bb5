/* Small symmetric matrices in double, on one thread: the same bits everywhere, which a LAPACK does not promise. */
#ifndef FASTSG_SMALL_H
#define FASTSG_SMALL_H

#include <stdint.h>

/* A (n, n) positive definite becomes its inverse; the lower triangle is read. Returns 0, or 1 if A is not positive definite. */
int fsg_invert(double *A, int64_t n, double *scratch);

/* Eigenvalues, falling, and eigenvectors (columns of V) of a symmetric A (n, n), by cyclic Jacobi rotations; A is overwritten. */
void fsg_eigen(double *A, int64_t n, double *values, double *V);

#endif
