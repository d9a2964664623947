/* SPDX-License-Identifier: MIT */
#include "engine_fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A step of differences, and how far slopes may be off for it, relative to
 * the largest gradient. Single precision only shows what is grossly wrong. */
#ifdef NACRE_DOUBLE
#define STEP 6e-6
#define SLOPE_NEAR 1e-7
#else
#define STEP 4e-3
#define SLOPE_NEAR 2e-2
#endif

void engine_load(engine *self, const char *yaml) {
  nacre_bytes text = { NULL, strlen(yaml) };
  memset(self, 0, sizeof *self);
  nacre_error_init(&self->error);
  self->registry = nacre_registry_open(NULL, &self->error);
  ck_assert_ptr_nonnull(self->registry);
  memcpy(&text.at, &yaml, sizeof yaml); /* read only */
  self->loaded = nacre_experiment_load(&self->experiment, self->registry,
                                       "t.yaml", &text, NULL, NULL, 0, NULL,
                                       0, &self->error) == NACRE_OK;
}

static void make_trainer(engine *self, const nacre_train_options *options) {
  if (self->loaded) {
    self->ready = nacre_trainer_make(&self->trainer, &self->experiment,
                                     options) == NACRE_OK;
  }
}

void engine_try(engine *self, const char *yaml) {
  const nacre_train_options options = { .threads = 1 };
  engine_load(self, yaml);
  make_trainer(self, &options);
}

void engine_open_with(engine *self, const char *yaml,
                      const nacre_train_options *options) {
  engine_load(self, yaml);
  make_trainer(self, options);
  if (!self->ready) {
    ck_abort_msg("%s\n%s", engine_problems(self), yaml);
  }
}

void engine_open(engine *self, const char *yaml) {
  const nacre_train_options options = { .threads = 1 };
  engine_open_with(self, yaml, &options);
}

void engine_close(engine *self) {
  if (self->loaded) {
    nacre_trainer_fini(&self->trainer);
  }
  nacre_experiment_free(&self->experiment);
  nacre_registry_free(self->registry);
  nacre_error_fini(&self->error);
}

char *engine_problems(const engine *self) {
  engine_text text = { NULL, 0 };
  engine_put(&text, "%s", "");
  for (int i = 0; i < self->error.count; i++) {
    const nacre_problem *problem = &self->error.problem[i];
    engine_put(&text, "%s:%d:%d: %s%s%s\n",
               problem->file != NULL ? problem->file : "-", problem->line,
               problem->column, problem->text,
               problem->hint != NULL ? " | " : "",
               problem->hint != NULL ? problem->hint : "");
  }
  return text.at;
}

void engine_says(const engine *self, const char *text) {
  char *problems = engine_problems(self);
  ck_assert_msg(strstr(problems, text) != NULL,
                "expected \"%s\" among\n%s", text, problems);
  free(problems);
}

void engine_put(engine_text *text, const char *format, ...) {
  va_list args;
  char *more = NULL;
  va_start(args, format);
  int n = vasprintf(&more, format, args);
  va_end(args);
  ck_assert_int_ge(n, 0);
  char *grown = realloc(text->at, text->n + (size_t)n + 1);
  ck_assert_ptr_nonnull(grown);
  text->at = grown;
  memcpy(text->at + text->n, more, (size_t)n + 1);
  text->n += (size_t)n;
  free(more);
}

double engine_random(uint64_t *state) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (double)(*state >> 11) / 9007199254740992.0;
}

int engine_below(uint64_t *state, int n) {
  return (int)(engine_random(state) * n);
}

void engine_put_numbers(engine_text *text, int64_t n, int64_t cols,
                        uint64_t seed) {
  uint64_t state = seed * 2654435761u + 1;
  engine_put(text, "[");
  for (int64_t i = 0; i < n; i++) {
    engine_put(text, "%s%s", i > 0 ? ", " : "", cols > 0 ? "[" : "");
    for (int64_t j = 0; j < (cols > 0 ? cols : 1); j++) {
      engine_put(text, "%s%.6f", j > 0 ? ", " : "",
                 2 * engine_random(&state) - 1);
    }
    engine_put(text, "%s", cols > 0 ? "]" : "");
  }
  engine_put(text, "]");
}

void engine_put_labels(engine_text *text, int64_t n, int64_t classes,
                       uint64_t seed) {
  uint64_t state = seed * 2654435761u + 1;
  engine_put(text, "[");
  for (int64_t i = 0; i < n; i++) {
    engine_put(text, "%s%lld", i > 0 ? ", " : "",
               i < classes ? (long long)i
                           : (long long)engine_below(&state, (int)classes));
  }
  engine_put(text, "]");
}

