/* SPDX-License-Identifier: MIT */
/* test_text_source: running text: its tokens, windows, parts and
 * vocabulary. */
#include "plugin_fixture.h"

static const nacre_component *text;
static const nacre_source_ops *ops;
static fixture_fail fail;

static void setup(void) {
  text = fixture_component("sources", "text", "text");
  ops = text->ops;
  fail = fixture_fail_new();
  fixture_path = "t.txt";
}

static int try_open(const char *content, const void *cfg, uint32_t flags,
                    const char *state, void **self) {
  fail = fixture_fail_new();
  fixture_text.at = (char *)(uintptr_t)content;
  fixture_text.n = strlen(content);
  return fixture_open(text, cfg, flags, state, &fail, self);
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

/* A row as the text of its tokens. */
static const char *row_text(void *self, uint32_t field, int64_t row) {
  static char out[512];
  real code[64];
  int64_t n = nacre_shape_count(&field_at(self, field)->shape);
  ck_assert_int_le(n, 64);
  ck_assert_int_eq(ops->read(self, field, &row, 1, code, &fail.base),
                   NACRE_OK);
  out[0] = '\0';
  for (int64_t i = 0; i < n; i++) {
    const char *token = ops->decode(self, (int64_t)code[i]);
    ck_assert_ptr_nonnull(token);
    strncat(out, token, sizeof(out) - strlen(out) - 1);
  }
  return out;
}

static nacre_bytes state_of(void *self) {
  nacre_bytes state;
  ck_assert_int_eq(ops->state(self, &fixture_host, &state), NACRE_OK);
  return state;
}

START_TEST(makes_windows_of_characters) {
  void *cfg = fixture_cfg(text, "path", "t.txt", "context", "3", NULL);
  void *self = open_text("hello, \xC3\xA9t\xC3\xA9", cfg, 0, NULL);
  /* In the order of Unicode: space , e h l o t é */
  const nacre_field *x = field_at(self, 0), *y = field_at(self, 1);
  ck_assert_int_eq(x->classes, 8);
  ck_assert_str_eq(x->class_names[0], " ");
  ck_assert_str_eq(x->class_names[7], "\xC3\xA9");
  ck_assert_uint_eq(x->flags, NACRE_FIELD_INDEX);
  ck_assert_uint_eq(y->flags, NACRE_FIELD_INDEX | NACRE_FIELD_TARGET);
  ck_assert_int_eq(x->shape.dim[0], 3);
  ck_assert_int_eq(y->shape.rank, 1);
  /* Ten tokens: each is a target once, but for the first. */
  ck_assert_int_eq(ops->count(self), 3);
  ck_assert_str_eq(row_text(self, 0, 0), "hel");
  ck_assert_str_eq(row_text(self, 1, 0), "ell");
  ck_assert_str_eq(row_text(self, 0, 2), " \xC3\xA9t");
  ck_assert_str_eq(row_text(self, 1, 2), "\xC3\xA9t\xC3\xA9");
  ck_assert_int_eq(ops->overlap(self), 1);
  ops->close(self);
  ck_assert_int_eq(fixture_blocks, 0);
}
END_TEST

START_TEST(makes_windows_at_each_token) {
  void *cfg = fixture_cfg(text, "path", "t.txt", "context", "3", "targets",
                          "last", NULL);
  void *self = open_text("abcdefgh", cfg, 0, NULL);
  ck_assert_int_eq(field_at(self, 1)->shape.rank, 0);
  ck_assert_int_eq(ops->count(self), 5);
  ck_assert_int_eq(ops->overlap(self), 3);
  ck_assert_str_eq(row_text(self, 0, 4), "efg");
  ck_assert_str_eq(row_text(self, 1, 4), "h");
  ops->close(self);
  /* What is predicted may follow the last token. */
  self = open_text("abcdefgh", cfg, NACRE_OPEN_PREDICT, NULL);
  ck_assert_int_eq(ops->count(self), 6);
  ck_assert_str_eq(row_text(self, 0, 5), "fgh");
  int64_t row = 5;
  real out;
  ck_assert_int_eq(ops->read(self, 1, &row, 1, &out, &fail.base),
                   NACRE_ERROR);
  ops->close(self);
  cfg = fixture_cfg(text, "path", "t.txt", "context", "3", "stride", "2",
                    NULL);
  self = open_text("abcdefgh", cfg, 0, NULL);
  ck_assert_int_eq(ops->count(self), 3);
  ck_assert_int_eq(ops->overlap(self), 2);
  ck_assert_str_eq(row_text(self, 1, 2), "fgh");
  ops->close(self);
}
END_TEST

START_TEST(cuts_words_without_loss) {
  static const char content[] =
    "It's  a\ttest, isn't it?\nIt is (a) caf\xC3\xA9 'quote' x_1.";
  void *cfg = fixture_cfg(text, "path", "t.txt", "context", "1", "level",
                          "word", "targets", "last", NULL);
  void *self = open_text(content, cfg, 0, NULL);
  char whole[256] = "";
  strcat(whole, row_text(self, 0, 0));
  ck_assert_str_eq(whole, "It's");
  for (int64_t i = 0; i < ops->count(self); i++) {
    strcat(whole, row_text(self, 1, i));
  }
  ck_assert_str_eq(whole, content);
  /* [UNK] first, then by frequency. */
  const nacre_field *x = field_at(self, 0);
  ck_assert_str_eq(x->class_names[0], "[UNK]");
  for (int64_t i = 0; i < x->classes; i++) {
    ck_assert_str_ne(x->class_names[i], " It's");
  }
  ops->close(self);
}
END_TEST

START_TEST(keeps_the_most_frequent) {
  void *cfg = fixture_cfg(text, "path", "t.txt", "context", "1", "max_tokens",
                          "3", NULL);
  void *self = open_text("cccabbbbcc", cfg, 0, NULL);
  ck_assert_int_eq(field_at(self, 0)->classes, 3);
  ck_assert_str_eq(row_text(self, 1, 2), "[UNK]");
  ck_assert_str_eq(ops->decode(self, 1), "b");
  ck_assert_str_eq(ops->decode(self, 2), "c");
  ck_assert_ptr_null(ops->decode(self, 3));
  ck_assert_ptr_null(ops->decode(self, -1));
  ops->close(self);
}
END_TEST

START_TEST(cuts_parts_in_one_piece) {
  void *cfg = fixture_cfg(text, "path", "t.txt", "context", "2", "stride",
                          "1", "parts", "[0.5, 0.3, 0.2]", "part", "train",
                          NULL);
  void *train = open_text("abcabcxyxy", cfg, 0, NULL);
  ck_assert_int_eq(ops->count(train), 3);
  ck_assert_int_eq(field_at(train, 0)->classes, 3);
  nacre_bytes state = state_of(train);
  /* The terms are the training text's; unknown ones are named. */
  cfg = fixture_cfg(text, "path", "t.txt", "part", "validation", NULL);
  refuse_text("abcabcxyxy", cfg, state.at,
              "t.txt:1: the character 'x' is not in the vocabulary of the "
              "training text (unknown: token has one for all such)");
  void *later = open_text("ab\ncabccaxy", cfg, 0, state.at);
  ck_assert_int_eq(ops->count(later), 1);
  ck_assert_str_eq(row_text(later, 0, 0), "bc");
  ck_assert_str_eq(row_text(later, 1, 0), "cc");
  ops->close(later);
  fixture_free(state.at);
  ops->close(train);
  /* Numbers of tokens, the rest being left out. */
  cfg = fixture_cfg(text, "path", "t.txt", "context", "1", "parts", "[4, 3]",
                    "part", "validation", NULL);
  later = open_text("abcdefghij", cfg, 0, NULL);
  ck_assert_int_eq(ops->count(later), 2);
  ck_assert_str_eq(row_text(later, 0, 0), "e");
  ck_assert_str_eq(row_text(later, 1, 1), "g");
  ops->close(later);
}
END_TEST

START_TEST(reads_text_as_people_write_it) {
  void *cfg = fixture_cfg(text, "path", "t.txt", "context", "4", NULL);
  void *self = open_text("\xEF\xBB\xBF" "a\r\nb\rc", cfg, 0, NULL);
  ck_assert_str_eq(row_text(self, 0, 0), "a\nb\r");
  ops->close(self);
  cfg = fixture_cfg(text, "path", "t.txt", "context", "1", "encoding",
                    "latin-1", NULL);
  self = open_text("\xE9\xFF", cfg, 0, NULL);
  ck_assert_str_eq(row_text(self, 0, 0), "\xC3\xA9");
  ck_assert_str_eq(row_text(self, 1, 0), "\xC3\xBF");
  ops->close(self);
  cfg = fixture_cfg(text, "path", "[t.txt, t.txt]", "context", "3", NULL);
  self = open_text("abc", cfg, 0, NULL);
  ck_assert_int_eq(ops->count(self), 1);
  ck_assert_str_eq(row_text(self, 1, 0), "bca");
  ops->close(self);
}
END_TEST

START_TEST(encodes_prompts) {
  void *cfg = fixture_cfg(text, "path", "t.txt", "context", "2", NULL);
  void *self = open_text("hello", cfg, 0, NULL);
  nacre_bytes state = state_of(self), codes;
  ops->close(self);
  /* No file is read for it. */
  fixture_path = NULL;
  self = open_text("", cfg, NACRE_OPEN_PREDICT | NACRE_OPEN_TOKENS,
                   state.at);
  ck_assert_int_eq(ops->encode(self, &fixture_host, "hole", 4, &codes,
                               &fail.base), NACRE_OK);
  ck_assert_uint_eq(codes.n, 4 * sizeof(int64_t));
  ck_assert_int_eq(((int64_t *)(void *)codes.at)[1], 3);
  fixture_free(codes.at);
  ck_assert_int_eq(ops->encode(self, &fixture_host, "ho\x07y", 4, &codes,
                               &fail.base), NACRE_ERROR);
  ck_assert_str_eq(fail.text, "the character '\\x07' is not in the "
                              "vocabulary of the training text");
  fail = fixture_fail_new();
  ck_assert_int_eq(ops->encode(self, &fixture_host, "h\xFF", 2, &codes,
                               &fail.base), NACRE_ERROR);
  ck_assert_str_eq(fail.text, "byte 1 of the text is not UTF-8");
  ops->close(self);
  fixture_free(state.at);
  ck_assert_int_eq(fixture_blocks, 0);
}
END_TEST

/* RFC 3629: what is too long, a surrogate, above U+10FFFF, or cut. */
START_TEST(refuses_what_is_not_utf8) {
  static const struct {
    const char *content;
    int offset;
    bool good;
  } cases[] = {
    { "ab\xC0\x80", 2, false },         { "ab\xC1\xBF", 2, false },
    { "a\xE0\x9F\xBF", 1, false },      { "a\xE0\xA0\x80", 0, true },
    { "a\xED\xA0\x80", 1, false },      { "a\xED\x9F\xBF", 0, true },
    { "a\xF0\x8F\xBF\xBF", 1, false },  { "a\xF0\x90\x80\x80", 0, true },
    { "a\xF4\x90\x80\x80", 1, false },  { "a\xF4\x8F\xBF\xBF", 0, true },
    { "a\xF5\x80\x80\x80", 1, false },  { "a\x80", 1, false },
    { "\xC3\xA9\xC3", 2, false },       { "\xE2\x82", 0, false },
    { "\xE2\x28\xA1", 0, false },       { "\xFF\xFE", 0, false },
  };
  void *cfg = fixture_cfg(text, "path", "t.txt", "context", "1", NULL);
  void *self;
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    char place[32];
    int status = try_open(cases[i].content, cfg, 0, NULL, &self);
    ck_assert_msg((status == NACRE_OK) == cases[i].good, "case %zu", i);
    if (status == NACRE_OK) {
      ops->close(self);
      continue;
    }
    snprintf(place, sizeof(place), "t.txt@%d: byte", cases[i].offset);
    ck_assert_msg(strncmp(fail.text, place, strlen(place)) == 0,
                  "case %zu: %s", i, fail.text);
  }
}
END_TEST

