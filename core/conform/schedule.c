/* SPDX-License-Identifier: MIT */
/* schedule: the checks of learning-rate schedules. */
#include <math.h>

#include "candidates.h"
#include "kinds.h"

#define CONFIGS 48
#define STEPS 1000

static double value(const nacre_schedule_ops *ops, const void *cfg,
                    int64_t step) {
  nacre_schedule_run run = { sizeof run, 0, cfg, 0.125, step, 10, STEPS };
  return ops->value(&run);
}

static void check_one(nacre_suite *suite, const void *cfg) {
  const nacre_schedule_ops *ops = suite->component->ops;
  /* Beyond the end too: a run may be continued. */
  for (int64_t step = 0; step <= STEPS + 100; step++) {
    double rate = value(ops, cfg, step);
    if (!nacre_suite_check(suite, "finite", isfinite(rate) && rate >= 0,
                           "at step %lld the rate is %g", (long long)step,
                           rate)) {
      return;
    }
  }
  /* Pure: asked in any order, the answers are the same. */
  double late = value(ops, cfg, 700), early = value(ops, cfg, 3);
  nacre_suite_check(suite, "deterministic",
                    value(ops, cfg, 700) == late &&
                      value(ops, cfg, 3) == early,
                    "the rate depends on what was asked before");
}

void nacre_schedule_check(nacre_suite *suite) {
  const nacre_schedule_ops *ops = suite->component->ops;
  if (!nacre_suite_check(suite, "table", ops->value != NULL, "no value()")) {
    return;
  }
  nacre_candidate list[CONFIGS];
  int count = nacre_candidates_base(suite, CONFIGS / 2, list), taken = 0;
  if (count > 0) {
    count += nacre_candidates_vary(suite, list[0].text, CONFIGS - count,
                                   list + count);
  }
  for (int i = 0; i < count; i++) {
    nacre_error_fail fail;
    nacre_suite_forget(suite);
    suite->where = list[i].text;
    if (ops->check != NULL &&
        ops->check(list[i].cfg, nacre_suite_fail(suite, &fail)) !=
          NACRE_OK) {
      nacre_suite_check(suite, "refusal", nacre_suite_problem(suite)[0] != 0,
                        "check() refuses without a reason");
      continue;
    }
    check_one(suite, list[i].cfg);
    taken++;
  }
  suite->where = NULL;
  nacre_suite_check(suite, "cases", taken > 0,
                    "no configuration is accepted");
}
