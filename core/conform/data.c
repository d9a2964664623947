/* SPDX-License-Identifier: MIT */
/* data: the checks of sources, transforms, codecs and callbacks. Sources and
 * callbacks meet the world, which is not here: their tables are checked. */
#include <math.h>
#include <string.h>

#include "candidates.h"
#include "kinds.h"
#include "values.h"

#define ROWS 6
#define MOST (64 * ROWS)
#define OUT_MOST 4096 /* elements of a transformed sample */
#define CONFIGS 16

void nacre_source_check(nacre_suite *suite) {
  const nacre_source_ops *ops = suite->component->ops;
  nacre_suite_check(suite, "table",
                    ops->open != NULL && ops->close != NULL &&
                      ops->count != NULL && ops->fields != NULL &&
                      ops->read != NULL,
                    "open, close, count, fields or read is missing");
  nacre_suite_check(suite, "table",
                    (ops->encode == NULL) == (ops->decode == NULL),
                    "encode without decode, or the reverse");
}

void nacre_callback_check(nacre_suite *suite) {
  const nacre_callback_ops *ops = suite->component->ops;
  const uint32_t known = (1u << NACRE_ON_TRAIN_BEGIN) |
                         (1u << NACRE_ON_EPOCH_END) |
                         (1u << NACRE_ON_TRAIN_END) |
                         (1u << NACRE_ON_STEP_END);
  nacre_suite_check(suite, "table", ops->event != NULL, "no event()");
  nacre_suite_check(suite, "table",
                    ops->flags != 0 && (ops->flags & ~known) == 0,
                    "it wants no event, or an unknown one");
  nacre_candidate list[1];
  if (ops->monitor == NULL || nacre_candidates_base(suite, 1, list) == 0) {
    return;
  }
  uint32_t names = 0;
  while (names < 64 && ops->monitor(list[0].cfg, names) != NULL) {
    names++;
  }
  nacre_suite_check(suite, "monitor", names < 64,
                    "monitor() never ends its list");
}

/* Codecs: what is not theirs is refused, within the room that they have. */
void nacre_codec_check(nacre_suite *suite) {
  enum { LIMIT = 256, MARGIN = 64 };
  const nacre_codec_ops *ops = suite->component->ops;
  unsigned char in[64], exact[LIMIT + MARGIN];
  if (!nacre_suite_check(suite, "table", ops->decode != NULL,
                         "no decode()")) {
    return;
  }
  const nacre_host *host = nacre_registry_host(suite->registry);
  for (int trial = 0; trial < 65; trial++) {
    size_t n = (size_t)trial;
    for (size_t i = 0; i < n; i++) {
      in[i] = (unsigned char)nacre_values_below(suite, 256);
    }
    for (int to_exact = 0; to_exact < 2; to_exact++) {
      nacre_error_fail fail;
      nacre_bytes out = { NULL, 0 };
      nacre_suite_forget(suite);
      memset(exact, 0x5a, sizeof exact);
      int status = ops->decode(host, in, n, LIMIT,
                               to_exact ? exact : NULL, &out,
                               nacre_suite_fail(suite, &fail));
      nacre_suite_check(suite, "garbage", status == NACRE_ERROR,
                        "%zu random bytes are decoded", n);
      nacre_suite_check(suite, "garbage",
                        status != NACRE_ERROR ||
                          nacre_suite_problem(suite)[0] != '\0',
                        "%zu random bytes are refused without a reason", n);
      if (status == NACRE_OK && !to_exact) {
        host->free(out.at);
      }
      bool intact = true;
      for (int i = 0; i < MARGIN; i++) {
        intact = intact && exact[LIMIT + i] == 0x5a;
      }
      nacre_suite_check(suite, "bounds", intact,
                        "decode() wrote beyond the room it was given");
    }
  }
}

/* A transform planned for a shape, and fitted. */
typedef struct trial {
  nacre_suite *suite;
  const nacre_transform_ops *ops;
  nacre_transform_plan plan;
  int64_t in, out; /* reals of a sample */
  double *state;
  real x[MOST];    /* [ROWS, in] */
} trial;

static const nacre_shape sample_shapes[] = {
  { { 5 }, 1, NACRE_REAL },
  { { 5, 4, 3 }, 3, NACRE_REAL },
  { { 0 }, 0, NACRE_REAL },
  { { 1 }, 1, NACRE_REAL },
  { { 4, 5, 1 }, 3, NACRE_REAL }
};

static int apply(trial *t, uint32_t tag, int64_t n, const real *x,
                 real *out) {
  nacre_error_fail fail;
  nacre_key key = { { 11, 13 }, { 0, tag } };
  nacre_suite_forget(t->suite);
  return t->ops->apply(t->plan.cfg, &t->plan.in.shape, t->state, key, n, x,
                       out, nacre_suite_fail(t->suite, &fail));
}

static bool fit(trial *t) {
  int status = t->plan.state_count > 0 && t->ops->fit != NULL ? 1 : 0;
  nacre_error_fail fail;
  nacre_fail *failing = nacre_suite_fail(t->suite, &fail);
  for (int32_t pass = 0; status == 1 && pass < 16; pass++) {
    status = t->ops->fit(t->plan.cfg, &t->plan.in.shape, t->state, pass,
                         ROWS, t->x, failing);
    if (status != NACRE_ERROR) {
      status = t->ops->fit(t->plan.cfg, &t->plan.in.shape, t->state, pass, 0,
                           NULL, failing);
    }
  }
  nacre_suite_check(t->suite, "refusal",
                    status != NACRE_ERROR ||
                      nacre_suite_problem(t->suite)[0] != '\0',
                    "fit() fails without a reason");
  nacre_suite_check(t->suite, "fit", status != 1,
                    "fit() wants more than 16 passes");
  return status == NACRE_OK;
}

