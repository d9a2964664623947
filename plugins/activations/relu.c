/* SPDX-License-Identifier: MIT */
/* relu: rectified linear unit, max(x, 0), with Keras's three parameters. */
#include <nacre/plugin.h>

typedef struct relu {
  double negative_slope, max_value, threshold;
} relu;

/* Comparisons are written so that NaN passes through: a network that has
 * diverged must not look healthy again. The absent max_value is a NaN too,
 * which nothing is greater than. */
NACRE_KERNEL
static void clip(int64_t n, real low, real high, const real *x, real *y) {
  for (int64_t i = 0; i < n; i++) {
    real v = x[i] <= low ? 0 : x[i];
    y[i] = v > high ? high : v;
  }
}

NACRE_KERNEL
static void bend(int64_t n, real slope, real low, real high, const real *x,
                 real *y) {
  for (int64_t i = 0; i < n; i++) {
    real v = x[i] <= low ? slope * (x[i] - low) : x[i];
    y[i] = v > high ? high : v;
  }
}

/* With threshold >= 0 and negative_slope >= 0 the side that x was on is the
 * sign of y, so the output is all that needs keeping. */
NACRE_KERNEL
static void slopes(int64_t n, real slope, real high, const real *y,
                   const real *dy, real *dx) {
  for (int64_t i = 0; i < n; i++) {
    real d = dy[i], bent = slope * d;
    d = y[i] <= 0 ? bent : d;
    dx[i] = y[i] >= high ? 0 : d;
  }
}

static void forward(const nacre_math *math, const void *config, int64_t rows,
                    int64_t cols, const real *x, real *y) {
  (void)math;
  const relu *cfg = config;
  real slope = (real)cfg->negative_slope;
  real low = (real)cfg->threshold, high = (real)cfg->max_value;
  if (slope > 0) {
    bend(rows * cols, slope, low, high, x, y);
  } else {
    /* Apart, because 0 * -inf is NaN. */
    clip(rows * cols, low, high, x, y);
  }
}

static void backward(const nacre_math *math, const void *config, int64_t rows,
                     int64_t cols, const real *y, const real *dy, real *dx) {
  (void)math;
  const relu *cfg = config;
  slopes(rows * cols, (real)cfg->negative_slope, (real)cfg->max_value, y, dy,
         dx);
}

static const nacre_param params[] = {
  NACRE_PARAM(relu, negative_slope, "0.0", "[0,inf)", "",
              "Slope for values below the threshold.", 0),
  NACRE_PARAM(relu, max_value, "null", "(0,inf)", "",
              "Largest value that the function returns; null: none.", 0),
  NACRE_PARAM(relu, threshold, "0.0", "[0,inf)", "",
              "Values at or below it are damped or set to 0.", 0),
};

static const nacre_activation_ops ops = {
  .size = sizeof(ops), .flags = NACRE_ACT_POINTWISE | NACRE_ACT_NEED_Y,
  .call = { forward, backward, NULL },
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_ACTIVATION, .contract = 1,
  .name = "relu", .summary = "Rectified linear unit",
  .doc = "f(x) = min(x, max_value) for x > threshold, otherwise "
         "negative_slope (x - threshold). With the defaults, max(x, 0); the "
         "derivative at 0 is taken as 0.\n\n"
         "As Keras's relu. Nair and Hinton, \"Rectified linear units improve "
         "restricted Boltzmann machines\", ICML 2010.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(relu), .ops = &ops,
};

NACRE_COMPONENT_MODULE(relu, component)
