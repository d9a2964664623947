/* SPDX-License-Identifier: MIT */
/* batch_normalization: each feature to mean 0 and variance 1, over the batch
 * in training, by running averages of it elsewhere. */
#include <nacre/plugin.h>

#include <math.h>

#include "tiles.h"

typedef struct batch_normalization {
  int64_t axis;
  double momentum, epsilon;
  bool center, scale;
} batch_normalization;

enum { GAMMA, BETA, MOVING_MEAN, MOVING_VARIANCE };
enum { MEAN, INVERSE };    /* saved, [cols]: mean, 1 / sqrt(var + epsilon) */
/* Scratch: sums of tiles, [2, tiles, cols]; the others [cols]: two sums, and
 * what a column is multiplied by and shifted by. */
enum { PARTS, SUM_A, SUM_B, FACTOR, SHIFT };

/* Rows of a tile: a function of the columns alone, so that the order of the
 * sums is one for any number of threads. */
static int64_t tile_rows(int64_t cols) {
  int64_t rows = nacre_tiles_rows(cols);
  return rows < 16 ? 16 : rows;
}

static int plan(nacre_plan *plan) {
  const batch_normalization *cfg = plan->cfg;
  const nacre_shape *in = &plan->input[0];
  if (in->rank < 1 || (cfg->axis != -1 && cfg->axis != in->rank)) {
    return nacre_plan_refuse(plan, "the axis of the features must be the "
                             "last one, -1; move it there with permute");
  }
  int64_t cols = in->dim[in->rank - 1];
  double rows = (double)nacre_shape_count(in) / (double)cols *
                (double)plan->batch;
  if (rows > 1e15) {
    return nacre_plan_refuse(plan, "the input is too large");
  }
  nacre_shape feature = nacre_shape_1d(cols);
  nacre_shape parts = { { 2, (int64_t)(rows / (double)tile_rows(cols)) + 1,
                          cols }, 3, NACRE_REAL };
  const bool wanted[] = { cfg->scale, cfg->center, true, true };
  for (uint32_t i = 0; i < 4; i++) {
    if (wanted[i] &&
        nacre_plan_weight(plan, i, &feature, cols, cols) != NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  if (nacre_plan_saved(plan, MEAN, &feature, 0) != NACRE_OK ||
      nacre_plan_saved(plan, INVERSE, &feature, 0) != NACRE_OK ||
      nacre_plan_scratch(plan, PARTS, &parts, 0) != NACRE_OK) {
    return NACRE_ERROR;
  }
  for (uint32_t slot = SUM_A; slot <= SHIFT; slot++) {
    if (nacre_plan_scratch(plan, slot, &feature, 0) != NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  nacre_plan_flops(plan, 8.0 * (double)nacre_shape_count(in));
  return nacre_plan_output(plan, in);
}

/* What every pass over the rows needs. */
typedef struct pass {
  nacre_run *run;
  int64_t rows, cols, tile;
  const real *x, *dout;         /* [rows, cols] */
  const real *mean, *inverse;   /* [cols] */
  const real *sum_a, *sum_b;    /* [cols], of dout and dout z; or NULL */
  const real *factor, *shift;   /* [cols], gamma inverse; beta */
} pass;

static pass pass_of(nacre_run *run) {
  int64_t cols = run->weight[MOVING_MEAN].dim[0];
  pass p = {
    .run = run, .rows = nacre_tensor_count(&run->in[0]) / cols, .cols = cols,
    .tile = tile_rows(cols), .x = nacre_data(&run->in[0]),
    .dout = nacre_data(&run->dout[0]),
    .mean = nacre_data(&run->saved[MEAN]),
    .inverse = nacre_data(&run->saved[INVERSE]),
    .factor = nacre_data(&run->scratch[FACTOR]),
    .shift = nacre_data(&run->scratch[SHIFT]),
  };
  return p;
}

/* A tile's own row of partial sums. */
static real *part_of(const pass *p, int which, int64_t begin) {
  const nacre_tensor *parts = &p->run->scratch[PARTS];
  return nacre_data(parts) +
         (which * parts->dim[1] + begin / p->tile) * p->cols;
}

/* sum[j] = the tiles' parts, in their order. */
static void gather(const pass *p, int which, real *sum) {
  int64_t tiles = (p->rows + p->tile - 1) / p->tile;
  p->run->math->fill(p->run->math, p->cols, 0, sum);
  p->run->math->col_sum(p->run->math, tiles, p->cols, part_of(p, which, 0),
                        sum);
}

NACRE_KERNEL
static void add_row(int64_t n, const real *x, real *sum) {
  for (int64_t j = 0; j < n; j++) {
    sum[j] += x[j];
  }
}

NACRE_KERNEL
static void add_squares(int64_t n, const real *mean, const real *x,
                        real *sum) {
  for (int64_t j = 0; j < n; j++) {
    sum[j] += (x[j] - mean[j]) * (x[j] - mean[j]);
  }
}

NACRE_KERNEL
static void add_products(int64_t n, const real *mean, const real *inverse,
                         const real *x, const real *dout, real *sum) {
  for (int64_t j = 0; j < n; j++) {
    sum[j] += dout[j] * ((x[j] - mean[j]) * inverse[j]);
  }
}

static void clear(int64_t n, real *sum) {
  for (int64_t j = 0; j < n; j++) {
    sum[j] = 0;
  }
}

static void sum_tile(void *ctx, int64_t begin, int64_t end) {
  const pass *p = ctx;
  real *sum = part_of(p, 0, begin);
  clear(p->cols, sum);
  for (int64_t i = begin; i < end; i++) {
    add_row(p->cols, p->x + i * p->cols, sum);
  }
}

static void square_tile(void *ctx, int64_t begin, int64_t end) {
  const pass *p = ctx;
  real *sum = part_of(p, 0, begin);
  clear(p->cols, sum);
  for (int64_t i = begin; i < end; i++) {
    add_squares(p->cols, p->mean, p->x + i * p->cols, sum);
  }
}

/* Mean and variance of this batch into saved, and into the running ones. */
static void measure(pass *p) {
  nacre_run *run = p->run;
  const batch_normalization *cfg = run->cfg;
  real *mean = nacre_data(&run->saved[MEAN]);
  real *inverse = nacre_data(&run->saved[INVERSE]);
  real *moving_mean = nacre_data(&run->weight[MOVING_MEAN]);
  real *moving_variance = nacre_data(&run->weight[MOVING_VARIANCE]);
  real momentum = (real)cfg->momentum;
  real *sum = nacre_data(&run->scratch[SUM_A]);
  nacre_tiles_run(run->math, p->rows, p->tile, sum_tile, p);
  gather(p, 0, sum);
  for (int64_t j = 0; j < p->cols; j++) {
    mean[j] = sum[j] / (real)p->rows;
  }
  nacre_tiles_run(run->math, p->rows, p->tile, square_tile, p);
  gather(p, 0, sum);
  for (int64_t j = 0; j < p->cols; j++) {
    real variance = sum[j] / (real)p->rows;
    inverse[j] = (real)(1 / sqrt((double)variance + cfg->epsilon));
    if ((run->flags & NACRE_RUN_RECOMPUTE) != 0) {
      continue; /* they have followed this batch already */
    }
    moving_mean[j] = momentum * moving_mean[j] + (1 - momentum) * mean[j];
    moving_variance[j] =
      momentum * moving_variance[j] + (1 - momentum) * variance;
  }
}

/* The running mean and variance into saved. */
static void recall(const pass *p) {
  nacre_run *run = p->run;
  const batch_normalization *cfg = run->cfg;
  const real *variance = nacre_data(&run->weight[MOVING_VARIANCE]);
  real *inverse = nacre_data(&run->saved[INVERSE]);
  run->math->copy(run->math, p->cols, nacre_data(&run->weight[MOVING_MEAN]),
                  nacre_data(&run->saved[MEAN]));
  for (int64_t j = 0; j < p->cols; j++) {
    inverse[j] = (real)(1 / sqrt((double)variance[j] + cfg->epsilon));
  }
}

/* Folds the weights, of which either may be absent, into one factor and one
 * shift per column. */
static void fold(const pass *p) {
  nacre_run *run = p->run;
  const real *gamma = nacre_data(&run->weight[GAMMA]);
  const real *beta = nacre_data(&run->weight[BETA]);
  real *factor = nacre_data(&run->scratch[FACTOR]);
  real *shift = nacre_data(&run->scratch[SHIFT]);
  for (int64_t j = 0; j < p->cols; j++) {
    factor[j] = gamma ? p->inverse[j] * gamma[j] : p->inverse[j];
    shift[j] = beta ? beta[j] : 0;
  }
}

/* The mean is taken off first: folded into the shift it would cancel. */
NACRE_KERNEL
static void normalize(int64_t n, const real *mean, const real *factor,
                      const real *shift, const real *x, real *y) {
  for (int64_t j = 0; j < n; j++) {
    y[j] = (x[j] - mean[j]) * factor[j] + shift[j];
  }
}

static void forward_tile(void *ctx, int64_t begin, int64_t end) {
  const pass *p = ctx;
  const nacre_run *run = p->run;
  real *y = nacre_data(&run->out[0]);
  for (int64_t i = begin; i < end; i++) {
    normalize(p->cols, p->mean, p->factor, p->shift, p->x + i * p->cols,
              y + i * p->cols);
  }
  if (run->epilogue) {
    y += begin * p->cols;
    run->epilogue->forward(run->math, run->epilogue->cfg, end - begin,
                           p->cols, y, y);
  }
}

/* A frozen layer keeps its statistics even while others train. */
static bool uses_batch(const nacre_run *run) {
  return (run->flags & NACRE_RUN_TRAINING) != 0 &&
         (run->flags & NACRE_RUN_FROZEN) == 0;
}

static void forward(nacre_run *run) {
  pass p = pass_of(run);
  if (uses_batch(run)) {
    measure(&p);
  } else {
    recall(&p);
  }
  fold(&p);
  nacre_tiles_run(run->math, p.rows, p.tile, forward_tile, &p);
}

static void gradient_tile(void *ctx, int64_t begin, int64_t end) {
  const pass *p = ctx;
  real *sum = part_of(p, 0, begin), *product = part_of(p, 1, begin);
  clear(p->cols, sum);
  clear(p->cols, product);
  for (int64_t i = begin; i < end; i++) {
    add_row(p->cols, p->dout + i * p->cols, sum);
    add_products(p->cols, p->mean, p->inverse, p->x + i * p->cols,
                 p->dout + i * p->cols, product);
  }
}

/* With z the normalized x: din = gamma inverse (dout - mean(dout) -
 * z mean(dout z)); the means are 0 when the statistics are constants. */
NACRE_KERNEL
static void derive(int64_t n, real share, const pass *p, const real *x,
                   const real *dout, real *din) {
  const real *mean = p->mean, *inverse = p->inverse, *factor = p->factor;
  const real *sum = p->sum_a, *product = p->sum_b;
  for (int64_t j = 0; j < n; j++) {
    real z = (x[j] - mean[j]) * inverse[j];
    din[j] = factor[j] * (dout[j] - share * (sum[j] + z * product[j]));
  }
}

static void derive_tile(void *ctx, int64_t begin, int64_t end) {
  const pass *p = ctx;
  const nacre_run *run = p->run;
  real share = uses_batch(run) ? 1 / (real)p->rows : 0;
  for (int64_t i = begin; i < end; i++) {
    int64_t at = i * p->cols;
    derive(p->cols, share, p, p->x + at, p->dout + at,
           nacre_data(&run->din[0]) + at);
  }
}

/* dgamma += sum of dout z, dbeta += sum of dout. */
static void backward(nacre_run *run) {
  const nacre_math *math = run->math;
  pass p = pass_of(run);
  real *sum = nacre_data(&run->scratch[SUM_A]);
  real *product = nacre_data(&run->scratch[SUM_B]);
  p.sum_a = sum;
  p.sum_b = product;
  nacre_tiles_run(math, p.rows, p.tile, gradient_tile, &p);
  gather(&p, 0, sum);
  gather(&p, 1, product);
  if (run->dweight[GAMMA].data) {
    math->axpy(math, p.cols, 1, product, nacre_data(&run->dweight[GAMMA]));
  }
  if (run->dweight[BETA].data) {
    math->axpy(math, p.cols, 1, sum, nacre_data(&run->dweight[BETA]));
  }
  if (run->din[0].data) {
    fold(&p);
    nacre_tiles_run(math, p.rows, p.tile, derive_tile, &p);
  }
}

static const nacre_param params[] = {
  NACRE_PARAM(batch_normalization, axis, "-1", NULL, "",
              "Axis of the features; only the last is possible.", 0),
  NACRE_PARAM(batch_normalization, momentum, "0.99", "[0,1]", "",
              "What the running averages keep of themselves at a step.", 0),
  NACRE_PARAM(batch_normalization, epsilon, "1e-3", "(0,inf)", "",
              "Added to the variance.", 0),
  NACRE_PARAM(batch_normalization, center, "true", NULL, "",
              "Add a learned shift, beta.", 0),
  NACRE_PARAM(batch_normalization, scale, "true", NULL, "",
              "Multiply by a learned factor, gamma.", 0),
};

static const nacre_weight weights[] = {
  { "gamma", "ones", "Factors, [features].", 0, 0 },
  { "beta", "zeros", "Shifts, [features].", 0, 0 },
  { "moving_mean", "zeros", "Running mean, [features].", NACRE_WEIGHT_STATE,
    0 },
  { "moving_variance", "ones", "Running variance, [features].",
    NACRE_WEIGHT_STATE, 0 },
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops),
  .flags = NACRE_LAYER_NEED_X | NACRE_LAYER_EPILOGUE |
           NACRE_LAYER_MASK_PASS | NACRE_LAYER_REPEAT,
  .weights = NACRE_SPAN(weights), .min_inputs = 1, .max_inputs = 1,
  .plan = plan, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "batch_normalization",
  .summary = "Each feature to mean 0 and variance 1 over the batch",
  .doc = "y = gamma (x - mean) / sqrt(var + epsilon) + beta, per feature of "
         "the last axis. In training, mean and (biased) variance are those "
         "of the batch and of all positions in it, and moving_mean and "
         "moving_variance follow them: m = momentum m + (1 - momentum) mean. "
         "Elsewhere, and in a layer that is `trainable: false`, these are "
         "used instead. Input and output [..., features].\n\n"
         "As Keras's BatchNormalization. Ioffe and Szegedy, \"Batch "
         "normalization\", ICML 2015.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(batch_normalization),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(batch_normalization, component)
