/* SPDX-License-Identifier: MIT */
/* layer_normalization: each sample's features to mean 0 and variance 1. */
#include <nacre/plugin.h>

#include <math.h>

#include "tiles.h"

typedef struct layer_normalization {
  nacre_ints axis;
  double epsilon;
  bool center, scale;
} layer_normalization;

enum { GAMMA, BETA };
enum { MEAN, INVERSE }; /* saved, [rows]: mean, 1 / sqrt(var + epsilon) */
enum { TERMS }; /* scratch, [rows, cols]: normalized x, then dout times it */

#define LANES 16

/* Axes of the sample that are normalized over: the last `n`; 0: refused. */
static int32_t trailing(nacre_plan *plan) {
  const nacre_ints axis = ((const layer_normalization *)plan->cfg)->axis;
  int32_t rank = plan->input[0].rank;
  for (int64_t i = 0; i < axis.n; i++) {
    int64_t at = axis.at[i] < 0 ? axis.at[i] + rank : axis.at[i] - 1;
    if (axis.n > rank || at != rank - axis.n + i) {
      nacre_plan_refuse(plan, "axis must name the last axes of the input in "
                        "order, such as -1 or [-2, -1]; a sample of it has "
                        "%d", rank);
      return 0;
    }
  }
  return (int32_t)axis.n;
}

static int plan(nacre_plan *plan) {
  const layer_normalization *cfg = plan->cfg;
  const nacre_shape *in = &plan->input[0];
  int32_t n = trailing(plan);
  if (n == 0) {
    return NACRE_ERROR;
  }
  nacre_shape weight = { { 0 }, n, NACRE_REAL }, rows = *in;
  rows.rank = in->rank - n;
  for (int32_t i = 0; i < n; i++) {
    weight.dim[i] = in->dim[rows.rank + i];
  }
  int64_t cols = nacre_shape_count(&weight);
  if ((cfg->scale &&
       nacre_plan_weight(plan, GAMMA, &weight, cols, cols) != NACRE_OK) ||
      (cfg->center &&
       nacre_plan_weight(plan, BETA, &weight, cols, cols) != NACRE_OK) ||
      nacre_plan_scratch(plan, TERMS, in, NACRE_PER_SAMPLE) != NACRE_OK ||
      nacre_plan_saved(plan, MEAN, &rows, NACRE_PER_SAMPLE) != NACRE_OK ||
      nacre_plan_saved(plan, INVERSE, &rows, NACRE_PER_SAMPLE) != NACRE_OK) {
    return NACRE_ERROR;
  }
  nacre_plan_flops(plan, 8.0 * (double)nacre_shape_count(in));
  return nacre_plan_output(plan, in);
}

/* Both means are summed in LANES parts that are added in a fixed order. */
static real mean_of(int64_t n, const real *part) {
  double sum = 0;
  for (int l = 0; l < LANES; l++) {
    sum += (double)part[l];
  }
  return (real)(sum / (double)n);
}

/* Mean of a. */
NACRE_KERNEL
static real mean(int64_t n, const real *a) {
  real part[LANES] = { 0 };
  int64_t j = 0;
  for (; j + LANES <= n; j += LANES) {
    for (int l = 0; l < LANES; l++) {
      part[l] += a[j + l];
    }
  }
  for (; j < n; j++) {
    part[j % LANES] += a[j];
  }
  return mean_of(n, part);
}

/* Mean of (a - shift) (b - shift). */
NACRE_KERNEL
static real mean_product(int64_t n, real shift, const real *a,
                         const real *b) {
  real part[LANES] = { 0 };
  int64_t j = 0;
  for (; j + LANES <= n; j += LANES) {
    for (int l = 0; l < LANES; l++) {
      part[l] += (a[j + l] - shift) * (b[j + l] - shift);
    }
  }
  for (; j < n; j++) {
    part[j % LANES] += (a[j] - shift) * (b[j] - shift);
  }
  return mean_of(n, part);
}

NACRE_KERNEL
static void normalize(int64_t n, real mean, real inverse, const real *x,
                      real *y) {
  for (int64_t j = 0; j < n; j++) {
    y[j] = (x[j] - mean) * inverse;
  }
}

NACRE_KERNEL
static void multiply(int64_t n, const real *a, const real *b, real *y) {
  for (int64_t j = 0; j < n; j++) {
    y[j] = a[j] * b[j];
  }
}

NACRE_KERNEL
static void shift(int64_t n, const real *b, real *y) {
  for (int64_t j = 0; j < n; j++) {
    y[j] += b[j];
  }
}

