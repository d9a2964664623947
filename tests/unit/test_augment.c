/* SPDX-License-Identifier: MIT */
/* Tests of augmentation and of batches made ahead: what a sample becomes
 * depends on the seed, the epoch and the sample alone. */
#include "../conformance/allocations.h"
#include "engine_fixture.h"
#include "run/prefetch.h"
#include "train/judge.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS 23
#define PIXELS 12 /* 3 x 4 */
#define CLASSES 3

/* An experiment on small images, with these lines under data. */
static char *describe(int64_t batch, const char *more) {
  engine_text yaml = { NULL, 0 };
  engine_put(&yaml, "nacre: 1\nseed: 5\nmodel:\n  input: [%d]\n  layers:\n"
                    "    - {type: dense, units: %d}\n"
                    "loss: mean_squared_error\noptimizer: sgd\n"
                    "train: {batch_size: %lld, epochs: 3}\ndata:\n"
                    "%s  train:\n    type: inline\n    x: [",
             PIXELS, CLASSES, (long long)batch, more);
  for (int i = 0; i < ROWS; i++) {
    engine_put(&yaml, "%s[", i > 0 ? ", " : "");
    for (int row = 0; row < 3; row++) {
      engine_put(&yaml, "%s[", row > 0 ? ", " : "");
      for (int col = 0; col < 4; col++) {
        engine_put(&yaml, "%s%d", col > 0 ? ", " : "",
                   100 * i + 10 * row + col);
      }
      engine_put(&yaml, "]");
    }
    engine_put(&yaml, "]");
  }
  engine_put(&yaml, "]\n    y: ");
  engine_put_labels(&yaml, ROWS, CLASSES, 2);
  engine_put(&yaml, "\n");
  return yaml.at;
}

#define ONE_HOT "  transform: {type: one_hot, field: y}\n"
#define MOVED                                                             \
  "  augment: [{type: random_flip, mode: horizontal}, "                   \
  "{type: random_translation, height: 0.4, width: 0.4}]\n"
#define MIXED                                                             \
  "  augment: [{type: random_flip, mode: horizontal}, "                   \
  "{type: mixup, alpha: 1}, cutmix]\n"

/* The samples of a pass in their own order. x: [ROWS, PIXELS], y: [ROWS,
 * CLASSES] */
static void read_pass(engine *self, nacre_pass_over *pass, int64_t batch,
                      uint32_t epoch, real *x, real *y) {
  nacre_feed *feed = &pass->feed;
  nacre_program *program = feed->program;
  nacre_key key = self->trainer.augment;
  const int64_t *position = NULL;
  key.tag[0] = epoch;
  nacre_feed_begin(feed, NULL, feed->split->n, batch, key);
  for (int64_t at = 0; at * batch < feed->split->n; at++) {
    ck_assert_int_eq(nacre_feed_step(feed, at, &position), NACRE_OK);
    for (int64_t i = 0; i < program->batch; i++) {
      memcpy(x + position[i] * PIXELS,
             nacre_program_input(program, 0) + i * PIXELS,
             PIXELS * sizeof(*x));
      memcpy(y + position[i] * CLASSES,
             program->head[0].target + i * CLASSES, CLASSES * sizeof(*y));
    }
  }
  nacre_feed_end(feed);
}

typedef struct seen {
  real x[ROWS * PIXELS], y[ROWS * CLASSES];
} seen;

static void see(int64_t batch, const char *more, uint32_t epoch, seen *out) {
  engine self;
  char *yaml = describe(batch, more);
  engine_open(&self, yaml);
  read_pass(&self, &self.trainer.training, batch, epoch, out->x, out->y);
  engine_close(&self);
  free(yaml);
}

static bool same(const seen *a, const seen *b) {
  return memcmp(a, b, sizeof(*a)) == 0;
}

