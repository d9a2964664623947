/* SPDX-License-Identifier: MIT */
/* Tests of graphs: names, order, shapes, variables, which activations ride
 * in an epilogue, which losses look through one; and what is refused. */
#include "engine_fixture.h"

#include <stdlib.h>
#include <string.h>

/* A graph as lines: "name type+epilogue (inputs) -> output [shape]". */
static char *describe(const nacre_graph *graph) {
  engine_text text = { NULL, 0 };
  for (int i = 0; i < graph->n_vertices; i++) {
    const nacre_vertex *vertex = &graph->vertex[i];
    engine_put(&text, "%s %s", vertex->name, vertex->type);
    if (vertex->sum != NULL) {
      engine_put(&text, "+%s", vertex->sum);
    }
    if (vertex->ops != NULL && vertex->activation.component != NULL) {
      engine_put(&text, "+%s", vertex->activation.component->name);
    }
    for (int j = 0; j < vertex->n_inputs; j++) {
      engine_put(&text, "%s%s", j == 0 ? " (" : ", ",
                 graph->edge[vertex->input[j]].name);
    }
    for (int j = 0; j < vertex->n_outputs; j++) {
      const nacre_edge *edge = &graph->edge[vertex->output[j]];
      ck_assert_int_eq(edge->producer, i);
      engine_put(&text, "%s%s [", j == 0 ? ") -> " : ", ", edge->name);
      for (int k = 0; k < edge->shape.rank; k++) {
        engine_put(&text, "%s%lld", k > 0 ? "," : "",
                   (long long)edge->shape.dim[k]);
      }
      engine_put(&text, "]");
    }
    engine_put(&text, "%s\n", vertex->owner != i ? " shared" : "");
  }
  for (int i = 0; i < graph->n_heads; i++) {
    const nacre_head *head = &graph->head[i];
    engine_put(&text, "head %s reads %s", head->name,
               graph->edge[head->loss_edge].name);
    engine_put(&text, head->on_logits ? " through %s\n" : "\n",
               head->undone >= 0 ? graph->vertex[head->undone].type : "");
  }
  return text.at;
}

static void load(engine *self, const char *model, const char *loss) {
  engine_text yaml = { NULL, 0 };
  engine_put(&yaml, "nacre: 1\nmodel:\n%sloss: %s\noptimizer: sgd\n", model,
             loss);
  engine_load(self, yaml.at);
  free(yaml.at);
}

static void gives(const char *model, const char *loss, const char *graph) {
  engine self;
  load(&self, model, loss);
  if (!self.loaded) {
    ck_abort_msg("%s", engine_problems(&self));
  }
  char *got = describe(&self.experiment.graph);
  ck_assert_str_eq(got, graph);
  free(got);
  engine_close(&self);
}

#define MSE "mean_squared_error"
#define CROSS "categorical_crossentropy"

START_TEST(test_lists) {
  gives("  input: [4]\n  layers:\n"
        "    - {type: dense, units: 3, activation: relu}\n"
        "    - {type: dense, units: 2}\n"
        "    - {type: dense, units: 5, activation: tanh}\n", MSE,
        "dense dense+relu (input) -> dense [3]\n"
        "dense_1 dense (dense) -> dense_1 [2]\n"
        "dense_2 dense+tanh (dense_1) -> dense_2 [5]\n"
        "head dense_2 reads dense_2\n");
  /* A given name is not given twice. */
  gives("  input: [4]\n  layers:\n"
        "    - {type: dense, units: 3}\n"
        "    - {name: dense_1, type: dense, units: 2}\n"
        "    - {type: dense, units: 1}\n", MSE,
        "dense dense (input) -> dense [3]\n"
        "dense_1 dense (dense) -> dense_1 [2]\n"
        "dense_2 dense (dense_1) -> dense_2 [1]\n"
        "head dense_2 reads dense_2\n");
}
END_TEST

START_TEST(test_any_order) {
  gives("  inputs: {a: [2], b: [2]}\n  layers:\n"
        "    - {name: last, type: add, inputs: [second, first]}\n"
        "    - {name: second, type: dense, units: 3, inputs: [first]}\n"
        "    - {name: first, type: dense, units: 3, inputs: both}\n"
        "    - {name: both, type: concatenate, inputs: [b, a]}\n"
        "  outputs: last\n", MSE,
        "both concatenate (b, a) -> both [4]\n"
        "first dense (both) -> first [3]\n"
        "second dense (first) -> second [3]\n"
        "last add (second, first) -> last [3]\n"
        "head last reads last\n");
}
END_TEST

