/* SPDX-License-Identifier: MIT */
/* params: fills config structs from the tree, and chooses components. */
#include "params.h"

#include "base/text.h"
#include "values.h"
#include "yaml/report.h"

#include <stdio.h>
#include <string.h>

const nacre_param *nacre_params_at(nacre_span params, uint32_t i) {
  const char *at = (const char *)params.at + (size_t)i * params.stride;
  return (const nacre_param *)(const void *)at;
}

static bool is_map(const nacre_node *node) {
  return node != NULL && node->kind == NACRE_NODE_MAP;
}

/* The value given for a parameter, under its name or its alias. */
static int given(const nacre_fill *fill, const nacre_param *param,
                 nacre_node *map, nacre_node **value) {
  *value = NULL;
  if (!is_map(map)) {
    return NACRE_OK;
  }
  *value = nacre_node_get(map, param->name);
  nacre_node *other =
    param->alias != NULL ? nacre_node_get(map, param->alias) : NULL;
  if (*value != NULL && other != NULL) {
    return nacre_report_key(fill->ctx->error, other, NACRE_ECONFIG,
                            "%s: '%s' is another name of '%s', which is "
                            "given too",
                            fill->what, param->alias, param->name);
  }
  if (other != NULL) {
    *value = other;
  }
  if (*value != NULL && (param->flags & NACRE_PARAM_DEPRECATED) != 0) {
    nacre_place place = nacre_node_key_place(*value);
    nacre_error_warn(fill->ctx->error, &place, "%s: '%s' is deprecated: %s",
                     fill->what, param->name,
                     param->doc != NULL ? param->doc : "");
  }
  return NACRE_OK;
}

static int report_missing(const nacre_fill *fill, const nacre_param *param,
                          const nacre_node *map) {
  nacre_fill at = *fill;
  if (map == NULL) {
    at.implied = true;
  }
  nacre_fill_report(&at, map, "%s needs '%s'", fill->what, param->name);
  char *about = nacre_param_describe(param);
  if (about != NULL) {
    nacre_error_hint(fill->ctx->error, "%s%s%s %s", param->name,
                     param->doc != NULL ? ": " : "",
                     param->doc != NULL ? param->doc : "", about);
  }
  nacre_free(about);
  return NACRE_ERROR;
}

static int fill_one(const nacre_fill *fill, const nacre_param *param,
                    nacre_node *map, void *field) {
  nacre_node *value = NULL;
  if (given(fill, param, map, &value) != NACRE_OK) {
    return NACRE_ERROR;
  }
  bool scheduled = (param->flags & NACRE_PARAM_SCHEDULABLE) != 0 &&
                   is_map(value) && nacre_node_peek(value, "type") != NULL;
  if (value != NULL && !scheduled) {
    return nacre_value_read(fill, param, value, field);
  }
  if (param->def != NULL) {
    nacre_fill implied = *fill;
    implied.near = fill->implied ? fill->near : map;
    return nacre_value_default(&implied, param, field);
  }
  return scheduled ? NACRE_OK : report_missing(fill, param, map);
}

static int fill_all(const nacre_fill *fill, nacre_span params, void *cfg,
                    nacre_node *map) {
  int status = NACRE_OK;
  for (uint32_t i = 0; i < params.n; i++) {
    const nacre_param *param = nacre_params_at(params, i);
    if (fill_one(fill, param, map, (char *)cfg + param->offset) != NACRE_OK) {
      status = NACRE_ERROR;
    }
  }
  return status;
}

int nacre_params_fill(nacre_params_ctx *ctx, nacre_span params, void *cfg,
                      const char *what, nacre_node *map) {
  nacre_fill fill = { ctx, what, false, NULL, 0 };
  return fill_all(&fill, params, cfg, map);
}

static bool listed(const char *const *list, const char *word) {
  for (; list != NULL && *list != NULL; list++) {
    if (strcmp(*list, word) == 0) {
      return true;
    }
  }
  return false;
}

