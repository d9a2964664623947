/* SPDX-License-Identifier: MIT */
/* nacre.h: the door for programs that use nacre as a library.
 *
 * Two objects: a model, loaded from a finished run, that predicts on the
 * caller's memory; and a training, made from a config, that can be run whole
 * or step by step. The library never exits, prints or keeps global state;
 * objects of different threads do not share anything. An object belongs to
 * one thread at a time. Link with `pkg-config --libs nacre`.
 *
 * docs/examples/embed.c is a complete program. */
#ifndef NACRE_H
#define NACRE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Problems of one call: every mistake of a config, not only the first.
 *  Made by the caller, filled by calls, reset at the start of each. */
typedef struct nacre_problems nacre_problems;

/** NULL when there is no memory. Caller frees with nacre_problems_free(). */
nacre_problems *nacre_problems_new(void);
void nacre_problems_free(nacre_problems *); /* NULL is allowed */
int nacre_problems_count(const nacre_problems *);
/** Problem `index` as text: "FILE:LINE:COLUMN: error: ..." and, where there
 *  is one, the line with a caret. Borrowed until the next call that is given
 *  this object. */
const char *nacre_problems_text(const nacre_problems *, int index);
/** The exit code that the command line would use: 3 config, 4 plugin, 5 data,
 *  6 model, 7 input or output, 8 memory or limit, 10 diverged; 0 for none. */
int nacre_problems_code(const nacre_problems *);

/** How to set up; zeroes are good defaults. */
typedef struct nacre_options {
  size_t size;             /* sizeof(nacre_options) */
  const char *plugin_path; /* before the usual places; or NULL */
  int64_t threads;         /* 0: as many as there are */
  int64_t batch;           /* most samples at once in predict(); 0: 256 */
} nacre_options;

/** A tensor's place in a model. */
typedef struct nacre_slot_info {
  const char *name;  /* borrowed from the model */
  int64_t dim[6];    /* per sample */
  int rank;
  int64_t count;     /* elements of one sample */
} nacre_slot_info;

/** A trained model. */
typedef struct nacre_network nacre_network;

/** Loads a run directory. NULL on failure, with the reasons in `problems`.
 *  Caller frees with nacre_network_free(). `options` may be NULL. */
nacre_network *nacre_network_load(const char *run, const nacre_options *,
                                  nacre_problems *);
void nacre_network_free(nacre_network *);
int nacre_network_inputs(const nacre_network *);
int nacre_network_outputs(const nacre_network *);
/** 0, or -1 when there is no such input or output. */
int nacre_network_input(const nacre_network *, int index, nacre_slot_info *);
int nacre_network_output(const nacre_network *, int index,
                         nacre_slot_info *);
/** Predicts n samples: inputs[i] is [n, count of input i], outputs[i] gets
 *  [n, count of output i], row-major. Inputs are what the network sees: the
 *  experiment's transforms are not applied. 0, or -1 with problems. */
int nacre_network_predict(nacre_network *, int64_t n,
                          const float *const *inputs, float *const *outputs,
                          nacre_problems *);

/** A training. */
typedef struct nacre_session nacre_session;

/** Loads a config, with `n_overrides` texts "key=value", opens its data and
 *  initialises the model. Caller frees with nacre_session_free(). */
nacre_session *nacre_session_new(const char *config,
                                 const char *const *overrides,
                                 int n_overrides, const nacre_options *,
                                 nacre_problems *);
/** The same from YAML text; relative paths in it start at `dir` (NULL: the
 *  working directory). */
nacre_session *nacre_session_new_text(const char *yaml, const char *dir,
                                      const nacre_options *,
                                      nacre_problems *);
void nacre_session_free(nacre_session *);
/** One step of gradient descent; *loss gets the batch's loss (NULL is
 *  allowed). 0, or -1 with problems. Allocates nothing. */
int nacre_session_step(nacre_session *, double *loss, nacre_problems *);
/** The same, `steps` times; the loop is inside, which pays for networks whose
 *  step takes nanoseconds. *loss is of the last. Stops at the first problem. */
int nacre_session_steps(nacre_session *, int64_t steps, double *loss,
                        nacre_problems *);
/** The whole training, or what is left of it, with validation and callbacks.
 *  Nothing is written. */
int nacre_session_fit(nacre_session *, nacre_problems *);
/** A number of the last epoch that nacre_session_fit() finished, such as
 *  "val/accuracy": 0, or -1 when nothing of that name was logged: steps alone
 *  log nothing, and not every epoch need be validated. */
int nacre_session_value(const nacre_session *, const char *name,
                        double *value);
int64_t nacre_session_epoch(const nacre_session *); /* finished ones */
/** Predicts with the weights as they stand; arrays as for
 *  nacre_network_predict(). */
int nacre_session_predict(nacre_session *, int64_t n,
                          const float *const *inputs, float *const *outputs,
                          nacre_problems *);

/** "0.1.0". */
const char *nacre_version(void);

#ifdef __cplusplus
}
#endif

#endif
