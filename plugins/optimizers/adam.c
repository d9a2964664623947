/* SPDX-License-Identifier: MIT */
/* adam: steps scaled by running moments of the gradient. */
#include "adam.h"

typedef struct adam {
  double learning_rate, beta_1, beta_2, epsilon;
  bool amsgrad;
} adam;

static const nacre_param params[] = {
  NACRE_PARAM_AS(adam, learning_rate, "lr", "0.001", "[0,inf)", "",
                 "Size of a step.", NACRE_PARAM_SCHEDULABLE),
  NACRE_PARAM(adam, beta_1, "0.9", "[0,1)", "",
              "Decay of the mean of gradients.", 0),
  NACRE_PARAM(adam, beta_2, "0.999", "[0,1)", "",
              "Decay of the mean of squared gradients.", 0),
  NACRE_PARAM(adam, epsilon, "1e-7", "(0,inf)", "",
              "Added to the root of the second moment.", 0),
  NACRE_PARAM(adam, amsgrad, "false", NULL, "",
              "Scale by the largest second moment so far.", 0),
};

static uint32_t slots(const void *cfg, double *start) {
  (void)start;
  return ((const adam *)cfg)->amsgrad ? 3 : 2;
}

static void begin(const void *config, double learning_rate, int64_t step,
                  double *scalar) {
  const adam *cfg = config;
  (void)learning_rate;
  scalar[0] = adam_correction(cfg->beta_1, cfg->beta_2, step);
}

static void update(const nacre_opt_run *run) {
  const adam *cfg = run->cfg;
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
  .name = "adam",
  .summary = "Steps scaled by running moments of the gradient",
  .doc =
    "m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2, w = w - rate c m / "
    "(sqrt(v) + epsilon), c = sqrt(1 - b2^t) / (1 - b1^t) at step t.\n\n"
    "Kingma and Ba, Adam: a method for stochastic optimization, ICLR 2015, "
    "in the form before its section 2.1; amsgrad: Reddi, Kale and Kumar, On "
    "the convergence of Adam and beyond, ICLR 2018.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(adam),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(adam, component)
