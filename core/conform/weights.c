/* SPDX-License-Identifier: MIT */
/* weights: the checks of what is done to weights: initializers, regularizers,
 * constraints. */
#include <math.h>
#include <string.h>

#include "candidates.h"
#include "kinds.h"
#include "slope.h"
#include "values.h"

#define MOST 256 /* elements of the largest shape below */
#define MARGIN 16
#define CONFIGS 24

static const nacre_shape shapes[] = {
  { { 7, 5 }, 2, NACRE_REAL },
  { { 3, 2, 4, 6 }, 4, NACRE_REAL },
  { { 5 }, 1, NACRE_REAL },
  { { 6, 6 }, 2, NACRE_REAL },
  { { 2, 9 }, 2, NACRE_REAL }
};
#define SHAPES ((int)(sizeof shapes / sizeof shapes[0]))

static bool margin_intact(const real *x) {
  for (int i = 0; i < MARGIN; i++) {
    if (!isnan((double)x[i])) {
      return false;
    }
  }
  return true;
}

static const char *where(nacre_suite *suite, const nacre_candidate *with,
                         const nacre_shape *shape) {
  const char *text = nacre_suite_format(suite, "%s on [", with->text);
  for (int32_t i = 0; i < shape->rank && text != NULL; i++) {
    text = nacre_suite_format(suite, "%s%s%lld", text, i > 0 ? ", " : "",
                              (long long)shape->dim[i]);
  }
  return text == NULL ? NULL : nacre_suite_format(suite, "%s]", text);
}

/* Initializers. */

static int fill(nacre_suite *suite, const void *cfg,
                const nacre_shape *shape, uint32_t tag, int device,
                real *out) {
  const nacre_initializer_ops *ops = suite->component->ops;
  nacre_error_fail fail;
  nacre_suite_forget(suite);
  nacre_values_poison(MOST + MARGIN, out);
  int64_t count = nacre_shape_count(shape), last = nacre_shape_last(shape);
  nacre_init_run run = {
    .size = sizeof run, .math = suite->device[device].math, .cfg = cfg,
    .shape = *shape, .fan_in = count / last, .fan_out = last,
    .key = { { 3, 5 }, { 0, tag } }, .fail = nacre_suite_fail(suite, &fail),
    .out = out, .alloc = nacre_alloc, .free = nacre_free
  };
  nacre_suite_enter(suite, &suite->device[device]);
  int status = ops->fill(&run);
  nacre_suite_leave(suite, &suite->device[device]);
  return status;
}

/* False when it refuses the shape. */
static bool check_fill(nacre_suite *suite, const void *cfg,
                       const nacre_shape *shape) {
  real first[MOST + MARGIN], again[MOST + MARGIN];
  int64_t n = nacre_shape_count(shape);
  if (fill(suite, cfg, shape, 1, 0, first) != NACRE_OK) {
    nacre_suite_check(suite, "refusal", nacre_suite_problem(suite)[0] != 0,
                      "fill() refuses without a reason");
    return false;
  }
  int64_t bad = nacre_values_not_finite(n, first);
  nacre_suite_check(suite, "written", bad < 0,
                    "element %lld is unwritten or not finite",
                    (long long)bad);
  nacre_suite_check(suite, "bounds", margin_intact(first + n),
                    "fill() wrote beyond the shape");
  fill(suite, cfg, shape, 1, 0, again);
  nacre_suite_check(suite, "deterministic",
                    nacre_values_differ(n, first, again, 0) < 0,
                    "the same key gives other numbers");
  fill(suite, cfg, shape, 1, NACRE_SUITE_DEVICES - 1, again);
  nacre_suite_check(suite, "threads",
                    nacre_values_differ(n, first, again, 0) < 0,
                    "more threads give other numbers");
  /* Numbers that differ among themselves come from the stream, or from a
   * pattern of zeros and ones; then another key must be felt. */
  bool pattern = true;
  for (int64_t i = 0; i < n; i++) {
    pattern = pattern && (first[i] == first[0] || first[i] == 0 ||
                          first[0] == 0);
  }
  fill(suite, cfg, shape, 2, 0, again);
  nacre_suite_check(suite, "random",
                    pattern || nacre_values_differ(n, first, again, 0) >= 0,
                    "another key gives the same numbers");
  return true;
}

