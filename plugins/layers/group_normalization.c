/* SPDX-License-Identifier: MIT */
/* group_normalization: groups of each sample's channels to mean 0 and
 * variance 1. */
#include <nacre/plugin.h>

#include <math.h>
#include <string.h>

#include "epilogue.h"
#include "tiles.h"

typedef struct group_normalization {
  int64_t groups, axis;
  double epsilon;
  bool center, scale;
} group_normalization;

enum { GAMMA, BETA };
/* Saved, [channels] of each sample, alike within a group. */
enum { MEAN, INVERSE };
/* Scratch, [2, channels] of each sample: sums of channels, in backward dbeta
 * and dgamma of the sample; and, the same, sums of a block of rows, then what
 * the gradient is reduced by. */
enum { SUMS, PARTS };

#define BLOCK 64 /* rows whose sums are added up before they join the others */

static int plan(nacre_plan *plan) {
  const group_normalization *cfg = plan->cfg;
  const nacre_shape *in = &plan->input[0];
  if (in->rank < 1 || (cfg->axis != -1 && cfg->axis != in->rank)) {
    return nacre_plan_refuse(plan, "the axis of the channels must be the "
                             "last one, -1; move it there with permute");
  }
  const int64_t channels = nacre_shape_last(in);
  const int64_t groups = cfg->groups == -1 ? channels : cfg->groups;
  if (groups < 1 || channels % groups != 0) {
    return nacre_plan_refuse(plan, "%lld channels cannot be cut into %lld "
                             "groups", (long long)channels,
                             (long long)cfg->groups);
  }
  const nacre_shape channel = nacre_shape_1d(channels);
  const nacre_shape pair = nacre_shape_2d(2, channels);
  if ((cfg->scale && nacre_plan_weight(plan, GAMMA, &channel, channels,
                                       channels) != NACRE_OK) ||
      (cfg->center && nacre_plan_weight(plan, BETA, &channel, channels,
                                        channels) != NACRE_OK) ||
      nacre_plan_saved(plan, MEAN, &channel, NACRE_PER_SAMPLE) != NACRE_OK ||
      nacre_plan_saved(plan, INVERSE, &channel, NACRE_PER_SAMPLE) !=
        NACRE_OK ||
      nacre_plan_scratch(plan, SUMS, &pair, NACRE_PER_SAMPLE) != NACRE_OK ||
      nacre_plan_scratch(plan, PARTS, &pair, NACRE_PER_SAMPLE) != NACRE_OK) {
    return NACRE_ERROR;
  }
  nacre_plan_flops(plan, 8.0 * (double)nacre_shape_count(in));
  return nacre_plan_output(plan, in);
}

/* sum += the rows of x. x: [rows, cols], sum: [cols] */
NACRE_KERNEL
static void add_rows(int64_t rows, int64_t cols, const real *x,
                     real *restrict sum) {
  for (int64_t i = 0; i < rows; i++, x += cols) {
    for (int64_t j = 0; j < cols; j++) {
      sum[j] += x[j];
    }
  }
}

/* sum += (x - mean)^2 */
NACRE_KERNEL
static void add_squares(int64_t rows, int64_t cols, const real *mean,
                        const real *x, real *restrict sum) {
  for (int64_t i = 0; i < rows; i++, x += cols) {
    for (int64_t j = 0; j < cols; j++) {
      sum[j] += (x[j] - mean[j]) * (x[j] - mean[j]);
    }
  }
}

/* sum += dy, product += dy z */
NACRE_KERNEL
static void add_products(int64_t rows, int64_t cols, const real *mean,
                         const real *inverse, const real *x, const real *dy,
                         real *restrict sum, real *restrict product) {
  for (int64_t i = 0; i < rows; i++, x += cols, dy += cols) {
    for (int64_t j = 0; j < cols; j++) {
      sum[j] += dy[j];
      product[j] += dy[j] * ((x[j] - mean[j]) * inverse[j]);
    }
  }
}

/* y = gamma (x - mean) inverse + beta; gamma, beta: [cols], or NULL */
NACRE_KERNEL
static void normalize(int64_t rows, int64_t cols, const real *mean,
                      const real *inverse, const real *gamma,
                      const real *beta, const real *x, real *restrict y) {
  for (int64_t i = 0; i < rows; i++, x += cols, y += cols) {
    for (int64_t j = 0; j < cols; j++) {
      y[j] = (x[j] - mean[j]) * inverse[j];
    }
    for (int64_t j = 0; gamma != NULL && j < cols; j++) {
      y[j] *= gamma[j];
    }
    for (int64_t j = 0; beta != NULL && j < cols; j++) {
      y[j] += beta[j];
    }
  }
}

