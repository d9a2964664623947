/* SPDX-License-Identifier: MIT */
/* test_csv: the csv source: what it reads, how it encodes, what it keeps. */
#include "plugin_fixture.h"

static const nacre_component *csv;
static const nacre_source_ops *ops;
static fixture_fail fail;

static void setup(void) {
  csv = fixture_component("sources", "csv", "csv");
  ops = csv->ops;
  fail = fixture_fail_new();
  fixture_path = "t.csv";
}

static void *open_text(const char *text, const void *cfg, uint32_t flags,
                       const char *state) {
  void *self;
  fixture_text.at = (char *)(uintptr_t)text;
  fixture_text.n = strlen(text);
  int status = fixture_open(csv, cfg, flags, state, &fail, &self);
  ck_assert_msg(status == NACRE_OK, "%s", fail.text);
  return self;
}

static void refuse_text(const char *text, const void *cfg,
                        const char *expected) {
  void *self;
  fail = fixture_fail_new();
  fixture_text.at = (char *)(uintptr_t)text;
  fixture_text.n = strlen(text);
  ck_assert_int_eq(fixture_open(csv, cfg, 0, NULL, &fail, &self),
                   NACRE_ERROR);
  ck_assert_int_eq(fail.count, 1);
  ck_assert_str_eq(fail.text, expected);
}

static const nacre_field *field_at(void *self, uint32_t i) {
  nacre_span fields = ops->fields(self);
  ck_assert_uint_lt(i, fields.n);
  return (const nacre_field *)fields.at + i;
}

static void expect_row(void *self, uint32_t field, int64_t row,
                       const real *expected) {
  real out[64];
  int64_t n = nacre_shape_count(&field_at(self, field)->shape);
  ck_assert_int_eq(ops->read(self, field, &row, 1, out, &fail.base),
                   NACRE_OK);
  for (int64_t i = 0; i < n; i++) {
    if (isnan(expected[i])) {
      ck_assert(isnan(out[i]));
    } else {
      ck_assert_double_eq((double)out[i], (double)expected[i]);
    }
  }
}

static void expect_classes(void *self, const char *const *names, int64_t n) {
  const nacre_field *y = field_at(self, 1);
  ck_assert_int_eq(y->classes, n);
  for (int64_t i = 0; i < n; i++) {
    ck_assert_str_eq(y->class_names[i], names[i]);
  }
}

START_TEST(reads_numbers_and_categories) {
  void *cfg = fixture_cfg(csv, "path", "t.csv", "y", "kind", NULL);
  void *self = open_text("a,colour,kind\n1.5,red,no\n,blue,yes\n-2e3,,no\n",
                         cfg, 0, NULL);
  ck_assert_int_eq(ops->count(self), 3);
  ck_assert_int_eq(field_at(self, 0)->shape.rank, 1);
  ck_assert_int_eq(field_at(self, 0)->shape.dim[0], 3);
  ck_assert_int_eq(field_at(self, 1)->shape.rank, 0);
  ck_assert_uint_eq(field_at(self, 1)->flags,
                    NACRE_FIELD_TARGET | NACRE_FIELD_INDEX);
  expect_row(self, 0, 0, (real[]){ 1.5f, 0, 1 });
  expect_row(self, 0, 1, (real[]){ NAN, 1, 0 });
  expect_row(self, 0, 2, (real[]){ -2000, 0, 0 });
  expect_row(self, 1, 1, (real[]){ 1 });
  expect_classes(self, (const char *const[]){ "no", "yes" }, 2);
  ops->close(self);
}
END_TEST

/* Short numbers take a path of their own, which must round as strtod does. */
START_TEST(reads_numbers_exactly) {
  static const char *const numbers[] = {
    "0.1", "-0.3", "123456.789", "999999999999999", ".5", "5.", "-0",
    "0.000000001", "2.385", "1e-5", "+7", "12345678901234567890",
    "0.1234567890123456789", "-33.33333333", "4503599627370497.5",
  };
  void *cfg = fixture_cfg(csv, "path", "t.csv", "header", "false", NULL);
  for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
    void *self = open_text(numbers[i], cfg, 0, NULL);
    expect_row(self, 0, 0, (real[]){ (real)strtod(numbers[i], NULL) });
    ops->close(self);
  }
}
END_TEST

