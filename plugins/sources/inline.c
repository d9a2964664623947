/* SPDX-License-Identifier: MIT */
/* inline: samples written into the experiment itself.
 *
 *   data:
 *     train: {type: inline, x: [[0, 0], [0, 1]], y: [0, 1]}
 *
 * The outermost list is the samples. Nothing is copied: the arrays live as
 * long as the experiment does, which outlives its sources. */
#include <nacre/plugin.h>

#include <math.h>

typedef struct inline_cfg {
  nacre_array_map x, y;
} inline_cfg;

typedef struct inline_source {
  const nacre_host *host;
  int64_t count;
  uint32_t fields;
  nacre_field *field;          /* [fields] */
  const double **at;           /* [fields], each [count, field.shape] */
} inline_source;

/* Above this a real of single precision no longer tells neighbours apart. */
#define INDEX_LIMIT 16777216.0

/* Labels are told from measurements by being whole numbers, one a sample. How
 * many classes there are is believed if there could be a sample of each. */
static void find_classes(nacre_field *field, const double *at, int64_t n) {
  double top = -1;
  if (nacre_shape_count(&field->shape) != 1) {
    return;
  }
  for (int64_t i = 0; i < n; i++) {
    if (!(at[i] >= 0 && at[i] < INDEX_LIMIT) || at[i] != floor(at[i])) {
      return;
    }
    top = at[i] > top ? at[i] : top;
  }
  field->flags |= NACRE_FIELD_INDEX;
  field->classes = top < (double)n ? (int64_t)top + 1 : 0;
}

static int add_fields(inline_source *self, const nacre_array_map *map,
                      const char *key, uint32_t flags, nacre_fail *fail) {
  for (int64_t i = 0; i < map->n; i++) {
    const nacre_array *array = &map->at[i];
    const char *name = map->name[i][0] != '\0' ? map->name[i] : key;
    nacre_field *field = &self->field[self->fields];
    if (array->shape.rank == 0) {
      fail->fail(fail, NULL, "'%s' must be a list of samples", name);
      return NACRE_ERROR;
    }
    if (nacre_shape_count(&array->shape) == 0) {
      fail->fail(fail, NULL, "'%s' has no samples", name);
      return NACRE_ERROR;
    }
    if (self->fields > 0 && array->shape.dim[0] != self->count) {
      fail->fail(fail, NULL, "'%s' has %lld samples, but '%s' has %lld", name,
                 (long long)array->shape.dim[0], self->field[0].name,
                 (long long)self->count);
      return NACRE_ERROR;
    }
    self->count = array->shape.dim[0];
    field->name = name;
    field->flags = flags;
    field->shape.rank = array->shape.rank - 1;
    field->shape.dtype = NACRE_REAL;
    for (int32_t d = 0; d < field->shape.rank; d++) {
      field->shape.dim[d] = array->shape.dim[d + 1];
    }
    if (flags & NACRE_FIELD_TARGET) {
      find_classes(field, array->at, self->count);
    }
    self->at[self->fields++] = array->at;
  }
  return NACRE_OK;
}

static void inline_close(void *opened) {
  inline_source *self = opened;
  if (self != NULL) {
    self->host->free(self->field);
    self->host->free(self->at);
    self->host->free(self);
  }
}

static int inline_open(const nacre_source_open *open, void **out) {
  const inline_cfg *cfg = open->cfg;
  const nacre_host *host = open->host;
  bool targets = !(open->flags & NACRE_OPEN_PREDICT);
  size_t n = (size_t)cfg->x.n + (size_t)cfg->y.n;
  if (cfg->x.n == 0) {
    open->fail->fail(open->fail, NULL, "'x' has no samples");
    return NACRE_ERROR;
  }
  inline_source *self = host->alloc(1, sizeof(*self));
  if (self != NULL) {
    self->host = host;
    self->field = host->alloc(n, sizeof(*self->field));
    self->at = host->alloc(n, sizeof(*self->at));
  }
  if (self == NULL || self->field == NULL || self->at == NULL) {
    inline_close(self);
    open->fail->fail(open->fail, NULL, "out of memory");
    return NACRE_ERROR;
  }
  if (add_fields(self, &cfg->x, "x", 0, open->fail) != NACRE_OK ||
      (targets && add_fields(self, &cfg->y, "y", NACRE_FIELD_TARGET,
                             open->fail) != NACRE_OK)) {
    inline_close(self);
    return NACRE_ERROR;
  }
  *out = self;
  return NACRE_OK;
}

static int64_t inline_count(const void *opened) {
  const inline_source *self = opened;
  return self->count;
}

static nacre_span inline_fields(const void *opened) {
  const inline_source *self = opened;
  nacre_span span = { self->field, self->fields,
                      (uint32_t)sizeof(*self->field) };
  return span;
}

/* out: [n, field.shape] */
static int inline_read(const void *opened, uint32_t field,
                       const int64_t *rows, int64_t n, real *out,
                       nacre_fail *fail) {
  const inline_source *self = opened;
  int64_t width = nacre_shape_count(&self->field[field].shape);
  (void)fail;
  for (int64_t i = 0; i < n; i++) {
    const double *sample = self->at[field] + rows[i] * width;
    for (int64_t j = 0; j < width; j++) {
      out[i * width + j] = (real)sample[j];
    }
  }
  return NACRE_OK;
}

static const nacre_param params[] = {
  NACRE_PARAM(inline_cfg, x, NULL, NULL, "",
              "Inputs: a list of samples, or a map from names to such lists.",
              0),
  NACRE_PARAM(inline_cfg, y, "null", NULL, "",
              "Targets, written as x is, with as many samples.", 0),
};

static const nacre_source_ops ops = {
  .size = sizeof(nacre_source_ops),
  .open = inline_open,
  .close = inline_close,
  .count = inline_count,
  .fields = inline_fields,
  .read = inline_read,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_SOURCE,
  .contract = 1,
  .name = "inline",
  .summary = "Samples written into the experiment",
  .doc = "The outermost list is the samples: x: [[0, 0], [0, 1]] are two "
         "samples of shape [2], y: [0, 1] are two scalars. A map gives the "
         "fields of a graph with several inputs or outputs by name. Targets "
         "of one whole number a sample, none negative, are class indices.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(inline_cfg),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(inline, component)
