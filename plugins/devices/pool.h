/* SPDX-License-Identifier: MIT */
/* pool: the device's threads. They start with the first work that is worth
 * them, wait briefly awake for more and then sleep, and share out tiles that
 * are the same for any number of threads. */
#ifndef NACRE_DEVICES_POOL_H
#define NACRE_DEVICES_POOL_H

#include <nacre/plugin.h>

#define POOL_THREADS_MAX 256

typedef struct pool pool;

/** [main] A pool of `threads` (>= 1), the caller counted. No thread starts
 *  here. NULL when out of memory; freed with nacre_pool_free. */
pool *nacre_pool_new(int64_t threads, void *(*alloc)(size_t, size_t),
                     void (*release)(void *));
/** [main] Joins the threads. */
void nacre_pool_free(pool *);

/** What is known of the work: how long all of it takes on one thread. */
#define POOL_UNKNOWN (-1.0)

/** [compute] Calls body for every tile [i*grain, min((i+1)*grain, n)) and
 *  returns when all are done. From within a tile of several, and when the
 *  work is not worth waking anyone, all tiles run on the calling thread.
 *  `ns`: expected nanoseconds in all, or POOL_UNKNOWN: then the first tile
 *  is timed. */
void nacre_pool_run(pool *, int64_t n, int64_t grain, double ns,
                    nacre_body body, void *ctx);

/** [compute] Threads that the next work may count on: 1 within a body, and
 *  while the machine is too busy for the others to be of help. */
int64_t nacre_pool_threads(pool *);

/** [any] Processors that this process may keep busy: its affinity, and the
 *  quota of its control group. At least 1. */
int64_t nacre_pool_processors(void);

/** [any] The processor that the calling thread is on; -1 if that cannot be
 *  told. */
int nacre_pool_processor(void);

/** [any] The calling thread's floating-point mode; and with subnormal
 *  numbers taken for zero. */
uint64_t nacre_pool_float_mode(void);
uint64_t nacre_pool_float_mode_fast(uint64_t mode);
void nacre_pool_set_float_mode(uint64_t mode);

#endif
