/* SPDX-License-Identifier: MIT */
/* huber: squared for small errors, absolute for large ones. */
#include <nacre/plugin.h>

typedef struct huber {
  double delta;
} huber;

static const nacre_param params[] = {
  NACRE_PARAM(huber, delta, "1", "(0,inf)", "",
              "Errors above this count linearly.", 0),
};

/* Sum over one row; y, t, dy: [cols]. */
static double row(double delta, int64_t cols, const real *y, const real *t,
                  double slope, real *dy) {
  double sum = 0.0;
  for (int64_t j = 0; j < cols; j++) {
    double error = (double)y[j] - (double)t[j];
    double bound = error > delta ? delta : error < -delta ? -delta : error;
    sum += bound * (error - 0.5 * bound);
    if (dy != NULL) {
      dy[j] = (real)(slope * bound);
    }
  }
  return sum;
}

static void rows(nacre_loss_run *run) {
  const huber *cfg = run->cfg;
  const int64_t cols = run->cols;
  const double mean = 1.0 / (double)cols;
  for (int64_t i = 0; i < run->rows; i++) {
    double factor = run->weight != NULL ? run->weight[i] : run->scale;
    run->loss[i] = mean * row(cfg->delta, cols, run->y + i * cols,
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
  .name = "huber",
  .summary = "Squared for small errors, absolute for large ones",
  .doc =
    "loss = mean over the last axis of e^2 / 2 where |e| <= delta, and of "
    "delta (|e| - delta / 2) elsewhere; e = y - target.\n\n"
    "Huber, Robust estimation of a location parameter, Annals of "
    "Mathematical Statistics 35, 1964.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(huber),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(huber, component)
