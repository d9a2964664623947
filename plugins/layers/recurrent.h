/* SPDX-License-Identifier: MIT */
/* recurrent: what the recurrent layers share.
 *
 * The products with the input are one for all steps, before the first of
 * them, and so are those that give the gradients, after the last. What is
 * left to a step is its product with the state. Samples know nothing of each
 * other, so a thread takes a tile of them through all steps, and nobody
 * waits for anybody in between. */
#ifndef NACRE_LAYERS_RECURRENT_H
#define NACRE_LAYERS_RECURRENT_H

#include <nacre/plugin.h>

#include <string.h>

/** The parameters that all have: the first member of their structs. */
typedef struct nacre_recurrent {
  int64_t units;
  nacre_ref activation;
  bool use_bias, return_sequences, return_state, go_backwards, stateful;
  double dropout, recurrent_dropout;
} nacre_recurrent;

/** A line of a parameter table for the field base.`name`. */
#define NACRE_RECURRENT_PARAM(T, name, def, range, doc) \
  { \
#name, NULL, def, range, "", doc, NACRE_TYPE_OF(T, base.name), \
      (uint32_t)offsetof(T, base.name), 0, 0 \
  }

/** The lines that stand at the end of every table. */
#define NACRE_RECURRENT_PARAMS(T) \
  NACRE_RECURRENT_PARAM(T, use_bias, "true", NULL, "Add learned biases."), \
    NACRE_RECURRENT_PARAM( \
      T, dropout, "0", "[0,1)", \
      "Share of the input's features that are 0 in training, the same in " \
      "all steps of a sample."), \
    NACRE_RECURRENT_PARAM( \
      T, recurrent_dropout, "0", "[0,1)", \
      "The same for the state, where it is multiplied by the recurrent " \
      "kernel."), \
    NACRE_RECURRENT_PARAM( \
      T, return_sequences, "false", NULL, \
      "Give the outputs of all steps, not of the last alone."), \
    NACRE_RECURRENT_PARAM(T, return_state, "false", NULL, \
                          "Give the last state as well, as further outputs."), \
    NACRE_RECURRENT_PARAM( \
      T, go_backwards, "false", NULL, \
      "Begin with the last step of the input; the outputs are in the order " \
      "in which they are computed."), \
    NACRE_RECURRENT_PARAM( \
      T, stateful, "false", NULL, \
      "Begin every sample with the state that the sample in its place in " \
      "the batch before ended with.")

/* Weights. */
enum {
  RECURRENT_KERNEL,
  RECURRENT_STATE_KERNEL,
  RECURRENT_BIAS /* and then the states that are carried on */
};

/* Saved: [batch, steps, ...] unless it says otherwise. */
enum {
  RECURRENT_GATES,   /* [pitch]: of the forward pass; then their gradients */
  RECURRENT_BEFORE,  /* [units]: the state before each step */
  RECURRENT_DROPPED, /* [features]: the input after dropout */
  RECURRENT_KEEP_X,  /* [batch, features]: dropout's factors */
  RECURRENT_KEEP_H,  /* [batch, units]: the same for the state */
  RECURRENT_PLACES,  /* [2 batch steps]: see recurrent_tokens.h */
  RECURRENT_OWN      /* the first of what a layer adds */
};

/* Scratch: [batch, ...] unless it says otherwise. */
enum {
  RECURRENT_PRODUCT, /* [width]: of the state; gradients of the gates */
  RECURRENT_STATE,   /* [units]: the state as multiplied; its gradient */
  RECURRENT_CARRY,   /* [units]: gradient of a second state */
  RECURRENT_TERM,    /* [units]: of a layer's own */
  RECURRENT_BACK,    /* [units]: a gradient that dropout is yet to cut */
  RECURRENT_DBIAS,   /* [width]: sums over a tile, in its first row */
  RECURRENT_ECHO,    /* [units]: gradient of outputs that are repeated */
  RECURRENT_PACKED,  /* [gates * units, units]: the recurrent kernel */
  RECURRENT_TABLE,   /* [2, steps]: for finding words */
  RECURRENT_WORDS    /* what is done for each word: see there */
};

/** Samples of a tile at most: enough for the registers of a product, and few,
 *  so that a small batch is several. */
#define NACRE_RECURRENT_ROWS 16

/** For fewer samples the recurrent kernel is not worth packing. */
#define NACRE_RECURRENT_FEW 4

typedef struct nacre_recurrent_pass nacre_recurrent_pass;

/** Some samples of the batch at one step. */
typedef struct nacre_recurrent_tile {
  const nacre_recurrent_pass *pass;
  int64_t begin, rows; /* samples */
  int64_t step, time;  /* in the order of work; in the order of the input */
} nacre_recurrent_tile;

