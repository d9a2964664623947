/* SPDX-License-Identifier: MIT */
/* layer_run: runs forward and backward of a bound layer, and checks what
 * every run must keep to.
 *
 * Everything that a call must not rely on holds NaNs before it. */
#include "layer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool margins_intact(const nacre_layer_buffer *buffer) {
  if (buffer->data == NULL) {
    return true;
  }
  const unsigned char *data = (const unsigned char *)buffer->data;
  const unsigned char *end = data + (size_t)buffer->count * sizeof(real);
  for (int i = 0; i < NACRE_LAYER_MARGIN; i++) {
    if (data[-1 - i] != 0xff || end[i] != 0xff) {
      return false;
    }
  }
  return true;
}

static void restore(nacre_layer_buffer *buffer) {
  if (buffer->data != NULL && buffer->kept != NULL) {
    memcpy(buffer->data, buffer->kept,
           (size_t)buffer->count * sizeof(real));
  }
}

static void poison(nacre_layer_buffer *buffer) {
  if (buffer->data != NULL) {
    nacre_values_poison(buffer->count, buffer->data);
  }
}

/* All the tensors of one call. */
typedef struct call {
  nacre_run run; /* first: fault() finds `bound` through its host */
  nacre_tensor in[NACRE_LAYER_INPUTS], din[NACRE_LAYER_INPUTS];
  nacre_tensor out[NACRE_LAYER_OUTPUTS], dout[NACRE_LAYER_OUTPUTS];
  nacre_tensor weight[NACRE_LAYER_WEIGHTS], dweight[NACRE_LAYER_WEIGHTS];
  nacre_tensor saved[NACRE_SLOT_MAX], scratch[NACRE_SLOT_MAX];
  nacre_tensor mask[NACRE_LAYER_INPUTS], out_mask, residual;
  nacre_tensor tokens[NACRE_LAYER_INPUTS];
} call;

static void note_fault(nacre_run *run, int64_t sample, const char *format,
                       ...) {
  nacre_layer_bound *bound = run->host;
  if (bound->faulted) {
    return;
  }
  bound->faulted = true;
  int n = snprintf(bound->fault, sizeof bound->fault, "sample %lld: ",
                   (long long)sample);
  va_list args;
  va_start(args, format);
  vsnprintf(bound->fault + n, sizeof bound->fault - (size_t)n, format, args);
  va_end(args);
}

static void bind_tensor(nacre_tensor *tensor, const nacre_shape *shape,
                        int64_t batch, real *data) {
  memset(tensor, 0, sizeof *tensor);
  tensor->data = data;
  tensor->dtype = NACRE_REAL;
  if (batch >= 0) {
    tensor->dim[tensor->rank++] = batch;
  }
  for (int32_t i = 0; i < shape->rank; i++) {
    tensor->dim[tensor->rank++] = shape->dim[i];
  }
}

