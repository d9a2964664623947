/* SPDX-License-Identifier: MIT */
/* reverse_embedding: from vectors back to indices, y = x embeddings^T. */
#include <nacre/plugin.h>

typedef struct reverse_embedding {
  int64_t input_dim;
} reverse_embedding;

static int plan(nacre_plan *plan) {
  const reverse_embedding *cfg = plan->cfg;
  nacre_shape out = plan->input[0]; /* [..., features] */
  if (out.rank < 1) {
    return nacre_plan_refuse(plan, "the input is a single number, not a "
                             "vector");
  }
  int64_t features = out.dim[out.rank - 1];
  nacre_shape table = nacre_shape_2d(cfg->input_dim, features);
  out.dim[out.rank - 1] = cfg->input_dim;
  nacre_plan_flops(plan, 2.0 * (double)features *
                           (double)nacre_shape_count(&out));
  if (nacre_plan_weight(plan, 0, &table, features, cfg->input_dim) !=
      NACRE_OK) {
    return NACRE_ERROR;
  }
  return nacre_plan_output(plan, &out);
}

/* y = x table^T with x: [rows, features], table: [indices, features] */
static void forward(nacre_run *run) {
  const int64_t indices = run->weight[0].dim[0];
  const int64_t features = run->weight[0].dim[1];
  nacre_gemm product = {
    .size = sizeof(product), .flags = NACRE_GEMM_TRANS_B, .batch = 1,
    .alpha = 1.0, .m = nacre_tensor_count(&run->in[0]) / features,
    .n = indices, .k = features,
    .a = nacre_data(&run->in[0]), .lda = features,
    .b = nacre_data(&run->weight[0]), .ldb = features,
    .c = nacre_data(&run->out[0]), .ldc = indices, .act = run->epilogue,
  };
  run->math->gemm(run->math, &product);
}

/* dtable += dy^T x, dx = dy table */
static void backward(nacre_run *run) {
  const int64_t indices = run->weight[0].dim[0];
  const int64_t features = run->weight[0].dim[1];
  const int64_t rows = nacre_tensor_count(&run->dout[0]) / indices;
  const real *dy = nacre_data(&run->dout[0]); /* [rows, indices] */
  if (run->dweight[0].data) {
    nacre_gemm product = {
      .size = sizeof(product), .flags = NACRE_GEMM_TRANS_A, .batch = 1,
      .alpha = 1.0, .beta = 1.0, .m = indices, .n = features, .k = rows,
      .a = dy, .lda = indices, .b = nacre_data(&run->in[0]), .ldb = features,
      .c = nacre_data(&run->dweight[0]), .ldc = features,
    };
    run->math->gemm(run->math, &product);
  }
  if (run->din[0].data) {
    nacre_gemm product = {
      .size = sizeof(product), .batch = 1, .alpha = 1.0, .m = rows,
      .n = features, .k = indices, .a = dy, .lda = indices,
      .b = nacre_data(&run->weight[0]), .ldb = features,
      .c = nacre_data(&run->din[0]), .ldc = features,
    };
    run->math->gemm(run->math, &product);
  }
}

static const nacre_param params[] = {
  NACRE_PARAM(reverse_embedding, input_dim, NULL, "[1,inf)", "",
              "Number of indices, as that of the embedding.", 0),
};

static const nacre_weight weights[] = {
  { "embeddings", "random_uniform", "Vectors, [input_dim, features].", 0, 0 },
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops),
  .flags = NACRE_LAYER_NEED_X | NACRE_LAYER_EPILOGUE | NACRE_LAYER_MASK_PASS,
  .weights = NACRE_SPAN(weights), .min_inputs = 1, .max_inputs = 1,
  .plan = plan, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "reverse_embedding",
  .summary = "How well vectors fit the vectors of an embedding",
  .doc = "y = x embeddings^T. Input [..., features], output [..., "
         "input_dim]: logits over the indices of an embedding. It shares the "
         "embedding's vectors by 'tie: {embeddings: NAME.embeddings}'. As "
         "Keras's ReversibleEmbedding called with reverse.\n\n"
         "Press and Wolf, \"Using the output embedding to improve language "
         "models\", 2017.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(reverse_embedding),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(reverse_embedding, component)
