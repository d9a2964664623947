/* SPDX-License-Identifier: MIT */
/* concatenate: inputs one after another along an axis. */
#include <nacre/plugin.h>

#include <string.h>

#include "merge.h"

typedef struct concatenate {
  int64_t axis;
} concatenate;

/* Index of the configured axis among `rank` axes of a sample; -1: outside.
 * Counted from the front, axis 0 is the batch. */
static int32_t axis_of(const concatenate *cfg, int32_t rank) {
  int64_t axis = cfg->axis < 0 ? cfg->axis + rank : cfg->axis - 1;
  return axis >= 0 && axis < rank ? (int32_t)axis : -1;
}

static int plan(nacre_plan *plan) {
  nacre_shape out = plan->input[0];
  int32_t axis = axis_of(plan->cfg, out.rank);
  char first[NACRE_MERGE_TEXT], other[NACRE_MERGE_TEXT];
  nacre_merge_text(&plan->input[0], first);
  if (axis < 0) {
    return nacre_plan_refuse(
      plan, "axis %lld is not an axis of the inputs, which are %s without "
      "the batch", (long long)((const concatenate *)plan->cfg)->axis, first);
  }
  for (uint32_t i = 1; i < plan->n_inputs; i++) {
    nacre_shape like = plan->input[i];
    int64_t extent = like.rank == out.rank ? like.dim[axis] : 0;
    like.dim[axis] = plan->input[0].dim[axis];
    if (!nacre_shape_equal(&plan->input[0], &like)) {
      return nacre_plan_refuse(
        plan, "apart from the axis of concatenation the inputs must have "
        "equal shapes, but input 1 is %s and input %u is %s", first, i + 1,
        nacre_merge_text(&plan->input[i], other));
    }
    if (extent > INT64_MAX - out.dim[axis]) {
      return nacre_plan_refuse(plan, "the output is too large");
    }
    out.dim[axis] += extent;
  }
  const nacre_shape steps = nacre_shape_1d(out.dim[0]);
  return plan->masked != 0 && nacre_plan_mask(plan, &steps) != NACRE_OK
           ? NACRE_ERROR : nacre_plan_output(plan, &out);
}

/* One input as [outer, width] beside the output as [outer, total], in which
 * its rows start at `at`. */
typedef struct strip {
  real *narrow, *wide;
  int64_t width, total, at;
  bool split; /* from wide to narrow */
} strip;

static void move_rows(void *ctx, int64_t begin, int64_t end) {
  const strip *s = ctx;
  size_t bytes = (size_t)s->width * sizeof(real);
  for (int64_t i = begin; i < end; i++) {
    real *narrow = s->narrow + i * s->width;
    real *wide = s->wide + i * s->total + s->at;
    memcpy(s->split ? narrow : wide, s->split ? wide : narrow, bytes);
  }
}

/* Moves between the inputs (or their gradients) and the output's. */
static void move(nacre_run *run, const nacre_tensor *narrow,
                 const nacre_tensor *wide, bool split) {
  const concatenate *cfg = run->cfg;
  int32_t axis = axis_of(cfg, wide->rank - 1) + 1;
  int64_t outer = 1;
  for (int32_t i = 0; i < axis; i++) {
    outer *= wide->dim[i];
  }
  strip s = { .wide = nacre_data(wide), .split = split,
              .total = nacre_tensor_count(wide) / outer };
  for (uint32_t i = 0; i < run->n_inputs; i++) {
    s.narrow = nacre_data(&narrow[i]);
    s.width = nacre_tensor_count(&narrow[i]) / outer;
    if (s.narrow) {
      nacre_tiles_run(run->math, outer, nacre_tiles_rows(s.width), move_rows,
                      &s);
    }
    s.at += s.width;
  }
}

/* The mask of input i at a sample's step; without one, all count. */
static real mask_at(const nacre_run *run, uint32_t i, int64_t sample,
                    int64_t step) {
  const nacre_tensor *mask = &run->mask[i]; /* [batch, steps] */
  return mask->data == NULL
           ? 1 : nacre_data(mask)[sample * mask->dim[1] + step];
}

/* Steps that are joined bring their masks; elsewhere a step counts if it
 * does in all inputs. */
static void join_masks(const nacre_run *run) {
  const bool joins = axis_of(run->cfg, run->out[0].rank - 1) == 0;
  const int64_t steps = run->out_mask->dim[1];
  real *out = nacre_data(run->out_mask); /* [batch, steps] */
  for (int64_t k = 0; k < run->batch; k++) {
    int64_t at = 0;
    for (uint32_t i = 0; i < run->n_inputs; i++) {
      const int64_t n = run->in[i].dim[1];
      for (int64_t j = 0; j < n; j++) {
        const real counts = mask_at(run, i, k, j);
        real *to = &out[k * steps + at + j];
        *to = joins || i == 0 || counts == 0 ? counts : *to;
      }
      at += joins ? n : 0;
    }
  }
}

static void forward(nacre_run *run) {
  move(run, run->in, &run->out[0], false);
  if (run->out_mask->data != NULL) {
    join_masks(run);
  }
}

static void backward(nacre_run *run) {
  move(run, run->din, &run->dout[0], true);
}

static const nacre_param params[] = {
  NACRE_PARAM(concatenate, axis, "-1", NULL, "",
              "Axis along which to join; counted from the front, axis 0 is "
              "the batch.", 0),
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops), .flags = NACRE_LAYER_MASK_READ,
  .weights = NACRE_EMPTY_SPAN, .min_inputs = 2, .max_inputs = 0,
  .plan = plan, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "concatenate", .summary = "Inputs one after another along an axis",
  .doc = "Inputs [.., n1, ..], [.., n2, ..], ..., output [.., n1 + n2 + ..., "
         "..]; the other axes have one extent each. Masks are joined with the "
         "steps; along another axis a step counts if it does in all inputs. "
         "As Keras's Concatenate.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(concatenate), .ops = &ops,
};

NACRE_COMPONENT_MODULE(concatenate, component)
