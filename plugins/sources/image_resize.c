/* SPDX-License-Identifier: MIT */
/* image_resize: images at another size, in other colours.
 *
 * Each output row or column is a weighted sum of a few that follow one
 * another in the input. Bicubic: Keys, "Cubic convolution interpolation for
 * digital image processing", 1981, with a = -1/2, from a table of 1024 steps
 * a pixel, as TensorFlow has it. */
#include "image.h"

#include <math.h>
#include <string.h>

#define STEPS 1024

/* How one axis becomes another length. */
typedef struct axis {
  int64_t *first;  /* [n] of the inputs that each output sums */
  int32_t *count;  /* [n] */
  float *weight;   /* [n, taps] */
  int64_t n, taps;
} axis;

static double keys(double x) {
  x = fabs(x);
  return x <= 1  ? (1.5 * x - 2.5) * x * x + 1
         : x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

static void put_bilinear(axis *self, int64_t i, double at, int64_t in) {
  double low = floor(at);
  float upper = (float)(at - low);
  int64_t first = low < 0 ? 0 : (int64_t)low;
  int64_t last = (int64_t)ceil(at) < in - 1 ? (int64_t)ceil(at) : in - 1;
  self->first[i] = first < in ? first : in - 1;
  self->count[i] = last > first ? 2 : 1;
  self->weight[2 * i] = last > first ? 1 - upper : 1;
  self->weight[2 * i + 1] = upper;
}

static void put_bicubic(axis *self, int64_t i, double at, int64_t in) {
  double low = floor(at), sum = 0;
  double offset = rint((at - low) * STEPS) / STEPS;
  float *weight = self->weight + self->taps * i;
  int32_t n = 0;
  for (int tap = -1; tap < 3; tap++) {
    int64_t from = (int64_t)low + tap;
    if (from >= 0 && from < in) {
      self->first[i] = n == 0 ? from : self->first[i];
      weight[n] = (float)keys(tap - offset);
      sum += (double)weight[n++];
    }
  }
  self->count[i] = n;
  for (int32_t tap = 0; tap < n; tap++) {
    weight[tap] = (float)((double)weight[tap] / sum);
  }
}

static void put_area(axis *self, int64_t i, double scale, int64_t in) {
  double from = (double)i * scale, to = (double)(i + 1) * scale;
  int64_t first = (int64_t)floor(from), end = (int64_t)ceil(to);
  end = end < in ? end : in;
  first = first < end ? first : end - 1;
  self->first[i] = first;
  self->count[i] = (int32_t)(end - first < self->taps ? end - first
                                                      : self->taps);
  for (int32_t tap = 0; tap < self->count[i]; tap++) {
    double left = (double)(first + tap), right = left + 1;
    left = left > from ? left : from;
    right = right < to ? right : to;
    self->weight[self->taps * i + tap] = (float)((right - left) / scale);
  }
}

/* TensorFlow works in float here, and so must the places. */
static void fill(axis *self, int interpolation, int64_t in) {
  float scale = (float)in / (float)self->n;
  for (int64_t i = 0; i < self->n; i++) {
    float centre = ((float)i + 0.5f) * scale;
    if (interpolation == IMAGE_NEAREST) {
      int64_t from = (int64_t)floorf(centre);
      self->first[i] = from < in - 1 ? from : in - 1;
      self->count[i] = 1;
      self->weight[i] = 1;
    } else if (interpolation == IMAGE_BICUBIC) {
      put_bicubic(self, i, (double)(centre - 0.5f), in);
    } else if (interpolation == IMAGE_AREA) {
      put_area(self, i, (double)scale, in);
    } else {
      put_bilinear(self, i, (double)(centre - 0.5f), in);
    }
  }
}

static int begin(axis *self, const nacre_host *host, int interpolation,
                 int64_t in, int64_t out) {
  self->n = out;
  self->taps = interpolation == IMAGE_NEAREST   ? 1
               : interpolation == IMAGE_BICUBIC ? 4
               : interpolation == IMAGE_AREA    ? in / out + 3 : 2;
  size_t n = (size_t)out;
  self->first = host->alloc(n, sizeof(*self->first));
  self->count = host->alloc(n, sizeof(*self->count));
  self->weight = host->alloc(n, (size_t)self->taps * sizeof(*self->weight));
  if (self->first == NULL || self->count == NULL || self->weight == NULL) {
    return NACRE_ERROR;
  }
  fill(self, interpolation, in);
  return NACRE_OK;
}

static void end(axis *self, const nacre_host *host) {
  host->free(self->first);
  host->free(self->count);
  host->free(self->weight);
}

/* One row of the input, made as wide as the output and weighted, is added to
 * one of the output. */
static void add_row(const axis *across, const uint8_t *row, int channels,
                    float share, float *sum) {
  for (int64_t x = 0; x < across->n; x++) {
    const float *weight = across->weight + across->taps * x;
    const uint8_t *from = row + across->first[x] * channels;
    for (int c = 0; c < channels; c++) {
      float value = 0;
      for (int32_t tap = 0; tap < across->count[x]; tap++) {
        value += weight[tap] * (float)from[tap * channels + c];
      }
      sum[x * channels + c] += share * value;
    }
  }
}

static void resize_rows(const image_view *in, const axis *down,
                        const axis *across, float *sum, real *out) {
  int64_t width = across->n * in->channels;
  for (int64_t y = 0; y < down->n; y++) {
    memset(sum, 0, (size_t)width * sizeof(*sum));
    for (int32_t tap = 0; tap < down->count[y]; tap++) {
      add_row(across, in->at + (down->first[y] + tap) * in->stride,
              in->channels, down->weight[down->taps * y + tap], sum);
    }
    for (int64_t i = 0; i < width; i++) {
      out[y * width + i] = (real)sum[i];
    }
  }
}

static void copy(const image_view *in, real *out) {
  int64_t width = in->width * in->channels;
  for (int64_t y = 0; y < in->height; y++) {
    const uint8_t *row = in->at + y * in->stride;
    for (int64_t i = 0; i < width; i++) {
      out[y * width + i] = (real)row[i];
    }
  }
}

int image_resize(const nacre_host *host, const image_view *in,
                 int interpolation, int64_t height, int64_t width,
                 real *out) {
  axis down = { 0 }, across = { 0 };
  if (in->height == height && in->width == width) {
    copy(in, out);
    return NACRE_OK;
  }
  float *sum = host->alloc((size_t)width,
                           (size_t)in->channels * sizeof(*sum));
  int status = sum != NULL ? NACRE_OK : NACRE_ERROR;
  if (status == NACRE_OK) {
    status = begin(&down, host, interpolation, in->height, height);
  }
  if (status == NACRE_OK) {
    status = begin(&across, host, interpolation, in->width, width);
  }
  if (status == NACRE_OK) {
    resize_rows(in, &down, &across, sum, out);
  }
  end(&down, host);
  end(&across, host);
  host->free(sum);
  return status;
}

image_view image_crop(const image_view *in, int64_t height, int64_t width) {
  image_view out = *in;
  int64_t crop_height =
    (int64_t)((float)(in->width * height) / (float)width);
  int64_t crop_width = (int64_t)((float)(in->height * width) / (float)height);
  out.height = crop_height < 1            ? 1
               : crop_height < in->height ? crop_height : in->height;
  out.width = crop_width < 1           ? 1
              : crop_width < in->width ? crop_width : in->width;
  out.at += (in->height - out.height) / 2 * in->stride +
            (in->width - out.width) / 2 * in->channels;
  return out;
}

static uint8_t luma(const uint8_t *pixel) {
  return (uint8_t)((299u * pixel[0] + 587u * pixel[1] + 114u * pixel[2] +
                    500u) / 1000u);
}

/* One pixel; from and to may be the same place. */
static void convert_pixel(const uint8_t *from, int has, uint8_t *to,
                          int wants) {
  uint8_t pixel[4] = { from[0], from[0], from[0], 255 };
  if (has >= 3) {
    pixel[1] = from[1];
    pixel[2] = from[2];
  }
  if (has == 2 || has == 4) {
    pixel[3] = from[has - 1];
  }
  if (wants == 1) {
    to[0] = has >= 3 ? luma(pixel) : pixel[0];
  } else {
    memcpy(to, pixel, (size_t)wants);
  }
}

void image_convert(uint8_t *at, int64_t count, int from, int to) {
  if (from == to) {
    return;
  }
  /* Backwards where pixels grow, so that none is overwritten unread. */
  for (int64_t i = 0; i < count; i++) {
    int64_t p = from < to ? count - 1 - i : i;
    convert_pixel(at + p * from, from, at + p * to, to);
  }
}
