/* SPDX-License-Identifier: MIT */
/* Tests of checkpoints: saving and loading is the identity, whatever differs
 * is listed, what was fitted to the data comes back. */
#include "engine_fixture.h"
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *write_model(const char *layers, int seed, double spread) {
  engine_text yaml = { NULL, 0 };
  engine_put(&yaml, "nacre: 1\nseed: %d\nmodel:\n  input: [3]\n  layers:\n"
                    "%s"
                    "loss: mean_squared_error\noptimizer: adam\n"
                    "data:\n"
                    "  train: {type: inline, x: [[%g, 2, 3], [4, 5, 6], "
                    "[7, 8, 1]], y: [[1, 2], [3, 4], [5, 6]]}\n"
                    "  transform:\n"
                    "    - {type: rescale, scale: 0.5}\n"
                    "    - standardize\n"
                    "    - {type: standardize, field: y}\n",
             seed, layers, spread);
  return yaml.at;
}

static const char usual[] =
  "    - {name: one, type: dense, units: 4, activation: tanh}\n"
  "    - {name: norm, type: batch_normalization}\n"
  "    - {name: two, type: dense, units: 2, trainable: false}\n";

static nacre_fitted fitted_of(engine *self) {
  return (nacre_fitted){ self->trainer.samples.pipe,
                         self->trainer.samples.n_pipes, "the state" };
}

static void save(engine *self, const char *path) {
  nacre_fitted fitted = fitted_of(self);
  ck_assert_int_eq(nacre_checkpoint_save(&self->trainer.model, &fitted, path,
                                         &self->error), NACRE_OK);
}

static void open_model(engine *self, const char *layers, int seed,
                       double spread) {
  char *yaml = write_model(layers, seed, spread);
  engine_open(self, yaml);
  free(yaml);
}

START_TEST(test_identity) {
  char *dir = fixture_dir(), *path = fixture_path(dir, "w.safetensors");
  engine from, to;
  nacre_tensors tensors;
  open_model(&from, usual, 1, 1);
  open_model(&to, usual, 2, 100);
  ck_assert_int_eq(nacre_trainer_fit(&from.trainer), NACRE_OK);
  ck_assert_uint_ne(engine_digest(&from), engine_digest(&to));
  save(&from, path);
  ck_assert_int_eq(nacre_tensors_read(&tensors, path, &to.error), NACRE_OK);
  ck_assert_int_eq(nacre_checkpoint_load(&to.trainer.model, &tensors, path,
                                         &to.error), NACRE_OK);
  ck_assert_uint_eq(engine_digest(&from), engine_digest(&to));
  ck_assert_str_eq(nacre_checkpoint_source(&tensors), "the state");
  /* What the transforms have learned. */
  nacre_samples *a = &from.trainer.samples, *b = &to.trainer.samples;
  ck_assert_int_eq(nacre_checkpoint_fit(b->pipe, b->n_pipes, &tensors, path,
                                        &to.error), NACRE_OK);
  int fitted = 0;
  for (int i = 0; i < a->n_pipes; i++) {
    for (int j = 0; j < a->pipe[i].n_stages; j++) {
      const struct nacre_stage *x = &a->pipe[i].stage[j];
      const struct nacre_stage *y = &b->pipe[i].stage[j];
      ck_assert_int_eq(x->state_count, y->state_count);
      if (x->state_count > 0) {
        ck_assert(memcmp(x->state, y->state,
                         (size_t)x->state_count * sizeof(double)) == 0);
        fitted++;
      }
    }
  }
  ck_assert_int_eq(fitted, 2);
  nacre_tensors_fini(&tensors);
  engine_close(&from);
  engine_close(&to);
  free(path);
  fixture_remove(dir);
}
END_TEST

START_TEST(test_differences_are_listed) {
  char *dir = fixture_dir(), *path = fixture_path(dir, "w.safetensors");
  engine from, to;
  nacre_tensors tensors;
  open_model(&from, usual, 1, 1);
  open_model(&to,
             "    - {name: one, type: dense, units: 5, activation: tanh}\n"
             "    - {name: renamed, type: batch_normalization}\n"
             "    - {name: two, type: dense, units: 2, use_bias: false}\n",
             1, 1);
  save(&from, path);
  uint64_t digest = engine_digest(&to);
  ck_assert_int_eq(nacre_tensors_read(&tensors, path, &to.error), NACRE_OK);
  ck_assert_int_eq(nacre_checkpoint_load(&to.trainer.model, &tensors, path,
                                         &to.error), NACRE_ERROR);
  ck_assert_int_eq(nacre_error_code(&to.error), NACRE_EMODEL);
  engine_says(&to, "tensor 'one.kernel' has another shape or type");
  engine_says(&to, "tensor 'one.bias' has another shape or type");
  engine_says(&to, "tensor 'two.kernel' has another shape or type");
  engine_says(&to, "tensor 'renamed.gamma' is missing");
  engine_says(&to, "tensor 'renamed.moving_mean' is missing");
  engine_says(&to, "tensor 'norm.gamma' is not of this model");
  engine_says(&to, "tensor 'two.bias' is not of this model");
  ck_assert_int_eq(to.error.count, 3 + 4 + 5);
  /* A model is loaded whole or not at all. */
  ck_assert_uint_eq(engine_digest(&to), digest);
  nacre_tensors_fini(&tensors);
  engine_close(&from);
  engine_close(&to);
  free(path);
  fixture_remove(dir);
}
END_TEST

