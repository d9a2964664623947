/* SPDX-License-Identifier: MIT */
/* Tests of trainings: parity with Keras, the same bits for any number of
 * threads, no allocation, faults of data, callbacks that steer. */
#include "../conformance/allocations.h"
#include "engine_fixture.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Keras's own numbers are of single precision. */
#define KERAS_NEAR 1e-4

static const char xor_yaml[] = "\
nacre: 1\n\
seed: 7\n\
model:\n\
  input: [2]\n\
  layers:\n\
    - {type: dense, units: 2, activation: relu}\n\
    - {type: dense, units: 1, activation: sigmoid}\n\
loss: binary_crossentropy\n\
optimizer: {type: sgd, learning_rate: 0.1, momentum: 0.9}\n\
metrics: [accuracy]\n\
data:\n\
  train: {type: inline, x: [[0, 0], [0, 1], [1, 0], [1, 1]],\n\
          y: [[0], [1], [1], [0]]}\n\
train: {epochs: 1000, batch_size: 1, shuffle: false}\n";

static const char *const xor_names[] = { "dense.kernel", "dense.bias",
                                         "dense_1.kernel", "dense_1.bias" };

static json_t *open_golden(const char *name) {
  char path[4096];
  const char *dir = getenv("NACRE_TEST_GOLDEN");
  ck_assert_msg(dir != NULL, "NACRE_TEST_GOLDEN is not set");
  snprintf(path, sizeof path, "%s/%s.json", dir, name);
  json_t *root = json_load_file(path, 0, NULL);
  ck_assert_msg(root != NULL, "there is no %s", path);
  return root;
}

/* A list of numbers against a variable of the model. */
static void compare_weights(engine *self, int64_t epoch, const char *name,
                            const json_t *expected) {
  const nacre_variable *variable =
    &self->experiment.graph.variable[engine_variable(self, name)];
  const real *at = engine_weight(self, name);
  ck_assert_int_eq((int64_t)json_array_size(expected), variable->count);
  for (size_t i = 0; i < json_array_size(expected); i++) {
    double value = json_number_value(json_array_get(expected, i));
    ck_assert_msg(fabs((double)at[i] - value) <= KERAS_NEAR,
                  "epoch %lld, %s[%zu]: %.9g, Keras has %.9g",
                  (long long)epoch, name, i, (double)at[i], value);
  }
}

static void set_weights(engine *self, const json_t *initial) {
  for (size_t i = 0; i < 4; i++) {
    const json_t *data =
      json_object_get(json_array_get(initial, i), "data");
    real values[4] = { 0 };
    for (size_t j = 0; j < json_array_size(data); j++) {
      values[j] = (real)json_number_value(json_array_get(data, j));
    }
    nacre_model_write(&self->trainer.model,
                      engine_variable(self, xor_names[i]), values);
  }
}

START_TEST(test_xor_is_as_in_keras) {
  json_t *root = open_golden("xor");
  const json_t *losses = json_object_get(root, "loss");
  const json_t *cases = json_object_get(root, "cases");
  size_t next = 0;
  engine self;
  engine_open(&self, xor_yaml);
  set_weights(&self, json_object_get(root, "initial"));
  ck_assert_int_eq((int64_t)json_array_size(losses), 1000);
  for (int64_t epoch = 1; epoch <= 1000; epoch++) {
    ck_assert_int_eq(nacre_trainer_epoch(&self.trainer), NACRE_OK);
    double loss = json_number_value(json_array_get(losses,
                                                   (size_t)epoch - 1));
    ck_assert_msg(fabs(self.trainer.log[0].value - loss) <= KERAS_NEAR,
                  "epoch %lld: loss %.9g, Keras has %.9g", (long long)epoch,
                  self.trainer.log[0].value, loss);
    const json_t *kept = json_array_get(cases, next);
    if (kept != NULL &&
        json_integer_value(json_object_get(kept, "epoch")) == epoch) {
      for (size_t i = 0; i < 4; i++) {
        compare_weights(&self, epoch, xor_names[i],
                        json_array_get(json_object_get(kept, "weights"), i));
      }
      next++;
    }
  }
  ck_assert_int_eq((int64_t)next, (int64_t)json_array_size(cases));
  ck_assert_double_eq(self.trainer.log[1].value, 1); /* accuracy */
  engine_close(&self);
  json_decref(root);
}
END_TEST

