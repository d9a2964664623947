/* SPDX-License-Identifier: MIT */
/* layer_plan: asks a layer's plan() and writes down its answer. */
#include "layer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The plan that the layer sees, and what it does not see. */
typedef struct asking {
  nacre_plan plan; /* first */
  nacre_layer_answer *answer;
  const nacre_layer_ops *ops;
  int failing;
  bool failed, refused;
} asking;

#define ELEMENTS_MAX ((int64_t)1 << 24)

static void misuse(asking *ask, const char *text) {
  if (ask->answer->misuse[0] == '\0') {
    snprintf(ask->answer->misuse, sizeof ask->answer->misuse, "%s", text);
  }
}

/* Counts the call and says whether it may go on. */
static bool allowed(asking *ask, const nacre_shape *shape, int32_t rank_max) {
  if (ask->failed) {
    misuse(ask, "plan() went on after a call had failed");
    return false;
  }
  if (ask->answer->calls++ == ask->failing) {
    ask->failed = true;
    return false;
  }
  if (shape->rank < 0 || shape->rank > rank_max) {
    misuse(ask, "a shape's rank is not in 0..6, batch axis included");
    ask->failed = true;
    return false;
  }
  int64_t count = 1;
  for (int32_t i = 0; i < shape->rank; i++) {
    if (shape->dim[i] < 0) {
      misuse(ask, "a shape has a negative extent");
      ask->failed = true;
      return false;
    }
    if (!nacre_int_mul(count, shape->dim[i], &count) ||
        count > ELEMENTS_MAX) {
      ask->failed = true;
      return false;
    }
  }
  return true;
}

/* A copy without what lies beyond the rank, so that bytes compare. */
static nacre_shape tidy(const nacre_shape *shape) {
  nacre_shape copy = { { 0, 0, 0, 0, 0, 0 }, shape->rank, NACRE_REAL };
  for (int32_t i = 0; i < shape->rank; i++) {
    copy.dim[i] = shape->dim[i];
  }
  return copy;
}

static int plan_output(nacre_plan *plan, const nacre_shape *shape) {
  asking *ask = (asking *)plan;
  if (!allowed(ask, shape, NACRE_RANK_MAX - 1)) {
    return NACRE_ERROR;
  }
  if (ask->answer->n_outputs == NACRE_LAYER_OUTPUTS) {
    misuse(ask, "more than 8 outputs");
    return NACRE_ERROR;
  }
  ask->answer->output[ask->answer->n_outputs++] = tidy(shape);
  return NACRE_OK;
}

static int plan_weight(nacre_plan *plan, uint32_t index,
                       const nacre_shape *shape, int64_t fan_in,
                       int64_t fan_out) {
  asking *ask = (asking *)plan;
  if (!allowed(ask, shape, NACRE_RANK_MAX)) {
    return NACRE_ERROR;
  }
  if (index >= ask->ops->weights.n || index >= NACRE_LAYER_WEIGHTS ||
      ask->answer->has_weight[index] != 0) {
    misuse(ask, "a weight outside the table, or twice");
    return NACRE_ERROR;
  }
  if (fan_in < 1 || fan_out < 1) {
    misuse(ask, "a weight's fan is less than 1");
  }
  ask->answer->has_weight[index] = 1;
  ask->answer->weight[index] = tidy(shape);
  ask->answer->fan_in[index] = fan_in;
  ask->answer->fan_out[index] = fan_out;
  return NACRE_OK;
}

static int plan_slot(asking *ask, uint32_t slot, const nacre_shape *shape,
                     uint32_t flags, uint32_t *has, nacre_shape *at,
                     uint32_t *at_flags) {
  int32_t rank_max = NACRE_RANK_MAX - ((flags & NACRE_PER_SAMPLE) != 0);
  if (!allowed(ask, shape, rank_max)) {
    return NACRE_ERROR;
  }
  if (slot >= NACRE_SLOT_MAX || has[slot] != 0) {
    misuse(ask, "a slot beyond the last, or twice");
    return NACRE_ERROR;
  }
  has[slot] = 1;
  at[slot] = tidy(shape);
  at_flags[slot] = flags;
  return NACRE_OK;
}

static int plan_saved(nacre_plan *plan, uint32_t slot,
                      const nacre_shape *shape, uint32_t flags) {
  asking *ask = (asking *)plan;
  nacre_layer_answer *answer = ask->answer;
  return plan_slot(ask, slot, shape, flags, answer->has_saved, answer->saved,
                   answer->saved_flags);
}

