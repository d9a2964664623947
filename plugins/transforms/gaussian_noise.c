/* SPDX-License-Identifier: MIT */
/* gaussian_noise: adds noise to training samples. */
#include "draws.h"

typedef struct noise_cfg {
  double stddev;
} noise_cfg;

static int noise_plan(nacre_transform_plan *plan) {
  if ((plan->in.flags & NACRE_FIELD_INDEX) != 0) {
    plan->fail->fail(plan->fail, NULL,
                     "field '%s' holds indices, which noise would make "
                     "meaningless", plan->in.name);
    return NACRE_ERROR;
  }
  return NACRE_OK;
}

/* x, out: [1, in] */
static int noise_apply(const void *config, const nacre_shape *in,
                       const double *state, nacre_key key, int64_t n,
                       const real *x, real *out, nacre_fail *fail) {
  const noise_cfg *cfg = config;
  int64_t count = nacre_shape_count(in);
  (void)state;
  (void)n;
  (void)fail;
  for (int64_t i = 0; i < count; i += 4) {
    uint32_t words[4];
    double normal[4];
    nacre_random_block(key, (uint64_t)(i / 4), words);
    draws_normals(words[0], words[1], normal);
    draws_normals(words[2], words[3], normal + 2);
    for (int64_t j = 0; j < 4 && i + j < count; j++) {
      out[i + j] = x[i + j] + (real)(cfg->stddev * normal[j]);
    }
  }
  return NACRE_OK;
}

static const nacre_param params[] = {
  NACRE_PARAM(noise_cfg, stddev, NULL, "[0,inf)", "",
              "Standard deviation of the noise.", 0),
};

static const nacre_transform_ops ops = {
  .size = sizeof(nacre_transform_ops),
  .flags = NACRE_TRANSFORM_RANDOM,
  .plan = noise_plan,
  .apply = noise_apply,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_TRANSFORM,
  .contract = 1,
  .name = "gaussian_noise",
  .summary = "Add normal noise",
  .doc = "y = x + stddev n, each n drawn for itself from the standard normal "
         "distribution. For waveforms and measurements of any shape.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(noise_cfg),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(gaussian_noise, component)
