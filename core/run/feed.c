/* SPDX-License-Identifier: MIT */
#include "run/feed.h"

#include "base/text.h"
#include "yaml/report.h"

#include <math.h>
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
    if (target == targets) {
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
  if (channel->count != head->rows_per_sample * head->target_cols) {
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

/* Whether all channels may and can be kept in memory. */
static bool fits_cache(const nacre_feed *feed) {
  int64_t bytes = 0;
  for (int i = 0; i < feed->n_channels; i++) {
    int64_t more = 0;
    const nacre_channel *channel = &feed->channel[i];
    if (feed->training && nacre_pipe_random(channel->pipe)) {
      return false;
    }
    if (!nacre_int_mul(channel->count, feed->split->n, &more) ||
        !nacre_int_mul(more, (int64_t)sizeof(real), &more) ||
        !nacre_int_add(bytes, more, &bytes)) {
      return false;
    }
  }
  return bytes <= NACRE_FEED_CACHE;
}

/* A missing value that no transform has filled would only be seen as a loss
 * that is not a number. */
static int refuse_missing(nacre_feed *feed, int field, int64_t count,
                          const real *values, int64_t n) {
  int missing = 0;
  for (int64_t i = 0; i < n * count; i++) {
    missing |= isnan(values[i]) ? 1 : 0; /* without a branch */
  }
  for (int64_t i = 0; missing != 0; i++) {
    if (isnan(values[i])) {
      nacre_place place = place_of(feed->split->set);
      nacre_error_add(feed->error, NACRE_EDATA, &place,
                      "sample %lld has a missing value in field '%s' "
                      "(element %lld)", (long long)feed->rows[i / count],
                      feed->split->set->field[field].name,
                      (long long)(i % count));
      nacre_error_hint(feed->error,
                       "a transform can fill in missing values");
      return NACRE_ERROR;
    }
  }
  return NACRE_OK;
}

static void find_rows(nacre_feed *feed, const int64_t *position, int64_t n) {
  const nacre_split *split = feed->split;
  for (int64_t i = 0; i < n; i++) {
    feed->rows[i] = split->row != NULL ? split->row[position[i]]
                                       : position[i];
  }
}

static int read_rows(nacre_feed *feed, const nacre_channel *channel,
                     const int64_t *position, int64_t n, nacre_key key,
                     real *out) {
  find_rows(feed, position, n);
  return nacre_pipe_read(channel->pipe, feed->split->set, channel->field,
                         feed->rows, n, -1, feed->training, key, out,
                         feed->work, feed->error) == NACRE_OK
    ? refuse_missing(feed, channel->field, channel->count, out, n)
    : NACRE_ERROR;
}

static int fill_cache(nacre_feed *feed, nacre_channel *channel) {
  int64_t n = feed->split->n, block = feed->program->batch_max;
  nacre_key none = { { 0, 0 }, { 0, 0 } };
  channel->cache =
    nacre_alloc((size_t)(n * channel->count), sizeof(real));
  int64_t *position = nacre_alloc((size_t)block, sizeof(*position));
  int status = channel->cache != NULL && position != NULL
    ? NACRE_OK : nacre_no_memory(feed->error);
  for (int64_t at = 0; at < n && status == NACRE_OK; at += block) {
    int64_t size = n - at < block ? n - at : block;
    for (int64_t i = 0; i < size; i++) {
      position[i] = at + i;
    }
    status = read_rows(feed, channel, position, size, none, feed->staging);
    if (status == NACRE_OK) {
      memcpy(channel->cache + at * channel->count, feed->staging,
             (size_t)(size * channel->count) * sizeof(real));
    }
  }
  nacre_free(position);
  return status;
}

static int make_room(nacre_feed *feed) {
  int64_t room = 1;
  size_t batch = (size_t)feed->program->batch_max;
  for (int i = 0; i < feed->n_channels; i++) {
    int64_t wants = nacre_pipe_room(feed->channel[i].pipe);
    room = wants > room ? wants : room;
  }
  size_t size = 0;
  if (!nacre_size_mul((size_t)room, sizeof(real), &size)) {
    return nacre_no_memory(feed->error);
  }
  feed->staging = nacre_alloc(batch, size);
  feed->work = nacre_alloc(batch, size);
  feed->rows = nacre_alloc(batch, sizeof(*feed->rows));
  if (feed->staging == NULL || feed->work == NULL || feed->rows == NULL) {
    return nacre_no_memory(feed->error);
  }
  return NACRE_OK;
}

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
  if (status != NACRE_OK || make_room(feed) != NACRE_OK) {
    return NACRE_ERROR;
  }
  bool cached = fits_cache(feed);
  for (int i = 0; i < feed->n_channels && cached; i++) {
    if (fill_cache(feed, &feed->channel[i]) != NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  return NACRE_OK;
}

void nacre_feed_fini(nacre_feed *feed) {
  for (int i = 0; i < feed->n_channels; i++) {
    nacre_free(feed->channel[i].cache);
  }
  nacre_free(feed->channel);
  nacre_free(feed->staging);
  nacre_free(feed->work);
  nacre_free(feed->rows);
  nacre_free(feed->weight);
  *feed = (nacre_feed){ 0 };
}

/* Batches. */

/* Samples of one or two numbers are not worth a call each. */
static void gather(const real *cache, int64_t count, const int64_t *position,
                   int64_t n, real *out) {
  switch (count) {
  case 1:
    for (int64_t i = 0; i < n; i++) {
      out[i] = cache[position[i]];
    }
    return;
  case 2:
    for (int64_t i = 0; i < n; i++) {
      const real *row = cache + 2 * position[i];
      out[2 * i] = row[0];
      out[2 * i + 1] = row[1];
    }
    return;
  default:
    for (int64_t i = 0; i < n; i++) {
      memcpy(out + i * count, cache + position[i] * count,
             (size_t)count * sizeof(real));
    }
  }
}

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

/* The samples' own weights, for all heads. */
static int read_weights(nacre_feed *feed, const int64_t *position,
                        int64_t n) {
  const nacre_dataset *set = feed->split->set;
  nacre_place place = place_of(set);
  nacre_error_fail fail;
  find_rows(feed, position, n);
  return set->ops->read(set->self, (uint32_t)feed->weight_field, feed->rows,
                        n, feed->weight,
                        nacre_error_fail_init(&fail, feed->error,
                                              NACRE_EDATA, &place)) ==
             NACRE_OK
    ? refuse_missing(feed, feed->weight_field, 1, feed->weight, n)
    : NACRE_ERROR;
}

/* A head's weights: the samples' own, times those of their classes. target:
 * [n, count of the channel] on the host */
static void weigh(const nacre_feed *feed, const nacre_channel *channel,
                  const real *target, int64_t n) {
  nacre_bound_head *head = &feed->program->head[channel->head];
  const nacre_class_weights *classes =
    feed->class_weight != NULL ? &feed->class_weight[channel->head] : NULL;
  bool by_class = classes != NULL && classes->weight != NULL;
  head->weighted = by_class || feed->weight != NULL;
  for (int64_t i = 0; i < n && head->weighted; i++) {
    double weight = feed->weight != NULL ? (double)feed->weight[i] : 1;
    if (by_class) {
      int64_t at = class_of(head, target + i * channel->count);
      weight *= at >= 0 && at < classes->n ? classes->weight[at] : 1;
    }
    head->sample_weight[i] = weight;
  }
}

int nacre_feed_batch(nacre_feed *feed, const int64_t *position, int64_t n,
                     nacre_key key) {
  nacre_program *program = feed->program;
  nacre_device *device = program->model->device;
  bool remote = device->ops->write != NULL;
  /* Passes of evaluation share a program: another's weights must go. */
  bool weighs =
    feed->class_weight != NULL || feed->weight != NULL || !feed->training;
  nacre_program_set_batch(program, n);
  if (feed->weight != NULL && read_weights(feed, position, n) != NACRE_OK) {
    return NACRE_ERROR;
  }
  for (int i = 0; i < feed->n_channels; i++) {
    const nacre_channel *channel = &feed->channel[i];
    real *to = remote ? feed->staging : channel->to;
    if (channel->cache != NULL) {
      gather(channel->cache, channel->count, position, n, to);
    } else if (read_rows(feed, channel, position, n, key, feed->staging) !=
               NACRE_OK) {
      return NACRE_ERROR;
    } else if (!remote) {
      memcpy(to, feed->staging,
             (size_t)(n * channel->count) * sizeof(real));
    }
    if (weighs && channel->head >= 0) {
      weigh(feed, channel, to, n);
    }
    if (remote) {
      device->ops->write(device->self, channel->to, feed->staging,
                         (size_t)(n * channel->count) * sizeof(real));
    }
  }
  return NACRE_OK;
}
