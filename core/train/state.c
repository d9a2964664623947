/* SPDX-License-Identifier: MIT */
/* state: a training as named arrays. One list of pieces, each a name and the
 * memory behind it, is written and read alike. */
#include "train/state.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define IDENTITY "identity."
#define TRAINING "training."

/* Counters and numbers that are one each; int64_t and double have the same
 * place in a file. */
typedef struct counters {
  int64_t epoch, at, step, pending, closing, ended, stopped, logged;
  int64_t validated, remembered, best, samples, lines, jsonl, csv;
  double rate, rate_scale, best_value, penalty, seconds;
} counters;

typedef struct counter {
  const char *name;
  size_t offset;
  int32_t dtype;
} counter;

#define COUNTER(field, dtype) { #field, offsetof(counters, field), dtype }
static const counter counter_table[] = {
  COUNTER(epoch, NACRE_I64),      /* finished */
  COUNTER(at, NACRE_I64),         /* batches done in the running one */
  COUNTER(step, NACRE_I64),       /* updates made */
  COUNTER(pending, NACRE_I64),    /* batches accumulated for the next */
  COUNTER(closing, NACRE_I64),    /* the last epoch is still to be told of */
  COUNTER(ended, NACRE_I64),      /* all epochs have been run */
  COUNTER(stopped, NACRE_I64),    /* by a callback */
  COUNTER(logged, NACRE_I64),     COUNTER(validated, NACRE_I64),
  COUNTER(remembered, NACRE_I64), /* 1: there are such weights */
  COUNTER(best, NACRE_I64),       COUNTER(samples, NACRE_I64),
  COUNTER(lines, NACRE_I64),      /* in the logs, and their sizes */
  COUNTER(jsonl, NACRE_I64),      COUNTER(csv, NACRE_I64),
  COUNTER(rate, NACRE_F64),       COUNTER(rate_scale, NACRE_F64),
  COUNTER(best_value, NACRE_F64), COUNTER(penalty, NACRE_F64),
  COUNTER(seconds, NACRE_F64),
};
#define N_COUNTERS ((int)(sizeof(counter_table) / sizeof(counter_table[0])))

/* A named array in memory: the device's own if `remote`. */
typedef struct piece {
  const char *name;
  nacre_shape shape;
  void *at;
  bool remote;
} piece;

typedef struct pieces {
  nacre_trainer *trainer;
  nacre_arena *arena;
  piece *piece;
  int n, room;
  bool failed; /* no memory */
  double *log; /* [n_logs], between the file and the trainer */
} pieces;

static void put(pieces *list, nacre_shape shape, void *at, bool remote,
                const char *format, ...) NACRE_PRINTF(5, 6);

static void put(pieces *list, nacre_shape shape, void *at, bool remote,
                const char *format, ...) {
  char name[1024];
  va_list args;
  va_start(args, format);
  int n = nacre_text_vsnprintf(name, sizeof(name), format, args);
  va_end(args);
  char *kept = n > 0 && n < (int)sizeof(name)
    ? nacre_arena_strndup(list->arena, name, (size_t)n) : NULL;
  if (list->n == list->room) {
    int room = 2 * list->room + 64;
    piece *more =
      nacre_resize(list->piece, (size_t)room, sizeof(*list->piece));
    list->failed |= more == NULL;
    list->piece = more != NULL ? more : list->piece;
    list->room = more != NULL ? room : list->room;
  }
  list->failed |= kept == NULL;
  if (!list->failed) {
    list->piece[list->n++] = (piece){ kept, shape, at, remote };
  }
}

static nacre_shape list_of(int64_t n, int32_t dtype) {
  nacre_shape shape = nacre_shape_1d(n);
  shape.dtype = dtype;
  return shape;
}

/* Counters are needed before all else: they say what else there is. */
static void put_counters(pieces *list, counters *numbers) {
  for (int i = 0; i < N_COUNTERS; i++) {
    const counter *at = &counter_table[i];
    put(list, list_of(1, at->dtype), (char *)numbers + at->offset, false,
        TRAINING "%s", at->name);
  }
}

