/* SPDX-License-Identifier: MIT */
/* transform: the checks of transforms: samples of several shapes, in place
 * and not, and for random ones many keys. */
#include <math.h>
#include <string.h>

#include "candidates.h"
#include "kinds.h"
#include "values.h"

#define ROWS 6
#define MOST (64 * ROWS)
#define OUT_MOST 65536 /* elements of a transformed sample */
#define CONFIGS 16

/* A transform planned for a shape, and fitted. */
typedef struct trial {
  nacre_suite *suite;
  const nacre_transform_ops *ops;
  nacre_transform_plan plan;
  const void *cfg; /* or what open() made of it */
  void *self;
  int64_t in, out; /* reals of a sample */
  double *state;
  bool varies;     /* with the key */
  real x[MOST];    /* [ROWS, in] */
} trial;

static const nacre_shape sample_shapes[] = {
  { { 5 }, 1, NACRE_REAL },
  { { 5, 4, 3 }, 3, NACRE_REAL },
  { { 0 }, 0, NACRE_REAL },
  { { 1 }, 1, NACRE_REAL },
  { { 4, 5, 1 }, 3, NACRE_REAL }
};

/* As the host does: a random transform sees a sample at a time. */
static int apply(trial *t, uint32_t tag, int64_t n, const real *x,
                 real *out) {
  nacre_error_fail fail;
  nacre_key key = { { 11, 13 }, { 0, tag } };
  nacre_fail *to = nacre_suite_fail(t->suite, &fail);
  bool random = (t->ops->flags & NACRE_TRANSFORM_RANDOM) != 0;
  int64_t step = random ? 1 : n;
  int status = NACRE_OK;
  nacre_suite_forget(t->suite);
  for (int64_t i = 0; i < n && status == NACRE_OK; i += step) {
    status = t->ops->apply(t->cfg, &t->plan.in.shape, t->state,
                           random ? nacre_key_split(key, (uint32_t)i) : key,
                           step, x + i * t->in, out + i * t->out, to);
  }
  return status;
}

static bool fit(trial *t) {
  int status = t->plan.state_count > 0 && t->ops->fit != NULL ? 1 : 0;
  nacre_error_fail fail;
  nacre_fail *failing = nacre_suite_fail(t->suite, &fail);
  for (int32_t pass = 0; status == 1 && pass < 16; pass++) {
    status = t->ops->fit(t->cfg, &t->plan.in.shape, t->state, pass,
                         ROWS, t->x, failing);
    if (status != NACRE_ERROR) {
      status = t->ops->fit(t->cfg, &t->plan.in.shape, t->state, pass, 0,
                           NULL, failing);
    }
  }
  nacre_suite_check(t->suite, "refusal",
                    status != NACRE_ERROR ||
                      nacre_suite_problem(t->suite)[0] != '\0',
                    "fit() fails without a reason");
  nacre_suite_check(t->suite, "fit", status != 1,
                    "fit() wants more than 16 passes");
  return status == NACRE_OK;
}

static void check_invert(trial *t, const real *y) {
  real back[MOST];
  if (t->ops->invert == NULL ||
      t->ops->invert(t->cfg, &t->plan.in.shape, t->state, ROWS, y,
                     back) != NACRE_OK) {
    return;
  }
  int64_t i = nacre_values_differ(ROWS * t->in, t->x, back, 1e-4);
  nacre_suite_check(t->suite, "invert", i < 0,
                    "apply() and invert() turn %.9g into %.9g",
                    i < 0 ? 0 : (double)t->x[i],
                    i < 0 ? 0 : (double)back[i]);
}

/* Whether what apply() or still() wrote is whole and within its rows. */
static void check_written(trial *t, const char *what, const real *y) {
  int64_t n = ROWS * t->out;
  int64_t bad = nacre_values_not_finite(n, y);
  nacre_suite_check(t->suite, "written", bad < 0,
                    "%s: element %lld is unwritten or not finite", what,
                    (long long)bad);
  nacre_suite_check(t->suite, "bounds",
                    isnan((double)y[n]) && isnan((double)y[n + 15]),
                    "%s wrote beyond its rows", what);
}

/* What is drawn must stay within the sample for every key, and only a random
 * transform draws. */
static void check_random(trial *t, const real *first, real *again) {
  nacre_suite *suite = t->suite;
  int64_t n = ROWS * t->out;
  bool random = (t->ops->flags & NACRE_TRANSFORM_RANDOM) != 0;
  for (uint32_t tag = 2; tag < (random ? 34 : 3); tag++) {
    nacre_values_poison(n + 16, again);
    apply(t, tag, ROWS, t->x, again);
    check_written(t, "apply()", again);
    t->varies = t->varies || nacre_values_differ(n, first, again, 0) >= 0;
  }
  nacre_suite_check(suite, "random", random || !t->varies,
                    "not flagged RANDOM, but it reads the key");
  nacre_suite_check(suite, "still",
                    !random || t->ops->still != NULL ||
                      nacre_shape_equal(&t->plan.in.shape, &t->plan.out),
                    "it changes the shape, and has no still()");
  if (!random || t->ops->still == NULL) {
    return;
  }
  nacre_error_fail fail;
  nacre_values_poison(n + 16, again);
  if (t->ops->still(t->cfg, &t->plan.in.shape, t->state, ROWS, t->x, again,
                    nacre_suite_fail(suite, &fail)) == NACRE_OK) {
    check_written(t, "still()", again);
  }
}

