/* SPDX-License-Identifier: MIT */
/* threshold: replaces what is not above a threshold. */
#include <nacre/plugin.h>

typedef struct threshold {
  double threshold, default_value;
} threshold;

NACRE_KERNEL
static void compute(int64_t n, real limit, real other, const real *x, real *y) {
  for (int64_t i = 0; i < n; i++) {
    y[i] = x[i] <= limit ? other : x[i];
  }
}

NACRE_KERNEL
static void derive(int64_t n, real limit, const real *x, const real *dy,
                   real *dx) {
  for (int64_t i = 0; i < n; i++) {
    real d = dy[i];
    dx[i] = x[i] <= limit ? 0 : d;
  }
}

static void forward(const nacre_math *math, const void *config, int64_t rows,
                    int64_t cols, const real *x, real *y) {
  (void)math;
  const threshold *cfg = config;
  compute(rows * cols, (real)cfg->threshold, (real)cfg->default_value, x, y);
}

static void backward(const nacre_math *math, const void *config, int64_t rows,
                     int64_t cols, const real *x, const real *dy, real *dx) {
  (void)math;
  const threshold *cfg = config;
  derive(rows * cols, (real)cfg->threshold, x, dy, dx);
}

static const nacre_param params[] = {
  NACRE_PARAM(threshold, threshold, NULL, NULL, "",
              "Values above it are kept.", 0),
  NACRE_PARAM(threshold, default_value, NULL, NULL, "",
              "What the others become.", 0),
};

static const nacre_activation_ops ops = {
  .size = sizeof(ops), .flags = NACRE_ACT_POINTWISE | NACRE_ACT_NEED_X,
  .call = { forward, backward, NULL },
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_ACTIVATION, .contract = 1,
  .name = "threshold",
  .summary = "Replaces values that are not above a threshold",
  .doc = "f(x) = x for x > threshold, otherwise default_value. As "
         "Keras's threshold.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(threshold), .ops = &ops,
};

NACRE_COMPONENT_MODULE(threshold, component)
