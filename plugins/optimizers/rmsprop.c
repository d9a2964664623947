/* SPDX-License-Identifier: MIT */
/* rmsprop: steps divided by the running root mean square of the gradient. */
#include <nacre/plugin.h>
#include <tgmath.h>

typedef struct rmsprop {
  double learning_rate, rho, momentum, epsilon;
  bool centered;
} rmsprop;

static const nacre_param params[] = {
  NACRE_PARAM_AS(rmsprop, learning_rate, "lr", "0.001", "[0,inf)", "",
                 "Size of a step.", NACRE_PARAM_SCHEDULABLE),
  NACRE_PARAM(rmsprop, rho, "0.9", "[0,1)", "",
              "Decay of the mean of squared gradients.", 0),
  NACRE_PARAM(rmsprop, momentum, "0", "[0,1]", "",
              "Share of the previous step that each step keeps.", 0),
  NACRE_PARAM(rmsprop, epsilon, "1e-7", "(0,inf)", "",
              "Added to the mean square under the root.", 0),
  NACRE_PARAM(rmsprop, centered, "false", NULL, "",
              "Divide by the deviation from the running mean instead.", 0),
};

enum { SQUARE, STEP, MEAN };
static const char *const slot_names[] = { "velocity", "momentum",
                                          "average_gradient" };

/* The mean comes last: a centered run without momentum, which is rare, pays
 * for one slot that it does not use. */
static uint32_t slots(const void *config, double *start) {
  const rmsprop *cfg = config;
  (void)start;
  return cfg->centered ? 3 : cfg->momentum > 0.0 ? 2 : 1;
}

/* Everything in the precision of the tensors. */
typedef struct factors {
  real rate, keep, take, momentum, epsilon;
} factors;

/* w, g, v, mean, moved: [n] */
NACRE_KERNEL
static void plain(int64_t n, factors f, const real *restrict g,
                  real *restrict v, real *restrict w) {
  for (int64_t i = 0; i < n; i++) {
    v[i] = f.keep * v[i] + f.take * (g[i] * g[i]);
    w[i] -= f.rate * g[i] / sqrt(v[i] + f.epsilon);
  }
}

NACRE_KERNEL
static void heavy(int64_t n, factors f, const real *restrict g,
                  real *restrict v, real *restrict moved, real *restrict w) {
  for (int64_t i = 0; i < n; i++) {
    v[i] = f.keep * v[i] + f.take * (g[i] * g[i]);
    real step = f.rate * g[i] / sqrt(v[i] + f.epsilon);
    moved[i] = f.momentum * moved[i] + step;
    w[i] -= moved[i];
  }
}

/* Without momentum f.momentum is 0 and moved the step itself. */
NACRE_KERNEL
static void centered(int64_t n, factors f, const real *restrict g,
                     real *restrict v, real *restrict mean,
                     real *restrict moved, real *restrict w) {
  for (int64_t i = 0; i < n; i++) {
    v[i] = f.keep * v[i] + f.take * (g[i] * g[i]);
    mean[i] = f.keep * mean[i] + f.take * g[i];
    real spread = v[i] - mean[i] * mean[i] + f.epsilon;
    real step = f.rate * g[i] / sqrt(spread);
    moved[i] = f.momentum * moved[i] + step;
    w[i] -= moved[i];
  }
}

static void update(const nacre_opt_run *run) {
  const rmsprop *cfg = run->cfg;
  const factors f = { (real)run->learning_rate, (real)cfg->rho,
                      (real)(1.0 - cfg->rho), (real)cfg->momentum,
                      (real)cfg->epsilon };
  if (cfg->centered) {
    centered(run->n, f, run->g, run->slot[SQUARE], run->slot[MEAN],
             run->slot[STEP], run->w);
  } else if (cfg->momentum > 0.0) {
    heavy(run->n, f, run->g, run->slot[SQUARE], run->slot[STEP], run->w);
  } else {
    plain(run->n, f, run->g, run->slot[SQUARE], run->w);
  }
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
  .name = "rmsprop",
  .summary = "Steps divided by the gradient's running root mean square",
  .doc =
    "v = rho v + (1 - rho) g^2, step = rate g / sqrt(v + epsilon); centered: "
    "v less the square of the running mean of g. With momentum, "
    "m = momentum m + step and w = w - m.\n\n"
    "Tieleman and Hinton, Lecture 6.5, Neural networks for machine learning, "
    "2012; centered: Graves, Generating sequences with recurrent neural "
    "networks, 2013.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(rmsprop),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(rmsprop, component)
