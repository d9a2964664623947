/* SPDX-License-Identifier: MIT */
/* optimizer: the checks of optimizers. */
#include <math.h>
#include <string.h>

#include "candidates.h"
#include "kinds.h"
#include "values.h"

#define ROWS 9
#define COLS 5
#define COUNT (ROWS * COLS)
#define MARGIN 16 /* reals beyond the range */
#define CONFIGS 24
#define BOWL_STEPS 200

/* An optimizer with its state for one tensor [ROWS, COLS]. */
typedef struct trial {
  nacre_suite *suite;
  const nacre_optimizer_ops *ops;
  const void *cfg;
  uint32_t slots;
  int64_t size[NACRE_OPT_SLOTS]; /* reals of each slot */
  double start[NACRE_OPT_SLOTS], scalar[NACRE_OPT_SCALARS];
  double learning_rate;
  real w[COUNT + MARGIN], g[COUNT + MARGIN];
  real slot[NACRE_OPT_SLOTS][COUNT + MARGIN];
  real *scratch;   /* [room] */
  int64_t room;
} trial;

/* Slots are as long as the tensor, or as the optimizer says. */
static void find_sizes(trial *t) {
  const nacre_shape shape = nacre_shape_2d(ROWS, COLS);
  bool sized = t->ops->slot_size != NULL &&
               (t->ops->flags & NACRE_OPT_ELEMENTWISE) == 0;
  for (uint32_t k = 0; k < NACRE_OPT_SLOTS; k++) {
    int64_t size = sized && k < t->slots
      ? t->ops->slot_size(t->cfg, k, &shape) : COUNT;
    bool good = nacre_suite_check(t->suite, "slot size",
                                  size >= 1 && size <= COUNT,
                                  "slot %u has %lld numbers for a tensor of "
                                  "%d", k, (long long)size, COUNT);
    t->size[k] = good ? size : COUNT;
  }
}

static void begin_fresh(trial *t) {
  memset(t->start, 0, sizeof t->start);
  memset(t->scalar, 0, sizeof t->scalar);
  t->slots = t->ops->slots == NULL ? 0 : t->ops->slots(t->cfg, t->start);
  find_sizes(t);
  nacre_values_poison(COUNT + MARGIN, t->w);
  nacre_values_poison(COUNT + MARGIN, t->g);
  for (int k = 0; k < NACRE_OPT_SLOTS; k++) {
    nacre_values_poison(COUNT + MARGIN, t->slot[k]);
    for (int64_t i = 0; i < t->size[k] && (uint32_t)k < t->slots; i++) {
      t->slot[k][i] = (real)t->start[k];
    }
  }
}

/* One update of the range [first, first + n). */
static void update(trial *t, int64_t step, int64_t first, int64_t n) {
  nacre_suite_device *device = &t->suite->device[0];
  nacre_shape shape = nacre_shape_2d(ROWS, COLS);
  bool whole = (t->ops->flags & NACRE_OPT_ELEMENTWISE) == 0;
  nacre_opt_run run = {
    .size = sizeof run, .math = device->math, .cfg = t->cfg,
    .learning_rate = t->learning_rate, .step = step, .scalar = t->scalar,
    .n = n, .w = t->w + first, .g = t->g + first,
    .shape = whole ? &shape : NULL, .name = whole ? "fc1.kernel" : NULL,
    .scratch = t->scratch
  };
  if (t->room > 0) {
    nacre_values_poison(t->room, t->scratch);
  }
  for (uint32_t k = 0; k < t->slots; k++) {
    run.slot[k] = t->slot[k] + first;
  }
  nacre_suite_enter(t->suite, device);
  t->ops->update(&run);
  nacre_suite_leave(t->suite, device);
}

static void begin_step(trial *t, int64_t step) {
  if (t->ops->begin != NULL) {
    t->ops->begin(t->cfg, t->learning_rate, step, t->scalar);
  }
}

/* The parameter that every optimizer must have. */
static bool find_learning_rate(trial *t) {
  nacre_span params = t->suite->component->params;
  for (uint32_t i = 0; i < params.n; i++) {
    const nacre_param *param = nacre_candidates_param(params, i);
    if (strcmp(param->name, "learning_rate") == 0 &&
        param->type == NACRE_TYPE_FLOAT) {
      memcpy(&t->learning_rate, (const char *)t->cfg + param->offset,
             sizeof t->learning_rate);
      return true;
    }
  }
  return false;
}

static bool is_poison(int64_t n, const real *x) {
  for (int i = 0; i < MARGIN; i++) {
    if (!isnan((double)x[n + i])) {
      return false;
    }
  }
  return true;
}

/* Three steps with random gradients, cut in pieces at `cut`. */
static void three_steps(trial *t, const real *w, const real *g, int64_t cut) {
  begin_fresh(t);
  memcpy(t->w, w, COUNT * sizeof(real));
  for (int64_t step = 1; step <= 3; step++) {
    for (int i = 0; i < COUNT; i++) {
      t->g[i] = g[(i + 7 * (int)step) % COUNT];
    }
    begin_step(t, step);
    if (cut > 0) {
      update(t, step, 0, cut);
    }
    update(t, step, cut, COUNT - cut);
  }
}

