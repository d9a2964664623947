/* SPDX-License-Identifier: MIT */
/* program: a layout bound to memory: a flat list of calls that a step walks.
 *
 * Nothing in a step allocates, looks up a name or checks a shape. */
#ifndef NACRE_RUN_PROGRAM_H
#define NACRE_RUN_PROGRAM_H

#include "graph/layout.h"
#include "run/model.h"

/** A call; every call, the core's own included, takes a nacre_run. */
typedef struct nacre_step {
  void (*call)(nacre_run *);
  nacre_run *run;
} nacre_step;

typedef struct nacre_program nacre_program;
struct nacre_profile;

/** A head bound to its target. The feed writes target and sample_weight. */
typedef struct nacre_bound_head {
  const nacre_head *head;
  nacre_program *program;
  int64_t rows_per_sample, cols;
  int64_t target_cols;   /* per row: cols, or 1 for class indices */
  int64_t target_size;   /* per sample: that of all rows, or less if the loss
                            takes it */
  char *scratch;         /* of the loss, host memory; or NULL */
  int64_t scratch_bytes; /* for each sample, or for the batch */
  real *target;          /* [batch, rows_per_sample, target_cols], device */
  double *sample_weight; /* [batch] host; used when `weighted` */
  bool weighted;
  const real *mask;      /* [batch, rows_per_sample] on the device, or NULL:
                            every row counts */
  double *row_weight;    /* with a mask: of each row, 0 where masked */
  real *y;               /* what the loss reads */
  real *prediction;      /* [batch, rows_per_sample, cols] */
  real *dy;              /* NULL: no gradient */
  double *row_loss, *row_factor; /* [batch * rows_per_sample] */
  nacre_loss_run call;   /* bound: what is the same in every step */
  int64_t scaled_rows;   /* that call.scale is for */
  int32_t bad_target;    /* 1: some tile of this step had one */
  double counted;        /* rows of the last step that the mask left */
  double loss_sum;       /* of the last step: over rows, weighted */
} nacre_bound_head;

struct nacre_program {
  nacre_model *model;
  nacre_layout layout;
  nacre_mode mode;
  int64_t batch_max, batch;
  char *activations, *scratch; /* device memory */
  uint64_t version;            /* of the weights, in the last run */
  bool kept;                   /* the calls are told that these are the same */
  nacre_step *step;
  int n_steps, n_forward;
  nacre_run *run;              /* one for every vertex call */
  int64_t *times;              /* [n_runs]: samples in one of the model's */
  int n_runs;
  nacre_run **random;          /* those that read run->key */
  int n_random;
  struct nacre_batched {       /* tensors whose dim[0] follows the batch */
    nacre_tensor *tensor;
    int64_t times;             /* that often */
  } *batched;
  int n_batched;
  nacre_bound_head *head;      /* [heads of the graph] */
  nacre_arena *arena;          /* the small things above */
  struct nacre_profile *profile; /* who measures; NULL: nobody */
  /* The first fault of a step. */
  bool faulted;
  int fault_vertex;            /* -1: a loss */
  int fault_head;
  int64_t fault_sample;
  char fault_text[256];
};

/** Lays out a step and binds it. seed keys the streams of random layers. */
int nacre_program_make(nacre_program *, nacre_model *, nacre_mode,
                       int64_t batch_max, uint64_t seed, nacre_error *);
/** Binds a layout made elsewhere for the same mode and batch; it is taken
 *  over, and empty afterwards. */
int nacre_program_bind(nacre_program *, nacre_model *, nacre_mode,
                       nacre_layout *, int64_t batch_max, uint64_t seed,
                       nacre_error *);
void nacre_program_fini(nacre_program *);

/** Says what targets a head will get, per sample: loss_ops->plan() has
 *  accepted them. Fails if the loss wants more memory than there is. */
int nacre_program_bind_target(nacre_program *, int head, const nacre_shape *,
                              nacre_error *);

/** The number of samples in the following steps, 1..batch_max. */
void nacre_program_set_batch(nacre_program *, int64_t batch);
/** The step that random layers draw for. */
void nacre_program_set_step(nacre_program *, int64_t step);
/** Walks the list. Gradients are added to the model's. */
void nacre_program_run(nacre_program *);

/** Where input `index` of the model is to be written: [batch, shape], on the
 *  device. */
real *nacre_program_input(const nacre_program *, int index);
/** The value of an edge after a run. */
real *nacre_program_value(const nacre_program *, int edge);

#endif
