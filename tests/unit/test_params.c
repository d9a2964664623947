/* SPDX-License-Identifier: MIT */
/* test_params: every type of parameter, every way to get one wrong, and the
 * words in which that is said. */
#include "plugin/params.h"

#include "base/sys.h"
#include "plugin/range.h"
#include "plugin/values.h"
#include "plugin_dir.h"
#include "yaml/parse.h"

#include <math.h>

typedef struct config {
  double rate, limit, maybe;
  int64_t units, width;
  bool bias;
  nacre_enum padding;
  const char *file, *title;
  nacre_ints kernel_size;
  nacre_floats scale;
  nacre_strings columns;
  nacre_string_map paths;
  nacre_array_map data;
  nacre_ref activation, nothing;
  nacre_duration warmup;
} config;

static const nacre_param table[] = {
  NACRE_PARAM_AS(config, rate, "lr", "0.001", "(0,inf)", "", "Step size.",
                 NACRE_PARAM_SCHEDULABLE),
  NACRE_PARAM(config, limit, ".inf", "(0,inf]", "", "Upper limit.", 0),
  NACRE_PARAM(config, maybe, "null", "[0,1]", "", "May be absent.", 0),
  NACRE_PARAM(config, units, NULL, "[1,inf)", "", "Output features.", 0),
  NACRE_PARAM(config, width, "null", NULL, "", "May be absent.", 0),
  NACRE_PARAM(config, bias, "true", NULL, "", "Add a bias.", 0),
  NACRE_PARAM(config, padding, "valid", "same|valid", "", "Edges.", 0),
  NACRE_PARAM(config, file, "null", NULL, "", "A path.", NACRE_PARAM_PATH),
  NACRE_PARAM(config, title, "", NULL, "", "A text.",
              NACRE_PARAM_DEPRECATED),
  NACRE_PARAM(config, kernel_size, "[3, 3]", "[1,inf)", "", "Window.", 0),
  NACRE_PARAM(config, scale, "1.0", NULL, "", "Factors.", 0),
  NACRE_PARAM(config, columns, "[]", NULL, "", "Names.", 0),
  NACRE_PARAM(config, paths, "null", NULL, "", "Files.", NACRE_PARAM_PATH),
  NACRE_PARAM(config, data, "null", NULL, "", "Numbers.", 0),
  NACRE_PARAM(config, activation, "good", "activation", "", "After it.", 0),
  NACRE_PARAM(config, nothing, "null", "activation", "", "Or none.", 0),
  NACRE_PARAM(config, warmup, "0", NULL, "", "At first.", 0),
};
static const nacre_span params = NACRE_SPAN(table);

static plugin_dir dir;
static nacre_error error;
static nacre_registry *registry;
static nacre_tree *tree;
static config cfg;

static void set_up(void) {
  plugin_dir_init(&dir);
  nacre_error_init(&error);
  plugin_dir_put(&dir, "activations/good.so", "good");
  plugin_dir_put(&dir, "activations/broken.so", "no_ops");
  nacre_registry_options options = { dir.plugins, false, true };
  registry = nacre_registry_open(&options, &error);
  tree = nacre_tree_new();
  ck_assert(registry != NULL && tree != NULL);
}

static void tear_down(void) {
  nacre_tree_free(tree);
  nacre_registry_free(registry);
  nacre_error_fini(&error);
  plugin_dir_fini(&dir);
}

static nacre_node *parse(const char *text) {
  nacre_node *node = nacre_yaml_text(tree, "net.yaml", "/data", text,
                                     strlen(text), &error);
  ck_assert_msg(node != NULL, "%s: %s", text,
                error.count > 0 ? error.problem[0].text : "");
  return node;
}

static int fill(const char *text) {
  nacre_error_fini(&error);
  nacre_error_init(&error);
  memset(&cfg, 0, sizeof cfg);
  nacre_params_ctx ctx = { registry, tree->arena, &error, NULL };
  nacre_node *map = text != NULL ? parse(text) : NULL;
  int status =
    nacre_params_fill(&ctx, params, &cfg, "layer 'dense'", map);
  ck_assert_int_eq(status == NACRE_OK, error.errors == 0);
  if (nacre_params_unknown(&ctx, params, NULL, "layer 'dense'", map) !=
      NACRE_OK) {
    status = NACRE_ERROR;
  }
  return status;
}

