/* SPDX-License-Identifier: MIT */
/* npy: NumPy's files, one array each (NPY) or several in a zip file (NPZ).
 * npy_parse.c reads the header of an array, npz.c is the second source, zip.c
 * reads zip files. */
#include "npy.h"

typedef struct npy_cfg {
  nacre_string_map x, y;
} npy_cfg;

static int add_files(arrays_source *self, const nacre_string_map *files,
                     const char *key, uint32_t flags, nacre_fail *fail) {
  for (int64_t i = 0; i < files->n; i++) {
    arrays_array *array = &self->array[self->arrays];
    const char *path = files->at[i];
    const char *name = files->name[i][0] != '\0' ? files->name[i] : key;
    nacre_bytes block;
    if (self->host->read_file(self->host, path, 0, fail, &block) !=
        NACRE_OK) {
      return NACRE_ERROR;
    }
    array->block = block;
    if (npy_parse(array, path, fail) != NACRE_OK) {
      self->host->free(block.at);
      array->block.at = NULL;
      return NACRE_ERROR;
    }
    if (arrays_take(self, name, flags, path, fail) != NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  return NACRE_OK;
}

static int npy_open(const nacre_source_open *open, void **out) {
  const npy_cfg *cfg = open->cfg;
  bool targets = !(open->flags & NACRE_OPEN_PREDICT);
  if (cfg->x.n == 0) {
    open->fail->fail(open->fail, NULL, "'x' names no file");
    return NACRE_ERROR;
  }
  arrays_source *self =
    arrays_new(open->host, (size_t)cfg->x.n + (size_t)cfg->y.n);
  if (self == NULL) {
    return arrays_no_memory(open->fail);
  }
  if (add_files(self, &cfg->x, "x", 0, open->fail) != NACRE_OK ||
      (targets && add_files(self, &cfg->y, "y", NACRE_FIELD_TARGET,
                            open->fail) != NACRE_OK)) {
    arrays_close(self);
    return NACRE_ERROR;
  }
  *out = self;
  return NACRE_OK;
}

static const nacre_param params[] = {
  NACRE_PARAM(npy_cfg, x, NULL, NULL, "",
              "File of inputs, or a map from names to files.",
              NACRE_PARAM_PATH),
  NACRE_PARAM(npy_cfg, y, "null", NULL, "",
              "File of targets, or a map from names to files.",
              NACRE_PARAM_PATH),
};

static const nacre_source_ops ops = ARRAYS_OPS(npy_open);

static const nacre_component components[] = {
  {
    .size = sizeof(nacre_component),
    .kind = NACRE_KIND_SOURCE,
    .contract = 1,
    .name = "npy",
    .summary = "NumPy's NPY files",
    .doc = "Arrays of bool, integers or floats of any size, either byte "
           "order, in C's order; the outermost axis is the samples. Elements "
           "stay in memory as they are in the file. Integer targets of one "
           "number a sample, none negative, are class indices.",
    .params = NACRE_SPAN(params),
    .cfg_size = sizeof(npy_cfg),
    .ops = &ops,
  },
  {
    .size = sizeof(nacre_component),
    .kind = NACRE_KIND_SOURCE,
    .contract = 1,
    .name = "npz",
    .summary = "NumPy's NPZ files: several arrays in one",
    .doc = "What numpy.savez and numpy.savez_compressed write. The arrays "
           "are as those of the source npy; checksums are verified.",
    .params = { npz_params, NPZ_PARAMS, (uint32_t)sizeof(nacre_param) },
    .cfg_size = sizeof(npz_cfg),
    .ops = &npz_ops,
  },
};

static const nacre_module module = {
  .size = sizeof(nacre_module),
  .abi_major = NACRE_ABI_MAJOR,
  .real_size = sizeof(real),
  .name = "npy",
  .version = NACRE_MODULE_VERSION,
  .license = "MIT",
  .author = "the nacre authors",
  .components = NACRE_SPAN(components),
};

NACRE_MODULE(npy) { return &module; }
