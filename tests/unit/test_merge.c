/* SPDX-License-Identifier: MIT */
/* test_merge: files upon files, and the command line upon them. */
#include "yaml/merge.h"

#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *test_merge_suite(void);

static const char config[] =
  "nacre: 1\noptimizer: sgd\nlist: [1, 2]\n"
  "model:\n  layers:\n    - flatten\n"
  "    - {name: head, type: dense, units: 10, inputs: x}\n";

/* Overrides, and what they make of "a: {b: 1, c: [x, {name: n, v: 2}]}". */
static const char *const settings[][3] = {
  { "a.b=2", NULL, "a:\n  b: 2\n  c:\n    - x\n    - name: n\n      v: 2\n" },
  { "a.c.n.v=3", "a.c.0=y",
    "a:\n  b: 1\n  c:\n    - y\n    - name: n\n      v: 3\n" },
  { "a.c.-1.w={k: [1]}", NULL,
    "a:\n  b: 1\n  c:\n    - x\n    - name: n\n      v: 2\n      w:\n"
    "        k: [1]\n" },
  { "~a.c", "a.d.e=f=g", "a:\n  b: 1\n  d:\n    e: f=g\n" },
  { "~a.c.n", "a.c+=z", "a:\n  b: 1\n  c: [x, z]\n" },
  { "a.c=[]", "a.l+={k: v}", "a:\n  b: 1\n  c: []\n  l:\n    - k: v\n" },
  { "a={b: 7, q: r}", "~a.c", "a:\n  b: 7\n  q: r\n" },
  { "a=", NULL, "a:\n" },
  { "a.c=", "a.b.d=1", "a:\n  b:\n    type: 1\n    d: 1\n  c:\n" },
  { "a.c=null", "a.c.d=1", "a:\n  b: 1\n  c:\n    d: 1\n" },
  { "a.c.n.v= \"${a.b}\"", NULL,
    "a:\n  b: 1\n  c:\n    - x\n    - name: n\n      v: 1\n" },
};

START_TEST(overrides_set_append_and_remove) {
  fixture_gives("a: {b: 1, c: [x, {name: n, v: 2}]}", settings[_i][0],
                settings[_i][1], settings[_i][2]);
}
END_TEST

/* An override, and what is said about it. */
static const char *const refused[][2] = {
  { "seed", "command line:1:1: error: not a setting: 'seed'\n    1 | seed\n"
            "      | ^~~~ write KEY=VALUE, LIST+=ITEM or ~KEY\n" },
  { "=5", "command line:1:1: error: not a setting: '=5'\n    1 | =5\n"
          "      | ^~ write KEY=VALUE, LIST+=ITEM or ~KEY\n" },
  { "~", "command line:1:1: error: not a setting: '~'\n    1 | ~\n"
         "      | ^ write KEY=VALUE, LIST+=ITEM or ~KEY\n" },
  { "model.layers.haed.units=2",
    "command line:1:14: error: 'haed' is no item of the list\n"
    "    1 | model.layers.haed.units=2\n"
    "      |              ^~~~ did you mean 'head'?\n" },
  { "model.layers.7=x",
    "command line:1:14: error: '7' is no item of the list\n"
    "    1 | model.layers.7=x\n      |              ^\n" },
  { "~optimzer", "command line:1:2: error: 'optimzer' is not there\n"
                 "    1 | ~optimzer\n"
                 "      |  ^~~~~~~~ did you mean 'optimizer'?\n" },
  { "~modle.layers", "command line:1:2: error: 'modle' is not there\n"
                     "    1 | ~modle.layers\n"
                     "      |  ^~~~~ did you mean 'model'?\n" },
  { "nacre+=2", "command line:1:1: error: 'nacre' is not a list\n"
                "    1 | nacre+=2\n      | ^~~~~\n" },
  { "model..x=2", "command line:1:7: error: a name is missing beside '.'\n"
                  "    1 | model..x=2\n      |       ^\n" },
  { "list=[1", "command line:1:8: error: expected ',' or ']' (it began at "
               "1:6)\n    1 | list=[1\n      |        ^\n" },
  { "list={a: 1, a: 2}",
    "command line:1:13: error: duplicate key 'a' (first at 1:7)\n"
    "    1 | list={a: 1, a: 2}\n      |             ^\n" },
  { "model.layers={head: {units: 1}, haed: {}}",
    "command line:1:33: error: the list has no item 'haed'\n"
    "    1 | model.layers={head: {units: 1}, haed: {}}\n"
    "      |                                 ^~~~ did you mean 'head'?\n" },
  { "model.layers.head.type=conv",
    "command line:1:24: warning: the type changes from 'dense' to 'conv': 1 "
    "inherited parameter is dropped\n"
    "    1 | model.layers.head.type=conv\n"
    "      |                        ^~~~\n" },
};