/* All names that a key may have been meant for. Caller frees. */
static const char **candidates(nacre_span params, const char *const *more,
                               int *n) {
  size_t room = (size_t)params.n * 2;
  for (size_t i = 0; more != NULL && more[i] != NULL; i++) {
    room++;
  }
  const char **names = nacre_alloc(room, sizeof *names);
  *n = 0;
  if (names == NULL) {
    return NULL;
  }
  for (uint32_t i = 0; i < params.n; i++) {
    const nacre_param *param = nacre_params_at(params, i);
    names[(*n)++] = param->name;
    if (param->alias != NULL) {
      names[(*n)++] = param->alias;
    }
  }
  for (int own = *n; more != NULL && *more != NULL; more++) {
    bool twice = false;
    for (int i = 0; i < own; i++) {
      twice = twice || strcmp(names[i], *more) == 0;
    }
    if (!twice) {
      names[(*n)++] = *more;
    }
  }
  return names;
}

static void hint_key(nacre_error *error, nacre_span params,
                     const char *const *names, int n, const char *key) {
  const char *near = nacre_nearest(key, names, n);
  if (near == NULL) {
    nacre_text all = { NULL, 0, 0, false };
    for (int i = 0; i < n; i++) {
      nacre_text_printf(&all, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    if (n > 0 && !all.failed) {
      nacre_error_hint(error, "known keys: %s", all.at);
    }
    nacre_text_fini(&all);
    return;
  }
  const nacre_param *meant = NULL;
  for (uint32_t i = 0; i < params.n; i++) {
    const nacre_param *param = nacre_params_at(params, i);
    if (strcmp(param->name, near) == 0 ||
        (param->alias != NULL && strcmp(param->alias, near) == 0)) {
      meant = param;
    }
  }
  char *about = meant != NULL ? nacre_param_describe(meant) : NULL;
  nacre_error_hint(error, "did you mean '%s'?%s%s", near,
                   about != NULL ? " " : "", about != NULL ? about : "");
  nacre_free(about);
}

int nacre_params_unknown(nacre_params_ctx *ctx, nacre_span params,
                         const char *const *more, const char *what,
                         nacre_node *map) {
  int status = NACRE_OK;
  int n = 0;
  const char **names = NULL;
  for (nacre_node *item = is_map(map) ? map->first : NULL; item != NULL;
       item = item->next) {
    if (item->used || item->key == NULL || listed(more, item->key->text)) {
      continue;
    }
    if (names == NULL) {
      names = candidates(params, more, &n);
    }
    status = nacre_report_key(ctx->error, item, NACRE_ECONFIG,
                              "unknown key '%s' for %s", item->key->text,
                              what);
    if (names != NULL) {
      hint_key(ctx->error, params, names, n, item->key->text);
    }
  }
  nacre_free(names);
  return status;
}

/* Says what is known about a name that no provider has. */
static int report_unknown(const nacre_fill *fill, uint32_t kind,
                          const char *name, const nacre_node *node) {
  nacre_registry *registry = fill->ctx->registry;
  nacre_error *error = fill->ctx->error;
  const char *what = nacre_kind_name(kind);
  const char *refused = nacre_registry_refused_for(registry, kind, name);
  if (refused != NULL) {
    nacre_fill_report(fill, node, "the plugin of %s '%s' was refused: %s",
                      what, name, refused);
    return NACRE_ERROR;
  }
  nacre_fill_report(fill, node, "unknown %s '%s'", what, name);
  for (uint32_t other = 1; other < NACRE_KIND_COUNT; other++) {
    if (other != kind && nacre_registry_has(registry, other, name)) {
      nacre_error_hint(error, "'%s' is known, but as %s", name,
                       nacre_kind_name(other));
      return NACRE_ERROR;
    }
  }
  const char *near = nacre_registry_nearest(registry, kind, name);
  if (near != NULL) {
    nacre_error_hint(error, "did you mean '%s'?", near);
  } else if (nacre_registry_count(registry) == 0) {
    nacre_error_hint(error, "no plugins were found: is NACRE_PLUGIN_PATH "
                            "set to where they are?");
  } else {
    nacre_error_hint(error, "'nacre plugins' lists what there is");
  }
  return NACRE_ERROR;
}

/* Finds the nth component of a name and fills its struct; `map` NULL: all
 * defaults. */
static int choose(const nacre_fill *fill, uint32_t kind, const char *name,
                  int nth, nacre_node *node, nacre_node *map,
                  nacre_choice *out) {
  nacre_params_ctx *ctx = fill->ctx;
  int before = ctx->error->errors;
  int first = ctx->error->count;
  out->component =
    nacre_registry_find(ctx->registry, kind, name, ctx->device, nth,
                        ctx->error);
  if (out->component == NULL) {
    const nacre_node *at = fill->implied ? fill->near : node;
    if (ctx->error->errors == before && nth > 0) {
      return NACRE_DECLINE;
    }
    if (ctx->error->errors == before) {
      return report_unknown(fill, kind, name, node);
    }
    if (at != NULL) {
      nacre_place place = nacre_node_place(at);
      nacre_error_locate(ctx->error, first, &place);
    }
    return NACRE_ERROR;
  }
  const nacre_component *component = out->component;
  char what[128];
  snprintf(what, sizeof what, "%s '%.80s'", nacre_kind_name(kind),
           component->name);
  if (component->cfg_size > 0) {
    out->cfg = nacre_arena_alloc(ctx->arena, 1, component->cfg_size);
    if (out->cfg == NULL) {
      return nacre_no_memory(ctx->error);
    }
  }
  nacre_fill inner = { ctx, what, fill->implied, fill->near,
                       fill->depth + 1 };
  return fill_all(&inner, component->params, out->cfg,
                  map != NULL ? map : node);
}

/* The scalar that names a component; NULL with a problem. */
static nacre_node *name_of(const nacre_fill *fill, uint32_t kind,
                           nacre_node *node) {
  const char *what = nacre_kind_name(kind);
  nacre_node *type = is_map(node) ? nacre_node_get(node, "type") : node;
  if (type == NULL) {
    nacre_fill_report(fill, node, "this %s has no 'type'", what);
    return NULL;
  }
  if (type->kind != NACRE_NODE_SCALAR || nacre_node_is_null(type)) {
    nacre_fill_report(
      fill, type, "expected the name of a component of kind '%s'%s, got %s",
      what, type == node ? ", or {type: name, ...}" : "",
      type->kind == NACRE_NODE_SCALAR ? "null"
      : type->kind == NACRE_NODE_LIST ? "a list"
                                      : "a map");
    return NULL;
  }
  return type;
}

int nacre_fill_known(const nacre_fill *fill, uint32_t kind,
                     nacre_node *node) {
  nacre_node *type = name_of(fill, kind, node);
  if (type == NULL) {
    return NACRE_ERROR;
  }
  return nacre_registry_has(fill->ctx->registry, kind, type->text)
    ? NACRE_OK : report_unknown(fill, kind, type->text, type);
}

int nacre_fill_choose(const nacre_fill *fill, uint32_t kind, nacre_node *node,
                      const char *const *universal, bool keep_unknown,
                      nacre_choice *out) {
  const char *what = nacre_kind_name(kind);
  memset(out, 0, sizeof *out);
  out->node = node;
  nacre_node *type = name_of(fill, kind, node);
  if (type == NULL) {
    return NACRE_ERROR;
  }
  nacre_node *map = is_map(node) ? node : NULL;
  int status = choose(fill, kind, type->text, 0, type, map, out);
  if (map == NULL || keep_unknown || out->component == NULL) {
    return status;
  }
  char owner[128];
  snprintf(owner, sizeof owner, "%s '%.80s'", what, out->component->name);
  if (nacre_params_unknown(fill->ctx, out->component->params, universal,
                           owner, map) != NACRE_OK) {
    status = NACRE_ERROR;
  }
  return status;
}

int nacre_choose(nacre_params_ctx *ctx, uint32_t kind, nacre_node *node,
                 const char *const *universal, bool keep_unknown,
                 nacre_choice *out) {
  nacre_fill fill = { ctx, nacre_kind_name(kind), false, NULL, 0 };
  return nacre_fill_choose(&fill, kind, node, universal, keep_unknown, out);
}

int nacre_choose_again(nacre_params_ctx *ctx, uint32_t kind, int nth,
                       nacre_choice *choice) {
  nacre_fill fill = { ctx, nacre_kind_name(kind), false, NULL, 0 };
  nacre_node *node = choice->node;
  nacre_node *type = name_of(&fill, kind, node);
  return type == NULL ? NACRE_ERROR
    : choose(&fill, kind, type->text, nth, type,
             is_map(node) ? node : NULL, choice);
}

int nacre_choose_name(nacre_params_ctx *ctx, uint32_t kind, const char *name,
                      const nacre_node *near, nacre_choice *out) {
  nacre_fill fill = { ctx, nacre_kind_name(kind), true, near, 0 };
  memset(out, 0, sizeof *out);
  return choose(&fill, kind, name, 0, NULL, NULL, out);
}
