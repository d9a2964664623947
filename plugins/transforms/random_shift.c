/* SPDX-License-Identifier: MIT */
/* random_shift: samples moved along an axis by whole steps, such as sounds in
 * time. */
#include "stretch.h"

#include <string.h>

#define FILL_CONSTANT 0
#define FILL_NEAREST 1
#define FILL_WRAP 2

typedef struct shift_cfg {
  nacre_floats factor;
  int64_t axis;
  nacre_enum fill_mode;
  double fill_value;
} shift_cfg;

static int shift_plan(nacre_transform_plan *plan) {
  const shift_cfg *cfg = plan->cfg;
  if (cfg->factor.n != 1 && cfg->factor.n != 2) {
    plan->fail->fail(plan->fail, NULL, "'factor' must be one number or the "
                                       "two ends of a range");
    return NACRE_ERROR;
  }
  return stretch_plan(plan, cfg->axis);
}

/* Steps, drawn from all whole numbers of the range. */
static int64_t draw_steps(const shift_cfg *cfg, nacre_key key,
                          int64_t length) {
  double low = -cfg->factor.at[0], high = cfg->factor.at[0];
  uint32_t words[4];
  if (cfg->factor.n == 2) {
    low = cfg->factor.at[0];
    high = cfg->factor.at[1];
  }
  int64_t least = (int64_t)((low < high ? low : high) * (double)length);
  int64_t most = (int64_t)((low < high ? high : low) * (double)length);
  nacre_random_block(key, 0, words);
  double unit = (double)words[0] * (1.0 / 4294967296.0);
  return least + (int64_t)(unit * (double)(most - least + 1));
}

/* Steps [begin, end) of one stretch, which come from outside. */
static void fill(const shift_cfg *cfg, const stretch *s, int64_t by,
                 int64_t begin, int64_t end, const real *x, real *out) {
  for (int64_t i = begin; i < end; i++) {
    int64_t at = i - by;
    if (cfg->fill_mode.value == FILL_CONSTANT) {
      for (int64_t j = 0; j < s->behind; j++) {
        out[i * s->behind + j] = (real)cfg->fill_value;
      }
      continue;
    }
    if (cfg->fill_mode.value == FILL_NEAREST) {
      at = at < 0 ? 0 : s->length - 1;
    } else {
      at = at < 0 ? at + s->length : at - s->length;
    }
    memcpy(out + i * s->behind, x + at * s->behind,
           (size_t)s->behind * sizeof(*out));
  }
}

/* x, out: [1, in] */
static int shift_apply(const void *config, const nacre_shape *in,
                       const double *state, nacre_key key, int64_t n,
                       const real *x, real *out, nacre_fail *fail) {
  const shift_cfg *cfg = config;
  stretch s = stretch_of(in, cfg->axis);
  int64_t by = draw_steps(cfg, key, s.length), size = s.length * s.behind;
  int64_t begin = by > 0 ? by : 0;
  int64_t end = by < 0 ? s.length + by : s.length;
  (void)state;
  (void)n;
  (void)fail;
  for (int64_t i = 0; i < s.before; i++, x += size, out += size) {
    fill(cfg, &s, by, 0, begin, x, out);
    if (end > begin) {
      memcpy(out + begin * s.behind, x + (begin - by) * s.behind,
             (size_t)((end - begin) * s.behind) * sizeof(*out));
    }
    fill(cfg, &s, by, end, s.length, x, out);
  }
  return NACRE_OK;
}

static const nacre_param params[] = {
  NACRE_PARAM(shift_cfg, factor, NULL, "[-1,1]", "",
              "Share of the length; f means [-f, f].", 0),
  NACRE_PARAM(shift_cfg, axis, "0", "[-5,4]", "",
              "Of the sample; -1 is the last.", 0),
  NACRE_PARAM(shift_cfg, fill_mode, "constant", "constant|nearest|wrap", "",
              "What comes in: one value, the nearest, the other end.", 0),
  NACRE_PARAM(shift_cfg, fill_value, "0", "(-inf,inf)", "",
              "The value of fill_mode constant.", 0),
};

static const nacre_transform_ops ops = {
  .size = sizeof(nacre_transform_ops),
  .flags = NACRE_TRANSFORM_RANDOM | NACRE_TRANSFORM_APART,
  .plan = shift_plan,
  .apply = shift_apply,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_TRANSFORM,
  .contract = 1,
  .name = "random_shift",
  .summary = "Move samples along an axis at random",
  .doc = "Each sample is moved by a whole number of steps, towards higher "
         "indices where it is above 0. For sounds and other series; images "
         "have random_translation.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(shift_cfg),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(random_shift, component)
