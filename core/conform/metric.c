/* SPDX-License-Identifier: MIT */
/* metric: the checks of metrics. */
#include <math.h>
#include <string.h>

#include "candidates.h"
#include "kinds.h"
#include "values.h"

#define ROWS 12
#define COLS_MAX 5
#define MARGIN 64
#define CONFIGS 16

/* A metric with a configuration and data for it. */
typedef struct trial {
  nacre_suite *suite;
  const nacre_metric_ops *ops;
  const void *cfg;
  nacre_metric_plan plan;
  unsigned char *state; /* [state_size + MARGIN] */
  int64_t cols, target_cols;
  real y[ROWS * COLS_MAX], target[ROWS * COLS_MAX];
} trial;

/* Shapes and tasks that a metric may be made for. */
static const struct {
  int64_t cols, target_cols;
  int32_t target_rank;
  uint32_t task;
} offers[] = {
  { 5, 5, 1, NACRE_TASK_OTHER },   { 5, 5, 1, NACRE_TASK_CLASSES },
  { 5, 1, 0, NACRE_TASK_INDEX },   { 1, 1, 1, NACRE_TASK_OTHER },
  { 1, 1, 1, NACRE_TASK_CLASSES }, { 2, 1, 0, NACRE_TASK_INDEX },
  { 2, 2, 1, NACRE_TASK_CLASSES }
};
#define OFFERS (sizeof offers / sizeof offers[0])

static void clear(trial *t) {
  memset(t->state, 0, t->plan.state_size);
  memset(t->state + t->plan.state_size, 0xff, MARGIN);
}

static void update(trial *t, const real *y, const real *target,
                   const double *weight, int64_t first, int64_t rows) {
  nacre_suite_device *device = &t->suite->device[0];
  nacre_metric_run run = {
    .size = sizeof run, .math = device->math, .cfg = t->cfg,
    .state = t->state, .rows = rows, .cols = t->cols,
    .target_cols = t->target_cols, .y = y + first * t->cols,
    .target = target + first * t->target_cols,
    .weight = weight == NULL ? NULL : weight + first
  };
  nacre_suite_enter(t->suite, device);
  t->ops->update(&run);
  nacre_suite_leave(t->suite, device);
}

static double result(const trial *t) {
  return t->ops->result(t->cfg, t->state);
}

static bool equal(double a, double b, double tolerance) {
  return (isnan(a) && isnan(b)) || a == b ||
         fabs(a - b) <= tolerance * fmax(1, fabs(a));
}

static void check_weights(trial *t, double expected) {
  static const double zeros[ROWS] = { 0 };
  double ones[ROWS];
  for (int i = 0; i < ROWS; i++) {
    ones[i] = 1;
  }
  clear(t);
  update(t, t->y, t->target, ones, 0, ROWS);
  nacre_suite_check(t->suite, "weights", equal(expected, result(t), 1e-14),
                    "weights of 1 give %.17g, none give %.17g", result(t),
                    expected);
  clear(t);
  update(t, t->y, t->target, ones, 0, ROWS);
  update(t, t->y, t->target, zeros, 0, 5);
  nacre_suite_check(t->suite, "weights", equal(expected, result(t), 1e-12),
                    "rows of weight 0 change %.17g to %.17g", expected,
                    result(t));
}

static void check_order(trial *t, double expected) {
  real y[ROWS * COLS_MAX], target[ROWS * COLS_MAX];
  for (int64_t i = 0; i < ROWS; i++) {
    int64_t from = (i * 5 + 3) % ROWS;
    memcpy(y + i * t->cols, t->y + from * t->cols,
           (size_t)t->cols * sizeof(real));
    memcpy(target + i * t->target_cols, t->target + from * t->target_cols,
           (size_t)t->target_cols * sizeof(real));
  }
  clear(t);
  update(t, y, target, NULL, 0, ROWS);
  nacre_suite_check(t->suite, "row order", equal(expected, result(t), 1e-12),
                    "rows in another order change %.17g to %.17g", expected,
                    result(t));
}

static void check_table(trial *t) {
  int64_t rows = 0, cols = 0;
  if (t->ops->table == NULL) {
    return;
  }
  int status = t->ops->table(t->cfg, t->state, &rows, &cols, NULL);
  if (!nacre_suite_check(t->suite, "table behind it",
                         status == NACRE_OK && rows > 0 && cols > 0 &&
                           rows * cols < 1 << 20,
                         "table() gives no extents")) {
    return;
  }
  size_t n = (size_t)(rows * cols);
  double *table = nacre_suite_alloc(t->suite, n + 1, sizeof *table);
  if (table == NULL) {
    return;
  }
  memset(table, 0xff, (n + 1) * sizeof *table);
  status = t->ops->table(t->cfg, t->state, &rows, &cols, table);
  bool written = status == NACRE_OK;
  for (size_t i = 0; i < n; i++) {
    written = written && !isnan(table[i]);
  }
  nacre_suite_check(t->suite, "table behind it", written && isnan(table[n]),
                    "table() left elements unwritten, or wrote beyond");
}

