/* SPDX-License-Identifier: MIT */
/* scale: a layer that is right, y[b][i] = w[i] x[b][i], for mutants to get
 * one thing wrong in. */
#ifndef NACRE_TEST_SCALE_H
#define NACRE_TEST_SCALE_H

#include <nacre/plugin.h>

static inline int scale_plan(nacre_plan *plan) {
  nacre_shape weight = nacre_shape_1d(nacre_shape_last(&plan->input[0]));
  if (plan->input[0].rank == 0) {
    return nacre_plan_refuse(plan, "the input has no axis to scale along");
  }
  if (nacre_plan_weight(plan, 0, &weight, 1, 1) != NACRE_OK) {
    return NACRE_ERROR;
  }
  return nacre_plan_output(plan, &plan->input[0]);
}

/* y[r][i] = w[i] x[r][i]; x, y: [rows, cols], w: [cols] */
static inline void scale_rows(int64_t rows, int64_t cols, const real *x,
                              const real *w, real *y) {
  for (int64_t r = 0; r < rows; r++) {
    for (int64_t i = 0; i < cols; i++) {
      y[r * cols + i] = w[i] * x[r * cols + i];
    }
  }
}

static inline int64_t scale_cols(const nacre_run *run) {
  return run->weight[0].dim[0];
}

static inline int64_t scale_n_rows(const nacre_run *run) {
  return nacre_tensor_count(&run->in[0]) / scale_cols(run);
}

static inline void scale_forward(nacre_run *run) {
  scale_rows(scale_n_rows(run), scale_cols(run), nacre_data(&run->in[0]),
             nacre_data(&run->weight[0]), nacre_data(&run->out[0]));
}

/* dw[i] += sum over r of x[r][i] dy[r][i] */
static inline void scale_dweight(nacre_run *run) {
  int64_t cols = scale_cols(run), n = scale_n_rows(run) * cols;
  const real *x = nacre_data(&run->in[0]), *dy = nacre_data(&run->dout[0]);
  real *dw = nacre_data(&run->dweight[0]);
  for (int64_t i = 0; dw != NULL && i < n; i++) {
    dw[i % cols] += x[i] * dy[i];
  }
}

static inline void scale_din(nacre_run *run) {
  if (run->din[0].data != NULL) {
    scale_rows(scale_n_rows(run), scale_cols(run), nacre_data(&run->dout[0]),
               nacre_data(&run->weight[0]), nacre_data(&run->din[0]));
  }
}

static inline void scale_backward(nacre_run *run) {
  scale_dweight(run);
  scale_din(run);
}

static const nacre_weight scale_weights[] = {
  { "scale", "ones", "Factor of each feature.", 0, 0 }
};

/* Ends a mutant's file. `check` is the one that must catch it. */
#define MUTANT_LAYER(ident, layer_flags, plan_, forward_, backward_, check) \
  static const nacre_layer_ops ops = {                                      \
    .size = sizeof(ops), .flags = (layer_flags),                            \
    .weights = NACRE_SPAN(scale_weights), .min_inputs = 1, .max_inputs = 1, \
    .plan = plan_, .forward = forward_, .backward = backward_               \
  };                                                                        \
  static const nacre_component component = {                                \
    .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,     \
    .name = #ident, .summary = "Wrong on purpose",                          \
    .doc = "Must fail: " check, .params = NACRE_EMPTY_SPAN, .ops = &ops     \
  };                                                                        \
  NACRE_COMPONENT_MODULE(ident, component)

#endif
