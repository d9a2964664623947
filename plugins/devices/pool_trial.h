/* SPDX-License-Identifier: MIT */
/* pool_trial: whether sharing small jobs pays at all.
 *
 * Where processors are far apart, or others work on them, a network of small
 * products can be slower on two threads than on one, and no single job shows
 * it: what one wrote is slow for the other to read later. So from time to
 * time some hundred jobs are run the other way, twice, in turn with as many
 * of the usual way; the faster way is kept. */
#ifndef NACRE_DEVICES_POOL_TRIAL_H
#define NACRE_DEVICES_POOL_TRIAL_H

#include <stdint.h>

#define POOL_TRIAL_JOBS 512 /* of one round */

typedef struct pool_trial {
  _Atomic int held;        /* somebody is at what follows `jobs` */
  _Atomic int alone;       /* jobs stay with the caller for now */
  _Atomic int rounds_run;  /* rounds are under way: every job is timed */
  _Atomic int64_t jobs;    /* left until the next round */
  int round, losses;       /* rounds done; of pairs, that the usual lost */
  double last, took, usual; /* ns: latest job; this round; the round before */
} pool_trial;

/** A trial that is to begin before long. */
void nacre_pool_trial_open(pool_trial *);

/** A job begins, at `now` (ns); called for each while rounds_run. */
void nacre_pool_trial_job(pool_trial *, double now);

#endif
