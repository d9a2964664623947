/* SPDX-License-Identifier: MIT */
/* prefetch: threads that make the batches of a pass before they are asked
 * for, into a ring of a few.
 *
 * A batch is made in blocks, each of which is the same whoever makes it. Who
 * wants a batch that is not ready makes what nobody has begun: the only thing
 * ever waited for is a block that a worker is at. */
#ifndef NACRE_RUN_PREFETCH_H
#define NACRE_RUN_PREFETCH_H

#include "run/fetch.h"

typedef struct nacre_prefetch nacre_prefetch;

/** A batch in the ring. */
typedef struct nacre_ready {
  real **data;       /* [channels]: [n, count] */
  real *weight;      /* [n], or NULL */
  int64_t *position; /* [n] */
  int64_t n;
  int64_t left;      /* blocks that are not done */
  bool failed;       /* making it again will say why */
} nacre_ready;

/** A ring of `ahead` batches and up to `workers` threads, which are started
 *  with the first pass. NULL and a problem: out of memory. */
nacre_prefetch *nacre_prefetch_new(nacre_feed *, int64_t workers,
                                   int64_t ahead);
void nacre_prefetch_free(nacre_prefetch *);
/** Begins a pass, that of the feed, at batch `index`. */
void nacre_prefetch_begin(nacre_prefetch *, int64_t index);
/** The next batch, complete; the caller's until _release(). */
nacre_ready *nacre_prefetch_take(nacre_prefetch *);
void nacre_prefetch_release(nacre_prefetch *);
/** The batch that _take() would give; -1: no pass is under way. */
int64_t nacre_prefetch_next(const nacre_prefetch *);
/** Ends the pass: nobody reads its order from here on. */
void nacre_prefetch_end(nacre_prefetch *);
/** Bytes of a ring of `ahead` batches; INT64_MAX when that is no number. */
int64_t nacre_prefetch_bytes(const nacre_feed *, int64_t ahead);

#endif
