/* SPDX-License-Identifier: MIT */
/* Tests of held-out rows: how many, of which class, always the same. */
#include "engine_fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROWS 103

/* Three classes of 60, 33 and 10 rows, mixed. */
static int class_of(int64_t row) {
  int64_t at = row * 71 % ROWS;
  return at < 60 ? 0 : at < 93 ? 1 : 2;
}

static const int sizes[3] = { 60, 33, 10 };

static void open_rows(engine *self, const char *more) {
  engine_text yaml = { NULL, 0 };
  engine_put(&yaml, "nacre: 1\nseed: 3\nmodel:\n  input: [1]\n  layers:\n"
                    "    - {type: dense, units: 3, activation: softmax}\n"
                    "loss: sparse_categorical_crossentropy\n"
                    "optimizer: sgd\ndata:\n%s  train:\n    type: inline\n"
                    "    x: ", more);
  engine_put_numbers(&yaml, ROWS, 1, 1);
  engine_put(&yaml, "\n    y: [");
  for (int i = 0; i < ROWS; i++) {
    engine_put(&yaml, "%d, ", class_of(i));
  }
  engine_put(&yaml, "]\n");
  engine_open(self, yaml.at);
  free(yaml.at);
}

static nacre_split take(engine *self, nacre_split_cfg cfg, uint64_t seed,
                        unsigned char *taken) {
  nacre_split split;
  ck_assert_int_eq(
    nacre_split_take(&split, &self->trainer.samples.set[0], &cfg, seed,
                     taken, &self->experiment.ctx), NACRE_OK);
  for (int64_t i = 0; i < split.n; i++) {
    ck_assert(split.row[i] >= 0 && split.row[i] < ROWS);
    ck_assert(i == 0 || split.row[i] > split.row[i - 1]);
  }
  return split;
}

static nacre_split_cfg by_fraction(double fraction, bool stratify) {
  return (nacre_split_cfg){ .fraction = fraction, .stratify = stratify,
                            .shuffle = true };
}

static void count_classes(const nacre_split *split, int counts[3]) {
  memset(counts, 0, 3 * sizeof *counts);
  for (int64_t i = 0; i < split->n; i++) {
    counts[class_of(split->row[i])]++;
  }
}

START_TEST(test_fractions) {
  static const double fractions[] = { 0.05, 0.1, 0.2, 0.25, 1.0 / 3, 0.5,
                                      0.9 };
  engine self;
  open_rows(&self, "");
  for (int i = 0; i < 7 * 2 * 3; i++) {
    unsigned char taken[ROWS] = { 0 };
    double fraction = fractions[i % 7];
    bool stratify = i % 2 == 0;
    nacre_split rest, split = take(&self, by_fraction(fraction, stratify),
                                   (uint64_t)i, taken);
    ck_assert_int_eq(split.n, (int64_t)floor(fraction * ROWS + 0.5));
    /* What is taken and what is left are all rows, each once. */
    ck_assert_int_eq(nacre_split_rest(&rest, split.set, taken,
                                      &self.experiment.ctx), NACRE_OK);
    ck_assert_int_eq(split.n + rest.n, ROWS);
    for (int64_t j = 0; j < split.n; j++) {
      for (int64_t k = 0; k < rest.n; k++) {
        ck_assert_int_ne(split.row[j], rest.row[k]);
      }
    }
    int counts[3];
    count_classes(&split, counts);
    for (int j = 0; j < 3 && stratify; j++) {
      ck_assert_double_le(fabs(counts[j] - fraction * sizes[j]), 1);
    }
    nacre_split_fini(&split);
    nacre_split_fini(&rest);
  }
  engine_close(&self);
}
END_TEST

