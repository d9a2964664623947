/* SPDX-License-Identifier: MIT */
/* test_golden_layers: outputs, gradients and moving state, with buffers as a
 * host binds them. */
#include "golden.h"

#include <stdio.h>
#include <string.h>

#define MOST 8 /* inputs, or weights, of a layer here */

/* A layer, what its plan() asks for, and the tensors of a run. */
typedef struct stage {
  nacre_plan plan; /* first: what plan() gets is a stage */
  golden *g;
  const nacre_layer_ops *ops;
  nacre_shape input[MOST];
  uint32_t n_outputs;
  nacre_tensor in[MOST], din[MOST], out[MOST], dout[MOST];
  nacre_tensor mask[MOST], out_mask;
  nacre_tensor weight[MOST], dweight[MOST];
  nacre_tensor saved[NACRE_SLOT_MAX], scratch[NACRE_SLOT_MAX];
} stage;

static stage *stage_of(nacre_plan *plan) {
  return (stage *)(void *)plan;
}

/* A zeroed tensor; with `batch` > 0 that axis is put in front. */
static nacre_tensor make_tensor(golden *g, const nacre_shape *shape,
                                int64_t batch) {
  nacre_tensor tensor = { .rank = shape->rank, .dtype = NACRE_REAL };
  const int32_t first = batch > 0 ? 1 : 0;
  ck_assert_int_le(shape->rank + first, NACRE_RANK_MAX);
  tensor.rank += first;
  tensor.dim[0] = batch;
  for (int32_t i = 0; i < shape->rank; i++) {
    tensor.dim[first + i] = shape->dim[i];
  }
  tensor.data = golden_alloc(g, nacre_tensor_count(&tensor), sizeof(real));
  return tensor;
}

static int on_output(nacre_plan *plan, const nacre_shape *shape) {
  stage *s = stage_of(plan);
  ck_assert_uint_lt(s->n_outputs, MOST);
  s->out[s->n_outputs] = make_tensor(s->g, shape, plan->batch);
  s->dout[s->n_outputs++] = make_tensor(s->g, shape, plan->batch);
  return NACRE_OK;
}

static int on_weight(nacre_plan *plan, uint32_t index,
                     const nacre_shape *shape, int64_t fan_in,
                     int64_t fan_out) {
  stage *s = stage_of(plan);
  (void)fan_in;
  (void)fan_out;
  ck_assert_uint_lt(index, MOST);
  s->weight[index] = make_tensor(s->g, shape, 0);
  s->dweight[index] = make_tensor(s->g, shape, 0);
  return NACRE_OK;
}

static int on_saved(nacre_plan *plan, uint32_t slot, const nacre_shape *shape,
                    uint32_t flags) {
  stage *s = stage_of(plan);
  bool each = (flags & NACRE_PER_SAMPLE) != 0;
  s->saved[slot] = make_tensor(s->g, shape, each ? plan->batch : 0);
  return NACRE_OK;
}

static int on_scratch(nacre_plan *plan, uint32_t slot,
                      const nacre_shape *shape, uint32_t flags) {
  stage *s = stage_of(plan);
  bool each = (flags & NACRE_PER_SAMPLE) != 0;
  s->scratch[slot] = make_tensor(s->g, shape, each ? plan->batch : 0);
  return NACRE_OK;
}

static int on_mask(nacre_plan *plan, const nacre_shape *shape) {
  stage *s = stage_of(plan);
  s->out_mask = make_tensor(s->g, shape, plan->batch);
  return NACRE_OK;
}

/* The weights of a case are given. */
static int on_start(nacre_plan *plan, uint32_t index, int64_t first,
                    int64_t n, double value) {
  const nacre_tensor *weight = &stage_of(plan)->weight[index];
  (void)value;
  ck_assert_ptr_nonnull(weight->data);
  ck_assert_int_le(first + n, nacre_tensor_count(weight));
  return NACRE_OK;
}

static void on_flops(nacre_plan *plan, double forward) {
  (void)plan;
  (void)forward;
}

