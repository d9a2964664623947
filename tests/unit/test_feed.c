/* SPDX-License-Identifier: MIT */
/* Tests of batches: the right samples in the right places, and what does not
 * fit is said with both shapes. */
#include "engine_fixture.h"
#include "fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void compare(const real *got, const double *expected, int n) {
  for (int i = 0; i < n; i++) {
    ck_assert_msg(fabs((double)got[i] - expected[i]) < 1e-6,
                  "element %d: %g, expected %g", i, (double)got[i],
                  expected[i]);
  }
}

/* Fields go to inputs and outputs of their names, in the order asked for. */
START_TEST(test_places) {
  engine self;
  engine_open(&self, "nacre: 1\nmodel:\n  inputs: {a: [2], b: [1]}\n"
                     "  layers:\n"
                     "    - {name: join, type: concatenate, inputs: [a, b]}\n"
                     "    - {name: p, type: dense, units: 1, inputs: join}\n"
                     "    - {name: q, type: dense, units: 2, inputs: join}\n"
                     "  outputs: [p, q]\n"
                     "loss: {p: mean_squared_error, "
                     "q: mean_absolute_error}\n"
                     "optimizer: sgd\ntrain: {batch_size: 3}\ndata:\n"
                     "  train:\n    type: inline\n"
                     "    x:\n"
                     "      b: [[9], [8], [7], [6]]\n"
                     "      a: [[1, 2], [3, 4], [5, 6], [7, 8]]\n"
                     "    y:\n"
                     "      q: [[1, 2], [3, 4], [5, 6], [7, 8]]\n"
                     "      p: [[0.5], [0.25], [0.125], [0]]\n"
                     "  transform: {type: rescale, scale: 2, field: a}\n");
  const nacre_key none = { { 0, 0 }, { 0, 0 } };
  const int64_t position[] = { 3, 0, 2 };
  nacre_program *program = &self.trainer.program;
  ck_assert_int_eq(nacre_feed_batch(&self.trainer.training.feed, position, 3,
                                    none), NACRE_OK);
  compare(nacre_program_input(program, 0),
          (const double[]){ 14, 16, 2, 4, 10, 12 }, 6);
  compare(nacre_program_input(program, 1), (const double[]){ 6, 9, 7 }, 3);
  compare(program->head[0].target, (const double[]){ 0, 0.5, 0.125 }, 3);
  compare(program->head[1].target,
          (const double[]){ 7, 8, 1, 2, 5, 6 }, 6);
  ck_assert_int_eq(nacre_feed_batch(&self.trainer.training.feed, position, 1,
                                    none), NACRE_OK);
  ck_assert_int_eq(program->batch, 1);
  engine_close(&self);
}
END_TEST

/* Every sample once an epoch, in another order each time, the same order for
 * the same seed. */
START_TEST(test_order) {
  static const char yaml[] =
    "nacre: 1\nseed: 4\nmodel:\n  input: [1]\n  layers:\n"
    "    - {type: dense, units: 1}\n"
    "loss: mean_squared_error\noptimizer: sgd\n"
    "train: {batch_size: 4, epochs: 3}\ndata:\n  train: {type: inline, "
    "x: [[0], [1], [2], [3], [4], [5], [6], [7], [8], [9]], "
    "y: [[0], [1], [2], [3], [4], [5], [6], [7], [8], [9]]}\n";
  int64_t orders[2][3][10];
  for (int run = 0; run < 2; run++) {
    engine self;
    engine_open(&self, yaml);
    for (int epoch = 0; epoch < 3; epoch++) {
      int seen[10] = { 0 };
      ck_assert_int_eq(nacre_trainer_epoch(&self.trainer), NACRE_OK);
      memcpy(orders[run][epoch], self.trainer.order,
             sizeof orders[run][epoch]);
      for (int i = 0; i < 10; i++) {
        seen[orders[run][epoch][i]]++;
      }
      for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(seen[i], 1);
      }
    }
    engine_close(&self);
  }
  ck_assert(memcmp(orders[0], orders[1], sizeof orders[0]) == 0);
  ck_assert(memcmp(orders[0][0], orders[0][1], sizeof orders[0][0]) != 0);
}
END_TEST

