/* SPDX-License-Identifier: MIT */
/* position_embedding: a learned vector for each step. */
#include <nacre/plugin.h>

#include <string.h>

#include "tiles.h"

typedef struct position_embedding {
  int64_t sequence_length; /* INT64_MIN: the input's */
} position_embedding;

static int plan(nacre_plan *plan) {
  const position_embedding *cfg = plan->cfg;
  const nacre_shape *in = &plan->input[0]; /* [..., steps, features] */
  if (in->rank < 2) {
    return nacre_plan_refuse(plan, "the input must be [steps, features]");
  }
  const int64_t steps = in->dim[in->rank - 2];
  const int64_t features = in->dim[in->rank - 1];
  const int64_t length =
    cfg->sequence_length > 0 ? cfg->sequence_length : steps;
  if (steps > length) {
    return nacre_plan_refuse(plan, "the input has %lld steps, but "
                             "sequence_length is %lld", (long long)steps,
                             (long long)length);
  }
  const nacre_shape embeddings = nacre_shape_2d(length, features);
  if (nacre_plan_weight(plan, 0, &embeddings, length, features) !=
      NACRE_OK) {
    return NACRE_ERROR;
  }
  return nacre_plan_output(plan, in);
}

/* Elements that one sequence has. */
static int64_t sequence(const nacre_tensor *tensor) {
  return tensor->dim[tensor->rank - 2] * tensor->dim[tensor->rank - 1];
}

static void copy_sequences(void *ctx, int64_t begin, int64_t end) {
  const nacre_run *run = ctx;
  const int64_t n = sequence(&run->out[0]);
  for (int64_t i = begin; i < end; i++) {
    memcpy(nacre_data(&run->out[0]) + i * n, nacre_data(&run->weight[0]),
           (size_t)n * sizeof(real));
  }
}

static void forward(nacre_run *run) {
  const int64_t n = sequence(&run->out[0]);
  nacre_tiles_run(run->math, nacre_tensor_count(&run->out[0]) / n,
                  nacre_tiles_rows(n), copy_sequences, run);
}

static void backward(nacre_run *run) {
  const int64_t count = nacre_tensor_count(&run->dout[0]);
  const int64_t n = sequence(&run->dout[0]);
  if (run->dweight[0].data) {
    run->math->col_sum(run->math, count / n, n, nacre_data(&run->dout[0]),
                       nacre_data(&run->dweight[0]));
  }
  if (run->din[0].data) { /* the input gave its shape alone */
    run->math->fill(run->math, count, 0, nacre_data(&run->din[0]));
  }
}

static const nacre_param params[] = {
  NACRE_PARAM(position_embedding, sequence_length, "null", "[1,inf)",
              "steps", "The most steps there can be; the input's by default.",
              0),
};

static const nacre_weight weights[] = {
  { "embeddings", "glorot_uniform", "Vectors, [sequence_length, features].",
    0, 0 },
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops), .flags = NACRE_LAYER_MASK_PASS,
  .weights = NACRE_SPAN(weights), .min_inputs = 1, .max_inputs = 1,
  .plan = plan, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "position_embedding", .summary = "A learned vector for each step",
  .doc = "y[t] = embeddings[t]: of the input it takes the shape alone, [..., "
         "steps, features]. Its output has that shape and is to be added to "
         "what the steps hold, by an add layer. As KerasHub's "
         "PositionEmbedding.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(position_embedding),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(position_embedding, component)
