/* SPDX-License-Identifier: MIT */
/* gaussian_noise: adds normal noise in training. */
#include <nacre/plugin.h>

#include "noise.h"
#include "tiles.h"

typedef struct gaussian_noise {
  double stddev;
} gaussian_noise;

static int plan(nacre_plan *plan) {
  nacre_plan_flops(plan, (double)nacre_shape_count(&plan->input[0]));
  return nacre_plan_output(plan, &plan->input[0]);
}

static void noise_tile(void *ctx, int64_t begin, int64_t end) {
  const nacre_run *run = ctx;
  real stddev = (real)((const gaussian_noise *)run->cfg)->stddev;
  const real *x = nacre_data(&run->in[0]);
  real *y = nacre_data(&run->out[0]);
  real z[NACRE_TILES_BLOCK];
  for (int64_t at = begin; at < end; at += NACRE_TILES_BLOCK) {
    int64_t n = end - at < NACRE_TILES_BLOCK ? end - at : NACRE_TILES_BLOCK;
    nacre_noise_normals(run, at, z);
    for (int64_t i = 0; i < n; i++) {
      y[at + i] = x[at + i] + stddev * z[i];
    }
  }
}

static void forward(nacre_run *run) {
  nacre_tiles_run(run->math, nacre_tensor_count(&run->in[0]),
                  NACRE_TILES_GRAIN, noise_tile, run);
}

/* din = dout. */
static void backward(nacre_run *run) {
  if (run->din[0].data && run->din[0].data != run->dout[0].data) {
    run->math->copy(run->math, nacre_tensor_count(&run->dout[0]),
                    nacre_data(&run->dout[0]), nacre_data(&run->din[0]));
  }
}

static const nacre_param params[] = {
  NACRE_PARAM(gaussian_noise, stddev, NULL, "[0,inf)", "",
              "Standard deviation of the noise.", 0),
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
  .name = "gaussian_noise", .summary = "Adds normal noise in training",
  .doc = "In training y = x + stddev z, z standard normal and independent "
         "for every element; elsewhere y = x. As Keras's GaussianNoise.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(gaussian_noise),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(gaussian_noise, component)
