/* SPDX-License-Identifier: MIT */
/* random_translation: shifts images, as Keras's RandomTranslation. */
#include "affine.h"

typedef struct translation_cfg {
  nacre_floats height_factor, width_factor;
  nacre_enum fill_mode, interpolation;
  double fill_value;
} translation_cfg;

static int translation_plan(nacre_transform_plan *plan) {
  const translation_cfg *cfg = plan->cfg;
  return affine_plan(plan) == NACRE_OK &&
             image_plan_factor(plan, &cfg->height_factor, "height_factor") ==
               NACRE_OK
    ? image_plan_factor(plan, &cfg->width_factor, "width_factor")
    : NACRE_ERROR;
}

/* x, out: [1, in] */
static int translation_apply(const void *config, const nacre_shape *in,
                             const double *state, nacre_key key, int64_t n,
                             const real *x, real *out, nacre_fail *fail) {
  const translation_cfg *cfg = config;
  const image im = image_of(in);
  const affine_way way =
    affine_way_of(cfg->fill_mode, cfg->interpolation, cfg->fill_value);
  image_bounds down = image_bounds_of(&cfg->height_factor);
  image_bounds right = image_bounds_of(&cfg->width_factor);
  (void)state;
  (void)n;
  (void)fail;
  affine to = {
    .xx = 1, .yy = 1,
    .x0 = -(double)im.width * image_draw(key, 1, right.low, right.high),
    .y0 = -(double)im.height * image_draw(key, 0, down.low, down.high)
  };
  affine_sample(&to, &way, &im, x, &im, out);
  return NACRE_OK;
}

static const nacre_param params[] = {
  NACRE_PARAM_AS(translation_cfg, height_factor, "height", NULL, "[-1,1]", "",
                 "Shift as a share of the height, down; f means [-f, f].", 0),
  NACRE_PARAM_AS(translation_cfg, width_factor, "width", NULL, "[-1,1]", "",
                 "Shift as a share of the width, to the right.", 0),
  NACRE_PARAM(translation_cfg, fill_mode, "reflect", IMAGE_FILL_MODES, "",
              "What comes in: one value, the nearest pixel, the mirrored or "
              "the repeated image.", 0),
  NACRE_PARAM(translation_cfg, interpolation, "bilinear",
              AFFINE_INTERPOLATIONS, "", "How to read between pixels.", 0),
  NACRE_PARAM(translation_cfg, fill_value, "0", "(-inf,inf)", "",
              "The value of fill_mode constant.", 0),
};

static const nacre_transform_ops ops = {
  .size = sizeof(nacre_transform_ops),
  .flags = NACRE_TRANSFORM_RANDOM | NACRE_TRANSFORM_APART,
  .plan = translation_plan,
  .apply = translation_apply,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_TRANSFORM,
  .contract = 1,
  .name = "random_translation",
  .summary = "Shift images at random",
  .doc = "Each image is shifted by a share of its height and one of its "
         "width, each drawn from its range. Images are [height, width, "
         "channels] or [height, width].",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(translation_cfg),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(random_translation, component)
