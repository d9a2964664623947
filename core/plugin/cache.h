/* SPDX-License-Identifier: MIT */
/* cache: what scans found, kept as text from run to run.
 *
 * There is one cache per directory of the search path. An installed
 * directory may bring its own, named NACRE_CACHE_SHIPPED; else it is in the
 * user's cache directory. A damaged or outdated cache is as good as none. */
#ifndef NACRE_PLUGIN_CACHE_H
#define NACRE_PLUGIN_CACHE_H

#include "found.h"

#define NACRE_CACHE_SHIPPED "registry-cache"

typedef struct nacre_cache {
  nacre_found *file; /* [count], by name */
  int count;
  bool shipped;
} nacre_cache;

/** Reads a cache; an empty one if there is none that can be used. All of it
 *  lives in the arena. */
void nacre_cache_read(nacre_arena *, const char *path, bool shipped,
                      nacre_cache *);
/** What is known of a file in this state, or NULL. Installing a file changes
 *  its device and inode and may round its time to seconds, so those of a
 *  shipped cache may differ by that. */
const nacre_found *nacre_cache_find(const nacre_cache *, const char *file,
                                    const nacre_stamp *);
/** Writes a cache of these files, those refused in passing left out. */
int nacre_cache_write(const char *path, nacre_found *const *files, int n,
                      nacre_error *);
/** The user's cache for a directory; NULL: there is no place for one. Lives
 *  in the arena. */
const char *nacre_cache_path(nacre_arena *, const char *directory);

#endif
