/* SPDX-License-Identifier: MIT */
/* rescaling: a factor and a shift. */
#include <nacre/plugin.h>

#include "merge.h"

typedef struct rescaling {
  double scale, offset;
} rescaling;

static int plan(nacre_plan *plan) {
  return nacre_merge_plan(plan, 2);
}

NACRE_KERNEL
static void line(int64_t n, real scale, real offset, const real *x,
                 real *y) {
  for (int64_t i = 0; i < n; i++) {
    y[i] = x[i] * scale + offset;
  }
}

static void forward_tile(void *ctx, int64_t begin, int64_t end) {
  const nacre_run *run = ctx;
  const rescaling *cfg = run->cfg;
  line(end - begin, (real)cfg->scale, (real)cfg->offset,
       nacre_data(&run->in[0]) + begin, nacre_data(&run->out[0]) + begin);
}

static void backward_tile(void *ctx, int64_t begin, int64_t end) {
  const nacre_run *run = ctx;
  const rescaling *cfg = run->cfg;
  line(end - begin, (real)cfg->scale, 0, nacre_data(&run->dout[0]) + begin,
       nacre_data(&run->din[0]) + begin);
}

static void forward(nacre_run *run) {
  nacre_merge_run(run, forward_tile);
}

static void backward(nacre_run *run) {
  if (run->din[0].data) {
    nacre_merge_run(run, backward_tile);
  }
}

static const nacre_param params[] = {
  NACRE_PARAM(rescaling, scale, NULL, NULL, "", "What x is multiplied by.",
              0),
  NACRE_PARAM(rescaling, offset, "0.0", NULL, "", "What is added then.", 0),
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops),
  .flags = NACRE_LAYER_INPLACE | NACRE_LAYER_MASK_PASS,
  .weights = NACRE_EMPTY_SPAN, .min_inputs = 1, .max_inputs = 1,
  .plan = plan, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "rescaling",
  .summary = "A factor and a shift",
  .doc = "y = scale x + offset: scale 0.00392156862745098, 1 / 255, brings "
         "bytes to 0..1. As Keras's Rescaling.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(rescaling), .ops = &ops,
};

NACRE_COMPONENT_MODULE(rescaling, component)
