/* SPDX-License-Identifier: MIT */
/* exponential: exp(x). */
#include <nacre/plugin.h>

NACRE_KERNEL
static void derive(int64_t n, const real *y, const real *dy, real *dx) {
  for (int64_t i = 0; i < n; i++) {
    dx[i] = dy[i] * y[i];
  }
}

static void forward(const nacre_math *math, const void *cfg, int64_t rows,
                    int64_t cols, const real *x, real *y) {
  (void)cfg;
  math->exp(math, rows * cols, x, y);
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
  .name = "exponential", .summary = "Exponential function",
  .doc = "f(x) = exp(x). As Keras's exponential.",
  .params = NACRE_EMPTY_SPAN, .ops = &ops,
};

NACRE_COMPONENT_MODULE(exponential, component)
