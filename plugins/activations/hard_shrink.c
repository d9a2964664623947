/* SPDX-License-Identifier: MIT */
/* hard_shrink: sets small values to 0. */
#include <nacre/plugin.h>

typedef struct hard_shrink {
  double threshold;
} hard_shrink;

NACRE_KERNEL
static void compute(int64_t n, real threshold, const real *x, real *y) {
  for (int64_t i = 0; i < n; i++) {
    real v = x[i] < 0 ? -x[i] : x[i];
    y[i] = v <= threshold ? 0 : x[i];
  }
}

NACRE_KERNEL
static void derive(int64_t n, real threshold, const real *y, const real *dy,
                   real *dx) {
  for (int64_t i = 0; i < n; i++) {
    real v = y[i] < 0 ? -y[i] : y[i], d = dy[i];
    dx[i] = v > threshold ? d : 0;
  }
}

static void forward(const nacre_math *math, const void *config, int64_t rows,
                    int64_t cols, const real *x, real *y) {
  (void)math;
  const hard_shrink *cfg = config;
  compute(rows * cols, (real)cfg->threshold, x, y);
}

static void backward(const nacre_math *math, const void *config, int64_t rows,
                     int64_t cols, const real *y, const real *dy, real *dx) {
  (void)math;
  const hard_shrink *cfg = config;
  derive(rows * cols, (real)cfg->threshold, y, dy, dx);
}

static const nacre_param params[] = {
  NACRE_PARAM(hard_shrink, threshold, "0.5", "[0,inf)", "",
              "Values up to this far from 0 become 0.", 0),
};

static const nacre_activation_ops ops = {
  .size = sizeof(ops), .flags = NACRE_ACT_POINTWISE | NACRE_ACT_NEED_Y,
  .call = { forward, backward, NULL },
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_ACTIVATION, .contract = 1,
  .name = "hard_shrink", .summary = "Sets values near 0 to 0",
  .doc = "f(x) = x for |x| > threshold, otherwise 0. As Keras's "
         "hard_shrink.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(hard_shrink), .ops = &ops,
};

NACRE_COMPONENT_MODULE(hard_shrink, component)
