/* SPDX-License-Identifier: MIT */
/* test_error: collecting problems and showing them. */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

Suite *test_error_suite(void);

static void check_format(const nacre_error *error, int at, const char *text) {
  char *said = nacre_problem_format(&error->problem[at]);
  ck_assert_ptr_nonnull(said);
  ck_assert_str_eq(said, text);
  nacre_free(said);
}

START_TEST(line_and_caret_look_as_documented) {
  nacre_error error;
  nacre_place place = { "configs/mnist.yaml", 37, 26, 12,
                        "optimizer: {type: adamw, learning_rat: 1e-3}\nx" };
  nacre_error_init(&error);
  ck_assert_int_eq(nacre_error_add(&error, NACRE_ECONFIG, &place,
                                   "unknown key '%s' for optimizer 'adamw'",
                                   "learning_rat"),
                   NACRE_ERROR);
  nacre_error_hint(&error, "did you mean '%s'? (float > 0, default %g)",
                   "learning_rate", 0.001);
  check_format(
    &error, 0,
    "configs/mnist.yaml:37:26: error: unknown key 'learning_rat' for "
    "optimizer 'adamw'\n"
    "   37 | optimizer: {type: adamw, learning_rat: 1e-3}\n"
    "      |                          ^~~~~~~~~~~~ did you mean "
    "'learning_rate'? (float > 0, default 0.001)\n");
  nacre_error_fini(&error);
}
END_TEST

START_TEST(places_may_be_partial) {
  nacre_error error;
  nacre_place file = { "a.yaml", 0, 0, 0, NULL };
  nacre_place line = { "a.csv", 7, 0, 0, NULL };
  nacre_error_init(&error);
  nacre_error_add(&error, NACRE_EIO, NULL, "out of luck");
  nacre_error_hint(&error, "try again");
  nacre_error_add(&error, NACRE_EIO, &file, "is empty");
  nacre_error_warn(&error, &line, "is odd");
  check_format(&error, 0, "nacre: error: out of luck\n  try again\n");
  check_format(&error, 1, "a.yaml: error: is empty\n");
  check_format(&error, 2, "a.csv:7: warning: is odd\n");
  ck_assert_int_eq(error.errors, 2);
  nacre_error_fini(&error);
}
END_TEST

START_TEST(carets_count_characters_and_escapes) {
  nacre_error error;
  nacre_place place = { "t", 1, 5, 2, "\xc3\xa9\t\x1b[x\xe2\x80\xae z" };
  nacre_error_init(&error);
  nacre_error_add(&error, NACRE_ECONFIG, &place, "a\nb\xff");
  check_format(&error, 0,
               "t:1:5: error: a\\nb\\xff\n"
               "    1 | \xc3\xa9 \\x1b[x\\u202e z\n"
               "      |        ^~~~~~~\n");
  nacre_error_fini(&error);
}
END_TEST

START_TEST(long_lines_are_shown_by_a_window) {
  char line[3001];
  memset(line, 'a', 3000);
  line[3000] = '\0';
  line[2000] = 'B';
  nacre_error error;
  nacre_place place = { "t", 9, 2001, 1, line };
  nacre_error_init(&error);
  nacre_error_add(&error, NACRE_ECONFIG, &place, "here");
  ck_assert_uint_lt(strlen(error.problem[0].source), 500);
  char *said = nacre_problem_format(&error.problem[0]);
  char *source = strstr(said, "    9 | ");
  char *caret = strstr(said, "      | ");
  ck_assert_ptr_nonnull(source);
  ck_assert_ptr_nonnull(caret);
  ck_assert_int_eq(strncmp(source + 8, "...a", 4), 0);
  ck_assert_ptr_nonnull(strstr(source, "a...\n"));
  ck_assert_uint_eq(strcspn(source, "B"), strcspn(caret, "^"));
  nacre_free(said);
  nacre_error_fini(&error);
}
END_TEST

START_TEST(problems_sort_by_place) {
  static const struct {
    const char *file;
    int line, column;
  } at[] = { { NULL, 0, 0 }, { "b", 1, 1 }, { "a", 9, 1 }, { "a", 2, 8 },
             { "a", 2, 3 },  { "b", 1, 1 }, { NULL, 0, 0 } };
  static const int order[] = { 4, 3, 2, 1, 5, 0, 6 };
  nacre_error error;
  nacre_error_init(&error);
  for (int i = 0; i < 7; i++) {
    nacre_place place = { at[i].file, at[i].line, at[i].column, 0, NULL };
    nacre_error_add(&error, NACRE_ECONFIG, &place, "%d", i);
  }
  nacre_error_sort(&error);
  for (int i = 0; i < 7; i++) {
    ck_assert_int_eq(atoi(error.problem[i].text), order[i]);
  }
  nacre_error_fini(&error);
}
END_TEST

