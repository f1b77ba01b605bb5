/* Small symmetric matrices in double, on one thread: the same bits everywhere, which no LAPACK promises. */
#ifndef FASTSG_SMALL_H
#define FASTSG_SMALL_H

#include <stdint.h>

/* A (n, n), positive definite, becomes its inverse; its lower triangle is read, scratch (2, n, n) is written.
 * Returns 0, or 1 if A is not positive definite. */
int fsg_invert(double *A, int64_t n, double *scratch);

/* X (n, n), with which the columns of a matrix Y become orthonormal: Y X' is so, where A (n, n) are the products
 * of Y's columns. Columns that those before explain, but for 1e-6 of their length, become zero. The lower
 * triangle of A is read, scratch (n, n) is written. */
void fsg_orthonormal(const double *A, int64_t n, double *scratch, double *X);

/* The eigenvalues and eigenvectors of a symmetric A (n, n), in steps, so that the caller can look about between
 * them. First A becomes tridiagonal by reflections, one for each row: k = 0, 1, ..., n - 1. The reflection stays
 * in row k of A behind the diagonal; diagonal and beside (n) are those of the tridiagonal matrix, scratch has n
 * numbers. */
void fsg_reflect(double *A, int64_t n, int64_t k, double *diagonal, double *beside, double *scratch);

/* Then that becomes diagonal by rotations, by QL steps with implicit shifts: l = 0, 1, ..., n - 1. Each leaves an
 * eigenvalue in diagonal[l], in no order. rows (n, n), the unit matrix before the first, turns along: row l
 * becomes its eigenvector. */
void fsg_settle(double *diagonal, double *beside, double *rows, int64_t n, int64_t l);

/* At last an eigenvector of the tridiagonal matrix becomes one of A. */
void fsg_reflect_back(const double *A, int64_t n, double *row);

#endif