START_TEST(reads_quotes_as_rfc_4180_has_them) {
  void *cfg = fixture_cfg(csv, "path", "t.csv", "header", "true", "y", "t",
                          NULL);
  void *self = open_text("\xEF\xBB\xBFn,t\r\n"
                         "1,\"a,\"\"b\"\"\nc\"\r\n"
                         "2 , \" d\" \r\n\r\n"
                         "3,\"\"\"\"", cfg, 0, NULL);
  ck_assert_int_eq(ops->count(self), 3);
  expect_classes(self, (const char *const[]){ " d", "\"", "a,\"b\"\nc" }, 3);
  expect_row(self, 1, 0, (real[]){ 2 });
  expect_row(self, 1, 2, (real[]){ 1 });
  ops->close(self);
}
END_TEST

START_TEST(takes_columns_by_name_number_and_order) {
  const char *text = "9;8;7;0\n6;5;4;1\n";
  void *cfg = fixture_cfg(csv, "path", "t.csv", "delimiter", ";", "x",
                          "[2, 0]", "y", "3", NULL);
  void *self = open_text(text, cfg, 0, NULL);
  expect_row(self, 0, 1, (real[]){ 4, 6 });
  expect_row(self, 1, 1, (real[]){ 1 });
  ck_assert_int_eq(field_at(self, 1)->classes, 2);
  ops->close(self);
  cfg = fixture_cfg(csv, "path", "t.csv", "delimiter", ";", "columns",
                    "[a, b, c, d]", "drop", "[b]", "y", "[d, c]", NULL);
  self = open_text(text, cfg, 0, NULL);
  expect_row(self, 0, 0, (real[]){ 9 });
  expect_row(self, 1, 0, (real[]){ 0, 7 });
  ops->close(self);
}
END_TEST

START_TEST(encodes_by_index_and_by_declaration) {
  void *cfg = fixture_cfg(csv, "path", "t.csv", "header", "false",
                          "categorical", "[0]", "encoding", "index", "y", "1",
                          NULL);
  void *self = open_text("30,1.5\n10,2.5\n?,3.5\n30,-1\n", cfg, 0, NULL);
  expect_row(self, 0, 0, (real[]){ 2 });
  expect_row(self, 0, 1, (real[]){ 1 });
  expect_row(self, 0, 2, (real[]){ 0 });
  ck_assert_uint_eq(field_at(self, 0)->flags, NACRE_FIELD_INDEX);
  ck_assert_int_eq(field_at(self, 0)->classes, 3);
  ck_assert_uint_eq(field_at(self, 1)->flags, NACRE_FIELD_TARGET);
  ops->close(self);
}
END_TEST

START_TEST(strips_and_drops) {
  void *cfg = fixture_cfg(csv, "path", "t.csv", "strip", ".", "skip_rows",
                          "1", "y", "1", "drop_missing_target", "true", NULL);
  void *self = open_text("|a note, or two\n1, >50K.\n2, ?.\n3, <=50K.\n", cfg,
                         0, NULL);
  ck_assert_int_eq(ops->count(self), 2);
  expect_classes(self, (const char *const[]){ "<=50K", ">50K" }, 2);
  expect_row(self, 0, 1, (real[]){ 3 });
  ops->close(self);
}
END_TEST

static char *state_of(void *self) {
  nacre_bytes state;
  ck_assert_int_eq(ops->state(self, &fixture_host, &state), NACRE_OK);
  ck_assert_uint_eq(strlen(state.at), state.n);
  return state.at;
}

START_TEST(encodes_other_files_as_the_training_file) {
  void *cfg = fixture_cfg(csv, "path", "t.csv", "y", "kind", NULL);
  void *self = open_text("a,colour,kind\n1,r\xC3\xA9" "d,no\n2,b %,yes\n",
                         cfg, 0, NULL);
  char *state = state_of(self);
  ops->close(self);
  /* Another order, an unknown category, one class only. */
  self = open_text("kind,colour,extra,a\nyes,green,7,3\nyes,b %,8,4\n", cfg,
                   0, state);
  expect_row(self, 0, 0, (real[]){ 3, 0, 0 });
  expect_row(self, 0, 1, (real[]){ 4, 1, 0 });
  expect_row(self, 1, 0, (real[]){ 1 });
  expect_classes(self, (const char *const[]){ "no", "yes" }, 2);
  char *again = state_of(self);
  ck_assert_str_eq(again, state);
  fixture_free(again);
  ops->close(self);
  /* Predictions: no target to read, with a header and without; the names
   * of its classes are known. */
  self = open_text("colour,a\nb %,5\n", cfg, NACRE_OPEN_PREDICT, state);
  ck_assert_uint_eq(ops->fields(self).n, 2);
  expect_row(self, 0, 0, (real[]){ 5, 1, 0 });
  expect_classes(self, (const char *const[]){ "no", "yes" }, 2);
  ops->close(self);
  self = open_text("6,b %\n", cfg, NACRE_OPEN_PREDICT, state);
  expect_row(self, 0, 0, (real[]){ 6, 1, 0 });
  ops->close(self);
  fixture_free(state);
}
END_TEST

