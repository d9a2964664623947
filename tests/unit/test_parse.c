/* SPDX-License-Identifier: MIT */
/* test_parse: what is refused, in which words, and hostile input. */
#include "yaml/parse.h"

#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *test_parse_suite(void);

/* Text, and all that is said about it. */
static const char *const refused[][2] = {
  { "", "t.yaml: error: is empty\n" },
  { "# only this\n", "t.yaml: error: is empty\n" },
  { "a: 1\nb: 2\na: 3\n", "t.yaml:3:1: error: duplicate key 'a' (first at "
                          "1:1)\n    3 | a: 3\n      | ^\n" },
  { "a: {b: 1, b: 2}\nc: !x 3\n",
    "t.yaml:1:11: error: duplicate key 'b' (first at 1:5)\n"
    "    1 | a: {b: 1, b: 2}\n"
    "      |           ^\n"
    "t.yaml:2:4: error: tags are not allowed: '!x'\n"
    "    2 | c: !x 3\n"
    "      |    ^~~~\n" },
  { "a: !!int 1\n", "t.yaml:1:4: error: tags are not allowed: '!!int'\n"
                    "    1 | a: !!int 1\n      |    ^~~~~~~\n" },
  { "a: &x {b: 1}\n<<: *x\n",
    "t.yaml:2:1: error: merge keys ('<<') are not allowed\n"
    "    2 | <<: *x\n"
    "      | ^~ 'extends: FILE' shares settings, 'blocks:' layers\n" },
  { "a: 1\n---\nb: 2\n",
    "t.yaml:2:1: error: a second document begins here (the first at 1:1); "
    "a file holds one\n    2 | ---\n      | ^\n" },
  { "[a]: 1\n", "t.yaml:1:1: error: a key must be text, not a list or map\n"
                "    1 | [a]: 1\n      | ^\n" },
  { "? {a: b}\n: 1\n",
    "t.yaml:1:3: error: a key must be text, not a list or map\n"
    "    1 | ? {a: b}\n      |   ^\n" },
  { "?\n: 1\n", "t.yaml:1:2: error: a key is missing before ':'\n"
                "    1 | ?\n      |  ^\n" },
  { "{: 1}\n", "t.yaml:1:2: error: expected a value\n"
               "    1 | {: 1}\n      |  ^\n" },
  { "a: *b\n", "t.yaml:1:4: error: the alias '*b' has no anchor before it\n"
               "    1 | a: *b\n      |    ^\n" },
  { "a: &a [*a]\n",
    "t.yaml:1:8: error: the alias '*a' stands inside its own anchor\n"
    "    1 | a: &a [*a]\n      |        ^\n" },
  { "a: &a b\n*a : c\n",
    "t.yaml:2:1: error: the alias '*a' cannot be a key\n"
    "    2 | *a : c\n      | ^\n" },
  { "a:\n\tb: 1\n", "t.yaml:2:1: error: a tab cannot indent: use spaces\n"
                    "    2 |  b: 1\n      | ^\n" },
  { "a: @b\n", "t.yaml:1:4: error: a value cannot begin with '@': put it in "
               "quotes\n    1 | a: @b\n      |    ^\n" },
  { "a: b: c\n", "t.yaml:1:5: error: a ':' cannot stand here: check the "
                 "indentation, or quote text that contains ': '\n"
                 "    1 | a: b: c\n      |     ^\n" },
  { "a: [1, 2\nb: 3\n",
    "t.yaml:2:2: error: expected ',' or ']' (it began at 1:4)\n"
    "    2 | b: 3\n      |  ^\n" },
  { "a: \"\\q\"\n", "t.yaml:1:5: error: unknown escape in double quotes: "
                    "write '\\\\', or use single quotes\n"
                    "    1 | a: \"\\q\"\n      |     ^\n" },
  { "a: \"b\n\n", "t.yaml:1:6: error: the file ends inside quotes (it began "
                  "at 1:4)\n    1 | a: \"b\n      |      ^\n" },
  { "a: \"\\0\"\n", "t.yaml:1:4: error: a NUL character is not allowed\n"
                    "    1 | a: \"\\0\"\n      |    ^~~~\n" },
  { "a: 1\n  b: 2\n c: 3\n",
    "t.yaml:2:4: error: a ':' cannot stand here: check the indentation, or "
    "quote text that contains ': '\n    2 |   b: 2\n      |    ^\n" },
  { "a: 1\r\nb: 2\r\na: 3\r\n",
    "t.yaml:3:1: error: duplicate key 'a' (first at 1:1)\n"
    "    3 | a: 3\n      | ^\n" },
  { "ok: 1\nx\xc3\xa9: \xff\n",
    "t.yaml:2:5: error: byte 0xff is not UTF-8\n"
    "    2 | x\xc3\xa9: \\xff\n      |     ^~~~ save the file as UTF-8\n" },
  { "a: \x01\n", "t.yaml:1:4: error: the character U+0001 is not allowed\n"
                 "    1 | a: \\x01\n      |    ^~~~\n" },
  { "a: b\xef\xbb\xbf\n",
    "t.yaml:1:5: error: the character U+FEFF is not allowed\n"
    "    1 | a: b\\ufeff\n      |     ^~~~~~\n" },
};

