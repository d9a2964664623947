/* SPDX-License-Identifier: MIT */
/* layer: the checks of layers, each on every case that was found. */
#include "layer.h"

#include <math.h>
#include <string.h>

#define BATCH 3
#define ROOM 7           /* a planned batch of which BATCH rows are run */
#define MANY 131         /* rows enough for several tiles */
#define MANY_MAX 8192    /* elements per row that MANY is good for */

/* What is tried on one case. */
typedef struct trial {
  nacre_suite *suite;
  const nacre_layer_ops *ops;
  const nacre_layer_case *at;
  nacre_layer_how how; /* one thread, training, forward and backward */
  bool allocates;      /* seen, of one that says so */
} trial;

static void check_plan(trial *t) {
  nacre_suite *suite = t->suite;
  nacre_layer_answer first, other, again;
  nacre_layer_ask(suite, t->at, BATCH, -1, &first);
  nacre_layer_ask(suite, t->at, ROOM, -1, &other);
  nacre_layer_ask(suite, t->at, BATCH, -1, &again);
  nacre_suite_check(suite, "plan", memcmp(&first, &again, sizeof first) == 0,
                    "asked twice, plan() gives two answers");
  bool alike = memcmp(first.output, other.output, sizeof first.output) == 0;
  for (uint32_t i = 0; i < t->ops->weights.n; i++) {
    /* States that are carried on are of the batch. */
    alike = alike && ((nacre_layer_weight(t->ops, i)->flags &
                       NACRE_WEIGHT_CARRY) != 0 ||
                      nacre_shape_equal(&first.weight[i], &other.weight[i]));
  }
  nacre_suite_check(suite, "plan", alike,
                    "outputs or weights depend on the batch");
  for (int i = 0; i < first.calls; i++) {
    nacre_layer_ask(suite, t->at, BATCH, i, &other);
    nacre_suite_check(suite, "plan", other.status == NACRE_ERROR &&
                      other.misuse[0] == '\0',
                      "call %d of plan() fails: %s", i,
                      other.misuse[0] != '\0' ? other.misuse
                                              : "plan() did not");
  }
  bool like = first.n_outputs > 0 &&
              nacre_shape_count(&first.output[0]) ==
                nacre_shape_count(&t->at->input[0]);
  if ((t->ops->flags & (NACRE_LAYER_VIEW | NACRE_LAYER_TRAINING)) != 0) {
    nacre_suite_check(suite, "view", like && first.n_outputs == 1,
                      "a view must have one output with as many elements as "
                      "the input");
  }
}

/* Twice the same, and the second time without allocating. */
static void check_again(trial *t, nacre_layer_bound *bound) {
  int64_t n;
  nacre_layer_run(bound, &t->how);
  real *first = nacre_layer_results(bound, &t->how, &n);
  nacre_layer_run(bound, &t->how);
  real *second = nacre_layer_results(bound, &t->how, &n);
  nacre_layer_same("deterministic", bound, &t->how, n, first, second, 0,
                   "run again");
  if (t->suite->options->allocations == NULL) {
    nacre_suite_skip(t->suite, "no allocation", "not counted here");
  } else if ((t->ops->flags & NACRE_LAYER_ALLOCATES) != 0) {
    nacre_suite_skip(t->suite, "no allocation",
                     "flagged ALLOCATES: it calls a library that does");
    t->allocates = t->allocates || bound->allocated > 0;
  } else {
    nacre_suite_check(t->suite, "no allocation", bound->allocated == 0,
                      "forward and backward allocate %llu times",
                      (unsigned long long)bound->allocated);
  }
}

/* Planned for more than there are; create() may know of that or not. */
static void check_fewer(trial *t, nacre_layer_bound *full, int64_t made) {
  nacre_layer_bound *roomy =
    nacre_layer_bind_fewer(t->suite, t->at, ROOM, made);
  if (roomy == NULL) {
    return;
  }
  int64_t n;
  nacre_layer_take_values(roomy, full, NULL);
  nacre_layer_run(full, &t->how);
  real *expected = nacre_layer_results(full, &t->how, &n);
  nacre_layer_run(roomy, &t->how);
  real *got = nacre_layer_results(roomy, &t->how, &n);
  nacre_layer_same("partial batch", full, &t->how, n, expected, got,
                   NACRE_SUITE_ROUNDING, "3 rows of a batch planned for 7");
  nacre_layer_unbind(roomy);
}

static void check_partial(trial *t, nacre_layer_bound *full) {
  check_fewer(t, full, ROOM);
  if (t->ops->create != NULL) {
    check_fewer(t, full, BATCH);
  }
}

