/* SPDX-License-Identifier: MIT */
/* recurrent_inputs: what is done for all steps at once: dropout of the
 * inputs, their part of the gates, and the gradients of the weights. */
#ifndef NACRE_LAYERS_RECURRENT_INPUTS_H
#define NACRE_LAYERS_RECURRENT_INPUTS_H

#include "recurrent_tokens.h"

static inline const nacre_recurrent *
nacre_recurrent_config(const nacre_recurrent_pass *pass) {
  return pass->run->cfg;
}

static inline size_t nacre_recurrent_bytes(int64_t n) {
  return (size_t)n * sizeof(real);
}

/* Dropout. One factor for each feature, or unit, of a sample holds for all
 * steps: 0, or 1 / (1 - rate). */

enum { RECURRENT_STREAM_X, RECURRENT_STREAM_H };

NACRE_KERNEL
static void nacre_recurrent_factors(int64_t n, real rate, real scale,
                                    real *restrict u) {
  for (int64_t i = 0; i < n; i++) {
    u[i] = u[i] < rate ? 0 : scale;
  }
}

static inline void
nacre_recurrent_draw(const nacre_run *run, uint32_t stream, double rate,
                     int64_t first, int64_t n, real *factor) {
  const nacre_key key = nacre_key_split(run->key, stream);
  run->math->uniform(run->math, key, (uint64_t)first, n, factor + first);
  nacre_recurrent_factors(n, (real)rate, (real)(1 / (1 - rate)),
                          factor + first);
}

typedef struct nacre_recurrent_drop {
  const nacre_recurrent_pass *pass;
  const real *x; /* [batch, steps, features]; NULL: y is multiplied */
  real *y;       /* the same */
  bool draws;
} nacre_recurrent_drop;

static inline void
nacre_recurrent_drop_tile(void *ctx, int64_t begin, int64_t end) {
  const nacre_recurrent_drop *d = ctx;
  const int64_t n = d->pass->features, steps = d->pass->steps;
  real *factor = nacre_data(&d->pass->run->saved[RECURRENT_KEEP_X]);
  if (d->draws) {
    nacre_recurrent_draw(d->pass->run, RECURRENT_STREAM_X,
                         nacre_recurrent_config(d->pass)->dropout, begin * n,
                         (end - begin) * n, factor);
  }
  for (int64_t i = begin * steps; i < end * steps; i++) {
    if (d->x != NULL) {
      memcpy(d->y + i * n, d->x + i * n, nacre_recurrent_bytes(n));
    }
    nacre_recurrent_keep(n, factor + i / steps * n, d->y + i * n);
  }
}

static inline bool nacre_recurrent_trains(const nacre_run *run) {
  return (run->flags & NACRE_RUN_TRAINING) != 0;
}

/** What the kernel is multiplied by, [batch, steps, features]. */
static inline const real *
nacre_recurrent_input(const nacre_recurrent_pass *pass) {
  const nacre_run *run = pass->run;
  return nacre_data(
    nacre_recurrent_trains(run) && nacre_recurrent_config(pass)->dropout > 0
      ? &run->saved[RECURRENT_DROPPED]
      : &run->in[0]);
}

/* Beginning, and what is done for all steps at once. */

static inline nacre_recurrent_pass nacre_recurrent_begin(
  nacre_run *run, int64_t width, void (*work)(const nacre_recurrent_tile *)) {
  const nacre_recurrent *cfg = run->cfg;
  nacre_recurrent_pass pass = {
    .run = run,
    .steps = run->in[0].dim[1],
    .features = run->in[0].dim[2],
    .units = cfg->units,
    .width = width * cfg->units,
    .pitch = run->saved[RECURRENT_GATES].dim[2],
    .work = work
  };
  const int64_t tiles = (run->batch - 1) / NACRE_RECURRENT_ROWS + 1;
  pass.grain = (run->batch - 1) / tiles + 1;
  if (nacre_recurrent_trains(run) && cfg->recurrent_dropout > 0) {
    pass.keep = nacre_data(&run->saved[RECURRENT_KEEP_H]);
  }
  if (run->scratch[RECURRENT_ECHO].data != NULL) { /* planned with a mask */
    pass.mask = nacre_data(&run->mask[0]);
  }
  return pass;
}

/** The input's part of `columns` gates, for all steps; or, where it comes
 *  with its words, for each of them: see nacre_recurrent_given(). */
static inline void
nacre_recurrent_inputs(nacre_recurrent_pass *pass, int64_t columns) {
  const nacre_run *run = pass->run;
  const bool dropped = nacre_recurrent_input(pass) != nacre_data(&run->in[0]);
  if (dropped) {
    nacre_recurrent_drop drop = { pass, nacre_data(&run->in[0]),
                                  nacre_data(&run->saved[RECURRENT_DROPPED]),
                                  true };
    run->math->parallel(run->math, run->batch, pass->grain,
                        nacre_recurrent_drop_tile, &drop);
  }
  nacre_gemm g = {
    .size = sizeof g,
    .batch = 1,
    .alpha = 1,
    .m = run->batch * pass->steps,
    .n = columns,
    .k = pass->features,
    .a = nacre_recurrent_input(pass),
    .lda = pass->features,
    .b = nacre_data(&run->weight[RECURRENT_KERNEL]),
    .ldb = columns,
    .c = nacre_data(&run->saved[RECURRENT_GATES]),
    .ldc = pass->pitch,
    .bias = nacre_data(&run->weight[RECURRENT_BIAS])
  };
  pass->columns = columns;
  nacre_recurrent_find_words(pass, dropped);
  if (pass->words > 0) {
    g.m = pass->words;
    g.a = nacre_recurrent_gather(pass, pass->words);
    g.c = nacre_recurrent_word_gates(pass, pass->words);
    g.ldc = columns;
  }
  run->math->gemm(run->math, &g);
}

