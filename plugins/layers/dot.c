/* SPDX-License-Identifier: MIT */
/* dot: inner products of two inputs along an axis of each. */
#include <nacre/plugin.h>

#include <math.h>

#include "merge.h"

typedef struct dot {
  nacre_ints axes;
  bool normalize;
} dot;

enum { UNIT, SCALE = 2 }; /* saved: [2] unit vectors, [2] 1 / length */

/* A sample of an input as vectors: `count` of them, each of `length`. In
 * memory [count, length] or, if turned, [length, count]. */
typedef struct vectors {
  int64_t count, length;
  bool turned;
} vectors;

/* Index of the axis of input i in a sample of `rank` axes; -1: outside.
 * Axis 0 of the configuration is the batch. */
static int32_t axis_of(const dot *cfg, int i, int32_t rank) {
  int64_t axis = cfg->axes.at[cfg->axes.n > 1 ? i : 0];
  axis = axis < 0 ? axis + rank : axis - 1;
  return axis >= 0 && axis < rank ? (int32_t)axis : -1;
}

/* `dim` are a sample's extents. */
static vectors view(const dot *cfg, int i, int32_t rank,
                    const int64_t *dim) {
  int32_t axis = axis_of(cfg, i, rank);
  vectors v = { 1, dim[axis], axis < rank - 1 };
  for (int32_t j = 0; j < rank; j++) {
    v.count *= j == axis ? 1 : dim[j];
  }
  return v;
}

static int check(nacre_plan *plan) {
  const dot *cfg = plan->cfg;
  char text[NACRE_MERGE_TEXT];
  if (cfg->axes.n != 1 && cfg->axes.n != 2) {
    return nacre_plan_refuse(plan, "axes must be one axis or two");
  }
  for (int i = 0; i < 2; i++) {
    const nacre_shape *in = &plan->input[i];
    int32_t axis = axis_of(cfg, i, in->rank);
    if (axis < 0 || (axis != 0 && axis != in->rank - 1)) {
      return nacre_plan_refuse(plan, "the axis of input %d, which is %s "
                               "without the batch, must be its first or last "
                               "(counted from the front, the batch is axis "
                               "0)", i + 1, nacre_merge_text(in, text));
    }
  }
  return NACRE_OK;
}

