/* SPDX-License-Identifier: MIT */
/* arrays: typed arrays of samples, as files of numbers hold them. They stay
 * in memory as they were stored (bytes stay bytes) and become reals when they
 * are read. Shared by the sources of such files; a header, because a plugin
 * is one shared object that links against nothing. */
#ifndef NACRE_SOURCES_ARRAYS_H
#define NACRE_SOURCES_ARRAYS_H

#include <nacre/plugin.h>

#include <math.h>
#include <string.h>

/** Types of elements. */
enum arrays_type {
  ARRAYS_U8,
  ARRAYS_I8,
  ARRAYS_U16,
  ARRAYS_I16,
  ARRAYS_U32,
  ARRAYS_I32,
  ARRAYS_U64,
  ARRAYS_I64,
  ARRAYS_F16,
  ARRAYS_F32,
  ARRAYS_F64
};

/** Bytes of an element. */
static inline size_t arrays_size(int type) {
  static const uint8_t size[] = { 1, 1, 2, 2, 4, 4, 8, 8, 2, 4, 8 };
  return size[type];
}

/** An array of samples: [count, field.shape] elements of `type`, in the
 *  machine's byte order, not aligned. */
typedef struct arrays_array {
  nacre_field field;
  nacre_bytes block; /* what is freed: the elements, or a file around them */
  const char *at;
  int64_t count;
  int type;
} arrays_array;

/** An opened source. */
typedef struct arrays_source {
  const nacre_host *host;
  arrays_array *array;  /* [arrays] */
  nacre_field *field;   /* [arrays] */
  uint32_t arrays, pad;
  int64_t count;
} arrays_source;

static inline int arrays_no_memory(nacre_fail *fail) {
  fail->fail(fail, NULL, "out of memory");
  return NACRE_ERROR;
}

/** Product of the extents times the element's size; UINT64_MAX when that is
 *  more than any file has. */
static inline uint64_t arrays_bytes(const uint64_t *dim, int rank, int type) {
  uint64_t bytes = arrays_size(type);
  for (int d = 0; d < rank; d++) {
    if (dim[d] == 0) {
      return 0;
    }
  }
  for (int d = 0; d < rank; d++) {
    if (dim[d] > (uint64_t)INT64_MAX / bytes) {
      return UINT64_MAX;
    }
    bytes *= dim[d];
  }
  return bytes;
}

/** Reverses the bytes of each of n elements, in place. */
static inline void arrays_swap(char *at, size_t n, size_t size) {
  n = size > 1 ? n : 0;
  for (size_t i = 0; i < n; i++, at += size) {
    for (size_t low = 0, high = size - 1; low < high; low++, high--) {
      char byte = at[low];
      at[low] = at[high];
      at[high] = byte;
    }
  }
}

static inline int arrays_big_endian(void) {
  const uint16_t one = 1;
  unsigned char first;
  memcpy(&first, &one, 1);
  return first == 0;
}

/** A number of IEEE 754's binary16. */
static inline double arrays_half(uint16_t bits) {
  int exponent = (bits >> 10) & 31;
  double fraction = bits & 1023;
  double value = exponent == 0    ? ldexp(fraction, -24)
                 : exponent == 31 ? (fraction > 0 ? NAN : INFINITY)
                                  : ldexp(1024 + fraction, exponent - 25);
  return bits & 0x8000 ? -value : value;
}

/* The elements lie at any address: the compiler makes moves of the copies. */
#define ARRAYS_CONVERT(T, EXPR)                      \
  for (int64_t i = 0; i < n; i++) {                  \
    T v;                                             \
    memcpy(&v, at + (size_t)i * sizeof(v), sizeof(v)); \
    out[i] = (real)(EXPR);                           \
  }                                                  \
  break

/** Bytes, which most images are, are worth the vector unit: with them every
 *  batch begins. */
NACRE_KERNEL static void arrays_bytes_to_reals(const char *at, int64_t n,
                                               real *out) {
  const unsigned char *byte = (const unsigned char *)at;
  for (int64_t i = 0; i < n; i++) {
    out[i] = (real)byte[i];
  }
}

/** n elements from `at` as reals; out: [n] */
static inline void arrays_convert(int type, const char *at, int64_t n,
                                  real *out) {
  switch (type) {
  case ARRAYS_U8: arrays_bytes_to_reals(at, n, out); break;
  case ARRAYS_I8: ARRAYS_CONVERT(int8_t, v);
  case ARRAYS_U16: ARRAYS_CONVERT(uint16_t, v);
  case ARRAYS_I16: ARRAYS_CONVERT(int16_t, v);
  case ARRAYS_U32: ARRAYS_CONVERT(uint32_t, v);
  case ARRAYS_I32: ARRAYS_CONVERT(int32_t, v);
  case ARRAYS_U64: ARRAYS_CONVERT(uint64_t, v);
  case ARRAYS_I64: ARRAYS_CONVERT(int64_t, v);
  case ARRAYS_F16: ARRAYS_CONVERT(uint16_t, arrays_half(v));
  case ARRAYS_F32: ARRAYS_CONVERT(float, v);
  default: ARRAYS_CONVERT(double, v);
  }
}
#undef ARRAYS_CONVERT

