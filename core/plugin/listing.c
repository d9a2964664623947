/* SPDX-License-Identifier: MIT */
/* listing: what is in a folder or an archive, for plugins.
 *
 * Archives are read once and stay in memory, and their files are parts of
 * that block; files of folders are read when they are asked for, which any
 * thread may do. */
#include "listing.h"

#include "base/sys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_LIMIT ((uint64_t)4 << 30)

typedef struct entry {
  nacre_listed file; /* first: what plugins see are the files alone */
  size_t order;      /* of the archive: what is added later replaces */
} entry;

typedef struct contents {
  nacre_arena *arena; /* all paths */
  char *root;
  nacre_bytes block;  /* an archive */
  entry *entry;
  nacre_listed *file;
  size_t n, room;
  bool single;        /* root is the file itself */
} contents;

static int add(contents *self, const nacre_listed *listed) {
  if (self->n == self->room) {
    size_t room = self->room > 0 ? 2 * self->room : 64;
    void *grown = nacre_resize(self->entry, room, sizeof *self->entry);
    if (grown == NULL) {
      return NACRE_ERROR;
    }
    self->entry = grown;
    self->room = room;
  }
  entry *to = &self->entry[self->n];
  *to = (entry){ *listed, self->n };
  to->file.path =
    nacre_arena_strndup(self->arena, listed->path, strlen(listed->path));
  self->n++;
  return to->file.path != NULL ? NACRE_OK : NACRE_ERROR;
}

/* Whether any part of a path begins with a dot, as ".cache/a" and "a/._b". */
static bool is_hidden(const char *path) {
  for (; path != NULL; path = strchr(path, '/')) {
    path += *path == '/';
    if (*path == '.') {
      return true;
    }
  }
  return false;
}

static int add_listed(void *ctx, const nacre_listed *listed) {
  nacre_listed bare = *listed;
  while (strncmp(bare.path, "./", 2) == 0 || bare.path[0] == '/') {
    bare.path += bare.path[0] == '/' ? 1 : 2;
  }
  return is_hidden(bare.path) ? NACRE_OK : add(ctx, &bare);
}

static int add_walked(void *ctx, const char *path, size_t size) {
  const nacre_listed listed = { path, NULL, size };
  return add(ctx, &listed);
}

static int by_path(const void *a, const void *b) {
  const entry *x = a, *y = b;
  int order = strcmp(x->file.path, y->file.path);
  return order != 0 ? order : x->order < y->order ? -1 : x->order > y->order;
}

/* Sorts; of two files with one path the later one stays. */
static int settle(contents *self) {
  size_t n = 0;
  if (self->n > 0) {
    qsort(self->entry, self->n, sizeof *self->entry, by_path);
  }
  self->file = nacre_alloc(self->n + 1, sizeof *self->file);
  if (self->file == NULL) {
    return NACRE_ERROR;
  }
  for (size_t i = 0; i < self->n; i++) {
    bool last = i + 1 == self->n || strcmp(self->entry[i].file.path,
                                           self->entry[i + 1].file.path) != 0;
    if (last) {
      self->file[n++] = self->entry[i].file;
    }
  }
  nacre_free(self->entry);
  self->entry = NULL;
  self->n = n;
  return NACRE_OK;
}

static void contents_free(contents *self) {
  if (self != NULL) {
    nacre_arena_free(self->arena);
    nacre_free(self->root);
    nacre_free(self->block.at);
    nacre_free(self->entry);
    nacre_free(self->file);
    nacre_free(self);
  }
}

static contents *contents_new(const char *path) {
  contents *self = nacre_alloc(1, sizeof *self);
  if (self == NULL) {
    return NULL;
  }
  self->arena = nacre_arena_new();
  self->root = nacre_strdup(path);
  if (self->arena == NULL || self->root == NULL) {
    contents_free(self);
    return NULL;
  }
  return self;
}

static int no_memory(nacre_fail *fail) {
  fail->fail(fail, NULL, "out of memory");
  return NACRE_ERROR;
}

static int pass_on(nacre_error *error, const char *path, nacre_fail *fail) {
  const nacre_problem *first = error->count > 0 ? error->problem : NULL;
  const char *file = first != NULL ? first->file : NULL;
  fail->fail(fail, file != NULL ? file : path, "%s",
             first != NULL ? first->text : "out of memory");
  return NACRE_ERROR;
}

/* Of "set.tar.xz" the component "tar", "xz" being a codec. NULL in *out: it
 * is no archive. */
static int find_archive(nacre_registry *registry, const char *path,
                        nacre_fail *fail, const nacre_component **out) {
  const char *slash = strrchr(path, '/');
  char *base = nacre_strdup(slash != NULL ? slash + 1 : path);
  int status = NACRE_OK;
  *out = NULL;
  if (base == NULL) {
    return no_memory(fail);
  }
  char *dot = strrchr(base, '.');
  if (dot != NULL && nacre_registry_has(registry, NACRE_KIND_CODEC, dot + 1)) {
    *dot = '\0';
    dot = strrchr(base, '.');
  }
  if (dot != NULL &&
      nacre_registry_has(registry, NACRE_KIND_ARCHIVE, dot + 1)) {
    nacre_error error;
    nacre_error_init(&error);
    *out = nacre_registry_find(registry, NACRE_KIND_ARCHIVE, dot + 1, NULL, 0,
                               &error);
    status = *out != NULL ? NACRE_OK : pass_on(&error, path, fail);
    nacre_error_fini(&error);
  }
  nacre_free(base);
  return status;
}

