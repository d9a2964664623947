/* SPDX-License-Identifier: MIT */
/* recurrent_walk: the way through all steps, forward and back, of a tile of
 * samples: where states come from and outputs go. What is done with a step's
 * gates is the layer's `work`. */
#ifndef NACRE_LAYERS_RECURRENT_WALK_H
#define NACRE_LAYERS_RECURRENT_WALK_H

#include "recurrent_inputs.h"

/* Steps. */

static inline bool nacre_recurrent_is_last(const nacre_recurrent_tile *t) {
  return t->step == t->pass->steps - 1;
}

/** Whether sample i of the tile has this step at all. */
static inline bool
nacre_recurrent_counts(const nacre_recurrent_tile *t, int64_t i) {
  const real *mask = t->pass->mask;
  return mask == NULL || mask[(t->begin + i) * t->pass->steps + t->time] != 0;
}

static inline int64_t
nacre_recurrent_time(const nacre_recurrent_pass *pass, int64_t step) {
  return nacre_recurrent_config(pass)->go_backwards
           ? pass->steps - 1 - step
           : step;
}

/** Whether any sample has it. */
static inline bool nacre_recurrent_any(const nacre_recurrent_tile *t) {
  bool any = t->pass->mask == NULL;
  for (int64_t i = 0; i < t->rows && !any; i++) {
    any = nacre_recurrent_counts(t, i);
  }
  return any;
}

/** Where the output of this step, or its gradient, is. */
static inline real *nacre_recurrent_output(
  const nacre_recurrent_tile *t, const nacre_tensor *tensor, int64_t i) {
  const nacre_recurrent_pass *pass = t->pass;
  int64_t row = t->begin + i;
  if (nacre_recurrent_config(pass)->return_sequences) {
    row = row * pass->steps + t->step;
  }
  return nacre_data(tensor) + row * pass->units;
}

/** Row i of a state that is an input or output, or its gradient; NULL where
 *  the layer has none. `which`: 1 for the first. */
static inline real *nacre_recurrent_outer(
  const nacre_recurrent_tile *t, const nacre_tensor *tensors, uint32_t n,
  uint32_t which, int64_t i) {
  return which < n && tensors[which].data != NULL
           ? nacre_data(&tensors[which]) + (t->begin + i) * t->pass->units
           : NULL;
}

/** to = from, or zeros. */
static inline void nacre_recurrent_copy(const nacre_recurrent_tile *t,
                                        const real *from, real *to) {
  const size_t bytes = nacre_recurrent_bytes(t->pass->units);
  if (from != NULL) {
    memcpy(to, from, bytes);
  } else {
    memset(to, 0, bytes);
  }
}

/** State `which` (1: the output's) before the first step; NULL: zeros. */
static inline const real *nacre_recurrent_first(const nacre_recurrent_tile *t,
                                                uint32_t which, int64_t i) {
  const nacre_run *run = t->pass->run;
  const nacre_tensor *carried = &run->weight[RECURRENT_BIAS + which];
  if (run->n_inputs > 1) {
    return nacre_recurrent_outer(t, run->in, run->n_inputs, which, i);
  }
  return nacre_recurrent_config(t->pass)->stateful
           ? nacre_data(carried) + (t->begin + i) * t->pass->units
           : NULL;
}

/** State `which` after a step: the last one goes on from here. */
static inline void nacre_recurrent_last(
  const nacre_recurrent_tile *t, uint32_t which, const real *state, int64_t i) {
  const nacre_run *run = t->pass->run;
  real *out = nacre_recurrent_outer(t, run->out, run->n_outputs, which, i);
  if (!nacre_recurrent_is_last(t)) {
    return;
  }
  if (out != NULL) {
    nacre_recurrent_copy(t, state, out);
  }
  if (nacre_recurrent_config(t->pass)->stateful) {
    nacre_recurrent_copy(t, state,
                         nacre_data(&run->weight[RECURRENT_BIAS + which]) +
                           (t->begin + i) * t->pass->units);
  }
}

/** Asks for row i of the gates of another step, as the processor does not
 *  foresee where it is: when that step is reached, after a product, it has
 *  come. */
static inline void nacre_recurrent_ask(const nacre_recurrent_tile *t,
                                       int64_t step, int64_t i) {
#if defined(__GNUC__)
  nacre_recurrent_tile other = *t;
  if (step < 0 || step >= t->pass->steps) {
    return;
  }
  other.time = nacre_recurrent_time(t->pass, step);
  const real *row = nacre_recurrent_gates(&other, i);
  for (int64_t j = 0; j < t->pass->pitch; j += nacre_packed_cols(1)) {
    __builtin_prefetch(row + j, 0, 2);
  }
#else
  (void)t, (void)step, (void)i;
#endif
}

/* The state goes to the next step, or out. */
static inline void nacre_recurrent_pass_on(const nacre_recurrent_tile *t,
                                           const real *h, int64_t i) {
  nacre_recurrent_last(t, 1, h, i);
  if (!nacre_recurrent_is_last(t)) {
    nacre_recurrent_tile next = *t;
    next.time = nacre_recurrent_time(t->pass, t->step + 1);
    nacre_recurrent_copy(
      t, h, nacre_recurrent_saved(&next, RECURRENT_BEFORE, t->pass->units, i));
  }
}