/** Whole numbers, one a sample, none negative, are class indices. How many
 *  classes there are is believed if there could be a sample of each. */
static inline void arrays_find_classes(arrays_array *self) {
  const real limit = 16777216; /* where floats cease to tell neighbours */
  size_t size = arrays_size(self->type);
  real top = -1, value;
  if (self->type >= ARRAYS_F16 || nacre_shape_count(&self->field.shape) != 1) {
    return;
  }
  for (int64_t i = 0; i < self->count; i++) {
    arrays_convert(self->type, self->at + (size_t)i * size, 1, &value);
    if (value < 0 || value >= limit) {
      return;
    }
    top = value > top ? value : top;
  }
  self->field.flags |= NACRE_FIELD_INDEX;
  self->field.classes =
    top < (real)self->count ? (int64_t)top + 1 : 0;
}

/** Gives an array its shape from the extents of its file, outermost first. */
static inline int arrays_set_shape(arrays_array *self, const uint64_t *dim,
                                   int rank, const char *place,
                                   nacre_fail *fail) {
  if (rank < 1 || rank > NACRE_RANK_MAX) {
    fail->fail(fail, place, "%d axes, but 1 (the samples) to %d are possible",
               rank, NACRE_RANK_MAX);
    return NACRE_ERROR;
  }
  self->count = (int64_t)dim[0];
  self->field.shape.rank = rank - 1;
  self->field.shape.dtype = NACRE_REAL;
  for (int d = 0; d < rank; d++) {
    if (dim[d] == 0) {
      fail->fail(fail, place, "no samples");
      return NACRE_ERROR;
    }
    if (d > 0) {
      self->field.shape.dim[d - 1] = (int64_t)dim[d];
    }
  }
  return NACRE_OK;
}

static inline void arrays_close(void *opened) {
  arrays_source *self = opened;
  if (self != NULL) {
    for (uint32_t i = 0; self->array != NULL && i < self->arrays; i++) {
      self->host->free(self->array[i].block.at);
    }
    self->host->free(self->array);
    self->host->free(self->field);
    self->host->free(self);
  }
}

/** Room for n arrays; NULL when memory is out. */
static inline arrays_source *arrays_new(const nacre_host *host, size_t n) {
  arrays_source *self = host->alloc(1, sizeof(*self));
  if (self == NULL) {
    return NULL;
  }
  self->host = host;
  self->array = host->alloc(n, sizeof(*self->array));
  self->field = host->alloc(n, sizeof(*self->field));
  if (self->array == NULL || self->field == NULL) {
    arrays_close(self);
    return NULL;
  }
  return self;
}

/** Takes the array in array[arrays] into the source, after checking it
 *  against the others. `place`: its file. */
static inline int arrays_take(arrays_source *self, const char *name,
                              uint32_t flags, const char *place,
                              nacre_fail *fail) {
  arrays_array *array = &self->array[self->arrays];
  array->field.name = name;
  array->field.flags = flags;
  self->arrays++; /* owned by the source from here on */
  if (self->arrays > 1 && array->count != self->count) {
    fail->fail(fail, place, "'%s' has %lld samples, but '%s' has %lld", name,
               (long long)array->count, self->array[0].field.name,
               (long long)self->count);
    return NACRE_ERROR;
  }
  self->count = array->count;
  if (flags & NACRE_FIELD_TARGET) {
    arrays_find_classes(array);
  }
  self->field[self->arrays - 1] = array->field;
  return NACRE_OK;
}

static inline int64_t arrays_count(const void *opened) {
  const arrays_source *self = opened;
  return self->count;
}

static inline nacre_span arrays_fields(const void *opened) {
  const arrays_source *self = opened;
  nacre_span span = { self->field, self->arrays,
                      (uint32_t)sizeof(*self->field) };
  return span;
}

/** out: [n, field.shape] */
static inline int arrays_read(const void *opened, uint32_t field,
                              const int64_t *rows, int64_t n, real *out,
                              nacre_fail *fail) {
  const arrays_source *self = opened;
  const arrays_array *array = &self->array[field];
  int64_t width = nacre_shape_count(&array->field.shape);
  size_t bytes = (size_t)width * arrays_size(array->type);
  (void)fail;
  for (int64_t i = 0; i < n; i++) {
    arrays_convert(array->type, array->at + (size_t)rows[i] * bytes, width,
                   out + i * width);
  }
  return NACRE_OK;
}

/** The ops of such a source, whose state is all in its files. */
#define ARRAYS_OPS(open_function)                                     \
  {                                                                   \
    .size = sizeof(nacre_source_ops), .open = (open_function),        \
    .close = arrays_close, .count = arrays_count,                     \
    .fields = arrays_fields, .read = arrays_read                      \
  }

#endif
