/* SPDX-License-Identifier: MIT */
/* params: a component's parameters, described once.
 *
 * The table fills the component's own config struct, checks the YAML, and is
 * what `nacre inspect`, the reference and the schema print. The host writes
 * the struct by offset: a plugin parses nothing. */
#ifndef NACRE_ABI_PARAMS_H
#define NACRE_ABI_PARAMS_H

#include "types.h"

#ifndef __cplusplus
#include <stdbool.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** A choice: `range` lists the words ("same|valid"), `value` is the index. */
typedef struct nacre_enum {
  int32_t value;
} nacre_enum;

/** "200 steps", "3 epochs", or a bare number of steps. */
typedef struct nacre_duration {
  double count;
  int32_t unit, pad; /* 0 steps, 1 epochs */
} nacre_duration;

/** `3` or `[3, 3]`. Borrowed from the experiment, as are the three below. */
typedef struct nacre_ints {
  const int64_t *at;
  int64_t n;
} nacre_ints;

typedef struct nacre_floats {
  const double *at;
  int64_t n;
} nacre_floats;

typedef struct nacre_strings {
  const char *const *at;
  int64_t n;
} nacre_strings;

/** `text`, or a map from names to texts (a single text has the name ""). */
typedef struct nacre_string_map {
  const char *const *name;
  const char *const *at;
  int64_t n;
} nacre_string_map;

/** Nested lists of numbers, all rows of one length; rank 0 is absent. */
typedef struct nacre_array {
  const double *at; /* row-major */
  nacre_shape shape;
} nacre_array;

/** Nested lists, or a map from names to nested lists ("" for a single). */
typedef struct nacre_array_map {
  const char *const *name;
  const nacre_array *at;
  int64_t n;
} nacre_array_map;

/** Another component, by name or {type: name, ...}; `range` names its kind.
 *  ops is that kind's table; NULL when the YAML says null. */
typedef struct nacre_ref {
  const void *ops;
  const void *cfg;
} nacre_ref;

/** Types of parameters.
 *
 *  A default of "null" makes a parameter one that may be absent, and then it
 *  reads as NaN (float, duration's count), INT64_MIN (int), -1 (enum), NULL
 *  (string, a reference's ops) or n = 0 (lists and maps). "[]" does the same
 *  for lists. A config may say null only where the default does. */
#define NACRE_TYPE_FLOAT 1      /* double */
#define NACRE_TYPE_INT 2        /* int64_t */
#define NACRE_TYPE_BOOL 3       /* bool */
#define NACRE_TYPE_ENUM 4       /* nacre_enum */
#define NACRE_TYPE_STRING 5     /* const char *; NULL when null */
#define NACRE_TYPE_INTS 6       /* nacre_ints */
#define NACRE_TYPE_FLOATS 7     /* nacre_floats */
#define NACRE_TYPE_STRINGS 8    /* nacre_strings */
#define NACRE_TYPE_STRING_MAP 9 /* nacre_string_map */
#define NACRE_TYPE_ARRAY_MAP 10 /* nacre_array_map */
#define NACRE_TYPE_REF 11       /* nacre_ref */
#define NACRE_TYPE_DURATION 12  /* nacre_duration */

/** Flags of parameters. */
#define NACRE_PARAM_SCHEDULABLE 1u /* a schedule may drive it (a float) */
#define NACRE_PARAM_PATH 2u        /* made absolute from the file it is in */
#define NACRE_PARAM_ADVANCED 4u    /* listed last, left out of summaries */
#define NACRE_PARAM_DEPRECATED 8u  /* works; the check says so */

/** One parameter. Grows by the stride of its span. */
typedef struct nacre_param {
  const char *name;
  const char *alias; /* what users of others type, "lr"; or NULL */
  const char *def;   /* default as YAML text; NULL: required */
  const char *range; /* "(0,inf)", "[0,1)", "same|valid", a kind; or NULL */
  const char *unit;  /* "samples", "" */
  const char *doc;   /* one sentence */
  uint32_t type, offset, flags, pad;
} nacre_param;

#ifdef __cplusplus
}
template <class T> struct nacre_type_of;
#define NACRE_TYPE_IS(T, V) \
  template <> struct nacre_type_of<T> { static const uint32_t value = V; }
NACRE_TYPE_IS(double, NACRE_TYPE_FLOAT);
NACRE_TYPE_IS(int64_t, NACRE_TYPE_INT);
NACRE_TYPE_IS(bool, NACRE_TYPE_BOOL);
NACRE_TYPE_IS(nacre_enum, NACRE_TYPE_ENUM);
NACRE_TYPE_IS(const char *, NACRE_TYPE_STRING);
NACRE_TYPE_IS(nacre_ints, NACRE_TYPE_INTS);
NACRE_TYPE_IS(nacre_floats, NACRE_TYPE_FLOATS);
NACRE_TYPE_IS(nacre_strings, NACRE_TYPE_STRINGS);
NACRE_TYPE_IS(nacre_string_map, NACRE_TYPE_STRING_MAP);
NACRE_TYPE_IS(nacre_array_map, NACRE_TYPE_ARRAY_MAP);
NACRE_TYPE_IS(nacre_ref, NACRE_TYPE_REF);
NACRE_TYPE_IS(nacre_duration, NACRE_TYPE_DURATION);
#undef NACRE_TYPE_IS
#define NACRE_TYPE_OF(T, field) (nacre_type_of<decltype(T::field)>::value)
#else
#define NACRE_TYPE_OF(T, field)                \
  _Generic(((T *)0)->field,                    \
    double: NACRE_TYPE_FLOAT,                  \
    int64_t: NACRE_TYPE_INT,                   \
    bool: NACRE_TYPE_BOOL,                     \
    nacre_enum: NACRE_TYPE_ENUM,               \
    const char *: NACRE_TYPE_STRING,           \
    nacre_ints: NACRE_TYPE_INTS,               \
    nacre_floats: NACRE_TYPE_FLOATS,           \
    nacre_strings: NACRE_TYPE_STRINGS,         \
    nacre_string_map: NACRE_TYPE_STRING_MAP,   \
    nacre_array_map: NACRE_TYPE_ARRAY_MAP,     \
    nacre_ref: NACRE_TYPE_REF,                 \
    nacre_duration: NACRE_TYPE_DURATION)
#endif

/** One line of a parameter table. `T` is the config struct; the type of the
 *  parameter is the type of its field. */
#define NACRE_PARAM(T, field, def, range, unit, doc, flags)        \
  {                                                                \
    #field, NULL, def, range, unit, doc, NACRE_TYPE_OF(T, field),  \
      (uint32_t)offsetof(T, field), flags, 0                       \
  }
/** The same with an alias. */
#define NACRE_PARAM_AS(T, field, alias, def, range, unit, doc, flags) \
  {                                                                   \
    #field, alias, def, range, unit, doc, NACRE_TYPE_OF(T, field),    \
      (uint32_t)offsetof(T, field), flags, 0                          \
  }

#endif