/* Without one gradient the others are what they were. */
static void check_unwanted(trial *t, nacre_layer_bound *bound) {
  uint32_t inputs = t->at->n_inputs, weights = t->ops->weights.n;
  if (!t->how.backward) {
    return;
  }
  for (uint32_t i = 0; i < inputs + weights; i++) {
    int64_t n, n_less;
    nacre_layer_how less = t->how;
    if (i < inputs) {
      less.no_din = (uint64_t)1 << i;
    } else {
      less.no_dweight = (uint64_t)1 << (i - inputs);
    }
    nacre_layer_run(bound, &t->how);
    real *all = nacre_layer_results(bound, &less, &n);
    nacre_layer_run(bound, &less);
    real *some = nacre_layer_results(bound, &less, &n_less);
    nacre_layer_same("unwanted gradients", bound, &less, n, all, some, 0,
                     "when a gradient is not wanted");
  }
}

static void check_in_place(trial *t, nacre_layer_bound *bound) {
  if ((t->ops->flags & NACRE_LAYER_INPLACE) == 0) {
    return;
  }
  bool like = nacre_layer_row(&bound->plan.output[0]) ==
              nacre_layer_row(&t->at->input[0]);
  if (!nacre_suite_check(t->suite, "in place", like,
                         "flagged INPLACE, but output and input differ in "
                         "size")) {
    return;
  }
  int64_t n;
  nacre_layer_how in_place = t->how;
  in_place.in_place = true;
  nacre_layer_run(bound, &t->how);
  real *apart = nacre_layer_results(bound, &t->how, &n);
  nacre_layer_run(bound, &in_place);
  real *together = nacre_layer_results(bound, &in_place, &n);
  nacre_layer_same("in place", bound, &in_place, n, apart, together, 0,
                   "in place");
}

/* An activation of the suite's own, for epilogues: x / (1 + |x|). */
static void soft_forward(const nacre_math *math, const void *cfg,
                         int64_t rows, int64_t cols, const real *x, real *y) {
  (void)math;
  (void)cfg;
  for (int64_t i = 0; i < rows * cols; i++) {
    y[i] = x[i] / (1 + (x[i] < 0 ? -x[i] : x[i]));
  }
}

static void soft_backward(const nacre_math *math, const void *cfg,
                          int64_t rows, int64_t cols, const real *x,
                          const real *dy, real *dx) {
  (void)math;
  (void)cfg;
  for (int64_t i = 0; i < rows * cols; i++) {
    real size = 1 + (x[i] < 0 ? -x[i] : x[i]);
    dx[i] = dy[i] / (size * size);
  }
}

/* What is done to the output on the way is what would be done behind it, to
 * the same bits. */
static void check_fused(trial *t, nacre_layer_bound *bound,
                        const char *check, const nacre_activation *epilogue,
                        bool residual) {
  int64_t n;
  nacre_layer_how plain = t->how;
  plain.backward = false;
  nacre_layer_how fused = plain;
  fused.epilogue = epilogue;
  fused.residual = residual;
  nacre_layer_run(bound, &plain);
  real *expected = nacre_layer_results(bound, &plain, &n);
  nacre_layer_run(bound, &fused);
  real *got = nacre_layer_results(bound, &fused, &n);
  if (expected == NULL) {
    return;
  }
  const int64_t out = t->how.batch * nacre_layer_row(&bound->plan.output[0]);
  for (int64_t i = 0; residual && i < out; i++) {
    expected[i] += bound->dout[0].kept[i];
  }
  if (epilogue != NULL) {
    soft_forward(NULL, NULL, 1, out, expected, expected);
  }
  nacre_layer_same(check, bound, &fused, n, expected, got, 0,
                   residual ? "with a residual"
                            : "with an activation as epilogue");
}

static void check_epilogue(trial *t, nacre_layer_bound *bound) {
  static const nacre_activation soft = { soft_forward, soft_backward, NULL };
  const bool able = (t->ops->flags & NACRE_LAYER_EPILOGUE) != 0;
  if (able) {
    check_fused(t, bound, "epilogue", &soft, false);
  }
  if ((t->ops->flags & NACRE_LAYER_RESIDUAL) != 0) {
    check_fused(t, bound, "residual", able ? &soft : NULL, true);
  }
}

/* Whether another key gives other results. */
static bool check_key(trial *t, nacre_layer_bound *bound) {
  int64_t n;
  nacre_layer_how other = t->how;
  other.tag++;
  nacre_layer_run(bound, &t->how);
  real *first = nacre_layer_results(bound, &t->how, &n);
  nacre_layer_run(bound, &other);
  real *second = nacre_layer_results(bound, &other, &n);
  if ((t->ops->flags & NACRE_LAYER_RANDOM) == 0) {
    nacre_layer_same("random", bound, &t->how, n, first, second, 0,
                     "not flagged RANDOM, with another key");
    return false;
  }
  return first != NULL && second != NULL &&
         nacre_values_differ(n, first, second, 0) >= 0;
}

