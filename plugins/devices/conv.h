/* SPDX-License-Identifier: MIT */
/* conv: which inputs an output of a convolution reaches, axis by axis, and
 * what the ways to compute one share. */
#ifndef NACRE_DEVICES_CONV_H
#define NACRE_DEVICES_CONV_H

#include "host.h"

#include <string.h>

enum { DEPTH, HEIGHT, WIDTH };

/** What one place along an axis is computed from: tap t is at in + t step,
 *  for t in [first, end) within the input; its weights are number
 *  weight + t weight_step of those along the axis. */
typedef struct reach {
  int64_t in, step;
  int64_t first, end; /* of the taps that are within the input */
  int64_t taps;       /* of all */
  int64_t weight, weight_step;
} reach;

/** What `at` of y reads from x. */
static inline reach conv_reach(const nacre_conv *c, int axis, int64_t at) {
  reach r;
  r.in = at * c->stride[axis] - c->before[axis];
  r.step = c->dilation[axis];
  r.taps = c->kernel[axis];
  r.weight = 0;
  r.weight_step = 1;
  r.first = 0;
  r.end = r.taps;
  return r;
}

static inline int64_t conv_gcd(int64_t a, int64_t b) {
  while (b != 0) {
    int64_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

/** What `at` of x reads from y: the taps k for which at + before - k dilation
 *  is a multiple of the stride, last one first, since y then runs forward.
 *  Weights are counted from the last one, too. */
static inline reach conv_reach_data(const nacre_conv *c, int axis,
                                    int64_t at) {
  const int64_t stride = c->stride[axis], dilation = c->dilation[axis];
  const int64_t kernel = c->kernel[axis];
  const int64_t shared = conv_gcd(stride, dilation);
  const int64_t apart = stride / shared; /* from one such tap to the next */
  const int64_t from = at + c->before[axis];
  int64_t k = 0;
  while (k < kernel && k < apart && (from - k * dilation) % stride != 0) {
    k++;
  }
  reach r = { 0, dilation / shared, 0, 0, 0, 0, apart };
  if (k >= kernel || k >= apart) {
    return r;
  }
  r.taps = (kernel - 1 - k) / apart + 1;
  const int64_t last = k + apart * (r.taps - 1);
  r.in = (from - last * dilation) / stride;
  r.weight = kernel - 1 - last;
  r.end = r.taps;
  return r;
}

/** Leaves the taps that fall into [0, extent). */
static inline void conv_clip(reach *r, int64_t extent) {
  if (r->in < 0) {
    r->first = (-r->in + r->step - 1) / r->step;
  }
  const int64_t room = extent - r->in;
  const int64_t within = room > 0 ? (room - 1) / r->step + 1 : 0;
  r->end = within < r->taps ? within : r->taps;
  r->end = r->end > r->first ? r->end : r->first;
}

/** Copies rows of `row` reals into rows with zeros around them. */
static inline void conv_copy_row(const real *from, int64_t left, int64_t row,
                                 int64_t right, real *to) {
  memset(to, 0, (size_t)left * sizeof(real));
  memcpy(to + left, from, (size_t)row * sizeof(real));
  memset(to + left + row, 0, (size_t)right * sizeof(real));
}

/** One of the two directions. */
typedef struct conv_pass {
  const nacre_math *math;
  const kernels *kern;
  const nacre_conv *conv;
  reach (*reach_of)(const nacre_conv *, int axis, int64_t at);
  const real *in; /* [batch, in_dim, in_pitch] */
  real *out;      /* [batch, out_dim, out_pitch] */
  const int64_t *in_dim, *out_dim;
  int64_t in_pitch, out_pitch; /* channels of all groups */
  int64_t k, n;                /* channels of one */
  int64_t out_step, in_step;   /* pixels of one phase of a row */
  int64_t left, right;         /* pixels of a row that taps reach beyond */
  int64_t block;               /* rows of a job */
  int copies;
  int each;                    /* channels are groups: each by itself */
  real *packed; /* [groups, panels, taps, k, width] */
} conv_pass;

/** Multiply-adds that a thread does in a nanosecond, about. */
#define CONV_WORK_PER_NS 40.0

/** n as whole registers. */
static inline int64_t conv_padded(const conv_pass *p) {
  const int64_t lanes = p->kern->lanes;
  return (p->n + lanes - 1) / lanes * lanes;
}

static inline int64_t conv_taps(const nacre_conv *c) {
  return c->kernel[0] * c->kernel[1] * c->kernel[2];
}

/** Panels of two registers that a group's n channels fall into. */
static inline int64_t conv_panels(const conv_pass *p) {
  return (p->n - 1) / (2 * p->kern->lanes) + 1;
}

/** Whether fewer multiplications make a pass faster; runs it so, with the
 *  kernel packed. */
int nacre_winograd_suits(const conv_pass *);
void nacre_winograd_run(conv_pass *);
int nacre_winograd_suits_weights(const kernels *, const nacre_conv *);
void nacre_winograd_run_weights(const nacre_math *, const nacre_conv *);

#endif