START_TEST(refuses_damaged_states) {
  static const char *const bad[] = {
    "", "csv 2 1 1 1\nx 0 -1 a\n", "csv 1 1 1 2\nx 0 -1 a\n",
    "csv 1 1 1 1\nx 1 -1 a\n", "csv 1 1 1 1\n- 0 -1 a\n",
    "csv 1 1 1 1\nx 0 2 a\nb\nb\n", "csv 1 1 1 1\nx 0 -1 a\nmore\n",
    "csv 1 1 1 1\nx 0 -1 %0\n", "csv 1 1 1 1\nx 0 -1 %00\n",
    "csv 1 1 1 2\nx 0 -1 a\nx 0 -1 b\n", "csv 1 1 1 99999999\nx 0 -1 a\n",
    "csv 1 1 1 1\nx 0 999999999 a\nb\n", "csv 1 1 1 1\nz 0 -1 a\n",
  };
  void *cfg = fixture_cfg(csv, "path", "t.csv", NULL);
  fixture_text.at = (char *)(uintptr_t)"1\n";
  fixture_text.n = 2;
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    void *self;
    fail = fixture_fail_new();
    ck_assert_msg(fixture_open(csv, cfg, 0, bad[i], &fail, &self) ==
                    NACRE_ERROR, "accepted: %s", bad[i]);
    ck_assert_ptr_nonnull(strstr(fail.text, "damaged"));
  }
  ck_assert_int_eq(fixture_blocks, 0);
}
END_TEST

START_TEST(refuses_bad_files) {
  void *cfg = fixture_cfg(csv, "path", "t.csv", "y", "b", NULL);
  refuse_text("a,b\n1,2\n3\n", cfg,
              "t.csv:3: 1 cells, but the first row has 2");
  refuse_text("a,b\n1,\n", cfg,
              "t.csv:2:2: the target 'b' is missing (drop_missing_target "
              "leaves such rows out)");
  refuse_text("a,c\n1,2\n", cfg, "t.csv: there is no column 'b'");
  refuse_text("a,b\n1,1\n2,1\nx\ty,1\n", cfg,
              "t.csv:4:1: 'x?y' is not a number, as most of column 'a' are "
              "(list the text under 'missing' or the column under "
              "'categorical')");
  cfg = fixture_cfg(csv, "path", "t.csv", "delimiter", "ab", NULL);
  refuse_text("1\n", cfg, "'delimiter' must be one character or \"tab\"");
  ck_assert_int_eq(fixture_blocks, 0);
}
END_TEST

START_TEST(survives_lack_of_memory) {
  void *cfg = fixture_cfg(csv, "path", "t.csv", "y", "kind", NULL);
  const char *text = "a,kind,c\n1,\"n\"\"o\",x\n2,yes,y\n";
  int status = NACRE_ERROR;
  long nth = 0;
  fixture_text.at = (char *)(uintptr_t)text;
  fixture_text.n = strlen(text);
  for (; status != NACRE_OK; nth++) {
    void *self;
    fail = fixture_fail_new();
    fixture_alloc_left = nth;
    status = fixture_open(csv, cfg, 0, NULL, &fail, &self);
    fixture_alloc_left = -1;
    if (status == NACRE_OK) {
      ops->close(self);
    } else {
      ck_assert_int_eq(fail.count, 1);
    }
    ck_assert_int_eq(fixture_blocks, 0);
    ck_assert_int_lt(nth, 1000);
  }
  ck_assert_int_gt(nth, 20);
}
END_TEST

