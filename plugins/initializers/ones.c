/* SPDX-License-Identifier: MIT */
/* ones: every weight starts at 1. */
#include <nacre/plugin.h>

static int fill(const nacre_init_run *run) {
  run->math->fill(run->math, nacre_shape_count(&run->shape), 1, run->out);
  return NACRE_OK;
}

static const nacre_initializer_ops ops = {
  .size = sizeof(ops), .fill = fill,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_INITIALIZER, .contract = 1,
  .name = "ones", .summary = "Every weight starts at 1",
  .doc = "w = 1. As Keras's Ones.",
  .params = NACRE_EMPTY_SPAN, .ops = &ops,
};

NACRE_COMPONENT_MODULE(ones, component)
