/* SPDX-License-Identifier: MIT */
/* layer_bind: buffers for a layer, each between two margins of NaNs: a write
 * into a margin is seen, and a read shows in the results. */
#include "layer.h"

#include <string.h>

const nacre_weight *nacre_layer_weight(const nacre_layer_ops *ops,
                                       uint32_t i) {
  return (const void *)((const char *)ops->weights.at +
                        (size_t)i * ops->weights.stride);
}

bool nacre_layer_is_state(const nacre_layer_ops *ops, uint32_t i) {
  return (nacre_layer_weight(ops, i)->flags & NACRE_WEIGHT_STATE) != 0;
}

int64_t nacre_layer_carried(const nacre_layer_bound *bound, uint32_t i) {
  const nacre_shape *shape = &bound->plan.weight[i];
  bool carried = bound->plan.has_weight[i] != 0 && shape->rank > 0 &&
                 shape->dim[0] == bound->room &&
                 (nacre_layer_weight(bound->ops, i)->flags &
                  NACRE_WEIGHT_CARRY) != 0;
  return carried ? nacre_shape_count(shape) / bound->room : 0;
}

int64_t nacre_layer_row(const nacre_shape *shape) {
  return nacre_shape_count(shape);
}

nacre_shape nacre_layer_mask(const nacre_shape *input) {
  return nacre_shape_1d(input->dim[0]);
}

nacre_shape nacre_layer_places(const nacre_shape *input) {
  nacre_shape places = *input;
  places.rank = input->rank > 0 ? input->rank - 1 : 0;
  return places;
}

static bool make_buffer(nacre_suite *suite, nacre_layer_buffer *buffer,
                        int64_t count, bool keep, const char *format,
                        const char *name, uint32_t i) {
  /* A third margin's room to align by: plugins are promised 64 bytes. */
  size_t bytes = (size_t)count * sizeof(real) + 3 * NACRE_LAYER_MARGIN;
  unsigned char *block = nacre_suite_alloc(suite, bytes, 1);
  if (block == NULL) {
    return false;
  }
  memset(block, 0xff, bytes);
  size_t beyond = (size_t)((uintptr_t)block % NACRE_LAYER_MARGIN);
  size_t off = 2 * NACRE_LAYER_MARGIN - beyond;
  buffer->block = block;
  buffer->data = (real *)(void *)(block + off);
  buffer->count = count;
  buffer->name = name == NULL ? nacre_suite_format(suite, format, i)
                              : nacre_suite_format(suite, format, name);
  if (keep) {
    buffer->kept = nacre_suite_alloc(suite, (size_t)count + 1, sizeof(real));
  }
  return buffer->name != NULL && (!keep || buffer->kept != NULL);
}

/* Zeros and ones, of every sample at least one of them. */
static bool bind_masks(nacre_layer_bound *bound) {
  nacre_suite *suite = bound->suite;
  const nacre_layer_case *at = bound->at;
  for (uint32_t i = 0; i < at->n_inputs; i++) {
    const int64_t steps = at->input[i].dim[0];
    nacre_layer_buffer *mask = &bound->mask[i];
    if ((at->masked >> i & 1) == 0) {
      continue;
    }
    if (!make_buffer(suite, mask, bound->room * steps, true, "mask[%u]",
                     NULL, i)) {
      return false;
    }
    nacre_values_whole(suite, 2, mask->count, mask->kept);
    for (int64_t j = 0; j < bound->room; j++) {
      mask->kept[j * steps + j % steps] = 1;
    }
  }
  return bound->plan.has_mask == 0 ||
         make_buffer(suite, &bound->out_mask,
                     bound->room * nacre_layer_row(&bound->plan.mask), true,
                     "out_mask", NULL, 0);
}

/* Who sets the rows of input 0 sets these too; until then all differ. */
static bool bind_tokens(nacre_layer_bound *bound) {
  const nacre_shape places = nacre_layer_places(&bound->at->input[0]);
  const int64_t n = bound->room * nacre_layer_row(&places);
  if ((bound->at->tokens & 1) == 0) {
    return true;
  }
  if (!make_buffer(bound->suite, &bound->tokens, n, true, "tokens", NULL, 0)) {
    return false;
  }
  for (int64_t i = 0; i < n; i++) {
    bound->tokens.kept[i] = (real)i;
  }
  return true;
}