/* dx = inverse (gamma dy - a - b z) */
NACRE_KERNEL
static void reduce(int64_t rows, int64_t cols, const real *mean,
                   const real *inverse, const real *gamma, const real *a,
                   const real *b, const real *x, const real *dy,
                   real *restrict dx) {
  for (int64_t i = 0; i < rows; i++, x += cols, dy += cols, dx += cols) {
    if (gamma != NULL) {
      for (int64_t j = 0; j < cols; j++) {
        real z = (x[j] - mean[j]) * inverse[j];
        dx[j] = inverse[j] * (gamma[j] * dy[j] - a[j] - b[j] * z);
      }
    } else {
      for (int64_t j = 0; j < cols; j++) {
        real z = (x[j] - mean[j]) * inverse[j];
        dx[j] = inverse[j] * (dy[j] - a[j] - b[j] * z);
      }
    }
  }
}

/* One sample. */
typedef struct sample {
  int64_t rows, cols, groups;
  const real *x, *dout;  /* [rows, cols] */
  const real *gamma, *beta; /* [cols], or NULL */
  real *y, *dx;          /* [rows, cols] */
  real *mean, *inverse;  /* [cols] */
  real *sums, *parts;    /* [2, cols] */
} sample;

static sample sample_of(const nacre_run *run, int64_t i) {
  const group_normalization *cfg = run->cfg;
  const int64_t cols = run->saved[MEAN].dim[1];
  const int64_t n = nacre_tensor_count(&run->in[0]) / run->batch;
  sample s = {
    .rows = n / cols, .cols = cols,
    .groups = cfg->groups == -1 ? cols : cfg->groups,
    .gamma = nacre_data(&run->weight[GAMMA]),
    .beta = nacre_data(&run->weight[BETA]),
    .mean = nacre_data(&run->saved[MEAN]) + i * cols,
    .inverse = nacre_data(&run->saved[INVERSE]) + i * cols,
    .sums = nacre_data(&run->scratch[SUMS]) + i * 2 * cols,
    .parts = nacre_data(&run->scratch[PARTS]) + i * 2 * cols,
  };
  if (run->in[0].data != NULL) {
    s.x = nacre_data(&run->in[0]) + i * n;
  }
  return s;
}

static void clear(int64_t n, real *y) {
  memset(y, 0, (size_t)n * sizeof(real));
}

static void add(int64_t n, const real *x, real *y) {
  for (int64_t j = 0; j < n; j++) {
    y[j] += x[j];
  }
}

/* sums = the sums of rows, or of their squares less the mean, in blocks. */
static void sum_rows(const sample *s, bool squares) {
  clear(s->cols, s->sums);
  for (int64_t i = 0; i < s->rows; i += BLOCK) {
    const int64_t rows = s->rows - i < BLOCK ? s->rows - i : BLOCK;
    clear(s->cols, s->parts);
    if (squares) {
      add_squares(rows, s->cols, s->mean, s->x + i * s->cols, s->parts);
    } else {
      add_rows(rows, s->cols, s->x + i * s->cols, s->parts);
    }
    add(s->cols, s->parts, s->sums);
  }
}

/* Mean over the group of each channel: of sums, with factors or NULL. */
static void mean_groups(const sample *s, const real *sums,
                        const real *factor, real *mean) {
  const int64_t width = s->cols / s->groups;
  const double n = (double)(s->rows * width);
  for (int64_t g = 0; g < s->cols; g += width) {
    double sum = 0;
    for (int64_t j = g; j < g + width; j++) {
      sum += (double)sums[j] * (factor != NULL ? (double)factor[j] : 1.0);
    }
    for (int64_t j = g; j < g + width; j++) {
      mean[j] = (real)(sum / n);
    }
  }
}

