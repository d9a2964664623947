/* SPDX-License-Identifier: MIT */
/* loss: the checks of losses. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "candidates.h"
#include "kinds.h"
#include "slope.h"
#include "values.h"

#define ROWS 4
#define COLS_MAX 613 /* past the blocks that loops are cut into */
#define POINTS 60    /* about so many are differentiated */
#define COUNT (ROWS * COLS_MAX)
#define MARGIN 8     /* reals behind what is written */
#define CONFIGS 16

/* A loss with a configuration and data for it. */
typedef struct trial {
  nacre_suite *suite;
  const nacre_loss_ops *ops;
  const void *cfg;
  int64_t cols;
  int64_t sample_rows; /* 1, or more for losses of samples */
  nacre_shape shape;   /* of y, per sample */
  char *scratch;       /* for ROWS of them */
  int64_t scratch_bytes;
  bool on_logits;
  bool sharp; /* targets are zeros and ones */
  bool far;   /* predictions beyond 0 and 1 too, if it takes them */
  bool plain; /* no parameter could declare a bad index good */
  real y[COUNT];      /* [ROWS, cols] */
  real target[COUNT]; /* the same, or one index per row, or per sample */
  real dy[COUNT + MARGIN]; /* of the last call */
  real prob[COUNT + MARGIN];
  double loss[ROWS];
  double factor; /* of gradients */
  int64_t at;    /* the element of y that slope() moves */
} trial;

static bool is_index(const trial *t) {
  return (t->ops->flags & NACRE_LOSS_INDEX) != 0;
}

static bool is_batch(const trial *t) {
  return (t->ops->flags & NACRE_LOSS_BATCH) != 0;
}

static bool is_whole(const trial *t) {
  return is_batch(t) || (t->ops->flags & NACRE_LOSS_SAMPLE) != 0;
}

/* Rows that have one loss. */
static int64_t rows_of_one(const trial *t) {
  return is_batch(t) ? ROWS : t->sample_rows;
}

/* Reals in the target of a sample: an index for several rows is enough. */
static int64_t target_size(const trial *t) {
  return is_index(t) ? 1 : t->sample_rows * t->cols;
}

static bool is_margin(const real *x) {
  for (int i = 0; i < MARGIN; i++) {
    if (!isnan((double)x[i])) {
      return false;
    }
  }
  return true;
}

/* Calls rows() on [first, first + rows) of the data. */
static nacre_loss_run call(trial *t, int64_t first, int64_t rows,
                           const double *weight, double scale, bool dy,
                           bool prob) {
  int64_t at = first * t->cols, sample = first / t->sample_rows;
  nacre_suite_device *device = &t->suite->device[0];
  nacre_loss_run run = {
    .size = sizeof run, .math = device->math, .cfg = t->cfg, .rows = rows,
    .cols = t->cols, .y = t->y + at,
    .target = t->target + sample * target_size(t),
    .weight = weight == NULL ? NULL : weight + first, .scale = scale,
    .loss = t->loss + first, .dy = dy ? t->dy + at : NULL,
    .prob = prob ? t->prob + at : NULL, .on_logits = t->on_logits,
    .fault_row = -1, .sample_rows = t->sample_rows,
    .target_size = target_size(t), .shape = &t->shape,
    .scratch = t->scratch == NULL ? NULL
                                  : t->scratch + sample * t->scratch_bytes
  };
  for (int64_t i = 0; i < rows; i++) {
    run.loss[i] = (double)NAN;
  }
  if (dy) {
    nacre_values_poison(rows * t->cols + MARGIN, t->dy + at);
  }
  if (prob) {
    nacre_values_poison(rows * t->cols + MARGIN, t->prob + at);
  }
  nacre_suite_enter(t->suite, device);
  t->ops->rows(&run);
  nacre_suite_leave(t->suite, device);
  nacre_suite_check(t->suite, "bounds",
                    (!dy || is_margin(t->dy + at + rows * t->cols)) &&
                      (!prob || is_margin(t->prob + at + rows * t->cols)),
                    "rows() wrote beyond its rows");
  return run;
}

