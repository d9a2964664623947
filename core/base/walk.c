/* SPDX-License-Identifier: MIT */
/* walk: the regular files below a folder. */
#include "sys.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define WALK_DEPTH 32 /* folders in folders: deeper is a mistake or a trap */

typedef struct walker {
  nacre_walk_each *each;
  void *ctx;
  int code;
  nacre_error *error;
} walker;

static int fail_at(const walker *self, const char *path, const char *text) {
  const nacre_place place = { path, 0, 0, 0, NULL };
  return nacre_error_add(self->error, self->code, &place, "%s", text);
}

static int walk_folder(const walker *, const char *path, size_t root,
                       int depth);

/* Links to files count as files; links to folders could go in circles. */
static int visit(const walker *self, const char *path, size_t root,
                 int depth) {
  struct stat status, link;
  if (stat(path, &status) != 0) {
    return fail_at(self, path, strerror(errno));
  }
  if (S_ISDIR(status.st_mode)) {
    return lstat(path, &link) == 0 && S_ISLNK(link.st_mode)
      ? NACRE_OK : walk_folder(self, path, root, depth + 1);
  }
  if (!S_ISREG(status.st_mode)) {
    return NACRE_OK;
  }
  size_t size = status.st_size > 0 ? (size_t)status.st_size : 0;
  return self->each(self->ctx, path + root, size) == NACRE_OK
    ? NACRE_OK : nacre_no_memory(self->error);
}

/* root: length of what stands before the part of a path that is told */
static int walk_folder(const walker *self, const char *path, size_t root,
                       int depth) {
  if (depth > WALK_DEPTH) {
    return fail_at(self, path, "more folders in each other than are followed");
  }
  DIR *folder = opendir(path);
  if (folder == NULL) {
    const nacre_place place = { path, 0, 0, 0, NULL };
    return nacre_error_add(self->error, self->code, &place,
                           "cannot open the folder: %s", strerror(errno));
  }
  int status = NACRE_OK;
  for (struct dirent *entry;
       status == NACRE_OK && (errno = 0, entry = readdir(folder)) != NULL;) {
    if (entry->d_name[0] == '.') {
      continue;
    }
    char *below = nacre_path_join(path, entry->d_name);
    status = below != NULL ? visit(self, below, root, depth)
                           : nacre_no_memory(self->error);
    nacre_free(below);
  }
  if (status == NACRE_OK && errno != 0) {
    status = fail_at(self, path, strerror(errno));
  }
  closedir(folder);
  return status;
}

bool nacre_is_folder(const char *path) {
  struct stat status;
  return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

int nacre_walk(const char *path, nacre_walk_each *each, void *ctx, int code,
               nacre_error *error) {
  const walker self = { each, ctx, code, error };
  size_t n = strlen(path);
  bool slash = n > 0 && path[n - 1] == '/';
  return walk_folder(&self, path, n + (slash ? 0 : 1), 0);
}
