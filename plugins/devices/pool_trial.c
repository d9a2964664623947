/* SPDX-License-Identifier: MIT */
/* pool_trial: the rounds of a trial. */
#include "pool_trial.h"

#include <stdatomic.h>

#define ROUNDS 4                  /* usual, other, usual, other */
#define REST_JOBS (128 * POOL_TRIAL_JOBS)
#define LONG_REST 4               /* times as long when the case is clear */
#define CLEAR 1.2
#define BETTER 0.95               /* of the usual time, for the other way */
#define GAP_NS 200e3              /* a longer pause is not the jobs' */
#define LARGE_NS 50e3             /* a job: sharing such pays */

static void set_jobs(pool_trial *t, int64_t jobs) {
  atomic_store_explicit(&t->jobs, jobs, memory_order_relaxed);
}

static int is_alone(pool_trial *t) {
  return atomic_load_explicit(&t->alone, memory_order_relaxed);
}

static void turn(pool_trial *t) {
  atomic_store_explicit(&t->alone, !is_alone(t), memory_order_relaxed);
}

static void rest(pool_trial *t, int64_t jobs) {
  set_jobs(t, jobs);
  atomic_store_explicit(&t->rounds_run, 0, memory_order_relaxed);
}

void nacre_pool_trial_open(pool_trial *t) {
  *t = (pool_trial){ .jobs = 2 * POOL_TRIAL_JOBS };
}

static void begin_round(pool_trial *t, double now) {
  t->last = now;
  t->took = 0;
  set_jobs(t, POOL_TRIAL_JOBS);
}

/* The usual way again, or the other if it has won twice. */
static void end_trial(pool_trial *t, int clear) {
  if (t->losses < ROUNDS / 2) {
    turn(t);
  }
  rest(t, clear ? LONG_REST * REST_JOBS : REST_JOBS);
}

static void end_round(pool_trial *t, double now) {
  const int other = t->round++ % 2;
  int clear = 0;
  if (!other) {
    if (!is_alone(t) && t->took > LARGE_NS * POOL_TRIAL_JOBS) {
      rest(t, REST_JOBS);
      return;
    }
    t->usual = t->took;
  } else {
    t->losses += t->took < BETTER * t->usual;
    clear = t->took > CLEAR * t->usual;
  }
  if (clear || t->round == ROUNDS) {
    end_trial(t, clear);
    return;
  }
  turn(t);
  begin_round(t, now);
}

void nacre_pool_trial_job(pool_trial *t, double now) {
  if (atomic_exchange_explicit(&t->held, 1, memory_order_acquire)) {
    return; /* another caller's job: one of them is enough */
  }
  const int64_t left = atomic_load_explicit(&t->jobs, memory_order_relaxed);
  if (!atomic_load_explicit(&t->rounds_run, memory_order_relaxed)) {
    if (left <= 0) {
      t->round = 0;
      t->losses = 0;
      atomic_store_explicit(&t->rounds_run, 1, memory_order_relaxed);
      begin_round(t, now);
    }
  } else {
    const double gap = now - t->last;
    t->took += gap < GAP_NS ? gap : GAP_NS;
    t->last = now;
    set_jobs(t, left - 1);
    if (left <= 1) {
      end_round(t, now);
    }
  }
  atomic_store_explicit(&t->held, 0, memory_order_release);
}