START_TEST(test_seeds) {
  engine self;
  open_rows(&self, "");
  for (int stratify = 0; stratify < 2; stratify++) {
    unsigned char taken[3][ROWS];
    memset(taken, 0, sizeof taken);
    for (int i = 0; i < 3; i++) {
      nacre_split split = take(&self, by_fraction(0.3, stratify),
                               i == 2 ? 8 : 7, taken[i]);
      nacre_split_fini(&split);
    }
    ck_assert(memcmp(taken[0], taken[1], ROWS) == 0);
    ck_assert(memcmp(taken[0], taken[2], ROWS) != 0);
  }
  engine_close(&self);
}
END_TEST

START_TEST(test_folds) {
  static const int64_t folds[] = { 2, 3, 5, 10, 103 };
  engine self;
  open_rows(&self, "");
  for (int i = 0; i < 5 * 2; i++) {
    int64_t n = folds[i / 2];
    int total[ROWS] = { 0 };
    for (int64_t fold = 0; fold < n; fold++) {
      unsigned char taken[ROWS] = { 0 };
      const nacre_split_cfg cfg = { .fraction = (double)NAN, .folds = n,
                                    .fold = fold, .stratify = i % 2 == 1,
                                    .shuffle = true };
      nacre_split split = take(&self, cfg, 5, taken);
      int counts[3];
      ck_assert(split.n == ROWS / n || split.n == ROWS / n + 1);
      count_classes(&split, counts);
      for (int j = 0; j < 3 && cfg.stratify; j++) {
        ck_assert_double_le(fabs(counts[j] - (double)sizes[j] / (double)n),
                            1);
      }
      for (int64_t j = 0; j < split.n; j++) {
        total[split.row[j]]++;
      }
      nacre_split_fini(&split);
    }
    for (int j = 0; j < ROWS; j++) {
      ck_assert_int_eq(total[j], 1);
    }
  }
  engine_close(&self);
}
END_TEST

START_TEST(test_last_rows) {
  engine self;
  open_rows(&self, "");
  unsigned char taken[ROWS] = { 0 };
  nacre_split_cfg cfg = by_fraction(0.2, false);
  cfg.shuffle = false;
  nacre_split split = take(&self, cfg, 1, taken);
  ck_assert_int_eq(split.n, 21);
  for (int64_t i = 0; i < split.n; i++) {
    ck_assert_int_eq(split.row[i], ROWS - 21 + i);
  }
  nacre_split_fini(&split);
  /* The next part lies before it. */
  split = take(&self, cfg, 1, taken);
  ck_assert_int_eq(split.n, 21);
  ck_assert_int_eq(split.row[0], ROWS - 42);
  ck_assert_int_eq(split.row[20], ROWS - 22);
  nacre_split_fini(&split);
  engine_close(&self);
}
END_TEST

static int64_t five(const void *opened) {
  (void)opened;
  return 5;
}

/* Of rows that share values with their neighbours, none trains that reaches
 * into a part; and none is chosen at random. */
START_TEST(test_overlap) {
  engine self;
  open_rows(&self, "");
  nacre_dataset *set = &self.trainer.samples.set[0];
  nacre_source_ops ops = *set->ops;
  ops.overlap = five;
  const nacre_source_ops *were = set->ops;
  set->ops = &ops;
  unsigned char taken[ROWS] = { 0 };
  nacre_split_cfg cfg = by_fraction(0.2, false);
  cfg.shuffle = false;
  nacre_split test = take(&self, cfg, 1, taken);
  nacre_split validation = take(&self, cfg, 1, taken), rest;
  ck_assert_int_eq(test.n, 21);
  ck_assert_int_eq(test.row[0], ROWS - 21);
  ck_assert_int_eq(validation.n, 21);
  ck_assert_int_eq(validation.row[20], test.row[0] - 5);
  ck_assert_int_eq(nacre_split_rest(&rest, set, taken,
                                    &self.experiment.ctx), NACRE_OK);
  ck_assert_int_eq(rest.row[rest.n - 1], validation.row[0] - 5);
  ck_assert_int_eq(rest.n, ROWS - 2 * 21 - 2 * 4);
  nacre_split_fini(&test);
  nacre_split_fini(&validation);
  nacre_split_fini(&rest);
  nacre_split_cfg refused[] = { by_fraction(0.2, false), cfg, cfg };
  refused[1].stratify = true;
  refused[2].fraction = (double)NAN;
  refused[2].folds = 5;
  for (int i = 0; i < 3; i++) {
    ck_assert_int_eq(nacre_split_take(&test, set, &refused[i], 1, taken,
                                      &self.experiment.ctx), NACRE_ERROR);
    nacre_split_fini(&test);
    ck_assert_int_eq(self.error.errors, i + 1);
  }
  engine_says(&self, "samples of data source 'inline' overlap here");
  set->ops = were;
  engine_close(&self);
}
END_TEST

