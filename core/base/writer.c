/* SPDX-License-Identifier: MIT */
/* writer: a file that appears whole or not at all. */
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER ((size_t)64 * 1024)
#define TEMP_TRIES 100

struct nacre_writer {
  char *path, *temp; /* temp is NULL until the file exists */
  int fd, dir_fd;    /* -1: not open */
  bool failed;       /* a failed write is never tried again */
  bool relaxed;      /* the disk is not waited for */
  size_t n;          /* bytes waiting in the buffer */
  char buffer[BUFFER];
};

static int write_problem(const nacre_writer *writer, const char *what,
                         nacre_error *error) {
  const nacre_place place = { writer->path, 0, 0, 0, NULL };
  return nacre_error_add(error, NACRE_EIO, &place, "cannot %s: %s", what,
                         strerror(errno));
}

static void close_fd(int *fd) {
  if (*fd >= 0) {
    (void)nacre_sys_calls.close(*fd);
    *fd = -1;
  }
}

void nacre_writer_abandon(nacre_writer *writer) {
  if (writer == NULL) {
    return;
  }
  close_fd(&writer->fd);
  close_fd(&writer->dir_fd);
  if (writer->temp != NULL) {
    (void)unlink(writer->temp);
  }
  nacre_free(writer->temp);
  nacre_free(writer->path);
  nacre_free(writer);
}

/* Creates a file of a name that nobody has, beside the target. */
static int open_temp(nacre_writer *writer, const char *dir,
                     nacre_error *error) {
  const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  for (int i = 0; i < TEMP_TRIES; i++) {
    char *temp =
      nacre_format("%s/.nacre-%ld-%d.tmp", dir, (long)getpid(), i);
    if (temp == NULL) {
      return nacre_no_memory(error);
    }
    writer->fd = nacre_sys_calls.open(temp, flags, 0666);
    if (writer->fd >= 0) {
      writer->temp = temp;
      return NACRE_OK;
    }
    nacre_free(temp);
    if (errno != EEXIST && errno != EINTR) {
      break;
    }
  }
  return write_problem(writer, "create a file beside it", error);
}

/* Renaming over a device or a directory would replace it. */
static int check_target(const nacre_writer *writer, nacre_error *error) {
  struct stat status;
  if (lstat(writer->path, &status) == 0 && !S_ISREG(status.st_mode) &&
      !S_ISLNK(status.st_mode)) {
    const nacre_place place = { writer->path, 0, 0, 0, NULL };
    return nacre_error_add(error, NACRE_EIO, &place,
                           "is not a regular file and is not replaced");
  }
  return NACRE_OK;
}

nacre_writer *nacre_writer_open(const char *path, nacre_error *error) {
  nacre_writer *writer = nacre_alloc(1, sizeof *writer);
  char *dir = nacre_path_dir(path);
  int status = NACRE_ERROR;
  if (writer != NULL) {
    writer->fd = writer->dir_fd = -1;
    writer->path = nacre_strdup(path);
  }
  if (writer == NULL || dir == NULL || writer->path == NULL) {
    (void)nacre_no_memory(error);
    goto done;
  }
  if (check_target(writer, error) != NACRE_OK) {
    goto done;
  }
  writer->dir_fd =
    nacre_sys_calls.open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (writer->dir_fd < 0) {
    (void)write_problem(writer, "open its directory", error);
    goto done;
  }
  status = open_temp(writer, dir, error);
done:
  nacre_free(dir);
  if (status != NACRE_OK) {
    nacre_writer_abandon(writer);
    return NULL;
  }
  return writer;
}

static int write_all(nacre_writer *writer, const char *at, size_t n,
                     nacre_error *error) {
  while (n > 0) {
    ssize_t put = nacre_sys_calls.write(writer->fd, at, n);
    if (put < 0 && errno == EINTR) {
      continue;
    }
    if (put <= 0) {
      if (put == 0) {
        errno = ENOSPC; /* a device that takes nothing says no more */
      }
      writer->failed = true;
      return write_problem(writer, "write", error);
    }
    at += put;
    n -= (size_t)put;
  }
  return NACRE_OK;
}

static int flush(nacre_writer *writer, nacre_error *error) {
  int status = write_all(writer, writer->buffer, writer->n, error);
  writer->n = 0;
  return status;
}

int nacre_writer_put(nacre_writer *writer, const void *bytes, size_t n,
                     nacre_error *error) {
  if (writer->failed) {
    return NACRE_ERROR; /* already said */
  }
  if (n > BUFFER - writer->n && flush(writer, error) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (n >= BUFFER) {
    return write_all(writer, bytes, n, error);
  }
  if (n > 0) {
    memcpy(writer->buffer + writer->n, bytes, n);
    writer->n += n;
  }
  return NACRE_OK;
}

static int sync_fd(int fd) {
  int status;
  do {
    status = nacre_sys_calls.fsync(fd);
  } while (status != 0 && errno == EINTR);
  return status;
}

void nacre_writer_relax(nacre_writer *writer) {
  writer->relaxed = true;
}

int nacre_writer_commit(nacre_writer *writer, nacre_error *error) {
  int status = NACRE_ERROR;
  if (writer->failed || flush(writer, error) != NACRE_OK) {
    goto done;
  }
  if (!writer->relaxed && sync_fd(writer->fd) != 0) {
    (void)write_problem(writer, "write to the disk", error);
    goto done;
  }
  int fd = writer->fd;
  writer->fd = -1;
  if (nacre_sys_calls.close(fd) != 0 && errno != EINTR) {
    (void)write_problem(writer, "finish writing", error);
    goto done;
  }
  if (nacre_sys_calls.rename(writer->temp, writer->path) != 0) {
    (void)write_problem(writer, "rename the new file to this name", error);
    goto done;
  }
  nacre_free(writer->temp);
  writer->temp = NULL;
  /* Some file systems cannot sync a directory and say EINVAL. */
  if (!writer->relaxed && sync_fd(writer->dir_fd) != 0 && errno != EINVAL) {
    (void)write_problem(writer, "write its directory to the disk", error);
    goto done;
  }
  status = NACRE_OK;
done:
  nacre_writer_abandon(writer);
  return status;
}
