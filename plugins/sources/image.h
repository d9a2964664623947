/* SPDX-License-Identifier: MIT */
/* image: what the files of the image_directory source share: decoded images
 * and their way to another size. */
#ifndef NACRE_SOURCES_IMAGE_H
#define NACRE_SOURCES_IMAGE_H

#include <nacre/plugin.h>

/* Words of `interpolation`. */
#define IMAGE_BILINEAR 0
#define IMAGE_NEAREST 1
#define IMAGE_BICUBIC 2
#define IMAGE_AREA 3

/* Part of a decoded image: [height, width, channels] bytes, rows `stride`
 * bytes apart. */
typedef struct image_view {
  const uint8_t *at;
  int64_t height, width, stride;
  int32_t channels, pad;
} image_view;

/* Values 0 to 255 at another size, out: [height, width, channels]. As
 * tf.image.resize without antialiasing: pixels are squares, and what lies
 * beyond the edge has no weight. NACRE_ERROR: out of memory. */
int image_resize(const nacre_host *, const image_view *, int interpolation,
                 int64_t height, int64_t width, real *out);
/* The largest part in the middle with the proportions height : width. */
image_view image_crop(const image_view *, int64_t height, int64_t width);
/* count pixels of `from` channels (1 grey, 2 grey and alpha, 3 RGB, 4 RGB and
 * alpha) as pixels of `to` (1, 3 or 4), in place: `at` has room for both.
 * Grey is the luma of ITU-R BT.601; alpha is dropped, or 255. */
void image_convert(uint8_t *at, int64_t count, int from, int to);

#endif
