/* SPDX-License-Identifier: MIT */
/* test_golden_transforms: samples through transforms that leave nothing to
 * chance. */
#include "golden.h"

static real *sample_of(const golden *g, const char *key, nacre_shape *shape) {
  const json_t *tensor = golden_member(g, key);
  const json_t *dims = json_object_get(tensor, "shape");
  *shape = (nacre_shape){ .dtype = NACRE_REAL };
  shape->rank = (int32_t)json_array_size(dims);
  for (int32_t i = 0; i < shape->rank; i++) {
    shape->dim[i] =
      (int64_t)golden_number(json_array_get(dims, (size_t)i));
  }
  return golden_reals(g, json_object_get(tensor, "data"), NULL);
}

/* Planned, opened, and run. */
static void run_case(golden *g, const nacre_choice *chosen,
                     const nacre_shape *in, const real *x,
                     const nacre_shape *out, real *y) {
  const nacre_transform_ops *ops = chosen->component->ops;
  const nacre_key key = { { 3, 4 }, { 5, 6 } };
  nacre_fail *fail = golden_fail();
  const void *cfg = chosen->cfg;
  void *self = NULL;
  double state[NACRE_TRANSFORM_START] = { 0 };
  nacre_transform_plan plan = { .size = sizeof(plan), .cfg = cfg,
                                .in = { .name = "x", .shape = *in },
                                .fail = fail, .out = *in };
  ck_assert_int_eq(ops->plan(&plan), NACRE_OK);
  golden_check(g, nacre_shape_equal(&plan.out, out),
               "the planned shape is another");
  ck_assert_int_eq(plan.state_count, 0);
  if (ops->open != NULL) {
    ck_assert_int_eq(ops->open(nacre_registry_host(g->registry), cfg, in,
                               &self, fail), NACRE_OK);
    cfg = self;
  }
  if (json_is_true(json_object_get(g->at, "still"))) {
    ck_assert(ops->still != NULL);
    ops->still(cfg, in, state, 1, x, y, fail);
  } else {
    ops->apply(cfg, in, state, key, 1, x, y, fail);
  }
  if (self != NULL) {
    ops->close(self);
  }
}

START_TEST(values) {
  golden g;
  golden_open(&g, "transforms");
  while (golden_next(&g)) {
    nacre_shape in, out;
    nacre_choice chosen = golden_choose(&g, NACRE_KIND_TRANSFORM);
    const real *x = sample_of(&g, "x", &in);
    (void)sample_of(&g, "y", &out);
    int64_t n = nacre_shape_count(&out);
    real *y = golden_alloc(&g, n, sizeof(*y));
    run_case(&g, &chosen, &in, x, &out, y);
    golden_near_reals(&g, "y",
                      json_object_get(golden_member(&g, "y"), "data"), n, y);
  }
  golden_close(&g);
}
END_TEST

Suite *test_golden_transforms_suite(void) {
  Suite *suite = suite_create("golden transforms");
  TCase *tests = tcase_create("transforms");
  tcase_add_test(tests, values);
  suite_add_tcase(suite, tests);
  return suite;
}
