/* SPDX-License-Identifier: MIT */
/* activation: the checks of activations. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "candidates.h"
#include "kinds.h"
#include "values.h"

#define ROWS 3
#define COLS 5
#define COUNT (ROWS * COLS)
#define CONFIGS 24

/* An activation with a configuration, and memory to call it on. */
typedef struct trial {
  nacre_suite *suite;
  const nacre_activation_ops *ops;
  const void *cfg;
  real x[COUNT], y[COUNT], dy[COUNT], dx[COUNT]; /* [ROWS, COLS] */
} trial;

static void forward(trial *t, int64_t rows, int64_t cols, const real *x,
                    real *y) {
  nacre_suite_device *device = &t->suite->device[0];
  nacre_suite_enter(t->suite, device);
  t->ops->call.forward(device->math, t->cfg, rows, cols, x, y);
  nacre_suite_leave(t->suite, device);
}

static void backward(trial *t, int64_t rows, int64_t cols, const real *xy,
                     const real *dy, real *dx) {
  nacre_suite_device *device = &t->suite->device[0];
  nacre_suite_enter(t->suite, device);
  t->ops->call.backward(device->math, t->cfg, rows, cols, xy, dy, dx);
  nacre_suite_leave(t->suite, device);
}

static const real *seen(const trial *t) {
  return (t->ops->flags & NACRE_ACT_NEED_Y) != 0 ? t->y : t->x;
}

static void same(trial *t, const char *check, const real *a, const real *b,
                 const char *what) {
  int64_t i = nacre_values_differ(COUNT, a, b, 0);
  nacre_suite_check(t->suite, check, i < 0, "%s, element %lld is %.9g, not "
                    "%.9g", what, (long long)i, i < 0 ? 0 : (double)b[i],
                    i < 0 ? 0 : (double)a[i]);
}

/* <dy, f(x + up e_i) - f(x - down e_i)> / the distance. */
static double slope(trial *t, int64_t i, double up, double down) {
  real x[COUNT], plus[COUNT], minus[COUNT];
  memcpy(x, t->x, sizeof x);
  x[i] = (real)((double)t->x[i] + up);
  double distance = (double)x[i];
  forward(t, ROWS, COLS, x, plus);
  x[i] = (real)((double)t->x[i] - down);
  distance -= (double)x[i];
  forward(t, ROWS, COLS, x, minus);
  double sum = 0;
  for (int64_t j = 0; j < COUNT; j++) {
    sum += (double)t->dy[j] * ((double)plus[j] - (double)minus[j]);
  }
  return sum / distance;
}

static bool is_kink(trial *t, int64_t i, double h, double tolerance) {
  double wide = fabs(slope(t, i, h, 0) - slope(t, i, 0, h));
  h /= 10;
  double narrow = fabs(slope(t, i, h, 0) - slope(t, i, 0, h));
  return narrow > tolerance && narrow > 0.5 * wide;
}

static void check_gradient(trial *t) {
  double scale = 0.1;
  int kinks = 0;
  for (int64_t i = 0; i < COUNT; i++) {
    scale = fmax(scale, fabs((double)t->dx[i]));
  }
  for (int64_t i = 0; i < COUNT; i++) {
    double h = NACRE_SUITE_STEP * fmax(1, fabs((double)t->x[i]));
    double numeric = slope(t, i, h, h);
    bool ok = fabs(numeric - (double)t->dx[i]) <=
              NACRE_SUITE_GRADIENT * scale;
    if (!ok && is_kink(t, i, h, NACRE_SUITE_GRADIENT * scale)) {
      kinks++;
      continue;
    }
    nacre_suite_check(t->suite, "gradient", ok,
                      "at x = %.9g backward gives %.9g, central differences "
                      "%.9g", (double)t->x[i], (double)t->dx[i], numeric);
  }
  nacre_suite_check(t->suite, "gradient", kinks <= 3,
                    "%d of %d points are corners", kinks, COUNT);
}

static void check_in_place(trial *t) {
  real y[COUNT];
  memcpy(y, t->x, sizeof y);
  forward(t, ROWS, COLS, y, y);
  same(t, "in place", t->y, y, "forward with y = x");
  memcpy(y, t->dy, sizeof y);
  backward(t, ROWS, COLS, seen(t), y, y);
  same(t, "in place", t->dx, y, "backward with dx = dy");
}

/* Tiles may be cut between rows, and within them if pointwise. */
static void check_tiles(trial *t) {
  real y[COUNT], dx[COUNT];
  for (int64_t row = 0; row < ROWS; row++) {
    int64_t at = row * COLS;
    forward(t, 1, COLS, t->x + at, y + at);
    backward(t, 1, COLS, seen(t) + at, t->dy + at, dx + at);
  }
  same(t, "tiles", t->y, y, "forward row by row");
  same(t, "tiles", t->dx, dx, "backward row by row");
  if ((t->ops->flags & NACRE_ACT_POINTWISE) == 0) {
    return;
  }
  for (int64_t at = 0; at < COUNT; at += 7) {
    int64_t n = COUNT - at < 7 ? COUNT - at : 7;
    forward(t, 1, n, t->x + at, y + at);
    backward(t, n, 1, seen(t) + at, t->dy + at, dx + at);
  }
  same(t, "tiles", t->y, y, "flagged POINTWISE, forward in pieces");
  same(t, "tiles", t->dx, dx, "flagged POINTWISE, backward in pieces");
}

