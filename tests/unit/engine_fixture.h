/* SPDX-License-Identifier: MIT */
/* engine_fixture: experiments from text, made ready to train, and what tests
 * do with them: samples by the number, losses, weights, slopes. */
#ifndef TESTS_UNIT_ENGINE_FIXTURE_H
#define TESTS_UNIT_ENGINE_FIXTURE_H

#include "train/train.h"

#include <check.h>

/** How near a number computed by the build's reals must come. */
#ifdef NACRE_DOUBLE
#define ENGINE_NEAR 1e-12
#else
#define ENGINE_NEAR 1e-6
#endif

/** An experiment, loaded; and its trainer, if it was asked for. */
typedef struct engine {
  nacre_registry *registry;
  nacre_error error;
  nacre_experiment experiment;
  nacre_trainer trainer;
  bool loaded, ready;
  int64_t fed; /* samples that engine_loss() takes */
} engine;

/** Loads text as a config called "t.yaml". Problems stay in error. */
void engine_load(engine *, const char *yaml);
/** And makes a trainer for one thread; the test fails if it cannot. */
void engine_open(engine *, const char *yaml);
void engine_open_with(engine *, const char *yaml,
                      const nacre_train_options *);
/** engine_load() and a trainer, if they can be made. */
void engine_try(engine *, const char *yaml);
void engine_close(engine *);

/** All problems, a line each. Caller frees with free(). */
char *engine_problems(const engine *);
/** The text is among the problems; the test fails if it is not. */
void engine_says(const engine *, const char *text);

/** Text that grows; put() takes printf's arguments. */
typedef struct engine_text {
  char *at;
  size_t n;
} engine_text;
void engine_put(engine_text *, const char *format, ...) NACRE_PRINTF(2, 3);
/** [n, cols] numbers in [-1, 1) as a YAML list of lists; no pattern, the
 *  same for the same seed. cols 0: a list of numbers. */
void engine_put_numbers(engine_text *, int64_t n, int64_t cols,
                        uint64_t seed);
/** n class numbers below `classes`, every class in turn at least once. */
void engine_put_labels(engine_text *, int64_t n, int64_t classes,
                       uint64_t seed);

/** A number in [0, 1) from a state that it moves on. */
double engine_random(uint64_t *state);
int engine_below(uint64_t *state, int n);

/** Brings samples [0, n) of the training split into the trainer's program,
 *  now and before each engine_loss(). */
void engine_feed(engine *, int64_t n);
/** Runs the trainer's program: the loss that training minimises, penalties
 *  included. Gradients are cleared before, and then those of losses and
 *  penalties. */
double engine_loss(engine *);
/** Proves the gradients of all trained weights by central differences along
 *  each axis, or along `directions` random directions of each weight if that
 *  is not 0. Feeds n samples. */
void engine_prove(engine *, int64_t n, int directions);

/** Number of the variable of this name; the test fails without it. */
int engine_variable(const engine *, const char *name);
/** First element of a variable in the model's memory. */
real *engine_weight(engine *, const char *name);
real *engine_gradient(engine *, const char *name);
/** The weights' digest as one number. */
uint64_t engine_digest(const engine *);

#endif
