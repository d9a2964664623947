/* SPDX-License-Identifier: MIT */
/* test_tree: nodes, reading scalars, and writing trees. */
#include "yaml/tree.h"

#include "fixture.h"
#include "yaml/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *test_tree_suite(void);

static void parse(fixture *self, const char *text) {
  fixture_parse(self, text, strlen(text));
  ck_assert_ptr_nonnull(self->root);
}

START_TEST(children_are_found_added_and_removed) {
  fixture self;
  parse(&self, "{a: 1, b: [x, y, z], c: 3}");
  nacre_node *map = self.root;
  nacre_node *b = nacre_node_peek(map, "b");
  ck_assert(!b->used);
  ck_assert_ptr_eq(nacre_node_get(map, "b"), b);
  ck_assert(b->used);
  ck_assert_ptr_null(nacre_node_peek(map, "d"));
  ck_assert_ptr_null(nacre_node_peek(b, "x"));
  ck_assert_str_eq(nacre_node_at(b, 2)->text, "z");
  ck_assert_ptr_null(nacre_node_at(b, 3));
  ck_assert_ptr_null(nacre_node_at(b, -1));
  ck_assert_ptr_eq(b->parent, map);
  ck_assert_str_eq(b->key->text, "b");
  ck_assert_int_eq(nacre_node_size(map, 99), 10);
  ck_assert_int_gt(nacre_node_size(map, 4), 4);
  ck_assert_int_eq(nacre_node_depth(map), 2);
  nacre_node_remove(map, nacre_node_peek(map, "c"));
  nacre_node_remove(map, nacre_node_peek(map, "a"));
  ck_assert_int_eq(map->count, 1);
  ck_assert_ptr_eq(map->first, b);
  ck_assert_ptr_eq(map->last, b);
  nacre_node *key = nacre_node_scalar(self.tree, "e", b);
  nacre_node_append(map, key, nacre_node_scalar(self.tree, "5", b));
  char *out = fixture_written(&self);
  ck_assert_str_eq(out, "b: [x, y, z]\ne: 5\n");
  free(out);
  fixture_fini(&self);
}
END_TEST

START_TEST(copies_are_deep_and_keep_places) {
  fixture self;
  parse(&self, "a:\n  - {b: c}\n");
  nacre_node *copy = nacre_node_copy(self.tree, self.root);
  nacre_node *c = nacre_node_peek(self.root->first->first, "b");
  c->text = "changed";
  nacre_node *other = nacre_node_peek(copy->first->first, "b");
  ck_assert_ptr_ne(c, other);
  ck_assert_str_eq(other->text, "c");
  ck_assert_int_eq(other->line, 2);
  ck_assert_int_eq(other->column, 9);
  ck_assert_int_eq(other->key->column, 6);
  fixture_fini(&self);
}
END_TEST

START_TEST(scalars_are_read_by_type) {
  static const char *const yes[] = { "true", "True", "TRUE", "yes", "on" };
  static const char *const no[] = { "false", "No", "OFF" };
  static const char *const neither[] = { "tRUE", "y", "1", "\"\"", "nO" };
  fixture self;
  bool value;
  for (int i = 0; i < 5; i++) {
    parse(&self, yes[i]);
    ck_assert(nacre_node_bool(self.root, &value) && value);
    fixture_fini(&self);
    parse(&self, no[i % 3]);
    ck_assert(nacre_node_bool(self.root, &value) && !value);
    fixture_fini(&self);
    parse(&self, neither[i]);
    ck_assert(!nacre_node_bool(self.root, &value));
    fixture_fini(&self);
  }
}
END_TEST

