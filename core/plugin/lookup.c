/* SPDX-License-Identifier: MIT */
/* lookup: which component a name means. */
#include "catalog.h"

#include "load.h"
#include "yaml/report.h"

#include <string.h>

int nacre_registry_count(const nacre_registry *registry) {
  return registry->n_entries;
}

const nacre_provider *nacre_registry_at(const nacre_registry *registry,
                                        int i) {
  return i >= 0 && i < registry->n_entries ? &registry->entry[i].provider
                                           : NULL;
}

int nacre_registry_refusals(const nacre_registry *registry) {
  return registry->n_refusals;
}

const nacre_refusal *nacre_registry_refusal(const nacre_registry *registry,
                                            int i) {
  return i >= 0 && i < registry->n_refusals ? &registry->refusal[i] : NULL;
}

const nacre_host *nacre_registry_host(nacre_registry *registry) {
  return &registry->host;
}

/* What is asked for. */
typedef struct query {
  uint32_t kind;
  const char *module; /* [module_n], or NULL: any */
  size_t module_n;
  const char *name;
  const char *device; /* NULL: any */
  bool by_alias;      /* only where no provider has the name itself */
} query;

static bool in_list(const char *list, const char *word) {
  size_t n = strlen(word);
  while (list != NULL) {
    const char *comma = strchr(list, ',');
    size_t length = comma != NULL ? (size_t)(comma - list) : strlen(list);
    if (length == n && memcmp(list, word, n) == 0) {
      return true;
    }
    list = comma != NULL ? comma + 1 : NULL;
  }
  return false;
}

static bool answers(const nacre_provider *provider, const query *asked) {
  if (provider->kind != asked->kind) {
    return false;
  }
  if (asked->by_alias ? !in_list(provider->aliases, asked->name)
                      : strcmp(provider->name, asked->name) != 0) {
    return false;
  }
  if (asked->device != NULL && provider->device != NULL &&
      strcmp(asked->device, provider->device) != 0) {
    return false;
  }
  return asked->module == NULL ||
         (strncmp(provider->module, asked->module, asked->module_n) == 0 &&
          provider->module[asked->module_n] == '\0');
}

static query parse(uint32_t kind, const char *name, const char *device) {
  const char *slash = strchr(name, '/');
  query asked = { kind, NULL, 0, name, device, false };
  if (slash != NULL) {
    asked.module = name;
    asked.module_n = (size_t)(slash - name);
    asked.name = slash + 1;
  }
  return asked;
}

/* The best answer that comes after `last`: by rank, then as they stand. */
static int next_answer(const nacre_registry *registry, const query *asked,
                       int last) {
  int best = -1;
  for (int i = 0; i < registry->n_entries; i++) {
    const nacre_provider *one = &registry->entry[i].provider;
    if (!answers(one, asked)) {
      continue;
    }
    if (last >= 0) {
      int32_t rank = registry->entry[last].provider.rank;
      if (one->rank > rank || (one->rank == rank && i <= last)) {
        continue;
      }
    }
    if (best < 0 || one->rank > registry->entry[best].provider.rank) {
      best = i;
    }
  }
  return best;
}

static int find_entry(const nacre_registry *registry, uint32_t kind,
                      const char *name, const char *device, int nth) {
  query asked = parse(kind, name, device);
  int at = next_answer(registry, &asked, -1);
  if (at < 0) {
    asked.by_alias = true;
    at = next_answer(registry, &asked, -1);
  }
  for (int i = 0; i < nth && at >= 0; i++) {
    at = next_answer(registry, &asked, at);
  }
  return at;
}

static void load(nacre_registry *registry, nacre_plugin *plugin) {
  char reason[400];
  plugin->module = nacre_load(plugin->path, plugin->found, &registry->host,
                              reason, sizeof reason);
  if (plugin->module == NULL) {
    plugin->reason =
      nacre_arena_strndup(registry->arena, reason, strlen(reason));
    if (plugin->reason == NULL) {
      plugin->reason = "out of memory";
    }
    nacre_catalog_refuse(registry, plugin->path, plugin->reason);
  }
}

const nacre_component *nacre_registry_find(nacre_registry *registry,
                                           uint32_t kind, const char *name,
                                           const char *device, int nth,
                                           nacre_error *error) {
  int at = find_entry(registry, kind, name, device, nth);
  if (at < 0) {
    return NULL;
  }
  const nacre_entry_of *entry = &registry->entry[at];
  nacre_plugin *plugin = &registry->plugin[entry->plugin];
  if (plugin->module == NULL && plugin->reason == NULL) {
    load(registry, plugin);
  }
  if (plugin->module == NULL) {
    nacre_error_add(error, NACRE_EPLUGIN, NULL,
                    "the plugin of %s '%s' was refused: %s: %s",
                    nacre_kind_name(kind), name, plugin->path,
                    plugin->reason);
    return NULL;
  }
  return nacre_load_component(plugin->module, entry->index);
}

