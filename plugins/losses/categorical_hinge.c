/* SPDX-License-Identifier: MIT */
/* categorical_hinge: the right class ahead of all others by a margin. */
#include <nacre/plugin.h>

/* y, t, dy: [cols]. */
static double row(int64_t cols, const real *y, const real *t, double factor,
                  real *dy) {
  double right = 0.0, wrong = 0.0;
  int64_t worst = 0;
  for (int64_t j = 0; j < cols; j++) {
    double other = (1.0 - (double)t[j]) * (double)y[j];
    right += (double)t[j] * (double)y[j];
    if (j == 0 || other > wrong) {
      wrong = other;
      worst = j;
    }
  }
  double loss = wrong - right + 1.0;
  if (dy != NULL) {
    double active = loss > 0.0 ? factor : 0.0;
    for (int64_t j = 0; j < cols; j++) {
      double slope = (j == worst ? 1.0 - (double)t[j] : 0.0) - (double)t[j];
      dy[j] = (real)(active * slope);
    }
  }
  return loss < 0.0 ? 0.0 : loss; /* NaN stays */
}

static void rows(nacre_loss_run *run) {
  const int64_t cols = run->cols;
  for (int64_t i = 0; i < run->rows; i++) {
    double factor = run->weight != NULL ? run->weight[i] : run->scale;
    run->loss[i] = row(cols, run->y + i * cols, run->target + i * cols,
                       factor, run->dy != NULL ? run->dy + i * cols : NULL);
  }
}

static const nacre_loss_ops ops = {
  .size = sizeof(nacre_loss_ops),
  .flags = NACRE_LOSS_CLASSES,
  .rows = rows,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_LOSS,
  .contract = 1,
  .name = "categorical_hinge",
  .summary = "The right class ahead of all others by 1",
  .doc =
    "loss = max(n - p + 1, 0) with p the sum over classes of t y and n the "
    "largest of (1 - t) y, for one-hot targets t.",
  .params = NACRE_EMPTY_SPAN,
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(categorical_hinge, component)