START_TEST(numbers_and_nulls_are_read) {
  fixture self;
  double number = 0;
  int64_t whole = 0;
  parse(&self, "[1/255, 1e-3, 12, 1/0, a/b, [1], ~, null, NULL, 'null', "
               "'', nil, 1/, -3/4]");
  const nacre_node *list = self.root;
  ck_assert(nacre_node_float(nacre_node_at(list, 0), &number));
  ck_assert(number == 1.0 / 255);
  ck_assert(nacre_node_float(nacre_node_at(list, 1), &number));
  ck_assert(number == 1e-3);
  ck_assert(nacre_node_int(nacre_node_at(list, 2), &whole) && whole == 12);
  ck_assert(nacre_node_float(nacre_node_at(list, 13), &number));
  ck_assert(number == -0.75);
  ck_assert(!nacre_node_int(nacre_node_at(list, 0), &whole));
  for (int i = 3; i < 6; i++) {
    ck_assert(!nacre_node_float(nacre_node_at(list, i), &number));
  }
  ck_assert(!nacre_node_float(nacre_node_at(list, 12), &number));
  for (int i = 5; i < 12; i++) {
    ck_assert(nacre_node_is_null(nacre_node_at(list, i)) ==
              (i >= 6 && i <= 8));
  }
  ck_assert(!nacre_node_float(NULL, &number) && !nacre_node_is_null(NULL));
  fixture_fini(&self);
}
END_TEST

START_TEST(paths_name_items) {
  fixture self;
  parse(&self, "model: {layers: [{type: a}, {name: head, units: 3}, b]}");
  nacre_node *layers = nacre_node_peek(self.root->first, "layers");
  nacre_node *units = nacre_node_peek(nacre_node_at(layers, 1), "units");
  char *path = nacre_node_path(units);
  ck_assert_str_eq(path, "model.layers.head.units");
  nacre_free(path);
  path = nacre_node_path(nacre_node_at(layers, 2));
  ck_assert_str_eq(path, "model.layers.2");
  nacre_free(path);
  path = nacre_node_path(self.root);
  ck_assert_str_eq(path, "");
  nacre_free(path);
  fixture_fini(&self);
}
END_TEST

/* Texts for which a writer is easily wrong. */
static const char *const hard[] = {
  "a: ''\nb:\nc: ~\nd: 'null'\ne: '1'\nf: 1",
  "a: '- x'\nb: -x\nc: '-'\nd: 'x: y'\ne: 'x:'\nf: x:y\ng: 'x #y'\nh: x#y",
  "a: [[], {}, [[]], [{}], {b: []}]",
  "- - - a\n  - b\n- c",
  "- {a: [1, {b: c}], d: e}\n- ''\n-\n- [~, '~']",
  "'': 1\n'a b': 2\n'a: b': 3\n'#': 4\n'- a': 5\n'?': 6\n\"\\n\": 7",
  "a: \"tab\\t line\\n quote\\\" back\\\\ bell\\a del\\x7f nel\\N ls\\L\"",
  "a: |\n  line\n    indented\n\n  last\n",
  "a: >\n  folded\n  text\n\n  last\n",
  "a: plain\n  continued\n\n  on\nb: 'quoted\n\n  on'",
  "a: \"\\u00e9\\u20ac\\U0001F600\"\n\xc3\xa9: \xe2\x82\xac",
  "a: '@x'\nb: '`x'\nc: '%x'\nd: '!x'\ne: '&x'\nf: '*x'\ng: '|'\nh: '>'",
  "a: '---'\nb: '...'\nc: '[x'\nd: 'x]'\ne: '{'\nf: 'a, b'\ng: '<<'",
  "'<<': 1\n\"<\": 2",
  "a: ' x'\nb: 'x '\nc: ' '\nd: \"\\ufeff\"",
  "a: [aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb]",
  "scalar",
  "[]",
};

