/* SPDX-License-Identifier: MIT */
/* flip: the reverse order along one axis. */
#include <nacre/plugin.h>

#include <string.h>

#include "tiles.h"

typedef struct flip {
  int64_t axis;
} flip;

static int plan(nacre_plan *plan) {
  const flip *cfg = plan->cfg;
  if (cfg->axis > plan->input[0].rank) {
    return nacre_plan_refuse(plan, "the input has %d axes besides the batch, "
                             "and axis %lld is none of them",
                             plan->input[0].rank, (long long)cfg->axis);
  }
  const nacre_shape steps = nacre_shape_1d(plan->input[0].dim[0]);
  return plan->masked != 0 && nacre_plan_mask(plan, &steps) != NACRE_OK
           ? NACRE_ERROR : nacre_plan_output(plan, &plan->input[0]);
}

typedef struct turn {
  const real *from; /* [outer, extent, inner] */
  real *to;
  int64_t extent, inner;
} turn;

/* Slices [begin, end) of the outer axes and the one that is turned. */
static void turn_slices(void *ctx, int64_t begin, int64_t end) {
  const turn *t = ctx;
  for (int64_t i = begin; i < end; i++) {
    const int64_t at = i % t->extent;
    const int64_t other = i - at + t->extent - 1 - at;
    memcpy(t->to + i * t->inner, t->from + other * t->inner,
           (size_t)t->inner * sizeof(real));
  }
}

static void run_turn(const nacre_run *run, const nacre_tensor *from,
                     const nacre_tensor *to) {
  const flip *cfg = run->cfg;
  int64_t slices = 1;
  turn t = { nacre_data(from), nacre_data(to), to->dim[cfg->axis], 1 };
  for (int32_t i = 0; i < to->rank; i++) {
    if (i <= cfg->axis) {
      slices *= to->dim[i];
    } else {
      t.inner *= to->dim[i];
    }
  }
  nacre_tiles_run(run->math, slices, nacre_tiles_rows(t.inner), turn_slices,
                  &t);
}

/* Steps that are turned take their mask along. */
static void forward(nacre_run *run) {
  const flip *cfg = run->cfg;
  const nacre_tensor *mask = run->out_mask; /* [batch, steps] */
  run_turn(run, &run->in[0], &run->out[0]);
  if (mask->data != NULL && cfg->axis == 1) {
    run_turn(run, &run->mask[0], mask);
  } else if (mask->data != NULL) {
    memcpy(mask->data, run->mask[0].data,
           (size_t)nacre_tensor_count(mask) * sizeof(real));
  }
}

static void backward(nacre_run *run) {
  if (run->din[0].data) {
    run_turn(run, &run->dout[0], &run->din[0]);
  }
}

static const nacre_param params[] = {
  NACRE_PARAM(flip, axis, "1", "[1,5]", "",
              "The axis, counted from 1: the batch is 0.", 0),
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops), .flags = NACRE_LAYER_MASK_READ,
  .weights = NACRE_EMPTY_SPAN, .min_inputs = 1, .max_inputs = 1,
  .plan = plan, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "flip", .summary = "The reverse order along one axis",
  .doc = "y[i] = x[n - 1 - i] along 'axis'. As numpy's flip.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(flip), .ops = &ops,
};

NACRE_COMPONENT_MODULE(flip, component)
