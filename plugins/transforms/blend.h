/* SPDX-License-Identifier: MIT */
/* blend: what the transforms that mix samples share. */
#ifndef NACRE_TRANSFORMS_BLEND_H
#define NACRE_TRANSFORMS_BLEND_H

#include <nacre/plugin.h>

/** Refuses fields of class numbers: half of one class and half of another is
 *  no number of a class. */
static inline int blend_plan(const nacre_mix *mix) {
  for (uint32_t i = 0; i < mix->n_fields; i++) {
    const nacre_field *field = &mix->field[i].field;
    if ((field->flags & NACRE_FIELD_INDEX) != 0) {
      mix->fail->fail(mix->fail, NULL,
                      "field '%s' holds %s, which cannot be mixed%s",
                      field->name,
                      (field->flags & NACRE_FIELD_TARGET) != 0
                        ? "class numbers" : "indices",
                      (field->flags & NACRE_FIELD_TARGET) != 0
                        ? ": make them one-hot by a transform" : "");
      return NACRE_ERROR;
    }
  }
  return NACRE_OK;
}

/** x = part x + (1 - part) other */
static inline void blend_field(const nacre_mix_field *field, double part) {
  int64_t n = nacre_shape_count(&field->field.shape);
  real a = (real)part, b = (real)(1 - part);
  for (int64_t i = 0; i < n; i++) {
    field->x[i] = a * field->x[i] + b * field->other[i];
  }
}

#endif
