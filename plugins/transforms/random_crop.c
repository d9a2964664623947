/* SPDX-License-Identifier: MIT */
/* random_crop: a part of an image at a random place, as Keras's RandomCrop,
 * with a margin around the image if wanted. */
#include "image.h"

typedef struct crop_cfg {
  int64_t height, width, padding;
  nacre_enum fill_mode;
  double fill_value;
} crop_cfg;

static int crop_plan(nacre_transform_plan *plan) {
  const crop_cfg *cfg = plan->cfg;
  if (image_plan(plan) != NACRE_OK) {
    return NACRE_ERROR;
  }
  image im = image_of(&plan->in.shape);
  int64_t margin = 2 * cfg->padding;
  if (cfg->height - margin > im.height || cfg->width - margin > im.width) {
    plan->fail->fail(plan->fail, NULL,
                     "%lld x %lld cannot be cut out of images of %lld x %lld"
                     " with a padding of %lld", (long long)cfg->height,
                     (long long)cfg->width, (long long)im.height,
                     (long long)im.width, (long long)cfg->padding);
    return NACRE_ERROR;
  }
  return image_plan_size(plan, cfg->height, cfg->width);
}

/* Columns [from, to) of the part, which are beyond the edges. */
static void fill_columns(const crop_cfg *cfg, const image *im, const real *x,
                         int64_t left, int64_t from, int64_t to, real *out) {
  int64_t c = im->channels;
  for (int64_t i = from; i < to; i++) {
    int64_t at = image_at(cfg->fill_mode.value, left + i, im->width);
    for (int64_t j = 0; j < c; j++) {
      out[i * c + j] = at < 0 ? (real)cfg->fill_value : x[at * c + j];
    }
  }
}

/* Columns [left, left + width) of a row, beyond the edges as fill_mode says.
 * x: [im->width, channels], out: [width, channels] */
static void copy_row(const crop_cfg *cfg, const image *im, const real *x,
                     int64_t left, real *out) {
  int64_t c = im->channels, width = cfg->width;
  int64_t first = left < 0 ? -left : 0; /* the columns that are inside */
  int64_t last = im->width - left < width ? im->width - left : width;
  if (first >= last) {
    fill_columns(cfg, im, x, left, 0, width, out);
    return;
  }
  fill_columns(cfg, im, x, left, 0, first, out);
  memcpy(out + first * c, x + (left + first) * c,
         (size_t)((last - first) * c) * sizeof(*out));
  fill_columns(cfg, im, x, left, last, width, out);
}

/* top, left: of the part, in the image, negative in the margin before it */
static void crop(const crop_cfg *cfg, const image *im, int64_t top,
                 int64_t left, const real *x, real *out) {
  int64_t row = im->width * im->channels, size = cfg->width * im->channels;
  for (int64_t i = 0; i < cfg->height; i++, out += size) {
    int64_t at = image_at(cfg->fill_mode.value, top + i, im->height);
    if (at >= 0) {
      copy_row(cfg, im, x + at * row, left, out);
      continue;
    }
    for (int64_t j = 0; j < size; j++) {
      out[j] = (real)cfg->fill_value;
    }
  }
}

/* x: [1, in], out: [1, height, width, channels] */
static int crop_apply(const void *config, const nacre_shape *in,
                      const double *state, nacre_key key, int64_t n,
                      const real *x, real *out, nacre_fail *fail) {
  const crop_cfg *cfg = config;
  const image im = image_of(in);
  int64_t pad = cfg->padding;
  (void)state;
  (void)n;
  (void)fail;
  int64_t top =
    image_draw_below(key, 0, im.height + 2 * pad - cfg->height + 1);
  int64_t left =
    image_draw_below(key, 1, im.width + 2 * pad - cfg->width + 1);
  crop(cfg, &im, top - pad, left - pad, x, out);
  return NACRE_OK;
}

/* Where the center falls between pixels, up and to the left, as Keras. */
static int crop_still(const void *config, const nacre_shape *in,
                      const double *state, int64_t n, const real *x,
                      real *out, nacre_fail *fail) {
  const crop_cfg *cfg = config;
  const image im = image_of(in);
  int64_t pad = cfg->padding;
  int64_t count = cfg->height * cfg->width * im.channels;
  (void)state;
  (void)fail;
  for (int64_t i = 0; i < n; i++) {
    crop(cfg, &im, (im.height + 2 * pad - cfg->height) / 2 - pad,
         (im.width + 2 * pad - cfg->width) / 2 - pad, x + i * image_count(&im),
         out + i * count);
  }
  return NACRE_OK;
}

static const nacre_param params[] = {
  NACRE_PARAM(crop_cfg, height, NULL, "[1,1000000000]", "pixels",
              "Height of the part.", 0),
  NACRE_PARAM(crop_cfg, width, NULL, "[1,1000000000]", "pixels",
              "Width of the part.", 0),
  NACRE_PARAM(crop_cfg, padding, "0", "[0,1000000]", "pixels",
              "Margin around the image that the part may reach into.", 0),
  NACRE_PARAM(crop_cfg, fill_mode, "constant", IMAGE_FILL_MODES, "",
              "What the margin holds: one value, the nearest pixel, the "
              "mirrored or the repeated image.", 0),
  NACRE_PARAM(crop_cfg, fill_value, "0", "(-inf,inf)", "",
              "The value of a constant margin.", 0),
};

static const nacre_transform_ops ops = {
  .size = sizeof(nacre_transform_ops),
  .flags = NACRE_TRANSFORM_RANDOM | NACRE_TRANSFORM_APART,
  .plan = crop_plan,
  .apply = crop_apply,
  .still = crop_still,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_TRANSFORM,
  .contract = 1,
  .name = "random_crop",
  .summary = "Cut a part out of an image at a random place",
  .doc = "In evaluation and prediction the part is the one in the middle. "
         "`height: 32, width: 32, padding: 4` shifts images of 32 x 32 by up "
         "to four pixels. Images are [height, width, channels] or [height, "
         "width].",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(crop_cfg),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(random_crop, component)
