/* SPDX-License-Identifier: MIT */
/* Tests of the library as other programs see it: every function, failures
 * included, silence, two networks in two threads. */
#include "engine_fixture.h"
#include "fixture.h"

#include <fcntl.h>
#include <math.h>
#include <nacre/nacre.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char model[] = "\
nacre: 1\n\
seed: 1\n\
model:\n\
  input: [2]\n\
  layers:\n\
    - {type: dense, units: 8, activation: tanh}\n\
    - {name: out, type: dense, units: 1, activation: sigmoid}\n\
loss: binary_crossentropy\n\
optimizer: {type: adam, learning_rate: 0.05}\n\
metrics: [accuracy]\n\
data:\n\
  train: {type: inline, x: [[0, 0], [0, 1], [1, 0], [1, 1]],\n\
          y: [[0], [1], [1], [0]]}\n\
train: {epochs: 150, batch_size: 4}\n";

static const float points[4][2] = { { 0, 0 }, { 0, 1 }, { 1, 0 }, { 1, 1 } };

/* Nothing may be written to where a program writes; both are watched. */
static int kept[2], watched[2];

static void listen_to_output(void) {
  for (int i = 0; i < 2; i++) {
    char name[] = "/tmp/nacre-unit-out-XXXXXX";
    kept[i] = dup(1 + i);
    watched[i] = mkstemp(name);
    ck_assert(kept[i] >= 0 && watched[i] >= 0);
    (void)unlink(name);
    ck_assert_int_ge(dup2(watched[i], 1 + i), 0);
  }
}

static void nothing_was_said(void) {
  (void)fflush(NULL);
  for (int i = 0; i < 2; i++) {
    (void)dup2(kept[i], 1 + i);
    off_t said = lseek(watched[i], 0, SEEK_END);
    (void)close(watched[i]);
    (void)close(kept[i]);
    ck_assert_msg(said == 0, "%lld bytes were written to %s",
                  (long long)said, i == 0 ? "stdout" : "stderr");
  }
}

/* The loss of the four points, and their predictions. */
static void check_learned(const float y[4]) {
  for (int i = 0; i < 4; i++) {
    bool one = points[i][0] + points[i][1] == 1;
    ck_assert_msg(one ? y[i] > 0.9f : y[i] < 0.1f, "point %d: %g", i,
                  (double)y[i]);
  }
}

static nacre_session *open_session(const char *yaml,
                                   nacre_problems *problems) {
  const nacre_options options = { .size = sizeof options, .threads = 1 };
  nacre_session *session =
    nacre_session_new_text(yaml, NULL, &options, problems);
  ck_assert_msg(session != NULL, "%s", nacre_problems_text(problems, 0));
  ck_assert_int_eq(nacre_problems_count(problems), 0);
  ck_assert_int_eq(nacre_problems_code(problems), 0);
  ck_assert_ptr_null(nacre_problems_text(problems, 0));
  return session;
}

START_TEST(test_whole_training) {
  listen_to_output();
  nacre_problems *problems = nacre_problems_new();
  nacre_session *session = open_session(model, problems);
  const float *inputs[] = { points[0] };
  float y[4] = { 0 }, *outputs[] = { y };
  double value = 0;
  ck_assert_int_eq(nacre_session_epoch(session), 0);
  ck_assert_int_eq(nacre_session_value(session, "loss", &value), -1);
  ck_assert_int_eq(nacre_session_fit(session, problems), 0);
  ck_assert_int_eq(nacre_session_epoch(session), 150);
  ck_assert_int_eq(nacre_session_value(session, "accuracy", &value), 0);
  ck_assert(value == 1);
  ck_assert_int_eq(nacre_session_value(session, "loss", &value), 0);
  ck_assert(value < 0.1);
  ck_assert_int_eq(nacre_session_value(session, "nothing", &value), -1);
  for (int i = 0; i < 2; i++) { /* the same again */
    memset(y, 0, sizeof y);
    ck_assert_int_eq(nacre_session_predict(session, 4, inputs, outputs,
                                           problems), 0);
    check_learned(y);
  }
  ck_assert_int_eq(nacre_session_predict(session, 0, inputs, outputs,
                                         problems), 0);
  ck_assert_int_eq(nacre_session_fit(session, problems), 0); /* it is over */
  ck_assert_int_eq(nacre_session_epoch(session), 150);
  nacre_session_free(session);
  nacre_problems_free(problems);
  nothing_was_said();
}
END_TEST

