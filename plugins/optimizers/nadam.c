/* SPDX-License-Identifier: MIT */
/* nadam: adam that looks ahead along its momentum. */
#include <nacre/plugin.h>
#include <tgmath.h>

typedef struct nadam {
  double learning_rate, beta_1, beta_2, epsilon;
} nadam;

static const nacre_param params[] = {
  NACRE_PARAM_AS(nadam, learning_rate, "lr", "0.001", "[0,inf)", "",
                 "Size of a step.", NACRE_PARAM_SCHEDULABLE),
  NACRE_PARAM(nadam, beta_1, "0.9", "[0,1)", "",
              "Decay of the mean of gradients.", 0),
  NACRE_PARAM(nadam, beta_2, "0.999", "[0,1)", "",
              "Decay of the mean of squared gradients.", 0),
  NACRE_PARAM(nadam, epsilon, "1e-7", "(0,inf)", "",
              "Added to the root of the second moment.", 0),
};

enum { MEAN, SQUARE };
static const char *const slot_names[] = { "momentum", "velocity" };

static uint32_t slots(const void *cfg, double *start) {
  (void)cfg;
  (void)start;
  return 2;
}

/* The product of all momenta so far, and the factors of the mean, of the
 * gradient and of the second moment in this step. */
enum { PRODUCT, OF_MEAN, OF_GRADIENT, OF_SQUARE };

/* Momentum grows towards beta_1 from half of it. */
static double momentum_at(const nadam *cfg, double step) {
  return cfg->beta_1 * (1.0 - 0.5 * pow(0.96, step));
}

static void begin(const void *config, double learning_rate, int64_t step,
                  double *scalar) {
  const nadam *cfg = config;
  const double t = (double)step;
  const double now = momentum_at(cfg, t), next = momentum_at(cfg, t + 1.0);
  (void)learning_rate;
  scalar[PRODUCT] = (step == 1 ? 1.0 : scalar[PRODUCT]) * now;
  scalar[OF_MEAN] = next / (1.0 - scalar[PRODUCT] * next);
  scalar[OF_GRADIENT] = (1.0 - now) / (1.0 - scalar[PRODUCT]);
  scalar[OF_SQUARE] = 1.0 / (1.0 - pow(cfg->beta_2, t));
}

/* Everything in the precision of the tensors. */
typedef struct factors {
  real rate, mean, square, of_mean, of_gradient, of_square, epsilon;
} factors;

/* w, g, m, v: [n] */
NACRE_KERNEL
static void move(int64_t n, factors f, const real *restrict g,
                 real *restrict m, real *restrict v, real *restrict w) {
  for (int64_t i = 0; i < n; i++) {
    m[i] += f.mean * (g[i] - m[i]);
    v[i] += f.square * (g[i] * g[i] - v[i]);
    real ahead = f.of_mean * m[i] + f.of_gradient * g[i];
    w[i] -= f.rate * ahead / (sqrt(f.of_square * v[i]) + f.epsilon);
  }
}

static void update(const nacre_opt_run *run) {
  const nadam *cfg = run->cfg;
  const double *scalar = run->scalar;
  const factors f = { (real)run->learning_rate,
                      (real)(1.0 - cfg->beta_1),
                      (real)(1.0 - cfg->beta_2),
                      (real)scalar[OF_MEAN],
                      (real)scalar[OF_GRADIENT],
                      (real)scalar[OF_SQUARE],
                      (real)cfg->epsilon };
  move(run->n, f, run->g, run->slot[MEAN], run->slot[SQUARE], run->w);
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
  .name = "nadam",
  .summary = "Adam that looks ahead along its momentum",
  .doc =
    "With momentum u(t) = b1 (1 - 0.96^t / 2) and its product U(t): "
    "m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2, "
    "h = u(t+1) m / (1 - U(t) u(t+1)) + (1 - u(t)) g / (1 - U(t)), "
    "w = w - rate h / (sqrt(v / (1 - b2^t)) + epsilon).\n\n"
    "Dozat, Incorporating Nesterov momentum into Adam, ICLR workshop 2016.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(nadam),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(nadam, component)
