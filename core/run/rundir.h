/* SPDX-License-Identifier: MIT */
/* rundir: the directory that a training leaves behind.
 *
 * ROOT/NAME/TIME[-n]/ with config.yaml (resolved, runs by itself), env.json,
 * metrics.jsonl and history.csv (a line for each epoch), metrics.json (the
 * outcome), weights.safetensors and checkpoints/. Never overwritten. */
#ifndef NACRE_RUN_RUNDIR_H
#define NACRE_RUN_RUNDIR_H

#include "base/error.h"
#include "base/sys.h"
#include "base/text.h"

#include <stdio.h>

typedef struct nacre_rundir {
  char *path;
  int lock; /* file descriptor held while a process writes here; -1 */
  int jsonl, csv; /* file descriptors of the logs; -1 */
  int64_t lines; /* epochs logged */
} nacre_rundir;
#define NACRE_RUNDIR_NONE { .lock = -1, .jsonl = -1, .csv = -1 }

/** A logged number. */
typedef struct nacre_log_item {
  const char *name;
  double value;
} nacre_log_item;

/** Makes a new directory below root/name, and locks it. */
int nacre_rundir_create(nacre_rundir *, const char *root, const char *name,
                        nacre_error *);
/** Opens one that an earlier process has left, to go on in it, and locks it:
 *  NACRE_EBUSY while another process writes there. What that process left of
 *  unfinished files is removed. */
int nacre_rundir_open(nacre_rundir *, const char *path, nacre_error *);
void nacre_rundir_close(nacre_rundir *);

/** "PATH/file" in the run directory. Caller frees with nacre_free(). */
char *nacre_rundir_file(const nacre_rundir *, const char *file);
/** Writes a small text file by the safe protocol; one that is not `needed`
 *  to use the run is not waited for until it is on the disk. */
int nacre_rundir_write(const nacre_rundir *, const char *file,
                       const char *text, bool needed, nacre_error *);
/** Appends an epoch to metrics.jsonl and history.csv. */
int nacre_rundir_log(nacre_rundir *, int64_t epoch, int64_t step,
                     double seconds, const nacre_log_item *, int n,
                     nacre_error *);
/** Sizes of metrics.jsonl and history.csv, which are on the disk when this
 *  has returned. */
int nacre_rundir_mark(const nacre_rundir *, int64_t *jsonl, int64_t *csv,
                      nacre_error *);
/** Cuts them back to these sizes and this number of lines. NACRE_DECLINE, with
 *  a problem, when one is shorter than that: both stay as they are. */
int nacre_rundir_rewind(nacre_rundir *, int64_t lines, int64_t jsonl,
                        int64_t csv, nacre_error *);
/** Numbers as one JSON object, in their order; NaN and infinities, which
 *  JSON lacks, become null. */
void nacre_log_json(nacre_text *, const nacre_log_item *, int n);

#endif