/** Row i of the state has its new value: brings it where it is wanted. */
static inline void nacre_recurrent_put(const nacre_recurrent_tile *t,
                                       int64_t i) {
  const nacre_recurrent_pass *pass = t->pass;
  real *h = nacre_recurrent_state(t, i);
  if (nacre_recurrent_config(pass)->return_sequences ||
      nacre_recurrent_is_last(t) || pass->mask != NULL) {
    nacre_recurrent_copy(t, h,
                         nacre_recurrent_output(t, &pass->run->out[0], i));
  }
  nacre_recurrent_pass_on(t, h, i);
  nacre_recurrent_ask(t, t->step + 1, i);
  if (pass->keep != NULL) {
    nacre_recurrent_keep(pass->units, pass->keep + (t->begin + i) * pass->units,
                         h);
  }
}

/** Row i does not have this step: the state stays, and the output before is
 *  repeated; before the first it is 0. */
static inline void
nacre_recurrent_hold(const nacre_recurrent_tile *t, int64_t i) {
  const nacre_recurrent_pass *pass = t->pass;
  real *y = nacre_recurrent_output(t, &pass->run->out[0], i);
  if (t->step == 0) {
    nacre_recurrent_copy(t, NULL, y);
  } else if (nacre_recurrent_config(pass)->return_sequences) {
    nacre_recurrent_copy(t, y - pass->units, y);
  }
  nacre_recurrent_pass_on(
    t, nacre_recurrent_saved(t, RECURRENT_BEFORE, pass->units, i), i);
}

/* The mask of the outputs: in their order. */
static inline void nacre_recurrent_mask(const nacre_recurrent_tile *t) {
  const nacre_recurrent_pass *pass = t->pass;
  if (pass->mask == NULL || !nacre_recurrent_config(pass)->return_sequences) {
    return;
  }
  real *to = nacre_data(pass->run->out_mask);
  for (int64_t i = t->begin; i < t->begin + t->rows; i++) {
    to[i * pass->steps + t->step] = pass->mask[i * pass->steps + t->time];
  }
}

static inline void
nacre_recurrent_ahead(void *ctx, int64_t begin, int64_t end) {
  const nacre_recurrent_pass *pass = ctx;
  const nacre_run *run = pass->run;
  const int64_t units = pass->units;
  nacre_recurrent_tile t = { pass, begin, end - begin, 0,
                             nacre_recurrent_time(pass, 0) };
  if (pass->keep != NULL) {
    nacre_recurrent_draw(run, RECURRENT_STREAM_H,
                         nacre_recurrent_config(pass)->recurrent_dropout,
                         begin * units, (end - begin) * units,
                         nacre_data(&run->saved[RECURRENT_KEEP_H]));
  }
  for (int64_t i = 0; i < t.rows; i++) {
    const real *h = nacre_recurrent_first(&t, 1, i);
    nacre_recurrent_copy(&t, h, nacre_recurrent_state(&t, i));
    nacre_recurrent_copy(&t, h,
                         nacre_recurrent_saved(&t, RECURRENT_BEFORE, units, i));
    if (pass->keep != NULL) {
      nacre_recurrent_keep(units, pass->keep + (begin + i) * units,
                           nacre_recurrent_state(&t, i));
    }
  }
  for (; t.step < pass->steps; t.step++) {
    t.time = nacre_recurrent_time(pass, t.step);
    nacre_recurrent_mask(&t);
    pass->work(&t);
  }
}

/** Takes all samples through all steps. */
static inline void nacre_recurrent_run(nacre_recurrent_pass *pass) {
  pass->run->math->parallel(pass->run->math, pass->run->batch, pass->grain,
                            nacre_recurrent_ahead, pass);
}

/* Back. */

/* Adds the gradient of this step's output, if it has any. */
static inline void
nacre_recurrent_add_dy(const nacre_recurrent_tile *t, int64_t i, real *dh) {
  const nacre_recurrent_pass *pass = t->pass;
  if (nacre_recurrent_config(pass)->return_sequences ||
      nacre_recurrent_is_last(t)) {
    nacre_recurrent_add(pass->units,
                        nacre_recurrent_output(t, &pass->run->dout[0], i), dh);
  }
}

/** The gradient of the state after this step, [units], complete. What the
 *  layer leaves there is that of the state before, but for the products. */
static inline real *
nacre_recurrent_take(const nacre_recurrent_tile *t, int64_t i) {
  const int64_t units = t->pass->units;
  real *dh = nacre_recurrent_state(t, i);
  nacre_recurrent_ask(t, t->step - 1, i);
  nacre_recurrent_add_dy(t, i, dh);
  if (t->pass->mask != NULL) {
    real *echo = nacre_recurrent_scratch(t, RECURRENT_ECHO, units, i);
    nacre_recurrent_add(units, echo, dh);
    nacre_recurrent_copy(t, NULL, echo);
  }
  return dh;
}