static void put_weights(pieces *list, const counters *numbers) {
  nacre_trainer *trainer = list->trainer;
  nacre_model *model = &trainer->model;
  const nacre_optimizer *optimizer = &trainer->optimizer;
  bool remote = model->device->ops->read != NULL;
  for (int i = 0; i < model->graph->n_variables; i++) {
    const nacre_variable *variable = &model->graph->variable[i];
    const char *name = variable->name;
    int64_t at = model->offset[i];
    put(list, variable->shape, model->params + at, remote, "%s", name);
    if (numbers->remembered != 0) {
      put(list, variable->shape, trainer->remembered + at, false,
          "remembered.%s", name);
    }
    if (numbers->best != 0) {
      put(list, variable->shape, trainer->best + at, false, "best.%s", name);
    }
    if (!variable->trained) {
      continue;
    }
    if (numbers->pending != 0) {
      put(list, variable->shape, model->grads + at, remote, "gradient.%s",
          name);
    }
    for (uint32_t j = 0; j < optimizer->n_slots; j++) {
      const char *const *names = optimizer->ops->slot_names;
      const char *slot = names != NULL ? names[j] : "slot";
      nacre_shape shape;
      real *state = nacre_optimizer_slot(optimizer, j, i, &shape);
      put(list, shape, state, remote, "optimizer.%u.%s.%s", j, slot, name);
    }
  }
  put(list, list_of(NACRE_OPT_SCALARS, NACRE_F64),
      trainer->optimizer.scalar, false, "optimizer.scalars");
}

/* Sums of the running epoch. At its end they have become numbers. */
static void put_measure(pieces *list) {
  nacre_measure *measure = &list->trainer->training.measure;
  int heads = list->trainer->experiment->graph.n_heads;
  put(list, list_of(heads, NACRE_F64), measure->loss, false, "measure.loss");
  put(list, list_of(heads, NACRE_F64), measure->rows, false, "measure.rows");
  for (int i = 0; i < measure->n_metrics; i++) {
    nacre_metric *metric = &measure->metric[i];
    put(list, list_of((int64_t)metric->state_size, NACRE_U8), metric->state,
        false, "metric.%s", metric->name);
  }
}

static void put_rest(pieces *list, const counters *numbers) {
  nacre_trainer *trainer = list->trainer;
  list->log = nacre_arena_alloc(list->arena, (size_t)trainer->n_logs + 1,
                                sizeof(double));
  list->failed |= list->log == NULL;
  put_weights(list, numbers);
  if (numbers->at != 0) {
    put_measure(list);
  }
  for (int i = 0; i < trainer->n_callbacks; i++) {
    nacre_bound_callback *callback = &trainer->callback[i];
    if (callback->ops->state_size > 0) {
      put(list, list_of((int64_t)callback->ops->state_size, NACRE_U8),
          callback->state, false, "callback.%d.%s", i,
          callback->choice->component->name);
    }
  }
  put(list, list_of(trainer->n_logs, NACRE_F64), list->log, false,
      TRAINING "log");
  put(list, list_of((int64_t)sizeof(trainer->stop_reason), NACRE_U8),
      trainer->stop_reason, false, TRAINING "stop_reason");
}

static void fini_pieces(pieces *list) {
  nacre_free(list->piece);
  nacre_arena_free(list->arena);
}

static bool init_pieces(pieces *list, nacre_trainer *trainer) {
  *list = (pieces){ .trainer = trainer, .arena = nacre_arena_new() };
  return list->arena != NULL;
}

/* Writing. */

static counters collect(const nacre_trainer *trainer) {
  const nacre_optimizer *optimizer = &trainer->optimizer;
  const nacre_measure *measure = &trainer->training.measure;
  return (counters){
    .epoch = trainer->epoch, .at = trainer->at, .step = optimizer->step,
    .pending = optimizer->pending, .closing = trainer->closing,
    .ended = trainer->ended, .stopped = trainer->stopped,
    .logged = trainer->logged, .validated = trainer->validated,
    .remembered = trainer->remembered != NULL, .best = trainer->best != NULL,
    .samples = measure->samples, .rate = optimizer->rate,
    .rate_scale = optimizer->rate_scale, .best_value = trainer->best_value,
    .penalty = measure->penalty, .seconds = nacre_clock() - trainer->started
  };
}

/* What the file is to hold: of the device's own memory a copy. */
static int make_entry(const pieces *list, const piece *from,
                      nacre_entry *entry) {
  nacre_device *device = &list->trainer->device;
  *entry = (nacre_entry){ from->name, from->shape, from->at };
  if (!from->remote) {
    return NACRE_OK;
  }
  size_t bytes = (size_t)nacre_shape_count(&from->shape) * sizeof(real);
  void *copy = nacre_arena_alloc(list->arena, bytes, 1);
  if (copy == NULL) {
    return NACRE_ERROR;
  }
  device->ops->read(device->self, copy, from->at, bytes);
  entry->data = copy;
  return NACRE_OK;
}

