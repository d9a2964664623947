/* SPDX-License-Identifier: MIT */
#include "run/fetch.h"

#include "base/random.h"
#include "yaml/report.h"

#include <math.h>
#include <string.h>

static nacre_place place_of(const nacre_dataset *set) {
  return nacre_node_place(set->choice->node);
}

/* Whether a channel is one of those that are mixed. */
static bool is_mixed(const nacre_channel *channel,
                     const nacre_transform *mixer) {
  return channel->head >= 0 || mixer->field == NULL ||
         strcmp(mixer->field, channel->pipe->field.name) == 0;
}

/* Refuses what cannot be mixed, before the first batch. */
static int plan_mix(const nacre_feed *feed, const nacre_transform *mixer,
                    nacre_mix_field *field, nacre_error *error) {
  nacre_place place = nacre_node_place(mixer->choice.node);
  nacre_error_fail fail;
  nacre_mix mix = {
    .size = sizeof(mix), .cfg = mixer->choice.cfg, .field = field,
    .fail = nacre_error_fail_init(&fail, error, NACRE_ECONFIG, &place)
  };
  for (int i = 0; i < feed->n_channels; i++) {
    const nacre_pipe *pipe = feed->channel[i].pipe;
    if (is_mixed(&feed->channel[i], mixer)) {
      nacre_mix_field *at = &field[mix.n_fields++];
      *at = (nacre_mix_field){ .field = pipe->field };
      at->field.shape = pipe->shape;
      at->field.flags = pipe->flags;
    }
  }
  return mixer->ops->plan_mix(&mix);
}

