/* SPDX-License-Identifier: MIT */
/* mix: the checks of transforms that mix samples. */
#include <math.h>
#include <string.h>

#include "kinds.h"
#include "values.h"

#define KEYS 40
#define MARGIN 16
#define X_COUNT (5 * 4 * 3)
#define Y_COUNT 3

/* A sample, its partner and what becomes of it, with margins behind. */
typedef struct mixture {
  real x[X_COUNT], y[Y_COUNT];             /* before */
  real other_x[X_COUNT], other_y[Y_COUNT];
  real mixed_x[X_COUNT + MARGIN], mixed_y[Y_COUNT + MARGIN];
  nacre_mix_field field[2];
  nacre_mix mix;
} mixture;

static void lay_out(nacre_suite *suite, mixture *m, const void *cfg) {
  const nacre_shape image = { { 5, 4, 3 }, 3, NACRE_REAL };
  nacre_values_spaced(suite, X_COUNT, m->x);
  nacre_values_spaced(suite, X_COUNT, m->other_x);
  nacre_values_simplex(suite, 1, Y_COUNT, m->y);
  nacre_values_simplex(suite, 1, Y_COUNT, m->other_y);
  m->field[0].field = (nacre_field){ .name = "x", .shape = image };
  m->field[1].field = (nacre_field){ .name = "y",
                                     .shape = nacre_shape_1d(Y_COUNT),
                                     .flags = NACRE_FIELD_TARGET };
  m->mix = (nacre_mix){ .size = sizeof m->mix, .n_fields = 2, .cfg = cfg,
                        .field = m->field };
}

static int plan(nacre_suite *suite, mixture *m) {
  nacre_error_fail fail;
  nacre_suite_forget(suite);
  m->mix.fail = nacre_suite_fail(suite, &fail);
  m->field[0].x = m->field[1].x = NULL;
  m->field[0].other = m->field[1].other = NULL;
  const nacre_transform_ops *ops = suite->component->ops;
  int status = ops->plan_mix(&m->mix);
  m->mix.fail = NULL;
  nacre_suite_check(suite, "refusal",
                    status == NACRE_OK || nacre_suite_problem(suite)[0] != 0,
                    "plan_mix() refuses without a reason");
  return status;
}

static void run(nacre_suite *suite, mixture *m, uint32_t tag) {
  const nacre_transform_ops *ops = suite->component->ops;
  nacre_values_poison(X_COUNT + MARGIN, m->mixed_x);
  nacre_values_poison(Y_COUNT + MARGIN, m->mixed_y);
  memcpy(m->mixed_x, m->x, sizeof m->x);
  memcpy(m->mixed_y, m->y, sizeof m->y);
  m->field[0].x = m->mixed_x;
  m->field[0].other = m->other_x;
  m->field[1].x = m->mixed_y;
  m->field[1].other = m->other_y;
  m->mix.key = (nacre_key){ { 11, 13 }, { 0, tag } };
  ops->mix(&m->mix);
}

/* Nothing that neither of the two had, and nothing beyond. */
static bool is_between(int64_t n, const real *a, const real *b,
                       const real *mixed) {
  const double rounding = 1e-5;
  for (int64_t i = 0; i < n; i++) {
    double low = fmin((double)a[i], (double)b[i]);
    double high = fmax((double)a[i], (double)b[i]);
    if (!((double)mixed[i] >= low - rounding &&
          (double)mixed[i] <= high + rounding)) {
      return false;
    }
  }
  return true;
}

static bool is_untouched(int64_t n, const real *mixed) {
  for (int i = 0; i < MARGIN; i++) {
    if (!isnan((double)mixed[n + i])) {
      return false;
    }
  }
  return true;
}

static bool check_key(nacre_suite *suite, mixture *m, uint32_t tag) {
  real kept_x[X_COUNT], kept_y[Y_COUNT], first[X_COUNT];
  memcpy(kept_x, m->other_x, sizeof kept_x);
  memcpy(kept_y, m->other_y, sizeof kept_y);
  run(suite, m, tag);
  memcpy(first, m->mixed_x, sizeof first);
  nacre_suite_check(suite, "between",
                    is_between(X_COUNT, m->x, m->other_x, m->mixed_x) &&
                      is_between(Y_COUNT, m->y, m->other_y, m->mixed_y),
                    "a mixture lies beyond both samples");
  nacre_suite_check(suite, "bounds",
                    is_untouched(X_COUNT, m->mixed_x) &&
                      is_untouched(Y_COUNT, m->mixed_y),
                    "mix() wrote beyond its sample");
  nacre_suite_check(suite, "partner",
                    nacre_values_differ(X_COUNT, kept_x, m->other_x, 0) < 0 &&
                      nacre_values_differ(Y_COUNT, kept_y, m->other_y, 0) <
                        0,
                    "mix() changed the partner");
  run(suite, m, tag);
  nacre_suite_check(suite, "deterministic",
                    nacre_values_differ(X_COUNT, first, m->mixed_x, 0) < 0,
                    "the same key gives another mixture");
  return nacre_values_differ(X_COUNT, first, m->x, 0) >= 0;
}

int nacre_mix_check(nacre_suite *suite, const nacre_candidate *list, int n) {
  int cases = 0, changed = 0;
  for (int i = 0; i < n; i++) {
    mixture m;
    suite->where = list[i].text;
    lay_out(suite, &m, list[i].cfg);
    if (plan(suite, &m) != NACRE_OK) {
      continue;
    }
    cases++;
    for (uint32_t tag = 0; tag < KEYS; tag++) {
      changed += check_key(suite, &m, tag);
    }
    m.field[1].field.flags |= NACRE_FIELD_INDEX;
    nacre_suite_check(suite, "indices", plan(suite, &m) == NACRE_ERROR,
                      "it would mix class numbers");
  }
  suite->where = NULL;
  nacre_suite_check(suite, "random", cases == 0 || changed > 0,
                    "no key mixes anything");
  return cases;
}