static int plan_scratch(nacre_plan *plan, uint32_t slot,
                        const nacre_shape *shape, uint32_t flags) {
  asking *ask = (asking *)plan;
  nacre_layer_answer *answer = ask->answer;
  return plan_slot(ask, slot, shape, flags, answer->has_scratch,
                   answer->scratch, answer->scratch_flags);
}

static int plan_mask(nacre_plan *plan, const nacre_shape *shape) {
  asking *ask = (asking *)plan;
  if (!allowed(ask, shape, NACRE_RANK_MAX - 1)) {
    return NACRE_ERROR;
  }
  if (ask->answer->has_mask != 0) {
    misuse(ask, "a second mask");
  }
  ask->answer->has_mask = 1;
  ask->answer->mask = tidy(shape);
  return NACRE_OK;
}

static int plan_start(nacre_plan *plan, uint32_t index, int64_t first,
                      int64_t n, double value) {
  asking *ask = (asking *)plan;
  const nacre_shape one = nacre_shape_1d(1); /* nothing but a call */
  if (!allowed(ask, &one, 1)) {
    return NACRE_ERROR;
  }
  const nacre_layer_answer *answer = ask->answer;
  if (index >= NACRE_LAYER_WEIGHTS || answer->has_weight[index] == 0 ||
      first < 0 || n < 0 ||
      first > nacre_shape_count(&answer->weight[index]) - n ||
      !(value - value == 0)) {
    misuse(ask, "a start outside a weight that was asked for");
    return NACRE_ERROR;
  }
  return NACRE_OK;
}

static void plan_flops(nacre_plan *plan, double forward) {
  asking *ask = (asking *)plan;
  ask->answer->flops = forward;
  if (!(forward >= 0)) {
    misuse(ask, "flops are negative or NaN");
  }
}

static int plan_refuse(nacre_plan *plan, const char *format, ...) {
  asking *ask = (asking *)plan;
  va_list args;
  va_start(args, format);
  vsnprintf(ask->answer->reason, sizeof ask->answer->reason, format, args);
  va_end(args);
  ask->refused = true;
  return NACRE_ERROR;
}

static const nacre_plan_ops plan_ops = {
  sizeof plan_ops, 0, plan_output, plan_weight, plan_saved, plan_scratch,
  plan_flops, plan_refuse, plan_mask, plan_start
};

static void ask_plan(nacre_suite *suite, const nacre_layer_case *at,
                     int64_t batch, int failing, nacre_layer_answer *answer,
                     asking *ask) {
  memset(answer, 0, sizeof *answer);
  memset(ask, 0, sizeof *ask);
  ask->answer = answer;
  ask->ops = suite->component->ops;
  ask->failing = failing;
  ask->plan.size = sizeof ask->plan;
  ask->plan.n_inputs = at->n_inputs;
  ask->plan.ops = &plan_ops;
  ask->plan.cfg = at->cfg;
  ask->plan.input = at->input;
  ask->plan.batch = batch;
  ask->plan.masked = at->masked;
  ask->plan.tokens = at->tokens;
  ask->plan.needs =
    ask->ops->flags & (NACRE_LAYER_NEED_X | NACRE_LAYER_NEED_Y);
  answer->status = ask->ops->plan(&ask->plan);
  answer->needs = ask->plan.needs;
  if (answer->status == NACRE_ERROR && !ask->refused && !ask->failed) {
    misuse(ask, "plan() failed without giving a reason");
  }
  if (answer->status == NACRE_DECLINE &&
      (answer->calls > 0 || ask->refused)) {
    misuse(ask, "plan() declined after it had called something");
  }
  if (answer->status == NACRE_OK && ask->refused) {
    misuse(ask, "plan() refused and went on");
  }
  if (answer->status == NACRE_OK && ask->failed) {
    misuse(ask, "plan() overlooked that a call had failed");
  }
  if (answer->status == NACRE_OK && answer->n_outputs == 0) {
    misuse(ask, "plan() declared no output");
  }
}

void nacre_layer_ask(nacre_suite *suite, const nacre_layer_case *at,
                     int64_t batch, int failing,
                     nacre_layer_answer *answer) {
  asking ask;
  ask_plan(suite, at, batch, failing, answer, &ask);
}

int nacre_layer_create(nacre_suite *suite, const nacre_layer_case *at,
                       int64_t batch, void **self) {
  const nacre_layer_ops *ops = suite->component->ops;
  nacre_layer_answer answer;
  asking ask;
  *self = NULL;
  ask_plan(suite, at, batch, -1, &answer, &ask);
  if (answer.status != NACRE_OK || ops->create == NULL) {
    return answer.status;
  }
  return ops->create(&ask.plan, self);
}
