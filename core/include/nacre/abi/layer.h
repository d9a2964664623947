/* SPDX-License-Identifier: MIT */
/* layer: the contract of layers.
 *
 * plan() says, from shapes and configuration alone, what a layer gives and
 * needs; the host then owns every buffer and calls forward and backward with
 * all of them bound. See docs/plugins.md for a complete one. */
#ifndef NACRE_ABI_LAYER_H
#define NACRE_ABI_LAYER_H

#include "math.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Flags of nacre_layer_ops. */
#define NACRE_LAYER_NEED_X 1u    /* backward reads in[] */
#define NACRE_LAYER_NEED_Y 2u    /* backward reads out[] */
#define NACRE_LAYER_INPLACE 4u   /* out[0] may be in[0], din[0] dout[0] */
#define NACRE_LAYER_EPILOGUE 8u  /* forward applies run->epilogue to out[0] */
#define NACRE_LAYER_VIEW 16u     /* out[0] is in[0] in another shape: no
                                    forward, no backward */
#define NACRE_LAYER_RANDOM 32u   /* reads run->key */
#define NACRE_LAYER_TRAINING 64u /* acts in training only; elsewhere a view */
#define NACRE_LAYER_MASK_PASS 128u /* the steps of out[0] are those of its
                                      inputs: it has their mask */
#define NACRE_LAYER_MASK_READ 256u /* reads run->mask */
#define NACRE_LAYER_REPEAT 512u  /* has STATE weights and heeds
                                    NACRE_RUN_RECOMPUTE */
#define NACRE_LAYER_ALLOCATES 1024u /* forward and backward call a library
                                       that takes memory from the heap, and
                                       cannot be kept from it; a call that
                                       gets none is reported by fault() */
#define NACRE_LAYER_SUM 2048u /* out[0] is the sum of its inputs, which have
                                 its shape */
#define NACRE_LAYER_RESIDUAL 4096u /* forward adds run->residual to out[0],
                                      before the epilogue */
#define NACRE_LAYER_LOOKUP 8192u /* out[0] has one axis more than in[0], a row
                                    for each number there: the same for equal
                                    numbers. Of dout[0], backward uses but the
                                    sums of the rows of equal numbers */
#define NACRE_LAYER_TOKENS 16384u /* makes use of run->tokens */

/** A tensor that a layer keeps between steps, in the static table of its
 *  ops. The name gives the YAML keys NAME_initializer, NAME_regularizer and
 *  NAME_constraint, which the host handles for every layer. */
typedef struct nacre_weight {
  const char *name;        /* "kernel" */
  const char *initializer; /* default, "glorot_uniform" */
  const char *doc;
  uint32_t flags, pad;
} nacre_weight;

#define NACRE_WEIGHT_STATE 1u /* not trained: a running mean; no gradient */
#define NACRE_WEIGHT_CARRY 2u /* a STATE that lasts from batch to batch only:
                                 zero at the start of every pass over data,
                                 and in no file. A shape that begins with
                                 plan->batch is good for any batch */

#define NACRE_OUTPUT_MAX 8    /* outputs */
#define NACRE_SLOT_MAX 12     /* saved tensors, and scratch tensors */
#define NACRE_PER_SAMPLE 1u   /* the host puts the batch axis in front */
#define NACRE_KEPT 2u         /* of a scratch tensor: see NACRE_RUN_KEPT */

typedef struct nacre_plan nacre_plan;

/** What plan() may call. Each returns NACRE_OK or NACRE_ERROR; after an
 *  error the layer returns NACRE_ERROR. */
typedef struct nacre_plan_ops {
  uint32_t size, pad;
  /** Appends an output, shape per sample. Copied. */
  int (*output)(nacre_plan *, const nacre_shape *);
  /** Uses weight `index` of the table, with this whole shape. The fans go to
   *  the initializer: numbers of inputs and outputs of one unit. */
  int (*weight)(nacre_plan *, uint32_t index, const nacre_shape *,
                int64_t fan_in, int64_t fan_out);
  /** Keeps saved tensor `slot` from forward to backward. */
  int (*saved)(nacre_plan *, uint32_t slot, const nacre_shape *,
               uint32_t flags);
  /** Room of its own during one forward or backward; contents undefined, but
   *  see NACRE_RUN_KEPT. */
  int (*scratch)(nacre_plan *, uint32_t slot, const nacre_shape *,
                 uint32_t flags);
  /** Floating-point operations of a forward pass over one sample. */
  void (*flops)(nacre_plan *, double forward);
  /** Says why it cannot be; returns NACRE_ERROR. One line. Copied. */
  int (*refuse)(nacre_plan *, const char *format, ...) NACRE_PRINTF(2, 3);
  /** Gives out[0] a mask of its own, shape per sample ([steps]), which
   *  forward writes to run->out_mask. */
  int (*mask)(nacre_plan *, const nacre_shape *);
  /** Elements first .. first+n-1 of weight `index`, which has been asked for,
   *  start at `value`, whatever the initializer gave. One range a weight. */
  int (*start)(nacre_plan *, uint32_t index, int64_t first, int64_t n,
               double value);
} nacre_plan_ops;

