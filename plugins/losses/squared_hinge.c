/* SPDX-License-Identifier: MIT */
/* squared_hinge: the square of the margin loss. */
#include <nacre/plugin.h>

/* Sum over one row; y, t, dy: [cols]. */
static double row(int64_t cols, const real *y, const real *t, double slope,
                  real *dy) {
  double sum = 0.0;
  for (int64_t j = 0; j < cols; j++) {
    double side = t[j] == 0 ? -1.0 : (double)t[j];
    double margin = 1.0 - side * (double)y[j];
    double over = margin < 0.0 ? 0.0 : margin; /* NaN stays */
    sum += over * over;
    if (dy != NULL) {
      dy[j] = (real)(-2.0 * slope * side * over);
    }
  }
  return sum;
}

static void rows(nacre_loss_run *run) {
  const int64_t cols = run->cols;
  const double mean = 1.0 / (double)cols;
  for (int64_t i = 0; i < run->rows; i++) {
    double factor = run->weight != NULL ? run->weight[i] : run->scale;
    run->loss[i] = mean * row(cols, run->y + i * cols,
                              run->target + i * cols, mean * factor,
                              run->dy != NULL ? run->dy + i * cols : NULL);
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
  .name = "squared_hinge",
  .summary = "Square of the margin loss",
  .doc =
    "loss = mean over the last axis of max(1 - t y, 0)^2, with targets t of "
    "-1 and 1; a target of 0 counts as -1, so 0 and 1 serve as well.",
  .params = NACRE_EMPTY_SPAN,
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(squared_hinge, component)