/* Inputs and the gradients of outputs. All inputs get distinct numbers. */
static bool bind_activations(nacre_layer_bound *bound) {
  nacre_suite *suite = bound->suite;
  const nacre_layer_case *at = bound->at;
  int64_t total = 0, done = 0;
  for (uint32_t i = 0; i < at->n_inputs; i++) {
    int64_t count = bound->room * nacre_layer_row(&at->input[i]);
    if (!make_buffer(suite, &bound->in[i], count, true, "in[%u]", NULL, i) ||
        !make_buffer(suite, &bound->din[i], count, false, "din[%u]", NULL,
                     i)) {
      return false;
    }
    total += count;
  }
  for (uint32_t i = 0; i < bound->plan.n_outputs; i++) {
    int64_t count = bound->room * nacre_layer_row(&bound->plan.output[i]);
    if (!make_buffer(suite, &bound->out[i], count, true, "out[%u]", NULL,
                     i) ||
        !make_buffer(suite, &bound->dout[i], count, true, "dout[%u]", NULL,
                     i)) {
      return false;
    }
    nacre_values_spaced(suite, count, bound->dout[i].kept);
  }
  real *all = nacre_suite_alloc(suite, (size_t)total + 1, sizeof(real));
  if (all == NULL) {
    return false;
  }
  if (at->whole > 0) {
    nacre_values_whole(suite, at->whole, total, all);
  } else {
    nacre_values_spaced(suite, total, all);
  }
  for (uint32_t i = 0; i < at->n_inputs; i++) {
    memcpy(bound->in[i].kept, all + done,
           (size_t)bound->in[i].count * sizeof(real));
    done += bound->in[i].count;
  }
  return true;
}

static bool bind_weights(nacre_layer_bound *bound) {
  nacre_suite *suite = bound->suite;
  uint32_t n = bound->ops->weights.n;
  for (uint32_t i = 0; i < n && i < NACRE_LAYER_WEIGHTS; i++) {
    if (bound->plan.has_weight[i] == 0) {
      continue;
    }
    const char *name = nacre_layer_weight(bound->ops, i)->name;
    int64_t count = nacre_shape_count(&bound->plan.weight[i]);
    bool state = nacre_layer_is_state(bound->ops, i);
    if (!make_buffer(suite, &bound->weight[i], count, true, "weight %s",
                     name, 0)) {
      return false;
    }
    if (state) {
      /* Positive: it may be a variance. */
      nacre_values_between(suite, 0.5, 1.5, count, bound->weight[i].kept);
      continue;
    }
    if (!make_buffer(suite, &bound->dweight[i], count, true, "dweight %s",
                     name, 0)) {
      return false;
    }
    nacre_values_spaced(suite, count, bound->weight[i].kept);
    for (int64_t j = 0; j < count; j++) {
      bound->weight[i].kept[j] *= (real)0.5;
    }
    nacre_values_spaced(suite, count, bound->dweight[i].kept);
  }
  return true;
}

static bool bind_slots(nacre_layer_bound *bound) {
  const nacre_layer_answer *plan = &bound->plan;
  for (uint32_t i = 0; i < NACRE_SLOT_MAX; i++) {
    int64_t rows = (plan->saved_flags[i] & NACRE_PER_SAMPLE) != 0
                     ? bound->room : 1;
    if (plan->has_saved[i] != 0 &&
        !make_buffer(bound->suite, &bound->saved[i],
                     rows * nacre_shape_count(&plan->saved[i]), false,
                     "saved[%u]", NULL, i)) {
      return false;
    }
    rows = (plan->scratch_flags[i] & NACRE_PER_SAMPLE) != 0 ? bound->room
                                                            : 1;
    if (plan->has_scratch[i] != 0 &&
        !make_buffer(bound->suite, &bound->scratch[i],
                     rows * nacre_shape_count(&plan->scratch[i]), false,
                     "scratch[%u]", NULL, i)) {
      return false;
    }
  }
  return true;
}

nacre_layer_bound *nacre_layer_bind(nacre_suite *suite,
                                    const nacre_layer_case *at,
                                    int64_t room) {
  return nacre_layer_bind_fewer(suite, at, room, room);
}