/* Rows that met the kernel, and the gradients of what it made of them. */
typedef struct nacre_recurrent_rows {
  int64_t count;
  const real *x;      /* [count, features] */
  const real *dgates; /* [count, ...], rows `pitch` apart */
  int64_t pitch;
  real *dx; /* [count, features] */
} nacre_recurrent_rows;

/* dx = beta dx + dgates kernel^T, for `n` columns of the kernel, whose
 * rows are `columns` apart. */
static inline void
nacre_recurrent_dinput(const nacre_recurrent_pass *pass,
                       const nacre_recurrent_rows *rows, const real *kernel,
                       int64_t columns, int64_t n, double beta) {
  const nacre_math *math = pass->run->math;
  nacre_gemm g = {
    .size = sizeof g,
    .flags = NACRE_GEMM_TRANS_B,
    .batch = 1,
    .alpha = 1,
    .beta = beta,
    .m = rows->count,
    .n = pass->features,
    .k = n,
    .a = rows->dgates,
    .lda = rows->pitch,
    .b = kernel,
    .ldb = columns,
    .c = rows->dx,
    .ldc = pass->features
  };
  math->gemm(math, &g);
}

/** dkernel and din[0] += of `n` columns of gates: those from `gate` on in a
 *  row of gradients belong to those from `column` on of the kernel. */
static inline void
nacre_recurrent_dinputs(const nacre_recurrent_pass *pass, int64_t columns,
                        int64_t gate, int64_t column, int64_t n, double beta) {
  const nacre_run *run = pass->run;
  const int64_t words = nacre_recurrent_words(pass);
  const real *kernel = nacre_data(&run->weight[RECURRENT_KERNEL]) + column;
  real *dkernel = nacre_data(&run->dweight[RECURRENT_KERNEL]);
  nacre_recurrent_rows rows = {
    nacre_recurrent_places(pass), nacre_recurrent_input(pass),
    nacre_data(&run->saved[RECURRENT_GATES]) + gate, pass->pitch,
    nacre_data(&run->din[0])
  };
  if (words > 0) {
    rows.dgates = nacre_recurrent_fold(pass, words, rows.dgates, n);
    rows.count = words;
    rows.pitch = n;
    rows.x = nacre_recurrent_gather(pass, words);
    rows.dx = nacre_recurrent_word_x(pass); /* when x is no longer read */
  }
  if (dkernel != NULL) {
    nacre_recurrent_correlate(pass, rows.count, pass->features, rows.x,
                              pass->features, n, rows.dgates, rows.pitch,
                              dkernel + column, columns);
  }
  if (run->din[0].data != NULL) {
    nacre_recurrent_dinput(pass, &rows, kernel, columns, n,
                           words > 0 ? 0 : beta);
  }
  if (run->din[0].data != NULL && words > 0) {
    nacre_recurrent_scatter(pass, words, rows.dx, beta == 0);
  }
}

/** drecurrent_kernel += for `n` of its columns, those from `column` on, of
 *  the gradients from `gate` on. before: [batch, steps, units], what they
 *  were multiplied by. */
static inline void nacre_recurrent_dstates(
  const nacre_recurrent_pass *pass, const real *before, int64_t gate,
  int64_t columns, int64_t column, int64_t n) {
  const nacre_run *run = pass->run;
  real *dkernel = nacre_data(&run->dweight[RECURRENT_STATE_KERNEL]);
  if (dkernel != NULL) {
    nacre_recurrent_correlate(pass, nacre_recurrent_places(pass), pass->units,
                              before, pass->units, n,
                              nacre_data(&run->saved[RECURRENT_GATES]) + gate,
                              pass->pitch, dkernel + column, columns);
  }
}

/** Cuts din[0] where dropout cut the input. */
static inline void nacre_recurrent_cut(const nacre_recurrent_pass *pass) {
  const nacre_run *run = pass->run;
  if (run->din[0].data != NULL &&
      nacre_recurrent_input(pass) != nacre_data(&run->in[0])) {
    nacre_recurrent_drop drop = { pass, NULL, nacre_data(&run->din[0]), false };
    run->math->parallel(run->math, run->batch, pass->grain,
                        nacre_recurrent_drop_tile, &drop);
  }
}

/** dbias[0..n) += the tiles' sums of the columns from `gate` on. */
static inline void nacre_recurrent_dbias(const nacre_recurrent_pass *pass,
                                         int64_t gate, int64_t n, real *dbias) {
  const real *sums = nacre_data(&pass->run->scratch[RECURRENT_DBIAS]);
  for (int64_t i = 0; i < pass->run->batch; i += pass->grain) {
    nacre_recurrent_add(n, sums + i * pass->width + gate, dbias);
  }
}

#endif
