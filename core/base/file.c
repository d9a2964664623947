/* SPDX-License-Identifier: MIT */
/* file: whole files read within a limit, and paths. */
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The first guess for what has no size of its own, such as a pipe. */
#define FIRST_ROOM ((size_t)64 * 1024)

static ssize_t read_some(int fd, void *at, size_t n) {
  ssize_t got;
  do {
    got = nacre_sys_calls.read(fd, at, n);
  } while (got < 0 && errno == EINTR);
  return got;
}

static const char *special_kind(mode_t mode) {
  return S_ISDIR(mode)    ? "is a directory, not a file"
         : S_ISFIFO(mode) ? "is a pipe, not a file"
         : S_ISSOCK(mode) ? "is a socket, not a file"
                          : "is a device, not a file";
}

/* Opens a regular file; `size` gets its size. -1: a problem was added. */
static int open_regular(const char *path, size_t *size, int code,
                        nacre_error *error) {
  const nacre_place place = { path, 0, 0, 0, NULL };
  /* A pipe without a writer must not hang the open. */
  int fd =
    nacre_sys_calls.open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY,
                         0);
  if (fd < 0) {
    return nacre_error_add(error, code, &place, "cannot open: %s",
                           strerror(errno));
  }
  struct stat status;
  const char *problem = NULL;
  if (fstat(fd, &status) != 0) {
    problem = strerror(errno);
  } else if (!S_ISREG(status.st_mode)) {
    problem = special_kind(status.st_mode);
  }
  if (problem != NULL) {
    (void)nacre_sys_calls.close(fd);
    return nacre_error_add(error, code, &place, "%s", problem);
  }
  *size = status.st_size > 0 ? (size_t)status.st_size : 0;
  return fd;
}

/* Reads to the end; the block has one byte more than was read. */
static int read_all(int fd, const nacre_place *place, size_t size,
                    size_t limit, int code, nacre_error *error,
                    nacre_bytes *out) {
  size_t room = size > 0 ? size : FIRST_ROOM < limit ? FIRST_ROOM : limit;
  size_t block;
  if (!nacre_size_add(room, 2, &block)) {
    return nacre_no_memory(error);
  }
  out->at = nacre_alloc(block, 1);
  while (out->at != NULL) {
    /* One byte more than may be there tells the end from a long file. */
    ssize_t got = read_some(fd, out->at + out->n, room + 1 - out->n);
    if (got < 0) {
      return nacre_error_add(error, code, place, "cannot read: %s",
                             strerror(errno));
    }
    if (got == 0) {
      out->at[out->n] = '\0';
      return NACRE_OK;
    }
    out->n += (size_t)got;
    if (out->n > limit) {
      return nacre_error_add(error, NACRE_ELIMIT, place,
                             "is larger than the limit of %zu bytes", limit);
    }
    if (out->n > room) {
      room = room > limit / 2 ? limit : 2 * room;
      void *grown =
        nacre_size_add(room, 2, &block) ? nacre_resize(out->at, block, 1)
                                        : NULL;
      if (grown == NULL) {
        break;
      }
      out->at = grown;
    }
  }
  return nacre_no_memory(error);
}

int nacre_file_read(const char *path, size_t limit, int code,
                    nacre_error *error, nacre_bytes *out) {
  const bool standard = strcmp(path, "-") == 0;
  const nacre_place place = { standard ? "standard input" : path, 0, 0, 0,
                              NULL };
  size_t size = 0;
  memset(out, 0, sizeof *out);
  int fd = standard ? STDIN_FILENO : open_regular(path, &size, code, error);
  if (fd < 0) {
    return NACRE_ERROR;
  }
  int status;
  if (size > limit) {
    status = nacre_error_add(error, NACRE_ELIMIT, &place,
                             "is larger than the limit of %zu bytes", limit);
  } else {
    status = read_all(fd, &place, size, limit, code, error, out);
  }
  if (status != NACRE_OK) {
    nacre_free(out->at);
    memset(out, 0, sizeof *out);
  }
  if (!standard) {
    (void)nacre_sys_calls.close(fd);
  }
  return status;
}

int nacre_make_dirs(const char *path, nacre_error *error) {
  const nacre_place place = { path, 0, 0, 0, NULL };
  char *prefix = nacre_strdup(path);
  if (prefix == NULL) {
    return nacre_no_memory(error);
  }
  int status = NACRE_OK;
  const size_t n = strlen(prefix);
  for (size_t i = 1; i <= n && status == NACRE_OK; i++) {
    if (prefix[i] != '/' && prefix[i] != '\0') {
      continue;
    }
    char held = prefix[i];
    prefix[i] = '\0';
    if (mkdir(prefix, 0777) != 0) {
      int reason = errno;
      if (!nacre_is_folder(prefix)) {
        status = nacre_error_add(error, NACRE_EIO, &place,
                                 "cannot create the directory: %s",
                                 strerror(reason));
      }
    }
    prefix[i] = held;
  }
  nacre_free(prefix);
  return status;
}

char *nacre_path_join(const char *base, const char *path) {
  if (base == NULL || base[0] == '\0' || strcmp(base, ".") == 0 ||
      path[0] == '/' || strcmp(path, "-") == 0) {
    return nacre_strdup(path);
  }
  const bool slash = base[strlen(base) - 1] == '/';
  return nacre_format("%s%s%s", base, slash ? "" : "/", path);
}

char *nacre_path_dir(const char *path) {
  size_t n = strlen(path);
  while (n > 1 && path[n - 1] == '/') {
    n--;
  }
  while (n > 0 && path[n - 1] != '/') {
    n--;
  }
  if (n == 0) {
    return nacre_strdup(".");
  }
  while (n > 1 && path[n - 1] == '/') {
    n--;
  }
  return nacre_strndup(path, n);
}