START_TEST(refuses_damaged_states) {
  static const char *const states[] = {
    "",
    "text",
    "text 1 0 0 0 2 1\n0\n",
    "text 1 0 0 0 2 2\n0\na\n",
    "text 1 0 0 0 2 1\n0\na\nb\n",
    "text 1 0 0 0 2 2\n0\na\na\n",
    "text 1 0 0 0 0 1\n0\na\n",
    "text 1 0 0 2 2 1\n0\na\n",
    "text 1 0 0 0 2 0\n0\n",
    "text 1 0 0 0 2 1\n4\na\n",
    "text 1 0 0 0 2 1\n1 3fe0\na\n",
    "text 1 0 0 0 2 1\n1 7ff0000000000000\na\n",
    "text 1 0 0 0 2 1\n1 bfe0000000000000\na\n",
    "text 1 0 0 0 2 1\n0\n%\n",
    "text 1 0 0 0 2 1\n0\n%FF\n",
    "text 1 0 0 0 2 99999999\n0\na\n",
    "text 2 0 0 0 2 1\n0\na\n",
  };
  void *cfg = fixture_cfg(text, "path", "t.txt", NULL);
  for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
    refuse_text("aaaa", cfg, states[i],
                "what was kept of the training text is damaged");
  }
  void *self = open_text("aaaa", cfg, 0, "text 1 0 0 0 2 1\n0\na\n");
  ck_assert_int_eq(ops->count(self), 1);
  ops->close(self);
}
END_TEST

