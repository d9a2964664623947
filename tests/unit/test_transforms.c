/* SPDX-License-Identifier: MIT */
/* test_transforms: each transform fitted on blocks of odd sizes, applied, and
 * undone. */
#include "plugin_fixture.h"

#define STATE_MAX 4096

typedef struct fitted {
  const nacre_component *component;
  const nacre_transform_ops *ops;
  const void *cfg;
  nacre_shape in, out;
  double state[STATE_MAX];
  fixture_fail fail;
  int passes;
} fitted;

static fitted t;
static const nacre_key no_key = { { 0, 0 }, { 0, 0 } };

static int plan(nacre_shape in, int64_t classes) {
  nacre_transform_plan p = { .size = sizeof(p), .cfg = t.cfg,
                             .fail = &t.fail.base };
  p.in.name = "x";
  p.in.shape = p.out = in;
  p.in.classes = classes;
  t.ops = t.component->ops;
  t.fail = fixture_fail_new();
  t.in = in;
  int status = t.ops->plan(&p);
  t.out = p.out;
  ck_assert_int_le(p.state_count, STATE_MAX);
  memset(t.state, 0, sizeof(t.state));
  for (int i = 0; i < NACRE_TRANSFORM_START && i < p.state_count; i++) {
    t.state[i] = p.start[i];
  }
  return status;
}

/* Streams x, [n, in], past in blocks of three samples. */
static int fit(const real *x, int64_t n) {
  int64_t width = nacre_shape_count(&t.in);
  int more = 1;
  for (t.passes = 0; more == 1 && t.passes < 100; t.passes++) {
    for (int64_t i = 0; i < n; i += 3) {
      int64_t block = n - i < 3 ? n - i : 3;
      t.ops->fit(t.cfg, &t.in, t.state, t.passes, block, x + i * width,
                 &t.fail.base);
    }
    more = t.ops->fit(t.cfg, &t.in, t.state, t.passes, 0, NULL,
                      &t.fail.base);
  }
  return more;
}

static void expect(int64_t n, const real *x, const real *expected,
                   double tolerance) {
  real out[256];
  int status = t.ops->apply(t.cfg, &t.in, t.state, no_key, n, x, out,
                            &t.fail.base);
  ck_assert_msg(status == NACRE_OK, "%s", t.fail.text);
  for (int64_t i = 0; i < n * nacre_shape_count(&t.out); i++) {
    if (isnan(expected[i])) {
      ck_assert(isnan(out[i]));
    } else {
      ck_assert_double_le(fabs((double)out[i] - (double)expected[i]),
                          tolerance);
    }
  }
  if (t.ops->invert != NULL) {
    t.ops->invert(t.cfg, &t.in, t.state, n, out, out);
    for (int64_t i = 0; i < n * nacre_shape_count(&t.in); i++) {
      ck_assert(isnan(x[i]) ? isnan(out[i])
                            : fabs((double)out[i] - (double)x[i]) <=
                                1e-5 * (1 + fabs((double)x[i])));
    }
  }
}

static void take(const char *name, void *cfg) {
  t.component = fixture_component("transforms", name, name);
  t.cfg = cfg;
}

#define CFG(name, ...) \
  fixture_cfg(fixture_component("transforms", name, name), __VA_ARGS__)

START_TEST(rescale) {
  take("rescale", CFG("rescale", "scale", "0.25", "offset", "-1.5", NULL));
  ck_assert_int_eq(plan(nacre_shape_2d(1, 3), 0), NACRE_OK);
  expect(2, (real[]){ 1, 2, 3, 4, NAN, 255 },
         (real[]){ -1.25f, -1, -0.75f, -0.5f, NAN, 62.25f }, 0);
}
END_TEST

/* Columns: 2.385 + {0, 1, 2, 5}; all equal; one missing. */
static const real table[] = { 2.385f, 7, NAN, 3.385f, 7, 1,
                              4.385f, 7, 5,   7.385f, 7, 3 };