void nacre_initializer_check(nacre_suite *suite) {
  const nacre_initializer_ops *ops = suite->component->ops;
  if (!nacre_suite_check(suite, "table", ops->fill != NULL, "no fill()")) {
    return;
  }
  nacre_candidate list[CONFIGS];
  int n = nacre_candidates_all(suite, CONFIGS, list), cases = 0;
  for (int i = 0; i < n; i++) {
    for (int j = 0; j < SHAPES; j++) {
      suite->where = where(suite, &list[i], &shapes[j]);
      cases += check_fill(suite, list[i].cfg, &shapes[j]) ? 1 : 0;
    }
  }
  suite->where = NULL;
  nacre_suite_check(suite, "cases", cases > 0,
                    "no configuration and shape is accepted");
}

/* Regularizers. */

static double penalty(nacre_suite *suite, const void *cfg,
                      const nacre_shape *shape, int device, const real *w,
                      real *dw) {
  const nacre_regularizer_ops *ops = suite->component->ops;
  nacre_suite_enter(suite, &suite->device[device]);
  double value = ops->penalty(suite->device[device].math, cfg, shape, w, dw);
  nacre_suite_leave(suite, &suite->device[device]);
  return value;
}

/* One element of a weight that is differentiated by. */
typedef struct probe {
  nacre_suite *suite;
  const void *cfg;
  const nacre_shape *shape;
  real *w;
  int64_t i;
} probe;

static double slope(void *ctx, double up, double down) {
  probe *at = ctx;
  real was = at->w[at->i];
  at->w[at->i] = (real)((double)was + up);
  double distance = (double)at->w[at->i];
  double high = penalty(at->suite, at->cfg, at->shape, 0, at->w, NULL);
  at->w[at->i] = (real)((double)was - down);
  distance -= (double)at->w[at->i];
  double low = penalty(at->suite, at->cfg, at->shape, 0, at->w, NULL);
  at->w[at->i] = was;
  return (high - low) / distance;
}

static void check_penalty(nacre_suite *suite, const void *cfg,
                          const nacre_shape *shape) {
  real w[MOST], kept[MOST], before[MOST], dw[MOST + MARGIN];
  real again[MOST + MARGIN];
  int64_t n = nacre_shape_count(shape);
  nacre_values_spaced(suite, n, w);
  nacre_values_spaced(suite, n, before);
  memcpy(kept, w, (size_t)n * sizeof *w);
  nacre_values_poison(MOST + MARGIN, dw);
  memcpy(dw, before, (size_t)n * sizeof *w);
  memcpy(again, dw, sizeof dw);
  double value = penalty(suite, cfg, shape, 0, w, dw);
  double alone = penalty(suite, cfg, shape, 0, w, NULL);
  double threads = penalty(suite, cfg, shape, NACRE_SUITE_DEVICES - 1, w,
                           again);
  nacre_suite_check(suite, "value", isfinite(value) && value >= 0,
                    "the penalty is %g", value);
  nacre_suite_check(suite, "value", value == alone,
                    "without dw the penalty is %.17g, not %.17g", alone,
                    value);
  nacre_suite_check(suite, "threads",
                    value == threads &&
                      nacre_values_differ(n, dw, again, 0) < 0,
                    "more threads give other bits");
  nacre_suite_check(suite, "inputs unchanged",
                    memcmp(w, kept, (size_t)n * sizeof *w) == 0,
                    "penalty() changed the weights");
  nacre_suite_check(suite, "bounds", margin_intact(dw + n),
                    "penalty() wrote beyond dw");
  double scale = 0.1;
  for (int64_t i = 0; i < n; i++) {
    scale = fmax(scale, fabs((double)dw[i] - (double)before[i]));
  }
  for (int64_t i = 0; i < n; i++) {
    double numeric, given = (double)dw[i] - (double)before[i];
    probe at = { suite, cfg, shape, w, i };
    int found = nacre_slope_compare(slope, &at, (double)w[i], given, scale,
                                    &numeric);
    nacre_suite_check(suite, "gradient", found == NACRE_SLOPE_RIGHT,
                      "at w = %.9g it adds %.9g, central differences give "
                      "%.9g", (double)w[i], given, numeric);
  }
}