START_TEST(overrides_are_checked) {
  fixture_says(config, refused[_i][0], NULL, refused[_i][1]);
}
END_TEST

START_TEST(another_type_drops_parameters_but_not_the_name) {
  fixture_gives(config, "model.layers.head={type: conv, filters: 3}",
                "optimizer.momentum=0.9",
                "nacre: 1\noptimizer:\n  type: sgd\n  momentum: 0.9\n"
                "list: [1, 2]\nmodel:\n  layers:\n    - flatten\n"
                "    - name: head\n      type: conv\n      inputs: x\n"
                "      filters: 3\n");
}
END_TEST

START_TEST(deep_paths_are_refused) {
  char key[200] = "";
  for (int i = 0; i < 63; i++) {
    strcat(key, "a.");
  }
  strcat(key, "b=[1]");
  fixture self;
  fixture_load(&self, config, key, NULL);
  ck_assert_ptr_null(self.root);
  ck_assert_str_eq(self.error.problem[0].text,
                   "nested deeper than 64 levels");
  fixture_fini(&self);
}
END_TEST

/* Loads DIR/main.yaml and one more file; returns what came out. */
static char *load_files(const char *dir, const char *more) {
  fixture self;
  memset(&self, 0, sizeof self);
  nacre_error_init(&self.error);
  self.tree = nacre_tree_new();
  char *path = fixture_path(dir, "main.yaml");
  char *second = more != NULL ? fixture_path(dir, more) : NULL;
  const char *list[1] = { second };
  int status = nacre_config_load(self.tree, path, list, more != NULL, NULL,
                                 0, &self.error);
  self.root = self.tree->root;
  char *out =
    status == NACRE_OK ? fixture_written(&self) : fixture_problems(&self);
  free(path);
  free(second);
  fixture_fini(&self);
  return out;
}

START_TEST(files_extend_files) {
  char *dir = fixture_dir();
  fixture_file(dir, "base.yaml", "a: {x: 1, y: 2}\nl: [1, 2]\nonly: base\n");
  fixture_file(dir, "sub.yaml", "extends: base.yaml\na: {y: 3}\nb: sub\n");
  fixture_file(dir, "other.yaml", "a: {z: 9}\nb: other\nl: [5]\n");
  fixture_file(dir, "main.yaml",
               "extends: [sub.yaml, ./other.yaml]\na: {x: 7}\n");
  fixture_file(dir, "more.yaml", "extends: base.yaml\nm: 1\n");
  char *out = load_files(dir, NULL);
  ck_assert_str_eq(out, "a:\n  x: 7\n  y: 3\n  z: 9\nl: [5]\nonly: base\n"
                        "b: other\n");
  free(out);
  out = load_files(dir, "more.yaml");
  ck_assert_str_eq(out, "a:\n  x: 1\n  y: 2\n  z: 9\nl: [1, 2]\n"
                        "only: base\nb: other\nm: 1\n");
  free(out);
  fixture_remove(dir);
}
END_TEST

