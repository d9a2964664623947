/* SPDX-License-Identifier: MIT */
/* test_labeled_text: texts and their classes: words, tables, lines. */
#include "plugin_fixture.h"

static const nacre_component *texts;
static const nacre_source_ops *ops;
static fixture_fail fail;

static void setup(void) {
  texts = fixture_component("sources", "labeled_text", "labeled_text");
  ops = texts->ops;
  fail = fixture_fail_new();
}

static int try_open(const char *path, const char *content, const void *cfg,
                    uint32_t flags, const char *state, void **self) {
  fail = fixture_fail_new();
  fixture_path = path;
  fixture_text.at = (char *)(uintptr_t)content;
  fixture_text.n = strlen(content);
  return fixture_open(texts, cfg, flags, state, &fail, self);
}

static void *open_text(const char *path, const char *content, const void *cfg,
                       uint32_t flags, const char *state) {
  void *self;
  int status = try_open(path, content, cfg, flags, state, &self);
  ck_assert_msg(status == NACRE_OK, "%s", fail.text);
  return self;
}

static void refuse_text(const char *path, const char *content,
                        const void *cfg, const char *state,
                        const char *expected) {
  void *self;
  long blocks = fixture_blocks;
  ck_assert_int_eq(try_open(path, content, cfg, 0, state, &self),
                   NACRE_ERROR);
  ck_assert_int_eq(fail.count, 1);
  ck_assert_str_eq(fail.text, expected);
  ck_assert_int_eq(fixture_blocks, blocks);
}

static const nacre_field *field_at(void *self, uint32_t i) {
  return (const nacre_field *)ops->fields(self).at + i;
}

/* A row's words and class. */
static void expect_row(void *self, int64_t row, const char *words,
                       const char *class) {
  char got[512] = "";
  real code[32], label;
  const nacre_field *x = field_at(self, 0), *y = field_at(self, 1);
  int64_t n = nacre_shape_count(&x->shape);
  ck_assert_int_le(n, 32);
  ck_assert_int_eq(ops->read(self, 0, &row, 1, code, &fail.base), NACRE_OK);
  for (int64_t i = 0; i < n; i++) {
    strcat(got, i > 0 ? "|" : "");
    strcat(got, x->class_names[(int64_t)code[i]]);
  }
  ck_assert_str_eq(got, words);
  if (class != NULL) {
    ck_assert_int_eq(ops->read(self, 1, &row, 1, &label, &fail.base),
                     NACRE_OK);
    ck_assert_str_eq(y->class_names[(int64_t)label], class);
  }
}

START_TEST(reads_tables) {
  void *cfg = fixture_cfg(texts, "path", "t.csv", "y", "kind",
                          "output_sequence_length", "4", NULL);
  void *self = open_text("t.csv", "id,text,kind\n1,\"Go, \"\"dog\"\"!\",b\n"
                                  "2,the dog -- the CAT ran off,a\n", cfg, 0,
                         NULL);
  const nacre_field *y = field_at(self, 1);
  ck_assert_int_eq(ops->count(self), 2);
  ck_assert_int_eq(y->classes, 2);
  ck_assert_str_eq(y->class_names[0], "a");
  ck_assert_int_eq(y->shape.rank, 0);
  ck_assert_uint_eq(y->flags, NACRE_FIELD_TARGET | NACRE_FIELD_INDEX);
  expect_row(self, 0, "go|dog||", "b");
  expect_row(self, 1, "the|dog|the|cat", "a");
  ck_assert_str_eq(field_at(self, 0)->class_names[0], "");
  ck_assert_str_eq(field_at(self, 0)->class_names[1], "[UNK]");
  ops->close(self);
  /* By number, without a header, with tabs and no quotes. */
  cfg = fixture_cfg(texts, "path", "t.tsv", "text", "1", "y", "0", NULL);
  self = open_text("t.tsv", "ham\tsaid \"hi\nspam\t\"win\n", cfg, 0, NULL);
  expect_row(self, 0, "said|hi", "ham");
  expect_row(self, 1, "win|", "spam");
  ops->close(self);
  ck_assert_int_eq(fixture_blocks, 0);
}
END_TEST