START_TEST(test_epilogues) {
  /* Only one that is pointwise, has a derivative from its output, and whose
   * input nobody else sees. */
  gives("  input: [4]\n  layers:\n"
        "    - {name: a, type: dense, units: 3, activation: silu}\n"
        "    - {name: b, type: dense, units: 3, activation: softmax}\n"
        "    - {name: c, type: dense, units: 3}\n"
        "    - {name: d, type: activation, activation: tanh}\n"
        "    - {name: e, type: add, inputs: [c, d]}\n", MSE,
        "a dense (input) -> a:linear [3]\n"
        "a silu (a:linear) -> a [3]\n"
        "b dense (a) -> b:linear [3]\n"
        "b softmax (b:linear) -> b [3]\n"
        "c dense (b) -> c [3]\n"
        "d activation (c) -> d:linear [3]\n"
        "d tanh (d:linear) -> d [3]\n"
        "e add (c, d) -> e [3]\n"
        "head e reads e\n");
}
END_TEST

START_TEST(test_epilogues_through_views) {
  /* A layer of its own for the activation, and a view before it, are as
   * good as the key. */
  gives("  input: [4]\n  layers:\n"
        "    - {name: a, type: dense, units: 6}\n"
        "    - {name: b, type: activation, activation: tanh}\n"
        "    - {name: c, type: dense, units: 6}\n"
        "    - {name: d, type: reshape, target_shape: [2, 3]}\n"
        "    - {name: e, type: activation, activation: relu}\n"
        "    - {name: f, type: dense, units: 1}\n", MSE,
        "a dense+tanh (input) -> a [6]\n"
        "b activation (a) -> b [6]\n"
        "c dense+relu (b) -> c [6]\n"
        "d reshape (c) -> d [2,3]\n"
        "e activation (d) -> e [2,3]\n"
        "f dense (e) -> f [2,1]\n"
        "head f reads f\n");
}
END_TEST

START_TEST(test_sums_ride) {
  /* With the layer that is computed last and whose output nobody else sees;
   * not with one of more than two, or of what is computed later. */
  gives("  input: [4]\n  layers:\n"
        "    - {name: a, type: dense, units: 3}\n"
        "    - {name: b, type: batch_normalization}\n"
        "    - {name: c, type: add, inputs: [a, b], activation: tanh}\n"
        "    - {name: d, type: layer_normalization}\n"
        "    - {name: e, type: dense, units: 3}\n"
        "    - {name: f, type: add, inputs: [d, e]}\n"
        "    - {name: g, type: rms_normalization}\n"
        "    - {name: h, type: add, inputs: [f, g, e]}\n", MSE,
        "a dense (input) -> a [3]\n"
        "b batch_normalization+add+tanh (a, a) -> c [3]\n"
        "d layer_normalization (c) -> d [3]\n"
        "e dense (d) -> e [3]\n"
        "f add (d, e) -> f [3]\n"
        "g rms_normalization (f) -> g [3]\n"
        "h add (f, g, e) -> h [3]\n"
        "head h reads h\n");
}
END_TEST

START_TEST(test_losses_look_through) {
  static const char model[] = "  input: [4]\n  layers:\n"
    "    - {name: out, type: dense, units: 3, activation: softmax}\n";
  gives(model, CROSS,
        "out dense (input) -> out:linear [3]\n"
        "out softmax (out:linear) -> out [3]\n"
        "head out reads out:linear through softmax\n");
  gives(model, MSE,
        "out dense (input) -> out:linear [3]\n"
        "out softmax (out:linear) -> out [3]\n"
        "head out reads out\n");
  gives("  input: [4]\n  layers:\n"
        "    - {name: out, type: dense, units: 1, activation: sigmoid}\n",
        "binary_crossentropy",
        "out dense (input) -> out:linear [1]\n"
        "out sigmoid (out:linear) -> out [1]\n"
        "head out reads out:linear through sigmoid\n");
  /* Not when the probabilities are read by another layer. */
  gives("  input: [4]\n  layers:\n"
        "    - {name: p, type: dense, units: 3, activation: softmax}\n"
        "    - {name: q, type: dense, units: 2}\n"
        "  outputs: [p, q]\n", "{p: " CROSS ", q: " MSE "}",
        "p dense (input) -> p:linear [3]\n"
        "p softmax (p:linear) -> p [3]\n"
        "q dense (p) -> q [2]\n"
        "head p reads p\n"
        "head q reads q\n");
}
END_TEST

START_TEST(test_sharing) {
  gives("  inputs: {a: [2], b: [2]}\n  layers:\n"
        "    - {name: one, type: dense, units: 3, activation: relu,"
        " inputs: a}\n"
        "    - {name: two, share: one, inputs: b}\n"
        "    - {type: add, inputs: [one, two]}\n", MSE,
        "one dense+relu (a) -> one [3]\n"
        "two dense+relu (b) -> two [3] shared\n"
        "add add (one, two) -> add [3]\n"
        "head add reads add\n");
  engine self;
  load(&self, "  inputs: {a: [2], b: [2]}\n  layers:\n"
              "    - {name: one, type: dense, units: 3, inputs: a,\n"
              "       learning_rate_scale: 2, trainable: false}\n"
              "    - {name: two, share: one, inputs: b}\n"
              "    - {name: norm, type: batch_normalization}\n"
              "    - {type: add, inputs: [one, norm]}\n", MSE);
  ck_assert(self.loaded);
  const nacre_graph *graph = &self.experiment.graph;
  ck_assert_int_eq(graph->n_variables, 2 + 4);
  ck_assert_str_eq(graph->variable[0].name, "one.kernel");
  ck_assert(!graph->variable[0].trained && !graph->variable[0].state);
  ck_assert(graph->variable[0].learning_rate_scale == 2);
  ck_assert_int_eq(nacre_graph_parameters(graph, false), 9 + 12);
  ck_assert_int_eq(nacre_graph_parameters(graph, true), 6);
  engine_close(&self);
}
END_TEST

