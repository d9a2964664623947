/* SPDX-License-Identifier: MIT */
/* batch_normalization: each feature to mean 0 and variance 1, over the batch
 * in training, by running averages of it elsewhere. */
#include <nacre/plugin.h>

#include <math.h>

#include "epilogue.h"
#include "tiles.h"

typedef struct batch_normalization {
  int64_t axis;
  double momentum, epsilon;
  bool center, scale;
} batch_normalization;

enum { GAMMA, BETA, MOVING_MEAN, MOVING_VARIANCE };
enum { MEAN, INVERSE };    /* saved, [cols]: mean, 1 / sqrt(var + epsilon) */
/* Scratch: two sums for every tile, [2, tiles, wide]; what a column is
 * centred, multiplied and shifted by, [wide]; two sums, [cols]. */
enum { PARTS, CENTRE, FACTOR, SHIFT, SUM_A, SUM_B };

/* Rows side by side: few columns make loops too short for the vector unit,
 * so several rows are taken as one of `wide` columns. */
#define WIDTH 128

static int64_t group_of(int64_t cols) {
  return cols < WIDTH ? WIDTH / cols : 1;
}

/* Rows of a tile: a function of the columns alone, so that the order of the
 * sums is one for any number of threads. */
static int64_t tile_rows(int64_t cols) {
  int64_t rows = nacre_tiles_rows(cols), group = group_of(cols);
  return rows < 16 ? 16 : rows / group * group;
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
  nacre_shape wide = nacre_shape_1d(cols * group_of(cols));
  nacre_shape parts = { { 2, (int64_t)(rows / (double)tile_rows(cols)) + 1,
                          wide.dim[0] }, 3, NACRE_REAL };
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
  for (uint32_t slot = CENTRE; slot <= SUM_B; slot++) {
    if (nacre_plan_scratch(plan, slot, slot < SUM_A ? &wide : &feature, 0) !=
        NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  nacre_plan_flops(plan, 8.0 * (double)nacre_shape_count(in));
  return nacre_plan_output(plan, in);
}

/* What every pass over the rows needs. */
typedef struct pass {
  nacre_run *run;
  int64_t rows, cols, wide, tile, tiles;
  const real *x, *dout; /* [rows, cols] */
  real *centre, *factor, *shift; /* [wide] */
} pass;

static pass pass_of(nacre_run *run) {
  int64_t cols = run->weight[MOVING_MEAN].dim[0];
  pass p = {
    .run = run, .rows = nacre_tensor_count(&run->in[0]) / cols, .cols = cols,
    .wide = cols * group_of(cols), .tile = tile_rows(cols),
    .x = nacre_data(&run->in[0]), .dout = nacre_data(&run->dout[0]),
    .centre = nacre_data(&run->scratch[CENTRE]),
    .factor = nacre_data(&run->scratch[FACTOR]),
    .shift = nacre_data(&run->scratch[SHIFT]),
  };
  p.tiles = (p.rows + p.tile - 1) / p.tile;
  return p;
}

/* Sum `which` of a tile, [wide]. */
static real *part_of(const pass *p, int which, int64_t tile) {
  const nacre_tensor *parts = &p->run->scratch[PARTS];
  return nacre_data(parts) + (which * parts->dim[1] + tile) * p->wide;
}

static int64_t rows_of(const pass *p, int64_t tile) {
  int64_t left = p->rows - tile * p->tile;
  return left < p->tile ? left : p->tile;
}

/* The sums of rows side by side into those of columns, in [0, cols). */
static void fold(const pass *p, real *sum) {
  for (int64_t at = p->cols; at < p->wide; at += p->cols) {
    for (int64_t j = 0; j < p->cols; j++) {
      sum[j] += sum[at + j];
    }
  }
}

/* The columns' values for all rows side by side. */
static void spread(const pass *p, real *values) {
  for (int64_t j = p->cols; j < p->wide; j++) {
    values[j] = values[j - p->cols];
  }
}

/* The kernels get n elements, which begin with the first column. */

NACRE_KERNEL
static void add(int64_t n, int64_t wide, const real *restrict x,
                real *restrict sum) {
  for (int64_t j = 0; j < wide; j++) {
    sum[j] = 0;
  }
  for (; n > 0; n -= wide, x += wide) {
    int64_t m = n < wide ? n : wide;
    for (int64_t j = 0; j < m; j++) {
      sum[j] += x[j];
    }
  }
}

NACRE_KERNEL
static void add_squares(int64_t n, int64_t wide, const real *restrict mean,
                        const real *restrict x, real *restrict sum) {
  for (int64_t j = 0; j < wide; j++) {
    sum[j] = 0;
  }
  for (; n > 0; n -= wide, x += wide) {
    int64_t m = n < wide ? n : wide;
    for (int64_t j = 0; j < m; j++) {
      sum[j] += (x[j] - mean[j]) * (x[j] - mean[j]);
    }
  }
}

/* sum of dout, and product, that of dout (x - mean). */
NACRE_KERNEL
static void add_products(int64_t n, int64_t wide, const real *restrict mean,
                         const real *restrict x, const real *restrict dout,
                         real *restrict sum, real *restrict product) {
  for (int64_t j = 0; j < wide; j++) {
    sum[j] = 0;
    product[j] = 0;
  }
  for (; n > 0; n -= wide, x += wide, dout += wide) {
    int64_t m = n < wide ? n : wide;
    for (int64_t j = 0; j < m; j++) {
      sum[j] += dout[j];
      product[j] += dout[j] * (x[j] - mean[j]);
    }
  }
}

/* The mean is taken off first: folded into the shift it would cancel. */
NACRE_KERNEL
static void normalize(int64_t n, int64_t wide, const real *restrict mean,
                      const real *restrict factor, const real *restrict shift,
                      const real *restrict x, real *restrict y) {
  for (; n > 0; n -= wide, x += wide, y += wide) {
    int64_t m = n < wide ? n : wide;
    for (int64_t j = 0; j < m; j++) {
      y[j] = (x[j] - mean[j]) * factor[j] + shift[j];
    }
  }
}

/* din = factor (dout - shift - slope (x - mean)) */
NACRE_KERNEL
static void derive(int64_t n, int64_t wide, const pass *p,
                   const real *restrict slope, const real *restrict x,
                   const real *restrict dout, real *restrict din) {
  const real *restrict mean = p->centre, *restrict factor = p->factor;
  const real *restrict shift = p->shift;
  for (; n > 0; n -= wide, x += wide, dout += wide, din += wide) {
    int64_t m = n < wide ? n : wide;
    for (int64_t j = 0; j < m; j++) {
      din[j] = factor[j] *
               (dout[j] - shift[j] - slope[j] * (x[j] - mean[j]));
    }
  }
}

/* Mean and sum of squared distances from it of one tile, which is in the
 * cache for the second of them. */
static void measure_tile(void *ctx, int64_t begin, int64_t end) {
  const pass *p = ctx;
  int64_t tile = begin / p->tile, n = (end - begin) * p->cols;
  const real *x = p->x + begin * p->cols;
  real *mean = part_of(p, 0, tile), *squares = part_of(p, 1, tile);
  add(n, p->wide, x, mean);
  fold(p, mean);
  for (int64_t j = 0; j < p->cols; j++) {
    mean[j] /= (real)(end - begin);
  }
  spread(p, mean);
  add_squares(n, p->wide, mean, x, squares);
  fold(p, squares);
}

/* Mean and variance of column j, from those of the tiles: the squares around
 * their own means and, for each row, the square between the means. */
static void join(const pass *p, int64_t j, double *mean, double *variance) {
  double sum = 0, squares = 0;
  for (int64_t i = 0; i < p->tiles; i++) {
    sum += (double)rows_of(p, i) * (double)part_of(p, 0, i)[j];
  }
  *mean = sum / (double)p->rows;
  for (int64_t i = 0; i < p->tiles; i++) {
    double off = (double)part_of(p, 0, i)[j] - *mean;
    squares += (double)part_of(p, 1, i)[j] +
               (double)rows_of(p, i) * off * off;
  }
  *variance = squares / (double)p->rows;
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
  nacre_tiles_run(run->math, p->rows, p->tile, measure_tile, p);
  for (int64_t j = 0; j < p->cols; j++) {
    double centre, variance;
    join(p, j, &centre, &variance);
    mean[j] = (real)centre;
    inverse[j] = (real)(1 / sqrt(variance + cfg->epsilon));
    if ((run->flags & NACRE_RUN_RECOMPUTE) != 0) {
      continue; /* they have followed this batch already */
    }
    moving_mean[j] = momentum * moving_mean[j] + (1 - momentum) * mean[j];
    moving_variance[j] =
      momentum * moving_variance[j] + (1 - momentum) * (real)variance;
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

/* The weights, of which either may be absent, as one factor and one shift
 * per column. */
static void prepare(const pass *p, const real *shift) {
  nacre_run *run = p->run;
  const real *gamma = nacre_data(&run->weight[GAMMA]);
  const real *mean = nacre_data(&run->saved[MEAN]);
  const real *inverse = nacre_data(&run->saved[INVERSE]);
  for (int64_t j = 0; j < p->cols; j++) {
    p->centre[j] = mean[j];
    p->factor[j] = gamma ? inverse[j] * gamma[j] : inverse[j];
    p->shift[j] = shift ? shift[j] : 0;
  }
  spread(p, p->centre);
  spread(p, p->factor);
  spread(p, p->shift);
}

static void forward_tile(void *ctx, int64_t begin, int64_t end) {
  const pass *p = ctx;
  const nacre_run *run = p->run;
  real *y = nacre_data(&run->out[0]) + begin * p->cols;
  normalize((end - begin) * p->cols, p->wide, p->centre, p->factor, p->shift,
            p->x + begin * p->cols, y);
  nacre_epilogue_rows(run, begin, end, p->cols);
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
  prepare(&p, nacre_data(&run->weight[BETA]));
  nacre_tiles_run(run->math, p.rows, p.tile, forward_tile, &p);
}

static void gradient_tile(void *ctx, int64_t begin, int64_t end) {
  const pass *p = ctx;
  int64_t tile = begin / p->tile, at = begin * p->cols;
  real *sum = part_of(p, 0, tile), *product = part_of(p, 1, tile);
  add_products((end - begin) * p->cols, p->wide, p->centre, p->x + at,
               p->dout + at, sum, product);
  fold(p, sum);
  fold(p, product);
}

/* out[j] = factor[j] times the tiles' sums, in their order. */
static void gather(const pass *p, int which, const real *factor, real *out) {
  for (int64_t j = 0; j < p->cols; j++) {
    double sum = 0;
    for (int64_t i = 0; i < p->tiles; i++) {
      sum += (double)part_of(p, which, i)[j];
    }
    out[j] = (real)(factor ? sum * (double)factor[j] : sum);
  }
}

static void derive_tile(void *ctx, int64_t begin, int64_t end) {
  const pass *p = ctx;
  int64_t at = begin * p->cols;
  derive((end - begin) * p->cols, p->wide, p, part_of(p, 0, 0), p->x + at,
         p->dout + at, nacre_data(&p->run->din[0]) + at);
}

/* With z the normalized x: din = gamma inverse (dout - mean(dout) -
 * z mean(dout z)); the means are 0 when the statistics are constants. */
static void derive_input(pass *p, const real *sum, const real *product) {
  nacre_run *run = p->run;
  const real *inverse = nacre_data(&run->saved[INVERSE]);
  real share = uses_batch(run) ? 1 / (real)p->rows : 0;
  real *slope = part_of(p, 0, 0); /* the tiles' sums have been read */
  prepare(p, NULL);
  for (int64_t j = 0; j < p->cols; j++) {
    p->shift[j] = share * sum[j];
    slope[j] = share * product[j] * inverse[j];
  }
  spread(p, p->shift);
  spread(p, slope);
  nacre_tiles_run(run->math, p->rows, p->tile, derive_tile, p);
}

/* dgamma += sum of dout z, dbeta += sum of dout. */
static void backward(nacre_run *run) {
  const nacre_math *math = run->math;
  pass p = pass_of(run);
  real *sum = nacre_data(&run->scratch[SUM_A]);
  real *product = nacre_data(&run->scratch[SUM_B]);
  prepare(&p, NULL);
  nacre_tiles_run(math, p.rows, p.tile, gradient_tile, &p);
  gather(&p, 0, NULL, sum);
  gather(&p, 1, nacre_data(&run->saved[INVERSE]), product);
  if (run->dweight[GAMMA].data) {
    math->axpy(math, p.cols, 1, product, nacre_data(&run->dweight[GAMMA]));
  }
  if (run->dweight[BETA].data) {
    math->axpy(math, p.cols, 1, sum, nacre_data(&run->dweight[BETA]));
  }
  if (run->din[0].data) {
    derive_input(&p, sum, product);
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
  .flags = NACRE_LAYER_NEED_X | NACRE_LAYER_RESIDUAL | NACRE_LAYER_EPILOGUE |
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