int nacre_room_make(nacre_room *room, const nacre_feed *feed,
                    nacre_error *error) {
  int64_t widest = 1;
  size_t size = 0, mixed = 0;
  for (int i = 0; i < feed->n_channels; i++) {
    int64_t wants = nacre_pipe_room(feed->channel[i].pipe);
    widest = wants > widest ? wants : widest;
    if (!nacre_size_add(mixed, (size_t)feed->channel[i].count, &mixed)) {
      return nacre_no_memory(error);
    }
  }
  if (!nacre_size_mul((size_t)widest, sizeof(real), &size)) {
    return nacre_no_memory(error);
  }
  room->out = nacre_alloc((size_t)feed->block, size);
  room->work = nacre_alloc((size_t)feed->block, size);
  room->rows = nacre_alloc((size_t)feed->block, sizeof(*room->rows));
  room->other = nacre_alloc(feed->n_mixers > 0 ? mixed : 0, sizeof(real));
  room->data = nacre_alloc((size_t)feed->n_channels, sizeof(*room->data));
  room->mix = nacre_alloc((size_t)feed->n_channels, sizeof(*room->mix));
  if (room->out == NULL || room->work == NULL || room->rows == NULL ||
      room->data == NULL || room->other == NULL || room->mix == NULL) {
    return nacre_no_memory(error);
  }
  for (int i = 0; i < feed->n_mixers; i++) {
    if (plan_mix(feed, &feed->mixer[i], room->mix, error) != NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  return NACRE_OK;
}

void nacre_room_fini(nacre_room *room) {
  nacre_free(room->out);
  nacre_free(room->work);
  nacre_free(room->rows);
  nacre_free(room->data);
  nacre_free(room->other);
  nacre_free(room->mix);
  *room = (nacre_room){ 0 };
}

/* A missing value that no transform has filled would only be seen as a loss
 * that is not a number. */
static int refuse_missing(const nacre_feed *feed, const int64_t *rows,
                          int field, int64_t count, const real *values,
                          int64_t n, nacre_error *error) {
  int missing = 0;
  for (int64_t i = 0; i < n * count; i++) {
    missing |= isnan(values[i]) ? 1 : 0; /* without a branch */
  }
  for (int64_t i = 0; missing != 0; i++) {
    if (isnan(values[i])) {
      nacre_place place = place_of(feed->split->set);
      nacre_error_add(error, NACRE_EDATA, &place,
                      "sample %lld has a missing value in field '%s' "
                      "(element %lld)", (long long)rows[i / count],
                      feed->split->set->field[field].name,
                      (long long)(i % count));
      nacre_error_hint(error, "a transform can fill in missing values");
      return NACRE_ERROR;
    }
  }
  return NACRE_OK;
}

static void find_rows(const nacre_feed *feed, const int64_t *position,
                      int64_t n, int64_t *rows) {
  const nacre_split *split = feed->split;
  for (int64_t i = 0; i < n; i++) {
    rows[i] = split->row != NULL ? split->row[position[i]] : position[i];
  }
}

/* At most a block of samples through the stages up to `last` (-1: all). */
static int fetch_block(const nacre_feed *feed, nacre_room *room,
                       const nacre_channel *channel, int last,
                       const int64_t *position, int64_t n, nacre_key key,
                       real *out, nacre_error *error) {
  const nacre_pipe *pipe = channel->pipe;
  bool all = last < 0;
  nacre_flow flow = {
    .pipe = pipe, .set = feed->split->set, .field = channel->field,
    .first = channel->cache != NULL && all ? channel->fixed : 0,
    .last = all ? pipe->n_stages : last, .training = feed->training,
    .key = key, .out = room->out, .work = room->work
  };
  int64_t count = all ? channel->count : channel->cached;
  bool direct = nacre_pipe_room(pipe) == count;
  flow.out = direct ? out : room->out;
  find_rows(feed, position, n, room->rows);
  if (channel->cache != NULL && all) {
    nacre_fetch_cached(channel->cache, channel->cached, position, n,
                       nacre_flow_start(&flow));
  } else if (nacre_flow_read(&flow, room->rows, n, error) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (nacre_flow_run(&flow, room->rows, n, error) != NACRE_OK ||
      (flow.last == pipe->n_stages &&
       refuse_missing(feed, room->rows, channel->field, count, flow.out, n,
                      error) != NACRE_OK)) {
    return NACRE_ERROR;
  }
  if (!direct) {
    memcpy(out, flow.out, (size_t)(n * count) * sizeof(real));
  }
  return NACRE_OK;
}

/* The samples' own weights, for all heads. */
static int fetch_weights(const nacre_feed *feed, nacre_room *room,
                         const int64_t *position, int64_t n, real *weight,
                         nacre_error *error) {
  const nacre_dataset *set = feed->split->set;
  nacre_place place = place_of(set);
  nacre_error_fail fail;
  if (feed->weight_cache != NULL) {
    nacre_fetch_cached(feed->weight_cache, 1, position, n, weight);
    return NACRE_OK;
  }
  find_rows(feed, position, n, room->rows);
  return set->ops->read(set->self, (uint32_t)feed->weight_field, room->rows,
                        n, weight,
                        nacre_error_fail_init(&fail, error, NACRE_EDATA,
                                              &place)) == NACRE_OK
    ? refuse_missing(feed, room->rows, feed->weight_field, 1, weight, n,
                     error)
    : NACRE_ERROR;
}

/* Keeping. */

/* A channel, or the weights where there is none. */
static int keep(nacre_feed *feed, const nacre_channel *channel, real *to) {
  int64_t n = feed->split->n;
  nacre_key none = { { 0, 0 }, { 0, 0 } };
  int64_t *position = nacre_alloc((size_t)feed->block, sizeof(*position));
  int status = position != NULL ? NACRE_OK : nacre_no_memory(feed->error);
  for (int64_t at = 0; at < n && status == NACRE_OK; at += feed->block) {
    int64_t size = n - at < feed->block ? n - at : feed->block;
    for (int64_t i = 0; i < size; i++) {
      position[i] = at + i;
    }
    status = channel == NULL
      ? fetch_weights(feed, &feed->room, position, size, to + at, feed->error)
      : fetch_block(feed, &feed->room, channel, channel->fixed, position,
                    size, none, to + at * channel->cached, feed->error);
  }
  nacre_free(position);
  return status;
}

int nacre_fetch_all(nacre_feed *feed, nacre_channel *channel) {
  real *cache = nacre_alloc((size_t)feed->split->n,
                            (size_t)channel->cached * sizeof(real));
  int status = cache != NULL ? keep(feed, channel, cache)
                             : nacre_no_memory(feed->error);
  channel->cache = cache;
  return status;
}

int nacre_fetch_all_weights(nacre_feed *feed) {
  real *cache = nacre_alloc((size_t)feed->split->n, sizeof(real));
  int status = cache != NULL ? keep(feed, NULL, cache)
                             : nacre_no_memory(feed->error);
  feed->weight_cache = cache;
  return status;
}

/* Mixing. */

/* Mixes sample i of data with a partner out of the whole split: one of the
 * batch would make the outcome depend on the batch. */
static int mix_sample(const nacre_feed *feed, nacre_room *room,
                      const nacre_transform *mixer, int64_t position,
                      int64_t i, nacre_key epoch, real *const *data,
                      nacre_error *error) {
  int64_t row = 0;
  find_rows(feed, &position, 1, &row);
  nacre_mix mix = { .size = sizeof(mix), .cfg = mixer->choice.cfg,
                    .field = room->mix,
                    .key = nacre_flow_key(epoch, mixer, row) };
  int64_t partner =
    (int64_t)nacre_random_below(nacre_key_split(mix.key, 0), 0,
                                (uint64_t)feed->split->n);
  real *other = room->other;
  for (int c = 0; c < feed->n_channels; c++) {
    const nacre_channel *channel = &feed->channel[c];
    if (!is_mixed(channel, mixer)) {
      continue;
    }
    nacre_mix_field *field = &room->mix[mix.n_fields++];
    *field = (nacre_mix_field){ .field = channel->pipe->field,
                                .x = data[c] + i * channel->count,
                                .other = other };
    field->field.shape = channel->pipe->shape;
    field->field.flags = channel->pipe->flags;
    if (fetch_block(feed, room, channel, -1, &partner, 1, epoch, other,
                    error) != NACRE_OK) {
      return NACRE_ERROR;
    }
    other += channel->count;
  }
  mixer->ops->mix(&mix);
  return NACRE_OK;
}

int nacre_fetch(const nacre_feed *feed, nacre_room *room,
                const int64_t *position, int64_t n, nacre_key key,
                real *const *data, real *weight, nacre_error *error) {
  for (int64_t at = 0; at < n; at += feed->block) {
    int64_t size = n - at < feed->block ? n - at : feed->block;
    if (feed->weight_field >= 0 &&
        fetch_weights(feed, room, position + at, size, weight + at, error) !=
          NACRE_OK) {
      return NACRE_ERROR;
    }
    for (int c = 0; c < feed->n_channels; c++) {
      const nacre_channel *channel = &feed->channel[c];
      if (fetch_block(feed, room, channel, -1, position + at, size, key,
                      data[c] + at * channel->count, error) != NACRE_OK) {
        return NACRE_ERROR;
      }
    }
  }
  for (int m = 0; m < feed->n_mixers; m++) {
    for (int64_t i = 0; i < n; i++) {
      if (mix_sample(feed, room, &feed->mixer[m], position[i], i, key, data,
                     error) != NACRE_OK) {
        return NACRE_ERROR;
      }
    }
  }
  return NACRE_OK;
}