static void check_extremes(trial *t) {
  static const double extreme[] = {
    1e30, -1e30, 0, -0.0, 1e-42, -1e-42, 88, -88, 105, -105,
    (double)INFINITY, -(double)INFINITY
  };
  for (size_t i = 0; i < sizeof extreme / sizeof extreme[0]; i++) {
    if (isinf(extreme[i]) && (t->ops->flags & NACRE_ACT_POINTWISE) == 0) {
      continue; /* inf - inf has no value */
    }
    real x[COLS], y[COLS], dy[COLS], dx[COLS];
    for (int j = 0; j < COLS; j++) {
      x[j] = t->x[j];
      dy[j] = 1;
    }
    x[1] = (real)extreme[i];
    forward(t, 1, COLS, x, y);
    bool whole = true;
    for (int j = 0; j < COLS; j++) {
      whole = whole && !isnan((double)y[j]);
    }
    nacre_suite_check(t->suite, "extremes", whole,
                      "forward gives NaN at x = %g", extreme[i]);
    backward(t, 1, COLS, (t->ops->flags & NACRE_ACT_NEED_Y) != 0 ? y : x, dy,
             dx);
    for (int j = 0; j < COLS; j++) {
      whole = whole && !isnan((double)dx[j]);
    }
    nacre_suite_check(t->suite, "extremes", whole || isinf(extreme[i]),
                      "backward gives NaN at x = %g", extreme[i]);
  }
}

/* A diverged run must be seen: NaN may not be clipped away. */
static void check_nan(trial *t) {
  real x[1] = { (real)NAN }, y[1] = { 0 };
  if ((t->ops->flags & NACRE_ACT_POINTWISE) != 0) {
    forward(t, 1, 1, x, y);
    nacre_suite_check(t->suite, "NaN stays", isnan((double)y[0]),
                      "f(NaN) is %g", (double)y[0]);
  }
}

static void check_threads(trial *t) {
  real first[COUNT], y[COUNT];
  for (int i = 0; i < NACRE_SUITE_DEVICES; i++) {
    nacre_suite_device *device = &t->suite->device[i];
    nacre_suite_enter(t->suite, device);
    t->ops->call.forward(device->math, t->cfg, ROWS, COLS, t->x,
                         i == 0 ? first : y);
    nacre_suite_leave(t->suite, device);
    if (i > 0) {
      same(t, "threads", first, y, "with more threads");
    }
  }
}

static void check_one(trial *t) {
  nacre_suite *suite = t->suite;
  real x[COUNT], dy[COUNT], again[COUNT];
  nacre_values_spaced(suite, COUNT, t->x);
  nacre_values_spaced(suite, COUNT, t->dy);
  memcpy(x, t->x, sizeof x);
  memcpy(dy, t->dy, sizeof dy);
  nacre_values_poison(COUNT, t->y);
  nacre_values_poison(COUNT, t->dx);
  uint64_t before = suite->options->allocations == NULL
                      ? 0 : suite->options->allocations();
  forward(t, ROWS, COLS, t->x, t->y);
  backward(t, ROWS, COLS, seen(t), t->dy, t->dx);
  if (suite->options->allocations != NULL) {
    nacre_suite_check(suite, "no allocation",
                      suite->options->allocations() == before,
                      "forward or backward allocates");
  } else {
    nacre_suite_skip(suite, "no allocation", "not counted here");
  }
  same(t, "inputs unchanged", x, t->x, "x after forward and backward");
  same(t, "inputs unchanged", dy, t->dy, "dy after backward");
  if (!nacre_suite_check(suite, "written",
                         nacre_values_not_finite(COUNT, t->y) < 0 &&
                           nacre_values_not_finite(COUNT, t->dx) < 0,
                         "elements are left unwritten or not finite")) {
    return;
  }
  forward(t, ROWS, COLS, t->x, again);
  same(t, "deterministic", t->y, again, "run again");
  check_gradient(t);
  check_in_place(t);
  check_tiles(t);
  check_extremes(t);
  check_nan(t);
  check_threads(t);
}

void nacre_activation_check(nacre_suite *suite) {
  const nacre_activation_ops *ops = suite->component->ops;
  uint32_t need = ops->flags & (NACRE_ACT_NEED_X | NACRE_ACT_NEED_Y);
  bool ok = nacre_suite_check(
    suite, "table", need == NACRE_ACT_NEED_X || need == NACRE_ACT_NEED_Y,
    "exactly one of NEED_X and NEED_Y must be set");
  ok = nacre_suite_check(suite, "table",
                         ops->call.forward != NULL &&
                           ops->call.backward != NULL,
                         "forward or backward is missing") && ok;
  nacre_candidate list[CONFIGS];
  int n = nacre_candidates_all(suite, CONFIGS, list);
  nacre_suite_check(suite, "cases", n > 0, "no configuration is accepted");
  for (int i = 0; ok && i < n; i++) {
    trial t = { .suite = suite, .ops = ops, .cfg = list[i].cfg };
    suite->where = list[i].text;
    check_one(&t);
  }
  suite->where = NULL;
}
