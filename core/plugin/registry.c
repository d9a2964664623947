/* SPDX-License-Identifier: MIT */
/* registry: opening it: directories to files, files to providers. Asking it
 * is in lookup.c. */
#include "catalog.h"

#include "cache.h"
#include "load.h"
#include "scan.h"
#include "trust.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_PLACES 256

#ifdef NACRE_STATIC_MODULES
/* Entries of the modules linked into this program, NULL at the end. */
extern const nacre_module *(*const nacre_static_modules[])(void);
#endif

/* Room for one more; NULL when there is no memory. */
static void *grow(void **array, int count, int *room, size_t size) {
  if (count == *room) {
    int wanted = *room > 0 ? *room * 2 : 64;
    void *grown = nacre_resize(*array, (size_t)wanted, size);
    if (grown == NULL) {
      return NULL;
    }
    *array = grown;
    *room = wanted;
  }
  char *at = (char *)*array + (size_t)count * size;
  memset(at, 0, size);
  return at;
}

int nacre_catalog_refuse(nacre_registry *registry, const char *file,
                         const char *reason) {
  void *array = registry->refusal;
  nacre_refusal *refusal =
    grow(&array, registry->n_refusals, &registry->room_refusals,
         sizeof *refusal);
  registry->refusal = array;
  if (refusal == NULL) {
    return NACRE_ERROR;
  }
  refusal->file = file;
  refusal->reason = reason;
  registry->n_refusals++;
  return NACRE_OK;
}

/* "layers/.libs/dense.so" is layers/dense.so, before it is installed. */
static char *key_of(nacre_arena *arena, const char *file) {
  const char *libs = strstr(file, ".libs/");
  return libs == NULL
           ? nacre_arena_strndup(arena, file, strlen(file))
           : nacre_arena_format(arena, "%.*s%s", (int)(libs - file), file,
                                libs + 6);
}

static bool is_shadowed(const nacre_registry *registry, const char *key) {
  for (int i = 0; i < registry->n_plugins; i++) {
    const char *other = registry->plugin[i].key;
    if (other != NULL && strcmp(other, key) == 0) {
      return true;
    }
  }
  return false;
}

/* Providers of one name take the same parameters: a config must not change
 * its meaning with the plugins that happen to be installed. */
static const nacre_entry_of *at_odds(const nacre_registry *registry,
                                     const nacre_found_component *component) {
  for (int i = 0; i < registry->n_entries; i++) {
    const nacre_entry_of *entry = &registry->entry[i];
    if (entry->found->kind == component->kind &&
        strcmp(entry->found->name, component->name) == 0 &&
        (entry->found->contract != component->contract ||
         entry->found->table != component->table)) {
      return entry;
    }
  }
  return NULL;
}

static int add_entries(nacre_registry *registry, int plugin) {
  const nacre_plugin *from = &registry->plugin[plugin];
  for (int i = 0; i < from->found->count; i++) {
    void *array = registry->entry;
    nacre_entry_of *entry =
      grow(&array, registry->n_entries, &registry->room_entries,
           sizeof *entry);
    registry->entry = array;
    if (entry == NULL) {
      return NACRE_ERROR;
    }
    registry->n_entries++;
    const nacre_found_component *component = &from->found->component[i];
    entry->found = component;
    entry->plugin = plugin;
    entry->index = (uint32_t)i;
    entry->provider.kind = component->kind;
    entry->provider.rank = component->rank;
    entry->provider.name = component->name;
    entry->provider.aliases = component->aliases;
    entry->provider.device = component->device;
    entry->provider.summary = component->summary;
    entry->provider.module = from->found->module;
    entry->provider.version = from->found->version;
    entry->provider.file = from->path;
  }
  return NACRE_OK;
}

