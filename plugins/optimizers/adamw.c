/* SPDX-License-Identifier: MIT */
/* adamw: adam with weights that decay apart from the gradient. The decay is
 * the host's: it takes weight_decay out of this table as it would take it out
 * of the YAML of any optimizer, and shrinks w before update(). */
#include "adam.h"

typedef struct adamw {
  double learning_rate, weight_decay, beta_1, beta_2, epsilon;
  bool amsgrad;
} adamw;

static const nacre_param params[] = {
  NACRE_PARAM_AS(adamw, learning_rate, "lr", "0.001", "[0,inf)", "",
                 "Size of a step.", NACRE_PARAM_SCHEDULABLE),
  NACRE_PARAM(adamw, weight_decay, "0.004", "[0,inf)", "",
              "Share of each weight taken off per unit of learning rate.", 0),
  NACRE_PARAM(adamw, beta_1, "0.9", "[0,1)", "",
              "Decay of the mean of gradients.", 0),
  NACRE_PARAM(adamw, beta_2, "0.999", "[0,1)", "",
              "Decay of the mean of squared gradients.", 0),
  NACRE_PARAM(adamw, epsilon, "1e-7", "(0,inf)", "",
              "Added to the root of the second moment.", 0),
  NACRE_PARAM(adamw, amsgrad, "false", NULL, "",
              "Scale by the largest second moment so far.", 0),
};

static uint32_t slots(const void *cfg, double *start) {
  (void)start;
  return ((const adamw *)cfg)->amsgrad ? 3 : 2;
}

static void begin(const void *config, double learning_rate, int64_t step,
                  double *scalar) {
  const adamw *cfg = config;
  (void)learning_rate;
  scalar[0] = adam_correction(cfg->beta_1, cfg->beta_2, step);
}

static void update(const nacre_opt_run *run) {
  const adamw *cfg = run->cfg;
  const adam_factors f = { (real)(run->learning_rate * run->scalar[0]),
                           (real)(1.0 - cfg->beta_1),
                           (real)(1.0 - cfg->beta_2), (real)cfg->epsilon };
  adam_update(run, f, cfg->amsgrad);
}

static const nacre_optimizer_ops ops = {
  .size = sizeof(nacre_optimizer_ops),
  .flags = NACRE_OPT_ELEMENTWISE,
  .slots = slots,
  .begin = begin,
  .update = update,
  .slot_names = adam_slot_names,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_OPTIMIZER,
  .contract = 1,
  .name = "adamw",
  .summary = "Adam with weights that decay apart from the gradient",
  .doc =
    "w = w - rate weight_decay w, then adam: m = b1 m + (1 - b1) g, "
    "v = b2 v + (1 - b2) g^2, w = w - rate c m / (sqrt(v) + epsilon), "
    "c = sqrt(1 - b2^t) / (1 - b1^t) at step t.\n\n"
    "Loshchilov and Hutter, Decoupled weight decay regularization, ICLR "
    "2019.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(adamw),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(adamw, component)