nacre_layer_bound *nacre_layer_bind_fewer(nacre_suite *suite,
                                          const nacre_layer_case *at,
                                          int64_t room, int64_t made) {
  nacre_layer_bound *bound = nacre_suite_alloc(suite, 1, sizeof *bound);
  if (bound == NULL) {
    return NULL;
  }
  bound->suite = suite;
  bound->ops = suite->component->ops;
  bound->at = at;
  bound->room = room;
  nacre_layer_ask(suite, at, room, -1, &bound->plan);
  if (bound->plan.status != NACRE_OK || !bind_activations(bound) ||
      !bind_masks(bound) || !bind_tokens(bound) || !bind_weights(bound) ||
      !bind_slots(bound)) {
    return NULL;
  }
  if (nacre_layer_create(suite, at, made, &bound->self) != NACRE_OK) {
    nacre_suite_check(suite, "create", false, "%s: create() failed",
                      at->text);
    return NULL;
  }
  return bound;
}

void nacre_layer_unbind(nacre_layer_bound *bound) {
  if (bound != NULL && bound->ops->destroy != NULL &&
      bound->ops->create != NULL) {
    bound->ops->destroy(bound->self);
  }
}

static void take_rows(nacre_layer_buffer *to, const nacre_layer_buffer *from,
                      int64_t rows, int64_t row, const int64_t *order) {
  for (int64_t i = 0; i < rows; i++) {
    memcpy(to->kept + i * row,
           from->kept + (order == NULL ? i : order[i]) * row,
           (size_t)row * sizeof(real));
  }
}

void nacre_layer_take_values(nacre_layer_bound *to,
                             const nacre_layer_bound *from,
                             const int64_t *order) {
  int64_t rows = to->room < from->room ? to->room : from->room;
  for (uint32_t i = 0; i < to->at->n_inputs; i++) {
    take_rows(&to->in[i], &from->in[i], rows,
              nacre_layer_row(&to->at->input[i]), order);
    if (to->mask[i].kept != NULL) {
      take_rows(&to->mask[i], &from->mask[i], rows, to->at->input[i].dim[0],
                order);
    }
  }
  for (uint32_t i = 0; i < to->plan.n_outputs; i++) {
    take_rows(&to->dout[i], &from->dout[i], rows,
              nacre_layer_row(&to->plan.output[i]), order);
  }
  for (uint32_t i = 0; i < NACRE_LAYER_WEIGHTS; i++) {
    if (to->weight[i].kept != NULL) {
      int64_t row = nacre_layer_carried(to, i);
      take_rows(&to->weight[i], &from->weight[i], row > 0 ? rows : 1,
                row > 0 ? row : to->weight[i].count, row > 0 ? order : NULL);
    }
    if (to->dweight[i].kept != NULL) {
      take_rows(&to->dweight[i], &from->dweight[i], 1, to->dweight[i].count,
                NULL);
    }
  }
}

void nacre_layer_scatter(nacre_layer_bound *to, const nacre_layer_bound *from,
                         const int64_t *place, int64_t n) {
  for (uint32_t k = 0; k < to->plan.n_outputs; k++) {
    int64_t row = nacre_layer_row(&to->plan.output[k]);
    memset(to->dout[k].kept, 0, (size_t)to->dout[k].count * sizeof(real));
    for (int64_t i = 0; i < n; i++) {
      memcpy(to->dout[k].kept + place[i] * row, from->dout[k].kept + i * row,
             (size_t)row * sizeof(real));
    }
  }
  for (uint32_t k = 0; k < to->at->n_inputs; k++) {
    int64_t row = nacre_layer_row(&to->at->input[k]);
    for (int64_t i = 0; i < n; i++) {
      memcpy(to->in[k].kept + place[i] * row, from->in[k].kept + i * row,
             (size_t)row * sizeof(real));
      if (to->mask[k].kept != NULL) {
        const int64_t steps = to->at->input[k].dim[0];
        memcpy(to->mask[k].kept + place[i] * steps,
               from->mask[k].kept + i * steps, (size_t)steps * sizeof(real));
      }
    }
  }
}
