/* SPDX-License-Identifier: MIT */
/* layer_gradient: a layer's backward against central differences of its
 * forward. The function that is differentiated is the inner product of all
 * outputs with random numbers, which are the output gradients. */
#include "layer.h"
#include "slope.h"

#include <math.h>
#include <string.h>

#define ELEMENTS 40 /* of each tensor that are differentiated */

/* One tensor's differentiation. */
typedef struct probe {
  nacre_layer_bound *bound;
  const nacre_layer_how *how;
  const nacre_layer_buffer *buffer; /* its `kept` is moved */
  int64_t i;                        /* at this element */
  real *plus[NACRE_LAYER_OUTPUTS];  /* outputs at the upper point */
  int tried, kinks;
} probe;

/* <dout, out(x + up) - out(x - down)>, over the distance of the two points
 * as it is after rounding. Summed by differences: the outputs themselves
 * would drown them in rounding. */
static double slope(void *ctx, double up, double down) {
  probe *at = ctx;
  nacre_layer_bound *bound = at->bound;
  real *x = &at->buffer->kept[at->i];
  real was = *x, high = (real)((double)was + up);
  real low = (real)((double)was - down);
  double sum = 0;
  *x = high;
  nacre_layer_forward(bound, at->how);
  for (uint32_t k = 0; k < bound->plan.n_outputs; k++) {
    memcpy(at->plus[k], bound->out[k].kept,
           (size_t)bound->out[k].count * sizeof(real));
  }
  *x = low;
  nacre_layer_forward(bound, at->how);
  *x = was;
  for (uint32_t k = 0; k < bound->plan.n_outputs; k++) {
    int64_t n = at->how->batch * nacre_layer_row(&bound->plan.output[k]);
    for (int64_t j = 0; j < n; j++) {
      sum += (double)bound->dout[k].kept[j] *
             ((double)at->plus[k][j] - (double)bound->out[k].kept[j]);
    }
  }
  return sum / ((double)high - (double)low);
}

static void compare(probe *at, const real *analytic, double scale) {
  int64_t n = at->buffer->count;
  int64_t stride = n > ELEMENTS ? n / ELEMENTS : 1;
  for (int64_t i = 0; i < n; i += stride) {
    double numeric;
    at->i = i;
    at->tried++;
    int found = nacre_slope_compare(slope, at, (double)at->buffer->kept[i],
                                    (double)analytic[i], scale, &numeric);
    at->kinks += found == NACRE_SLOPE_CORNER ? 1 : 0;
    nacre_suite_check(at->bound->suite, "gradient",
                      found != NACRE_SLOPE_WRONG,
                      "with respect to %s[%lld] backward gives %.9g, "
                      "central differences %.9g", at->buffer->name,
                      (long long)i, (double)analytic[i], numeric);
  }
}

static double largest(double so_far, int64_t n, const real *x) {
  for (int64_t i = 0; i < n; i++) {
    so_far = fmax(so_far, fabs((double)x[i]));
  }
  return so_far;
}

/* Copies what backward gave; of a weight, less what was there before. */
static real *gradient_of(nacre_suite *suite, const nacre_layer_buffer *from) {
  real *copy = nacre_suite_alloc(suite, (size_t)from->count + 1,
                                 sizeof(real));
  for (int64_t i = 0; i < from->count && copy != NULL; i++) {
    copy[i] = from->data[i];
    if (from->kept != NULL) {
      copy[i] -= from->kept[i];
    }
  }
  return copy;
}

static void differentiate(nacre_layer_bound *bound,
                          const nacre_layer_how *how) {
  nacre_suite *suite = bound->suite;
  real *din[NACRE_LAYER_INPUTS] = { NULL };
  real *dweight[NACRE_LAYER_WEIGHTS] = { NULL };
  double scale = 0.1;
  nacre_layer_how forward = *how;
  forward.backward = false;
  nacre_layer_run(bound, how);
  for (uint32_t i = 0; i < bound->at->n_inputs && bound->at->whole > 0;
       i++) {
    nacre_suite_check(suite, "gradient",
                      largest(0, bound->din[i].count, bound->din[i].data) ==
                        0, "an index has a gradient other than 0");
  }
  for (uint32_t i = 0; i < bound->at->n_inputs; i++) {
    din[i] = bound->at->whole > 0 ? NULL : gradient_of(suite, &bound->din[i]);
    scale = din[i] == NULL ? scale
                           : largest(scale, bound->din[i].count, din[i]);
  }
  for (uint32_t i = 0; i < bound->ops->weights.n; i++) {
    if (bound->dweight[i].data == NULL || (how->no_dweight >> i & 1) != 0) {
      continue;
    }
    dweight[i] = gradient_of(suite, &bound->dweight[i]);
    scale = dweight[i] == NULL
              ? scale : largest(scale, bound->dweight[i].count, dweight[i]);
  }
  probe at = { .bound = bound, .how = &forward };
  for (uint32_t i = 0; i < bound->plan.n_outputs; i++) {
    at.plus[i] = nacre_suite_alloc(
      suite, (size_t)bound->out[i].count + 1, sizeof(real));
    if (at.plus[i] == NULL) {
      return;
    }
  }
  for (uint32_t i = 0; i < bound->at->n_inputs; i++) {
    at.buffer = &bound->in[i];
    if (din[i] != NULL) {
      compare(&at, din[i], scale);
    }
  }
  for (uint32_t i = 0; i < bound->ops->weights.n; i++) {
    at.buffer = &bound->weight[i];
    if (dweight[i] != NULL) {
      compare(&at, dweight[i], scale);
    }
  }
  nacre_suite_check(suite, "gradient", at.kinks <= 1 + at.tried / 5,
                    "%d of %d points are corners", at.kinks, at.tried);
}

void nacre_layer_gradient(nacre_suite *suite, const nacre_layer_case *at) {
  const nacre_layer_ops *ops = suite->component->ops;
  nacre_layer_bound *bound = nacre_layer_bind(suite, at, 3);
  if (bound == NULL) {
    return;
  }
  nacre_layer_how how = { .device = &suite->device[0], .batch = 3,
                          .flags = NACRE_RUN_TRAINING, .tag = 1,
                          .backward = true };
  differentiate(bound, &how);
  bool has_state = false;
  for (uint32_t i = 0; i < ops->weights.n; i++) {
    has_state = has_state || nacre_layer_is_state(ops, i);
  }
  if (has_state) { /* frozen, it is another function */
    how.flags |= NACRE_RUN_FROZEN;
    how.no_dweight = ~(uint64_t)0;
    differentiate(bound, &how);
  }
  nacre_layer_unbind(bound);
}
