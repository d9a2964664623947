/* SPDX-License-Identifier: MIT */
/* verify_params: checks a parameter table: the host will write the config
 * struct by it, so every field must lie inside and apart from the others. */
#include "verify.h"

#include "range.h"
#include "values.h"

#include <stdio.h>
#include <string.h>

#define MAX_PARAMS 1000u

typedef struct subject {
  const nacre_component *component;
  const nacre_param *param;
  char *reason;
  size_t room;
} subject;

static bool flaw(const subject *at, const char *text) {
  const nacre_component *component = at->component;
  bool named = at->param != NULL && nacre_verify_name(at->param->name);
  snprintf(at->reason, at->room, "%s '%.63s': %s%s%s%s",
           nacre_kind_name(component->kind), component->name,
           named ? "parameter '" : "", named ? at->param->name : "",
           named ? "' " : "", text);
  return false;
}

static size_t alignment(uint32_t type) {
  switch (type) {
    case NACRE_TYPE_BOOL:
      return _Alignof(bool);
    case NACRE_TYPE_ENUM:
      return _Alignof(nacre_enum);
    default:
      return _Alignof(double) > _Alignof(void *) ? _Alignof(void *)
                                                 : _Alignof(double);
  }
}

static bool check_field(const subject *at) {
  const nacre_param *param = at->param;
  size_t size = nacre_value_size(param->type);
  size_t cfg = at->component->cfg_size;
  if (size == 0) {
    return flaw(at, "has an unknown type");
  }
  if (size > cfg || param->offset > cfg - size) {
    return flaw(at, "lies outside the config struct");
  }
  if (param->offset % alignment(param->type) != 0) {
    return flaw(at, "is not aligned");
  }
  return true;
}

static bool check_range(const subject *at) {
  const nacre_param *param = at->param;
  nacre_range range;
  switch (param->type) {
    case NACRE_TYPE_ENUM:
      if (param->range == NULL || nacre_range_words(param->range) == 0) {
        return flaw(at, "is a choice without words");
      }
      return true;
    case NACRE_TYPE_REF:
      if (param->range == NULL || nacre_kind_from_name(param->range) == 0) {
        return flaw(at, "does not say which kind it refers to");
      }
      return true;
    case NACRE_TYPE_STRING:
    case NACRE_TYPE_STRINGS:
    case NACRE_TYPE_STRING_MAP:
      if (param->range != NULL && nacre_range_words(param->range) == 0) {
        return flaw(at, "has a range that is not a list of words");
      }
      return true;
    default:
      if (!nacre_range_parse(param->range, &range)) {
        return flaw(at, "has a range that is not an interval");
      }
      return true;
  }
}

/* A default must pass the reading that a config's value has to pass. */
static bool check_default(const subject *at) {
  union {
    double align;
    void *pointer;
    char bytes[64];
  } field;
  memset(&field, 0, sizeof field);
  nacre_error error;
  nacre_error_init(&error);
  nacre_arena *arena = nacre_arena_new();
  bool good = true;
  if (arena != NULL && at->param->def != NULL) {
    nacre_params_ctx ctx = { NULL, arena, &error, NULL };
    nacre_fill fill = { &ctx, "default", true, NULL, 0 };
    good = nacre_value_default(&fill, at->param, &field) == NACRE_OK;
  }
  if (!good) {
    char text[200];
    const char *cause = error.count > 0 ? error.problem[0].text : "?";
    const char *core = strstr(cause, "expected");
    snprintf(text, sizeof text, "has a bad default: %.150s",
             core != NULL ? core : cause);
    flaw(at, text);
  }
  nacre_arena_free(arena);
  nacre_error_fini(&error);
  return good;
}

static bool same_name(const nacre_param *a, const nacre_param *b) {
  return strcmp(a->name, b->name) == 0 ||
         (a->alias != NULL && strcmp(a->alias, b->name) == 0) ||
         (b->alias != NULL && strcmp(a->name, b->alias) == 0) ||
         (a->alias != NULL && b->alias != NULL &&
          strcmp(a->alias, b->alias) == 0);
}

static bool check_apart(const subject *at, uint32_t before) {
  const nacre_param *param = at->param;
  size_t begin = param->offset;
  size_t end = begin + nacre_value_size(param->type);
  for (uint32_t i = 0; i < before; i++) {
    const nacre_param *other = nacre_params_at(at->component->params, i);
    if (same_name(param, other)) {
      return flaw(at, "has a name that is taken");
    }
    if (begin < other->offset + nacre_value_size(other->type) &&
        other->offset < end) {
      return flaw(at, "overlaps another in the config struct");
    }
  }
  return true;
}

bool nacre_verify_params(const nacre_component *component, char *reason,
                         size_t room) {
  nacre_span params = component->params;
  subject at = { component, NULL, reason, room };
  if (params.n == 0) {
    return true;
  }
  if (params.at == NULL || params.n > MAX_PARAMS ||
      params.stride < sizeof(nacre_param) ||
      params.stride % sizeof(void *) != 0 ||
      (uintptr_t)params.at % sizeof(void *) != 0) {
    return flaw(&at, "its table of parameters is damaged");
  }
  for (uint32_t i = 0; i < params.n; i++) {
    at.param = nacre_params_at(params, i);
    if (!nacre_verify_name(at.param->name)) {
      return flaw(&at, "a parameter has a bad name");
    }
    if (at.param->alias != NULL && !nacre_verify_name(at.param->alias)) {
      return flaw(&at, "has a bad alias");
    }
    if (!check_field(&at) || !check_range(&at) || !check_apart(&at, i) ||
        !check_default(&at)) {
      return false;
    }
  }
  return true;
}
