/* SPDX-License-Identifier: MIT */
/* Tests of run directories: each run has its own, held by a lock, and what
 * is logged can be read by others. */
#include "fixture.h"
#include "run/rundir.h"

#include <ftw.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <unistd.h>

static int remove_one(const char *path, const struct stat *st, int flag,
                      struct FTW *walk) {
  (void)st;
  (void)flag;
  (void)walk;
  return remove(path);
}

static void remove_all(char *dir) {
  (void)nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
  free(dir);
}

static nacre_rundir create(const char *root, nacre_error *error) {
  nacre_rundir dir;
  nacre_error_init(error);
  ck_assert_int_eq(nacre_rundir_create(&dir, root, "name", error), NACRE_OK);
  return dir;
}

START_TEST(test_never_the_same) {
  char *root = fixture_dir();
  nacre_error error;
  nacre_rundir dirs[5];
  for (int i = 0; i < 5; i++) {
    struct stat st;
    dirs[i] = create(root, &error);
    ck_assert(strncmp(dirs[i].path, root, strlen(root)) == 0);
    char *checkpoints = nacre_rundir_file(&dirs[i], "checkpoints");
    ck_assert(stat(checkpoints, &st) == 0 && S_ISDIR(st.st_mode));
    nacre_free(checkpoints);
    for (int j = 0; j < i; j++) {
      ck_assert_str_ne(dirs[i].path, dirs[j].path);
    }
  }
  /* While it is written, it is locked; then it is not. */
  char *path = strdup(dirs[0].path);
  int fd = open(path, O_RDONLY | O_DIRECTORY);
  ck_assert_int_ne(flock(fd, LOCK_EX | LOCK_NB), 0);
  for (int i = 0; i < 5; i++) {
    nacre_rundir_close(&dirs[i]);
    nacre_rundir_close(&dirs[i]); /* harmless */
  }
  ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
  (void)close(fd);
  free(path);
  remove_all(root);
}
END_TEST

/* Processes that start together; each tells its directory's name. */
START_TEST(test_processes) {
  enum { PROCESSES = 6, EACH = 5, ROOM = 512 };
  char *root = fixture_dir();
  int ends[2];
  ck_assert_int_eq(pipe(ends), 0);
  for (int i = 0; i < PROCESSES; i++) {
    if (fork() == 0) {
      nacre_error error;
      nacre_rundir dirs[EACH];
      char line[ROOM];
      for (int j = 0; j < EACH; j++) {
        memset(line, 0, sizeof line);
        nacre_error_init(&error);
        if (nacre_rundir_create(&dirs[j], root, "name", &error) != NACRE_OK) {
          _exit(1);
        }
        snprintf(line, sizeof line, "%s", dirs[j].path);
        if (write(ends[1], line, sizeof line) != (ssize_t)sizeof line) {
          _exit(2);
        }
      }
      _exit(0);
    }
  }
  (void)close(ends[1]);
  char names[PROCESSES * EACH][ROOM];
  for (int i = 0; i < PROCESSES * EACH; i++) {
    ck_assert_int_eq(read(ends[0], names[i], ROOM), ROOM);
    for (int j = 0; j < i; j++) {
      ck_assert_str_ne(names[i], names[j]);
    }
  }
  for (int i = 0; i < PROCESSES; i++) {
    int status = 1;
    (void)wait(&status);
    ck_assert_int_eq(status, 0);
  }
  (void)close(ends[0]);
  remove_all(root);
}
END_TEST

static char *slurp(const nacre_rundir *dir, const char *name) {
  nacre_error error;
  nacre_bytes bytes;
  char *path = nacre_rundir_file(dir, name);
  nacre_error_init(&error);
  ck_assert_int_eq(nacre_file_read(path, 1 << 20, NACRE_EIO, &error, &bytes),
                   NACRE_OK);
  nacre_free(path);
  return bytes.at;
}

