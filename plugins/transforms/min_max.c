/* SPDX-License-Identifier: MIT */
/* min_max: each feature stretched onto one range. */
#include <nacre/plugin.h>

#include <math.h>

typedef struct min_max_cfg {
  double low, high;
} min_max_cfg;

/* state: [3, features]: the least value, the greatest, whether there was
 * any. */
static int min_max_plan(nacre_transform_plan *plan) {
  const min_max_cfg *cfg = plan->cfg;
  if (!(cfg->low < cfg->high)) {
    plan->fail->fail(plan->fail, NULL, "'low' must be below 'high'");
    return NACRE_ERROR;
  }
  plan->state_count = 3 * nacre_shape_last(&plan->in.shape);
  return NACRE_OK;
}

/* x: [n, in] */
static int min_max_fit(const void *cfg, const nacre_shape *in, double *state,
                       int32_t pass, int64_t n, const real *x,
                       nacre_fail *fail) {
  int64_t features = nacre_shape_last(in);
  double *least = state, *most = state + features;
  double *seen = state + 2 * features;
  int64_t rows = n * nacre_shape_count(in) / features;
  (void)cfg;
  (void)pass;
  (void)fail;
  for (int64_t i = 0; i < rows; i++) {
    for (int64_t f = 0; f < features; f++) {
      double value = (double)x[i * features + f];
      if (isnan(value)) {
        continue; /* missing */
      }
      least[f] = seen[f] > 0 && least[f] < value ? least[f] : value;
      most[f] = seen[f] > 0 && most[f] > value ? most[f] : value;
      seen[f] = 1;
    }
  }
  return 0;
}

/* x, out: [n, in] */
static int min_max_apply(const void *config, const nacre_shape *in,
                         const double *state, nacre_key key, int64_t n,
                         const real *x, real *out, nacre_fail *fail) {
  const min_max_cfg *cfg = config;
  int64_t features = nacre_shape_last(in);
  int64_t rows = n * nacre_shape_count(in) / features;
  (void)key;
  (void)fail;
  for (int64_t i = 0; i < rows; i++) {
    for (int64_t f = 0; f < features; f++) {
      double span = state[features + f] - state[f];
      double part = ((double)x[i * features + f] - state[f]) /
                    (span > 0 ? span : 1);
      out[i * features + f] = (real)(cfg->low + part * (cfg->high - cfg->low));
    }
  }
  return NACRE_OK;
}

/* x, out: [n, in] */
static int min_max_invert(const void *config, const nacre_shape *in,
                          const double *state, int64_t n, const real *x,
                          real *out) {
  const min_max_cfg *cfg = config;
  int64_t features = nacre_shape_last(in);
  int64_t rows = n * nacre_shape_count(in) / features;
  for (int64_t i = 0; i < rows; i++) {
    for (int64_t f = 0; f < features; f++) {
      double span = state[features + f] - state[f];
      double part = ((double)x[i * features + f] - cfg->low) /
                    (cfg->high - cfg->low);
      out[i * features + f] = (real)(state[f] + part * (span > 0 ? span : 1));
    }
  }
  return NACRE_OK;
}

static const nacre_param params[] = {
  NACRE_PARAM(min_max_cfg, low, "0", "(-inf,inf)", "",
              "Where a feature's least value goes.", 0),
  NACRE_PARAM(min_max_cfg, high, "1", "(-inf,inf)", "",
              "Where its greatest goes.", 0),
};

static const nacre_transform_ops ops = {
  .size = sizeof(nacre_transform_ops),
  .plan = min_max_plan,
  .fit = min_max_fit,
  .apply = min_max_apply,
  .invert = min_max_invert,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_TRANSFORM,
  .contract = 1,
  .name = "min_max",
  .summary = "Stretch each feature onto one range",
  .doc = "The least and greatest values of each element of the last axis, "
         "over the training split, go to `low` and `high`. Missing values "
         "(NaN) are left out and stay missing; other data may lie outside. A "
         "feature that never varies becomes `low`.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(min_max_cfg),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(min_max, component)
