/* SPDX-License-Identifier: MIT */
/* Tests of what is logged: numbers over a whole set, whatever its batches. */
#include "engine_fixture.h"
#include "train/judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLES 23

/* The same samples three times; those of the test have no weights. */
static char *write_set(int batch, const char *weights, const char *metrics) {
  engine_text yaml = { NULL, 0 };
  engine_put(&yaml, "nacre: 1\nseed: 2\nmodel:\n  input: [3]\n  layers:\n"
                    "    - {type: dense, units: 4, activation: tanh,\n"
                    "       kernel_regularizer: {type: l2, l2: 0.3}}\n"
                    "    - {type: dropout, rate: 0.5}\n"
                    "    - {type: dense, units: 3, activation: softmax}\n"
                    "loss: sparse_categorical_crossentropy\n"
                    "optimizer: sgd\n"
                    "metrics: %s\n"
                    "train: {batch_size: %d, shuffle: false}\ndata:\n",
             metrics, batch);
  static const char *const parts[] = { "train", "validation", "test" };
  for (int part = 0; part < 3; part++) {
    engine_put(&yaml, "  %s:\n    type: inline\n    x:\n      x: ",
               parts[part]);
    engine_put_numbers(&yaml, SAMPLES, 3, 4);
    engine_put(&yaml, "%s\n    y: ", part == 2 ? "" : weights);
    engine_put_labels(&yaml, SAMPLES, 3, 5);
    engine_put(&yaml, "\n");
  }
  return yaml.at;
}

/* What the validation set gives, with the weights as they start. */
static int evaluate(const char *yaml, double *values, int room) {
  nacre_log_item *items = NULL;
  engine self;
  engine_open(&self, yaml);
  int n = nacre_judge_numbers(&self.trainer, &self.trainer.validation, "",
                              &items);
  ck_assert(n > 0 && n <= room);
  for (int i = 0; i < n; i++) {
    ck_assert(isfinite(items[i].value));
    values[i] = items[i].value;
  }
  engine_close(&self);
  return n;
}

static const char metrics[] =
  "[accuracy, {type: top_k_accuracy, k: 2}, sparse_categorical_accuracy]";
static const char weights[] =
  "\n      sample_weight: [0, 1, 2, 0.5, 1, 1, 1, 3, 1, 1, 1, 0.1, 1, 1, 1, "
  "1, 1, 1, 7, 1, 1, 1, 1]";

START_TEST(test_batches_do_not_matter) {
  static const int batches[] = { SAMPLES, 1, 7, 5, 100 };
  for (int weighted = 0; weighted < 2; weighted++) {
    double first[8], values[8];
    int n = 0;
    for (int i = 0; i < 5; i++) {
      char *yaml = write_set(batches[i], weighted ? weights : "", metrics);
      n = evaluate(yaml, i == 0 ? first : values, 8);
      ck_assert_int_eq(n, 4);
      for (int j = 0; j < n && i > 0; j++) {
        ck_assert_double_eq_tol(values[j], first[j], 10 * ENGINE_NEAR);
      }
      free(yaml);
    }
  }
}
END_TEST

START_TEST(test_penalties_and_weights) {
  double plain[8], heavy[8];
  char *yaml = write_set(5, "", metrics);
  engine self;
  engine_open(&self, yaml);
  double penalty = nacre_optimizer_penalty(&self.trainer.optimizer, false);
  const nacre_variable *kernel =
    &self.experiment.graph.variable[engine_variable(&self, "dense.kernel")];
  double sum = 0;
  for (int64_t i = 0; i < kernel->count; i++) {
    double w = (double)engine_weight(&self, "dense.kernel")[i];
    sum += w * w;
  }
  ck_assert_double_eq_tol(penalty, 0.3 * sum, 10 * ENGINE_NEAR);
  /* The loss of the set by hand: dropout does not act, penalties count. */
  nacre_log_item *items = NULL;
  ck_assert_int_eq(nacre_judge_numbers(&self.trainer,
                                       &self.trainer.validation, "", &items),
                   4);
  ck_assert_double_gt(items[0].value, penalty);
  ck_assert_int_eq(evaluate(yaml, plain, 8), 4);
  ck_assert_double_eq_tol(items[0].value, plain[0], 10 * ENGINE_NEAR);
  engine_close(&self);
  free(yaml);
  /* Sample weights enter the loss, not metrics that do not ask for them. */
  yaml = write_set(5, weights, metrics);
  ck_assert_int_eq(evaluate(yaml, heavy, 8), 4);
  ck_assert(fabs(heavy[0] - plain[0]) > 1e-3);
  ck_assert_double_eq_tol(heavy[1], plain[1], 1e-12);
  free(yaml);
  yaml = write_set(5, weights, "[{type: accuracy, weighted: true}]");
  ck_assert_int_eq(evaluate(yaml, heavy, 8), 2);
  ck_assert(fabs(heavy[1] - plain[1]) > 1e-3);
  free(yaml);
}
END_TEST

