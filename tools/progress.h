/* SPDX-License-Identifier: MIT */
/* progress: a training's progress for people and for programs. */
#ifndef NACRE_TOOLS_PROGRESS_H
#define NACRE_TOOLS_PROGRESS_H

#include "train/train.h"

#include <stdbool.h>

typedef enum progress_mode {
  PROGRESS_NONE,
  PROGRESS_PLAIN, /* a line for each epoch, no control characters */
  PROGRESS_BAR,   /* one redrawn line; finished epochs scroll */
  PROGRESS_JSONL  /* an object for each epoch */
} progress_mode;

typedef struct progress {
  progress_mode mode;
  bool drawn;       /* a redrawn line stands on the screen */
  double last;      /* when an epoch was last printed, plain mode */
  bool digest;
} progress;

/** "auto", "bar", "plain", "jsonl", "none": false for other words. */
bool progress_choose(progress *, const char *word);
/** An observer for trainings: ctx is a progress. */
void progress_observe(void *ctx, const nacre_progress *);
/** Removes a redrawn line, before anything else is printed. */
void progress_clear(progress *);

#endif
