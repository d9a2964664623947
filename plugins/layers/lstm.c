/* SPDX-License-Identifier: MIT */
/* lstm: long short-term memory. */
#include <nacre/plugin.h>

#include "recurrent_walk.h"

typedef struct lstm {
  nacre_recurrent base;
  nacre_ref recurrent_activation;
  bool unit_forget_bias;
} lstm;

/* Gates, in the order of the kernels' columns; i and f lie together. A row
 * that is kept ends with the activation of the cell. */
enum { INPUT, FORGET, CANDIDATE, OUTPUT, GATES, CURVE = GATES, KEPT };

/* Saved beside what all save: [batch, steps, ...] but the first. */
enum {
  CELL = RECURRENT_OWN, /* [batch, steps + 1, units], in the order of work */
  BEFORE_GATES          /* [4 units]: where a derivative needs them */
};

static bool keeps_gates(const lstm *cfg) {
  return nacre_recurrent_needs_x(&cfg->base.activation) ||
         nacre_recurrent_needs_x(&cfg->recurrent_activation);
}

static int plan(nacre_plan *plan) {
  const lstm *cfg = plan->cfg;
  const int64_t units = cfg->base.units;
  if (nacre_recurrent_check(plan, 2) != NACRE_OK) {
    return NACRE_ERROR;
  }
  const int64_t steps = plan->input[0].dim[0];
  const nacre_shape bias = nacre_shape_1d(GATES * units);
  const nacre_shape cell = nacre_shape_2d(steps + 1, units);
  const nacre_shape gates = nacre_shape_2d(steps, GATES * units);
  if (nacre_recurrent_plan(plan, 2, GATES, GATES, KEPT, &bias) != NACRE_OK ||
      nacre_plan_saved(plan, CELL, &cell, NACRE_PER_SAMPLE) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (cfg->base.use_bias && cfg->unit_forget_bias &&
      nacre_plan_start(plan, RECURRENT_BIAS, FORGET * units, units, 1) !=
        NACRE_OK) {
    return NACRE_ERROR;
  }
  return keeps_gates(cfg)
           ? nacre_plan_saved(plan, BEFORE_GATES, &gates, NACRE_PER_SAMPLE)
           : NACRE_OK;
}

/* The cell's row before this step; that after it is the next. */
static real *cell_row(const nacre_recurrent_tile *t, int64_t i) {
  const nacre_recurrent_pass *pass = t->pass;
  return nacre_data(&pass->run->saved[CELL]) +
         ((t->begin + i) * (pass->steps + 1) + t->step) * pass->units;
}

/* c = f before + i g */
NACRE_KERNEL
static void remember(int64_t n, const real *restrict gates,
                     const real *restrict before, real *restrict c) {
  const real *i = gates, *f = gates + n, *g = gates + 2 * n;
  for (int64_t j = 0; j < n; j++) {
    c[j] = f[j] * before[j] + i[j] * g[j];
  }
}

NACRE_KERNEL
static void multiply(int64_t n, const real *restrict x, const real *restrict y,
                     real *restrict product) {
  for (int64_t j = 0; j < n; j++) {
    product[j] = x[j] * y[j];
  }
}

static void step_row(const nacre_recurrent_tile *t, int64_t i) {
  const lstm *cfg = t->pass->run->cfg;
  const int64_t n = t->pass->units;
  real *z = nacre_recurrent_scratch(t, RECURRENT_PRODUCT, GATES * n, i);
  real *y = nacre_recurrent_gates(t, i);
  real *c = cell_row(t, i), *curve = y + CURVE * n;
  nacre_recurrent_add(GATES * n, nacre_recurrent_given(t, i), z);
  if (t->pass->run->saved[BEFORE_GATES].data != NULL) {
    memcpy(nacre_recurrent_saved(t, BEFORE_GATES, GATES * n, i), z,
           nacre_recurrent_bytes(GATES * n));
  }
  nacre_recurrent_apply(t, &cfg->recurrent_activation, 2, z, y);
  nacre_recurrent_apply(t, &cfg->base.activation, 1, z + CANDIDATE * n,
                        y + CANDIDATE * n);
  nacre_recurrent_apply(t, &cfg->recurrent_activation, 1, z + OUTPUT * n,
                        y + OUTPUT * n);
  remember(n, y, c, c + n);
  nacre_recurrent_apply(t, &cfg->base.activation, 1, c + n, curve);
  multiply(n, y + OUTPUT * n, curve, nacre_recurrent_state(t, i));
  nacre_recurrent_put(t, i);
}

/* With [i f g o] = x kernel + h recurrent_kernel + bias, activated:
 * c = f c + i g, h = o activation(c). */
static void step(const nacre_recurrent_tile *t) {
  const int64_t n = t->pass->units;
  if (nacre_recurrent_any(t)) {
    nacre_recurrent_multiply(
      t, 0, nacre_recurrent_state(t, 0), n, 0,
      nacre_recurrent_scratch(t, RECURRENT_PRODUCT, GATES * n, 0), GATES * n);
  }
  for (int64_t i = 0; i < t->rows; i++) {
    real *c = cell_row(t, i);
    if (t->step == 0) {
      nacre_recurrent_copy(t, nacre_recurrent_first(t, 2, i), c);
    }
    if (nacre_recurrent_counts(t, i)) {
      step_row(t, i);
    } else {
      nacre_recurrent_copy(t, c, c + n);
      nacre_recurrent_hold(t, i);
    }
    nacre_recurrent_last(t, 2, c + n, i);
  }
}

static void forward(nacre_run *run) {
  nacre_recurrent_pass pass = nacre_recurrent_begin(run, GATES, step);
  const int64_t n = pass.units;
  nacre_recurrent_inputs(&pass, GATES * n);
  nacre_recurrent_prepare(&pass, 0, 0, GATES * n, n,
                          nacre_data(&run->weight[RECURRENT_STATE_KERNEL]),
                          GATES * n);
  nacre_recurrent_run(&pass);
}

/* do = dh curve, dcurve = dh o; dh is used up. */
NACRE_KERNEL
static void split_output(int64_t n, const real *restrict o,
                         const real *restrict curve, real *restrict dh,
                         real *restrict d_o, real *restrict dcurve) {
  for (int64_t j = 0; j < n; j++) {
    d_o[j] = dh[j] * curve[j];
    dcurve[j] = dh[j] * o[j];
    dh[j] = 0;
  }
}

/* dc += what came through the curve; di, df, dg of it, and dc before. */
NACRE_KERNEL
static void split_cell(int64_t n, const real *restrict gates,
                       const real *restrict before, const real *restrict dcurve,
                       real *restrict dc, real *restrict d) {
  const real *i = gates, *f = gates + n, *g = gates + 2 * n;
  for (int64_t j = 0; j < n; j++) {
    real all = dc[j] + dcurve[j];
    d[j] = all * g[j];
    d[n + j] = all * before[j];
    d[2 * n + j] = all * i[j];
    dc[j] = all * f[j];
  }
}

static void back_row(const nacre_recurrent_tile *t, int64_t i) {
  const lstm *cfg = t->pass->run->cfg;
  const int64_t n = t->pass->units;
  real *y = nacre_recurrent_gates(t, i);
  const real *z = t->pass->run->saved[BEFORE_GATES].data != NULL
                    ? nacre_recurrent_saved(t, BEFORE_GATES, GATES * n, i)
                    : y;
  real *d = nacre_recurrent_scratch(t, RECURRENT_PRODUCT, GATES * n, i);
  real *dcurve = nacre_recurrent_scratch(t, RECURRENT_TERM, n, i);
  const real *c = cell_row(t, i);
  const real *curve = y + CURVE * n;
  split_output(n, y + OUTPUT * n, curve, nacre_recurrent_take(t, i),
               d + OUTPUT * n, dcurve);
  nacre_recurrent_derive(t, &cfg->base.activation, 1, c + n, curve, dcurve);
  split_cell(n, y, c, dcurve, nacre_recurrent_scratch(t, RECURRENT_CARRY, n, i),
             d);
  nacre_recurrent_derive(t, &cfg->recurrent_activation, 2, z, y, d);
  nacre_recurrent_derive(t, &cfg->base.activation, 1, z + CANDIDATE * n,
                         y + CANDIDATE * n, d + CANDIDATE * n);
  nacre_recurrent_derive(t, &cfg->recurrent_activation, 1, z + OUTPUT * n,
                         y + OUTPUT * n, d + OUTPUT * n);
  memcpy(y, d, nacre_recurrent_bytes(GATES * n));
}

static void back(const nacre_recurrent_tile *t) {
  const int64_t n = t->pass->units;
  for (int64_t i = 0; i < t->rows; i++) {
    if (nacre_recurrent_counts(t, i)) {
      back_row(t, i);
    } else {
      nacre_recurrent_skip(t, i);
    }
  }
  if (nacre_recurrent_any(t)) {
    nacre_recurrent_return(
      t, 0, nacre_recurrent_scratch(t, RECURRENT_PRODUCT, GATES * n, 0),
      GATES * n);
    nacre_recurrent_end(t);
  }
}

static void backward(nacre_run *run) {
  nacre_recurrent_pass pass = nacre_recurrent_begin(run, GATES, back);
  const int64_t n = pass.units;
  nacre_recurrent_prepare(&pass, 0, NACRE_GEMM_TRANS_B, n, GATES * n,
                          nacre_data(&run->weight[RECURRENT_STATE_KERNEL]),
                          GATES * n);
  nacre_recurrent_return_all(&pass);
  nacre_recurrent_dinputs(&pass, GATES * n, 0, 0, GATES * n, 0);
  nacre_recurrent_cut(&pass);
  nacre_recurrent_dstates(&pass, nacre_data(&run->saved[RECURRENT_BEFORE]), 0,
                          GATES * n, 0, GATES * n);
  if (run->dweight[RECURRENT_BIAS].data != NULL) {
    nacre_recurrent_dbias(&pass, 0, GATES * n,
                          nacre_data(&run->dweight[RECURRENT_BIAS]));
  }
}

static const nacre_param params[] = {
  NACRE_RECURRENT_PARAM(lstm, units, NULL, "[1,inf)",
                        "Numbers of the state, and of an output."),
  NACRE_RECURRENT_PARAM(lstm, activation, "tanh", "activation",
                        "Of the candidate and of the cell."),
  NACRE_PARAM(lstm, recurrent_activation, "sigmoid", "activation", "",
              "Of the three gates.", 0),
  NACRE_PARAM(lstm, unit_forget_bias, "true", NULL, "",
              "Start the forget gate's bias at 1.", 0),
  NACRE_RECURRENT_PARAMS(lstm),
};

static const nacre_weight weights[] = {
  { "kernel", "glorot_uniform", "Of the input, [features, 4 units].", 0, 0 },
  { "recurrent_kernel", "orthogonal", "Of the state, [units, 4 units].", 0, 0 },
  { "bias", "zeros", "Added to the gates, [4 units].", 0, 0 },
  { "state", "zeros", "With stateful: the last h, [batch, units].",
    NACRE_WEIGHT_STATE | NACRE_WEIGHT_CARRY, 0 },
  { "carry", "zeros", "With stateful: the last c, [batch, units].",
    NACRE_WEIGHT_STATE | NACRE_WEIGHT_CARRY, 0 },
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops),
  .flags = NACRE_LAYER_NEED_X | NACRE_LAYER_RANDOM | NACRE_LAYER_MASK_READ |
           NACRE_LAYER_TOKENS,
  .weights = NACRE_SPAN(weights),
  .min_inputs = 1,
  .max_inputs = 3,
  .plan = plan,
  .forward = forward,
  .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component),
  .kind = NACRE_KIND_LAYER,
  .contract = 1,
  .name = "lstm",
  .summary = "Long short-term memory",
  .doc =
    "In every step, with the input x, the state h and the cell c,\n\n"
    "i = r(x Wi + h Ui + bi), f = r(x Wf + h Uf + bf), "
    "g = a(x Wc + h Uc + bc), o = r(x Wo + h Uo + bo), "
    "c = f c + i g, h = o a(c),\n\n"
    "a being the activation, r the recurrent activation, and the kernel "
    "[Wi Wf Wc Wo]. The output is h.\n\n"
    "Inputs: [steps, features], and the first h and c, [units] each, "
    "if they are not to be 0. Outputs: [units], or [steps, units] with "
    "return_sequences; with return_state the last h and c as outputs 1 "
    "and 2. Steps that are masked leave the states, and repeat the output "
    "before.\n\n"
    "As Keras's LSTM. Hochreiter and Schmidhuber, \"Long short-term "
    "memory\", Neural Computation 9 (1997); Gers, Schmidhuber and "
    "Cummins, \"Learning to forget\", Neural Computation 12 (2000). "
    "Dropout as in Gal and Ghahramani, \"A theoretically grounded "
    "application of dropout in recurrent neural networks\", NIPS 2016.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(lstm),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(lstm, component)
