/* SPDX-License-Identifier: MIT */
/* test_golden_optimizers: where weights stand after each step. */
#include "golden.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The value of a component's double parameter, or `otherwise`. */
static double parameter(const nacre_choice *chosen, const char *name,
                        double otherwise) {
  const nacre_span params = chosen->component->params;
  for (uint32_t i = 0; i < params.n; i++) {
    const nacre_param *param =
      (const void *)((const char *)params.at + (size_t)i * params.stride);
    if (strcmp(param->name, name) == 0 && param->type == NACRE_TYPE_FLOAT) {
      double value;
      memcpy(&value, (const char *)chosen->cfg + param->offset, sizeof value);
      return value;
    }
  }
  return otherwise;
}

/* The slots of `n` weights, filled with what the optimizer starts from. */
static void make_slots(golden *g, const nacre_optimizer_ops *ops,
                       nacre_opt_run *run) {
  double start[NACRE_OPT_SLOTS] = { 0 };
  uint32_t slots = ops->slots(run->cfg, start);
  ck_assert_uint_le(slots, NACRE_OPT_SLOTS);
  for (uint32_t i = 0; i < slots; i++) {
    ck_assert_str_ne(ops->slot_names[i], "");
    run->slot[i] = golden_alloc(g, run->n, sizeof(real));
    for (int64_t j = 0; j < run->n; j++) {
      run->slot[i][j] = (real)start[i];
    }
  }
}

/* One step as a host makes it: begin, decay, update. An optimizer that may
 * be cut is given its weights in two pieces. */
static void make_step(const nacre_choice *chosen, nacre_opt_run *run,
                      double *scalar) {
  const nacre_optimizer_ops *ops = chosen->component->ops;
  double decay = parameter(chosen, "weight_decay", 0.0);
  const real keep =
    (real)(1.0 - run->learning_rate * (isnan(decay) ? 0.0 : decay));
  if (ops->begin != NULL) {
    ops->begin(run->cfg, run->learning_rate, run->step, scalar);
  }
  for (int64_t i = 0; i < run->n; i++) {
    run->w[i] *= keep;
  }
  nacre_opt_run first = *run, rest = *run;
  first.n = (ops->flags & NACRE_OPT_ELEMENTWISE) != 0 ? run->n / 2 : run->n;
  rest.n -= first.n;
  rest.w += first.n;
  rest.g += first.n;
  for (int i = 0; i < NACRE_OPT_SLOTS && rest.slot[i] != NULL; i++) {
    rest.slot[i] += first.n;
  }
  ops->update(&first);
  if (rest.n > 0) {
    ops->update(&rest);
  }
}

/* "shape" and "name" of a tensor for an optimizer that takes it whole. */
static void read_tensor(golden *g, const nacre_optimizer_ops *ops,
                        nacre_opt_run *run) {
  const json_t *dims = json_object_get(g->at, "shape");
  if ((ops->flags & NACRE_OPT_ELEMENTWISE) != 0) {
    return;
  }
  nacre_shape *shape = golden_alloc(g, 1, sizeof *shape);
  *shape = nacre_shape_1d(run->n);
  if (dims != NULL) {
    shape->rank = (int32_t)json_array_size(dims);
    for (int32_t i = 0; i < shape->rank; i++) {
      shape->dim[i] =
        (int64_t)golden_number(json_array_get(dims, (size_t)i));
    }
    run->name = json_string_value(golden_member(g, "name"));
  }
  ck_assert_int_eq(nacre_shape_count(shape), run->n);
  run->shape = shape;
  if (ops->scratch != NULL) {
    run->scratch = golden_alloc(g, ops->scratch(run->cfg, shape), 1);
  }
}

static void check_case(golden *g) {
  nacre_choice chosen = golden_choose(g, NACRE_KIND_OPTIMIZER);
  const nacre_optimizer_ops *ops = chosen.component->ops;
  const json_t *gradients = golden_shared(g, "gradients");
  const json_t *weights = golden_member(g, "weights");
  double scalar[NACRE_OPT_SCALARS] = { 0 };
  nacre_opt_run run = { .size = sizeof(nacre_opt_run),
                        .math = g->math,
                        .cfg = chosen.cfg,
                        .scalar = scalar };
  run.learning_rate = parameter(&chosen, "learning_rate", -1.0);
  run.w = golden_reals(g, golden_shared(g, "start"), &run.n);
  read_tensor(g, ops, &run);
  ck_assert_uint_gt(json_array_size(weights), 9);
  make_slots(g, ops, &run);
  for (size_t i = 0; i < json_array_size(weights); i++) {
    char what[32];
    run.g = golden_reals(g, json_array_get(gradients, i), NULL);
    run.step = (int64_t)i + 1;
    make_step(&chosen, &run, scalar);
    snprintf(what, sizeof what, "step %d: w", (int)i + 1);
    golden_near_reals(g, what, json_array_get(weights, i), run.n, run.w);
  }
}

START_TEST(trajectories) {
  golden_each("optimizers", check_case);
}
END_TEST

Suite *test_golden_optimizers_suite(void) {
  Suite *suite = suite_create("golden optimizers");
  TCase *tests = tcase_create("optimizers");
  tcase_add_test(tests, trajectories);
  suite_add_tcase(suite, tests);
  return suite;
}
