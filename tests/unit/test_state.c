/* SPDX-License-Identifier: MIT */
/* Tests of states: what goes on comes to the same bits; a state that is
 * damaged, cut, or not written for want of memory or disk leaves a trainer
 * as it was and the older state usable. */
#include "engine_fixture.h"
#include "fixture.h"
#include "train/state.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char net[] = "\
nacre: 1\n\
seed: 7\n\
model:\n\
  input: [2]\n\
  layers:\n\
    - {type: dense, units: 3, activation: tanh}\n\
    - {type: batch_normalization}\n\
    - {type: dropout, rate: 0.2}\n\
    - {type: dense, units: 1}\n\
loss: mean_squared_error\n\
optimizer: {type: adam, learning_rate: 0.1,\n\
            gradient_accumulation_steps: 2}\n\
metrics: [mean_absolute_error]\n\
data:\n\
  train: {type: inline, x: [[0, 0], [0, 1], [1, 0], [1, 1], [2, 0],\n\
          [0, 2], [2, 1]], y: [[0], [1], [1], [0], [2], [2], [1]]}\n\
  validation: {from: train, fraction: 0.3}\n\
  transform: [standardize]\n\
callbacks:\n\
  - {type: early_stopping, patience: 100, restore_best_weights: true}\n\
final_weights: best\n\
train: {epochs: 6, batch_size: 1, checkpoint: {every: 1 epochs}}\n";

static int remove_one(const char *path, const struct stat *st, int flag,
                      struct FTW *walk) {
  (void)st;
  (void)flag;
  (void)walk;
  return remove(path);
}

/* A trainer in a directory of its own. */
typedef struct place {
  char *root;
  nacre_rundir dir;
  engine engine;
} place;

static void open_place(place *self, const char *yaml) {
  nacre_error error;
  nacre_error_init(&error);
  self->root = fixture_dir();
  ck_assert_int_eq(nacre_rundir_create(&self->dir, self->root, "net",
                                       &error), NACRE_OK);
  nacre_error_fini(&error);
  nacre_train_options options = { .threads = 1, .dir = &self->dir };
  engine_open_with(&self->engine, yaml, &options);
}

