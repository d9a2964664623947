/* SPDX-License-Identifier: MIT */
/* Tests of the memory plan: over random graphs, a step whose buffers share
 * memory gives bit for bit what it gives when nothing is shared, nothing is
 * done in place, and every byte that was not written is poison. */
#include "engine_fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLES 5
#define GRAPHS 150
#define MAX_NODES 14

/* Calls that layouts of this test have repeated. */
static int again;

/* Layers over [4]; "%s" and "%s" are names of nodes before. */
typedef struct kind {
  const char *layer;
  int inputs;
  bool smooth; /* has a derivative everywhere */
} kind;

static const kind kinds[] = {
  { "{name: %s, type: dense, units: 4, inputs: [%s]}", 1, true },
  { "{name: %s, type: dense, units: 4, activation: tanh, inputs: [%s]}", 1,
    true },
  { "{name: %s, type: dense, units: 4, activation: silu, inputs: [%s]}", 1,
    true },
  { "{name: %s, type: dense, units: 4, activation: softmax, inputs: [%s]}",
    1, true },
  { "{name: %s, type: activation, activation: sigmoid, inputs: [%s]}", 1,
    true },
  { "{name: %s, type: activation, activation: gelu, inputs: [%s]}", 1, true },
  { "{name: %s, type: activation, activation: softmax, inputs: [%s]}", 1,
    true },
  { "{name: %s, type: add, inputs: [%s, %s]}", 2, true },
  { "{name: %s, type: subtract, inputs: [%s, %s]}", 2, true },
  { "{name: %s, type: multiply, inputs: [%s, %s]}", 2, true },
  { "{name: %s, type: average, inputs: [%s, %s], activation: tanh}", 2,
    true },
  { "{name: %s, type: identity, inputs: [%s]}", 1, true },
  { "{name: %s, type: flatten, inputs: [%s]}", 1, true },
  { "{name: %s, type: dropout, rate: 0.3, inputs: [%s]}", 1, true },
  { "{name: %s, type: gaussian_noise, stddev: 0.1, inputs: [%s]}", 1, true },
  { "{name: %s, type: batch_normalization, inputs: [%s]}", 1, true },
  { "{name: %s, type: layer_normalization, inputs: [%s]}", 1, true },
  { "{name: %s, type: dense, units: 4, trainable: false, inputs: [%s]}", 1,
    true },
  { "{name: %s, type: dense, units: 4, activation: relu, inputs: [%s]}", 1,
    false },
  { "{name: %s, type: activation, activation: relu, inputs: [%s]}", 1,
    false },
  { "{name: %s, type: maximum, inputs: [%s, %s]}", 2, false },
  { "{name: %s, type: prelu, inputs: [%s]}", 1, false },
};
#define N_KINDS ((int)(sizeof kinds / sizeof kinds[0]))

/* Reads of a random node before, of late ones more often, so that graphs
 * are deep and have forks. */
static const char *pick(char names[][16], int n, uint64_t *state) {
  int back = engine_below(state, 2) == 0 ? 1 : 1 + engine_below(state, n);
  return names[n - (back > n ? n : back)];
}

/* A graph of 3 to MAX_NODES layers over two inputs. What nobody reads is an
 * output; each has a loss. */
