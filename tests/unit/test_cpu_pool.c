/* SPDX-License-Identifier: MIT */
/* The threads of the device `cpu`: which tiles they run and in what mode, and
 * what becomes of them in a fork, beside other callers, and when there is no
 * memory for them. */
#include "cpu_fixture.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

/* Sanitizers need address space of their own at any time. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#define SANITIZED \
  (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define SANITIZED 0
#endif

typedef struct tiles {
  const nacre_math *math;
  int64_t n, grain;
  int nest;
  real tiny;               /* the least normal number */
  pthread_t caller;
  int seen[400];           /* by tile */
  int flushed[400];
  int blocked[400];        /* 1: another thread, with signals blocked */
} tiles;

static void nap(void) {
  const struct timespec ms = { 0, 400000 };
  nanosleep(&ms, NULL);
}

static void nested_tile(void *ctx, int64_t begin, int64_t end) {
  int *count = ctx;
  *count += (int)(end - begin);
}

static void tile_body(void *ctx, int64_t begin, int64_t end) {
  tiles *t = ctx;
  const int64_t tile = begin / t->grain;
  const int64_t stop = begin + t->grain < t->n ? begin + t->grain : t->n;
  volatile real tiny = t->tiny;
  sigset_t set;
  nap();
  t->seen[tile] += begin % t->grain == 0 && end == stop ? 1 : 1000;
  t->flushed[tile] = tiny / 2 == 0;
  if (!pthread_equal(pthread_self(), t->caller)) {
    pthread_sigmask(SIG_BLOCK, NULL, &set);
    t->blocked[tile] = sigismember(&set, SIGINT) ? 1 : -1;
  }
  if (t->nest) {
    int count = 0;
    t->math->parallel(t->math, 10, 3, nested_tile, &count);
    t->seen[tile] += count == 10 ? 0 : 1000;
  }
}

/* Every tile once, on several threads, in the caller's floating-point mode,
 * and with signals left to the program's own threads. */
START_TEST(tiles_run_once) {
  cpu_device d = cpu_open(NULL, 1 + _i % 4);
  static tiles t;
  memset(&t, 0, sizeof t);
  t.math = d.math;
  t.n = 1 + 37 * _i;
  t.grain = 1 + _i % 3;
  t.nest = _i % 2;
  t.tiny = (real)(sizeof(real) == 4 ? 1.17549435e-38 : 2.2250738585072014e-308);
  t.caller = pthread_self();
  const int64_t count = (t.n - 1) / t.grain + 1;
  int others = 0;
  /* On a busy machine the caller may have done it all before another thread
   * was given a processor: that is no failure if it is not always so. */
  for (int turn = 0; turn < (_i % 4 == 0 ? 1 : 200) && others == 0; turn++) {
    memset(t.seen, 0, sizeof t.seen);
    memset(t.blocked, 0, sizeof t.blocked);
    memset(t.flushed, 0, sizeof t.flushed);
    uint64_t saved = d.ops->enter(d.self);
    d.math->parallel(d.math, t.n, t.grain, tile_body, &t);
    d.ops->leave(d.self, saved);
    for (int64_t i = 0; i < 400; i++) {
      ck_assert_int_eq(t.seen[i], i < count);
      ck_assert_int_ge(t.blocked[i], 0);
      others += t.blocked[i];
#if defined(__x86_64__) || defined(__aarch64__)
      ck_assert_int_eq(t.flushed[i], i < count);
#endif
    }
  }
  ck_assert_msg(others > 0 || _i % 4 == 0 || count < 20, "one thread alone");
  /* And outside of enter() and leave() subnormal numbers are numbers. */
  memset(t.seen, 0, sizeof t.seen);
  d.math->parallel(d.math, t.n, t.grain, tile_body, &t);
  for (int64_t i = 0; i < count; i++) {
    ck_assert_int_eq(t.flushed[i], 0);
  }
  cpu_close(&d);
}
END_TEST

/* The two halves of a job run side by side as well: once the first job has told
 * what they take. */
START_TEST(two_tiles_are_shared) {
  cpu_device d = cpu_open(NULL, 2);
  static tiles t;
  int others = 0;
  memset(&t, 0, sizeof t);
  t.math = d.math;
  t.n = 2;
  t.grain = 1;
  t.caller = pthread_self();
  for (int turn = 0; turn < 200 && others == 0; turn++) {
    memset(t.seen, 0, sizeof t.seen);
    memset(t.blocked, 0, sizeof t.blocked);
    d.math->parallel(d.math, t.n, t.grain, tile_body, &t);
    for (int64_t i = 0; i < 2; i++) {
      ck_assert_int_eq(t.seen[i], 1);
      others += t.blocked[i];
    }
  }
  ck_assert_msg(others > 0, "one thread alone");
  cpu_close(&d);
}
END_TEST

