/* SPDX-License-Identifier: MIT */
/* catalog: what a registry holds; for registry.c, which fills it, and
 * lookup.c, which is asked. */
#ifndef NACRE_PLUGIN_CATALOG_H
#define NACRE_PLUGIN_CATALOG_H

#include "found.h"
#include "host.h"
#include "registry.h"
#include "search.h"

/** One directory of the search path. */
typedef struct nacre_catalog_dir {
  const char *path;
  nacre_search_list list;
} nacre_catalog_dir;

/** One plugin file that was not refused. */
typedef struct nacre_plugin {
  const char *path;
  const char *key;            /* folder and file name: the first one on the
                                 path wins; NULL: linked in */
  const nacre_found *found;
  const nacre_module *module; /* NULL: not loaded yet */
  const char *reason;         /* NULL, or why it could not be loaded */
} nacre_plugin;

/** One component of one plugin. */
typedef struct nacre_entry_of {
  nacre_provider provider;
  const nacre_found_component *found;
  int plugin;
  uint32_t index; /* in its module */
} nacre_entry_of;

struct nacre_registry {
  nacre_arena *arena; /* all strings */
  nacre_host host;
  nacre_catalog_dir *dir;
  nacre_plugin *plugin;
  nacre_entry_of *entry;
  nacre_refusal *refusal;
  int n_dirs;
  int n_plugins, room_plugins;
  int n_entries, room_entries;
  int n_refusals, room_refusals;
};

/** Lists a file as refused; both strings live as long as the registry. */
int nacre_catalog_refuse(nacre_registry *, const char *file,
                         const char *reason);

#endif
