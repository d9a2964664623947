/* SPDX-License-Identifier: MIT */
/* ftrl: follow the regularized leader, for sparse weights. */
#include <nacre/plugin.h>
#include <tgmath.h>

typedef struct ftrl {
  double learning_rate, learning_rate_power, initial_accumulator_value;
  double l1_regularization_strength, l2_regularization_strength;
  double l2_shrinkage_regularization_strength, beta;
} ftrl;

static const nacre_param params[] = {
  NACRE_PARAM_AS(ftrl, learning_rate, "lr", "0.001", "(0,inf)", "",
                 "Size of a step.", NACRE_PARAM_SCHEDULABLE),
  NACRE_PARAM(ftrl, learning_rate_power, "-0.5", "(-inf,0]", "",
              "How steps shrink as squared gradients add up; 0: not at all.",
              0),
  NACRE_PARAM(ftrl, initial_accumulator_value, "0.1", "[0,inf)", "",
              "What the sums of squared gradients start from.", 0),
  NACRE_PARAM(ftrl, l1_regularization_strength, "0", "[0,inf)", "",
              "Penalty of absolute values, which makes weights 0.", 0),
  NACRE_PARAM(ftrl, l2_regularization_strength, "0", "[0,inf)", "",
              "Penalty of squares.", 0),
  NACRE_PARAM(ftrl, l2_shrinkage_regularization_strength, "0", "[0,inf)", "",
              "Penalty of squares that only the direction of a step sees.",
              0),
  NACRE_PARAM(ftrl, beta, "0", "[0,inf)", "",
              "Added to the root of the sum, as the paper's beta.", 0),
};

enum { ACCUMULATOR, LINEAR };
static const char *const slot_names[] = { "accumulator", "linear" };

static uint32_t slots(const void *cfg, double *start) {
  start[ACCUMULATOR] = ((const ftrl *)cfg)->initial_accumulator_value;
  return 2;
}

/* Everything in the precision of the tensors; by_rate: 1 / rate. */
typedef struct factors {
  real by_rate, power, l1, twice_l2, shrinkage;
} factors;

/* One weight: root and was are the new sum and the old one to the power. */
static inline real follow(factors f, real root, real was, real g,
                          real *linear, real w) {
  *linear += g + f.shrinkage * w - (root - was) * f.by_rate * w;
  real l = *linear;
  real kept = l > f.l1 ? f.l1 - l : l < -f.l1 ? -f.l1 - l : 0;
  kept = l == l ? kept : l; /* NaN stays */
  /* Without any gradient so far both may be 0. */
  real size = root * f.by_rate + f.twice_l2;
  return size > 0 ? kept / size : kept;
}

/* w, g, sum, linear: [n] */
NACRE_KERNEL
static void move_by_roots(int64_t n, factors f, const real *restrict g,
                          real *restrict sum, real *restrict linear,
                          real *restrict w) {
  for (int64_t i = 0; i < n; i++) {
    real next = sum[i] + g[i] * g[i];
    w[i] = follow(f, sqrt(next), sqrt(sum[i]), g[i], &linear[i], w[i]);
    sum[i] = next;
  }
}

static void move_by_powers(int64_t n, factors f, const real *restrict g,
                           real *restrict sum, real *restrict linear,
                           real *restrict w) {
  for (int64_t i = 0; i < n; i++) {
    real next = sum[i] + g[i] * g[i];
    w[i] = follow(f, pow(next, f.power), pow(sum[i], f.power), g[i],
                  &linear[i], w[i]);
    sum[i] = next;
  }
}

static void update(const nacre_opt_run *run) {
  const ftrl *cfg = run->cfg;
  double rate = run->learning_rate;
  if (!(rate > 0.0)) {
    return; /* a schedule's end: no step */
  }
  const factors f = {
    (real)(1.0 / rate), (real)-cfg->learning_rate_power,
    (real)cfg->l1_regularization_strength,
    (real)(2.0 * (cfg->l2_regularization_strength +
                  cfg->beta / (2.0 * rate))),
    (real)(2.0 * cfg->l2_shrinkage_regularization_strength)
  };
  bool roots = f.power >= (real)0.5 && f.power <= (real)0.5;
  (roots ? move_by_roots : move_by_powers)(
    run->n, f, run->g, run->slot[ACCUMULATOR], run->slot[LINEAR], run->w);
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
  .name = "ftrl",
  .summary = "Follow the regularized leader, for sparse weights",
  .doc =
    "With n the sum of squared gradients, p = -learning_rate_power and s = "
    "(n_new^p - n_old^p) / rate: z = z + g - s w, w = (clip(z, -l1, l1) - z) "
    "/ (n_new^p / rate + 2 l2 + beta / rate). Weights start anew from "
    "z = 0 at the first step.\n\n"
    "McMahan et al., Ad click prediction: a view from the trenches, KDD "
    "2013.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(ftrl),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(ftrl, component)
