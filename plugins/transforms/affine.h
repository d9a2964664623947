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
  int across, down; /* IMAGE_FILL_..., beyond the sides, above and below */
  int nearest;      /* 1: the nearest pixel; 0: bilinear */
  real fill;
} affine_way;

/** The same on all sides. */
static inline affine_way affine_way_of(nacre_enum fill_mode,
                                       nacre_enum interpolation,
                                       double fill) {
  affine_way way = { fill_mode.value, fill_mode.value, interpolation.value,
                     (real)fill };
  return way;
}

#define AFFINE_INTERPOLATIONS "bilinear|nearest"

#define AFFINE_BLOCK 64    /* pixels whose places are worked out at once */
#define AFFINE_LANES 16    /* a few more are, so that vectors are whole */
#define AFFINE_WIDTH 512   /* of images whose rows are blended whole */
#define AFFINE_ROW 2048    /* numbers in such a row */

/** Two pixels of a line, and the shares of them and of the fill value. From
 *  `begin` to `end` they are neighbours that follow one another, with the
 *  same shares. */
typedef struct affine_taps {
  int32_t first[AFFINE_WIDTH], second[AFFINE_WIDTH];
  real a[AFFINE_WIDTH], b[AFFINE_WIDTH], fill[AFFINE_WIDTH];
  int64_t begin, end;
} affine_taps;

static inline int64_t affine_padded(int64_t m) {
  return (m + AFFINE_LANES - 1) / AFFINE_LANES * AFFINE_LANES;
}

/* What a kernel calls must be compiled for its processor with it. The loops
 * below compute both sides of a choice and then choose: so they become
 * vectors. */
#if defined(__GNUC__)
#define AFFINE_INLINE static inline __attribute__((__always_inline__))
#else
#define AFFINE_INLINE static inline
#endif

/** Rounded down, of numbers that fit in 32 bits. */
AFFINE_INLINE real affine_floor(real x) {
  int32_t cut = (int32_t)x;
  cut -= (real)cut > x;
  return (real)cut;
}

AFFINE_INLINE real affine_clip(real x, real low, real high) {
  x = x < low ? low : x;
  return x > high ? high : x;
}

/** Places on a line of n pixels, mapped into it. at: [m] */
AFFINE_INLINE void affine_map(int mode, real n, int64_t m, real *at) {
  switch (mode) {
  case IMAGE_FILL_REFLECT: /* about the edges of the pixels */
    for (int64_t i = 0; i < m; i++) {
      real u = (real)fabs((double)(at[i] + (real)0.5));
      u -= 2 * n * affine_floor(u / (2 * n));
      u = n - (real)fabs((double)(u - n));
      at[i] = affine_clip(u - (real)0.5, 0, n - 1);
    }
    return;
  case IMAGE_FILL_WRAP:
    for (int64_t i = 0; i < m; i++) {
      real u = at[i], side = n > 1 ? n - 1 : 1;
      real before = u + n * (1 + affine_floor(-u / side));
      real behind = u - n * affine_floor(u / side);
      real moved = u < 0 ? before : behind;
      int inside = (u >= 0) & (u <= n - 1);
      at[i] = affine_clip(inside ? u : moved, 0, n - 1);
    }
    return;
  case IMAGE_FILL_NEAREST:
    for (int64_t i = 0; i < m; i++) {
      at[i] = affine_clip(at[i], 0, n - 1);
    }
    return;
  default: /* far out is as good as just out */
    for (int64_t i = 0; i < m; i++) {
      at[i] = affine_clip(at[i], -2, n + 1);
    }
  }
}

/** The taps of m places on a line of n pixels. at: [m], of which nothing is
 *  left; first .. fill: [m], first and second times `step` */