/* That the only problem of `text` is this, at this column of line 1. */
static void check_problem(const char *text, int column, const char *problem,
                          const char *hint) {
  ck_assert_int_eq(fill(text), NACRE_ERROR);
  ck_assert_int_eq(error.count, 1);
  const nacre_problem *got = &error.problem[0];
  ck_assert_str_eq(got->text, problem);
  ck_assert_int_eq(got->line, 1);
  ck_assert_msg(got->column == column, "%s: column %d", text, got->column);
  ck_assert_int_eq(got->code, NACRE_ECONFIG);
  if (hint != NULL) {
    ck_assert_ptr_nonnull(got->hint);
    ck_assert_str_eq(got->hint, hint);
  }
}

START_TEST(defaults) {
  ck_assert_int_eq(fill("{units: 2}"), NACRE_OK);
  ck_assert_double_eq(cfg.rate, 0.001);
  ck_assert(isinf(cfg.limit) && cfg.limit > 0);
  ck_assert(isnan(cfg.maybe));
  ck_assert_int_eq(cfg.units, 2);
  ck_assert(cfg.width == INT64_MIN);
  ck_assert(cfg.bias);
  ck_assert_int_eq(cfg.padding.value, 1);
  ck_assert_ptr_null(cfg.file);
  ck_assert_str_eq(cfg.title, "");
  ck_assert_int_eq(cfg.kernel_size.n, 2);
  ck_assert_int_eq(cfg.kernel_size.at[1], 3);
  ck_assert_int_eq(cfg.scale.n, 1);
  ck_assert_double_eq(cfg.scale.at[0], 1);
  ck_assert_int_eq(cfg.columns.n, 0);
  ck_assert_int_eq(cfg.paths.n, 0);
  ck_assert_int_eq(cfg.data.n, 0);
  ck_assert_ptr_nonnull(cfg.activation.ops);
  ck_assert_ptr_nonnull(cfg.activation.cfg);
  ck_assert_ptr_null(cfg.nothing.ops);
  ck_assert_double_eq(cfg.warmup.count, 0);
}
END_TEST

START_TEST(values) {
  ck_assert_int_eq(
    fill("{rate: 1/255, limit: 2.385, maybe: 0.5, units: 1e3, width: -7,"
         " bias: off, padding: same, kernel_size: 5, scale: [0.5, .25],"
         " columns: [no, 3], activation: {type: good, rate: 0.25, n: 9},"
         " nothing: good, warmup: 3 epochs}"),
    NACRE_OK);
  ck_assert_double_eq(cfg.rate, 1.0 / 255);
  ck_assert_double_eq(cfg.limit, 2.385);
  ck_assert_double_eq(cfg.maybe, 0.5);
  ck_assert_int_eq(cfg.units, 1000);
  ck_assert_int_eq(cfg.width, -7);
  ck_assert(!cfg.bias);
  ck_assert_int_eq(cfg.padding.value, 0);
  ck_assert_int_eq(cfg.kernel_size.n, 1);
  ck_assert_int_eq(cfg.kernel_size.at[0], 5);
  ck_assert_int_eq(cfg.scale.n, 2);
  ck_assert_double_eq(cfg.scale.at[1], 0.25);
  ck_assert_int_eq(cfg.columns.n, 2);
  ck_assert_str_eq(cfg.columns.at[0], "no");
  ck_assert_str_eq(cfg.columns.at[1], "3");
  const struct {
    double rate;
    int64_t count;
  } *inner = cfg.activation.cfg;
  ck_assert_double_eq(inner->rate, 0.25);
  ck_assert_int_eq(inner->count, 9);
  ck_assert_ptr_nonnull(cfg.nothing.ops);
  ck_assert_double_eq(cfg.warmup.count, 3);
  ck_assert_int_eq(cfg.warmup.unit, 1);

  ck_assert_int_eq(fill("{units: 1, warmup: 200 steps}"), NACRE_OK);
  ck_assert_double_eq(cfg.warmup.count, 200);
  ck_assert_int_eq(cfg.warmup.unit, 0);
  ck_assert_int_eq(fill("{units: \"4\", lr: 2, warmup: 12}"), NACRE_OK);
  ck_assert_int_eq(cfg.units, 4);
  ck_assert_double_eq(cfg.rate, 2);
  ck_assert_double_eq(cfg.warmup.count, 12);
  ck_assert_int_eq(
    fill("{units: 1, maybe: null, width: ~, file: null, columns: []}"),
    NACRE_OK);
  ck_assert(isnan(cfg.maybe));
  ck_assert(cfg.width == INT64_MIN);
}
END_TEST

