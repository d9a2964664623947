/* SPDX-License-Identifier: MIT */
/* dense: fully connected layer, y = x kernel + bias. */
#include <nacre/plugin.h>

typedef struct dense {
  int64_t units;
  bool use_bias;
} dense;

enum { KERNEL, BIAS };

static int plan(nacre_plan *plan) {
  const dense *cfg = plan->cfg;
  nacre_shape out = plan->input[0]; /* [..., features] */
  if (out.rank < 1) {
    return nacre_plan_refuse(plan, "the input is a single number; dense "
                             "needs an axis of features, so use a reshape "
                             "to [1] before it");
  }
  int64_t features = out.dim[out.rank - 1];
  nacre_shape kernel = nacre_shape_2d(features, cfg->units);
  nacre_shape bias = nacre_shape_1d(cfg->units);
  out.dim[out.rank - 1] = cfg->units;
  if (nacre_plan_output(plan, &out) != NACRE_OK ||
      nacre_plan_weight(plan, KERNEL, &kernel, features, cfg->units) !=
        NACRE_OK) {
    return NACRE_ERROR;
  }
  if (cfg->use_bias && nacre_plan_weight(plan, BIAS, &bias, features,
                                         cfg->units) != NACRE_OK) {
    return NACRE_ERROR;
  }
  double per_output = 2.0 * (double)features + (cfg->use_bias ? 1.0 : 0.0);
  nacre_plan_flops(plan, per_output * (double)nacre_shape_count(&out));
  return NACRE_OK;
}

/* Extents of all axes but the last. */
static int64_t count_rows(const nacre_tensor *tensor) {
  int64_t rows = tensor->dim[0];
  for (int32_t i = 1; i < tensor->rank - 1; i++) {
    rows *= tensor->dim[i];
  }
  return rows;
}

/* Up to this many products, describing them to the device would cost more
 * than they do: a network like XOR's is trained by the loops below. */
#define TINY 64

/* Vector code for loops of two rounds is all preparation: an empty statement
 * that the compiler may not move keeps them plain. */
#if defined(__GNUC__)
#define STAY_SCALAR() __asm__ volatile("")
#else
#define STAY_SCALAR() ((void)0)
#endif

/* x: [rows, features], w: [features, units], b: [units] or NULL,
 * y: [rows, units] */
static void tiny_forward(int64_t rows, int64_t features, int64_t units,
                         const real *x, const real *w, const real *b,
                         real *y) {
  for (int64_t i = 0; i < rows; i++, x += features, y += units) {
    for (int64_t j = 0; j < units; j++) {
      real sum = b != NULL ? b[j] : 0;
      for (int64_t k = 0; k < features; k++) {
        STAY_SCALAR();
        sum += x[k] * w[k * units + j];
      }
      y[j] = sum;
    }
  }
}

/* dy: [rows, units]; dw, db added to, dx: [rows, features] written; each of
 * the three may be NULL. */
static void tiny_backward(int64_t rows, int64_t features, int64_t units,
                          const real *x, const real *w, const real *dy,
                          real *dw, real *db, real *dx) {
  for (int64_t i = 0; i < rows; i++, x += features, dy += units) {
    for (int64_t j = 0; j < units; j++) {
      if (db != NULL) {
        db[j] += dy[j];
      }
      for (int64_t k = 0; k < features && dw != NULL; k++) {
        STAY_SCALAR();
        dw[k * units + j] += x[k] * dy[j];
      }
    }
    for (int64_t k = 0; k < features && dx != NULL; k++) {
      real sum = 0;
      for (int64_t j = 0; j < units; j++) {
        STAY_SCALAR();
        sum += dy[j] * w[k * units + j];
      }
      *dx++ = sum;
    }
  }
}

