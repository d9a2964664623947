/* SPDX-License-Identifier: MIT */
/* png: Portable Network Graphics (ISO/IEC 15948) by libpng.
 *
 * libpng reports by longjmp(), so what must survive it lies in one struct
 * outside of the function that calls setjmp(). */
#include <nacre/plugin.h>

#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#define SIGNATURE 8
#define EXTENT_MOST 1073741823u
#define CHUNK_MOST ((size_t)16 << 20) /* of text and profiles, not pixels */

typedef struct decoder {
  const nacre_host *host;
  nacre_fail *fail;
  const unsigned char *at, *end; /* what libpng has not seen */
  png_structp png;
  png_infop info;
  png_bytep *row;                /* [height] of the output */
  bool failed;                   /* said why already */
  jmp_buf back;
} decoder;

static void refuse(decoder *self, const char *text) {
  if (!self->failed) {
    self->fail->fail(self->fail, NULL, "%s", text);
  }
  self->failed = true;
}

/* libpng's own words, on one line. */
static void on_error(png_structp png, png_const_charp text) {
  decoder *self = png_get_error_ptr(png);
  char line[160];
  snprintf(line, sizeof(line), "%s", text);
  for (char *c = line; *c != '\0'; c++) {
    *c = *c < ' ' || *c == 0x7f ? ' ' : *c;
  }
  if (!self->failed) {
    self->fail->fail(self->fail, NULL, "a damaged PNG image (%s)", line);
  }
  self->failed = true;
  longjmp(self->back, 1);
}

static void on_warning(png_structp png, png_const_charp text) {
  (void)png;
  (void)text;
}

static void on_read(png_structp png, png_bytep to, size_t n) {
  decoder *self = png_get_io_ptr(png);
  if (n > (size_t)(self->end - self->at)) {
    refuse(self, "the PNG image is cut short");
    longjmp(self->back, 1);
  }
  memcpy(to, self->at, n);
  self->at += n;
}

static png_voidp on_alloc(png_structp png, png_alloc_size_t n) {
  decoder *self = png_get_mem_ptr(png);
  return self->host->alloc(n, 1);
}

static void on_free(png_structp png, png_voidp block) {
  decoder *self = png_get_mem_ptr(png);
  self->host->free(block);
}

static int probe(const void *in, size_t n) {
  return n >= SIGNATURE && png_sig_cmp(in, 0, SIGNATURE) == 0;
}

static int begin(decoder *self, const void *in, size_t n) {
  self->at = in;
  self->end = self->at + n;
  if (!probe(in, n)) {
    refuse(self, "not a PNG image");
    return NACRE_ERROR;
  }
  self->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, self, on_error,
                                       on_warning, self, on_alloc, on_free);
  self->info = self->png != NULL ? png_create_info_struct(self->png) : NULL;
  if (self->info == NULL) {
    refuse(self, "out of memory");
    return NACRE_ERROR;
  }
  png_set_read_fn(self->png, self, on_read);
  png_set_user_limits(self->png, EXTENT_MOST, EXTENT_MOST);
  png_set_chunk_malloc_max(self->png, CHUNK_MOST);
  return NACRE_OK;
}

static void end(decoder *self) {
  if (self->png != NULL) {
    png_destroy_read_struct(&self->png, &self->info, NULL);
  }
  self->host->free(self->row);
}

/* To eight bits a value; palettes to colours, and a colour that means
 * transparent to an alpha channel. */
static void normalize(decoder *self) {
  png_read_info(self->png, self->info);
  png_set_strip_16(self->png);
  png_set_expand(self->png);
  png_set_interlace_handling(self->png);
  png_read_update_info(self->png, self->info);
}

/* False: libpng has failed. */
static bool read_header(decoder *self, nacre_image *out) {
  if (setjmp(self->back) != 0) {
    return false;
  }
  normalize(self);
  out->height = png_get_image_height(self->png, self->info);
  out->width = png_get_image_width(self->png, self->info);
  out->channels = png_get_channels(self->png, self->info);
  return true;
}

static bool read_rows(decoder *self) {
  if (setjmp(self->back) != 0) {
    return false;
  }
  png_read_image(self->png, self->row);
  png_read_end(self->png, NULL);
  return true;
}

