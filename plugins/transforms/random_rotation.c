/* SPDX-License-Identifier: MIT */
/* random_rotation: turns images, as Keras's RandomRotation. */
#include "affine.h"

#define TURN 6.283185307179586 /* 2 pi */

typedef struct rotation_cfg {
  nacre_floats factor;
  nacre_enum fill_mode, interpolation;
  double fill_value;
} rotation_cfg;

static int rotation_plan(nacre_transform_plan *plan) {
  const rotation_cfg *cfg = plan->cfg;
  return affine_plan(plan) == NACRE_OK
    ? image_plan_factor(plan, &cfg->factor, "factor") : NACRE_ERROR;
}

/* x, out: [1, in] */
static int rotation_apply(const void *config, const nacre_shape *in,
                          const double *state, nacre_key key, int64_t n,
                          const real *x, real *out, nacre_fail *fail) {
  const rotation_cfg *cfg = config;
  const image im = image_of(in);
  const affine_way way =
    affine_way_of(cfg->fill_mode, cfg->interpolation, cfg->fill_value);
  image_bounds turn = image_bounds_of(&cfg->factor);
  double angle = TURN * image_draw(key, 0, turn.low, turn.high);
  double c = cos(angle), s = sin(angle);
  double x_mid = 0.5 * (double)(im.width - 1);
  double y_mid = 0.5 * (double)(im.height - 1);
  (void)state;
  (void)n;
  (void)fail;
  affine to = { .xx = c, .xy = -s, .x0 = x_mid - x_mid * c + y_mid * s,
                .yx = s, .yy = c, .y0 = y_mid - x_mid * s - y_mid * c };
  affine_sample(&to, &way, &im, x, &im, out);
  return NACRE_OK;
}

static const nacre_param params[] = {
  NACRE_PARAM(rotation_cfg, factor, NULL, "[-1,1]", "",
              "Share of a full turn, against the clock; f means [-f, f].",
              0),
  NACRE_PARAM(rotation_cfg, fill_mode, "reflect", IMAGE_FILL_MODES, "",
              "What comes in: one value, the nearest pixel, the mirrored or "
              "the repeated image.", 0),
  NACRE_PARAM(rotation_cfg, interpolation, "bilinear", AFFINE_INTERPOLATIONS,
              "", "How to read between pixels.", 0),
  NACRE_PARAM(rotation_cfg, fill_value, "0", "(-inf,inf)", "",
              "The value of fill_mode constant.", 0),
};

static const nacre_transform_ops ops = {
  .size = sizeof(nacre_transform_ops),
  .flags = NACRE_TRANSFORM_RANDOM | NACRE_TRANSFORM_APART,
  .plan = rotation_plan,
  .apply = rotation_apply,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_TRANSFORM,
  .contract = 1,
  .name = "random_rotation",
  .summary = "Turn images at random",
  .doc = "Each image is turned about its center by an angle drawn from the "
         "range. Images are [height, width, channels] or [height, width].",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(rotation_cfg),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(random_rotation, component)
