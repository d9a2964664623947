/* SPDX-License-Identifier: MIT */
/* schedule_free_adamw: adamw whose weights are an average, in place of a
 * learning rate that falls. */
#include <nacre/plugin.h>
#include <tgmath.h>

typedef struct schedule_free_adamw {
  double learning_rate, beta_1, beta_2, epsilon, weight_decay;
  int64_t warmup_steps;
} schedule_free_adamw;

static const nacre_param params[] = {
  NACRE_PARAM_AS(schedule_free_adamw, learning_rate, "lr", "0.0025",
                 "[0,inf)", "", "Size of a step.", NACRE_PARAM_SCHEDULABLE),
  NACRE_PARAM(schedule_free_adamw, beta_1, "0.9", "(0,1]", "",
              "Share of the average in the weights.", 0),
  NACRE_PARAM(schedule_free_adamw, beta_2, "0.999", "[0,1)", "",
              "Decay of the mean of squared gradients.", 0),
  NACRE_PARAM(schedule_free_adamw, epsilon, "1e-8", "(0,inf)", "",
              "Added to the root of the second moment.", 0),
  NACRE_PARAM(schedule_free_adamw, warmup_steps, "0", "[0,inf)", "steps",
              "Steps in which the learning rate rises to its value.", 0),
  NACRE_PARAM(schedule_free_adamw, weight_decay, "null", "[0,inf)", "",
              "Before each update weights shrink by this times the learning "
              "rate.", 0),
};

enum { POINT, SQUARE };
static const char *const slot_names[] = { "momentum", "velocity" };

static uint32_t slots(const void *cfg, double *start) {
  (void)cfg;
  (void)start;
  return 2;
}

/* Everything in the precision of the tensors: the rate, what the squares take
 * of the new gradient, 1 / their correction, epsilon, beta_1, 1 / step. */
typedef struct factors {
  real rate, take, by_correction, epsilon, beta, share;
} factors;

/* w = beta x + (1 - beta) z: x is the average, which need not be kept. w, g,
 * z, v: [n] */
NACRE_KERNEL
static void move(int64_t n, factors f, const real *restrict g,
                 real *restrict z, real *restrict v, real *restrict w) {
  for (int64_t i = 0; i < n; i++) {
    real x = (w[i] - (1 - f.beta) * z[i]) / f.beta;
    v[i] += f.take * (g[i] * g[i] - v[i]);
    z[i] -= f.rate * g[i] / (sqrt(v[i] * f.by_correction) + f.epsilon);
    x = (1 - f.share) * x + f.share * z[i];
    w[i] = (1 - f.beta) * z[i] + f.beta * x;
  }
}

/* z starts from the weights, before they decayed for the first time. */
static void start(const nacre_opt_run *run) {
  const schedule_free_adamw *cfg = run->cfg;
  double decay = isnan(cfg->weight_decay)
                   ? 0.0 : run->learning_rate * cfg->weight_decay;
  real undo = decay < 1.0 ? (real)(1.0 / (1.0 - decay)) : 1;
  for (int64_t i = 0; i < run->n; i++) {
    run->slot[POINT][i] = undo * run->w[i];
  }
}

static void begin(const void *config, double learning_rate, int64_t step,
                  double *scalar) {
  const schedule_free_adamw *cfg = config;
  (void)learning_rate;
  scalar[0] = 1.0 / (1.0 - pow(cfg->beta_2, (double)step));
}

static void update(const nacre_opt_run *run) {
  const schedule_free_adamw *cfg = run->cfg;
  double step = (double)run->step, warm = (double)cfg->warmup_steps;
  double rate = run->learning_rate * (step < warm ? step / warm : 1.0);
  const factors f = { (real)rate, (real)(1.0 - cfg->beta_2),
                      (real)run->scalar[0], (real)cfg->epsilon,
                      (real)cfg->beta_1, (real)(1.0 / step) };
  if (run->step == 1) {
    start(run);
  }
  move(run->n, f, run->g, run->slot[POINT], run->slot[SQUARE], run->w);
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
  .name = "schedule_free_adamw",
  .summary = "AdamW that averages weights, in place of a schedule",
  .doc =
    "v = b2 v + (1 - b2) g^2, z = z - rate g / (sqrt(v / (1 - b2^t)) + "
    "epsilon), x = (1 - 1/t) x + z / t, w = (1 - b1) z + b1 x at step t; "
    "x and z start from w. Use no schedule of the learning rate with it.\n\n"
    "Defazio et al., The road less scheduled, NeurIPS 2024.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(schedule_free_adamw),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(schedule_free_adamw, component)