static int add_plugin(nacre_registry *registry, const char *path,
                      const char *key, const nacre_found *found,
                      const nacre_module *module) {
  for (int i = 0; i < found->count; i++) {
    const nacre_entry_of *other = at_odds(registry, &found->component[i]);
    if (other != NULL) {
      const char *reason = nacre_arena_format(
        registry->arena,
        "its %s '%s' takes other parameters than that of %s",
        nacre_kind_name(other->found->kind), other->found->name,
        other->provider.file);
      return reason != NULL ? nacre_catalog_refuse(registry, path, reason)
                            : NACRE_ERROR;
    }
  }
  void *array = registry->plugin;
  nacre_plugin *plugin =
    grow(&array, registry->n_plugins, &registry->room_plugins,
         sizeof *plugin);
  registry->plugin = array;
  if (plugin == NULL) {
    return NACRE_ERROR;
  }
  plugin->path = path;
  plugin->key = key;
  plugin->found = found;
  plugin->module = module;
  registry->n_plugins++;
  return add_entries(registry, registry->n_plugins - 1);
}

static int add_found(nacre_registry *registry, const char *dir,
                     const nacre_found *found) {
  const char *path =
    found->file[0] != '\0'
      ? nacre_arena_format(registry->arena, "%s/%s", dir, found->file)
      : dir;
  char *key = key_of(registry->arena, found->file);
  if (path == NULL || key == NULL) {
    return NACRE_ERROR;
  }
  if (is_shadowed(registry, key)) {
    return NACRE_OK;
  }
  if (found->reason != NULL) {
    return nacre_catalog_refuse(registry, path, found->reason);
  }
  return add_plugin(registry, path, key, found, NULL);
}

static void take_cached(nacre_found *found, const nacre_found *cached) {
  const char *file = found->file;
  nacre_stamp stamp = found->stamp;
  *found = *cached;
  found->file = file;
  found->stamp = stamp;
}

/* Fills in what caches know, and scans the rest. True: something is new that
 * is worth remembering. */
static bool look_into(nacre_registry *registry, const char *dir,
                      const nacre_search_list *list, const char *cache_path,
                      bool rescan) {
  nacre_arena *arena = registry->arena;
  nacre_cache shipped = { NULL, 0, true }, own = { NULL, 0, false };
  if (!rescan) {
    nacre_cache_read(
      arena, nacre_arena_format(arena, "%s/" NACRE_CACHE_SHIPPED, dir), true,
      &shipped);
  }
  nacre_scan_job *job = NULL;
  int jobs = 0;
  bool own_read = rescan;
  for (int i = 0; i < list->count; i++) {
    nacre_found *found = list->file[i];
    const nacre_found *cached = NULL;
    if (found->reason != NULL) {
      continue;
    }
    cached = nacre_cache_find(&shipped, found->file, &found->stamp);
    if (cached == NULL && !own_read) {
      nacre_cache_read(arena, cache_path, false, &own);
      own_read = true;
    }
    if (cached == NULL) {
      cached = nacre_cache_find(&own, found->file, &found->stamp);
    }
    if (cached != NULL) {
      take_cached(found, cached);
      continue;
    }
    if (job == NULL) {
      job = nacre_alloc((size_t)list->count, sizeof *job);
    }
    const char *path = nacre_arena_format(arena, "%s/%s", dir, found->file);
    if (job == NULL || path == NULL) {
      nacre_found_refuse(arena, found, "out of memory");
      found->passing = true;
      continue;
    }
    job[jobs].path = path;
    job[jobs++].found = found;
  }
  nacre_scan(arena, job, jobs, NACRE_SCAN_SECONDS);
  bool news = false;
  for (int i = 0; i < jobs; i++) {
    news = news || !job[i].found->passing;
  }
  nacre_free(job);
  return news;
}

static bool is_known(const nacre_registry *registry, const char *path) {
  struct stat st, other;
  for (int i = 0; stat(path, &st) == 0 && i < registry->n_dirs; i++) {
    if (stat(registry->dir[i].path, &other) == 0 &&
        other.st_ino == st.st_ino && other.st_dev == st.st_dev) {
      return true;
    }
  }
  return false;
}