static void *open_real(const char *name, const char *const *more) {
  const char *path = fixture_data(name);
  void *self;
  if (path == NULL) {
    return NULL;
  }
  void *cfg = fixture_cfg(csv, "path", path, NULL);
  for (; *more != NULL; more += 2) {
    fixture_set(csv, cfg, more[0], more[1]);
  }
  int status = fixture_open(csv, cfg, 0, NULL, &fail, &self);
  ck_assert_msg(status == NACRE_OK, "%s", fail.text);
  return self;
}

static const struct {
  const char *file;
  const char *more[10];
  int64_t rows, width, classes;
} real_data[] = {
  { "tabular/iris.csv", { "skip_rows", "1", "y", "4" }, 150, 4, 3 },
  { "tabular/wine_data.csv", { "skip_rows", "1", "y", "13" }, 178, 13, 3 },
  { "tabular/digits.csv.gz", { "y", "64" }, 1797, 64, 10 },
  { "tabular/titanic_carData.csv",
    { "x", "[sex, age, passengerClass]", "y", "survived" }, 1309, 6, 2 },
  { "tabular/adult-train.csv", { "y", "14" }, 32561, 105, 2 },
  { "tabular/adult-test.csv", { "y", "14", "strip", "." }, 16281, 104, 2 },
  { "tabular/california_housing.csv", { "y", "median_house_value" }, 20640,
    13, 0 },
  { "tabular/auto_mpg.csv", { "y", "mpg", "drop", "[name]" }, 398, 9, 0 },
};

START_TEST(reads_real_tables) {
  void *self = open_real(real_data[_i].file, real_data[_i].more);
  if (self == NULL) {
    return;
  }
  ck_assert_int_eq(ops->count(self), real_data[_i].rows);
  ck_assert_int_eq(field_at(self, 0)->shape.dim[0], real_data[_i].width);
  ck_assert_int_eq(field_at(self, 1)->classes, real_data[_i].classes);
  ops->close(self);
}
END_TEST

START_TEST(reads_adult_test_as_adult_train) {
  void *train = open_real("tabular/adult-train.csv",
                          (const char *const[]){ "y", "14", NULL });
  const char *path = fixture_data("tabular/adult-test.csv");
  if (train == NULL) {
    return;
  }
  char *state = state_of(train);
  void *cfg = fixture_cfg(csv, "path", path, "strip", ".", NULL);
  void *self;
  int status = fixture_open(csv, cfg, 0, state, &fail, &self);
  ck_assert_msg(status == NACRE_OK, "%s", fail.text);
  ck_assert_int_eq(field_at(self, 0)->shape.dim[0], 105);
  /* 25, Private, 226802, 11th, ...: the first number, the first class, and
   * 76.38 % of the rows are of the lower one. */
  real x[105], y;
  int64_t zero = 0, lower = 0;
  ops->read(self, 0, &zero, 1, x, &fail.base);
  ck_assert_double_eq((double)x[0], 25);
  for (int64_t i = 0; i < ops->count(self); i++) {
    ops->read(self, 1, &i, 1, &y, &fail.base);
    lower += y == 0;
  }
  ck_assert_int_eq(lower, 12435);
  fixture_free(state);
  ops->close(train);
  ops->close(self);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("csv");
  TCase *tests = tcase_create("csv");
  tcase_add_checked_fixture(tests, setup, NULL);
  tcase_set_timeout(tests, 60);
  tcase_add_test(tests, reads_numbers_and_categories);
  tcase_add_test(tests, reads_numbers_exactly);
  tcase_add_test(tests, reads_quotes_as_rfc_4180_has_them);
  tcase_add_test(tests, takes_columns_by_name_number_and_order);
  tcase_add_test(tests, encodes_by_index_and_by_declaration);
  tcase_add_test(tests, strips_and_drops);
  tcase_add_test(tests, encodes_other_files_as_the_training_file);
  tcase_add_test(tests, refuses_damaged_states);
  tcase_add_test(tests, refuses_bad_files);
  tcase_add_test(tests, survives_lack_of_memory);
  tcase_add_loop_test(tests, reads_real_tables, 0,
                      sizeof(real_data) / sizeof(real_data[0]));
  tcase_add_test(tests, reads_adult_test_as_adult_train);
  suite_add_tcase(suite, tests);
  return fixture_run(suite);
}
