/* SPDX-License-Identifier: MIT */
/* elu: exponential below 0, straight above. */
#include <nacre/plugin.h>

#include "merge.h"

typedef struct elu {
  double alpha;
} elu;

static int plan(nacre_plan *plan) {
  return nacre_merge_plan(plan, 4);
}

NACRE_KERNEL
static void halve(int64_t n, const real *x, real *t) {
  for (int64_t i = 0; i < n; i++) {
    t[i] = x[i] < 0 ? x[i] * (real)0.5 : 0;
  }
}

/* exp(x) - 1 = 2 t / (1 - t) with t = tanh(x / 2), which loses nothing near
 * 0, where the difference would. */
NACRE_KERNEL
static void compute(int64_t n, real alpha, const real *t, const real *x,
                    real *y) {
  for (int64_t i = 0; i < n; i++) {
    real below = alpha * (2 * t[i] / (1 - t[i]));
    y[i] = x[i] < 0 ? below : x[i];
  }
}

/* alpha exp(x) = y + alpha */
NACRE_KERNEL
static void derive(int64_t n, real alpha, const real *x, const real *y,
                   const real *dy, real *dx) {
  for (int64_t i = 0; i < n; i++) {
    real below = dy[i] * (y[i] + alpha);
    dx[i] = x[i] < 0 ? below : dy[i];
  }
}

static void forward_tile(void *ctx, int64_t begin, int64_t end) {
  const nacre_run *run = ctx;
  const elu *cfg = run->cfg;
  const real *x = nacre_data(&run->in[0]);
  real *y = nacre_data(&run->out[0]), t[NACRE_TILES_BLOCK];
  for (int64_t at = begin; at < end; at += NACRE_TILES_BLOCK) {
    int64_t n = end - at < NACRE_TILES_BLOCK ? end - at : NACRE_TILES_BLOCK;
    halve(n, x + at, t);
    run->math->tanh(run->math, n, t, t);
    compute(n, (real)cfg->alpha, t, x + at, y + at);
  }
}

static void backward_tile(void *ctx, int64_t begin, int64_t end) {
  const nacre_run *run = ctx;
  const elu *cfg = run->cfg;
  derive(end - begin, (real)cfg->alpha, nacre_data(&run->in[0]) + begin,
         nacre_data(&run->out[0]) + begin,
         nacre_data(&run->dout[0]) + begin,
         nacre_data(&run->din[0]) + begin);
}

static void forward(nacre_run *run) {
  nacre_merge_run(run, forward_tile);
}

static void backward(nacre_run *run) {
  if (run->din[0].data) {
    nacre_merge_run(run, backward_tile);
  }
}

static const nacre_param params[] = {
  NACRE_PARAM(elu, alpha, "1.0", "[0,inf)", "",
              "What the function tends to below, negated.", 0),
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops),
  .flags = NACRE_LAYER_NEED_X | NACRE_LAYER_NEED_Y | NACRE_LAYER_MASK_PASS,
  .weights = NACRE_EMPTY_SPAN, .min_inputs = 1, .max_inputs = 1,
  .plan = plan, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "elu",
  .summary = "Exponential below 0, straight above",
  .doc = "y = x for x > 0, otherwise alpha (exp(x) - 1). As Keras's ELU.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(elu), .ops = &ops,
};

NACRE_COMPONENT_MODULE(elu, component)
