/* SPDX-License-Identifier: MIT */
#include "run/prefetch.h"

#include "base/thread.h"

#include <pthread.h>
#include <unistd.h>

/* A worker of its own; the first room is the caller's, without a thread. */
typedef struct worker {
  nacre_prefetch *owner;
  nacre_thread *thread; /* NULL: not started */
  nacre_room room;
} worker;

struct nacre_prefetch {
  nacre_feed *feed;
  nacre_ready *slot;      /* [ahead] */
  int64_t ahead;
  worker *worker;        /* [workers] */
  int64_t workers;
  bool tried;            /* starting has been tried; the caller's */
  pid_t process;         /* that started them: a fork of it has none */
  pthread_mutex_t lock;  /* of all below, and of the slots' left, failed */
  pthread_cond_t work;   /* there is something to claim, or to stop for */
  pthread_cond_t done;   /* a batch is ready, or nobody is at work */
  bool stop;
  int64_t busy;          /* blocks that workers are at */
  int64_t batches;       /* of the pass */
  int64_t first;         /* the oldest that the caller has not released */
  int64_t claim_batch, claim_block; /* the next to be made */
};

/* A block of a batch, taken by one thread. */
typedef struct claim {
  nacre_ready *slot;
  int64_t begin, n;
} claim;

static nacre_ready *slot_of(const nacre_prefetch *self, int64_t batch) {
  return &self->slot[batch % self->ahead];
}

/* Sets up the slot of the batch that is begun. */
static void begin_batch(const nacre_prefetch *self, nacre_ready *slot) {
  const nacre_feed *feed = self->feed;
  int64_t begin = self->claim_batch * feed->pass_size;
  int64_t n = feed->pass_n - begin;
  slot->n = n < feed->pass_size ? n : feed->pass_size;
  slot->left = (slot->n + feed->block - 1) / feed->block;
  slot->failed = false;
  for (int64_t i = 0; i < slot->n; i++) {
    slot->position[i] =
      feed->order != NULL ? feed->order[begin + i] : begin + i;
  }
}

/* Takes the next block of the batches before `until`; false if there is
 * none. Under the lock. */
static bool take(nacre_prefetch *self, int64_t until, claim *out) {
  if (self->claim_batch >= until || self->claim_batch >= self->batches) {
    return false;
  }
  nacre_ready *slot = slot_of(self, self->claim_batch);
  int64_t block = self->feed->block;
  if (self->claim_block == 0) {
    begin_batch(self, slot);
  }
  int64_t begin = self->claim_block * block;
  int64_t n = slot->n - begin;
  *out = (claim){ slot, begin, n < block ? n : block };
  self->claim_block++;
  if (begin + block >= slot->n) {
    self->claim_batch++;
    self->claim_block = 0;
  }
  return true;
}

/* Makes a block, without the lock. What goes wrong is found again, by who
 * asks for the batch. */
static bool make_block(const nacre_feed *feed, nacre_room *room,
                       const claim *at) {
  nacre_error error;
  nacre_error_init(&error);
  for (int c = 0; c < feed->n_channels; c++) {
    room->data[c] = at->slot->data[c] + at->begin * feed->channel[c].count;
  }
  int status = nacre_fetch(
    feed, room, at->slot->position + at->begin, at->n, feed->pass_key,
    room->data,
    at->slot->weight != NULL ? at->slot->weight + at->begin : NULL, &error);
  nacre_error_fini(&error);
  return status == NACRE_OK;
}

/* Under the lock. */
static void finish_block(nacre_prefetch *self, const claim *at, bool made) {
  at->slot->failed = at->slot->failed || !made;
  if (--at->slot->left == 0 || self->busy == 0) {
    pthread_cond_signal(&self->done);
  }
}

static void *work(void *context) {
  worker *at = context;
  nacre_prefetch *self = at->owner;
  const nacre_device *device = self->feed->program->model->device;
  claim got;
  /* Samples are the same bits as those that are made within the steps. */
  if (device->ops->enter != NULL) {
    (void)device->ops->enter(device->self);
  }
  pthread_mutex_lock(&self->lock);
  while (!self->stop) {
    if (!take(self, self->first + self->ahead, &got)) {
      pthread_cond_wait(&self->work, &self->lock);
      continue;
    }
    self->busy++;
    pthread_mutex_unlock(&self->lock);
    bool made = make_block(self->feed, &at->room, &got);
    pthread_mutex_lock(&self->lock);
    self->busy--;
    finish_block(self, &got, made);
  }
  pthread_mutex_unlock(&self->lock);
  return NULL;
}

/* As many as can be had: none is an answer too. */
static void start_workers(nacre_prefetch *self) {
  self->tried = true;
  self->process = getpid();
  for (int64_t i = 0; i < self->workers; i++) {
    self->worker[i].thread = nacre_thread_start(work, &self->worker[i]);
    if (self->worker[i].thread == NULL) {
      return;
    }
  }
}

static bool is_forked(const nacre_prefetch *self) {
  return self->tried && self->process != getpid();
}

/* Passes. */

void nacre_prefetch_end(nacre_prefetch *self) {
  if (is_forked(self)) {
    return;
  }
  pthread_mutex_lock(&self->lock);
  self->batches = self->claim_batch = self->claim_block = self->first = 0;
  while (self->busy > 0) {
    pthread_cond_wait(&self->done, &self->lock);
  }
  pthread_mutex_unlock(&self->lock);
}

