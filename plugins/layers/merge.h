/* SPDX-License-Identifier: MIT */
/* merge: what the layers that merge inputs of one shape share. */
#ifndef NACRE_LAYERS_MERGE_H
#define NACRE_LAYERS_MERGE_H

#include <nacre/plugin.h>

#include <stdio.h>

#include "tiles.h"

#define NACRE_MERGE_TEXT 160

/** Writes "[28, 28]" and returns text. Room: NACRE_MERGE_TEXT. */
static inline const char *nacre_merge_text(const nacre_shape *shape,
                                           char *text) {
  size_t at = 0;
  text[at++] = '[';
  for (int32_t i = 0; i < shape->rank; i++) {
    int n = snprintf(text + at, NACRE_MERGE_TEXT - at, "%s%lld",
                     i > 0 ? ", " : "", (long long)shape->dim[i]);
    at += n > 0 ? (size_t)n : 0;
  }
  text[at++] = ']';
  text[at] = '\0';
  return text;
}

/** Output of the inputs' common shape; `flops` operations per element. */
static inline int nacre_merge_plan(nacre_plan *plan, double flops) {
  for (uint32_t i = 1; i < plan->n_inputs; i++) {
    if (!nacre_shape_equal(&plan->input[0], &plan->input[i])) {
      char first[NACRE_MERGE_TEXT], other[NACRE_MERGE_TEXT];
      return nacre_plan_refuse(
        plan, "the inputs must have equal shapes, but input 1 is %s and "
        "input %u is %s", nacre_merge_text(&plan->input[0], first), i + 1,
        nacre_merge_text(&plan->input[i], other));
    }
  }
  nacre_plan_flops(plan, flops * (double)nacre_shape_count(&plan->input[0]));
  return nacre_plan_output(plan, &plan->input[0]);
}

/** Runs the body, whose ctx is the run, over the elements of out[0]. */
static inline void nacre_merge_run(nacre_run *run, nacre_body body) {
  nacre_tiles_run(run->math, nacre_tensor_count(&run->out[0]),
                  NACRE_TILES_GRAIN, body, run);
}

#endif
