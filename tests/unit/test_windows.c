/* SPDX-License-Identifier: MIT */
/* test_windows: pieces of a series, their parts and their scale. */
#include "plugin_fixture.h"

static const nacre_component *windows;
static const nacre_source_ops *ops;
static fixture_fail fail;

#define SERIES "day,a,b\nmo,1,10\ntu,2,20\nwe,3,30\nth,4,40\nfr,5,50\n" \
               "sa,6,60\nsu,7,70\nmo,8,80\n"

static void setup(void) {
  windows = fixture_component("sources", "windows", "windows");
  ops = windows->ops;
  fail = fixture_fail_new();
  fixture_path = "t.csv";
}

static int try_open(const char *content, const void *cfg, uint32_t flags,
                    const char *state, void **self) {
  fail = fixture_fail_new();
  fixture_text.at = (char *)(uintptr_t)content;
  fixture_text.n = strlen(content);
  return fixture_open(windows, cfg, flags, state, &fail, self);
}

static void *open_text(const char *content, const void *cfg, uint32_t flags,
                       const char *state) {
  void *self;
  int status = try_open(content, cfg, flags, state, &self);
  ck_assert_msg(status == NACRE_OK, "%s", fail.text);
  return self;
}

static void refuse_text(const char *content, const void *cfg,
                        const char *state, const char *expected) {
  void *self;
  long blocks = fixture_blocks;
  ck_assert_int_eq(try_open(content, cfg, 0, state, &self), NACRE_ERROR);
  ck_assert_int_eq(fail.count, 1);
  ck_assert_str_eq(fail.text, expected);
  ck_assert_int_eq(fixture_blocks, blocks);
}

static const nacre_field *field_at(void *self, uint32_t i) {
  return (const nacre_field *)ops->fields(self).at + i;
}

static void expect(void *self, uint32_t field, int64_t row, int64_t n,
                   const double *values) {
  real out[32];
  ck_assert_int_eq(nacre_shape_count(&field_at(self, field)->shape), n);
  ck_assert_int_eq(ops->read(self, field, &row, 1, out, &fail.base),
                   NACRE_OK);
  for (int64_t i = 0; i < n; i++) {
    ck_assert_double_eq_tol((double)out[i], values[i], 1e-6);
  }
}

START_TEST(makes_windows) {
  void *cfg = fixture_cfg(windows, "path", "t.csv", "drop", "day", "history",
                          "3", "horizon", "2", "y", "b", NULL);
  void *self = open_text(SERIES, cfg, 0, NULL);
  ck_assert_int_eq(ops->count(self), 4);
  ck_assert_int_eq(field_at(self, 0)->shape.rank, 2);
  ck_assert_int_eq(field_at(self, 0)->shape.dim[0], 3);
  ck_assert_int_eq(field_at(self, 1)->shape.rank, 1);
  expect(self, 0, 0, 6, (double[]){ 1, 10, 2, 20, 3, 30 });
  expect(self, 1, 0, 2, (double[]){ 40, 50 });
  expect(self, 1, 3, 2, (double[]){ 70, 80 });
  ck_assert_int_eq(ops->overlap(self), 5);
  ops->close(self);
  cfg = fixture_cfg(windows, "path", "t.csv", "x", "a", "y", "[b, a]",
                    "history", "2", "horizon", "1", "stride", "3", NULL);
  self = open_text(SERIES, cfg, 0, NULL);
  ck_assert_int_eq(ops->count(self), 2);
  ck_assert_int_eq(ops->overlap(self), 1);
  expect(self, 0, 1, 2, (double[]){ 4, 5 });
  expect(self, 1, 1, 2, (double[]){ 60, 6 });
  ops->close(self);
  cfg = fixture_cfg(windows, "path", "t.csv", "x", "[b, a]", "history", "2",
                    "horizon", "2", NULL);
  self = open_text(SERIES, cfg, 0, NULL);
  ck_assert_int_eq(field_at(self, 1)->shape.rank, 2);
  expect(self, 1, 0, 4, (double[]){ 30, 3, 40, 4 });
  ops->close(self);
  ck_assert_int_eq(fixture_blocks, 0);
}
END_TEST