START_TEST(test_a_sample_does_not_depend_on_its_batch) {
  static const char *const lists[] = { ONE_HOT MOVED, ONE_HOT MIXED };
  static seen first, again, later;
  for (int i = 0; i < 2; i++) {
    see(4, lists[i], 0, &first);
    see(7, lists[i], 0, &again);
    ck_assert(same(&first, &again));
    see(1, lists[i], 0, &again);
    ck_assert(same(&first, &again));
    see(ROWS, lists[i], 0, &again);
    ck_assert(same(&first, &again));
    see(4, lists[i], 1, &later);
    ck_assert(!same(&first, &later));
  }
}
END_TEST

START_TEST(test_any_number_of_workers) {
  static const char *const rings[] = {
    "  workers: 1\n", "  workers: 1\n  prefetch: 1\n",
    "  workers: 2\n  prefetch: 2\n", "  workers: 4\n  prefetch: 9\n"
  };
  static const char *const lists[] = { ONE_HOT MOVED, ONE_HOT MIXED };
  for (int i = 0; i < 2; i++) {
    static seen first, again;
    uint64_t digest = 0;
    see(3, lists[i], 0, &first);
    for (int j = 0; j <= 4; j++) {
      engine self;
      engine_text more = { NULL, 0 };
      engine_put(&more, "%s%s", j > 0 ? rings[j - 1] : "", lists[i]);
      char *yaml = describe(3, more.at);
      engine_open(&self, yaml);
      ck_assert((self.trainer.training.feed.prefetch != NULL) == (j > 0));
      read_pass(&self, &self.trainer.training, 3, 0, again.x, again.y);
      ck_assert(same(&first, &again));
      ck_assert_int_eq(nacre_trainer_fit(&self.trainer), NACRE_OK);
      digest = j == 0 ? engine_digest(&self) : digest;
      ck_assert(engine_digest(&self) == digest);
      engine_close(&self);
      free(yaml);
      free(more.at);
    }
  }
}
END_TEST

/* The images are there as they are, once each, in what is measured. */
START_TEST(test_evaluation_is_left_alone) {
  engine self;
  static seen out;
  char *yaml = describe(4, ONE_HOT MIXED "  workers: 2\n");
  engine_open(&self, yaml);
  nacre_pass_over pass;
  ck_assert_int_eq(nacre_judge_open(&pass, &self.trainer,
                                    &self.trainer.samples.train), NACRE_OK);
  ck_assert_ptr_null(pass.feed.prefetch); /* all is kept, nothing random */
  read_pass(&self, &pass, 4, 0, out.x, out.y);
  for (int i = 0; i < ROWS; i++) {
    for (int p = 0; p < PIXELS; p++) {
      ck_assert(out.x[i * PIXELS + p] == (real)(100 * i + 10 * (p / 4) +
                                                p % 4));
    }
  }
  nacre_judge_close(&pass);
  engine_close(&self);
  free(yaml);
}
END_TEST

/* What is mixed is between two samples, and targets stay shares. */
START_TEST(test_mixtures) {
  static seen out;
  int mixed = 0;
  see(4, ONE_HOT "  augment: {type: mixup, alpha: 1}\n", 0, &out);
  for (int i = 0; i < ROWS; i++) {
    const real *y = out.y + i * CLASSES, *x = out.x + i * PIXELS;
    ck_assert_double_eq_tol((double)(y[0] + y[1] + y[2]), 1, 1e-6);
    mixed += y[0] > 0 && y[0] < 1;
    /* Every image is 100 i and the same pattern. */
    double base = (double)x[0];
    ck_assert(base >= 0 && base <= 100.0 * (ROWS - 1));
    for (int p = 0; p < PIXELS; p++) {
      ck_assert_double_eq_tol((double)x[p], base + 10 * (p / 4) + p % 4,
                              1e-3);
    }
  }
  ck_assert_int_gt(mixed, ROWS / 4);
  see(4, ONE_HOT "  augment: cutmix\n", 0, &out);
  int pasted = 0;
  for (int i = 0; i < ROWS; i++) {
    int others = 0;
    for (int p = 0; p < PIXELS; p++) {
      double base = (double)out.x[i * PIXELS + p] - 10 * (p / 4) - p % 4;
      ck_assert_double_eq(base / 100, floor(base / 100));
      others += base < 100 * i || base > 100 * i;
    }
    double most = 0;
    for (int c = 0; c < CLASSES; c++) {
      most += (double)out.y[i * CLASSES + c];
    }
    ck_assert_double_eq_tol(most, 1, 1e-6);
    pasted += others > 0 && others < PIXELS;
  }
  ck_assert_int_gt(pasted, ROWS / 4);
}
END_TEST

