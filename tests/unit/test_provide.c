/* SPDX-License-Identifier: MIT */
/* test_provide: a layer that its first provider leaves to others. */
#include "engine_fixture.h"
#include "plugin_dir.h"

#include <stdlib.h>

static plugin_dir dir;
static engine self;

/* The build's own plugins are found, too: there are initializers in them. */
static void set_up(void) {
  const char *path = getenv("NACRE_PLUGIN_PATH");
  char *own = strdup(path != NULL ? path : "");
  char both[8192];
  ck_assert_ptr_nonnull(own);
  plugin_dir_init(&dir);
  snprintf(both, sizeof both, "%s:%s", dir.plugins, own);
  ck_assert_int_eq(setenv("NACRE_PLUGIN_PATH", both, 1), 0);
  free(own);
}

static void tear_down(void) {
  engine_close(&self);
  plugin_dir_fini(&dir);
}

/* Loads a model of one layer for samples of `features`. */
static void load(const char *type, int features) {
  engine_text yaml = { NULL, 0 };
  engine_put(&yaml, "nacre: 1\nmodel:\n  input: [%d]\n  layers:\n"
                    "    - {type: %s, count: 7, scale_initializer: zeros}\n"
                    "loss: mean_squared_error\noptimizer: sgd\n",
             features, type);
  engine_load(&self, yaml.at);
  free(yaml.at);
}

/* The module that a model's only layer came from. */
static const char *module(void) {
  if (!self.loaded) {
    ck_abort_msg("%s", engine_problems(&self));
  }
  const nacre_graph *graph = &self.experiment.graph;
  ck_assert_int_eq(graph->n_variables, 1);
  ck_assert_str_eq(graph->variable[0].initializer.component->name, "zeros");
  return nacre_registry_module(self.registry,
                               graph->vertex[0].layer.component)->name;
}

START_TEST(first_takes_it) {
  plugin_dir_put(&dir, "layers/a.so", "choosy_low");
  plugin_dir_put(&dir, "layers/b.so", "choosy_high");
  load("choosy", 8);
  ck_assert_str_eq(module(), "choosy_high");
}
END_TEST

START_TEST(next_is_asked) {
  plugin_dir_put(&dir, "layers/a.so", "choosy_low");
  plugin_dir_put(&dir, "layers/b.so", "choosy_high");
  load("choosy", 7);
  ck_assert_str_eq(module(), "choosy_low");
}
END_TEST

START_TEST(nobody_takes_it) {
  plugin_dir_put(&dir, "layers/a.so", "choosy_low");
  plugin_dir_put(&dir, "layers/b.so", "choosy_high");
  load("choosy", 3);
  engine_says(&self, "t.yaml:5:7: layer 'choosy' (choosy): no plugin that "
                     "provides it can do this | 'nacre inspect --why "
                     "layer/choosy' lists who provides it");
}
END_TEST

START_TEST(named_one_is_alone) {
  plugin_dir_put(&dir, "layers/a.so", "choosy_low");
  plugin_dir_put(&dir, "layers/b.so", "choosy_high");
  load("choosy_high/choosy", 7);
  engine_says(&self, "no plugin that provides it can do this");
}
END_TEST

START_TEST(late_decline) {
  plugin_dir_put(&dir, "layers/a.so", "choosy_low");
  plugin_dir_put(&dir, "layers/b.so", "choosy_late");
  load("choosy", 7);
  engine_says(&self, "layer 'choosy' (choosy): its plugin declines after it "
                     "has asked for something");
}
END_TEST

START_TEST(other_weights) {
  plugin_dir_put(&dir, "layers/a.so", "choosy_odd");
  plugin_dir_put(&dir, "layers/b.so", "choosy_high");
  load("choosy", 7);
  engine_says(&self, "the plugin that would be asked next has other weights");
}
END_TEST

/* What is said of masks is said anew to each: the first one reads none. */
START_TEST(next_is_told_of_masks) {
  plugin_dir_put(&dir, "layers/a.so", "choosy_masked");
  plugin_dir_put(&dir, "layers/b.so", "choosy_high");
  engine_load(&self, "nacre: 1\nmodel:\n  input: [3]\n  layers:\n"
                     "    - {type: embedding, input_dim: 5, output_dim: 7,\n"
                     "       mask_zero: true}\n"
                     "    - {type: choosy, count: 7}\n"
                     "loss: mean_squared_error\noptimizer: sgd\n");
  ck_assert_msg(self.loaded, "%s", engine_problems(&self));
  ck_assert_str_eq(nacre_registry_module(
                     self.registry,
                     self.experiment.graph.vertex[1].layer.component)->name,
                   "choosy_masked");
}
END_TEST

Suite *test_provide_suite(void);
Suite *test_provide_suite(void) {
  Suite *suite = suite_create("provide");
  TCase *tests = tcase_create("provide");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, first_takes_it);
  tcase_add_test(tests, next_is_asked);
  tcase_add_test(tests, nobody_takes_it);
  tcase_add_test(tests, named_one_is_alone);
  tcase_add_test(tests, late_decline);
  tcase_add_test(tests, other_weights);
  tcase_add_test(tests, next_is_told_of_masks);
  suite_add_tcase(suite, tests);
  return suite;
}
