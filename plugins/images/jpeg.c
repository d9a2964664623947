/* SPDX-License-Identifier: MIT */
/* jpeg: JPEG images (ISO/IEC 10918-1) by libjpeg or libjpeg-turbo.
 *
 * The library reports by a function that must not return: it jumps back, and
 * what must survive that lies in one struct outside of the function that
 * calls setjmp(). */
#include <nacre/plugin.h>

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

typedef struct decoder {
  struct jpeg_decompress_struct jpeg;
  struct jpeg_error_mgr error;
  nacre_fail *fail;
  jmp_buf back;
} decoder;

static decoder *decoder_of(j_common_ptr jpeg) {
  return jpeg->client_data;
}

static void on_error(j_common_ptr jpeg) {
  decoder *self = decoder_of(jpeg);
  char text[JMSG_LENGTH_MAX];
  self->error.format_message(jpeg, text);
  for (char *c = text; *c != '\0'; c++) {
    *c = *c < ' ' || *c == 0x7f ? ' ' : *c;
  }
  self->fail->fail(self->fail, NULL, "a damaged JPEG image (%s)", text);
  longjmp(self->back, 1);
}

/* The library would fill the rest of an image with grey and go on. */
static void on_message(j_common_ptr jpeg, int level) {
  static const int harmless[] = { JWRN_EXTRANEOUS_DATA, JWRN_ADOBE_XFORM,
                                  JWRN_JFIF_MAJOR, JWRN_TOO_MUCH_DATA };
  decoder *self = decoder_of(jpeg);
  int code = self->error.msg_code;
  if (level >= 0) {
    return; /* a trace */
  }
  for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
    if (code == harmless[i]) {
      return;
    }
  }
  if (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER) {
    self->fail->fail(self->fail, NULL, "the JPEG image is cut short");
    longjmp(self->back, 1);
  }
  on_error(jpeg);
}

static int probe(const void *in, size_t n) {
  return n >= 3 && memcmp(in, "\xff\xd8\xff", 3) == 0;
}

/* CMYK becomes RGB below: the library cannot do that. */
static void choose_colours(decoder *self, nacre_image *out) {
  struct jpeg_decompress_struct *jpeg = &self->jpeg;
  bool grey = jpeg->jpeg_color_space == JCS_GRAYSCALE;
  bool four = jpeg->jpeg_color_space == JCS_CMYK ||
              jpeg->jpeg_color_space == JCS_YCCK;
  jpeg->out_color_space = grey ? JCS_GRAYSCALE : four ? JCS_CMYK : JCS_RGB;
  jpeg->dct_method = JDCT_ISLOW;
  out->height = jpeg->image_height;
  out->width = jpeg->image_width;
  out->channels = grey ? 1 : 3;
}

/* False: the library has failed. */
static bool read_header(decoder *self, const void *in, size_t n,
                        nacre_image *out) {
  if (setjmp(self->back) != 0) {
    return false;
  }
  jpeg_create_decompress(&self->jpeg);
  jpeg_mem_src(&self->jpeg, in, (unsigned long)n);
  (void)jpeg_read_header(&self->jpeg, TRUE);
  choose_colours(self, out);
  return true;
}

/* A row of CMYK, [width, 4], in Adobe's way inverted, to RGB in place. */
static void convert_row(uint8_t *row, int64_t width, bool inverted) {
  for (int64_t x = 0; x < width; x++) {
    const uint8_t *from = row + 4 * x;
    unsigned flip = inverted ? 0 : 255;
    unsigned black = from[3] ^ flip;
    for (int c = 0; c < 3; c++) {
      row[3 * x + c] = (uint8_t)(((from[c] ^ flip) * black + 127) / 255);
    }
  }
}

static bool read_rows(decoder *self, const nacre_image *image, uint8_t *out,
                      uint8_t *wide) {
  struct jpeg_decompress_struct *jpeg = &self->jpeg;
  size_t stride = (size_t)image->width * (size_t)image->channels;
  if (setjmp(self->back) != 0) {
    return false;
  }
  (void)jpeg_start_decompress(jpeg);
  while (jpeg->output_scanline < jpeg->output_height) {
    uint8_t *to = out + jpeg->output_scanline * stride;
    JSAMPROW row = wide != NULL ? wide : to;
    (void)jpeg_read_scanlines(jpeg, &row, 1);
    if (wide != NULL) {
      convert_row(wide, image->width, jpeg->saw_Adobe_marker != 0);
      memcpy(to, wide, stride);
    }
  }
  (void)jpeg_finish_decompress(jpeg);
  return true;
}

static void prepare(decoder *self, nacre_fail *fail) {
  memset(self, 0, sizeof(*self));
  self->fail = fail;
  self->jpeg.err = jpeg_std_error(&self->error);
  self->jpeg.client_data = self;
  self->error.error_exit = on_error;
  self->error.emit_message = on_message;
}

static bool begin(decoder *self, const void *in, size_t n, nacre_image *out,
                  nacre_fail *fail) {
  prepare(self, fail);
  if (!probe(in, n)) {
    fail->fail(fail, NULL, "not a JPEG image");
    return false;
  }
  return read_header(self, in, n, out);
}

static int info(const nacre_host *host, const void *in, size_t n,
                nacre_image *out, nacre_fail *fail) {
  decoder self;
  (void)host;
  bool done = begin(&self, in, n, out, fail);
  jpeg_destroy_decompress(&self.jpeg);
  return done ? NACRE_OK : NACRE_ERROR;
}

static int decode(const nacre_host *host, const void *in, size_t n,
                  const nacre_image *image, uint8_t *out, nacre_fail *fail) {
  decoder self;
  nacre_image again;
  uint8_t *wide = NULL;
  bool done = begin(&self, in, n, &again, fail);
  if (done && self.jpeg.out_color_space == JCS_CMYK) {
    wide = host->alloc((size_t)image->width, 4);
    done = wide != NULL;
    if (!done) {
      fail->fail(fail, NULL, "out of memory");
    }
  }
  done = done && read_rows(&self, image, out, wide);
  jpeg_destroy_decompress(&self.jpeg);
  host->free(wide);
  return done ? NACRE_OK : NACRE_ERROR;
}

static const nacre_image_ops ops = { sizeof(nacre_image_ops), 0, probe, info,
                                     decode, NULL };

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_IMAGE,
  .contract = 1,
  .name = "jpeg",
  .aliases = "jpg,jpe,jfif",
  .summary = "JPEG images",
  .doc = "Baseline and progressive; grey, colour and CMYK. An image that ends "
         "early is refused, not filled up. What EXIF says of its orientation "
         "is not applied.",
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(jpeg, component)