/* The archive's path before what its reader, which knows bytes alone, says. */
typedef struct archive_fail {
  nacre_fail fail; /* first: the reader sees only this */
  nacre_fail *outer;
  const char *path;
  bool failed;
} archive_fail;

static void fail_in_archive(nacre_fail *fail, const char *place,
                            const char *format, ...) NACRE_PRINTF(3, 4);
static void fail_in_archive(nacre_fail *fail, const char *place,
                            const char *format, ...) {
  archive_fail *self = (archive_fail *)(void *)fail;
  char text[512], where[4400];
  va_list args;
  va_start(args, format);
  (void)vsnprintf(text, sizeof text, format, args);
  va_end(args);
  (void)snprintf(where, sizeof where, "%s%s", self->path,
                 place != NULL ? place : "");
  self->failed = true;
  self->outer->fail(self->outer, where, "%s", text);
}

static int list_archive(const nacre_host *host, contents *self,
                        const nacre_archive_ops *ops, nacre_fail *fail) {
  archive_fail inner = { { sizeof(nacre_fail), 0, fail_in_archive }, fail,
                         self->root, false };
  if (host->read_file(host, self->root, 0, fail, &self->block) != NACRE_OK) {
    return NACRE_ERROR;
  }
  int status = ops->list(host, self->block.at, self->block.n, self,
                         add_listed, &inner.fail);
  return status == NACRE_OK || inner.failed ? status : no_memory(fail);
}

static int list_folder(contents *self, nacre_fail *fail) {
  nacre_error error;
  nacre_error_init(&error);
  int status = nacre_walk(self->root, add_walked, self, NACRE_EDATA, &error);
  if (status != NACRE_OK) {
    pass_on(&error, self->root, fail);
  }
  nacre_error_fini(&error);
  return status;
}

/* Read at once: that it can be is known before a training begins. */
static int list_file(const nacre_host *host, contents *self,
                     nacre_fail *fail) {
  const char *slash = strrchr(self->root, '/');
  if (host->read_file(host, self->root, 0, fail, &self->block) != NACRE_OK) {
    return NACRE_ERROR;
  }
  const nacre_listed listed = { slash != NULL ? slash + 1 : self->root,
                                self->block.at, self->block.n };
  self->single = true;
  return add(self, &listed) == NACRE_OK ? NACRE_OK : no_memory(fail);
}

static int list(const nacre_host *host, const char *path, nacre_fail *fail,
                nacre_listing *out) {
  const nacre_component *archive = NULL;
  memset(out, 0, sizeof *out);
  contents *self = contents_new(path);
  if (self == NULL) {
    return no_memory(fail);
  }
  int status;
  if (nacre_is_folder(path)) {
    status = list_folder(self, fail);
  } else {
    status = find_archive(host->self, path, fail, &archive);
    if (status == NACRE_OK) {
      status = archive != NULL
        ? list_archive(host, self, archive->ops, fail)
        : list_file(host, self, fail);
    }
  }
  if (status == NACRE_OK && settle(self) != NACRE_OK) {
    status = no_memory(fail);
  }
  if (status != NACRE_OK) {
    contents_free(self);
    return NACRE_ERROR;
  }
  *out = (nacre_listing){ self->file, self->n, self };
  return NACRE_OK;
}

static void unlist(const nacre_host *host, nacre_listing *listing) {
  (void)host;
  contents_free(listing->self);
  memset(listing, 0, sizeof *listing);
}

static const char *listed(const nacre_listing *listing, size_t i, char *out,
                          size_t room) {
  const contents *self = listing->self;
  size_t n = strlen(self->root);
  (void)snprintf(out, room, "%s%s%s", self->root,
                 self->single || (n > 0 && self->root[n - 1] == '/') ? ""
                                                                     : "/",
                 self->single ? "" : listing->file[i].path);
  return out;
}

static int fetch(const nacre_host *host, const nacre_listing *listing,
                 size_t i, nacre_fail *fail, nacre_bytes *out) {
  const contents *self = listing->self;
  const nacre_listed *file = &listing->file[i];
  (void)host;
  if (file->at != NULL) {
    out->at = self->block.at + (file->at - self->block.at);
    out->n = file->n;
    return NACRE_OK;
  }
  nacre_error error;
  nacre_error_init(&error);
  char *path = nacre_path_join(self->root, file->path);
  size_t limit = FILE_LIMIT <= SIZE_MAX ? (size_t)FILE_LIMIT : SIZE_MAX;
  int status = path != NULL
    ? nacre_file_read(path, limit, NACRE_EDATA, &error, out)
    : nacre_no_memory(&error);
  if (status != NACRE_OK) {
    pass_on(&error, path != NULL ? path : self->root, fail);
  }
  nacre_error_fini(&error);
  nacre_free(path);
  return status;
}

void nacre_listing_init(nacre_host *host) {
  host->list = list;
  host->unlist = unlist;
  host->fetch = fetch;
  host->listed = listed;
}