START_TEST(mistakes_are_named_where_they_are) {
  fixture_parse_says(refused[_i][0], refused[_i][1]);
}
END_TEST

static void check_bytes(const char *text, size_t n, const char *problems) {
  fixture self;
  fixture_parse(&self, text, n);
  char *said = fixture_problems(&self);
  ck_assert_str_eq(said, problems);
  free(said);
  fixture_fini(&self);
}

START_TEST(other_encodings_are_refused) {
  static const char wide[] = "t.yaml: error: is UTF-16 or UTF-32 text, not "
                             "UTF-8\n  save it as UTF-8\n";
  check_bytes("\xff\xfe"
              "a\0:\0",
              6, wide);
  check_bytes("\xfe\xff\0a\0:", 6, wide);
  check_bytes("a\0:\0 \0b\0", 8, wide);
  check_bytes("\0a\0:\0 \0b", 8, wide);
  check_bytes("a: b\nc: \0d", 10,
              "t.yaml:2:4: error: the character U+0000 is not allowed\n"
              "    2 | c: \n      |    ^\n");
}
END_TEST

START_TEST(marks_line_ends_and_aliases_are_taken) {
  fixture_gives("\xef\xbb\xbf"
                "a: 1\r\nb: 2\rc: 3\n",
                NULL, NULL, "a: 1\nb: 2\nc: 3\n");
  fixture_gives("a: &x {b: [1, 2]}\nc: *x\nd: [*x, &x 3, *x]\n", NULL, NULL,
                "a:\n  b: [1, 2]\nc:\n  b: [1, 2]\nd:\n"
                "  - b: [1, 2]\n  - 3\n  - 3\n");
}
END_TEST

static void check_limit(char *text, const char *message) {
  fixture self;
  fixture_parse(&self, text, strlen(text));
  ck_assert_int_eq(self.error.count, message == NULL ? 0 : 1);
  if (message != NULL) {
    ck_assert_str_eq(self.error.problem[0].text, message);
    ck_assert_int_eq(self.error.problem[0].code, NACRE_ELIMIT);
  }
  fixture_fini(&self);
  free(text);
}

/* `n` times `unit`, then `end`. */
static char *repeated(const char *unit, int n, const char *end) {
  const size_t size = strlen(unit);
  char *text = malloc(size * (size_t)n + strlen(end) + 1);
  for (int i = 0; i < n; i++) {
    memcpy(text + size * (size_t)i, unit, size);
  }
  memcpy(text + size * (size_t)n, end, strlen(end) + 1);
  return text;
}

START_TEST(limits_hold) {
  static const char deep[] = "nested deeper than 64 levels";
  static const char many[] = "more than 100000 values, aliases expanded";
  char closed[65];
  memset(closed, ']', 64);
  closed[64] = '\0';
  check_limit(repeated("[", 64, closed), NULL);
  check_limit(repeated("[", 1000000, ""), deep);
  check_limit(repeated("{a: ", 200000, ""), deep);
  check_limit(repeated("- ", 500000, ""), deep);
  check_limit(repeated("- a\n", 99999, ""), NULL);
  check_limit(repeated("- a\n", 100000, ""), many);
  check_limit(repeated("#", (1 << 20) - 5, "\na: 1"), NULL);
  check_limit(repeated("#", (1 << 20) - 4, "\na: 1"),
              "is larger than the limit of 1048576 bytes");
}
END_TEST

