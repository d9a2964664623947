/* SPDX-License-Identifier: MIT */
/* Tests of recurrent layers in a model: where their weights start, whose
 * their activation is, and what goes on from batch to batch. */
#include "engine_fixture.h"

#include <stdio.h>
#include <string.h>

/* A layer between an input of three steps and a regression. */
static void open_layer(engine *e, const char *layer) {
  char text[1024];
  snprintf(text, sizeof text, "\
nacre: 1\n\
seed: 5\n\
model:\n\
  input: [3, 2]\n\
  layers:\n\
    - %s\n\
    - {type: dense, units: 1}\n\
loss: mean_squared_error\n\
optimizer: {type: sgd, learning_rate: 0.1}\n\
data:\n\
  train: {type: inline, x: [[[1, -2], [0.5, 1], [3, 2]],\n\
                            [[-1, 1], [2, -0.5], [0.25, 1]]],\n\
          y: [[1], [-1]]}\n\
train: {epochs: 1, batch_size: 2, shuffle: false}\n", layer);
  engine_open(e, text);
}

/* The bias of a layer of two units, of `n` numbers. */
static void starts_at(const char *layer, int n, const double *expected) {
  engine e;
  open_layer(&e, layer);
  const real *bias = engine_weight(&e, "r.bias");
  for (int i = 0; i < n; i++) {
    ck_assert_msg((double)bias[i] == expected[i], "bias[%d] is %g", i,
                  (double)bias[i]);
  }
  engine_close(&e);
}

START_TEST(forget_gates_start_open) {
  starts_at("{name: r, type: lstm, units: 2}", 8,
            (const double[]){ 0, 0, 1, 1, 0, 0, 0, 0 });
  starts_at("{name: r, type: lstm, units: 2, unit_forget_bias: false}", 8,
            (const double[]){ 0, 0, 0, 0, 0, 0, 0, 0 });
  starts_at("{name: r, type: lstm, units: 2, bias_initializer: "
            "{type: constant, value: 0.5}}", 8,
            (const double[]){ 0.5, 0.5, 1, 1, 0.5, 0.5, 0.5, 0.5 });
  starts_at("{name: r, type: gru, units: 2}", 12, (const double[12]){ 0 });
}
END_TEST

/* A layer that has such a parameter is given `activation`; the graph, which
 * would have put one behind it, has none. */
START_TEST(activation_is_the_layers_own) {
  engine e;
  open_layer(&e, "{name: r, type: lstm, units: 2, activation: relu}");
  const nacre_graph *graph = e.trainer.model.graph;
  ck_assert_int_eq(graph->n_vertices, 2);
  ck_assert_ptr_null(graph->vertex[0].activation.component);
  engine_prove(&e, 2, 0);
  engine_close(&e);
}
END_TEST

static const char *const kinds[] = { "simple_rnn", "lstm", "gru" };

/* What a batch ends with, the next one begins with, if asked to. */
START_TEST(states_go_on) {
  for (int stateful = 0; stateful < 2; stateful++) {
    char layer[128];
    engine e;
    snprintf(layer, sizeof layer, "{name: r, type: %s, units: 2, "
             "stateful: %s}", kinds[_i], stateful ? "true" : "false");
    open_layer(&e, layer);
    engine_feed(&e, 2);
    double first = engine_loss(&e);
    double second = engine_loss(&e);
    ck_assert((first == second) == (stateful == 0));
    engine_close(&e);
  }
}
END_TEST

/* Through masks, states that other layers begin with, and both directions. */
START_TEST(gradients_pass_through_models) {
  static const char *const states[] = { "", ", 'r:2'", "" };
  char text[1536];
  engine e;
  snprintf(text, sizeof text, "\
nacre: 1\n\
seed: 3\n\
model:\n\
  input: [4]\n\
  layers:\n\
    - {type: embedding, input_dim: 5, output_dim: 3, mask_zero: true}\n\
    - {name: r, type: %s, units: 2, return_sequences: true,\n\
       return_state: true}\n\
    - {name: s, type: %s, units: 2, inputs: ['r', 'r:1'%s],\n\
       go_backwards: true, return_sequences: true}\n\
    - {type: bidirectional, layer: {type: %s, units: 3}}\n\
    - {type: dense, units: 2, activation: softmax}\n\
loss: sparse_categorical_crossentropy\n\
optimizer: {type: sgd, learning_rate: 0.1}\n\
data:\n\
  train: {type: inline, x: [[1, 2, 0, 0], [3, 4, 2, 0], [1, 0, 3, 4]],\n\
          y: [0, 1, 1]}\n\
train: {epochs: 1, batch_size: 3, shuffle: false}\n", kinds[_i], kinds[_i],
           states[_i] /* an LSTM has two */, kinds[_i]);
  engine_open(&e, text);
  engine_prove(&e, 3, 0);
  engine_close(&e);
}
END_TEST

/* Words that come again: both directions read the same embedding, and are
 * told by what it was looked up; behind another layer nobody knows. */
START_TEST(words_are_known) {
  static const char *const behind[] = { "", "    - {type: dense, units: 3}\n" };
  char text[1024];
  for (int i = 0; i < 2; i++) {
    engine e;
    snprintf(text, sizeof text, "\
nacre: 1\n\
seed: 3\n\
model:\n\
  input: [5]\n\
  layers:\n\
    - {type: embedding, input_dim: 3, output_dim: 3}\n\
%s\
    - {type: bidirectional, layer: {type: %s, units: 2}}\n\
    - {type: dense, units: 1}\n\
loss: mean_squared_error\n\
optimizer: {type: sgd, learning_rate: 0.1}\n\
data:\n\
  train: {type: inline, x: [[0, 2, 2, 0, 2], [1, 0, 0, 0, 2]],\n\
          y: [[1], [-1]]}\n\
train: {epochs: 1, batch_size: 2, shuffle: false}\n", behind[i], kinds[_i]);
    engine_open(&e, text);
    const nacre_graph *graph = e.trainer.model.graph;
    int readers = 0;
    for (int j = 0; j < graph->n_vertices; j++) {
      const nacre_vertex *vertex = &graph->vertex[j];
      if (strcmp(vertex->type, kinds[_i]) == 0) {
        ck_assert_int_eq(nacre_graph_tokens_of(graph, vertex, 0),
                         i == 0 ? 0 : -1);
        readers++;
      }
    }
    ck_assert_int_eq(readers, 2);
    engine_prove(&e, 2, 0);
    engine_close(&e);
  }
}
END_TEST

Suite *test_recurrent_suite(void);
Suite *test_recurrent_suite(void) {
  Suite *suite = suite_create("recurrent");
  TCase *tests = tcase_create("models");
  tcase_add_test(tests, forget_gates_start_open);
  tcase_add_test(tests, activation_is_the_layers_own);
  tcase_add_loop_test(tests, states_go_on, 0, 3);
  tcase_add_loop_test(tests, gradients_pass_through_models, 0, 3);
  tcase_add_loop_test(tests, words_are_known, 0, 3);
  suite_add_tcase(suite, tests);
  return suite;
}