START_TEST(test_step_by_step) {
  nacre_problems *problems = nacre_problems_new();
  nacre_session *session = open_session(model, problems);
  double first = 0, last = 0;
  ck_assert_int_eq(nacre_session_step(session, &first, problems), 0);
  ck_assert_int_eq(nacre_session_epoch(session), 1);
  ck_assert_int_eq(nacre_session_step(session, NULL, problems), 0);
  ck_assert_int_eq(nacre_session_steps(session, 98, &last, problems), 0);
  /* Steps finish epochs, but log nothing. */
  ck_assert_int_eq(nacre_session_value(session, "loss", &last), -1);
  ck_assert_int_eq(nacre_session_epoch(session), 100);
  ck_assert(last < first);
  /* What is left of the training. */
  ck_assert_int_eq(nacre_session_fit(session, problems), 0);
  ck_assert_int_eq(nacre_session_epoch(session), 150);
  ck_assert_int_eq(nacre_session_step(session, &last, problems), 0);
  nacre_session_free(session);
  nacre_problems_free(problems);
}
END_TEST

/* Batches that are smaller and larger than what is predicted. */
START_TEST(test_batches_of_predictions) {
  nacre_problems *problems = nacre_problems_new();
  engine_text yaml = { NULL, 0 };
  engine_put(&yaml, "%s", model);
  nacre_session *session = open_session(yaml.at, problems);
  float x[1000][2], y[1000], one[1];
  for (int i = 0; i < 1000; i++) {
    x[i][0] = (float)i / 500;
    x[i][1] = (float)(i % 7);
  }
  const float *inputs[] = { x[0] };
  float *outputs[] = { y };
  ck_assert_int_eq(nacre_session_predict(session, 1000, inputs, outputs,
                                         problems), 0);
  for (int i = 0; i < 1000; i += 37) {
    const float *single[] = { x[i] };
    float *to[] = { one };
    ck_assert_int_eq(nacre_session_predict(session, 1, single, to, problems),
                     0);
    ck_assert(fabsf(one[0] - y[i]) < 1e-6f);
  }
  nacre_session_free(session);
  nacre_problems_free(problems);
  free(yaml.at);
}
END_TEST

START_TEST(test_all_problems) {
  listen_to_output();
  nacre_problems *problems = nacre_problems_new();
  nacre_session *session = nacre_session_new_text(
    "nacre: 1\n"
    "model:\n"
    "  input: [2]\n"
    "  layers:\n"
    "    - {type: dens, units: 2}\n"
    "    - {type: dense, unit: 2}\n"
    "loss: mean_squared_error\n"
    "optimizer: {type: sgd, learning_rat: 1}\n"
    "data:\n"
    "  train: {type: inline, x: [[1, 2]], y: [[1]]}\n", NULL, NULL, problems);
  ck_assert_ptr_null(session);
  ck_assert_int_eq(nacre_problems_code(problems), NACRE_ECONFIG);
  ck_assert_int_ge(nacre_problems_count(problems), 4);
  char all[8192] = "";
  for (int i = 0; i < nacre_problems_count(problems); i++) {
    strncat(all, nacre_problems_text(problems, i), 1000);
    strcat(all, "\n");
  }
  nothing_was_said();
  ck_assert_msg(strstr(all, "did you mean 'dense'?") != NULL, "%s", all);
  ck_assert_msg(strstr(all, "unknown key 'unit'") != NULL, "%s", all);
  ck_assert_msg(strstr(all, "'learning_rat'") != NULL, "%s", all);
  ck_assert_msg(strstr(all, ":5:") != NULL && strstr(all, ":8:") != NULL,
                "%s", all);
  ck_assert_ptr_null(nacre_problems_text(problems, -1));
  ck_assert_ptr_null(nacre_problems_text(problems, 1000));
  /* The next call starts afresh. */
  session = open_session(model, problems);
  nacre_session_free(session);
  nacre_problems_free(problems);
}
END_TEST

START_TEST(test_refusals) {
  static const struct {
    const char *config;
    int code;
  } wrong[] = {
    { "/nowhere/at.yaml", NACRE_ECONFIG },
    { "/dev/null", NACRE_ECONFIG },
  };
  listen_to_output();
  nacre_problems *problems = nacre_problems_new();
  for (int i = 0; i < 2; i++) {
    ck_assert_ptr_null(nacre_session_new(wrong[i].config, NULL, 0, NULL,
                                         problems));
    ck_assert_int_eq(nacre_problems_code(problems), wrong[i].code);
  }
  ck_assert_ptr_null(nacre_network_load("/nowhere", NULL, problems));
  ck_assert_int_ne(nacre_problems_code(problems), 0);
  ck_assert_ptr_null(nacre_session_new_text("", NULL, NULL, problems));
  ck_assert_int_eq(nacre_problems_code(problems), NACRE_ECONFIG);
  nacre_session_free(NULL);
  nacre_network_free(NULL);
  nacre_problems_free(problems);
  nacre_problems_free(NULL);
  nothing_was_said();
}
END_TEST