static void close_place(place *self) {
  engine_close(&self->engine);
  nacre_rundir_close(&self->dir);
  (void)nftw(self->root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
  free(self->root);
}

/* Another trainer in the same directory. */
static void reopen(place *self, const char *yaml) {
  nacre_train_options options = { .threads = 1, .dir = &self->dir };
  engine_close(&self->engine);
  engine_open_with(&self->engine, yaml, &options);
}

static void run_steps(place *self, int n) {
  for (int i = 0; i < n; i++) {
    ck_assert_int_eq(nacre_trainer_step(&self->engine.trainer, NULL),
                     NACRE_OK);
  }
}

static int resume(place *self) {
  nacre_state_found found = NACRE_STATE_NONE;
  return nacre_state_resume(&self->engine.trainer, &found) == NACRE_OK &&
             found == NACRE_STATE_RESTORED
    ? NACRE_OK : NACRE_ERROR;
}

static char *state_path(const place *self, int number) {
  char *path = malloc(4096);
  snprintf(path, 4096, "%s/checkpoints/state-%010d.safetensors",
           self->dir.path, number);
  return path;
}

static bool is_there(const place *self, int number) {
  char *path = state_path(self, number);
  bool there = access(path, F_OK) == 0;
  free(path);
  return there;
}

START_TEST(test_any_step_will_do) {
  place whole;
  open_place(&whole, net);
  ck_assert_int_eq(nacre_trainer_fit(&whole.engine.trainer), NACRE_OK);
  uint64_t digest = engine_digest(&whole.engine);
  int64_t batches = whole.engine.trainer.batches;
  ck_assert_int_eq(batches, 5);
  close_place(&whole);
  /* Steps alone tell no callback: the first epoch is enough. */
  for (int steps = 0; steps < batches; steps++) {
    place self;
    open_place(&self, net);
    nacre_training *view = &self.engine.trainer.view;
    ck_assert_int_eq(nacre_callbacks_tell(&self.engine.trainer,
                                          NACRE_ON_TRAIN_BEGIN), NACRE_OK);
    ck_assert_ptr_eq(view->host, &self.engine.trainer);
    run_steps(&self, steps);
    ck_assert_int_eq(nacre_state_save(&self.engine.trainer), NACRE_OK);
    ck_assert(is_there(&self, steps));
    reopen(&self, net);
    ck_assert_int_eq(resume(&self), NACRE_OK);
    ck_assert_int_eq(self.engine.trainer.at, steps);
    ck_assert_int_eq(self.engine.trainer.optimizer.pending, steps % 2);
    ck_assert_int_eq(nacre_trainer_fit(&self.engine.trainer), NACRE_OK);
    ck_assert_uint_eq(engine_digest(&self.engine), digest);
    close_place(&self);
  }
}
END_TEST

START_TEST(test_rotation) {
  place self;
  open_place(&self, net);
  for (int i = 0; i < 4; i++) {
    run_steps(&self, 1);
    ck_assert_int_eq(nacre_state_save(&self.engine.trainer), NACRE_OK);
  }
  ck_assert(!is_there(&self, 1) && !is_there(&self, 2));
  ck_assert(is_there(&self, 3) && is_there(&self, 4));
  /* The newest is damaged; what comes after the other one replaces it. */
  char *path = state_path(&self, 4);
  ck_assert_int_eq(truncate(path, 100), 0);
  free(path);
  reopen(&self, net);
  ck_assert_int_eq(resume(&self), NACRE_OK);
  engine_says(&self.engine, "is damaged; an older one is tried");
  ck_assert_int_eq(self.engine.error.errors, 0);
  ck_assert_int_eq(self.engine.trainer.at, 3);
  ck_assert(!is_there(&self, 4));
  close_place(&self);
}
END_TEST

/* Whatever a file holds, a trainer is either as it was or as it was when the
 * file was whole. */
static void try_file(place *self, const char *path, uint64_t fresh,
                     uint64_t saved, int *accepted) {
  nacre_error error;
  nacre_error_init(&error);
  int status = nacre_state_read(&self->engine.trainer, path, &error);
  uint64_t digest = engine_digest(&self->engine);
  if (status == NACRE_OK) {
    ck_assert_uint_eq(digest, saved);
    ck_assert_int_eq(self->engine.trainer.at, 3);
    ++*accepted;
    reopen(self, net);
  } else {
    ck_assert_int_gt(error.errors, 0);
    ck_assert_uint_eq(digest, fresh);
    ck_assert_int_eq(self->engine.trainer.at, 0);
  }
  nacre_error_fini(&error);
}

static void put_file(const char *path, const char *bytes, size_t n) {
  FILE *file = fopen(path, "wb");
  ck_assert(file != NULL && fwrite(bytes, 1, n, file) == n);
  ck_assert_int_eq(fclose(file), 0);
}

START_TEST(test_damage) {
  place self;
  nacre_bytes whole;
  open_place(&self, net);
  uint64_t fresh = engine_digest(&self.engine);
  run_steps(&self, 3);
  uint64_t saved = engine_digest(&self.engine);
  ck_assert_int_eq(nacre_state_save(&self.engine.trainer), NACRE_OK);
  char *path = state_path(&self, 3);
  ck_assert_int_eq(nacre_file_read(path, 1 << 20, NACRE_EIO,
                                   &self.engine.error, &whole), NACRE_OK);
  size_t header = 8 + (size_t)(unsigned char)whole.at[0] +
                  256 * (size_t)(unsigned char)whole.at[1];
  reopen(&self, net);
  int cut = 0, in_header = 0, in_data = 0;
  for (size_t at = 0; at < whole.n; at += 97) {
    put_file(path, whole.at, at);
    try_file(&self, path, fresh, saved, &cut);
  }
  ck_assert_int_eq(cut, 0);
  for (size_t at = 0; at < whole.n; at += at < header ? 11 : 5) {
    whole.at[at] = (char)(whole.at[at] ^ 0x15);
    put_file(path, whole.at, whole.n);
    try_file(&self, path, fresh, saved,
             at < header ? &in_header : &in_data);
    whole.at[at] = (char)(whole.at[at] ^ 0x15);
  }
  /* Names of digests, and texts for people, may be wrong. */
  ck_assert_int_eq(in_data, 0);
  ck_assert_int_lt(in_header, (int)header / 11 / 2);
  put_file(path, whole.at, whole.n);
  ck_assert_int_eq(resume(&self), NACRE_OK);
  nacre_free(whole.at);
  free(path);
  close_place(&self);
}
END_TEST

/* Each call that may fail does once: the older state is as it was. */
START_TEST(test_faults_while_saving) {
  fixture_faults *kinds[2] = { &fixture_memory, &fixture_files };
  for (int k = 0; k < 2; k++) {
    place self;
    open_place(&self, net);
    run_steps(&self, 1);
    ck_assert_int_eq(nacre_state_save(&self.engine.trainer), NACRE_OK);
    uint64_t older = engine_digest(&self.engine);
    run_steps(&self, 1);
    int status = NACRE_ERROR, n = 0;
    fixture_watch();
    while (status != NACRE_OK) {
      /* Watched files are written three bytes at a time. */
      n += n < 60 || k == 0 ? 1 : 199;
      *kinds[k] = (fixture_faults){ .fail_at = n, .reason = ENOSPC };
      status = nacre_state_save(&self.engine.trainer);
      ck_assert_int_lt(n, 100000);
      if (status != NACRE_OK) {
        ck_assert_int_gt(self.engine.error.errors, 0);
      }
    }
    fixture_unwatch();
    ck_assert_int_gt(n, 5);
    char *path = state_path(&self, 2);
    ck_assert_int_eq(unlink(path), 0);
    free(path);
    reopen(&self, net);
    ck_assert_int_eq(resume(&self), NACRE_OK);
    ck_assert_uint_eq(engine_digest(&self.engine), older);
    close_place(&self);
  }
}
END_TEST

START_TEST(test_faults_while_reading) {
  place self;
  open_place(&self, net);
  uint64_t fresh = engine_digest(&self.engine);
  run_steps(&self, 3);
  uint64_t saved = engine_digest(&self.engine);
  ck_assert_int_eq(nacre_state_save(&self.engine.trainer), NACRE_OK);
  reopen(&self, net);
  int status = NACRE_ERROR, n = 0;
  while (status != NACRE_OK) {
    fixture_watch();
    fixture_memory = (fixture_faults){ .fail_at = ++n, .reason = ENOMEM };
    status = resume(&self);
    fixture_unwatch();
    ck_assert_int_lt(n, 4000);
    if (status != NACRE_OK) {
      uint64_t digest = engine_digest(&self.engine);
      ck_assert(digest == fresh || digest == saved);
      ck_assert(self.engine.error.count > 0 || self.engine.error.lost);
    }
  }
  ck_assert_int_gt(n, 5);
  ck_assert_uint_eq(engine_digest(&self.engine), saved);
  close_place(&self);
}
END_TEST

START_TEST(test_of_others) {
  place self;
  open_place(&self, net);
  run_steps(&self, 2);
  ck_assert_int_eq(nacre_state_save(&self.engine.trainer), NACRE_OK);
  char *other = strdup(net);
  strstr(other, "seed: 7")[6] = '8';
  reopen(&self, other);
  ck_assert_int_ne(resume(&self), NACRE_OK);
  engine_says(&self.engine, "the experiment's 'seed' is not what it was");
  strstr(other, "seed: 8")[6] = '7';
  memcpy(strstr(other, "[2, 1]]"), "[2, 3]]", 7);
  reopen(&self, other);
  ck_assert_int_ne(resume(&self), NACRE_OK);
  engine_says(&self.engine, "the data are not those");
  /* How long it is, and how often it is saved, may change. */
  memcpy(strstr(other, "[2, 3]]"), "[2, 1]]", 7);
  memcpy(strstr(other, "epochs: 6"), "epochs: 9", 9);
  memcpy(strstr(other, "every: 1"), "every: 3", 8);
  reopen(&self, other);
  ck_assert_int_eq(resume(&self), NACRE_OK);
  free(other);
  close_place(&self);
}
END_TEST

Suite *test_state_suite(void) {
  Suite *suite = suite_create("state");
  TCase *tests = tcase_create("state");
  tcase_set_timeout(tests, 60);
  tcase_add_test(tests, test_any_step_will_do);
  tcase_add_test(tests, test_rotation);
  tcase_add_test(tests, test_damage);
  tcase_add_test(tests, test_faults_while_saving);
  tcase_add_test(tests, test_faults_while_reading);
  tcase_add_test(tests, test_of_others);
  suite_add_tcase(suite, tests);
  return suite;
}
