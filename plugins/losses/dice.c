/* SPDX-License-Identifier: MIT */
/* dice: how far two sets overlap, in shares of both. */
#include "overlap.h"

typedef struct dice {
  nacre_ints axis;
} dice;

static const nacre_param params[] = {
  OVERLAP_AXIS_PARAM(dice),
};

static int plan(const void *cfg, const nacre_shape *y,
                const nacre_shape *target, nacre_fail *fail) {
  return overlap_plan(((const dice *)cfg)->axis, y, target, fail);
}

static int64_t scratch(const void *cfg, const nacre_shape *y,
                       const nacre_shape *target, int64_t samples) {
  (void)target;
  (void)samples;
  return overlap_scratch(((const dice *)cfg)->axis, y);
}

static void rows(nacre_loss_run *run) {
  const dice *cfg = run->cfg;
  const overlap o = { 2.0, 0.0, 1.0, 1.0, cfg->axis };
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
  .name = "dice",
  .summary = "How far two sets overlap, in shares of both",
  .doc =
    "loss = 1 - 2 I / (T + P + 1e-7), where I is the sum of t y, T that of t "
    "and P that of y over the axes: 0 for equal sets, 1 for separate "
    "ones. With axes left out it is the mean over their positions.\n\n"
    "Milletari, Navab and Ahmadi, V-Net, 3DV 2016.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(dice),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(dice, component)
