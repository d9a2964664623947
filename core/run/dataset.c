/* SPDX-License-Identifier: MIT */
#include "run/dataset.h"

#include "yaml/report.h"

#include <string.h>

static nacre_place choice_place(const nacre_choice *choice) {
  nacre_place none = { 0 };
  return choice->node != NULL ? nacre_node_place(choice->node) : none;
}

/* A problem within a file does not say why the file was read. */
static void say_who_reads(nacre_error *error, const nacre_place *place) {
  const nacre_problem *last =
    error->count > 0 ? &error->problem[error->count - 1] : NULL;
  if (last != NULL && last->file != NULL && last->hint == NULL &&
      place->file != NULL && strcmp(last->file, place->file) != 0) {
    nacre_error_hint(error, "asked for by %s:%d", place->file,
                     place->line);
  }
}

/* Samples of a batch must be a tensor whose elements can be counted. */
static bool is_countable(const nacre_shape *shape) {
  int64_t count = 1;
  if (shape->rank < 0 || shape->rank > NACRE_RANK_MAX - 1) {
    return false;
  }
  for (int i = 0; i < shape->rank; i++) {
    if (shape->dim[i] < 1 || !nacre_int_mul(count, shape->dim[i], &count)) {
      return false;
    }
  }
  return count <= INT64_MAX / 64;
}

static int check_fields(const nacre_dataset *set, nacre_error *error,
                        const nacre_place *place) {
  for (int i = 0; i < set->n_fields; i++) {
    if (!is_countable(&set->field[i].shape)) {
      return nacre_error_add(error, NACRE_EDATA, place,
                             "samples of field '%s' are empty, have more "
                             "than %d axes, or more elements than can be "
                             "counted", set->field[i].name,
                             NACRE_RANK_MAX - 1);
    }
  }
  return NACRE_OK;
}

static int open_source(nacre_dataset *set, nacre_params_ctx *ctx,
                       const nacre_choice *choice, const char *state,
                       uint32_t flags) {
  nacre_place place = choice_place(choice);
  nacre_error_fail fail;
  *set = (nacre_dataset){ .choice = choice,
                          .ops = choice->component->ops };
  nacre_source_open open = {
    .size = sizeof(open), .flags = flags,
    .host = nacre_registry_host(ctx->registry), .cfg = choice->cfg,
    .fail = nacre_error_fail_init(&fail, ctx->error, NACRE_EDATA, &place),
    .state = state
  };
  int problems = ctx->error->errors;
  if (set->ops->open(&open, &set->self) != NACRE_OK) {
    set->self = NULL;
    if (ctx->error->errors == problems) {
      nacre_error_add(ctx->error, NACRE_EDATA, &place,
                      "data source '%s' could not be opened",
                      choice->component->name);
    }
    say_who_reads(ctx->error, &place);
    return NACRE_ERROR;
  }
  nacre_span fields = set->ops->fields(set->self);
  set->field = fields.at;
  set->n_fields = (int)fields.n;
  return check_fields(set, ctx->error, &place);
}

int nacre_dataset_open(nacre_dataset *set, nacre_params_ctx *ctx,
                       const nacre_choice *choice, const char *state,
                       bool predicting) {
  if (open_source(set, ctx, choice, state,
                  predicting ? NACRE_OPEN_PREDICT : 0) != NACRE_OK) {
    return NACRE_ERROR;
  }
  set->count = set->ops->count(set->self);
  if (set->count < 1) {
    nacre_place place = choice_place(choice);
    return nacre_error_add(ctx->error, NACRE_EDATA, &place,
                           "the data has no samples");
  }
  return NACRE_OK;
}

int nacre_dataset_open_tokens(nacre_dataset *set, nacre_params_ctx *ctx,
                              const nacre_choice *choice,
                              const char *state) {
  return open_source(set, ctx, choice, state,
                     NACRE_OPEN_PREDICT | NACRE_OPEN_TOKENS);
}

