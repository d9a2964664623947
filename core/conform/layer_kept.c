/* SPDX-License-Identifier: MIT */
/* layer_kept: what a layer has prepared from its weights in one call of
 * forward must serve the next one, which has other inputs and fewer rows. */
#include "layer.h"

#include <string.h>

#define BATCH 3
#define FEWER 2

static bool keeps(const nacre_layer_bound *bound) {
  for (uint32_t i = 0; i < NACRE_SLOT_MAX; i++) {
    if (bound->plan.has_scratch[i] != 0 &&
        (bound->plan.scratch_flags[i] & NACRE_KEPT) != 0) {
      return true;
    }
  }
  return false;
}

/* Input 0 from its last number to its first. */
static void turn_input(nacre_layer_bound *bound) {
  nacre_layer_buffer *x = &bound->in[0];
  for (int64_t i = 0; i < x->count / 2; i++) {
    const real one = x->kept[i];
    x->kept[i] = x->kept[x->count - 1 - i];
    x->kept[x->count - 1 - i] = one;
  }
}

void nacre_layer_kept(nacre_suite *suite, const nacre_layer_case *at) {
  int64_t n;
  nacre_layer_bound *bound = nacre_layer_bind(suite, at, BATCH);
  nacre_layer_how how = { .device = &suite->device[0], .batch = BATCH };
  if (bound == NULL || !keeps(bound)) {
    nacre_layer_unbind(bound);
    return;
  }
  nacre_layer_run(bound, &how);
  turn_input(bound);
  how.flags = NACRE_RUN_KEPT;
  how.batch = FEWER;
  nacre_layer_run(bound, &how);
  real *got = nacre_layer_results(bound, &how, &n);
  how.flags = 0;
  nacre_layer_run(bound, &how);
  real *expected = nacre_layer_results(bound, &how, &n);
  nacre_layer_same("kept", bound, &how, n, expected, got, 0,
                   "with scratch of the call before");
  nacre_layer_unbind(bound);
}
