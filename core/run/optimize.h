/* SPDX-License-Identifier: MIT */
/* optimize: moves a model's trained weights, in one pass over memory.
 *
 * The universal keys of every optimizer are dealt with here, on cache-hot
 * tiles: clipping, decoupled weight decay, accumulation over batches. The
 * order is Keras's: clip, decay, update, constrain. */
#ifndef NACRE_RUN_OPTIMIZE_H
#define NACRE_RUN_OPTIMIZE_H

#include "run/model.h"

/** The keys that every optimizer takes. */
typedef struct nacre_update_cfg {
  double clip_norm, clip_value, clip_global_norm; /* NaN: none */
  double weight_decay;                            /* NaN: none */
  int64_t gradient_accumulation_steps;
} nacre_update_cfg;
extern const nacre_span nacre_update_params;

/** What an experiment says of its optimizer. */
typedef struct nacre_optimizer_cfg {
  nacre_choice optimizer;
  nacre_choice schedule; /* component NULL: constant */
  nacre_update_cfg update;
} nacre_optimizer_cfg;

/** Reads `optimizer:` and `schedule:` (which may be NULL). A schedule may also
 *  stand at learning_rate. All problems are reported at their nodes. */
int nacre_optimizer_choose(nacre_optimizer_cfg *, nacre_params_ctx *,
                           nacre_node *optimizer, nacre_node *schedule);

struct nacre_optimizer;

/** Elements that a thread updates before it takes the next ones, at most. */
#define NACRE_TILE ((int64_t)4096)
typedef struct nacre_tile {
  int64_t first, count; /* elements of a range */
} nacre_tile;

/** A flat range of parameters that one update call may take, bound. */
typedef struct nacre_range {
  const struct nacre_optimizer *optimizer;
  int variable; /* the first in it, an index into the graph's */
  int64_t first, count;
  double learning_rate_scale;
  double scale, decay; /* of this step: gradients are multiplied by scale,
                          weights by 1 - decay */
  real *g;             /* [count] */
  const nacre_tile *tile; /* [n_tiles] cover the range; in the optimizer's */
  int64_t n_tiles;        /* 0: it is updated at once, by one call */
  nacre_opt_run call;  /* of the whole range */
} nacre_range;

typedef struct nacre_optimizer {
  const nacre_optimizer_cfg *cfg; /* borrowed */
  const nacre_optimizer_ops *ops;
  nacre_model *model;             /* borrowed */
  nacre_range *range;
  int n_ranges;
  nacre_tile *tile;               /* of all ranges */
  real *slots;                    /* [slot_reals] on the device */
  int64_t slot_reals;
  int64_t *slot_at;               /* [n_slots, variables]: elements into
                                     slots */
  uint32_t n_slots;
  char *scratch;                  /* on the device, of the largest tensor */
  int64_t scratch_bytes;
  double scalar[NACRE_OPT_SCALARS];
  double base_rate;               /* the optimizer's learning_rate */
  double rate_scale;              /* by callbacks */
  double rate;                    /* of the last update */
  int64_t step;                   /* updates made */
  int64_t pending;                /* batches accumulated */
  int64_t steps_per_epoch, total_steps; /* for schedules */
  bool regularized, constrained;
  bool plain;      /* nothing of nacre_update_cfg is in use */
  bool host;       /* the host may write the device's memory */
} nacre_optimizer;

int nacre_optimizer_make(nacre_optimizer *, const nacre_optimizer_cfg *,
                         nacre_model *, nacre_error *);
void nacre_optimizer_fini(nacre_optimizer *);

/** Bytes of state that an optimizer would need for a graph whose parameters
 *  can be counted, for plans. */
int64_t nacre_optimizer_bytes(const nacre_optimizer_cfg *,
                              const nacre_graph *);

/** Makes and frees the state, for the two above. */
int nacre_optimizer_make_slots(nacre_optimizer *, nacre_error *);
void nacre_optimizer_free_slots(nacre_optimizer *);
/** A slot of a trained variable, and its shape: that of the variable, or a
 *  list. */
real *nacre_optimizer_slot(const nacre_optimizer *, uint32_t slot,
                           int variable, nacre_shape *shape);

/** Cuts the ranges that threads can share into tiles. */
int nacre_optimizer_make_tiles(nacre_optimizer *, nacre_error *);

/** The learning rate that the next update will use. */
double nacre_optimizer_rate(const nacre_optimizer *);
/** Sum of all penalties; with `gradients` their gradients are added. */
double nacre_optimizer_penalty(nacre_optimizer *, bool gradients);
/** Takes one batch's gradients: updates and clears them when enough batches
 *  have come in. True when weights moved. */
bool nacre_optimizer_step(nacre_optimizer *);

#endif