/* False when the data does not suit it, which it may say. */
static bool check_transform(trial *t) {
  nacre_suite *suite = t->suite;
  int64_t n = ROWS * t->out;
  real *first = nacre_suite_alloc(suite, (size_t)n + 16, sizeof *first);
  real *again = nacre_suite_alloc(suite, (size_t)n + 16, sizeof *again);
  if (first == NULL || again == NULL || !fit(t)) {
    return false;
  }
  nacre_values_poison(n + 16, first);
  if (apply(t, 1, ROWS, t->x, first) != NACRE_OK) {
    nacre_suite_check(suite, "refusal", nacre_suite_problem(suite)[0] != 0,
                      "apply() fails without a reason");
    return false;
  }
  check_written(t, "apply()", first);
  apply(t, 1, ROWS, t->x, again);
  nacre_suite_check(suite, "deterministic",
                    nacre_values_differ(n, first, again, 0) < 0,
                    "the same key gives other samples");
  check_random(t, first, again);
  if (nacre_shape_equal(&t->plan.in.shape, &t->plan.out) &&
      (t->ops->flags & NACRE_TRANSFORM_APART) == 0) {
    memcpy(again, t->x, (size_t)n * sizeof *again);
    apply(t, 1, ROWS, again, again);
    nacre_suite_check(suite, "in place",
                      nacre_values_differ(n, first, again, 0) < 0,
                      "with out = x it gives other samples");
  }
  check_invert(t, first);
  return true;
}

/* Its instance, where it makes one. */
static bool open_transform(trial *t) {
  nacre_error_fail fail;
  t->cfg = t->plan.cfg;
  if (t->ops->open == NULL) {
    return true;
  }
  nacre_suite_forget(t->suite);
  if (t->ops->open(nacre_registry_host(t->suite->registry), t->cfg,
                   &t->plan.in.shape, &t->self,
                   nacre_suite_fail(t->suite, &fail)) != NACRE_OK) {
    nacre_suite_check(t->suite, "refusal",
                      nacre_suite_problem(t->suite)[0] != 0,
                      "open() refuses without a reason");
    return false;
  }
  t->cfg = t->self;
  return true;
}

static bool plan_transform(trial *t, const void *cfg,
                           const nacre_shape *shape, bool index) {
  nacre_suite *suite = t->suite;
  nacre_error_fail fail;
  nacre_suite_forget(suite);
  t->plan = (nacre_transform_plan){
    .size = sizeof t->plan, .cfg = cfg,
    .in = { .name = "x", .shape = *shape,
            .flags = index ? NACRE_FIELD_INDEX : 0,
            .classes = index ? 3 : 0 },
    .fail = nacre_suite_fail(suite, &fail), .out = *shape,
    .out_flags = index ? NACRE_FIELD_INDEX : 0
  };
  int status = t->ops->plan(&t->plan);
  nacre_suite_check(suite, "refusal",
                    status == NACRE_OK || nacre_suite_problem(suite)[0] != 0,
                    "plan() refuses without a reason");
  if (status != NACRE_OK || t->plan.state_count < 0 ||
      t->plan.state_count > 1 << 20) {
    return false;
  }
  t->in = nacre_shape_count(shape);
  t->out = nacre_shape_count(&t->plan.out);
  t->state = nacre_suite_alloc(suite, (size_t)t->plan.state_count + 1,
                               sizeof *t->state);
  for (int64_t i = 0; i < NACRE_TRANSFORM_START && t->state != NULL &&
                      i < t->plan.state_count; i++) {
    t->state[i] = t->plan.start[i];
  }
  if (index) {
    nacre_values_whole(suite, 3, ROWS * t->in, t->x);
  } else {
    nacre_values_spaced(suite, ROWS * t->in, t->x);
  }
  return t->state != NULL && t->out > 0 && t->out <= OUT_MOST;
}

static int try_configs(nacre_suite *suite, const nacre_candidate *list,
                       int n) {
  int shapes = (int)(sizeof sample_shapes / sizeof sample_shapes[0]);
  int cases = 0;
  bool varies = false;
  for (int i = 0; i < n * shapes * 2; i++) {
    trial t = { .suite = suite, .ops = suite->component->ops };
    const nacre_candidate *with = &list[i / (shapes * 2)];
    const nacre_shape *shape = &sample_shapes[i / 2 % shapes];
    suite->where = nacre_suite_format(suite, "%s on rank %d%s", with->text,
                                      shape->rank,
                                      i % 2 == 1 ? ", indices" : "");
    if (!plan_transform(&t, with->cfg, shape, i % 2 == 1) ||
        !open_transform(&t)) {
      continue;
    }
    cases += check_transform(&t);
    varies = varies || t.varies;
    if (t.self != NULL) {
      t.ops->close(t.self);
    }
  }
  suite->where = NULL;
  const nacre_transform_ops *ops = suite->component->ops;
  nacre_suite_check(suite, "random",
                    cases == 0 || varies ||
                      (ops->flags & NACRE_TRANSFORM_RANDOM) == 0,
                    "flagged RANDOM, but no key makes a difference");
  return cases;
}

void nacre_transform_check(nacre_suite *suite) {
  const nacre_transform_ops *ops = suite->component->ops;
  nacre_candidate list[CONFIGS];
  int n = nacre_candidates_all(suite, CONFIGS, list);
  if (n == 0) {
    nacre_suite_skip(suite, "cases",
                     "a required parameter's value cannot be guessed");
    return;
  }
  int cases = ops->mix != NULL ? nacre_mix_check(suite, list, n)
                               : try_configs(suite, list, n);
  nacre_suite_check(suite, "cases", cases > 0,
                    "no configuration and shape is accepted");
}
