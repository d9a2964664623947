/* SPDX-License-Identifier: MIT */
/* sgd: stochastic gradient descent, with momentum of either kind. */
#include <nacre/plugin.h>

typedef struct sgd {
  double learning_rate, momentum;
  bool nesterov;
} sgd;

static const nacre_param params[] = {
  NACRE_PARAM_AS(sgd, learning_rate, "lr", "0.01", "[0,inf)", "",
                 "Size of a step.", NACRE_PARAM_SCHEDULABLE),
  NACRE_PARAM(sgd, momentum, "0", "[0,1]", "",
              "Share of the previous step that each step keeps.", 0),
  NACRE_PARAM(sgd, nesterov, "false", NULL, "",
              "Look ahead along the momentum before each step.", 0),
};

static uint32_t slots(const void *cfg, double *start) {
  (void)start;
  return ((const sgd *)cfg)->momentum > 0.0 ? 1 : 0;
}

/* w, g, m: [n] */
NACRE_KERNEL
static void plain(int64_t n, real rate, const real *restrict g,
                  real *restrict w) {
  for (int64_t i = 0; i < n; i++) {
    w[i] -= rate * g[i];
  }
}

NACRE_KERNEL
static void heavy(int64_t n, real rate, real momentum, const real *restrict g,
                  real *restrict m, real *restrict w) {
  for (int64_t i = 0; i < n; i++) {
    m[i] = momentum * m[i] - rate * g[i];
    w[i] += m[i];
  }
}

NACRE_KERNEL
static void ahead(int64_t n, real rate, real momentum, const real *restrict g,
                  real *restrict m, real *restrict w) {
  for (int64_t i = 0; i < n; i++) {
    m[i] = momentum * m[i] - rate * g[i];
    w[i] += momentum * m[i] - rate * g[i];
  }
}

static void update(const nacre_opt_run *run) {
  const sgd *cfg = run->cfg;
  const real rate = (real)run->learning_rate;
  const real momentum = (real)cfg->momentum;
  if (!(cfg->momentum > 0.0)) {
    plain(run->n, rate, run->g, run->w);
  } else if (cfg->nesterov) {
    ahead(run->n, rate, momentum, run->g, run->slot[0], run->w);
  } else {
    heavy(run->n, rate, momentum, run->g, run->slot[0], run->w);
  }
}

static const char *const slot_names[] = { "momentum" };

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
  .name = "sgd",
  .summary = "Gradient descent, with momentum if asked",
  .doc =
    "w = w - rate g, or with momentum m = momentum m - rate g and w = w + m; "
    "nesterov: w = w + momentum m - rate g.\n\n"
    "Sutskever, Martens, Dahl and Hinton, On the importance of initialization "
    "and momentum in deep learning, ICML 2013.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(sgd),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(sgd, component)
