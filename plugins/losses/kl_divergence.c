/* SPDX-License-Identifier: MIT */
/* kl_divergence: how far a predicted distribution is from the target's. */
#include <nacre/plugin.h>

#define CHUNK 256    /* elements worked on at a time, on the stack */
#define EPSILON 1e-7 /* probabilities stay this far from 0 */

/* ratio = t / y, both kept within [EPSILON, 1], and dy where y needed no
 * keeping. y, t, ratio, dy: [n]. */
NACRE_KERNEL
static void ratios(int64_t n, const real *restrict y, const real *restrict t,
                   real slope, real *restrict ratio, real *restrict dy) {
  const real least = (real)EPSILON, most = (real)1;
  for (int64_t j = 0; j < n; j++) {
    real low = t[j] < least ? least : t[j];
    real from = low > most ? most : low;
    real above = y[j] < least ? least : y[j];
    real to = above > most ? most : above;
    real inside = y[j] >= least && y[j] <= most ? slope : (real)0;
    ratio[j] = from / to;
    dy[j] = -inside * ratio[j];
  }
}

/* Sum of t log; log: [n] logarithms of the ratios. */
static double weigh(int64_t n, const real *t, const real *log) {
  double sum = 0.0;
  for (int64_t j = 0; j < n; j++) {
    double low = t[j] < (real)EPSILON ? EPSILON : (double)t[j];
    sum += (low > 1.0 ? 1.0 : low) * (double)log[j];
  }
  return sum;
}

static void rows(nacre_loss_run *run) {
  const int64_t cols = run->cols;
  real ratio[CHUNK], unwanted[CHUNK];
  for (int64_t i = 0; i < run->rows; i++) {
    double factor = run->weight != NULL ? run->weight[i] : run->scale;
    double sum = 0.0;
    for (int64_t j = 0; j < cols; j += CHUNK) {
      const int64_t at = i * cols + j;
      int64_t n = cols - j < CHUNK ? cols - j : CHUNK;
      ratios(n, run->y + at, run->target + at, (real)factor, ratio,
             run->dy != NULL ? run->dy + at : unwanted);
      run->math->log(run->math, n, ratio, ratio);
      sum += weigh(n, run->target + at, ratio);
    }
    run->loss[i] = sum;
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
  .name = "kl_divergence",
  .aliases = "kld",
  .summary = "Distance of a predicted distribution from the target's",
  .doc =
    "loss = sum over the last axis of t log(t / y), with both kept within "
    "[1e-7, 1].\n\nKullback and Leibler, On information and sufficiency, "
    "Annals of Mathematical Statistics 22, 1951.",
  .params = NACRE_EMPTY_SPAN,
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(kl_divergence, component)
