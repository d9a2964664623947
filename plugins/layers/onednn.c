/* SPDX-License-Identifier: MIT */
/* onednn: the layer conv2d by oneDNN, the library that PyTorch and TensorFlow
 * convolve with. */
#include "onednn.h"

#include "conv2d.h"

#include <stdlib.h>

/* What plan() and create() ask alike. */
static int open_conv(const nacre_plan *plan, nacre_onednn *self) {
  const conv2d *cfg = plan->cfg;
  const nacre_conv_params params = conv2d_params(cfg);
  const nacre_conv c = nacre_conv_describe(
    &params, plan->batch, plan->input[0].dim, cfg->filters);
  return nacre_onednn_open(self, &c, cfg->use_bias);
}

static int plan_scratch(nacre_plan *plan, const nacre_onednn *self) {
  const nacre_shape kernel = nacre_shape_1d(self->kernel);
  const nacre_shape pads = nacre_shape_2d(self->lanes, self->pad);
  const nacre_shape sums = { { self->shares, 2, self->sum, 0, 0, 0 }, 3,
                             NACRE_REAL };
  if (nacre_plan_scratch(plan, NACRE_ONEDNN_KERNEL, &kernel, 0) !=
        NACRE_OK ||
      (self->pad > 0 && nacre_plan_scratch(plan, NACRE_ONEDNN_PADS, &pads,
                                           0) != NACRE_OK)) {
    return NACRE_ERROR;
  }
  return nacre_plan_scratch(plan, NACRE_ONEDNN_SUMS, &sums, 0);
}

static int plan(nacre_plan *plan) {
  const conv2d *cfg = plan->cfg;
  const nacre_conv_params params = conv2d_params(cfg);
  if (nacre_conv_check_groups(plan, &params, cfg->filters) != NACRE_OK ||
      nacre_conv_check_axes(plan, &params) != NACRE_OK) {
    return NACRE_ERROR;
  }
  const int64_t share =
    nacre_shape_last(&plan->input[0]) / params.groups;
  nacre_shape out;
  nacre_onednn self;
  if (open_conv(plan, &self) != NACRE_OK) {
    return NACRE_DECLINE;
  }
  int status = nacre_conv_plan_weights(plan, &params, share, cfg->filters,
                                       cfg->filters, cfg->use_bias, &out);
  if (status == NACRE_OK) {
    status = plan_scratch(plan, &self);
  }
  nacre_onednn_close(&self);
  if (status == NACRE_OK) {
    nacre_conv_flops(plan, &params, share, cfg->use_bias, &out);
    status = nacre_plan_output(plan, &out);
  }
  return status;
}

static void destroy(void *state) {
  if (state != NULL) {
    nacre_onednn_close(state);
  }
  free(state);
}

static int create(const nacre_plan *plan, void **state) {
  nacre_onednn *self = calloc(1, sizeof *self);
  if (self == NULL) {
    return NACRE_ERROR;
  }
  if (open_conv(plan, self) != NACRE_OK ||
      nacre_onednn_make(self) != NACRE_OK) {
    destroy(self);
    return NACRE_ERROR;
  }
  *state = self;
  return NACRE_OK;
}

static void forward(nacre_run *run) {
  nacre_onednn_forward(run->self, run);
}

static void backward(nacre_run *run) {
  const nacre_math *math = run->math;
  const nacre_tensor *dout = &run->dout[0];
  const nacre_tensor *dbias = &run->dweight[NACRE_CONV_BIAS];
  if (run->dweight[NACRE_CONV_KERNEL].data != NULL) {
    nacre_onednn_weights(run->self, run);
  }
  if (dbias->data != NULL) {
    math->col_sum(math, nacre_tensor_count(dout) / dbias->dim[0],
                  dbias->dim[0], nacre_data(dout), nacre_data(dbias));
  }
  if (run->din[0].data != NULL) {
    nacre_onednn_data(run->self, run);
  }
}

static const nacre_layer_ops ops = {
  .size = sizeof(ops),
  .flags = NACRE_LAYER_NEED_X | NACRE_LAYER_EPILOGUE |
           NACRE_LAYER_ALLOCATES,
  .weights = NACRE_SPAN(conv2d_weights), .min_inputs = 1, .max_inputs = 1,
  .plan = plan, .forward = forward, .backward = backward, .create = create,
  .destroy = destroy,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "conv2d", .device = "cpu",
  .summary = "Convolution over height and width, by oneDNN",
  .doc = "The layer conv2d, computed by oneDNN. What the library cannot do, "
         "or only slowly, is left to the next provider, and so is all of a "
         "build in double.\n\n"
         "oneDNN chooses its instruction set itself: --cpu does not limit "
         "it, its own variable ONEDNN_MAX_CPU_ISA does.",
  .params = NACRE_SPAN(conv2d_table), .cfg_size = sizeof(conv2d),
  .ops = &ops, .rank = -10,
};

NACRE_COMPONENT_MODULE(onednn, component)
