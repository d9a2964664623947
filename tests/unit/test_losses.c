/* SPDX-License-Identifier: MIT */
/* Tests of losses that look at more than rows: what they are bound to, and
 * gradients through whole networks. */
#include "engine_fixture.h"

#include <stdlib.h>

#define SAMPLES 11
#define FRAMES 6

/* Frames of noise, and two labels for each sample, zeros for fewer. */
static char *write_ctc(const char *labels) {
  engine_text yaml = { NULL, 0 };
  engine_put(&yaml, "nacre: 1\nseed: 4\nmodel:\n  input: [%d]\n  layers:\n"
                    "    - {type: reshape, target_shape: [%d, 2]}\n"
                    "    - {type: dense, units: 5, activation: tanh}\n"
                    "    - {type: dense, units: 4}\n"
                    "loss: ctc\noptimizer: sgd\n"
                    "train: {batch_size: %d, shuffle: false}\n"
                    "data:\n  train:\n    type: inline\n    x:\n      x: ",
             2 * FRAMES, FRAMES, SAMPLES);
  engine_put_numbers(&yaml, SAMPLES, 2 * FRAMES, 9);
  engine_put(&yaml, "\n      sample_weight: [1, 2, 0.5, 1, 1, 3, 1, 0, 1, 1, "
                    "1]\n    y: [%s", labels);
  for (int i = 1; i < SAMPLES; i++) {
    engine_put(&yaml, ", [%d, %d]", i % 3 + 1, i % 4);
  }
  engine_put(&yaml, "]\n");
  return yaml.at;
}

/* Targets have another size than the output has rows. */
START_TEST(sequences) {
  engine self;
  char *yaml = write_ctc("[1, 1]");
  engine_open(&self, yaml);
  engine_prove(&self, SAMPLES, 2);
  double loss = engine_loss(&self);
  /* A batch is the mean of its samples. */
  double sum = 0, one = 0;
  engine_feed(&self, 1);
  one = engine_loss(&self);
  engine_feed(&self, 2);
  sum = 2 * engine_loss(&self);
  ck_assert_double_gt(sum - one, 0);
  ck_assert_double_gt(loss, 0);
  engine_close(&self);
  free(yaml);
}
END_TEST

START_TEST(sequences_that_cannot_be) {
  static const char *const bad[] = { "[1, 4]", "[-1, 1]", "[1.5, 1]" };
  for (int i = 0; i < 3; i++) {
    engine self;
    char *yaml = write_ctc(bad[i]);
    engine_open(&self, yaml);
    ck_assert_int_ne(nacre_trainer_epoch(&self.trainer), NACRE_OK);
    engine_says(&self, "sample 0: its target is none for loss 'ctc'");
    engine_close(&self);
    free(yaml);
  }
}
END_TEST

/* Labels are no targets of frames. */
START_TEST(metrics_of_sequences) {
  engine self;
  engine_text yaml = { NULL, 0 };
  char *text = write_ctc("[1, 1]");
  engine_put(&yaml, "%smetrics: [{type: top_k_accuracy, k: 2}]\n", text);
  engine_try(&self, yaml.at);
  engine_says(&self, "metric 'top_k_accuracy' wants a target for each row");
  engine_close(&self);
  free(yaml.at);
  free(text);
}
END_TEST

/* Images of [4, 3] with one channel; `loss` says the loss. */
static char *write_images(const char *loss) {
  engine_text yaml = { NULL, 0 };
  engine_put(&yaml, "nacre: 1\nseed: 4\nmodel:\n  input: [12]\n  layers:\n"
                    "    - {type: dense, units: 12, activation: sigmoid}\n"
                    "    - {type: reshape, target_shape: [4, 3, 1]}\n"
                    "loss: %s\noptimizer: sgd\n"
                    "train: {batch_size: %d, shuffle: false}\n"
                    "data:\n  train:\n    type: inline\n    x: ",
             loss, SAMPLES);
  engine_put_numbers(&yaml, SAMPLES, 12, 9);
  engine_put(&yaml, "\n    y: [");
  for (int i = 0; i < SAMPLES; i++) {
    engine_put(&yaml, "%s[%d, 1, 0, 0, 0, %d, 1, 1, 0, 1, 0, 0]",
               i > 0 ? ", " : "", i % 2, i / 2 % 2);
  }
  engine_put(&yaml, "]\n");
  return yaml.at;
}

START_TEST(overlaps) {
  static const char *const losses[] = {
    "dice", "{type: dice, axis: [1, 2, 3]}", "{type: tversky, axis: [1, 2]}",
    "{type: tversky, axis: [0, 3], alpha: 0.3, beta: 0.9}"
  };
  for (int i = 0; i < 4; i++) {
    engine self;
    char *yaml = write_images(losses[i]);
    engine_open(&self, yaml);
    engine_prove(&self, SAMPLES, 3);
    double loss = engine_loss(&self);
    ck_assert(loss > 0 && loss < 1);
    engine_close(&self);
    free(yaml);
  }
}
END_TEST

START_TEST(pairs) {
  engine_text yaml = { NULL, 0 };
  engine self;
  engine_put(&yaml, "nacre: 1\nseed: 4\nmodel:\n  input: [5]\n  layers:\n"
                    "    - {type: dense, units: 4, activation: tanh}\n"
                    "    - {type: dense, units: 3}\n"
                    "    - {type: unit_normalization}\n"
                    "loss: {type: circle, gamma: 4}\noptimizer: sgd\n"
                    "train: {batch_size: %d, shuffle: false}\n"
                    "data:\n  train:\n    type: inline\n    x: ", SAMPLES);
  engine_put_numbers(&yaml, SAMPLES, 5, 9);
  engine_put(&yaml, "\n    y: ");
  engine_put_labels(&yaml, SAMPLES, 7, 3);
  engine_put(&yaml, "\n");
  engine_open(&self, yaml.at);
  engine_prove(&self, SAMPLES, 3);
  engine_close(&self);
  free(yaml.at);
}
END_TEST

Suite *test_losses_suite(void) {
  Suite *suite = suite_create("losses");
  TCase *tests = tcase_create("losses");
  tcase_add_test(tests, sequences);
  tcase_add_test(tests, sequences_that_cannot_be);
  tcase_add_test(tests, metrics_of_sequences);
  tcase_add_test(tests, overlaps);
  tcase_add_test(tests, pairs);
  suite_add_tcase(suite, tests);
  return suite;
}