static int plan_normalize(nacre_plan *plan, const vectors *v) {
  for (uint32_t i = 0; i < 2; i++) {
    nacre_shape scale = nacre_shape_1d(v[i].count);
    if (nacre_plan_saved(plan, UNIT + i, &plan->input[i],
                         NACRE_PER_SAMPLE) != NACRE_OK ||
        nacre_plan_saved(plan, SCALE + i, &scale, NACRE_PER_SAMPLE) !=
          NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  return NACRE_OK;
}

static int plan(nacre_plan *plan) {
  const dot *cfg = plan->cfg;
  if (check(plan) != NACRE_OK) {
    return NACRE_ERROR;
  }
  nacre_shape out = { { 0 }, 0, NACRE_REAL };
  vectors v[2];
  for (int i = 0; i < 2; i++) {
    const nacre_shape *in = &plan->input[i];
    v[i] = view(cfg, i, in->rank, in->dim);
    for (int32_t j = 0; j < in->rank; j++) {
      if (j != axis_of(cfg, i, in->rank) && out.rank >= NACRE_RANK_MAX - 1) {
        return nacre_plan_refuse(plan, "the output would have too many axes");
      } else if (j != axis_of(cfg, i, in->rank)) {
        out.dim[out.rank++] = in->dim[j];
      }
    }
  }
  if (v[0].length != v[1].length) {
    return nacre_plan_refuse(plan, "the axes differ in extent: %lld of input "
                             "1, %lld of input 2", (long long)v[0].length,
                             (long long)v[1].length);
  }
  if (out.rank == 0) {
    out = nacre_shape_1d(1);
  }
  nacre_plan_flops(plan, 2.0 * (double)v[0].count * (double)v[1].count *
                           (double)v[0].length);
  if (cfg->normalize && plan_normalize(plan, v) != NACRE_OK) {
    return NACRE_ERROR;
  }
  return nacre_plan_output(plan, &out);
}

/* A matrix of each sample: [rows, cols] in memory, meant transposed if
 * turned. */
typedef struct matrix {
  real *at;
  int64_t rows, cols;
  bool turned;
} matrix;

static matrix turn(matrix a) {
  a.turned = !a.turned;
  return a;
}

/* c = a b, for each sample; if c is turned, by way of c^T = b^T a^T. */
static void multiply(const nacre_run *run, matrix a, matrix b, matrix c) {
  matrix left = c.turned ? turn(b) : a, right = c.turned ? turn(a) : b;
  nacre_gemm product = {
    .size = sizeof(product), .alpha = 1.0,
    .flags = (left.turned ? NACRE_GEMM_TRANS_A : 0) |
             (right.turned ? NACRE_GEMM_TRANS_B : 0),
    .m = c.rows, .n = c.cols, .k = left.turned ? left.rows : left.cols,
    .a = left.at, .lda = left.cols, .b = right.at, .ldb = right.cols,
    .c = c.at, .ldc = c.cols, .batch = run->batch,
    .stride_a = left.rows * left.cols, .stride_b = right.rows * right.cols,
    .stride_c = c.rows * c.cols,
  };
  run->math->gemm(run->math, &product);
}

static matrix matrix_of(vectors v, real *at) {
  matrix m = { at, v.turned ? v.length : v.count,
               v.turned ? v.count : v.length, v.turned };
  return m;
}

static vectors vectors_of(const nacre_run *run, int i) {
  const nacre_tensor *in = &run->in[i];
  return view(run->cfg, i, in->rank - 1, in->dim + 1);
}

/* Squared lengths below this are taken for it: 1e-7 squared, as in Keras. */
#define LEAST 1e-14

/* unit = x / |x| and scale = 1 / |x|, vector by vector. */
static void normalize(const nacre_run *run, int i) {
  vectors v = vectors_of(run, i);
  real *scale = nacre_data(&run->saved[SCALE + i]); /* [batch, count] */
  int64_t step = v.turned ? v.count : 1;
  for (int64_t row = 0; row < run->batch * v.count; row++) {
    int64_t sample = row / v.count, at = row % v.count;
    int64_t start = sample * v.count * v.length +
                    (v.turned ? at : at * v.length);
    const real *x = nacre_data(&run->in[i]) + start;
    real *unit = nacre_data(&run->saved[UNIT + i]) + start;
    double square = 0;
    for (int64_t j = 0; j < v.length; j++) {
      square += (double)x[j * step] * (double)x[j * step];
    }
    scale[row] = (real)(1 / sqrt(square > LEAST ? square : LEAST));
    for (int64_t j = 0; j < v.length; j++) {
      unit[j * step] = scale[row] * x[j * step];
    }
  }
}

/* From the gradient of the unit vectors in din to that of the input:
 * din = scale (din - unit (unit . din)). */
static void normalize_backward(const nacre_run *run, int i) {
  vectors v = vectors_of(run, i);
  const real *scale = nacre_data(&run->saved[SCALE + i]); /* [batch, count] */
  int64_t step = v.turned ? v.count : 1;
  for (int64_t row = 0; row < run->batch * v.count; row++) {
    int64_t sample = row / v.count, at = row % v.count;
    int64_t start = sample * v.count * v.length +
                    (v.turned ? at : at * v.length);
    const real *unit = nacre_data(&run->saved[UNIT + i]) + start;
    real *din = nacre_data(&run->din[i]) + start;
    double along = 0;
    for (int64_t j = 0; j < v.length; j++) {
      along += (double)unit[j * step] * (double)din[j * step];
    }
    /* Where the length was taken for the least one, it is a constant. */
    along = (double)scale[row] < 0.999 / sqrt(LEAST) ? along : 0;
    for (int64_t j = 0; j < v.length; j++) {
      din[j * step] = scale[row] *
                      (din[j * step] - unit[j * step] * (real)along);
    }
  }
}

/* The operand that input i contributes: itself or its unit vectors. */
static matrix operand(const nacre_run *run, int i) {
  const dot *cfg = run->cfg;
  return matrix_of(vectors_of(run, i),
                   nacre_data(cfg->normalize ? &run->saved[UNIT + i]
                                             : &run->in[i]));
}

/* out = a b^T, a [count1, length] and b [count2, length]. */
static void forward(nacre_run *run) {
  if (((const dot *)run->cfg)->normalize) {
    normalize(run, 0);
    normalize(run, 1);
  }
  matrix a = operand(run, 0), b = operand(run, 1);
  matrix out = { nacre_data(&run->out[0]), vectors_of(run, 0).count,
                 vectors_of(run, 1).count, false };
  multiply(run, a, turn(b), out);
}

/* da = dout b, db = dout^T a. */
static void backward(nacre_run *run) {
  matrix dout = { nacre_data(&run->dout[0]), vectors_of(run, 0).count,
                  vectors_of(run, 1).count, false };
  for (int i = 0; i < 2; i++) {
    if (run->din[i].data) {
      multiply(run, i == 0 ? dout : turn(dout), operand(run, 1 - i),
               matrix_of(vectors_of(run, i), nacre_data(&run->din[i])));
      if (((const dot *)run->cfg)->normalize) {
        normalize_backward(run, i);
      }
    }
  }
}

static const nacre_param params[] = {
  NACRE_PARAM(dot, axes, NULL, NULL, "",
              "Axis to sum over, or one for each input; counted from the "
              "front, axis 0 is the batch.", 0),
  NACRE_PARAM(dot, normalize, "false", NULL, "",
              "Divide the vectors by their lengths first: the result is the "
              "cosine of their angle.", 0),
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops), .flags = NACRE_LAYER_NEED_X,
  .weights = NACRE_EMPTY_SPAN, .min_inputs = 2, .max_inputs = 2,
  .plan = plan, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "dot",
  .summary = "Inner products of two inputs along an axis of each",
  .doc = "For each sample y[i, j] = sum_k x1[i, k] x2[j, k], k running along "
         "the given axes. Inputs [n, k] and [m, k], output [n, m]; inputs "
         "[k] and [k], output [1]. An axis must be the first or last of a "
         "sample. As Keras's Dot.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(dot), .ops = &ops,
};

NACRE_COMPONENT_MODULE(dot, component)
