/* SPDX-License-Identifier: MIT */
/* scan: what is in plugin files that nobody has looked into yet. */
#ifndef NACRE_PLUGIN_SCAN_H
#define NACRE_PLUGIN_SCAN_H

#include "found.h"

/** How long one file may take to load. */
#define NACRE_SCAN_SECONDS 5.0

/** One file to look into. */
typedef struct nacre_scan_job {
  const char *path;   /* absolute */
  nacre_found *found; /* filled: description or refusal */
} nacre_scan_job;

/** Loads each file in a helper process, verifies it and fills in what was
 *  found; whatever a file does there is a refusal with a reason. [main]
 *
 *  The helper is a fork() of this process without an exec(): a library does
 *  not know the path of a program of its own. A child of a process with
 *  threads inherits only the calling one, and locks that others held stay
 *  locked; glibc looks after malloc's, and should another thread be inside
 *  dlopen() at that very moment, the time limit ends the wait. */
void nacre_scan(nacre_arena *, const nacre_scan_job *jobs, int n,
                double seconds);

#endif