static void check_bits(trial *t) {
  nacre_suite *suite = t->suite;
  real w[COUNT], g[COUNT], whole[COUNT];
  nacre_values_spaced(suite, COUNT, w);
  nacre_values_spaced(suite, COUNT, g);
  three_steps(t, w, g, 0);
  memcpy(whole, t->w, sizeof whole);
  nacre_suite_check(suite, "written",
                    nacre_values_not_finite(COUNT, t->w) < 0,
                    "three steps make a parameter NaN or infinite");
  bool intact = is_poison(COUNT, t->w) && is_poison(COUNT, t->g);
  for (uint32_t k = 0; k < t->slots; k++) {
    intact = intact && is_poison(t->size[k], t->slot[k]);
    nacre_suite_check(suite, "written",
                      nacre_values_not_finite(t->size[k], t->slot[k]) < 0,
                      "three steps make slot %u NaN or infinite", k);
  }
  nacre_suite_check(suite, "bounds", intact, "it wrote beyond the range");
  three_steps(t, w, g, 0);
  nacre_suite_check(suite, "deterministic",
                    nacre_values_differ(COUNT, whole, t->w, 0) < 0,
                    "the same steps give other parameters");
  if ((t->ops->flags & NACRE_OPT_ELEMENTWISE) != 0) {
    for (int64_t cut = 1; cut < COUNT; cut += 6) {
      three_steps(t, w, g, cut);
      nacre_suite_check(suite, "tiles",
                        nacre_values_differ(COUNT, whole, t->w, 0) < 0,
                        "cut at %lld the range gives other bits",
                        (long long)cut);
    }
  }
}

/* Without gradients nothing explodes, and padding stays 0. */
static void check_zero(trial *t) {
  begin_fresh(t);
  for (int i = 0; i < COUNT; i++) {
    t->w[i] = (real)(i % 2 == 0 ? 0 : 0.75);
  }
  for (int64_t step = 1; step <= 3; step++) {
    for (int i = 0; i < COUNT; i++) {
      t->g[i] = 0;
    }
    begin_step(t, step);
    update(t, step, 0, COUNT);
  }
  bool zero = true;
  for (int i = 0; i < COUNT; i += 2) {
    zero = zero && t->w[i] == 0;
  }
  nacre_suite_check(t->suite, "zero gradient",
                    nacre_values_not_finite(COUNT, t->w) < 0,
                    "a gradient of 0 makes a parameter NaN or infinite");
  nacre_suite_check(t->suite, "zero gradient", zero,
                    "a parameter of 0 moves without a gradient");
}

/* f(w) = sum of (w - 1/2)^2 / 2 must fall. */
static void check_bowl(trial *t) {
  double first = 0, last = 0;
  begin_fresh(t);
  nacre_values_spaced(t->suite, COUNT, t->w);
  for (int64_t step = 1; step <= BOWL_STEPS; step++) {
    double value = 0;
    for (int i = 0; i < COUNT; i++) {
      t->g[i] = t->w[i] - (real)0.5;
      value += (double)t->g[i] * (double)t->g[i] / 2;
    }
    if (step == 1) {
      first = value;
    }
    begin_step(t, step);
    update(t, step, 0, COUNT);
  }
  for (int i = 0; i < COUNT; i++) {
    last += ((double)t->w[i] - 0.5) * ((double)t->w[i] - 0.5) / 2;
  }
  nacre_suite_check(t->suite, "descends", last < first,
                    "200 steps down a bowl lead from %.6g to %.6g", first,
                    last);
}

/* Room as a host makes it. */
static bool make_scratch(trial *t) {
  nacre_shape shape = nacre_shape_2d(ROWS, COLS);
  t->room = 0;
  t->scratch = NULL;
  if (t->ops->scratch == NULL) {
    return true;
  }
  int64_t bytes = t->ops->scratch(t->cfg, &shape);
  if (!nacre_suite_check(t->suite, "scratch", bytes >= 0 && bytes < 1 << 30,
                         "it wants %lld bytes", (long long)bytes)) {
    return false;
  }
  t->room = bytes / (int64_t)sizeof(real);
  char *at = nacre_suite_alloc(t->suite, (size_t)bytes + 64, 1);
  if (at == NULL) {
    return false;
  }
  t->scratch = (real *)(void *)(at + (64 - (uintptr_t)at % 64) % 64);
  return true;
}

void nacre_optimizer_check(nacre_suite *suite) {
  const nacre_optimizer_ops *ops = suite->component->ops;
  if (!nacre_suite_check(suite, "table", ops->update != NULL,
                         "no update()")) {
    return;
  }
  nacre_candidate list[CONFIGS];
  trial *t = nacre_suite_alloc(suite, 1, sizeof *t);
  int n = nacre_candidates_all(suite, CONFIGS, list);
  nacre_suite_check(suite, "cases", n > 0, "no configuration is accepted");
  for (int i = 0; t != NULL && i < n; i++) {
    suite->where = list[i].text;
    t->suite = suite;
    t->ops = ops;
    t->cfg = list[i].cfg;
    if (!nacre_suite_check(suite, "table", find_learning_rate(t),
                           "no parameter learning_rate of type float")) {
      break;
    }
    begin_fresh(t);
    if (!nacre_suite_check(suite, "table", t->slots <= NACRE_OPT_SLOTS,
                           "%u slots are too many", t->slots) ||
        !make_scratch(t)) {
      break;
    }
    check_bits(t);
    check_zero(t);
    if (i == 0) { /* others may be anything that a user can ask for */
      check_bowl(t);
    }
  }
  suite->where = NULL;
}
