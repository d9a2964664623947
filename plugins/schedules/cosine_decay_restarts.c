/* SPDX-License-Identifier: MIT */
/* cosine_decay_restarts: falls along half a cosine, again and again. */
#include "decay.h"

#define PI 3.14159265358979323846

typedef struct cosine_decay_restarts {
  double initial_learning_rate; /* NaN: the optimizer's */
  nacre_duration first_decay_steps;
  double t_mul, m_mul, alpha;
} cosine_decay_restarts;

static const nacre_param params[] = {
  NACRE_PARAM(cosine_decay_restarts, initial_learning_rate, "null",
              "[0,inf)", "",
              "Where it starts; null: the optimizer's learning_rate.", 0),
  NACRE_PARAM(cosine_decay_restarts, first_decay_steps, NULL, "(0,inf)",
              "steps", "How long the first fall lasts.", 0),
  NACRE_PARAM(cosine_decay_restarts, t_mul, "2", "[1,inf)", "",
              "How many times longer each fall is than the one before.", 0),
  NACRE_PARAM(cosine_decay_restarts, m_mul, "1", "(0,inf)", "",
              "Factor of where each fall starts.", 0),
  NACRE_PARAM(cosine_decay_restarts, alpha, "0", "[0,1]", "",
              "Where falls end, as a share of initial_learning_rate.", 0),
};

/* Falls are counted off one by one: a logarithm would round a step on the
 * edge of two falls into the wrong one. */
static double value(const nacre_schedule_run *run) {
  const cosine_decay_restarts *cfg = run->cfg;
  double start = decay_start(run, cfg->initial_learning_rate);
  double length = decay_steps_of(run, cfg->first_decay_steps);
  double step = (double)run->step;
  double height = 1.0;
  if (cfg->t_mul > 1.0) {
    for (; step >= length; length *= cfg->t_mul) {
      step -= length;
      height *= cfg->m_mul;
    }
  } else {
    height = pow(cfg->m_mul, floor(step / length));
    step = fmod(step, length);
  }
  double share = 0.5 * height * (1.0 + cos(PI * step / length));
  return start * ((1.0 - cfg->alpha) * share + cfg->alpha);
}

static const nacre_schedule_ops ops = {
  .size = sizeof(nacre_schedule_ops),
  .value = value,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_SCHEDULE,
  .contract = 1,
  .name = "cosine_decay_restarts",
  .summary = "Learning rate along half a cosine, again and again",
  .doc =
    "Fall number i lasts first_decay_steps t_mul^i; in it, rate = "
    "initial_learning_rate ((1 - alpha) m_mul^i (1 + cos(pi done)) / 2 + "
    "alpha) with done from 0 to 1.\n\n"
    "Loshchilov and Hutter, SGDR: stochastic gradient descent with warm "
    "restarts, ICLR 2017.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(cosine_decay_restarts),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(cosine_decay_restarts, component)