struct nacre_plan {
  uint32_t size, n_inputs;
  const nacre_plan_ops *ops;
  const void *cfg;          /* the component's config struct, filled */
  const nacre_shape *input; /* [n_inputs], per sample */
  int64_t batch;            /* the largest batch that will be run */
  uint32_t needs;           /* flags NEED_X, NEED_Y; plan() may change them */
  uint32_t masked;          /* with MASK_READ: bit i is set when input i has
                               a mask */
  uint32_t tokens;          /* with TOKENS: bit i is set when input i comes
                               with its tokens */
  uint32_t pad;
};

typedef struct nacre_run nacre_run;

#define NACRE_RUN_TRAINING 1u
#define NACRE_RUN_FROZEN 2u /* the layer is `trainable: false` */
/** To save memory, forward is called a second time in a step, before
 *  backward: it writes out[] and saved[] to the same bits as the first time,
 *  from the same input and key, and leaves STATE weights as they are. A layer
 *  with such weights is only called so if it says NACRE_LAYER_REPEAT; the
 *  others need not look at this. */
#define NACRE_RUN_RECOMPUTE 4u
/** Weights but for STATEs are what they were when forward was called last, and
 *  scratch of NACRE_KEPT holds what that call left there: what it prepared from
 *  weights alone is still good, for a batch of any size. Such scratch is the
 *  layer's own, and takes memory; the host gives it where it pays, in inference
 *  on few samples. */
#define NACRE_RUN_KEPT 8u

/** One bound call. Arrays are indexed as in the plan; tensors of a kind
 *  that were not asked for have data NULL. */
struct nacre_run {
  uint32_t size, flags;
  const nacre_math *math;
  const void *cfg;
  void *self; /* from create() */
  int64_t batch;
  uint32_t n_inputs, n_outputs;
  const nacre_tensor *in;             /* [n_inputs] */
  const nacre_tensor *out;            /* [n_outputs] */
  const nacre_tensor *din;            /* [n_inputs], written by backward */
  const nacre_tensor *dout;           /* [n_outputs], read by backward */
  const nacre_tensor *weight;         /* [weights of the table] */
  const nacre_tensor *dweight;        /* the same; added to by backward */
  const nacre_tensor *saved;          /* [NACRE_SLOT_MAX] */
  const nacre_tensor *scratch;        /* [NACRE_SLOT_MAX] */
  const nacre_activation *epilogue;   /* NULL: none */
  nacre_key key;                      /* this layer's stream in this step */
  /** Reports what only the data can show, such as an index out of range.
   *  `sample` counts within the batch. The first report of a step counts. */
  void (*fault)(nacre_run *, int64_t sample, const char *format, ...)
    NACRE_PRINTF(3, 4);
  void *host; /* the host's own */
  /** With MASK_READ: of each input, [batch, steps], 1 for a step that counts
   *  and 0 for padding; data NULL: every step counts. A mask has no
   *  gradient. */
  const nacre_tensor *mask;     /* [n_inputs] */
  const nacre_tensor *out_mask; /* of out[0], if plan() announced one */
  /** With RESIDUAL: what a sum behind the layer would have added to out[0],
   *  of its shape; or NULL. Its gradient, dout[0], is the host's affair. */
  const nacre_tensor *residual;
  /** With TOKENS: of each input that a LOOKUP gave, the numbers that its rows
   *  were looked up by, [batch, ...]; of others data NULL. Rows with equal
   *  numbers are equal, bit for bit, so that what they give need be computed
   *  but once; and of din, only the sum over such rows counts: it may stand
   *  in any of them, and 0 in the others. */
  const nacre_tensor *tokens;   /* [n_inputs] */
};

typedef struct nacre_expand nacre_expand;

/** What expand() may call. A handle is a number: inputs of the composite are
 *  0..n_inputs-1; each call returns the next, or NACRE_ERROR, after which
 *  expand() returns NACRE_ERROR. `name` goes behind the composite's; NULL is
 *  for the last call and makes its layer the result. */
