/* SPDX-License-Identifier: MIT */
/* random_brightness: lightens and darkens, as Keras's RandomBrightness. */
#include "image.h"

typedef struct brightness_cfg {
  nacre_floats factor, value_range;
} brightness_cfg;

static int brightness_plan(nacre_transform_plan *plan) {
  const brightness_cfg *cfg = plan->cfg;
  return image_plan(plan) == NACRE_OK &&
             image_plan_factor(plan, &cfg->factor, "factor") == NACRE_OK
    ? image_plan_range(plan, &cfg->value_range, "value_range") : NACRE_ERROR;
}

/* x, out: [1, in] */
static int brightness_apply(const void *config, const nacre_shape *in,
                            const double *state, nacre_key key, int64_t n,
                            const real *x, real *out, nacre_fail *fail) {
  const brightness_cfg *cfg = config;
  image_bounds by = image_bounds_of(&cfg->factor);
  int64_t count = nacre_shape_count(in);
  real low = (real)cfg->value_range.at[0];
  real high = (real)cfg->value_range.at[1];
  real more = (real)((cfg->value_range.at[1] - cfg->value_range.at[0]) *
                     image_draw(key, 0, by.low, by.high));
  (void)state;
  (void)n;
  (void)fail;
  for (int64_t i = 0; i < count; i++) {
    real y = x[i] + more;
    y = y < low ? low : y;
    out[i] = y > high ? high : y;
  }
  return NACRE_OK;
}

static const nacre_param params[] = {
  NACRE_PARAM(brightness_cfg, factor, NULL, "[-1,1]", "",
              "Share of the range of values that is added; f means [-f, f].",
              0),
  NACRE_PARAM(brightness_cfg, value_range, "[0, 255]", "(-inf,inf)", "",
              "The least and the greatest value of a pixel.", 0),
};

static const nacre_transform_ops ops = {
  .size = sizeof(nacre_transform_ops),
  .flags = NACRE_TRANSFORM_RANDOM,
  .plan = brightness_plan,
  .apply = brightness_apply,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_TRANSFORM,
  .contract = 1,
  .name = "random_brightness",
  .summary = "Lighten or darken images at random",
  .doc = "One number an image is added to all of its pixels, which are "
         "clipped to `value_range`. Images are [height, width, channels] or "
         "[height, width].",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(brightness_cfg),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(random_brightness, component)