START_TEST(standardize_each_feature) {
  double s = sqrt(3.5), m = 2;
  take("standardize", CFG("standardize", NULL));
  ck_assert_int_eq(plan(nacre_shape_1d(3), 0), NACRE_OK);
  ck_assert_int_eq(fit(table, 4), 0);
  ck_assert_int_eq(t.passes, 1);
  double r = sqrt(8.0 / 3);
  expect(4, table,
         (real[]){ (real)(-m / s), 0, NAN, (real)((1 - m) / s), 0,
                   (real)(-2 / r), (real)((2 - m) / s), 0, (real)(2 / r),
                   (real)((5 - m) / s), 0, 0 }, 1e-6);
}
END_TEST

START_TEST(standardize_all_at_once) {
  take("standardize", CFG("standardize", "axis", "all", NULL));
  ck_assert_int_eq(plan(nacre_shape_2d(2, 1), 0), NACRE_OK);
  ck_assert_int_eq(fit((real[]){ 1, 2, 3, 4, 5, 6, 7, 8 }, 4), 0);
  ck_assert_double_eq_tol(t.state[0], 4.5, 1e-12);
  ck_assert_double_eq_tol(t.state[1], sqrt(5.25), 1e-12);
  expect(1, (real[]){ 4.5f, 6 }, (real[]){ 0, (real)(1.5 / sqrt(5.25)) },
         1e-6);
}
END_TEST

/* A mean of a million and a deviation of one: the naive formula fails. */
START_TEST(standardize_far_from_zero) {
  take("standardize", CFG("standardize", NULL));
  ck_assert_int_eq(plan(nacre_shape_1d(1), 0), NACRE_OK);
  ck_assert_int_eq(fit((real[]){ 1000001, 999999, 1000001, 999999 }, 4), 0);
  ck_assert_double_eq_tol(t.state[1], 1, 1e-9);
}
END_TEST

START_TEST(min_max) {
  take("min_max", CFG("min_max", "low", "-1", NULL));
  ck_assert_int_eq(plan(nacre_shape_1d(3), 0), NACRE_OK);
  ck_assert_int_eq(fit(table, 4), 0);
  expect(4, table,
         (real[]){ -1, -1, NAN, -0.6f, -1, -1, -0.2f, -1, 1, 1, -1, 0 },
         1e-6);
  t.cfg = CFG("min_max", "low", "3", NULL);
  ck_assert_int_eq(plan(nacre_shape_1d(3), 0), NACRE_ERROR);
  ck_assert_str_eq(t.fail.text, "'low' must be below 'high'");
}
END_TEST

START_TEST(one_hot) {
  nacre_shape scalar = { { 0, 0, 0, 0, 0, 0 }, 0, NACRE_REAL };
  real out[9];
  take("one_hot", CFG("one_hot", NULL));
  ck_assert_int_eq(plan(scalar, 3), NACRE_OK);
  ck_assert_int_eq(t.out.rank, 1);
  ck_assert_int_eq(t.out.dim[0], 3);
  expect(3, (real[]){ 2, 0, 1 }, (real[]){ 0, 0, 1, 1, 0, 0, 0, 1, 0 }, 0);
  static const real bad[] = { -1, 3, 0.5f, NAN, 1e30f };
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    ck_assert_int_eq(t.ops->apply(t.cfg, &t.in, t.state, no_key, 1, &bad[i],
                                  out, &t.fail.base), NACRE_ERROR);
  }
  ck_assert_int_eq(plan(nacre_shape_1d(1), 3), NACRE_OK);
  ck_assert_int_eq(t.out.rank, 1);
  ck_assert_int_eq(plan(nacre_shape_1d(4), 3), NACRE_OK);
  ck_assert_int_eq(t.out.rank, 2);
  ck_assert_int_eq(t.out.dim[1], 3);
  ck_assert_int_eq(plan(scalar, 0), NACRE_ERROR);
  t.cfg = CFG("one_hot", "classes", "2", NULL);
  ck_assert_int_eq(plan(scalar, 3), NACRE_ERROR);
  ck_assert_str_eq(t.fail.text, "'x' has 3 classes, but 'classes' is 2");
}
END_TEST

static const struct {
  const char *strategy;
  double first, second; /* what fills the two columns below */
} strategies[] = {
  { "mean", 1.25, -2.0 / 7 },
  { "median", 1.75, -1 },
  { "most_frequent", 2.5, -1 },
  { "constant", 9, 9 },
};