/* A random crop of the same size moves in training, and is the image itself
 * elsewhere; one of another size is the middle there. */
START_TEST(test_still) {
  engine self;
  static real x[ROWS * PIXELS], y[ROWS * CLASSES];
  char *yaml = describe(4, ONE_HOT "  augment: {type: random_crop, "
                                   "height: 3, width: 4, padding: 2}\n");
  engine_open(&self, yaml);
  nacre_pass_over pass;
  ck_assert_int_eq(nacre_judge_open(&pass, &self.trainer,
                                    &self.trainer.samples.train), NACRE_OK);
  read_pass(&self, &pass, 4, 0, x, y);
  for (int p = 0; p < PIXELS; p++) {
    ck_assert(x[5 * PIXELS + p] == (real)(500 + 10 * (p / 4) + p % 4));
  }
  nacre_judge_close(&pass);
  engine_close(&self);
  free(yaml);
  /* [3, 4] becomes [1, 2]: the model is told. */
  engine_text small = { NULL, 0 };
  engine_put(&small, "nacre: 1\nmodel: {layers: [{type: dense, units: 1}]}\n"
                     "loss: mean_squared_error\noptimizer: sgd\n"
                     "train: {batch_size: 2}\n"
                     "data:\n  augment: {type: random_crop, height: 1, "
                     "width: 2}\n  train: {type: inline, x: [[[0, 1, 2, 3], "
                     "[4, 5, 6, 7], [8, 9, 10, 11]]], y: [[1]]}\n");
  engine_open(&self, small.at);
  ck_assert_int_eq(nacre_judge_open(&pass, &self.trainer,
                                    &self.trainer.samples.train), NACRE_OK);
  nacre_key none = { { 0, 0 }, { 0, 0 } };
  const int64_t zero = 0;
  ck_assert_int_eq(nacre_feed_batch(&pass.feed, &zero, 1, none), NACRE_OK);
  ck_assert(nacre_program_input(pass.feed.program, 0)[0] == 5);
  ck_assert(nacre_program_input(pass.feed.program, 0)[1] == 6);
  nacre_judge_close(&pass);
  engine_close(&self);
  free(small.at);
}
END_TEST

/* A pass that nobody goes on with, begun again, or jumped about in. */
START_TEST(test_passes_end_early) {
  engine self;
  char *yaml = describe(2, ONE_HOT MOVED "  workers: 3\n");
  static seen whole;
  see(2, ONE_HOT MOVED, 0, &whole);
  engine_open(&self, yaml);
  nacre_feed *feed = &self.trainer.training.feed;
  const int64_t *position = NULL;
  static const int64_t jumps[] = { 0, 1, 7, 8, 3, 11, 0 };
  nacre_key key = self.trainer.augment;
  key.tag[0] = 0;
  for (int round = 0; round < 50; round++) {
    nacre_feed_begin(feed, NULL, ROWS, 2, key);
    for (int i = 0; i < round % 8 && i < 7; i++) {
      ck_assert_int_eq(nacre_feed_step(feed, jumps[i], &position), NACRE_OK);
      ck_assert_int_eq(position[0], 2 * jumps[i]);
      ck_assert(memcmp(nacre_program_input(&self.trainer.program, 0),
                       whole.x + 2 * jumps[i] * PIXELS,
                       PIXELS * sizeof(real)) == 0);
    }
  }
  engine_close(&self); /* with threads at work */
  free(yaml);
}
END_TEST

static int no_thread(pthread_t *id, const pthread_attr_t *attr,
                     void *(*body)(void *), void *context) {
  (void)id;
  (void)attr;
  (void)body;
  (void)context;
  return EAGAIN;
}

