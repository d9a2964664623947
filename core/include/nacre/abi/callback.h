/* SPDX-License-Identifier: MIT */
/* callback: the contract of callbacks: components that watch a training and
 * steer it. They see numbers by name ("loss", "val/accuracy") and may stop,
 * scale the learning rate, remember and restore weights. */
#ifndef NACRE_ABI_CALLBACK_H
#define NACRE_ABI_CALLBACK_H

#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Events, also as bits of nacre_callback_ops.flags: 1u << event. */
#define NACRE_ON_TRAIN_BEGIN 0
#define NACRE_ON_EPOCH_END 1
#define NACRE_ON_TRAIN_END 2
#define NACRE_ON_STEP_END 3
/** In place of NACRE_ON_TRAIN_BEGIN where a training goes on from a
 *  checkpoint: the state has the bytes that it had when that was written,
 *  perhaps by a step that is past now, and `epoch` and `step` say where it
 *  was. Handles that the state kept (an open file) are to be made anew, and
 *  values that memory is reached by must be checked: the file may come from
 *  anywhere. What was written after the checkpoint will be written again. */
#define NACRE_ON_RESUME 4

/** The training as a callback sees it. All calls: [main]. */
typedef struct nacre_training nacre_training;
struct nacre_training {
  uint32_t size, pad;
  int64_t epoch; /* finished epochs: 1 at the end of the first */
  int64_t step;  /* finished updates */
  double loss;   /* of the last step, at NACRE_ON_STEP_END; computed for
                    those alone who ask for that event */
  /** A logged number of this epoch by name: NACRE_OK, or NACRE_ERROR. */
  int (*get)(const nacre_training *, const char *name, double *value);
  /** 1: higher is better, -1: lower is better, for "mode: auto". */
  int (*direction)(const nacre_training *, const char *name);
  /** Ends training after this event. A fault: the run has diverged. */
  void (*stop)(nacre_training *, int32_t diverged, const char *reason);
  double (*learning_rate)(const nacre_training *);
  /** Multiplies the learning rate from the next step on. */
  void (*scale_learning_rate)(nacre_training *, double factor);
  /** Keeps a copy of all weights as the best so far; puts it back. */
  void (*remember)(nacre_training *);
  void (*restore)(nacre_training *);
  /** Writes the weights to NAME.safetensors in the run's checkpoints. Names
   *  that begin with "state-" are the host's own. */
  int (*save)(nacre_training *, const char *name, nacre_fail *);
  int (*remove)(nacre_training *, const char *name);
  /** One line for the user, prefixed by the callback's name. */
  void (*note)(nacre_training *, const char *format, ...) NACRE_PRINTF(2, 3);
  void *host; /* the host's own */
};

typedef struct nacre_callback_ops {
  uint32_t size, flags; /* bits of the events wanted */
  size_t state_size;    /* bytes of private state, zeroed at the start; saved
                           in checkpoints and put back as they were, so no
                           pointers but those made anew at NACRE_ON_RESUME */
  /** [main] The names it will ask for, one by one, NULL at the end: they are
   *  checked before the first step. Optional. */
  const char *(*monitor)(const void *cfg, uint32_t index);
  /** [main] */
  int (*event)(int32_t event, const void *cfg, void *state, nacre_training *,
               nacre_fail *);
} nacre_callback_ops;

#ifdef __cplusplus
}
#endif

#endif