static int write_pieces(pieces *list, const char *path) {
  nacre_trainer *trainer = list->trainer;
  nacre_error *error = trainer->experiment->error;
  const nacre_device *device = &trainer->device;
  const nacre_identity *identity = nacre_state_identity(trainer);
  if (identity == NULL) {
    return NACRE_ERROR;
  }
  for (int i = 0; identity[i].name != NULL; i++) {
    put(list, list_of(2, NACRE_I64),
        (void *)(uintptr_t)identity[i].hash.word, false, IDENTITY "%s",
        identity[i].name);
  }
  nacre_entry *entry = nacre_arena_alloc(list->arena, (size_t)list->n + 1,
                                         sizeof(*entry));
  bool complete = entry != NULL && !list->failed;
  for (int i = 0; i < list->n && complete; i++) {
    complete = make_entry(list, &list->piece[i], &entry[i]) == NACRE_OK;
  }
  if (!complete) {
    return nacre_no_memory(error);
  }
  nacre_text_pair texts[] = {
    { "format", "nacre" }, { "nacre.precision", nacre_state_precision() },
    { "nacre.device", device->ops->describe != NULL
                        ? device->ops->describe(device->self)
                        : device->component->name },
  };
  return nacre_tensors_write(path, entry, list->n, texts,
                             (int)(sizeof(texts) / sizeof(texts[0])), error);
}

int nacre_state_write(nacre_trainer *trainer, const char *path) {
  pieces list;
  counters numbers = collect(trainer);
  nacre_rundir *dir = trainer->options.dir;
  numbers.lines = dir->lines;
  /* The lines that a state counts on are on the disk before it is. */
  int status = nacre_rundir_mark(dir, &numbers.jsonl, &numbers.csv,
                                 trainer->experiment->error);
  if (status == NACRE_OK && !init_pieces(&list, trainer)) {
    return nacre_no_memory(trainer->experiment->error);
  }
  if (status != NACRE_OK) {
    return status;
  }
  put_counters(&list, &numbers);
  put_rest(&list, &numbers);
  for (int i = 0; i < trainer->n_logs && list.log != NULL; i++) {
    list.log[i] = trainer->log[i].value;
  }
  status = write_pieces(&list, path);
  fini_pieces(&list);
  return status;
}

/* Reading. */

static int damaged(const char *path, const char *name, nacre_error *error) {
  nacre_place place = { .file = path };
  nacre_error_add(error, NACRE_EMODEL, &place,
                  "tensor '%s' is missing, or not what it should be", name);
  return NACRE_DECLINE;
}

static bool fits(const nacre_entry *entry, const nacre_shape *shape) {
  int32_t dtype = shape->dtype;
  if (dtype == NACRE_REAL) {
    dtype = sizeof(real) == sizeof(double) ? NACRE_F64 : NACRE_F32;
  }
  return entry != NULL && entry->shape.dtype == dtype &&
         nacre_shape_equal(&entry->shape, shape);
}

/* Every piece is there, and nothing else. */
static int check_pieces(const pieces *list, const nacre_tensors *tensors,
                        const char *path, nacre_error *error) {
  int known = 0;
  for (int i = 0; i < list->n; i++) {
    const piece *at = &list->piece[i];
    if (!fits(nacre_tensors_find(tensors, at->name), &at->shape)) {
      return damaged(path, at->name, error);
    }
  }
  for (int i = 0; i < tensors->n_entries; i++) {
    const char *name = tensors->entry[i].name;
    known += strncmp(name, IDENTITY, strlen(IDENTITY)) == 0 ? 1 : 0;
  }
  if (known + list->n != tensors->n_entries) {
    return damaged(path, "(one more)", error);
  }
  return NACRE_OK;
}

static void copy_pieces(const pieces *list, const nacre_tensors *tensors) {
  nacre_device *device = &list->trainer->device;
  for (int i = 0; i < list->n; i++) {
    const piece *to = &list->piece[i];
    const nacre_entry *entry = nacre_tensors_find(tensors, to->name);
    size_t bytes = (size_t)nacre_shape_count(&entry->shape) *
                   nacre_dtype_size(entry->shape.dtype);
    if (to->remote) {
      device->ops->write(device->self, to->at, entry->data, bytes);
    } else {
      memcpy(to->at, entry->data, bytes);
    }
  }
}

/* Numbers that could have been written at all. */
static bool is_sound(const nacre_trainer *trainer, const counters *numbers) {
  int64_t done = 0;
  int64_t each =
    trainer->experiment->optimizer.update.gradient_accumulation_steps;
  return numbers->at >= 0 && numbers->at < trainer->batches &&
         nacre_int_mul(numbers->epoch, trainer->batches, &done) &&
         nacre_int_add(done, numbers->at, &done) && numbers->step >= 0 &&
         numbers->step <= done && numbers->pending >= 0 &&
         numbers->pending < each && numbers->samples >= 0 &&
         numbers->lines >= 0 && numbers->jsonl >= 0 && numbers->csv >= 0 &&
         !(numbers->closing != 0 && numbers->at != 0);
}