START_TEST(reads_a_file_for_each_class) {
  void *cfg = fixture_cfg(texts, "classes", "pos=t.pos,neg=t.pos", NULL);
  void *self = open_text("t.pos", "one line\n\n another\r\n", cfg, 0, NULL);
  ck_assert_int_eq(ops->count(self), 4);
  expect_row(self, 0, "one|line", "pos");
  expect_row(self, 3, "another|", "neg");
  ck_assert_str_eq(field_at(self, 1)->class_names[0], "neg");
  nacre_bytes state;
  ck_assert_int_eq(ops->state(self, &fixture_host, &state), NACRE_OK);
  ops->close(self);
  /* Predictions are of one file of lines, whatever it is called, each of
   * which gets its answer. */
  fixture_set(texts, cfg, "path", "new");
  self = open_text("new", "another what line\n\nline", cfg,
                   NACRE_OPEN_PREDICT, state.at);
  ck_assert_int_eq(ops->count(self), 3);
  expect_row(self, 0, "another|[UNK]", NULL);
  expect_row(self, 1, "|", NULL);
  expect_row(self, 2, "line|", NULL);
  ck_assert_int_eq(field_at(self, 1)->classes, 2);
  ops->close(self);
  fixture_free(state.at);
  ck_assert_int_eq(fixture_blocks, 0);
}
END_TEST

START_TEST(standardizes_and_splits) {
  static const struct {
    const char *standardize, *split, *words;
  } cases[] = {
    { "lower_and_strip_punctuation", "whitespace", "its|a||||" },
    { "lower", "whitespace", "it's|a!||||" },
    { "strip_punctuation", "whitespace", "ITs|A||||" },
    { "none", "whitespace", "IT's|A!||||" },
    { "lower_and_strip_punctuation", "character", "i|t|s| |a|" },
    { "none", "character", "I|T|'|s| |A" },
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    void *cfg = fixture_cfg(texts, "path", "t.csv", "text", "0",
                            "output_sequence_length", "6", "standardize",
                            cases[i].standardize, "split", cases[i].split,
                            NULL);
    void *self = open_text("t.csv", "IT's A!\n", cfg, 0, NULL);
    expect_row(self, 0, cases[i].words, NULL);
    ck_assert_uint_eq(ops->fields(self).n, 1);
    ops->close(self);
  }
}
END_TEST

START_TEST(reads_other_tables_as_the_training_table) {
  void *cfg = fixture_cfg(texts, "path", "t.csv", "y", "kind", "max_tokens",
                          "3", NULL);
  void *self = open_text("t.csv", "text,kind\na a b,no\na b b b,yes\n", cfg,
                         0, NULL);
  nacre_bytes state;
  expect_row(self, 0, "[UNK]|[UNK]|b|", "no");
  ck_assert_int_eq(ops->state(self, &fixture_host, &state), NACRE_OK);
  ops->close(self);
  self = open_text("t.csv", "kind,text\nyes,b\n", cfg, 0, state.at);
  expect_row(self, 0, "b|||", "yes");
  ops->close(self);
  self = open_text("t.csv", "x,text\n1,b\n", cfg, NACRE_OPEN_PREDICT,
                   state.at);
  expect_row(self, 0, "b|||", NULL);
  ops->close(self);
  self = open_text("t.csv", "b b\nq\n", cfg, NACRE_OPEN_PREDICT, state.at);
  ck_assert_int_eq(ops->count(self), 2);
  expect_row(self, 0, "b|b||", NULL);
  ops->close(self);
  refuse_text("t.csv", "text,kind\nb,perhaps\n", cfg, state.at,
              "t.csv:2:2: 'perhaps' is not a class that the training data "
              "had");
  fixture_free(state.at);
}
END_TEST

START_TEST(refuses_bad_input) {
  static const struct {
    const char *content, *expected;
  } cases[] = {
    { "", "t.csv: no texts" },
    { "text,kind\n", "t.csv: no texts" },
    { "text,kind\na,b,c\n", "t.csv:2: 3 cells, but the first row has 2" },
    { "words,kind\na,b\n", "t.csv:1: there is no column 'text' among the 2 "
                           "of the header" },
    { "text,sort\na,b\n", "t.csv:1: there is no column 'kind' among the 2 "
                          "of the header" },
    { "text,kind\na,\n", "t.csv:2:2: the class is missing" },
    { "text,kind\n\"a,b\n", "t.csv:2:1: the quote that opens here is never "
                            "closed" },
  };
  void *cfg = fixture_cfg(texts, "path", "t.csv", "y", "kind", NULL);
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    refuse_text("t.csv", cases[i].content, cfg, NULL, cases[i].expected);
  }
  cfg = fixture_cfg(texts, "path", "t.csv", "text", "2", NULL);
  refuse_text("t.csv", "a,b\n", cfg, NULL,
              "t.csv:1: there is no column 2: the row has 2 cells");
  cfg = fixture_cfg(texts, "path", "t.csv", "y", "text", NULL);
  refuse_text("t.csv", "text,b\n1,2\n", cfg, NULL,
              "t.csv:1: 'text' and 'y' are the same column");
  cfg = fixture_cfg(texts, NULL);
  refuse_text("t.csv", "a,b\n", cfg, NULL,
              "either 'path' names a file of texts, or 'classes' a file for "
              "each class, or 'directory' a folder for each class");
}
END_TEST

