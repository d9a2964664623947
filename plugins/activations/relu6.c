/* SPDX-License-Identifier: MIT */
/* relu6: rectified linear unit that stops at 6. */
#include <nacre/plugin.h>

/* NaN passes through: it answers no to both questions. */
NACRE_KERNEL
static void compute(int64_t n, const real *x, real *y) {
  for (int64_t i = 0; i < n; i++) {
    real v = x[i] <= 0 ? 0 : x[i];
    y[i] = v > 6 ? 6 : v;
  }
}

NACRE_KERNEL
static void derive(int64_t n, const real *y, const real *dy, real *dx) {
  for (int64_t i = 0; i < n; i++) {
    real d = dy[i];
    real low = y[i] <= 0 ? 0 : d;
    dx[i] = y[i] >= 6 ? 0 : low;
  }
}

static void forward(const nacre_math *math, const void *cfg, int64_t rows,
                    int64_t cols, const real *x, real *y) {
  (void)math;
  (void)cfg;
  compute(rows * cols, x, y);
}

static void backward(const nacre_math *math, const void *cfg, int64_t rows,
                     int64_t cols, const real *y, const real *dy, real *dx) {
  (void)math;
  (void)cfg;
  derive(rows * cols, y, dy, dx);
}

static const nacre_activation_ops ops = {
  .size = sizeof(ops), .flags = NACRE_ACT_POINTWISE | NACRE_ACT_NEED_Y,
  .call = { forward, backward, NULL },
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_ACTIVATION, .contract = 1,
  .name = "relu6", .summary = "Rectified linear unit that stops at 6",
  .doc = "f(x) = min(max(x, 0), 6). As Keras's relu6.",
  .params = NACRE_EMPTY_SPAN, .ops = &ops,
};

NACRE_COMPONENT_MODULE(relu6, component)
