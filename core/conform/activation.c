/* SPDX-License-Identifier: MIT */
/* activation: the checks of activations. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "candidates.h"
#include "kinds.h"
#include "slope.h"
#include "values.h"

#define COUNT_MAX 2062 /* reals of the widest case */
#define PIECE 7        /* a pointwise one may be cut like this */
#define POINTS 30      /* about so many are differentiated */
#define CONFIGS 24

/* Narrow and near 0; then past the blocks that loops are cut into, and far
 * enough for what saturates. */
static const struct {
  int64_t rows, cols;
  double scale; /* of values between -2 and 2 */
} sizes[] = { { 3, 5, 1 }, { 2, 1031, 4 } };

/* An activation with a configuration, and memory to call it on. */
typedef struct trial {
  nacre_suite *suite;
  const nacre_activation_ops *ops;
  const void *cfg;
  int64_t rows, cols, count;
  int64_t at; /* the element that slope() moves */
  real x[COUNT_MAX], y[COUNT_MAX], dy[COUNT_MAX], dx[COUNT_MAX];
  real plus[COUNT_MAX], minus[COUNT_MAX], moved[COUNT_MAX];
} trial; /* all: [rows, cols] */

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
  int64_t i = nacre_values_differ(t->count, a, b, 0);
  nacre_suite_check(t->suite, check, i < 0, "%s, element %lld is %.9g, not "
                    "%.9g", what, (long long)i, i < 0 ? 0 : (double)b[i],
                    i < 0 ? 0 : (double)a[i]);
}

/* <dy, f(x + up e_i) - f(x - down e_i)> / the distance. */
static double slope(void *ctx, double up, double down) {
  trial *t = ctx;
  int64_t i = t->at;
  real *x = t->moved;
  memcpy(x, t->x, sizeof t->x);
  x[i] = (real)((double)t->x[i] + up);
  double distance = (double)x[i];
  forward(t, t->rows, t->cols, x, t->plus);
  x[i] = (real)((double)t->x[i] - down);
  distance -= (double)x[i];
  forward(t, t->rows, t->cols, x, t->minus);
  double sum = 0;
  for (int64_t j = 0; j < t->count; j++) {
    sum += (double)t->dy[j] * ((double)t->plus[j] - (double)t->minus[j]);
  }
  return sum / distance;
}

static void check_gradient(trial *t) {
  double scale = 0.1;
  int kinks = 0, tried = 0;
  int64_t stride = t->count > POINTS ? t->count / POINTS : 1;
  for (int64_t i = 0; i < t->count; i++) {
    scale = fmax(scale, fabs((double)t->dx[i]));
  }
  for (int64_t i = 0; i < t->count; i += stride) {
    tried++;
    double numeric, x = (double)t->x[i];
    t->at = i;
    int found = nacre_slope_compare(slope, t, x, (double)t->dx[i], scale,
                                    &numeric);
    kinks += found == NACRE_SLOPE_CORNER ? 1 : 0;
    nacre_suite_check(t->suite, "gradient", found != NACRE_SLOPE_WRONG,
                      "at x = %.9g backward gives %.9g, central differences "
                      "%.9g", x, (double)t->dx[i], numeric);
  }
  nacre_suite_check(t->suite, "gradient", kinks <= tried / 5,
                    "%d of %d points are corners", kinks, tried);
}

static void check_in_place(trial *t) {
  real y[COUNT_MAX];
  memcpy(y, t->x, sizeof y);
  forward(t, t->rows, t->cols, y, y);
  same(t, "in place", t->y, y, "forward with y = x");
  memcpy(y, t->dy, sizeof y);
  backward(t, t->rows, t->cols, seen(t), y, y);
  same(t, "in place", t->dx, y, "backward with dx = dy");
}