typedef struct nacre_expand_ops {
  uint32_t size, pad;
  /** A layer inside. `param`: the parameter (a nacre_ref of kind "layer",
   *  whose ops and cfg stay NULL) in which the user describes it, with every
   *  key that a layer may have; or NULL. `set`: a YAML map of keys that are
   *  put over the user's ("{go_backwards: true}"), or NULL. */
  int32_t (*layer)(nacre_expand *, const char *name, const char *param,
                   const char *set, const int32_t *input, uint32_t n);
  /** The first axis of what `input` gives joins the batch: what reads the
   *  result sees more and smaller samples. */
  int32_t (*fold)(nacre_expand *, const char *name, int32_t input);
  /** The axis that joined last is the first one again. */
  int32_t (*unfold)(nacre_expand *, const char *name, int32_t input);
  /** The number that the layer of `param` has for its parameter `key`, by
   *  the user or by default. NACRE_DECLINE: it has none. */
  int (*ask)(nacre_expand *, const char *param, const char *key,
             double *value);
  /** Says why it cannot be; returns NACRE_ERROR. One line. Copied. */
  int (*refuse)(nacre_expand *, const char *format, ...) NACRE_PRINTF(2, 3);
} nacre_expand_ops;

struct nacre_expand {
  uint32_t size, n_inputs;
  const nacre_expand_ops *ops;
  const void *cfg; /* the composite's config struct, filled */
};

typedef struct nacre_layer_ops {
  uint32_t size, flags;
  nacre_span weights; /* of nacre_weight */
  uint32_t min_inputs, max_inputs; /* max 0: any number */
  /** [main] Pure: may be called often, with other shapes. NULL only beside
   *  expand(). NACRE_DECLINE, before any call of the plan's: another
   *  provider of the name is asked instead, the next by rank, which has the
   *  same table of weights. */
  int (*plan)(nacre_plan *);
  /** [compute] Never allocates, fails or prints. NULL for a view. */
  void (*forward)(nacre_run *);
  /** [compute] Adds to dweight, writes din; skips those whose data is NULL.
   *  dout has had the epilogue's derivative applied. NULL: not
   *  differentiable, or a view. */
  void (*backward)(nacre_run *);
  /** [main] Optional private state, made after plan(), and maybe for a
   *  smaller batch than that was asked for. */
  int (*create)(const nacre_plan *, void **self);
  void (*destroy)(void *self);
  /** [main] Instead of all of the above, for a layer that is made of others:
   *  names them. Pure. */
  int (*expand)(nacre_expand *);
} nacre_layer_ops;

/* The calls of plan(), as an author writes them. */

static inline int nacre_plan_output(nacre_plan *plan,
                                    const nacre_shape *shape) {
  return plan->ops->output(plan, shape);
}

static inline int nacre_plan_weight(nacre_plan *plan, uint32_t index,
                                    const nacre_shape *shape, int64_t fan_in,
                                    int64_t fan_out) {
  return plan->ops->weight(plan, index, shape, fan_in, fan_out);
}

static inline int nacre_plan_saved(nacre_plan *plan, uint32_t slot,
                                   const nacre_shape *shape, uint32_t flags) {
  return plan->ops->saved(plan, slot, shape, flags);
}

static inline int nacre_plan_scratch(nacre_plan *plan, uint32_t slot,
                                     const nacre_shape *shape,
                                     uint32_t flags) {
  return plan->ops->scratch(plan, slot, shape, flags);
}

static inline int nacre_plan_mask(nacre_plan *plan,
                                  const nacre_shape *shape) {
  return plan->ops->mask(plan, shape);
}

static inline int nacre_plan_start(nacre_plan *plan, uint32_t index,
                                   int64_t first, int64_t n, double value) {
  if (plan->ops->size < offsetof(nacre_plan_ops, start) +
                          sizeof plan->ops->start) {
    return plan->ops->refuse(plan, "this nacre cannot start a part of a "
                             "weight at a value of its own");
  }
  return plan->ops->start(plan, index, first, n, value);
}

static inline void nacre_plan_flops(nacre_plan *plan, double forward) {
  plan->ops->flops(plan, forward);
}

#define nacre_plan_refuse(plan, ...) ((plan)->ops->refuse((plan), __VA_ARGS__))

/** Data of a tensor as reals. */
static inline real *nacre_data(const nacre_tensor *tensor) {
  return (real *)tensor->data;
}

#ifdef __cplusplus
}
#endif

#endif