/* Losses at y[i] + up less those at y[i] - down, over the distance. */
static double slope(void *ctx, double up, double down) {
  trial *t = ctx;
  int64_t i = t->at;
  real was = t->y[i];
  t->y[i] = (real)((double)was + up);
  double distance = (double)t->y[i];
  call(t, 0, ROWS, NULL, 1, false, false);
  double sum = 0, plus[ROWS];
  memcpy(plus, t->loss, sizeof plus);
  t->y[i] = (real)((double)was - down);
  distance -= (double)t->y[i];
  call(t, 0, ROWS, NULL, 1, false, false);
  for (int64_t row = 0; row < ROWS; row++) {
    sum += plus[row] - t->loss[row];
  }
  t->y[i] = was;
  return t->factor * sum / distance;
}

static void check_gradient(trial *t) {
  real dy[COUNT];
  int64_t n = ROWS * t->cols;
  t->factor = 0.75;
  call(t, 0, ROWS, NULL, t->factor, true, false);
  memcpy(dy, t->dy, sizeof dy);
  double scale = 0.1;
  int kinks = 0, tried = 0;
  for (int64_t i = 0; i < n; i++) {
    scale = fmax(scale, fabs((double)dy[i]));
  }
  /* The last digits of a large loss are noise, which a small step magnifies. */
  for (int row = 0; row < ROWS; row++) {
    scale = fmax(scale, 4 * DBL_EPSILON * fabs(t->loss[row]) /
                          (NACRE_SUITE_STEP * NACRE_SUITE_GRADIENT));
  }
  int64_t stride = n > POINTS ? n / POINTS : 1;
  for (int64_t i = 0; i < n; i += stride) {
    tried++;
    double numeric, y = (double)t->y[i];
    t->at = i;
    int found = nacre_slope_compare(slope, t, y, (double)dy[i], scale,
                                    &numeric);
    kinks += found == NACRE_SLOPE_CORNER ? 1 : 0;
    nacre_suite_check(t->suite, "gradient", found != NACRE_SLOPE_WRONG,
                      "at y = %.9g%s dy is %.9g, central differences %.9g",
                      y, t->on_logits ? " (a logit)" : "",
                      (double)dy[i], numeric);
  }
  nacre_suite_check(t->suite, "gradient", kinks <= tried / 4,
                    "%d of %d points are corners", kinks, tried);
}

/* The mean weight of the rows that share row i's loss. */
static double mean_weight(const trial *t, const double *weight, int64_t i) {
  int64_t n = rows_of_one(t), first = i / n * n;
  double sum = 0;
  for (int64_t row = first; row < first + n; row++) {
    sum += weight[row];
  }
  return sum / (double)n;
}

/* weight[] multiplies gradients as scale does, and losses not at all. What
 * the rows of a batch have to do with each other is the loss's own matter. */
static void check_weight(trial *t) {
  static const double each[ROWS] = { 0.5, 0, 2.25, 1 };
  static const double alike[ROWS] = { 0.75, 0.75, 0.75, 0.75 };
  const double *weight = is_batch(t) ? alike : each;
  real dy[COUNT];
  double loss[ROWS];
  call(t, 0, ROWS, NULL, 1, true, false);
  memcpy(dy, t->dy, sizeof dy);
  memcpy(loss, t->loss, sizeof loss);
  call(t, 0, ROWS, weight, 0.125, true, false);
  for (int64_t i = 0; i < ROWS * t->cols; i++) {
    double factor = mean_weight(t, weight, i / t->cols);
    real expected = (real)(factor * (double)dy[i]);
    nacre_suite_check(t->suite, "weights",
                      nacre_values_differ(1, &expected, &t->dy[i],
                                          NACRE_SUITE_ROUNDING) < 0,
                      "with weight %g dy is %.9g, not %.9g", factor,
                      (double)t->dy[i],
                      (double)expected);
  }
  nacre_suite_check(t->suite, "weights",
                    memcmp(loss, t->loss, sizeof loss) == 0,
                    "weights change the loss of a row");
  call(t, 0, ROWS, NULL, 1, false, false);
  for (int row = 0; row < ROWS; row++) {
    nacre_suite_check(t->suite, "dy NULL",
                      fabs(loss[row] - t->loss[row]) <=
                        NACRE_SUITE_ROUNDING * fmax(1, fabs(loss[row])),
                      "without dy a row's loss is %.17g, not %.17g",
                      t->loss[row], loss[row]);
  }
}

