/* SPDX-License-Identifier: MIT */
/* categorical_generalized_cross_entropy: between cross-entropy and absolute
 * error, for wrong labels. */
#include <math.h>
#include <nacre/plugin.h>

#define LEAST 1e-7 /* probabilities have the slope of this one below it */

typedef struct categorical_generalized_cross_entropy {
  double q;
} categorical_generalized_cross_entropy;

static const nacre_param params[] = {
  NACRE_PARAM(categorical_generalized_cross_entropy, q, "0.5", "(0,1)", "",
              "From cross-entropy, near 0, to absolute error, near 1.", 0),
};

/* The class of a row, or -1 if it is none. */
static int64_t class_of(real target, int64_t cols) {
  if (!(target >= 0 && target < (real)cols)) {
    return -1;
  }
  int64_t index = (int64_t)target;
  return (real)index < target || index >= cols ? -1 : index;
}

/* loss = (1 - p^q) / q, p that of class k. On logits dloss/dx[j] =
 * p^q (p[j] - [j = k]); prob, dy: [cols] or NULL. */
static double on_logits(double q, int64_t cols, int64_t k, const real *x,
                        double factor, real *prob, real *dy) {
  double most = (double)x[0], sum = 0.0;
  for (int64_t j = 1; j < cols; j++) {
    most = (double)x[j] > most ? (double)x[j] : most;
  }
  for (int64_t j = 0; j < cols; j++) {
    sum += exp((double)x[j] - most);
  }
  double log_p = (double)x[k] - most - log(sum);
  double power = exp(q * log_p);
  for (int64_t j = 0; j < cols && (prob != NULL || dy != NULL); j++) {
    double pj = exp((double)x[j] - most) / sum;
    if (prob != NULL) {
      prob[j] = (real)pj;
    }
    if (dy != NULL) {
      dy[j] = (real)(factor * power * (pj - (j == k ? 1.0 : 0.0)));
    }
  }
  return -expm1(q * log_p) / q;
}

static double on_probabilities(double q, int64_t cols, int64_t k,
                               const real *p, double factor, real *dy) {
  double pk = (double)p[k];
  for (int64_t j = 0; j < cols && dy != NULL; j++) {
    dy[j] = 0;
  }
  if (dy != NULL) {
    dy[k] = (real)(-factor * pow(pk < LEAST ? LEAST : pk, q - 1.0));
  }
  return (1.0 - pow(pk < 0.0 ? 0.0 : pk, q)) / q;
}

/* A row whose target is no class. */
static void refuse(nacre_loss_run *run, int64_t row) {
  const int64_t at = row * run->cols;
  if (run->fault == 0) {
    run->fault = 1;
    run->fault_row = row;
  }
  run->loss[row] = 0.0;
  for (int64_t j = 0; j < run->cols; j++) {
    if (run->dy != NULL) {
      run->dy[at + j] = 0;
    }
    if (run->prob != NULL) {
      run->prob[at + j] = 0;
    }
  }
}

static void rows(nacre_loss_run *run) {
  const categorical_generalized_cross_entropy *cfg = run->cfg;
  const int64_t cols = run->cols;
  for (int64_t i = 0; i < run->rows; i++) {
    double factor = run->weight != NULL ? run->weight[i] : run->scale;
    int64_t k = class_of(run->target[i], cols), at = i * cols;
    real *dy = run->dy != NULL ? run->dy + at : NULL;
    if (k < 0) {
      refuse(run, i);
    } else if (run->on_logits) {
      run->loss[i] = on_logits(cfg->q, cols, k, run->y + at, factor,
                               run->prob != NULL ? run->prob + at : NULL,
                               dy);
    } else {
      run->loss[i] =
        on_probabilities(cfg->q, cols, k, run->y + at, factor, dy);
    }
  }
}

static const nacre_loss_ops ops = {
  .size = sizeof(nacre_loss_ops),
  .flags = NACRE_LOSS_INDEX | NACRE_LOSS_CLASSES,
  .undoes = "softmax",
  .rows = rows,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_LOSS,
  .contract = 1,
  .name = "categorical_generalized_cross_entropy",
  .summary = "Between cross-entropy and absolute error, for wrong labels",
  .doc =
    "loss = (1 - p^q) / q, p being the probability of the target's class: "
    "near q = 0 the cross-entropy, at q = 1 the absolute error, which "
    "labels that are wrong disturb less. The target is a class index.\n\n"
    "Zhang and Sabuncu, Generalized cross entropy loss for training deep "
    "neural networks with noisy labels, NeurIPS 2018.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(categorical_generalized_cross_entropy),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(categorical_generalized_cross_entropy, component)
