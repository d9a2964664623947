/* SPDX-License-Identifier: MIT */
/* cosine_similarity: the angle between two vectors, as a loss. */
#include <math.h>
#include <nacre/plugin.h>

#define SHORTEST 1e-7 /* vectors are divided by no less than this */

/* With u = y / |y| and v = target / |target|, dloss/dy = (u (u v) - v) / |y|.
 * A vector shorter than SHORTEST is divided by that, whose slope is 0.
 * y, t, dy: [cols]. */
static double row(int64_t cols, const real *y, const real *t, double factor,
                  real *dy) {
  double yy = 0.0, tt = 0.0, yt = 0.0;
  for (int64_t j = 0; j < cols; j++) {
    yy += (double)y[j] * (double)y[j];
    tt += (double)t[j] * (double)t[j];
    yt += (double)y[j] * (double)t[j];
  }
  const double least = SHORTEST * SHORTEST;
  double y_norm = yy < least ? SHORTEST : sqrt(yy);
  double t_norm = tt < least ? SHORTEST : sqrt(tt);
  double cosine = yt / (y_norm * t_norm);
  if (dy != NULL) {
    double along = yy < least ? 0.0 : factor * cosine / (y_norm * y_norm);
    double across = factor / (y_norm * t_norm);
    for (int64_t j = 0; j < cols; j++) {
      dy[j] = (real)(along * (double)y[j] - across * (double)t[j]);
    }
  }
  return -cosine;
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
  .rows = rows,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_LOSS,
  .contract = 1,
  .name = "cosine_similarity",
  .summary = "Minus the cosine of the angle between y and target",
  .doc =
    "loss = -(y / |y|) (target / |target|), the inner product over the last "
    "axis: -1 for one direction, 0 at right angles, 1 for opposite ones. "
    "Vectors shorter than 1e-7 are divided by 1e-7.",
  .params = NACRE_EMPTY_SPAN,
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(cosine_similarity, component)
