/* SPDX-License-Identifier: MIT */
/* sys: the only door to memory, files and threads.
 *
 * Everything that the operating system may refuse goes through one table, so
 * that a test can make the n-th call fail. Sizes are products checked here. */
#ifndef NACRE_BASE_SYS_H
#define NACRE_BASE_SYS_H

#include "error.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** The table. Tests replace entries; nobody else writes it. */
typedef struct nacre_sys {
  void *(*calloc)(size_t, size_t);
  void *(*realloc)(void *, size_t);
  void (*free)(void *);
  int (*open)(const char *path, int flags, mode_t mode);
  ssize_t (*read)(int fd, void *, size_t);
  ssize_t (*write)(int fd, const void *, size_t);
  int (*fsync)(int fd);
  int (*close)(int fd);
  int (*rename)(const char *from, const char *to);
  int (*thread_create)(pthread_t *, const pthread_attr_t *,
                       void *(*body)(void *), void *);
} nacre_sys;
extern nacre_sys nacre_sys_calls;

/** a + b and a * b in `*out`; false when the result does not fit. */
bool nacre_size_add(size_t a, size_t b, size_t *out);
bool nacre_size_mul(size_t a, size_t b, size_t *out);
bool nacre_int_mul(int64_t a, int64_t b, int64_t *out); /* a, b >= 0 */
bool nacre_int_add(int64_t a, int64_t b, int64_t *out); /* a, b >= 0 */

/** count * size zeroed bytes; NULL when out of memory or the product does
 *  not fit. A product of 0 gives a block that can be freed. */
void *nacre_alloc(size_t count, size_t size);
/** Grows to count * size bytes; new bytes undefined; old block kept on NULL. */
void *nacre_resize(void *, size_t count, size_t size);
void nacre_free(void *);
char *nacre_strdup(const char *);                  /* NULL for NULL */
char *nacre_strndup(const char *, size_t n);
char *nacre_format(const char *format, ...) NACRE_PRINTF(1, 2);
/** Bytes that this process can hope to fill: the least of the machine's
 *  memory, the address space that it may use and its control group's limit. */
uint64_t nacre_memory_limit(void);
/** Adds "out of memory" to the error. Returns NACRE_ERROR. */
int nacre_no_memory(nacre_error *);

/** A bump allocator: everything a config's tree needs, freed at once. */
typedef struct nacre_arena nacre_arena;
nacre_arena *nacre_arena_new(void);
void nacre_arena_free(nacre_arena *);
void *nacre_arena_alloc(nacre_arena *, size_t count, size_t size); /* zeroed */
char *nacre_arena_strndup(nacre_arena *, const char *, size_t n);
char *nacre_arena_format(nacre_arena *, const char *format, ...)
  NACRE_PRINTF(2, 3);

/** Reads a whole regular file, pipe or ("-") standard input, at most `limit`
 *  bytes; adds a NUL that out->n does not count. Directories, devices, FIFOs
 *  and sockets opened by name are refused. Problems get `code`. Caller frees
 *  out->at with nacre_free(). */
int nacre_file_read(const char *path, size_t limit, int code, nacre_error *,
                    nacre_bytes *out);

/** Calls each() for the regular files below a folder, in no order: the path
 *  below it, borrowed, and the size. Names with a leading dot, links to
 *  folders and special files are passed over. What each() returns other than
 *  NACRE_OK is lack of memory. Problems get `code`. */
typedef int nacre_walk_each(void *ctx, const char *path, size_t size);
int nacre_walk(const char *path, nacre_walk_each *, void *ctx, int code,
               nacre_error *);
bool nacre_is_folder(const char *path);

/** A file being written by the safe protocol: a temporary file beside the
 *  target (O_EXCL, O_NOFOLLOW), fsync, rename, fsync of the directory.
 *  Nothing of an older file is lost until commit has succeeded. */
typedef struct nacre_writer nacre_writer;
nacre_writer *nacre_writer_open(const char *path, nacre_error *);
int nacre_writer_put(nacre_writer *, const void *, size_t, nacre_error *);
int nacre_writer_commit(nacre_writer *, nacre_error *); /* frees it too */
/** Lets the system choose when the file reaches the disk: for files whose
 *  loss in a power failure costs nothing. All else stays as it is. */
void nacre_writer_relax(nacre_writer *);
void nacre_writer_abandon(nacre_writer *);

/** Creates a directory and its parents (mode 0777 less umask). */
int nacre_make_dirs(const char *path, nacre_error *);
/** `path` seen from directory `base` (which may be NULL: the cwd); absolute
 *  paths and "-" stay. Caller frees with nacre_free(). */
char *nacre_path_join(const char *base, const char *path);
/** The directory part of a path, "." if it has none. Caller frees. */
char *nacre_path_dir(const char *path);

/** Seconds of a clock that never jumps. */
double nacre_clock(void);

#endif
