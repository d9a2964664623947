/* SPDX-License-Identifier: MIT */
/* test_inline: the inline source. */
#include "plugin_fixture.h"

typedef struct inline_cfg {
  nacre_array_map x, y;
} inline_cfg;

static const nacre_component *component;
static const nacre_source_ops *ops;
static fixture_fail fail;

static void setup(void) {
  component = fixture_component("sources", "inline", "inline");
  ops = component->ops;
  fail = fixture_fail_new();
  /* The struct above is filled by hand: it must be the plugin's. */
  ck_assert_uint_eq(component->cfg_size, sizeof(inline_cfg));
  ck_assert_uint_eq(fixture_param(component, "y")->offset,
                    offsetof(inline_cfg, y));
}

static const char *const nameless[] = { "" };
static const double corners[] = { 0, 0, 0, 1, 1, 0, 1, 1 };
static const double answers[] = { 0, 1, 1, 0 };
static const nacre_array inputs[] = {
  { corners, { { 4, 2, 0, 0, 0, 0 }, 2, 0 } },
  { answers, { { 4, 0, 0, 0, 0, 0 }, 1, 0 } },
};

START_TEST(reads_xor) {
  inline_cfg cfg = { { nameless, &inputs[0], 1 }, { nameless, &inputs[1], 1 } };
  int64_t rows[] = { 3, 1 };
  void *self;
  real out[4];
  ck_assert_int_eq(fixture_open(component, &cfg, 0, NULL, &fail, &self),
                   NACRE_OK);
  const nacre_field *field = ops->fields(self).at;
  ck_assert_int_eq(ops->count(self), 4);
  ck_assert_uint_eq(ops->fields(self).n, 2);
  ck_assert_str_eq(field[0].name, "x");
  ck_assert_int_eq(field[0].shape.rank, 1);
  ck_assert_int_eq(field[0].shape.dim[0], 2);
  ck_assert_str_eq(field[1].name, "y");
  ck_assert_int_eq(field[1].shape.rank, 0);
  ck_assert_int_eq(field[1].classes, 2);
  ck_assert_uint_eq(field[1].flags, NACRE_FIELD_TARGET | NACRE_FIELD_INDEX);
  ops->read(self, 0, rows, 2, out, &fail.base);
  ck_assert(out[0] == 1 && out[1] == 1 && out[2] == 0 && out[3] == 1);
  ops->read(self, 1, rows, 2, out, &fail.base);
  ck_assert(out[0] == 0 && out[1] == 1);
  ops->close(self);
  ck_assert_int_eq(fixture_blocks, 0);
}
END_TEST

START_TEST(reads_named_fields_and_no_targets) {
  static const char *const names[] = { "left", "right" };
  inline_cfg cfg = { { names, inputs, 2 }, { NULL, NULL, 0 } };
  void *self;
  ck_assert_int_eq(fixture_open(component, &cfg, 0, NULL, &fail, &self),
                   NACRE_OK);
  const nacre_field *field = ops->fields(self).at;
  ck_assert_uint_eq(ops->fields(self).n, 2);
  ck_assert_str_eq(field[1].name, "right");
  ck_assert_uint_eq(field[1].flags, 0);
  ops->close(self);
}
END_TEST

START_TEST(leaves_targets_out_of_predictions) {
  inline_cfg cfg = { { nameless, &inputs[0], 1 }, { nameless, &inputs[1], 1 } };
  void *self;
  ck_assert_int_eq(fixture_open(component, &cfg, NACRE_OPEN_PREDICT, NULL,
                                &fail, &self), NACRE_OK);
  ck_assert_uint_eq(ops->fields(self).n, 1);
  ops->close(self);
}
END_TEST

static const struct {
  nacre_array x, y;
  const char *message;
} bad[] = {
  { { corners, { { 4, 2, 0, 0, 0, 0 }, 2, 0 } },
    { answers, { { 3, 0, 0, 0, 0, 0 }, 1, 0 } },
    "'y' has 3 samples, but 'x' has 4" },
  { { corners, { { 0, 0, 0, 0, 0, 0 }, 1, 0 } },
    { answers, { { 4, 0, 0, 0, 0, 0 }, 1, 0 } }, "'x' has no samples" },
  { { corners, { { 4, 2, 0, 0, 0, 0 }, 2, 0 } },
    { answers, { { 0, 0, 0, 0, 0, 0 }, 0, 0 } },
    "'y' must be a list of samples" },
};

START_TEST(refuses) {
  inline_cfg cfg = { { nameless, &bad[_i].x, 1 }, { nameless, &bad[_i].y, 1 } };
  void *self;
  ck_assert_int_eq(fixture_open(component, &cfg, 0, NULL, &fail, &self),
                   NACRE_ERROR);
  ck_assert_str_eq(fail.text, bad[_i].message);
  ck_assert_int_eq(fixture_blocks, 0);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("inline");
  TCase *tests = tcase_create("inline");
  tcase_add_checked_fixture(tests, setup, NULL);
  tcase_add_test(tests, reads_xor);
  tcase_add_test(tests, reads_named_fields_and_no_targets);
  tcase_add_test(tests, leaves_targets_out_of_predictions);
  tcase_add_loop_test(tests, refuses, 0, sizeof(bad) / sizeof(bad[0]));
  suite_add_tcase(suite, tests);
  return fixture_run(suite);
}
