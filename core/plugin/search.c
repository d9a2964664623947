/* SPDX-License-Identifier: MIT */
/* search: the search path and the plugin files in a directory.
 *
 * The current directory is never searched, nor one that is given relative to
 * it, nor one that others can write to. */
#include "search.h"

#include "trust.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Colon-separated; where the build installs plugins. */
#ifndef NACRE_PLUGIN_SEARCH_PATH
#define NACRE_PLUGIN_SEARCH_PATH ""
#endif

/* Somebody who points --plugin-path at /usr/lib should get an answer, not
 * every library of the system loaded once. */
#define MAX_FILES 4096

const char *nacre_search_env(const char *name) {
  return secure_getenv(name);
}

typedef struct path_list {
  nacre_arena *arena;
  nacre_search_place *out;
  int n, room;
} path_list;

static void add_path(path_list *list, const char *path, size_t n,
                     bool asked) {
  char *copy = n > 0 ? nacre_arena_strndup(list->arena, path, n) : NULL;
  if (copy != NULL && list->n < list->room) {
    list->out[list->n].path = copy;
    list->out[list->n].asked = asked;
    list->n++;
  }
}

/* Components between colons; an empty one, which elsewhere means the current
 * directory, means nothing. */
static void add_paths(path_list *list, const char *paths, bool asked) {
  while (paths != NULL && *paths != '\0') {
    const char *colon = strchr(paths, ':');
    size_t n = colon != NULL ? (size_t)(colon - paths) : strlen(paths);
    add_path(list, paths, n, asked);
    paths = colon != NULL ? colon + 1 : NULL;
  }
}

static void add_below(path_list *list, const char *base, size_t n,
                      const char *rest) {
  char *path = base[0] == '/' ? nacre_arena_format(list->arena, "%.*s%s",
                                                   (int)n, base, rest)
                              : NULL;
  if (path != NULL) {
    add_path(list, path, strlen(path), false);
  }
}

#define TEXT_OF(number) TEXT_OF_(number)
#define TEXT_OF_(number) #number

static void add_user(path_list *list) {
  const char *data = nacre_search_env("XDG_DATA_HOME");
  const char *home = nacre_search_env("HOME");
  const char *name = "/nacre/plugins-" TEXT_OF(NACRE_ABI_MAJOR);
  if (data != NULL && data[0] == '/') {
    add_below(list, data, strlen(data), name);
  } else if (home != NULL) {
    add_below(list, home, strlen(home),
              "/.local/share/nacre/plugins-" TEXT_OF(NACRE_ABI_MAJOR));
  }
}

/* An installed tree that was moved still finds its plugins. */
static void add_beside_library(path_list *list) {
  static const char own;
  Dl_info info;
  if (dladdr(&own, &info) != 0 && info.dli_fname != NULL) {
    const char *slash = strrchr(info.dli_fname, '/');
    if (slash != NULL) {
      add_below(list, info.dli_fname, (size_t)(slash - info.dli_fname),
                "/nacre-" TEXT_OF(NACRE_ABI_MAJOR));
    }
  }
}

int nacre_search_path(nacre_arena *arena,
                      const nacre_registry_options *options,
                      nacre_search_place *out, int room) {
  path_list list = { arena, out, 0, room };
  add_paths(&list, options != NULL ? options->plugin_path : NULL, true);
  add_paths(&list, nacre_search_env("NACRE_PLUGIN_PATH"), true);
  const char *system = nacre_search_env("NACRE_PLUGIN_SYSTEM_PATH");
  if (system != NULL) {
    add_paths(&list, system, true);
    return list.n;
  }
  add_user(&list);
  add_beside_library(&list);
  add_paths(&list, NACRE_PLUGIN_SEARCH_PATH, false);
  return list.n;
}

static void take_stamp(const struct stat *st, nacre_stamp *stamp) {
  stamp->device = (uint64_t)st->st_dev;
  stamp->inode = (uint64_t)st->st_ino;
  stamp->size = (int64_t)st->st_size;
  stamp->mtime = (int64_t)st->st_mtim.tv_sec * 1000000000 +
                 (int64_t)st->st_mtim.tv_nsec;
}

const char *nacre_search_stamp(const char *path, nacre_stamp *stamp) {
  struct stat st;
  if (stat(path, &st) != 0) {
    return "file is gone";
  }
  take_stamp(&st, stamp);
  return nacre_trust_refuses(&st);
}

/* A walk over one directory of the path. */
typedef struct walk {
  nacre_arena *arena;
  const char *root;
  nacre_search_list *list;
} walk;

