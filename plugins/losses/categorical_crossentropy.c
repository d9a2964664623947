/* SPDX-License-Identifier: MIT */
/* categorical_crossentropy: a distribution over classes against another. */
#include "logits.h"

#include <math.h>

#define CHUNK 256     /* reals of room on the stack */
#define EPSILON 1e-7  /* probabilities stay this far from 0 and 1 */

typedef struct categorical_crossentropy {
  double label_smoothing;
} categorical_crossentropy;

static const nacre_param params[] = {
  NACRE_PARAM(categorical_crossentropy, label_smoothing, "0", "[0,1]", "",
              "How far targets are drawn towards all classes alike.", 0),
};

/* Targets after smoothing are keep * target + lift. */
typedef struct smoothing {
  double keep, lift;
} smoothing;

/* With t summing to T, the row's loss is T log(sum of exp(x - max)) -
 * sum of t (x - max), and its derivative T p - t. */
typedef struct row_sums {
  double exp, target, product;
} row_sums;

/* Adds columns [0, n) of a row: e holds exp(x - most). */
static void add_sums(smoothing smooth, int64_t n, const real *x,
                     const real *t, const real *e, real most, row_sums *s) {
  for (int64_t j = 0; j < n; j++) {
    double tj = smooth.keep * (double)t[j] + smooth.lift;
    s->exp += (double)e[j];
    s->target += tj;
    s->product += tj != 0.0 ? tj * ((double)x[j] - (double)most) : 0.0;
  }
}

/* The exponentials of the whole tile are taken in `room` ([rows, cols]: prob
 * or dy) in one call; until they are summed up, loss holds the maximum. */
static void logits_in(nacre_loss_run *run, smoothing smooth, int64_t first,
                      int64_t rows, real *room) {
  const int64_t cols = run->cols;
  for (int64_t i = 0; i < rows; i++) {
    const real *x = run->y + (first + i) * cols;
    real most = largest(cols, x);
    run->loss[first + i] = (double)most;
    subtract(cols, x, most, room + i * cols);
  }
  run->math->exp(run->math, rows * cols, room, room);
  for (int64_t i = 0; i < rows; i++) {
    const int64_t at = (first + i) * cols;
    const real *t = run->target + at;
    real *e = room + i * cols;
    row_sums s = { 0.0, 0.0, 0.0 };
    add_sums(smooth, cols, run->y + at, t, e, (real)run->loss[first + i], &s);
    run->loss[first + i] = s.target * log(s.exp) - s.product;
    if (run->dy != NULL) {
      real *dy = run->dy + at;
      double factor = factor_of(run, first + i);
      const real keep = (real)(factor * smooth.keep);
      const real lift = (real)(factor * smooth.lift);
      scaled(cols, (real)(factor * s.target / s.exp), e, dy);
      for (int64_t j = 0; j < cols; j++) {
        dy[j] -= keep * t[j] + lift;
      }
    }
    if (run->prob != NULL) {
      scaled(cols, (real)(1.0 / s.exp), e, e);
    }
  }
}

/* The loss alone of one row, in pieces that fit the stack. */
static void logits_value(nacre_loss_run *run, smoothing smooth, int64_t row) {
  const int64_t cols = run->cols;
  const real *x = run->y + row * cols, *t = run->target + row * cols;
  real most = largest(cols, x);
  real e[CHUNK];
  row_sums s = { 0.0, 0.0, 0.0 };
  for (int64_t j = 0; j < cols; j += CHUNK) {
    int64_t n = cols - j < CHUNK ? cols - j : CHUNK;
    subtract(n, x + j, most, e);
    run->math->exp(run->math, n, e, e);
    add_sums(smooth, n, x + j, t + j, e, most, &s);
  }
  run->loss[row] = s.target * log(s.exp) - s.product;
}

/* Keras's loss of probabilities q = p / sum(p), clipped. A clipped class
 * has no slope of its own but still weighs in the sum:
 * dloss/dp[j] = (sum over k of t[k] [k inside] - t[j] [j inside] / q[j])
 * / sum(p). */
static void probabilities(nacre_loss_run *run, smoothing smooth,
                          int64_t row) {
  const int64_t cols = run->cols;
  const real *p = run->y + row * cols, *t = run->target + row * cols;
  const double least = EPSILON, most = 1.0 - EPSILON;
  double sum = 0.0, loss = 0.0, inside = 0.0;
  for (int64_t j = 0; j < cols; j++) {
    sum += (double)p[j];
  }
  if (sum == 0.0) { /* no class at all: each is clipped from 0 */
    sum = 1.0;
  }
  for (int64_t j = 0; j < cols; j++) {
    double tj = smooth.keep * (double)t[j] + smooth.lift;
    double q = (double)p[j] / sum;
    loss -= tj * log(q < least ? least : q > most ? most : q);
    inside += q >= least && q <= most ? tj : 0.0;
  }
  run->loss[row] = loss;
  if (run->dy == NULL) {
    return;
  }
  const double factor = factor_of(run, row);
  for (int64_t j = 0; j < cols; j++) {
    double tj = smooth.keep * (double)t[j] + smooth.lift;
    double q = (double)p[j] / sum;
    double own = q >= least && q <= most ? tj / q : 0.0;
    run->dy[row * cols + j] = (real)(factor * (inside - own) / sum);
  }
}

static void rows(nacre_loss_run *run) {
  const categorical_crossentropy *cfg = run->cfg;
  const smoothing smooth = { 1.0 - cfg->label_smoothing,
                             cfg->label_smoothing / (double)run->cols };
  if (run->on_logits && (run->prob != NULL || run->dy != NULL)) {
    logits_in(run, smooth, 0, run->rows,
              run->prob != NULL ? run->prob : run->dy);
    return;
  }
  for (int64_t i = 0; i < run->rows; i++) {
    if (run->on_logits) {
      logits_value(run, smooth, i);
    } else {
      probabilities(run, smooth, i);
    }
  }
}

static const nacre_loss_ops ops = {
  .size = sizeof(nacre_loss_ops),
  .flags = NACRE_LOSS_CLASSES,
  .undoes = "softmax",
  .rows = rows,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_LOSS,
  .contract = 1,
  .name = "categorical_crossentropy",
  .summary = "Cross-entropy of one-hot targets or distributions over classes",
  .doc =
    "loss = -sum over classes of t log p, where t is the target after label "
    "smoothing, t (1 - s) + s / classes.\n\n"
    "After a softmax it is computed from the softmax's input, which neither "
    "overflows nor loses digits; elsewhere p is brought to a sum of 1 and "
    "kept within [1e-7, 1 - 1e-7].",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(categorical_crossentropy),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(categorical_crossentropy, component)