/** One walk over all steps, forward or backward. */
struct nacre_recurrent_pass {
  nacre_run *run;
  int64_t steps, features, units;
  int64_t width, pitch;  /* of a row of products; of kept gates */
  int64_t columns;       /* of the kernel */
  int64_t words;         /* that are treated together; 0: none */
  int64_t grain;         /* samples of a tile */
  const real *keep;      /* [batch, units], dropout of the state; or NULL */
  const real *mask;      /* [batch, steps], 0 where a step is none; or NULL */
  nacre_gemm product[2]; /* with the recurrent kernel, or two parts of it */
  void (*work)(const nacre_recurrent_tile *);
};

/* Planning. */

/** How far apart rows of n kept numbers lie: an odd number of cache lines,
 *  for samples whose rows are a power of two apart would all compete for the
 *  same few sets of the cache. */
static inline int64_t nacre_recurrent_pitch(int64_t n) {
  const int64_t line = nacre_packed_cols(1), lines = (n - 1) / line + 1;
  return n < 8 * line ? n : (lines | 1) * line;
}

static inline int nacre_recurrent_check(nacre_plan *plan, uint32_t states) {
  const nacre_recurrent *cfg = plan->cfg;
  const nacre_shape *in = &plan->input[0];
  const nacre_shape state = nacre_shape_1d(cfg->units);
  if (in->rank != 2) {
    return nacre_plan_refuse(plan,
                             "the input must be [steps, features], but "
                             "has %d ax%s",
                             in->rank, in->rank == 1 ? "is" : "es");
  }
  if (cfg->units > INT64_MAX / 64) {
    return nacre_plan_refuse(plan, "so many units fit into no memory");
  }
  if (plan->n_inputs != 1 && plan->n_inputs != 1 + states) {
    return nacre_plan_refuse(plan,
                             "it reads a sequence, and %u initial "
                             "state%s or none; there are %u inputs",
                             states, states == 1 ? "" : "s", plan->n_inputs);
  }
  for (uint32_t i = 1; i < plan->n_inputs; i++) {
    if (!nacre_shape_equal(&plan->input[i], &state)) {
      return nacre_plan_refuse(plan,
                               "input %u, an initial state, must have "
                               "the shape [%lld], a number for each unit",
                               i + 1, (long long)cfg->units);
    }
  }
  return NACRE_OK;
}

static inline int nacre_recurrent_outputs(nacre_plan *plan, uint32_t states) {
  const nacre_recurrent *cfg = plan->cfg;
  const nacre_shape state = nacre_shape_1d(cfg->units);
  const nacre_shape all = nacre_shape_2d(plan->input[0].dim[0], cfg->units);
  const nacre_shape steps = nacre_shape_1d(plan->input[0].dim[0]);
  int status = nacre_plan_output(plan, cfg->return_sequences ? &all : &state);
  if (status == NACRE_OK && cfg->return_sequences && (plan->masked & 1) != 0) {
    status = nacre_plan_mask(plan, &steps);
  }
  for (uint32_t i = 0; i < states && cfg->return_state; i++) {
    if (status == NACRE_OK) {
      status = nacre_plan_output(plan, &state);
    }
  }
  return status;
}

/* The kernels, the bias, and states that are carried on. */
static inline int
nacre_recurrent_plan_weights(nacre_plan *plan, uint32_t states,
                             int64_t columns, const nacre_shape *bias) {
  const nacre_recurrent *cfg = plan->cfg;
  const int64_t features = plan->input[0].dim[1], units = cfg->units;
  const nacre_shape kernel = nacre_shape_2d(features, columns);
  const nacre_shape state_kernel = nacre_shape_2d(units, columns);
  const nacre_shape carried = nacre_shape_2d(plan->batch, units);
  int status =
    nacre_plan_weight(plan, RECURRENT_KERNEL, &kernel, features, columns);
  if (status == NACRE_OK) {
    status = nacre_plan_weight(plan, RECURRENT_STATE_KERNEL, &state_kernel,
                               units, columns);
  }
  if (status == NACRE_OK && cfg->use_bias) {
    status = nacre_plan_weight(plan, RECURRENT_BIAS, bias, features, columns);
  }
  for (uint32_t i = 1; cfg->stateful && i <= states; i++) {
    if (status == NACRE_OK) {
      status =
        nacre_plan_weight(plan, RECURRENT_BIAS + i, &carried, units, units);
    }
  }
  return status;
}