static void check_invert(trial *t, const real *y) {
  real back[MOST];
  if (t->ops->invert == NULL ||
      t->ops->invert(t->plan.cfg, &t->plan.in.shape, t->state, ROWS, y,
                     back) != NACRE_OK) {
    return;
  }
  int64_t i = nacre_values_differ(ROWS * t->in, t->x, back, 1e-4);
  nacre_suite_check(t->suite, "invert", i < 0,
                    "apply() and invert() turn %.9g into %.9g",
                    i < 0 ? 0 : (double)t->x[i],
                    i < 0 ? 0 : (double)back[i]);
}

/* False when the data does not suit it, which it may say. */
static bool check_transform(trial *t) {
  nacre_suite *suite = t->suite;
  int64_t n = ROWS * t->out;
  real *first = nacre_suite_alloc(suite, (size_t)n + 16, sizeof *first);
  real *again = nacre_suite_alloc(suite, (size_t)n + 16, sizeof *again);
  if (first == NULL || again == NULL || !fit(t)) {
    return false;
  }
  nacre_values_poison(n + 16, first);
  if (apply(t, 1, ROWS, t->x, first) != NACRE_OK) {
    nacre_suite_check(suite, "refusal", nacre_suite_problem(suite)[0] != 0,
                      "apply() fails without a reason");
    return false;
  }
  int64_t bad = nacre_values_not_finite(n, first);
  nacre_suite_check(suite, "written", bad < 0,
                    "element %lld is unwritten or not finite",
                    (long long)bad);
  nacre_suite_check(suite, "bounds", isnan((double)first[n]) &&
                    isnan((double)first[n + 15]),
                    "apply() wrote beyond its rows");
  apply(t, 1, ROWS, t->x, again);
  nacre_suite_check(suite, "deterministic",
                    nacre_values_differ(n, first, again, 0) < 0,
                    "the same key gives other samples");
  apply(t, 2, ROWS, t->x, again);
  nacre_suite_check(suite, "random",
                    (t->ops->flags & NACRE_TRANSFORM_RANDOM) != 0 ||
                      nacre_values_differ(n, first, again, 0) < 0,
                    "not flagged RANDOM, but it reads the key");
  if (t->in == t->out) {
    memcpy(again, t->x, (size_t)n * sizeof *again);
    apply(t, 1, ROWS, again, again);
    nacre_suite_check(suite, "in place",
                      nacre_values_differ(n, first, again, 0) < 0,
                      "with out = x it gives other samples");
  }
  check_invert(t, first);
  return true;
}

static bool plan_transform(trial *t, const void *cfg,
                           const nacre_shape *shape, bool index) {
  nacre_suite *suite = t->suite;
  nacre_error_fail fail;
  nacre_suite_forget(suite);
  t->plan = (nacre_transform_plan){
    .size = sizeof t->plan, .cfg = cfg,
    .in = { .name = "x", .shape = *shape,
            .flags = index ? NACRE_FIELD_INDEX : 0,
            .classes = index ? 3 : 0 },
    .fail = nacre_suite_fail(suite, &fail), .out = *shape
  };
  int status = t->ops->plan(&t->plan);
  nacre_suite_check(suite, "refusal",
                    status == NACRE_OK || nacre_suite_problem(suite)[0] != 0,
                    "plan() refuses without a reason");
  if (status != NACRE_OK || t->plan.state_count < 0 ||
      t->plan.state_count > 1 << 20) {
    return false;
  }
  t->in = nacre_shape_count(shape);
  t->out = nacre_shape_count(&t->plan.out);
  t->state = nacre_suite_alloc(suite, (size_t)t->plan.state_count + 1,
                               sizeof *t->state);
  for (int64_t i = 0; i < NACRE_TRANSFORM_START && t->state != NULL &&
                      i < t->plan.state_count; i++) {
    t->state[i] = t->plan.start[i];
  }
  if (index) {
    nacre_values_whole(suite, 3, ROWS * t->in, t->x);
  } else {
    nacre_values_spaced(suite, ROWS * t->in, t->x);
  }
  return t->state != NULL && t->out > 0 && t->out <= OUT_MOST;
}

void nacre_transform_check(nacre_suite *suite) {
  const nacre_transform_ops *ops = suite->component->ops;
  if (!nacre_suite_check(suite, "table",
                         ops->plan != NULL && ops->apply != NULL,
                         "plan or apply is missing")) {
    return;
  }
  nacre_candidate list[CONFIGS];
  int n = nacre_candidates_all(suite, CONFIGS, list), cases = 0;
  int shapes = (int)(sizeof sample_shapes / sizeof sample_shapes[0]);
  for (int i = 0; i < n * shapes * 2; i++) {
    trial t = { .suite = suite, .ops = ops };
    const nacre_candidate *with = &list[i / (shapes * 2)];
    const nacre_shape *shape = &sample_shapes[i / 2 % shapes];
    suite->where = nacre_suite_format(suite, "%s on rank %d%s", with->text,
                                      shape->rank,
                                      i % 2 == 1 ? ", indices" : "");
    if (plan_transform(&t, with->cfg, shape, i % 2 == 1) &&
        check_transform(&t)) {
      cases++;
    }
  }
  suite->where = NULL;
  if (n == 0) {
    nacre_suite_skip(suite, "cases",
                     "a required parameter's value cannot be guessed");
    return;
  }
  nacre_suite_check(suite, "cases", cases > 0,
                    "no configuration and shape is accepted");
}
