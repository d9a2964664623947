/* SPDX-License-Identifier: MIT */
/* test_golden_schedules: learning rates at some steps. */
#include "golden.h"

START_TEST(values) {
  golden g;
  golden_open(&g, "schedules");
  const json_t *steps = golden_shared(&g, "steps");
  while (golden_next(&g)) {
    nacre_choice chosen = golden_choose(&g, NACRE_KIND_SCHEDULE);
    const nacre_schedule_ops *ops = chosen.component->ops;
    double *got = golden_alloc(&g, (int64_t)json_array_size(steps),
                               sizeof *got);
    nacre_schedule_run run = {
      .size = sizeof(nacre_schedule_run),
      .cfg = chosen.cfg,
      .base = golden_number(golden_shared(&g, "base")),
      .steps_per_epoch =
        (int64_t)golden_number(golden_shared(&g, "steps_per_epoch")),
      .total_steps = (int64_t)golden_number(golden_shared(&g, "total_steps")),
    };
    if (ops->check != NULL) {
      ck_assert_int_eq(ops->check(chosen.cfg, golden_fail()), NACRE_OK);
    }
    for (size_t i = 0; i < json_array_size(steps); i++) {
      run.step = (int64_t)golden_number(json_array_get(steps, i));
      got[i] = ops->value(&run);
    }
    golden_near(&g, "rate", golden_member(&g, "values"),
                (int64_t)json_array_size(steps), got);
  }
  golden_close(&g);
}
END_TEST

Suite *test_golden_schedules_suite(void) {
  Suite *suite = suite_create("golden schedules");
  TCase *tests = tcase_create("schedules");
  tcase_add_test(tests, values);
  suite_add_tcase(suite, tests);
  return suite;
}
