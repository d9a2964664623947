/* SPDX-License-Identifier: MIT */
/* pnm: Netpbm's images, netpbm.sourceforge.net/doc: PBM, PGM and PPM, as text
 * (P1 to P3) and as bytes (P4 to P6).
 *
 * A header of words, with comments from '#' to the end of a line: the type,
 * the width, the height, and, but for bitmaps, the largest value. */
#include <nacre/plugin.h>

#include <stdio.h>
#include <string.h>

#define EXTENT_MOST 1073741823u /* so that bytes can be counted */

typedef struct header {
  const unsigned char *at, *end; /* what is left */
  uint32_t width, height, most;  /* most: 1 for bitmaps */
  int kind;                      /* 1 to 6 */
} header;

static int refuse(nacre_fail *fail, const char *text) {
  fail->fail(fail, NULL, "%s", text);
  return NACRE_ERROR;
}

static bool is_space(unsigned char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

static void skip_space(header *self) {
  while (self->at < self->end && (is_space(*self->at) || *self->at == '#')) {
    if (*self->at == '#') {
      while (self->at < self->end && *self->at != '\n' && *self->at != '\r') {
        self->at++;
      }
    } else {
      self->at++;
    }
  }
}

/* A number behind spaces and comments; false: there is none. */
static bool take_number(header *self, uint32_t *out) {
  uint64_t value = 0;
  skip_space(self);
  const unsigned char *first = self->at;
  while (self->at < self->end && *self->at >= '0' && *self->at <= '9') {
    value = value * 10 + (uint64_t)(*self->at++ - '0');
    if (value > EXTENT_MOST) {
      return false;
    }
  }
  *out = (uint32_t)value;
  return self->at > first;
}

static int probe(const void *in, size_t n) {
  const unsigned char *at = in;
  return n >= 3 && at[0] == 'P' && at[1] >= '1' && at[1] <= '6' &&
         (is_space(at[2]) || at[2] == '#');
}

/* Bytes of the pixels, where they are bytes. */
static uint64_t pixel_bytes(const header *self, uint64_t channels) {
  uint64_t row = self->kind == 4 ? ((uint64_t)self->width + 7) / 8
                                 : self->width * channels;
  return row * self->height * (self->most > 255 ? 2 : 1);
}

static int begin(header *self, const void *in, size_t n, nacre_image *out,
                 nacre_fail *fail) {
  self->at = in;
  self->end = self->at + n;
  if (!probe(in, n)) {
    return refuse(fail, "not a PNM image");
  }
  self->kind = self->at[1] - '0';
  self->at += 2;
  bool bitmap = self->kind == 1 || self->kind == 4;
  self->most = 1;
  if (!take_number(self, &self->width) || !take_number(self, &self->height) ||
      (!bitmap && !take_number(self, &self->most))) {
    return refuse(fail, self->at == self->end
                    ? "the file ends within its header"
                    : "a damaged header");
  }
  if (self->width == 0 || self->height == 0 || self->most == 0 ||
      self->most > 65535) {
    return refuse(fail, "a header without pixels or with an impossible "
                        "largest value");
  }
  out->width = self->width;
  out->height = self->height;
  out->channels = self->kind == 3 || self->kind == 6 ? 3 : 1;
  /* A text of pixels takes at least a byte each, too. */
  size_t left = (size_t)(self->end - self->at);
  bool text = self->kind < 4;
  left -= !text && left > 0 ? 1 : 0; /* one space ends the header */
  uint64_t needs = text
    ? (uint64_t)self->width * self->height
    : pixel_bytes(self, (uint64_t)out->channels);
  if (needs > left) {
    fail->fail(fail, NULL, "cut short: %lld x %lld pixels take %llu bytes, "
                           "%zu are there", (long long)out->width,
               (long long)out->height, (unsigned long long)needs, left);
    return NACRE_ERROR;
  }
  self->at += text ? 0 : 1;
  return NACRE_OK;
}

static int info(const nacre_host *host, const void *in, size_t n,
                nacre_image *out, nacre_fail *fail) {
  header self;
  (void)host;
  return begin(&self, in, n, out, fail);
}

/* value of most, rounded to one of 255 */
static uint8_t scale(uint32_t value, uint32_t most) {
  return (uint8_t)((value * 255u + most / 2) / most);
}

static int decode_text(header *self, uint64_t count, uint8_t *out,
                       nacre_fail *fail) {
  for (uint64_t i = 0; i < count; i++) {
    uint32_t value;
    if (self->kind == 1) {
      /* Bits need no spaces between them; 1 is black. */
      skip_space(self);
      bool there = self->at < self->end &&
                   (*self->at == '0' || *self->at == '1');
      if (!there) {
        return refuse(fail, "cut short or damaged: a pixel is missing");
      }
      out[i] = *self->at++ == '1' ? 0 : 255;
    } else {
      if (!take_number(self, &value)) {
        return refuse(fail, "cut short or damaged: a value is missing");
      }
      if (value > self->most) {
        return refuse(fail, "a value larger than the header's largest");
      }
      out[i] = scale(value, self->most);
    }
  }
  return NACRE_OK;
}

static int decode_bytes(header *self, uint64_t count, uint8_t *out,
                        nacre_fail *fail) {
  const unsigned char *at = self->at;
  if (self->most == 255) {
    memcpy(out, at, (size_t)count);
    return NACRE_OK;
  }
  for (uint64_t i = 0; i < count; i++) {
    uint32_t value = self->most > 255 ? (uint32_t)at[2 * i] << 8 | at[2 * i + 1]
                                      : at[i];
    if (value > self->most) {
      return refuse(fail, "a value larger than the header's largest");
    }
    out[i] = scale(value, self->most);
  }
  return NACRE_OK;
}

static void decode_bits(const header *self, uint8_t *out) {
  size_t width = self->width, row = (width + 7) / 8;
  for (size_t y = 0; y < self->height; y++) {
    for (size_t x = 0; x < width; x++) {
      int bit = self->at[y * row + x / 8] >> (7 - x % 8) & 1;
      out[y * width + x] = bit != 0 ? 0 : 255;
    }
  }
}

static int decode(const nacre_host *host, const void *in, size_t n,
                  const nacre_image *image, uint8_t *out, nacre_fail *fail) {
  header self;
  nacre_image again;
  (void)host;
  if (begin(&self, in, n, &again, fail) != NACRE_OK) {
    return NACRE_ERROR;
  }
  uint64_t count = (uint64_t)image->height * (uint64_t)image->width *
                   (uint64_t)image->channels;
  if (self.kind == 4) {
    decode_bits(&self, out);
    return NACRE_OK;
  }
  return self.kind < 4 ? decode_text(&self, count, out, fail)
                       : decode_bytes(&self, count, out, fail);
}

static const nacre_image_ops ops = { sizeof(nacre_image_ops), 0, probe, info,
                                     decode, NULL };

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_IMAGE,
  .contract = 1,
  .name = "pnm",
  .aliases = "pbm,pgm,ppm",
  .summary = "Netpbm's PBM, PGM and PPM images",
  .doc = "As text and as bytes, of one or two bytes a value. Values are "
         "scaled to 0 to 255 by the largest value that the header names; "
         "black of a bitmap is 0, white 255.",
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(pnm, component)
