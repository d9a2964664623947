/* SPDX-License-Identifier: MIT */
/* adamw: adam with weights that decay apart from the gradient. The decay is
 * the host's: it takes weight_decay out of this table as it would take it out
 * of the YAML of any optimizer, and shrinks w before update(). What is left
 * here is adam, written out because a plugin needs no other file. */
#include <nacre/plugin.h>
#include <tgmath.h>

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
  NACRE_PARAM(adamw, epsilon, "1e-7", "[0,inf)", "",
              "Added to the root of the second moment.", 0),
  NACRE_PARAM(adamw, amsgrad, "false", NULL, "",
              "Scale by the largest second moment so far.", 0),
};

enum { MEAN, SQUARE, LARGEST };
static const char *const slot_names[] = { "momentum", "velocity",
                                          "velocity_hat" };

static uint32_t slots(const void *cfg, double *start) {
  (void)start;
  return ((const adamw *)cfg)->amsgrad ? 3 : 2;
}

/* scalar[0] corrects the step for both moments having started at 0. */
static void begin(const void *config, double learning_rate, int64_t step,
                  double *scalar) {
  const adamw *cfg = config;
  const double t = (double)step;
  (void)learning_rate;
  scalar[0] = sqrt(1.0 - pow(cfg->beta_2, t)) / (1.0 - pow(cfg->beta_1, t));
}

/* Everything in the precision of the tensors. */
typedef struct factors {
  real alpha, mean, square, epsilon;
} factors;

/* w, g, m, v: [n] */
NACRE_KERNEL
static void plain(int64_t n, factors f, const real *restrict g,
                  real *restrict m, real *restrict v, real *restrict w) {
  for (int64_t i = 0; i < n; i++) {
    m[i] += f.mean * (g[i] - m[i]);
    v[i] += f.square * (g[i] * g[i] - v[i]);
    w[i] -= f.alpha * m[i] / (sqrt(v[i]) + f.epsilon);
  }
}

NACRE_KERNEL
static void amsgrad(int64_t n, factors f, const real *restrict g,
                    real *restrict m, real *restrict v, real *restrict top,
                    real *restrict w) {
  for (int64_t i = 0; i < n; i++) {
    m[i] += f.mean * (g[i] - m[i]);
    v[i] += f.square * (g[i] * g[i] - v[i]);
    top[i] = v[i] > top[i] ? v[i] : top[i];
    w[i] -= f.alpha * m[i] / (sqrt(top[i]) + f.epsilon);
  }
}

static void update(const nacre_opt_run *run) {
  const adamw *cfg = run->cfg;
  const factors f = { (real)(run->learning_rate * run->scalar[0]),
                      (real)(1.0 - cfg->beta_1), (real)(1.0 - cfg->beta_2),
                      (real)cfg->epsilon };
  if (cfg->amsgrad) {
    amsgrad(run->n, f, run->g, run->slot[MEAN], run->slot[SQUARE],
            run->slot[LARGEST], run->w);
  } else {
    plain(run->n, f, run->g, run->slot[MEAN], run->slot[SQUARE], run->w);
  }
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
