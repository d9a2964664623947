/* SPDX-License-Identifier: MIT */
/* media: the contracts of what takes apart the files of others: archives,
 * images and sounds. Bytes in, bytes or samples out: none of them opens a
 * file. What they are given is not trusted: sizes that a header states are
 * compared with what is there, and what is cut short is refused. */
#ifndef NACRE_ABI_MEDIA_H
#define NACRE_ABI_MEDIA_H

#include "data.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Files in one. Its component's name and aliases are the file suffixes that
 *  it stands for, a codec's suffix behind them being undone before. */
typedef struct nacre_archive_ops {
  uint32_t size, pad;
  /** [main] Calls each() for every regular file in `in`, in order. Its path
   *  is borrowed for the call; its bytes lie within `in`. What each() returns
   *  other than NACRE_OK ends the walk and is returned. Links, devices and
   *  folders are passed over. */
  int (*list)(const nacre_host *, const void *in, size_t n, void *ctx,
              int (*each)(void *ctx, const nacre_listed *), nacre_fail *);
} nacre_archive_ops;

/** What an image's header says. */
typedef struct nacre_image {
  int64_t height, width;
  int32_t channels; /* 1 grey; 2 grey, alpha; 3 red, green, blue; 4 and alpha */
  uint32_t pad;
} nacre_image;

/** A format of images. Its component's name and aliases are the file suffixes
 *  that it stands for; which one reads a file is told by probe() alone. */
typedef struct nacre_image_ops {
  uint32_t size, pad;
  /** [any] 1 when the file begins as one of this format does. */
  int (*probe)(const void *in, size_t n);
  /** [any] Reads the header. Extents are positive and below 2^31. */
  int (*info)(const nacre_host *, const void *in, size_t n, nacre_image *out,
              nacre_fail *);
  /** [any] Decodes to bytes, [height, width, channels] as info() said; values
   *  of more bits keep their eight highest. Fails on an image that is cut
   *  short or damaged. */
  int (*decode)(const nacre_host *, const void *in, size_t n,
                const nacre_image *, uint8_t *out, nacre_fail *);
  /** [any] Optional: a file of [height, width, channels] bytes. The caller
   *  frees out->at by the host's free(). */
  int (*encode)(const nacre_host *, const nacre_image *, const uint8_t *in,
                nacre_bytes *out, nacre_fail *);
} nacre_image_ops;

/** What a sound's header says. */
typedef struct nacre_sound {
  int64_t frames;   /* samples of each channel */
  int32_t channels;
  int32_t rate;     /* frames a second */
} nacre_sound;

/** A format of sounds; names and probe() as of images. */
typedef struct nacre_sound_ops {
  uint32_t size, pad;
  /** [any] 1 when the file begins as one of this format does. */
  int (*probe)(const void *in, size_t n);
  /** [any] Reads the header. All three are positive. */
  int (*info)(const nacre_host *, const void *in, size_t n, nacre_sound *out,
              nacre_fail *);
  /** [any] Decodes the first `frames` frames, at most as many as info() said:
   *  out [frames, channels], whole numbers scaled to -1 to 1. Fails on a
   *  sound that is cut short or damaged. */
  int (*decode)(const nacre_host *, const void *in, size_t n,
                const nacre_sound *, int64_t frames, float *out,
                nacre_fail *);
} nacre_sound_ops;

#ifdef __cplusplus
}
#endif

#endif
