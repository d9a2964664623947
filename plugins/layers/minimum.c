/* SPDX-License-Identifier: MIT */
/* minimum: the smallest of its inputs, element by element. */
#include <nacre/plugin.h>

#include <string.h>

#include "merge.h"

static int plan(nacre_plan *plan) {
  return nacre_merge_plan(plan, (double)(plan->n_inputs - 1));
}

/* A NaN in either wins, so that it is not lost. */
NACRE_KERNEL
static void pick(int64_t n, const real *a, const real *b, real *out) {
  for (int64_t i = 0; i < n; i++) {
    real rest = b[i] == b[i] ? a[i] : b[i];
    out[i] = b[i] < a[i] ? b[i] : rest;
  }
}

static void forward_tile(void *ctx, int64_t begin, int64_t end) {
  const nacre_run *run = ctx;
  real *out = nacre_data(&run->out[0]) + begin;
  const real *so_far = nacre_data(&run->in[0]) + begin;
  for (uint32_t i = 1; i < run->n_inputs; i++) {
    pick(end - begin, so_far, nacre_data(&run->in[i]) + begin, out);
    so_far = out;
  }
}

static void forward(nacre_run *run) {
  nacre_merge_run(run, forward_tile);
}

/* Where x is the chosen one, what is left of the gradient is taken. */
NACRE_KERNEL
static void take(int64_t n, const real *x, const real *y, const real *left,
                 real *dx) {
  for (int64_t i = 0; i < n; i++) {
    real d = left[i];
    dx[i] = x[i] == y[i] ? d : 0;
  }
}

NACRE_KERNEL
static void leave(int64_t n, const real *x, const real *y, real *left) {
  for (int64_t i = 0; i < n; i++) {
    real d = left[i];
    left[i] = x[i] == y[i] ? 0 : d;
  }
}

/* The gradient goes to the first of the inputs that equal the smallest. */
static void backward_tile(void *ctx, int64_t begin, int64_t end) {
  const nacre_run *run = ctx;
  real left[NACRE_TILES_BLOCK];
  for (int64_t at = begin; at < end; at += NACRE_TILES_BLOCK) {
    int64_t n = end - at < NACRE_TILES_BLOCK ? end - at : NACRE_TILES_BLOCK;
    memcpy(left, nacre_data(&run->dout[0]) + at, (size_t)n * sizeof(real));
    for (uint32_t i = 0; i < run->n_inputs; i++) {
      const real *x = nacre_data(&run->in[i]) + at;
      const real *y = nacre_data(&run->out[0]) + at;
      if (run->din[i].data) {
        take(n, x, y, left, nacre_data(&run->din[i]) + at);
      }
      leave(n, x, y, left);
    }
  }
}

static void backward(nacre_run *run) {
  nacre_merge_run(run, backward_tile);
}

static const nacre_layer_ops ops = {
  .size = sizeof(ops),
  .flags = NACRE_LAYER_NEED_X | NACRE_LAYER_NEED_Y | NACRE_LAYER_MASK_PASS,
  .weights = NACRE_EMPTY_SPAN, .min_inputs = 2, .max_inputs = 0,
  .plan = plan, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "minimum", .summary = "Smallest of its inputs",
  .doc = "y = min(x1, x2, ...), element by element; all inputs have one "
         "shape. Where several are the smallest, the gradient goes to the "
         "first. As Keras's Minimum.",
  .params = NACRE_EMPTY_SPAN, .ops = &ops,
};

NACRE_COMPONENT_MODULE(minimum, component)
