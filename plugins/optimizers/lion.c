/* SPDX-License-Identifier: MIT */
/* lion: steps of one size, by the sign of a running mean. */
#include <nacre/plugin.h>

typedef struct lion {
  double learning_rate, beta_1, beta_2;
} lion;

static const nacre_param params[] = {
  NACRE_PARAM_AS(lion, learning_rate, "lr", "0.001", "[0,inf)", "",
                 "Size of a step.", NACRE_PARAM_SCHEDULABLE),
  NACRE_PARAM(lion, beta_1, "0.9", "(0,1]", "",
              "Share of the mean in what the sign is taken of.", 0),
  NACRE_PARAM(lion, beta_2, "0.99", "[0,1]", "",
              "Decay of the mean of gradients.", 0),
};

static const char *const slot_names[] = { "momentum" };

static uint32_t slots(const void *cfg, double *start) {
  (void)cfg;
  (void)start;
  return 1;
}

/* Everything in the precision of the tensors. */
typedef struct factors {
  real rate, beta_1, beta_2;
} factors;

/* w, g, m: [n] */
NACRE_KERNEL
static void move(int64_t n, factors f, const real *restrict g,
                 real *restrict m, real *restrict w) {
  for (int64_t i = 0; i < n; i++) {
    real mixed = f.beta_1 * m[i] + (1 - f.beta_1) * g[i];
    real down = mixed > 0 ? f.rate : 0;
    real up = mixed < 0 ? f.rate : 0;
    /* NaN is no sign, and must be seen all the same. */
    w[i] = mixed == mixed ? w[i] - down + up : mixed;
    m[i] = f.beta_2 * m[i] + (1 - f.beta_2) * g[i];
  }
}

static void update(const nacre_opt_run *run) {
  const lion *cfg = run->cfg;
  const factors f = { (real)run->learning_rate, (real)cfg->beta_1,
                      (real)cfg->beta_2 };
  move(run->n, f, run->g, run->slot[0], run->w);
}

static const nacre_optimizer_ops ops = {
  .size = sizeof(nacre_optimizer_ops),
  .flags = NACRE_OPT_ELEMENTWISE,
  .slots = slots,
  .update = update,
  .slot_names = slot_names,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_OPTIMIZER,
  .contract = 1,
  .name = "lion",
  .summary = "Steps of one size, by the sign of a running mean",
  .doc =
    "w = w - rate sign(b1 m + (1 - b1) g), then m = b2 m + (1 - b2) g. Wants "
    "a learning rate of a third to a tenth of adam's, and a larger weight "
    "decay.\n\n"
    "Chen et al., Symbolic discovery of optimization algorithms, NeurIPS "
    "2023.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(lion),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(lion, component)
