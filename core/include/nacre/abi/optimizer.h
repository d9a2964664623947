/* SPDX-License-Identifier: MIT */
/* optimizer: the contracts of optimizers, learning-rate schedules and
 * initializers: where weights start and how they move. */
#ifndef NACRE_ABI_OPTIMIZER_H
#define NACRE_ABI_OPTIMIZER_H

#include "math.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NACRE_OPT_SLOTS 4
#define NACRE_OPT_SCALARS 8

/** Flags of nacre_optimizer_ops. */
#define NACRE_OPT_ELEMENTWISE 1u /* ranges may be cut anywhere; else update()
                                    gets whole tensors, with their shape */

/** One flat range of parameters. Clipping, weight decay, accumulation and
 *  the scale of the learning rate have been dealt with by the host on this
 *  same, cache-hot range; it zeroes g afterwards. */
typedef struct nacre_opt_run {
  uint32_t size, pad;
  const nacre_math *math; /* for its pointwise functions */
  const void *cfg;
  double learning_rate;   /* scheduled and scaled */
  int64_t step;           /* 1 for the first update */
  const double *scalar;   /* [NACRE_OPT_SCALARS] from begin() */
  int64_t n;
  real *w;                /* [n] parameters */
  const real *g;          /* [n] gradient */
  real *slot[NACRE_OPT_SLOTS]; /* [n] each, or of slot_size() */
  const nacre_shape *shape;    /* of the tensor; NULL if elementwise */
  const char *name; /* of the tensor, "dense.kernel"; NULL if elementwise */
  void *scratch;    /* of scratch(): 64-byte aligned, contents undefined */
} nacre_opt_run;

/** All ops: [compute] unless said. The config struct must hold a double
 *  named learning_rate. */
typedef struct nacre_optimizer_ops {
  uint32_t size, flags;
  /** [main] Number of state slots (0..NACRE_OPT_SLOTS) and what each starts
   *  from; `start` has room for NACRE_OPT_SLOTS and comes zeroed. */
  uint32_t (*slots)(const void *cfg, double *start);
  /** Optional: once per step, before the ranges: bias corrections and the
   *  like. Scalars keep their values from step to step, begin at 0, and are
   *  part of a checkpoint. */
  void (*begin)(const void *cfg, double learning_rate, int64_t step,
                double *scalar);
  /** Moves w by one step. */
  void (*update)(const nacre_opt_run *);
  const char *const *slot_names; /* [slots], for checkpoints; NULL if none */
  /** [main] Optional, unless elementwise: bytes of room that update() needs
   *  for a tensor of this shape. Negative: more than can be counted. */
  int64_t (*scratch)(const void *cfg, const nacre_shape *shape);
  /** [main] Optional, unless elementwise: reals of a slot for a tensor of this
   *  shape, from 1 to as many as it has, for a state that is smaller than it.
   *  Without, all slots have as many. */
  int64_t (*slot_size)(const void *cfg, uint32_t slot,
                       const nacre_shape *shape);
} nacre_optimizer_ops;

typedef struct nacre_schedule_run {
  uint32_t size, pad;
  const void *cfg;
  double base;             /* the optimizer's learning_rate */
  int64_t step;            /* updates made so far: 0 for the first */
  int64_t steps_per_epoch;
  int64_t total_steps;     /* of the whole training */
} nacre_schedule_run;

typedef struct nacre_schedule_ops {
  uint32_t size, pad;
  /** [main] The value at a step. Pure. */
  double (*value)(const nacre_schedule_run *);
  /** [main] Optional: refuses configurations that no range can. */
  int (*check)(const void *cfg, nacre_fail *);
} nacre_schedule_ops;

typedef struct nacre_init_run {
  uint32_t size, pad;
  const nacre_math *math; /* for uniform() and the pointwise functions */
  const void *cfg;
  nacre_shape shape;
  int64_t fan_in, fan_out;
  nacre_key key;
  nacre_fail *fail;
  real *out;              /* [shape], host memory, written */
  void *(*alloc)(size_t count, size_t size); /* zeroed; NULL when out of */
  void (*free)(void *);                      /*   memory or too large    */
} nacre_init_run;

typedef struct nacre_initializer_ops {
  uint32_t size, pad;
  /** [main] */
  int (*fill)(const nacre_init_run *);
} nacre_initializer_ops;

#ifdef __cplusplus
}
#endif

#endif
