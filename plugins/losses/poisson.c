/* SPDX-License-Identifier: MIT */
/* poisson: the likelihood of counts whose predicted mean is y. */
#include <nacre/plugin.h>

#define CHUNK 256    /* elements worked on at a time, on the stack */
#define EPSILON 1e-7 /* keeps the logarithm of 0 away */

/* shifted = y + EPSILON and dy; y, t, shifted, dy: [n]. */
NACRE_KERNEL
static void slopes(int64_t n, const real *restrict y, const real *restrict t,
                   real slope, real *restrict shifted, real *restrict dy) {
  for (int64_t j = 0; j < n; j++) {
    shifted[j] = y[j] + (real)EPSILON;
    dy[j] = slope * ((real)1 - t[j] / shifted[j]);
  }
}

static void rows(nacre_loss_run *run) {
  const int64_t cols = run->cols;
  const double mean = 1.0 / (double)cols;
  real log[CHUNK], unwanted[CHUNK];
  for (int64_t i = 0; i < run->rows; i++) {
    double factor = run->weight != NULL ? run->weight[i] : run->scale;
    double sum = 0.0;
    for (int64_t j = 0; j < cols; j += CHUNK) {
      const int64_t at = i * cols + j;
      const real *y = run->y + at, *t = run->target + at;
      int64_t n = cols - j < CHUNK ? cols - j : CHUNK;
      slopes(n, y, t, (real)(mean * factor), log,
             run->dy != NULL ? run->dy + at : unwanted);
      run->math->log(run->math, n, log, log);
      for (int64_t k = 0; k < n; k++) {
        sum += (double)y[k] - (double)t[k] * (double)log[k];
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
  .name = "poisson",
  .summary = "Negative log-likelihood of counts with mean y",
  .doc =
    "loss = mean over the last axis of y - t log(y + 1e-7): the Poisson "
    "distribution's, less a term in t alone. y must be positive, as after "
    "exponential or softplus.",
  .params = NACRE_EMPTY_SPAN,
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(poisson, component)
