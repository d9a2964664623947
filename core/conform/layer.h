/* SPDX-License-Identifier: MIT */
/* layer: a layer under test: what plan() answered, buffers bound to it, and
 * runs of forward and backward as a host would make them. */
#ifndef NACRE_CONFORM_LAYER_H
#define NACRE_CONFORM_LAYER_H

#include "candidates.h"
#include "values.h"

#define NACRE_LAYER_INPUTS 4
#define NACRE_LAYER_OUTPUTS 8
#define NACRE_LAYER_WEIGHTS 32
#define NACRE_LAYER_CASES 48
#define NACRE_LAYER_MARGIN 64 /* bytes on both sides of a buffer */

/** A configuration with input shapes that plan() accepts. */
typedef struct nacre_layer_case {
  const char *text; /* "{units: 3} on [3, 5]" */
  const char *map;  /* the configuration alone */
  const void *cfg;
  uint32_t n_inputs;
  nacre_shape input[NACRE_LAYER_INPUTS]; /* per sample */
  uint32_t masked; /* bit i: input i comes with a mask of its steps */
  uint32_t tokens; /* bit 0: input 0 comes with the tokens of its rows */
  int64_t whole; /* inputs are whole numbers below this; 0: any reals */
  bool mixes;    /* rows of a batch may influence each other */
} nacre_layer_case;

/** What plan() said. Zeroed where it said nothing, so that two answers can
 *  be compared as bytes. */
typedef struct nacre_layer_answer {
  int64_t fan_in[NACRE_LAYER_WEIGHTS], fan_out[NACRE_LAYER_WEIGHTS];
  nacre_shape output[NACRE_LAYER_OUTPUTS];
  nacre_shape weight[NACRE_LAYER_WEIGHTS];
  nacre_shape saved[NACRE_SLOT_MAX], scratch[NACRE_SLOT_MAX];
  nacre_shape mask;
  uint32_t has_mask;
  uint32_t has_weight[NACRE_LAYER_WEIGHTS]; /* 0 or 1 */
  uint32_t has_saved[NACRE_SLOT_MAX], has_scratch[NACRE_SLOT_MAX];
  uint32_t saved_flags[NACRE_SLOT_MAX], scratch_flags[NACRE_SLOT_MAX];
  double flops;
  int32_t status, calls; /* calls of the plan's ops that may fail */
  uint32_t n_outputs, needs;
  char reason[256]; /* of a refusal */
  char misuse[128]; /* of the ops: an index twice, a rank too large */
} nacre_layer_answer;

/** Asks plan(); the `failing`-th fallible op (from 0; -1: none) fails. */
void nacre_layer_ask(nacre_suite *, const nacre_layer_case *, int64_t batch,
                     int failing, nacre_layer_answer *);
/** The same, going on to create() with `self`; NULL without create(). */
int nacre_layer_create(nacre_suite *, const nacre_layer_case *,
                       int64_t batch, void **self);

/** Finds cases; reports when there is none. Returns how many. */
int nacre_layer_cases(nacre_suite *, nacre_layer_case *out);
/** Those of the component's own file, if it has one. */
int nacre_layer_sidecar(nacre_suite *, int max, nacre_layer_case *out);

/** A buffer with a margin on both sides. */
typedef struct nacre_layer_buffer {
  const char *name; /* "din[1]", "dweight kernel" */
  unsigned char *block;
  real *data;    /* NULL: the layer has none */
  real *kept;    /* what it is filled with before a run; of an output, what
                    forward left in it; or NULL */
  int64_t count; /* reals */
} nacre_layer_buffer;

/** A case with all that forward and backward need. */
typedef struct nacre_layer_bound {
  nacre_suite *suite;
  const nacre_layer_ops *ops;
  const nacre_layer_case *at;
  nacre_layer_answer plan;
  int64_t room; /* the batch that was planned */
  void *self;
  nacre_layer_buffer in[NACRE_LAYER_INPUTS], din[NACRE_LAYER_INPUTS];
  nacre_layer_buffer mask[NACRE_LAYER_INPUTS], out_mask;
  nacre_layer_buffer tokens; /* of input 0 */
  nacre_layer_buffer out[NACRE_LAYER_OUTPUTS], dout[NACRE_LAYER_OUTPUTS];
  nacre_layer_buffer weight[NACRE_LAYER_WEIGHTS];
  nacre_layer_buffer dweight[NACRE_LAYER_WEIGHTS];
  nacre_layer_buffer saved[NACRE_SLOT_MAX], scratch[NACRE_SLOT_MAX];
  uint64_t allocated; /* allocations during forward and backward */
  bool faulted;
  char fault[160];
} nacre_layer_bound;