/* out = act(in kernel + bias), all axes but the last taken as rows. */
static void forward(nacre_run *run) {
  const nacre_tensor *kernel = &run->weight[KERNEL]; /* [features, units] */
  int64_t features = kernel->dim[0], units = kernel->dim[1];
  int64_t rows = count_rows(&run->in[0]);
  if (rows * features <= TINY && rows * features * units <= TINY) {
    real *y = nacre_data(&run->out[0]);
    tiny_forward(rows, features, units, nacre_data(&run->in[0]),
                 nacre_data(kernel), nacre_data(&run->weight[BIAS]), y);
    if (run->epilogue != NULL) {
      run->epilogue->forward(run->math, run->epilogue->cfg, rows, units, y,
                             y);
    }
    return;
  }
  nacre_gemm product = {
    .size = sizeof(product), .batch = 1, .alpha = 1.0,
    .m = rows, .n = units, .k = features,
    .a = nacre_data(&run->in[0]), .lda = features, /* [rows, features] */
    .b = nacre_data(kernel), .ldb = units,
    .c = nacre_data(&run->out[0]), .ldc = units,   /* [rows, units] */
    .bias = nacre_data(&run->weight[BIAS]),        /* [units] */
    .act = run->epilogue,
  };
  run->math->gemm(run->math, &product);
}

/* dkernel += in^T dout, dbias += column sums of dout, din = dout kernel^T. */
static void backward(nacre_run *run) {
  const nacre_math *math = run->math;
  const nacre_tensor *kernel = &run->weight[KERNEL]; /* [features, units] */
  int64_t features = kernel->dim[0], units = kernel->dim[1];
  int64_t rows = count_rows(&run->dout[0]);
  const real *dout = nacre_data(&run->dout[0]); /* [rows, units] */
  if (rows * features <= TINY && rows * features * units <= TINY) {
    tiny_backward(rows, features, units, nacre_data(&run->in[0]),
                  nacre_data(kernel), dout,
                  nacre_data(&run->dweight[KERNEL]),
                  nacre_data(&run->dweight[BIAS]), nacre_data(&run->din[0]));
    return;
  }
  if (run->dweight[KERNEL].data) {
    nacre_gemm product = {
      .size = sizeof(product), .flags = NACRE_GEMM_TRANS_A, .batch = 1,
      .alpha = 1.0, .beta = 1.0, .m = features, .n = units, .k = rows,
      .a = nacre_data(&run->in[0]), .lda = features, /* [rows, features] */
      .b = dout, .ldb = units,
      .c = nacre_data(&run->dweight[KERNEL]), .ldc = units,
    };
    math->gemm(math, &product);
  }
  if (run->dweight[BIAS].data) {
    math->col_sum(math, rows, units, dout, nacre_data(&run->dweight[BIAS]));
  }
  if (run->din[0].data) {
    nacre_gemm product = {
      .size = sizeof(product), .flags = NACRE_GEMM_TRANS_B, .batch = 1,
      .alpha = 1.0, .m = rows, .n = features, .k = units,
      .a = dout, .lda = units, .b = nacre_data(kernel), .ldb = units,
      .c = nacre_data(&run->din[0]), .ldc = features, /* [rows, features] */
    };
    math->gemm(math, &product);
  }
}

static const nacre_param params[] = {
  NACRE_PARAM(dense, units, NULL, "[1,inf)", "", "Output features.", 0),
  NACRE_PARAM(dense, use_bias, "true", NULL, "", "Add a learned bias.", 0),
};

static const nacre_weight weights[] = {
  { "kernel", "glorot_uniform", "Weights, [features, units].", 0, 0 },
  { "bias", "zeros", "Added to every output row, [units].", 0, 0 },
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops),
  .flags = NACRE_LAYER_NEED_X | NACRE_LAYER_EPILOGUE | NACRE_LAYER_MASK_PASS,
  .weights = NACRE_SPAN(weights), .min_inputs = 1, .max_inputs = 1,
  .plan = plan, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "dense", .summary = "Fully connected layer",
  .doc = "y = activation(x kernel + bias), on the last axis of an input of "
         "any rank.\n\n"
         "Input [..., features], output [..., units], kernel [features, "
         "units], bias [units]. With several axes in front, the same kernel "
         "is applied at every position.\n\n"
         "As Keras's Dense.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(dense), .ops = &ops,
};

NACRE_COMPONENT_MODULE(dense, component)