AFFINE_INLINE void affine_find(int mode, int nearest, int64_t n, int64_t step,
                               int64_t m, real *at, int32_t *first,
                               int32_t *second, real *a, real *b,
                               real *fill) {
  const int32_t end = (int32_t)n - 1, by = (int32_t)step;
  const real bound = mode == IMAGE_FILL_CONSTANT ? 0 : 1;
  affine_map(mode, (real)n, m, at);
  for (int64_t i = 0; i < m && nearest; i++) {
    at[i] = affine_floor(at[i] + (real)0.5);
  }
  for (int64_t i = 0; i < m; i++) {
    real down = affine_floor(at[i]), part = at[i] - down;
    int32_t low = (int32_t)down;
    int has_low = (low >= 0) & (low <= end);
    int has_high = (low >= -1) & (low < end);
    real in_low = has_low ? (real)1 : bound;
    real in_high = has_high ? (real)1 : bound;
    int32_t high = low + 1;
    low = low < 0 ? 0 : low > end ? end : low;
    high = high < 0 ? 0 : high > end ? end : high;
    first[i] = low * by;
    second[i] = high * by;
    a[i] = (1 - part) * in_low;
    b[i] = part * in_high;
    fill[i] = (1 - part) * (1 - in_low) + part * (1 - in_high);
  }
}

