/* SPDX-License-Identifier: MIT */
/* masking: steps whose features all have one value are padding. */
#include <nacre/plugin.h>

#include "tiles.h"

typedef struct masking {
  double mask_value;
} masking;

static int plan(nacre_plan *plan) {
  const nacre_shape *in = &plan->input[0];
  if (in->rank != 2) {
    return nacre_plan_refuse(plan, "the input must be [steps, features], but "
                             "has %d axes without the batch", in->rank);
  }
  nacre_shape steps = nacre_shape_1d(in->dim[0]);
  if (nacre_plan_output(plan, in) != NACRE_OK) {
    return NACRE_ERROR;
  }
  return nacre_plan_mask(plan, &steps);
}

/* What a pass over the rows, which are steps, needs. */
typedef struct pass {
  const nacre_run *run;
  int64_t cols;
} pass;

/* 1 for a step that counts. x: [cols] */
static real counts(const pass *p, const real *x) {
  real value = (real)((const masking *)p->run->cfg)->mask_value;
  for (int64_t j = 0; j < p->cols; j++) {
    if (x[j] < value || x[j] > value || x[j] != x[j]) {
      return 1;
    }
  }
  return 0;
}

/* to = from for a step that counts, 0 for others. Chosen, not multiplied:
 * what is masked may be anything. */
static void pass_on(int64_t n, real mask, const real *from, real *to) {
  for (int64_t j = 0; j < n; j++) {
    to[j] = mask > 0 ? from[j] : 0;
  }
}

static void forward_rows(void *ctx, int64_t begin, int64_t end) {
  const pass *p = ctx;
  const real *x = nacre_data(&p->run->in[0]);
  real *y = nacre_data(&p->run->out[0]);
  real *mask = nacre_data(p->run->out_mask);
  for (int64_t i = begin; i < end; i++) {
    mask[i] = counts(p, x + i * p->cols);
    pass_on(p->cols, mask[i], x + i * p->cols, y + i * p->cols);
  }
}

static void backward_rows(void *ctx, int64_t begin, int64_t end) {
  const pass *p = ctx;
  const real *x = nacre_data(&p->run->in[0]);
  const real *dy = nacre_data(&p->run->dout[0]);
  real *dx = nacre_data(&p->run->din[0]);
  for (int64_t i = begin; i < end; i++) {
    int64_t at = i * p->cols;
    pass_on(p->cols, counts(p, x + at), dy + at, dx + at);
  }
}

static void forward(nacre_run *run) {
  pass p = { run, run->in[0].dim[2] };
  nacre_tiles_run(run->math, run->batch * run->in[0].dim[1],
                  nacre_tiles_rows(p.cols), forward_rows, &p);
}

static void backward(nacre_run *run) {
  pass p = { run, run->in[0].dim[2] };
  if (run->din[0].data) {
    nacre_tiles_run(run->math, run->batch * run->in[0].dim[1],
                    nacre_tiles_rows(p.cols), backward_rows, &p);
  }
}

static const nacre_param params[] = {
  NACRE_PARAM(masking, mask_value, "0.0", NULL, "",
              "The value that all features of a masked step have.", 0),
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops), .flags = NACRE_LAYER_NEED_X,
  .weights = NACRE_EMPTY_SPAN, .min_inputs = 1, .max_inputs = 1,
  .plan = plan, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "masking",
  .summary = "Steps whose features all have one value are padding",
  .doc = "Input and output [steps, features]. Steps all of whose features "
         "are mask_value get 0 and a mask, by which later layers, such as "
         "recurrent ones, leave them out. As Keras's Masking.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(masking), .ops = &ops,
};

NACRE_COMPONENT_MODULE(masking, component)
