/* SPDX-License-Identifier: MIT */
/* reshape: the same elements in another shape. */
#include <nacre/plugin.h>

#include "merge.h"

typedef struct reshape {
  nacre_ints target_shape;
} reshape;

/* Writes the target to out, with 0 for the axis to be inferred, whose index
 * goes to *open (-1: none); *known is the product of the others. */
static int read_target(nacre_plan *plan, nacre_shape *out, int32_t *open,
                       int64_t *known) {
  const nacre_ints target = ((const reshape *)plan->cfg)->target_shape;
  if (target.n >= NACRE_RANK_MAX) {
    return nacre_plan_refuse(plan, "target_shape has %lld axes; at most %d "
                             "are possible", (long long)target.n,
                             NACRE_RANK_MAX - 1);
  }
  int64_t count = nacre_shape_count(&plan->input[0]);
  *open = -1;
  *known = 1;
  out->rank = (int32_t)target.n;
  for (int32_t i = 0; i < out->rank; i++) {
    int64_t extent = target.at[i];
    if (extent == -1 && *open < 0) {
      *open = i;
    } else if (extent == -1) {
      return nacre_plan_refuse(plan, "target_shape has more than one -1");
    } else if (extent < 1) {
      return nacre_plan_refuse(plan, "target_shape holds %lld; extents are "
                               "at least 1, and one may be -1",
                               (long long)extent);
    } else if (extent > count / *known) {
      /* Larger than the input can fill, and maybe than int64_t can hold. */
      *known = 0;
      return NACRE_OK;
    } else {
      out->dim[i] = extent;
      *known *= extent;
    }
  }
  return NACRE_OK;
}

static int plan(nacre_plan *plan) {
  int64_t count = nacre_shape_count(&plan->input[0]), known = 0;
  int32_t open = -1;
  nacre_shape out = plan->input[0];
  if (read_target(plan, &out, &open, &known) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (known == 0 || count % known != 0 || (open < 0 && known != count)) {
    char text[NACRE_MERGE_TEXT];
    return nacre_plan_refuse(plan, "the input %s has %lld elements, which "
                             "do not fit target_shape",
                             nacre_merge_text(&plan->input[0], text),
                             (long long)count);
  }
  if (open >= 0) {
    out.dim[open] = count / known;
  }
  return nacre_plan_output(plan, &out);
}

static const nacre_param params[] = {
  NACRE_PARAM(reshape, target_shape, NULL, NULL, "",
              "Extents without the batch; one may be -1, to be inferred.", 0),
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops), .flags = NACRE_LAYER_VIEW,
  .weights = NACRE_EMPTY_SPAN, .min_inputs = 1, .max_inputs = 1,
  .plan = plan,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "reshape", .summary = "The same elements in another shape",
  .doc = "Row-major: the last axis runs fastest. Costs nothing. As Keras's "
         "Reshape.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(reshape), .ops = &ops,
};

NACRE_COMPONENT_MODULE(reshape, component)