static void refuse(const char *model, const char *loss, const char *data,
                   const char *says) {
  engine_text yaml = { NULL, 0 };
  engine self;
  engine_put(&yaml, "nacre: 1\nmodel: %s\nloss: %s\noptimizer: sgd\n"
                    "data:\n%s\n", model, loss, data);
  engine_try(&self, yaml.at);
  ck_assert_msg(!self.ready, "%s", yaml.at);
  engine_says(&self, says);
  engine_close(&self);
  free(yaml.at);
}

#define DENSE(units) "{input: [2], layers: [{type: dense, units: " units "}]}"
#define DATA(x, y) "  train: {type: inline, x: " x ", y: " y "}"

START_TEST(test_misfits) {
  refuse(DENSE("1"), "mean_squared_error", DATA("[[1, 2, 3]]", "[[1]]"),
         "samples of field 'x' have shape [3], input 'input' wants [2]");
  refuse(DENSE("3"), "mean_squared_error", DATA("[[1, 2]]", "[[1, 2]]"),
         "target 'y' has 2 values a sample, loss 'mean_squared_error' of "
         "output 'dense' wants 3");
  refuse(DENSE("3"), "categorical_crossentropy",
         DATA("[[1, 2], [1, 2]]", "[1, 0]"),
         "targets that are class numbers need a loss for class numbers");
  refuse("{inputs: {a: [1], b: [1]}, layers: [{type: add, inputs: [a, b]}]}",
         "mean_squared_error", DATA("{a: [[1]], c: [[1]]}", "[[1]]"),
         "the data has no field for input 'b'");
  refuse(DENSE("1"), "mean_squared_error", DATA("[[1, 2]]", "{}"),
         "no target");
  refuse(DENSE("1"), "mean_squared_error",
         DATA("[[1, 2]]", "[[1]]")
         "\n  validation: {type: inline, x: [[1, 2, 3]], y: [[1]]}",
         "field 'x' has samples of [3], those of the training data are [2]");
  char *dir = fixture_dir(), *csv = fixture_path(dir, "a.csv");
  char *data = NULL;
  fixture_file(dir, "a.csv", "a,b,c\n1,2,3\n4,,6\n");
  ck_assert_int_ge(asprintf(&data, "  train: {type: csv, path: %s, "
                                   "target: c}", csv), 0);
  refuse(DENSE("1"), "mean_squared_error", data,
         "sample 1 has a missing value in field 'x' (element 1)");
  free(data);
  free(csv);
  fixture_remove(dir);
}
END_TEST

START_TEST(test_class_weights) {
  static const struct {
    const char *weights, *says;
  } wrong[] = {
    { "{0: -1}", "a class's weight must be a number of at least 0" },
    { "{0: .nan}", "a class's weight must be a number of at least 0" },
    { "{x: 1}", "there is no class 'x'" },
    { "{-1: 1}", "there is no class '-1'" },
    { "1", "expected weights of classes" },
    { "{}", "expected weights of classes" },
  };
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    char loss[160];
    snprintf(loss, sizeof loss,
             "{type: sparse_categorical_crossentropy, class_weight: %s}",
             wrong[i].weights);
    refuse(DENSE("3"), loss, DATA("[[1, 2], [1, 2]]", "[1, 0]"),
           wrong[i].says);
  }
}
END_TEST

/* A file in NumPy's format of n rows of `cols` zeros, little of it real. */
static void write_npy(const char *path, int64_t n, int64_t cols,
                      int64_t where, float value) {
  char header[128];
  FILE *file = fopen(path, "wb");
  ck_assert_ptr_nonnull(file);
  memset(header, ' ', sizeof header);
  int used = snprintf(header, sizeof header,
                      "%cNUMPY%c%cv%c{'descr': '<f4', 'fortran_order': "
                      "False, 'shape': (%lld, %lld), }", '\x93', 1, 1, 1,
                      (long long)n, (long long)cols);
  header[used] = ' ';
  memcpy(header + 6, (const char[]){ 1, 0, 118, 0 }, 4);
  header[127] = '\n';
  ck_assert_uint_eq(fwrite(header, 1, 128, file), 128);
  ck_assert_int_eq(fseek(file, 128 + where * 4, SEEK_SET), 0);
  ck_assert_uint_eq(fwrite(&value, 4, 1, file), 1);
  ck_assert_int_eq(fflush(file), 0);
  ck_assert_int_eq(ftruncate(fileno(file), 128 + n * cols * 4), 0);
  ck_assert_int_eq(fclose(file), 0);
}

