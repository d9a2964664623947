/* SPDX-License-Identifier: MIT */
/* random_contrast: spreads pixels about their mean, as Keras's
 * RandomContrast. */
#include "image.h"

typedef struct contrast_cfg {
  nacre_floats factor, value_range;
} contrast_cfg;

static int contrast_plan(nacre_transform_plan *plan) {
  const contrast_cfg *cfg = plan->cfg;
  return image_plan(plan) == NACRE_OK &&
             image_plan_factor(plan, &cfg->factor, "factor") == NACRE_OK
    ? image_plan_range(plan, &cfg->value_range, "value_range") : NACRE_ERROR;
}

#define LANES 8 /* sums that do not wait for one another */

static double sum_of(int64_t pixels, int64_t step, const real *x) {
  double part[LANES] = { 0 }, sum = 0;
  int64_t i = 0;
  for (; i + LANES <= pixels; i += LANES) {
    for (int64_t j = 0; j < LANES; j++) {
      part[j] += (double)x[(i + j) * step];
    }
  }
  for (; i < pixels; i++) {
    sum += (double)x[i * step];
  }
  for (int64_t j = 0; j < LANES; j++) {
    sum += part[j];
  }
  return sum;
}

/* One channel of `pixels` each `step` apart. */
static void spread(int64_t pixels, int64_t step, double by, real low,
                   real high, const real *x, real *out) {
  real mean = (real)(sum_of(pixels, step, x) / (double)pixels);
  real scale = (real)by;
  for (int64_t i = 0; i < pixels; i++) {
    real y = (x[i * step] - mean) * scale + mean;
    y = y < low ? low : y;
    out[i * step] = y > high ? high : y;
  }
}

/* x, out: [1, in] */
static int contrast_apply(const void *config, const nacre_shape *in,
                          const double *state, nacre_key key, int64_t n,
                          const real *x, real *out, nacre_fail *fail) {
  const contrast_cfg *cfg = config;
  const image im = image_of(in);
  const double *factor = cfg->factor.at;
  double by = image_draw(key, 0, 1 - factor[0], 1 + factor[cfg->factor.n - 1]);
  (void)state;
  (void)n;
  (void)fail;
  for (int64_t c = 0; c < im.channels; c++) {
    spread(im.height * im.width, im.channels, by,
           (real)cfg->value_range.at[0], (real)cfg->value_range.at[1], x + c,
           out + c);
  }
  return NACRE_OK;
}

static const nacre_param params[] = {
  NACRE_PARAM(contrast_cfg, factor, NULL, "[0,1]", "",
              "f, or [lower, upper]: contrast from 1 - lower to 1 + upper.",
              0),
  NACRE_PARAM(contrast_cfg, value_range, "[0, 255]", "(-inf,inf)", "",
              "The least and the greatest value of a pixel.", 0),
};

static const nacre_transform_ops ops = {
  .size = sizeof(nacre_transform_ops),
  .flags = NACRE_TRANSFORM_RANDOM,
  .plan = contrast_plan,
  .apply = contrast_apply,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_TRANSFORM,
  .contract = 1,
  .name = "random_contrast",
  .summary = "Change the contrast of images at random",
  .doc = "y = (x - mean) f + mean, clipped to `value_range`, with the mean of "
         "each channel of the image and one f an image. Images are [height, "
         "width, channels] or [height, width].",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(contrast_cfg),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(random_contrast, component)
