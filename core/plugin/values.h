/* SPDX-License-Identifier: MIT */
/* values: one node of the tree to one field of a config struct. */
#ifndef NACRE_PLUGIN_VALUES_H
#define NACRE_PLUGIN_VALUES_H

#include "params.h"

/* A default may name a component whose own default names another; a circle
 * of such defaults ends here. */
#define NACRE_FILL_DEPTH 8

/** On whose behalf values are read. */
typedef struct nacre_fill {
  nacre_params_ctx *ctx;
  const char *what;       /* the owner: "layer 'dense'" */
  bool implied;           /* nobody wrote these values: they are defaults */
  const nacre_node *near; /* the place of problems, when implied; or NULL */
  int depth;
} nacre_fill;

/** A problem at `node`, or, for implied values, at what implied them. */
int nacre_fill_report(const nacre_fill *, const nacre_node *node,
                      const char *format, ...) NACRE_PRINTF(3, 4);

/** Reads `node` into `field`, of the type and in the range of `param`.
 *  With ctx->registry NULL references are left alone. */
int nacre_value_read(const nacre_fill *, const nacre_param *param,
                     nacre_node *node, void *field);
/** Reads the default of a parameter that has one. */
int nacre_value_default(const nacre_fill *, const nacre_param *param,
                        void *field);
/** Whether the default is null, so that a config may say null too. */
bool nacre_value_nullable(const nacre_param *param);
/** Size of a field of a type; 0 for an unknown type. */
size_t nacre_value_size(uint32_t type);

/** Parameter `i` of a table. */
const nacre_param *nacre_params_at(nacre_span params, uint32_t i);

/** nacre_choose() for values that may be implied. */
int nacre_fill_choose(const nacre_fill *, uint32_t kind, nacre_node *node,
                      const char *const *universal, bool keep_unknown,
                      nacre_choice *out);
/** Whether there is the component that `node` names; its parameters are not
 *  read. */
int nacre_fill_known(const nacre_fill *, uint32_t kind, nacre_node *node);

#endif