static void bind_call(nacre_layer_bound *bound, const nacre_layer_how *how,
                      call *to) {
  const nacre_layer_answer *plan = &bound->plan;
  memset(to, 0, sizeof *to);
  for (uint32_t i = 0; i < bound->at->n_inputs; i++) {
    const nacre_shape *shape = &bound->at->input[i];
    bool wanted = how->backward && (how->no_din >> i & 1) == 0;
    bind_tensor(&to->in[i], shape, how->batch, bound->in[i].data);
    bind_tensor(&to->din[i], shape, how->batch,
                wanted ? bound->din[i].data : NULL);
    nacre_shape steps = nacre_layer_mask(shape);
    bind_tensor(&to->mask[i], &steps, how->batch, bound->mask[i].data);
  }
  const nacre_shape places = nacre_layer_places(&bound->at->input[0]);
  bind_tensor(&to->tokens[0], &places, how->batch, bound->tokens.data);
  bind_tensor(&to->out_mask, &plan->mask, how->batch, bound->out_mask.data);
  for (uint32_t i = 0; i < plan->n_outputs; i++) {
    const nacre_shape *shape = &plan->output[i];
    bind_tensor(&to->out[i], shape, how->batch, bound->out[i].data);
    bind_tensor(&to->dout[i], shape, how->batch,
                how->backward ? bound->dout[i].data : NULL);
  }
  for (uint32_t i = 0; i < NACRE_LAYER_WEIGHTS; i++) {
    bool wanted = how->backward && (how->no_dweight >> i & 1) == 0;
    bind_tensor(&to->weight[i], &plan->weight[i], -1, bound->weight[i].data);
    bind_tensor(&to->dweight[i], &plan->weight[i], -1,
                wanted ? bound->dweight[i].data : NULL);
  }
  for (uint32_t i = 0; i < NACRE_SLOT_MAX; i++) {
    bool rows = (plan->saved_flags[i] & NACRE_PER_SAMPLE) != 0;
    bind_tensor(&to->saved[i], &plan->saved[i], rows ? how->batch : -1,
                bound->saved[i].data);
    rows = (plan->scratch_flags[i] & NACRE_PER_SAMPLE) != 0;
    bind_tensor(&to->scratch[i], &plan->scratch[i], rows ? how->batch : -1,
                bound->scratch[i].data);
  }
  bind_tensor(&to->residual, &plan->output[0], how->batch,
              bound->dout[0].kept);
  nacre_key key = { { 0x5eedu, 0x1a7e4u }, { 17u, how->tag } };
  to->run = (nacre_run){
    .size = sizeof to->run, .flags = how->flags,
    .math = how->device->math, .cfg = bound->at->cfg, .self = bound->self,
    .batch = how->batch, .n_inputs = bound->at->n_inputs,
    .n_outputs = plan->n_outputs, .in = to->in, .out = to->out,
    .din = to->din, .dout = to->dout, .weight = to->weight,
    .dweight = to->dweight, .saved = to->saved, .scratch = to->scratch,
    .epilogue = how->epilogue, .key = key, .fault = note_fault,
    .host = bound, .mask = to->mask, .out_mask = &to->out_mask,
    .residual = how->residual ? &to->residual : NULL, .tokens = to->tokens
  };
}

static uint64_t allocations(const nacre_layer_bound *bound) {
  const nacre_conform_options *options = bound->suite->options;
  return options->allocations == NULL ? 0 : options->allocations();
}

static void call_forward(nacre_layer_bound *bound,
                         const nacre_layer_how *how, call *to) {
  for (uint32_t i = 0; i < NACRE_SLOT_MAX; i++) {
    poison(&bound->saved[i]);
    if ((how->flags & NACRE_RUN_KEPT) == 0 ||
        (bound->plan.scratch_flags[i] & NACRE_KEPT) == 0) {
      poison(&bound->scratch[i]);
    }
  }
  for (uint32_t i = 0; i < NACRE_LAYER_WEIGHTS; i++) {
    restore(&bound->weight[i]);
  }
  for (uint32_t i = 0; i < bound->at->n_inputs; i++) {
    restore(&bound->in[i]);
    restore(&bound->mask[i]);
  }
  restore(&bound->tokens);
  poison(&bound->out_mask);
  for (uint32_t i = 0; i < bound->plan.n_outputs; i++) {
    poison(&bound->out[i]);
  }
  if (how->in_place) {
    int64_t count = how->batch * nacre_layer_row(&bound->plan.output[0]);
    memcpy(bound->out[0].data, bound->in[0].kept,
           (size_t)count * sizeof(real));
    to->in[0].data = bound->out[0].data;
  }
  bound->faulted = false;
  nacre_suite_enter(bound->suite, how->device);
  uint64_t before = allocations(bound);
  bound->ops->forward(&to->run);
  bound->allocated = allocations(bound) - before;
  nacre_suite_leave(bound->suite, how->device);
  to->in[0].data = bound->in[0].data;
  for (uint32_t i = 0; i < bound->plan.n_outputs; i++) {
    memcpy(bound->out[i].kept, bound->out[i].data,
           (size_t)bound->out[i].count * sizeof(real));
  }
}

