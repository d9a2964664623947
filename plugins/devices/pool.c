/* SPDX-License-Identifier: MIT */
/* pool: threads that share out tiles. */
#include "pool.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

/* Waking a sleeping thread takes 5 to 25 microseconds, the longer in a virtual
 * machine: work below this stays with the caller. */
#define WORTH_WAKING_NS 30000.0
#define WORTH_SHARING_NS 3000.0 /* when someone is still awake */
/* Turns of the waiting loops before sleeping, 25 nanoseconds each: a worker
 * bridges the gap between two products, the caller the rest of a tile. Who
 * shares the processor with the one waited for sleeps at once. */
#define WORKER_SPINS 4000
#define CALLER_SPINS 2400
/* After so many jobs in a row that no other processor took part in, or one
 * with a worker on the caller's own, the next try waits PAUSE_NS: on a busy
 * machine waking threads for nothing would cost more than a product. */
#define MISSES 4
#define PAUSE_NS 2e6
#define STACK_BYTES ((size_t)2 << 20)
#define CACHE_LINE 64
#define TURN_TILES ((int64_t)UINT32_MAX) /* what a claim can count */
#define KNOWN_COSTS 64 /* bodies whose cost is remembered */

typedef struct pool_job {
  int64_t n, grain;
  int64_t first, end; /* tiles of this turn */
  int64_t shares;
  nacre_body body;
  void *ctx;
  uint64_t float_mode; /* of the caller: the same bits on every thread */
} pool_job;

/* What an item of a body's last job took. */
typedef struct known_cost {
  nacre_body body;
  double ns;
} known_cost;

/* The job as the workers see it. They read it before they know whether a
 * tile is theirs, perhaps while the next job is written: hence atomic. */
typedef struct posted_job {
  _Atomic int64_t n, grain, first, end, shares;
  _Atomic(nacre_body) body;
  _Atomic(void *) ctx;
  _Atomic uint64_t float_mode;
} posted_job;

/* The tiles that a thread takes first, before it helps others with theirs.
 * Every job is shared out alike, so that a thread mostly reads what it wrote
 * itself: what another wrote comes slowly, from a distant core very slowly. */
typedef struct share {
  _Atomic uint64_t claim; /* turn << 32 | tiles that nobody has taken */
  char gap[2 * CACHE_LINE - sizeof(uint64_t)]; /* lines come in pairs */
} share;

/* No lock anywhere: a thread that the machine gives no time while it holds
 * one would stop the others. All that the caller ever waits for are tiles
 * that a worker has taken and not finished. */
struct pool {
  void (*release)(void *);
  int64_t threads;      /* wanted, the caller counted */
  int64_t started;      /* workers running; whoever has set `busy` */
  int tried;            /* starting has been tried; the same */
  pid_t process;        /* that started them: a fork of it has none */
  uint32_t turn;        /* of the latest job; the same */
  int misses;           /* of late, jobs without help; the same */
  known_cost known[KNOWN_COSTS]; /* by hash of the body; the same */
  sem_t work, done;     /* workers and the caller asleep */
  _Atomic int busy;     /* a job is under way: others run on their own */
  _Atomic int stop;
  _Atomic int awake;    /* workers that wait without sleeping */
  _Atomic int sleepers; /* those that `work` has not been raised for */
  _Atomic int64_t alone_until; /* CLOCK_MONOTONIC, ns; 0: share at once */
  _Atomic int home;     /* the caller's processor when it posted the job */
  _Atomic int helped;   /* a worker on another has had a tile */
  _Atomic int crowded;  /* a worker on the same one */
  posted_job job;
  _Atomic uint32_t posted; /* the turn that can be worked on */
  _Atomic int64_t joined;  /* workers that have started */
  char gap[CACHE_LINE]; /* between what is read and what all write */
  _Atomic int64_t left;   /* tiles of this turn that are not done */
  _Atomic int waiting;    /* the caller wants `done` when none is left */
  char gap_behind[CACHE_LINE];
  pthread_t worker[POOL_THREADS_MAX];
  share share[]; /* [threads], the caller's first */
};

