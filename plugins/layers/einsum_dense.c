/* SPDX-License-Identifier: MIT */
/* einsum_dense: y = x kernel + bias along the axes that an equation names. */
#include <nacre/plugin.h>

#include <stdlib.h>

#include "einsum_product.h"
#include "rearrange.h"

typedef nacre_einsum_product einsum;
typedef nacre_einsum_layout layout;

typedef struct einsum_dense {
  const char *equation;
  nacre_ints output_shape;
  const char *bias_axes;
} einsum_dense;

enum { KERNEL, BIAS };
/* Scratch: x, the kernel and y in the order of the product, where their own
 * is no matrix; the gradient of y with the axes of the bias last. */
enum { X, W, Y, BY_BIAS };

/* The axes of a bias, in the output's order. */
static int describe_bias(const char *axes, einsum *p, char *why) {
  const nacre_einsum *e = &p->equation;
  for (size_t i = 0; axes[i] != '\0'; i++) {
    if (!nacre_einsum_has(e->y + e->at_named, axes[i])) {
      return nacre_einsum_no(why, "bias_axes may hold letters of the "
                             "equation's output but for the batch, '%s', and "
                             "no others", e->y + e->at_named);
    }
    if (strchr(axes + i + 1, axes[i]) != NULL) {
      return nacre_einsum_no(why, "bias_axes has the letter '%c' twice",
                             axes[i]);
    }
  }
  if (axes[0] == '\0') {
    return nacre_einsum_no(why, "bias_axes has no letters; leave it out for a "
                           "layer without a bias");
  }
  nacre_einsum_take(e->y, axes, NULL, p->bias);
  return NACRE_OK;
}