/* Adding a validation set does not change what is tested. */
START_TEST(test_two_parts) {
  static const char test[] = "  test: {from: train, fraction: 0.2}\n";
  static const char both[] =
    "  validation: {from: train, fraction: 0.25, stratify: true}\n"
    "  test: {from: train, fraction: 0.2}\n";
  engine one, two;
  open_rows(&one, test);
  open_rows(&two, both);
  const nacre_samples *a = &one.trainer.samples, *b = &two.trainer.samples;
  ck_assert_int_eq(a->test.n, 21);
  ck_assert_int_eq(b->test.n, 21);
  ck_assert(memcmp(a->test.row, b->test.row, 21 * sizeof(int64_t)) == 0);
  ck_assert_int_eq(b->validation.n, 26); /* of all rows */
  ck_assert_int_eq(b->train.n, ROWS - 21 - 26);
  int total[ROWS] = { 0 };
  const nacre_split *parts[] = { &b->train, &b->validation, &b->test };
  for (int i = 0; i < 3; i++) {
    for (int64_t j = 0; j < parts[i]->n; j++) {
      total[parts[i]->row[j]]++;
    }
  }
  for (int i = 0; i < ROWS; i++) {
    ck_assert_int_eq(total[i], 1);
  }
  engine_close(&one);
  engine_close(&two);
}
END_TEST

static void refuse(const char *data, const char *says) {
  engine_text yaml = { NULL, 0 };
  engine self;
  engine_put(&yaml, "nacre: 1\nmodel:\n  input: [1]\n  layers:\n"
                    "    - {type: dense, units: 1}\n"
                    "loss: mean_squared_error\noptimizer: sgd\n"
                    "data:\n  train: {type: inline, x: [[1], [2], [3]], "
                    "y: [[0.5], [2], [3]]}\n%s", data);
  engine_try(&self, yaml.at);
  ck_assert(!self.ready);
  engine_says(&self, says);
  engine_close(&self);
  free(yaml.at);
}

START_TEST(test_refusals) {
  refuse("  test: {from: train, fraction: 0.5, stratify: true}\n",
         "stratify needs one target that is a class");
  refuse("  test: {from: train, fraction: 0.01}\n",
         "this part of 3 samples has none");
  refuse("  test: {from: train, fraction: 0.99}\n",
         "no samples are left for training");
  refuse("  test: {from: train, fraction: 0.7}\n"
         "  validation: {from: train, fraction: 0.7}\n",
         "no samples are left for training");
  refuse("  test: {from: train}\n",
         "'test' needs a 'fraction', 'folds' or 'hold'");
  refuse("  test: {from: train, folds: 3, fold: 3}\n",
         "the last of 3 folds is fold 2");
}
END_TEST

Suite *test_split_suite(void);
Suite *test_split_suite(void) {
  Suite *suite = suite_create("split");
  TCase *tests = tcase_create("split");
  tcase_set_timeout(tests, 60);
  tcase_add_test(tests, test_fractions);
  tcase_add_test(tests, test_seeds);
  tcase_add_test(tests, test_folds);
  tcase_add_test(tests, test_last_rows);
  tcase_add_test(tests, test_overlap);
  tcase_add_test(tests, test_two_parts);
  tcase_add_test(tests, test_refusals);
  suite_add_tcase(suite, tests);
  return suite;
}
