/* SPDX-License-Identifier: MIT */
/* non_neg: sets negative weights to 0. */
#include <nacre/plugin.h>

NACRE_KERNEL
static void clip(int64_t n, real *w) {
  for (int64_t i = 0; i < n; i++) {
    w[i] = w[i] < 0 ? 0 : w[i];
  }
}

static void project(const nacre_math *math, const void *cfg,
                    const nacre_shape *shape, real *w) {
  (void)math;
  (void)cfg;
  clip(nacre_shape_count(shape), w);
}

static const nacre_constraint_ops ops = {
  .size = sizeof(ops), .project = project,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_CONSTRAINT, .contract = 1,
  .name = "non_neg", .summary = "Sets negative weights to 0",
  .doc = "w = max(w, 0), after each update. As Keras's NonNeg.",
  .params = NACRE_EMPTY_SPAN, .ops = &ops,
};

NACRE_COMPONENT_MODULE(non_neg, component)