static void pause_briefly(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static void run_tile(const pool_job *job, int64_t tile) {
  int64_t begin = tile * job->grain;
  int64_t end = begin + job->grain;
  job->body(job->ctx, begin, end < job->n ? end : job->n);
}

static uint32_t unclaimed(uint64_t claim) {
  return (uint32_t)claim;
}

static void post_job(pool *p, const pool_job *job) {
  atomic_store_explicit(&p->job.n, job->n, memory_order_relaxed);
  atomic_store_explicit(&p->job.grain, job->grain, memory_order_relaxed);
  atomic_store_explicit(&p->job.first, job->first, memory_order_relaxed);
  atomic_store_explicit(&p->job.end, job->end, memory_order_relaxed);
  atomic_store_explicit(&p->job.shares, job->shares, memory_order_relaxed);
  atomic_store_explicit(&p->job.body, job->body, memory_order_relaxed);
  atomic_store_explicit(&p->job.ctx, job->ctx, memory_order_relaxed);
  atomic_store_explicit(&p->job.float_mode, job->float_mode,
                        memory_order_relaxed);
}

static void read_job(pool *p, pool_job *job) {
  job->n = atomic_load_explicit(&p->job.n, memory_order_relaxed);
  job->grain = atomic_load_explicit(&p->job.grain, memory_order_relaxed);
  job->first = atomic_load_explicit(&p->job.first, memory_order_relaxed);
  job->end = atomic_load_explicit(&p->job.end, memory_order_relaxed);
  job->shares = atomic_load_explicit(&p->job.shares, memory_order_relaxed);
  job->body = atomic_load_explicit(&p->job.body, memory_order_relaxed);
  job->ctx = atomic_load_explicit(&p->job.ctx, memory_order_relaxed);
  job->float_mode =
    atomic_load_explicit(&p->job.float_mode, memory_order_relaxed);
}

/* Where share i of a turn's tiles begins. */
static int64_t share_begin(const pool_job *job, int64_t i) {
  return job->first + (job->end - job->first) * i / job->shares;
}

/* Takes a tile of whatever job there is, of share `own` if it has any left,
 * and reads that job: the claim succeeds only if the turn has not changed
 * since before the reading, and the next job is not written before every tile
 * of this one is taken. Negative when there is none. */
static int64_t take_tile(pool *p, int64_t own, pool_job *job) {
  for (int64_t i = 0; i < p->threads; i++) {
    const int64_t at = (own + i) % p->threads;
    share *s = &p->share[at];
    uint64_t claim = atomic_load(&s->claim);
    while (unclaimed(claim) > 0) {
      read_job(p, job);
      if (atomic_compare_exchange_weak(&s->claim, &claim, claim - 1)) {
        return share_begin(job, at + 1) - (int64_t)unclaimed(claim);
      }
    }
  }
  return -1;
}

static void finish_tile(pool *p) {
  if (atomic_fetch_sub(&p->left, 1) == 1 &&
      atomic_exchange(&p->waiting, 0)) {
    sem_post(&p->done);
  }
}

static void sleep_on(sem_t *sem) {
  while (sem_wait(sem) != 0 && errno == EINTR) {
  }
}

static int is_crowded(pool *p) {
  return atomic_load_explicit(&p->crowded, memory_order_relaxed);
}

static int has_news(pool *p, uint32_t seen) {
  return atomic_load(&p->posted) != seen || atomic_load(&p->stop);
}

/* Takes up to `most` off the count of sleepers; returns how many. */
static int take_sleepers(pool *p, int64_t most) {
  int count = atomic_load(&p->sleepers);
  int taken;
  do {
    taken = (int64_t)count < most ? count : (int)most;
  } while (taken > 0 && !atomic_compare_exchange_weak(&p->sleepers, &count,
                                                      count - taken));
  return taken;
}

/* Waits for a turn after the one that was seen. Whoever takes a worker off the
 * count of sleepers raises `work` for it. */
static void await_news(pool *p, uint32_t seen) {
  atomic_fetch_add(&p->awake, 1);
  const int spins = is_crowded(p) ? 0 : WORKER_SPINS;
  for (int i = 0; i < spins && !has_news(p, seen); i++) {
    pause_briefly();
  }
  atomic_fetch_sub(&p->awake, 1);
  if (has_news(p, seen)) {
    return;
  }
  atomic_fetch_add(&p->sleepers, 1);
  if (has_news(p, seen) && take_sleepers(p, 1) == 1) {
    return;
  }
  sleep_on(&p->work);
}

static void wake(pool *p, int64_t most) {
  for (int count = take_sleepers(p, most); count > 0; count--) {
    sem_post(&p->work);
  }
}

static void note_processor(pool *p) {
  const int here = nacre_pool_processor();
  const int home = atomic_load_explicit(&p->home, memory_order_relaxed);
  _Atomic int *note = here >= 0 && here == home ? &p->crowded : &p->helped;
  if (!atomic_load_explicit(note, memory_order_relaxed)) {
    atomic_store_explicit(note, 1, memory_order_relaxed);
  }
}

static void *worker_main(void *arg) {
  pool *p = arg;
  const int64_t own = atomic_fetch_add(&p->joined, 1) + 1;
  pool_job job;
  while (!atomic_load(&p->stop)) {
    const uint32_t turn = atomic_load(&p->posted);
    const int64_t tile = take_tile(p, own, &job);
    if (tile < 0) {
      await_news(p, turn);
      continue;
    }
    nacre_pool_set_float_mode(job.float_mode);
    note_processor(p);
    run_tile(&job, tile);
    finish_tile(p);
  }
  return NULL;
}

/* Starts the workers, as many as can be had: none is an answer too. They take
 * no signals, which are the program's own affair. */
static void start_workers(pool *p) {
  pthread_attr_t attr;
  sigset_t all, old;
  p->tried = 1;
  p->process = getpid();
  if (pthread_attr_init(&attr) != 0) {
    return;
  }
  (void)pthread_attr_setstacksize(&attr, STACK_BYTES);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  while (p->started < p->threads - 1) {
    if (pthread_create(&p->worker[p->started], &attr, worker_main, p) != 0) {
      break;
    }
    p->started++;
  }
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  pthread_attr_destroy(&attr);
}

pool *nacre_pool_new(int64_t threads, void *(*alloc)(size_t, size_t),
                     void (*release)(void *)) {
  threads = threads < POOL_THREADS_MAX ? threads : POOL_THREADS_MAX;
  pool *p = alloc(1, sizeof *p + (size_t)threads * sizeof p->share[0]);
  if (p == NULL) {
    return NULL;
  }
  p->release = release;
  p->threads = threads;
  if (sem_init(&p->work, 0, 0) != 0) {
    release(p);
    return NULL;
  }
  if (sem_init(&p->done, 0, 0) != 0) {
    sem_destroy(&p->work);
    release(p);
    return NULL;
  }
  return p;
}

void nacre_pool_free(pool *p) {
  if (p == NULL) {
    return;
  }
  if (p->started > 0 && p->process == getpid()) {
    atomic_store(&p->stop, 1);
    wake(p, p->started);
    for (int64_t i = 0; i < p->started; i++) {
      pthread_join(p->worker[i], NULL);
    }
  }
  sem_destroy(&p->done);
  sem_destroy(&p->work);
  p->release(p);
}

static double now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Waits for the tiles that workers have taken. A worker that finds `waiting`
 * set clears it and raises `done`: each time that it was set, either the
 * caller takes it back or there is a `done` to be waited for. */
static void await_tiles(pool *p) {
  const int spins = is_crowded(p) ? 0 : CALLER_SPINS;
  for (int i = 0; i < spins && atomic_load(&p->left) > 0; i++) {
    pause_briefly();
  }
  while (atomic_load(&p->left) > 0) {
    atomic_store(&p->waiting, 1);
    if (atomic_load(&p->left) == 0 && atomic_exchange(&p->waiting, 0)) {
      return;
    }
    sleep_on(&p->done);
  }
}

/* Was the job worth sharing? */
static void judge_job(pool *p) {
  if (atomic_load_explicit(&p->helped, memory_order_relaxed)) {
    p->misses = 0;
    return;
  }
  p->misses++;
  if (p->misses >= MISSES || is_crowded(p)) {
    p->misses = 0;
    atomic_store_explicit(&p->alone_until, (int64_t)(now_ns() + PAUSE_NS),
                          memory_order_relaxed);
  }
}

static int is_paused(pool *p) {
  const int64_t until =
    atomic_load_explicit(&p->alone_until, memory_order_relaxed);
  if (until == 0) {
    return 0;
  }
  if (now_ns() < (double)until) {
    return 1;
  }
  atomic_store_explicit(&p->alone_until, 0, memory_order_relaxed);
  return 0;
}

int64_t nacre_pool_threads(pool *p) {
  return atomic_load(&p->busy) || is_paused(p) ? 1 : p->threads;
}

/* Lets everyone at the tiles [first, end) of the job. */
static void post_turn(pool *p, pool_job *job) {
  const int64_t tiles = job->end - job->first;
  const uint64_t turn = ++p->turn;
  job->shares = tiles < p->threads ? tiles : p->threads;
  job->float_mode = nacre_pool_float_mode();
  post_job(p, job);
  atomic_store_explicit(&p->home, nacre_pool_processor(),
                        memory_order_relaxed);
  atomic_store_explicit(&p->helped, 0, memory_order_relaxed);
  atomic_store_explicit(&p->crowded, 0, memory_order_relaxed);
  atomic_store(&p->left, tiles);
  for (int64_t i = 0; i < job->shares; i++) {
    const int64_t count = share_begin(job, i + 1) - share_begin(job, i);
    atomic_store(&p->share[i].claim, turn << 32 | (uint64_t)count);
  }
  atomic_store(&p->posted, (uint32_t)turn);
  wake(p, tiles - 1 - atomic_load(&p->awake));
}

/* The tiles from `first` on; returns how many the caller did itself. */
static int64_t run_shared(pool *p, pool_job *job, int64_t tiles,
                          int64_t first) {
  int64_t own = 0;
  pool_job same;
  for (job->first = first; job->first < tiles; job->first = job->end) {
    const int64_t left = tiles - job->first;
    job->end = job->first + (left < TURN_TILES ? left : TURN_TILES);
    post_turn(p, job);
    for (int64_t tile; (tile = take_tile(p, 0, &same)) >= 0; own++) {
      run_tile(job, tile);
      atomic_fetch_sub(&p->left, 1);
    }
    await_tiles(p);
    judge_job(p);
  }
  return own;
}

static int64_t run_alone(const pool_job *job, int64_t tiles, int64_t first) {
  for (int64_t tile = first; tile < tiles; tile++) {
    run_tile(job, tile);
  }
  return tiles - first;
}

static int is_worth(pool *p, double ns) {
  const double least =
    atomic_load(&p->awake) > 0 ? WORTH_SHARING_NS : WORTH_WAKING_NS;
  return ns >= least && !is_paused(p);
}

static known_cost *find_cost(pool *p, nacre_body body) {
  known_cost *known = &p->known[((uintptr_t)body >> 4) % KNOWN_COSTS];
  if (known->body != body) {
    *known = (known_cost){ body, -1 };
  }
  return known;
}

/* Work that nobody knows the cost of: an item takes what it took in the last
 * job of this body, and in the first one the first tile tells. */
static void run_unknown(pool *p, pool_job *job, int64_t tiles) {
  known_cost *known = find_cost(p, job->body);
  int64_t first = 0;
  double start = now_ns();
  if (known->ns < 0) {
    run_tile(job, first++);
    known->ns = (now_ns() - start) / (double)job->grain;
    start = now_ns();
  }
  const int64_t items = job->n - first * job->grain;
  const int sharing =
    tiles - first > 1 && is_worth(p, known->ns * (double)items);
  const int64_t own = sharing ? run_shared(p, job, tiles, first)
                              : run_alone(job, tiles, first);
  if (own > 0) {
    known->ns = (now_ns() - start) / (double)(own * job->grain);
  }
}

void nacre_pool_run(pool *p, int64_t n, int64_t grain, double ns,
                    nacre_body body, void *ctx) {
  if (n <= 0) {
    return;
  }
  grain = grain > 0 ? grain : 1;
  const int64_t tiles = (n - 1) / grain + 1;
  pool_job job = { .n = n, .grain = grain, .body = body, .ctx = ctx };
  int idle = 0;
  const int sharing =
    p->threads > 1 && tiles > 1 && (ns < 0 || is_worth(p, ns)) &&
    atomic_compare_exchange_strong(&p->busy, &idle, 1);
  if (!sharing) {
    run_alone(&job, tiles, 0);
    return;
  }
  if (!p->tried) { /* at the first chance: later steps allocate nothing */
    start_workers(p);
  }
  if (ns < 0) {
    run_unknown(p, &job, tiles);
  } else {
    run_shared(p, &job, tiles, 0);
  }
  atomic_store(&p->busy, 0);
}
