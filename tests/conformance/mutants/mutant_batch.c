/* SPDX-License-Identifier: MIT */
/* mutant_batch: computes the planned batch, not the one that is run. */
#include "scale.h"

#include <stdlib.h>

static int create(const nacre_plan *plan, void **self) {
  int64_t *planned = malloc(sizeof *planned);
  if (planned == NULL) {
    return NACRE_ERROR;
  }
  *planned = plan->batch;
  *self = planned;
  return NACRE_OK;
}

static void forward(nacre_run *run) {
  int64_t rows = scale_n_rows(run) / run->batch * *(int64_t *)run->self;
  scale_rows(rows, scale_cols(run), nacre_data(&run->in[0]),
             nacre_data(&run->weight[0]), nacre_data(&run->out[0]));
}

static const nacre_layer_ops ops = {
  .size = sizeof(ops), .flags = NACRE_LAYER_NEED_X,
  .weights = NACRE_SPAN(scale_weights), .min_inputs = 1, .max_inputs = 1,
  .plan = scale_plan, .forward = forward, .backward = scale_backward,
  .create = create, .destroy = free
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "mutant_batch", .summary = "Wrong on purpose",
  .doc = "Must fail: partial batch", .params = NACRE_EMPTY_SPAN, .ops = &ops
};

NACRE_COMPONENT_MODULE(mutant_batch, component)
