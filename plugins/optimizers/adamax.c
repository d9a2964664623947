/* SPDX-License-Identifier: MIT */
/* adamax: adam with the largest recent gradient in place of the mean square. */
#include <math.h>
#include <nacre/plugin.h>

typedef struct adamax {
  double learning_rate, beta_1, beta_2, epsilon;
} adamax;

static const nacre_param params[] = {
  NACRE_PARAM_AS(adamax, learning_rate, "lr", "0.001", "[0,inf)", "",
                 "Size of a step.", NACRE_PARAM_SCHEDULABLE),
  NACRE_PARAM(adamax, beta_1, "0.9", "[0,1)", "",
              "Decay of the mean of gradients.", 0),
  NACRE_PARAM(adamax, beta_2, "0.999", "[0,1)", "",
              "Decay of the largest gradient.", 0),
  NACRE_PARAM(adamax, epsilon, "1e-7", "(0,inf)", "",
              "Added to the largest gradient.", 0),
};

enum { MEAN, LARGEST };
static const char *const slot_names[] = { "momentum", "norm" };

static uint32_t slots(const void *cfg, double *start) {
  (void)cfg;
  (void)start;
  return 2;
}

/* scalar[0] corrects the step for the mean having started at 0. */
static void begin(const void *config, double learning_rate, int64_t step,
                  double *scalar) {
  const adamax *cfg = config;
  (void)learning_rate;
  scalar[0] = 1.0 / (1.0 - pow(cfg->beta_1, (double)step));
}

/* Everything in the precision of the tensors. */
typedef struct factors {
  real alpha, take, keep, epsilon;
} factors;

/* w, g, m, u: [n] */
NACRE_KERNEL
static void move(int64_t n, factors f, const real *restrict g,
                 real *restrict m, real *restrict u, real *restrict w) {
  for (int64_t i = 0; i < n; i++) {
    real size = g[i] < 0 ? -g[i] : g[i];
    real faded = f.keep * u[i];
    m[i] += f.take * (g[i] - m[i]);
    u[i] = faded > size ? faded : size;
    w[i] -= f.alpha * m[i] / (u[i] + f.epsilon);
  }
}

static void update(const nacre_opt_run *run) {
  const adamax *cfg = run->cfg;
  const factors f = { (real)(run->learning_rate * run->scalar[0]),
                      (real)(1.0 - cfg->beta_1), (real)cfg->beta_2,
                      (real)cfg->epsilon };
  move(run->n, f, run->g, run->slot[MEAN], run->slot[LARGEST], run->w);
}

static const nacre_optimizer_ops ops = {
  .size = sizeof(nacre_optimizer_ops),
  .flags = NACRE_OPT_ELEMENTWISE,
  .slots = slots,
  .begin = begin,
  .update = update,
  .slot_names = slot_names,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_OPTIMIZER,
  .contract = 1,
  .name = "adamax",
  .summary = "Adam by the largest recent gradient",
  .doc =
    "m = b1 m + (1 - b1) g, u = max(b2 u, |g|), "
    "w = w - rate m / ((1 - b1^t) (u + epsilon)) at step t.\n\n"
    "Kingma and Ba, Adam: a method for stochastic optimization, ICLR 2015, "
    "section 7.1.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(adamax),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(adamax, component)
