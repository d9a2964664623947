/* SPDX-License-Identifier: MIT */
/* gru: gated recurrent unit. */
#include <nacre/plugin.h>

#include "recurrent_walk.h"

typedef struct gru {
  nacre_recurrent base;
  nacre_ref recurrent_activation;
  bool reset_after;
} gru;

/* Gates, in the order of the kernels' columns. A row that is kept has a
 * fourth part. With reset_after it is, going forward, what the state gives
 * to the candidate. Going back the rows hold the gradients of what the state
 * gives to z, r and the candidate, and then that of what the input gives to
 * the candidate: so each kernel meets columns that lie together. */
enum { UPDATE, RESET, CANDIDATE, FROM_STATE, KEPT };
enum { GATES = FROM_STATE, FROM_INPUT = FROM_STATE };

/* Saved beside what all save: [batch, steps, ...]. */
enum {
  CUT = RECURRENT_OWN, /* [units]: the state after the reset gate */
  BEFORE_GATES         /* [3 units]: where a derivative needs them */
};

static bool keeps_gates(const gru *cfg) {
  return nacre_recurrent_needs_x(&cfg->base.activation) ||
         nacre_recurrent_needs_x(&cfg->recurrent_activation);
}

static int plan(nacre_plan *plan) {
  const gru *cfg = plan->cfg;
  const int64_t units = cfg->base.units;
  if (nacre_recurrent_check(plan, 1) != NACRE_OK) {
    return NACRE_ERROR;
  }
  const int64_t steps = plan->input[0].dim[0];
  const nacre_shape bias = cfg->reset_after ? nacre_shape_2d(2, GATES * units)
                                            : nacre_shape_1d(GATES * units);
  const nacre_shape cut = nacre_shape_2d(steps, units);
  const nacre_shape gates = nacre_shape_2d(steps, GATES * units);
  if (nacre_recurrent_plan(plan, 1, GATES, KEPT, KEPT, &bias) != NACRE_OK ||
      (!cfg->reset_after &&
       nacre_plan_saved(plan, CUT, &cut, NACRE_PER_SAMPLE) != NACRE_OK)) {
    return NACRE_ERROR;
  }
  return keeps_gates(cfg)
           ? nacre_plan_saved(plan, BEFORE_GATES, &gates, NACRE_PER_SAMPLE)
           : NACRE_OK;
}

static real *product_row(const nacre_recurrent_tile *t, int64_t i) {
  return nacre_recurrent_scratch(t, RECURRENT_PRODUCT, KEPT * t->pass->units,
                                 i);
}

static real *before_row(const nacre_recurrent_tile *t, int64_t i) {
  return nacre_recurrent_saved(t, RECURRENT_BEFORE, t->pass->units, i);
}

/* Where a derivative needs them: gates before their activation. */
static real *linear_row(const nacre_recurrent_tile *t, int64_t i) {
  return t->pass->run->saved[BEFORE_GATES].data == NULL
           ? NULL
           : nacre_recurrent_saved(t, BEFORE_GATES, GATES * t->pass->units, i);
}

/* The first `n` numbers from `gate` on, kept before they are activated. */
static void keep_linear(const nacre_recurrent_tile *t, int64_t i, int64_t gate,
                        int64_t n) {
  real *linear = linear_row(t, i);
  if (linear != NULL) {
    memcpy(linear + gate, nacre_recurrent_gates(t, i) + gate,
           nacre_recurrent_bytes(n));
  }
}

/* candidate += r times what the state gives it, which is kept */
NACRE_KERNEL
static void reset_product(int64_t n, const real *restrict r,
                          const real *restrict product,
                          real *restrict candidate, real *restrict kept) {
  for (int64_t j = 0; j < n; j++) {
    kept[j] = product[j];
    candidate[j] += r[j] * product[j];
  }
}

/* h = z before + (1 - z) candidate */
NACRE_KERNEL
static void mix(int64_t n, const real *restrict z,
                const real *restrict candidate, const real *restrict before,
                real *restrict h) {
  for (int64_t j = 0; j < n; j++) {
    h[j] = z[j] * before[j] + (1 - z[j]) * candidate[j];
  }
}

NACRE_KERNEL
static void multiply(int64_t n, const real *restrict x, const real *restrict y,
                     real *restrict product) {
  for (int64_t j = 0; j < n; j++) {
    product[j] = x[j] * y[j];
  }
}

/* The candidate has all its terms: the state of this step. */
static void finish_row(const nacre_recurrent_tile *t, int64_t i) {
  const gru *cfg = t->pass->run->cfg;
  const int64_t n = t->pass->units;
  real *gate = nacre_recurrent_gates(t, i);
  keep_linear(t, i, CANDIDATE * n, n);
  nacre_recurrent_apply(t, &cfg->base.activation, 1, gate + CANDIDATE * n,
                        gate + CANDIDATE * n);
  mix(n, gate + UPDATE * n, gate + CANDIDATE * n, before_row(t, i),
      nacre_recurrent_state(t, i));
  nacre_recurrent_put(t, i);
}

