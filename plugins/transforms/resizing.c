/* SPDX-License-Identifier: MIT */
/* resizing: images of another size, as Keras's Resizing. */
#include "affine.h"

typedef struct resizing_cfg {
  int64_t height, width;
  nacre_enum interpolation;
  bool crop_to_aspect_ratio, pad_to_aspect_ratio;
  double fill_value;
} resizing_cfg;

static int resizing_plan(nacre_transform_plan *plan) {
  const resizing_cfg *cfg = plan->cfg;
  if (cfg->crop_to_aspect_ratio && cfg->pad_to_aspect_ratio) {
    plan->fail->fail(plan->fail, NULL, "the shape of the image is kept by "
                                       "cropping or by padding, not both");
    return NACRE_ERROR;
  }
  return affine_plan(plan) == NACRE_OK
    ? image_plan_size(plan, cfg->height, cfg->width) : NACRE_ERROR;
}

/* With margins of the fill value, alike on both sides, that give it the
 * wanted shape. */
static void resize_padded(const resizing_cfg *cfg, const image *from,
                          const real *x, const image *into, real *out) {
  double shape = (double)into->height / (double)into->width;
  int64_t above =
    ((int64_t)((double)from->width * shape) - from->height) / 2;
  int64_t beside =
    ((int64_t)((double)from->height / shape) - from->width) / 2;
  above = above > 0 ? above : 0;
  beside = beside > 0 ? beside : 0;
  double down = (double)(from->height + 2 * above) / (double)into->height;
  double across = (double)(from->width + 2 * beside) / (double)into->width;
  affine to = { .xx = across, .x0 = 0.5 * across - 0.5 - (double)beside,
                .yy = down, .y0 = 0.5 * down - 0.5 - (double)above };
  /* Where there is no margin, nothing of it blends in. */
  const affine_way way = {
    beside > 0 ? IMAGE_FILL_CONSTANT : IMAGE_FILL_NEAREST,
    above > 0 ? IMAGE_FILL_CONSTANT : IMAGE_FILL_NEAREST,
    cfg->interpolation.value, (real)cfg->fill_value
  };
  affine_sample(&to, &way, from, x, into, out);
}

/* x: [n, in], out: [n, height, width, channels] */
static int resizing_apply(const void *config, const nacre_shape *in,
                          const double *state, nacre_key key, int64_t n,
                          const real *x, real *out, nacre_fail *fail) {
  const resizing_cfg *cfg = config;
  const image from = image_of(in);
  const image into = image_sized(cfg->height, cfg->width, from.channels);
  const affine_way way = { IMAGE_FILL_NEAREST, IMAGE_FILL_NEAREST,
                           cfg->interpolation.value, 0 };
  int64_t at = 0;
  image part = cfg->crop_to_aspect_ratio ? affine_middle(&from, &into, &at)
                                         : from;
  (void)state;
  (void)key;
  (void)fail;
  for (int64_t i = 0; i < n; i++) {
    const real *one = x + i * image_count(&from);
    real *to = out + i * image_count(&into);
    if (cfg->pad_to_aspect_ratio) {
      resize_padded(cfg, &from, one, &into, to);
    } else {
      affine_resize(&way, &part, one + at, &into, to);
    }
  }
  return NACRE_OK;
}

static const nacre_param params[] = {
  NACRE_PARAM(resizing_cfg, height, NULL, "[1,1000000]", "pixels",
              "Height of the images that go out.", 0),
  NACRE_PARAM(resizing_cfg, width, NULL, "[1,1000000]", "pixels",
              "Their width.", 0),
  NACRE_PARAM(resizing_cfg, interpolation, "bilinear", AFFINE_INTERPOLATIONS,
              "", "How to read between pixels.", 0),
  NACRE_PARAM(resizing_cfg, crop_to_aspect_ratio, "false", NULL, "",
              "Take the largest part in the middle that has the new shape, "
              "instead of stretching.", 0),
  NACRE_PARAM(resizing_cfg, pad_to_aspect_ratio, "false", NULL, "",
              "Add a margin instead.", 0),
  NACRE_PARAM(resizing_cfg, fill_value, "0", "(-inf,inf)", "",
              "Value of the margin.", 0),
};

static const nacre_transform_ops ops = {
  .size = sizeof(nacre_transform_ops),
  .flags = NACRE_TRANSFORM_APART,
  .plan = resizing_plan,
  .apply = resizing_apply,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_TRANSFORM,
  .contract = 1,
  .name = "resizing",
  .aliases = "resize",
  .summary = "Images of another size",
  .doc = "Images [height, width, channels] or [height, width] are sampled at "
         "the middles of the new pixels. Nothing is smoothed before an image "
         "shrinks.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(resizing_cfg),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(resizing, component)
