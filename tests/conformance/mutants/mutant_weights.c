/* SPDX-License-Identifier: MIT */
/* mutant_weights: a squared error that overlooks sample weights. */
#include <nacre/plugin.h>

static void rows(nacre_loss_run *run) {
  for (int64_t r = 0; r < run->rows; r++) {
    run->loss[r] = 0;
    for (int64_t i = r * run->cols; i < (r + 1) * run->cols; i++) {
      double error = (double)run->y[i] - (double)run->target[i];
      run->loss[r] += error * error;
      if (run->dy != NULL) {
        run->dy[i] = (real)(2 * run->scale * error);
      }
    }
  }
}

static const nacre_loss_ops ops = { .size = sizeof(ops), .rows = rows };

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LOSS, .contract = 1,
  .name = "mutant_weights", .summary = "Wrong on purpose",
  .doc = "Must fail: weights", .params = NACRE_EMPTY_SPAN, .ops = &ops
};

NACRE_COMPONENT_MODULE(mutant_weights, component)