/* A network that is large enough for its work to be shared. */
static char *write_wide(int batch, const char *layers, int64_t n) {
  engine_text yaml = { NULL, 0 };
  engine_put(&yaml, "nacre: 1\nseed: 9\nmodel:\n  input: [16]\n"
                    "  layers:\n%s"
                    "    - {type: dense, units: 10, activation: softmax}\n"
                    "loss: sparse_categorical_crossentropy\n"
                    "optimizer: {type: adam, clip_global_norm: 1}\n"
                    "metrics: [accuracy, {type: top_k_accuracy, k: 3}]\n"
                    "train: {batch_size: %d, epochs: 3}\n"
                    "data:\n  train:\n    type: inline\n    x: ",
             layers, batch);
  engine_put_numbers(&yaml, n, 16, 1);
  engine_put(&yaml, "\n    y: ");
  engine_put_labels(&yaml, n, 10, 2);
  engine_put(&yaml, "\n");
  return yaml.at;
}

START_TEST(test_threads_give_the_same_bits) {
  static const int64_t threads[] = { 1, 2, 3, 4, 7 };
  char *yaml = write_wide(128, "\
    - {type: dense, units: 256, activation: tanh}\n\
    - {type: batch_normalization}\n\
    - {type: dropout, rate: 0.2}\n\
    - {type: dense, units: 512, activation: relu}\n", 320);
  uint64_t first = 0;
  for (int i = 0; i < 15; i++) {
    const nacre_train_options options = { .threads = threads[i % 5] };
    engine self;
    engine_open_with(&self, yaml, &options);
    ck_assert_int_eq(nacre_trainer_fit(&self.trainer), NACRE_OK);
    uint64_t digest = engine_digest(&self);
    double loss = self.trainer.log[0].value;
    uint64_t bits = 0;
    memcpy(&bits, &loss, sizeof bits);
    digest ^= bits;
    first = i == 0 ? digest : first;
    ck_assert_msg(digest == first, "%lld threads give other weights",
                  (long long)options.threads);
    engine_close(&self);
  }
  free(yaml);
}
END_TEST

/* Steps 2 to `steps`, and an epoch's end among them. */
static void count_allocations(const char *yaml, int64_t threads, int steps) {
  uint64_t (*count)(void) = nacre_test_allocations();
  const nacre_train_options options = { .threads = threads };
  engine self;
  double loss = 0;
  if (count == NULL) {
    fputs("*** the sanitizer owns the allocator: allocations of a step are "
          "NOT COUNTED\n", stderr);
    return;
  }
  engine_open_with(&self, yaml, &options);
  ck_assert_int_eq(nacre_trainer_step(&self.trainer, &loss), NACRE_OK);
  uint64_t before = count();
  void *volatile own = malloc(1);
  uint64_t own_made = count() - before;
  free(own);
  before = count();
  int status = NACRE_OK;
  for (int i = 1; i < steps && status == NACRE_OK; i++) {
    status = nacre_trainer_step(&self.trainer, &loss);
  }
  uint64_t made = count() - before;
  ck_assert_int_eq(status, NACRE_OK);
  ck_assert_uint_eq(own_made, 1); /* it does count */
  ck_assert_uint_eq(made, 0);
  ck_assert(isfinite(loss));
  engine_close(&self);
}

START_TEST(test_steps_do_not_allocate) {
  char *yaml = write_wide(32, "\
    - {type: dense, units: 64, activation: relu}\n\
    - {type: batch_normalization}\n\
    - {type: dropout, rate: 0.2}\n\
    - {type: dense, units: 300, kernel_regularizer: l2,\n\
       kernel_constraint: max_norm}\n\
    - {type: layer_normalization, activation: gelu}\n", 100);
  count_allocations(xor_yaml, 1, 50);
  count_allocations(yaml, 1, 20);
  count_allocations(yaml, 2, 20);
  free(yaml);
}
END_TEST

