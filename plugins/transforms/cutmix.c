/* SPDX-License-Identifier: MIT */
/* cutmix: puts a rectangle of one image over another, and mixes their targets
 * in proportion, as Keras's CutMix; Yun and others, "CutMix: Regularization
 * Strategy to Train Strong Classifiers with Localizable Features", 2019. */
#include "blend.h"
#include "draws.h"
#include "image.h"

typedef struct cutmix_cfg {
  nacre_floats factor;
} cutmix_cfg;

static bool is_target(const nacre_mix_field *field) {
  return (field->field.flags & NACRE_FIELD_TARGET) != 0;
}

static int cutmix_plan(const nacre_mix *mix) {
  const cutmix_cfg *cfg = mix->cfg;
  const nacre_shape *first = NULL;
  if (cfg->factor.n != 1 && cfg->factor.n != 2) {
    mix->fail->fail(mix->fail, NULL, "'factor' must be one number or the two "
                                     "ends of a range");
    return NACRE_ERROR;
  }
  for (uint32_t i = 0; i < mix->n_fields; i++) {
    const nacre_field *field = &mix->field[i].field;
    const nacre_shape *shape = &field->shape;
    if (is_target(&mix->field[i])) {
      continue;
    }
    if (shape->rank != 2 && shape->rank != 3) {
      mix->fail->fail(mix->fail, NULL,
                      "field '%s' has no images of height, width and "
                      "channels: 'field' says which has", field->name);
      return NACRE_ERROR;
    }
    if (first != NULL && (first->dim[0] != shape->dim[0] ||
                          first->dim[1] != shape->dim[1])) {
      mix->fail->fail(mix->fail, NULL,
                      "field '%s' has images of another size", field->name);
      return NACRE_ERROR;
    }
    first = shape;
  }
  return blend_plan(mix);
}

/* The rectangle of the partner into x. */
static void paste(const nacre_mix_field *field, image_span down,
                  image_span across) {
  image im = image_of(&field->field.shape);
  int64_t size = (across.end - across.begin) * im.channels;
  for (int64_t i = down.begin; i < down.end; i++) {
    int64_t at = i * im.row + across.begin * im.channels;
    memcpy(field->x + at, field->other + at, (size_t)size * sizeof(real));
  }
}

static void cutmix(const nacre_mix *mix) {
  const cutmix_cfg *cfg = mix->cfg;
  double low = cfg->factor.n == 2 ? cfg->factor.at[0] : 0;
  double high = cfg->factor.at[cfg->factor.n - 1];
  double alpha = image_draw(mix->key, 0, low, high) + 1e-6;
  double side = sqrt(1 - draws_beta(mix->key, alpha));
  double part = 1; /* that is left of the image, in whole pixels */
  for (uint32_t i = 0; i < mix->n_fields; i++) {
    if (is_target(&mix->field[i])) {
      continue;
    }
    image im = image_of(&mix->field[i].field.shape);
    image_span down = image_draw_span(mix->key, 1, im.height, side);
    image_span across = image_draw_span(mix->key, 2, im.width, side);
    paste(&mix->field[i], down, across);
    part = 1 - (double)((down.end - down.begin) *
                        (across.end - across.begin)) /
                 (double)(im.height * im.width);
  }
  for (uint32_t i = 0; i < mix->n_fields; i++) {
    if (is_target(&mix->field[i])) {
      blend_field(&mix->field[i], part);
    }
  }
}

static const nacre_param params[] = {
  NACRE_PARAM(cutmix_cfg, factor, "1", "[0,1]", "",
              "The share that stays is drawn from Beta(a, a), with a drawn "
              "from this range; f means [0, f].", 0),
};

static const nacre_transform_ops ops = {
  .size = sizeof(nacre_transform_ops),
  .flags = NACRE_TRANSFORM_RANDOM,
  .plan_mix = cutmix_plan,
  .mix = cutmix,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_TRANSFORM,
  .contract = 1,
  .name = "cutmix",
  .aliases = "cut_mix",
  .summary = "Put parts of training images into others",
  .doc = "A rectangle of a partner, out of all training samples, is put at the "
         "same place of the image; targets are mixed by the number of its "
         "pixels, which is what the image really shows. Targets must be "
         "numbers: those that are classes one-hot. Samples keep their weights. "
         "Images are [height, width, channels] or [height, width].",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(cutmix_cfg),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(cutmix, component)