static char *random_graph(uint64_t seed, bool smooth) {
  uint64_t state = seed * 7919 + 13;
  char names[MAX_NODES + 3][16] = { "a", "b" };
  bool read[MAX_NODES + 3] = { false };
  int n = 2, layers = 3 + engine_below(&state, MAX_NODES - 2);
  engine_text yaml = { NULL, 0 };
  engine_put(&yaml, "nacre: 1\nseed: %d\nmodel:\n  inputs: {a: [4], b: [4]}\n"
                    "  layers:\n", (int)seed);
  while (n < layers + 2) {
    const kind *at = &kinds[engine_below(&state, N_KINDS)];
    if (smooth && !at->smooth) {
      continue;
    }
    const char *first = pick(names, n, &state);
    const char *second = pick(names, n, &state);
    if (n == layers + 1) { /* the last one makes sure of the inputs */
      at = &kinds[7];
      first = !read[0] ? "a" : first;
      second = !read[1] ? "b" : second;
    }
    for (int i = 0; i < n; i++) {
      read[i] = read[i] || strcmp(names[i], first) == 0 ||
                (at->inputs == 2 && strcmp(names[i], second) == 0);
    }
    snprintf(names[n], sizeof names[n], "n%d", n);
    engine_put(&yaml, "    - ");
    engine_put(&yaml, at->layer, names[n], first, second);
    engine_put(&yaml, "\n");
    n++;
  }
  engine_put(&yaml, "    - {name: end, type: dense, units: 4, inputs: [%s]}\n",
             names[n - 1]);
  read[n - 1] = true;
  strcpy(names[n++], "end");
  engine_put(&yaml, "  outputs: [");
  for (int i = 2; i < n; i++) {
    /* Now and then one that is read as well. */
    if (!read[i] || engine_below(&state, 6) == 0) {
      engine_put(&yaml, "%s, ", names[i]);
      read[i] = false;
    }
  }
  engine_put(&yaml, "]\nloss:\n");
  for (int i = 2; i < n; i++) {
    if (!read[i]) {
      engine_put(&yaml, "  %s: {type: %s, weight: %d}\n", names[i],
                 engine_below(&state, 4) == 0 && !smooth
                   ? "categorical_crossentropy" : "mean_squared_error",
                 1 + engine_below(&state, 3));
    }
  }
  engine_put(&yaml, "optimizer: {type: sgd, learning_rate: 0.1}\n"
                    "train: {batch_size: %d, shuffle: false}\n"
                    "data:\n  train:\n    type: inline\n    x:\n      a: ",
             SAMPLES);
  engine_put_numbers(&yaml, SAMPLES, 4, seed + 1);
  engine_put(&yaml, "\n      b: ");
  engine_put_numbers(&yaml, SAMPLES, 4, seed + 2);
  engine_put(&yaml, "\n    y:\n");
  for (int i = 2; i < n; i++) {
    if (!read[i]) {
      engine_put(&yaml, "      %s: ", names[i]);
      engine_put_numbers(&yaml, SAMPLES, 4, seed + 3 + (uint64_t)i);
      engine_put(&yaml, "\n");
    }
  }
  return yaml.at;
}

/* No two buffers that live at one time share a byte, all lie within the
 * block and on the alignment that kernels rely on. */
static void check_overlaps(const nacre_layout *layout) {
  for (int i = 0; i < layout->n_buffers; i++) {
    const nacre_buffer *a = &layout->buffer[i];
    ck_assert_int_ge(a->offset, 0);
    ck_assert_int_eq(a->offset % 64, 0);
    ck_assert_int_le(a->offset + a->bytes, layout->activation_bytes);
    for (int j = 0; j < i; j++) {
      const nacre_buffer *b = &layout->buffer[j];
      bool together = a->first <= b->last && b->first <= a->last;
      bool shared = a->offset < b->offset + b->bytes &&
                    b->offset < a->offset + a->bytes;
      ck_assert_msg(!(together && shared),
                    "buffers %d and %d live together and overlap", i, j);
    }
  }
}

/* Gives every buffer memory of its own. */
static void spread(nacre_layout *layout) {
  layout->activation_bytes = 0;
  for (int i = 0; i < layout->n_buffers; i++) {
    layout->buffer[i].offset = layout->activation_bytes;
    layout->activation_bytes += layout->buffer[i].bytes;
  }
}

/* The graph seems read more often than it is, so that nothing is done in
 * place. */
static void pretend_readers(nacre_graph *graph, int more) {
  for (int i = 0; i < graph->n_edges; i++) {
    graph->edge[i].readers += more;
  }
}

/* What a run of a program comes to: losses, predictions, gradients, and the
 * weights with their running averages. */
typedef struct outcome {
  double *loss;
  real *prediction, *gradient, *weights;
} outcome;

