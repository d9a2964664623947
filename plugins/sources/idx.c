/* SPDX-License-Identifier: MIT */
/* idx: the format of MNIST and its kin, http://yann.lecun.com/exdb/mnist.
 *
 * Big-endian: two zero bytes, the type, the number of axes, a 32-bit extent
 * for each axis, the elements. The outermost axis is the samples. */
#include "arrays.h"

#include <stdio.h>

#define IDX_PLACE 4400 /* a path, and an offset */

typedef struct idx_cfg {
  const char *x, *y;
} idx_cfg;

static int fail_at(nacre_fail *fail, const char *path, size_t offset,
                   const char *text) {
  char place[IDX_PLACE];
  snprintf(place, sizeof(place), "%s@%zu", path, offset);
  fail->fail(fail, place, "%s", text);
  return NACRE_ERROR;
}

static int find_type(unsigned char code) {
  static const struct {
    unsigned char code;
    int type;
  } known[] = {
    { 0x08, ARRAYS_U8 },  { 0x09, ARRAYS_I8 },  { 0x0B, ARRAYS_I16 },
    { 0x0C, ARRAYS_I32 }, { 0x0D, ARRAYS_F32 }, { 0x0E, ARRAYS_F64 },
  };
  for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
    if (known[i].code == code) {
      return known[i].type;
    }
  }
  return -1;
}

/* Reads the header of array->block and points `at` behind it. */
static int parse(arrays_array *array, const char *path, nacre_fail *fail) {
  const unsigned char *head = (const unsigned char *)array->block.at;
  size_t n = array->block.n;
  uint64_t dim[255], bytes;
  if (n < 4) {
    return fail_at(fail, path, n, "the file ends within its header");
  }
  array->type = find_type(head[2]);
  if (head[0] != 0 || head[1] != 0 || array->type < 0) {
    char text[96];
    snprintf(text, sizeof(text), "not an IDX file (it begins with %02x %02x "
                                 "%02x %02x)", head[0], head[1], head[2],
             head[3]);
    return fail_at(fail, path, 0, text);
  }
  int rank = head[3];
  size_t start = 4 + 4 * (size_t)rank;
  if (n < start) {
    return fail_at(fail, path, n, "the file ends within its header");
  }
  for (int d = 0; d < rank; d++) {
    const unsigned char *at = head + 4 + 4 * d;
    dim[d] = (uint64_t)at[0] << 24 | (uint64_t)at[1] << 16 |
             (uint64_t)at[2] << 8 | at[3];
  }
  if (arrays_set_shape(array, dim, rank, path, fail) != NACRE_OK) {
    return NACRE_ERROR;
  }
  bytes = arrays_bytes(dim, rank, array->type);
  if (bytes == UINT64_MAX) {
    return fail_at(fail, path, 4, "the shape in its header is impossibly "
                                  "large");
  }
  if (bytes != n - start) {
    char text[128];
    snprintf(text, sizeof(text), "%zu bytes follow the header, but its shape "
                                 "needs %llu", n - start,
             (unsigned long long)bytes);
    return fail_at(fail, path, start, text);
  }
  array->at = array->block.at + start;
  if (!arrays_big_endian()) {
    size_t size = arrays_size(array->type);
    arrays_swap(array->block.at + start, (size_t)bytes / size, size);
  }
  return NACRE_OK;
}

static int add_file(arrays_source *self, const char *path, const char *name,
                    uint32_t flags, nacre_fail *fail) {
  arrays_array *array = &self->array[self->arrays];
  if (self->host->read_file(self->host, path, 0, fail, &array->block) !=
      NACRE_OK) {
    array->block.at = NULL;
    return NACRE_ERROR;
  }
  if (parse(array, path, fail) != NACRE_OK) {
    self->host->free(array->block.at);
    array->block.at = NULL;
    return NACRE_ERROR;
  }
  return arrays_take(self, name, flags, path, fail);
}

static int idx_open(const nacre_source_open *open, void **out) {
  const idx_cfg *cfg = open->cfg;
  bool targets = cfg->y != NULL && !(open->flags & NACRE_OPEN_PREDICT);
  arrays_source *self = arrays_new(open->host, 2);
  if (self == NULL) {
    return arrays_no_memory(open->fail);
  }
  if (add_file(self, cfg->x, "x", 0, open->fail) != NACRE_OK ||
      (targets && add_file(self, cfg->y, "y", NACRE_FIELD_TARGET,
                           open->fail) != NACRE_OK)) {
    arrays_close(self);
    return NACRE_ERROR;
  }
  *out = self;
  return NACRE_OK;
}

static const nacre_param params[] = {
  NACRE_PARAM(idx_cfg, x, NULL, NULL, "", "File of inputs.",
              NACRE_PARAM_PATH),
  NACRE_PARAM(idx_cfg, y, "null", NULL, "", "File of targets.",
              NACRE_PARAM_PATH),
};

static const nacre_source_ops ops = ARRAYS_OPS(idx_open);

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_SOURCE,
  .contract = 1,
  .name = "idx",
  .summary = "IDX files, the format of MNIST",
  .doc = "Files of bytes, 16- or 32-bit integers, floats or doubles with one "
         "axis of samples before the others: images of [60000, 28, 28] are "
         "60000 samples of shape [28, 28]. Elements stay in memory as they "
         "are in the file. Targets of one whole number a sample, none "
         "negative, are class indices.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(idx_cfg),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(idx, component)
