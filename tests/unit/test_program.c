/* SPDX-License-Identifier: MIT */
/* Tests of whole steps: gradients of every weight of a model, proven by
 * central differences through programs as they are bound for training. */
#include "engine_fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLES 6

/* A model over inputs of 4 numbers; what its target is. */
typedef struct situation {
  const char *name, *layers, *loss;
  int target; /* columns; 0: classes of 3 */
} situation;

static const situation situations[] = {
  { "epilogues", "\
    - {type: dense, units: 5, activation: tanh}\n\
    - {type: dense, units: 5, activation: sigmoid}\n\
    - {type: dense, units: 5, activation: elu}\n\
    - {type: dense, units: 5, activation: softsign}\n\
    - {type: dense, units: 2}\n", "mean_squared_error", 2 },
  { "activations that read their input", "\
    - {type: dense, units: 5, activation: silu}\n\
    - {type: dense, units: 5, activation: gelu}\n\
    - {type: dense, units: 5, activation: mish}\n\
    - {type: dense, units: 2}\n", "mean_squared_error", 2 },
  { "activation layers in a row", "\
    - {type: dense, units: 5}\n\
    - {type: activation, activation: tanh}\n\
    - {type: activation, activation: sigmoid}\n\
    - {type: activation, activation: silu}\n\
    - {type: activation, activation: tanh}\n\
    - {type: dense, units: 2, activation: softplus}\n",
    "mean_squared_error", 2 },
  { "an activation on the input", "\
    - {type: activation, activation: tanh}\n\
    - {type: dense, units: 2}\n", "mean_squared_error", 2 },
  { "dropout and noise", "\
    - {type: dense, units: 6, activation: tanh}\n\
    - {type: dropout, rate: 0.4}\n\
    - {type: dense, units: 6}\n\
    - {type: gaussian_noise, stddev: 0.3}\n\
    - {type: dense, units: 2}\n\
    - {type: dropout, rate: 0.1}\n", "mean_squared_error", 2 },
  { "dropout forked", "\
    - {name: a, type: dense, units: 6, activation: tanh}\n\
    - {name: d, type: dropout, rate: 0.4}\n\
    - {type: add, inputs: [a, d]}\n\
    - {type: multiply, inputs: [add, d]}\n\
    - {type: dense, units: 2}\n", "mean_squared_error", 2 },
  { "normalization", "\
    - {type: dense, units: 6, use_bias: false}\n\
    - {type: batch_normalization, activation: tanh}\n\
    - {type: dense, units: 6}\n\
    - {type: layer_normalization, activation: sigmoid}\n\
    - {type: batch_normalization, scale: false, center: false}\n\
    - {type: dense, units: 2}\n", "mean_squared_error", 2 },
  { "normalization forked", "\
    - {name: a, type: dense, units: 6, use_bias: false}\n\
    - {name: b, type: batch_normalization}\n\
    - {name: c, type: layer_normalization, inputs: a}\n\
    - {type: add, inputs: [a, b, c, b]}\n\
    - {type: dense, units: 2}\n", "mean_squared_error", 2 },
  { "sums in normalizations", "\
    - {name: a, type: dense, units: 6, activation: tanh}\n\
    - {name: b, type: dense, units: 6, use_bias: false}\n\
    - {name: n, type: batch_normalization}\n\
    - {name: c, type: add, inputs: [n, a], activation: tanh}\n\
    - {name: m, type: layer_normalization}\n\
    - {name: d, type: add, inputs: [c, m]}\n\
    - {name: e, type: dense, units: 6}\n\
    - {name: o, type: batch_normalization}\n\
    - {name: f, type: add, inputs: [o, d], activation: sigmoid}\n\
    - {type: multiply, inputs: [f, d]}\n\
    - {type: dense, units: 2}\n", "mean_squared_error", 2 },
  { "views forked", "\
    - {name: a, type: dense, units: 6, activation: tanh}\n\
    - {name: v, type: reshape, target_shape: [2, 3]}\n\
    - {name: f, type: flatten}\n\
    - {name: g, type: reshape, target_shape: [6], inputs: v}\n\
    - {name: p, type: permute, dims: [2, 1], inputs: v}\n\
    - {name: pf, type: flatten}\n\
    - {type: add, inputs: [a, f, g, pf]}\n\
    - {type: dense, units: 2}\n", "mean_squared_error", 2 },
  { "a view of a view, read once", "\
    - {type: dense, units: 6}\n\
    - {type: reshape, target_shape: [2, 3]}\n\
    - {type: reshape, target_shape: [3, 2]}\n\
    - {type: activation, activation: tanh}\n\
    - {type: flatten}\n\
    - {type: activation, activation: sigmoid}\n\
    - {type: identity}\n\
    - {type: dense, units: 2}\n", "mean_squared_error", 2 },
  { "a view of the input", "\
    - {type: reshape, target_shape: [2, 2]}\n\
    - {type: dense, units: 3, activation: tanh}\n\
    - {type: flatten}\n\
    - {type: dense, units: 2}\n", "mean_squared_error", 2 },
  { "add(x, x) and multiply(x, x)", "\
    - {name: a, type: dense, units: 5, activation: tanh}\n\
    - {name: b, type: add, inputs: [a, a]}\n\
    - {name: c, type: multiply, inputs: [b, b]}\n\
    - {name: d, type: subtract, inputs: [c, a]}\n\
    - {name: e, type: average, inputs: [d, d, c]}\n\
    - {type: dense, units: 2}\n", "mean_squared_error", 2 },
  { "x and a view of x", "\
    - {name: a, type: dense, units: 6}\n\
    - {name: v, type: reshape, target_shape: [6]}\n\
    - {type: multiply, inputs: [a, v]}\n\
    - {type: dense, units: 2}\n", "mean_squared_error", 2 },
  { "a diamond, in place on one side", "\
    - {name: a, type: dense, units: 5}\n\
    - {name: b, type: activation, activation: tanh, inputs: a}\n\
    - {name: c, type: activation, activation: silu, inputs: a}\n\
    - {name: d, type: dot, axes: 1, inputs: [b, c]}\n\
    - {name: e, type: concatenate, inputs: [b, d, c]}\n\
    - {type: dense, units: 2}\n", "mean_squared_error", 2 },
  { "softmax in the middle", "\
    - {name: a, type: dense, units: 5, activation: softmax}\n\
    - {name: b, type: activation, activation: softmax}\n\
    - {type: multiply, inputs: [a, b]}\n\
    - {type: dense, units: 2}\n", "mean_squared_error", 2 },
  { "a loss on logits", "\
    - {type: dense, units: 5, activation: tanh}\n\
    - {type: dense, units: 3, activation: softmax}\n",
    "sparse_categorical_crossentropy", 0 },
  { "a loss on probabilities", "\
    - {type: dense, units: 5, activation: tanh}\n\
    - {type: dense, units: 3, activation: softmax}\n\
    - {type: identity}\n",
    "sparse_categorical_crossentropy", 0 },
  { "a loss on logits that others read", "\
    - {name: a, type: dense, units: 3}\n\
    - {name: s, type: activation, activation: softmax}\n\
    - {name: b, type: add, inputs: [a, s]}\n\
    - {type: activation, activation: softmax}\n",
    "sparse_categorical_crossentropy", 0 },
  { "binary, on logits", "\
    - {type: dense, units: 4, activation: tanh}\n\
    - {type: dense, units: 1, activation: sigmoid}\n",
    "{type: binary_crossentropy, label_smoothing: 0.1}", 1 },
  { "the loss behind a view", "\
    - {type: dense, units: 4, activation: tanh}\n\
    - {type: dense, units: 4, activation: sigmoid}\n\
    - {type: reshape, target_shape: [4]}\n", "binary_crossentropy", 4 },
  { "frozen layers", "\
    - {type: dense, units: 5, activation: tanh}\n\
    - {type: dense, units: 5, activation: tanh, trainable: false}\n\
    - {type: batch_normalization, trainable: false}\n\
    - {type: dense, units: 2}\n", "mean_squared_error", 2 },
  { "frozen below", "\
    - {type: dense, units: 5, activation: tanh, trainable: false}\n\
    - {type: dropout, rate: 0.3}\n\
    - {type: layer_normalization, trainable: false}\n\
    - {type: dense, units: 5, activation: tanh}\n\
    - {type: dense, units: 2}\n", "mean_squared_error", 2 },
  { "frozen above", "\
    - {type: dense, units: 5, activation: tanh}\n\
    - {type: dense, units: 2, activation: silu, trainable: false}\n",
    "mean_squared_error", 2 },
  { "learning rate scales", "\
    - {type: dense, units: 5, activation: tanh, learning_rate_scale: 0}\n\
    - {type: dense, units: 5, activation: tanh, learning_rate_scale: 3}\n\
    - {type: prelu, learning_rate_scale: 0.5}\n\
    - {type: dense, units: 2}\n", "mean_squared_error", 2 },
  { "regularizers", "\
    - {type: dense, units: 5, activation: tanh,\n\
       kernel_regularizer: {type: l2, l2: 0.1},\n\
       bias_regularizer: {type: l2, l2: 0.2}}\n\
    - {type: dense, units: 5, kernel_regularizer: orthogonal}\n\
    - {type: dense, units: 2, trainable: false,\n\
       kernel_regularizer: {type: l2, l2: 5}}\n", "mean_squared_error", 2 },
  { "shared layers", "\
    - {name: a, type: dense, units: 4, activation: tanh}\n\
    - {name: b, share: a}\n\
    - {name: c, share: a, inputs: [a]}\n\
    - {name: n, type: batch_normalization, inputs: c}\n\
    - {name: m, share: n, inputs: b}\n\
    - {type: add, inputs: [b, n, m]}\n\
    - {type: dense, units: 2}\n", "mean_squared_error", 2 },
  { "steps that join the batch", "\
    - {type: reshape, target_shape: [2, 1, 2]}\n\
    - {name: t, type: time_distributed, activation: tanh,\n\
       layer: {type: dense, units: 3, activation: silu}}\n\
    - {name: u, type: time_distributed, layer:\n\
       {type: time_distributed, layer: {type: layer_normalization}}}\n\
    - {type: time_distributed, layer: {type: dropout, rate: 0.3}}\n\
    - {type: add, inputs: [t, u, time_distributed]}\n\
    - {type: time_distributed, layer: flatten}\n\
    - {type: flip, axis: 1}\n\
    - {type: flatten}\n\
    - {type: dense, units: 2}\n", "mean_squared_error", 2 },
  { "tied weights", "\
    - {name: a, type: dense, units: 4, activation: tanh}\n\
    - {name: b, type: dense, units: 4, tie: {kernel: a.kernel}}\n\
    - {type: reverse_embedding, input_dim: 4, activation: tanh,\n\
       tie: {embeddings: a.kernel}}\n\
    - {type: dense, units: 2}\n", "mean_squared_error", 2 },
  { "a dead end of two", "\
    - {name: a, type: dense, units: 4, activation: tanh}\n\
    - {name: b, type: dense, units: 4, inputs: input}\n\
    - {name: c, type: multiply, inputs: [b, a]}\n\
    - {name: d, type: add, inputs: [c, a, input]}\n\
    - {type: dense, units: 2, inputs: d}\n", "mean_squared_error", 2 },
};

