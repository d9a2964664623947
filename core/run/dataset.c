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
bool nacre_dataset_countable(const nacre_shape *shape) {
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
    if (!nacre_dataset_countable(&set->field[i].shape)) {
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
    if ((field->flags & NACRE_FIELD_GROUP) != 0) {
      continue;
    }
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