static void check_same(const nacre_node *a, const nacre_node *b) {
  ck_assert_int_eq(a->kind, b->kind);
  ck_assert_int_eq(a->count, b->count);
  if (a->kind == NACRE_NODE_SCALAR) {
    ck_assert_str_eq(a->text, b->text);
    ck_assert(nacre_node_is_null(a) == nacre_node_is_null(b));
  }
  const nacre_node *y = b->first;
  for (const nacre_node *x = a->first; x != NULL; x = x->next, y = y->next) {
    ck_assert((x->key == NULL) == (y->key == NULL));
    if (x->key != NULL) {
      ck_assert_str_eq(x->key->text, y->key->text);
    }
    check_same(x, y);
  }
}

START_TEST(what_is_written_reads_back) {
  fixture first;
  fixture second;
  parse(&first, hard[_i]);
  char *out = fixture_written(&first);
  parse(&second, out);
  check_same(first.root, second.root);
  free(out);
  fixture_fini(&first);
  fixture_fini(&second);
}
END_TEST

START_TEST(long_keys_read_back) {
  char key[3001];
  char text[3100];
  memset(key, 'k', 3000);
  key[3000] = '\0';
  int n = snprintf(text, sizeof text, "a:\n  ? %s\n  : [1]\n", key);
  ck_assert(n > 0 && (size_t)n < sizeof text);
  fixture first;
  fixture second;
  parse(&first, text);
  char *out = fixture_written(&first);
  parse(&second, out);
  check_same(first.root, second.root);
  free(out);
  fixture_fini(&first);
  fixture_fini(&second);
}
END_TEST

START_TEST(reports_point_at_keys_and_values) {
  fixture self;
  parse(&self, "a: 1\n\nunits: -3\n");
  nacre_node *units = nacre_node_peek(self.root, "units");
  nacre_report(&self.error, units, NACRE_ECONFIG, "must be %d", 5);
  nacre_report_key(&self.error, units, NACRE_ECONFIG, "unknown");
  nacre_report_key(&self.error, self.root, NACRE_ECONFIG, "no key");
  nacre_report(&self.error, NULL, NACRE_ECONFIG, "no node");
  char *said = fixture_problems(&self);
  ck_assert_str_eq(said, "t.yaml:1:1: error: no key\n"
                         "    1 | a: 1\n"
                         "      | ^\n"
                         "t.yaml:3:1: error: unknown\n"
                         "    3 | units: -3\n"
                         "      | ^~~~~\n"
                         "t.yaml:3:8: error: must be 5\n"
                         "    3 | units: -3\n"
                         "      |        ^~\n"
                         "nacre: error: no node\n");
  free(said);
  fixture_fini(&self);
}
END_TEST

START_TEST(the_nearest_name_is_found) {
  static const char *const names[] = { "relu", "selu", "leaky_relu", "tanh" };
  ck_assert_str_eq(nacre_nearest("rleu", names, 4), "relu");
  ck_assert_str_eq(nacre_nearest("tan", names, 4), "tanh");
  ck_assert_str_eq(nacre_nearest("selu", names, 4), "selu");
  ck_assert_ptr_null(nacre_nearest("sigmoid", names, 4));
  ck_assert_ptr_null(nacre_nearest("", names, 4));
  ck_assert_ptr_null(nacre_nearest("relu", names, 0));
}
END_TEST

Suite *test_tree_suite(void) {
  Suite *suite = suite_create("tree");
  TCase *tests = tcase_create("all");
  tcase_add_test(tests, children_are_found_added_and_removed);
  tcase_add_test(tests, copies_are_deep_and_keep_places);
  tcase_add_test(tests, scalars_are_read_by_type);
  tcase_add_test(tests, numbers_and_nulls_are_read);
  tcase_add_test(tests, paths_name_items);
  tcase_add_loop_test(tests, what_is_written_reads_back, 0,
                      (int)(sizeof hard / sizeof hard[0]));
  tcase_add_test(tests, long_keys_read_back);
  tcase_add_test(tests, reports_point_at_keys_and_values);
  tcase_add_test(tests, the_nearest_name_is_found);
  suite_add_tcase(suite, tests);
  return suite;
}
