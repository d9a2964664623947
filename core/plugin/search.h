/* SPDX-License-Identifier: MIT */
/* search: where plugins are looked for, and which files are there. */
#ifndef NACRE_PLUGIN_SEARCH_H
#define NACRE_PLUGIN_SEARCH_H

#include "found.h"
#include "registry.h"

/** One component of the search path, as somebody wrote it. */
typedef struct nacre_search_place {
  const char *path;
  bool asked; /* by the user, who wants to hear if it is not there */
} nacre_search_place;

/** The whole path, first to last, in `out` (at most `room`), all strings in
 *  the arena. Returns their number; what does not fit is left out. */
int nacre_search_path(nacre_arena *, const nacre_registry_options *,
                      nacre_search_place *out, int room);

/** Plugin files below one directory: *.so in it, in its subdirectories and
 *  in a libtool build tree's .libs of either; sorted by name. */
typedef struct nacre_search_list {
  nacre_found **file; /* [count]; only file, stamp and, if it cannot be
                         trusted, reason and passing are set */
  int count, room;
} nacre_search_list;

/** Fills the list. The caller frees list->file with nacre_free(). A
 *  directory that is refused is listed as a file "" with the reason. */
void nacre_search_files(nacre_arena *, const nacre_search_place *,
                        nacre_search_list *);
/** The state of one file; NULL, or why it is not to be trusted. */
const char *nacre_search_stamp(const char *path, nacre_stamp *);

/** Environment variables; NULL in a set-user-ID program. */
const char *nacre_search_env(const char *name);

#endif
