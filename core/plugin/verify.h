/* SPDX-License-Identifier: MIT */
/* verify: is the description that a module gives of itself one that the host
 * can work with? */
#ifndef NACRE_PLUGIN_VERIFY_H
#define NACRE_PLUGIN_VERIFY_H

#include <nacre/plugin.h>
#include <stdbool.h>
#include <stddef.h>

/** Checks versions, sizes, names, operations and parameter tables. False
 *  with one line about the first flaw in reason[room]. Follows the pointers
 *  of the description, so a damaged file is verified in the helper process
 *  before it is trusted here. */
bool nacre_verify_module(const nacre_module *, char *reason, size_t room);

/** What a verdict on a module depends on: kinds, and the sizes of tables. It
 *  differs between hosts whose contracts do, even within a minor version. */
uint64_t nacre_verify_contract(void);

/** [a-z][a-z0-9_]*, at most 63 characters. */
bool nacre_verify_name(const char *);

/** Checks one component's parameter table (verify_params.c). */
bool nacre_verify_params(const nacre_component *, char *reason, size_t room);

#endif