static int on_refuse(nacre_plan *plan, const char *format, ...) {
  (void)plan;
  ck_abort_msg("plan() refused: %s", format);
  return NACRE_ERROR;
}

static void on_fault(nacre_run *run, int64_t sample, const char *format,
                     ...) {
  (void)run;
  ck_abort_msg("a fault at sample %lld: %s", (long long)sample, format);
}

static void fill(const nacre_tensor *tensor, golden *g, const json_t *from) {
  int64_t n;
  const real *data = golden_reals(g, json_object_get(from, "data"), &n);
  ck_assert_int_eq(n, nacre_tensor_count(tensor));
  memcpy(tensor->data, data, (size_t)n * sizeof(real));
}

static void check(stage *s, const char *what, int i, const json_t *expected,
                  const nacre_tensor *got) {
  char name[64];
  snprintf(name, sizeof name, "%s %d", what, i);
  const json_t *terms = json_object_get(expected, "terms");
  golden_near_sums(s->g, name, json_object_get(expected, "data"),
                   nacre_tensor_count(got), got->data,
                   json_is_number(terms) ? golden_number(terms) : 0);
}

/* Shapes of the inputs, less the batch. */
static void read_inputs(stage *s, const json_t *inputs) {
  s->plan.n_inputs = (uint32_t)json_array_size(inputs);
  ck_assert_uint_le(s->plan.n_inputs, MOST);
  for (uint32_t i = 0; i < s->plan.n_inputs; i++) {
    const json_t *dims =
      json_object_get(json_array_get(inputs, i), "shape");
    nacre_shape *shape = &s->input[i];
    shape->rank = (int32_t)json_array_size(dims) - 1;
    shape->dtype = NACRE_REAL;
    s->plan.batch = (int64_t)golden_number(json_array_get(dims, 0));
    for (int32_t k = 0; k < shape->rank; k++) {
      shape->dim[k] =
        (int64_t)golden_number(json_array_get(dims, (size_t)k + 1));
    }
    s->in[i] = make_tensor(s->g, shape, s->plan.batch);
    s->din[i] = make_tensor(s->g, shape, s->plan.batch);
    fill(&s->in[i], s->g, json_array_get(inputs, i));
  }
  s->plan.input = s->input;
}

/* "masks": of each input, or null. Layers that pass them on see none. */
static void read_masks(stage *s, const json_t *masks) {
  if ((s->ops->flags & NACRE_LAYER_MASK_READ) == 0) {
    return;
  }
  for (uint32_t i = 0; i < s->plan.n_inputs; i++) {
    const json_t *mask = json_array_get(masks, i);
    if (json_is_object(mask)) {
      nacre_shape steps = nacre_shape_1d(s->input[i].dim[0]);
      s->mask[i] = make_tensor(s->g, &steps, s->plan.batch);
      s->plan.masked |= 1u << i;
      fill(&s->mask[i], s->g, mask);
    }
  }
}

/* The index of the weight that Keras calls `name`. */
static uint32_t weight_of(const stage *s, const char *name) {
  for (uint32_t i = 0; i < s->ops->weights.n; i++) {
    const nacre_weight *weight =
      (const void *)((const char *)s->ops->weights.at +
                     (size_t)i * s->ops->weights.stride);
    if (strcmp(weight->name, name) == 0) {
      return i;
    }
  }
  ck_abort_msg("there is no weight '%s'", name);
  return 0;
}

static nacre_run bind(stage *s, bool training) {
  return (nacre_run){ .size = sizeof(nacre_run),
                      .flags = training ? NACRE_RUN_TRAINING : 0,
                      .math = s->g->math,
                      .cfg = s->plan.cfg,
                      .batch = s->plan.batch,
                      .n_inputs = s->plan.n_inputs,
                      .n_outputs = s->n_outputs,
                      .in = s->in,
                      .out = s->out,
                      .din = s->din,
                      .dout = s->dout,
                      .weight = s->weight,
                      .dweight = s->dweight,
                      .saved = s->saved,
                      .scratch = s->scratch,
                      .fault = on_fault,
                      .mask = s->mask,
                      .out_mask = &s->out_mask };
}

