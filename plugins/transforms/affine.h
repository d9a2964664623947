/* SPDX-License-Identifier: MIT */
/* affine: images sampled at other places: moved, scaled, turned.
 *
 * The edges are TensorFlow's, on which Keras's augmentations stand: places
 * are mapped into the image before anything is read there, so that wrapped
 * and mirrored images do not blend across the seam. */
#ifndef NACRE_TRANSFORMS_AFFINE_H
#define NACRE_TRANSFORMS_AFFINE_H

#include "image.h"

/** The pixel (x, y) that goes out is taken from (xx x + xy y + x0,
 *  yx x + yy y + y0). */
typedef struct affine {
  double xx, xy, x0, yx, yy, y0;
} affine;

/** How to sample. */
typedef struct affine_way {
  int fill_mode; /* IMAGE_FILL_... */
  int nearest;   /* 1: the nearest pixel; 0: bilinear */
  real fill;
} affine_way;

#define AFFINE_INTERPOLATIONS "bilinear|nearest"

#define AFFINE_BLOCK 64    /* pixels whose places are worked out at once */
#define AFFINE_WIDTH 512   /* of images whose rows are blended whole */
#define AFFINE_ROW 2048    /* numbers in such a row */

/** Two pixels of a line, and the shares of them and of the fill value. */
typedef struct affine_taps {
  int32_t first[AFFINE_WIDTH], second[AFFINE_WIDTH];
  real a[AFFINE_WIDTH], b[AFFINE_WIDTH], fill[AFFINE_WIDTH];
} affine_taps;

/** A place on a line of n pixels, mapped into it. */
static inline real affine_map(int mode, real at, real n) {
  if (mode == IMAGE_FILL_REFLECT) { /* about the edges of the pixels */
    real u = at + (real)0.5;
    u = u < 0 ? -u : u;
    u -= 2 * n * (real)floor((double)(u / (2 * n)));
    u = u > n ? 2 * n - u : u;
    at = u - (real)0.5;
  } else if (mode == IMAGE_FILL_WRAP) {
    at -= n * (real)floor((double)(at / n));
  }
  if (mode != IMAGE_FILL_CONSTANT) {
    at = at < 0 ? 0 : at;
    at = at > n - 1 ? n - 1 : at;
  } else { /* far out is as good as just out, and can be counted */
    at = at < -2 ? -2 : at;
    at = at > n + 1 ? n + 1 : at;
  }
  return at;
}

/** The taps of m places on a line of n pixels. at: [m], m <= AFFINE_BLOCK;
 *  first .. fill: [m] */
static inline void affine_find(const affine_way *way, int64_t n, int64_t m,
                               const real *at, int32_t *first,
                               int32_t *second, real *a, real *b,
                               real *fill) {
  const int32_t end = (int32_t)n - 1;
  for (int64_t i = 0; i < m; i++) {
    real place = affine_map(way->fill_mode, at[i], (real)n);
    if (way->nearest) {
      place = (real)floor((double)place + 0.5);
    }
    /* At least -2: cutting off is rounding down. */
    int32_t low = (int32_t)(place + 2) - 2;
    real part = place - (real)low;
    real inside_low = low >= 0 && low <= end ? (real)1 : (real)0;
    real inside_high = low >= -1 && low < end ? (real)1 : (real)0;
    if (way->fill_mode != IMAGE_FILL_CONSTANT) {
      inside_low = inside_high = 1;
    }
    first[i] = low < 0 ? 0 : low > end ? end : low;
    second[i] = low + 1 < 0 ? 0 : low + 1 > end ? end : low + 1;
    a[i] = (1 - part) * inside_low;
    b[i] = part * inside_high;
    fill[i] = (1 - part) * (1 - inside_low) + part * (1 - inside_high);
  }
}

/** The taps of a whole line whose place i is scale i + offset. */
static inline void affine_line(const affine_way *way, int64_t n, double scale,
                               double offset, affine_taps *taps) {
  real at[AFFINE_BLOCK];
  for (int64_t i = 0; i < n; i += AFFINE_BLOCK) {
    int64_t m = n - i < AFFINE_BLOCK ? n - i : AFFINE_BLOCK;
    for (int64_t j = 0; j < m; j++) {
      at[j] = (real)(scale * (double)(i + j) + offset);
    }
    affine_find(way, n, m, at, taps->first + i, taps->second + i,
                taps->a + i, taps->b + i, taps->fill + i);
  }
}

/** y = wa a + wb b + rest. [n] */
NACRE_KERNEL static void affine_blend(int64_t n, real wa, const real *a,
                                      real wb, const real *b, real rest,
                                      real *y) {
  for (int64_t i = 0; i < n; i++) {
    y[i] = wa * a[i] + wb * b[i] + rest;
  }
}