/* The precision of a file does not matter; other types do. */
START_TEST(test_precision) {
  static const float single[2] = { 0.5f, -3 };
  static const double wide[2] = { 0.25, 7 };
  static const int32_t whole[2] = { 1, 2 };
  static const struct {
    int32_t dtype;
    const void *data;
    double first;
  } types[] = { { NACRE_F32, single, 0.5 }, { NACRE_F64, wide, 0.25 },
                { NACRE_I32, whole, 0 } };
  char *dir = fixture_dir(), *path = fixture_path(dir, "w.safetensors");
  for (int i = 0; i < 3; i++) {
    engine self;
    nacre_tensors tensors;
    engine_open(&self, "nacre: 1\nmodel:\n  input: [2]\n  layers:\n"
                       "    - {type: dense, units: 1, use_bias: false}\n"
                       "loss: mean_squared_error\noptimizer: sgd\n"
                       "data:\n  train: {type: inline, x: [[1, 2]], "
                       "y: [[1]]}\n");
    nacre_entry entry = { "dense.kernel",
                          { { 2, 1 }, 2, types[i].dtype }, types[i].data };
    ck_assert_int_eq(nacre_tensors_write(path, &entry, 1, NULL, 0,
                                         &self.error), NACRE_OK);
    ck_assert_int_eq(nacre_tensors_read(&tensors, path, &self.error),
                     NACRE_OK);
    int status = nacre_checkpoint_load(&self.trainer.model, &tensors, path,
                                       &self.error);
    ck_assert_int_eq(status, types[i].first > 0 ? NACRE_OK : NACRE_ERROR);
    if (status == NACRE_OK) {
      ck_assert((double)engine_weight(&self, "dense.kernel")[0] ==
                types[i].first);
    }
    nacre_tensors_fini(&tensors);
    engine_close(&self);
  }
  free(path);
  fixture_remove(dir);
}
END_TEST

/* Without what was fitted, or with another number of features. */
START_TEST(test_fitted_is_missing) {
  char *dir = fixture_dir(), *path = fixture_path(dir, "w.safetensors");
  engine self;
  nacre_tensors tensors;
  open_model(&self, usual, 1, 1);
  nacre_fitted none = { NULL, 0, NULL };
  ck_assert_int_eq(nacre_checkpoint_save(&self.trainer.model, &none, path,
                                         &self.error), NACRE_OK);
  ck_assert_int_eq(nacre_tensors_read(&tensors, path, &self.error),
                   NACRE_OK);
  ck_assert_ptr_null(nacre_checkpoint_source(&tensors));
  nacre_samples *samples = &self.trainer.samples;
  ck_assert_int_eq(nacre_checkpoint_fit(samples->pipe, samples->n_pipes,
                                        &tensors, path, &self.error),
                   NACRE_ERROR);
  engine_says(&self, "tensor 'fitted.x.1' is missing or of another size");
  nacre_tensors_fini(&tensors);
  engine_close(&self);
  free(path);
  fixture_remove(dir);
}
END_TEST

/* Without memory nothing is written and nothing leaks. */
START_TEST(test_no_memory) {
  char *dir = fixture_dir(), *path = fixture_path(dir, "w.safetensors");
  engine self;
  open_model(&self, usual, 1, 1);
  nacre_fitted fitted = fitted_of(&self);
  int refused = 0;
  for (int at = 1;; at++) {
    nacre_error error;
    nacre_error_init(&error);
    fixture_watch();
    fixture_memory.fail_at = at;
    fixture_memory.for_good = true;
    int status = nacre_checkpoint_save(&self.trainer.model, &fitted, path,
                                       &error);
    int failed = fixture_memory.failed;
    fixture_unwatch();
    nacre_error_fini(&error);
    if (failed == 0) {
      ck_assert_int_eq(status, NACRE_OK);
      break;
    }
    ck_assert_int_ne(status, NACRE_OK);
    refused++;
  }
  ck_assert_int_gt(refused, 3);
  engine_close(&self);
  free(path);
  fixture_remove(dir);
}
END_TEST

Suite *test_checkpoint_suite(void);
Suite *test_checkpoint_suite(void) {
  Suite *suite = suite_create("checkpoint");
  TCase *tests = tcase_create("checkpoint");
  tcase_set_timeout(tests, 60);
  tcase_add_test(tests, test_identity);
  tcase_add_test(tests, test_differences_are_listed);
  tcase_add_test(tests, test_precision);
  tcase_add_test(tests, test_fitted_is_missing);
  tcase_add_test(tests, test_no_memory);
  suite_add_tcase(suite, tests);
  return suite;
}