static outcome run(engine *self, nacre_program *program) {
  nacre_trainer *trainer = &self->trainer;
  const nacre_graph *graph = &self->experiment.graph;
  const size_t each = (size_t)program->batch * 4 * sizeof(real);
  const size_t heads = (size_t)graph->n_heads;
  const size_t total = (size_t)trainer->model.total * sizeof(real);
  outcome out = { calloc(heads, sizeof(double)), calloc(heads, each),
                  calloc((size_t)trainer->model.trained + 1, sizeof(real)),
                  malloc(total + 1) };
  real *before = malloc(total + 1);
  ck_assert(out.loss != NULL && out.prediction != NULL &&
            out.gradient != NULL && out.weights != NULL && before != NULL);
  memcpy(before, trainer->model.params, total);
  memset(trainer->model.grads, 0,
         (size_t)trainer->model.trained * sizeof(real));
  if (program != &trainer->program) {
    memset(program->activations, 0xff,
           (size_t)program->layout.activation_bytes);
  }
  engine_feed(self, SAMPLES);
  for (int i = 0; i < graph->n_inputs; i++) {
    memmove(nacre_program_input(program, i),
            nacre_program_input(&trainer->program, i), each);
  }
  for (size_t i = 0; i < heads; i++) {
    if (program->head[i].target != NULL) {
      memmove(program->head[i].target, trainer->program.head[i].target, each);
    }
  }
  nacre_program_set_step(program, 5);
  nacre_program_run(program);
  for (size_t i = 0; i < heads; i++) {
    out.loss[i] = program->head[i].loss_sum;
    memcpy(out.prediction + i * each / sizeof(real),
           program->head[i].prediction, each);
  }
  memcpy(out.gradient, trainer->model.grads,
         (size_t)trainer->model.trained * sizeof(real));
  memcpy(out.weights, trainer->model.params, total);
  memcpy(trainer->model.params, before, total);
  free(before);
  return out;
}

static void fini_outcome(outcome *out) {
  free(out->loss);
  free(out->prediction);
  free(out->gradient);
  free(out->weights);
}

static void compare(const engine *self, outcome a, outcome b,
                    const char *what, const char *yaml) {
  size_t heads = (size_t)self->experiment.graph.n_heads;
  size_t trained = (size_t)self->trainer.model.trained;
  size_t total = (size_t)self->trainer.model.total;
  ck_assert_msg(memcmp(a.loss, b.loss, heads * sizeof(double)) == 0 &&
                memcmp(a.prediction, b.prediction,
                       heads * SAMPLES * 4 * sizeof(real)) == 0 &&
                memcmp(a.gradient, b.gradient, trained * sizeof(real)) == 0 &&
                memcmp(a.weights, b.weights, total * sizeof(real)) == 0,
                "%s\n%s", what, yaml);
}

/* Runs a layout, which is used up. */
static outcome run_layout(engine *self, nacre_mode mode,
                          nacre_layout *layout) {
  nacre_program program;
  ck_assert_int_eq(
    nacre_program_bind(&program, &self->trainer.model, mode, layout, SAMPLES,
                       self->experiment.seed, &self->error), NACRE_OK);
  outcome got = run(self, &program);
  nacre_program_fini(&program);
  return got;
}

/* Vertices cut into segments anyhow, of which some are forgotten. */
static void random_segments(int n, uint64_t *state, int *segment) {
  int number = 0;
  bool forgotten = engine_below(state, 4) > 0;
  for (int i = 0; i < n; i++) {
    if (engine_below(state, 4) == 0) {
      number++;
      forgotten = engine_below(state, 4) > 0;
    }
    segment[i] = forgotten && engine_below(state, 10) > 0 ? number : -1;
  }
}

/* A step that forgets comes to the same, whatever it forgets. */
static void check_forgetting(engine *self, outcome reference,
                             uint64_t seed, const char *yaml) {
  const nacre_graph *graph = &self->experiment.graph;
  uint64_t state = seed * 31 + 7;
  int *segment = calloc((size_t)graph->n_vertices, sizeof(*segment));
  ck_assert_ptr_nonnull(segment);
  for (int i = 0; i < 6; i++) {
    nacre_layout layout;
    random_segments(graph->n_vertices, &state, segment);
    ck_assert_int_eq(nacre_layout_segmented(&layout, graph, segment, SAMPLES),
                     NACRE_OK);
    check_overlaps(&layout);
    again += layout.n_again;
    if (i % 2 == 1) {
      spread(&layout);
    }
    outcome got = run_layout(self, NACRE_MODE_TRAIN, &layout);
    compare(self, reference, got, "a step that forgets gives other results",
            yaml);
    fini_outcome(&got);
  }
  free(segment);
}