/** The taps of m places on a line of n pixels, i at scale i + offset. */
NACRE_KERNEL static void affine_line(int mode, int nearest, int64_t n,
                                     int64_t m, double scale, double offset,
                                     affine_taps *taps) {
  real at[AFFINE_BLOCK];
  for (int64_t i = 0; i < m; i += AFFINE_BLOCK) {
    int64_t k = m - i < AFFINE_BLOCK ? affine_padded(m - i) : AFFINE_BLOCK;
    for (int64_t j = 0; j < k; j++) {
      at[j] = (real)(scale * (double)(i + j) + offset);
    }
    affine_find(mode, nearest, n, 1, k, at, taps->first + i,
                taps->second + i, taps->a + i, taps->b + i, taps->fill + i);
  }
  taps->begin = taps->end = 0;
  if (scale < 1 || scale > 1 || nearest) {
    return;
  }
  int64_t begin = (int64_t)ceil(-offset);
  int64_t end = (int64_t)floor((double)n - 1 - offset);
  real part = (real)(offset - floor(offset));
  taps->begin = begin < 0 ? 0 : begin;
  taps->end = end > m ? m : end;
  for (int64_t i = taps->begin; i < taps->end; i++) {
    taps->first[i] = (int32_t)((double)i + floor(offset));
    taps->a[i] = 1 - part;
    taps->b[i] = part;
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

/** Pixels [i, end) of a row of `channels` each, by taps. row, y: [width,
 *  channels] */
NACRE_KERNEL static void affine_gather(const affine_taps *taps, int64_t i,
                                       int64_t end, int64_t channels,
                                       real fill, const real *row, real *y) {
  if (channels == 1) {
    for (; i < end; i++) {
      y[i] = taps->a[i] * row[taps->first[i]] +
             taps->b[i] * row[taps->second[i]] + taps->fill[i] * fill;
    }
    return;
  }
  for (; i < end; i++) {
    const real *first = row + taps->first[i] * channels;
    const real *second = row + taps->second[i] * channels;
    real rest = taps->fill[i] * fill;
    for (int64_t j = 0; j < channels; j++) {
      y[i * channels + j] =
        taps->a[i] * first[j] + taps->b[i] * second[j] + rest;
    }
  }
}

/** A whole row. */
static inline void affine_row(const affine_taps *taps, int64_t width,
                              int64_t channels, real fill, const real *row,
                              real *y) {
  int64_t begin = taps->begin, end = taps->end;
  if (begin >= end) {
    affine_gather(taps, 0, width, channels, fill, row, y);
    return;
  }
  const real *first = row + taps->first[begin] * channels;
  affine_gather(taps, 0, begin, channels, fill, row, y);
  affine_blend((end - begin) * channels, taps->a[begin], first,
               taps->b[begin], first + channels, 0, y + begin * channels);
  affine_gather(taps, end, width, channels, fill, row, y);
}

/** Rows and columns stay such: blends rows, then within the row. */
static inline void affine_straight(const affine *to, const affine_way *way,
                                   const image *from, const real *x,
                                   const image *into, real *out) {
  affine_taps across, down;
  real row[AFFINE_ROW];
  int64_t size = from->width * from->channels;
  affine_line(way->across, way->nearest, from->width, into->width, to->xx,
              to->x0, &across);
  affine_line(way->down, way->nearest, from->height, into->height, to->yy,
              to->y0, &down);
  for (int64_t i = 0; i < into->height; i++) {
    affine_blend(size, down.a[i], x + down.first[i] * from->row, down.b[i],
                 x + down.second[i] * from->row, down.fill[i] * way->fill,
                 row);
    affine_row(&across, into->width, into->channels, way->fill, row,
               out + i * into->row);
  }
}

/** A block of pixels from column `col` of row `line`. out: [m, channels] */
NACRE_KERNEL static void affine_block(const affine *to,
                                      const affine_way *way,
                                      const image *from, int64_t line,
                                      int64_t col, int64_t m, const real *x,
                                      real *out) {
  int32_t left[AFFINE_BLOCK], right[AFFINE_BLOCK];
  int32_t top[AFFINE_BLOCK], bottom[AFFINE_BLOCK];
  real a[AFFINE_BLOCK], b[AFFINE_BLOCK], c[AFFINE_BLOCK], d[AFFINE_BLOCK];
  real beside[AFFINE_BLOCK], above[AFFINE_BLOCK];
  real across[AFFINE_BLOCK], down[AFFINE_BLOCK];
  const double y = (double)line;
  const real x0 = (real)(to->xx * (double)col + to->xy * y + to->x0);
  const real y0 = (real)(to->yx * (double)col + to->yy * y + to->y0);
  const int64_t channels = from->channels, k = affine_padded(m);
  for (int64_t i = 0; i < k; i++) {
    across[i] = (real)to->xx * (real)i + x0;
    down[i] = (real)to->yx * (real)i + y0;
  }
  affine_find(way->across, way->nearest, from->width, channels, k, across,
              left, right, a, b, beside);
  affine_find(way->down, way->nearest, from->height, from->row, k, down, top,
              bottom, c, d, above);
  for (int64_t i = 0; i < k; i++) {
    beside[i] = (beside[i] * (c[i] + d[i]) + above[i]) * way->fill;
  }
  for (int64_t j = 0; j < channels; j++) {
    const real *plane = x + j;
    for (int64_t i = 0; i < k; i++) {
      real high = a[i] * plane[top[i] + left[i]] +
                  b[i] * plane[top[i] + right[i]];
      real low = a[i] * plane[bottom[i] + left[i]] +
                 b[i] * plane[bottom[i] + right[i]];
      across[i] = c[i] * high + d[i] * low + beside[i];
    }
    for (int64_t i = 0; i < m; i++) {
      out[i * channels + j] = across[i];
    }
  }
}

/** Samples one image. x: [from->height, from->width, channels] (rows
 *  from->row apart), out: [into->height, into->width, channels], apart */
static inline void affine_sample(const affine *to, const affine_way *way,
                                 const image *from, const real *x,
                                 const image *into, real *out) {
  if (to->xy == 0 && to->yx == 0 && into->width <= AFFINE_WIDTH &&
      into->height <= AFFINE_WIDTH &&
      from->width * from->channels <= AFFINE_ROW) {
    affine_straight(to, way, from, x, into, out);
    return;
  }
  for (int64_t i = 0; i < into->height; i++) {
    for (int64_t j = 0; j < into->width; j += AFFINE_BLOCK) {
      int64_t m = into->width - j < AFFINE_BLOCK ? into->width - j
                                                 : AFFINE_BLOCK;
      affine_block(to, way, from, i, j, m, x,
                   out + i * into->row + j * into->channels);
    }
  }
}

/** Gives an image another size: pixels are areas, as in Keras's Resizing. */
static inline void affine_resize(const affine_way *way, const image *from,
                                 const real *x, const image *into,
                                 real *out) {
  double down = (double)from->height / (double)into->height;
  double across = (double)from->width / (double)into->width;
  affine to = { .xx = across, .x0 = 0.5 * across - 0.5,
                .yy = down, .y0 = 0.5 * down - 0.5 };
  affine_sample(&to, way, from, x, into, out);
}

/** The largest part in the middle with the shape of another image; begins at
 *  `*at` of the numbers. */
static inline image affine_middle(const image *from, const image *shape,
                                  int64_t *at) {
  image part = *from;
  int64_t height =
    (int64_t)((double)from->width * (double)shape->height /
              (double)shape->width);
  int64_t width =
    (int64_t)((double)from->height * (double)shape->width /
              (double)shape->height);
  part.height = height < from->height ? height : from->height;
  part.height = part.height < 1 ? 1 : part.height;
  part.width = width < from->width ? width : from->width;
  part.width = part.width < 1 ? 1 : part.width;
  *at = (from->height - part.height) / 2 * from->row +
        (from->width - part.width) / 2 * from->channels;
  return part;
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
