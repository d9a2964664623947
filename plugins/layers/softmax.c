/* SPDX-License-Identifier: MIT */
/* softmax: as a layer, along any axis. */
#include <nacre/plugin.h>

#include <math.h>

#include "tiles.h"

typedef struct softmax {
  int64_t axis;
} softmax;

/* The axis, counted within a sample, or -1. */
static int32_t axis_of(const softmax *cfg, int32_t rank) {
  const int64_t axis = cfg->axis < 0 ? cfg->axis + rank : cfg->axis - 1;
  return axis >= 0 && axis < rank ? (int32_t)axis : -1;
}

static int plan(nacre_plan *plan) {
  const nacre_shape *in = &plan->input[0];
  if (axis_of(plan->cfg, in->rank) < 0) {
    return nacre_plan_refuse(plan, "the input has the axes 1 to %d, or -%d "
                             "to -1", in->rank, in->rank);
  }
  nacre_plan_flops(plan, 4.0 * (double)nacre_shape_count(in));
  return nacre_plan_output(plan, in);
}

/* Elements: [outer, n, inner], along n. */
typedef struct pass {
  const nacre_math *math;
  int64_t n, inner;
  const real *x, *dy;
  const real *mask; /* [outer, n], or NULL */
  real *y;
} pass;

static pass pass_of(const nacre_run *run, const nacre_tensor *tensor,
                    int64_t *outer) {
  const int32_t axis = axis_of(run->cfg, tensor->rank - 1) + 1;
  pass p = { .math = run->math, .n = tensor->dim[axis], .inner = 1 };
  for (int32_t i = axis + 1; i < tensor->rank; i++) {
    p.inner *= tensor->dim[i];
  }
  *outer = nacre_tensor_count(tensor) / (p.n * p.inner);
  return p;
}

/* With elements between those of the axis: block by block of them. */
static void soften(const pass *p, const real *x, real *y) {
  real most[NACRE_TILES_BLOCK], sum[NACRE_TILES_BLOCK];
  for (int64_t at = 0; at < p->inner; at += NACRE_TILES_BLOCK) {
    const int64_t left = p->inner - at;
    const int64_t m = left < NACRE_TILES_BLOCK ? left : NACRE_TILES_BLOCK;
    for (int64_t j = 0; j < m; j++) {
      most[j] = x[at + j];
      sum[j] = 0;
    }
    for (int64_t i = 1; i < p->n; i++) {
      const real *row = x + i * p->inner + at;
      for (int64_t j = 0; j < m; j++) {
        most[j] = row[j] > most[j] ? row[j] : most[j];
      }
    }
    for (int64_t i = 0; i < p->n; i++) {
      real *row = y + i * p->inner + at;
      for (int64_t j = 0; j < m; j++) {
        row[j] = x[i * p->inner + at + j] - most[j];
      }
      p->math->exp(p->math, m, row, row);
      for (int64_t j = 0; j < m; j++) {
        sum[j] += row[j];
      }
    }
    for (int64_t i = 0; i < p->n; i++) {
      real *row = y + i * p->inner + at;
      for (int64_t j = 0; j < m; j++) {
        row[j] /= sum[j];
      }
    }
  }
}

/* y = x, and -inf, whose exponential is 0, where a step does not count.
 * Whether any step does. mask: [n] */
static bool hide(const pass *p, const real *mask, const real *x, real *y) {
  bool any = false;
  for (int64_t i = 0; i < p->n; i++) {
    const bool counts = mask[i] != 0;
    for (int64_t j = i * p->inner; j < (i + 1) * p->inner; j++) {
      y[j] = counts ? x[j] : -(real)INFINITY;
    }
    any = any || counts;
  }
  return any;
}

/* With a mask; all of it is 0 where no step counts. */
static void forward_masked(void *ctx, int64_t begin, int64_t end) {
  const pass *p = ctx;
  const int64_t size = p->n * p->inner;
  for (int64_t i = begin; i < end; i++) {
    real *y = p->y + i * size;
    if (!hide(p, p->mask + i * p->n, p->x + i * size, y)) {
      p->math->fill(p->math, size, 0, y);
    } else if (p->inner == 1) {
      p->math->softmax(p->math, 1, p->n, y, y);
    } else {
      soften(p, y, y);
    }
  }
}

static void forward_tile(void *ctx, int64_t begin, int64_t end) {
  const pass *p = ctx;
  const int64_t size = p->n * p->inner;
  if (p->inner == 1) {
    p->math->softmax(p->math, end - begin, p->n, p->x + begin * size,
                     p->y + begin * size);
    return;
  }
  for (int64_t i = begin; i < end; i++) {
    soften(p, p->x + i * size, p->y + i * size);
  }
}

static void forward(nacre_run *run) {
  int64_t outer;
  pass p = pass_of(run, &run->in[0], &outer);
  p.x = nacre_data(&run->in[0]);
  p.y = nacre_data(&run->out[0]);
  /* A mask is one of steps, which are the first axis. */
  p.mask = axis_of(run->cfg, run->in[0].rank - 1) == 0
             ? nacre_data(&run->mask[0]) : NULL;
  nacre_tiles_run(p.math, outer, nacre_tiles_rows(p.n * p.inner),
                  p.mask != NULL ? forward_masked : forward_tile, &p);
}

/* dx = y (dy - sum of dy y) */
static void backward_tile(void *ctx, int64_t begin, int64_t end) {
  const pass *p = ctx;
  for (int64_t i = begin; i < end; i++) {
    for (int64_t j = 0; j < p->inner; j++) {
      const int64_t at = i * p->n * p->inner + j;
      double sum = 0;
      for (int64_t k = 0; k < p->n; k++) {
        sum += (double)p->dy[at + k * p->inner] *
               (double)p->x[at + k * p->inner];
      }
      for (int64_t k = 0; k < p->n; k++) {
        const int64_t e = at + k * p->inner;
        p->y[e] = p->x[e] * (p->dy[e] - (real)sum);
      }
    }
  }
}

static void backward(nacre_run *run) {
  int64_t outer;
  pass p = pass_of(run, &run->out[0], &outer);
  if (!run->din[0].data) {
    return;
  }
  p.x = nacre_data(&run->out[0]);
  p.dy = nacre_data(&run->dout[0]);
  p.y = nacre_data(&run->din[0]);
  nacre_tiles_run(p.math, outer, nacre_tiles_rows(p.n * p.inner),
                  backward_tile, &p);
}

static const nacre_param params[] = {
  NACRE_PARAM(softmax, axis, "-1", NULL, "",
              "Axis along which the outputs add up to 1; 1 is the first "
              "after the batch.", 0),
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops),
  .flags = NACRE_LAYER_NEED_Y | NACRE_LAYER_INPLACE | NACRE_LAYER_MASK_PASS |
           NACRE_LAYER_MASK_READ,
  .weights = NACRE_EMPTY_SPAN, .min_inputs = 1, .max_inputs = 1,
  .plan = plan, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "softmax", .summary = "Positive numbers that add up to 1",
  .doc = "y = exp(x - max) / sum of exp(x - max), along an axis. Input and "
         "output [...]. Along the first axis, that of the steps, padding "
         "counts as -inf and has 0 for its output, if the input has a mask; "
         "along another axis a mask is passed on. Before a cross-entropy use "
         "the activation of that name, which the loss sees through.\n\nAs "
         "Keras's Softmax.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(softmax), .ops = &ops,
};

NACRE_COMPONENT_MODULE(softmax, component)