static void check_one(trial *t) {
  nacre_suite *suite = t->suite;
  clear(t);
  nacre_suite_check(suite, "nothing seen", isnan(result(t)),
                    "without any row the result is %g, not NaN", result(t));
  update(t, t->y, t->target, NULL, 0, ROWS);
  double expected = result(t);
  nacre_suite_check(suite, "result", isfinite(expected),
                    "after 12 rows the result is %g", expected);
  bool intact = true;
  for (int i = 0; i < MARGIN; i++) {
    intact = intact && t->state[t->plan.state_size + (size_t)i] == 0xff;
  }
  nacre_suite_check(suite, "bounds", intact,
                    "update() wrote beyond its state");
  check_table(t);
  nacre_suite_check(suite, "result", equal(expected, result(t), 0),
                    "asked twice, the result differs");
  clear(t);
  update(t, t->y, t->target, NULL, 0, 5);
  update(t, t->y, t->target, NULL, 5, 0);
  update(t, t->y, t->target, NULL, 5, ROWS - 5);
  nacre_suite_check(suite, "tiles", equal(expected, result(t), 0),
                    "in two calls the result is %.17g, in one %.17g",
                    result(t), expected);
  check_weights(t, expected);
  check_order(t, expected);
}

/* Predictions that look like what the task's network gives, every class
 * among the targets. */
static void draw(trial *t, uint32_t task) {
  if (task == NACRE_TASK_OTHER || t->cols == 1) {
    nacre_values_between(t->suite, 0.05, 0.95, ROWS * t->cols, t->y);
  } else {
    nacre_values_simplex(t->suite, ROWS, t->cols, t->y);
  }
  if (task == NACRE_TASK_OTHER) {
    nacre_values_between(t->suite, 0.05, 0.95, ROWS * t->target_cols,
                         t->target);
  }
  for (int64_t row = 0; row < ROWS && task != NACRE_TASK_OTHER; row++) {
    int64_t classes = t->cols == 1 ? 2 : t->cols;
    int64_t class = (row * 7 + row / 3) % classes;
    real *target = t->target + row * t->target_cols;
    if (t->target_cols == 1) {
      target[0] = (real)class;
      continue;
    }
    for (int64_t j = 0; j < t->target_cols; j++) {
      target[j] = (real)(j == class);
    }
  }
}

static bool takes(trial *t, size_t offer) {
  nacre_suite *suite = t->suite;
  nacre_error_fail fail;
  nacre_shape target = nacre_shape_1d(offers[offer].target_cols);
  if (offers[offer].target_rank == 0) {
    target.rank = 0;
    target.dim[0] = 0;
  }
  nacre_suite_forget(suite);
  t->cols = offers[offer].cols;
  t->target_cols = offers[offer].target_cols;
  t->plan = (nacre_metric_plan){
    .size = sizeof t->plan, .task = offers[offer].task, .cfg = t->cfg,
    .y = nacre_shape_1d(offers[offer].cols), .target = target,
    .fail = nacre_suite_fail(suite, &fail)
  };
  int status = t->ops->plan(&t->plan);
  nacre_suite_check(suite, "plan",
                    status == NACRE_OK || nacre_suite_problem(suite)[0] != 0,
                    "plan() refuses without a reason");
  if (status != NACRE_OK) {
    return false;
  }
  t->state = nacre_suite_alloc(suite, t->plan.state_size + MARGIN, 1);
  return t->state != NULL;
}

void nacre_metric_check(nacre_suite *suite) {
  const nacre_metric_ops *ops = suite->component->ops;
  if (!nacre_suite_check(suite, "table",
                         ops->plan != NULL && ops->update != NULL &&
                           ops->result != NULL,
                         "plan, update or result is missing")) {
    return;
  }
  nacre_candidate list[CONFIGS];
  int n = nacre_candidates_all(suite, CONFIGS, list), cases = 0;
  for (int i = 0; i < n; i++) {
    for (size_t j = 0; j < OFFERS; j++) {
      trial t = { .suite = suite, .ops = ops, .cfg = list[i].cfg };
      if (takes(&t, j)) {
        suite->where = nacre_suite_format(
          suite, "%s on [%lld], task %u", list[i].text, (long long)t.cols,
          offers[j].task);
        draw(&t, offers[j].task);
        check_one(&t);
        suite->where = NULL;
        cases++;
      }
    }
  }
  nacre_suite_check(suite, "cases", cases > 0,
                    "no configuration, shape and task is accepted");
}
