/* SPDX-License-Identifier: MIT */
/* values: numbers to test with, and comparisons of arrays. */
#ifndef NACRE_CONFORM_VALUES_H
#define NACRE_CONFORM_VALUES_H

#include "suite.h"

/** A uniform number in [0, 1), another one at each call. */
double nacre_values_unit(nacre_suite *);
/** A whole number in [0, n). */
int64_t nacre_values_below(nacre_suite *, int64_t n);

/** Distinct numbers of both signs, in random order, none nearer to 0 than
 *  0.05 nor beyond 2: no kink at 0 and no tie is near. */
void nacre_values_spaced(nacre_suite *, int64_t n, real *x);
/** Uniform in [low, high). */
void nacre_values_between(nacre_suite *, double low, double high, int64_t n,
                          real *x);
/** Whole numbers in [0, below). */
void nacre_values_whole(nacre_suite *, int64_t below, int64_t n, real *x);
/** Rows that are positive and sum to 1. x: [rows, cols] */
void nacre_values_simplex(nacre_suite *, int64_t rows, int64_t cols, real *x);

/** Makes every real a NaN: who reads it is seen. */
void nacre_values_poison(int64_t n, real *x);

/** Index of the first element that differs in its bits, or by more than
 *  `tolerance` relative to the larger of 1 and both; -1: none. NaN equals
 *  NaN. A tolerance of 0 means the same bits. */
int64_t nacre_values_differ(int64_t n, const real *a, const real *b,
                            double tolerance);
/** Index of the first NaN or infinity; -1: none. */
int64_t nacre_values_not_finite(int64_t n, const real *x);

#endif