static void forward_samples(void *ctx, int64_t begin, int64_t end) {
  const nacre_run *run = ctx;
  const group_normalization *cfg = run->cfg;
  for (int64_t i = begin; i < end; i++) {
    const sample s = sample_of(run, i);
    real *y = nacre_data(&run->out[0]) + i * s.rows * s.cols;
    sum_rows(&s, false);
    mean_groups(&s, s.sums, NULL, s.mean);
    sum_rows(&s, true);
    mean_groups(&s, s.sums, NULL, s.inverse);
    for (int64_t j = 0; j < s.cols; j++) {
      s.inverse[j] = (real)(1 / sqrt((double)s.inverse[j] + cfg->epsilon));
    }
    normalize(s.rows, s.cols, s.mean, s.inverse, s.gamma, s.beta, s.x, y);
    nacre_epilogue_rows(run, i * s.rows, (i + 1) * s.rows, s.cols);
  }
}

static void backward_samples(void *ctx, int64_t begin, int64_t end) {
  const nacre_run *run = ctx;
  for (int64_t i = begin; i < end; i++) {
    const sample s = sample_of(run, i);
    const int64_t at = i * s.rows * s.cols;
    const real *dout = nacre_data(&run->dout[0]) + at;
    clear(2 * s.cols, s.sums);
    for (int64_t r = 0; r < s.rows; r += BLOCK) {
      const int64_t rows = s.rows - r < BLOCK ? s.rows - r : BLOCK;
      clear(2 * s.cols, s.parts);
      add_products(rows, s.cols, s.mean, s.inverse, s.x + r * s.cols,
                   dout + r * s.cols, s.parts, s.parts + s.cols);
      add(2 * s.cols, s.parts, s.sums);
    }
    if (run->din[0].data) {
      mean_groups(&s, s.sums, s.gamma, s.parts);
      mean_groups(&s, s.sums + s.cols, s.gamma, s.parts + s.cols);
      reduce(s.rows, s.cols, s.mean, s.inverse, s.gamma, s.parts,
             s.parts + s.cols, s.x, dout, nacre_data(&run->din[0]) + at);
    }
  }
}

static void run_samples(nacre_run *run, nacre_body body) {
  const int64_t n = nacre_tensor_count(&run->in[0]) / run->batch;
  nacre_tiles_run(run->math, run->batch, nacre_tiles_rows(n), body, run);
}

static void forward(nacre_run *run) {
  run_samples(run, forward_samples);
}

/* With z = (x - mean) inverse and d = gamma dout,
 * din = inverse (d - mean(d) - z mean(d z)), means over the group;
 * dgamma += the sum of dout z, dbeta += that of dout. */
static void backward(nacre_run *run) {
  const int64_t cols = run->saved[MEAN].dim[1];
  run_samples(run, backward_samples);
  for (int64_t i = 0; i < run->batch; i++) {
    const real *sums = nacre_data(&run->scratch[SUMS]) + i * 2 * cols;
    if (run->dweight[BETA].data) {
      add(cols, sums, nacre_data(&run->dweight[BETA]));
    }
    if (run->dweight[GAMMA].data) {
      add(cols, sums + cols, nacre_data(&run->dweight[GAMMA]));
    }
  }
}

static const nacre_param params[] = {
  NACRE_PARAM(group_normalization, groups, "32", "[-1,inf)", "",
              "Number of groups; -1: each channel by itself.", 0),
  NACRE_PARAM(group_normalization, axis, "-1", NULL, "",
              "Axis of the channels: the last.", 0),
  NACRE_PARAM(group_normalization, epsilon, "1e-3", "(0,inf)", "",
              "Added to the variance.", 0),
  NACRE_PARAM(group_normalization, center, "true", NULL, "",
              "Add a learned shift, beta.", 0),
  NACRE_PARAM(group_normalization, scale, "true", NULL, "",
              "Multiply by a learned factor, gamma.", 0),
};

static const nacre_weight weights[] = {
  { "gamma", "ones", "Factors, [channels].", 0, 0 },
  { "beta", "zeros", "Shifts, [channels].", 0, 0 },
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
  .name = "group_normalization",
  .summary = "Groups of each sample's channels to mean 0 and variance 1",
  .doc = "y = gamma (x - mean) / sqrt(var + epsilon) + beta, mean and "
         "(biased) variance taken over all steps and the channels of one "
         "group. Input and output [..., channels], gamma and beta "
         "[channels]; groups divides the channels.\n\n"
         "As Keras's GroupNormalization. Wu and He, \"Group normalization\", "
         "arXiv:1803.08494.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(group_normalization),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(group_normalization, component)
