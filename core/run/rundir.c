/* SPDX-License-Identifier: MIT */
#include "run/rundir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAX_TRIES 1000
#define METRICS "metrics.jsonl"
#define HISTORY "history.csv"
#define CHECKPOINTS "checkpoints"

static int io_problem(nacre_error *error, const char *path,
                      const char *what) {
  nacre_place place = { .file = path };
  return nacre_error_add(error, NACRE_EIO, &place, "%s: %s", what,
                         strerror(errno));
}

/* mkdir() itself decides who is first, so that runs started in the same
 * second get directories of their own. */
static int make_fresh(nacre_rundir *dir, const char *parent,
                      nacre_error *error) {
  char stamp[32];
  time_t now = time(NULL);
  struct tm parts;
  if (localtime_r(&now, &parts) == NULL ||
      strftime(stamp, sizeof(stamp), "%Y-%m-%d_%H-%M-%S", &parts) == 0) {
    strcpy(stamp, "run");
  }
  for (int i = 0; i < MAX_TRIES; i++) {
    dir->path = i == 0 ? nacre_format("%s/%s", parent, stamp)
                       : nacre_format("%s/%s-%d", parent, stamp, i + 1);
    if (dir->path == NULL) {
      return nacre_no_memory(error);
    }
    if (mkdir(dir->path, 0777) == 0) {
      return NACRE_OK;
    }
    if (errno != EEXIST) {
      return io_problem(error, dir->path, "cannot create the run directory");
    }
    nacre_free(dir->path);
    dir->path = NULL;
  }
  return nacre_error_add(error, NACRE_EIO, NULL,
                         "%s: too many runs in one second", parent);
}

/* A line reaches the file whole or the training ends: no buffer keeps it. */
static int open_log(const nacre_rundir *dir, const char *file, bool fresh,
                    nacre_error *error) {
  const int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW |
                    (fresh ? O_EXCL : 0);
  char *path = nacre_rundir_file(dir, file);
  int fd = path != NULL ? nacre_sys_calls.open(path, flags, 0666) : -1;
  if (path == NULL) {
    nacre_no_memory(error);
  } else if (fd < 0) {
    io_problem(error, path, "cannot write");
  }
  nacre_free(path);
  return fd;
}

static int write_log(const nacre_rundir *dir, const char *file, int fd,
                     const nacre_text *line, nacre_error *error) {
  size_t done = 0;
  while (done < line->n) {
    ssize_t put =
      nacre_sys_calls.write(fd, line->at + done, line->n - done);
    if (put > 0) {
      done += (size_t)put;
    } else if (put == 0 || errno != EINTR) {
      errno = put == 0 ? ENOSPC : errno;
      char *path = nacre_rundir_file(dir, file);
      int status = path != NULL ? io_problem(error, path, "cannot write")
                                : nacre_no_memory(error);
      nacre_free(path);
      return status;
    }
  }
  return NACRE_OK;
}

