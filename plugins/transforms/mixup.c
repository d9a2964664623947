/* SPDX-License-Identifier: MIT */
/* mixup: blends two samples and their targets, as Keras's MixUp; Zhang and
 * others, "mixup: Beyond Empirical Risk Minimization", 2017. */
#include "blend.h"
#include "draws.h"

typedef struct mixup_cfg {
  double alpha;
} mixup_cfg;

static void mixup(const nacre_mix *mix) {
  const mixup_cfg *cfg = mix->cfg;
  double part = draws_beta(mix->key, cfg->alpha);
  for (uint32_t i = 0; i < mix->n_fields; i++) {
    blend_field(&mix->field[i], part);
  }
}

static const nacre_param params[] = {
  NACRE_PARAM(mixup_cfg, alpha, "0.2", "(0,1000]", "",
              "The share is drawn from Beta(alpha, alpha): near 0 or 1 for "
              "small ones.", 0),
};

static const nacre_transform_ops ops = {
  .size = sizeof(nacre_transform_ops),
  .flags = NACRE_TRANSFORM_RANDOM,
  .plan_mix = blend_plan,
  .mix = mixup,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_TRANSFORM,
  .contract = 1,
  .name = "mixup",
  .aliases = "mix_up",
  .summary = "Blend pairs of training samples",
  .doc = "x = s x1 + (1 - s) x2 and y = s y1 + (1 - s) y2, with a share s of "
         "its own for each sample and a partner out of all training samples. "
         "Targets must be numbers: those that are classes one-hot. Samples "
         "keep their weights. With `field`, that input alone is blended, and "
         "all targets.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(mixup_cfg),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(mixup, component)
