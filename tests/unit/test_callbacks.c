/* SPDX-License-Identifier: MIT */
/* test_callbacks: each callback watches a made-up training, a number an
 * epoch. The traces are those of Keras's callbacks of these names, worked out
 * from their published rules. */
#include "plugin_fixture.h"

typedef struct fake {
  nacre_training base;
  double value;           /* of the monitored number in this epoch */
  int64_t stopped;        /* epoch, or 0 */
  int64_t remembered;     /* epoch of the copy, or 0 */
  int64_t restored;       /* the same, once it was put back */
  int32_t diverged, saving_fails;
  double rate;
  char files[512];        /* names that are there, each behind a space */
} fake;

static int get(const nacre_training *base, const char *name, double *value) {
  const fake *self = (const fake *)base;
  *value = self->value;
  return strcmp(name, "absent") == 0 ? NACRE_ERROR : NACRE_OK;
}

static int direction(const nacre_training *base, const char *name) {
  (void)base;
  return strstr(name, "accuracy") != NULL ? 1 : -1;
}

static void stop(nacre_training *base, int32_t diverged, const char *reason) {
  fake *self = (fake *)base;
  ck_assert_ptr_nonnull(reason);
  self->stopped = base->epoch;
  self->diverged = diverged;
}

static double learning_rate(const nacre_training *base) {
  return ((const fake *)base)->rate;
}

static void scale_learning_rate(nacre_training *base, double factor) {
  ((fake *)base)->rate *= factor;
}

static void remember(nacre_training *base) {
  ((fake *)base)->remembered = base->epoch;
}

static void restore(nacre_training *base) {
  ((fake *)base)->restored = ((fake *)base)->remembered;
}

static int save(nacre_training *base, const char *name, nacre_fail *fail) {
  fake *self = (fake *)base;
  if (self->saving_fails) {
    fail->fail(fail, name, "the disk is full");
    return NACRE_ERROR;
  }
  strcat(strcat(self->files, " "), name);
  return NACRE_OK;
}

static int remove_file(nacre_training *base, const char *name) {
  char *at = strstr(((fake *)base)->files, name);
  ck_assert_ptr_nonnull(at);
  memmove(at - 1, at + strlen(name), strlen(at + strlen(name)) + 1);
  return NACRE_OK;
}

static void note(nacre_training *base, const char *format, ...) {
  (void)base;
  (void)format;
}

/* Runs up to n epochs of these values. */
static fake run(const char *name, const void *cfg, const double *values,
                int n) {
  const nacre_component *component =
    fixture_component("callbacks", name, name);
  const nacre_callback_ops *ops = component->ops;
  fixture_fail fail = fixture_fail_new();
  void *state = fixture_keep(ops->state_size);
  fake self = { .base = { .size = sizeof(nacre_training), .get = get,
                          .direction = direction, .stop = stop,
                          .learning_rate = learning_rate,
                          .scale_learning_rate = scale_learning_rate,
                          .remember = remember, .restore = restore,
                          .save = save, .remove = remove_file,
                          .note = note },
                .rate = 1 };
  ops->event(NACRE_ON_TRAIN_BEGIN, cfg, state, &self.base, &fail.base);
  for (int i = 0; i < n && self.stopped == 0; i++) {
    self.base.epoch = i + 1;
    self.value = values[i];
    ck_assert_int_eq(ops->event(NACRE_ON_EPOCH_END, cfg, state, &self.base,
                                &fail.base), NACRE_OK);
  }
  ops->event(NACRE_ON_TRAIN_END, cfg, state, &self.base, &fail.base);
  return self;
}

#define CFG(name, ...) \
  fixture_cfg(fixture_component("callbacks", name, name), __VA_ARGS__)

static const double dip[] = { 5, 4, 3, 3.5, 3.25, 3, 2.75, 9, 9, 9 };