START_TEST(paths) {
  ck_assert_int_eq(
    fill("{units: 1, file: a/b.csv, paths: {x: /abs, y: rel, z: '-'}}"),
    NACRE_OK);
  ck_assert_str_eq(cfg.file, "/data/a/b.csv");
  ck_assert_int_eq(cfg.paths.n, 3);
  ck_assert_str_eq(cfg.paths.name[0], "x");
  ck_assert_str_eq(cfg.paths.at[0], "/abs");
  ck_assert_str_eq(cfg.paths.at[1], "/data/rel");
  ck_assert_str_eq(cfg.paths.at[2], "-");
  ck_assert_int_eq(fill("{units: 1, paths: one}"), NACRE_OK);
  ck_assert_int_eq(cfg.paths.n, 1);
  ck_assert_str_eq(cfg.paths.name[0], "");
  ck_assert_str_eq(cfg.paths.at[0], "/data/one");
}
END_TEST

START_TEST(arrays) {
  ck_assert_int_eq(
    fill("{units: 1, data: {x: [[1, 2, 3], [4, 5, -6]], y: [7]}}"),
    NACRE_OK);
  ck_assert_int_eq(cfg.data.n, 2);
  ck_assert_str_eq(cfg.data.name[1], "y");
  const nacre_array *x = &cfg.data.at[0];
  ck_assert_int_eq(x->shape.rank, 2);
  ck_assert_int_eq(x->shape.dim[0], 2);
  ck_assert_int_eq(x->shape.dim[1], 3);
  ck_assert_double_eq(x->at[5], -6);
  ck_assert_double_eq(cfg.data.at[1].at[0], 7);

  ck_assert_int_eq(fill("{units: 1, data: [[0.5], [2]]}"), NACRE_OK);
  ck_assert_str_eq(cfg.data.name[0], "");
  ck_assert_int_eq(cfg.data.at[0].shape.dim[0], 2);

  check_problem("{units: 1, data: [[1, 2], [3]]}", 27,
                "layer 'dense': data: this row has 1 values, the first 2",
                NULL);
  check_problem("{units: 1, data: [[1, 2], 3]}", 27,
                "layer 'dense': data: expected a list like the ones before "
                "it, got '3'",
                NULL);
  check_problem("{units: 1, data: [[1, x]]}", 23,
                "layer 'dense': data: expected a finite number, got 'x'",
                NULL);
  check_problem("{units: 1, data: {x: []}}", 22,
                "layer 'dense': data: expected nested lists of numbers, got "
                "an empty list",
                NULL);
  check_problem("{units: 1, data: 5}", 18,
                "layer 'dense': data: expected nested lists of numbers, or a "
                "map from names to them, got '5'",
                NULL);
  check_problem("{units: 1, data: [[[[[[[1]]]]]]]}", 18,
                "layer 'dense': data: lists are nested more than 6 deep",
                NULL);
}
END_TEST

START_TEST(wrong_values) {
  check_problem("{units: abc}", 9,
                "layer 'dense': units: expected a whole number in [1,inf), "
                "got 'abc'",
                NULL);
  check_problem("{units: 0}", 9,
                "layer 'dense': units: expected a whole number in [1,inf), "
                "got '0'",
                NULL);
  check_problem("{units: 1.5}", 9,
                "layer 'dense': units: expected a whole number in [1,inf), "
                "got '1.5'",
                NULL);
  check_problem("{units: 99999999999999999999}", 9,
                "layer 'dense': units: expected a whole number in [1,inf), "
                "got '99999999999999999999'",
                NULL);
  check_problem("{units: null}", 9,
                "layer 'dense': units: expected a whole number in [1,inf), "
                "got null",
                NULL);
  check_problem("{units: [1]}", 9,
                "layer 'dense': units: expected a whole number in [1,inf), "
                "got a list",
                NULL);
  check_problem("{units: 1, rate: 0}", 18,
                "layer 'dense': rate: expected a number in (0,inf), got '0'",
                NULL);
  check_problem("{units: 1, rate: .inf}", 18,
                "layer 'dense': rate: expected a number in (0,inf), got "
                "'.inf'",
                NULL);
  check_problem("{units: 1, limit: .nan}", 19,
                "layer 'dense': limit: expected a number in (0,inf], got "
                "'.nan'",
                NULL);
  check_problem("{units: 1, scale: [1, .inf]}", 23,
                "layer 'dense': scale: expected a finite number, got '.inf'",
                NULL);
  check_problem("{units: 1, bias: perhaps}", 18,
                "layer 'dense': bias: expected true or false, got 'perhaps'",
                NULL);
  check_problem("{units: 1, padding: full}", 21,
                "layer 'dense': padding: expected one of same, valid, got "
                "'full'",
                NULL);
  check_problem("{units: 1, kernel_size: [3, 0]}", 29,
                "layer 'dense': kernel_size: expected a whole number in "
                "[1,inf), got '0'",
                NULL);
  check_problem("{units: 1, kernel_size: []}", 25,
                "layer 'dense': kernel_size: expected at least one value, "
                "got an empty list",
                NULL);
  check_problem("{units: 1, file: [a]}", 18,
                "layer 'dense': file: expected text, got a list", NULL);
  check_problem("{units: 1, warmup: 3 years}", 20,
                "layer 'dense': warmup: expected a duration such as 200 "
                "steps or 3 epochs, in [0,inf), got '3 years'",
                NULL);
  check_problem("{units: 1, activation: null}", 24,
                "layer 'dense': activation: expected the name of a "
                "component of kind 'activation', or "
                "{type: name, ...}, got null",
                NULL);
  check_problem("{units: 1, activation: {rate: 0.1}}", 24,
                "layer 'dense': activation: this activation has no 'type'",
                NULL);
  check_problem("{units: 1, activation: {type: good, rate: 7}}", 43,
                "layer 'dense': activation: activation 'good': rate: expected "
                "a number in [0,1), got '7'",
                NULL);
}
END_TEST