START_TEST(alias_bombs_are_defused) {
  char text[4096] = "a0: &a0 [x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; i++) {
    char line[256];
    int n = snprintf(line, sizeof line,
                     "a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i,
                     i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    ck_assert(n > 0 && (size_t)n < sizeof line);
    strcat(text, line);
  }
  check_limit(strdup(text), "more than 100000 values, aliases expanded");
  strcpy(text, "- &a [[[[[[[[[[x]]]]]]]]]]\n");
  for (int i = 0; i < 8; i++) {
    char line[] = "- &a [[[[[[[[[[*a]]]]]]]]]]\n";
    line[3] = (char)('b' + i);
    line[16] = (char)('a' + i);
    strcat(text, line);
  }
  fixture self;
  fixture_parse(&self, text, strlen(text));
  ck_assert_str_eq(self.error.problem[0].text,
                   "the alias '*f' nests too deeply");
  fixture_fini(&self);
}
END_TEST

START_TEST(files_are_named_in_problems) {
  char *dir = fixture_dir();
  char *path = fixture_path(dir, "a.yaml");
  fixture_file(dir, "a.yaml", "a: [1, {b: 2}]\n");
  nacre_tree *tree = nacre_tree_new();
  nacre_error error;
  nacre_error_init(&error);
  nacre_node *root = nacre_yaml_file(tree, path, &error);
  ck_assert_ptr_nonnull(root);
  ck_assert_str_eq(root->file->name, path);
  ck_assert_str_eq(root->file->dir, dir);
  nacre_place place = nacre_node_place(root->first);
  ck_assert_str_eq(place.file, path);
  ck_assert_str_eq(place.source, "a: [1, {b: 2}]\n");
  ck_assert_int_eq(place.column, 4);
  ck_assert_int_eq(nacre_node_key_place(root->first).column, 1);
  ck_assert_ptr_null(nacre_yaml_file(tree, dir, &error));
  ck_assert_ptr_null(nacre_yaml_file(tree, "/dev/zero", &error));
  ck_assert_int_eq(error.count, 2);
  nacre_tree_free(tree);
  nacre_error_fini(&error);
  free(path);
  fixture_remove(dir);
}
END_TEST

/* Every kind of thing that a config has, to be broken. */
static const char whole[] =
  "nacre: 1\nvars: {n: 3, root: \"${env:HOME,x}/y\", t: '${now:%Y}'}\n"
  "blocks:\n  b: {params: {k: null, r: 2}, layers: [{type: c, k: \"${k}\", "
  "name: in}, {type: d, inputs: in}]}\n"
  "model:\n  input: &i [28, 28, 1]\n  again: *i\n  layers:\n"
  "    - {block: b, k: 4, name: f, repeat: 2}\n    - flatten\n"
  "    - {type: e, inputs: [f], units: \"${n}\", repeat: 3, name: g}\n"
  "text: |\n  some\n   text\nquoted: \"a\\tb\\u00e9 $${x} ${vars.n}\"\n"
  "x-free: {a: b}\nlist: [1, 1.5e-3, ~, true, '']\n";

static uint32_t next_random(uint32_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 17;
  *state ^= *state << 5;
  return *state;
}

/* Changes, drops, doubles or moves some bytes. */
static size_t mutate(char *text, size_t n, uint32_t *state) {
  static const char bytes[] = "{}[]:,-#&*!|>'\"%@`?$\\ \n\t\r~ax0\xc3\xff";
  for (uint32_t edits = 1 + next_random(state) % 4; edits > 0; edits--) {
    size_t at = next_random(state) % n;
    size_t length = 1 + next_random(state) % 8;
    length = length < n - at ? length : n - at;
    switch (next_random(state) % 4) {
    case 0:
      text[at] = bytes[next_random(state) % (sizeof bytes - 1)];
      break;
    case 1:
      memmove(text + at, text + at + length, n - at - length);
      n -= n > 2 * length ? length : 0;
      break;
    case 2:
      memmove(text + at + length, text + at, n - at);
      n += length;
      break;
    default:
      memmove(text + at, text + next_random(state) % (n - length), length);
    }
  }
  return n;
}

