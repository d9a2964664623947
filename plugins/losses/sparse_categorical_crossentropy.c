/* SPDX-License-Identifier: MIT */
/* sparse_categorical_crossentropy: one class out of many, by its index. */
#include "logits.h"

#include <math.h>

#define CHUNK 256     /* reals of room on the stack */
#define EPSILON 1e-7  /* probabilities stay this far from 0 and 1 */

typedef struct sparse_categorical_crossentropy {
  int64_t ignore_class; /* INT64_MIN: none */
} sparse_categorical_crossentropy;

static const nacre_param params[] = {
  NACRE_PARAM(sparse_categorical_crossentropy, ignore_class, "null", NULL,
              "", "A class whose rows have no loss and no gradient.", 0),
};

/* What a row's target says. */
#define SKIP (-1)
#define BAD (-2)

/* The class that `target` names in [0, cols), SKIP or BAD. */
static int64_t class_of(const sparse_categorical_crossentropy *cfg,
                        real target, int64_t cols) {
  if (cfg->ignore_class != INT64_MIN &&
      (double)target == (double)cfg->ignore_class) {
    return SKIP;
  }
  if (!(target >= 0 && (double)target < (double)cols)) {
    return BAD;
  }
  int64_t index = (int64_t)target;
  return (real)index == target ? index : BAD;
}

/* The same, with the fault of a bad one noted. */
static int64_t row_class(nacre_loss_run *run, int64_t row) {
  int64_t index = class_of(run->cfg, run->target[row], run->cols);
  if (index == BAD && !run->fault) {
    run->fault = 1;
    run->fault_row = row;
  }
  return index;
}

/* x: [n] */
NACRE_KERNEL
static double sum_of(int64_t n, const real *restrict x) {
  double lane[LANES] = { 0 };
  int64_t j = 0;
  for (; j + LANES <= n; j += LANES) {
    for (int k = 0; k < LANES; k++) {
      lane[k] += (double)x[j + k];
    }
  }
  double sum = ((lane[0] + lane[4]) + (lane[1] + lane[5])) +
               ((lane[2] + lane[6]) + (lane[3] + lane[7]));
  for (; j < n; j++) {
    sum += (double)x[j];
  }
  return sum;
}

/* loss = log(sum of exp(x - max)) - (x[class] - max). The exponentials of
 * the whole tile are taken in `room` ([rows, cols]: prob or dy) in one call;
 * until they are summed up, loss holds max - x[class]. */
static void logits_in(nacre_loss_run *run, int64_t first, int64_t rows,
                      real *room) {
  const int64_t cols = run->cols;
  for (int64_t i = 0; i < rows; i++) {
    const real *x = run->y + (first + i) * cols;
    real most = largest(cols, x);
    int64_t index = row_class(run, first + i);
    run->loss[first + i] =
      index >= 0 ? (double)most - (double)x[index] : 0.0;
    subtract(cols, x, most, room + i * cols);
  }
  run->math->exp(run->math, rows * cols, room, room);
  for (int64_t i = 0; i < rows; i++) {
    real *e = room + i * cols;
    double sum = sum_of(cols, e);
    int64_t index = class_of(run->cfg, run->target[first + i], cols);
    if (index >= 0) {
      run->loss[first + i] += log(sum);
    }
    if (run->dy != NULL) {
      real *dy = run->dy + (first + i) * cols;
      double factor = index >= 0 ? factor_of(run, first + i) : 0.0;
      scaled(cols, (real)(factor / sum), e, dy);
      if (index >= 0) {
        dy[index] -= (real)factor;
      }
    }
    if (run->prob != NULL) {
      scaled(cols, (real)(1.0 / sum), e, e);
    }
  }
}

/* The loss alone of one row too wide for the stack. */
static void logits_wide(nacre_loss_run *run, int64_t row) {
  const int64_t cols = run->cols;
  const real *x = run->y + row * cols;
  real room[CHUNK];
  int64_t index = row_class(run, row);
  run->loss[row] = 0.0;
  if (index < 0) {
    return;
  }
  real most = largest(cols, x);
  double sum = 0.0;
  for (int64_t j = 0; j < cols; j += CHUNK) {
    int64_t n = cols - j < CHUNK ? cols - j : CHUNK;
    subtract(n, x + j, most, room);
    run->math->exp(run->math, n, room, room);
    sum += sum_of(n, room);
  }
  run->loss[row] = log(sum) + ((double)most - (double)x[index]);
}

static void logits(nacre_loss_run *run) {
  const int64_t cols = run->cols;
  if (run->prob != NULL || run->dy != NULL) {
    logits_in(run, 0, run->rows, run->prob != NULL ? run->prob : run->dy);
    return;
  }
  const int64_t step = cols <= CHUNK ? CHUNK / cols : 1;
  for (int64_t i = 0; i < run->rows; i += step) {
    if (cols > CHUNK) {
      logits_wide(run, i);
    } else {
      real room[CHUNK];
      logits_in(run, i, run->rows - i < step ? run->rows - i : step, room);
    }
  }
}

static double clipped(real p) {
  const double least = EPSILON, most = 1.0 - EPSILON;
  double x = (double)p;
  return x < least ? least : x > most ? most : x;
}

/* Keras's loss of probabilities: they are clipped and, because it hands
 * their logarithms to a softmax, brought to a sum of 1. */
static void probabilities(nacre_loss_run *run) {
  const int64_t cols = run->cols;
  for (int64_t i = 0; i < run->rows; i++) {
    const real *p = run->y + i * cols;
    int64_t index = row_class(run, i);
    double factor = index >= 0 ? factor_of(run, i) : 0.0;
    double sum = 0.0;
    for (int64_t j = 0; j < cols; j++) {
      sum += clipped(p[j]);
    }
    run->loss[i] = index >= 0 ? log(sum) - log(clipped(p[index])) : 0.0;
    if (run->dy == NULL) {
      continue;
    }
    for (int64_t j = 0; j < cols; j++) {
      double x = (double)p[j];
      double slope = 1.0 / sum - (j == index ? 1.0 / x : 0.0);
      bool inside = x >= EPSILON && x <= 1.0 - EPSILON;
      run->dy[i * cols + j] = (real)(inside ? factor * slope : 0.0);
    }
  }
}

static void rows(nacre_loss_run *run) {
  if (run->on_logits) {
    logits(run);
  } else {
    probabilities(run);
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
  .name = "sparse_categorical_crossentropy",
  .summary = "Cross-entropy of one class out of many, given by its index",
  .doc =
    "loss = -log p[target]; the target is a whole number in [0, classes).\n\n"
    "After a softmax it is computed from the softmax's input z, as "
    "log(sum of exp(z - max)) - (z[target] - max); elsewhere p is kept within "
    "[1e-7, 1 - 1e-7] and brought to a sum of 1.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(sparse_categorical_crossentropy),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(sparse_categorical_crossentropy, component)
