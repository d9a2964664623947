/* SPDX-License-Identifier: MIT */
/* random_masking: stretches of an axis that are blanked out; over the time
 * and the frequencies of a spectrogram that is SpecAugment (Park and others,
 * 2019). */
#include "stretch.h"

#include <string.h>

typedef struct masking_cfg {
  int64_t size, axis, count;
  double fill_value;
} masking_cfg;

static int masking_plan(nacre_transform_plan *plan) {
  const masking_cfg *cfg = plan->cfg;
  return stretch_plan(plan, cfg->axis);
}

/* A word as a whole number in [0, n). */
static int64_t below(uint32_t word, int64_t n) {
  return (int64_t)((uint64_t)word * (uint64_t)n >> 32);
}

/* x, out: [1, in] */
static int masking_apply(const void *config, const nacre_shape *in,
                         const double *state, nacre_key key, int64_t n,
                         const real *x, real *out, nacre_fail *fail) {
  const masking_cfg *cfg = config;
  stretch s = stretch_of(in, cfg->axis);
  int64_t most = cfg->size < s.length ? cfg->size : s.length;
  (void)state;
  (void)n;
  (void)fail;
  if (x != out) {
    memcpy(out, x, (size_t)nacre_shape_count(in) * sizeof(*out));
  }
  for (int64_t mask = 0; mask < cfg->count; mask++) {
    uint32_t words[4];
    nacre_random_block(key, (uint64_t)mask, words);
    int64_t size = below(words[0], most + 1);
    int64_t begin = below(words[1], s.length - size + 1);
    for (int64_t i = 0; i < s.before; i++) {
      real *at = out + (i * s.length + begin) * s.behind;
      for (int64_t j = 0; j < size * s.behind; j++) {
        at[j] = (real)cfg->fill_value;
      }
    }
  }
  return NACRE_OK;
}

static const nacre_param params[] = {
  NACRE_PARAM(masking_cfg, size, NULL, "[1,1000000000]", "",
              "The longest stretch; each is drawn from 0 to this.", 0),
  NACRE_PARAM(masking_cfg, axis, "0", "[-5,4]", "",
              "Of the sample; -1 is the last.", 0),
  NACRE_PARAM(masking_cfg, count, "1", "[1,1000]", "",
              "How many stretches.", 0),
  NACRE_PARAM(masking_cfg, fill_value, "0", "(-inf,inf)", "",
              "What they hold.", 0),
};

static const nacre_transform_ops ops = {
  .size = sizeof(nacre_transform_ops),
  .flags = NACRE_TRANSFORM_RANDOM,
  .plan = masking_plan,
  .apply = masking_apply,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_TRANSFORM,
  .contract = 1,
  .name = "random_masking",
  .summary = "Blank out stretches of an axis at random",
  .doc = "Over a spectrogram [frequencies, time], one along axis 0 and one "
         "along axis 1 are the masks of SpecAugment.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(masking_cfg),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(random_masking, component)