static void forward_rows(void *ctx, int64_t begin, int64_t end) {
  const nacre_run *run = ctx;
  const layer_normalization *cfg = run->cfg;
  const real *gamma = nacre_data(&run->weight[GAMMA]); /* [cols], or NULL */
  const real *beta = nacre_data(&run->weight[BETA]);   /* [cols], or NULL */
  int64_t cols = nacre_tensor_count(&run->in[0]) /
                 nacre_tensor_count(&run->saved[MEAN]);
  for (int64_t i = begin; i < end; i++) {
    const real *x = nacre_data(&run->in[0]) + i * cols;
    real *y = nacre_data(&run->out[0]) + i * cols;
    real middle = mean(cols, x);
    real variance = mean_product(cols, middle, x, x);
    real inverse = (real)(1 / sqrt((double)variance + cfg->epsilon));
    nacre_data(&run->saved[MEAN])[i] = middle;
    nacre_data(&run->saved[INVERSE])[i] = inverse;
    normalize(cols, middle, inverse, x, y);
    if (gamma) {
      multiply(cols, gamma, y, y);
    }
    if (beta) {
      shift(cols, beta, y);
    }
  }
  if (run->epilogue) {
    real *y = nacre_data(&run->out[0]) + begin * cols;
    run->epilogue->forward(run->math, run->epilogue->cfg, end - begin, cols,
                           y, y);
  }
}

static void forward(nacre_run *run) {
  int64_t rows = nacre_tensor_count(&run->saved[MEAN]);
  int64_t cols = nacre_tensor_count(&run->in[0]) / rows;
  nacre_tiles_run(run->math, rows, nacre_tiles_rows(cols), forward_rows, run);
}

/* y = a - b - c z, times inverse. */
NACRE_KERNEL
static void combine(int64_t n, real inverse, real b, real c, const real *a,
                    const real *z, real *y) {
  for (int64_t j = 0; j < n; j++) {
    y[j] = inverse * (a[j] - b - c * z[j]);
  }
}

/* With d = dout gamma and z the normalized x,
 * din = inverse (d - mean(d) - z mean(d z)), dgamma += the sum of dout z. */
static void backward_rows(void *ctx, int64_t begin, int64_t end) {
  const nacre_run *run = ctx;
  const real *gamma = nacre_data(&run->weight[GAMMA]);
  int64_t cols = nacre_tensor_count(&run->in[0]) /
                 nacre_tensor_count(&run->saved[MEAN]);
  for (int64_t i = begin; i < end; i++) {
    int64_t at = i * cols;
    const real *dout = nacre_data(&run->dout[0]) + at, *d = dout;
    real *z = nacre_data(&run->scratch[TERMS]) + at;
    real *din = nacre_data(&run->din[0]);
    real inverse = nacre_data(&run->saved[INVERSE])[i];
    normalize(cols, nacre_data(&run->saved[MEAN])[i], inverse,
              nacre_data(&run->in[0]) + at, z);
    if (din) {
      din += at;
      if (gamma) {
        multiply(cols, gamma, dout, din);
        d = din;
      }
      combine(cols, inverse, mean(cols, d), mean_product(cols, 0, d, z), d,
              z, din);
    }
    multiply(cols, dout, z, z);
  }
}

static void backward(nacre_run *run) {
  const nacre_math *math = run->math;
  int64_t rows = nacre_tensor_count(&run->saved[MEAN]);
  int64_t cols = nacre_tensor_count(&run->in[0]) / rows;
  nacre_tiles_run(math, rows, nacre_tiles_rows(cols), backward_rows, run);
  if (run->dweight[GAMMA].data) {
    math->col_sum(math, rows, cols, nacre_data(&run->scratch[TERMS]),
                  nacre_data(&run->dweight[GAMMA]));
  }
  if (run->dweight[BETA].data) {
    math->col_sum(math, rows, cols, nacre_data(&run->dout[0]),
                  nacre_data(&run->dweight[BETA]));
  }
}

static const nacre_param params[] = {
  NACRE_PARAM(layer_normalization, axis, "-1", NULL, "",
              "Axis or trailing axes to normalize over.", 0),
  NACRE_PARAM(layer_normalization, epsilon, "1e-3", "(0,inf)", "",
              "Added to the variance.", 0),
  NACRE_PARAM(layer_normalization, center, "true", NULL, "",
              "Add a learned shift, beta.", 0),
  NACRE_PARAM(layer_normalization, scale, "true", NULL, "",
              "Multiply by a learned factor, gamma.", 0),
};

static const nacre_weight weights[] = {
  { "gamma", "ones", "Factors, [normalized axes].", 0, 0 },
  { "beta", "zeros", "Shifts, [normalized axes].", 0, 0 },
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops),
  .flags = NACRE_LAYER_NEED_X | NACRE_LAYER_EPILOGUE | NACRE_LAYER_MASK_PASS,
  .weights = NACRE_SPAN(weights), .min_inputs = 1, .max_inputs = 1,
  .plan = plan, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "layer_normalization",
  .summary = "Each sample's features to mean 0 and variance 1",
  .doc = "y = gamma (x - mean) / sqrt(var + epsilon) + beta, mean and "
         "(biased) variance taken over the last axis of each sample, or over "
         "the trailing axes that are named. Input and output [...]; gamma "
         "and beta have the extents of the normalized axes.\n\n"
         "As Keras's LayerNormalization. Ba, Kiros and Hinton, \"Layer "
         "normalization\", arXiv:1607.06450.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(layer_normalization),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(layer_normalization, component)