START_TEST(missing_and_double) {
  check_problem("{bias: true}", 1, "layer 'dense' needs 'units'",
                "units: Output features. (int >= 1, required)");
  check_problem("{units: 1, rate: 1, lr: 2}", 21,
                "layer 'dense': 'lr' is another name of 'rate', which is "
                "given too",
                NULL);
  ck_assert_int_eq(fill(NULL), NACRE_ERROR);
  ck_assert_int_eq(error.problem[0].line, 0);
}
END_TEST

START_TEST(all_problems_at_once) {
  ck_assert_int_eq(fill("{units: x, bias: y, padding: z, more: 1}"),
                   NACRE_ERROR);
  ck_assert_int_eq(error.errors, 4);
}
END_TEST

START_TEST(deprecated) {
  ck_assert_int_eq(fill("{units: 1, title: t}"), NACRE_OK);
  ck_assert_int_eq(error.count, 1);
  ck_assert(error.problem[0].warning);
  ck_assert_str_eq(error.problem[0].text,
                   "layer 'dense': 'title' is deprecated: A text.");
  ck_assert_int_eq(error.problem[0].column, 12);
}
END_TEST

START_TEST(unknown_keys) {
  check_problem("{units: 1, rat: 2}", 12,
                "unknown key 'rat' for layer 'dense'",
                "did you mean 'rate'? (float > 0, default 0.001)");
  check_problem("{units: 1, paddin: same}", 12,
                "unknown key 'paddin' for layer 'dense'",
                "did you mean 'padding'? (one of same, valid, default "
                "valid)");
  check_problem("{units: 1, zebra: 2}", 12,
                "unknown key 'zebra' for layer 'dense'", NULL);
  ck_assert_ptr_nonnull(
    strstr(error.problem[0].hint, "known keys: rate, lr, limit"));
}
END_TEST

START_TEST(unknown_components) {
  check_problem("{units: 1, activation: goof}", 24,
                "layer 'dense': activation: unknown activation 'goof'",
                "did you mean 'good'?");
  ck_assert_int_eq(fill("{units: 1, activation: broken}"), NACRE_ERROR);
  ck_assert_str_eq(error.problem[0].text,
                   "layer 'dense': activation: the plugin of activation "
                   "'broken' was refused: "
                   "activation 'fixture' has no operations");
}
END_TEST

/* A map with a type stands for a schedule, which is the caller's. */
START_TEST(schedules_are_left_alone) {
  ck_assert_int_eq(fill("{units: 1, rate: {type: cosine_decay, alpha: 1}}"),
                   NACRE_OK);
  ck_assert_double_eq(cfg.rate, 0.001);
  check_problem("{units: 1, limit: {type: cosine_decay}}", 19,
                "layer 'dense': limit: expected a number in (0,inf], got a "
                "map",
                NULL);
}
END_TEST

