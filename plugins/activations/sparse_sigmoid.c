/* SPDX-License-Identifier: MIT */
/* sparse_sigmoid: sigmoid that is exactly 0 and 1 outside [-1, 1]. */
#include <nacre/plugin.h>

NACRE_KERNEL
static void compute(int64_t n, const real *x, real *y) {
  for (int64_t i = 0; i < n; i++) {
    real v = (x[i] + 1) * (real)0.5;
    v = v < 0 ? 0 : v;
    y[i] = v > 1 ? 1 : v;
  }
}

NACRE_KERNEL
static void derive(int64_t n, const real *y, const real *dy, real *dx) {
  for (int64_t i = 0; i < n; i++) {
    real d = dy[i] * (real)0.5;
    real low = y[i] <= 0 ? 0 : d;
    dx[i] = y[i] >= 1 ? 0 : low;
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
  .name = "sparse_sigmoid",
  .summary = "Sigmoid that is exactly 0 below -1 and 1 above 1",
  .doc = "f(x) = min(max((x + 1) / 2, 0), 1).\n\n"
         "As Keras's sparse_sigmoid. Blondel, Martins and Niculae, "
         "\"Learning classifiers with Fenchel-Young losses\", AISTATS "
         "2019.",
  .params = NACRE_EMPTY_SPAN, .ops = &ops,
};

NACRE_COMPONENT_MODULE(sparse_sigmoid, component)
