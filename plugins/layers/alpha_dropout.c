/* SPDX-License-Identifier: MIT */
/* alpha_dropout: dropout that keeps mean and variance after selu. */
#include <nacre/plugin.h>

#include <math.h>

#include "merge.h"

typedef struct alpha_dropout {
  double rate;
} alpha_dropout;

static int plan(nacre_plan *plan) {
  return nacre_merge_plan(plan, 2);
}

/* Where selu ends below, -1.0507 times 1.6733: what is dropped becomes it. */
#define FLOOR (-1.7580993408473766)

/* y = scale (kept x or FLOOR) + shift gives a standard normal x back its mean
 * and variance: Klambauer et al., section "Dropout". */
static void line_of(double rate, double *scale, double *shift) {
  *scale = 1 / sqrt((1 - rate) * (1 + rate * FLOOR * FLOOR));
  *shift = -*scale * rate * FLOOR;
}

NACRE_KERNEL
static void choose(int64_t n, real rate, real scale, real shift, real dropped,
                   const real *u, const real *x, real *y) {
  for (int64_t i = 0; i < n; i++) {
    real kept = scale * x[i] + shift;
    y[i] = u[i] < rate ? dropped : kept;
  }
}

typedef struct pass {
  const nacre_run *run;
  const real *x;
  real *y;
  real rate, scale, shift, dropped;
} pass;

/* Word i of the stream decides about element i, in both directions. */
static void choose_tile(void *ctx, int64_t begin, int64_t end) {
  const pass *p = ctx;
  const nacre_math *math = p->run->math;
  real u[NACRE_TILES_BLOCK];
  for (int64_t at = begin; at < end; at += NACRE_TILES_BLOCK) {
    int64_t n = end - at < NACRE_TILES_BLOCK ? end - at : NACRE_TILES_BLOCK;
    math->uniform(math, p->run->key, (uint64_t)at, n, u);
    choose(n, p->rate, p->scale, p->shift, p->dropped, u, p->x + at,
           p->y + at);
  }
}

static void forward(nacre_run *run) {
  const alpha_dropout *cfg = run->cfg;
  double scale, shift;
  line_of(cfg->rate, &scale, &shift);
  pass p = { run, nacre_data(&run->in[0]), nacre_data(&run->out[0]),
             (real)cfg->rate, (real)scale, (real)shift,
             (real)(scale * FLOOR + shift) };
  nacre_tiles_run(run->math, nacre_tensor_count(&run->in[0]),
                  NACRE_TILES_GRAIN, choose_tile, &p);
}

static void backward(nacre_run *run) {
  const alpha_dropout *cfg = run->cfg;
  double scale, shift;
  line_of(cfg->rate, &scale, &shift);
  pass p = { run, nacre_data(&run->dout[0]), nacre_data(&run->din[0]),
             (real)cfg->rate, (real)scale, 0, 0 };
  if (run->din[0].data) {
    nacre_tiles_run(run->math, nacre_tensor_count(&run->dout[0]),
                    NACRE_TILES_GRAIN, choose_tile, &p);
  }
}

static const nacre_param params[] = {
  NACRE_PARAM(alpha_dropout, rate, NULL, "[0,1)", "",
              "Share of the elements that are dropped.", 0),
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
  .name = "alpha_dropout",
  .summary = "Dropout that keeps mean and variance after selu",
  .doc = "In training a share of the elements becomes what selu tends to "
         "below, and a factor and a shift give standard normal inputs their "
         "mean and variance again; elsewhere y = x.\n\n"
         "As Keras's AlphaDropout. Klambauer et al., \"Self-normalizing "
         "neural networks\", NIPS 2017.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(alpha_dropout), .ops = &ops,
};

NACRE_COMPONENT_MODULE(alpha_dropout, component)
