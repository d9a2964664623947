/* SPDX-License-Identifier: MIT */
/* gaussian_dropout: multiplies by normal noise around 1 in training. */
#include <nacre/plugin.h>

#include "merge.h"
#include "noise.h"

typedef struct gaussian_dropout {
  double rate;
} gaussian_dropout;

static int plan(nacre_plan *plan) {
  return nacre_merge_plan(plan, 1);
}

typedef struct pass {
  const nacre_run *run;
  const real *x;
  real *y;
} pass;

NACRE_KERNEL
static void blur(int64_t n, real stddev, const real *z, const real *x,
                 real *y) {
  for (int64_t i = 0; i < n; i++) {
    y[i] = x[i] * (1 + stddev * z[i]);
  }
}

/* The same noise in both directions: it need not be kept. */
static void blur_tile(void *ctx, int64_t begin, int64_t end) {
  const pass *p = ctx;
  double rate = ((const gaussian_dropout *)p->run->cfg)->rate;
  real stddev = (real)sqrt(rate / (1 - rate)), z[NACRE_TILES_BLOCK];
  for (int64_t at = begin; at < end; at += NACRE_TILES_BLOCK) {
    int64_t n = end - at < NACRE_TILES_BLOCK ? end - at : NACRE_TILES_BLOCK;
    nacre_noise_normals(p->run, at, z);
    blur(n, stddev, z, p->x + at, p->y + at);
  }
}

static void apply(const nacre_run *run, const nacre_tensor *x,
                  const nacre_tensor *y) {
  pass p = { run, nacre_data(x), nacre_data(y) };
  nacre_tiles_run(run->math, nacre_tensor_count(x), NACRE_TILES_GRAIN,
                  blur_tile, &p);
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
  NACRE_PARAM(gaussian_dropout, rate, NULL, "[0,1)", "",
              "As dropout's: the noise has the variance rate / (1 - rate).",
              0),
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
  .name = "gaussian_dropout",
  .summary = "Multiplies by normal noise around 1 in training",
  .doc = "In training y = x z, z normal with mean 1 and variance rate / "
         "(1 - rate) and independent for every element; elsewhere y = x.\n\n"
         "As Keras's GaussianDropout. Srivastava et al., \"Dropout: a simple "
         "way to prevent neural networks from overfitting\", JMLR 15 (2014), "
         "section 10.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(gaussian_dropout),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(gaussian_dropout, component)
