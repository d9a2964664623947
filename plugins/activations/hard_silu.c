/* SPDX-License-Identifier: MIT */
/* hard_silu: silu made of straight lines and a parabola. */
#include <nacre/plugin.h>

NACRE_KERNEL
static void compute(int64_t n, const real *x, real *y) {
  for (int64_t i = 0; i < n; i++) {
    real curve = x[i] * (x[i] + 3) * (real)(1.0 / 6);
    real low = x[i] <= -3 ? 0 : curve;
    y[i] = x[i] >= 3 ? x[i] : low;
  }
}

NACRE_KERNEL
static void derive(int64_t n, const real *x, const real *dy, real *dx) {
  for (int64_t i = 0; i < n; i++) {
    real slope = (2 * x[i] + 3) * (real)(1.0 / 6);
    real low = x[i] <= -3 ? 0 : slope;
    dx[i] = dy[i] * (x[i] >= 3 ? 1 : low);
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
  .name = "hard_silu", .aliases = "hard_swish",
  .summary = "Silu made of straight lines and a parabola",
  .doc = "f(x) = 0 for x <= -3, x for x >= 3, otherwise x (x + 3) / 6.\n\n"
         "As Keras's hard_silu, also known as hard swish. Howard et "
         "al., \"Searching for MobileNetV3\", ICCV 2019.",
  .params = NACRE_EMPTY_SPAN, .ops = &ops,
};

NACRE_COMPONENT_MODULE(hard_silu, component)
