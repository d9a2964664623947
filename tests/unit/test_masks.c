/* SPDX-License-Identifier: MIT */
/* Tests of masks: steps that do not count reach neither losses nor
 * gradients nor metrics. */
#include "engine_fixture.h"

#include <stdio.h>

/* Steps of index 0 are padding; `a` and `b` are targets at such steps. */
static void open_model(engine *e, int a, int b, const char *mask) {
  char text[1024];
  snprintf(text, sizeof text, "\
nacre: 1\n\
seed: 3\n\
model:\n\
  input: [4]\n\
  layers:\n\
    - {type: embedding, input_dim: 5, output_dim: 3, mask_zero: %s}\n\
    - {type: dropout, rate: 0}\n\
    - {type: dense, units: 4, activation: tanh}\n\
    - {type: dense, units: 3, activation: softmax}\n\
loss: sparse_categorical_crossentropy\n\
optimizer: {type: sgd, learning_rate: 0.1}\n\
metrics: [accuracy]\n\
data:\n\
  train: {type: inline, x: [[1, 2, 0, 0], [3, 4, 2, 0]],\n\
          y: [[0, 1, %d, %d], [2, 1, 0, %d]]}\n\
train: {epochs: 1, batch_size: 2, shuffle: false}\n", mask, a, b, b);
  engine_open(e, text);
}

static double loss_of(int a, int b, const char *mask, double *accuracy) {
  engine e;
  open_model(&e, a, b, mask);
  engine_feed(&e, 2);
  double loss = engine_loss(&e);
  nacre_measure *measure = &e.trainer.training.measure;
  nacre_measure_reset(measure);
  nacre_measure_batch(measure, 0);
  *accuracy = nacre_measure_value(measure, 1);
  ck_assert_double_eq_tol(nacre_measure_value(measure, 0), loss,
                          ENGINE_NEAR);
  engine_close(&e);
  return loss;
}

START_TEST(padding_does_not_count) {
  double one, other, plain;
  double first = loss_of(0, 1, "true", &one);
  double second = loss_of(2, 0, "true", &other);
  ck_assert_double_eq_tol(first, second, ENGINE_NEAR);
  ck_assert_double_eq_tol(one, other, ENGINE_NEAR);
  /* Of five steps: the number of right ones times five is whole. */
  ck_assert_double_eq_tol(one * 5, (double)(int)(one * 5 + 0.5), 1e-9);
  ck_assert_double_gt(loss_of(0, 1, "false", &plain), 0);
  double moved = loss_of(2, 0, "false", &plain);
  ck_assert_double_ge(moved, 0);
  ck_assert(moved < first - 1e-4 || moved > first + 1e-4);
}
END_TEST

START_TEST(gradients_follow_the_mask) {
  engine e;
  open_model(&e, 2, 1, "true");
  engine_prove(&e, 2, 0);
  engine_close(&e);
}
END_TEST

Suite *test_masks_suite(void);
Suite *test_masks_suite(void) {
  Suite *suite = suite_create("masks");
  TCase *tests = tcase_create("losses");
  tcase_add_test(tests, padding_does_not_count);
  tcase_add_test(tests, gradients_follow_the_mask);
  suite_add_tcase(suite, tests);
  return suite;
}