START_TEST(choosing) {
  nacre_params_ctx ctx = { registry, tree->arena, &error, NULL };
  static const char *const universal[] = { "name", NULL };
  nacre_choice choice;
  nacre_node *node = parse("{type: good, name: a, count: 5, wat: 1}");
  ck_assert_int_eq(nacre_choose(&ctx, NACRE_KIND_ACTIVATION, node, universal,
                                true, &choice),
                   NACRE_OK);
  ck_assert_str_eq(choice.component->name, "good");
  ck_assert_ptr_eq(choice.node, node);
  ck_assert_ptr_nonnull(choice.cfg);
  ck_assert_int_eq(error.count, 0);
  ck_assert_int_eq(nacre_choose(&ctx, NACRE_KIND_ACTIVATION, node, universal,
                                false, &choice),
                   NACRE_ERROR);
  ck_assert_int_eq(error.count, 1);
  ck_assert_str_eq(error.problem[0].text,
                   "unknown key 'wat' for activation 'good'");
  ck_assert_int_eq(
    nacre_choose(&ctx, NACRE_KIND_ACTIVATION, parse("good"), NULL, false,
                 &choice),
    NACRE_OK);
  ck_assert_int_eq(nacre_choose_name(&ctx, NACRE_KIND_ACTIVATION, "good",
                                     NULL, &choice),
                   NACRE_OK);
  ck_assert_ptr_null(choice.node);
  ck_assert_int_eq(nacre_choose_name(&ctx, NACRE_KIND_ACTIVATION, "gone",
                                     node, &choice),
                   NACRE_ERROR);
  ck_assert_int_eq(error.problem[1].line, 1);
  ck_assert_ptr_null(choice.component);
  ck_assert_int_eq(nacre_choose(&ctx, NACRE_KIND_ACTIVATION, parse("[good]"),
                                NULL, false, &choice),
                   NACRE_ERROR);
}
END_TEST

START_TEST(ranges) {
  nacre_range range;
  ck_assert(nacre_range_parse("(0,1]", &range));
  ck_assert(!nacre_range_holds(&range, 0));
  ck_assert(nacre_range_holds(&range, 1));
  ck_assert(!nacre_range_holds(&range, (double)NAN));
  ck_assert(nacre_range_parse("[-inf, 2.5)", &range));
  ck_assert(nacre_range_holds(&range, -(double)INFINITY));
  ck_assert(!nacre_range_holds(&range, 2.5));
  ck_assert(nacre_range_parse(NULL, &range));
  ck_assert(!nacre_range_holds(&range, (double)INFINITY));
  ck_assert(nacre_range_holds(&range, -1e300));
  const char *const bad[] = { "", "0,1", "(0)", "[1,0]", "(a,b)", "[0,1",
                              "[nan,1]" };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    ck_assert_msg(!nacre_range_parse(bad[i], &range), "%s", bad[i]);
  }
  ck_assert_int_eq(nacre_range_word("same|valid", "valid"), 1);
  ck_assert_int_eq(nacre_range_word("same|valid", "val"), -1);
  ck_assert_int_eq(nacre_range_word("same|valid", "same|valid"), -1);
  ck_assert_int_eq(nacre_range_words("same|valid|full"), 3);
  ck_assert_int_eq(nacre_range_words("[0,1]"), 0);
  ck_assert_int_eq(nacre_range_words("a||b"), 0);
}
END_TEST

START_TEST(descriptions) {
  static const struct {
    int param;
    const char *text;
  } cases[] = {
    { 0, "(float > 0, default 0.001)" },
    { 2, "(float in [0,1], default null)" },
    { 3, "(int >= 1, required)" },
    { 5, "(bool, default true)" },
    { 6, "(one of same, valid, default valid)" },
    { 8, "(text, default '')" },
    { 9, "(list of ints >= 1, default [3, 3])" },
    { 14, "(activation, default good)" },
    { 16, "(duration, default 0)" },
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char *text = nacre_param_describe(&table[cases[i].param]);
    ck_assert_str_eq(text, cases[i].text);
    nacre_free(text);
  }
}
END_TEST

Suite *test_params_suite(void);
Suite *test_params_suite(void) {
  Suite *suite = suite_create("params");
  TCase *tcase = tcase_create("params");
  tcase_set_timeout(tcase, 60);
  tcase_add_checked_fixture(tcase, set_up, tear_down);
  tcase_add_test(tcase, defaults);
  tcase_add_test(tcase, values);
  tcase_add_test(tcase, paths);
  tcase_add_test(tcase, arrays);
  tcase_add_test(tcase, wrong_values);
  tcase_add_test(tcase, missing_and_double);
  tcase_add_test(tcase, all_problems_at_once);
  tcase_add_test(tcase, deprecated);
  tcase_add_test(tcase, unknown_keys);
  tcase_add_test(tcase, unknown_components);
  tcase_add_test(tcase, schedules_are_left_alone);
  tcase_add_test(tcase, choosing);
  tcase_add_test(tcase, ranges);
  tcase_add_test(tcase, descriptions);
  suite_add_tcase(suite, tcase);
  return suite;
}