static void put_head(engine_text *yaml, const char *loss) {
  engine_put(yaml, "loss: %s\noptimizer: {type: sgd, learning_rate: 0.1}\n"
                   "train: {batch_size: %d, shuffle: false}\ndata:\n",
             loss, SAMPLES);
}

static char *write_situation(const situation *at) {
  engine_text yaml = { NULL, 0 };
  engine_put(&yaml, "nacre: 1\nseed: 5\nmodel:\n  input: [4]\n  layers:\n%s",
             at->layers);
  put_head(&yaml, at->loss);
  engine_put(&yaml, "  train:\n    type: inline\n    x: ");
  engine_put_numbers(&yaml, SAMPLES, 4, 1);
  engine_put(&yaml, "\n    y: ");
  if (at->target == 0) {
    engine_put_labels(&yaml, SAMPLES, 3, 2);
  } else if (strstr(at->loss, "binary") != NULL) {
    engine_put(&yaml, "[");
    for (int i = 0; i < SAMPLES; i++) {
      engine_put(&yaml, at->target == 1 ? "[%d]," : "[%d, 1, 0, 1],", i % 2);
    }
    engine_put(&yaml, "]");
  } else {
    engine_put_numbers(&yaml, SAMPLES, at->target, 2);
  }
  engine_put(&yaml, "\n");
  return yaml.at;
}