/* Weights of one part do not stay for the next one. */
START_TEST(test_weights_of_one_part) {
  double loss[2][2];
  for (int weighted = 0; weighted < 2; weighted++) {
    char *yaml = write_set(5, weighted ? weights : "", metrics);
    nacre_log_item *items = NULL;
    engine self;
    engine_open(&self, yaml);
    nacre_trainer *trainer = &self.trainer;
    ck_assert_int_eq(nacre_judge_numbers(trainer, &trainer->validation, "",
                                         &items), 4);
    loss[weighted][0] = items[0].value;
    ck_assert_int_eq(nacre_judge_numbers(trainer, &trainer->test, "test/",
                                         &items), 4);
    ck_assert_str_eq(items[1].name, "test/accuracy");
    loss[weighted][1] = items[0].value;
    engine_close(&self);
    free(yaml);
  }
  ck_assert(loss[0][0] == loss[0][1]);
  ck_assert(loss[1][1] == loss[0][1]);
  ck_assert(loss[1][0] != loss[0][0]);
}
END_TEST

/* Between validations there is no number, rather than an old one. */
START_TEST(test_validation_frequency) {
  char *yaml = write_set(5, "", metrics);
  char *train = strstr(yaml, "train: {batch_size: 5,");
  engine self;
  ck_assert_ptr_nonnull(train);
  engine_text text = { NULL, 0 };
  engine_put(&text, "%.*strain: {epochs: 5, validation_frequency: 2,%s",
             (int)(train - yaml), yaml, train + strlen("train: {"));
  engine_open(&self, text.at);
  for (int64_t epoch = 1; epoch <= 5; epoch++) {
    double value = 0;
    ck_assert_int_eq(nacre_trainer_epoch(&self.trainer), NACRE_OK);
    bool validated = epoch % 2 == 0 || epoch == 5;
    ck_assert_str_eq(self.trainer.log[4].name, "val/loss");
    ck_assert_int_eq(isfinite(self.trainer.log[4].value) != 0, validated);
    ck_assert_int_eq(
      self.trainer.view.get(&self.trainer.view, "val/loss", &value),
      validated ? NACRE_OK : NACRE_ERROR);
    ck_assert_int_eq(self.trainer.view.get(&self.trainer.view, "loss",
                                           &value), NACRE_OK);
  }
  engine_close(&self);
  free(text.at);
  free(yaml);
}
END_TEST

/* An output without a loss has no target: neither metrics nor a loss of its
 * own are logged for it. */
START_TEST(test_output_without_loss) {
  static const char yaml[] =
    "nacre: 1\nmodel:\n  input: [1]\n  layers:\n"
    "    - {name: a, type: dense, units: 2}\n"
    "    - {name: b, type: dense, units: 1}\n  outputs: [a, b]\n"
    "loss: {a: null, b: mean_squared_error}\noptimizer: sgd\n"
    "metrics: {%s: mean_absolute_error}\n"
    "data:\n  train: {type: inline, x: [[1], [2]], y: {b: [[1], [2]]}}\n";
  engine self;
  engine_text text = { NULL, 0 };
  engine_put(&text, yaml, "a");
  engine_load(&self, text.at);
  engine_says(&self, "output 'a' has no loss");
  engine_close(&self);
  text.n = 0;
  engine_put(&text, yaml, "b");
  engine_open(&self, text.at);
  const nacre_measure *measure = &self.trainer.training.measure;
  static const char *const names[] = { "loss", "b_loss",
                                       "b_mean_absolute_error" };
  ck_assert_int_eq(nacre_trainer_epoch(&self.trainer), NACRE_OK);
  for (int i = 0; i < 3; i++) {
    ck_assert_str_eq(nacre_measure_name(measure, i), names[i]);
    ck_assert(isfinite(nacre_measure_value(measure, i)));
  }
  ck_assert_ptr_null(nacre_measure_name(measure, 3));
  ck_assert(!nacre_experiment_logs(&self.experiment, "a_loss"));
  engine_close(&self);
  free(text.at);
}
END_TEST

Suite *test_measure_suite(void);
Suite *test_measure_suite(void) {
  Suite *suite = suite_create("measure");
  TCase *tests = tcase_create("measure");
  tcase_set_timeout(tests, 60);
  tcase_add_test(tests, test_batches_do_not_matter);
  tcase_add_test(tests, test_penalties_and_weights);
  tcase_add_test(tests, test_weights_of_one_part);
  tcase_add_test(tests, test_validation_frequency);
  tcase_add_test(tests, test_output_without_loss);
  suite_add_tcase(suite, tests);
  return suite;
}