/* What is wrong with one sample is said of that sample. */
static void faults(const char *data, const char *layers, const char *loss,
                   const char *says) {
  engine_text yaml = { NULL, 0 };
  engine self;
  engine_put(&yaml, "nacre: 1\nmodel:\n  input: [2]\n  layers:\n%s"
                    "loss: %s\noptimizer: sgd\n"
                    "train: {batch_size: 3, epochs: 2}\n"
                    "data:\n  train: {type: inline, %s}\n",
             layers, loss, data);
  engine_open(&self, yaml.at);
  ck_assert_int_eq(nacre_trainer_fit(&self.trainer), NACRE_ERROR);
  engine_says(&self, says);
  ck_assert_int_eq(nacre_error_code(&self.error), NACRE_EDATA);
  engine_close(&self);
  free(yaml.at);
}

/* Rows of a large batch are looked at in tiles, in any order: one tile's bad
 * target is not taken for another's. */
START_TEST(test_bad_target_in_tiles) {
  enum { ROWS = 4096, BAD = 5, CLASSES = 8 };
  engine_text text = { NULL, 0 };
  engine self;
  engine_put(&text, "nacre: 1\nmodel: {input: [1], layers: [{type: dense, "
                    "units: %d}]}\nloss: sparse_categorical_crossentropy\n"
                    "optimizer: sgd\n"
                    "train: {batch_size: %d, shuffle: false}\n"
                    "data:\n  train:\n    type: inline\n    x: ",
             (int)CLASSES, (int)ROWS);
  engine_put_numbers(&text, ROWS, 1, 3);
  engine_put(&text, "\n    y: [");
  for (int i = 0; i < ROWS; i++) {
    engine_put(&text, "%s%d", i > 0 ? ", " : "", i == BAD ? CLASSES
                                                        : i % CLASSES);
  }
  engine_put(&text, "]\n");
  engine_open(&self, text.at);
  ck_assert_int_eq(nacre_trainer_step(&self.trainer, NULL), NACRE_ERROR);
  engine_says(&self, "sample 5: its target is not a class");
  for (int i = 0; i < ROWS; i++) {
    ck_assert_int_eq(isfinite(self.trainer.program.head[0].row_loss[i]) != 0,
                     i != BAD);
  }
  engine_close(&self);
  free(text.at);
}
END_TEST

START_TEST(test_faults_name_the_sample) {
  faults("x: [[0, 1], [1, 2], [2, 3], [3, 0], [1, 1], [2, 4], [0, 0]], "
         "y: [0, 1, 0, 1, 0, 1, 0]",
         "    - {type: embedding, input_dim: 4, output_dim: 2}\n"
         "    - {type: flatten}\n"
         "    - {type: dense, units: 1, activation: sigmoid}\n",
         "binary_crossentropy", "layer 'embedding' (embedding), sample 5: ");
  faults("x: [[0, 1], [1, 2], [2, 3], [3, 0], [1, 1]], y: [0, 1, 1, 2, 1]",
         "    - {type: dense, units: 2, activation: softmax}\n",
         "sparse_categorical_crossentropy",
         "sample 3: its target is not a class of output 'dense', which has "
         "2");
  faults("x: [[0, 1], [1, 2], [2, 3], [3, 0], [1, 1]], y: [0, 1, -1, 0, 1]",
         "    - {type: dense, units: 2, activation: softmax}\n",
         "sparse_categorical_crossentropy", "sample 2: its target");
  faults("x: [[0, 1], [1, 2], [2, 3], [3, 0], [1, 1]], "
         "y: [0, 1, 0, 0, 1e30]",
         "    - {type: dense, units: 2}\n"
         "    - {type: activation, activation: softmax}\n"
         "    - identity\n",
         "{type: sparse_categorical_crossentropy, class_weight: {0: 2}}",
         "sample 4: its target");
}
END_TEST

static const char growing[] = "\
nacre: 1\n\
model:\n\
  input: [1]\n\
  layers:\n\
    - {type: dense, units: 1, kernel_initializer: ones}\n\
loss: mean_squared_error\n\
optimizer: {type: sgd, learning_rate: 1e6}\n\
data:\n\
  train: {type: inline, x: [[1], [2]], y: [[0], [1]]}\n\
callbacks: [terminate_on_nan]\n\
train: {epochs: 1000, batch_size: 2}\n";

START_TEST(test_divergence) {
  engine self;
  engine_open(&self, growing);
  ck_assert_int_eq(nacre_trainer_fit(&self.trainer), NACRE_ERROR);
  ck_assert_int_eq(nacre_error_code(&self.error), NACRE_EDIVERGED);
  engine_says(&self, "the loss is not finite");
  ck_assert_int_lt(self.trainer.epoch, 100);
  engine_close(&self);
}
END_TEST

