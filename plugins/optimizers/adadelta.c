/* SPDX-License-Identifier: MIT */
/* adadelta: steps in the units of the parameters themselves. */
#include <nacre/plugin.h>
#include <tgmath.h>

typedef struct adadelta {
  double learning_rate, rho, epsilon;
} adadelta;

static const nacre_param params[] = {
  NACRE_PARAM_AS(adadelta, learning_rate, "lr", "0.001", "[0,inf)", "",
                 "Factor of each step; 1 in the paper.",
                 NACRE_PARAM_SCHEDULABLE),
  NACRE_PARAM(adadelta, rho, "0.95", "[0,1)", "",
              "Decay of both running means.", 0),
  NACRE_PARAM(adadelta, epsilon, "1e-7", "(0,inf)", "",
              "Added to both mean squares under their roots.", 0),
};

enum { GRADIENTS, STEPS };
static const char *const slot_names[] = { "accumulated_grad",
                                          "accumulated_delta_var" };

static uint32_t slots(const void *cfg, double *start) {
  (void)cfg;
  (void)start;
  return 2;
}

/* Everything in the precision of the tensors. */
typedef struct factors {
  real rate, keep, take, epsilon;
} factors;

/* w, g, gg (mean of squared gradients), ss (of squared steps): [n] */
NACRE_KERNEL
static void move(int64_t n, factors f, const real *restrict g,
                 real *restrict gg, real *restrict ss, real *restrict w) {
  for (int64_t i = 0; i < n; i++) {
    gg[i] = f.keep * gg[i] + f.take * (g[i] * g[i]);
    real step = sqrt(ss[i] + f.epsilon) * g[i] / sqrt(gg[i] + f.epsilon);
    ss[i] = f.keep * ss[i] + f.take * (step * step);
    w[i] -= f.rate * step;
  }
}

static void update(const nacre_opt_run *run) {
  const adadelta *cfg = run->cfg;
  const factors f = { (real)run->learning_rate, (real)cfg->rho,
                      (real)(1.0 - cfg->rho), (real)cfg->epsilon };
  move(run->n, f, run->g, run->slot[GRADIENTS], run->slot[STEPS], run->w);
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
  .name = "adadelta",
  .summary = "Steps in the units of the parameters themselves",
  .doc =
    "a = rho a + (1 - rho) g^2, d = g sqrt(b + epsilon) / sqrt(a + epsilon), "
    "b = rho b + (1 - rho) d^2, w = w - rate d.\n\n"
    "Zeiler, Adadelta: an adaptive learning rate method, 2012.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(adadelta),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(adadelta, component)
