/* SPDX-License-Identifier: MIT */
/* found: what is known of a plugin file without loading it, as a struct and
 * as lines of text. The helper process that scans sends these lines; the
 * caches keep them. */
#ifndef NACRE_PLUGIN_FOUND_H
#define NACRE_PLUGIN_FOUND_H

#include "base/sys.h"
#include "base/text.h"
#include <nacre/plugin.h>

/** Tells one state of a file from another. */
typedef struct nacre_stamp {
  uint64_t device, inode;
  int64_t size, mtime; /* bytes; nanoseconds */
} nacre_stamp;

typedef struct nacre_found_component {
  uint32_t kind, contract;
  int32_t rank;
  uint64_t table; /* fingerprint of the parameter table */
  const char *name, *aliases, *device, *summary; /* aliases, device or NULL */
} nacre_found_component;

/** One file. Strings and components live in the arena of who made it. */
typedef struct nacre_found {
  const char *file;   /* relative to its directory on the search path */
  nacre_stamp stamp;
  const char *reason; /* why it was refused; NULL: it was not */
  bool passing;       /* refused for a reason that is not in the file, such
                         as its owner, or a library that it needs: not to be
                         remembered */
  const char *module, *version;
  nacre_found_component *component; /* [count] */
  int count;
} nacre_found;

/** Takes the description of a module that has been verified. Strings are
 *  borrowed from it. NACRE_ERROR: out of memory. */
int nacre_found_describe(nacre_arena *, const nacre_module *, nacre_found *);
/** Refuses a file; the reason is copied, made one line of printable text. */
void nacre_found_refuse(nacre_arena *, nacre_found *, const char *reason);

/** The lines that say module, components, or the refusal. */
void nacre_found_put(nacre_text *, const nacre_found *);
/** Takes one such line, without its end, which is cut into strings in place.
 *  False: it is damaged. */
bool nacre_found_take(nacre_arena *, nacre_found *, char *line);

/** Whether the lines taken make a whole description, or a refusal. */
bool nacre_found_whole(const nacre_found *);

/** The next field of a line whose fields are separated by tabs; "" when
 *  there is none. */
char *nacre_found_field(char **line);
/** A whole number that fills its field. */
bool nacre_found_number(const char *field, int base, uint64_t *);

#endif
