/* SPDX-License-Identifier: MIT */
#include "run/prefetch.h"

#include "base/text.h"
#include "yaml/report.h"

#include <stdio.h>
#include <string.h>

static nacre_place place_of(const nacre_dataset *set) {
  return nacre_node_place(set->choice->node);
}

static const nacre_pipe *find_pipe(const nacre_pipe *pipes, int n,
                                   const char *name) {
  for (int i = 0; i < n; i++) {
    if (strcmp(pipes[i].field.name, name) == 0) {
      return &pipes[i];
    }
  }
  return NULL;
}

static void write_shape(const nacre_shape *shape, char *out, size_t room) {
  size_t at = 0;
  out[0] = '\0';
  for (int i = 0; i < shape->rank && at + 24 < room; i++) {
    at += (size_t)snprintf(out + at, room - at, "%s%lld", i > 0 ? ", " : "",
                           (long long)shape->dim[i]);
  }
}

static nacre_channel *add_channel(nacre_feed *feed, const nacre_pipe *pipes,
                                  int n_pipes, int field) {
  const nacre_dataset *set = feed->split->set;
  const nacre_pipe *pipe =
    find_pipe(pipes, n_pipes, set->field[field].name);
  nacre_place place = place_of(set);
  char text[2][128];
  if (pipe == NULL) {
    nacre_error_add(feed->error, NACRE_EDATA, &place,
                    "the training data has no field '%s'",
                    set->field[field].name);
    return NULL;
  }
  if (!nacre_shape_equal(&pipe->field.shape, &set->field[field].shape)) {
    write_shape(&set->field[field].shape, text[0], sizeof(text[0]));
    write_shape(&pipe->field.shape, text[1], sizeof(text[1]));
    nacre_error_add(feed->error, NACRE_EDATA, &place,
                    "field '%s' has samples of [%s], those of the training "
                    "data are [%s]", pipe->field.name, text[0], text[1]);
    return NULL;
  }
  nacre_channel *channel = &feed->channel[feed->n_channels++];
  *channel = (nacre_channel){ .pipe = pipe, .field = field, .input = -1,
                              .head = -1,
                              .count = nacre_shape_count(&pipe->shape) };
  return channel;
}

/* The fields that there are instead. */
static void hint_fields(nacre_feed *feed, bool targets) {
  const nacre_dataset *set = feed->split->set;
  nacre_text names = { 0 };
  for (int i = 0; i < set->n_fields; i++) {
    bool target = (set->field[i].flags & NACRE_FIELD_TARGET) != 0;
    bool group = (set->field[i].flags & NACRE_FIELD_GROUP) != 0;
    if (target == targets && !group) {
      nacre_text_printf(&names, "%s'%s'", names.n > 0 ? ", " : "",
                        set->field[i].name);
    }
  }
  if (names.n > 0 && !names.failed) {
    nacre_error_hint(feed->error, "its %s are %s",
                     targets ? "targets" : "inputs", names.at);
  } else if (names.n == 0) {
    nacre_error_hint(feed->error, "it has no %s",
                     targets ? "targets" : "inputs");
  }
  nacre_text_fini(&names);
}

static int join_input(nacre_feed *feed, const nacre_pipe *pipes, int n_pipes,
                      int input) {
  const nacre_graph *graph = feed->program->model->graph;
  const nacre_dataset *set = feed->split->set;
  const nacre_edge *edge = &graph->edge[input];
  nacre_place place = place_of(set);
  int field =
    nacre_dataset_find(set, edge->name, false, graph->n_inputs == 1);
  if (field < 0) {
    nacre_error_add(feed->error, NACRE_EDATA, &place,
                    "the data has no field for input '%s'", edge->name);
    hint_fields(feed, false);
    return NACRE_ERROR;
  }
  nacre_channel *channel = add_channel(feed, pipes, n_pipes, field);
  if (channel == NULL) {
    return NACRE_ERROR;
  }
  if (channel->count != nacre_shape_count(&edge->shape)) {
    char has[128], wants[128];
    write_shape(&channel->pipe->shape, has, sizeof(has));
    write_shape(&edge->shape, wants, sizeof(wants));
    return nacre_error_add(feed->error, NACRE_EDATA, &place,
                           "samples of field '%s' have shape [%s], input "
                           "'%s' wants [%s]", channel->pipe->field.name, has,
                           edge->name, wants);
  }
  channel->input = input;
  channel->to = nacre_program_input(feed->program, input);
  return NACRE_OK;
}

