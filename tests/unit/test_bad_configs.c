/* SPDX-License-Identifier: MIT */
/* test_bad_configs: every NAME.yaml of tests/bad_configs is refused with the
 * exit code and exactly the messages in NAME.yaml.expected. A file that ends
 * in .data.yaml is sound as far as it can be read: its data, or training on
 * them, are not. NAME.yaml.overrides, if there, holds a KEY=VALUE in each
 * line. What cannot be kept as a file is made here. NACRE_UPDATE_EXPECTED=1
 * writes down what is said now, to be read and judged. */
#include "config_fixture.h"

#include <time.h>

static char *names[CONFIG_FILES_MAX];
static int count;

static int enter_folder(void) {
  const char *folder = getenv("NACRE_TEST_BAD_CONFIGS");
  /* Messages name files as the user did: from within, by their names. */
  return chdir(folder != NULL ? folder : "tests/bad_configs");
}

START_TEST(finds_the_files) {
  ck_assert_int_ge(count, 80);
}
END_TEST

/* The lines of NAME.overrides; the texts point into *text. */
static int read_overrides(const char *name, char **text,
                          const char **overrides) {
  char path[4096];
  size_t size = 0;
  int n = 0;
  snprintf(path, sizeof(path), "%s.overrides", name);
  *text = config_read(path, &size);
  char *rest = NULL;
  for (char *line = *text != NULL ? strtok_r(*text, "\n", &rest) : NULL;
       line != NULL && n < CONFIG_OVERRIDES_MAX;
       line = strtok_r(NULL, "\n", &rest)) {
    overrides[n++] = line;
  }
  return n;
}

static void write_expected(const char *path, const char *said) {
  FILE *file = fopen(path, "w");
  ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
  ck_assert_int_ge(fputs(said, file), 0);
  ck_assert_int_eq(fclose(file), 0);
}

START_TEST(refuses_with_its_messages) {
  const char *name = names[_i];
  const char *overrides[CONFIG_OVERRIDES_MAX];
  char path[4096], *lines = NULL;
  size_t n = 0;
  int n_overrides = read_overrides(name, &lines, overrides);
  char *said = config_try(name, overrides, n_overrides,
                          config_ends_in(name, ".data.yaml"));
  ck_assert_msg(strncmp(said, "exit: 0", 7) != 0, "%s was accepted", name);
  snprintf(path, sizeof(path), "%s.expected", name);
  if (getenv("NACRE_UPDATE_EXPECTED") != NULL) {
    write_expected(path, said);
  }
  char *wanted = config_read(path, &n);
  ck_assert_msg(wanted != NULL, "%s has no .expected:\n%s", name, said);
  ck_assert_msg(strcmp(said, wanted) == 0, "%s:\n%s--- instead of\n%s", name,
                said, wanted);
  free(wanted);
  free(said);
  free(lines);
}
END_TEST

/* What is loaded is exactly one problem that reads like this. */
static void says(const char *path, const char *wanted) {
  char *said = config_try(path, NULL, 0, false);
  ck_assert_str_eq(said, wanted);
  free(said);
}

START_TEST(refuses_what_is_no_file) {
  says("there-is-none.yaml",
       "exit: 3\n"
       "there-is-none.yaml: error: cannot open: No such file or directory\n");
  says("with", "exit: 3\nwith: error: is a directory, not a file\n");
  says("/dev/zero", "exit: 3\n/dev/zero: error: is a device, not a file\n");
}
END_TEST

/* A file of `n` bytes from a text said again and again. */
static char *make_file(const char *head, const char *again, int times,
                       const char *tail) {
  const char *below = getenv("TMPDIR");
  char *path = NULL;
  ck_assert_int_ge(asprintf(&path, "%s/nacre-configs-XXXXXX",
                            below != NULL ? below : "/tmp"), 0);
  int fd = mkstemp(path);
  ck_assert_int_ge(fd, 0);
  FILE *file = fdopen(fd, "w");
  ck_assert_ptr_nonnull(file);
  fputs(head, file);
  for (int i = 0; i < times; i++) {
    fputs(again, file);
  }
  fputs(tail, file);
  ck_assert_int_eq(fclose(file), 0);
  return path;
}

/* The messages, with the file's name left out, begin with `wanted`. */
static void says_of_made(char *path, const char *wanted) {
  char *said = config_try(path, NULL, 0, false);
  size_t n = strlen(path);
  for (char *at = said; (at = strstr(at, path)) != NULL;) {
    memmove(at, at + n, strlen(at + n) + 1);
  }
  ck_assert_msg(strncmp(said, wanted, strlen(wanted)) == 0,
                "%.2000s\n--- instead of\n%s", said, wanted);
  free(said);
  unlink(path);
  free(path);
}

START_TEST(refuses_more_than_a_mebibyte) {
  says_of_made(make_file("nacre: 1\n", "# a line of sixteen\n", 60000, ""),
               "exit: 8\n: error: is larger than the limit of 1048576 "
               "bytes\n");
}
END_TEST

START_TEST(refuses_more_than_100000_values) {
  says_of_made(make_file("x-list: [", "1, ", 100001, "1]\n"),
               "exit: 8\n:1:300001: error: more than 100000 values");
}
END_TEST

START_TEST(refuses_nesting_without_end) {
  says_of_made(make_file("x-list: ", "[", 100000, "\n"),
               "exit: 8\n:1:72: error: nested deeper than 64 levels\n");
}
END_TEST

START_TEST(tells_a_thousand_mistakes) {
  char *path = make_file("nacre: 1\nmodel:\n  input: [4]\n  layers:\n",
                         "    - {type: danse}\n", 1200, "");
  char *said = config_try(path, NULL, 0, false);
  int told = 0;
  for (const char *at = said; (at = strstr(at, "unknown layer")) != NULL;
       at++) {
    told++;
  }
  ck_assert_int_eq(told, NACRE_ERROR_MAX);
  ck_assert(config_ends_in(
    said, "\nnacre: error: there are more problems than these\n"));
  free(said);
  unlink(path);
  free(path);
}
END_TEST

/* As many layers as there may be take no time to speak of. */
START_TEST(is_quick_with_many_layers) {
  clock_t begin = clock();
  char *path = make_file("nacre: 1\nmodel:\n  input: [4]\n  layers:\n",
                         "    - {type: identity, inputs: input}\n", 9999,
                         "    - {type: identity, inputs: identty}\n");
  says_of_made(path,
               "exit: 3\n:10004:32: error: there is no layer or input called "
               "'identty'\n");
  ck_assert(clock() - begin < 2 * CLOCKS_PER_SEC);
}
END_TEST

int main(void) {
  if (enter_folder() != 0 || !config_open_registry()) {
    fprintf(stderr, "tests/bad_configs or the plugins are not there\n");
    return EXIT_FAILURE;
  }
  count = config_list(".", names);
  Suite *suite = suite_create("bad_configs");
  TCase *tests = tcase_create("bad_configs");
  tcase_set_timeout(tests, 60);
  tcase_add_test(tests, finds_the_files);
  tcase_add_loop_test(tests, refuses_with_its_messages, 0, count);
  tcase_add_test(tests, refuses_what_is_no_file);
  tcase_add_test(tests, refuses_more_than_a_mebibyte);
  tcase_add_test(tests, refuses_more_than_100000_values);
  tcase_add_test(tests, refuses_nesting_without_end);
  tcase_add_test(tests, tells_a_thousand_mistakes);
  tcase_add_test(tests, is_quick_with_many_layers);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  nacre_registry_free(config_registry);
  for (int i = 0; i < count; i++) {
    free(names[i]);
  }
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
