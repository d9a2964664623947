/* SPDX-License-Identifier: MIT */
/* objective: the contracts of activations, losses, metrics, regularizers and
 * constraints: what a training run aims at, and what it is judged by. */
#ifndef NACRE_ABI_OBJECTIVE_H
#define NACRE_ABI_OBJECTIVE_H

#include "math.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Flags of nacre_activation_ops. */
#define NACRE_ACT_POINTWISE 1u /* every element by itself */
#define NACRE_ACT_NEED_X 2u    /* backward's xy is the input */
#define NACRE_ACT_NEED_Y 4u    /* backward's xy is the output */

/** Row-wise functions over [rows, cols]; they know nothing of layers and any
 *  layer may be given one. Called on tiles, from any thread. [compute] */
typedef struct nacre_activation_ops {
  uint32_t size, flags; /* exactly one of NEED_X and NEED_Y */
  nacre_activation call; /* its cfg is NULL here; the host binds it */
} nacre_activation_ops;

/** Flags of nacre_loss_ops. */
#define NACRE_LOSS_INDEX 1u   /* the target is a class index per row, [rows] */
#define NACRE_LOSS_CLASSES 2u /* a classification: accuracy makes sense */
#define NACRE_LOSS_SAMPLE 4u  /* of whole samples: tiles hold all rows of each;
                                 the target's size is the loss's own matter */
#define NACRE_LOSS_BATCH 8u   /* of the whole batch, which is one tile; else as
                                 SAMPLE */

/** One tile of rows. The last axis of the prediction is `cols`; all axes
 *  before it, and the batch, are rows.
 *
 *  What is minimized is the sum over rows of weight times loss. A loss of
 *  samples or of a batch writes its value to each of their rows, and its
 *  gradient has the sum of their weights as a factor. */
typedef struct nacre_loss_run {
  uint32_t size, pad;
  const nacre_math *math;
  const void *cfg;
  int64_t rows, cols;
  const real *y;      /* [rows, cols] predictions, or logits if on_logits */
  const real *target; /* [rows, cols]; [rows] with NACRE_LOSS_INDEX */
  const double *weight; /* [rows] factor of each row's gradient, already
                           divided by the number of rows; or NULL */
  double scale;       /* factor of every gradient, when weight is NULL */
  double *loss;       /* [rows], written: each row's unweighted loss */
  real *dy;           /* [rows, cols], written: gradient; NULL: not wanted */
  real *prob;         /* on logits: the activation of y, written; or NULL */
  int32_t on_logits;  /* 1: y has not been through `undoes` */
  int32_t fault;      /* set to 1 for a bad target, such as an index outside
                         [0, cols): the row's loss is 0, its gradient 0 */
  int64_t fault_row;  /* the first such row of this tile */
  int64_t sample_rows;      /* rows of one sample */
  int64_t target_size;      /* reals in the target of one sample */
  const nacre_shape *shape; /* of y, per sample */
  void *scratch;            /* of scratch(): 64-byte aligned, contents
                               undefined; NULL if it asks for none */
} nacre_loss_run;

typedef struct nacre_loss_ops {
  uint32_t size, flags;
  /** The activation whose output this loss would rather see undone, and
   *  then trains on its input by the stable formula; or NULL. */
  const char *undoes;
  /** [main] Optional: refuses shapes (per sample) that cannot be. Without
   *  it the target must have the prediction's shape, or, with
   *  NACRE_LOSS_INDEX, the same less the last axis (an axis of extent 1 may
   *  stand there). A loss of samples or of a batch must have it, and may
   *  accept targets that have fewer elements than that. */
  int (*plan)(const void *cfg, const nacre_shape *y, const nacre_shape *target,
              nacre_fail *);
  /** [compute] Value and gradient in one pass over a tile. */
  void (*rows)(nacre_loss_run *);
  /** [main] Optional, for losses of samples or of a batch: bytes of room that
   *  rows() needs for so many samples: of each sample (it is asked about 1,
   *  and a tile has that for each of its own), or of the largest batch.
   *  Negative: more than can be counted. */
  int64_t (*scratch)(const void *cfg, const nacre_shape *y,
                     const nacre_shape *target, int64_t samples);
} nacre_loss_ops;

/** Values of nacre_metric_plan.task: what the loss makes of the target. */
#define NACRE_TASK_OTHER 0u   /* a regression, or unknown */
#define NACRE_TASK_CLASSES 1u /* classes, one-hot or 0 and 1 */
#define NACRE_TASK_INDEX 2u   /* class indices */

typedef struct nacre_metric_plan {
  uint32_t size, task;
  const void *cfg;
  nacre_shape y, target;   /* per sample */
  nacre_fail *fail;
  /* Filled by plan(): */
  size_t state_size;       /* bytes, zeroed by the host */
} nacre_metric_plan;

typedef struct nacre_metric_run {
  uint32_t size, pad;
  const nacre_math *math;
  const void *cfg;
  void *state;
  int64_t rows, cols;   /* of y, as for losses */
  int64_t target_cols;  /* 1 for class indices */
  const real *y;        /* [rows, cols], after the activation */
  const real *target;   /* [rows, target_cols] */
  const double *weight; /* [rows] sample weights, or NULL for ones */
} nacre_metric_run;

#define NACRE_METRIC_MAXIMIZE 1u /* higher is better, for monitors */

/** Metrics stream over a whole set and never average batch values. */
typedef struct nacre_metric_ops {
  uint32_t size, flags;
  /** [main] Checks shapes and task, sets state_size. */
  int (*plan)(nacre_metric_plan *);
  /** [compute] Takes rows into account, in order; host memory. */
  void (*update)(nacre_metric_run *);
  /** [main] The number that is logged. NaN when it has seen nothing. */
  double (*result)(const void *cfg, const void *state);
  /** [main] Optional: a table behind the number (a confusion matrix).
   *  Fills table (room for rows*cols doubles) or, with table NULL, only the
   *  extents. Returns NACRE_OK. */
  int (*table)(const void *cfg, const void *state, int64_t *rows,
               int64_t *cols, double *table);
} nacre_metric_ops;

typedef struct nacre_regularizer_ops {
  uint32_t size, pad;
  /** [compute] Returns the penalty of w and adds its gradient to dw (NULL:
   *  value only). w, dw: of `shape`. */
  double (*penalty)(const nacre_math *, const void *cfg,
                    const nacre_shape *shape, const real *w, real *dw);
} nacre_regularizer_ops;

typedef struct nacre_constraint_ops {
  uint32_t size, pad;
  /** [compute] Projects w, of `shape`, after each update. */
  void (*project)(const nacre_math *, const void *cfg,
                  const nacre_shape *shape, real *w);
} nacre_constraint_ops;

#ifdef __cplusplus
}
#endif

#endif