START_TEST(test_refusals) {
  static const struct {
    const char *model, *says;
  } wrong[] = {
    { "  input: [2]\n  layers:\n"
      "    - {name: a, type: dense, units: 2, inputs: b}\n"
      "    - {name: b, type: dense, units: 2, inputs: a}\n",
      "is part of a circle of inputs" },
    { "  input: [2]\n  layers:\n"
      "    - {name: a, type: dense, units: 2, inputs: a}\n",
      "is part of a circle of inputs" },
    { "  input: [2]\n  layers:\n"
      "    - {name: first, type: dense, units: 2}\n"
      "    - {type: dense, units: 2, inputs: frist}\n",
      "there is no layer or input called 'frist' | did you mean 'first'?" },
    { "  input: [2]\n  layers:\n"
      "    - {name: a, type: dense, units: 2}\n"
      "    - {name: b, type: dense, units: 2, inputs: input}\n",
      "the output of layer 'a' is used by nothing" },
    { "  inputs: {a: [2], b: [2]}\n  layers:\n"
      "    - {type: dense, units: 2, inputs: a}\n",
      "input 'b' is read by no layer" },
    { "  inputs: {a: [2], b: [3]}\n  layers:\n"
      "    - {type: add, inputs: [a, b]}\n", "layer 'add' (add)" },
    { "  input: [2]\n  layers:\n"
      "    - {type: add}\n", "takes at least" },
    { "  input: [2]\n  layers:\n"
      "    - {name: a, type: dense, units: 2}\n"
      "    - {name: a, type: dense, units: 2}\n",
      "there is already a layer 'a'" },
    { "  input: [2]\n  layers:\n"
      "    - {name: input, type: dense, units: 2}\n",
      "an input of the model is called 'input'" },
    { "  inputs: {a: [2], b: [3]}\n  layers:\n"
      "    - {name: one, type: dense, units: 2, inputs: a}\n"
      "    - {name: two, share: one, inputs: b}\n"
      "    - {type: add, inputs: [one, two]}\n",
      "its inputs give 'kernel' another shape than in the layer it shares" },
    { "  input: [2]\n  layers:\n"
      "    - {name: two, share: one}\n"
      "    - {name: one, type: dense, units: 2}\n",
      "expected the name of a layer above" },
    { "  input: [2]\n  layers:\n"
      "    - {name: a, type: dense, units: 2}\n"
      "    - {type: dense, units: 2, inputs: 'a:1'}\n",
      "it has 1 output, but 'a:1' is read" },
    { "  input: [4611686018427387904]\n  layers:\n"
      "    - {type: dense, units: 4611686018427387904}\n",
      "can be counted" },
    { "  input: [2]\n  layers:\n"
      "    - {type: dense, units: 4611686018427387904}\n",
      "larger than any memory" },
  };
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    engine self;
    load(&self, wrong[i].model, MSE);
    ck_assert_msg(!self.loaded, "%s", wrong[i].model);
    engine_says(&self, wrong[i].says);
    engine_close(&self);
  }
}
END_TEST

/* Planning again, as prediction does, gives the same graph. */
START_TEST(test_planned_again) {
  engine self;
  load(&self, "  inputs: {a: [2], b: [2]}\n  layers:\n"
              "    - {name: one, type: dense, units: 3, activation: relu,"
              " inputs: a}\n"
              "    - {name: two, share: one, inputs: b}\n"
              "    - {type: add, inputs: [one, two], activation: softmax}\n",
       CROSS);
  ck_assert(self.loaded);
  char *first = describe(&self.experiment.graph);
  ck_assert_int_eq(nacre_experiment_plan(&self.experiment, NULL), NACRE_OK);
  char *second = describe(&self.experiment.graph);
  ck_assert_str_eq(first, second);
  free(first);
  free(second);
  engine_close(&self);
}
END_TEST

Suite *test_graph_suite(void);
Suite *test_graph_suite(void) {
  Suite *suite = suite_create("graph");
  TCase *tests = tcase_create("graph");
  tcase_set_timeout(tests, 60);
  tcase_add_test(tests, test_lists);
  tcase_add_test(tests, test_any_order);
  tcase_add_test(tests, test_epilogues);
  tcase_add_test(tests, test_epilogues_through_views);
  tcase_add_test(tests, test_sums_ride);
  tcase_add_test(tests, test_losses_look_through);
  tcase_add_test(tests, test_sharing);
  tcase_add_test(tests, test_refusals);
  tcase_add_test(tests, test_planned_again);
  suite_add_tcase(suite, tests);
  return suite;
}
