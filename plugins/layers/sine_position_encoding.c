/* SPDX-License-Identifier: MIT */
/* sine_position_encoding: sines and cosines of the step. */
#include <nacre/plugin.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tiles.h"

typedef struct sine_position_encoding {
  double max_wavelength;
} sine_position_encoding;

static int plan(nacre_plan *plan) {
  const nacre_shape *in = &plan->input[0]; /* [..., steps, features] */
  if (in->rank < 2) {
    return nacre_plan_refuse(plan, "the input must be [steps, features]");
  }
  return nacre_plan_output(plan, in);
}

/* All of one sequence, [steps, features]. */
static int create(const nacre_plan *plan, void **self) {
  const sine_position_encoding *cfg = plan->cfg;
  const nacre_shape *in = &plan->input[0];
  const int64_t steps = in->dim[in->rank - 2];
  const int64_t features = nacre_shape_last(in);
  real *table = calloc((size_t)steps * (size_t)features, sizeof(real));
  for (int64_t t = 0; table != NULL && t < steps; t++) {
    for (int64_t j = 0; j < features; j++) {
      const double angle =
        (double)t *
        pow(cfg->max_wavelength, -(double)(j / 2 * 2) / (double)features);
      table[t * features + j] = (real)(j % 2 == 0 ? sin(angle) : cos(angle));
    }
  }
  *self = table;
  return table == NULL ? NACRE_ERROR : NACRE_OK;
}

static void destroy(void *self) {
  free(self);
}

static int64_t sequence(const nacre_tensor *tensor) {
  return tensor->dim[tensor->rank - 2] * tensor->dim[tensor->rank - 1];
}

static void copy_sequences(void *ctx, int64_t begin, int64_t end) {
  const nacre_run *run = ctx;
  const int64_t n = sequence(&run->out[0]);
  for (int64_t i = begin; i < end; i++) {
    memcpy(nacre_data(&run->out[0]) + i * n, run->self,
           (size_t)n * sizeof(real));
  }
}

static void forward(nacre_run *run) {
  const int64_t n = sequence(&run->out[0]);
  nacre_tiles_run(run->math, nacre_tensor_count(&run->out[0]) / n,
                  nacre_tiles_rows(n), copy_sequences, run);
}

static void backward(nacre_run *run) {
  if (run->din[0].data) { /* the input gave its shape alone */
    run->math->fill(run->math, nacre_tensor_count(&run->din[0]), 0,
                    nacre_data(&run->din[0]));
  }
}

static const nacre_param params[] = {
  NACRE_PARAM(sine_position_encoding, max_wavelength, "10000", "(0,inf)", "",
              "Of the slowest sine, in steps by 2 pi.", 0),
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops), .flags = NACRE_LAYER_MASK_PASS,
  .weights = NACRE_EMPTY_SPAN, .min_inputs = 1, .max_inputs = 1,
  .plan = plan, .forward = forward, .backward = backward,
  .create = create, .destroy = destroy,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "sine_position_encoding",
  .summary = "Sines and cosines of the step",
  .doc = "y[t, j] = sin(a) for even j and cos(a) for odd j, with a = t / "
         "max_wavelength^(2 (j / 2) / features), j / 2 rounded down. Of the "
         "input it takes the shape alone, [..., steps, features]; its output "
         "is to be added to what the steps hold, by an add layer.\n\n"
         "As KerasHub's SinePositionEncoding. Vaswani et al., \"Attention is "
         "all you need\", arXiv:1706.03762.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(sine_position_encoding),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(sine_position_encoding, component)
