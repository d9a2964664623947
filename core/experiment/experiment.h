/* SPDX-License-Identifier: MIT */
/* experiment: a config, checked as a whole and made into components.
 *
 * Loading reports every mistake of the file at once. Data are only opened by
 * nacre_samples_open(), since a check must be quick; what only they can
 * show (an input shape that the YAML leaves out, the shape of targets) is
 * checked there. */
#ifndef NACRE_EXPERIMENT_EXPERIMENT_H
#define NACRE_EXPERIMENT_EXPERIMENT_H

#include "graph/graph.h"
#include "run/pipe.h"
#include "run/measure.h"
#include "run/optimize.h"

/** `train.checkpoint`: how often a training's whole state is saved. */
typedef struct nacre_checkpoint_cfg {
  nacre_duration every;
  int64_t keep;
  bool used;               /* false: at interruptions alone */
} nacre_checkpoint_cfg;

/** `train:`. */
typedef struct nacre_train_cfg {
  int64_t epochs;
  int64_t batch_size;      /* INT64_MIN: given under data, or 32 */
  int64_t steps_per_epoch; /* INT64_MIN: all of the data */
  bool shuffle, drop_remainder;
  int64_t validation_frequency;
  nacre_checkpoint_cfg checkpoint;
} nacre_train_cfg;

/** `memory:`. */
#define NACRE_RECOMPUTE_NEVER 0
#define NACRE_RECOMPUTE_AUTO 1
#define NACRE_RECOMPUTE_ALWAYS 2
typedef struct nacre_memory_cfg {
  int64_t limit;           /* bytes; 0: none */
  const nacre_node *node;  /* where that is said; or NULL */
  nacre_enum recompute;
} nacre_memory_cfg;

/** Weights that a finished training leaves behind. */
#define NACRE_FINAL_LAST 0
#define NACRE_FINAL_BEST 1

/** Where the validation or test samples come from. */
typedef struct nacre_part_cfg {
  nacre_node *node;      /* NULL: there is none */
  nacre_choice source;   /* component NULL: taken from the training set */
  nacre_split_cfg split;
} nacre_part_cfg;

typedef struct nacre_experiment {
  nacre_registry *registry; /* borrowed */
  nacre_params_ctx ctx;
  nacre_tree *tree;         /* owns all that the config says */
  nacre_error *error;       /* borrowed */
  const char *name, *device;
  uint64_t seed;
  nacre_node *model, *loss;
  bool built;               /* the graph's outputs are known */
  bool planned;             /* and its shapes, losses and metrics */
  nacre_graph graph;
  nacre_optimizer_cfg optimizer;
  nacre_metric_cfg *metric;
  int n_metrics;
  bool has_data;
  nacre_part_cfg train_data, validation, test;
  nacre_transform *transform; /* `transform:`, then `augment:` */
  int n_transforms;
  const nacre_transform *mixer; /* the last of them, which mix samples */
  int n_mixers;
  int64_t workers, prefetch;  /* INT64_MIN: what suits the data */
  nacre_train_cfg train;
  nacre_memory_cfg memory;
  int64_t batch_size;
  nacre_choice *callback;
  int n_callbacks;
  nacre_enum final_weights;
} nacre_experiment;

/** Loads from a file (or, with `text`, from text called `path`), with
 *  overrides. On failure every mistake is in `error`, and the experiment
 *  need only be freed. Caller frees with _free(). */
int nacre_experiment_load(nacre_experiment *, nacre_registry *,
                          const char *path, const nacre_bytes *text,
                          const char *dir, const char *const *more,
                          int n_more, const char *const *overrides,
                          int n_overrides, nacre_error *);
void nacre_experiment_free(nacre_experiment *);

/** Builds and checks the graph, with `input` for a model that leaves out its
 *  input's shape (NULL: it must not). load() has done so when it could. */
int nacre_experiment_plan(nacre_experiment *, const nacre_shape *input);

/** Whether a number of this name ("loss", "val/accuracy") will be logged, for
 *  checking monitors. The model must be built. */
bool nacre_experiment_logs(const nacre_experiment *, const char *name);

#endif
