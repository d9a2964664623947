/* SPDX-License-Identifier: MIT */
/* dylib: the only dlopen() in the house. */
#ifndef NACRE_PLUGIN_DYLIB_H
#define NACRE_PLUGIN_DYLIB_H

#include <nacre/plugin.h>
#include <stdbool.h>
#include <stddef.h>

/** The exported function of a plugin. */
typedef const nacre_module *(*nacre_entry)(void);

/** Loads the shared object at an absolute path for the life of the process
 *  and finds its entry, without calling it: constructors have run when this
 *  returns. NULL with one line about why in reason[room]; `*passing` then
 *  says whether the cause may be outside the file: a library that is not
 *  installed, or is too old. [main] */
nacre_entry nacre_dylib_open(const char *path, char *reason, size_t room,
                             bool *passing);

#endif