START_TEST(test_situation) {
  char *yaml = write_situation(&situations[_i]);
  engine self;
  ck_assert_ptr_nonnull(situations[_i].name);
  engine_open(&self, yaml);
  engine_prove(&self, SAMPLES, 0);
  engine_prove(&self, SAMPLES - 2, 0); /* a last batch that is not full */
  engine_close(&self);
  free(yaml);
}
END_TEST

/* Two inputs, a layer that both go through, a residual, two outputs of which
 * one is read on, and losses of different weight. */
static const char two_by_two[] = "\
nacre: 1\n\
seed: 3\n\
model:\n\
  inputs: {left: [4], right: [4]}\n\
  layers:\n\
    - {name: tower, type: dense, units: 5, activation: tanh, inputs: left}\n\
    - {name: tower_right, share: tower, inputs: right}\n\
    - {name: mix, type: dense, units: 5, activation: silu,\n\
       inputs: tower_right}\n\
    - {name: residual, type: add, inputs: [tower, mix]}\n\
    - {name: near, type: dense, units: 3, activation: softmax}\n\
    - {name: joined, type: concatenate, inputs: [near, residual]}\n\
    - {name: far, type: dense, units: 2}\n\
  outputs: [near, far]\n\
loss:\n\
  near: {type: sparse_categorical_crossentropy, weight: 0.3}\n\
  far: {type: mean_squared_error, weight: 2}\n\
optimizer: {type: adam, learning_rate: 0.01}\n\
metrics: {near: accuracy}\n";