/* z and r from what the state gives them. */
static void open_row(const nacre_recurrent_tile *t, int64_t i) {
  const gru *cfg = t->pass->run->cfg;
  const int64_t n = t->pass->units;
  real *gate = nacre_recurrent_gates(t, i);
  nacre_recurrent_add(2 * n, product_row(t, i), gate);
  keep_linear(t, i, 0, 2 * n);
  nacre_recurrent_apply(t, &cfg->recurrent_activation, 2, gate, gate);
}

static void step_after(const nacre_recurrent_tile *t) {
  const int64_t n = t->pass->units;
  nacre_recurrent_lay(t);
  if (nacre_recurrent_any(t)) {
    nacre_recurrent_multiply(t, 0, nacre_recurrent_state(t, 0), n, 0,
                             product_row(t, 0), KEPT * n);
  }
  for (int64_t i = 0; i < t->rows; i++) {
    if (!nacre_recurrent_counts(t, i)) {
      nacre_recurrent_hold(t, i);
      continue;
    }
    real *gate = nacre_recurrent_gates(t, i);
    open_row(t, i);
    reset_product(n, gate + RESET * n, product_row(t, i) + CANDIDATE * n,
                  gate + CANDIDATE * n, gate + FROM_STATE * n);
    finish_row(t, i);
  }
}

/* Here the candidate's product waits for r. */
static void step_before(const nacre_recurrent_tile *t) {
  const int64_t n = t->pass->units;
  real *cut = nacre_recurrent_scratch(t, RECURRENT_TERM, n, 0);
  const bool any = nacre_recurrent_any(t);
  nacre_recurrent_lay(t);
  if (any) {
    nacre_recurrent_multiply(t, 0, nacre_recurrent_state(t, 0), n, 0,
                             product_row(t, 0), KEPT * n);
  }
  for (int64_t i = 0; i < t->rows; i++) {
    if (nacre_recurrent_counts(t, i)) {
      open_row(t, i);
      multiply(n, nacre_recurrent_gates(t, i) + RESET * n,
               nacre_recurrent_state(t, i), cut + i * n);
    } else {
      nacre_recurrent_copy(t, NULL, cut + i * n);
    }
    nacre_recurrent_copy(t, cut + i * n, nacre_recurrent_saved(t, CUT, n, i));
  }
  if (any) {
    nacre_recurrent_multiply(t, 1, cut, n, 0, product_row(t, 0) + CANDIDATE * n,
                             KEPT * n);
  }
  for (int64_t i = 0; i < t->rows; i++) {
    if (nacre_recurrent_counts(t, i)) {
      nacre_recurrent_add(n, product_row(t, i) + CANDIDATE * n,
                          nacre_recurrent_gates(t, i) + CANDIDATE * n);
      finish_row(t, i);
    } else {
      nacre_recurrent_hold(t, i);
    }
  }
}

/* The recurrent kernel as a whole, or that of the gates and then that of the
 * candidate; `turned` for the way back. */
static void prepare(nacre_recurrent_pass *pass, bool turned) {
  const gru *cfg = pass->run->cfg;
  const int64_t n = pass->units;
  const real *kernel = nacre_data(&pass->run->weight[RECURRENT_STATE_KERNEL]);
  const int64_t first = (cfg->reset_after ? GATES : 2) * n;
  const uint32_t flags = turned ? NACRE_GEMM_TRANS_B : 0;
  nacre_recurrent_prepare(pass, 0, flags, turned ? n : first,
                          turned ? first : n, kernel, GATES * n);
  if (!cfg->reset_after) {
    nacre_recurrent_prepare(pass, 1, flags, n, n, kernel + CANDIDATE * n,
                            GATES * n);
  }
}

/* The recurrent bias joins the product: it is not cut by dropout, but r cuts
 * it along with the product. */
static void forward(nacre_run *run) {
  const gru *cfg = run->cfg;
  nacre_recurrent_pass pass =
    nacre_recurrent_begin(run, KEPT,
                          cfg->reset_after ? step_after : step_before);
  const real *bias = nacre_data(&run->weight[RECURRENT_BIAS]);
  nacre_recurrent_inputs(&pass, GATES * pass.units);
  prepare(&pass, false);
  if (cfg->reset_after && bias != NULL) {
    pass.product[0].bias = bias + GATES * pass.units;
  }
  nacre_recurrent_run(&pass);
}

