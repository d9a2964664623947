/* SPDX-License-Identifier: MIT */
/* found: plugin descriptions to lines of text and back. */
#include "found.h"

#include "registry.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* More than any module has; a damaged line must not ask for gigabytes. */
#define MAX_COMPONENTS 1000

static void hash_string(nacre_hash *hash, const char *text) {
  if (text != NULL) {
    nacre_hash_add(hash, text, strlen(text) + 1);
  } else {
    nacre_hash_add(hash, "\1", 1);
  }
}

/* Providers of one name must agree in what a config can say to them. */
static uint64_t fingerprint(nacre_span params) {
  nacre_hash hash = { { 0, 0 } };
  for (uint32_t i = 0; i < params.n; i++) {
    const nacre_param *param =
      (const nacre_param *)(const void *)((const char *)params.at +
                                          (size_t)i * params.stride);
    hash_string(&hash, param->name);
    hash_string(&hash, param->def);
    hash_string(&hash, param->range);
    nacre_hash_add(&hash, &param->type, sizeof param->type);
  }
  return hash.word[0];
}

int nacre_found_describe(nacre_arena *arena, const nacre_module *module,
                         nacre_found *found) {
  nacre_span all = module->components;
  found->module = module->name;
  found->version = module->version;
  found->component =
    nacre_arena_alloc(arena, all.n, sizeof found->component[0]);
  if (found->component == NULL) {
    return NACRE_ERROR;
  }
  found->count = (int)all.n;
  for (uint32_t i = 0; i < all.n; i++) {
    const nacre_component *component =
      (const nacre_component *)(const void *)((const char *)all.at +
                                              (size_t)i * all.stride);
    nacre_found_component *out = &found->component[i];
    out->kind = component->kind;
    out->contract = component->contract;
    out->rank = component->rank;
    out->table = fingerprint(component->params);
    out->name = component->name;
    out->aliases = component->aliases;
    out->device = component->device;
    out->summary = component->summary;
  }
  return NACRE_OK;
}

void nacre_found_refuse(nacre_arena *arena, nacre_found *found,
                        const char *reason) {
  char *copy = nacre_arena_strndup(arena, reason, strlen(reason));
  for (char *at = copy; at != NULL && *at != '\0'; at++) {
    if ((unsigned char)*at < ' ' || *at == 0x7f) {
      *at = ' ';
    }
  }
  found->reason = copy != NULL ? copy : "refused, and out of memory";
  found->component = NULL;
  found->count = 0;
}

void nacre_found_put(nacre_text *text, const nacre_found *found) {
  if (found->reason != NULL) {
    nacre_text_printf(text, "%s\t%s\n",
                      found->passing ? "passing" : "refused", found->reason);
    return;
  }
  nacre_text_printf(text, "module\t%s\t%s\t%d\n", found->module,
                    found->version, found->count);
  for (int i = 0; i < found->count; i++) {
    const nacre_found_component *c = &found->component[i];
    nacre_text_printf(text,
                      "component\t%s\t%s\t%s\t%s\t%" PRIu32 "\t%" PRId32
                      "\t%" PRIx64 "\t%s\n",
                      nacre_kind_name(c->kind), c->name,
                      c->aliases != NULL ? c->aliases : "",
                      c->device != NULL ? c->device : "", c->contract,
                      c->rank, c->table, c->summary);
  }
}

char *nacre_found_field(char **line) {
  char *field = *line;
  char *end = strchr(field, '\t');
  if (end != NULL) {
    *end = '\0';
    *line = end + 1;
  } else {
    *line = field + strlen(field);
  }
  return field;
}

bool nacre_found_number(const char *field, int base, uint64_t *value) {
  char *end = NULL;
  errno = 0;
  if (field[0] < '0' || field[0] > 'f') {
    return false;
  }
  *value = strtoull(field, &end, base);
  return errno == 0 && *end == '\0';
}

static bool take_module(nacre_arena *arena, nacre_found *found, char *line) {
  uint64_t count = 0;
  found->module = nacre_found_field(&line);
  found->version = nacre_found_field(&line);
  if (found->module[0] == '\0' ||
      !nacre_found_number(nacre_found_field(&line), 10, &count) ||
      count > MAX_COMPONENTS || found->component != NULL) {
    return false;
  }
  found->count = (int)count;
  found->component =
    nacre_arena_alloc(arena, (size_t)count, sizeof found->component[0]);
  return found->component != NULL;
}

/* Components are taken in order: the first without a name is the next. */
static bool take_component(nacre_found *found, char *line) {
  nacre_found_component *c = found->component;
  int left = found->count;
  while (left > 0 && c->name != NULL) {
    c++;
    left--;
  }
  if (left == 0) {
    return false;
  }
  c->kind = nacre_kind_from_name(nacre_found_field(&line));
  c->name = nacre_found_field(&line);
  c->aliases = nacre_found_field(&line);
  c->device = nacre_found_field(&line);
  uint64_t contract = 0;
  bool numbers = nacre_found_number(nacre_found_field(&line), 10, &contract);
  const char *rank = nacre_found_field(&line);
  bool negative = rank[0] == '-';
  uint64_t size = 0;
  numbers = nacre_found_number(rank + (negative ? 1 : 0), 10, &size) && numbers;
  numbers = nacre_found_number(nacre_found_field(&line), 16, &c->table) &&
            numbers;
  if (!numbers || contract > UINT32_MAX || size > INT32_MAX ||
      c->kind == 0 || c->name[0] == '\0') {
    return false;
  }
  c->contract = (uint32_t)contract;
  c->rank = negative ? -(int32_t)size : (int32_t)size;
  c->summary = line;
  if (c->aliases[0] == '\0') {
    c->aliases = NULL;
  }
  if (c->device[0] == '\0') {
    c->device = NULL;
  }
  return true;
}

bool nacre_found_take(nacre_arena *arena, nacre_found *found, char *line) {
  const char *what = nacre_found_field(&line);
  if (strcmp(what, "refused") == 0 || strcmp(what, "passing") == 0) {
    nacre_found_refuse(arena, found, line);
    found->passing = what[0] == 'p';
    return line[0] != '\0';
  }
  if (strcmp(what, "module") == 0) {
    return take_module(arena, found, line);
  }
  if (strcmp(what, "component") == 0) {
    return take_component(found, line);
  }
  return false;
}

bool nacre_found_whole(const nacre_found *found) {
  if (found->reason != NULL) {
    return true;
  }
  return found->module != NULL && found->count > 0 &&
         found->component[found->count - 1].name != NULL;
}
