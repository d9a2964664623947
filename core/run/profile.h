/* SPDX-License-Identifier: MIT */
/* profile: what the time of steps is spent on, while somebody measures. */
#ifndef NACRE_RUN_PROFILE_H
#define NACRE_RUN_PROFILE_H

#include "base/sys.h"
#include "run/program.h"

/** What a training step does besides running its program. */
#define NACRE_PHASE_FEED 0    /* a batch is brought */
#define NACRE_PHASE_MEASURE 1 /* metrics, penalties */
#define NACRE_PHASE_UPDATE 2  /* the optimizer's pass */
#define NACRE_PHASES 3
extern const char *const nacre_phase_names[NACRE_PHASES];

/** One stretch of time. */
typedef struct nacre_stretch {
  int what;          /* an operation, or ~phase */
  double at, seconds; /* since the profile was made */
} nacre_stretch;

typedef struct nacre_profile {
  double *seconds;     /* [n]: of each operation, over all steps */
  int n;
  double phase[NACRE_PHASES];
  int64_t steps;
  double made, began;
  nacre_stretch *stretch; /* the first of them, for a trace */
  int64_t n_stretches, room;
} nacre_profile;

/** Measures a program from now on; `stretches` are kept for a trace. */
int nacre_profile_make(nacre_profile *, nacre_program *, int64_t stretches,
                       nacre_error *);
/** Nobody measures any more. */
void nacre_profile_fini(nacre_profile *, nacre_program *);
/** Forgets what was measured. */
void nacre_profile_reset(nacre_profile *);

/** Walks the program's list, reading the clock around each call. */
void nacre_profile_run(nacre_profile *, const nacre_program *);

void nacre_profile_add(nacre_profile *, int what, double at, double seconds);

/** Around a phase of a step; `profile` NULL: nobody measures. */
static inline void nacre_profile_begin(nacre_profile *profile) {
  if (profile != NULL) {
    profile->began = nacre_clock();
  }
}

static inline void nacre_profile_end(nacre_profile *profile, int phase) {
  if (profile != NULL) {
    nacre_profile_add(profile, ~phase, profile->began,
                      nacre_clock() - profile->began);
  }
}

/** Floating-point operations of one operation of a step over `batch`
 *  samples. A gradient of the input and one of the weights cost as much as
 *  the forward pass each. */
double nacre_profile_flops(const nacre_program *, int op, int64_t batch);
/** Words for an operation: its layer's name, and what is done. */
const char *nacre_profile_layer(const nacre_program *, int op);
const char *nacre_profile_verb(const nacre_program *, int op);

#endif
