/* SPDX-License-Identifier: MIT */
/* test_golden_losses: each row's loss and gradient, against golden values,
 * against central differences, and in the forms that a host may ask for. */
#include "golden.h"

#include <math.h>
#include <string.h>

/* A loss with room for everything it may write. */
typedef struct bench {
  const nacre_loss_ops *ops;
  nacre_loss_run run;
  real *y, *dy, *prob;   /* [rows, cols] */
  double *loss, *weight; /* [rows] */
  int64_t n;             /* rows * cols */
  int64_t group;         /* rows that have one loss */
} bench;

/* `y` is changed by some tests, so it is not shared. */
static bench make_bench(golden *g, const nacre_choice *chosen, int64_t rows,
                        int64_t cols) {
  bench b = { .ops = chosen->component->ops, .n = rows * cols, .group = 1 };
  b.y = golden_alloc(g, b.n, sizeof(real));
  b.dy = golden_alloc(g, b.n, sizeof(real));
  b.prob = golden_alloc(g, b.n, sizeof(real));
  b.loss = golden_alloc(g, rows, sizeof(double));
  b.weight = golden_alloc(g, rows, sizeof(double));
  b.run = (nacre_loss_run){ .size = sizeof(nacre_loss_run),
                            .math = g->math,
                            .cfg = chosen->cfg,
                            .rows = rows,
                            .cols = cols,
                            .y = b.y,
                            .scale = 1.0,
                            .loss = b.loss,
                            .dy = b.dy,
                            .sample_rows = 1 };
  return b;
}

/* Losses of samples or of a batch are not tried on other shapes. */
static bool is_whole(const golden *g) {
  return json_object_get(g->at, "sample") != NULL;
}

/* "sample": the shape of y, per sample, where more than rows matters.
 * `size`: reals of all targets. */
static void read_sample(golden *g, const nacre_choice *chosen, bench *b,
                        int64_t size) {
  const json_t *dims = json_object_get(g->at, "sample");
  nacre_shape *shape = golden_alloc(g, 1, sizeof *shape);
  *shape = nacre_shape_1d(b->run.cols);
  b->run.shape = shape;
  if (dims == NULL) {
    return;
  }
  shape->rank = (int32_t)json_array_size(dims);
  for (int32_t i = 0; i < shape->rank; i++) {
    shape->dim[i] = (int64_t)golden_number(json_array_get(dims, (size_t)i));
  }
  b->run.sample_rows = nacre_shape_count(shape) / b->run.cols;
  int64_t samples = b->run.rows / b->run.sample_rows;
  bool batch = (b->ops->flags & NACRE_LOSS_BATCH) != 0;
  b->group = batch ? b->run.rows : b->run.sample_rows;
  b->run.target_size = size / samples;
  nacre_shape target = b->run.target_size == nacre_shape_count(shape)
                         ? *shape : nacre_shape_1d(b->run.target_size);
  ck_assert_int_eq(b->ops->plan(chosen->cfg, shape, &target, golden_fail()),
                   NACRE_OK);
  if (b->ops->scratch != NULL) {
    int64_t bytes = b->ops->scratch(chosen->cfg, shape, &target,
                                    batch ? samples : 1);
    b->run.scratch = golden_alloc(g, bytes, 1);
  }
}

/* The bench of the case that `g` is at. */
static bench case_bench(golden *g) {
  nacre_choice chosen = golden_choose(g, NACRE_KIND_LOSS);
  bench b = make_bench(g, &chosen, golden_int(g, "rows"),
                       golden_int(g, "cols"));
  memcpy(b.y, golden_reals(g, golden_member(g, "y"), NULL),
         (size_t)b.n * sizeof(real));
  int64_t size;
  b.run.target = golden_reals(g, golden_member(g, "target"), &size);
  b.run.on_logits = (int32_t)golden_int(g, "on_logits");
  read_sample(g, &chosen, &b, size);
  return b;
}

static void check_values(golden *g) {
  bench b = case_bench(g);
  b.ops->rows(&b.run);
  golden_check(g, b.run.fault == 0, "a fault at row %lld",
               (long long)b.run.fault_row);
  golden_near(g, "loss", golden_member(g, "loss"), b.run.rows, b.loss);
  golden_near_reals(g, "dy", golden_member(g, "dy"), b.n, b.dy);
}

START_TEST(values) {
  golden_each("losses", check_values);
}
END_TEST

/* A row's gradient is multiplied by its weight, or all by the scale. Of rows
 * that have one loss the mean weight counts; here they have the same. */