START_TEST(circles_and_missing_files_are_reported) {
  char *dir = fixture_dir();
  fixture_file(dir, "main.yaml", "a: 1\nextends: b.yaml\n");
  fixture_file(dir, "b.yaml", "extends: [./main.yaml]\n");
  char *out = load_files(dir, NULL);
  ck_assert_ptr_nonnull(strstr(out, "b.yaml:1:11: error: '"));
  ck_assert_ptr_nonnull(strstr(out, "main.yaml' extends itself\n"
                                    "    1 | extends: [./main.yaml]\n"
                                    "      |           ^~~~~~~~~~~\n"));
  free(out);
  fixture_file(dir, "b.yaml", "extends: none.yaml\n");
  out = load_files(dir, NULL);
  ck_assert_ptr_nonnull(strstr(out, "none.yaml: error: extended by "));
  ck_assert_ptr_nonnull(
    strstr(out, "b.yaml:1: cannot open: No such file or directory\n"));
  free(out);
  fixture_file(dir, "b.yaml", "extends: {a: b}\n");
  out = load_files(dir, NULL);
  ck_assert_ptr_nonnull(
    strstr(out, "extends: expected the path of a file\n"));
  free(out);
  fixture_file(dir, "b.yaml", "[1, 2]\n");
  out = load_files(dir, NULL);
  ck_assert_ptr_nonnull(
    strstr(out, "an experiment is a map of keys and values\n"));
  free(out);
  fixture_remove(dir);
}
END_TEST

START_TEST(files_are_not_read_without_end) {
  char *dir = fixture_dir();
  fixture_file(dir, "main.yaml", "extends: [f0.yaml, f0.yaml]\n");
  for (int i = 0; i < 12; i++) {
    char name[32];
    char text[64];
    (void)snprintf(name, sizeof name, "f%d.yaml", i);
    (void)snprintf(text, sizeof text, "extends: [f%d.yaml, f%d.yaml]\n",
                   i + 1, i + 1);
    fixture_file(dir, name, i < 11 ? text : "a: 1\n");
  }
  char *out = load_files(dir, NULL);
  ck_assert_ptr_nonnull(strstr(out, "more than 100 files are extended"));
  free(out);
  fixture_remove(dir);
}
END_TEST

/* "a", `between`, and a map of 20000 keys. free()d by the caller. */
static char *large_map(const char *between) {
  char *text = NULL;
  size_t n = 0;
  FILE *file = open_memstream(&text, &n);
  ck_assert_ptr_nonnull(file);
  (void)fprintf(file, "a%s{", between);
  for (int i = 20000; i > 0; i--) {
    (void)fprintf(file, "k%d: 1, ", i);
  }
  (void)fputs("last: 2}", file);
  ck_assert_int_eq(fclose(file), 0);
  return text;
}

START_TEST(large_maps_merge_quickly) {
  char *base = large_map(": ");
  char *over = large_map("=");
  fixture self;
  fixture_load(&self, base, over, NULL);
  ck_assert_ptr_nonnull(self.root);
  ck_assert_int_eq(self.root->first->count, 20001);
  fixture_fini(&self);
  free(base);
  free(over);
}
END_TEST

Suite *test_merge_suite(void) {
  Suite *suite = suite_create("merge");
  TCase *tests = tcase_create("all");
  tcase_add_loop_test(tests, overrides_set_append_and_remove, 0,
                      (int)(sizeof settings / sizeof settings[0]));
  tcase_add_loop_test(tests, overrides_are_checked, 0,
                      (int)(sizeof refused / sizeof refused[0]));
  tcase_add_test(tests, another_type_drops_parameters_but_not_the_name);
  tcase_add_test(tests, deep_paths_are_refused);
  tcase_add_test(tests, files_extend_files);
  tcase_add_test(tests, circles_and_missing_files_are_reported);
  tcase_add_test(tests, files_are_not_read_without_end);
  tcase_add_test(tests, large_maps_merge_quickly);
  suite_add_tcase(suite, tests);
  return suite;
}