void nacre_prefetch_begin(nacre_prefetch *self, int64_t index) {
  const nacre_feed *feed = self->feed;
  nacre_prefetch_end(self);
  if (!self->tried) {
    start_workers(self);
  }
  pthread_mutex_lock(&self->lock);
  self->batches = (feed->pass_n + feed->pass_size - 1) / feed->pass_size;
  self->first = self->claim_batch = index;
  self->claim_block = 0;
  pthread_cond_broadcast(&self->work);
  pthread_mutex_unlock(&self->lock);
}

int64_t nacre_prefetch_next(const nacre_prefetch *self) {
  /* Only the caller's thread writes these two. */
  return self->batches > 0 && !is_forked(self) ? self->first : -1;
}

nacre_ready *nacre_prefetch_take(nacre_prefetch *self) {
  nacre_ready *slot = slot_of(self, self->first);
  claim got;
  pthread_mutex_lock(&self->lock);
  for (;;) {
    if (take(self, self->first + 1, &got)) {
      pthread_mutex_unlock(&self->lock);
      bool made = make_block(self->feed, &self->feed->room, &got);
      pthread_mutex_lock(&self->lock);
      finish_block(self, &got, made);
    } else if (slot->left > 0) {
      pthread_cond_wait(&self->done, &self->lock);
    } else {
      break;
    }
  }
  pthread_mutex_unlock(&self->lock);
  return slot;
}

void nacre_prefetch_release(nacre_prefetch *self) {
  pthread_mutex_lock(&self->lock);
  self->first++;
  pthread_cond_broadcast(&self->work);
  pthread_mutex_unlock(&self->lock);
}

/* Making. */

/* Whether all products and sums fit. */
static bool count_slot(const nacre_feed *feed, int64_t *bytes) {
  int64_t sample = (int64_t)sizeof(int64_t);
  for (int c = 0; c < feed->n_channels; c++) {
    int64_t more = 0;
    if (!nacre_int_mul(feed->channel[c].count, (int64_t)sizeof(real),
                       &more) ||
        !nacre_int_add(sample, more, &sample)) {
      return false;
    }
  }
  return nacre_int_mul(sample, feed->program->batch_max, bytes);
}

int64_t nacre_prefetch_bytes(const nacre_feed *feed, int64_t ahead) {
  int64_t bytes = 0;
  return count_slot(feed, &bytes) && nacre_int_mul(bytes, ahead, &bytes)
    ? bytes : INT64_MAX;
}

static int make_slot(const nacre_feed *feed, nacre_ready *slot) {
  size_t batch = (size_t)feed->program->batch_max;
  slot->data = nacre_alloc((size_t)feed->n_channels, sizeof(*slot->data));
  slot->position = nacre_alloc(batch, sizeof(*slot->position));
  slot->weight = feed->weight_field >= 0
    ? nacre_alloc(batch, sizeof(*slot->weight)) : NULL;
  if (slot->data == NULL || slot->position == NULL ||
      (feed->weight_field >= 0 && slot->weight == NULL)) {
    return NACRE_ERROR;
  }
  for (int c = 0; c < feed->n_channels; c++) {
    slot->data[c] = nacre_alloc(
      batch, (size_t)feed->channel[c].count * sizeof(real));
    if (slot->data[c] == NULL) {
      return NACRE_ERROR;
    }
  }
  return NACRE_OK;
}

nacre_prefetch *nacre_prefetch_new(nacre_feed *feed, int64_t workers,
                                   int64_t ahead) {
  nacre_prefetch *self = nacre_alloc(1, sizeof(*self));
  if (self == NULL) {
    nacre_no_memory(feed->error);
    return NULL;
  }
  pthread_mutex_init(&self->lock, NULL);
  pthread_cond_init(&self->work, NULL);
  pthread_cond_init(&self->done, NULL);
  self->feed = feed;
  self->slot = nacre_alloc((size_t)ahead, sizeof(*self->slot));
  self->worker = nacre_alloc((size_t)workers, sizeof(*self->worker));
  int status =
    self->slot != NULL && self->worker != NULL ? NACRE_OK : NACRE_ERROR;
  for (; self->ahead < ahead && status == NACRE_OK; self->ahead++) {
    status = make_slot(feed, &self->slot[self->ahead]);
  }
  for (; self->workers < workers && status == NACRE_OK; self->workers++) {
    worker *at = &self->worker[self->workers];
    at->owner = self;
    status = nacre_room_make(&at->room, feed, feed->error);
  }
  if (status != NACRE_OK) {
    nacre_no_memory(feed->error);
    nacre_prefetch_free(self);
    return NULL;
  }
  return self;
}

void nacre_prefetch_free(nacre_prefetch *self) {
  if (self == NULL) {
    return;
  }
  bool forked = is_forked(self);
  if (!forked) {
    pthread_mutex_lock(&self->lock);
    self->stop = true;
    pthread_cond_broadcast(&self->work);
    pthread_mutex_unlock(&self->lock);
  }
  for (int64_t i = 0; i < self->workers; i++) {
    if (!forked) {
      nacre_thread_join(self->worker[i].thread);
    }
    nacre_room_fini(&self->worker[i].room);
  }
  for (int64_t i = 0; i < self->ahead; i++) {
    nacre_ready *slot = &self->slot[i];
    for (int c = 0; slot->data != NULL && c < self->feed->n_channels; c++) {
      nacre_free(slot->data[c]);
    }
    nacre_free(slot->data);
    nacre_free(slot->weight);
    nacre_free(slot->position);
  }
  nacre_free(self->slot);
  nacre_free(self->worker);
  if (!forked) {
    pthread_cond_destroy(&self->done);
    pthread_cond_destroy(&self->work);
    pthread_mutex_destroy(&self->lock);
  }
  nacre_free(self);
}
