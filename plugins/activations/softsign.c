/* SPDX-License-Identifier: MIT */
/* softsign: x / (1 + |x|). */
#include <nacre/plugin.h>

/* Above 1 both sides of the fraction are divided by |x|: infinity gives 1. */
NACRE_KERNEL
static void compute(int64_t n, const real *x, real *y) {
  for (int64_t i = 0; i < n; i++) {
    real v = x[i] < 0 ? -x[i] : x[i];
    real over = v > 1 ? 1 : v, under = v > 1 ? 1 + 1 / v : 1 + v;
    y[i] = x[i] < 0 ? -over / under : over / under;
  }
}

NACRE_KERNEL
static void derive(int64_t n, const real *y, const real *dy, real *dx) {
  for (int64_t i = 0; i < n; i++) {
    real rest = 1 - (y[i] < 0 ? -y[i] : y[i]);
    dx[i] = dy[i] * (rest * rest);
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
  .name = "softsign",
  .summary = "Between -1 and 1, slower to saturate than tanh",
  .doc = "f(x) = x / (1 + |x|); f'(x) = (1 - |f(x)|)^2. As Keras's "
         "softsign.",
  .params = NACRE_EMPTY_SPAN, .ops = &ops,
};

NACRE_COMPONENT_MODULE(softsign, component)