START_TEST(refuses_bad_configurations) {
  static const struct {
    const char *key, *value, *expected;
  } cases[] = {
    { "part", "test", "'part' needs 'parts', the lengths of the training, "
                      "validation and test part" },
    { "parts", "[1, 1, 1, 1]", "'parts' takes at most three lengths: of the "
                               "training, validation and test part" },
    { "context", "6", "t.txt: 6 tokens do not fill a window of 6 and what "
                      "comes next" },
    { "context", "null", "'context' is missing: the number of tokens in a "
                         "window" },
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    void *cfg = fixture_cfg(text, "path", "t.txt", "context", "2", NULL);
    fixture_set(text, cfg, cases[i].key, cases[i].value);
    refuse_text("abcdef", cfg, NULL, cases[i].expected);
  }
  void *cfg = fixture_cfg(text, "path", "t.txt", "context", "2", "parts",
                          "[4, 3]", "part", "validation", NULL);
  refuse_text("abcdef", cfg, NULL,
              "t.txt: the validation part ends behind 7 tokens, and there "
              "are 6");
  fixture_set(text, cfg, "parts", "[4, 0.1]");
  refuse_text("abcdef", cfg, NULL,
              "t.txt: the validation part of 6 tokens is empty");
  fixture_set(text, cfg, "parts", "[4]");
  refuse_text("abcdef", cfg, NULL,
              "'parts' has no length for the validation part");
}
END_TEST

