/* SPDX-License-Identifier: MIT */
/* soft_shrink: moves values towards 0 and stops there. */
#include <nacre/plugin.h>

typedef struct soft_shrink {
  double threshold;
} soft_shrink;

/* NaN, which no comparison holds for, is passed on. */
NACRE_KERNEL
static void compute(int64_t n, real threshold, const real *x, real *y) {
  for (int64_t i = 0; i < n; i++) {
    real low = x[i] < -threshold ? x[i] + threshold : 0;
    real other = x[i] == x[i] ? low : x[i];
    y[i] = x[i] > threshold ? x[i] - threshold : other;
  }
}

/* y is 0 where it is flat, and there alone. */
NACRE_KERNEL
static void derive(int64_t n, const real *y, const real *dy, real *dx) {
  for (int64_t i = 0; i < n; i++) {
    real d = dy[i];
    dx[i] = y[i] == 0 ? 0 : d;
  }
}

static void forward(const nacre_math *math, const void *config, int64_t rows,
                    int64_t cols, const real *x, real *y) {
  (void)math;
  const soft_shrink *cfg = config;
  compute(rows * cols, (real)cfg->threshold, x, y);
}

static void backward(const nacre_math *math, const void *cfg, int64_t rows,
                     int64_t cols, const real *y, const real *dy, real *dx) {
  (void)math;
  (void)cfg;
  derive(rows * cols, y, dy, dx);
}

static const nacre_param params[] = {
  NACRE_PARAM(soft_shrink, threshold, "0.5", "[0,inf)", "",
              "How far values are moved.", 0),
};

static const nacre_activation_ops ops = {
  .size = sizeof(ops), .flags = NACRE_ACT_POINTWISE | NACRE_ACT_NEED_Y,
  .call = { forward, backward, NULL },
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_ACTIVATION, .contract = 1,
  .name = "soft_shrink", .summary = "Moves values towards 0 and stops there",
  .doc = "f(x) = x - threshold for x > threshold, x + threshold for x "
         "< -threshold, otherwise 0. As Keras's soft_shrink.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(soft_shrink), .ops = &ops,
};

NACRE_COMPONENT_MODULE(soft_shrink, component)
