/* SPDX-License-Identifier: MIT */
/* test_resolve: variables, blocks and repeats. */
#include "yaml/resolve.h"

#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

Suite *test_resolve_suite(void);

/* A config, and what comes out of it. */
static const char *const good[][2] = {
  /* vars are found with and without their name, and by path */
  { "vars: {classes: 10, deep: {er: [4, 5]}}\na: \"${classes}\"\n"
    "b: \"${vars.classes}\"\nc: \"${deep.er.1}\"\nd: \"${a}\"\n",
    "a: 10\nb: 10\nc: 5\nd: 10\n" },
  /* a scalar that is one reference takes lists and maps whole */
  { "a: {b: [1, {c: 2}], s: 'q'}\nd: \"${a}\"\ne: [\"${a.b.1}\"]\n",
    "a:\n  b:\n    - 1\n    - c: 2\n  s: \"q\"\nd:\n  b:\n    - 1\n"
    "    - c: 2\n  s: \"q\"\ne:\n  - c: 2\n" },
  /* others are text; "$${" stands for "${" */
  { "vars: {r: data, n: 3}\na: \"${r}/x-${n}.gz\"\nb: ${r}$${r}$r$\n",
    "a: \"data/x-3.gz\"\nb: \"data$${r}$r$\"\n" },
  /* references go through references, in any order */
  { "vars: {a: \"${b}\", b: \"${c.d}\", c: \"${e}\", e: {d: 7}}\nx: "
    "\"${a}\"\n",
    "x: 7\n" },
  { "vars: {q: \"${r.s}\", r: \"${t}\", t: {s: {u: 8}}}\nx: \"${q.u}\"\n",
    "x: 8\n" },
  /* items of lists by name; keys with dots */
  { "l: [{name: h, u: 3}]\na: \"${l.h.u}\"\nm: {x.y: 4}\nb: "
    "\"${m.x.y}\"\n",
    "l:\n  - name: h\n    u: 3\na: 3\nm:\n  x.y: 4\nb: 4\n" },
  /* x- keys are free, and may be referred to */
  { "x-a: {b: 5, bad: \"${nothing}\"}\na: \"${x-a.b}\"\n", "a: 5\n" },
  /* the environment */
  { "a: \"${env:NACRE_TEST_SET}\"\nb: \"${env:NACRE_TEST_UNSET,x, y}\"\n"
    "c: \"<${env:NACRE_TEST_UNSET,}>\"\n",
    "a: 12\nb: \"x, y\"\nc: \"<>\"\n" },
  /* blocks: parameters, defaults, names, inputs */
  { "blocks:\n  conv:\n    params: {filters: null, rate: 0.25}\n"
    "    layers:\n      - {type: c, filters: \"${filters}\", name: in}\n"
    "      - {type: d, rate: \"${rate}\", inputs: [in, out]}\n"
    "layers:\n  - {block: conv, filters: 32}\n"
    "  - {block: conv, filters: 64, rate: 0.5, name: c1, inputs: [x, y]}\n"
    "  - {type: e, inputs: c1}\n",
    "layers:\n  - type: c\n    filters: 32\n    name: conv_0_in\n"
    "  - type: d\n    rate: 0.25\n    inputs: [conv_0_in, out]\n"
    "  - type: c\n    filters: 64\n    name: c1_in\n    inputs: [x, y]\n"
    "  - type: d\n    rate: 0.5\n    inputs: [c1_in, out]\n    name: c1\n"
    "  - type: e\n    inputs: c1\n" },
  /* a use's name stands for its last layer, whatever that is called */
  { "blocks: {b: {layers: [x, {type: y, name: end}]}}\n"
    "layers: [{block: b, name: q, inputs: z}, {type: e, inputs: [q]}]\n",
    "layers:\n  - type: x\n    inputs: z\n  - type: y\n    name: q_end\n"
    "  - type: e\n    inputs: [q_end]\n" },
  /* blocks in blocks, repeated */
  { "vars: {n: 2}\nblocks:\n  in: {params: {k: 1}, layers: [{type: a, k: "
    "\"${k}\", name: s}]}\n  out: {params: {k: null}, layers: [{block: in, "
    "k: \"${k}\", name: i}, {type: b, inputs: i}]}\n"
    "layers:\n  - {block: out, k: 9, repeat: \"${n}\", name: t}\n",
    "layers:\n  - type: a\n    k: 9\n    name: t_0_i_s\n  - type: b\n"
    "    inputs: t_0_i_s\n  - type: a\n    k: 9\n    name: t_1_i_s\n"
    "  - type: b\n    inputs: t_1_i_s\n    name: t\n" },
  /* repeats of plain layers chain */
  { "layers: [{type: d, repeat: 2, name: n, inputs: q}, {type: r, repeat: "
    "1, name: o}, {type: e, inputs: [n, o]}]\n",
    "layers:\n  - type: d\n    inputs: q\n    name: n_0\n  - type: d\n"
    "    name: n_1\n  - type: r\n    name: o\n  - type: e\n"
    "    inputs: [n_1, o]\n" },
  /* parameters hide variables, and may be lists or use variables */
  { "vars: {k: 1, w: 5}\nblocks: {b: {params: {k: [2], z: \"${w}\"}, "
    "layers: [{type: \"a${z}\", k: \"${k}\"}]}}\nlayers: [{block: b}, "
    "{block: b, k: {m: 3}}]\nafter: \"${k}\"\n",
    "layers:\n  - type: \"a5\"\n    k: [2]\n  - type: \"a5\"\n    k:\n"
    "      m: 3\nafter: 1\n" },
};

