/* SPDX-License-Identifier: MIT */
/* leaky_relu: rectified linear unit with a slope below 0 too. */
#include <nacre/plugin.h>

typedef struct leaky_relu {
  double negative_slope;
} leaky_relu;

NACRE_KERNEL
static void compute(int64_t n, real slope, const real *x, real *y) {
  for (int64_t i = 0; i < n; i++) {
    y[i] = x[i] > 0 ? x[i] : slope * x[i];
  }
}

/* With a slope of 0, apart: 0 * -inf is NaN. NaN stays. */
NACRE_KERNEL
static void cut(int64_t n, const real *x, real *y) {
  for (int64_t i = 0; i < n; i++) {
    y[i] = x[i] < 0 ? 0 : x[i];
  }
}

/* y has the sign of x, because the slope is above 0. */
NACRE_KERNEL
static void derive(int64_t n, real slope, const real *y, const real *dy,
                   real *dx) {
  for (int64_t i = 0; i < n; i++) {
    real d = dy[i], bent = slope * d;
    dx[i] = y[i] > 0 ? d : bent;
  }
}

static void forward(const nacre_math *math, const void *config, int64_t rows,
                    int64_t cols, const real *x, real *y) {
  (void)math;
  const leaky_relu *cfg = config;
  if (cfg->negative_slope > 0) {
    compute(rows * cols, (real)cfg->negative_slope, x, y);
  } else {
    cut(rows * cols, x, y);
  }
}

static void backward(const nacre_math *math, const void *config, int64_t rows,
                     int64_t cols, const real *y, const real *dy, real *dx) {
  (void)math;
  const leaky_relu *cfg = config;
  derive(rows * cols, (real)cfg->negative_slope, y, dy, dx);
}

static const nacre_param params[] = {
  NACRE_PARAM(leaky_relu, negative_slope, "0.2", "(0,inf)", "",
              "Slope for negative values.", 0),
};

static const nacre_activation_ops ops = {
  .size = sizeof(ops), .flags = NACRE_ACT_POINTWISE | NACRE_ACT_NEED_Y,
  .call = { forward, backward, NULL },
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_ACTIVATION, .contract = 1,
  .name = "leaky_relu",
  .summary = "Rectified linear unit with a slope below 0 too",
  .doc = "f(x) = x for x > 0, otherwise negative_slope x.\n\n"
         "As Keras's leaky_relu. Maas, Hannun and Ng, \"Rectifier "
         "nonlinearities improve neural network acoustic models\", "
         "ICML 2013.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(leaky_relu), .ops = &ops,
};

NACRE_COMPONENT_MODULE(leaky_relu, component)
