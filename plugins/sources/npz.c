/* SPDX-License-Identifier: MIT */
/* npz: the source of NPZ files, which are zip files of NPY files. */
#include "npy.h"

#include <stdarg.h>
#include <stdio.h>

/* A fail that says which member of which file it is about. */
typedef struct member_fail {
  nacre_fail base;
  nacre_fail *to;
  const char *path, *member;
} member_fail;

static void fail_member(nacre_fail *base, const char *place,
                        const char *format, ...) {
  member_fail *self = (member_fail *)base;
  char text[512];
  va_list args;
  (void)place;
  va_start(args, format);
  vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  self->to->fail(self->to, self->path, "member '%.100s': %s", self->member,
                 text);
}

/* 1: read; 0: no such member. */
static int add_member(arrays_source *self, const zip_file *zip,
                      const npz_cfg *cfg, const char *member,
                      const char *name, uint32_t flags, nacre_fail *fail) {
  arrays_array *array = &self->array[self->arrays];
  member_fail wrapped = { { sizeof(nacre_fail), 0, fail_member }, fail,
                          cfg->path, member };
  char file[256];
  int n = snprintf(file, sizeof(file), "%s.npy", member);
  if (n < 0 || (size_t)n >= sizeof(file)) {
    fail->fail(fail, NULL, "a member's name is longer than %zu bytes",
               sizeof(file) - 5);
    return NACRE_ERROR;
  }
  int found = zip_read(zip, self->host, file, NULL, &wrapped.base,
                       &array->block);
  if (found != 1) {
    return found;
  }
  if (npy_parse(array, NULL, &wrapped.base) != NACRE_OK) {
    self->host->free(array->block.at);
    array->block.at = NULL;
    return NACRE_ERROR;
  }
  return arrays_take(self, name, flags, cfg->path, fail) == NACRE_OK
           ? 1 : NACRE_ERROR;
}

static int add_members(arrays_source *self, const zip_file *zip,
                       const npz_cfg *cfg, const nacre_string_map *members,
                       const char *key, uint32_t flags, nacre_fail *fail) {
  if (members->n == 0) { /* the usual one, if it is there */
    return add_member(self, zip, cfg, key, key, flags, fail) < 0
             ? NACRE_ERROR : NACRE_OK;
  }
  for (int64_t i = 0; i < members->n; i++) {
    const char *name = members->name[i][0] != '\0' ? members->name[i] : key;
    int status = add_member(self, zip, cfg, members->at[i], name, flags,
                            fail);
    if (status == 0) {
      fail->fail(fail, cfg->path, "there is no member '%.100s'",
                 members->at[i]);
    }
    if (status != 1) {
      return NACRE_ERROR;
    }
  }
  return NACRE_OK;
}

static int load(arrays_source *self, const nacre_source_open *open,
                const nacre_bytes *file) {
  const npz_cfg *cfg = open->cfg;
  nacre_fail *fail = open->fail;
  zip_file zip;
  bool targets = !(open->flags & NACRE_OPEN_PREDICT);
  if (zip_open(&zip, file->at, file->n, cfg->path, fail) != NACRE_OK ||
      add_members(self, &zip, cfg, &cfg->x, "x", 0, fail) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (self->arrays == 0) {
    fail->fail(fail, cfg->path, "there is no member 'x'");
    return NACRE_ERROR;
  }
  return targets ? add_members(self, &zip, cfg, &cfg->y, "y",
                               NACRE_FIELD_TARGET, fail)
                 : NACRE_OK;
}

static int npz_open(const nacre_source_open *open, void **out) {
  const npz_cfg *cfg = open->cfg;
  const nacre_host *host = open->host;
  nacre_bytes file;
  size_t n = (cfg->x.n > 0 ? (size_t)cfg->x.n : 1) +
             (cfg->y.n > 0 ? (size_t)cfg->y.n : 1);
  arrays_source *self = arrays_new(host, n);
  if (self == NULL) {
    return arrays_no_memory(open->fail);
  }
  if (host->read_file(host, cfg->path, 0, open->fail, &file) != NACRE_OK) {
    arrays_close(self);
    return NACRE_ERROR;
  }
  int status = load(self, open, &file);
  host->free(file.at);
  if (status != NACRE_OK) {
    arrays_close(self);
    return NACRE_ERROR;
  }
  *out = self;
  return NACRE_OK;
}

const nacre_param npz_params[NPZ_PARAMS] = {
  NACRE_PARAM(npz_cfg, path, NULL, NULL, "", "The file.", NACRE_PARAM_PATH),
  NACRE_PARAM(npz_cfg, x, "null", NULL, "",
              "Member that holds the inputs, or a map from names to members; "
              "absent: the member 'x'.", 0),
  NACRE_PARAM(npz_cfg, y, "null", NULL, "",
              "Member that holds the targets, or a map from names to "
              "members; absent: the member 'y', if there is one.", 0),
};

const nacre_source_ops npz_ops = ARRAYS_OPS(npz_open);