static int info(const nacre_host *host, const void *in, size_t n,
                nacre_image *out, nacre_fail *fail) {
  decoder self = { .host = host, .fail = fail };
  bool done = begin(&self, in, n) == NACRE_OK && read_header(&self, out);
  end(&self);
  return done ? NACRE_OK : NACRE_ERROR;
}

static int decode(const nacre_host *host, const void *in, size_t n,
                  const nacre_image *image, uint8_t *out, nacre_fail *fail) {
  decoder self = { .host = host, .fail = fail };
  nacre_image again = { 0, 0, 0, 0 };
  bool done = begin(&self, in, n) == NACRE_OK && read_header(&self, &again);
  size_t stride = (size_t)image->width * (size_t)image->channels;
  if (done) {
    self.row = host->alloc((size_t)image->height, sizeof(*self.row));
    done = self.row != NULL;
    if (!done) {
      refuse(&self, "out of memory");
    }
  }
  for (int64_t y = 0; done && y < image->height; y++) {
    self.row[y] = out + (size_t)y * stride;
  }
  done = done && read_rows(&self);
  end(&self);
  return done ? NACRE_OK : NACRE_ERROR;
}

/* Writing. */

typedef struct encoder {
  const nacre_host *host;
  nacre_fail *fail;
  png_structp png;
  png_infop info;
  nacre_bytes out;
  size_t room;
  bool failed;
  jmp_buf back;
} encoder;

static void on_write_error(png_structp png, png_const_charp text) {
  encoder *self = png_get_error_ptr(png);
  if (!self->failed) {
    self->fail->fail(self->fail, NULL, "the PNG image cannot be written (%s)",
                     text);
  }
  self->failed = true;
  longjmp(self->back, 1);
}

static void on_write(png_structp png, png_bytep from, size_t n) {
  encoder *self = png_get_io_ptr(png);
  if (n > self->room - self->out.n) {
    size_t room = 2 * self->room + n + 4096;
    void *grown = room < n ? NULL
                           : self->host->resize(self->out.at, room, 1);
    if (grown == NULL) {
      png_error(png, "out of memory");
    }
    self->out.at = grown;
    self->room = room;
  }
  memcpy(self->out.at + self->out.n, from, n);
  self->out.n += n;
}

static void on_flush(png_structp png) {
  (void)png;
}

static bool write_image(encoder *self, const nacre_image *image,
                        const uint8_t *in) {
  static const int types[] = { PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA,
                               PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGB_ALPHA };
  size_t stride = (size_t)image->width * (size_t)image->channels;
  if (setjmp(self->back) != 0) {
    return false;
  }
  png_set_write_fn(self->png, self, on_write, on_flush);
  png_set_user_limits(self->png, EXTENT_MOST, EXTENT_MOST);
  png_set_IHDR(self->png, self->info, (png_uint_32)image->width,
               (png_uint_32)image->height, 8, types[image->channels - 1],
               PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  png_write_info(self->png, self->info);
  for (int64_t y = 0; y < image->height; y++) {
    png_write_row(self->png, in + (size_t)y * stride);
  }
  png_write_end(self->png, self->info);
  return true;
}

static int encode(const nacre_host *host, const nacre_image *image,
                  const uint8_t *in, nacre_bytes *out, nacre_fail *fail) {
  encoder self = { .host = host, .fail = fail };
  if (image->channels < 1 || image->channels > 4 || image->height < 1 ||
      image->width < 1 || image->height > (int64_t)EXTENT_MOST ||
      image->width > (int64_t)EXTENT_MOST) {
    fail->fail(fail, NULL, "a PNG image has no such extents");
    return NACRE_ERROR;
  }
  self.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &self,
                                     on_write_error, on_warning);
  self.info = self.png != NULL ? png_create_info_struct(self.png) : NULL;
  bool done = false;
  if (self.info == NULL) {
    fail->fail(fail, NULL, "out of memory");
  } else {
    done = write_image(&self, image, in);
  }
  png_destroy_write_struct(&self.png, &self.info);
  if (!done) {
    host->free(self.out.at);
    return NACRE_ERROR;
  }
  *out = self.out;
  return NACRE_OK;
}

static const nacre_image_ops ops = { sizeof(nacre_image_ops), 0, probe, info,
                                     decode, encode };

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_IMAGE,
  .contract = 1,
  .name = "png",
  .summary = "PNG images",
  .doc = "Of all colour types and depths; sixteen bits become eight. Colour "
         "profiles and gamma are not applied.",
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(png, component)
