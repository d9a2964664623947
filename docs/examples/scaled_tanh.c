/* SPDX-License-Identifier: MIT */
/* scaled_tanh: tanh with a given slope and a learned gain per feature. */
#include <nacre/plugin.h>

/* The parameters, as the YAML gives them: one field each. */
typedef struct scaled_tanh {
  double slope;
} scaled_tanh;

enum { GAIN };   /* weights */
enum { CURVE };  /* saved: tanh(slope x), [batch, ..., features] */
enum { TERMS };  /* scratch: what each element adds to dgain, the same */

/* From shapes and parameters alone: what goes out, what is needed. */
static int plan(nacre_plan *plan) {
  const nacre_shape *in = &plan->input[0]; /* [..., features] */
  if (in->rank < 1) {
    return nacre_plan_refuse(plan, "the input needs an axis of features");
  }
  int64_t features = nacre_shape_last(in);
  nacre_shape gain = nacre_shape_1d(features);
  if (nacre_plan_weight(plan, GAIN, &gain, features, features) != NACRE_OK ||
      nacre_plan_saved(plan, CURVE, in, NACRE_PER_SAMPLE) != NACRE_OK ||
      nacre_plan_scratch(plan, TERMS, in, NACRE_PER_SAMPLE) != NACRE_OK) {
    return NACRE_ERROR;
  }
  nacre_plan_flops(plan, 3.0 * (double)nacre_shape_count(in));
  return nacre_plan_output(plan, in);
}

/* y = gain tanh(slope x) */
static void forward(nacre_run *run) {
  const nacre_math *math = run->math;
  const scaled_tanh *cfg = run->cfg;
  const real *gain = nacre_data(&run->weight[GAIN]); /* [features] */
  const real *x = nacre_data(&run->in[0]);           /* [n] */
  real *y = nacre_data(&run->out[0]);                /* [n] */
  real *curve = nacre_data(&run->saved[CURVE]);      /* [n] */
  int64_t n = nacre_tensor_count(&run->in[0]);
  int64_t features = run->weight[GAIN].dim[0];
  math->copy(math, n, x, curve);
  math->scale(math, n, (real)cfg->slope, curve);
  math->tanh(math, n, curve, curve);
  for (int64_t i = 0; i < n; i++) {
    y[i] = gain[i % features] * curve[i];
  }
}

/* With t = tanh(slope x): dgain += dy t, dx = dy gain slope (1 - t^2). */
static void backward(nacre_run *run) {
  const nacre_math *math = run->math;
  const scaled_tanh *cfg = run->cfg;
  const real *gain = nacre_data(&run->weight[GAIN]); /* [features] */
  const real *t = nacre_data(&run->saved[CURVE]);    /* [n] */
  const real *dy = nacre_data(&run->dout[0]);        /* [n] */
  real *dx = nacre_data(&run->din[0]);               /* [n], NULL: unwanted */
  real *dgain = nacre_data(&run->dweight[GAIN]);     /* [features], or NULL */
  real *terms = nacre_data(&run->scratch[TERMS]);    /* [n] */
  int64_t n = nacre_tensor_count(&run->dout[0]);
  int64_t features = run->weight[GAIN].dim[0];
  if (dgain) {
    for (int64_t i = 0; i < n; i++) {
      terms[i] = dy[i] * t[i];
    }
    math->col_sum(math, n / features, features, terms, dgain); /* adds */
  }
  for (int64_t i = 0; dx && i < n; i++) {
    dx[i] = dy[i] * gain[i % features] * (real)cfg->slope *
            (1 - t[i] * t[i]);
  }
}

static const nacre_param params[] = {
  NACRE_PARAM(scaled_tanh, slope, "0.6666666667", "(0,inf)", "",
              "Factor of the input.", 0),
};

static const nacre_weight weights[] = {
  { "gain", "ones", "Factors of the output, [features].", 0, 0 },
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops), .flags = 0, /* backward reads neither in[] nor out[] */
  .weights = NACRE_SPAN(weights), .min_inputs = 1, .max_inputs = 1,
  .plan = plan, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "scaled_tanh", .summary = "Tanh with a learned gain per feature",
  .doc = "y = gain tanh(slope x). Input and output [..., features], gain "
         "[features]. After LeCun, Bottou, Orr and Müller, \"Efficient "
         "BackProp\", 1998.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(scaled_tanh), .ops = &ops,
};

NACRE_COMPONENT_MODULE(scaled_tanh, component)