/** Row i does not have this step: the gradients of its output wait for the
 *  one that it repeats, those of its gates are 0. */
static inline void
nacre_recurrent_skip(const nacre_recurrent_tile *t, int64_t i) {
  const int64_t width = t->pass->width;
  const size_t bytes = nacre_recurrent_bytes(width);
  nacre_recurrent_add_dy(
    t, i, nacre_recurrent_scratch(t, RECURRENT_ECHO, t->pass->units, i));
  memset(nacre_recurrent_scratch(t, RECURRENT_PRODUCT, width, i), 0, bytes);
  memset(nacre_recurrent_gates(t, i), 0, bytes);
}

/** Whether the gradient of the state before this step is of use. */
static inline bool nacre_recurrent_goes_on(const nacre_recurrent_tile *t) {
  const nacre_run *run = t->pass->run;
  return t->step > 0 || (run->n_inputs > 1 && run->din[1].data != NULL);
}

/** Gradient of the state += a product (a: [rows, k], rows lda apart). */
static inline void nacre_recurrent_return(
  const nacre_recurrent_tile *t, int which, const real *a, int64_t lda) {
  const nacre_recurrent_pass *pass = t->pass;
  const int64_t units = pass->units;
  if (!nacre_recurrent_goes_on(t)) {
    return;
  }
  if (pass->keep == NULL) {
    nacre_recurrent_multiply(t, which, a, lda, 1, nacre_recurrent_state(t, 0),
                             units);
    return;
  }
  real *back = nacre_recurrent_scratch(t, RECURRENT_BACK, units, 0);
  nacre_recurrent_multiply(t, which, a, lda, 0, back, units);
  for (int64_t i = 0; i < t->rows; i++) {
    nacre_recurrent_add_kept(units, pass->keep + (t->begin + i) * units,
                             back + i * units, nacre_recurrent_state(t, i));
  }
}

/** Ends a step: sums its gates' gradients, and leaves in BEFORE what the
 *  recurrent kernel was multiplied by. */
static inline void nacre_recurrent_end(const nacre_recurrent_tile *t) {
  const nacre_recurrent_pass *pass = t->pass;
  const int64_t units = pass->units, width = pass->width;
  if (nacre_recurrent_config(pass)->use_bias) {
    const nacre_math *math = pass->run->math;
    math->col_sum(math, t->rows, width,
                  nacre_recurrent_scratch(t, RECURRENT_PRODUCT, width, 0),
                  nacre_recurrent_scratch(t, RECURRENT_DBIAS, width, 0));
  }
  for (int64_t i = 0; i < t->rows && pass->keep != NULL; i++) {
    nacre_recurrent_keep(units, pass->keep + (t->begin + i) * units,
                         nacre_recurrent_saved(t, RECURRENT_BEFORE, units, i));
  }
}

static inline void nacre_recurrent_back(void *ctx, int64_t begin, int64_t end) {
  const nacre_recurrent_pass *pass = ctx;
  const nacre_run *run = pass->run;
  const bool carries = run->scratch[RECURRENT_CARRY].data != NULL;
  nacre_recurrent_tile t = { pass, begin, end - begin, pass->steps - 1, 0 };
  if (nacre_recurrent_config(pass)->use_bias) {
    memset(nacre_recurrent_scratch(&t, RECURRENT_DBIAS, pass->width, 0), 0,
           nacre_recurrent_bytes(pass->width));
  }
  for (uint32_t s = 1; s <= (carries ? 2u : 1u); s++) {
    for (int64_t i = 0; i < t.rows; i++) {
      nacre_recurrent_copy(
        &t, nacre_recurrent_outer(&t, run->dout, run->n_outputs, s, i),
        nacre_recurrent_scratch(&t, s == 1 ? RECURRENT_STATE : RECURRENT_CARRY,
                                pass->units, i));
    }
  }
  for (int64_t i = 0; i < t.rows && pass->mask != NULL; i++) {
    nacre_recurrent_copy(
      &t, NULL, nacre_recurrent_scratch(&t, RECURRENT_ECHO, pass->units, i));
  }
  for (; t.step >= 0; t.step--) {
    t.time = nacre_recurrent_time(pass, t.step);
    pass->work(&t);
  }
  for (uint32_t s = 1; s <= (carries ? 2u : 1u); s++) {
    for (int64_t i = 0; i < t.rows; i++) {
      real *d = nacre_recurrent_outer(&t, run->din, run->n_inputs, s, i);
      if (d != NULL) {
        nacre_recurrent_copy(&t,
                             nacre_recurrent_scratch(
                               &t, s == 1 ? RECURRENT_STATE : RECURRENT_CARRY,
                               pass->units, i),
                             d);
      }
    }
  }
}

/** Takes the gradients of all samples back through all steps. */
static inline void nacre_recurrent_return_all(nacre_recurrent_pass *pass) {
  pass->run->math->parallel(pass->run->math, pass->run->batch, pass->grain,
                            nacre_recurrent_back, pass);
}

#endif