START_TEST(configs_are_resolved) {
  ck_assert_int_eq(setenv("NACRE_TEST_SET", "12", 1), 0);
  ck_assert_int_eq(unsetenv("NACRE_TEST_UNSET"), 0);
  fixture_gives(good[_i][0], NULL, NULL, good[_i][1]);
}
END_TEST

/* A config of one line, and what is said about it after "t.yaml:1:". */
static const char *const bad[][2] = {
  { "{a: \"${a}\"}", "6: error: 'a' refers to itself" },
  { "{a: \"${b}\", b: \"${a}\"}", "17: error: 'a' refers to itself" },
  { "{a: {b: \"${a}\"}}", "10: error: 'a' refers to itself" },
  { "{a: \"${b.k}\", b: {k: \"${b}\"}}",
    "23: error: 'b' refers to itself" },
  { "{a: \"x${b}\", b: [1]}",
    "7: error: 'b' is a list and cannot stand inside text" },
  { "{a: \"${nmae}\", name: x}",
    "6: error: there is no 'nmae'\n    1 | {a: \"${nmae}\", name: x}\n"
    "      |      ^~~~~~~ did you mean 'name'?\n" },
  { "{vars: {classes: 1}, a: \"${clases}\"}",
    "26: error: there is no 'clases'\n"
    "    1 | {vars: {classes: 1}, a: \"${clases}\"}\n"
    "      |                          ^~~~~~~~~ did you mean 'classes'?\n" },
  { "{vars: {c: {size: 1}}, a: \"${vars.c.siz}\"}",
    "28: error: there is no 'vars.c.siz'\n"
    "    1 | {vars: {c: {size: 1}}, a: \"${vars.c.siz}\"}\n"
    "      |                            ^~~~~~~~~~~~~ did you mean "
    "'size'?\n" },
  { "{a: \"${env:NACRE_TEST_UNSET}\"}",
    "6: error: the environment has no variable 'NACRE_TEST_UNSET'" },
  { "{a: \"${env:}\"}", "6: error: the environment has no variable ''" },
  { "{a: \"x${y\"}", "7: error: '${' is never closed" },
  { "{a: \"${}\"}", "6: error: '' is no name of a value" },
  { "{a: \"${b c}\"}", "6: error: 'b c' is no name of a value" },
  { "{a: \"${date:x}\"}", "6: error: 'date:x' is no name of a value" },
  { "{a: \"${now:}\"}", "6: error: '' is no format of a time" },
  { "{a: \"${blocks.b}\", blocks: {b: {layers: [x]}}}",
    "6: error: there is no 'blocks.b'" },
  { "{l: [{block: b}], blocks: {b: {params: {k: }, layers: [x]}}}",
    "6: error: block 'b' needs 'k'" },
  { "{l: [{block: b, lares: 1}], blocks: {b: {params: {layer: 1}, layers: "
    "[x]}}}",
    "17: error: unknown parameter 'lares' of block 'b'" },
  { "{l: [{block: b, lyer: 1}], blocks: {b: {params: {layer: 1}, layers: "
    "[x]}}}",
    "17: error: unknown parameter 'lyer' of block 'b'\n"
    "    1 | {l: [{block: b, lyer: 1}], blocks: {b: {params: {layer: 1}, "
    "layers: [x]}}}\n"
    "      |                 ^~~~ did you mean 'layer'?\n" },
  { "{l: [{block: con}], blocks: {conv: {layers: [x]}}}",
    "14: error: there is no block 'con'\n"
    "    1 | {l: [{block: con}], blocks: {conv: {layers: [x]}}}\n"
    "      |              ^~~ did you mean 'conv'?\n" },
  { "{l: [{block: b}], blocks: {b: {layers: [{block: b}]}}}",
    "49: error: block 'b' contains itself" },
  { "{l: [{block: [b]}]}", "14: error: block: expected the name" },
  { "{blocks: {b: {layers: []}}}",
    "23: error: layers is no list of layers" },
  { "{blocks: {b: {layers: [x], parms: {}}}}",
    "28: error: unknown key 'parms' of block 'b'\n"
    "    1 | {blocks: {b: {layers: [x], parms: {}}}}\n"
    "      |                            ^~~~~ did you mean 'params'?\n" },
  { "{blocks: {b: {params: {}}}}", "11: error: block 'b' has no layers" },
  { "{blocks: {b: 1}}", "14: error: block 'b' is no map" },
  { "{blocks: {b: {params: 1, layers: [x]}}}",
    "23: error: params is no map" },
  { "{blocks: [b]}", "10: error: blocks is no map" },
  { "{l: [{block: b, inputs: z}], blocks: {b: {layers: [{type: a, inputs: "
    "q}]}}}",
    "17: error: the block's first layer has inputs of its own" },
  { "{l: [{type: a, repeat: 0}]}",
    "24: error: repeat: expected a whole number from 1 to 10000" },
  { "{l: [{type: a, repeat: 10001}]}",
    "24: error: repeat: expected a whole number from 1 to 10000" },
  { "{l: [{type: a, repeat: [1]}]}",
    "24: error: repeat: expected a whole number from 1 to 10000" },
  { "{l: [{type: a, repeat: 2, name: [b]}]}",
    "33: error: name: expected text" },
};