/* A plan that diverges ends with the code of the command line. */
START_TEST(test_divergence) {
  nacre_problems *problems = nacre_problems_new();
  nacre_session *session = open_session(
    "nacre: 1\nmodel:\n  input: [1]\n  layers:\n"
    "    - {type: dense, units: 1, kernel_initializer: ones}\n"
    "loss: mean_squared_error\n"
    "optimizer: {type: sgd, learning_rate: 1e6}\n"
    "data:\n  train: {type: inline, x: [[1], [2]], y: [[0], [1]]}\n"
    "callbacks: [terminate_on_nan]\n"
    "train: {epochs: 1000, batch_size: 2}\n", problems);
  ck_assert_int_eq(nacre_session_fit(session, problems), -1);
  ck_assert_int_eq(nacre_problems_code(problems), NACRE_EDIVERGED);
  nacre_session_free(session);
  nacre_problems_free(problems);
}
END_TEST

START_TEST(test_faults) {
  nacre_problems *problems = nacre_problems_new();
  nacre_session *session = open_session(
    "nacre: 1\nmodel:\n  input: [1]\n  layers:\n"
    "    - {type: embedding, input_dim: 3, output_dim: 2}\n"
    "    - flatten\n"
    "    - {type: dense, units: 2, activation: softmax}\n"
    "loss: sparse_categorical_crossentropy\noptimizer: sgd\n"
    "data:\n  train: {type: inline, x: [[1], [2], [0]], y: [0, 1, 2]}\n"
    "train: {batch_size: 2, shuffle: false}\n", problems);
  float x[300] = { 0 }, y[600];
  const float *inputs[] = { x };
  float *outputs[] = { y };
  x[277] = 3;
  ck_assert_int_eq(nacre_session_predict(session, 300, inputs, outputs,
                                         problems), -1);
  ck_assert_int_eq(nacre_problems_code(problems), NACRE_EDATA);
  ck_assert_msg(strstr(nacre_problems_text(problems, 0), "sample 277") !=
                  NULL, "%s", nacre_problems_text(problems, 0));
  x[277] = 1;
  ck_assert_int_eq(nacre_session_predict(session, 300, inputs, outputs,
                                         problems), 0);
  ck_assert_int_eq(nacre_session_step(session, NULL, problems), 0);
  ck_assert_int_eq(nacre_session_step(session, NULL, problems), -1);
  ck_assert_msg(strstr(nacre_problems_text(problems, 0), "sample 2") != NULL,
                "%s", nacre_problems_text(problems, 0));
  nacre_session_free(session);
  nacre_problems_free(problems);
}
END_TEST

/* A run directory as a training leaves it. The input's shape is given by the
 * data alone. */
static char *make_run(void) {
  char *dir = fixture_dir();
  char *path = fixture_path(dir, "weights.safetensors");
  char *yaml = strdup(model), *input = strstr(yaml, "  input: [2]\n");
  engine self;
  ck_assert_ptr_nonnull(input);
  memmove(input, input + 13, strlen(input + 13) + 1);
  engine_open(&self, yaml);
  ck_assert_int_eq(nacre_trainer_fit(&self.trainer), NACRE_OK);
  nacre_fitted fitted = { self.trainer.samples.pipe,
                          self.trainer.samples.n_pipes, NULL };
  ck_assert_int_eq(nacre_checkpoint_save(&self.trainer.model, &fitted, path,
                                         &self.error), NACRE_OK);
  char *text = nacre_node_write(self.experiment.tree->root);
  ck_assert_ptr_nonnull(text);
  fixture_file(dir, "config.yaml", text);
  nacre_free(text);
  engine_close(&self);
  free(yaml);
  free(path);
  return dir;
}

static void check_network(const char *dir, int64_t batch) {
  const nacre_options options = { .size = sizeof options, .threads = 1,
                                  .batch = batch };
  nacre_problems *problems = nacre_problems_new();
  nacre_network *network = nacre_network_load(dir, &options, problems);
  nacre_slot_info info;
  ck_assert_msg(network != NULL, "%s", nacre_problems_text(problems, 0));
  ck_assert_int_eq(nacre_network_inputs(network), 1);
  ck_assert_int_eq(nacre_network_outputs(network), 1);
  ck_assert_int_eq(nacre_network_input(network, 0, &info), 0);
  ck_assert_str_eq(info.name, "input");
  ck_assert(info.rank == 1 && info.dim[0] == 2 && info.count == 2);
  ck_assert_int_eq(nacre_network_output(network, 0, &info), 0);
  ck_assert_str_eq(info.name, "out");
  ck_assert(info.rank == 1 && info.count == 1);
  ck_assert_int_eq(nacre_network_input(network, 1, &info), -1);
  ck_assert_int_eq(nacre_network_output(network, -1, &info), -1);
  const float *inputs[] = { points[0] };
  float y[4] = { 0 }, *outputs[] = { y };
  ck_assert_int_eq(nacre_network_predict(network, 4, inputs, outputs,
                                         problems), 0);
  check_learned(y);
  nacre_network_free(network);
  nacre_problems_free(problems);
}