/* What the layer did not ask to see again is taken from it. */
static void call_backward(nacre_layer_bound *bound,
                          const nacre_layer_how *how, call *to) {
  for (uint32_t i = 0; i < bound->at->n_inputs; i++) {
    poison(&bound->din[i]);
    if ((bound->plan.needs & NACRE_LAYER_NEED_X) == 0) {
      poison(&bound->in[i]);
    }
  }
  for (uint32_t i = 0; i < bound->plan.n_outputs; i++) {
    restore(&bound->dout[i]);
    if ((bound->plan.needs & NACRE_LAYER_NEED_Y) == 0) {
      poison(&bound->out[i]);
    }
  }
  for (uint32_t i = 0; i < NACRE_LAYER_WEIGHTS; i++) {
    restore(&bound->dweight[i]);
  }
  for (uint32_t i = 0; i < NACRE_SLOT_MAX; i++) {
    poison(&bound->scratch[i]);
  }
  if (how->in_place) {
    int64_t count = how->batch * nacre_layer_row(&bound->at->input[0]);
    memcpy(bound->din[0].data, bound->dout[0].kept,
           (size_t)count * sizeof(real));
    to->dout[0].data = bound->din[0].data;
  }
  nacre_suite_enter(bound->suite, how->device);
  uint64_t before = allocations(bound);
  bound->ops->backward(&to->run);
  bound->allocated += allocations(bound) - before;
  nacre_suite_leave(bound->suite, how->device);
}

void nacre_layer_forward(nacre_layer_bound *bound,
                         const nacre_layer_how *how) {
  call to;
  bind_call(bound, how, &to);
  call_forward(bound, how, &to);
}

static void check_margins(nacre_layer_bound *bound, const char *after,
                          nacre_layer_buffer *list, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) {
    if (!nacre_suite_check(bound->suite, "bounds", margins_intact(&list[i]),
                           "%s wrote beyond %s", after, list[i].name)) {
      unsigned char *data = (unsigned char *)list[i].data;
      unsigned char *end = data + (size_t)list[i].count * sizeof(real);
      memset(data - NACRE_LAYER_MARGIN, 0xff, NACRE_LAYER_MARGIN);
      memset(end, 0xff, NACRE_LAYER_MARGIN);
    }
  }
}

static void check_all_margins(nacre_layer_bound *bound, const char *after) {
  check_margins(bound, after, bound->in, bound->at->n_inputs);
  check_margins(bound, after, bound->din, bound->at->n_inputs);
  check_margins(bound, after, bound->out, bound->plan.n_outputs);
  check_margins(bound, after, bound->dout, bound->plan.n_outputs);
  check_margins(bound, after, bound->weight, NACRE_LAYER_WEIGHTS);
  check_margins(bound, after, bound->dweight, NACRE_LAYER_WEIGHTS);
  check_margins(bound, after, bound->saved, NACRE_SLOT_MAX);
  check_margins(bound, after, bound->scratch, NACRE_SLOT_MAX);
}

static bool is_untouched(const nacre_layer_buffer *buffer) {
  return buffer->data == NULL ||
         memcmp(buffer->data, buffer->kept,
                (size_t)buffer->count * sizeof(real)) == 0;
}

/* The rows of the batch hold numbers, the rows beyond are as they were. */
static void check_written(nacre_layer_bound *bound, const char *by,
                          const nacre_layer_buffer *buffer, int64_t row,
                          int64_t batch) {
  int64_t n = batch * row;
  int64_t bad = nacre_values_not_finite(n, buffer->data);
  nacre_suite_check(bound->suite, "written", bad < 0,
                    "%s left %s[%lld] unwritten, or computed from what it "
                    "may not read", by, buffer->name, (long long)bad);
  bool beyond = false;
  const unsigned char *at = (const unsigned char *)(buffer->data + n);
  for (size_t i = 0; i < (size_t)(buffer->count - n) * sizeof(real); i++) {
    beyond = beyond || at[i] != 0xff;
  }
  nacre_suite_check(bound->suite, "partial batch", !beyond,
                    "%s wrote rows of %s beyond the batch", by,
                    buffer->name);
}

