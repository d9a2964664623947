/* SPDX-License-Identifier: MIT */
/* types: the few types that every other part of the ABI is made of.
 *
 * What crosses the boundary is fixed-width integers, size_t, pointers, float
 * and double; never an enum, never implicit padding. A struct marked "frozen"
 * has no size field and will not change within an ABI major; every other
 * struct starts with its `size` and only ever grows at its end. */
#ifndef NACRE_ABI_TYPES_H
#define NACRE_ABI_TYPES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NACRE_ABI_MAJOR 0
#define NACRE_ABI_MINOR 0

/** The precision that tensors are computed in. `pkg-config --cflags nacre`
 *  defines NACRE_DOUBLE for a build configured with --enable-double; a host
 *  refuses modules built for the other precision. */
#ifdef NACRE_DOUBLE
typedef double real;
#else
typedef float real;
#endif

/** Status of fallible calls. */
#define NACRE_OK 0
#define NACRE_ERROR (-1)  /* refused; the reason was given to a fail() */
#define NACRE_DECLINE 1   /* "not me": the host asks the next provider */

/** Element types of tensors. */
#define NACRE_F32 1
#define NACRE_F64 2
#define NACRE_I32 3
#define NACRE_I64 4
#define NACRE_U8 5
#ifdef NACRE_DOUBLE
#define NACRE_REAL NACRE_F64
#else
#define NACRE_REAL NACRE_F32
#endif

/** A constant array that knows its length and the size of one element, so
 *  that elements may grow in a later minor version. Frozen. */
typedef struct nacre_span {
  const void *at;
  uint32_t n, stride;
} nacre_span;

#define NACRE_SPAN(array)                                  \
  {                                                        \
    (array), (uint32_t)(sizeof(array) / sizeof((array)[0])), \
      (uint32_t)sizeof((array)[0])                         \
  }
#define NACRE_EMPTY_SPAN { NULL, 0, 0 }

#define NACRE_RANK_MAX 6

/** Extents of a tensor, outermost first. Frozen.
 *  In plans, shapes are per sample: the batch axis is not part of them. */
typedef struct nacre_shape {
  int64_t dim[NACRE_RANK_MAX];
  int32_t rank, dtype;
} nacre_shape;

/** A dense, row-major tensor, 64-byte aligned in its device's memory.
 *  While a step runs, dim[0] of a per-sample tensor is the batch. Frozen. */
typedef struct nacre_tensor {
  void *data; /* NULL: absent, or (a gradient) not wanted */
  int64_t dim[NACRE_RANK_MAX];
  int32_t rank, dtype;
} nacre_tensor;

/** Elements of a shape; 1 for rank 0. Shapes handed to plugins by the host
 *  have been checked: their product fits in int64_t. */
static inline int64_t nacre_shape_count(const nacre_shape *shape) {
  int64_t count = 1;
  for (int32_t i = 0; i < shape->rank; i++) {
    count *= shape->dim[i];
  }
  return count;
}

/** Extent of the last axis; 1 for rank 0. */
static inline int64_t nacre_shape_last(const nacre_shape *shape) {
  return shape->rank > 0 ? shape->dim[shape->rank - 1] : 1;
}

/** 1 when both have the same rank and extents. */
static inline int nacre_shape_equal(const nacre_shape *a,
                                    const nacre_shape *b) {
  if (a->rank != b->rank) {
    return 0;
  }
  for (int32_t i = 0; i < a->rank; i++) {
    if (a->dim[i] != b->dim[i]) {
      return 0;
    }
  }
  return 1;
}

/** The shape [n] of reals. */
static inline nacre_shape nacre_shape_1d(int64_t n) {
  nacre_shape shape = { { n, 0, 0, 0, 0, 0 }, 1, NACRE_REAL };
  return shape;
}

/** The shape [rows, cols] of reals. */
static inline nacre_shape nacre_shape_2d(int64_t rows, int64_t cols) {
  nacre_shape shape = { { rows, cols, 0, 0, 0, 0 }, 2, NACRE_REAL };
  return shape;
}

static inline int64_t nacre_tensor_count(const nacre_tensor *tensor) {
  int64_t count = 1;
  for (int32_t i = 0; i < tensor->rank; i++) {
    count *= tensor->dim[i];
  }
  return count;
}

/** Bytes of text or of a file. Who owns them is said where they are used. */
typedef struct nacre_bytes {
  char *at;
  size_t n;
} nacre_bytes;

#if defined(__GNUC__)
#define NACRE_PRINTF(text, first) \
  __attribute__((__format__(__printf__, text, first)))
#else
#define NACRE_PRINTF(text, first)
#endif

/** Where a plugin's errors go. Call fail() once, return NACRE_ERROR. */
typedef struct nacre_fail nacre_fail;
struct nacre_fail {
  uint32_t size, pad;
  /** `place` is "FILE:ROW:COLUMN", "FILE@OFFSET", "FILE" or NULL for "the
   *  component itself"; the text is one line without a full stop. Copied. */
  void (*fail)(nacre_fail *, const char *place, const char *format, ...)
    NACRE_PRINTF(3, 4);
};

#ifdef __cplusplus
}
#endif

#endif