void nacre_dataset_close(nacre_dataset *set) {
  if (set->self != NULL) {
    set->ops->close(set->self);
  }
  *set = (nacre_dataset){ 0 };
}

int nacre_dataset_state(const nacre_dataset *set, nacre_params_ctx *ctx,
                        nacre_bytes *out) {
  *out = (nacre_bytes){ NULL, 0 };
  if (set->ops->state == NULL) {
    return NACRE_OK;
  }
  if (set->ops->state(set->self, nacre_registry_host(ctx->registry), out) !=
      NACRE_OK) {
    return nacre_no_memory(ctx->error);
  }
  return NACRE_OK;
}

int nacre_dataset_find(const nacre_dataset *set, const char *name,
                       bool target, bool alone) {
  int found = -1, fitting = 0;
  for (int i = 0; i < set->n_fields; i++) {
    const nacre_field *field = &set->field[i];
    bool is_target = (field->flags & NACRE_FIELD_TARGET) != 0;
    if (is_target == target && strcmp(field->name, name) == 0) {
      return i;
    }
    if (is_target == target && strcmp(field->name, "sample_weight") != 0) {
      found = i;
      fitting++;
    }
  }
  return alone && fitting == 1 ? found : -1;
}

/* Pipes. */

static int add_stage(nacre_pipe *pipe, const nacre_transform *transform,
                     nacre_params_ctx *ctx) {
  nacre_place place = choice_place(&transform->choice);
  nacre_error_fail fail;
  nacre_field in = pipe->field;
  in.shape = pipe->shape;
  nacre_transform_plan plan = {
    .size = sizeof(plan), .cfg = transform->choice.cfg, .in = in,
    .fail = nacre_error_fail_init(&fail, ctx->error, NACRE_ECONFIG, &place),
    .out = pipe->shape
  };
  if (transform->ops->plan(&plan) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (!is_countable(&plan.out)) {
    return nacre_error_add(ctx->error, NACRE_ECONFIG, &place,
                           "its samples would be empty, have more than %d "
                           "axes, or more elements than can be counted",
                           NACRE_RANK_MAX - 1);
  }
  /* It is left out of evaluation, where the next stage must do without. */
  if ((transform->ops->flags & NACRE_TRANSFORM_RANDOM) != 0 &&
      !nacre_shape_equal(&in.shape, &plan.out)) {
    return nacre_error_add(ctx->error, NACRE_EPLUGIN, &place,
                           "a random transform must keep the shape");
  }
  struct nacre_stage *stage = &pipe->stage[pipe->n_stages++];
  *stage = (struct nacre_stage){ .transform = transform, .in = pipe->shape,
                                 .out = plan.out,
                                 .state_count = plan.state_count };
  pipe->shape = plan.out;
  if (plan.state_count > 0) {
    stage->state = nacre_alloc((size_t)plan.state_count, sizeof(double));
    if (stage->state == NULL) {
      return nacre_no_memory(ctx->error);
    }
    for (int64_t i = 0; i < plan.state_count && i < NACRE_TRANSFORM_START;
         i++) {
      stage->state[i] = plan.start[i];
    }
  }
  return NACRE_OK;
}

int nacre_pipe_make(nacre_pipe *pipe, const nacre_field *field,
                    const nacre_transform *transforms, int n_transforms,
                    nacre_params_ctx *ctx) {
  *pipe = (nacre_pipe){ .field = *field, .shape = field->shape };
  pipe->stage = nacre_alloc((size_t)n_transforms + 1, sizeof(*pipe->stage));
  if (pipe->stage == NULL) {
    return nacre_no_memory(ctx->error);
  }
  bool target = (field->flags & NACRE_FIELD_TARGET) != 0;
  for (int i = 0; i < n_transforms; i++) {
    bool applies = transforms[i].field == NULL
      ? !target && strcmp(field->name, "sample_weight") != 0
      : strcmp(transforms[i].field, field->name) == 0;
    if (applies && add_stage(pipe, &transforms[i], ctx) != NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  return NACRE_OK;
}

void nacre_pipe_fini(nacre_pipe *pipe) {
  for (int i = 0; i < pipe->n_stages; i++) {
    nacre_free(pipe->stage[i].state);
  }
  nacre_free(pipe->stage);
  *pipe = (nacre_pipe){ 0 };
}

bool nacre_pipe_random(const nacre_pipe *pipe) {
  for (int i = 0; i < pipe->n_stages; i++) {
    if ((pipe->stage[i].transform->ops->flags & NACRE_TRANSFORM_RANDOM) !=
        0) {
      return true;
    }
  }
  return false;
}

bool nacre_pipe_invertible(const nacre_pipe *pipe) {
  for (int i = 0; i < pipe->n_stages; i++) {
    const struct nacre_stage *stage = &pipe->stage[i];
    if (stage->transform->ops->invert == NULL ||
        !nacre_shape_equal(&stage->in, &stage->out)) {
      return false;
    }
  }
  return true;
}

int nacre_pipe_invert(const nacre_pipe *pipe, int64_t n, real *x) {
  int status = NACRE_OK;
  for (int i = pipe->n_stages - 1; i >= 0 && status == NACRE_OK; i--) {
    const struct nacre_stage *stage = &pipe->stage[i];
    const nacre_transform *transform = stage->transform;
    status = transform->ops->invert(transform->choice.cfg, &stage->in,
                                    stage->state, n, x, x);
  }
  return status;
}

int64_t nacre_pipe_room(const nacre_pipe *pipe) {
  int64_t room = nacre_shape_count(&pipe->field.shape);
  for (int i = 0; i < pipe->n_stages; i++) {
    int64_t count = nacre_shape_count(&pipe->stage[i].out);
    room = count > room ? count : room;
  }
  return room;
}

/* The stages that change the shape, of the first `stages`. */
static int count_changes(const nacre_pipe *pipe, int stages) {
  int changes = 0;
  for (int i = 0; i < stages; i++) {
    changes += !nacre_shape_equal(&pipe->stage[i].in, &pipe->stage[i].out);
  }
  return changes;
}

/* Sends n samples through the first `stages` stages, from one of two blocks
 * to the other wherever the shape changes. */
static int apply_stages(const nacre_pipe *pipe, int stages, int64_t n,
                        bool training, nacre_key key, real *from,
                        real *other, nacre_fail *fail) {
  for (int i = 0; i < stages; i++) {
    const struct nacre_stage *stage = &pipe->stage[i];
    const nacre_transform *transform = stage->transform;
    bool random = (transform->ops->flags & NACRE_TRANSFORM_RANDOM) != 0;
    if (random && !training) {
      continue;
    }
    real *into = nacre_shape_equal(&stage->in, &stage->out) ? from : other;
    if (transform->ops->apply(
          transform->choice.cfg, &stage->in, stage->state,
          nacre_key_split(key, (uint32_t)transform->number), n, from, into,
          fail) != NACRE_OK) {
      return NACRE_ERROR;
    }
    other = into == from ? other : from;
    from = into;
  }
  return NACRE_OK;
}

int nacre_pipe_read(const nacre_pipe *pipe, const nacre_dataset *set,
                    int field, const int64_t *rows, int64_t n, int stages,
                    bool training, nacre_key key, real *out, real *work,
                    nacre_error *error) {
  nacre_place place = choice_place(set->choice);
  nacre_error_fail fail;
  nacre_fail *to =
    nacre_error_fail_init(&fail, error, NACRE_EDATA, &place);
  int last = stages < 0 ? pipe->n_stages : stages;
  /* Start in the block from which an even number of changes ends in out. */
  bool even = count_changes(pipe, last) % 2 == 0;
  real *from = even ? out : work;
  return set->ops->read(set->self, (uint32_t)field, rows, n, from, to) ==
             NACRE_OK
    ? apply_stages(pipe, last, n, training, key, from, even ? work : out, to)
    : NACRE_ERROR;
}

int nacre_pipe_apply(const nacre_pipe *pipe, const nacre_dataset *set,
                     const real *x, real *out, real *work,
                     nacre_error *error) {
  nacre_place place = choice_place(set->choice);
  nacre_error_fail fail;
  nacre_key none = { { 0, 0 }, { 0, 0 } };
  bool even = count_changes(pipe, pipe->n_stages) % 2 == 0;
  real *from = even ? out : work;
  memcpy(from, x,
         (size_t)nacre_shape_count(&pipe->field.shape) * sizeof(*x));
  return apply_stages(pipe, pipe->n_stages, 1, false, none, from,
                      even ? work : out,
                      nacre_error_fail_init(&fail, error, NACRE_EDATA,
                                            &place));
}

/* Fitting. */

/* Samples that a transform is shown at once, and numbers in them: samples of
 * images are large. */
#define FIT_BLOCK 1024
#define FIT_NUMBERS ((int64_t)1 << 22)

static int64_t fit_block(const nacre_pipe *pipe) {
  int64_t block = FIT_NUMBERS / nacre_pipe_room(pipe);
  return block < 1 ? 1 : block > FIT_BLOCK ? FIT_BLOCK : block;
}

static int fit_stage(nacre_pipe *pipe, int index, const nacre_split *split,
                     int field, real *out, real *work, int64_t *rows,
                     nacre_params_ctx *ctx) {
  struct nacre_stage *stage = &pipe->stage[index];
  const nacre_transform *transform = stage->transform;
  nacre_place place = choice_place(&transform->choice);
  nacre_error_fail fail;
  nacre_fail *to =
    nacre_error_fail_init(&fail, ctx->error, NACRE_EDATA, &place);
  nacre_key none = { { 0, 0 }, { 0, 0 } };
  int64_t block = fit_block(pipe);
  int more = 1;
  for (int32_t pass = 0; more == 1; pass++) {
    for (int64_t at = 0; at < split->n; at += block) {
      int64_t n = split->n - at < block ? split->n - at : block;
      for (int64_t i = 0; i < n; i++) {
        rows[i] = split->row != NULL ? split->row[at + i] : at + i;
      }
      if (nacre_pipe_read(pipe, split->set, field, rows, n, index, false,
                          none, out, work, ctx->error) != NACRE_OK ||
          transform->ops->fit(transform->choice.cfg, &stage->in,
                              stage->state, pass, n, out, to) ==
            NACRE_ERROR) {
        return NACRE_ERROR;
      }
    }
    more = transform->ops->fit(transform->choice.cfg, &stage->in,
                               stage->state, pass, 0, NULL, to);
  }
  return more;
}

int nacre_pipe_fit(nacre_pipe *pipe, const nacre_split *split, int field,
                   nacre_params_ctx *ctx) {
  bool any = false;
  for (int i = 0; i < pipe->n_stages; i++) {
    any = any || pipe->stage[i].state_count > 0;
  }
  if (!any) {
    return NACRE_OK;
  }
  size_t room = (size_t)nacre_pipe_room(pipe);
  size_t block = (size_t)fit_block(pipe);
  real *out = nacre_alloc(room, block * sizeof(real));
  real *work = nacre_alloc(room, block * sizeof(real));
  int64_t *rows = nacre_alloc(block, sizeof(*rows));
  int status = out != NULL && work != NULL && rows != NULL
    ? NACRE_OK : nacre_no_memory(ctx->error);
  for (int i = 0; i < pipe->n_stages && status == NACRE_OK; i++) {
    if (pipe->stage[i].state_count > 0 &&
        pipe->stage[i].transform->ops->fit != NULL) {
      status = fit_stage(pipe, i, split, field, out, work, rows, ctx);
    }
  }
  nacre_free(out);
  nacre_free(work);
  nacre_free(rows);
  return status;
}