static int make_room(nacre_trainer *trainer, const counters *numbers,
                     nacre_error *error) {
  size_t n = (size_t)trainer->model.total + 1;
  if (numbers->remembered != 0 && trainer->remembered == NULL) {
    trainer->remembered = nacre_alloc(n, sizeof(real));
  }
  if (numbers->best != 0 && trainer->best == NULL) {
    trainer->best = nacre_alloc(n, sizeof(real));
  }
  return (numbers->remembered == 0 || trainer->remembered != NULL) &&
         (numbers->best == 0 || trainer->best != NULL)
    ? NACRE_OK : nacre_no_memory(error);
}

static void apply(nacre_trainer *trainer, const counters *numbers,
                  const double *log) {
  nacre_optimizer *optimizer = &trainer->optimizer;
  trainer->epoch = numbers->epoch;
  trainer->at = numbers->at;
  trainer->closing = numbers->closing != 0;
  trainer->ended = numbers->ended != 0;
  trainer->stopped = numbers->stopped != 0;
  trainer->logged = numbers->logged != 0;
  trainer->validated = numbers->validated != 0;
  trainer->best_value = numbers->best_value;
  trainer->started = nacre_clock() - numbers->seconds;
  trainer->training.measure.samples = numbers->samples;
  trainer->training.measure.penalty = numbers->penalty;
  optimizer->step = numbers->step;
  optimizer->pending = numbers->pending;
  optimizer->rate = numbers->rate;
  optimizer->rate_scale = numbers->rate_scale;
  trainer->stop_reason[sizeof(trainer->stop_reason) - 1] = '\0';
  for (int i = 0; i < trainer->n_logs; i++) {
    trainer->log[i].value = log[i];
  }
  trainer->resumed = true;
}

static int read_counters(nacre_trainer *trainer, counters *numbers,
                         const nacre_tensors *tensors, const char *path,
                         nacre_error *error) {
  for (int i = 0; i < N_COUNTERS; i++) {
    const counter *at = &counter_table[i];
    char name[64];
    nacre_shape shape = list_of(1, at->dtype);
    snprintf(name, sizeof(name), TRAINING "%s", at->name);
    const nacre_entry *entry = nacre_tensors_find(tensors, name);
    if (!fits(entry, &shape)) {
      return damaged(path, name, error);
    }
    memcpy((char *)numbers + at->offset, entry->data, sizeof(int64_t));
  }
  return is_sound(trainer, numbers) ? NACRE_OK
                                    : damaged(path, TRAINING "at", error);
}

static int read_pieces(pieces *list, const nacre_tensors *tensors,
                       const char *path, nacre_error *error) {
  nacre_trainer *trainer = list->trainer;
  counters numbers = { 0 };
  int status = read_counters(trainer, &numbers, tensors, path, error);
  if (status == NACRE_OK) {
    status = make_room(trainer, &numbers, error);
  }
  if (status != NACRE_OK) {
    return status;
  }
  put_counters(list, &numbers);
  put_rest(list, &numbers);
  if (list->failed) {
    return nacre_no_memory(error);
  }
  status = check_pieces(list, tensors, path, error);
  if (status == NACRE_OK) {
    /* Lines are on the disk before the state that counts on them. */
    status = nacre_rundir_rewind(trainer->options.dir, numbers.lines,
                                 numbers.jsonl, numbers.csv, error);
  }
  if (status == NACRE_OK) {
    copy_pieces(list, tensors);
    trainer->model.version++;
    apply(trainer, &numbers, list->log);
  }
  return status;
}

int nacre_state_read(nacre_trainer *trainer, const char *path,
                     nacre_error *error) {
  pieces list;
  nacre_tensors tensors = { 0 };
  int status = nacre_tensors_read(&tensors, path, error);
  if (status != NACRE_OK) {
    status = NACRE_DECLINE;
  } else {
    status = nacre_state_compare(trainer, &tensors, path, error);
  }
  if (status == NACRE_OK && !init_pieces(&list, trainer)) {
    status = nacre_no_memory(error);
  } else if (status == NACRE_OK) {
    status = read_pieces(&list, &tensors, path, error);
    fini_pieces(&list);
  }
  nacre_tensors_fini(&tensors);
  return status;
}