static void check_factors(golden *g) {
  bench b = case_bench(g);
  const double *plain = golden_doubles(g, golden_member(g, "dy"), NULL);
  json_t *scaled = json_array(), *weighted = json_array();
  for (int64_t i = 0; i < b.n; i++) {
    int64_t row = i / b.run.cols;
    b.weight[row] = 0.25 + (double)(row / b.group);
    json_array_append_new(scaled, json_real(0.375 * plain[i]));
    json_array_append_new(weighted, json_real(b.weight[row] * plain[i]));
  }
  b.run.scale = 0.375;
  b.ops->rows(&b.run);
  golden_near_reals(g, "scaled dy", scaled, b.n, b.dy);
  b.run.weight = b.weight;
  b.ops->rows(&b.run);
  golden_near_reals(g, "weighted dy", weighted, b.n, b.dy);
  golden_near(g, "weighted loss", golden_member(g, "loss"), b.run.rows,
              b.loss);
  json_decref(scaled);
  json_decref(weighted);
}

START_TEST(factors) {
  golden_each("losses", check_factors);
}
END_TEST

/* The activation that the loss undoes, of y. */
static const real *undone(golden *g, const bench *b) {
  const nacre_component *act = nacre_registry_find(
    g->registry, NACRE_KIND_ACTIVATION, b->ops->undoes, "cpu", 0, &g->error);
  real *prob = golden_alloc(g, b->n, sizeof *prob);
  ck_assert_ptr_nonnull(act);
  const nacre_activation_ops *ops = act->ops;
  ops->call.forward(g->math, NULL, b->run.rows, b->run.cols, b->y, prob);
  return prob;
}

static void same(golden *g, const char *what, int64_t n, const double *a,
                 const double *b) {
  for (int64_t i = 0; i < n; i++) {
    golden_check(g, fabs(a[i] - b[i]) <= 1e-6 * fmax(1.0, fabs(b[i])),
                 "%s[%lld] is %.17g, elsewhere %.17g", what, (long long)i,
                 a[i], b[i]);
  }
}

static void same_reals(golden *g, const char *what, int64_t n, const real *a,
                       const real *b) {
  for (int64_t i = 0; i < n; i++) {
    golden_check(g, fabs((double)a[i] - (double)b[i]) <= 1e-6,
                 "%s[%lld] is %.17g, elsewhere %.17g", what, (long long)i,
                 (double)a[i], (double)b[i]);
  }
}

/* Whatever is wanted, what is written is the same. */
static void check_forms(golden *g, bench *b) {
  double *loss = golden_alloc(g, b->run.rows, sizeof *loss);
  real *dy = golden_alloc(g, b->n, sizeof *dy);
  b->ops->rows(&b->run);
  memcpy(loss, b->loss, (size_t)b->run.rows * sizeof *loss);
  memcpy(dy, b->dy, (size_t)b->n * sizeof *dy);
  b->run.dy = NULL;
  b->ops->rows(&b->run);
  same(g, "loss without gradient", b->run.rows, b->loss, loss);
  if (!b->run.on_logits) {
    return;
  }
  const real *prob = undone(g, b);
  b->run.prob = b->prob;
  b->ops->rows(&b->run);
  same(g, "loss with probabilities alone", b->run.rows, b->loss, loss);
  same_reals(g, "probability", b->n, b->prob, prob);
  memset(b->prob, 0, (size_t)b->n * sizeof *b->prob);
  b->run.dy = b->dy;
  b->ops->rows(&b->run);
  same(g, "loss with everything", b->run.rows, b->loss, loss);
  same_reals(g, "gradient with everything", b->n, b->dy, dy);
  same_reals(g, "probability with everything", b->n, b->prob, prob);
}

static void check_case_forms(golden *g) {
  bench b = case_bench(g);
  check_forms(g, &b);
}

START_TEST(forms) {
  golden_each("losses", check_case_forms);
}
END_TEST

/* The case's loss again on rows of `cols`, more than any room on a stack. */
static bench wide_bench(golden *g, int64_t rows, int64_t cols) {
  nacre_choice chosen = golden_choose(g, NACRE_KIND_LOSS);
  bench b = make_bench(g, &chosen, rows, cols);
  bool index = (b.ops->flags & NACRE_LOSS_INDEX) != 0;
  bool logits = golden_int(g, "on_logits") != 0;
  real *target = golden_alloc(g, b.n, sizeof *target);
  for (int64_t i = 0; i < b.n; i++) {
    double wave = sin(1.7 * (double)i + 0.3);
    b.y[i] = (real)(logits ? 3.0 * wave : 0.5 + 0.45 * wave);
    target[i] = (real)(index ? (i * 7) % cols : (i * i) % 5 == 0);
  }
  b.run.target = target;
  b.run.on_logits = logits;
  return b;
}

