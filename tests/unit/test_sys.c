/* SPDX-License-Identifier: MIT */
/* test_sys: memory, sizes, reading, the safe writer and paths. */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

Suite *test_sys_suite(void);

START_TEST(sizes_do_not_wrap) {
  size_t size;
  int64_t whole;
  ck_assert(nacre_size_mul(3, 7, &size) && size == 21);
  ck_assert(nacre_size_add(3, 7, &size) && size == 10);
  ck_assert(nacre_size_mul(SIZE_MAX, 1, &size) && size == SIZE_MAX);
  ck_assert(nacre_size_mul(0, 5, &size) && size == 0);
  ck_assert(!nacre_size_mul(SIZE_MAX / 2 + 1, 2, &size));
  ck_assert(!nacre_size_add(SIZE_MAX, 1, &size));
  ck_assert(nacre_int_mul(INT64_MAX, 1, &whole) && whole == INT64_MAX);
  ck_assert(!nacre_int_mul(INT64_MAX / 2 + 1, 2, &whole));
  ck_assert(!nacre_int_mul(-1, 2, &whole));
  ck_assert(nacre_int_add(INT64_MAX - 1, 1, &whole) && whole == INT64_MAX);
  ck_assert(!nacre_int_add(INT64_MAX, 1, &whole));
  ck_assert_ptr_null(nacre_resize(NULL, SIZE_MAX / 2 + 1, 2));
  void *empty = nacre_alloc(0, 8);
  ck_assert_ptr_nonnull(empty);
  nacre_free(empty);
}
END_TEST

START_TEST(arenas_give_aligned_zeroed_memory) {
  nacre_arena *arena = nacre_arena_new();
  for (size_t i = 1; i < 400; i++) {
    unsigned char *at = nacre_arena_alloc(arena, i, i % 7 + 1);
    ck_assert_ptr_nonnull(at);
    ck_assert_uint_eq((uintptr_t)at % 16, 0);
    for (size_t j = 0; j < i * (i % 7 + 1); j++) {
      ck_assert_uint_eq(at[j], 0);
      at[j] = 0xff;
    }
  }
  ck_assert_ptr_nonnull(nacre_arena_alloc(arena, 1, 1 << 20));
  ck_assert_ptr_null(nacre_arena_alloc(arena, SIZE_MAX / 2, 3));
  ck_assert_ptr_null(nacre_arena_alloc(arena, SIZE_MAX, 1));
  ck_assert_str_eq(nacre_arena_strndup(arena, "abcdef", 3), "abc");
  ck_assert_str_eq(nacre_arena_format(arena, "%s-%d", "x", 7), "x-7");
  nacre_arena_free(arena);
  nacre_arena_free(NULL);
}
END_TEST

static void check_read_refused(const char *path, size_t limit, int code,
                               const char *text) {
  nacre_error error;
  nacre_bytes bytes;
  nacre_error_init(&error);
  ck_assert_int_eq(
    nacre_file_read(path, limit, NACRE_EDATA, &error, &bytes), NACRE_ERROR);
  ck_assert_ptr_null(bytes.at);
  ck_assert_int_eq(error.count, 1);
  ck_assert_int_eq(error.problem[0].code, code);
  ck_assert_str_eq(error.problem[0].text, text);
  nacre_error_fini(&error);
}

START_TEST(files_are_read_within_a_limit) {
  char *dir = fixture_dir();
  fixture_file(dir, "a", "hello world");
  fixture_file(dir, "empty", "");
  char *path = fixture_path(dir, "a");
  char *empty = fixture_path(dir, "empty");
  nacre_error error;
  nacre_bytes bytes;
  nacre_error_init(&error);
  ck_assert_int_eq(nacre_file_read(path, 11, NACRE_EDATA, &error, &bytes),
                   NACRE_OK);
  ck_assert_uint_eq(bytes.n, 11);
  ck_assert_str_eq(bytes.at, "hello world");
  nacre_free(bytes.at);
  ck_assert_int_eq(nacre_file_read(empty, 11, NACRE_EDATA, &error, &bytes),
                   NACRE_OK);
  ck_assert_uint_eq(bytes.n, 0);
  ck_assert_str_eq(bytes.at, "");
  nacre_free(bytes.at);
  check_read_refused(path, 10, NACRE_ELIMIT,
                     "is larger than the limit of 10 bytes");
  nacre_error_fini(&error);
  free(path);
  free(empty);
  fixture_remove(dir);
}
END_TEST

START_TEST(what_is_no_file_is_refused) {
  char *dir = fixture_dir();
  char *fifo = fixture_path(dir, "fifo");
  char *none = fixture_path(dir, "none");
  ck_assert_int_eq(mkfifo(fifo, 0600), 0);
  check_read_refused(dir, 10, NACRE_EDATA, "is a directory, not a file");
  check_read_refused(fifo, 10, NACRE_EDATA, "is a pipe, not a file");
  check_read_refused("/dev/zero", 10, NACRE_EDATA,
                     "is a device, not a file");
  check_read_refused(none, 10, NACRE_EDATA,
                     "cannot open: No such file or directory");
  free(fifo);
  free(none);
  fixture_remove(dir);
}
END_TEST

