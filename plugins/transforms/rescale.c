/* SPDX-License-Identifier: MIT */
/* rescale: y = x scale + offset, as Keras's Rescaling layer. */
#include <nacre/plugin.h>

typedef struct rescale_cfg {
  double scale, offset;
} rescale_cfg;

static int rescale_plan(nacre_transform_plan *plan) {
  (void)plan; /* the shape stays, and there is nothing to fit */
  return NACRE_OK;
}

/* x, out: [n, in] */
static int rescale_apply(const void *config, const nacre_shape *in,
                         const double *state, nacre_key key, int64_t n,
                         const real *x, real *out, nacre_fail *fail) {
  const rescale_cfg *cfg = config;
  real scale = (real)cfg->scale, offset = (real)cfg->offset;
  int64_t count = n * nacre_shape_count(in);
  (void)state;
  (void)key;
  (void)fail;
  for (int64_t i = 0; i < count; i++) {
    out[i] = x[i] * scale + offset;
  }
  return NACRE_OK;
}

/* x, out: [n, in] */
static int rescale_invert(const void *config, const nacre_shape *in,
                          const double *state, int64_t n, const real *x,
                          real *out) {
  const rescale_cfg *cfg = config;
  int64_t count = n * nacre_shape_count(in);
  (void)state;
  for (int64_t i = 0; i < count; i++) {
    out[i] = (real)(((double)x[i] - cfg->offset) / cfg->scale);
  }
  return NACRE_OK;
}

static const nacre_param params[] = {
  NACRE_PARAM(rescale_cfg, scale, NULL, "(-inf,inf)", "",
              "Factor, such as 1/255.", 0),
  NACRE_PARAM(rescale_cfg, offset, "0", "(-inf,inf)", "", "Added after.", 0),
};

static const nacre_transform_ops ops = {
  .size = sizeof(nacre_transform_ops),
  .plan = rescale_plan,
  .apply = rescale_apply,
  .invert = rescale_invert,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_TRANSFORM,
  .contract = 1,
  .name = "rescale",
  .aliases = "rescaling",
  .summary = "Multiply by a factor and add an offset",
  .doc = "y = x scale + offset, for any shape. Bytes of images become "
         "numbers from 0 to 1 with scale 1/255.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(rescale_cfg),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(rescale, component)