START_TEST(mistakes_are_reported_where_they_are) {
  ck_assert_int_eq(unsetenv("NACRE_TEST_UNSET"), 0);
  fixture self;
  char start[256];
  fixture_load(&self, bad[_i][0], NULL, NULL);
  char *said = fixture_problems(&self);
  ck_assert_int_eq(self.error.count, 1);
  (void)snprintf(start, sizeof start, "t.yaml:1:%s", bad[_i][1]);
  if (strncmp(said, start, strlen(start)) != 0) {
    ck_assert_str_eq(said, start);
  }
  free(said);
  fixture_fini(&self);
}
END_TEST

START_TEST(all_problems_come_at_once) {
  fixture_says("a: \"${x}\"\nb: \"${y}\"\n", "~c", NULL,
               "command line:1:2: error: 'c' is not there\n"
               "    1 | ~c\n      |  ^\n"
               "t.yaml:1:5: error: there is no 'x'\n"
               "    1 | a: \"${x}\"\n      |     ^~~~\n"
               "t.yaml:2:5: error: there is no 'y'\n"
               "    2 | b: \"${y}\"\n      |     ^~~~\n");
}
END_TEST

START_TEST(times_are_formatted) {
  fixture self;
  char year[8];
  time_t now = time(NULL);
  struct tm parts;
  ck_assert_ptr_nonnull(localtime_r(&now, &parts));
  ck_assert_uint_eq(strftime(year, sizeof year, "%Y", &parts), 4);
  fixture_load(&self, "a: \"${now:%Y}\"\nb: \"${now:%%}\"\n", NULL, NULL);
  ck_assert_str_eq(nacre_node_peek(self.root, "a")->text, year);
  ck_assert_str_eq(nacre_node_peek(self.root, "b")->text, "%");
  fixture_fini(&self);
}
END_TEST

