/* SPDX-License-Identifier: MIT */
/* piecewise_constant_decay: learning rates by a table. */
#include <nacre/plugin.h>

typedef struct piecewise_constant_decay {
  nacre_floats boundaries; /* [n], rising */
  nacre_floats values;     /* [n + 1] */
  nacre_enum unit;
} piecewise_constant_decay;

#define EPOCHS 1 /* the second word of `unit` */

static const nacre_param params[] = {
  NACRE_PARAM(piecewise_constant_decay, boundaries, NULL, "[0,inf)", "",
              "The last step, or epoch, of each value but the last.", 0),
  NACRE_PARAM(piecewise_constant_decay, values, NULL, "[0,inf)", "",
              "Learning rates, one more than boundaries.", 0),
  NACRE_PARAM(piecewise_constant_decay, unit, "steps", "steps|epochs", "",
              "What boundaries count.", 0),
};

static int check(const void *config, nacre_fail *fail) {
  const piecewise_constant_decay *cfg = config;
  if (cfg->values.n != cfg->boundaries.n + 1) {
    fail->fail(fail, NULL,
               "values must be one more than boundaries, not %lld and %lld",
               (long long)cfg->values.n, (long long)cfg->boundaries.n);
    return NACRE_ERROR;
  }
  for (int64_t i = 1; i < cfg->boundaries.n; i++) {
    if (!(cfg->boundaries.at[i - 1] < cfg->boundaries.at[i])) {
      fail->fail(fail, NULL, "boundaries must rise, but %g follows %g",
                 cfg->boundaries.at[i], cfg->boundaries.at[i - 1]);
      return NACRE_ERROR;
    }
  }
  return NACRE_OK;
}

static double value(const nacre_schedule_run *run) {
  const piecewise_constant_decay *cfg = run->cfg;
  const double unit =
    cfg->unit.value == EPOCHS ? (double)run->steps_per_epoch : 1.0;
  int64_t i = 0;
  while (i < cfg->boundaries.n &&
         (double)run->step > cfg->boundaries.at[i] * unit) {
    i++;
  }
  return cfg->values.at[i];
}

static const nacre_schedule_ops ops = {
  .size = sizeof(nacre_schedule_ops),
  .value = value,
  .check = check,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_SCHEDULE,
  .contract = 1,
  .name = "piecewise_constant_decay",
  .summary = "Learning rates by a table",
  .doc = "rate = values[i] with i the number of boundaries that the step is "
         "beyond: the first value holds up to the first boundary, that step "
         "included.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(piecewise_constant_decay),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(piecewise_constant_decay, component)