START_TEST(survives_lack_of_memory) {
  void *cfg = fixture_cfg(text, "path", "t.txt", "context", "2", "level",
                          "word", "encoding", "latin-1", NULL);
  int status = NACRE_ERROR;
  long nth = 0;
  for (; status != NACRE_OK; nth++) {
    void *self;
    fixture_alloc_left = nth;
    status = try_open("some words, and \xE9 more words of it", cfg, 0, NULL,
                      &self);
    fixture_alloc_left = -1;
    if (status == NACRE_OK) {
      ops->close(self);
    } else {
      ck_assert_int_eq(fail.count, 1);
    }
    ck_assert_int_eq(fixture_blocks, 0);
    ck_assert_int_lt(nth, 1000);
  }
  ck_assert_int_gt(nth, 12);
}
END_TEST

/* The split that the literature measures on. */
START_TEST(reads_tiny_shakespeare) {
  const char *path = fixture_data("tinyshakespeare/input.txt");
  if (path == NULL) {
    return;
  }
  void *self;
  void *cfg = fixture_cfg(text, "path", path, "context", "64", "stride", "1",
                          "parts", "[0.9, 0.1]", "part", "train", NULL);
  ck_assert_int_eq(fixture_open(text, cfg, 0, NULL, &fail, &self), NACRE_OK);
  ck_assert_int_eq(field_at(self, 0)->classes, 65);
  ck_assert_int_eq(ops->count(self), 1003854 - 64);
  nacre_bytes state = state_of(self);
  ops->close(self);
  cfg = fixture_cfg(text, "path", path, "part", "validation", NULL);
  ck_assert_int_eq(fixture_open(text, cfg, 0, state.at, &fail, &self),
                   NACRE_OK);
  ck_assert_int_eq(ops->count(self), (111540 - 65) / 64 + 1);
  ck_assert_str_eq(row_text(self, 0, 0), "?\n\nGREMIO:\nGood morrow, neighbour"
                   " Baptista.\n\nBAPTISTA:\nGood morr");
  ops->close(self);
  fixture_free(state.at);
  ck_assert_int_eq(fixture_blocks, 0);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("text_source");
  TCase *tests = tcase_create("text_source");
  tcase_add_checked_fixture(tests, setup, NULL);
  tcase_set_timeout(tests, 60);
  tcase_add_test(tests, makes_windows_of_characters);
  tcase_add_test(tests, makes_windows_at_each_token);
  tcase_add_test(tests, cuts_words_without_loss);
  tcase_add_test(tests, keeps_the_most_frequent);
  tcase_add_test(tests, cuts_parts_in_one_piece);
  tcase_add_test(tests, reads_text_as_people_write_it);
  tcase_add_test(tests, encodes_prompts);
  tcase_add_test(tests, refuses_what_is_not_utf8);
  tcase_add_test(tests, refuses_damaged_states);
  tcase_add_test(tests, refuses_bad_configurations);
  tcase_add_test(tests, survives_lack_of_memory);
  tcase_add_test(tests, reads_tiny_shakespeare);
  suite_add_tcase(suite, tests);
  return fixture_run(suite);
}