static const real holes[] = { 2.5f, -1, NAN,   3,   1, -1, 2.5f, -5,
                              -1,   -1, -1e9f, NAN, 0, 2,  1e9f, 1 };

START_TEST(impute) {
  real data[16];
  memcpy(data, holes, sizeof(data));
  /* Without its extremes, the first column: 2.5 1 2.5 -1 0 and 2.5. */
  data[10] = 2.5f;
  data[14] = (real)NAN;
  const char *strategy = strategies[_i].strategy;
  take("impute", CFG("impute", "strategy", strategy, "value", "9", NULL));
  ck_assert_int_eq(plan(nacre_shape_1d(2), 0), NACRE_OK);
  if (strcmp(strategy, "constant") != 0) {
    int status = fit(data, 8);
    ck_assert_msg(status == 0, "%s", t.fail.text);
  }
  expect(2, (real[]){ NAN, NAN, 4, NAN },
         (real[]){ (real)strategies[_i].first, (real)strategies[_i].second,
                   4, (real)strategies[_i].second }, 1e-6);
}
END_TEST

static int compare_reals(const void *a, const void *b) {
  real x = *(const real *)a, y = *(const real *)b;
  return (x > y) - (x < y);
}

/* Against sorting, over sizes, signs and magnitudes. */
START_TEST(median_is_exact) {
  real data[200], sorted[200];
  int64_t n = 1 + _i * 7;
  for (int64_t i = 0; i < n; i++) {
    uint32_t words[4];
    nacre_random_block(no_key, (uint64_t)(i + 1000 * _i), words);
    double unit = (double)words[0] / 4294967296.0 - 0.5;
    data[i] = sorted[i] = (real)(_i % 3 == 0 ? floor(unit * 6)
                                             : ldexp(unit, (int)(words[1] % 40)
                                                           - 20));
  }
  qsort(sorted, (size_t)n, sizeof(sorted[0]), compare_reals);
  double expected = ((double)sorted[(n - 1) / 2] + (double)sorted[n / 2]) / 2;
  take("impute", CFG("impute", "strategy", "median", NULL));
  ck_assert_int_eq(plan(nacre_shape_1d(1), 0), NACRE_OK);
  ck_assert_int_eq(fit(data, n), 0);
  ck_assert_double_eq(t.state[0], expected);
}
END_TEST

START_TEST(impute_refuses_what_it_cannot_know) {
  real data[200];
  take("impute", CFG("impute", NULL));
  ck_assert_int_eq(plan(nacre_shape_1d(1), 0), NACRE_OK);
  ck_assert_int_eq(fit((real[]){ NAN, NAN }, 2), NACRE_ERROR);
  ck_assert_str_eq(t.fail.text, "feature 0 is missing in every training "
                                "sample");
  for (int i = 0; i < 200; i++) {
    data[i] = (real)i;
  }
  t.cfg = CFG("impute", "strategy", "most_frequent", NULL);
  ck_assert_int_eq(plan(nacre_shape_1d(1), 0), NACRE_OK);
  ck_assert_int_eq(fit(data, 200), NACRE_ERROR);
  /* One value in five among many others is found. */
  for (int i = 0; i < 200; i += 5) {
    data[i] = 77.5f;
  }
  ck_assert_int_eq(plan(nacre_shape_1d(1), 0), NACRE_OK);
  ck_assert_int_eq(fit(data, 200), 0);
  ck_assert_double_eq(t.state[0], 77.5);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("transforms");
  TCase *tests = tcase_create("transforms");
  tcase_add_test(tests, rescale);
  tcase_add_test(tests, standardize_each_feature);
  tcase_add_test(tests, standardize_all_at_once);
  tcase_add_test(tests, standardize_far_from_zero);
  tcase_add_test(tests, min_max);
  tcase_add_test(tests, one_hot);
  tcase_add_loop_test(tests, impute, 0,
                      sizeof(strategies) / sizeof(strategies[0]));
  tcase_add_loop_test(tests, median_is_exact, 0, 28);
  tcase_add_test(tests, impute_refuses_what_it_cannot_know);
  suite_add_tcase(suite, tests);
  return fixture_run(suite);
}