START_TEST(refuses_damaged_states) {
  static const char *const states[] = {
    "",
    "labeled_text 1 1 0 0 2 1 1\ntext\ny\nw\n",
    "labeled_text 1 1 0 0 2 1 1\ntext\ny\nw\nc\nd\n",
    "labeled_text 1 1 0 0 2 1 0\ntext\ny\nw\n",
    "labeled_text 1 1 4 0 2 1 1\ntext\ny\nw\nc\n",
    "labeled_text 1 1 0 0 0 1 1\ntext\ny\nw\nc\n",
    "labeled_text 1 1 0 0 2 2 1\ntext\ny\nw\nw\nc\n",
    "labeled_text 1 1 0 0 2 1 1\ntext\n",
    "labeled_text 1 1 0 0 99999999 1 1\ntext\ny\nw\nc\n",
  };
  void *cfg = fixture_cfg(texts, "path", "t.csv", "text", "0", NULL);
  for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
    refuse_text("t.csv", "w,c\n", cfg, states[i],
                "what was kept of the training texts is damaged");
  }
  void *self =
    open_text("t.csv", "y,text\nc,w\n", cfg, 0,
              "labeled_text 1 1 0 0 2 1 1\ntext\ny\nw\nc\n");
  expect_row(self, 0, "w|", "c");
  ops->close(self);
}
END_TEST

START_TEST(survives_lack_of_memory) {
  void *cfg = fixture_cfg(texts, "path", "t.csv", "y", "kind", NULL);
  int status = NACRE_ERROR;
  long nth = 0;
  for (; status != NACRE_OK; nth++) {
    void *self;
    fixture_alloc_left = nth;
    status = try_open("t.csv", "text,kind\nsome \"\"words,a\nother words,b\n",
                      cfg, 0, NULL, &self);
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

START_TEST(reads_real_texts) {
  const char *sms = fixture_data("text/sms-spam/sms.tsv");
  if (sms == NULL) {
    return;
  }
  void *self;
  void *cfg = fixture_cfg(texts, "path", sms, "text", "1", "y", "0", NULL);
  ck_assert_int_eq(fixture_open(texts, cfg, 0, NULL, &fail, &self),
                   NACRE_OK);
  ck_assert_int_eq(ops->count(self), 5574);
  int spam = 0;
  for (int64_t i = 0; i < 5574; i++) {
    real label;
    ck_assert_int_eq(ops->read(self, 1, &i, 1, &label, &fail.base),
                     NACRE_OK);
    spam += label > 0;
  }
  ck_assert_int_eq(spam, 747);
  ops->close(self);
  const char *neg = fixture_data("text/mr/rt-polarity.neg");
  char map[9000];
  snprintf(map, sizeof(map), "neg=%s,pos=%.*spos", neg,
           (int)strlen(neg) - 3, neg);
  cfg = fixture_cfg(texts, "classes", map, "encoding", "latin-1", NULL);
  ck_assert_int_eq(fixture_open(texts, cfg, 0, NULL, &fail, &self),
                   NACRE_OK);
  ck_assert_int_eq(ops->count(self), 10662);
  ops->close(self);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("labeled_text");
  TCase *tests = tcase_create("labeled_text");
  tcase_add_checked_fixture(tests, setup, NULL);
  tcase_set_timeout(tests, 60);
  tcase_add_test(tests, reads_tables);
  tcase_add_test(tests, reads_a_file_for_each_class);
  tcase_add_test(tests, standardizes_and_splits);
  tcase_add_test(tests, reads_other_tables_as_the_training_table);
  tcase_add_test(tests, refuses_bad_input);
  tcase_add_test(tests, refuses_damaged_states);
  tcase_add_test(tests, survives_lack_of_memory);
  tcase_add_test(tests, reads_real_texts);
  suite_add_tcase(suite, tests);
  return fixture_run(suite);
}