/* Reads the equation and gives the shape of the output. */
static int describe(const nacre_plan *plan, einsum *p, nacre_shape *out,
                    char *why) {
  const einsum_dense *cfg = plan->cfg;
  const nacre_shape *in = &plan->input[0];
  nacre_einsum *e = &p->equation;
  if (nacre_einsum_parse(e, cfg->equation, in->rank + 1, why) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (cfg->output_shape.n != e->named) {
    return nacre_einsum_no(why, "output_shape has %lld extents, but the "
                           "equation's output has %d letters besides the "
                           "batch", (long long)cfg->output_shape.n, e->named);
  }
  out->rank = (int32_t)strlen(e->y) - 1;
  out->dtype = NACRE_REAL;
  for (int i = 0; i < out->rank; i++) {
    const char letter = e->y[i + 1];
    const char *at = strchr(e->x, letter);
    const int nth = i + 1 - e->at_named;
    const int64_t given = nth >= 0 && nth < e->named
                            ? cfg->output_shape.at[nth] : -1;
    const int64_t extent = at != NULL ? in->dim[at - e->x - 1] : given;
    if (given != extent && given != -1) {
      return nacre_einsum_no(why, "output_shape has %lld for '%c', but the "
                             "input has %lld there", (long long)given, letter,
                             (long long)extent);
    }
    if (extent < 1) {
      return nacre_einsum_no(why, "output_shape must have a number above 0 for "
                             "'%c', which the input does not have", letter);
    }
    out->dim[i] = extent;
  }
  return cfg->bias_axes != NULL ? describe_bias(cfg->bias_axes, p, why)
                                : NACRE_OK;
}

/* The shape of axes in this order, less the batch. */
static nacre_shape shape_of(const einsum *p, const char *letters) {
  nacre_shape shape = { { 0 }, 0, NACRE_REAL };
  for (; *letters != '\0'; letters++) {
    if (*letters != p->equation.x[0]) {
      shape.dim[shape.rank++] = p->extent[(int)*letters];
    }
  }
  return shape;
}

/* Extents of the kernel's axes that are in the output, or that are not. */
static int64_t fan_of(const einsum *p, bool out) {
  double fan = 1;
  for (const char *c = p->equation.w; *c != '\0'; c++) {
    fan *= nacre_einsum_has(p->equation.y, *c) == out
             ? (double)p->extent[(int)*c] : 1.0;
  }
  return fan < 9e18 ? (int64_t)fan : INT64_MAX;
}

static int plan_weights(nacre_plan *plan, const einsum *p) {
  const char *y = p->equation.y;
  const nacre_shape kernel = shape_of(p, p->equation.w);
  nacre_shape bias = { { 0 }, 0, NACRE_REAL };
  const int64_t fan_in = fan_of(p, false), fan_out = fan_of(p, true);
  if (nacre_plan_weight(plan, KERNEL, &kernel, fan_in, fan_out) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (p->bias[0] == '\0') {
    return NACRE_OK;
  }
  /* It broadcasts: axes behind its first one that it does not have are 1. */
  for (const char *c = strchr(y, p->bias[0]); *c != '\0'; c++) {
    bias.dim[bias.rank++] =
      nacre_einsum_has(p->bias, *c) ? p->extent[(int)*c] : 1;
  }
  return nacre_plan_weight(plan, BIAS, &bias, fan_in, fan_out);
}

static int plan_scratch(nacre_plan *plan, const einsum *p) {
  const nacre_shape x = shape_of(p, p->x.letters);
  const nacre_shape w = shape_of(p, p->w.letters);
  const nacre_shape y = shape_of(p, p->equation.y);
  const bool turns_y =
    p->bias[0] != '\0' && strcmp(p->by_bias, p->equation.y) != 0;
  return (p->x.packed &&
          nacre_plan_scratch(plan, X, &x, NACRE_PER_SAMPLE) != NACRE_OK) ||
             (p->w.packed &&
              nacre_plan_scratch(plan, W, &w, 0) != NACRE_OK) ||
             (p->y.packed &&
              nacre_plan_scratch(plan, Y, &y, NACRE_PER_SAMPLE) !=
                NACRE_OK) ||
             (turns_y && nacre_plan_scratch(plan, BY_BIAS, &y,
                                            NACRE_PER_SAMPLE) != NACRE_OK)
           ? NACRE_ERROR
           : NACRE_OK;
}

static int plan(nacre_plan *plan) {
  einsum p = { 0 };
  nacre_shape out;
  char why[NACRE_EINSUM_WHY];
  if (describe(plan, &p, &out, why) != NACRE_OK) {
    return nacre_plan_refuse(plan, "%s", why);
  }
  nacre_einsum_measure(&p, plan->input[0].dim, out.dim);
  if (nacre_plan_output(plan, &out) != NACRE_OK ||
      plan_weights(plan, &p) != NACRE_OK) {
    return NACRE_ERROR;
  }
  nacre_einsum_arrange(&p); /* whose products are known to be numbers by now */
  nacre_plan_flops(plan, (2.0 * (double)nacre_einsum_count(&p, p.k) +
                          (p.bias[0] != '\0' ? 1.0 : 0.0)) *
                           (double)nacre_shape_count(&out));
  return plan_scratch(plan, &p);
}

static int create(const nacre_plan *plan, void **self) {
  nacre_shape out;
  char why[NACRE_EINSUM_WHY];
  einsum *p = calloc(1, sizeof *p);
  if (p == NULL || describe(plan, p, &out, why) != NACRE_OK) {
    free(p);
    return NACRE_ERROR;
  }
  nacre_einsum_measure(p, plan->input[0].dim, out.dim);
  nacre_einsum_arrange(p);
  *self = p;
  return NACRE_OK;
}

static void destroy(void *self) {
  free(self);
}

/* Writes a tensor in another order of its axes. Along those that `to` lacks
 * it is summed, along those that `from` lacks repeated. */
static void reorder(const nacre_run *run, const char *from_axes,
                    const real *from, const char *to_axes, real *to,
                    bool add) {
  const einsum *p = run->self;
  nacre_rearrange walk = { .to = to, .rank = (int32_t)strlen(to_axes) };
  for (int i = 0; i < walk.rank; i++) {
    const bool batch = to_axes[i] == p->equation.x[0];
    walk.dim[i] = batch ? run->batch : p->extent[(int)to_axes[i]];
    walk.step[i] = nacre_einsum_step(p, from_axes, to_axes[i]);
  }
  char summed[NACRE_EINSUM_AXES] = "";
  nacre_einsum_take(from_axes, NULL, to_axes, summed);
  const int64_t terms = nacre_einsum_count(p, summed);
  for (int64_t i = 0; i < terms; i++) {
    int64_t rest = i;
    walk.from = from;
    for (const char *c = summed; *c != '\0'; c++) {
      walk.from +=
        rest % p->extent[(int)*c] * nacre_einsum_step(p, from_axes, *c);
      rest /= p->extent[(int)*c];
    }
    walk.add = add || i > 0;
    nacre_rearrange_run(run->math, &walk);
  }
}

typedef struct matrix {
  real *at;
  int64_t ld, by_l, by_g;
  bool turned;
} matrix;

static matrix turn(matrix a) {
  a.turned = !a.turned;
  return a;
}

/* An operand where the product has it: its own memory, or scratch. */
static matrix place(const nacre_run *run, const layout *as, uint32_t slot,
                    const nacre_tensor *own) {
  return (matrix){ nacre_data(as->packed ? &run->scratch[slot] : own),
                   as->ld, as->by_l, as->by_g, as->turned };
}

/* The same, with its values. */
static matrix bring(const nacre_run *run, const layout *as, uint32_t slot,
                    const char *axes, const nacre_tensor *own) {
  const matrix there = place(run, as, slot, own);
  if (as->packed) {
    reorder(run, axes, nacre_data(own), as->letters, there.at, false);
  }
  return there;
}

/* c (m x n) = a (m x k) b (k x n) for each l and g, and bias [n] or NULL. A c
 * that is the same for every l is the sum, added to what it was if `add`. */
static void multiply(const nacre_run *run, int64_t m, int64_t n, int64_t k,
                     matrix a, matrix b, matrix c, bool add,
                     const real *bias) {
  const einsum *p = run->self;
  const int64_t l =
    nacre_einsum_count(p, p->l) * (p->l[0] != '\0' ? run->batch : 1);
  const int64_t g = nacre_einsum_count(p, p->g);
  const bool sums = c.by_l == 0;
  const matrix left = c.turned ? turn(b) : a, right = c.turned ? turn(a) : b;
  nacre_gemm gemm = {
    .size = sizeof(gemm), .alpha = 1.0, .bias = bias,
    .flags = (left.turned ? NACRE_GEMM_TRANS_A : 0) |
             (right.turned ? NACRE_GEMM_TRANS_B : 0),
    .m = c.turned ? n : m, .n = c.turned ? m : n, .k = k,
    .lda = left.ld, .ldb = right.ld, .ldc = c.ld, .batch = sums ? g : l,
    .stride_a = sums ? left.by_g : left.by_l,
    .stride_b = sums ? right.by_g : right.by_l,
    .stride_c = sums ? c.by_g : c.by_l,
  };
  for (int64_t i = 0; i < (sums ? l : g); i++) {
    gemm.a = left.at + i * (sums ? left.by_l : left.by_g);
    gemm.b = right.at + i * (sums ? right.by_l : right.by_g);
    gemm.c = c.at + (sums ? 0 : i * c.by_g);
    gemm.beta = add || (sums && i > 0) ? 1.0 : 0.0;
    run->math->gemm(run->math, &gemm);
  }
}

static int64_t rows_of(const nacre_run *run) {
  const einsum *p = run->self;
  return nacre_einsum_count(p, p->rows) * (p->l[0] == '\0' ? run->batch : 1);
}

static void forward(nacre_run *run) {
  const einsum *p = run->self;
  const nacre_einsum *e = &p->equation;
  const nacre_tensor *out = &run->out[0];
  const real *bias = nacre_data(&run->weight[BIAS]);
  /* A bias of all columns of the product is added by it. */
  const bool at_once = !p->y.turned && strcmp(p->bias, p->n) == 0;
  const matrix y = place(run, &p->y, Y, out);
  multiply(run, rows_of(run), nacre_einsum_count(p, p->n),
           nacre_einsum_count(p, p->k),
           bring(run, &p->x, X, e->x, &run->in[0]),
           bring(run, &p->w, W, e->w, &run->weight[KERNEL]), y, false,
           at_once ? bias : NULL);
  if (p->y.packed) {
    reorder(run, p->y.letters, y.at, e->y, nacre_data(out), false);
  }
  if (bias != NULL && !at_once) {
    reorder(run, p->bias, bias, e->y, nacre_data(out), true);
  }
}

/* dbias += sums of dy along all axes but the bias's. */
static void backward_bias(const nacre_run *run) {
  const einsum *p = run->self;
  const int64_t cols = nacre_einsum_count(p, p->bias);
  const real *dy = nacre_data(&run->dout[0]);
  if (strcmp(p->by_bias, p->equation.y) != 0) {
    reorder(run, p->equation.y, dy, p->by_bias,
            nacre_data(&run->scratch[BY_BIAS]), false);
    dy = nacre_data(&run->scratch[BY_BIAS]);
  }
  run->math->col_sum(run->math, nacre_tensor_count(&run->dout[0]) / cols,
                     cols, dy, nacre_data(&run->dweight[BIAS]));
}

/* For each l and g: dkernel += x^T dy, dx = dy kernel^T. The gradient of the
 * kernel is made where the kernel is packed to later, and x as well. */
static void backward(nacre_run *run) {
  const einsum *p = run->self;
  const nacre_einsum *e = &p->equation;
  const int64_t rows = rows_of(run);
  const int64_t k = nacre_einsum_count(p, p->k);
  const int64_t n = nacre_einsum_count(p, p->n);
  const matrix dy = bring(run, &p->y, Y, e->y, &run->dout[0]);
  const nacre_tensor *dkernel = &run->dweight[KERNEL], *din = &run->din[0];
  if (dkernel->data != NULL) {
    const matrix x = bring(run, &p->x, X, e->x, &run->in[0]);
    const matrix dw = place(run, &p->w, W, dkernel);
    multiply(run, k, n, rows, turn(x), dy, dw, !p->w.packed, NULL);
    if (p->w.packed) {
      reorder(run, p->w.letters, dw.at, e->w, nacre_data(dkernel), true);
    }
  }
  if (run->dweight[BIAS].data != NULL) {
    backward_bias(run);
  }
  if (din->data != NULL) {
    const matrix w = bring(run, &p->w, W, e->w, &run->weight[KERNEL]);
    const matrix dx = place(run, &p->x, X, din);
    multiply(run, rows, k, n, dy, turn(w), dx, false, NULL);
    if (p->x.packed) {
      reorder(run, p->x.letters, dx.at, e->x, nacre_data(din), false);
    }
  }
}

static const nacre_param params[] = {
  NACRE_PARAM(einsum_dense, equation, NULL, NULL, "",
              "Axes of input, kernel and output, the batch first: "
              "\"abc,cd->abd\".", 0),
  NACRE_PARAM(einsum_dense, output_shape, NULL, NULL, "",
              "Extents of the output's letters but for the batch; -1: the "
              "input's.", 0),
  NACRE_PARAM(einsum_dense, bias_axes, "null", NULL, "",
              "Letters of the output along which there is a learned bias.",
              0),
};

static const nacre_weight weights[] = {
  { "kernel", "glorot_uniform", "Weights, with the axes of the equation.", 0,
    0 },
  { "bias", "zeros",
    "Added to the output; 1 along axes that are not the bias's.", 0, 0 },
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops), .flags = NACRE_LAYER_NEED_X,
  .weights = NACRE_SPAN(weights), .min_inputs = 1, .max_inputs = 1,
  .plan = plan, .forward = forward, .backward = backward,
  .create = create, .destroy = destroy,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "einsum_dense",
  .summary = "Dense layer along the axes that an equation names",
  .doc = "y = activation(einsum(equation, x, kernel) + bias). The equation "
         "\"abc,cd->abd\" gives a letter to each axis of the input, of the "
         "kernel and of the output; the first of input and output is the "
         "batch. Letters of input and kernel that the output lacks are "
         "summed over; those that all three have pair each part of the input "
         "with a kernel of its own. An ellipsis stands for any axes: "
         "\"...x,xy->...y\" (the batch is one of them), "
         "\"ab...,bc->ac...\".\n\n"
         "output_shape and bias_axes speak of letters, not of the ellipsis. "
         "The product is one of matrices; what does not lie in memory as one "
         "is brought into order before.\n\n"
         "As Keras's EinsumDense.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(einsum_dense),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(einsum_dense, component)
