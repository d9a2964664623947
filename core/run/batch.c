/* SPDX-License-Identifier: MIT */
/* batch: batches of a feed brought to where a program reads them. */
#include "run/prefetch.h"

#include <string.h>

/* The class of a sample's target: its number, or where its one is. */
static int64_t class_of(const nacre_bound_head *head, const real *target) {
  int64_t best = 0;
  if (head->target_cols == 1) {
    return target[0] >= 0 && target[0] < (real)INT32_MAX
      ? (int64_t)target[0] : -1;
  }
  for (int64_t i = 1; i < head->target_cols; i++) {
    best = target[i] > target[best] ? i : best;
  }
  return best;
}

/* A head's weights: the samples' own, times those of their classes. target:
 * [n, count of the channel] and own (or NULL): [n], on the host */
static void weigh(const nacre_feed *feed, const nacre_channel *channel,
                  const real *target, const real *own, int64_t n) {
  nacre_bound_head *head = &feed->program->head[channel->head];
  const nacre_class_weights *classes =
    feed->class_weight != NULL ? &feed->class_weight[channel->head] : NULL;
  bool by_class = classes != NULL && classes->weight != NULL;
  head->weighted = by_class || own != NULL;
  for (int64_t i = 0; i < n && head->weighted; i++) {
    double weight = own != NULL ? (double)own[i] : 1;
    if (by_class) {
      int64_t at = class_of(head, target + i * channel->count);
      weight *= at >= 0 && at < classes->n ? classes->weight[at] : 1;
    }
    head->sample_weight[i] = weight;
  }
}

/* Whether the weights of a batch must be said: passes of evaluation share a
 * program, and another's must go. */
static bool weighs(const nacre_feed *feed) {
  return feed->class_weight != NULL || feed->weight != NULL ||
         !feed->training;
}

/* Weighs a channel's samples, data: [n, count] on the host, and sees that
 * they are on the device. */
static void deliver(const nacre_feed *feed, const nacre_channel *channel,
                    const real *data, const real *weight, int64_t n) {
  const nacre_device *device = feed->program->model->device;
  size_t bytes = (size_t)(n * channel->count) * sizeof(real);
  if (channel->head >= 0 && weighs(feed)) {
    weigh(feed, channel, data, weight, n);
  }
  if (device->ops->write != NULL) {
    device->ops->write(device->self, channel->to, data, bytes);
  } else if (data != channel->to) {
    memcpy(channel->to, data, bytes);
  }
}

/* All is in memory as the network reads it: nothing is asked for each
 * channel that can be known before. */
static void gather(const nacre_feed *feed, const int64_t *position,
                   int64_t n) {
  bool plain =
    feed->program->model->device->ops->write == NULL && !weighs(feed);
  if (feed->weight_cache != NULL) {
    nacre_fetch_cached(feed->weight_cache, 1, position, n, feed->weight);
  }
  for (int i = 0; i < feed->n_channels; i++) {
    const nacre_channel *channel = &feed->channel[i];
    nacre_fetch_cached(channel->cache, channel->count, position, n,
                       channel->host);
    if (!plain) {
      deliver(feed, channel, channel->host, feed->weight, n);
    }
  }
}

int nacre_feed_batch(nacre_feed *feed, const int64_t *position, int64_t n,
                     nacre_key key) {
  nacre_program_set_batch(feed->program, n);
  if (feed->whole) {
    gather(feed, position, n);
    return NACRE_OK;
  }
  for (int i = 0; i < feed->n_channels; i++) {
    feed->room.data[i] = feed->channel[i].host;
  }
  if (nacre_fetch(feed, &feed->room, position, n, key, feed->room.data,
                  feed->weight, feed->error) != NACRE_OK) {
    return NACRE_ERROR;
  }
  for (int i = 0; i < feed->n_channels; i++) {
    const nacre_channel *channel = &feed->channel[i];
    deliver(feed, channel, channel->host, feed->weight, n);
  }
  return NACRE_OK;
}

/* Passes. */

void nacre_feed_begin(nacre_feed *feed, const int64_t *order, int64_t n,
                      int64_t size, nacre_key key) {
  nacre_feed_end(feed);
  feed->order = order;
  feed->pass_n = n;
  feed->pass_size = size;
  feed->pass_key = key;
}

void nacre_feed_end(nacre_feed *feed) {
  if (feed->prefetch != NULL) {
    nacre_prefetch_end(feed->prefetch);
  }
}

/* A batch out of the ring. */
static int take(nacre_feed *feed, int64_t index) {
  nacre_prefetch *prefetch = feed->prefetch;
  if (nacre_prefetch_next(prefetch) != index) {
    nacre_prefetch_begin(prefetch, index);
  }
  nacre_ready *slot = nacre_prefetch_take(prefetch);
  bool failed = slot->failed;
  if (!failed) {
    nacre_program_set_batch(feed->program, slot->n);
    for (int i = 0; i < feed->n_channels; i++) {
      deliver(feed, &feed->channel[i], slot->data[i], slot->weight, slot->n);
    }
  }
  nacre_prefetch_release(prefetch);
  return failed ? NACRE_ERROR : NACRE_OK;
}

int nacre_feed_step(nacre_feed *feed, int64_t index,
                    const int64_t **position) {
  int64_t begin = index * feed->pass_size, n = feed->pass_n - begin;
  n = n < feed->pass_size ? n : feed->pass_size;
  if (feed->order != NULL) {
    *position = feed->order + begin;
  } else {
    for (int64_t i = 0; i < n; i++) {
      feed->position[i] = begin + i;
    }
    *position = feed->position;
  }
  if (feed->prefetch != NULL && take(feed, index) == NACRE_OK) {
    return NACRE_OK;
  }
  /* What went wrong there is said here. */
  return nacre_feed_batch(feed, *position, n, feed->pass_key);
}