/* Whether a comes before b: by rank, then by name, then as they stand. */
static bool ranks_before(const nacre_registry *registry, int a, int b) {
  const nacre_provider *x = &registry->entry[a].provider;
  const nacre_provider *y = &registry->entry[b].provider;
  int order = strcmp(x->name, y->name);
  return x->rank != y->rank ? x->rank > y->rank
         : order != 0       ? order < 0 : a < b;
}

const nacre_component *nacre_registry_ranked(nacre_registry *registry,
                                             uint32_t kind, uint32_t i) {
  int last = -1;
  for (uint32_t passed = 0;;) {
    int best = -1;
    for (int at = 0; at < registry->n_entries; at++) {
      if (registry->entry[at].provider.kind == kind &&
          (last < 0 || ranks_before(registry, last, at)) &&
          (best < 0 || ranks_before(registry, at, best))) {
        best = at;
      }
    }
    if (best < 0) {
      return NULL;
    }
    nacre_plugin *plugin = &registry->plugin[registry->entry[best].plugin];
    if (plugin->module == NULL && plugin->reason == NULL) {
      load(registry, plugin);
    }
    last = best;
    if (plugin->module != NULL && passed++ == i) {
      return nacre_load_component(plugin->module,
                                  registry->entry[best].index);
    }
  }
}

static const nacre_entry_of *entry_of(const nacre_registry *registry,
                                      const nacre_component *component) {
  for (int i = 0; i < registry->n_entries; i++) {
    const nacre_entry_of *entry = &registry->entry[i];
    const nacre_module *module = registry->plugin[entry->plugin].module;
    if (module != NULL &&
        nacre_load_component(module, entry->index) == component) {
      return entry;
    }
  }
  return NULL;
}

const nacre_provider *nacre_registry_provider(
  const nacre_registry *registry, const nacre_component *component) {
  const nacre_entry_of *entry = entry_of(registry, component);
  return entry != NULL ? &entry->provider : NULL;
}

const nacre_module *nacre_registry_module(const nacre_registry *registry,
                                          const nacre_component *component) {
  const nacre_entry_of *entry = entry_of(registry, component);
  return entry != NULL ? registry->plugin[entry->plugin].module : NULL;
}

bool nacre_registry_has(const nacre_registry *registry, uint32_t kind,
                        const char *name) {
  return find_entry(registry, kind, name, NULL, 0) >= 0;
}

/* Appends the names in a list, cut into strings of the arena. */
static int add_words(nacre_arena *arena, const char *list,
                     const char **names, int n, int room) {
  while (list != NULL && n < room) {
    const char *comma = strchr(list, ',');
    size_t length = comma != NULL ? (size_t)(comma - list) : strlen(list);
    names[n] = nacre_arena_strndup(arena, list, length);
    n += names[n] != NULL ? 1 : 0;
    list = comma != NULL ? comma + 1 : NULL;
  }
  return n;
}

static int count_words(const char *list) {
  int n = list != NULL ? 1 : 0;
  for (; list != NULL && *list != '\0'; list++) {
    n += *list == ',' ? 1 : 0;
  }
  return n;
}

const char *nacre_registry_nearest(const nacre_registry *registry,
                                   uint32_t kind, const char *name) {
  int room = 0;
  for (int i = 0; i < registry->n_entries; i++) {
    room += 1 + count_words(registry->entry[i].provider.aliases);
  }
  const char **names = nacre_alloc((size_t)room, sizeof *names);
  int n = 0;
  for (int i = 0; names != NULL && i < registry->n_entries; i++) {
    const nacre_provider *provider = &registry->entry[i].provider;
    if (provider->kind == kind) {
      names[n++] = provider->name;
      n = add_words(registry->arena, provider->aliases, names, n, room);
    }
  }
  const char *nearest = nacre_nearest(name, names, n);
  nacre_free(names);
  return nearest;
}

/* Whether a path ends in NAME.so, below the kind's folder or no folder of
 * any kind. */
static bool stands_for(const char *path, uint32_t kind, const char *name) {
  const char *slash = strrchr(path, '/');
  size_t n = strlen(name);
  if (slash == NULL || strncmp(slash + 1, name, n) != 0 ||
      strcmp(slash + 1 + n, ".so") != 0) {
    return false;
  }
  for (uint32_t other = 1; other < NACRE_KIND_COUNT; other++) {
    const char *folder = nacre_kind_folder(other);
    size_t length = strlen(folder);
    const char *end = slash;
    if (end - path > 6 && strncmp(end - 6, "/.libs", 6) == 0) {
      end -= 6;
    }
    bool below = (size_t)(end - path) > length &&
                 end[-(ptrdiff_t)length - 1] == '/' &&
                 strncmp(end - length, folder, length) == 0;
    if (below) {
      return other == kind;
    }
  }
  return true;
}

const char *nacre_registry_refused_for(const nacre_registry *registry,
                                       uint32_t kind, const char *name) {
  const char *slash = strchr(name, '/');
  const char *stem = slash != NULL ? slash + 1 : name;
  for (int i = 0; i < registry->n_refusals; i++) {
    if (stands_for(registry->refusal[i].file, kind, stem)) {
      return registry->refusal[i].reason;
    }
  }
  return NULL;
}