static void check_limit(char *text, const char *message) {
  fixture self;
  fixture_load(&self, text, NULL, NULL);
  ck_assert_ptr_null(self.root);
  ck_assert_str_eq(self.error.problem[0].text, message);
  fixture_fini(&self);
  free(text);
}

/* `head`, then lines 1 to n of a format that takes (i, i - 1, i - 1). */
static char *lines(const char *head, int n, const char *before,
                   const char *between, const char *after) {
  char *text = NULL;
  size_t size = 0;
  FILE *file = open_memstream(&text, &size);
  ck_assert_ptr_nonnull(file);
  (void)fputs(head, file);
  for (int i = 1; i <= n; i++) {
    (void)fprintf(file, "  v%d: %s%d%s%d%s\n", i, before, i - 1, between,
                  i - 1, after);
  }
  ck_assert_int_eq(fclose(file), 0);
  return text;
}

START_TEST(bombs_are_defused) {
  check_limit(lines("vars:\n  v0: xxxxxxxx\n", 30, "'${v", "}${v", "}'"),
              "the texts made of variables and names become larger than "
              "4194304 bytes");
  check_limit(lines("vars:\n  v0: [x, y]\n", 30, "['${v", "}', '${v", "}']"),
              "more than 100000 values, variables and blocks expanded");
  check_limit(lines("vars:\n  v0: [x]\n", 10, "[[[[[[[[['${v",
                    "}', '${v", "}']]]]]]]]]"),
              "nested deeper than 64 levels");
  check_limit(lines("l: [{block: v11, repeat: 10000}]\n"
                    "blocks:\n  v0: {layers: [x]}\n",
                    11, "{layers: [{block: v", ", repeat: 99}, {block: v",
                    "}]}"),
              "more than 100000 values, variables and blocks expanded");
  check_limit(lines("l: [{block: v20}]\nblocks:\n  v0: {layers: [x]}\n", 20,
                    "{layers: [{block: v", "}, {block: v", "}]}"),
              "blocks nested deeper than 16");
}
END_TEST

START_TEST(long_chains_are_refused) {
  char *text = NULL;
  size_t size = 0;
  FILE *file = open_memstream(&text, &size);
  ck_assert_ptr_nonnull(file);
  (void)fputs("vars:\n", file);
  for (int i = 0; i < 5000; i++) {
    (void)fprintf(file, "  v%d: \"${v%d}\"\n", i, i + 1);
  }
  (void)fputs("  v5000: 1\n", file);
  ck_assert_int_eq(fclose(file), 0);
  check_limit(text, "refers through more than 32 others");
}
END_TEST

Suite *test_resolve_suite(void) {
  Suite *suite = suite_create("resolve");
  TCase *tests = tcase_create("all");
  tcase_set_timeout(tests, 30);
  tcase_add_loop_test(tests, configs_are_resolved, 0,
                      (int)(sizeof good / sizeof good[0]));
  tcase_add_loop_test(tests, mistakes_are_reported_where_they_are, 0,
                      (int)(sizeof bad / sizeof bad[0]));
  tcase_add_test(tests, all_problems_come_at_once);
  tcase_add_test(tests, times_are_formatted);
  tcase_add_test(tests, bombs_are_defused);
  tcase_add_test(tests, long_chains_are_refused);
  suite_add_tcase(suite, tests);
  return suite;
}
