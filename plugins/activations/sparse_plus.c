/* SPDX-License-Identifier: MIT */
/* sparse_plus: softplus that is exactly 0 and x outside [-1, 1]. */
#include <nacre/plugin.h>

NACRE_KERNEL
static void compute(int64_t n, const real *x, real *y) {
  for (int64_t i = 0; i < n; i++) {
    real curve = (x[i] + 1) * (x[i] + 1) * (real)0.25;
    real low = x[i] <= -1 ? 0 : curve;
    y[i] = x[i] >= 1 ? x[i] : low;
  }
}

NACRE_KERNEL
static void derive(int64_t n, const real *x, const real *dy, real *dx) {
  for (int64_t i = 0; i < n; i++) {
    real low = x[i] <= -1 ? 0 : (x[i] + 1) * (real)0.5;
    dx[i] = dy[i] * (x[i] >= 1 ? 1 : low);
  }
}

static void forward(const nacre_math *math, const void *cfg, int64_t rows,
                    int64_t cols, const real *x, real *y) {
  (void)math;
  (void)cfg;
  compute(rows * cols, x, y);
}

static void backward(const nacre_math *math, const void *cfg, int64_t rows,
                     int64_t cols, const real *x, const real *dy, real *dx) {
  (void)math;
  (void)cfg;
  derive(rows * cols, x, dy, dx);
}

static const nacre_activation_ops ops = {
  .size = sizeof(ops), .flags = NACRE_ACT_POINTWISE | NACRE_ACT_NEED_X,
  .call = { forward, backward, NULL },
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_ACTIVATION, .contract = 1,
  .name = "sparse_plus",
  .summary = "Softplus that is exactly 0 below -1 and x above 1",
  .doc = "f(x) = 0 for x <= -1, x for x >= 1, otherwise (x + 1)^2 / 4. "
         "As Keras's sparse_plus.",
  .params = NACRE_EMPTY_SPAN, .ops = &ops,
};

NACRE_COMPONENT_MODULE(sparse_plus, component)
