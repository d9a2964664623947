/* SPDX-License-Identifier: MIT */
/* random_erasing: a rectangle of noise or of one value over an image, as
 * Keras's RandomErasing; Zhong and others, "Random Erasing Data
 * Augmentation", 2017. */
#include "draws.h"
#include "image.h"

typedef struct erasing_cfg {
  nacre_floats factor, scale, value_range;
  double fill_value; /* NaN: noise */
} erasing_cfg;

static int erasing_plan(nacre_transform_plan *plan) {
  const erasing_cfg *cfg = plan->cfg;
  return image_plan(plan) == NACRE_OK &&
             image_plan_factor(plan, &cfg->factor, "factor") == NACRE_OK &&
             image_plan_factor(plan, &cfg->scale, "scale") == NACRE_OK
    ? image_plan_range(plan, &cfg->value_range, "value_range") : NACRE_ERROR;
}

/* A single number is the upper end of a range that begins at 0. */
static image_bounds from_zero(const nacre_floats *list) {
  image_bounds bounds = { 0, list->at[0] };
  return list->n == 1 ? bounds : image_bounds_of(list);
}

/* n numbers of noise, block by block of the stream from `block` on. */
static void make_noise(const erasing_cfg *cfg, nacre_key key, uint64_t block,
                       int64_t n, real *out) {
  double low = cfg->value_range.at[0], high = cfg->value_range.at[1];
  uint32_t words[4];
  double normal[4];
  for (int64_t i = 0; i < n; i++) {
    if (i % 4 == 0) {
      nacre_random_block(key, block + (uint64_t)(i / 4), words);
      draws_normals(words[0], words[1], normal);
      draws_normals(words[2], words[3], normal + 2);
    }
    double value = normal[i % 4] * high;
    value = value < low ? low : value > high ? high : value;
    out[i] = (real)value;
  }
}

/* x, out: [1, in] */
static int erasing_apply(const void *config, const nacre_shape *in,
                         const double *state, nacre_key key, int64_t n,
                         const real *x, real *out, nacre_fail *fail) {
  const erasing_cfg *cfg = config;
  const image im = image_of(in);
  image_bounds factor = from_zero(&cfg->factor);
  image_bounds scale = from_zero(&cfg->scale);
  double chance = image_draw(key, 0, factor.low, factor.high);
  bool erases = image_draw(key, 1, 0, 1) < chance;
  image_span down = image_draw_span(
    key, 4, im.height, sqrt(image_draw(key, 2, scale.low, scale.high)));
  image_span across = image_draw_span(
    key, 5, im.width, sqrt(image_draw(key, 3, scale.low, scale.high)));
  int64_t size = (across.end - across.begin) * im.channels;
  double fill = fmin(fmax(cfg->fill_value, cfg->value_range.at[0]),
                     cfg->value_range.at[1]);
  (void)state;
  (void)n;
  (void)fail;
  if (x != out) {
    memcpy(out, x, (size_t)image_count(&im) * sizeof(*out));
  }
  for (int64_t i = down.begin; i < down.end && erases; i++) {
    real *row = out + i * im.row + across.begin * im.channels;
    if (isnan(cfg->fill_value)) {
      make_noise(cfg, key, 2 + (uint64_t)(i * im.row), size, row);
      continue;
    }
    for (int64_t j = 0; j < size; j++) {
      row[j] = (real)fill;
    }
  }
  return NACRE_OK;
}

static const nacre_param params[] = {
  NACRE_PARAM(erasing_cfg, factor, "1", "[0,1]", "",
              "Probability of erasing, or the range that it is drawn from; f "
              "means [0, f].", 0),
  NACRE_PARAM(erasing_cfg, scale, "[0.02, 0.33]", "[0,1]", "",
              "Shares that the squares of both sides of the rectangle are "
              "drawn from; f means [0, f].", 0),
  NACRE_PARAM(erasing_cfg, fill_value, "null", "(-inf,inf)", "",
              "What the rectangle holds; absent: normal noise, scaled by the "
              "greatest value.", 0),
  NACRE_PARAM(erasing_cfg, value_range, "[0, 255]", "(-inf,inf)", "",
              "The least and the greatest value of a pixel.", 0),
};

static const nacre_transform_ops ops = {
  .size = sizeof(nacre_transform_ops),
  .flags = NACRE_TRANSFORM_RANDOM,
  .plan = erasing_plan,
  .apply = erasing_apply,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_TRANSFORM,
  .contract = 1,
  .name = "random_erasing",
  .summary = "Cover a rectangle of an image at random",
  .doc = "Height and width of the rectangle are drawn each for itself, then "
         "its place. Its values are clipped to `value_range`. Images are "
         "[height, width, channels] or [height, width].",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(erasing_cfg),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(random_erasing, component)
