/* SPDX-License-Identifier: MIT */
/* one_hot: a class index becomes a vector with a single 1. */
#include <nacre/plugin.h>

#include <string.h>

typedef struct one_hot_cfg {
  int64_t classes; /* 0: from the field */
} one_hot_cfg;

/* A last axis of 1 makes way for the classes, as in Keras's to_categorical.
 * The state is the number of classes, which may be known from the field
 * alone. */
static int one_hot_plan(nacre_transform_plan *plan) {
  const one_hot_cfg *cfg = plan->cfg;
  nacre_shape *out = &plan->out;
  int64_t classes = cfg->classes > 0 ? cfg->classes : plan->in.classes;
  *out = plan->in.shape;
  if (classes <= 0) {
    plan->fail->fail(plan->fail, NULL,
                     "the number of classes of '%s' is not known: give "
                     "'classes'", plan->in.name);
    return NACRE_ERROR;
  }
  if (classes < plan->in.classes) {
    plan->fail->fail(plan->fail, NULL, "'%s' has %lld classes, but 'classes' "
                                       "is %lld", plan->in.name,
                     (long long)plan->in.classes, (long long)classes);
    return NACRE_ERROR;
  }
  if (out->rank > 0 && nacre_shape_last(out) == 1) {
    out->rank--;
  }
  if (out->rank == NACRE_RANK_MAX ||
      nacre_shape_count(out) > INT64_MAX / 16 / classes) {
    plan->fail->fail(plan->fail, NULL, "'%s' has too many axes or elements",
                     plan->in.name);
    return NACRE_ERROR;
  }
  out->dim[out->rank++] = classes;
  plan->out_flags &= ~NACRE_FIELD_INDEX;
  plan->state_count = 1;
  plan->start[0] = (double)classes;
  return NACRE_OK;
}

/* x: [n, in], out: [n, in, classes] */
static int one_hot_apply(const void *cfg, const nacre_shape *in,
                         const double *state, nacre_key key, int64_t n,
                         const real *x, real *out, nacre_fail *fail) {
  int64_t classes = (int64_t)state[0];
  int64_t count = n * nacre_shape_count(in);
  (void)cfg;
  (void)key;
  memset(out, 0, (size_t)count * (size_t)classes * sizeof(*out));
  for (int64_t i = 0; i < count; i++) {
    int64_t index = -1;
    if (x[i] >= 0 && x[i] < (real)classes) {
      index = (int64_t)x[i];
    }
    if (index < 0 || (real)index != x[i]) {
      fail->fail(fail, NULL, "%g is not the index of one of %lld classes",
                 (double)x[i], (long long)classes);
      return NACRE_ERROR;
    }
    out[i * classes + index] = 1;
  }
  return NACRE_OK;
}

static const nacre_param params[] = {
  NACRE_PARAM(one_hot_cfg, classes, "0", "[0,16777216]", "",
              "Number of classes; 0: as many as the field says it has.", 0),
};

static const nacre_transform_ops ops = {
  .size = sizeof(nacre_transform_ops),
  .plan = one_hot_plan,
  .apply = one_hot_apply,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_TRANSFORM,
  .contract = 1,
  .name = "one_hot",
  .summary = "Class indices to vectors with a single 1",
  .doc = "Adds an axis of the classes at the end; a last axis of 1 makes way "
         "for it. What is not the index of a class is an error.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(one_hot_cfg),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(one_hot, component)