/* What is saved, and the scratch. */
static inline int
nacre_recurrent_plan_room(nacre_plan *plan, uint32_t states, int64_t columns,
                          int64_t width, int64_t kept) {
  const nacre_recurrent *cfg = plan->cfg;
  const int64_t steps = plan->input[0].dim[0], units = cfg->units;
  const int64_t features = plan->input[0].dim[1];
  const nacre_shape packed = nacre_shape_2d(columns, nacre_packed_cols(units));
  const nacre_shape sequence = nacre_shape_2d(steps, units);
  const nacre_shape rows =
    nacre_shape_2d(steps, nacre_recurrent_pitch(kept * units));
  const nacre_shape row = nacre_shape_1d(width * units);
  const nacre_shape state = nacre_shape_1d(units);
  const nacre_shape x = nacre_shape_1d(features);
  const nacre_shape places = nacre_shape_2d(2, steps);
  const nacre_shape words =
    nacre_shape_2d((steps + 1) / 2, features + columns);
  const bool drops_x = cfg->dropout > 0, drops_h = cfg->recurrent_dropout > 0;
  const bool has_words = (plan->tokens & 1) != 0;
  const bool masked = (plan->masked & 1) != 0;
  const struct {
    uint32_t slot;
    bool used;
    const nacre_shape *shape;
  } saved[] = {
    { RECURRENT_GATES, true, &rows },
    { RECURRENT_BEFORE, true, &sequence },
    { RECURRENT_DROPPED, drops_x, &plan->input[0] },
    { RECURRENT_KEEP_X, drops_x, &x },
    { RECURRENT_KEEP_H, drops_h, &state },
    { RECURRENT_PLACES, has_words, &places },
  }, scratch[] = {
    { RECURRENT_PRODUCT, true, &row },
    { RECURRENT_STATE, true, &state },
    { RECURRENT_CARRY, states > 1, &state },
    { RECURRENT_TERM, true, &state },
    { RECURRENT_BACK, drops_h, &state },
    { RECURRENT_DBIAS, cfg->use_bias, &row },
    { RECURRENT_ECHO, masked, &state },
    { RECURRENT_TABLE, has_words, &places },
    { RECURRENT_WORDS, has_words, &words },
  };
  int status = nacre_plan_scratch(plan, RECURRENT_PACKED, &packed, 0);
  for (size_t i = 0; i < sizeof saved / sizeof saved[0]; i++) {
    if (status == NACRE_OK && saved[i].used) {
      status = nacre_plan_saved(plan, saved[i].slot, saved[i].shape,
                                NACRE_PER_SAMPLE);
    }
  }
  for (size_t i = 0; i < sizeof scratch / sizeof scratch[0]; i++) {
    if (status == NACRE_OK && scratch[i].used) {
      status = nacre_plan_scratch(plan, scratch[i].slot, scratch[i].shape,
                                  NACRE_PER_SAMPLE);
    }
  }
  return status;
}

/** All but a layer's own: inputs, outputs, weights, room. For each unit the
 *  kernels have `gates` columns, a row of products `width`, one that is kept
 *  `kept`; `bias` has its own shape. */
static inline int
nacre_recurrent_plan(nacre_plan *plan, uint32_t states, int64_t gates,
                     int64_t width, int64_t kept, const nacre_shape *bias) {
  const nacre_recurrent *cfg = plan->cfg;
  const int64_t columns = gates * cfg->units;
  if (nacre_recurrent_check(plan, states) != NACRE_OK ||
      nacre_recurrent_plan_weights(plan, states, columns, bias) != NACRE_OK ||
      nacre_recurrent_plan_room(plan, states, columns, width, kept) !=
        NACRE_OK) {
    return NACRE_ERROR;
  }
  const double steps = (double)plan->input[0].dim[0];
  const double features = (double)plan->input[0].dim[1];
  nacre_plan_flops(plan, steps * (double)columns *
                           (2.0 * features + 2.0 * (double)cfg->units + 10.0));
  return nacre_recurrent_outputs(plan, states);
}

/* Activations. */

static inline bool nacre_recurrent_needs_x(const nacre_ref *act) {
  const nacre_activation_ops *ops = act->ops;
  return (ops->flags & NACRE_ACT_NEED_X) != 0;
}

/** x: [rows, units], in place. */
static inline void
nacre_recurrent_apply(const nacre_recurrent_tile *t, const nacre_ref *act,
                      int64_t rows, const real *x, real *y) {
  const nacre_activation_ops *ops = act->ops;
  ops->call.forward(t->pass->run->math, act->cfg, rows, t->pass->units, x, y);
}

