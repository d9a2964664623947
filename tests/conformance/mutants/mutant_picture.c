/* SPDX-License-Identifier: MIT */
/* mutant_picture: an image format that takes two bytes for an extent without
 * comparing it with what is there, and writes a row too many. */
#include <nacre/plugin.h>

#include <string.h>

static int probe(const void *in, size_t n) {
  (void)in;
  return n > 1;
}

static int info(const nacre_host *host, const void *in, size_t n,
                nacre_image *out, nacre_fail *fail) {
  const unsigned char *at = in;
  (void)host;
  if (n < 2) {
    fail->fail(fail, NULL, "too short");
    return NACRE_ERROR;
  }
  out->height = at[0] % 32 + 1;
  out->width = at[1] % 32 + 1;
  out->channels = 1;
  return NACRE_OK;
}

static int decode(const nacre_host *host, const void *in, size_t n,
                  const nacre_image *image, uint8_t *out, nacre_fail *fail) {
  (void)host;
  (void)in;
  (void)n;
  (void)fail;
  memset(out, 0, (size_t)((image->height + 1) * image->width));
  return NACRE_OK;
}

static const nacre_image_ops ops = { sizeof(ops), 0, probe, info, decode };

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_IMAGE, .contract = 1,
  .name = "mutant_picture", .summary = "Wrong on purpose",
  .doc = "Must fail: bounds", .params = NACRE_EMPTY_SPAN, .ops = &ops
};

NACRE_COMPONENT_MODULE(mutant_picture, component)