void engine_feed(engine *self, int64_t n) {
  const nacre_key none = { { 0, 0 }, { 0, 0 } };
  int64_t *position = calloc((size_t)n, sizeof *position);
  ck_assert_ptr_nonnull(position);
  for (int64_t i = 0; i < n; i++) {
    position[i] = i;
  }
  ck_assert_int_eq(
    nacre_feed_batch(&self->trainer.training.feed, position, n, none),
    NACRE_OK);
  free(position);
  self->fed = n;
}

double engine_loss(engine *self) {
  nacre_trainer *trainer = &self->trainer;
  const nacre_graph *graph = &self->experiment.graph;
  engine_feed(self, self->fed); /* a run may use its inputs' memory anew */
  memset(trainer->model.grads, 0,
         (size_t)trainer->model.trained * sizeof(real));
  nacre_program_set_step(&trainer->program, 3);
  nacre_program_run(&trainer->program);
  double loss = nacre_optimizer_penalty(&trainer->optimizer, true);
  for (int i = 0; i < graph->n_heads; i++) {
    const nacre_bound_head *head = &trainer->program.head[i];
    if (head->head->loss_ops != NULL) {
      loss += head->head->weight * head->loss_sum /
              head->counted;
    }
  }
  return loss;
}

int engine_variable(const engine *self, const char *name) {
  const nacre_graph *graph = &self->experiment.graph;
  for (int i = 0; i < graph->n_variables; i++) {
    if (strcmp(graph->variable[i].name, name) == 0) {
      return i;
    }
  }
  ck_abort_msg("there is no variable %s", name);
  return -1;
}

real *engine_weight(engine *self, const char *name) {
  nacre_model *model = &self->trainer.model;
  return model->params + model->offset[engine_variable(self, name)];
}

real *engine_gradient(engine *self, const char *name) {
  nacre_model *model = &self->trainer.model;
  return model->grads + model->offset[engine_variable(self, name)];
}

uint64_t engine_digest(const engine *self) {
  nacre_hash hash;
  ck_assert_int_eq(nacre_model_digest(&self->trainer.model, &hash),
                   NACRE_OK);
  return hash.word[0] ^ (hash.word[1] * 31);
}

/* Moves w by `by` times the direction. */
static void move(real *w, const real *from, const double *direction,
                 int64_t n, double by) {
  for (int64_t i = 0; i < n; i++) {
    w[i] = (real)((double)from[i] + by * direction[i]);
  }
}

/* The slope of the loss along a direction of one weight, against what its
 * gradient says. */
static void prove_along(engine *self, const nacre_variable *variable,
                        real *w, const double *direction, double told,
                        double scale) {
  int64_t n = variable->count;
  real *from = malloc((size_t)n * sizeof(real));
  ck_assert_ptr_nonnull(from);
  memcpy(from, w, (size_t)n * sizeof(real));
  move(w, from, direction, n, STEP);
  double above = engine_loss(self);
  move(w, from, direction, n, -STEP);
  double below = engine_loss(self);
  memcpy(w, from, (size_t)n * sizeof(real));
  free(from);
  double slope = (above - below) / (2 * STEP);
  ck_assert_msg(fabs(slope - told) <= SLOPE_NEAR * scale,
                "%s: the loss rises by %.12g, its gradient says %.12g "
                "(scale %g)", variable->name, slope, told, scale);
}

void engine_prove(engine *self, int64_t n, int directions) {
  nacre_model *model = &self->trainer.model;
  const nacre_graph *graph = &self->experiment.graph;
  real *gradient = malloc(((size_t)model->trained + 1) * sizeof(real));
  uint64_t state = 77;
  double scale = 0;
  ck_assert_ptr_nonnull(gradient);
  engine_feed(self, n);
  (void)engine_loss(self);
  memcpy(gradient, model->grads, (size_t)model->trained * sizeof(real));
  for (int64_t i = 0; i < model->trained; i++) {
    scale = fmax(scale, fabs((double)gradient[i]));
  }
  ck_assert_double_gt(scale, 1e-4); /* there is something to prove */
  for (int i = 0; i < graph->n_variables; i++) {
    const nacre_variable *variable = &graph->variable[i];
    if (!variable->trained) {
      continue;
    }
    const real *told = gradient + model->offset[i];
    int64_t count = variable->count;
    double *direction = calloc((size_t)count, sizeof *direction);
    ck_assert_ptr_nonnull(direction);
    for (int64_t j = 0; j < (directions > 0 ? directions : count); j++) {
      double along = 0;
      for (int64_t k = 0; k < count; k++) {
        direction[k] = directions > 0 ? 2 * engine_random(&state) - 1
                                      : k == j;
        along += direction[k] * (double)told[k];
      }
      prove_along(self, variable, model->params + model->offset[i],
                  direction, along, scale);
    }
    free(direction);
  }
  free(gradient);
}