static void check_forward(nacre_layer_bound *bound,
                          const nacre_layer_how *how) {
  nacre_suite *suite = bound->suite;
  check_all_margins(bound, "forward");
  nacre_suite_check(suite, "inputs unchanged", is_untouched(&bound->tokens),
                    "forward changed the tokens");
  for (uint32_t i = 0; i < bound->at->n_inputs; i++) {
    nacre_suite_check(suite, "inputs unchanged",
                      is_untouched(&bound->in[i]), "forward changed %s",
                      bound->in[i].name);
  }
  for (uint32_t i = 0; i < bound->ops->weights.n; i++) {
    /* State may move in training, and then only unless it is frozen. */
    bool moves = nacre_layer_is_state(bound->ops, i) &&
                 (how->flags & NACRE_RUN_TRAINING) != 0 &&
                 (how->flags & NACRE_RUN_FROZEN) == 0;
    moves = (moves || nacre_layer_carried(bound, i) > 0) &&
            (how->flags & NACRE_RUN_RECOMPUTE) == 0;
    nacre_suite_check(suite, "weights unchanged",
                      moves || is_untouched(&bound->weight[i]),
                      "forward changed %s", bound->weight[i].name);
  }
  if (bound->out_mask.data != NULL) {
    check_written(bound, "forward", &bound->out_mask,
                  nacre_layer_row(&bound->plan.mask), how->batch);
    nacre_suite_check(suite, "bounds", margins_intact(&bound->out_mask),
                      "forward wrote beyond out_mask");
  }
  for (uint32_t i = 0; i < bound->plan.n_outputs; i++) {
    check_written(bound, "forward", &bound->out[i],
                  nacre_layer_row(&bound->plan.output[i]), how->batch);
  }
}

static void check_backward(nacre_layer_bound *bound,
                           const nacre_layer_how *how) {
  check_all_margins(bound, "backward");
  for (uint32_t i = 0; i < bound->at->n_inputs; i++) {
    if ((how->no_din >> i & 1) == 0) {
      check_written(bound, "backward", &bound->din[i],
                    nacre_layer_row(&bound->at->input[i]), how->batch);
    }
  }
  for (uint32_t i = 0; i < bound->ops->weights.n; i++) {
    if (bound->dweight[i].data == NULL) {
      continue;
    }
    if ((how->no_dweight >> i & 1) != 0) {
      nacre_suite_check(bound->suite, "unwanted gradients",
                        is_untouched(&bound->dweight[i]),
                        "backward wrote %s, which was not handed to it",
                        bound->dweight[i].name);
    } else {
      int64_t bad = nacre_values_not_finite(bound->dweight[i].count,
                                            bound->dweight[i].data);
      nacre_suite_check(bound->suite, "written", bad < 0,
                        "backward put a NaN into %s[%lld]",
                        bound->dweight[i].name, (long long)bad);
    }
  }
  for (uint32_t i = 0; i < bound->plan.n_outputs; i++) {
    nacre_suite_check(bound->suite, "inputs unchanged",
                      is_untouched(&bound->dout[i]), "backward changed %s",
                      bound->dout[i].name);
  }
}

void nacre_layer_run(nacre_layer_bound *bound, const nacre_layer_how *how) {
  call to;
  bind_call(bound, how, &to);
  call_forward(bound, how, &to);
  check_forward(bound, how);
  if (how->backward) {
    call_backward(bound, how, &to);
    check_backward(bound, how);
  }
}

/* One part of the vector of results. */
typedef struct part {
  const char *name;
  const real *data;
  int64_t n;
  int64_t row; /* reals of a row of the batch; 0: not per sample */
} part;

