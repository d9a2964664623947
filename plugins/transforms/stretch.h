/* SPDX-License-Identifier: MIT */
/* stretch: samples seen along one of their axes. */
#ifndef NACRE_TRANSFORMS_STRETCH_H
#define NACRE_TRANSFORMS_STRETCH_H

#include <nacre/plugin.h>

/** A sample as [before, length, behind]. */
typedef struct stretch {
  int64_t before, length, behind;
} stretch;

static inline stretch stretch_of(const nacre_shape *shape, int64_t axis) {
  stretch s = { 1, 1, 1 };
  axis = axis < 0 ? axis + shape->rank : axis;
  for (int32_t i = 0; i < shape->rank; i++) {
    int64_t *to = i < axis ? &s.before : i == axis ? &s.length : &s.behind;
    *to *= shape->dim[i];
  }
  return s;
}

/** Refuses an axis that a sample has not; negative ones count from behind. */
static inline int stretch_plan(nacre_transform_plan *plan, int64_t axis) {
  int64_t rank = plan->in.shape.rank;
  if (axis >= -rank && axis < rank) {
    return NACRE_OK;
  }
  plan->fail->fail(plan->fail, NULL,
                   "samples of field '%s' have %d axes: there is no axis "
                   "%lld", plan->in.name, (int)rank, (long long)axis);
  return NACRE_ERROR;
}

#endif
