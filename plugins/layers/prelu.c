/* SPDX-License-Identifier: MIT */
/* prelu: rectified linear unit whose negative slope is learned. */
#include <nacre/plugin.h>

#include "tiles.h"

typedef struct prelu {
  nacre_ints shared_axes;
} prelu;

enum { SLOPES, BENT, SUMS }; /* scratch tensors */

/* Shape of alpha: the input's with 1 for the shared axes; Keras counts them
 * from the batch. */
static int alpha_shape(nacre_plan *plan, nacre_shape *alpha) {
  const prelu *cfg = plan->cfg;
  *alpha = plan->input[0];
  for (int64_t i = 0; i < cfg->shared_axes.n; i++) {
    int64_t axis = cfg->shared_axes.at[i];
    if (axis < 1 || axis > alpha->rank) {
      return nacre_plan_refuse(plan, "shared_axes holds %lld; the axes of a "
                               "sample are 1 to %d", (long long)axis,
                               alpha->rank);
    }
    alpha->dim[axis - 1] = 1;
  }
  return NACRE_OK;
}

static int plan(nacre_plan *plan) {
  nacre_shape alpha, in = plan->input[0];
  if (alpha_shape(plan, &alpha) != NACRE_OK) {
    return NACRE_ERROR;
  }
  int64_t n = nacre_shape_count(&alpha);
  if (nacre_plan_output(plan, &in) != NACRE_OK ||
      nacre_plan_weight(plan, 0, &alpha, n, n) != NACRE_OK ||
      nacre_plan_scratch(plan, SLOPES, &in, 0) != NACRE_OK ||
      nacre_plan_scratch(plan, BENT, &in, NACRE_PER_SAMPLE) != NACRE_OK ||
      nacre_plan_scratch(plan, SUMS, &in, 0) != NACRE_OK) {
    return NACRE_ERROR;
  }
  nacre_plan_flops(plan, 2.0 * (double)nacre_shape_count(&in));
  return NACRE_OK;
}

/* Where element i of a sample finds its slope among alpha's. */
static int64_t slope_at(const nacre_run *run, int64_t i) {
  const nacre_tensor *in = &run->in[0], *alpha = &run->weight[0];
  int64_t at = 0, stride = 1;
  for (int32_t axis = alpha->rank - 1; axis >= 0; axis--) {
    at += alpha->dim[axis] > 1 ? i % in->dim[axis + 1] * stride : 0;
    stride *= alpha->dim[axis];
    i /= in->dim[axis + 1];
  }
  return at;
}

/* The slope of every element of a sample, [sample]. */
static const real *slopes(nacre_run *run) {
  const prelu *cfg = run->cfg;
  const real *alpha = nacre_data(&run->weight[0]);
  real *full = nacre_data(&run->scratch[SLOPES]);
  int64_t sample = nacre_tensor_count(&run->scratch[SLOPES]);
  if (cfg->shared_axes.n == 0) {
    return alpha;
  }
  for (int64_t i = 0; i < sample; i++) {
    full[i] = alpha[slope_at(run, i)];
  }
  return full;
}

typedef struct pass {
  nacre_run *run;
  const real *slope; /* [sample] */
  int64_t sample;
} pass;

NACRE_KERNEL
static void bend(int64_t n, const real *slope, const real *x, real *y) {
  for (int64_t i = 0; i < n; i++) {
    real bent = slope[i] * x[i];
    y[i] = x[i] < 0 ? bent : x[i];
  }
}

static void forward_rows(void *ctx, int64_t begin, int64_t end) {
  const pass *p = ctx;
  for (int64_t i = begin; i < end; i++) {
    bend(p->sample, p->slope, nacre_data(&p->run->in[0]) + i * p->sample,
         nacre_data(&p->run->out[0]) + i * p->sample);
  }
}

static void forward(nacre_run *run) {
  pass p = { run, slopes(run), nacre_tensor_count(&run->scratch[SLOPES]) };
  nacre_tiles_run(run->math, run->batch, nacre_tiles_rows(p.sample),
                  forward_rows, &p);
}

/* bent = min(x, 0) dout, the part of dalpha that an element gives. */
NACRE_KERNEL
static void bend_back(int64_t n, const real *x, const real *dout,
                      real *bent) {
  for (int64_t i = 0; i < n; i++) {
    bent[i] = dout[i] * (x[i] < 0 ? x[i] : 0);
  }
}

NACRE_KERNEL
static void derive(int64_t n, const real *slope, const real *x,
                   const real *dout, real *din) {
  for (int64_t i = 0; i < n; i++) {
    real d = dout[i], bent = slope[i] * d;
    din[i] = x[i] < 0 ? bent : d;
  }
}

static void backward_rows(void *ctx, int64_t begin, int64_t end) {
  const pass *p = ctx;
  const nacre_run *run = p->run;
  for (int64_t i = begin; i < end; i++) {
    int64_t at = i * p->sample;
    const real *x = nacre_data(&run->in[0]) + at;
    const real *dout = nacre_data(&run->dout[0]) + at;
    if (run->dweight[0].data) {
      bend_back(p->sample, x, dout, nacre_data(&run->scratch[BENT]) + at);
    }
    if (run->din[0].data) {
      derive(p->sample, p->slope, x, dout, nacre_data(&run->din[0]) + at);
    }
  }
}

static void backward(nacre_run *run) {
  const nacre_math *math = run->math;
  pass p = { run, slopes(run), nacre_tensor_count(&run->scratch[SLOPES]) };
  real *dalpha = nacre_data(&run->dweight[0]);
  real *sums = nacre_data(&run->scratch[SUMS]); /* [sample] */
  nacre_tiles_run(math, run->batch, nacre_tiles_rows(p.sample),
                  backward_rows, &p);
  if (dalpha) {
    math->fill(math, p.sample, 0, sums);
    math->col_sum(math, run->batch, p.sample,
                  nacre_data(&run->scratch[BENT]), sums);
    for (int64_t i = 0; i < p.sample; i++) {
      dalpha[slope_at(run, i)] += sums[i];
    }
  }
}

static const nacre_param params[] = {
  NACRE_PARAM(prelu, shared_axes, "[]", NULL, "",
              "Axes along which elements share one slope, counted from 1.",
              0),
};

static const nacre_weight weights[] = {
  { "alpha", "zeros", "Slopes, the input's shape with 1 for shared axes.", 0,
    0 },
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops),
  .flags = NACRE_LAYER_NEED_X | NACRE_LAYER_MASK_PASS,
  .weights = NACRE_SPAN(weights), .min_inputs = 1, .max_inputs = 1,
  .plan = plan, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "prelu",
  .summary = "Rectified linear unit whose negative slope is learned",
  .doc = "y = x for x >= 0, otherwise alpha x. Input and output [...], alpha "
         "of the input's shape with 1 for the shared axes: shared_axes [1, "
         "2] gives an image [28, 28, 16] one slope per channel, [1, 1, "
         "16].\n\n"
         "As Keras's PReLU. He, Zhang, Ren and Sun, \"Delving deep into "
         "rectifiers\", ICCV 2015.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(prelu), .ops = &ops,
};

NACRE_COMPONENT_MODULE(prelu, component)