/* A tile may be computed by another formula than a smaller one. */
static void check_tiles(trial *t) {
  const double tolerance = sizeof(real) == 4 ? 2e-6 : 4e-15;
  real dy[COUNT];
  double loss[ROWS];
  call(t, 0, ROWS, NULL, 1, true, false);
  memcpy(dy, t->dy, sizeof dy);
  memcpy(loss, t->loss, sizeof loss);
  for (int64_t row = 0; row < ROWS; row += rows_of_one(t)) {
    call(t, row, rows_of_one(t), NULL, 1, true, false);
    nacre_suite_check(t->suite, "tiles",
                      fabs(loss[row] - t->loss[row]) <=
                        tolerance * fmax(1, fabs(loss[row])),
                      "a row's loss is %.17g by itself, %.17g among others",
                      t->loss[row], loss[row]);
  }
  int64_t n = ROWS * t->cols;
  nacre_suite_check(t->suite, "tiles",
                    nacre_values_differ(n, dy, t->dy, tolerance) < 0,
                    "row by row the gradients are others");
}

static void check_finite(trial *t, const char *what) {
  call(t, 0, ROWS, NULL, 1, true, t->on_logits);
  bool finite = nacre_values_not_finite(ROWS * t->cols, t->dy) < 0;
  for (int row = 0; row < ROWS; row++) {
    finite = finite && isfinite(t->loss[row]);
  }
  if (t->on_logits) {
    finite = finite && nacre_values_not_finite(ROWS * t->cols, t->prob) < 0;
  }
  nacre_suite_check(t->suite, "extremes", finite,
                    "a loss, gradient or probability is not finite %s",
                    what);
}

static void check_extremes(trial *t) {
  real y[COUNT];
  memcpy(y, t->y, sizeof y);
  for (int64_t i = 0; i < COUNT; i++) {
    t->y[i] = (real)(t->on_logits ? (i % 3 == 0 ? 1e4 : -1e4)
                                  : (i % 2 == 0 ? 1 : 0));
  }
  check_finite(t, t->on_logits ? "for logits of 1e4 and -1e4"
                               : "for predictions of 0 and 1");
  for (int64_t i = 0; i < COUNT; i++) {
    t->y[i] = 0;
  }
  check_finite(t, "for predictions of 0");
  memcpy(t->y, y, sizeof y);
}

static void check_bad_index(trial *t) {
  const double bad[] = { -1, (double)t->cols, 0.5, 1e30, -1e30,
                         (double)NAN };
  int64_t n = t->sample_rows;
  real was = t->target[2 / n];
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    t->target[2 / n] = (real)bad[i];
    nacre_loss_run run = call(t, 0, ROWS, NULL, 1, true, false);
    bool zero = t->loss[2] == 0;
    for (int64_t j = 0; j < n * t->cols; j++) {
      zero = zero && t->dy[2 * t->cols + j] == 0;
    }
    nacre_suite_check(t->suite, "bad index",
                      run.fault == 1 && run.fault_row == 2,
                      "class index %g is not reported at its row", bad[i]);
    nacre_suite_check(t->suite, "bad index", zero,
                      "class index %g has a loss or gradient", bad[i]);
  }
  t->target[2 / n] = was;
}

/* The stable formula on logits against the plain one after the activation
 * that it undoes. */
