/* SPDX-License-Identifier: MIT */
/* load: one plugin that is known becomes one that is loaded. */
#ifndef NACRE_PLUGIN_LOAD_H
#define NACRE_PLUGIN_LOAD_H

#include "found.h"

/** Loads the file at an absolute path, which must be in the state that was
 *  found, checks everything again and runs its init(). NULL: `reason` says
 *  why, in one line. [main] */
const nacre_module *nacre_load(const char *path, const nacre_found *,
                               const nacre_host *, char *reason,
                               size_t room);
/** Verifies and starts a module that is linked in. */
bool nacre_load_start(const nacre_module *, const nacre_host *, char *reason,
                      size_t room);

/** Component `i` of a module. */
const nacre_component *nacre_load_component(const nacre_module *, uint32_t i);

#endif
