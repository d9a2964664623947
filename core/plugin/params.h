/* SPDX-License-Identifier: MIT */
/* params: a parameter table and a node of the tree fill a config struct. */
#ifndef NACRE_PLUGIN_PARAMS_H
#define NACRE_PLUGIN_PARAMS_H

#include "registry.h"
#include "yaml/tree.h"

/** Everything that filling needs. */
typedef struct nacre_params_ctx {
  nacre_registry *registry; /* for references to other components */
  nacre_arena *arena;       /* what the struct points to lives here */
  nacre_error *error;
  const char *device;       /* references prefer this device; NULL: any */
} nacre_params_ctx;

/** Fills `cfg` (cfg_size zeroed bytes) from the children of `map`, defaults
 *  first. `map` NULL or a scalar means all defaults. Marks the keys it knows
 *  used; what stays unused is the caller's to report. All problems are
 *  reported at their node; `what` names the owner in messages ("layer
 *  'dense'"). */
int nacre_params_fill(nacre_params_ctx *, nacre_span params, void *cfg,
                      const char *what, nacre_node *map);
/** Reports each key of `map` that nobody used, with the nearest name out of
 *  the table and `more` (NULL-terminated, may be NULL). */
int nacre_params_unknown(nacre_params_ctx *, nacre_span params,
                         const char *const *more, const char *what,
                         nacre_node *map);

/** A component chosen by a node: "relu", or {type: relu, ...}. */
typedef struct nacre_choice {
  const nacre_component *component;
  void *cfg;        /* in the arena; NULL if the component has no params */
  nacre_node *node; /* where it was chosen */
} nacre_choice;

/** Finds and fills the component of `kind` that `node` names. `universal` is
 *  a NULL-terminated list of keys that the caller handles itself (marked
 *  used by it before the call, or allowed to stay); other unknown keys are
 *  problems. With `keep_unknown` they are left for the caller to report. */
int nacre_choose(nacre_params_ctx *, uint32_t kind, nacre_node *node,
                 const char *const *universal, bool keep_unknown,
                 nacre_choice *out);
/** Chooses again by the node of a choice that was made: the `nth` provider by
 *  rank, where those before it have declined. NACRE_DECLINE, without a
 *  problem: there are no more. */
int nacre_choose_again(nacre_params_ctx *, uint32_t kind, int nth,
                       nacre_choice *);
/** As nacre_choose(), from a name alone, with defaults. `near` gives the
 *  place. */
int nacre_choose_name(nacre_params_ctx *, uint32_t kind, const char *name,
                      const nacre_node *near, nacre_choice *out);

/** "(float > 0, default 0.001)", for hints and inspect. Caller frees with
 *  nacre_free(). */
char *nacre_param_describe(const nacre_param *);
/** "float", "int", "list of ints", "initializer", ... */
const char *nacre_param_type(const nacre_param *);

#endif