static char *write_two_by_two(const char *more) {
  engine_text yaml = { NULL, 0 };
  engine_put(&yaml, "%strain: {batch_size: %d, epochs: 60}\ndata:\n"
                    "  train:\n    type: inline\n    x:\n      left: ",
             two_by_two, SAMPLES);
  engine_put_numbers(&yaml, SAMPLES, 4, 11);
  engine_put(&yaml, "\n      right: ");
  engine_put_numbers(&yaml, SAMPLES, 4, 12);
  engine_put(&yaml, "%s\n    y:\n      near: ", more);
  engine_put_labels(&yaml, SAMPLES, 3, 13);
  engine_put(&yaml, "\n      far: ");
  engine_put_numbers(&yaml, SAMPLES, 2, 14);
  engine_put(&yaml, "\n");
  return yaml.at;
}

START_TEST(test_two_by_two) {
  char *yaml = write_two_by_two("");
  engine self;
  engine_open(&self, yaml);
  engine_prove(&self, SAMPLES, 0);
  double first = 0, last = 0;
  ck_assert_int_eq(nacre_trainer_epoch(&self.trainer), NACRE_OK);
  first = self.trainer.log[0].value;
  while (self.trainer.epoch < 60) {
    ck_assert_int_eq(nacre_trainer_epoch(&self.trainer), NACRE_OK);
  }
  last = self.trainer.log[0].value;
  ck_assert_double_lt(last, 0.5 * first);
  ck_assert_str_eq(self.trainer.log[1].name, "near_loss");
  ck_assert_str_eq(self.trainer.log[3].name, "near_accuracy");
  ck_assert_double_eq_tol(
    last, 0.3 * self.trainer.log[1].value + 2 * self.trainer.log[2].value,
    1e-9);
  engine_close(&self);
  free(yaml);
}
END_TEST