static int list_parts(const nacre_layer_bound *bound,
                      const nacre_layer_how *how, part *list) {
  int n = 0;
  for (uint32_t i = 0; i < bound->plan.n_outputs; i++) {
    /* As forward left them: backward may have been denied them. */
    int64_t row = nacre_layer_row(&bound->plan.output[i]);
    list[n++] = (part){ bound->out[i].name, bound->out[i].kept,
                        how->batch * row, row };
  }
  for (uint32_t i = 0; i < bound->ops->weights.n; i++) {
    if (bound->weight[i].data != NULL && bound->dweight[i].data == NULL) {
      int64_t row = nacre_layer_carried(bound, i);
      list[n++] = (part){ bound->weight[i].name, bound->weight[i].data,
                          row > 0 ? how->batch * row
                                  : bound->weight[i].count, row };
    }
  }
  for (uint32_t i = 0; how->backward && i < bound->at->n_inputs; i++) {
    if ((how->no_din >> i & 1) == 0) {
      int64_t row = nacre_layer_row(&bound->at->input[i]);
      list[n++] = (part){ bound->din[i].name, bound->din[i].data,
                          how->batch * row, row };
    }
  }
  for (uint32_t i = 0; how->backward && i < bound->ops->weights.n; i++) {
    if (bound->dweight[i].data != NULL && (how->no_dweight >> i & 1) == 0) {
      list[n++] = (part){ bound->dweight[i].name, bound->dweight[i].data,
                          bound->dweight[i].count, 0 };
    }
  }
  return n;
}

#define PARTS_MAX \
  (NACRE_LAYER_INPUTS + NACRE_LAYER_OUTPUTS + 2 * NACRE_LAYER_WEIGHTS)

real *nacre_layer_results(const nacre_layer_bound *bound,
                          const nacre_layer_how *how, int64_t *n) {
  return nacre_layer_gather(bound, how, NULL, n);
}

real *nacre_layer_gather(const nacre_layer_bound *bound,
                         const nacre_layer_how *how, const int64_t *place,
                         int64_t *n) {
  part list[PARTS_MAX];
  int parts = list_parts(bound, how, list);
  *n = 0;
  for (int i = 0; i < parts; i++) {
    *n += list[i].n;
  }
  real *all = nacre_suite_alloc(bound->suite, (size_t)*n + 1, sizeof(real));
  int64_t done = 0;
  for (int i = 0; i < parts && all != NULL; i++) {
    const part *from = &list[i];
    memcpy(all + done, from->data, (size_t)from->n * sizeof(real));
    for (int64_t j = 0; place != NULL && from->row > 0 && j < how->batch;
         j++) {
      memcpy(all + done + j * from->row, from->data + place[j] * from->row,
             (size_t)from->row * sizeof(real));
    }
    done += from->n;
  }
  return all;
}

const char *nacre_layer_result_name(const nacre_layer_bound *bound,
                                    const nacre_layer_how *how,
                                    int64_t index) {
  part list[PARTS_MAX];
  int parts = list_parts(bound, how, list);
  for (int i = 0; i < parts; i++) {
    if (index < list[i].n) {
      const char *name = nacre_suite_format(
        bound->suite, "%s at %lld", list[i].name, (long long)index);
      return name == NULL ? list[i].name : name;
    }
    index -= list[i].n;
  }
  return "results";
}

void nacre_layer_same(const char *check, const nacre_layer_bound *bound,
                      const nacre_layer_how *how, int64_t n,
                      const real *expected, const real *got,
                      double tolerance, const char *what) {
  if (expected == NULL || got == NULL) {
    return;
  }
  int64_t i = nacre_values_differ(n, expected, got, tolerance);
  nacre_suite_check(bound->suite, check, i < 0, "%s: %s is %.9g, not %.9g",
                    what,
                    i < 0 ? "" : nacre_layer_result_name(bound, how, i),
                    i < 0 ? 0 : (double)got[i],
                    i < 0 ? 0 : (double)expected[i]);
}
