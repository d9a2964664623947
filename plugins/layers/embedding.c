/* SPDX-License-Identifier: MIT */
/* embedding: a learned vector for each index. */
#include <nacre/plugin.h>

#include "keyed_sum.h"

typedef struct embedding {
  int64_t input_dim, output_dim;
  bool mask_zero;
} embedding;

/* Above this a float cannot tell neighbouring whole numbers apart. */
#define INDEX_MAX (sizeof(real) == 4 ? INT64_C(1) << 24 : INT64_C(1) << 53)

static int plan(nacre_plan *plan) {
  const embedding *cfg = plan->cfg;
  nacre_shape out = plan->input[0]; /* [...] */
  nacre_shape table = nacre_shape_2d(cfg->input_dim, cfg->output_dim);
  if (cfg->input_dim > INDEX_MAX) {
    return nacre_plan_refuse(plan, "input_dim is above %lld, the most that "
                             "indices of this precision can count",
                             (long long)INDEX_MAX);
  }
  if (out.rank + 2 > NACRE_RANK_MAX) {
    return nacre_plan_refuse(plan, "the input has %d axes; with the batch "
                             "and the vectors' own, %d is the most", out.rank,
                             NACRE_RANK_MAX - 2);
  }
  if (cfg->mask_zero && nacre_plan_mask(plan, &out) != NACRE_OK) {
    return NACRE_ERROR;
  }
  const double n = (double)plan->batch * (double)nacre_shape_count(&out);
  if (nacre_keyed_sum_halves(cfg->input_dim, n) &&
      nacre_plan_scratch(plan, 0, &table, 0) != NACRE_OK) {
    return NACRE_ERROR;
  }
  out.dim[out.rank++] = cfg->output_dim;
  out.dtype = NACRE_REAL;
  if (nacre_plan_weight(plan, 0, &table, cfg->input_dim, cfg->output_dim) !=
      NACRE_OK) {
    return NACRE_ERROR;
  }
  return nacre_plan_output(plan, &out);
}

static void check(nacre_run *run, int64_t n, int64_t rows) {
  const real *index = nacre_data(&run->in[0]); /* [batch, ...] */
  for (int64_t i = 0; i < n; i++) {
    if (nacre_keyed_row(index[i], rows) < 0) {
      run->fault(run, i / (n / run->batch), "index %g is not a whole number "
                 "from 0 to %lld", (double)index[i], (long long)(rows - 1));
      return;
    }
  }
}

static void copy_rows(void *ctx, int64_t begin, int64_t end) {
  const nacre_run *run = ctx;
  const real *index = nacre_data(&run->in[0]);    /* [n] */
  const real *table = nacre_data(&run->weight[0]); /* [rows, cols] */
  int64_t rows = run->weight[0].dim[0], cols = run->weight[0].dim[1];
  for (int64_t i = begin; i < end; i++) {
    int64_t row = nacre_keyed_row(index[i], rows);
    memcpy(nacre_data(&run->out[0]) + i * cols,
           table + (row < 0 ? 0 : row) * cols, (size_t)cols * sizeof(real));
  }
}

static void forward(nacre_run *run) {
  int64_t n = nacre_tensor_count(&run->in[0]);
  if (run->out_mask->data != NULL) {
    const real *index = nacre_data(&run->in[0]);
    real *mask = nacre_data(run->out_mask); /* [batch, ...], as the input */
    for (int64_t i = 0; i < n; i++) {
      mask[i] = index[i] != 0;
    }
  }
  check(run, n, run->weight[0].dim[0]);
  nacre_tiles_run(run->math, n, nacre_tiles_rows(run->weight[0].dim[1]),
                  copy_rows, run);
}

static void backward(nacre_run *run) {
  const int64_t n = nacre_tensor_count(&run->in[0]);
  const int64_t cols = run->weight[0].dim[1];
  if (run->dweight[0].data) {
    nacre_keyed_sum sum = {
      .key = nacre_data(&run->in[0]), .n = n,
      .x = nacre_data(&run->dout[0]), .pitch = cols,
      .rows = run->weight[0].dim[0], .cols = cols,
      .sum = nacre_data(&run->dweight[0]),
      .second = nacre_data(&run->scratch[0])
    };
    nacre_keyed_sum_run(run->math, &sum);
  }
  if (run->din[0].data) { /* an index has no neighbourhood to differ in */
    run->math->fill(run->math, n, 0, nacre_data(&run->din[0]));
  }
}

static const nacre_param params[] = {
  NACRE_PARAM(embedding, input_dim, NULL, "[1,inf)", "",
              "Number of indices: the largest plus one.", 0),
  NACRE_PARAM(embedding, output_dim, NULL, "[1,inf)", "",
              "Length of a vector.", 0),
  NACRE_PARAM(embedding, mask_zero, "false", NULL, "",
              "Index 0 is padding: what follows is told not to count it.",
              0),
};

static const nacre_weight weights[] = {
  { "embeddings", "random_uniform", "Vectors, [input_dim, output_dim].", 0,
    0 },
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops), .flags = NACRE_LAYER_NEED_X | NACRE_LAYER_LOOKUP,
  .weights = NACRE_SPAN(weights), .min_inputs = 1, .max_inputs = 1,
  .plan = plan, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "embedding", .summary = "A learned vector for each index",
  .doc = "y = embeddings[x]. Input [...] of whole numbers in [0, input_dim), "
         "output [..., output_dim]. Any other number stops the run with a "
         "message. With mask_zero the steps whose index is 0 are masked: "
         "recurrent layers skip them, attention does not look at them, "
         "losses and metrics do not count them. As Keras's Embedding.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(embedding), .ops = &ops,
};

NACRE_COMPONENT_MODULE(embedding, component)
