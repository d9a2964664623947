/* SPDX-License-Identifier: MIT */
/* test_golden_metrics: results over batches, with and without weights. */
#include "golden.h"

#include <math.h>
#include <string.h>

static uint32_t task_of(const char *word) {
  return strcmp(word, "index") == 0     ? NACRE_TASK_INDEX
         : strcmp(word, "classes") == 0 ? NACRE_TASK_CLASSES
                                        : NACRE_TASK_OTHER;
}

/* An input of the case: it names one of the file's arrays, or is null. */
static const json_t *array_of(const golden *g, const char *key) {
  const json_t *name = golden_member(g, key);
  return json_is_null(name)
           ? NULL
           : json_object_get(golden_shared(g, "arrays"),
                             json_string_value(name));
}

/* Plans for rows of the case's widths; gives the zeroed state. */
static void *plan_state(golden *g, const nacre_choice *chosen) {
  const nacre_metric_ops *ops = chosen->component->ops;
  nacre_metric_plan plan = {
    .size = sizeof(nacre_metric_plan),
    .task = task_of(json_string_value(golden_member(g, "task"))),
    .cfg = chosen->cfg,
    .y = nacre_shape_1d(golden_int(g, "cols")),
    .target = nacre_shape_1d(golden_int(g, "target_cols")),
    .fail = golden_fail(),
  };
  ck_assert_int_eq(ops->plan(&plan), NACRE_OK);
  return golden_alloc(g, 1, plan.state_size);
}

static void check_table(golden *g, const nacre_choice *chosen,
                        const void *state) {
  const nacre_metric_ops *ops = chosen->component->ops;
  int64_t rows, cols;
  ck_assert(ops->table != NULL);
  ck_assert_int_eq(ops->table(chosen->cfg, state, &rows, &cols, NULL),
                   NACRE_OK);
  double *table = golden_alloc(g, rows * cols, sizeof *table);
  ck_assert_int_eq(ops->table(chosen->cfg, state, &rows, &cols, table),
                   NACRE_OK);
  golden_near(g, "table", golden_member(g, "table"), rows * cols, table);
}

static void check_case(golden *g) {
  nacre_choice chosen = golden_choose(g, NACRE_KIND_METRIC);
  const nacre_metric_ops *ops = chosen.component->ops;
  const json_t *batches = golden_shared(g, "batches");
  const json_t *weight = array_of(g, "weight");
  nacre_metric_run run = {
    .size = sizeof(nacre_metric_run),
    .math = g->math,
    .cfg = chosen.cfg,
    .state = plan_state(g, &chosen),
    .cols = golden_int(g, "cols"),
    .target_cols = golden_int(g, "target_cols"),
    .y = golden_reals(g, array_of(g, "y"), NULL),
    .target = golden_reals(g, array_of(g, "target"), NULL),
    .weight = weight != NULL ? golden_doubles(g, weight, NULL) : NULL,
  };
  golden_check(g, isnan(ops->result(chosen.cfg, run.state)),
               "the result of nothing is not NaN");
  for (size_t i = 0; i < json_array_size(batches); i++) {
    run.rows = (int64_t)golden_number(json_array_get(batches, i));
    ops->update(&run);
    run.y += run.rows * run.cols;
    run.target += run.rows * run.target_cols;
    run.weight += run.weight != NULL ? run.rows : 0;
  }
  double result = ops->result(chosen.cfg, run.state);
  double want = golden_number(golden_member(g, "result"));
  golden_check(g, fabs(result - want) <= GOLDEN_TOLERANCE * fmax(1.0, want),
               "the result is %.17g, expected %.17g", result, want);
  if (json_object_get(g->at, "table") != NULL) {
    check_table(g, &chosen, run.state);
  }
}

START_TEST(results) {
  golden_each("metrics", check_case);
}
END_TEST

Suite *test_golden_metrics_suite(void) {
  Suite *suite = suite_create("golden metrics");
  TCase *tests = tcase_create("metrics");
  tcase_add_test(tests, results);
  suite_add_tcase(suite, tests);
  return suite;
}