/* From h = z before + (1 - z) candidate: dz, dcandidate; dh becomes the
 * direct part of the gradient of the state before. */
NACRE_KERNEL
static void split_mix(int64_t n, const real *restrict z,
                      const real *restrict candidate,
                      const real *restrict before, real *restrict dh,
                      real *restrict dz, real *restrict dcandidate) {
  for (int64_t j = 0; j < n; j++) {
    dz[j] = dh[j] * (before[j] - candidate[j]);
    dcandidate[j] = dh[j] * (1 - z[j]);
    dh[j] = dh[j] * z[j];
  }
}

/* Of r times what the state gives. */
NACRE_KERNEL
static void split_reset(int64_t n, const real *restrict r,
                        const real *restrict given,
                        const real *restrict dcandidate, real *restrict dr,
                        real *restrict dgiven) {
  for (int64_t j = 0; j < n; j++) {
    dr[j] = dcandidate[j] * given[j];
    dgiven[j] = dcandidate[j] * r[j];
  }
}

/* Gradients of z's and the candidate's sums, to the row of products: there
 * the input's part of the candidate stands last. */
static void split_row(const nacre_recurrent_tile *t, int64_t i) {
  const gru *cfg = t->pass->run->cfg;
  const int64_t n = t->pass->units;
  const real *gate = nacre_recurrent_gates(t, i), *linear = linear_row(t, i);
  const real *at = linear != NULL ? linear : gate;
  real *d = product_row(t, i);
  split_mix(n, gate + UPDATE * n, gate + CANDIDATE * n, before_row(t, i),
            nacre_recurrent_take(t, i), d + UPDATE * n, d + FROM_INPUT * n);
  nacre_recurrent_derive(t, &cfg->base.activation, 1, at + CANDIDATE * n,
                         gate + CANDIDATE * n, d + FROM_INPUT * n);
}

/* With dr, all gradients of a row are there: they take the gates' place. */
static void close_row(const nacre_recurrent_tile *t, int64_t i) {
  const gru *cfg = t->pass->run->cfg;
  const int64_t n = t->pass->units;
  real *gate = nacre_recurrent_gates(t, i), *d = product_row(t, i);
  const real *linear = linear_row(t, i);
  nacre_recurrent_derive(t, &cfg->recurrent_activation, 2,
                         linear != NULL ? linear : gate, gate, d);
  memcpy(gate, d, nacre_recurrent_bytes(KEPT * n));
}

static void back_after(const nacre_recurrent_tile *t) {
  const int64_t n = t->pass->units;
  for (int64_t i = 0; i < t->rows; i++) {
    real *d = product_row(t, i);
    const real *gate = nacre_recurrent_gates(t, i);
    if (!nacre_recurrent_counts(t, i)) {
      nacre_recurrent_skip(t, i);
      continue;
    }
    split_row(t, i);
    split_reset(n, gate + RESET * n, gate + FROM_STATE * n, d + FROM_INPUT * n,
                d + RESET * n, d + CANDIDATE * n);
    close_row(t, i);
  }
  if (nacre_recurrent_any(t)) {
    nacre_recurrent_return(t, 0, product_row(t, 0), KEPT * n);
    nacre_recurrent_end(t);
  }
}

/* dcut = what came through the candidate's kernel: dr of it, and the state's
 * gradient, as far as dropout lets it through. */
static void split_cut(const nacre_recurrent_tile *t, int64_t i, real *dcut) {
  const int64_t n = t->pass->units;
  const real *r = nacre_recurrent_gates(t, i) + RESET * n,
             *before = before_row(t, i);
  const real *keep = t->pass->keep;
  if (keep != NULL) {
    nacre_recurrent_keep(n, keep + (t->begin + i) * n, dcut);
  }
  multiply(n, dcut, before, product_row(t, i) + RESET * n);
  nacre_recurrent_add_kept(n, r, dcut, nacre_recurrent_state(t, i));
}

static void back_before(const nacre_recurrent_tile *t) {
  const int64_t n = t->pass->units;
  real *dcut = nacre_recurrent_scratch(t, RECURRENT_TERM, n, 0);
  for (int64_t i = 0; i < t->rows; i++) {
    if (nacre_recurrent_counts(t, i)) {
      real *d = product_row(t, i);
      split_row(t, i);
      nacre_recurrent_copy(t, d + FROM_INPUT * n, d + CANDIDATE * n);
    } else {
      nacre_recurrent_skip(t, i);
    }
  }
  if (!nacre_recurrent_any(t)) {
    return;
  }
  nacre_recurrent_multiply(t, 1, product_row(t, 0) + CANDIDATE * n, KEPT * n, 0,
                           dcut, n);
  for (int64_t i = 0; i < t->rows; i++) {
    if (nacre_recurrent_counts(t, i)) {
      split_cut(t, i, dcut + i * n);
      close_row(t, i);
    }
  }
  nacre_recurrent_return(t, 0, product_row(t, 0), KEPT * n);
  nacre_recurrent_end(t);
}

