/* SPDX-License-Identifier: MIT */
/* bench: what was measured of an experiment's steps, and its report. */
#ifndef NACRE_TOOLS_BENCH_H
#define NACRE_TOOLS_BENCH_H

#include "cli.h"

#include "train/train.h"

typedef struct bench {
  nacre_trainer trainer;
  bool inference;
  nacre_program program; /* of inference */
  nacre_feed feed;
  int64_t *position;     /* [batch] of its samples */
  double *time;          /* [n]: seconds a step, sorted */
  int n;
  int64_t steps;
  double peak;           /* of one thread, operations a second; 0 unknown */
  nacre_profile profile;
} bench;

void bench_print_text(const bench *, const char *config, bool profiled);
void bench_print_json(const bench *, const char *config);
/** The trace event format that Chrome and Perfetto read: an array of
 *  complete events, times in microseconds. */
int bench_write_trace(const bench *, const char *path, nacre_error *);

#endif
