/* SPDX-License-Identifier: MIT */
/* mutant_sign: an activation whose derivative has the wrong sign. */
#include <nacre/plugin.h>

static void forward(const nacre_math *math, const void *cfg, int64_t rows,
                    int64_t cols, const real *x, real *y) {
  (void)math;
  (void)cfg;
  for (int64_t i = 0; i < rows * cols; i++) {
    y[i] = x[i] / (1 + (x[i] < 0 ? -x[i] : x[i]));
  }
}

static void backward(const nacre_math *math, const void *cfg, int64_t rows,
                     int64_t cols, const real *x, const real *dy, real *dx) {
  (void)math;
  (void)cfg;
  for (int64_t i = 0; i < rows * cols; i++) {
    real size = 1 + (x[i] < 0 ? -x[i] : x[i]);
    dx[i] = -dy[i] / (size * size);
  }
}

static const nacre_activation_ops ops = {
  .size = sizeof(ops), .flags = NACRE_ACT_POINTWISE | NACRE_ACT_NEED_X,
  .call = { forward, backward, NULL }
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_ACTIVATION, .contract = 1,
  .name = "mutant_sign", .summary = "Wrong on purpose",
  .doc = "Must fail: gradient", .params = NACRE_EMPTY_SPAN, .ops = &ops
};

NACRE_COMPONENT_MODULE(mutant_sign, component)
