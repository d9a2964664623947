/* SPDX-License-Identifier: MIT */
/* tversky: how far two sets overlap, either remainder having a weight. */
#include "overlap.h"

typedef struct tversky {
  nacre_ints axis;
  double alpha, beta;
} tversky;

static const nacre_param params[] = {
  NACRE_PARAM(tversky, alpha, "0.5", "[0,1]", "",
              "Weight of what the target has alone.", 0),
  NACRE_PARAM(tversky, beta, "0.5", "[0,1]", "",
              "Weight of what the prediction has alone.", 0),
  OVERLAP_AXIS_PARAM(tversky),
};

static int plan(const void *cfg, const nacre_shape *y,
                const nacre_shape *target, nacre_fail *fail) {
  return overlap_plan(((const tversky *)cfg)->axis, y, target, fail);
}

static int64_t scratch(const void *cfg, const nacre_shape *y,
                       const nacre_shape *target, int64_t samples) {
  (void)target;
  (void)samples;
  return overlap_scratch(((const tversky *)cfg)->axis, y);
}

static void rows(nacre_loss_run *run) {
  const tversky *cfg = run->cfg;
  const overlap o = { 1.0, 1.0 - cfg->alpha - cfg->beta, cfg->alpha, cfg->beta,
                      cfg->axis };
  overlap_rows(run, &o);
}

static const nacre_loss_ops ops = {
  .size = sizeof(nacre_loss_ops),
  .flags = NACRE_LOSS_BATCH,
  .plan = plan,
  .rows = rows,
  .scratch = scratch,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_LOSS,
  .contract = 1,
  .name = "tversky",
  .summary = "How far two sets overlap, with a weight for either remainder",
  .doc =
    "loss = 1 - I / (I + alpha (T - I) + beta (P - I) + 1e-7), where I is the "
    "sum of t y, T that of t and P that of y over the axes. With axes left "
    "out it is the mean over their positions. As Keras's Tversky, whose "
    "alpha belongs to what the target has alone.\n\n"
    "Salehi, Erdogmus and Gholipour, Tversky loss function for image "
    "segmentation, MLMI 2017.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(tversky),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(tversky, component)