START_TEST(standard_input_may_be_a_pipe) {
  int ends[2];
  ck_assert_int_eq(pipe(ends), 0);
  ck_assert_int_eq(write(ends[1], "a: 1\n", 5), 5);
  ck_assert_int_eq(close(ends[1]), 0);
  ck_assert_int_eq(dup2(ends[0], 0), 0);
  ck_assert_int_eq(close(ends[0]), 0);
  nacre_error error;
  nacre_bytes bytes;
  nacre_error_init(&error);
  ck_assert_int_eq(nacre_file_read("-", 99, NACRE_EDATA, &error, &bytes),
                   NACRE_OK);
  ck_assert_str_eq(bytes.at, "a: 1\n");
  nacre_free(bytes.at);
  nacre_error_fini(&error);
}
END_TEST

START_TEST(reading_survives_interruption_and_reports_failure) {
  char *dir = fixture_dir();
  fixture_file(dir, "a", "hello world");
  char *path = fixture_path(dir, "a");
  nacre_error error;
  nacre_bytes bytes;
  nacre_error_init(&error);
  fixture_watch(); /* reads come in threes */
  fixture_files.fail_at = 3;
  fixture_files.reason = EINTR;
  ck_assert_int_eq(nacre_file_read(path, 99, NACRE_EDATA, &error, &bytes),
                   NACRE_OK);
  ck_assert_str_eq(bytes.at, "hello world");
  ck_assert_int_eq(fixture_files.failed, 1);
  nacre_free(bytes.at);
  fixture_files.calls = 0;
  fixture_files.reason = EIO;
  ck_assert_int_eq(nacre_file_read(path, 99, NACRE_EDATA, &error, &bytes),
                   NACRE_ERROR);
  fixture_unwatch();
  ck_assert_str_eq(error.problem[0].text,
                   "cannot read: Input/output error");
  nacre_error_fini(&error);
  free(path);
  fixture_remove(dir);
}
END_TEST

static int write_file(const char *path, const char *text, nacre_error *error) {
  nacre_writer *writer = nacre_writer_open(path, error);
  if (writer == NULL) {
    return NACRE_ERROR;
  }
  (void)nacre_writer_put(writer, text, strlen(text), error);
  return nacre_writer_commit(writer, error);
}

static void check_content(const char *path, const char *text) {
  nacre_error error;
  nacre_bytes bytes;
  nacre_error_init(&error);
  ck_assert_int_eq(
    nacre_file_read(path, 1 << 20, NACRE_EDATA, &error, &bytes), NACRE_OK);
  ck_assert_str_eq(bytes.at, text);
  nacre_free(bytes.at);
  nacre_error_fini(&error);
}

/* Whatever call fails: the old file is whole, and nothing else is left. */
START_TEST(writers_lose_nothing_when_a_call_fails) {
  char *dir = fixture_dir();
  char *path = fixture_path(dir, "out");
  nacre_error error;
  nacre_error_init(&error);
  ck_assert_int_eq(write_file(path, "old", &error), NACRE_OK);
  int n = 1;
  for (;; n++) {
    nacre_error_fini(&error);
    fixture_watch();
    fixture_files.fail_at = n;
    fixture_files.for_good = _i == 1;
    int status = write_file(path, "new content", &error);
    int failed = fixture_files.failed;
    int renamed = fixture_files.calls > 8;
    fixture_unwatch();
    if (failed == 0) {
      ck_assert_int_eq(status, NACRE_OK);
      break;
    }
    ck_assert_int_eq(status, NACRE_ERROR);
    ck_assert_int_eq(error.count, 1);
    ck_assert_int_eq(error.problem[0].code, NACRE_EIO);
    check_content(path, renamed ? "new content" : "old");
    ck_assert_int_eq(write_file(path, "old", &error), NACRE_OK);
  }
  ck_assert_int_eq(n, 10); /* 2 open, 4 write, fsync, rename, fsync */
  check_content(path, "new content");
  nacre_error_fini(&error);
  free(path);
  fixture_remove(dir); /* fails if a temporary file was hidden from it */
}
END_TEST

START_TEST(writers_go_on_after_interruption) {
  char *dir = fixture_dir();
  char *path = fixture_path(dir, "out");
  nacre_error error;
  nacre_error_init(&error);
  for (int n = 3; n < 8; n++) {
    fixture_watch();
    fixture_files.fail_at = n;
    fixture_files.reason = EINTR;
    ck_assert_int_eq(write_file(path, "new content", &error), NACRE_OK);
    ck_assert_int_eq(fixture_files.failed, 1);
    fixture_unwatch();
    check_content(path, "new content");
  }
  nacre_error_fini(&error);
  free(path);
  fixture_remove(dir);
}
END_TEST

