/* SPDX-License-Identifier: MIT */
#include "providers.h"

#include "base/sys.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_kind(const void *a, const void *b) {
  const nacre_provider *x = *(const nacre_provider *const *)a;
  const nacre_provider *y = *(const nacre_provider *const *)b;
  if (x->kind != y->kind) {
    return x->kind < y->kind ? -1 : 1;
  }
  int order = strcmp(x->name, y->name);
  if (order == 0 && x->rank != y->rank) {
    order = x->rank > y->rank ? -1 : 1;
  }
  /* Of equal ones the registry's order decides, which is the array's. */
  return order != 0 ? order : x < y ? -1 : x > y;
}

const nacre_provider **providers_list(const nacre_registry *registry,
                                      uint32_t kind, int *n) {
  int count = nacre_registry_count(registry);
  const nacre_provider **list = nacre_alloc((size_t)count + 1, sizeof(*list));
  *n = 0;
  for (int i = 0; list != NULL && i < count; i++) {
    const nacre_provider *one = nacre_registry_at(registry, i);
    if (kind == 0 || one->kind == kind) {
      list[(*n)++] = one;
    }
  }
  if (list != NULL) {
    qsort((void *)list, (size_t)*n, sizeof(*list), by_kind);
  }
  return list;
}

void providers_unknown_kind(const char *verb, const char *word) {
  fprintf(stderr, "nacre %s: there is no kind '%s'", verb, word);
  for (uint32_t kind = 1; kind < NACRE_KIND_COUNT; kind++) {
    if (nacre_text_distance(word, nacre_kind_name(kind), 2) <= 2) {
      fprintf(stderr, "; did you mean '%s'?\n", nacre_kind_name(kind));
      return;
    }
  }
  fprintf(stderr, "; the kinds are");
  for (uint32_t kind = 1; kind < NACRE_KIND_COUNT; kind++) {
    fprintf(stderr, "%s %s", kind > 1 ? "," : "", nacre_kind_name(kind));
  }
  fputc('\n', stderr);
}

static int unknown(const nacre_registry *registry, uint32_t kind,
                   const char *name) {
  const char *reason = NULL, *near = NULL;
  uint32_t first = kind != 0 ? kind : 1;
  uint32_t last = kind != 0 ? kind : NACRE_KIND_COUNT - 1;
  for (uint32_t k = first; k <= last; k++) {
    if (reason == NULL) {
      reason = nacre_registry_refused_for(registry, k, name);
    }
    if (near == NULL) {
      near = nacre_registry_nearest(registry, k, name);
      kind = near != NULL ? k : kind;
    }
  }
  fprintf(stderr, "nacre inspect: there is no %s '%s'",
          first == last ? nacre_kind_name(first) : "component", name);
  if (reason != NULL) {
    fprintf(stderr, ": its plugin was refused: %s\n", reason);
  } else if (near != NULL) {
    fprintf(stderr, "; did you mean '%s/%s'?\n", nacre_kind_name(kind), near);
  } else {
    fprintf(stderr, "; 'nacre plugins' lists what there is\n");
  }
  return NACRE_EPLUGIN;
}

static int ambiguous(const nacre_registry *registry, const char *word) {
  bool first = true;
  fprintf(stderr, "nacre inspect: there are several components '%s': ", word);
  for (uint32_t kind = 1; kind < NACRE_KIND_COUNT; kind++) {
    if (nacre_registry_has(registry, kind, word)) {
      fprintf(stderr, "%s%s/%s", first ? "" : ", ", nacre_kind_name(kind),
              word);
      first = false;
    }
  }
  fputc('\n', stderr);
  return NACRE_EUSAGE;
}

int providers_resolve(const nacre_registry *registry, const char *word,
                      providers_name *out) {
  const char *slash = strchr(word, '/');
  char kind_name[32] = "";
  size_t n = slash != NULL ? (size_t)(slash - word) : strlen(word);
  if (n < sizeof(kind_name)) {
    memcpy(kind_name, word, n);
    kind_name[n] = '\0';
  }
  int found = 0;
  *out = (providers_name){ 0, word };
  for (uint32_t kind = 1; kind < NACRE_KIND_COUNT; kind++) {
    if (nacre_registry_has(registry, kind, word)) {
      out->kind = kind;
      found++;
    }
  }
  uint32_t named = nacre_kind_from_name(kind_name);
  /* "constant" is a component; "activation" a layer and a kind: a component
   * goes before, its kind can be told by its plural. */
  if (named != 0 && slash != NULL) {
    *out = (providers_name){ named, slash + 1 };
    return nacre_registry_has(registry, named, slash + 1)
      ? 0 : unknown(registry, named, slash + 1);
  }
  if (found == 0 && named != 0) {
    *out = (providers_name){ named, "" };
    return 0;
  }
  return found == 1 ? 0 : found > 1 ? ambiguous(registry, word)
                                    : unknown(registry, 0, word);
}
