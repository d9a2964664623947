/* SPDX-License-Identifier: MIT */
/* Tests of updates: accumulation, clipping, decay, scales and constraints
 * against values computed by hand, schedules on the steps they count. */
#include "engine_fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* kernel [2, 2] and bias [2], set to what is easy to follow. */
static const real kernel[4] = { (real)0.5, (real)-1.25, 2, (real)0.75 };
static const real bias[2] = { (real)0.3, (real)-0.6 };
static const double dkernel[4] = { 3, -4, 0, 12 }; /* norm 13 */
static const double dbias[2] = { 0.6, -0.8 };      /* norm 1 */

#define RATE 0.1

static void open_small(engine *self, const char *optimizer,
                       const char *layer) {
  char *yaml = NULL;
  ck_assert_int_ge(
    asprintf(&yaml, "nacre: 1\nmodel:\n  input: [2]\n  layers:\n"
                    "    - {type: dense, units: 2%s}\n"
                    "loss: mean_squared_error\n"
                    "optimizer: {type: sgd, learning_rate: 0.1%s}\n"
                    "data:\n  train: {type: inline, x: [[1, 2], [3, 4]], "
                    "y: [[1, 0], [0, 1]]}\n", layer, optimizer), 0);
  engine_open(self, yaml);
  free(yaml);
  memcpy(engine_weight(self, "dense.kernel"), kernel, sizeof kernel);
  memcpy(engine_weight(self, "dense.bias"), bias, sizeof bias);
}

static void give_gradients(engine *self, double factor) {
  for (int i = 0; i < 4; i++) {
    engine_gradient(self, "dense.kernel")[i] = (real)(factor * dkernel[i]);
  }
  for (int i = 0; i < 2; i++) {
    engine_gradient(self, "dense.bias")[i] = (real)(factor * dbias[i]);
  }
}

/* Weights are w * keep - RATE * scale * gradient, gradients are cleared. */
static void check_small(engine *self, double keep, double kernel_scale,
                        double bias_scale) {
  for (int i = 0; i < 4; i++) {
    double expected = (double)kernel[i] * keep -
                      RATE * kernel_scale * dkernel[i];
    ck_assert_double_eq_tol((double)engine_weight(self, "dense.kernel")[i],
                            expected, ENGINE_NEAR);
    ck_assert(engine_gradient(self, "dense.kernel")[i] == 0);
  }
  for (int i = 0; i < 2; i++) {
    double expected = (double)bias[i] * keep - RATE * bias_scale * dbias[i];
    ck_assert_double_eq_tol((double)engine_weight(self, "dense.bias")[i],
                            expected, ENGINE_NEAR);
    ck_assert(engine_gradient(self, "dense.bias")[i] == 0);
  }
}

static void update(const char *optimizer, const char *layer, double keep,
                   double kernel_scale, double bias_scale) {
  engine self;
  open_small(&self, optimizer, layer);
  give_gradients(&self, 1);
  ck_assert(nacre_optimizer_step(&self.trainer.optimizer));
  check_small(&self, keep, kernel_scale, bias_scale);
  engine_close(&self);
}

START_TEST(test_plain) {
  update("", "", 1, 1, 1);
}
END_TEST

START_TEST(test_clip_norm) {
  update(", clip_norm: 2", "", 1, 2.0 / 13, 1);
  update(", clipnorm: 0.5", "", 1, 0.5 / 13, 0.5);
  update(", clip_norm: 13.5", "", 1, 1, 1);
}
END_TEST

START_TEST(test_clip_global_norm) {
  double norm = sqrt(13.0 * 13 + 1);
  update(", clip_global_norm: 2", "", 1, 2 / norm, 2 / norm);
  update(", global_clipnorm: 13.5", "", 1, 1, 1);
}
END_TEST

