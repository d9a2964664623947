/* SPDX-License-Identifier: MIT */
/* unit_normalization: each row to the length 1. */
#include <nacre/plugin.h>

#include <math.h>

#include "tiles.h"

/* Lengths count as at least this, as in Keras. */
#define SHORTEST 1e-12

typedef struct unit_normalization {
  int64_t axis;
} unit_normalization;

static int plan(nacre_plan *plan) {
  const unit_normalization *cfg = plan->cfg;
  const nacre_shape *in = &plan->input[0];
  if (in->rank < 1 || (cfg->axis != -1 && cfg->axis != in->rank)) {
    return nacre_plan_refuse(plan, "the axis must be the last one, -1; move "
                             "it there with permute");
  }
  nacre_plan_flops(plan, 3.0 * (double)nacre_shape_count(in));
  return nacre_plan_output(plan, in);
}

typedef struct pass {
  const nacre_run *run;
  int64_t cols;
} pass;

#define LANES 16

/* The inner product, in LANES parts that are added in a fixed order. */
NACRE_KERNEL
static double inner(int64_t n, const real *a, const real *b) {
  real part[LANES] = { 0 };
  int64_t j = 0;
  for (; j + LANES <= n; j += LANES) {
    for (int l = 0; l < LANES; l++) {
      part[l] += a[j + l] * b[j + l];
    }
  }
  double sum = 0;
  for (; j < n; j++) {
    sum += (double)a[j] * (double)b[j];
  }
  for (int l = 0; l < LANES; l++) {
    sum += (double)part[l];
  }
  return sum;
}

/* out = a (x + b y) */
NACRE_KERNEL
static void mix(int64_t n, real a, real b, const real *x, const real *y,
                real *out) {
  for (int64_t j = 0; j < n; j++) {
    out[j] = a * (x[j] + b * y[j]);
  }
}

static void forward_rows(void *ctx, int64_t begin, int64_t end) {
  const pass *p = ctx;
  for (int64_t i = begin; i < end; i++) {
    const real *x = nacre_data(&p->run->in[0]) + i * p->cols;
    double length = sqrt(inner(p->cols, x, x));
    double factor = 1 / (length > SHORTEST ? length : SHORTEST);
    mix(p->cols, (real)factor, 0, x, x,
        nacre_data(&p->run->out[0]) + i * p->cols);
  }
}

/* With f = 1 / |x|: dx = f (dy - f^2 (x dy) x); a row that is too short has
 * a constant factor. */
static void backward_rows(void *ctx, int64_t begin, int64_t end) {
  const pass *p = ctx;
  for (int64_t i = begin; i < end; i++) {
    int64_t at = i * p->cols;
    const real *x = nacre_data(&p->run->in[0]) + at;
    const real *dy = nacre_data(&p->run->dout[0]) + at;
    double length = sqrt(inner(p->cols, x, x));
    bool tiny = length <= SHORTEST;
    double factor = 1 / (tiny ? SHORTEST : length);
    double share = tiny ? 0
                            : inner(p->cols, x, dy) * factor * factor;
    mix(p->cols, (real)factor, (real)-share, dy, x,
        nacre_data(&p->run->din[0]) + at);
  }
}

static void forward(nacre_run *run) {
  pass p = { run, run->in[0].dim[run->in[0].rank - 1] };
  nacre_tiles_run(run->math, nacre_tensor_count(&run->in[0]) / p.cols,
                  nacre_tiles_rows(p.cols), forward_rows, &p);
}

static void backward(nacre_run *run) {
  pass p = { run, run->in[0].dim[run->in[0].rank - 1] };
  if (run->din[0].data) {
    nacre_tiles_run(run->math, nacre_tensor_count(&run->in[0]) / p.cols,
                    nacre_tiles_rows(p.cols), backward_rows, &p);
  }
}

static const nacre_param params[] = {
  NACRE_PARAM(unit_normalization, axis, "-1", NULL, "",
              "Axis of the rows; only the last is possible.", 0),
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops), .flags = NACRE_LAYER_NEED_X | NACRE_LAYER_MASK_PASS,
  .weights = NACRE_EMPTY_SPAN, .min_inputs = 1, .max_inputs = 1,
  .plan = plan, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "unit_normalization", .summary = "Each row to the length 1",
  .doc = "y = x / sqrt(sum of x^2) along the last axis; a root below 1e-12 "
         "counts as that. As Keras's UnitNormalization.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(unit_normalization),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(unit_normalization, component)