static int add_directory(nacre_registry *registry,
                         const nacre_search_place *place,
                         const nacre_registry_options *options) {
  bool rescan = options != NULL && options->rescan;
  if (is_known(registry, place->path)) {
    return NACRE_OK;
  }
  nacre_catalog_dir *dir = &registry->dir[registry->n_dirs++];
  dir->path = place->path;
  nacre_search_files(registry->arena, place, &dir->list);
  const char *cache_path = nacre_cache_path(registry->arena, place->path);
  bool news = look_into(registry, place->path, &dir->list, cache_path,
                        rescan);
  if (news && cache_path != NULL &&
      !(options != NULL && options->no_cache_write)) {
    /* Without a cache the next start is slower, and that is all. */
    nacre_error ignored;
    nacre_error_init(&ignored);
    nacre_cache_write(cache_path, dir->list.file, dir->list.count, &ignored);
    nacre_error_fini(&ignored);
  }
  for (int i = 0; i < dir->list.count; i++) {
    if (add_found(registry, place->path, dir->list.file[i]) != NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  return NACRE_OK;
}

static int add_linked(nacre_registry *registry) {
  static const char place[] = "(built in)";
#ifdef NACRE_STATIC_MODULES
  for (size_t i = 0; nacre_static_modules[i] != NULL; i++) {
    char reason[400];
    const nacre_module *module = nacre_static_modules[i]();
    nacre_found *found =
      nacre_arena_alloc(registry->arena, 1, sizeof *found);
    if (found == NULL) {
      return NACRE_ERROR;
    }
    if (!nacre_load_start(module, &registry->host, reason, sizeof reason)) {
      nacre_found_refuse(registry->arena, found, reason);
      if (nacre_catalog_refuse(registry, place, found->reason) != NACRE_OK) {
        return NACRE_ERROR;
      }
    } else if (nacre_found_describe(registry->arena, module, found) !=
                 NACRE_OK ||
               add_plugin(registry, place, NULL, found, module) != NACRE_OK) {
      return NACRE_ERROR;
    }
  }
#endif
  (void)registry;
  (void)place;
  return NACRE_OK;
}

nacre_registry *nacre_registry_open(const nacre_registry_options *options,
                                    nacre_error *error) {
  nacre_search_place place[MAX_PLACES];
  nacre_registry *registry = nacre_alloc(1, sizeof *registry);
  nacre_arena *arena = nacre_arena_new();
  if (registry == NULL || arena == NULL) {
    nacre_free(registry);
    nacre_arena_free(arena);
    nacre_no_memory(error);
    return NULL;
  }
  registry->arena = arena;
  nacre_host_init(&registry->host, registry);
  int n = nacre_search_path(arena, options, place, MAX_PLACES);
  registry->dir = nacre_alloc((size_t)n, sizeof registry->dir[0]);
  int status = registry->dir != NULL ? NACRE_OK : NACRE_ERROR;
  for (int i = 0; status == NACRE_OK && i < n; i++) {
    status = add_directory(registry, &place[i], options);
  }
  /* What is linked in comes last, so that a file can replace it. */
  if (status != NACRE_OK || add_linked(registry) != NACRE_OK) {
    nacre_no_memory(error);
    nacre_registry_free(registry);
    return NULL;
  }
  return registry;
}

void nacre_registry_free(nacre_registry *registry) {
  if (registry == NULL) {
    return;
  }
  for (int i = 0; i < registry->n_dirs; i++) {
    nacre_free(registry->dir[i].list.file);
  }
  nacre_free(registry->dir);
  nacre_free(registry->plugin);
  nacre_free(registry->entry);
  nacre_free(registry->refusal);
  nacre_arena_free(registry->arena);
  nacre_free(registry);
}

int nacre_registry_ship(nacre_registry *registry, const char *path,
                        nacre_error *error) {
  for (int i = 0; i < registry->n_dirs; i++) {
    const nacre_catalog_dir *dir = &registry->dir[i];
    if (strcmp(dir->path, path) == 0) {
      char *file = nacre_path_join(path, NACRE_CACHE_SHIPPED);
      int status = file != NULL
                     ? nacre_cache_write(file, dir->list.file,
                                         dir->list.count, error)
                     : nacre_no_memory(error);
      nacre_free(file);
      return status;
    }
  }
  return nacre_error_add(error, NACRE_EUSAGE, NULL,
                         "%s is not on the plugin search path", path);
}