/** A row of `channels` each, by taps. row, y: [width, channels] */
NACRE_KERNEL static void affine_gather(const affine_taps *taps,
                                       int64_t width, int64_t channels,
                                       real fill, const real *row, real *y) {
  if (channels == 1) {
    for (int64_t i = 0; i < width; i++) {
      y[i] = taps->a[i] * row[taps->first[i]] +
             taps->b[i] * row[taps->second[i]] + taps->fill[i] * fill;
    }
    return;
  }
  for (int64_t i = 0; i < width; i++) {
    const real *first = row + taps->first[i] * channels;
    const real *second = row + taps->second[i] * channels;
    real rest = taps->fill[i] * fill;
    for (int64_t j = 0; j < channels; j++) {
      y[i * channels + j] =
        taps->a[i] * first[j] + taps->b[i] * second[j] + rest;
    }
  }
}

/** Rows and columns stay such: blends rows, then within the row. */
static inline void affine_straight(const affine *to, const affine_way *way,
                                   const image *im, const real *x,
                                   real *out) {
  affine_taps across, down;
  real row[AFFINE_ROW];
  int64_t size = im->width * im->channels;
  affine_line(way, im->width, to->xx, to->x0, &across);
  affine_line(way, im->height, to->yy, to->y0, &down);
  for (int64_t i = 0; i < im->height; i++) {
    affine_blend(size, down.a[i], x + down.first[i] * size, down.b[i],
                 x + down.second[i] * size, down.fill[i] * way->fill, row);
    affine_gather(&across, im->width, im->channels, way->fill, row,
                  out + i * size);
  }
}

/** A block of pixels from column `col` of row `line`. out: [m, channels] */
NACRE_KERNEL static void affine_block(const affine *to,
                                      const affine_way *way, const image *im,
                                      int64_t line, int64_t col, int64_t m,
                                      const real *x, real *out) {
  int32_t left[AFFINE_BLOCK], right[AFFINE_BLOCK];
  int32_t top[AFFINE_BLOCK], bottom[AFFINE_BLOCK];
  real a[AFFINE_BLOCK], b[AFFINE_BLOCK], c[AFFINE_BLOCK], d[AFFINE_BLOCK];
  real beside[AFFINE_BLOCK], above[AFFINE_BLOCK];
  real across[AFFINE_BLOCK], down[AFFINE_BLOCK];
  const double y = (double)line;
  const real x0 = (real)(to->xx * (double)col + to->xy * y + to->x0);
  const real y0 = (real)(to->yx * (double)col + to->yy * y + to->y0);
  const int64_t channels = im->channels, size = im->width * channels;
  for (int64_t i = 0; i < m; i++) {
    across[i] = (real)to->xx * (real)i + x0;
    down[i] = (real)to->yx * (real)i + y0;
  }
  affine_find(way, im->width, m, across, left, right, a, b, beside);
  affine_find(way, im->height, m, down, top, bottom, c, d, above);
  for (int64_t j = 0; j < channels; j++) {
    const real *plane = x + j;
    for (int64_t i = 0; i < m; i++) {
      const real *upper = plane + top[i] * size;
      const real *lower = plane + bottom[i] * size;
      int64_t first = left[i] * channels, second = right[i] * channels;
      real edge = beside[i] * way->fill;
      real high = a[i] * upper[first] + b[i] * upper[second] + edge;
      real low = a[i] * lower[first] + b[i] * lower[second] + edge;
      out[i * channels + j] = c[i] * high + d[i] * low +
                              above[i] * way->fill;
    }
  }
}

/** Samples one image. x, out: [height, width, channels], apart */
static inline void affine_sample(const affine *to, const affine_way *way,
                                 const image *im, const real *x, real *out) {
  if (to->xy == 0 && to->yx == 0 && im->width <= AFFINE_WIDTH &&
      im->height <= AFFINE_WIDTH &&
      im->width * im->channels <= AFFINE_ROW) {
    affine_straight(to, way, im, x, out);
    return;
  }
  for (int64_t i = 0; i < im->height; i++) {
    for (int64_t j = 0; j < im->width; j += AFFINE_BLOCK) {
      int64_t m = im->width - j < AFFINE_BLOCK ? im->width - j
                                               : AFFINE_BLOCK;
      affine_block(to, way, im, i, j, m, x,
                   out + (i * im->width + j) * im->channels);
    }
  }
}

/** Refuses images whose pixels do not count in 32 bits. */
static inline int affine_plan(nacre_transform_plan *plan) {
  if (image_plan(plan) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (nacre_shape_count(&plan->in.shape) > INT32_MAX / 2) {
    plan->fail->fail(plan->fail, NULL, "images of field '%s' are too large",
                     plan->in.name);
    return NACRE_ERROR;
  }
  return NACRE_OK;
}

#endif
