/* SPDX-License-Identifier: MIT */
/* standardize: zero mean and unit variance, as Keras's Normalization layer.
 *
 * Fitted by Welford's method (Technometrics 4, 1962, p. 419), one pass in
 * double precision, which loses nothing where the mean is large. */
#include <nacre/plugin.h>

#include <math.h>

#define AXIS_FEATURE 0

typedef struct standardize_cfg {
  nacre_enum axis;
} standardize_cfg;

/* The state is three rows of one number per feature. While fitting, the
 * second holds the sum of squared deviations, then the deviation. */
typedef struct moments {
  int64_t features;
  double *mean, *deviation, *count; /* [features] */
} moments;

static int64_t features_of(const standardize_cfg *cfg, const nacre_shape *in) {
  return cfg->axis.value == AXIS_FEATURE ? nacre_shape_last(in) : 1;
}

static moments moments_in(const standardize_cfg *cfg, const nacre_shape *in,
                          double *state) {
  int64_t n = features_of(cfg, in);
  moments m = { n, state, state + n, state + 2 * n };
  return m;
}

static int standardize_plan(nacre_transform_plan *plan) {
  plan->state_count = 3 * features_of(plan->cfg, &plan->in.shape);
  return NACRE_OK;
}

static void finish(const moments *m) {
  for (int64_t f = 0; f < m->features; f++) {
    double deviation =
      m->count[f] > 0 ? sqrt(m->deviation[f] / m->count[f]) : 0;
    /* A constant feature carries nothing, and is left at its 0. */
    m->deviation[f] = deviation > 0 ? deviation : 1;
  }
}

/* x: [n, in] */
static int standardize_fit(const void *cfg, const nacre_shape *in,
                           double *state, int32_t pass, int64_t n,
                           const real *x, nacre_fail *fail) {
  moments m = moments_in(cfg, in, state);
  (void)pass;
  (void)fail;
  if (n == 0) {
    finish(&m);
    return 0;
  }
  int64_t rows = n * nacre_shape_count(in) / m.features;
  for (int64_t i = 0; i < rows; i++) {
    for (int64_t f = 0; f < m.features; f++) {
      double value = (double)x[i * m.features + f];
      if (isnan(value)) {
        continue; /* missing */
      }
      double before = value - m.mean[f];
      m.count[f] += 1;
      m.mean[f] += before / m.count[f];
      m.deviation[f] += before * (value - m.mean[f]);
    }
  }
  return 0;
}

/* x, out: [n, in] */
static int standardize_apply(const void *cfg, const nacre_shape *in,
                             const double *state, nacre_key key, int64_t n,
                             const real *x, real *out, nacre_fail *fail) {
  int64_t features = features_of(cfg, in);
  const double *mean = state, *deviation = state + features;
  int64_t rows = n * nacre_shape_count(in) / features;
  (void)key;
  (void)fail;
  for (int64_t i = 0; i < rows; i++) {
    for (int64_t f = 0; f < features; f++) {
      int64_t at = i * features + f;
      out[at] = (real)(((double)x[at] - mean[f]) / deviation[f]);
    }
  }
  return NACRE_OK;
}

/* x, out: [n, in] */
static int standardize_invert(const void *cfg, const nacre_shape *in,
                              const double *state, int64_t n, const real *x,
                              real *out) {
  int64_t features = features_of(cfg, in);
  const double *mean = state, *deviation = state + features;
  int64_t rows = n * nacre_shape_count(in) / features;
  for (int64_t i = 0; i < rows; i++) {
    for (int64_t f = 0; f < features; f++) {
      int64_t at = i * features + f;
      out[at] = (real)((double)x[at] * deviation[f] + mean[f]);
    }
  }
  return NACRE_OK;
}

static const nacre_param params[] = {
  NACRE_PARAM(standardize_cfg, axis, "feature", "feature|all", "",
              "feature: each element of the last axis by its own mean and "
              "deviation; all: one of each for everything.", 0),
};

static const nacre_transform_ops ops = {
  .size = sizeof(nacre_transform_ops),
  .plan = standardize_plan,
  .fit = standardize_fit,
  .apply = standardize_apply,
  .invert = standardize_invert,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_TRANSFORM,
  .contract = 1,
  .name = "standardize",
  .aliases = "normalization",
  .summary = "Zero mean and unit variance",
  .doc = "y = (x - mean) / deviation, with the mean and the population's "
         "standard deviation of the training split. Missing values (NaN) are "
         "left out of both and stay missing. A feature that never varies "
         "becomes 0.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(standardize_cfg),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(standardize, component)
