/* SPDX-License-Identifier: MIT */
/* choosy: a layer, y = x w, that several modules provide, each for inputs of
 * at least so many features, LEAST. A file of this folder says who it is and
 * what it gets wrong, if anything, and includes this. */
#include <nacre/plugin.h>

#ifndef WEIGHT
#define WEIGHT "scale"
#endif

/* Another layout than in the other modules: the struct is filled anew. */
typedef struct choosy {
#ifdef WIDE_CONFIG
  double unused;
#endif
  int64_t count;
} choosy;

static int plan(nacre_plan *plan) {
  const choosy *cfg = plan->cfg;
  const nacre_shape *in = &plan->input[0];
  nacre_shape scale = nacre_shape_1d(nacre_shape_last(in));
  if (cfg->count != 7) {
    return nacre_plan_refuse(plan, "count is %lld in " MODULE_NAME,
                             (long long)cfg->count);
  }
#ifdef MASKED
  if (plan->masked != 1) {
    return nacre_plan_refuse(plan, "it is told of no mask");
  }
#endif
#ifdef LATE
  if (nacre_plan_weight(plan, 0, &scale, 1, 1) != NACRE_OK) {
    return NACRE_ERROR;
  }
#endif
  if (scale.dim[0] < LEAST) {
    return NACRE_DECLINE;
  }
  return nacre_plan_weight(plan, 0, &scale, 1, 1) != NACRE_OK
    ? NACRE_ERROR : nacre_plan_output(plan, in);
}

static void forward(nacre_run *run) {
  const int64_t cols = run->weight[0].dim[0];
  const real *w = nacre_data(&run->weight[0]);
  const real *x = nacre_data(&run->in[0]);
  real *y = nacre_data(&run->out[0]);
  for (int64_t i = 0; i < nacre_tensor_count(&run->in[0]); i++) {
    y[i] = x[i] * w[i % cols];
  }
}

static const nacre_param params[] = {
  { "count", NULL, "1", "[1,inf)", "", "A number.", NACRE_TYPE_INT,
    offsetof(choosy, count), 0, 0 },
};

static const nacre_weight weights[] = {
  { WEIGHT, "ones", "Factor of each feature.", 0, 0 }
};

#ifdef MASKED
#define READS NACRE_LAYER_MASK_READ
#else
#define READS 0
#endif

static const nacre_layer_ops ops = {
  .size = sizeof(ops), .flags = NACRE_LAYER_NEED_X | READS,
  .weights = NACRE_SPAN(weights), .min_inputs = 1, .max_inputs = 1,
  .plan = plan, .forward = forward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "choosy", .summary = "Scales what has enough features",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(choosy), .ops = &ops,
  .rank = RANK
};

static const nacre_module module = {
  .size = sizeof(module), .abi_major = NACRE_ABI_MAJOR,
  .real_size = sizeof(real), .name = MODULE_NAME, .version = "1.0",
  .license = "MIT", .author = "nobody",
  .components = { &component, 1, sizeof(component) },
};

NACRE_MODULE(choosy) { return &module; }
