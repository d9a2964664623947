/* SPDX-License-Identifier: MIT */
/* linear: no activation, f(x) = x. */
#include <nacre/plugin.h>

#include <string.h>

static void forward(const nacre_math *math, const void *cfg, int64_t rows,
                    int64_t cols, const real *x, real *y) {
  (void)math;
  (void)cfg;
  if (y != x) {
    memcpy(y, x, (size_t)(rows * cols) * sizeof(real));
  }
}

static void backward(const nacre_math *math, const void *cfg, int64_t rows,
                     int64_t cols, const real *y, const real *dy, real *dx) {
  (void)y;
  forward(math, cfg, rows, cols, dy, dx);
}

static const nacre_activation_ops ops = {
  .size = sizeof(ops), .flags = NACRE_ACT_POINTWISE | NACRE_ACT_NEED_Y,
  .call = { forward, backward, NULL },
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_ACTIVATION, .contract = 1,
  .name = "linear", .summary = "No activation: passes its input on",
  .doc = "f(x) = x. As Keras's linear.",
  .params = NACRE_EMPTY_SPAN, .ops = &ops,
};

NACRE_COMPONENT_MODULE(linear, component)