static void check_mode(engine *self, nacre_mode mode, uint64_t seed,
                       const char *yaml) {
  nacre_graph *graph = &self->experiment.graph;
  outcome reference = { NULL, NULL, NULL, NULL };
  for (int variant = 0; variant < 4; variant++) {
    bool in_place = (variant & 1) == 0, shared = (variant & 2) == 0;
    nacre_layout layout;
    pretend_readers(graph, in_place ? 0 : 5);
    ck_assert_int_eq(nacre_layout_make(&layout, graph, mode, SAMPLES),
                     NACRE_OK);
    pretend_readers(graph, in_place ? 0 : -5);
    check_overlaps(&layout);
    if (!shared) {
      spread(&layout);
    }
    outcome got = run_layout(self, mode, &layout);
    if (variant == 0) {
      reference = got;
      continue;
    }
    compare(self, reference, got,
            in_place ? "shared memory gives other results"
                     : "work in place gives other results", yaml);
    fini_outcome(&got);
  }
  if (mode == NACRE_MODE_TRAIN) {
    check_forgetting(self, reference, seed, yaml);
  }
  fini_outcome(&reference);
}

START_TEST(test_random_graphs) {
  again = 0;
  for (int i = 0; i < 15; i++) {
    uint64_t seed = (uint64_t)(_i * 15 + i);
    char *yaml = random_graph(seed, false);
    engine self;
    engine_open(&self, yaml);
    check_mode(&self, NACRE_MODE_TRAIN, seed, yaml);
    check_mode(&self, NACRE_MODE_EVALUATE, seed, yaml);
    check_mode(&self, NACRE_MODE_PREDICT, seed, yaml);
    engine_close(&self);
    free(yaml);
  }
  ck_assert_int_gt(again, 100);
}
END_TEST

#ifdef NACRE_DOUBLE
START_TEST(test_random_gradients) {
  for (int i = 0; i < 10; i++) {
    char *yaml = random_graph((uint64_t)(10000 + _i * 10 + i), true);
    engine self;
    engine_open(&self, yaml);
    engine_prove(&self, SAMPLES, 2);
    engine_close(&self);
    free(yaml);
  }
}
END_TEST
#endif

/* A chain that can be computed in place takes the memory of one tensor. */
START_TEST(test_memory_is_reused) {
  engine self;
  engine_load(&self, "nacre: 1\nmodel:\n  input: [16]\n  layers:\n"
                     "    - {type: dense, units: 16}\n"
                     "    - {type: activation, activation: relu}\n"
                     "    - {type: reshape, target_shape: [4, 4]}\n"
                     "    - {type: activation, activation: softmax}\n"
                     "    - {type: flatten}\n"
                     "    - {type: dense, units: 16}\n"
                     "    - {type: dense, units: 16}\n");
  ck_assert(self.loaded);
  nacre_layout layout;
  ck_assert_int_eq(nacre_layout_make(&layout, &self.experiment.graph,
                                     NACRE_MODE_PREDICT, 8), NACRE_OK);
  /* At most two tensors live at a time. */
  ck_assert_int_eq(layout.activation_bytes,
                   2 * 8 * 16 * (int64_t)sizeof(real));
  nacre_layout_fini(&layout);
  engine_close(&self);
}
END_TEST

/* A deep chain of dense layers with activations that cannot be in place. */
static char *deep_chain(int layers) {
  engine_text yaml = { NULL, 0 };
  engine_put(&yaml, "nacre: 1\nmodel:\n  input: [32]\n  layers:\n");
  for (int i = 0; i < layers; i++) {
    engine_put(&yaml, "    - {type: dense, units: 32, activation: tanh}\n");
  }
  engine_put(&yaml, "loss: mean_squared_error\noptimizer: sgd\n"
                    "train: {batch_size: 64}\n");
  return yaml.at;
}

/* Of n layers of equal size, about 2 sqrt(n) are needed at a time; and no
 * more is computed again than makes it fit. */