START_TEST(test_sample_weights) {
  char *yaml = write_two_by_two("\n      sample_weight: "
                                "[0.5, 2, 0, 1, 3, 0.25]");
  engine self;
  engine_open(&self, yaml);
  engine_prove(&self, SAMPLES, 0);
  engine_close(&self);
  free(yaml);
}
END_TEST

START_TEST(test_class_weights) {
  situation weighted = situations[0];
  weighted.layers = "    - {type: dense, units: 3, activation: softmax}\n";
  weighted.loss = "{type: sparse_categorical_crossentropy, "
                  "class_weight: {0: 0.5, 2: 4}}";
  weighted.target = 0;
  char *yaml = write_situation(&weighted);
  engine self;
  engine_open(&self, yaml);
  engine_prove(&self, SAMPLES, 0);
  /* sum of w * loss over the number of rows */
  engine_feed(&self, SAMPLES);
  double sum = 0, loss = engine_loss(&self);
  const nacre_bound_head *head = &self.trainer.program.head[0];
  for (int i = 0; i < SAMPLES; i++) {
    const double weight[3] = { 0.5, 1, 4 };
    sum += weight[(int)head->target[i]] * head->row_loss[i];
  }
  ck_assert_double_eq_tol(loss, sum / SAMPLES, ENGINE_NEAR);
  engine_close(&self);
  free(yaml);
}
END_TEST

/* Random layers draw by the step: the same step the same numbers. */
START_TEST(test_steps_of_noise) {
  situation noisy = { "", "    - {type: dropout, rate: 0.5}\n"
                          "    - {type: dense, units: 2}\n",
                      "mean_squared_error", 2 };
  char *yaml = write_situation(&noisy);
  engine self;
  engine_open(&self, yaml);
  nacre_program *program = &self.trainer.program;
  double loss[3];
  for (int i = 0; i < 3; i++) {
    engine_feed(&self, SAMPLES);
    nacre_program_set_step(program, i % 2);
    nacre_program_run(program);
    loss[i] = program->head[0].loss_sum;
  }
  ck_assert_double_eq(loss[0], loss[2]);
  ck_assert_double_ne(loss[0], loss[1]);
  engine_close(&self);
  free(yaml);
}
END_TEST

/* A convolution of a few channels, as fast algorithms want them. */
static const char convolution[] = "\
nacre: 1\n\
seed: 5\n\
model:\n\
  input: [8, 8, 8]\n\
  layers:\n\
    - {type: conv2d, filters: 16, kernel_size: 3, name: c}\n\
    - {type: conv2d, filters: 16, kernel_size: 3}\n\
    - flatten\n\
    - {type: dense, units: 1}\n\
loss: mean_squared_error\n\
optimizer: {type: sgd, learning_rate: 0.01}\n\
train: {epochs: 1, batch_size: 2, shuffle: false}\n\
data: {train: {type: inline, x: ";

/* What `program` makes of a sample of ones, as a program made now would. */
static double predict_ones(engine *self, nacre_program *program) {
  nacre_program fresh;
  ck_assert_int_eq(nacre_program_make(&fresh, &self->trainer.model,
                                      NACRE_MODE_PREDICT, 1, 1, &self->error),
                   NACRE_OK);
  for (int64_t i = 0; i < 512; i++) {
    nacre_program_input(program, 0)[i] = 1;
    nacre_program_input(&fresh, 0)[i] = 1;
  }
  nacre_program_run(program);
  nacre_program_run(&fresh);
  const double is = (double)program->head[0].prediction[0];
  ck_assert_double_eq(is, (double)fresh.head[0].prediction[0]);
  nacre_program_fini(&fresh);
  return is;
}

/* Kernels that inference has prepared are prepared anew after a step, and
 * after somebody wrote weights; not otherwise. */