/* Rows in another order give results in that order. */
static void check_order(trial *t, nacre_layer_bound *bound, uint32_t flags) {
  static const int64_t order[BATCH] = { 2, 0, 1 };
  nacre_layer_bound *turned = nacre_layer_bind(t->suite, t->at, BATCH);
  if (turned == NULL) {
    return;
  }
  nacre_layer_how how = t->how;
  how.flags = flags;
  how.backward = false;
  nacre_layer_take_values(turned, bound, order);
  nacre_layer_run(bound, &how);
  nacre_layer_run(turned, &how);
  for (uint32_t k = 0; k < bound->plan.n_outputs; k++) {
    int64_t row = nacre_layer_row(&bound->plan.output[k]);
    for (int64_t i = 0; i < BATCH; i++) {
      int64_t j = nacre_values_differ(
        row, bound->out[k].kept + order[i] * row,
        turned->out[k].kept + i * row, NACRE_SUITE_ROUNDING);
      nacre_suite_check(t->suite, "row order", j < 0,
                        "a row of out[%u] depends on its place in the batch",
                        k);
    }
  }
  nacre_layer_unbind(turned);
}

static bool has_state(const trial *t) {
  for (uint32_t i = 0; i < t->ops->weights.n; i++) {
    if (nacre_layer_is_state(t->ops, i)) {
      return true;
    }
  }
  return false;
}

/* Whether the rows of a batch in training know nothing of each other.
 * Running statistics are of the whole batch. */
static bool is_rowwise(const trial *t) {
  return !t->at->mixes && (t->ops->flags & NACRE_LAYER_RANDOM) == 0 &&
         !has_state(t);
}

static void check_orders(trial *t, nacre_layer_bound *bound) {
  if (t->at->mixes || (t->ops->flags & NACRE_LAYER_RANDOM) != 0) {
    return;
  }
  if ((t->ops->flags & NACRE_LAYER_TRAINING) == 0) {
    check_order(t, bound, 0);
  }
  if (is_rowwise(t)) {
    check_order(t, bound, NACRE_RUN_TRAINING);
  }
}

static void check_threads(trial *t) {
  int64_t size = 0;
  for (uint32_t i = 0; i < t->at->n_inputs; i++) {
    size += nacre_layer_row(&t->at->input[i]);
  }
  int64_t batch = size <= MANY_MAX ? MANY : ROOM;
  nacre_layer_bound *bound = nacre_layer_bind(t->suite, t->at, batch);
  if (bound == NULL) {
    return;
  }
  int64_t n;
  real *first = NULL;
  for (int i = 0; i < NACRE_SUITE_DEVICES; i++) {
    nacre_layer_how how = t->how;
    how.device = &t->suite->device[i];
    how.batch = batch;
    nacre_layer_run(bound, &how);
    real *got = nacre_layer_results(bound, &how, &n);
    if (i == 0) {
      first = got;
    } else {
      nacre_layer_same("threads", bound, &how, n, first, got, 0,
                       "with more threads");
    }
  }
  nacre_layer_unbind(bound);
}

/* Three rows scattered over a batch of many, the others having no gradient
 * to give, count as they do in a batch of three. */
static void check_many(trial *t, nacre_layer_bound *three) {
  static const int64_t place[BATCH] = { 0, 67, MANY - 1 };
  int64_t n;
  nacre_layer_bound *many = nacre_layer_bind(t->suite, t->at, MANY);
  if (many == NULL || !is_rowwise(t)) {
    nacre_layer_unbind(many);
    return;
  }
  nacre_layer_how how = t->how;
  how.batch = MANY;
  nacre_layer_take_values(many, three, NULL);
  nacre_layer_scatter(many, three, place, BATCH);
  nacre_layer_run(three, &t->how);
  nacre_layer_run(many, &how);
  real *expected = nacre_layer_results(three, &t->how, &n);
  real *got = nacre_layer_gather(many, &t->how, place, &n);
  nacre_layer_same("large batch", three, &t->how, n, expected, got,
                   10 * NACRE_SUITE_ROUNDING, "among 131 rows");
  nacre_layer_unbind(many);
}

