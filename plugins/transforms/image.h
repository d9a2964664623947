/* SPDX-License-Identifier: MIT */
/* image: what transforms of images share: shapes and random draws. */
#ifndef NACRE_TRANSFORMS_IMAGE_H
#define NACRE_TRANSFORMS_IMAGE_H

#include <nacre/plugin.h>

#include <math.h>
#include <string.h>

/** Samples as images: [height, width, channels], or without the last. */
typedef struct image {
  int64_t height, width, channels;
  int64_t row; /* numbers from one row to the next */
} image;

static inline image image_sized(int64_t height, int64_t width,
                                int64_t channels) {
  image im = { height, width, channels, width * channels };
  return im;
}

static inline image image_of(const nacre_shape *shape) {
  return image_sized(shape->dim[0], shape->dim[1],
                     shape->rank == 3 ? shape->dim[2] : 1);
}

static inline int64_t image_count(const image *im) {
  return im->height * im->width * im->channels;
}

/** Refuses samples that are no images. */
static inline int image_plan(nacre_transform_plan *plan) {
  const nacre_shape *shape = &plan->in.shape;
  if (shape->rank == 2 || shape->rank == 3) {
    return NACRE_OK;
  }
  plan->fail->fail(plan->fail, NULL,
                   "field '%s' has no images: its samples have %d axes, not "
                   "height, width and perhaps channels", plan->in.name,
                   (int)shape->rank);
  return NACRE_ERROR;
}

/** The same shape with another height and width; refuses what would have
 *  more elements than can be counted. */
static inline int image_plan_size(nacre_transform_plan *plan, int64_t height,
                                  int64_t width) {
  int64_t channels = image_of(&plan->in.shape).channels;
  if (height > INT64_MAX / 64 / width / channels) {
    plan->fail->fail(plan->fail, NULL, "images of %lld x %lld are too large",
                     (long long)height, (long long)width);
    return NACRE_ERROR;
  }
  plan->out.dim[0] = height;
  plan->out.dim[1] = width;
  return NACRE_OK;
}

/** Word i of a stream as a number in [low, high). */
static inline double image_draw(nacre_key key, uint32_t i, double low,
                                double high) {
  uint32_t words[4];
  nacre_random_block(key, i / 4, words);
  return low + (high - low) * (double)nacre_random_unit(words[i % 4]);
}

/** Word i of a stream as a whole number in [0, n), n below 2^32. */
static inline int64_t image_draw_below(nacre_key key, uint32_t i,
                                       int64_t n) {
  uint32_t words[4];
  nacre_random_block(key, i / 4, words);
  return (int64_t)((uint64_t)words[i % 4] * (uint64_t)n >> 32);
}

/** Bounds that a parameter gives: `f` is [-f, f], `[a, b]` itself. */
typedef struct image_bounds {
  double low, high;
} image_bounds;

static inline image_bounds image_bounds_of(const nacre_floats *factor) {
  image_bounds bounds = { 0, 0 };
  if (factor->n == 1) {
    bounds.high = fabs(factor->at[0]);
    bounds.low = -bounds.high;
  } else if (factor->n >= 2) {
    bounds.low = fmin(factor->at[0], factor->at[1]);
    bounds.high = fmax(factor->at[0], factor->at[1]);
  }
  return bounds;
}

/** Refuses a factor that is neither one number nor two. */
static inline int image_plan_factor(nacre_transform_plan *plan,
                                    const nacre_floats *factor,
                                    const char *name) {
  if (factor->n == 1 || factor->n == 2) {
    return NACRE_OK;
  }
  plan->fail->fail(plan->fail, NULL,
                   "'%s' must be one number or the two ends of a range",
                   name);
  return NACRE_ERROR;
}

/** The same for a range of values, whose ends must be in order. */
static inline int image_plan_range(nacre_transform_plan *plan,
                                   const nacre_floats *range,
                                   const char *name) {
  if (range->n == 2 && range->at[0] < range->at[1]) {
    return NACRE_OK;
  }
  plan->fail->fail(plan->fail, NULL,
                   "'%s' must be the least and the greatest value", name);
  return NACRE_ERROR;
}

/** A stretch of a line of n pixels: [begin, end). */
typedef struct image_span {
  int64_t begin, end;
} image_span;

/** The pixels of a stretch that is `part` of a line, from 0 to 1, at a place
 *  that word i of a stream draws: those whose numbers lie in it, as Keras
 *  has it. */
static inline image_span image_draw_span(nacre_key key, uint32_t i, int64_t n,
                                         double part) {
  double length = part * (double)n;
  double begin = image_draw(key, i, 0, 1) * ((double)n - length);
  image_span span = { (int64_t)ceil(begin), (int64_t)ceil(begin + length) };
  span.begin = span.begin < 0 ? 0 : span.begin;
  span.end = span.end > n ? n : span.end;
  return span;
}

/** What lies beyond the edges, as the words of the parameter `fill_mode`. */
#define IMAGE_FILL_MODES "constant|nearest|reflect|wrap"
#define IMAGE_FILL_CONSTANT 0
#define IMAGE_FILL_NEAREST 1
#define IMAGE_FILL_REFLECT 2
#define IMAGE_FILL_WRAP 3

/** The pixel of [0, n) that stands at i; -1: the fill value. */
static inline int64_t image_at(int mode, int64_t i, int64_t n) {
  if (i >= 0 && i < n) {
    return i;
  }
  switch (mode) {
  case IMAGE_FILL_CONSTANT:
    return -1;
  case IMAGE_FILL_NEAREST:
    return i < 0 ? 0 : n - 1;
  case IMAGE_FILL_WRAP:
    i %= n;
    return i < 0 ? i + n : i;
  default: /* d c b a | a b c d | d c b a */
    i %= 2 * n;
    i = i < 0 ? i + 2 * n : i;
    return i < n ? i : 2 * n - 1 - i;
  }
}

#endif