START_TEST(test_clip_value) {
  engine self;
  open_small(&self, ", clip_value: 0.7", "");
  give_gradients(&self, 1);
  ck_assert(nacre_optimizer_step(&self.trainer.optimizer));
  static const double clipped[4] = { 0.7, -0.7, 0, 0.7 };
  for (int i = 0; i < 4; i++) {
    ck_assert_double_eq_tol((double)engine_weight(&self, "dense.kernel")[i],
                            (double)kernel[i] - RATE * clipped[i],
                            ENGINE_NEAR);
  }
  ck_assert_double_eq_tol((double)engine_weight(&self, "dense.bias")[0],
                          (double)bias[0] - RATE * 0.6, ENGINE_NEAR);
  ck_assert_double_eq_tol((double)engine_weight(&self, "dense.bias")[1],
                          (double)bias[1] + RATE * 0.7, ENGINE_NEAR);
  engine_close(&self);
}
END_TEST

START_TEST(test_weight_decay) {
  update(", weight_decay: 0.2", "", 1 - RATE * 0.2, 1, 1);
  update(", weight_decay: 0.2, clip_norm: 2", "", 1 - RATE * 0.2, 2.0 / 13,
         1);
  /* The scale of a layer is one of its learning rate, decay included. */
  update(", weight_decay: 0.2", ", learning_rate_scale: 3",
         1 - 3 * RATE * 0.2, 3, 3);
}
END_TEST

START_TEST(test_learning_rate_scale) {
  update("", ", learning_rate_scale: 0.25", 1, 0.25, 0.25);
  update("", ", learning_rate_scale: 0", 1, 0, 0);
}
END_TEST

START_TEST(test_accumulation_by_hand) {
  engine self;
  open_small(&self, ", gradient_accumulation_steps: 4, clip_global_norm: 2",
             "");
  for (int i = 0; i < 3; i++) {
    give_gradients(&self, i + 1); /* the engine adds; here they are set */
    ck_assert(!nacre_optimizer_step(&self.trainer.optimizer));
    ck_assert(engine_gradient(&self, "dense.kernel")[0] != 0);
    ck_assert(engine_weight(&self, "dense.kernel")[0] == kernel[0]);
  }
  /* The clip is of the mean: 4 times the gradients over 4 batches. */
  double norm = sqrt(13.0 * 13 + 1);
  give_gradients(&self, 4);
  ck_assert(nacre_optimizer_step(&self.trainer.optimizer));
  check_small(&self, 1, 2 / norm, 2 / norm);
  ck_assert_int_eq(self.trainer.optimizer.step, 1);
  engine_close(&self);
}
END_TEST

/* Four batches of 3 are one of 12, whatever the optimizer. */
START_TEST(test_accumulated_batches_are_one) {
  static const char *const optimizers[] = {
    "sgd, momentum: 0.9", "adam", "adamw, weight_decay: 0.1",
    "rmsprop, clip_norm: 0.05", "adagrad, clip_global_norm: 0.1",
    "nadam", "adamax", "adadelta"
  };
  real *first = NULL;
  for (int i = 0; i < 2; i++) {
    engine_text yaml = { NULL, 0 };
    engine self;
    engine_put(&yaml, "nacre: 1\nseed: 4\nmodel:\n  input: [4]\n  layers:\n"
                      "    - {type: dense, units: 5, activation: tanh,\n"
                      "       kernel_regularizer: {type: l2, l2: 0.1}}\n"
                      "    - {type: dense, units: 2}\n"
                      "loss: mean_squared_error\n"
                      "optimizer: {type: %s, learning_rate: 0.02%s}\n"
                      "train: {batch_size: %d, epochs: 4, shuffle: false}\n"
                      "data:\n  train:\n    type: inline\n    x: ",
               optimizers[_i],
               i == 0 ? "" : ", gradient_accumulation_steps: 4",
               i == 0 ? 12 : 3);
    engine_put_numbers(&yaml, 12, 4, 1);
    engine_put(&yaml, "\n    y: ");
    engine_put_numbers(&yaml, 12, 2, 2);
    engine_open(&self, yaml.at);
    ck_assert_int_eq(nacre_trainer_fit(&self.trainer), NACRE_OK);
    ck_assert_int_eq(self.trainer.optimizer.step, 4);
    size_t n = (size_t)self.trainer.model.total;
    if (i == 0) {
      first = malloc(n * sizeof(real));
      ck_assert_ptr_nonnull(first);
      memcpy(first, self.trainer.model.params, n * sizeof(real));
    }
    for (size_t j = 0; j < n; j++) {
      ck_assert_double_eq_tol((double)self.trainer.model.params[j],
                              (double)first[j], 4 * ENGINE_NEAR);
    }
    engine_close(&self);
    free(yaml.at);
  }
  free(first);
}
END_TEST