static void check_undoes(trial *t) {
  nacre_suite *suite = t->suite;
  nacre_suite_device *device = &suite->device[0];
  const nacre_component *other = nacre_registry_find(
    suite->registry, NACRE_KIND_ACTIVATION, t->ops->undoes, NULL, 0,
    &suite->error);
  if (other == NULL) {
    nacre_suite_skip(suite, "logits", "no activation '%s' is installed",
                     t->ops->undoes);
    return;
  }
  const nacre_activation_ops *ops = other->ops;
  const void *cfg = nacre_suite_config(suite, other, NULL);
  real y[COUNT];
  double loss[ROWS];
  call(t, 0, ROWS, NULL, 1, true, true);
  memcpy(y, t->y, sizeof y);
  memcpy(loss, t->loss, sizeof loss);
  nacre_suite_enter(suite, device);
  ops->call.forward(device->math, cfg, ROWS, t->cols, y, t->y);
  nacre_suite_leave(suite, device);
  int64_t i = nacre_values_differ(ROWS * t->cols, t->y, t->prob,
                                  NACRE_SUITE_ROUNDING);
  nacre_suite_check(suite, "logits", i < 0,
                    "prob is %.9g where %s gives %.9g",
                    i < 0 ? 0 : (double)t->prob[i], t->ops->undoes,
                    i < 0 ? 0 : (double)t->y[i]);
  t->on_logits = false;
  call(t, 0, ROWS, NULL, 1, true, false);
  for (int row = 0; row < ROWS; row++) {
    nacre_suite_check(suite, "logits",
                      fabs(loss[row] - t->loss[row]) <=
                        1e-5 * fmax(1, fabs(loss[row])),
                      "the loss on logits is %.9g, after %s %.9g", loss[row],
                      t->ops->undoes, t->loss[row]);
  }
  t->on_logits = true;
  memcpy(t->y, y, sizeof y);
}

static void check_one(trial *t) {
  nacre_suite *suite = t->suite;
  real y[COUNT], target[COUNT];
  memcpy(y, t->y, sizeof y);
  memcpy(target, t->target, sizeof target);
  uint64_t before = suite->options->allocations == NULL
                      ? 0 : suite->options->allocations();
  nacre_loss_run run = call(t, 0, ROWS, NULL, 1, true, t->on_logits);
  if (suite->options->allocations != NULL) {
    nacre_suite_check(suite, "no allocation",
                      suite->options->allocations() == before,
                      "rows() allocates");
  } else {
    nacre_suite_skip(suite, "no allocation", "not counted here");
  }
  nacre_suite_check(suite, "values", run.fault == 0,
                    "an ordinary target is called bad");
  nacre_suite_check(suite, "inputs unchanged",
                    memcmp(y, t->y, sizeof y) == 0 &&
                      memcmp(target, t->target, sizeof target) == 0,
                    "predictions or targets were changed");
  bool finite = nacre_values_not_finite(ROWS * t->cols, t->dy) < 0;
  for (int row = 0; row < ROWS; row++) {
    finite = finite && isfinite(t->loss[row]);
  }
  if (t->far && !finite) {
    return; /* a logarithm, say */
  }
  if (!nacre_suite_check(suite, "written", finite,
                         "losses or gradients are unwritten or not finite")) {
    return;
  }
  check_gradient(t);
  check_weight(t);
  check_tiles(t);
  check_extremes(t);
  if (is_index(t) && t->plain && !is_batch(t)) {
    check_bad_index(t);
  }
  if (t->on_logits) {
    check_undoes(t);
  }
}

/* Predictions inside (0.05, 0.95), or logits; targets: indices, or soft ones,
 * or (sharp) zeros and ones. */
