/* SPDX-License-Identifier: MIT */
/* registry: which components there are, and which one a name means.
 *
 * Opening a registry reads the caches of the directories on the search path
 * (scanning what is new in a helper process); no plugin is loaded until a
 * component of it is asked for, and none is ever unloaded. */
#ifndef NACRE_PLUGIN_REGISTRY_H
#define NACRE_PLUGIN_REGISTRY_H

#include "base/error.h"
#include <nacre/plugin.h>

typedef struct nacre_registry nacre_registry;

typedef struct nacre_registry_options {
  const char *plugin_path; /* --plugin-path: colon-separated; or NULL */
  bool rescan;             /* try refused files again, ignore caches */
  bool no_cache_write;
} nacre_registry_options;

/** Never fails for the sake of one plugin: refused ones are listed. NULL
 *  only for lack of memory. Caller frees with _free(); components handed out
 *  stay valid for the life of the process. */
nacre_registry *nacre_registry_open(const nacre_registry_options *,
                                    nacre_error *);
void nacre_registry_free(nacre_registry *);

/** What is known of one provider without loading it. */
typedef struct nacre_provider {
  uint32_t kind;
  int32_t rank;
  const char *name, *aliases, *device, *summary; /* aliases, device or NULL */
  const char *module, *version, *file;           /* file: absolute path */
} nacre_provider;

/** A file that was refused, and why. */
typedef struct nacre_refusal {
  const char *file, *reason;
} nacre_refusal;

int nacre_registry_count(const nacre_registry *);
const nacre_provider *nacre_registry_at(const nacre_registry *, int);
int nacre_registry_refusals(const nacre_registry *);
const nacre_refusal *nacre_registry_refusal(const nacre_registry *, int);

/** The component of a kind called `name`: a name, an alias, or
 *  "module/name"; for computing on `device` (NULL: any). Loads its plugin.
 *  Asks the `nth` best provider by rank (0: the best), so that callers can
 *  go on after NACRE_DECLINE. NULL when there is none, without a problem;
 *  NULL with a problem in `error` when it could not be loaded. */
const nacre_component *nacre_registry_find(nacre_registry *, uint32_t kind,
                                           const char *name,
                                           const char *device, int nth,
                                           nacre_error *);
/** The i-th component of a kind that can be loaded, by falling rank, of
 *  equals by name; NULL: there are no more. */
const nacre_component *nacre_registry_ranked(nacre_registry *, uint32_t kind,
                                             uint32_t i);
/** The provider behind a loaded component; NULL if it is not ours. */
const nacre_provider *nacre_registry_provider(const nacre_registry *,
                                              const nacre_component *);
/** The module behind a loaded component, for who made it; NULL if it is not
 *  ours. */
const nacre_module *nacre_registry_module(const nacre_registry *,
                                          const nacre_component *);
/** Whether any provider has this kind and name, without loading it. */
bool nacre_registry_has(const nacre_registry *, uint32_t kind,
                        const char *name);
/** The known name of a kind nearest to a mistyped one, or NULL. */
const char *nacre_registry_nearest(const nacre_registry *, uint32_t kind,
                                   const char *name);
/** Why the plugin that by its file's name would provide this was refused;
 *  NULL if there is no such file. For messages about unknown names. */
const char *nacre_registry_refused_for(const nacre_registry *, uint32_t kind,
                                       const char *name);
/** Writes `dir`/registry-cache, for a directory on the search path, so that
 *  an installed directory brings what a scan of it finds. */
int nacre_registry_ship(nacre_registry *, const char *dir, nacre_error *);
/** "layer" for NACRE_KIND_LAYER; folder is its plural, "layers". */
const char *nacre_kind_name(uint32_t kind);
const char *nacre_kind_folder(uint32_t kind);
uint32_t nacre_kind_from_name(const char *); /* 0: none; takes plurals too */

/** The services that plugins get. Lives for the life of the registry. */
const nacre_host *nacre_registry_host(nacre_registry *);

#endif