/* Numbers that are no index must be reported, and harm nothing. */
static void check_bad_index(trial *t, nacre_layer_bound *bound) {
  static const double bad[] = { -1, 1e9, 1e30, -1e30, 0.5, (double)NAN };
  nacre_layer_how how = t->how;
  how.backward = false;
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    real *x = &bound->in[0].kept[bound->in[0].count - 1];
    real was = *x;
    *x = (real)bad[i];
    nacre_layer_forward(bound, &how);
    *x = was;
    nacre_suite_check(t->suite, "bad index", bound->faulted,
                      "an input of %g was not reported", bad[i]);
  }
}

/* Called again in the same step, with the states that the first call left, it
 * gives the same; nacre_layer_run() looks that it leaves them alone. */
static void check_repeat(trial *t, nacre_layer_bound *bound) {
  nacre_suite *suite = t->suite;
  nacre_layer_how how = t->how;
  if ((t->ops->flags & NACRE_LAYER_REPEAT) == 0) {
    return;
  }
  how.flags |= NACRE_RUN_TRAINING;
  nacre_layer_run(bound, &how);
  for (uint32_t i = 0; i < t->ops->weights.n; i++) {
    nacre_layer_buffer *weight = &bound->weight[i];
    if (weight->data != NULL && nacre_layer_is_state(t->ops, i)) {
      memcpy(weight->kept, weight->data,
             (size_t)weight->count * sizeof(real));
    }
  }
  for (uint32_t i = 0; i < bound->plan.n_outputs; i++) {
    const nacre_layer_buffer *out = &bound->out[i];
    size_t bytes = (size_t)out->count * sizeof(real);
    real *first = nacre_suite_alloc(suite, (size_t)out->count + 1,
                                    sizeof(real));
    if (first == NULL) {
      return;
    }
    memcpy(first, out->kept, bytes);
    nacre_layer_how again = how;
    again.flags |= NACRE_RUN_RECOMPUTE;
    nacre_layer_run(bound, &again);
    nacre_suite_check(suite, "repeat", memcmp(first, out->kept, bytes) == 0,
                      "%s is another when forward is called again in a step",
                      out->name);
    nacre_layer_run(bound, &how);
  }
}

/* True when the case is random and its key mattered. */
static bool check_case(trial *t) {
  nacre_suite *suite = t->suite;
  check_plan(t);
  if ((t->ops->flags & NACRE_LAYER_VIEW) != 0) {
    return false;
  }
  nacre_layer_bound *bound = nacre_layer_bind(suite, t->at, BATCH);
  if (bound == NULL) {
    nacre_suite_check(suite, "create", suite->lost, "it cannot be bound");
    return false;
  }
  check_again(t, bound);
  check_repeat(t, bound);
  check_partial(t, bound);
  check_unwanted(t, bound);
  check_in_place(t, bound);
  check_epilogue(t, bound);
  bool random = check_key(t, bound);
  check_orders(t, bound);
  check_many(t, bound);
  nacre_layer_tokens(suite, t->at, &t->how);
  nacre_layer_kept(suite, t->at);
  if (t->at->whole > 0) {
    check_bad_index(t, bound);
  }
  nacre_layer_unbind(bound);
  check_threads(t);
  if (t->ops->backward != NULL) {
    nacre_layer_gradient(suite, t->at);
  } else {
    nacre_suite_skip(suite, "gradient", "it has no backward");
  }
  return random;
}

void nacre_layer_check(nacre_suite *suite) {
  if (!nacre_layer_table(suite) ||
      ((const nacre_layer_ops *)suite->component->ops)->expand != NULL) {
    return; /* it is as right as the layers that it is made of */
  }
  nacre_layer_case *list =
    nacre_suite_alloc(suite, NACRE_LAYER_CASES, sizeof *list);
  if (list == NULL) {
    return;
  }
  int n = nacre_layer_cases(suite, list);
  const nacre_layer_ops *ops = suite->component->ops;
  bool random = false, allocates = suite->options->allocations == NULL;
  for (int i = 0; i < n && !suite->lost; i++) {
    trial t = { suite, ops, &list[i],
                { .device = &suite->device[0], .batch = BATCH,
                  .flags = NACRE_RUN_TRAINING, .tag = 1,
                  .backward = ops->backward != NULL }, false };
    suite->where = list[i].text;
    random = check_case(&t) || random;
    allocates = t.allocates || allocates;
  }
  suite->where = NULL;
  if (n > 0 && (ops->flags & NACRE_LAYER_RANDOM) != 0) {
    nacre_suite_check(suite, "random", random,
                      "flagged RANDOM, but another key changes nothing");
  }
  if (n > 0 && (ops->flags & NACRE_LAYER_ALLOCATES) != 0) {
    nacre_suite_check(suite, "allocates", allocates,
                      "flagged ALLOCATES, but it never does");
  }
}
