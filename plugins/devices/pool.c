/* SPDX-License-Identifier: MIT */
/* pool: threads that share out tiles. */
#include "pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

/* Waking a sleeping thread costs some microseconds of both: work below this
 * stays with the caller. */
#define WORTH_WAKING_NS 12000.0
#define WORTH_SHARING_NS 3000.0 /* when someone is still awake */
/* Turns of the waiting loops before sleeping: about 5 microseconds. Longer
 * would take the processor from others on a busy machine. */
#define SPINS 200
#define STACK_BYTES ((size_t)2 << 20)

typedef struct pool_job {
  int64_t n, grain, tiles;
  nacre_body body;
  void *ctx;
  uint64_t float_mode; /* of the caller: the same bits on every thread */
} pool_job;

struct pool {
  void (*release)(void *);
  int64_t threads; /* wanted, the caller counted */
  int64_t started; /* workers running; under `mutex` */
  int tried;       /* starting has been tried */
  pthread_mutex_t mutex;
  pthread_cond_t work, done;
  pool_job job;           /* under `mutex` while open */
  int open;               /* workers may join the job; under `mutex` */
  int stop;               /* under `mutex` */
  int sleepers;           /* workers waiting on `work`; under `mutex` */
  _Atomic uint64_t turn;  /* number of the latest job */
  _Atomic int64_t next;   /* the next tile that nobody has taken */
  _Atomic int64_t inside; /* workers that joined and are not done */
  _Atomic int awake;      /* workers that wait without sleeping */
  _Atomic int busy;       /* a job is under way: others run on their own */
  pthread_t worker[POOL_THREADS_MAX];
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

static void run_tiles(pool *p, const pool_job *job) {
  for (;;) {
    int64_t tile =
      atomic_fetch_add_explicit(&p->next, 1, memory_order_relaxed);
    if (tile >= job->tiles) {
      return;
    }
    run_tile(job, tile);
  }
}

/* Returns once a job after `seen` is there, or the pool stops; the mutex is
 * held then. */
static void await_work(pool *p, uint64_t seen) {
  atomic_fetch_add(&p->awake, 1);
  for (int i = 0; i < SPINS && atomic_load(&p->turn) == seen; i++) {
    pause_briefly();
  }
  atomic_fetch_sub(&p->awake, 1);
  pthread_mutex_lock(&p->mutex);
  p->sleepers++;
  while (!p->stop && atomic_load(&p->turn) == seen) {
    pthread_cond_wait(&p->work, &p->mutex);
  }
  p->sleepers--;
}

static void *worker_main(void *arg) {
  pool *p = arg;
  uint64_t seen = 0;
  for (;;) {
    await_work(p, seen);
    if (p->stop) {
      pthread_mutex_unlock(&p->mutex);
      return NULL;
    }
    seen = atomic_load(&p->turn);
    int joined = p->open;
    pool_job job = p->job;
    if (joined) {
      atomic_fetch_add(&p->inside, 1);
    }
    pthread_mutex_unlock(&p->mutex);
    if (!joined) {
      continue;
    }
    nacre_pool_set_float_mode(job.float_mode);
    run_tiles(p, &job);
    /* The lock orders this with a caller about to sleep on `done`. */
    pthread_mutex_lock(&p->mutex);
    if (atomic_fetch_sub(&p->inside, 1) == 1) {
      pthread_cond_signal(&p->done);
    }
    pthread_mutex_unlock(&p->mutex);
  }
}

/* Starts the workers, as many as can be had: none is an answer too. They take
 * no signals, which are the program's own affair. */
static void start_workers(pool *p) {
  pthread_attr_t attr;
  sigset_t all, old;
  p->tried = 1;
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
  pool *p = alloc(1, sizeof *p);
  if (p == NULL) {
    return NULL;
  }
  p->release = release;
  p->threads = threads < POOL_THREADS_MAX ? threads : POOL_THREADS_MAX;
  if (pthread_mutex_init(&p->mutex, NULL) != 0) {
    goto no_mutex;
  }
  if (pthread_cond_init(&p->work, NULL) != 0) {
    goto no_work;
  }
  if (pthread_cond_init(&p->done, NULL) != 0) {
    goto no_done;
  }
  return p;

no_done:
  pthread_cond_destroy(&p->work);
no_work:
  pthread_mutex_destroy(&p->mutex);
no_mutex:
  release(p);
  return NULL;
}

void nacre_pool_free(pool *p) {
  if (p == NULL) {
    return;
  }
  pthread_mutex_lock(&p->mutex);
  p->stop = 1;
  atomic_fetch_add(&p->turn, 1);
  pthread_cond_broadcast(&p->work);
  pthread_mutex_unlock(&p->mutex);
  for (int64_t i = 0; i < p->started; i++) {
    pthread_join(p->worker[i], NULL);
  }
  pthread_cond_destroy(&p->done);
  pthread_cond_destroy(&p->work);
  pthread_mutex_destroy(&p->mutex);
  p->release(p);
}

/* Waits until every worker that joined has finished its last tile. Those
 * that have not joined by now find no tile left and are not waited for: a
 * busy machine that gave them no time costs nothing. */
static void close_job(pool *p) {
  pthread_mutex_lock(&p->mutex);
  p->open = 0;
  pthread_mutex_unlock(&p->mutex);
  for (int i = 0; i < SPINS && atomic_load(&p->inside) != 0; i++) {
    pause_briefly();
  }
  if (atomic_load(&p->inside) != 0) {
    pthread_mutex_lock(&p->mutex);
    while (atomic_load(&p->inside) != 0) {
      pthread_cond_wait(&p->done, &p->mutex);
    }
    pthread_mutex_unlock(&p->mutex);
  }
}

static void run_shared(pool *p, const pool_job *job, int64_t first) {
  pthread_mutex_lock(&p->mutex);
  if (!p->tried) {
    start_workers(p);
  }
  p->job = *job;
  p->job.float_mode = nacre_pool_float_mode();
  atomic_store(&p->next, first);
  p->open = 1;
  atomic_fetch_add(&p->turn, 1);
  if (p->sleepers > 0) {
    /* No more of them than there are tiles for. */
    if (job->tiles - first > p->sleepers) {
      pthread_cond_broadcast(&p->work);
    } else {
      for (int64_t i = first + 1; i < job->tiles; i++) {
        pthread_cond_signal(&p->work);
      }
    }
  }
  pthread_mutex_unlock(&p->mutex);
  run_tiles(p, job);
  close_job(p);
}

static double now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

void nacre_pool_run(pool *p, int64_t n, int64_t grain, double ns,
                    nacre_body body, void *ctx) {
  if (n <= 0) {
    return;
  }
  grain = grain > 0 ? grain : 1;
  pool_job job = { n, grain, (n - 1) / grain + 1, body, ctx, 0 };
  int64_t tile = 0;
  if (p->threads > 1 && job.tiles > 1 && !atomic_load(&p->busy)) {
    double worth =
      atomic_load(&p->awake) > 0 ? WORTH_SHARING_NS : WORTH_WAKING_NS;
    if (ns < 0) {
      double start = now_ns();
      run_tile(&job, tile++);
      ns = (now_ns() - start) * (double)(job.tiles - 1);
    }
    int idle = 0;
    if (ns >= worth && job.tiles - tile > 1 &&
        atomic_compare_exchange_strong(&p->busy, &idle, 1)) {
      run_shared(p, &job, tile);
      atomic_store(&p->busy, 0);
      return;
    }
  }
  while (tile < job.tiles) {
    run_tile(&job, tile++);
  }
}