/* Tiles may be cut between rows, and within them if pointwise. */
static void check_tiles(trial *t) {
  real y[COUNT_MAX], dx[COUNT_MAX];
  for (int64_t row = 0; row < t->rows; row++) {
    int64_t at = row * t->cols;
    forward(t, 1, t->cols, t->x + at, y + at);
    backward(t, 1, t->cols, seen(t) + at, t->dy + at, dx + at);
  }
  same(t, "tiles", t->y, y, "forward row by row");
  same(t, "tiles", t->dx, dx, "backward row by row");
  if ((t->ops->flags & NACRE_ACT_POINTWISE) == 0) {
    return;
  }
  for (int64_t at = 0; at < t->count; at += PIECE) {
    int64_t n = t->count - at < PIECE ? t->count - at : PIECE;
    forward(t, 1, n, t->x + at, y + at);
    backward(t, n, 1, seen(t) + at, t->dy + at, dx + at);
  }
  same(t, "tiles", t->y, y, "flagged POINTWISE, forward in pieces");
  same(t, "tiles", t->dx, dx, "flagged POINTWISE, backward in pieces");
}

#define FEW 5

static void check_extremes(trial *t) {
  static const double extreme[] = {
    1e30, -1e30, 0, -0.0, 1e-42, -1e-42, 88, -88, 105, -105,
    (double)INFINITY, -(double)INFINITY
  };
  for (size_t i = 0; i < sizeof extreme / sizeof extreme[0]; i++) {
    if (isinf(extreme[i]) && (t->ops->flags & NACRE_ACT_POINTWISE) == 0) {
      continue; /* inf - inf has no value */
    }
    real x[FEW], y[FEW], dy[FEW], dx[FEW];
    for (int j = 0; j < FEW; j++) {
      x[j] = t->x[j];
      dy[j] = 1;
    }
    x[1] = (real)extreme[i];
    forward(t, 1, FEW, x, y);
    bool whole = true;
    for (int j = 0; j < FEW; j++) {
      whole = whole && !isnan((double)y[j]);
    }
    nacre_suite_check(t->suite, "extremes", whole,
                      "forward gives NaN at x = %g", extreme[i]);
    backward(t, 1, FEW, (t->ops->flags & NACRE_ACT_NEED_Y) != 0 ? y : x, dy,
             dx);
    for (int j = 0; j < FEW; j++) {
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
  real first[COUNT_MAX], y[COUNT_MAX];
  for (int i = 0; i < NACRE_SUITE_DEVICES; i++) {
    nacre_suite_device *device = &t->suite->device[i];
    nacre_suite_enter(t->suite, device);
    t->ops->call.forward(device->math, t->cfg, t->rows, t->cols, t->x,
                         i == 0 ? first : y);
    nacre_suite_leave(t->suite, device);
    if (i > 0) {
      same(t, "threads", first, y, "with more threads");
    }
  }
}

static void check_one(trial *t, double scale) {
  nacre_suite *suite = t->suite;
  real x[COUNT_MAX], dy[COUNT_MAX], again[COUNT_MAX];
  nacre_values_spaced(suite, t->count, t->x);
  nacre_values_spaced(suite, t->count, t->dy);
  for (int64_t i = 0; i < t->count; i++) {
    t->x[i] *= (real)scale;
  }
  memcpy(x, t->x, sizeof x);
  memcpy(dy, t->dy, sizeof dy);
  nacre_values_poison(t->count, t->y);
  nacre_values_poison(t->count, t->dx);
  uint64_t before = suite->options->allocations == NULL
                      ? 0 : suite->options->allocations();
  forward(t, t->rows, t->cols, t->x, t->y);
  backward(t, t->rows, t->cols, seen(t), t->dy, t->dx);
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
                         nacre_values_not_finite(t->count, t->y) < 0 &&
                           nacre_values_not_finite(t->count, t->dx) < 0,
                         "elements are left unwritten or not finite")) {
    return;
  }
  forward(t, t->rows, t->cols, t->x, again);
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
  trial *t = nacre_suite_alloc(suite, 1, sizeof *t);
  for (int i = 0; ok && t != NULL && i < 2 * n; i++) {
    t->suite = suite;
    t->ops = ops;
    t->cfg = list[i / 2].cfg;
    t->rows = sizes[i % 2].rows;
    t->cols = sizes[i % 2].cols;
    t->count = t->rows * t->cols;
    suite->where = list[i / 2].text;
    check_one(t, sizes[i % 2].scale);
  }
  suite->where = NULL;
}