static int report_target(nacre_feed *feed, const nacre_channel *channel,
                         const nacre_bound_head *head) {
  nacre_place place = place_of(feed->split->set);
  int64_t wants = head->rows_per_sample * head->target_cols;
  const nacre_field *field = &channel->pipe->field;
  nacre_error_add(feed->error, NACRE_EDATA, &place,
                  "target '%s' has %lld value%s a sample, loss '%s' of "
                  "output '%s' wants %lld", field->name,
                  (long long)channel->count, channel->count == 1 ? "" : "s",
                  head->head->loss.component->name, head->head->name,
                  (long long)wants);
  if (channel->count == head->rows_per_sample && head->cols > 1) {
    nacre_error_hint(feed->error,
                     "targets that are class numbers need a loss for class "
                     "numbers, or a transform that makes them one-hot");
  } else if (head->target_cols == 1 &&
             channel->count == head->rows_per_sample * head->cols) {
    nacre_error_hint(feed->error,
                     "this loss takes class numbers; one-hot targets need "
                     "one that takes a value for each output");
  }
  return NACRE_ERROR;
}

static int join_head(nacre_feed *feed, const nacre_pipe *pipes, int n_pipes,
                     int index) {
  nacre_program *program = feed->program;
  const nacre_graph *graph = program->model->graph;
  const nacre_dataset *set = feed->split->set;
  nacre_bound_head *head = &program->head[index];
  nacre_place place = place_of(set);
  if (head->head->loss_ops == NULL) {
    return NACRE_OK;
  }
  int field = nacre_dataset_find(set, head->head->name, true,
                                 graph->n_heads == 1);
  if (field < 0) {
    nacre_error_add(feed->error, NACRE_EDATA, &place,
                    "the data has no target for output '%s'",
                    head->head->name);
    hint_fields(feed, true);
    return NACRE_ERROR;
  }
  nacre_channel *channel = add_channel(feed, pipes, n_pipes, field);
  if (channel == NULL) {
    return NACRE_ERROR;
  }
  if (head->head->loss_ops->plan != NULL) {
    nacre_error_fail fail;
    if (head->head->loss_ops->plan(
          head->head->loss.cfg, &graph->edge[head->head->edge].shape,
          &channel->pipe->shape,
          nacre_error_fail_init(&fail, feed->error, NACRE_EDATA, &place)) !=
        NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  int64_t wants = head->rows_per_sample * head->target_cols;
  uint32_t whole = NACRE_LOSS_SAMPLE | NACRE_LOSS_BATCH;
  if ((head->head->loss_ops->flags & whole) != 0) {
    if (channel->count > wants) {
      return report_target(feed, channel, head);
    }
    if (nacre_program_bind_target(program, index, &channel->pipe->shape,
                                  feed->error) != NACRE_OK) {
      return NACRE_ERROR;
    }
  } else if (channel->count != wants) {
    return report_target(feed, channel, head);
  }
  channel->head = index;
  channel->to = head->target;
  return NACRE_OK;
}

/* Samples may bring weights of their own. */
static int join_weights(nacre_feed *feed) {
  const nacre_dataset *set = feed->split->set;
  int field = nacre_dataset_find(set, "sample_weight", false, false);
  if (field < 0) {
    return NACRE_OK;
  }
  const nacre_shape *shape = &set->field[field].shape;
  if (nacre_shape_count(shape) != 1) {
    char text[128];
    nacre_place place = place_of(set);
    write_shape(shape, text, sizeof(text));
    return nacre_error_add(feed->error, NACRE_EDATA, &place,
                           "field 'sample_weight' must be one number a "
                           "sample, not [%s]", text);
  }
  feed->weight_field = field;
  feed->weight =
    nacre_alloc((size_t)feed->program->batch_max, sizeof(*feed->weight));
  return feed->weight != NULL ? NACRE_OK : nacre_no_memory(feed->error);
}

/* Keeping. */

/* What the channels of a split take up after their first stages, those that
 * do the same to a sample each time; INT64_MAX when that is no number. */
static int64_t count_cache(nacre_feed *feed) {
  int64_t bytes = 0;
  if (feed->weight_field >= 0 &&
      !nacre_int_mul(feed->split->n, (int64_t)sizeof(real), &bytes)) {
    return INT64_MAX;
  }
  for (int i = 0; i < feed->n_channels; i++) {
    nacre_channel *channel = &feed->channel[i];
    const nacre_pipe *pipe = channel->pipe;
    int64_t more = 0;
    channel->fixed = nacre_pipe_fixed(pipe, feed->training);
    channel->cached = channel->fixed == pipe->n_stages
      ? channel->count
      : nacre_shape_count(&pipe->stage[channel->fixed].in);
    if (!nacre_int_mul(channel->cached, feed->split->n, &more) ||
        !nacre_int_mul(more, (int64_t)sizeof(real), &more) ||
        !nacre_int_add(bytes, more, &bytes)) {
      return INT64_MAX;
    }
  }
  return bytes;
}

static int fill_caches(nacre_feed *feed) {
  if (count_cache(feed) > NACRE_FEED_CACHE) {
    return NACRE_OK;
  }
  feed->whole = true;
  if (feed->weight_field >= 0 &&
      nacre_fetch_all_weights(feed) != NACRE_OK) {
    return NACRE_ERROR;
  }
  for (int i = 0; i < feed->n_channels; i++) {
    nacre_channel *channel = &feed->channel[i];
    if (nacre_fetch_all(feed, channel) != NACRE_OK) {
      return NACRE_ERROR;
    }
    feed->whole =
      feed->whole && channel->fixed == channel->pipe->n_stages;
  }
  return NACRE_OK;
}

/* Numbers of a sample that are worked on at once: they stay in the cache of a
 * processor from one transform to the next. */
#define BLOCK_NUMBERS 32768

static int make_room(nacre_feed *feed) {
  int64_t room = 1, batch = feed->program->batch_max;
  for (int i = 0; i < feed->n_channels; i++) {
    int64_t wants = nacre_pipe_room(feed->channel[i].pipe);
    room = wants > room ? wants : room;
  }
  feed->block = BLOCK_NUMBERS / room;
  feed->block = feed->block < 1       ? 1
                : feed->block > batch ? batch
                                      : feed->block;
  bool remote = feed->program->model->device->ops->write != NULL;
  feed->position = nacre_alloc((size_t)batch, sizeof(*feed->position));
  if (feed->position == NULL) {
    return nacre_no_memory(feed->error);
  }
  for (int i = 0; i < feed->n_channels; i++) {
    nacre_channel *channel = &feed->channel[i];
    channel->host = remote
      ? nacre_alloc((size_t)batch, (size_t)channel->count * sizeof(real))
      : channel->to;
    if (channel->host == NULL) {
      return nacre_no_memory(feed->error);
    }
  }
  return nacre_room_make(&feed->room, feed, feed->error);
}

/* Making. */

int nacre_feed_make(nacre_feed *feed, nacre_program *program,
                    const nacre_split *split, const nacre_pipe *pipes,
                    int n_pipes, bool training, nacre_error *error) {
  const nacre_graph *graph = program->model->graph;
  *feed = (nacre_feed){ .split = split, .program = program,
                        .training = training, .error = error,
                        .weight_field = -1 };
  feed->channel = nacre_alloc(
    (size_t)graph->n_inputs + (size_t)graph->n_heads, sizeof(nacre_channel));
  if (feed->channel == NULL) {
    return nacre_no_memory(error);
  }
  int status = NACRE_OK;
  for (int i = 0; i < graph->n_inputs; i++) {
    if (join_input(feed, pipes, n_pipes, i) != NACRE_OK) {
      status = NACRE_ERROR;
    }
  }
  if (program->mode != NACRE_MODE_PREDICT) {
    for (int i = 0; i < graph->n_heads; i++) {
      if (join_head(feed, pipes, n_pipes, i) != NACRE_OK) {
        status = NACRE_ERROR;
      }
    }
    if (join_weights(feed) != NACRE_OK) {
      status = NACRE_ERROR;
    }
  }
  return status == NACRE_OK && make_room(feed) == NACRE_OK
    ? fill_caches(feed) : NACRE_ERROR;
}

void nacre_feed_fini(nacre_feed *feed) {
  nacre_prefetch_free(feed->prefetch);
  nacre_room_fini(&feed->room);
  for (int i = 0; i < feed->n_channels; i++) {
    nacre_channel *channel = &feed->channel[i];
    if (channel->host != channel->to) {
      nacre_free(channel->host);
    }
    nacre_free(channel->cache);
  }
  nacre_free(feed->channel);
  nacre_free(feed->position);
  nacre_free(feed->weight);
  nacre_free(feed->weight_cache);
  *feed = (nacre_feed){ 0 };
}

int nacre_feed_mix(nacre_feed *feed, const nacre_transform *mixers, int n) {
  if (n == 0) {
    return NACRE_OK;
  }
  feed->mixer = mixers;
  feed->n_mixers = n;
  feed->whole = false;
  nacre_room_fini(&feed->room); /* it has no place for partners */
  return nacre_room_make(&feed->room, feed, feed->error);
}

/* What a ring may take up; below that it is for the config to say. */
#define AHEAD_DEFAULT 3
#define AHEAD_BYTES ((int64_t)256 << 20)

int nacre_feed_prefetch(nacre_feed *feed, int64_t workers, int64_t ahead) {
  if (workers == INT64_MIN) {
    /* Threads to spare are those that the device may use. */
    workers = feed->program->model->device->math->threads > 1 ? 1 : 0;
  }
  if (feed->whole || workers < 1) {
    return NACRE_OK;
  }
  if (ahead == INT64_MIN) {
    ahead = AHEAD_DEFAULT > workers ? AHEAD_DEFAULT : workers + 1;
    while (ahead > 1 && nacre_prefetch_bytes(feed, ahead) > AHEAD_BYTES) {
      ahead--;
    }
  }
  feed->prefetch = nacre_prefetch_new(feed, workers, ahead);
  return feed->prefetch != NULL ? NACRE_OK : NACRE_ERROR;
}
