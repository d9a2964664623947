/* SPDX-License-Identifier: MIT */
/* dropout: sets a random share of its input to 0 in training. */
#include <nacre/plugin.h>

#include "tiles.h"

typedef struct dropout {
  double rate;
} dropout;

static int plan(nacre_plan *plan) {
  nacre_plan_flops(plan, (double)nacre_shape_count(&plan->input[0]));
  return nacre_plan_output(plan, &plan->input[0]);
}

typedef struct pass {
  const nacre_run *run;
  const real *x;
  real *y;
} pass;

NACRE_KERNEL
static void mask(int64_t n, real rate, real scale, const real *u,
                 const real *x, real *y) {
  for (int64_t i = 0; i < n; i++) {
    real kept = scale * x[i];
    y[i] = u[i] < rate ? 0 : kept;
  }
}

/* Word i of the stream decides about element i, in forward and, again the
 * same, in backward: the mask need not be kept. */
static void mask_tile(void *ctx, int64_t begin, int64_t end) {
  const pass *p = ctx;
  const dropout *cfg = p->run->cfg;
  const nacre_math *math = p->run->math;
  real u[NACRE_TILES_BLOCK];
  for (int64_t at = begin; at < end; at += NACRE_TILES_BLOCK) {
    int64_t n = end - at < NACRE_TILES_BLOCK ? end - at : NACRE_TILES_BLOCK;
    math->uniform(math, p->run->key, (uint64_t)at, n, u);
    mask(n, (real)cfg->rate, (real)(1 / (1 - cfg->rate)), u, p->x + at,
         p->y + at);
  }
}

static void apply(const nacre_run *run, const nacre_tensor *x,
                  const nacre_tensor *y) {
  pass p = { run, nacre_data(x), nacre_data(y) };
  nacre_tiles_run(run->math, nacre_tensor_count(x), NACRE_TILES_GRAIN,
                  mask_tile, &p);
}

static void forward(nacre_run *run) {
  apply(run, &run->in[0], &run->out[0]);
}

static void backward(nacre_run *run) {
  if (run->din[0].data) {
    apply(run, &run->dout[0], &run->din[0]);
  }
}

static const nacre_param params[] = {
  NACRE_PARAM(dropout, rate, NULL, "[0,1)", "",
              "Share of the elements that are set to 0.", 0),
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops),
  .flags = NACRE_LAYER_TRAINING | NACRE_LAYER_RANDOM | NACRE_LAYER_INPLACE |
           NACRE_LAYER_MASK_PASS,
  .weights = NACRE_EMPTY_SPAN, .min_inputs = 1, .max_inputs = 1,
  .plan = plan, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "dropout",
  .summary = "Sets a random share of its input to 0 in training",
  .doc = "In training y = m x / (1 - rate), every m being 0 with "
         "probability rate and 1 otherwise; elsewhere y = x.\n\n"
         "As Keras's Dropout. Srivastava et al., \"Dropout: a simple way to "
         "prevent neural networks from overfitting\", JMLR 15 (2014).",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(dropout), .ops = &ops,
};

NACRE_COMPONENT_MODULE(dropout, component)