void nacre_regularizer_check(nacre_suite *suite) {
  const nacre_regularizer_ops *ops = suite->component->ops;
  if (!nacre_suite_check(suite, "table", ops->penalty != NULL,
                         "no penalty()")) {
    return;
  }
  nacre_candidate list[CONFIGS];
  int n = nacre_candidates_all(suite, CONFIGS, list);
  nacre_suite_check(suite, "cases", n > 0, "no configuration is accepted");
  for (int i = 0; i < n; i++) {
    for (int j = 0; j < SHAPES; j++) {
      suite->where = where(suite, &list[i], &shapes[j]);
      check_penalty(suite, list[i].cfg, &shapes[j]);
    }
  }
  suite->where = NULL;
}

/* Constraints. */

static void project(nacre_suite *suite, const void *cfg,
                    const nacre_shape *shape, int device, real *w) {
  const nacre_constraint_ops *ops = suite->component->ops;
  nacre_suite_enter(suite, &suite->device[device]);
  ops->project(suite->device[device].math, cfg, shape, w);
  nacre_suite_leave(suite, &suite->device[device]);
}

/* True when it moved the weights. */
static bool check_project(nacre_suite *suite, const void *cfg, bool partial,
                          const nacre_shape *shape) {
  real w[MOST + MARGIN], once[MOST + MARGIN], other[MOST + MARGIN];
  int64_t n = nacre_shape_count(shape);
  nacre_values_poison(MOST + MARGIN, w);
  nacre_values_spaced(suite, n, w);
  memcpy(once, w, sizeof w);
  project(suite, cfg, shape, 0, once);
  nacre_suite_check(suite, "written", nacre_values_not_finite(n, once) < 0,
                    "project() makes a weight NaN or infinite");
  nacre_suite_check(suite, "bounds", margin_intact(once + n),
                    "project() wrote beyond the weights");
  memcpy(other, w, sizeof w);
  project(suite, cfg, shape, NACRE_SUITE_DEVICES - 1, other);
  nacre_suite_check(suite, "threads",
                    nacre_values_differ(n, once, other, 0) < 0,
                    "more threads give other bits");
  memcpy(other, once, sizeof once);
  project(suite, cfg, shape, 0, other);
  nacre_suite_check(suite, "idempotent",
                    partial || nacre_values_differ(n, once, other, 1e-5) < 0,
                    "projected twice, the weights are others than once");
  memset(other, 0, (size_t)n * sizeof *other);
  project(suite, cfg, shape, 0, other);
  nacre_suite_check(suite, "written", nacre_values_not_finite(n, other) < 0,
                    "project() makes weights of 0 NaN or infinite");
  return nacre_values_differ(n, w, once, 0) >= 0;
}

void nacre_constraint_check(nacre_suite *suite) {
  const nacre_constraint_ops *ops = suite->component->ops;
  if (!nacre_suite_check(suite, "table", ops->project != NULL,
                         "no project()")) {
    return;
  }
  nacre_candidate list[CONFIGS];
  int n = nacre_candidates_all(suite, CONFIGS, list);
  bool moved = false;
  for (int i = 0; i < n; i++) {
    for (int j = 0; j < SHAPES; j++) {
      suite->where = where(suite, &list[i], &shapes[j]);
      /* A "rate" below 1 goes only part of the way each time. */
      bool partial = strstr(list[i].text, "rate: ") != NULL;
      moved = check_project(suite, list[i].cfg, partial, &shapes[j]) || moved;
    }
  }
  suite->where = NULL;
  nacre_suite_check(suite, "cases", n > 0 && moved,
                    "no configuration moves any weights");
}
