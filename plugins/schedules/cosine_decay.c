/* SPDX-License-Identifier: MIT */
/* cosine_decay: a learning rate that falls along half a cosine, after a
 * straight rise if asked. */
#include "decay.h"

#define PI 3.14159265358979323846

typedef struct cosine_decay {
  double initial_learning_rate; /* NaN: by the rules of ends_of() */
  nacre_duration decay_steps;   /* 0: the rest of the training */
  double alpha;
  double warmup_target;         /* NaN: by the same rules */
  nacre_duration warmup_steps;
} cosine_decay;

static const nacre_param params[] = {
  NACRE_PARAM(cosine_decay, initial_learning_rate, "null", "[0,inf)", "",
              "Where it starts; null: the optimizer's learning_rate, or 0 "
              "with a warmup.", 0),
  NACRE_PARAM(cosine_decay, decay_steps, "0", "[0,inf)", "steps",
              "How long it falls; 0: to the end of the training.", 0),
  NACRE_PARAM(cosine_decay, alpha, "0", "[0,1]", "",
              "Where it ends, as a share of where the fall began.", 0),
  NACRE_PARAM(cosine_decay, warmup_target, "null", "[0,inf)", "",
              "Where a warmup ends; null: the optimizer's learning_rate.", 0),
  NACRE_PARAM_AS(cosine_decay, warmup_steps, "warmup", "0", "[0,inf)",
                 "steps", "How long it rises before it falls.", 0),
};

/* From `start` up to `top` in the warmup, from `top` down after it. */
typedef struct ends {
  double start, top;
} ends;

static ends ends_of(const nacre_schedule_run *run) {
  const cosine_decay *cfg = run->cfg;
  bool rises = cfg->warmup_steps.count > 0.0;
  double first = cfg->initial_learning_rate;
  ends e = { isnan(first) ? 0.0 : first, cfg->warmup_target };
  if (!rises) {
    e.top = decay_start(run, first);
  } else if (isnan(e.top)) {
    e.top = run->base;
  }
  return e;
}

static double value(const nacre_schedule_run *run) {
  const cosine_decay *cfg = run->cfg;
  const ends e = ends_of(run);
  double step = (double)run->step;
  double warmup = decay_steps_of(run, cfg->warmup_steps);
  double length = cfg->decay_steps.count > 0.0
                    ? decay_steps_of(run, cfg->decay_steps)
                    : (double)run->total_steps - warmup;
  if (step < warmup) {
    return (e.top - e.start) * (step / warmup) + e.start;
  }
  double done = step - warmup < length ? (step - warmup) / length : 1.0;
  double share = 0.5 * (1.0 + cos(PI * done));
  return e.top * ((1.0 - cfg->alpha) * share + cfg->alpha);
}

static const nacre_schedule_ops ops = {
  .size = sizeof(nacre_schedule_ops),
  .value = value,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_SCHEDULE,
  .contract = 1,
  .name = "cosine_decay",
  .summary = "Learning rate along half a cosine, after a warmup if asked",
  .doc =
    "rate = top ((1 - alpha) (1 + cos(pi done)) / 2 + alpha), where done goes "
    "from 0 to 1 in decay_steps and top is initial_learning_rate. With a "
    "warmup the rate first goes straight from initial_learning_rate to "
    "warmup_target, which then is top.\n\n"
    "Loshchilov and Hutter, SGDR: stochastic gradient descent with warm "
    "restarts, ICLR 2017.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(cosine_decay),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(cosine_decay, component)
