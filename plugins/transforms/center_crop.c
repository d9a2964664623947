/* SPDX-License-Identifier: MIT */
/* center_crop: the middle of images, as Keras's CenterCrop. */
#include "affine.h"

typedef struct center_cfg {
  int64_t height, width;
} center_cfg;

static int center_plan(nacre_transform_plan *plan) {
  const center_cfg *cfg = plan->cfg;
  return affine_plan(plan) == NACRE_OK
    ? image_plan_size(plan, cfg->height, cfg->width) : NACRE_ERROR;
}

/* x: [n, in], out: [n, height, width, channels] */
static int center_apply(const void *config, const nacre_shape *in,
                        const double *state, nacre_key key, int64_t n,
                        const real *x, real *out, nacre_fail *fail) {
  const center_cfg *cfg = config;
  const image from = image_of(in);
  const image into = image_sized(cfg->height, cfg->width, from.channels);
  const affine_way way = { IMAGE_FILL_NEAREST, IMAGE_FILL_NEAREST, 0, 0 };
  bool fits = from.height >= into.height && from.width >= into.width;
  int64_t at = (from.height - into.height) / 2 * from.row +
               (from.width - into.width) / 2 * from.channels;
  int64_t middle = 0;
  image part = affine_middle(&from, &into, &middle);
  (void)state;
  (void)key;
  (void)fail;
  for (int64_t i = 0; i < n; i++) {
    const real *one = x + i * image_count(&from);
    real *to = out + i * image_count(&into);
    for (int64_t row = 0; row < into.height && fits; row++) {
      memcpy(to + row * into.row, one + at + row * from.row,
             (size_t)into.row * sizeof(*to));
    }
    if (!fits) {
      affine_resize(&way, &part, one + middle, &into, to);
    }
  }
  return NACRE_OK;
}

static const nacre_param params[] = {
  NACRE_PARAM(center_cfg, height, NULL, "[1,1000000]", "pixels",
              "Height of the part.", 0),
  NACRE_PARAM(center_cfg, width, NULL, "[1,1000000]", "pixels",
              "Width of the part.", 0),
};

static const nacre_transform_ops ops = {
  .size = sizeof(nacre_transform_ops),
  .flags = NACRE_TRANSFORM_APART,
  .plan = center_plan,
  .apply = center_apply,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_TRANSFORM,
  .contract = 1,
  .name = "center_crop",
  .summary = "The middle of images",
  .doc = "Images that are too small for it are scaled: the largest part in "
         "the middle that has the wanted shape. Images are [height, width, "
         "channels] or [height, width].",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(center_cfg),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(center_crop, component)