START_TEST(test_fitting) {
  char *yaml = deep_chain(100);
  const int64_t tensor = 64 * 32 * (int64_t)sizeof(real);
  engine self;
  engine_load(&self, yaml);
  ck_assert(self.loaded);
  const nacre_graph *graph = &self.experiment.graph;
  nacre_layout whole, layout;
  ck_assert_int_eq(nacre_layout_make(&whole, graph, NACRE_MODE_TRAIN, 64),
                   NACRE_OK);
  ck_assert_int_ge(whole.activation_bytes, 100 * tensor);
  ck_assert_int_eq(nacre_layout_fit(&layout, graph, 64, INT64_MAX), NACRE_OK);
  ck_assert_int_eq(layout.n_again, 0);
  ck_assert_int_eq(layout.activation_bytes, whole.activation_bytes);
  nacre_layout_fini(&layout);
  ck_assert_int_eq(nacre_layout_fit(&layout, graph, 64, 0), NACRE_OK);
  ck_assert_int_le(layout.activation_bytes, 26 * tensor);
  ck_assert_int_le(layout.n_again, 99);
  int64_t least = layout.activation_bytes;
  nacre_layout_fini(&layout);
  double before = 1e300;
  for (int64_t room = least; room < whole.activation_bytes;
       room += 5 * tensor) {
    ck_assert_int_eq(nacre_layout_fit(&layout, graph, 64, room), NACRE_OK);
    check_overlaps(&layout);
    ck_assert_int_le(layout.activation_bytes, room);
    ck_assert(layout.flops_again <= before);
    before = layout.flops_again;
    nacre_layout_fini(&layout);
  }
  ck_assert_msg(before < 0.2 * 100 * 2 * 32 * 32, "%g flops", before);
  nacre_layout_fini(&whole);
  engine_close(&self);
  free(yaml);
}
END_TEST

START_TEST(test_memory_beyond_counting) {
  nacre_buffer buffer[2] = {
    { .count = INT64_MAX / 16, .per_sample = true, .first = 0, .last = 1 },
    { .count = 1, .first = 0, .last = 1 }
  };
  nacre_layout layout = { .buffer = buffer, .n_buffers = 2 };
  nacre_error error;
  nacre_error_init(&error);
  ck_assert_int_eq(nacre_memory_place(&layout, 1000, &error), NACRE_ERROR);
  ck_assert_int_eq(nacre_error_code(&error), NACRE_ELIMIT);
  nacre_error_fini(&error);
}
END_TEST

/* Spans alone: random ones, placed without overlap and, all being alive at
 * once, without a hole. */
START_TEST(test_random_spans) {
  uint64_t state = 99;
  for (int round = 0; round < 300; round++) {
    nacre_buffer buffer[40] = { { 0 } };
    int n = 1 + engine_below(&state, 40);
    int64_t most = 0, sum = 0;
    bool all = round % 10 == 0;
    for (int i = 0; i < n; i++) {
      int first = engine_below(&state, 20);
      buffer[i] = (nacre_buffer){
        .count = 1 + engine_below(&state, 500),
        .per_sample = engine_below(&state, 2) == 0,
        .first = all ? 0 : first,
        .last = all ? 1 : first + engine_below(&state, 8)
      };
    }
    nacre_layout layout = { .buffer = buffer, .n_buffers = n };
    nacre_error error;
    nacre_error_init(&error);
    ck_assert_int_eq(nacre_memory_place(&layout, 3, &error), NACRE_OK);
    check_overlaps(&layout);
    for (int i = 0; i < n; i++) {
      int64_t bytes = buffer[i].count * (buffer[i].per_sample ? 3 : 1) *
                      (int64_t)sizeof(real);
      ck_assert_int_eq(buffer[i].bytes, (bytes + 63) / 64 * 64);
      most = buffer[i].bytes > most ? buffer[i].bytes : most;
      sum += buffer[i].bytes;
    }
    ck_assert_int_ge(layout.activation_bytes, most);
    ck_assert_int_le(layout.activation_bytes, sum);
    ck_assert(!all || layout.activation_bytes == sum);
    nacre_error_fini(&error);
  }
}
END_TEST

Suite *test_layout_suite(void);
Suite *test_layout_suite(void) {
  Suite *suite = suite_create("layout");
  TCase *tests = tcase_create("layout");
  tcase_set_timeout(tests, 120);
  tcase_add_loop_test(tests, test_random_graphs, 0, GRAPHS / 15);
#ifdef NACRE_DOUBLE
  tcase_add_loop_test(tests, test_random_gradients, 0, 10);
#endif
  tcase_add_test(tests, test_memory_is_reused);
  tcase_add_test(tests, test_fitting);
  tcase_add_test(tests, test_memory_beyond_counting);
  tcase_add_test(tests, test_random_spans);
  suite_add_tcase(suite, tests);
  return suite;
}
