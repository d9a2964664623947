/* SPDX-License-Identifier: MIT */
/* terminate_on_nan: ends training when the loss is NaN or infinite, as
 * Keras's TerminateOnNaN. */
#include <nacre/plugin.h>

#include <math.h>

static int nan_event(int32_t event, const void *cfg, void *state,
                     nacre_training *training, nacre_fail *fail) {
  (void)cfg;
  (void)state;
  (void)fail;
  if (event == NACRE_ON_STEP_END && !isfinite(training->loss)) {
    training->stop(training, 1, "the loss is not finite");
  }
  return NACRE_OK;
}

static const nacre_callback_ops ops = {
  .size = sizeof(nacre_callback_ops),
  .flags = 1u << NACRE_ON_STEP_END,
  .event = nan_event,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_CALLBACK,
  .contract = 1,
  .name = "terminate_on_nan",
  .summary = "End training when the loss is not finite",
  .doc = "Looks at the loss of every step. The run counts as diverged.",
  .params = NACRE_EMPTY_SPAN,
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(terminate_on_nan, component)