/* More than is kept in memory: read batch by batch, to the same effect. */
START_TEST(test_large_data) {
  enum { ROWS = 70, COLS = 131072 };
  char *dir = fixture_dir();
  char *x = fixture_path(dir, "x.npy"), *y = fixture_path(dir, "y.npy");
  engine_text yaml = { NULL, 0 };
  for (int i = 0; i < 2; i++) {
    engine self;
    write_npy(x, ROWS, COLS, 65 * COLS + 7,
              i == 0 ? 2.5f : (float)NAN);
    write_npy(y, ROWS, 1, 65, 1.5f);
    yaml.n = 0;
    engine_put(&yaml, "nacre: 1\nmodel: {input: [%d], layers: [{type: dense, "
                      "units: 1}]}\nloss: mean_squared_error\n"
                      "optimizer: sgd\ntrain: {batch_size: 8}\n"
                      "data:\n  train: {type: npy, x: %s, y: %s}\n",
               (int)COLS, x, y);
    engine_open(&self, yaml.at);
    const nacre_feed *feed = &self.trainer.training.feed;
    ck_assert_ptr_null(feed->channel[0].cache);
    const nacre_key none = { { 0, 0 }, { 0, 0 } };
    const int64_t position[] = { 3, 65 };
    int status = nacre_feed_batch(&self.trainer.training.feed, position, 2,
                                  none);
    if (i == 0) {
      ck_assert_int_eq(status, NACRE_OK);
      const real *to = nacre_program_input(&self.trainer.program, 0);
      ck_assert(to[COLS + 7] == (real)2.5);
      ck_assert(to[COLS + 6] == 0);
      ck_assert(to[7] == 0);
      ck_assert(self.trainer.program.head[0].target[1] == (real)1.5);
    } else {
      /* A missing value is found here as it is in data that are kept. */
      ck_assert_int_eq(status, NACRE_ERROR);
      engine_says(&self, "sample 65 has a missing value in field 'x' "
                         "(element 7)");
    }
    engine_close(&self);
  }
  free(yaml.at);
  free(x);
  free(y);
  fixture_remove(dir);
}
END_TEST

/* One number a sample, which is there; and one class a sample to weigh. */
START_TEST(test_weights_that_cannot_be) {
  static const char yaml[] =
    "nacre: 1\nmodel:\n  input: [1]\n  layers:\n"
    "    - {type: dense, units: 4}\n%s"
    "loss: {type: mean_squared_error%s}\noptimizer: sgd\n"
    "data:\n  train:\n    type: inline\n    x:\n      x: [[1], [2]]\n"
    "      sample_weight: %s\n    y: [[0, 1, 0, 1], [1, 0, 0, 0]]\n";
  static const char *const cases[][4] = {
    { "", "", "[[1, 2], [3, 4]]",
      "field 'sample_weight' must be one number a sample, not [2]" },
    { "    - {type: reshape, target_shape: [2, 2]}\n",
      ", class_weight: {0: 2}", "[1, 1]",
      "output 'reshape' gives several classes a sample" },
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    engine self;
    engine_text text = { NULL, 0 };
    engine_put(&text, yaml, cases[i][0], cases[i][1], cases[i][2]);
    engine_try(&self, text.at);
    ck_assert(!self.ready);
    engine_says(&self, cases[i][3]);
    engine_close(&self);
    free(text.at);
  }
}
END_TEST

Suite *test_feed_suite(void);
Suite *test_feed_suite(void) {
  Suite *suite = suite_create("feed");
  TCase *tests = tcase_create("feed");
  tcase_set_timeout(tests, 60);
  tcase_add_test(tests, test_places);
  tcase_add_test(tests, test_order);
  tcase_add_test(tests, test_misfits);
  tcase_add_test(tests, test_class_weights);
  tcase_add_test(tests, test_large_data);
  tcase_add_test(tests, test_weights_that_cannot_be);
  suite_add_tcase(suite, tests);
  return suite;
}
