/* SPDX-License-Identifier: MIT */
/* fixture: what the unit tests of the lower floors share. */
#include "fixture.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void begin(fixture *self) {
  memset(self, 0, sizeof *self);
  nacre_error_init(&self->error);
  self->tree = nacre_tree_new();
  ck_assert_ptr_nonnull(self->tree);
}

void fixture_parse(fixture *self, const char *text, size_t n) {
  begin(self);
  self->root =
    nacre_yaml_text(self->tree, "t.yaml", NULL, text, n, &self->error);
  ck_assert((self->root == NULL) == (self->error.errors > 0));
}

void fixture_load(fixture *self, const char *text, const char *one,
                  const char *two) {
  const char *overrides[2] = { one, two };
  begin(self);
  int status = nacre_config_load_text(
    self->tree, "t.yaml", NULL, text, strlen(text), overrides,
    (one != NULL) + (two != NULL), &self->error);
  ck_assert_int_eq(status, self->error.errors > 0 ? NACRE_ERROR : NACRE_OK);
  self->root = status == NACRE_OK ? self->tree->root : NULL;
}

void fixture_fini(fixture *self) {
  nacre_tree_free(self->tree);
  nacre_error_fini(&self->error);
}

char *fixture_problems(fixture *self) {
  char *all = strdup("");
  nacre_error_sort(&self->error);
  for (int i = 0; i < self->error.count; i++) {
    char *one = nacre_problem_format(&self->error.problem[i]);
    char *longer = NULL;
    ck_assert_ptr_nonnull(one);
    ck_assert_int_ge(asprintf(&longer, "%s%s", all, one), 0);
    nacre_free(one);
    free(all);
    all = longer;
  }
  return all;
}

char *fixture_written(const fixture *self) {
  char *text = nacre_node_write(self->root);
  ck_assert_ptr_nonnull(text);
  char *copy = strdup(text);
  nacre_free(text);
  return copy;
}

static void compare_problems(fixture *self, const char *problems) {
  char *said = fixture_problems(self);
  ck_assert_str_eq(said, problems);
  free(said);
  fixture_fini(self);
}

void fixture_gives(const char *text, const char *one, const char *two,
                   const char *written) {
  fixture self;
  fixture_load(&self, text, one, two);
  if (self.root == NULL) {
    compare_problems(&self, "none");
    return;
  }
  char *out = fixture_written(&self);
  ck_assert_str_eq(out, written);
  free(out);
  fixture_fini(&self);
}

void fixture_says(const char *text, const char *one, const char *two,
                  const char *problems) {
  fixture self;
  fixture_load(&self, text, one, two);
  compare_problems(&self, problems);
}

void fixture_parse_says(const char *text, const char *problems) {
  fixture self;
  fixture_parse(&self, text, strlen(text));
  compare_problems(&self, problems);
}

char *fixture_dir(void) {
  const char *below = getenv("TMPDIR");
  char *dir = NULL;
  ck_assert_int_ge(
    asprintf(&dir, "%s/nacre-unit-XXXXXX", below != NULL ? below : "/tmp"),
    0);
  ck_assert_ptr_nonnull(mkdtemp(dir));
  return dir;
}

void fixture_remove(char *dir) {
  DIR *list = opendir(dir);
  ck_assert_ptr_nonnull(list);
  for (struct dirent *at; (at = readdir(list)) != NULL;) {
    char *path = fixture_path(dir, at->d_name);
    (void)unlink(path); /* fails for "." and "..", as it should */
    free(path);
  }
  (void)closedir(list);
  ck_assert_int_eq(rmdir(dir), 0);
  free(dir);
}

void fixture_file(const char *dir, const char *name, const char *text) {
  char *path = fixture_path(dir, name);
  FILE *file = fopen(path, "w");
  ck_assert_ptr_nonnull(file);
  ck_assert_int_ge(fputs(text, file), 0);
  ck_assert_int_eq(fclose(file), 0);
  free(path);
}

char *fixture_path(const char *dir, const char *name) {
  char *path = NULL;
  ck_assert_int_ge(asprintf(&path, "%s/%s", dir, name), 0);
  return path;
}

fixture_faults fixture_memory;
fixture_faults fixture_files;
static nacre_sys actual;

static bool fails(fixture_faults *faults) {
  faults->calls++;
  bool now = faults->fail_at > 0 &&
             (faults->calls == faults->fail_at ||
              (faults->for_good && faults->calls > faults->fail_at));
  if (now) {
    faults->failed++;
    errno = faults->reason;
  }
  return now;
}

static void *watched_calloc(size_t count, size_t size) {
  return fails(&fixture_memory) ? NULL : actual.calloc(count, size);
}

static void *watched_realloc(void *old, size_t size) {
  return fails(&fixture_memory) ? NULL : actual.realloc(old, size);
}

static int watched_open(const char *path, int flags, mode_t mode) {
  return fails(&fixture_files) ? -1 : actual.open(path, flags, mode);
}

static ssize_t watched_read(int fd, void *at, size_t n) {
  return fails(&fixture_files) ? -1 : actual.read(fd, at, n > 3 ? 3 : n);
}

static ssize_t watched_write(int fd, const void *at, size_t n) {
  return fails(&fixture_files) ? -1 : actual.write(fd, at, n > 3 ? 3 : n);
}

static int watched_fsync(int fd) {
  return fails(&fixture_files) ? -1 : actual.fsync(fd);
}

static int watched_rename(const char *from, const char *to) {
  return fails(&fixture_files) ? -1 : actual.rename(from, to);
}

void fixture_watch(void) {
  memset(&fixture_memory, 0, sizeof fixture_memory);
  memset(&fixture_files, 0, sizeof fixture_files);
  fixture_memory.reason = ENOMEM;
  fixture_files.reason = EIO;
  actual = nacre_sys_calls;
  nacre_sys_calls.calloc = watched_calloc;
  nacre_sys_calls.realloc = watched_realloc;
  nacre_sys_calls.open = watched_open;
  nacre_sys_calls.read = watched_read;
  nacre_sys_calls.write = watched_write;
  nacre_sys_calls.fsync = watched_fsync;
  nacre_sys_calls.rename = watched_rename;
}

void fixture_unwatch(void) {
  nacre_sys_calls = actual;
}
