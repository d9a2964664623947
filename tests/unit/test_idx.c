/* SPDX-License-Identifier: MIT */
/* test_idx: the idx source: its types, and MNIST as it is. */
#include "plugin_fixture.h"

static const nacre_component *idx;
static const nacre_source_ops *ops;
static fixture_fail fail;

static void setup(void) {
  idx = fixture_component("sources", "idx", "idx");
  ops = idx->ops;
  fail = fixture_fail_new();
}

/* Two samples of one element each, of the type `code`. */
static const struct {
  unsigned char code;
  size_t size;
  unsigned char bytes[16];
  double first, second;
} types[] = {
  { 0x08, 1, { 200, 3 }, 200, 3 },
  { 0x09, 1, { 200, 3 }, -56, 3 },
  { 0x0B, 2, { 0x01, 0x02, 0xFF, 0xFE }, 258, -2 },
  { 0x0C, 4, { 0, 1, 0, 2, 0xFF, 0xFF, 0xFF, 0xFD }, 65538, -3 },
  { 0x0D, 4, { 0x40, 0x18, 0, 0, 0xBE, 0x80, 0, 0 }, 2.375, -0.25 },
  { 0x0E, 8, { 0x40, 0x03, 0, 0, 0, 0, 0, 0, 0xC0, 0x59 }, 2.375, -100 },
};

START_TEST(reads_each_type) {
  unsigned char file[64] = { 0, 0, types[_i].code, 1, 0, 0, 0, 2 };
  int64_t rows[] = { 1, 0 };
  void *self;
  real out[2];
  memcpy(file + 8, types[_i].bytes, 2 * types[_i].size);
  fixture_path = "t.idx";
  fixture_text.at = (char *)file;
  fixture_text.n = 8 + 2 * types[_i].size;
  void *cfg = fixture_cfg(idx, "x", "t.idx", NULL);
  int status = fixture_open(idx, cfg, 0, NULL, &fail, &self);
  ck_assert_msg(status == NACRE_OK, "%s", fail.text);
  ck_assert_int_eq(ops->count(self), 2);
  ck_assert_uint_eq(ops->fields(self).n, 1);
  ck_assert_int_eq(((const nacre_field *)ops->fields(self).at)->shape.rank,
                   0);
  ops->read(self, 0, rows, 2, out, &fail.base);
  ck_assert_double_eq((double)out[0], types[_i].second);
  ck_assert_double_eq((double)out[1], types[_i].first);
  ops->close(self);
  ck_assert_int_eq(fixture_blocks, 0);
}
END_TEST

START_TEST(reads_mnist) {
  const char *x = fixture_data("mnist/t10k-images-idx3-ubyte.gz");
  const char *y = fixture_data("mnist/t10k-labels-idx1-ubyte.gz");
  static const int first[] = { 7, 2, 1, 0, 4, 1, 4, 9, 5, 9 };
  void *self;
  if (x == NULL) {
    return;
  }
  void *cfg = fixture_cfg(idx, "x", x, "y", y, NULL);
  int status = fixture_open(idx, cfg, 0, NULL, &fail, &self);
  ck_assert_msg(status == NACRE_OK, "%s", fail.text);
  const nacre_field *field = ops->fields(self).at;
  ck_assert_int_eq(ops->count(self), 10000);
  ck_assert_int_eq(field[0].shape.rank, 2);
  ck_assert_int_eq(field[0].shape.dim[0], 28);
  ck_assert_int_eq(field[0].shape.dim[1], 28);
  ck_assert_uint_eq(field[1].flags, NACRE_FIELD_TARGET | NACRE_FIELD_INDEX);
  ck_assert_int_eq(field[1].classes, 10);
  for (int64_t i = 0; i < 10; i++) {
    real label, image[784];
    ops->read(self, 1, &i, 1, &label, &fail.base);
    ck_assert_int_eq((int)label, first[i]);
    ops->read(self, 0, &i, 1, image, &fail.base);
    double sum = 0;
    for (int p = 0; p < 784; p++) {
      ck_assert(image[p] >= 0 && image[p] <= 255);
      sum += (double)image[p];
    }
    ck_assert_double_gt(sum, 5000);
  }
  ops->close(self);
  /* Predictions do without labels. */
  status = fixture_open(idx, cfg, NACRE_OPEN_PREDICT, NULL, &fail, &self);
  ck_assert_int_eq(status, NACRE_OK);
  ck_assert_uint_eq(ops->fields(self).n, 1);
  ops->close(self);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("idx");
  TCase *tests = tcase_create("idx");
  tcase_add_checked_fixture(tests, setup, NULL);
  tcase_set_timeout(tests, 60);
  tcase_add_loop_test(tests, reads_each_type, 0,
                      sizeof(types) / sizeof(types[0]));
  tcase_add_test(tests, reads_mnist);
  suite_add_tcase(suite, tests);
  return fixture_run(suite);
}