static void check_wide(golden *g) {
  if (is_whole(g)) {
    return;
  }
  bench b = wide_bench(g, 3, 611);
  check_forms(g, &b);
  /* One row by itself is that row among others. */
  double loss = b.loss[1];
  bench one = wide_bench(g, 3, 611);
  one.run.y += 611;
  one.run.target += (one.ops->flags & NACRE_LOSS_INDEX) != 0 ? 1 : 611;
  one.run.rows = 1;
  one.ops->rows(&one.run);
  same(g, "loss of a row", 1, one.loss, &loss);
  same_reals(g, "gradient of a row", 611, one.dy, b.dy + 611);
}

START_TEST(wide_rows) {
  golden_each("losses", check_wide);
}
END_TEST

static int checked; /* by the test that runs: each has its own process */

/* Bad indices are faults: the first is named, none has loss or gradient. */
static void check_bad_targets(golden *g) {
  static const double bad[] = { -1.0, 1e30, 0.5, NAN, -INFINITY };
  bench b = wide_bench(g, 5, 3);
  if ((b.ops->flags & NACRE_LOSS_INDEX) == 0 || is_whole(g)) {
    return;
  }
  checked++;
  for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++) {
    const real targets[] = { 0, 2, (real)bad[k], 2, 3 };
    b.run.target = targets;
    b.run.fault = 0;
    b.ops->rows(&b.run);
    golden_check(g, b.run.fault == 1 && b.run.fault_row == 2,
                 "target %g is no fault at row 2", bad[k]);
    golden_check(g, b.loss[2] == 0.0 && b.dy[6] == 0 && b.dy[8] == 0,
                 "target %g has a loss", bad[k]);
    golden_check(g, b.loss[3] > 0.0, "the row after it has none");
  }
}

START_TEST(bad_targets) {
  checked = 0;
  golden_each("losses", check_bad_targets);
  ck_assert_int_gt(checked, 0);
}
END_TEST

#ifdef NACRE_DOUBLE

/* The sum of the losses that element `i` may have a part in, with that moved
 * by `by`. */
static double moved(bench *b, int64_t i, double by) {
  const double kept = b->y[i];
  int64_t first = i / b->run.cols / b->group * b->group;
  double sum = 0.0;
  b->y[i] = kept + by;
  b->ops->rows(&b->run);
  b->y[i] = kept;
  for (int64_t row = first; row < first + b->group; row++) {
    sum += b->loss[row];
  }
  return sum;
}

/* dy against differences of fourth order. Where the slopes on both sides
 * differ there is a kink and nothing to compare. Returns how many were. */
static int check_slopes(golden *g, bench *b) {
  const double h = 2e-5;
  int found = 0;
  double scale = 1e-3;
  b->ops->rows(&b->run);
  double *dy = golden_alloc(g, b->n, sizeof *dy);
  memcpy(dy, b->dy, (size_t)b->n * sizeof *dy);
  b->run.dy = NULL;
  for (int64_t i = 0; i < b->n; i++) {
    scale = fmax(scale, fabs(dy[i]));
  }
  for (int64_t i = 0; i < b->n; i++) {
    double right = moved(b, i, h), left = moved(b, i, -h);
    double far = moved(b, i, 2 * h) - moved(b, i, -2 * h);
    double here = moved(b, i, 0.0);
    double slope = (8.0 * (right - left) - far) / (12.0 * h);
    if (fabs((right - here) - (here - left)) > 1e-2 * h * scale) {
      continue;
    }
    found++;
    golden_check(g, fabs(slope - dy[i]) <= 1e-7 * scale,
                 "dy[%lld] is %.12g, differences say %.12g", (long long)i,
                 dy[i], slope);
  }
  return found;
}

static int elements; /* as `checked`, with the corners */

static void check_differences(golden *g) {
  bench b = case_bench(g);
  checked += check_slopes(g, &b);
  elements += (int)b.n;
  if (!is_whole(g)) {
    bench wide = wide_bench(g, 1, 300);
    checked += check_slopes(g, &wide);
    elements += (int)wide.n;
  }
}

START_TEST(differences) {
  checked = elements = 0;
  golden_each("losses", check_differences);
  ck_assert_int_gt(checked, elements - elements / 20);
}
END_TEST

#endif

Suite *test_golden_losses_suite(void) {
  Suite *suite = suite_create("golden losses");
  TCase *tests = tcase_create("losses");
  tcase_set_timeout(tests, 60.0);
  tcase_add_test(tests, values);
  tcase_add_test(tests, factors);
  tcase_add_test(tests, forms);
  tcase_add_test(tests, wide_rows);
  tcase_add_test(tests, bad_targets);
#ifdef NACRE_DOUBLE
  tcase_add_test(tests, differences);
#endif
  suite_add_tcase(suite, tests);
  return suite;
}