static const struct {
  const char *option[8];
  const double values[10];
  int64_t stopped, restored;
} stops[] = {
  { { NULL }, { 5, 4, 4.5, 1 }, 3, 0 },
  { { NULL }, { 5, 5, 1 }, 2, 0 },
  { { "patience", "2" }, { 5, 4, 4.5, 4.25, 1 }, 4, 0 },
  { { "patience", "2" }, { 5, 4, 4.5, 3, 3.5, 3, 1 }, 6, 0 },
  { { "patience", "2", "restore_best_weights", "true" },
    { 5, 4, 4.5, 3, 3.5, 3, 1 }, 6, 4 },
  { { "min_delta", "1", "patience", "1" }, { 5, 4.5, 3 }, 2, 0 },
  { { "monitor", "val/accuracy" }, { 0.5, 0.75, 0.7, 0.9 }, 3, 0 },
  { { "mode", "max" }, { 0.5, 0.75, 0.7, 0.9 }, 3, 0 },
  { { "baseline", "3", "patience", "3" }, { 6, 5, 4, 2 }, 3, 0 },
  { { "baseline", "3", "patience", "3" }, { 6, 5, 2, 2, 2, 2, 1 }, 6, 0 },
  { { "start_from_epoch", "3", "patience", "1" }, { 1, 2, 3, 4, 5, 0 }, 5,
    0 },
  { { "patience", "2" }, { 5, NAN, NAN, 1 }, 3, 0 },
  { { "patience", "3" }, { NAN, 5, 6, 7, 8, 1 }, 5, 0 },
};

START_TEST(early_stopping) {
  void *cfg = CFG("early_stopping", NULL);
  const nacre_component *component =
    fixture_component("callbacks", "early_stopping", "early_stopping");
  for (int i = 0; stops[_i].option[i] != NULL; i += 2) {
    fixture_set(component, cfg, stops[_i].option[i],
                stops[_i].option[i + 1]);
  }
  fake end = run("early_stopping", cfg, stops[_i].values, 10);
  ck_assert_int_eq(end.stopped, stops[_i].stopped);
  ck_assert_int_eq(end.restored, stops[_i].restored);
  ck_assert_int_eq(end.diverged, 0);
}
END_TEST

START_TEST(early_stopping_restores_without_stopping) {
  fake end = run("early_stopping",
                 CFG("early_stopping", "patience", "9",
                     "restore_best_weights", "true", NULL), dip, 10);
  ck_assert_int_eq(end.stopped, 0);
  ck_assert_int_eq(end.restored, 7);
}
END_TEST