#if !SANITIZED
/* Without memory for a thread's stack the caller does all of it. */
START_TEST(does_without_threads) {
  cpu_device d = cpu_open(NULL, 4);
  static tiles t;
  struct rlimit limit, none = { 1 << 20, 1 << 20 };
  memset(&t, 0, sizeof t);
  t.math = d.math;
  t.n = 20;
  t.grain = 1;
  t.caller = pthread_self();
  getrlimit(RLIMIT_AS, &limit);
  none.rlim_max = limit.rlim_max;
  ck_assert_int_eq(setrlimit(RLIMIT_AS, &none), 0);
  d.math->parallel(d.math, t.n, t.grain, tile_body, &t);
  setrlimit(RLIMIT_AS, &limit);
  for (int i = 0; i < 20; i++) {
    ck_assert_int_eq(t.seen[i], 1);
    ck_assert_int_eq(t.blocked[i], 0);
  }
  cpu_close(&d);
}
END_TEST
#endif

/* One device in several of the program's threads at once. */
typedef struct caller {
  const nacre_math *math;
  pthread_t thread;
  int wrong;
} caller;

#define TILES 40

static void count_tile(void *ctx, int64_t begin, int64_t end) {
  int *seen = ctx;
  for (int64_t i = begin; i < end; i++) {
    seen[i]++;
  }
}

/* Jobs of all sizes, one right after another, of which some are over before
 * a worker has looked at them. The sum is long enough to be shared. */
static void *call_again_and_again(void *arg) {
  caller *c = arg;
  real *x = malloc(70001 * sizeof(real));
  uint64_t state = 3;
  if (x == NULL) {
    c->wrong = 1;
    return NULL;
  }
  cpu_fill(&state, 70001, x);
  const double sum = c->math->sum(c->math, 70001, x);
  for (int round = 0; round < 300; round++) {
    int seen[TILES] = { 0 };
    c->math->parallel(c->math, TILES, 1 + round % 7, count_tile, seen);
    for (int i = 0; i < TILES; i++) {
      c->wrong += seen[i] != 1;
    }
    c->wrong += c->math->sum(c->math, 70001, x) != sum;
  }
  free(x);
  return NULL;
}

START_TEST(callers_side_by_side) {
  cpu_device d = cpu_open(NULL, 2 + _i);
  caller callers[3];
  for (int i = 0; i < 3; i++) {
    callers[i].math = d.math;
    callers[i].wrong = 0;
    ck_assert_int_eq(pthread_create(&callers[i].thread, NULL,
                                    call_again_and_again, &callers[i]), 0);
  }
  for (int i = 0; i < 3; i++) {
    pthread_join(callers[i].thread, NULL);
    ck_assert_int_eq(callers[i].wrong, 0);
  }
  cpu_close(&d);
}
END_TEST

/* A worker that is still on its way when the pool is closed, or that no
 * work ever reached, is joined all the same. */
START_TEST(closes_at_any_time) {
  for (int round = 0; round < 60; round++) {
    cpu_device d = cpu_open(NULL, 4);
    static tiles t;
    memset(&t, 0, sizeof t);
    t.math = d.math;
    t.n = round % 3 * 4;
    t.grain = 1;
    t.caller = pthread_self();
    d.math->parallel(d.math, t.n, t.grain, tile_body, &t);
    for (int i = 0; i < 400; i++) {
      ck_assert_int_eq(t.seen[i], i < t.n);
    }
    cpu_close(&d);
  }
}
END_TEST

/* A fork has none of the threads: it computes alone, and closes without
 * waiting for them. The process itself notices nothing. */
START_TEST(forks_do_without_threads) {
  cpu_device d = cpu_open(NULL, 3);
  static tiles t;
  memset(&t, 0, sizeof t);
  t.math = d.math;
  t.n = 30;
  t.grain = 1;
  t.caller = pthread_self();
  d.math->parallel(d.math, t.n, t.grain, tile_body, &t);
  memset(t.seen, 0, sizeof t.seen);
  memset(t.blocked, 0, sizeof t.blocked);
  const pid_t child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0) {
    int wrong = 0;
    alarm(20);
    d.math->parallel(d.math, t.n, t.grain, tile_body, &t);
    for (int i = 0; i < t.n; i++) {
      wrong += t.seen[i] != 1 || t.blocked[i] != 0;
    }
    d.ops->close(d.self);
    _exit(wrong == 0 ? 0 : 1);
  }
  int status;
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
                "the fork ended with status %#x", (unsigned)status);
  d.math->parallel(d.math, t.n, t.grain, tile_body, &t);
  for (int i = 0; i < t.n; i++) {
    ck_assert_int_eq(t.seen[i], 1);
  }
  cpu_close(&d);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("cpu_pool");
  TCase *tests = tcase_create("pool");
  tcase_set_timeout(tests, 120);
  tcase_add_loop_test(tests, tiles_run_once, 0, 8);
  tcase_add_test(tests, two_tiles_are_shared);
#if !SANITIZED
  tcase_add_test(tests, does_without_threads);
#endif
  tcase_add_loop_test(tests, callers_side_by_side, 0, 2);
  tcase_add_test(tests, closes_at_any_time);
  tcase_add_test(tests, forks_do_without_threads);
  suite_add_tcase(suite, tests);
  return fixture_run(suite);
}
