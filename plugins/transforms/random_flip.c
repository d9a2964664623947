/* SPDX-License-Identifier: MIT */
/* random_flip: mirrors images, as Keras's RandomFlip. */
#include "image.h"

#define MODE_HORIZONTAL 0
#define MODE_VERTICAL 1
#define MODE_BOTH 2

typedef struct flip_cfg {
  nacre_enum mode;
} flip_cfg;

static int flip_plan(nacre_transform_plan *plan) {
  return image_plan(plan);
}

static void swap_rows(real *a, real *b, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    real held = a[i];
    a[i] = b[i];
    b[i] = held;
  }
}

/* x: [height, width, channels] */
static void flip_columns(const image *im, real *x) {
  int64_t c = im->channels;
  for (int64_t row = 0; row < im->height; row++) {
    real *left = x + row * im->width * c, *right = left + (im->width - 1) * c;
    for (; left < right; left += c, right -= c) {
      swap_rows(left, right, c);
    }
  }
}

/* The same, into out. */
static void copy_flipped(const image *im, const real *x, real *out) {
  int64_t c = im->channels, width = im->width;
  for (int64_t row = 0; row < im->height; row++) {
    const real *from = x + row * width * c;
    real *to = out + row * width * c;
    if (c == 1) {
      for (int64_t i = 0; i < width; i++) {
        to[i] = from[width - 1 - i];
      }
      continue;
    }
    for (int64_t i = 0; i < width; i++) {
      for (int64_t j = 0; j < c; j++) {
        to[i * c + j] = from[(width - 1 - i) * c + j];
      }
    }
  }
}

/* x, out: [1, in] */
static int flip_apply(const void *config, const nacre_shape *in,
                      const double *state, nacre_key key, int64_t n,
                      const real *x, real *out, nacre_fail *fail) {
  const flip_cfg *cfg = config;
  const image im = image_of(in);
  int64_t row = im.width * im.channels;
  uint32_t words[4];
  (void)state;
  (void)n;
  (void)fail;
  nacre_random_block(key, 0, words);
  bool across = cfg->mode.value != MODE_VERTICAL && (words[0] & 1) != 0;
  bool down = cfg->mode.value != MODE_HORIZONTAL && (words[1] & 1) != 0;
  if (across && x != out) {
    copy_flipped(&im, x, out);
  } else if (across) {
    flip_columns(&im, out);
  } else if (x != out) {
    memcpy(out, x, (size_t)image_count(&im) * sizeof(*out));
  }
  for (int64_t i = 0; down && i < im.height / 2; i++) {
    swap_rows(out + i * row, out + (im.height - 1 - i) * row, row);
  }
  return NACRE_OK;
}

static const nacre_param params[] = {
  NACRE_PARAM(flip_cfg, mode, "horizontal_and_vertical",
              "horizontal|vertical|horizontal_and_vertical", "",
              "Left and right, top and bottom, or both.", 0),
};

static const nacre_transform_ops ops = {
  .size = sizeof(nacre_transform_ops),
  .flags = NACRE_TRANSFORM_RANDOM,
  .plan = flip_plan,
  .apply = flip_apply,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_TRANSFORM,
  .contract = 1,
  .name = "random_flip",
  .summary = "Mirror images at random",
  .doc = "Each image is mirrored with a probability of one half, along each "
         "axis that `mode` names. Images are [height, width, channels] or "
         "[height, width].",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(flip_cfg),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(random_flip, component)
