/* SPDX-License-Identifier: MIT */
/* reduce: sums, and the plain passes over arrays. */
#ifndef NACRE_DEVICES_REDUCE_H
#define NACRE_DEVICES_REDUCE_H

typedef double vwide __attribute__((vector_size(LANE_BYTES)));
#define WIDE ((int64_t)(LANE_BYTES / sizeof(double)))
#define CHAINS 16 /* partial sums, whatever the instruction set */

/* WIDE reals as doubles. */
ALWAYS vwide wide_load(const real *p) {
#ifdef NACRE_DOUBLE
  return (vwide)v_load(p);
#else
  typedef float vhalf __attribute__((vector_size(LANE_BYTES / 2)));
  vhalf half;
  memcpy(&half, p, sizeof half);
  return __builtin_convertvector(half, vwide);
#endif
}

/* The products of floats are exact in double, and every instruction set adds
 * the same CHAINS partial sums in the same tree: the same bits everywhere. */
ALWAYS double sum_of(int64_t n, const real *x, const real *y) {
  vwide chain[CHAINS / WIDE];
  UNROLL for (int j = 0; j < CHAINS / WIDE; j++) {
    chain[j] = (vwide){ 0 };
  }
  int64_t i = 0;
  for (; i + CHAINS <= n; i += CHAINS) {
    UNROLL for (int j = 0; j < CHAINS / WIDE; j++) {
      vwide value = wide_load(x + i + j * WIDE);
      if (y != NULL) {
        value *= wide_load(y + i + j * WIDE);
      }
      chain[j] += value;
    }
  }
  double sum[CHAINS];
  memcpy(sum, chain, sizeof sum);
  for (; i < n; i++) {
    double value = (double)x[i];
    if (y != NULL) {
      value *= (double)y[i];
    }
    sum[i % CHAINS] += value;
  }
  for (int half = CHAINS / 2; half > 0; half /= 2) {
    for (int j = 0; j < half; j++) {
      sum[j] += sum[j + half];
    }
  }
  return sum[0];
}

static double KERNEL(sum)(int64_t n, const real *x) {
  return sum_of(n, x, NULL);
}

static double KERNEL(dot)(int64_t n, const real *x, const real *y) {
  return sum_of(n, x, y);
}

/* Runs of this many rows are summed on their own first: the error grows with
 * the run and the number of runs, not with the number of rows. */
#define RUN 128

ALWAYS vreal col_sum_lanes(int64_t rows, const real *x, int64_t ldx,
                           part mask) {
  vreal total = { 0 };
  for (int64_t i = 0; i < rows; i += RUN) {
    int64_t stop = i + RUN < rows ? i + RUN : rows;
    vreal run = { 0 };
    for (int64_t r = i; r < stop; r++) {
      run += v_load_part(x + r * ldx, mask);
    }
    total += run;
  }
  return total;
}

static void KERNEL(col_sum)(int64_t rows, int64_t cols, const real *x,
                            int64_t ldx, real *y) {
  for (int64_t j = 0; j < cols; j += LANES) {
    part mask = part_first(cols - j);
    vreal sum = col_sum_lanes(rows, x + j, ldx, mask);
    v_store_part(y + j, mask, v_load_part(y + j, mask) + sum);
  }
}

static void KERNEL(fill)(int64_t n, real value, real *y) {
  const vreal v = v_set(value);
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    v_store(y + i, v);
  }
  if (i < n) {
    v_store_part(y + i, part_first(n - i), v);
  }
}

static void KERNEL(axpy)(int64_t n, real a, const real *x, real *y) {
  const vreal v = v_set(a);
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    v_store(y + i, v_fma(v, v_load(x + i), v_load(y + i)));
  }
  if (i < n) {
    part rest = part_first(n - i);
    v_store_part(y + i, rest, v_fma(v, v_load_part(x + i, rest),
                                    v_load_part(y + i, rest)));
  }
}

static void KERNEL(scale)(int64_t n, real a, real *y) {
  const vreal v = v_set(a);
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    v_store(y + i, v * v_load(y + i));
  }
  if (i < n) {
    part rest = part_first(n - i);
    v_store_part(y + i, rest, v * v_load_part(y + i, rest));
  }
}

#endif
