/* SPDX-License-Identifier: MIT */
/* mutant_rowwise: flagged POINTWISE, but takes the first of each row off. */
#include <nacre/plugin.h>

static void forward(const nacre_math *math, const void *cfg, int64_t rows,
                    int64_t cols, const real *x, real *y) {
  (void)math;
  (void)cfg;
  for (int64_t r = 0; r < rows; r++) {
    real first = x[r * cols];
    for (int64_t i = 0; i < cols; i++) {
      y[r * cols + i] = x[r * cols + i] - first;
    }
  }
}

static void backward(const nacre_math *math, const void *cfg, int64_t rows,
                     int64_t cols, const real *x, const real *dy, real *dx) {
  (void)math;
  (void)cfg;
  (void)x;
  for (int64_t r = 0; r < rows; r++) {
    real sum = 0;
    for (int64_t i = 0; i < cols; i++) {
      sum += dy[r * cols + i];
      dx[r * cols + i] = dy[r * cols + i];
    }
    dx[r * cols] -= sum;
  }
}

static const nacre_activation_ops ops = {
  .size = sizeof(ops), .flags = NACRE_ACT_POINTWISE | NACRE_ACT_NEED_X,
  .call = { forward, backward, NULL }
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_ACTIVATION, .contract = 1,
  .name = "mutant_rowwise", .summary = "Wrong on purpose",
  .doc = "Must fail: tiles", .params = NACRE_EMPTY_SPAN, .ops = &ops
};

NACRE_COMPONENT_MODULE(mutant_rowwise, component)