START_TEST(cuts_parts_and_scales_by_the_first) {
  void *cfg = fixture_cfg(windows, "path", "t.csv", "x", "a", "history", "2",
                          "standardize", "true", "parts", "[4, 2, 2]",
                          "part", "train", NULL);
  void *self = open_text(SERIES, cfg, 0, NULL);
  nacre_bytes state;
  /* 1 to 4: mean 2.5, deviation sqrt(1.25). */
  const double unit = 1 / sqrt(1.25);
  ck_assert_int_eq(ops->count(self), 2);
  expect(self, 0, 0, 2, (double[]){ -1.5 * unit, -0.5 * unit });
  expect(self, 1, 1, 1, (double[]){ 1.5 * unit });
  real back[2] = { (real)(1.5 * unit), 0 };
  ops->restore(self, 1, 2, back);
  ck_assert_double_eq_tol((double)back[0], 4, 1e-6);
  ck_assert_double_eq_tol((double)back[1], 2.5, 1e-6);
  ck_assert_int_eq(ops->state(self, &fixture_host, &state), NACRE_OK);
  ops->close(self);
  /* Targets are of the part, what they are forecast from may be before. */
  cfg = fixture_cfg(windows, "path", "t.csv", "part", "validation", NULL);
  self = open_text(SERIES, cfg, 0, state.at);
  ck_assert_int_eq(ops->count(self), 2);
  expect(self, 0, 0, 2, (double[]){ 0.5 * unit, 1.5 * unit });
  expect(self, 1, 0, 1, (double[]){ 2.5 * unit });
  expect(self, 1, 1, 1, (double[]){ 3.5 * unit });
  ops->close(self);
  /* To be predicted is what comes after all there is. */
  self = open_text("a\n3\n4\n5\n", cfg, NACRE_OPEN_PREDICT, state.at);
  ck_assert_int_eq(ops->count(self), 2);
  expect(self, 0, 1, 2, (double[]){ 1.5 * unit, 2.5 * unit });
  int64_t row = 1;
  ck_assert_int_eq(ops->read(self, 1, &row, 1, back, &fail.base),
                   NACRE_ERROR);
  ops->close(self);
  fixture_free(state.at);
  ck_assert_int_eq(fixture_blocks, 0);
}
END_TEST

START_TEST(predicts_without_the_target) {
  void *cfg = fixture_cfg(windows, "path", "t.csv", "x", "a", "y", "b",
                          "history", "2", "stride", "2", NULL);
  void *self = open_text(SERIES, cfg, 0, NULL);
  nacre_bytes state;
  ck_assert_int_eq(ops->state(self, &fixture_host, &state), NACRE_OK);
  ops->close(self);
  self = open_text("a,c\n1,x\n2,x\n3,x\n4,x\n5,x\n", cfg, NACRE_OPEN_PREDICT,
                   state.at);
  /* The last piece of history ends with the file. */
  ck_assert_int_eq(ops->count(self), 2);
  expect(self, 0, 0, 2, (double[]){ 2, 3 });
  expect(self, 0, 1, 2, (double[]){ 4, 5 });
  int64_t row = 0;
  real out[2];
  ck_assert_int_eq(ops->read(self, 1, &row, 1, out, &fail.base),
                   NACRE_ERROR);
  ops->close(self);
  fail = fixture_fail_new();
  refuse_text("a,c\n1,2\n3,4\n5,6\n", cfg, state.at,
              "t.csv: there is no column 'b', which the training data had");
  fixture_free(state.at);
}
END_TEST

START_TEST(refuses_bad_input) {
  static const struct {
    const char *key, *value, *expected;
  } cases[] = {
    { "drop", "[]", "t.csv:2:1: 'mo' is not a number, as column 'day' must "
                    "be (list the text under 'missing' or the column under "
                    "'drop')" },
    { "history", "8", "t.csv: 8 rows are too few for a history of 8 and a "
                      "horizon of 1" },
    { "history", "null", "'history' is missing: the number of rows that a "
                         "forecast is made from" },
    { "y", "c", "t.csv: column 'c' is not there, or named twice, or under "
                "'drop'" },
    { "y", "day", "t.csv: column 'day' is not there, or named twice, or "
                  "under 'drop'" },
    { "y", "[a, a]", "t.csv: column 'a' is not there, or named twice, or "
                     "under 'drop'" },
    { "x", "q", "t.csv: there is no column 'q'" },
    { "part", "train", "'part' needs 'parts', the lengths of the training, "
                       "validation and test part" },
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    void *cfg = fixture_cfg(windows, "path", "t.csv", "drop", "day",
                            "history", "2", NULL);
    fixture_set(windows, cfg, cases[i].key, cases[i].value);
    refuse_text(SERIES, cfg, NULL, cases[i].expected);
  }
  void *cfg = fixture_cfg(windows, "path", "t.csv", "history", "1", NULL);
  refuse_text("", cfg, NULL, "t.csv: no samples");
  refuse_text("a,b\n1,2\n3\n", cfg, NULL,
              "t.csv:3: 1 cells, but the first row has 2");
}
END_TEST