START_TEST(test_history) {
  char *root = fixture_dir();
  nacre_error error;
  nacre_rundir dir = create(root, &error);
  nacre_log_item log[] = { { "loss", 0.1 }, { "val/loss", (double)NAN },
                           { "learning_rate", 1e-3 } };
  ck_assert_int_eq(nacre_rundir_log(&dir, 1, 10, 0.25, log, 3, &error),
                   NACRE_OK);
  log[0].value = (double)INFINITY;
  log[1].value = 0.5;
  ck_assert_int_eq(nacre_rundir_log(&dir, 2, 20, 0.5, log, 3, &error),
                   NACRE_OK);
  char *csv = slurp(&dir, "history.csv");
  ck_assert_str_eq(csv, "epoch,step,seconds,loss,val/loss,learning_rate\n"
                        "1,10,0.25,0.1,,0.001\n"
                        "2,20,0.5,inf,0.5,0.001\n");
  nacre_free(csv);
  char *lines = slurp(&dir, "metrics.jsonl");
  char *second = strchr(lines, '\n');
  ck_assert_ptr_nonnull(second);
  *second++ = '\0';
  json_t *first = json_loads(lines, 0, NULL);
  json_t *last = json_loads(second, 0, NULL);
  ck_assert(first != NULL && last != NULL);
  ck_assert_int_eq(json_integer_value(json_object_get(last, "epoch")), 2);
  ck_assert_int_eq(json_integer_value(json_object_get(first, "step")), 10);
  const json_t *logs = json_object_get(first, "logs");
  ck_assert(json_is_null(json_object_get(logs, "val/loss")));
  ck_assert(json_number_value(json_object_get(logs, "loss")) == 0.1);
  json_decref(first);
  json_decref(last);
  nacre_free(lines);
  nacre_rundir_close(&dir);
  nacre_error_fini(&error);
  remove_all(root);
}
END_TEST

START_TEST(test_small_files) {
  char *root = fixture_dir();
  nacre_error error;
  nacre_rundir dir = create(root, &error);
  ck_assert_int_eq(nacre_rundir_write(&dir, "a.yaml", "one\n", true, &error),
                   NACRE_OK);
  ck_assert_int_eq(nacre_rundir_write(&dir, "a.yaml", "two\n", false, &error),
                   NACRE_OK);
  for (int at = 1;; at++) {
    fixture_watch();
    fixture_files.fail_at = at;
    int status = nacre_rundir_write(&dir, "a.yaml", "three\n", true,
                                    &error);
    int failed = fixture_files.failed;
    fixture_unwatch();
    char *text = slurp(&dir, "a.yaml");
    ck_assert(strcmp(text, "two\n") == 0 || strcmp(text, "three\n") == 0);
    nacre_free(text);
    if (failed == 0) {
      ck_assert_int_eq(status, NACRE_OK);
      break;
    }
    ck_assert_int_ne(status, NACRE_OK);
  }
  nacre_rundir_close(&dir);
  nacre_error_fini(&error);
  remove_all(root);
}
END_TEST

START_TEST(test_nowhere) {
  nacre_error error;
  nacre_rundir dir;
  nacre_error_init(&error);
  ck_assert_int_eq(nacre_rundir_create(&dir, "/dev/null", "x", &error),
                   NACRE_ERROR);
  ck_assert_int_eq(nacre_error_code(&error), NACRE_EIO);
  nacre_rundir_close(&dir);
  nacre_error_fini(&error);
}
END_TEST

Suite *test_rundir_suite(void);
Suite *test_rundir_suite(void) {
  Suite *suite = suite_create("rundir");
  TCase *tests = tcase_create("rundir");
  tcase_set_timeout(tests, 60);
  tcase_add_test(tests, test_never_the_same);
  tcase_add_test(tests, test_processes);
  tcase_add_test(tests, test_history);
  tcase_add_test(tests, test_small_files);
  tcase_add_test(tests, test_nowhere);
  suite_add_tcase(suite, tests);
  return suite;
}
