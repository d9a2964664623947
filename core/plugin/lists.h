/* SPDX-License-Identifier: MIT */
/* lists: nodes to lists, maps of texts, and arrays. */
#ifndef NACRE_PLUGIN_LISTS_H
#define NACRE_PLUGIN_LISTS_H

#include "values.h"

/** Reads the types that hold several values. */
int nacre_list_read(const nacre_fill *, const nacre_param *param,
                    const nacre_node *node, void *field);

/* Single values, of values.c, for the elements. */
int nacre_value_float(const nacre_fill *, const nacre_param *,
                      const nacre_node *, double *);
int nacre_value_int(const nacre_fill *, const nacre_param *,
                    const nacre_node *, int64_t *);
int nacre_value_text(const nacre_fill *, const nacre_param *,
                     const nacre_node *, const char **);
/** Reports "expected ..., got ..." at a node. Returns NACRE_ERROR. */
int nacre_value_refuse(const nacre_fill *, const nacre_param *,
                       const nacre_node *, const char *expected);

#endif