/* The rate is so high that the loss only grows: the best weights are those
 * of the first epoch. */
static const char steered[] = "\
nacre: 1\n\
model:\n\
  input: [1]\n\
  layers:\n\
    - {type: dense, units: 1, kernel_initializer: ones}\n\
loss: mean_squared_error\n\
optimizer: {type: sgd, learning_rate: %s}\n\
metrics: [mean_absolute_error]\n\
data:\n\
  train: {type: inline, x: [[1], [2]], y: [[0], [1]]}\n\
  validation: {type: inline, x: [[1], [3]], y: [[0], [1]]}\n\
callbacks:\n%s\
final_weights: %s\n\
train: {epochs: 12, batch_size: 2}\n";

static uint64_t train_steered(const char *rate, const char *callbacks,
                              const char *final, int64_t epochs) {
  char *yaml = NULL;
  engine self;
  ck_assert_int_ge(asprintf(&yaml, steered, rate, callbacks, final), 0);
  engine_open(&self, yaml);
  uint64_t digest = 0;
  if (epochs < 0) { /* without callbacks, the weights after -epochs */
    while (self.trainer.epoch < -epochs) {
      ck_assert_int_eq(nacre_trainer_epoch(&self.trainer), NACRE_OK);
    }
  } else {
    ck_assert_int_eq(nacre_trainer_fit(&self.trainer), NACRE_OK);
    ck_assert_int_eq(self.trainer.epoch, epochs);
  }
  digest = engine_digest(&self);
  engine_close(&self);
  free(yaml);
  return digest;
}

#define STOP(more) "    - {type: early_stopping, patience: 3" more "}\n"
#define NONE "    []\n"

START_TEST(test_early_stopping) {
  uint64_t first = train_steered("0.9", NONE, "last", -1);
  uint64_t fourth = train_steered("0.9", NONE, "last", -4);
  ck_assert_uint_ne(first, fourth);
  ck_assert_uint_eq(train_steered("0.9", STOP(""), "last", 4), fourth);
  ck_assert_uint_eq(
    train_steered("0.9", STOP(", restore_best_weights: true"), "last", 4),
    first);
}
END_TEST

/* What a callback remembers and what final_weights keeps are two things. */
START_TEST(test_final_weights) {
  uint64_t first = train_steered("0.9", NONE, "last", -1);
  ck_assert_uint_eq(train_steered("0.9", NONE, "best", 12), first);
  ck_assert_uint_eq(train_steered("0.9", STOP(""), "best", 4), first);
  /* This one remembers the worst by another number; the best must win. */
  ck_assert_uint_eq(
    train_steered("0.9",
                  "    - {type: early_stopping, patience: 20, mode: max,\n"
                  "       monitor: loss, restore_best_weights: true}\n",
                  "best", 12),
    first);
}
END_TEST

START_TEST(test_rate_on_plateau) {
  char *yaml = NULL;
  engine self;
  ck_assert_int_ge(
    asprintf(&yaml, steered, "0.9",
             "    - {type: reduce_lr_on_plateau, patience: 2, factor: 0.5}\n",
             "last"),
    0);
  engine_open(&self, yaml);
  ck_assert_int_eq(nacre_trainer_fit(&self.trainer), NACRE_OK);
  ck_assert_double_lt(nacre_optimizer_rate(&self.trainer.optimizer), 0.46);
  engine_close(&self);
  free(yaml);
}
END_TEST

Suite *test_train_suite(void);
Suite *test_train_suite(void) {
  Suite *suite = suite_create("train");
  TCase *tests = tcase_create("train");
  tcase_set_timeout(tests, 120);
  tcase_add_test(tests, test_xor_is_as_in_keras);
  tcase_add_test(tests, test_threads_give_the_same_bits);
  tcase_add_test(tests, test_steps_do_not_allocate);
  tcase_add_test(tests, test_faults_name_the_sample);
  tcase_add_test(tests, test_bad_target_in_tiles);
  tcase_add_test(tests, test_divergence);
  tcase_add_test(tests, test_early_stopping);
  tcase_add_test(tests, test_final_weights);
  tcase_add_test(tests, test_rate_on_plateau);
  suite_add_tcase(suite, tests);
  return suite;
}