static const struct {
  const char *option[8];
  const double values[10];
  double rate;
} plateaus[] = {
  { { "patience", "1" }, { 5, 5, 5, 4, 4, 4, 3, 2, 1, 0 }, 1e-4 },
  { { "patience", "2" }, { 5, 5, 5, 5, 4, 4, 3, 2, 1, 0 }, 0.1 },
  { { "patience", "2", "factor", "0.5" }, { 5, 5, 5, 5, 5, 5, 5, 5, 5, 5 },
    0.0625 },
  { { "patience", "1", "cooldown", "2", "factor", "0.5" },
    { 5, 5, 5, 5, 5, 5, 5, 5, 5, 5 }, 0.03125 },
  { { "patience", "1", "min_lr", "0.05" }, { 5, 5, 5, 5, 5, 5, 5, 5, 5, 5 },
    0.05 },
  { { "patience", "1", "min_delta", "1" },
    { 9, 8.5, 7, 6.5, 5, 4.5, 3, 2.5, 1, 0.5 }, 1e-5 },
  { { "monitor", "accuracy", "patience", "9" },
    { 1, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, 0.1 },
};

START_TEST(reduce_lr_on_plateau) {
  void *cfg = CFG("reduce_lr_on_plateau", NULL);
  const nacre_component *component = fixture_component(
    "callbacks", "reduce_lr_on_plateau", "reduce_lr_on_plateau");
  for (int i = 0; plateaus[_i].option[i] != NULL; i += 2) {
    fixture_set(component, cfg, plateaus[_i].option[i],
                plateaus[_i].option[i + 1]);
  }
  fake end = run("reduce_lr_on_plateau", cfg, plateaus[_i].values, 10);
  ck_assert_double_eq_tol(end.rate, plateaus[_i].rate,
                          1e-12 * plateaus[_i].rate);
}
END_TEST

START_TEST(terminate_on_nan) {
  static const double losses[] = { 0.5, -3, 1e300, NAN, (double)INFINITY };
  const nacre_component *component =
    fixture_component("callbacks", "terminate_on_nan", "terminate_on_nan");
  const nacre_callback_ops *ops = component->ops;
  fixture_fail fail = fixture_fail_new();
  ck_assert_uint_eq(ops->flags, 1u << NACRE_ON_STEP_END);
  for (int i = 0; i < 5; i++) {
    fake self = { .base = { .stop = stop, .epoch = 1, .loss = losses[i] } };
    ops->event(NACRE_ON_STEP_END, NULL, NULL, &self.base, &fail.base);
    ck_assert_int_eq(self.stopped, i >= 3);
    ck_assert_int_eq(self.diverged, i >= 3);
  }
}
END_TEST

static const struct {
  const char *option[8];
  const char *files;
} checkpoints[] = {
  { { NULL }, " epoch-0010" },
  { { "keep", "3" }, " epoch-0008 epoch-0009 epoch-0010" },
  { { "keep", "2", "every", "4" }, " epoch-0004 epoch-0008" },
  { { "monitor", "val/loss" }, " epoch-0007" },
  { { "monitor", "val/loss", "keep", "2" }, " epoch-0003 epoch-0007" },
  { { "monitor", "val/accuracy", "keep", "2" }, " epoch-0008 epoch-0009" },
  { { "monitor", "absent" }, "" },
};

START_TEST(checkpoint) {
  void *cfg = CFG("checkpoint", NULL);
  const nacre_component *component =
    fixture_component("callbacks", "checkpoint", "checkpoint");
  for (int i = 0; checkpoints[_i].option[i] != NULL; i += 2) {
    fixture_set(component, cfg, checkpoints[_i].option[i],
                checkpoints[_i].option[i + 1]);
  }
  fake end = run("checkpoint", cfg, dip, 10);
  ck_assert_str_eq(end.files, checkpoints[_i].files);
}
END_TEST

START_TEST(checkpoint_reports_a_failed_save) {
  const nacre_component *component =
    fixture_component("callbacks", "checkpoint", "checkpoint");
  const nacre_callback_ops *ops = component->ops;
  fixture_fail fail = fixture_fail_new();
  void *state = fixture_keep(ops->state_size);
  fake self = { .base = { .epoch = 1, .save = save, .remove = remove_file },
                .saving_fails = 1 };
  ck_assert_int_eq(ops->event(NACRE_ON_EPOCH_END, CFG("checkpoint", NULL),
                              state, &self.base, &fail.base), NACRE_ERROR);
  ck_assert_str_eq(fail.text, "epoch-0001: the disk is full");
}
END_TEST

START_TEST(they_say_what_they_monitor) {
  static const char *const names[] = { "early_stopping", "checkpoint",
                                       "reduce_lr_on_plateau" };
  for (int i = 0; i < 3; i++) {
    const nacre_component *component =
      fixture_component("callbacks", names[i], names[i]);
    const nacre_callback_ops *ops = component->ops;
    void *cfg = fixture_cfg(component, "monitor", "val/accuracy", NULL);
    ck_assert_str_eq(ops->monitor(cfg, 0), "val/accuracy");
    ck_assert_ptr_null(ops->monitor(cfg, 1));
  }
}
END_TEST

int main(void) {
  Suite *suite = suite_create("callbacks");
  TCase *tests = tcase_create("callbacks");
  tcase_add_loop_test(tests, early_stopping, 0,
                      sizeof(stops) / sizeof(stops[0]));
  tcase_add_test(tests, early_stopping_restores_without_stopping);
  tcase_add_loop_test(tests, reduce_lr_on_plateau, 0,
                      sizeof(plateaus) / sizeof(plateaus[0]));
  tcase_add_test(tests, terminate_on_nan);
  tcase_add_loop_test(tests, checkpoint, 0,
                      sizeof(checkpoints) / sizeof(checkpoints[0]));
  tcase_add_test(tests, checkpoint_reports_a_failed_save);
  tcase_add_test(tests, they_say_what_they_monitor);
  suite_add_tcase(suite, tests);
  return fixture_run(suite);
}
