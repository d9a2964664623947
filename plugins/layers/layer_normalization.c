/* SPDX-License-Identifier: MIT */
/* layer_normalization: each sample's features to mean 0 and variance 1. */
#include <nacre/plugin.h>

#include <math.h>
#include <string.h>

#include "epilogue.h"
#include "moments.h"
#include "tiles.h"

typedef struct layer_normalization {
  nacre_ints axis;
  double epsilon;
  bool center, scale;
} layer_normalization;

enum { GAMMA, BETA };
enum { MEAN, INVERSE }; /* saved, [rows]: mean, 1 / sqrt(var + epsilon) */
enum { PARTS }; /* scratch, [tiles, 2, cols]: dgamma and dbeta of each tile */

/* Rows of a tile: a function of the columns alone, and enough of them that
 * the tiles' sums are few. */
static int64_t tile_rows(int64_t cols) {
  int64_t rows = nacre_tiles_rows(cols);
  return rows < 16 ? 16 : rows;
}

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
  double tiles = (double)nacre_shape_count(in) / (double)cols *
                 (double)plan->batch / (double)tile_rows(cols);
  if (tiles > 1e15) {
    return nacre_plan_refuse(plan, "the input is too large");
  }
  nacre_shape parts = { { (int64_t)tiles + 1, 2, cols }, 3, NACRE_REAL };
  if ((cfg->scale &&
       nacre_plan_weight(plan, GAMMA, &weight, cols, cols) != NACRE_OK) ||
      (cfg->center &&
       nacre_plan_weight(plan, BETA, &weight, cols, cols) != NACRE_OK) ||
      nacre_plan_scratch(plan, PARTS, &parts, 0) != NACRE_OK ||
      nacre_plan_saved(plan, MEAN, &rows, NACRE_PER_SAMPLE) != NACRE_OK ||
      nacre_plan_saved(plan, INVERSE, &rows, NACRE_PER_SAMPLE) != NACRE_OK) {
    return NACRE_ERROR;
  }
  nacre_plan_flops(plan, 8.0 * (double)nacre_shape_count(in));
  return nacre_plan_output(plan, in);
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
    real mean = nacre_moments_sum(cols, x) / (real)cols;
    double variance =
      (double)nacre_moments_squares(cols, mean, x) / (double)cols;
    real inverse = (real)(1 / sqrt(variance + cfg->epsilon));
    nacre_data(&run->saved[MEAN])[i] = mean;
    nacre_data(&run->saved[INVERSE])[i] = inverse;
    nacre_moments_apply(cols, mean, inverse, gamma, beta, x,
                        nacre_data(&run->out[0]) + i * cols);
  }
  nacre_epilogue_rows(run, begin, end, cols);
}

static void forward(nacre_run *run) {
  int64_t rows = nacre_tensor_count(&run->saved[MEAN]);
  int64_t cols = nacre_tensor_count(&run->in[0]) / rows;
  nacre_tiles_run(run->math, rows, tile_rows(cols), forward_rows, run);
}

static void backward_rows(void *ctx, int64_t begin, int64_t end) {
  const nacre_run *run = ctx;
  const real *gamma = nacre_data(&run->weight[GAMMA]);
  int64_t cols = nacre_tensor_count(&run->in[0]) /
                 nacre_tensor_count(&run->saved[MEAN]);
  const bool weighs = run->dweight[GAMMA].data || run->dweight[BETA].data;
  real *parts = nacre_data(&run->scratch[PARTS]) +
                begin / tile_rows(cols) * 2 * cols; /* [2, cols] */
  if (weighs) {
    memset(parts, 0, 2 * (size_t)cols * sizeof(real));
  }
  for (int64_t i = begin; i < end; i++) {
    const real *x = nacre_data(&run->in[0]) + i * cols;
    const real *dout = nacre_data(&run->dout[0]) + i * cols;
    real mean = nacre_data(&run->saved[MEAN])[i];
    real inverse = nacre_data(&run->saved[INVERSE])[i];
    if (weighs) {
      nacre_moments_weights(cols, mean, inverse, x, dout, parts,
                            parts + cols);
    }
    if (run->din[0].data) {
      real sums[2];
      nacre_moments_products(cols, mean, inverse, gamma, x, dout, sums);
      nacre_moments_back(cols, mean, inverse, sums[0] / (real)cols,
                         sums[1] / (real)cols, gamma, x, dout,
                         nacre_data(&run->din[0]) + i * cols);
    }
  }
}

/* dgamma += the sum of dout z, dbeta += that of dout; din as in moments.h. */
static void backward(nacre_run *run) {
  int64_t rows = nacre_tensor_count(&run->saved[MEAN]);
  int64_t cols = nacre_tensor_count(&run->in[0]) / rows;
  nacre_tiles_run(run->math, rows, tile_rows(cols), backward_rows, run);
  const real *parts = nacre_data(&run->scratch[PARTS]);
  for (int64_t i = 0; i < rows; i += tile_rows(cols)) {
    for (uint32_t w = GAMMA; w <= BETA; w++, parts += cols) {
      if (run->dweight[w].data) {
        run->math->axpy(run->math, cols, 1, parts,
                        nacre_data(&run->dweight[w]));
      }
    }
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
  .flags = NACRE_LAYER_NEED_X | NACRE_LAYER_RESIDUAL | NACRE_LAYER_EPILOGUE |
           NACRE_LAYER_MASK_PASS,
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