START_TEST(test_constraint) {
  engine self;
  open_small(&self, "", ", kernel_constraint: non_neg");
  give_gradients(&self, 1);
  ck_assert(nacre_optimizer_step(&self.trainer.optimizer));
  const real *w = engine_weight(&self, "dense.kernel");
  ck_assert_double_eq_tol((double)w[0], 0.5 - RATE * 3, ENGINE_NEAR);
  ck_assert(w[1] == 0);
  ck_assert(w[3] == 0);
  ck_assert(engine_weight(&self, "dense.bias")[1] < 0);
  engine_close(&self);
}
END_TEST

static void check_rates(const char *schedule, const char *more,
                        const double *rates, int n) {
  engine_text yaml = { NULL, 0 };
  engine self;
  engine_put(&yaml, "nacre: 1\nmodel:\n  input: [1]\n  layers:\n"
                    "    - {type: dense, units: 1}\n"
                    "loss: mean_squared_error\n"
                    "optimizer: {type: sgd, learning_rate: 0.8%s}\n"
                    "%s"
                    "train: {batch_size: 2, epochs: 4}\n"
                    "data:\n  train: {type: inline, "
                    "x: [[1], [2], [3], [4], [5], [6]], "
                    "y: [[1], [2], [3], [4], [5], [6]]}\n", more, schedule);
  engine_open(&self, yaml.at);
  for (int i = 0; i < n; i++) {
    double loss = 0;
    ck_assert_double_eq_tol(nacre_optimizer_rate(&self.trainer.optimizer),
                            rates[i], 1e-12);
    ck_assert_int_eq(nacre_trainer_step(&self.trainer, &loss), NACRE_OK);
  }
  engine_close(&self);
  free(yaml.at);
}

/* Three steps make an epoch, four epochs the training. */
START_TEST(test_schedules) {
  static const double halves[] = { 0.8, 0.8, 0.4, 0.4, 0.2 };
  check_rates("schedule: {type: exponential_decay, decay_steps: 2 steps, "
              "decay_rate: 0.5, staircase: true}\n", "", halves, 5);
  static const double epochs[] = { 0.8, 0.8, 0.8, 0.4, 0.4, 0.4, 0.2 };
  check_rates("schedule: {type: exponential_decay, decay_steps: 1 epochs, "
              "decay_rate: 0.5, staircase: true}\n", "", epochs, 7);
  /* Over the whole training when no length is given: 12 steps. */
  static const double whole[] = { 0.8, 0.8 * 11 / 12, 0.8 * 10 / 12 };
  check_rates("schedule: {type: polynomial_decay, end_learning_rate: 0}\n",
              "", whole, 3);
  /* With two batches for each update there are six updates. */
  static const double slow[] = { 0.8, 0.8, 0.8 * 5 / 6, 0.8 * 5 / 6,
                                 0.8 * 4 / 6, 0.8 * 4 / 6, 0.8 * 3 / 6 };
  check_rates("schedule: {type: polynomial_decay, end_learning_rate: 0}\n",
              ", gradient_accumulation_steps: 2", slow, 7);
}
END_TEST

/* Three kernels of more than a tile each, two of less, biases. */
static void open_large(engine *self, const char *optimizer) {
  engine_text yaml = { NULL, 0 };
  engine_put(&yaml, "nacre: 1\nmodel:\n  input: [40]\n  layers:\n"
                    "    - {type: dense, units: 300}\n"
                    "    - {type: dense, units: 7}\n"
                    "    - {type: dense, units: 2000}\n"
                    "    - {type: dense, units: 9}\n"
                    "    - {type: dense, units: 2}\n"
                    "loss: mean_squared_error\n"
                    "optimizer: {type: sgd, learning_rate: 0.1%s}\n"
                    "data:\n  train: {type: inline, y: [[1, 2]], x: ",
             optimizer);
  engine_put_numbers(&yaml, 1, 40, 5);
  engine_put(&yaml, "}\n");
  engine_open(self, yaml.at);
  free(yaml.at);
}