/** dy, in place: [rows, units]; x before and y after the activation. */
static inline void
nacre_recurrent_derive(const nacre_recurrent_tile *t, const nacre_ref *act,
                       int64_t rows, const real *x, const real *y, real *dy) {
  const nacre_activation_ops *ops = act->ops;
  ops->call.backward(t->pass->run->math, act->cfg, rows, t->pass->units,
                     nacre_recurrent_needs_x(act) ? x : y, dy, dy);
}

/* Rows of a tile. */

/** Row i of a saved sequence of `width` numbers a step. */
static inline real *nacre_recurrent_saved(
  const nacre_recurrent_tile *t, uint32_t slot, int64_t width, int64_t i) {
  return nacre_data(&t->pass->run->saved[slot]) +
         ((t->begin + i) * t->pass->steps + t->time) * width;
}

/** Row i of the gates. */
static inline real *
nacre_recurrent_gates(const nacre_recurrent_tile *t, int64_t i) {
  return nacre_recurrent_saved(t, RECURRENT_GATES, t->pass->pitch, i);
}

static inline real *nacre_recurrent_scratch(
  const nacre_recurrent_tile *t, uint32_t slot, int64_t width, int64_t i) {
  return nacre_data(&t->pass->run->scratch[slot]) + (t->begin + i) * width;
}

static inline real *
nacre_recurrent_state(const nacre_recurrent_tile *t, int64_t i) {
  return nacre_recurrent_scratch(t, RECURRENT_STATE, t->pass->units, i);
}

NACRE_KERNEL
static void nacre_recurrent_add(int64_t n, const real *restrict x,
                                real *restrict y) {
  for (int64_t i = 0; i < n; i++) {
    y[i] += x[i];
  }
}

/* y += factor x */
NACRE_KERNEL
static void nacre_recurrent_add_kept(int64_t n, const real *restrict factor,
                                     const real *restrict x, real *restrict y) {
  for (int64_t i = 0; i < n; i++) {
    y[i] += factor[i] * x[i];
  }
}

NACRE_KERNEL
static void nacre_recurrent_keep(int64_t n, const real *restrict factor,
                                 real *restrict x) {
  for (int64_t i = 0; i < n; i++) {
    x[i] *= factor[i];
  }
}

/* Products. */

/** Prepares the product number `i` of a pass: with [k, n] numbers of the
 *  recurrent kernel, whose rows are ldb apart, or with their transpose. */
static inline void
nacre_recurrent_prepare(nacre_recurrent_pass *pass, int i, uint32_t flags,
                        int64_t n, int64_t k, const real *b, int64_t ldb) {
  const nacre_math *math = pass->run->math;
  nacre_gemm *g = &pass->product[i];
  *g = (nacre_gemm){
    .size = sizeof *g,
    .flags = flags,
    .n = n,
    .k = k,
    .b = b,
    .ldb = ldb,
    .batch = 1,
    .alpha = 1
  };
  if (pass->run->batch < NACRE_RECURRENT_FEW ||
      math->size < offsetof(nacre_math, pack) + sizeof math->pack) {
    return;
  }
  real *packed = nacre_data(&pass->run->scratch[RECURRENT_PACKED]);
  if (i > 0) {
    const nacre_gemm *other = &pass->product[0];
    packed += other->k * nacre_packed_cols(other->n);
  }
  math->pack(math, g, packed);
  g->flags |= NACRE_GEMM_PACKED;
  g->b = packed;
}

/** c = a product + beta c, for the rows of the tile. */
static inline void
nacre_recurrent_multiply(const nacre_recurrent_tile *t, int i, const real *a,
                         int64_t lda, double beta, real *c, int64_t ldc) {
  nacre_gemm g = t->pass->product[i];
  g.m = t->rows;
  g.a = a;
  g.lda = lda;
  g.c = c;
  g.ldc = ldc;
  g.beta = beta;
  t->pass->run->math->gemm(t->pass->run->math, &g);
}

/** c += a^T b over so many rows. a: [rows, m], lda apart; b: [rows, n], ldb
 *  apart. */
static inline void nacre_recurrent_correlate(
  const nacre_recurrent_pass *pass, int64_t rows, int64_t m, const real *a,
  int64_t lda, int64_t n, const real *b, int64_t ldb, real *c, int64_t ldc) {
  nacre_gemm g = {
    .size = sizeof g,
    .flags = NACRE_GEMM_TRANS_A,
    .batch = 1,
    .alpha = 1,
    .beta = 1,
    .m = m,
    .n = n,
    .k = rows,
    .a = a,
    .lda = lda,
    .b = b,
    .ldb = ldb,
    .c = c,
    .ldc = ldc
  };
  pass->run->math->gemm(pass->run->math, &g);
}

#endif
