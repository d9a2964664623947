/* SPDX-License-Identifier: MIT */
/* rms_normalization: each sample's features to a mean square of 1. */
#include <nacre/plugin.h>

#include <math.h>
#include <string.h>

#include "epilogue.h"
#include "moments.h"
#include "tiles.h"

typedef struct rms_normalization {
  int64_t axis;
  double epsilon;
} rms_normalization;

enum { SCALE };
enum { INVERSE }; /* saved, [rows]: 1 / sqrt(mean square + epsilon) */
enum { PARTS };   /* scratch, [tiles, 2, cols]: dscale of each tile */

static int64_t tile_rows(int64_t cols) {
  int64_t rows = nacre_tiles_rows(cols);
  return rows < 16 ? 16 : rows;
}

static int plan(nacre_plan *plan) {
  const rms_normalization *cfg = plan->cfg;
  const nacre_shape *in = &plan->input[0];
  if (in->rank < 1 || (cfg->axis != -1 && cfg->axis != in->rank)) {
    return nacre_plan_refuse(plan, "the axis must be the last one, -1; move "
                             "it there with permute");
  }
  const int64_t cols = nacre_shape_last(in);
  const double tiles = (double)nacre_shape_count(in) / (double)cols *
                       (double)plan->batch / (double)tile_rows(cols);
  if (tiles > 1e15) {
    return nacre_plan_refuse(plan, "the input is too large");
  }
  const nacre_shape scale = nacre_shape_1d(cols);
  const nacre_shape parts = { { (int64_t)tiles + 1, 2, cols }, 3,
                              NACRE_REAL };
  nacre_shape rows = *in;
  rows.rank--;
  if (nacre_plan_weight(plan, SCALE, &scale, cols, cols) != NACRE_OK ||
      nacre_plan_saved(plan, INVERSE, &rows, NACRE_PER_SAMPLE) != NACRE_OK ||
      nacre_plan_scratch(plan, PARTS, &parts, 0) != NACRE_OK) {
    return NACRE_ERROR;
  }
  nacre_plan_flops(plan, 4.0 * (double)nacre_shape_count(in));
  return nacre_plan_output(plan, in);
}

static void forward_rows(void *ctx, int64_t begin, int64_t end) {
  const nacre_run *run = ctx;
  const rms_normalization *cfg = run->cfg;
  const real *scale = nacre_data(&run->weight[SCALE]); /* [cols] */
  const int64_t cols = run->weight[SCALE].dim[0];
  for (int64_t i = begin; i < end; i++) {
    const real *x = nacre_data(&run->in[0]) + i * cols;
    const double square =
      (double)nacre_moments_squares(cols, 0, x) / (double)cols;
    const real inverse = (real)(1 / sqrt(square + cfg->epsilon));
    nacre_data(&run->saved[INVERSE])[i] = inverse;
    nacre_moments_apply(cols, 0, inverse, scale, NULL, x,
                        nacre_data(&run->out[0]) + i * cols);
  }
  nacre_epilogue_rows(run, begin, end, cols);
}

static void forward(nacre_run *run) {
  const int64_t cols = run->weight[SCALE].dim[0];
  nacre_tiles_run(run->math, nacre_tensor_count(&run->in[0]) / cols,
                  tile_rows(cols), forward_rows, run);
}

static void backward_rows(void *ctx, int64_t begin, int64_t end) {
  const nacre_run *run = ctx;
  const real *scale = nacre_data(&run->weight[SCALE]);
  const int64_t cols = run->weight[SCALE].dim[0];
  real *parts = nacre_data(&run->scratch[PARTS]) +
                begin / tile_rows(cols) * 2 * cols; /* [2, cols] */
  if (run->dweight[SCALE].data) {
    memset(parts, 0, 2 * (size_t)cols * sizeof(real));
  }
  for (int64_t i = begin; i < end; i++) {
    const real *x = nacre_data(&run->in[0]) + i * cols;
    const real *dout = nacre_data(&run->dout[0]) + i * cols;
    const real inverse = nacre_data(&run->saved[INVERSE])[i];
    if (run->dweight[SCALE].data) {
      nacre_moments_weights(cols, 0, inverse, x, dout, parts, parts + cols);
    }
    if (run->din[0].data) {
      real sums[2];
      nacre_moments_products(cols, 0, inverse, scale, x, dout, sums);
      nacre_moments_back(cols, 0, inverse, 0, sums[1] / (real)cols, scale, x,
                         dout, nacre_data(&run->din[0]) + i * cols);
    }
  }
}

/* dscale += the sum of dout z; din as in moments.h, without the mean. */
static void backward(nacre_run *run) {
  const int64_t cols = run->weight[SCALE].dim[0];
  const int64_t rows = nacre_tensor_count(&run->in[0]) / cols;
  nacre_tiles_run(run->math, rows, tile_rows(cols), backward_rows, run);
  const real *parts = nacre_data(&run->scratch[PARTS]);
  for (int64_t i = 0; i < rows && run->dweight[SCALE].data;
       i += tile_rows(cols), parts += 2 * cols) {
    run->math->axpy(run->math, cols, 1, parts,
                    nacre_data(&run->dweight[SCALE]));
  }
}

static const nacre_param params[] = {
  NACRE_PARAM(rms_normalization, axis, "-1", NULL, "",
              "Axis of the features: the last.", 0),
  NACRE_PARAM(rms_normalization, epsilon, "1e-6", "(0,inf)", "",
              "Added to the mean square.", 0),
};

static const nacre_weight weights[] = {
  { "scale", "ones", "Factors, [features].", 0, 0 },
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
  .name = "rms_normalization",
  .summary = "Each sample's features to a mean square of 1",
  .doc = "y = scale x / sqrt(mean(x^2) + epsilon), the mean taken over the "
         "last axis. Input and output [..., features], scale [features].\n\n"
         "As Keras's RMSNormalization. Zhang and Sennrich, \"Root mean "
         "square layer normalization\", arXiv:1910.07467.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(rms_normalization),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(rms_normalization, component)
