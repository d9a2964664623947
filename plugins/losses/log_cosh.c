/* SPDX-License-Identifier: MIT */
/* log_cosh: like half the square for small errors, like the absolute value
 * for large ones, and smooth between them. */
#include <nacre/plugin.h>

#define CHUNK 256 /* elements worked on at a time, on the stack */
#define LOG_2 0.69314718055994530942

/* e = y - t and -2 |e|; y, t, error, twice: [n]. */
NACRE_KERNEL
static void errors(int64_t n, const real *restrict y, const real *restrict t,
                   real *restrict error, real *restrict twice) {
  for (int64_t j = 0; j < n; j++) {
    error[j] = y[j] - t[j];
    twice[j] = (real)-2 * (error[j] < 0 ? -error[j] : error[j]);
  }
}

/* Below 1, log cosh e = -log(1 - tanh^2 e) / 2 keeps the digits that
 * |e| + log(1 + exp(-2 |e|)) - log 2 would cancel. `power` comes with
 * exp(-2 |e|) and leaves with what log1p is taken of. */
NACRE_KERNEL
static void choose(int64_t n, const real *restrict error,
                   const real *restrict tanh, real *restrict power) {
  for (int64_t j = 0; j < n; j++) {
    real square = -tanh[j] * tanh[j];
    power[j] = error[j] > -1 && error[j] < 1 ? square : power[j];
  }
}

static double add(int64_t n, const real *error, const real *log) {
  double sum = 0.0;
  for (int64_t j = 0; j < n; j++) {
    double size = error[j] < 0 ? -(double)error[j] : (double)error[j];
    sum += size < 1.0 ? -0.5 * (double)log[j]
                      : size + (double)log[j] - LOG_2;
  }
  return sum;
}

static void rows(nacre_loss_run *run) {
  const nacre_math *math = run->math;
  const int64_t cols = run->cols;
  const double mean = 1.0 / (double)cols;
  real error[CHUNK], tanh[CHUNK], log[CHUNK];
  for (int64_t i = 0; i < run->rows; i++) {
    double factor = run->weight != NULL ? run->weight[i] : run->scale;
    double sum = 0.0;
    for (int64_t j = 0; j < cols; j += CHUNK) {
      const int64_t at = i * cols + j;
      int64_t n = cols - j < CHUNK ? cols - j : CHUNK;
      errors(n, run->y + at, run->target + at, error, log);
      math->exp(math, n, log, log);
      math->tanh(math, n, error, tanh);
      choose(n, error, tanh, log);
      math->log1p(math, n, log, log);
      sum += add(n, error, log);
      for (int64_t k = 0; run->dy != NULL && k < n; k++) {
        run->dy[at + k] = (real)(mean * factor) * tanh[k];
      }
    }
    run->loss[i] = mean * sum;
  }
}

static const nacre_loss_ops ops = {
  .size = sizeof(nacre_loss_ops),
  .rows = rows,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_LOSS,
  .contract = 1,
  .name = "log_cosh",
  .aliases = "logcosh",
  .summary = "Logarithm of the hyperbolic cosine of the error",
  .doc =
    "loss = mean over the last axis of log(cosh(y - target)): about e^2 / 2 "
    "for a small error e and |e| - log 2 for a large one.",
  .params = NACRE_EMPTY_SPAN,
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(log_cosh, component)