START_TEST(refuses_damaged_states) {
  void *cfg = fixture_cfg(windows, "path", "t.csv", "x", "a", "y", "b",
                          "history", "2", "standardize", "true", NULL);
  void *self = open_text(SERIES, cfg, 0, NULL);
  nacre_bytes state;
  ck_assert_int_eq(ops->state(self, &fixture_host, &state), NACRE_OK);
  ops->close(self);
  char *copy = malloc(state.n + 1);
  int refused = 0;
  for (size_t i = 0; i < state.n; i++) {
    static const char bytes[] = { '\0', '\n', '0', '9', 'x', ' ', '-' };
    for (size_t b = 0; b < sizeof(bytes); b++) {
      memcpy(copy, state.at, state.n + 1);
      copy[i] = bytes[b];
      int status = try_open(SERIES, cfg, 0, copy, &self);
      if (status == NACRE_OK) {
        real out[64];
        int64_t row = 0;
        const nacre_field *x = field_at(self, 0);
        if (nacre_shape_count(&x->shape) <= 64) {
          ops->read(self, 0, &row, 1, out, &fail.base);
        }
        ops->close(self);
      } else {
        ck_assert_int_eq(fail.count, 1);
        refused++;
      }
      ck_assert_int_eq(fixture_blocks, 1); /* the state */
    }
  }
  ck_assert_int_gt(refused, (int)state.n * 3);
  free(copy);
  fixture_free(state.at);
}
END_TEST

START_TEST(survives_lack_of_memory) {
  void *cfg = fixture_cfg(windows, "path", "t.csv", "x", "a", "y", "b",
                          "history", "2", NULL);
  int status = NACRE_ERROR;
  long nth = 0;
  for (; status != NACRE_OK; nth++) {
    void *self;
    fixture_alloc_left = nth;
    status = try_open(SERIES, cfg, 0, NULL, &self);
    fixture_alloc_left = -1;
    if (status == NACRE_OK) {
      ops->close(self);
    } else {
      ck_assert_int_eq(fail.count, 1);
    }
    ck_assert_int_eq(fixture_blocks, 0);
    ck_assert_int_lt(nth, 1000);
  }
  ck_assert_int_gt(nth, 15);
}
END_TEST

/* The numbers of windows that the literature's split has, and that of the
 * scale: 12, 4 and 4 months, history 96, horizon 24. */
START_TEST(reads_etth1) {
  const char *path = fixture_data("timeseries/ETTh1.csv");
  static const char *const parts[] = { "train", "validation", "test" };
  static const int64_t count[] = { 8640 - 96 - 24 + 1, 2880 - 24 + 1,
                                   2880 - 24 + 1 };
  nacre_bytes state = { NULL, 0 };
  for (int i = 0; i < 3 && path != NULL; i++) {
    void *self;
    void *cfg = fixture_cfg(windows, "path", path, "drop", "date", "y", "OT",
                            "history", "96", "horizon", "24", "standardize",
                            "true", "parts", "[8640, 2880, 2880]", "part",
                            parts[i], NULL);
    ck_assert_int_eq(fixture_open(windows, cfg, 0, state.at, &fail, &self),
                     NACRE_OK);
    ck_assert_int_eq(ops->count(self), count[i]);
    ck_assert_int_eq(field_at(self, 0)->shape.dim[1], 7);
    if (i == 0) {
      ck_assert_int_eq(ops->state(self, &fixture_host, &state), NACRE_OK);
      real back = 0;
      ops->restore(self, 1, 0, &back);
      real ot[24] = { 0 };
      ops->restore(self, 1, 1, ot);
      ck_assert_double_eq_tol((double)ot[0], 17.1282616982271, 1e-5);
    }
    ops->close(self);
  }
  fixture_free(state.at);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("windows");
  TCase *tests = tcase_create("windows");
  tcase_add_checked_fixture(tests, setup, NULL);
  tcase_set_timeout(tests, 60);
  tcase_add_test(tests, makes_windows);
  tcase_add_test(tests, cuts_parts_and_scales_by_the_first);
  tcase_add_test(tests, predicts_without_the_target);
  tcase_add_test(tests, refuses_bad_input);
  tcase_add_test(tests, refuses_damaged_states);
  tcase_add_test(tests, survives_lack_of_memory);
  tcase_add_test(tests, reads_etth1);
  suite_add_tcase(suite, tests);
  return fixture_run(suite);
}