START_TEST(writers_write_much_and_can_be_abandoned) {
  char *dir = fixture_dir();
  char *path = fixture_path(dir, "out");
  char *text = malloc(300001);
  for (int i = 0; i < 300000; i++) {
    text[i] = (char)('a' + i * 7 % 23);
  }
  text[300000] = '\0';
  nacre_error error;
  nacre_error_init(&error);
  nacre_writer *writer = nacre_writer_open(path, &error);
  for (size_t i = 0, n = 1; i < 300000; i += n, n = n * 3 + 1) {
    n = n > 300000 - i ? 300000 - i : n;
    ck_assert_int_eq(nacre_writer_put(writer, text + i, n, &error), 0);
  }
  ck_assert_int_eq(nacre_writer_commit(writer, &error), NACRE_OK);
  check_content(path, text);
  writer = nacre_writer_open(path, &error);
  ck_assert_int_eq(nacre_writer_put(writer, "x", 1, &error), NACRE_OK);
  nacre_writer_abandon(writer);
  nacre_writer_abandon(NULL);
  check_content(path, text);
  ck_assert_ptr_null(nacre_writer_open(dir, &error));
  ck_assert_str_eq(error.problem[0].text,
                   "is not a regular file and is not replaced");
  nacre_error_fini(&error);
  free(text);
  free(path);
  fixture_remove(dir);
}
END_TEST

static void check_text(char *made, const char *expected) {
  ck_assert_str_eq(made, expected);
  nacre_free(made);
}

START_TEST(paths_join_and_split) {
  check_text(nacre_path_join("a/b", "c"), "a/b/c");
  check_text(nacre_path_join("a/", "c"), "a/c");
  check_text(nacre_path_join("/", "c"), "/c");
  check_text(nacre_path_join(".", "c"), "c");
  check_text(nacre_path_join(NULL, "c"), "c");
  check_text(nacre_path_join("a", "/c"), "/c");
  check_text(nacre_path_join("a", "-"), "-");
  check_text(nacre_path_dir("a/b/c"), "a/b");
  check_text(nacre_path_dir("a//b"), "a");
  check_text(nacre_path_dir("a/b/"), "a");
  check_text(nacre_path_dir("c"), ".");
  check_text(nacre_path_dir("/c"), "/");
  check_text(nacre_path_dir("/"), "/");
}
END_TEST

START_TEST(directories_are_made_with_their_parents) {
  char *dir = fixture_dir();
  char *deep = fixture_path(dir, "a//b/c");
  char *below = fixture_path(dir, "file/x");
  fixture_file(dir, "file", "");
  nacre_error error;
  nacre_error_init(&error);
  ck_assert_int_eq(nacre_make_dirs(deep, &error), NACRE_OK);
  ck_assert_int_eq(nacre_make_dirs(deep, &error), NACRE_OK);
  struct stat status;
  ck_assert(stat(deep, &status) == 0 && S_ISDIR(status.st_mode));
  ck_assert_int_eq(nacre_make_dirs(below, &error), NACRE_ERROR);
  ck_assert_int_eq(error.problem[0].code, NACRE_EIO);
  for (int i = 0; i < 3; i++) {
    ck_assert_int_eq(rmdir(deep), 0);
    *strrchr(deep, '/') = '\0';
    deep[strlen(deep) - (deep[strlen(deep) - 1] == '/')] = '\0';
  }
  nacre_error_fini(&error);
  free(deep);
  free(below);
  fixture_remove(dir);
}
END_TEST

START_TEST(the_clock_does_not_go_back) {
  double before = nacre_clock();
  double after = nacre_clock();
  ck_assert(before > 0 && after >= before);
}
END_TEST

Suite *test_sys_suite(void) {
  Suite *suite = suite_create("sys");
  TCase *tests = tcase_create("all");
  tcase_add_test(tests, sizes_do_not_wrap);
  tcase_add_test(tests, arenas_give_aligned_zeroed_memory);
  tcase_add_test(tests, files_are_read_within_a_limit);
  tcase_add_test(tests, what_is_no_file_is_refused);
  tcase_add_test(tests, standard_input_may_be_a_pipe);
  tcase_add_test(tests, reading_survives_interruption_and_reports_failure);
  tcase_add_loop_test(tests, writers_lose_nothing_when_a_call_fails, 0, 2);
  tcase_add_test(tests, writers_go_on_after_interruption);
  tcase_add_test(tests, writers_write_much_and_can_be_abandoned);
  tcase_add_test(tests, paths_join_and_split);
  tcase_add_test(tests, directories_are_made_with_their_parents);
  tcase_add_test(tests, the_clock_does_not_go_back);
  suite_add_tcase(suite, tests);
  return suite;
}
