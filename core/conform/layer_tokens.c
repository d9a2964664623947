/* SPDX-License-Identifier: MIT */
/* layer_tokens: rows that were looked up. Who gives them must give equal rows
 * for equal numbers, and mind nothing but the sums of their gradients; who
 * makes use of that must come to the same results as without. */
#include "layer.h"

#include <string.h>

#define FEW 3
#define MANY 131 /* rows enough for several tiles */
#define MANY_MAX 1024
#define TOLERANCE (10 * NACRE_SUITE_ROUNDING)

/* Rows, and by which numbers they were looked up. */
typedef struct rows {
  int64_t count, size; /* of a row, in reals */
  const real *token;   /* [count] */
} rows;

/* Where the number of row i comes first. */
static int64_t first_place(const rows *at, int64_t i) {
  int64_t j = 0;
  while (at->token[j] != at->token[i]) {
    j++;
  }
  return j;
}

/* Equal rows of x for equal numbers: that of the first place of each. */
static void repeat_rows(const rows *at, real *x) {
  for (int64_t i = 0; i < at->count; i++) {
    const int64_t j = first_place(at, i);
    if (j != i) {
      memcpy(x + i * at->size, x + j * at->size,
             (size_t)at->size * sizeof(real));
    }
  }
}

/* Adds the rows of equal numbers, in the first place of each. */
static void fold_rows(const rows *at, real *x) {
  for (int64_t i = 0; i < at->count; i++) {
    const int64_t j = first_place(at, i);
    for (int64_t k = 0; j != i && k < at->size; k++) {
      x[j * at->size + k] += x[i * at->size + k];
      x[i * at->size + k] = 0;
    }
  }
}

/* Results of a run, the gradients of equal rows added up. */
static real *run(nacre_layer_bound *bound, const nacre_layer_how *how,
                 const rows *at, int64_t *n) {
  nacre_layer_run(bound, how);
  if (how->backward) {
    fold_rows(at, bound->din[0].data);
  }
  return nacre_layer_results(bound, how, n);
}

/* With `kinds` different numbers; 0: all of them different. */
static void check_use(nacre_layer_bound *plain, nacre_layer_bound *user,
                      const nacre_layer_how *how, int64_t kinds) {
  nacre_suite *suite = plain->suite;
  const nacre_shape *shape = &plain->at->input[0];
  const nacre_shape places = nacre_layer_places(shape);
  const rows at = { how->batch * nacre_layer_row(&places),
                    nacre_shape_last(shape), user->tokens.kept };
  int64_t n;
  for (int64_t i = 0; i < at.count; i++) {
    user->tokens.kept[i] =
      (real)(kinds == 0 ? i : nacre_values_below(suite, kinds));
  }
  repeat_rows(&at, plain->in[0].kept);
  nacre_layer_take_values(user, plain, NULL);
  real *expected = run(plain, how, &at, &n), *first = NULL;
  for (int i = 0; i < NACRE_SUITE_DEVICES; i++) {
    nacre_layer_how here = *how;
    here.device = &suite->device[i];
    real *got = run(user, &here, &at, &n);
    nacre_layer_same("tokens", user, how, n, expected, got, TOLERANCE,
                     "when equal rows are known");
    first = first != NULL ? first : got;
    nacre_layer_same("tokens", user, how, n, first, got, 0,
                     "when equal rows are known, with more threads");
  }
}

static void check_user(nacre_suite *suite, const nacre_layer_case *at,
                       const nacre_layer_how *how) {
  nacre_layer_case with = *at;
  nacre_layer_how many = *how;
  if (at->input[0].rank < 2) {
    return;
  }
  with.tokens = 1;
  many.batch = nacre_layer_row(&at->input[0]) <= MANY_MAX ? MANY : FEW;
  /* The last batch of an epoch may be smaller than what was planned. */
  nacre_layer_bound *plain = nacre_layer_bind(suite, at, many.batch + 1);
  nacre_layer_bound *user = nacre_layer_bind(suite, &with, many.batch + 1);
  if (nacre_suite_check(suite, "tokens", plain != NULL && user != NULL,
                        "it does not take an input with tokens")) {
    check_use(plain, user, &many, 2);
    check_use(plain, user, &many, user->tokens.count / 3 + 1);
    check_use(plain, user, &many, 0);
  }
  nacre_layer_unbind(user);
  nacre_layer_unbind(plain);
}

/* A layer that gives them. */

static void check_giver(nacre_suite *suite, const nacre_layer_case *at,
                        const nacre_layer_how *how) {
  int64_t n;
  nacre_layer_bound *bound = nacre_layer_bind(suite, at, FEW);
  if (bound == NULL) {
    return;
  }
  real *token = bound->in[0].kept;
  const rows out = { bound->in[0].count,
                     nacre_shape_last(&bound->plan.output[0]), token };
  const nacre_shape places = nacre_layer_places(&bound->plan.output[0]);
  real *given = nacre_suite_alloc(suite, (size_t)bound->out[0].count + 1,
                                  sizeof(real));
  if (!nacre_suite_check(suite, "lookup",
                         nacre_shape_equal(&places, &at->input[0]),
                         "flagged LOOKUP, but out[0] is not in[0] with an "
                         "axis more") || given == NULL) {
    nacre_layer_unbind(bound);
    return;
  }
  token[out.count - 1] = token[0]; /* one at least comes twice */
  nacre_layer_run(bound, how);
  real *expected = nacre_layer_results(bound, how, &n);
  const size_t bytes = (size_t)bound->out[0].count * sizeof(real);
  memcpy(given, bound->out[0].kept, bytes);
  repeat_rows(&out, given);
  nacre_suite_check(suite, "lookup",
                    memcmp(given, bound->out[0].kept, bytes) == 0,
                    "equal numbers give different rows");
  fold_rows(&out, bound->dout[0].kept);
  nacre_layer_run(bound, how);
  real *got = nacre_layer_results(bound, how, &n);
  nacre_layer_same("lookup", bound, how, n, expected, got, TOLERANCE,
                   "when another of the equal rows has the gradient");
  nacre_layer_unbind(bound);
}

void nacre_layer_tokens(nacre_suite *suite, const nacre_layer_case *at,
                        const nacre_layer_how *how) {
  const nacre_layer_ops *ops = suite->component->ops;
  if ((ops->flags & NACRE_LAYER_LOOKUP) != 0) {
    check_giver(suite, at, how);
  }
  if ((ops->flags & NACRE_LAYER_TOKENS) != 0) {
    check_user(suite, at, how);
  }
}