START_TEST(mutants_neither_crash_nor_pass_silently) {
  static const char *const overrides[] = { "model.layers.f.k=${n}",
                                           "list+=[a, {b: c}]" };
  uint32_t state = 2463534242u;
  int good = 0;
  char text[sizeof whole + 64];
  for (int i = 0; i < 3000; i++) {
    nacre_error error;
    nacre_tree *tree = nacre_tree_new();
    nacre_error_init(&error);
    memcpy(text, whole, sizeof whole);
    size_t n = mutate(text, sizeof whole - 1, &state);
    int status = nacre_config_load_text(tree, "t.yaml", NULL, text, n,
                                        overrides, 2, &error);
    ck_assert((status == NACRE_OK) == (error.errors == 0));
    for (int j = 0; j < error.count; j++) {
      char *said = nacre_problem_format(&error.problem[j]);
      ck_assert_ptr_nonnull(said);
      nacre_free(said);
    }
    if (status == NACRE_OK) {
      char *out = nacre_node_write(tree->root);
      nacre_tree *again = nacre_tree_new();
      ck_assert_int_eq(nacre_config_load_text(again, "again.yaml", NULL, out,
                                              strlen(out), NULL, 0, &error),
                       NACRE_OK);
      char *twice = nacre_node_write(again->root);
      ck_assert_str_eq(out, twice);
      nacre_free(twice);
      nacre_free(out);
      nacre_tree_free(again);
      good++;
    }
    nacre_tree_free(tree);
    nacre_error_fini(&error);
  }
  ck_assert_int_gt(good, 100); /* else the mutants are too wild */
  ck_assert_int_lt(good, 2900);
}
END_TEST

START_TEST(every_allocation_may_fail) {
  static const char *const overrides[] = { "model.layers.f.k=${n}",
                                           "list+=[a, {b: c}]" };
  int n = 1;
  for (;; n++) {
    nacre_error error;
    nacre_error_init(&error);
    fixture_watch();
    fixture_memory.fail_at = n;
    fixture_memory.for_good = _i == 1;
    nacre_tree *tree = nacre_tree_new();
    int status = NACRE_ERROR;
    if (tree != NULL) {
      status = nacre_config_load_text(tree, "t.yaml", NULL, whole,
                                      sizeof whole - 1, overrides, 2, &error);
    }
    int failed = fixture_memory.failed;
    fixture_unwatch();
    ck_assert((status == NACRE_OK) == (error.errors == 0) || tree == NULL);
    if (failed > 0 && tree != NULL) {
      ck_assert_int_eq(status, NACRE_ERROR);
      ck_assert_int_eq(nacre_error_code(&error), NACRE_ELIMIT);
    }
    nacre_tree_free(tree);
    nacre_error_fini(&error);
    if (failed == 0) {
      ck_assert_int_eq(status, NACRE_OK);
      break;
    }
  }
  ck_assert_int_gt(n, 20);
}
END_TEST

Suite *test_parse_suite(void) {
  Suite *suite = suite_create("parse");
  TCase *tests = tcase_create("all");
  tcase_set_timeout(tests, 60);
  tcase_add_loop_test(tests, mistakes_are_named_where_they_are, 0,
                      (int)(sizeof refused / sizeof refused[0]));
  tcase_add_test(tests, other_encodings_are_refused);
  tcase_add_test(tests, marks_line_ends_and_aliases_are_taken);
  tcase_add_test(tests, limits_hold);
  tcase_add_test(tests, alias_bombs_are_defused);
  tcase_add_test(tests, files_are_named_in_problems);
  tcase_add_test(tests, mutants_neither_crash_nor_pass_silently);
  tcase_add_loop_test(tests, every_allocation_may_fail, 0, 2);
  suite_add_tcase(suite, tests);
  return suite;
}