static nacre_found *add_file(const walk *at, const char *file) {
  nacre_search_list *list = at->list;
  if (list->count == list->room) {
    int room = list->room > 0 ? list->room * 2 : 64;
    void *grown =
      nacre_resize(list->file, (size_t)room, sizeof list->file[0]);
    if (grown == NULL) {
      return NULL;
    }
    list->file = grown;
    list->room = room;
  }
  nacre_found *found = nacre_arena_alloc(at->arena, 1, sizeof *found);
  if (found != NULL) {
    found->file = file;
    list->file[list->count++] = found;
  }
  return found;
}

static void refuse(const walk *at, const char *file, const char *reason) {
  nacre_found *found = add_file(at, file);
  if (found != NULL) {
    found->reason = reason;
    found->passing = true;
  }
}

/* A link is as trustworthy as the directory that it leads to. */
static const char *link_refuses(const char *root, const char *file) {
  char path[PATH_MAX];
  char *full = nacre_path_join(root, file);
  const char *reason = "link leads nowhere";
  struct stat st;
  if (full != NULL && realpath(full, path) != NULL) {
    char *slash = strrchr(path, '/');
    if (slash > path) {
      *slash = '\0';
    }
    reason = stat(path, &st) == 0 ? nacre_trust_refuses(&st) : reason;
  }
  nacre_free(full);
  return reason;
}

static void look_at_file(const walk *at, int fd, const struct dirent *entry,
                         const char *file) {
  struct stat st;
  if (fstatat(fd, entry->d_name, &st, 0) != 0) {
    refuse(at, file, strerror(errno));
    return;
  }
  if (!S_ISREG(st.st_mode)) {
    return;
  }
  const char *reason = nacre_trust_refuses(&st);
  if (reason == NULL && entry->d_type != DT_REG) {
    struct stat link;
    if (fstatat(fd, entry->d_name, &link, AT_SYMLINK_NOFOLLOW) != 0 ||
        S_ISLNK(link.st_mode)) {
      reason = link_refuses(at->root, file);
    }
  }
  nacre_found *found = add_file(at, file);
  if (found != NULL) {
    take_stamp(&st, &found->stamp);
    found->reason = reason;
    found->passing = reason != NULL;
  }
}

static bool is_plugin_name(const char *name) {
  size_t n = strlen(name);
  return n > 3 && name[0] != '.' && strcmp(name + n - 3, ".so") == 0;
}

static void look_into(const walk *at, int fd, const char *prefix, int depth);

/* Depth 0 is the directory itself, 1 its folders; below each a .libs. */
static void look_below(const walk *at, int fd, const struct dirent *entry,
                       const char *file, int depth) {
  bool libs = strcmp(entry->d_name, ".libs") == 0;
  if ((entry->d_name[0] == '.' && !libs) || depth > (libs ? 1 : 0) ||
      (entry->d_type != DT_DIR && entry->d_type != DT_LNK &&
       entry->d_type != DT_UNKNOWN)) {
    return;
  }
  int below =
    openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (below >= 0) {
    look_into(at, below, file, libs ? 2 : depth + 1);
  }
}

/* Takes fd over. */
static void look_into(const walk *at, int fd, const char *prefix,
                      int depth) {
  struct stat st;
  const char *reason =
    fstat(fd, &st) == 0 ? nacre_trust_refuses(&st) : strerror(errno);
  DIR *dir = reason == NULL ? fdopendir(fd) : NULL;
  if (dir == NULL) {
    refuse(at, prefix, reason != NULL ? reason : strerror(errno));
    close(fd);
    return;
  }
  const struct dirent *entry;
  while ((entry = readdir(dir)) != NULL) {
    bool plugin = is_plugin_name(entry->d_name);
    if (!plugin && entry->d_type == DT_REG) {
      continue;
    }
    char *file = nacre_arena_format(at->arena, "%s%s%s", prefix,
                                    prefix[0] != '\0' ? "/" : "",
                                    entry->d_name);
    if (file == NULL || at->list->count >= MAX_FILES) {
      refuse(at, "", "too many plugin files");
      break;
    }
    if (plugin) {
      look_at_file(at, dirfd(dir), entry, file);
    } else {
      look_below(at, dirfd(dir), entry, file, depth);
    }
  }
  closedir(dir);
}

static int by_name(const void *a, const void *b) {
  const nacre_found *const *first = a;
  const nacre_found *const *second = b;
  return strcmp((*first)->file, (*second)->file);
}

void nacre_search_files(nacre_arena *arena, const nacre_search_place *place,
                        nacre_search_list *list) {
  memset(list, 0, sizeof *list);
  walk at = { arena, place->path, list };
  if (place->path[0] != '/') {
    refuse(&at, "", "not an absolute path: plugins are not looked for "
                    "relative to the current directory");
    return;
  }
  int fd = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0) {
    look_into(&at, fd, "", 0);
  } else if (place->asked || errno != ENOENT) {
    refuse(&at, "", strerror(errno));
  }
  if (list->count > 1) {
    qsort(list->file, (size_t)list->count, sizeof list->file[0], by_name);
  }
}