START_TEST(test_threads_that_cannot_be_had) {
  static seen first, again;
  nacre_sys usual = nacre_sys_calls;
  see(3, ONE_HOT MOVED, 0, &first);
  nacre_sys_calls.thread_create = no_thread;
  see(3, ONE_HOT MOVED "  workers: 4\n", 0, &again);
  nacre_sys_calls = usual;
  ck_assert(same(&first, &again));
}
END_TEST

/* An error is told of at its own batch, once, in the same words, and it does
 * not come before the batches in front of it. */
START_TEST(test_errors_at_their_batch) {
  for (int workers = 0; workers <= 3; workers++) {
    engine self;
    engine_text yaml = { NULL, 0 };
    engine_put(&yaml, "nacre: 1\nmodel: {input: [2], layers: [{type: dense, "
                      "units: 3}]}\nloss: categorical_crossentropy\n"
                      "optimizer: sgd\ntrain: {batch_size: 2, shuffle: "
                      "false}\ndata:\n  workers: %d\n"
                      "  augment: {type: gaussian_noise, stddev: 0.5}\n"
                      "  transform: [{type: gaussian_noise, stddev: 0, "
                      "field: y}, {type: one_hot, field: y, classes: 3}]\n"
                      "  train: {type: inline, x: [[1, 2], [1, 2], [1, 2], "
                      "[1, 2], [1, 2], [1, 2], [1, 2], [1, 2]], y: [0, 1.0, "
                      "2, 0, 1, 1.5, 1, 2]}\n", workers);
    engine_open(&self, yaml.at);
    for (int step = 0; step < 2; step++) {
      ck_assert_int_eq(nacre_trainer_step(&self.trainer, NULL), NACRE_OK);
    }
    ck_assert_int_eq(nacre_trainer_step(&self.trainer, NULL), NACRE_ERROR);
    ck_assert_int_eq(self.error.errors, 1);
    engine_says(&self, "1.5 is not the index of one of 3 classes");
    engine_close(&self);
    free(yaml.at);
  }
}
END_TEST

/* Steps, the ends of epochs among them, and the threads beside them. */
START_TEST(test_batches_do_not_allocate) {
  static const char *const lists[] = { ONE_HOT MOVED, ONE_HOT MIXED };
  uint64_t (*count)(void) = nacre_test_allocations();
  if (count == NULL) {
    fputs("*** the sanitizer owns the allocator: allocations of a batch are "
          "NOT COUNTED\n", stderr);
    return;
  }
  for (int i = 0; i < 6; i++) {
    engine self;
    engine_text more = { NULL, 0 };
    engine_put(&more, "  workers: %d\n%s", i / 2, lists[i % 2]);
    char *yaml = describe(3, more.at);
    engine_open(&self, yaml);
    ck_assert_int_eq(nacre_trainer_step(&self.trainer, NULL), NACRE_OK);
    uint64_t before = count();
    int status = NACRE_OK;
    for (int step = 0; step < 40 && status == NACRE_OK; step++) {
      status = nacre_trainer_step(&self.trainer, NULL);
    }
    uint64_t made = count() - before;
    ck_assert_int_eq(status, NACRE_OK);
    ck_assert_uint_eq(made, 0);
    engine_close(&self);
    free(yaml);
    free(more.at);
  }
}
END_TEST

Suite *test_augment_suite(void);
Suite *test_augment_suite(void) {
  Suite *suite = suite_create("augment");
  TCase *tests = tcase_create("augment");
  tcase_set_timeout(tests, 60);
  tcase_add_test(tests, test_a_sample_does_not_depend_on_its_batch);
  tcase_add_test(tests, test_any_number_of_workers);
  tcase_add_test(tests, test_evaluation_is_left_alone);
  tcase_add_test(tests, test_mixtures);
  tcase_add_test(tests, test_still);
  tcase_add_test(tests, test_passes_end_early);
  tcase_add_test(tests, test_threads_that_cannot_be_had);
  tcase_add_test(tests, test_errors_at_their_batch);
  tcase_add_test(tests, test_batches_do_not_allocate);
  suite_add_tcase(suite, tests);
  return suite;
}
