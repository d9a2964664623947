/* SPDX-License-Identifier: MIT */
/* override: settings of the command line. */
#ifndef NACRE_YAML_OVERRIDE_H
#define NACRE_YAML_OVERRIDE_H

#include "tree.h"

/** Applies "key=value", "list+=item" or "~key" to tree->root. Everything
 *  after the first "=" is one YAML value. */
int nacre_override_apply(nacre_tree *, const char *text, nacre_error *);

#endif
