/* SPDX-License-Identifier: MIT */
/* test_cifar: the cifar source: planes become pixels, files follow one
 * another, and CIFAR-10 as it is. */
#include "plugin_fixture.h"

#define SIDE 32
#define PLANE (SIDE * SIDE)

static const nacre_component *cifar;
static const nacre_source_ops *ops;
static fixture_fail fail;

static void setup(void) {
  cifar = fixture_component("sources", "cifar", "cifar");
  ops = cifar->ops;
  fail = fixture_fail_new();
}

/* The byte of a sample's channel at a place. */
static unsigned char byte_of(int sample, int channel, int place) {
  return (unsigned char)(sample * 50 + channel * 17 + place * 7 + place / 32);
}

static size_t put_record(unsigned char *at, int sample, int coarse,
                         int label) {
  size_t n = 0;
  if (coarse >= 0) {
    at[n++] = (unsigned char)coarse;
  }
  at[n++] = (unsigned char)label;
  for (int c = 0; c < 3; c++) {
    for (int p = 0; p < PLANE; p++) {
      at[n++] = byte_of(sample, c, p);
    }
  }
  return n;
}

static void check_pixels(const void *self, int64_t row, int sample) {
  real out[3 * PLANE];
  ck_assert_int_eq(ops->read(self, 0, &row, 1, out, &fail.base), NACRE_OK);
  for (int p = 0; p < PLANE; p++) {
    for (int c = 0; c < 3; c++) {
      ck_assert_int_eq((int)out[3 * p + c], byte_of(sample, c, p));
    }
  }
}

static const struct {
  const char *labels;
  int coarse;
  int64_t classes;
  int first, second;
  const char *name;
} kinds[] = {
  { "cifar10", -1, 10, 9, 4, "truck" },
  { "fine", 19, 100, 9, 4, "bottle" },
  { "coarse", 19, 20, 19, 19, "vehicles_2" },
};

START_TEST(reads_each_kind) {
  static unsigned char file[2 * (2 + 3 * PLANE)];
  int64_t rows[] = { 3, 0 };
  void *self;
  real label[2];
  size_t n = put_record(file, 0, kinds[_i].coarse, 9);
  n += put_record(file + n, 1, kinds[_i].coarse, 4);
  fixture_path = "t.bin";
  fixture_text.at = (char *)file;
  fixture_text.n = n;
  /* The same file twice: four samples. */
  void *cfg = fixture_cfg(cifar, "path", "[t.bin, t.bin]", "labels",
                          kinds[_i].labels, NULL);
  int status = fixture_open(cifar, cfg, 0, NULL, &fail, &self);
  ck_assert_msg(status == NACRE_OK, "%s", fail.text);
  ck_assert_int_eq(ops->count(self), 4);
  nacre_span fields = ops->fields(self);
  const nacre_field *field = fields.at;
  ck_assert_uint_eq(fields.n, 2);
  ck_assert_int_eq(field[0].shape.rank, 3);
  ck_assert_int_eq(field[0].shape.dim[0], SIDE);
  ck_assert_int_eq(field[0].shape.dim[1], SIDE);
  ck_assert_int_eq(field[0].shape.dim[2], 3);
  ck_assert_uint_eq(field[1].flags, NACRE_FIELD_TARGET | NACRE_FIELD_INDEX);
  ck_assert_int_eq(field[1].classes, kinds[_i].classes);
  ck_assert_str_eq(field[1].class_names[kinds[_i].first], kinds[_i].name);
  ops->read(self, 1, rows, 2, label, &fail.base);
  ck_assert_int_eq((int)label[0], kinds[_i].second);
  ck_assert_int_eq((int)label[1], kinds[_i].first);
  check_pixels(self, 0, 0);
  check_pixels(self, 1, 1);
  check_pixels(self, 3, 1);
  ops->close(self);
  /* Predictions do without labels. */
  ck_assert_int_eq(fixture_open(cifar, cfg, NACRE_OPEN_PREDICT, NULL, &fail,
                                &self), NACRE_OK);
  ck_assert_uint_eq(ops->fields(self).n, 1);
  check_pixels(self, 2, 0);
  ops->close(self);
  ck_assert_int_eq(fixture_blocks, 0);
}
END_TEST

START_TEST(survives_lack_of_memory) {
  static unsigned char file[1 + 3 * PLANE];
  void *cfg = fixture_cfg(cifar, "path", "t.bin", NULL);
  int refused = 0;
  fixture_path = "t.bin";
  fixture_text.at = (char *)file;
  fixture_text.n = put_record(file, 0, -1, 9);
  for (long left = 0; left < 32; left++) {
    void *self;
    fail = fixture_fail_new();
    fixture_alloc_left = left;
    int status = fixture_open(cifar, cfg, 0, NULL, &fail, &self);
    fixture_alloc_left = -1;
    ck_assert_int_eq(fail.count, status == NACRE_OK ? 0 : 1);
    refused += status != NACRE_OK;
    if (status == NACRE_OK) {
      ops->close(self);
    }
    ck_assert_int_eq(fixture_blocks, 0);
  }
  ck_assert_int_ge(refused, 5);
}
END_TEST

START_TEST(reads_cifar10) {
  const char *path = fixture_data("cifar10/test_batch.bin.xz");
  static const int first[] = { 3, 8, 8, 0, 6, 6, 1, 6, 3, 1 };
  int counts[10] = { 0 };
  void *self;
  if (path == NULL || !fixture_has("codecs", "xz")) {
    return;
  }
  void *cfg = fixture_cfg(cifar, "path", path, NULL);
  int status = fixture_open(cifar, cfg, 0, NULL, &fail, &self);
  ck_assert_msg(status == NACRE_OK, "%s", fail.text);
  ck_assert_int_eq(ops->count(self), 10000);
  double sum[3] = { 0 };
  for (int64_t i = 0; i < 10000; i++) {
    real label, image[3 * PLANE];
    ops->read(self, 1, &i, 1, &label, &fail.base);
    ck_assert(i >= 10 || (int)label == first[i]);
    counts[(int)label]++;
    ops->read(self, 0, &i, 1, image, &fail.base);
    for (int p = 0; p < 3 * PLANE; p++) {
      sum[p % 3] += (double)image[p];
    }
  }
  for (int i = 0; i < 10; i++) {
    ck_assert_int_eq(counts[i], 1000);
  }
  /* The channels' means over the test set, 0 to 1. */
  ck_assert_double_eq_tol(sum[0] / 10000 / PLANE / 255, 0.4942, 1e-3);
  ck_assert_double_eq_tol(sum[1] / 10000 / PLANE / 255, 0.4851, 1e-3);
  ck_assert_double_eq_tol(sum[2] / 10000 / PLANE / 255, 0.4504, 1e-3);
  ops->close(self);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("cifar");
  TCase *tests = tcase_create("cifar");
  tcase_add_checked_fixture(tests, setup, NULL);
  tcase_set_timeout(tests, 60);
  tcase_add_loop_test(tests, reads_each_kind, 0,
                      sizeof(kinds) / sizeof(kinds[0]));
  tcase_add_test(tests, survives_lack_of_memory);
  tcase_add_test(tests, reads_cifar10);
  suite_add_tcase(suite, tests);
  return fixture_run(suite);
}