static void draw(trial *t) {
  nacre_suite *suite = t->suite;
  if (t->on_logits || t->far) {
    nacre_values_spaced(suite, COUNT, t->y);
    for (int64_t i = 0; i < COUNT; i++) {
      t->y[i] *= (real)1.5;
    }
  } else {
    nacre_values_between(suite, 0.05, 0.95, COUNT, t->y);
  }
  if (is_index(t)) {
    nacre_values_whole(suite, t->cols, ROWS, t->target);
  } else if (t->sharp) {
    for (int64_t i = 0; i < ROWS * t->cols; i++) {
      int64_t row = i / t->cols;
      t->target[i] = (real)(t->cols == 1 ? row % 2
                                         : row % t->cols == i % t->cols);
    }
  } else {
    nacre_values_between(suite, 0.05, 0.95, COUNT, t->target);
  }
}

/* Room for the loss, as a host makes it. */
static bool make_scratch(trial *t, const nacre_shape *target) {
  int64_t samples = ROWS / t->sample_rows;
  if (t->ops->scratch == NULL) {
    return true;
  }
  int64_t bytes = t->ops->scratch(t->cfg, &t->shape, target,
                                  is_batch(t) ? samples : 1);
  if (!nacre_suite_check(t->suite, "scratch", bytes >= 0 && bytes < 1 << 30,
                         "it wants %lld bytes", (long long)bytes)) {
    return false;
  }
  t->scratch_bytes = (bytes + 63) / 64 * 64;
  t->scratch = nacre_suite_alloc(
    t->suite, (size_t)(t->scratch_bytes * samples) + 64, 1);
  if (t->scratch != NULL) {
    t->scratch += (64 - (uintptr_t)t->scratch % 64) % 64;
  }
  return t->scratch != NULL;
}

static bool takes(trial *t) {
  nacre_shape y = t->sample_rows == 1
                    ? nacre_shape_1d(t->cols)
                    : nacre_shape_2d(t->sample_rows, t->cols);
  nacre_shape target = y;
  if (is_index(t)) {
    target = nacre_shape_1d(1);
    target.rank = t->sample_rows == 1 ? 0 : 1;
  }
  t->shape = y;
  if (t->ops->plan != NULL) {
    nacre_error_fail fail;
    nacre_suite_forget(t->suite);
    if (t->ops->plan(t->cfg, &y, &target,
                     nacre_suite_fail(t->suite, &fail)) != NACRE_OK) {
      return false;
    }
  }
  return make_scratch(t, &target);
}

void nacre_loss_check(nacre_suite *suite) {
  static const int64_t cols[] = { 5, 1, 2, COLS_MAX };
  const nacre_loss_ops *ops = suite->component->ops;
  if (!nacre_suite_check(suite, "table", ops->rows != NULL, "no rows()")) {
    return;
  }
  nacre_candidate list[CONFIGS];
  int n = nacre_candidates_all(suite, CONFIGS, list), cases = 0;
  trial *t = nacre_suite_alloc(suite, 1, sizeof *t);
  for (int i = 0; t != NULL && i < n * 4 * 16; i++) {
    *t = (trial){ .suite = suite, .ops = ops, .cfg = list[i / 64].cfg,
                  .cols = cols[i / 16 % 4], .on_logits = (i & 1) != 0,
                  .sharp = (i & 2) != 0, .far = (i & 4) != 0,
                  .sample_rows = (i & 8) != 0 ? 2 : 1, .plain = i < 64 };
    /* Probabilities stay between 0 and 1, and so do shares of a whole, which
     * have poles elsewhere. */
    bool bounded = ops->undoes != NULL || (is_whole(t) && !is_index(t));
    if ((ops->undoes == NULL && t->on_logits) || (bounded && t->far) ||
        (t->sample_rows > 1 && !is_whole(t)) || !takes(t)) {
      continue;
    }
    suite->where = nacre_suite_format(
      suite, "%s on [%lld]%s%s", list[i / 64].text, (long long)t->cols,
      t->sample_rows > 1 ? " twice" : "", t->on_logits ? ", logits" : "");
    draw(t);
    check_one(t);
    cases++;
  }
  suite->where = NULL;
  nacre_suite_check(suite, "cases", cases > 0,
                    "no configuration and shape is accepted");
}