static void add_dbias(const nacre_recurrent_pass *pass) {
  const gru *cfg = pass->run->cfg;
  const int64_t n = pass->units;
  real *dbias = nacre_data(&pass->run->dweight[RECURRENT_BIAS]);
  nacre_recurrent_dbias(pass, 0, 2 * n, dbias);
  nacre_recurrent_dbias(pass, FROM_INPUT * n, n, dbias + CANDIDATE * n);
  if (cfg->reset_after) {
    nacre_recurrent_dbias(pass, 0, GATES * n, dbias + GATES * n);
  }
}

static void backward(nacre_run *run) {
  const gru *cfg = run->cfg;
  nacre_recurrent_pass pass =
    nacre_recurrent_begin(run, KEPT,
                          cfg->reset_after ? back_after : back_before);
  const int64_t n = pass.units, all = GATES * n;
  const real *before = nacre_data(&run->saved[RECURRENT_BEFORE]);
  prepare(&pass, true);
  nacre_recurrent_return_all(&pass);
  nacre_recurrent_dinputs(&pass, all, 0, 0, 2 * n, 0);
  nacre_recurrent_dinputs(&pass, all, FROM_INPUT * n, CANDIDATE * n, n, 1);
  nacre_recurrent_cut(&pass);
  if (cfg->reset_after) {
    nacre_recurrent_dstates(&pass, before, 0, all, 0, all);
  } else {
    nacre_recurrent_dstates(&pass, before, 0, all, 0, 2 * n);
    nacre_recurrent_dstates(&pass, nacre_data(&run->saved[CUT]), CANDIDATE * n,
                            all, CANDIDATE * n, n);
  }
  if (run->dweight[RECURRENT_BIAS].data != NULL) {
    add_dbias(&pass);
  }
}

static const nacre_param params[] = {
  NACRE_RECURRENT_PARAM(gru, units, NULL, "[1,inf)",
                        "Numbers of the state, and of an output."),
  NACRE_RECURRENT_PARAM(gru, activation, "tanh", "activation",
                        "Of the candidate."),
  NACRE_PARAM(gru, recurrent_activation, "sigmoid", "activation", "",
              "Of the update and the reset gate.", 0),
  NACRE_PARAM(gru, reset_after, "true", NULL, "",
              "Apply the reset gate after the state's product, not before; "
              "the bias is then [2, 3 units], of the input and of the state.",
              0),
  NACRE_RECURRENT_PARAMS(gru),
};

static const nacre_weight weights[] = {
  { "kernel", "glorot_uniform", "Of the input, [features, 3 units].", 0, 0 },
  { "recurrent_kernel", "orthogonal", "Of the state, [units, 3 units].", 0, 0 },
  { "bias", "zeros", "Added to the gates, [2, 3 units] or [3 units].", 0, 0 },
  { "state", "zeros", "With stateful: the last h, [batch, units].",
    NACRE_WEIGHT_STATE | NACRE_WEIGHT_CARRY, 0 },
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops),
  .flags = NACRE_LAYER_NEED_X | NACRE_LAYER_RANDOM | NACRE_LAYER_MASK_READ |
           NACRE_LAYER_TOKENS,
  .weights = NACRE_SPAN(weights),
  .min_inputs = 1,
  .max_inputs = 2,
  .plan = plan,
  .forward = forward,
  .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component),
  .kind = NACRE_KIND_LAYER,
  .contract = 1,
  .name = "gru",
  .summary = "Gated recurrent unit",
  .doc =
    "In every step, with the input x and the state h,\n\n"
    "z = s(x Wz + bz + h Uz + cz), r = s(x Wr + br + h Ur + cr), "
    "g = a(x Wh + bh + r (h Uh + ch)), h = z h + (1 - z) g,\n\n"
    "a being the activation, s the recurrent activation, the kernel [Wz "
    "Wr Wh] and the bias [[bz br bh], [cz cr ch]]. With reset_after "
    "false there is no c, and g = a(x Wh + bh + (r h) Uh). The output is "
    "h.\n\n"
    "Inputs: [steps, features], and the first h, [units], if it is not "
    "to be 0. Outputs: [units], or [steps, units] with "
    "return_sequences; with return_state the last h as output 1. Steps "
    "that are masked leave the state, and repeat the output before.\n\n"
    "As Keras's GRU. Cho et al., \"Learning phrase representations "
    "using RNN encoder-decoder for statistical machine translation\", "
    "EMNLP 2014.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(gru),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(gru, component)