START_TEST(context_and_place_are_given_later) {
  nacre_error error;
  nacre_place place = { "a.yaml", 3, 4, 1, "x: [y]" };
  nacre_place other = { "b.yaml", 1, 1, 1, NULL };
  nacre_error_init(&error);
  nacre_error_add(&error, NACRE_EDATA, NULL, "old");
  nacre_error_add(&error, NACRE_ECONFIG, NULL, "new");
  nacre_error_add(&error, NACRE_ECONFIG, &other, "placed");
  nacre_error_locate(&error, 1, &place);
  nacre_error_context(&error, 1, "layer '%s'", "fc1");
  check_format(&error, 0, "nacre: error: old\n");
  check_format(&error, 1, "a.yaml:3:4: error: layer 'fc1': new\n"
                          "    3 | x: [y]\n      |    ^\n");
  check_format(&error, 2, "b.yaml:1:1: error: layer 'fc1': placed\n");
  ck_assert_int_eq(nacre_error_code(&error), NACRE_EDATA);
  nacre_error_fini(&error);
}
END_TEST

START_TEST(plugins_fail_into_the_error) {
  nacre_error error;
  nacre_error_fail sink;
  nacre_place place = { "a.yaml", 3, 4, 1, NULL };
  nacre_error_init(&error);
  nacre_fail *fail =
    nacre_error_fail_init(&sink, &error, NACRE_EDATA, &place);
  (fail->fail)(fail, NULL, "n is %d", 5);
  (fail->fail)(fail, "x.csv:12:3", "ragged");
  (fail->fail)(fail, "x.csv:12", "ragged");
  (fail->fail)(fail, "x.idx@16", "short");
  (fail->fail)(fail, "C:", "odd");
  check_format(&error, 0, "a.yaml:3:4: error: n is 5\n");
  check_format(&error, 1, "x.csv:12:3: error: ragged\n");
  check_format(&error, 2, "x.csv:12: error: ragged\n");
  check_format(&error, 3, "x.idx@16: error: short\n");
  check_format(&error, 4, "C:: error: odd\n");
  ck_assert_int_eq(error.problem[1].code, NACRE_EDATA);
  nacre_error_fini(&error);
}
END_TEST

START_TEST(a_flood_is_only_counted) {
  nacre_error error;
  nacre_error_init(&error);
  for (int i = 0; i < 3 * NACRE_ERROR_MAX; i++) {
    nacre_error_add(&error, NACRE_ECONFIG, NULL, "%d", i);
    nacre_error_hint(&error, "h%d", i);
  }
  ck_assert_int_eq(error.errors, 3 * NACRE_ERROR_MAX);
  ck_assert_int_eq(error.count, NACRE_ERROR_MAX + 1);
  check_format(&error, NACRE_ERROR_MAX,
               "nacre: error: there are more problems than these\n");
  check_format(&error, 7, "nacre: error: 7\n  h7\n");
  nacre_error_fini(&error);
}
END_TEST

START_TEST(lost_problems_are_errors_still) {
  nacre_error error;
  nacre_error_init(&error);
  fixture_watch();
  fixture_memory.fail_at = 1;
  fixture_memory.for_good = true;
  ck_assert_int_eq(nacre_no_memory(&error), NACRE_ERROR);
  nacre_error_hint(&error, "none");
  fixture_unwatch();
  ck_assert(error.lost);
  ck_assert_int_eq(error.errors, 1);
  ck_assert_int_eq(error.count, 0);
  ck_assert_int_eq(nacre_error_code(&error), NACRE_ELIMIT);
  nacre_error_fini(&error);
}
END_TEST

Suite *test_error_suite(void) {
  Suite *suite = suite_create("error");
  TCase *tests = tcase_create("all");
  tcase_add_test(tests, line_and_caret_look_as_documented);
  tcase_add_test(tests, places_may_be_partial);
  tcase_add_test(tests, carets_count_characters_and_escapes);
  tcase_add_test(tests, long_lines_are_shown_by_a_window);
  tcase_add_test(tests, problems_sort_by_place);
  tcase_add_test(tests, context_and_place_are_given_later);
  tcase_add_test(tests, plugins_fail_into_the_error);
  tcase_add_test(tests, a_flood_is_only_counted);
  tcase_add_test(tests, lost_problems_are_errors_still);
  suite_add_tcase(suite, tests);
  return suite;
}