static int lock(nacre_rundir *dir, nacre_error *error) {
  dir->lock = nacre_sys_calls.open(dir->path,
                                   O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (dir->lock >= 0 && flock(dir->lock, LOCK_EX | LOCK_NB) == 0) {
    return NACRE_OK;
  }
  if (dir->lock >= 0 && errno == EWOULDBLOCK) {
    nacre_place place = { .file = dir->path };
    return nacre_error_add(error, NACRE_EBUSY, &place,
                           "another process is training in this run "
                           "directory");
  }
  return io_problem(error, dir->path, "cannot lock the run directory");
}

/* The lock, the folder of checkpoints, the logs. */
static int open_inside(nacre_rundir *dir, bool fresh, nacre_error *error) {
  if (lock(dir, error) != NACRE_OK) {
    return NACRE_ERROR;
  }
  char *checkpoints = nacre_rundir_file(dir, CHECKPOINTS);
  int status = checkpoints != NULL ? nacre_make_dirs(checkpoints, error)
                                   : nacre_no_memory(error);
  nacre_free(checkpoints);
  if (status != NACRE_OK) {
    return status;
  }
  dir->jsonl = open_log(dir, METRICS, fresh, error);
  dir->csv =
    dir->jsonl >= 0 ? open_log(dir, HISTORY, fresh, error) : -1;
  return dir->csv >= 0 ? NACRE_OK : NACRE_ERROR;
}

int nacre_rundir_create(nacre_rundir *dir, const char *root,
                        const char *name, nacre_error *error) {
  *dir = (nacre_rundir)NACRE_RUNDIR_NONE;
  char *parent = nacre_format("%s/%s", root, name);
  if (parent == NULL) {
    return nacre_no_memory(error);
  }
  int status = nacre_make_dirs(parent, error);
  if (status == NACRE_OK) {
    status = make_fresh(dir, parent, error);
  }
  nacre_free(parent);
  if (status != NACRE_OK) {
    return status;
  }
  return open_inside(dir, true, error);
}

/* What a process that was killed had begun to write. */
static void remove_unfinished(const nacre_rundir *dir, const char *folder) {
  char *path = nacre_rundir_file(dir, folder);
  DIR *at = path != NULL ? opendir(path) : NULL;
  for (const struct dirent *item = at != NULL ? readdir(at) : NULL;
       item != NULL; item = readdir(at)) {
    size_t n = strlen(item->d_name);
    if (strncmp(item->d_name, ".nacre-", 7) == 0 && n > 4 &&
        strcmp(item->d_name + n - 4, ".tmp") == 0) {
      (void)unlinkat(dirfd(at), item->d_name, 0);
    }
  }
  if (at != NULL) {
    closedir(at);
  }
  nacre_free(path);
}

int nacre_rundir_open(nacre_rundir *dir, const char *path,
                      nacre_error *error) {
  *dir = (nacre_rundir)NACRE_RUNDIR_NONE;
  dir->path = nacre_strdup(path);
  if (dir->path == NULL) {
    return nacre_no_memory(error);
  }
  if (open_inside(dir, false, error) != NACRE_OK) {
    return NACRE_ERROR;
  }
  remove_unfinished(dir, ".");
  remove_unfinished(dir, CHECKPOINTS);
  return NACRE_OK;
}

void nacre_rundir_close(nacre_rundir *dir) {
  if (dir->jsonl >= 0) {
    nacre_sys_calls.close(dir->jsonl);
  }
  if (dir->csv >= 0) {
    nacre_sys_calls.close(dir->csv);
  }
  if (dir->path != NULL && dir->lock >= 0) {
    nacre_sys_calls.close(dir->lock);
  }
  nacre_free(dir->path);
  *dir = (nacre_rundir)NACRE_RUNDIR_NONE;
}

char *nacre_rundir_file(const nacre_rundir *dir, const char *file) {
  return nacre_format("%s/%s", dir->path, file);
}

int nacre_rundir_write(const nacre_rundir *dir, const char *file,
                       const char *text, bool needed, nacre_error *error) {
  char *path = nacre_rundir_file(dir, file);
  if (path == NULL) {
    return nacre_no_memory(error);
  }
  nacre_writer *writer = nacre_writer_open(path, error);
  nacre_free(path);
  if (writer == NULL) {
    return NACRE_ERROR;
  }
  if (!needed) {
    nacre_writer_relax(writer);
  }
  if (nacre_writer_put(writer, text, strlen(text), error) != NACRE_OK) {
    nacre_writer_abandon(writer);
    return NACRE_ERROR;
  }
  return nacre_writer_commit(writer, error);
}

static void put_number(nacre_text *text, double value) {
  char number[32];
  if (!isfinite(value)) {
    nacre_text_puts(text, "null");
    return;
  }
  nacre_text_from_float(value, number);
  nacre_text_puts(text, number);
}

void nacre_log_json(nacre_text *text, const nacre_log_item *item, int n) {
  nacre_text_puts(text, "{");
  for (int i = 0; i < n; i++) {
    nacre_text_printf(text, "%s\"%s\": ", i > 0 ? ", " : "", item[i].name);
    put_number(text, item[i].value);
  }
  nacre_text_puts(text, "}");
}

/* An empty cell is what spreadsheets and pandas take for a missing one. */
static void put_cell(nacre_text *text, double value) {
  nacre_text_puts(text, ",");
  if (isfinite(value)) {
    put_number(text, value);
  } else if (isinf(value)) {
    nacre_text_puts(text, value > 0 ? "inf" : "-inf");
  }
}

static void put_csv(nacre_text *text, bool header, int64_t epoch,
                    int64_t step, double seconds, const nacre_log_item *item,
                    int n) {
  if (header) {
    nacre_text_puts(text, "epoch,step,seconds");
    for (int i = 0; i < n; i++) {
      nacre_text_printf(text, ",%s", item[i].name);
    }
    nacre_text_puts(text, "\n");
  }
  nacre_text_printf(text, "%lld,%lld", (long long)epoch, (long long)step);
  put_cell(text, seconds);
  for (int i = 0; i < n; i++) {
    put_cell(text, item[i].value);
  }
  nacre_text_puts(text, "\n");
}

int nacre_rundir_log(nacre_rundir *dir, int64_t epoch, int64_t step,
                     double seconds, const nacre_log_item *item, int n,
                     nacre_error *error) {
  nacre_text json = { 0 }, csv = { 0 };
  nacre_text_printf(&json, "{\"epoch\": %lld, \"step\": %lld, \"seconds\": ",
                    (long long)epoch, (long long)step);
  put_number(&json, seconds);
  nacre_text_puts(&json, ", \"logs\": ");
  nacre_log_json(&json, item, n);
  nacre_text_puts(&json, "}\n");
  put_csv(&csv, dir->lines++ == 0, epoch, step, seconds, item, n);
  int status = NACRE_OK;
  if (json.failed || csv.failed) {
    status = nacre_no_memory(error);
  } else {
    status = write_log(dir, METRICS, dir->jsonl, &json, error);
  }
  if (status == NACRE_OK) {
    status = write_log(dir, HISTORY, dir->csv, &csv, error);
  }
  nacre_text_fini(&json);
  nacre_text_fini(&csv);
  return status;
}

/* Going on. */

static int log_problem(const nacre_rundir *dir, const char *file,
                       const char *what, nacre_error *error) {
  char *path = nacre_rundir_file(dir, file);
  int status = path != NULL ? io_problem(error, path, what)
                            : nacre_no_memory(error);
  nacre_free(path);
  return status;
}

/* The size of a log; -1: a problem. */
static int64_t size_of(const nacre_rundir *dir, const char *file, int fd,
                       nacre_error *error) {
  struct stat status;
  if (fstat(fd, &status) != 0) {
    log_problem(dir, file, "cannot be looked at", error);
    return -1;
  }
  return (int64_t)status.st_size;
}

/* Some files, such as /dev/full in tests, cannot be synced. */
static bool sync_log(int fd) {
  int status = 0;
  do {
    status = nacre_sys_calls.fsync(fd);
  } while (status != 0 && errno == EINTR);
  return status == 0 || errno == EINVAL;
}

int nacre_rundir_mark(const nacre_rundir *dir, int64_t *jsonl, int64_t *csv,
                      nacre_error *error) {
  *jsonl = size_of(dir, METRICS, dir->jsonl, error);
  *csv = size_of(dir, HISTORY, dir->csv, error);
  if (*jsonl < 0 || *csv < 0) {
    return NACRE_ERROR;
  }
  if (!sync_log(dir->jsonl)) {
    return log_problem(dir, METRICS, "cannot write to the disk", error);
  }
  return sync_log(dir->csv)
    ? NACRE_OK : log_problem(dir, HISTORY, "cannot write to the disk", error);
}

static int too_short(const nacre_rundir *dir, const char *file, int fd,
                     int64_t size, nacre_error *error) {
  int64_t has = size_of(dir, file, fd, error);
  if (has < 0) {
    return NACRE_ERROR;
  }
  if (has >= size) {
    return NACRE_OK;
  }
  char *path = nacre_rundir_file(dir, file);
  nacre_place place = { .file = path };
  nacre_error_add(error, NACRE_EMODEL, &place,
                  "lines that the checkpoint counts on are missing: the file "
                  "has %lld bytes, not %lld", (long long)has,
                  (long long)size);
  nacre_free(path);
  return NACRE_DECLINE;
}

int nacre_rundir_rewind(nacre_rundir *dir, int64_t lines, int64_t jsonl,
                        int64_t csv, nacre_error *error) {
  int status = too_short(dir, METRICS, dir->jsonl, jsonl, error);
  if (status == NACRE_OK) {
    status = too_short(dir, HISTORY, dir->csv, csv, error);
  }
  if (status != NACRE_OK) {
    return status;
  }
  if (ftruncate(dir->jsonl, (off_t)jsonl) != 0) {
    return log_problem(dir, METRICS, "cannot be cut", error);
  }
  if (ftruncate(dir->csv, (off_t)csv) != 0) {
    return log_problem(dir, HISTORY, "cannot be cut", error);
  }
  dir->lines = lines;
  return NACRE_OK;
}