START_TEST(test_prepared_weights) {
  engine_text text = { 0 };
  engine self;
  nacre_program program;
  engine_put(&text, "%s", convolution);
  engine_put(&text, "[");
  for (int i = 0; i < 2; i++) {
    engine_put(&text, i > 0 ? ", [" : "[");
    for (int j = 0; j < 8; j++) {
      engine_put(&text, j > 0 ? ", " : "");
      engine_put_numbers(&text, 8, 8, (uint64_t)(8 * i + j));
    }
    engine_put(&text, "]");
  }
  engine_put(&text, "], y: [[1], [-1]]}}\n");
  engine_open(&self, text.at);
  free(text.at);
  ck_assert_int_eq(nacre_program_make(&program, &self.trainer.model,
                                      NACRE_MODE_PREDICT, 1, 1, &self.error),
                   NACRE_OK);
  ck_assert(program.layout.any_keeps);
  const double first = predict_ones(&self, &program);
  ck_assert(!program.kept);
  ck_assert_double_eq(predict_ones(&self, &program), first);
  ck_assert(program.kept);
  ck_assert_int_eq(nacre_trainer_step(&self.trainer, NULL), NACRE_OK);
  const double second = predict_ones(&self, &program);
  ck_assert_double_ne(first, second);
  const int kernel = engine_variable(&self, "c.kernel");
  real *values = calloc(
    (size_t)self.trainer.model.graph->variable[kernel].count, sizeof(real));
  ck_assert_ptr_nonnull(values);
  nacre_model_write(&self.trainer.model, kernel, values);
  free(values);
  ck_assert_double_ne(predict_ones(&self, &program), second);
  nacre_program_fini(&program);
  engine_close(&self);
}
END_TEST

/* Layers that see many samples in one share their scratch, and do not believe
 * that it is kept because others' is. */
START_TEST(test_prepared_and_shared) {
  engine self;
  nacre_program program;
  engine_open(&self, "\
nacre: 1\n\
seed: 5\n\
model:\n\
  input: [8, 8, 8]\n\
  layers:\n\
    - {type: time_distributed, layer: {type: conv1d, filters: 8,\n\
       kernel_size: 3, padding: same}}\n\
    - {type: time_distributed, layer: {type: conv1d, filters: 8,\n\
       kernel_size: 3, padding: same}}\n\
    - {type: conv2d, filters: 16, kernel_size: 3}\n\
    - flatten\n\
    - {type: dense, units: 1}\n\
loss: mean_squared_error\n\
optimizer: sgd\n\
train: {epochs: 1, batch_size: 1}\n\
data: {train: {type: inline, x: [[[[1, 2, 3, 4, 5, 6, 7, 8]]]], y: [[1]]},\n\
       transform: [{type: resizing, height: 8, width: 8}]}\n");
  ck_assert_int_eq(nacre_program_make(&program, &self.trainer.model,
                                      NACRE_MODE_PREDICT, 1, 1, &self.error),
                   NACRE_OK);
  ck_assert(program.layout.any_keeps);
  const double first = predict_ones(&self, &program);
  for (int i = 0; i < 3; i++) {
    ck_assert_double_eq(predict_ones(&self, &program), first);
  }
  nacre_program_fini(&program);
  engine_close(&self);
}
END_TEST

Suite *test_program_suite(void);
Suite *test_program_suite(void) {
  Suite *suite = suite_create("program");
  TCase *tests = tcase_create("program");
  tcase_set_timeout(tests, 120);
  tcase_add_loop_test(tests, test_situation, 0,
                      (int)(sizeof situations / sizeof situations[0]));
  tcase_add_test(tests, test_two_by_two);
  tcase_add_test(tests, test_sample_weights);
  tcase_add_test(tests, test_class_weights);
  tcase_add_test(tests, test_steps_of_noise);
  tcase_add_test(tests, test_prepared_weights);
  tcase_add_test(tests, test_prepared_and_shared);
  suite_add_tcase(suite, tests);
  return suite;
}