/** How to run. */
typedef struct nacre_layer_how {
  nacre_suite_device *device;
  const nacre_activation *epilogue;
  bool residual;               /* what is added: what dout[0] begins with */
  int64_t batch;
  uint64_t no_din, no_dweight; /* bits of gradients that are not wanted */
  uint32_t flags;              /* NACRE_RUN_... */
  uint32_t tag;                /* of the key */
  bool in_place;               /* out[0] is in[0] and din[0] dout[0] */
  bool backward;               /* after forward */
} nacre_layer_how;

/** Binds a case for batches up to `room`; values are drawn. NULL: memory,
 *  or create() refused. Freed with _unbind(), memory with the suite. */
nacre_layer_bound *nacre_layer_bind(nacre_suite *, const nacre_layer_case *,
                                    int64_t room);
/** The same with create() asked for batches of `made`, which are fewer. */
nacre_layer_bound *nacre_layer_bind_fewer(nacre_suite *,
                                          const nacre_layer_case *,
                                          int64_t room, int64_t made);
void nacre_layer_unbind(nacre_layer_bound *);
/** Gives `to` the inputs, weights and output gradients of `from`; its row i
 *  is row order[i] there (NULL: i). */
void nacre_layer_take_values(nacre_layer_bound *to,
                             const nacre_layer_bound *from,
                             const int64_t *order);

/** Puts row i of `from` at place[i] of `to`, and zeros into every other row
 *  of `to`'s output gradients. */
void nacre_layer_scatter(nacre_layer_bound *to, const nacre_layer_bound *from,
                         const int64_t *place, int64_t n);

/** Fills inputs and weights anew, poisons the rest and runs forward. */
void nacre_layer_forward(nacre_layer_bound *, const nacre_layer_how *);
/** Forward, and backward if `how` says so. What any run must keep to is
 *  checked: margins, rows beyond the batch, inputs and weights unchanged,
 *  everything written. */
void nacre_layer_run(nacre_layer_bound *, const nacre_layer_how *);

/** Outputs, state, input gradients and weight gradients of the last run as
 *  one vector in the arena; `n` is its length. NULL: memory. */
real *nacre_layer_results(const nacre_layer_bound *, const nacre_layer_how *,
                          int64_t *n);
/** The same of a larger batch, as if its rows place[0..how->batch) were all
 *  there are. */
real *nacre_layer_gather(const nacre_layer_bound *,
                         const nacre_layer_how *how, const int64_t *place,
                         int64_t *n);
/** Checks that two such vectors differ by no more than `tolerance` (0: not in
 *  a bit); what is said names the number where they part. Either may be NULL:
 *  memory. */
void nacre_layer_same(const char *check, const nacre_layer_bound *,
                      const nacre_layer_how *, int64_t n, const real *expected,
                      const real *got, double tolerance, const char *what);
/** Which number of that vector `index` is: "din[0] 14". */
const char *nacre_layer_result_name(const nacre_layer_bound *,
                                    const nacre_layer_how *, int64_t index);

/** The mask of an input of this shape: its steps, [dim 0]. */
nacre_shape nacre_layer_mask(const nacre_shape *input);
/** The tokens of an input of this shape: all axes but the last. */
nacre_shape nacre_layer_places(const nacre_shape *input);
/** Reals of one row of a per-sample shape. */
int64_t nacre_layer_row(const nacre_shape *);
const nacre_weight *nacre_layer_weight(const nacre_layer_ops *, uint32_t i);
bool nacre_layer_is_state(const nacre_layer_ops *, uint32_t i);
/** Reals of weight i that belong to one sample of the batch: a state that is
 *  carried from batch to batch. 0: it belongs to none. */
int64_t nacre_layer_carried(const nacre_layer_bound *, uint32_t i);

/** Rows that were looked up: of who gives them, and of who makes use of it. */
void nacre_layer_tokens(nacre_suite *, const nacre_layer_case *,
                        const nacre_layer_how *);
/** What is kept from one forward in inference to the next. */
void nacre_layer_kept(nacre_suite *, const nacre_layer_case *);
/** Backward against central differences. */
void nacre_layer_gradient(nacre_suite *, const nacre_layer_case *);
/** The table of its functions; false: nothing else can be tried. */
bool nacre_layer_table(nacre_suite *);
/** All checks of a layer. */
void nacre_layer_check(nacre_suite *);

#endif