START_TEST(test_tiles_cover_every_weight) {
  engine self;
  open_large(&self, "");
  const nacre_optimizer *optimizer = &self.trainer.optimizer;
  ck_assert_int_eq(optimizer->n_ranges, 1);
  const nacre_range *range = &optimizer->range[0];
  int *seen = calloc((size_t)range->count, sizeof(int));
  ck_assert_ptr_nonnull(seen);
  ck_assert_int_gt(range->n_tiles, 10);
  for (int64_t i = 0; i < range->n_tiles; i++) {
    const nacre_tile tile = range->tile[i];
    ck_assert_int_ge(tile.count, 1);
    ck_assert_int_le(tile.count, NACRE_TILE);
    for (int64_t j = 0; j < tile.count; j++) {
      seen[tile.first + j]++;
    }
  }
  for (int64_t i = 0; i < range->count; i++) {
    ck_assert_int_eq(seen[i], 1);
  }
  free(seen);
  engine_close(&self);
}
END_TEST

/* Where in the kernel a tile begins, from 0 to 1; negative if elsewhere. */
static double place_in(engine *self, const char *name, int64_t count,
                       const nacre_range *range, nacre_tile tile) {
  const real *first = range->call.w + tile.first;
  const real *at = engine_weight(self, name);
  return first >= at && first < at + count ? (double)(first - at) /
                                               (double)count
                                           : -1;
}

/* A thread that takes the first half of the tiles has the first half of every
 * large kernel. */
START_TEST(test_tiles_go_by_place) {
  static const struct { const char *name; int64_t count; } kernels[] = {
    { "dense.kernel", 12000 }, { "dense_2.kernel", 14000 },
    { "dense_3.kernel", 18000 }
  };
  engine self;
  open_large(&self, "");
  const nacre_range *range = &self.trainer.optimizer.range[0];
  double last = 0;
  int found = 0;
  for (int64_t i = 0; i < range->n_tiles; i++) {
    for (int j = 0; j < 3; j++) {
      const double place = place_in(&self, kernels[j].name, kernels[j].count,
                                    range, range->tile[i]);
      if (place >= 0) { /* tiles differ by half of one's share at most */
        ck_assert_double_gt(place, last - 0.2);
        last = place > last ? place : last;
        found++;
      }
    }
  }
  ck_assert_int_eq(found, 3 + 4 + 5);
  engine_close(&self);
}
END_TEST

/* All of them move, by what the tiles before left alone. */
START_TEST(test_many_weights) {
  for (int clipped = 0; clipped < 2; clipped++) {
    engine self;
    open_large(&self, clipped ? ", clip_value: 0.5" : "");
    const nacre_range *range = &self.trainer.optimizer.range[0];
    for (int64_t i = 0; i < range->count; i++) {
      range->call.w[i] = (real)i / 1024;
      range->g[i] = 1;
    }
    ck_assert(nacre_optimizer_step(&self.trainer.optimizer));
    for (int64_t i = 0; i < range->count; i++) {
      ck_assert_double_eq_tol((double)range->call.w[i],
                              (double)i / 1024 - (clipped ? 0.05 : 0.1),
                              ENGINE_NEAR * 64);
      ck_assert(range->g[i] == 0);
    }
    engine_close(&self);
  }
}
END_TEST

Suite *test_optimize_suite(void);
Suite *test_optimize_suite(void) {
  Suite *suite = suite_create("optimize");
  TCase *tests = tcase_create("optimize");
  tcase_set_timeout(tests, 60);
  tcase_add_test(tests, test_plain);
  tcase_add_test(tests, test_clip_norm);
  tcase_add_test(tests, test_clip_global_norm);
  tcase_add_test(tests, test_clip_value);
  tcase_add_test(tests, test_weight_decay);
  tcase_add_test(tests, test_learning_rate_scale);
  tcase_add_test(tests, test_accumulation_by_hand);
  tcase_add_loop_test(tests, test_accumulated_batches_are_one, 0, 8);
  tcase_add_test(tests, test_constraint);
  tcase_add_test(tests, test_schedules);
  tcase_add_test(tests, test_tiles_cover_every_weight);
  tcase_add_test(tests, test_tiles_go_by_place);
  tcase_add_test(tests, test_many_weights);
  suite_add_tcase(suite, tests);
  return suite;
}
