/* SPDX-License-Identifier: MIT */
/* random_zoom: scales images, as Keras's RandomZoom. */
#include "affine.h"

typedef struct zoom_cfg {
  nacre_floats height_factor, width_factor; /* the second: n 0 if absent */
  nacre_enum fill_mode, interpolation;
  double fill_value;
} zoom_cfg;

static int zoom_plan(nacre_transform_plan *plan) {
  const zoom_cfg *cfg = plan->cfg;
  if (affine_plan(plan) != NACRE_OK ||
      image_plan_factor(plan, &cfg->height_factor, "height_factor") !=
        NACRE_OK) {
    return NACRE_ERROR;
  }
  return cfg->width_factor.n == 0
    ? NACRE_OK
    : image_plan_factor(plan, &cfg->width_factor, "width_factor");
}

/* x, out: [1, in] */
static int zoom_apply(const void *config, const nacre_shape *in,
                      const double *state, nacre_key key, int64_t n,
                      const real *x, real *out, nacre_fail *fail) {
  const zoom_cfg *cfg = config;
  const image im = image_of(in);
  const affine_way way =
    affine_way_of(cfg->fill_mode, cfg->interpolation, cfg->fill_value);
  image_bounds height = image_bounds_of(&cfg->height_factor);
  image_bounds width = image_bounds_of(&cfg->width_factor);
  double down = 1 + image_draw(key, 0, height.low, height.high);
  double across = cfg->width_factor.n == 0
    ? down : 1 + image_draw(key, 1, width.low, width.high);
  (void)state;
  (void)n;
  (void)fail;
  affine to = { .xx = across,
                .x0 = 0.5 * (double)(im.width - 1) * (1 - across),
                .yy = down,
                .y0 = 0.5 * (double)(im.height - 1) * (1 - down) };
  affine_sample(&to, &way, &im, x, &im, out);
  return NACRE_OK;
}

static const nacre_param params[] = {
  NACRE_PARAM_AS(zoom_cfg, height_factor, "height", NULL, "(-1,1]", "",
                 "Share by which more of the height is seen (below 0: less); "
                 "f means [-f, f].", 0),
  NACRE_PARAM_AS(zoom_cfg, width_factor, "width", "null", "(-1,1]", "",
                 "The same of the width; absent: the image keeps its shape.",
                 0),
  NACRE_PARAM(zoom_cfg, fill_mode, "reflect", IMAGE_FILL_MODES, "",
              "What comes in: one value, the nearest pixel, the mirrored or "
              "the repeated image.", 0),
  NACRE_PARAM(zoom_cfg, interpolation, "bilinear", AFFINE_INTERPOLATIONS,
              "", "How to read between pixels.", 0),
  NACRE_PARAM(zoom_cfg, fill_value, "0", "(-inf,inf)", "",
              "The value of fill_mode constant.", 0),
};

static const nacre_transform_ops ops = {
  .size = sizeof(nacre_transform_ops),
  .flags = NACRE_TRANSFORM_RANDOM | NACRE_TRANSFORM_APART,
  .plan = zoom_plan,
  .apply = zoom_apply,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_TRANSFORM,
  .contract = 1,
  .name = "random_zoom",
  .summary = "Scale images at random",
  .doc = "Each image is scaled about its center: 0.2 shows a fifth more than "
         "the image, so that it shrinks, -0.2 a fifth less. Images are "
         "[height, width, channels] or [height, width].",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(zoom_cfg),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(random_zoom, component)
