/* SPDX-License-Identifier: MIT */
/* constant: every weight starts at the same value. */
#include <nacre/plugin.h>

typedef struct constant {
  double value;
} constant;

static int fill(const nacre_init_run *run) {
  const constant *cfg = run->cfg;
  run->math->fill(run->math, nacre_shape_count(&run->shape),
                  (real)cfg->value, run->out);
  return NACRE_OK;
}

static const nacre_param params[] = {
  NACRE_PARAM(constant, value, "0.0", NULL, "", "What to start at.", 0),
};

static const nacre_initializer_ops ops = {
  .size = sizeof(ops), .fill = fill,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_INITIALIZER, .contract = 1,
  .name = "constant", .summary = "Every weight starts at the same value",
  .doc = "w = value. As Keras's Constant.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(constant), .ops = &ops,
};

NACRE_COMPONENT_MODULE(constant, component)