/* Gradients of trained weights and values of the others, in Keras's order. */
static void check_weights(stage *s) {
  const json_t *weights = golden_member(s->g, "weights");
  const json_t *dw = golden_member(s->g, "dw");
  const json_t *state = golden_member(s->g, "state");
  size_t trained = 0, kept = 0;
  for (size_t i = 0; i < json_array_size(weights); i++) {
    const json_t *weight = json_array_get(weights, i);
    uint32_t at =
      weight_of(s, json_string_value(json_object_get(weight, "name")));
    if (json_integer_value(json_object_get(weight, "trained")) != 0) {
      check(s, "dweight", (int)at, json_array_get(dw, trained++),
            &s->dweight[at]);
    } else {
      check(s, "state", (int)at, json_array_get(state, kept++),
            &s->weight[at]);
    }
  }
}

/* Tensor i of a member that is a list of them, or one alone. */
static const json_t *one_of(const json_t *member, size_t i) {
  return json_is_array(member) ? json_array_get(member, i) : member;
}

static void check_case(golden *g) {
  static const nacre_plan_ops plan_ops = {
    sizeof(nacre_plan_ops), 0, on_output, on_weight, on_saved,
    on_scratch, on_flops, on_refuse, on_mask, on_start
  };
  nacre_choice chosen = golden_choose(g, NACRE_KIND_LAYER);
  stage *s = golden_alloc(g, 1, sizeof *s);
  s->g = g;
  s->ops = chosen.component->ops;
  s->plan.size = sizeof(nacre_plan);
  s->plan.ops = &plan_ops;
  s->plan.cfg = chosen.cfg;
  s->plan.needs = s->ops->flags & (NACRE_LAYER_NEED_X | NACRE_LAYER_NEED_Y);
  read_inputs(s, golden_member(g, "inputs"));
  read_masks(s, json_object_get(g->at, "masks"));
  int status = s->ops->plan(&s->plan);
  if (status == NACRE_DECLINE && golden_may_decline(g)) {
    return;
  }
  ck_assert_int_eq(status, NACRE_OK);
  const json_t *weights = golden_member(g, "weights");
  for (size_t i = 0; i < json_array_size(weights); i++) {
    const json_t *weight = json_array_get(weights, i);
    fill(&s->weight[weight_of(
           s, json_string_value(json_object_get(weight, "name")))],
         g, weight);
  }
  nacre_run run = bind(s, golden_int(g, "training") != 0);
  if (s->ops->create != NULL) {
    ck_assert_int_eq(s->ops->create(&s->plan, &run.self), NACRE_OK);
  }
  s->ops->forward(&run);
  for (uint32_t i = 0; i < s->n_outputs; i++) {
    check(s, "y", (int)i, one_of(golden_member(g, "y"), i), &s->out[i]);
    fill(&s->dout[i], g, one_of(golden_member(g, "dy"), i));
  }
  s->ops->backward(&run);
  const json_t *mask = json_object_get(g->at, "mask");
  if (mask != NULL) {
    check(s, "mask", 0, mask, &s->out_mask);
  }
  const json_t *dx = golden_member(g, "dx");
  for (size_t i = 0; i < json_array_size(dx); i++) {
    check(s, "dx", (int)i, json_array_get(dx, i), &s->din[i]);
  }
  check_weights(s);
  if (s->ops->destroy != NULL && s->ops->create != NULL) {
    s->ops->destroy(run.self);
  }
}

START_TEST(values) {
  golden_each("layers", check_case);
}
END_TEST

Suite *test_golden_layers_suite(void) {
  Suite *suite = suite_create("golden layers");
  TCase *tests = tcase_create("layers");
  tcase_add_test(tests, values);
  suite_add_tcase(suite, tests);
  return suite;
}