START_TEST(test_network) {
  char *dir = make_run();
  listen_to_output();
  check_network(dir, 0);
  check_network(dir, 1);
  check_network(dir, 3);
  /* Weights of another model. */
  fixture_file(dir, "weights.safetensors", "no weights");
  nacre_problems *problems = nacre_problems_new();
  ck_assert_ptr_null(nacre_network_load(dir, NULL, problems));
  ck_assert_int_eq(nacre_problems_code(problems), NACRE_EMODEL);
  nacre_problems_free(problems);
  nothing_was_said();
  fixture_remove(dir);
}
END_TEST

static void *use_network(void *dir) {
  for (int i = 0; i < 3; i++) {
    check_network(dir, 1 + i);
  }
  return NULL;
}

static void *use_session(void *nothing) {
  nacre_problems *problems = nacre_problems_new();
  nacre_session *session = open_session(model, problems);
  (void)nothing;
  ck_assert_int_eq(nacre_session_fit(session, problems), 0);
  nacre_session_free(session);
  nacre_problems_free(problems);
  return NULL;
}

START_TEST(test_threads) {
  char *dir = make_run();
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) {
    ck_assert_int_eq(pthread_create(&threads[i], NULL,
                                    i % 2 == 0 ? use_network : use_session,
                                    dir), 0);
  }
  for (int i = 0; i < 4; i++) {
    ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
  }
  fixture_remove(dir);
}
END_TEST

START_TEST(test_overrides) {
  char *dir = fixture_dir(), *path = fixture_path(dir, "c.yaml");
  const char *const overrides[] = { "train.epochs=3", "seed=5" };
  nacre_problems *problems = nacre_problems_new();
  fixture_file(dir, "c.yaml", model);
  nacre_session *session = nacre_session_new(path, overrides, 2, NULL,
                                             problems);
  ck_assert_ptr_nonnull(session);
  ck_assert_int_eq(nacre_session_fit(session, problems), 0);
  ck_assert_int_eq(nacre_session_epoch(session), 3);
  nacre_session_free(session);
  const char *const bad[] = { "train.epoch=3" };
  ck_assert_ptr_null(nacre_session_new(path, bad, 1, NULL, problems));
  ck_assert_int_ne(nacre_problems_code(problems), 0);
  nacre_problems_free(problems);
  free(path);
  fixture_remove(dir);
  ck_assert_str_eq(nacre_version(), "0.1.0");
}
END_TEST

/* Each allocation of a session's life fails, once: no crash, no leak, and
 * what is said is that there was no memory. */
START_TEST(test_no_memory) {
  int step = 1;
  for (int at = 1;; at += step) {
    nacre_problems *problems = nacre_problems_new();
    fixture_watch();
    fixture_memory.fail_at = at;
    nacre_session *session =
      nacre_session_new_text(model, NULL, NULL, problems);
    int failed = fixture_memory.failed;
    fixture_unwatch();
    ck_assert(session != NULL || nacre_problems_code(problems) != 0);
    nacre_session_free(session);
    nacre_problems_free(problems);
    if (failed == 0) {
      break;
    }
    step = 1 + at / 50; /* the late ones are many and alike */
  }
}
END_TEST

Suite *test_embed_suite(void);
Suite *test_embed_suite(void) {
  Suite *suite = suite_create("embed");
  TCase *tests = tcase_create("embed");
  tcase_set_timeout(tests, 120);
  tcase_add_test(tests, test_whole_training);
  tcase_add_test(tests, test_step_by_step);
  tcase_add_test(tests, test_batches_of_predictions);
  tcase_add_test(tests, test_all_problems);
  tcase_add_test(tests, test_refusals);
  tcase_add_test(tests, test_divergence);
  tcase_add_test(tests, test_faults);
  tcase_add_test(tests, test_network);
  tcase_add_test(tests, test_threads);
  tcase_add_test(tests, test_overrides);
  tcase_add_test(tests, test_no_memory);
  suite_add_tcase(suite, tests);
  return suite;
}
