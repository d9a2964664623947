/* SPDX-License-Identifier: MIT */
/* Attention of the device `cpu` and its gradient against plain sums in
 * double, at odd shapes and at every instruction set. */
#include "cpu_fixture.h"

#include <math.h>

#define ALL INT64_MAX

/* batch, queries, keys, heads, kv_heads, key_dim, value_dim, before, after */
typedef struct form {
  int64_t batch, queries, keys, heads, kv_heads, key_dim, value_dim;
  int64_t before, after;
  int masked;
} form;

static const form forms[] = {
  { 2, 5, 5, 2, 2, 3, 3, ALL, ALL, 0 },
  { 1, 64, 64, 2, 2, 32, 32, ALL, 0, 0 },
  { 1, 1, 7, 1, 1, 1, 5, ALL, ALL, 1 },
  { 2, 37, 70, 4, 2, 17, 33, ALL, ALL, 1 },
  { 1, 150, 150, 1, 1, 35, 3, ALL, 0, 1 },
  { 1, 140, 300, 2, 1, 4, 6, 40, 40, 0 },
  { 1, 90, 20, 1, 1, 3, 2, 9, 9, 0 },  /* queries that see no key */
  { 1, 131, 20, 1, 1, 3, 2, ALL, 0, 0 },
  { 1, 9, 9, 1, 1, 600, 5, ALL, ALL, 0 }, /* past one stretch of sums */
  { 1, 3, 1100, 1, 1, 8, 4, ALL, ALL, 1 }, /* past one block of keys */
};
#define FORMS ((int)(sizeof forms / sizeof forms[0]))

enum { Q, K, V, OUT, LOG_SUM, MASK, DOUT, DQ, DK, DV, TENSORS };

typedef struct trial {
  nacre_attention a;
  cpu_block block[TENSORS];
  size_t count[TENSORS];
  double *want[TENSORS]; /* OUT, DQ, DK, DV */
} trial;

static trial trial_new(uint64_t *state, const form *f, double dropout) {
  trial t;
  memset(&t, 0, sizeof t);
  const int64_t q = f->batch * f->queries, k = f->batch * f->keys;
  const int64_t counts[TENSORS] = {
    q * f->heads * f->key_dim, k * f->kv_heads * f->key_dim,
    k * f->kv_heads * f->value_dim, q * f->heads * f->value_dim,
    q * f->heads, k, q * f->heads * f->value_dim, q * f->heads * f->key_dim,
    k * f->kv_heads * f->key_dim, k * f->kv_heads * f->value_dim
  };
  for (int i = 0; i < TENSORS; i++) {
    t.count[i] = (size_t)counts[i];
    t.block[i] = cpu_block_new(t.count[i]);
    t.want[i] = calloc(t.count[i], sizeof(double));
    ck_assert_ptr_nonnull(t.want[i]);
    cpu_fill(state, t.count[i], t.block[i].at);
  }
  for (size_t i = 0; i < t.count[MASK]; i++) {
    t.block[MASK].at[i] = t.block[MASK].at[i] > (real)-0.3 ? 1 : 0;
  }
  t.a = (nacre_attention){
    .size = sizeof t.a, .batch = f->batch, .queries = f->queries,
    .keys = f->keys, .heads = f->heads, .kv_heads = f->kv_heads,
    .key_dim = f->key_dim, .value_dim = f->value_dim, .before = f->before,
    .after = f->after, .scale = 1.5 / sqrt((double)f->key_dim),
    .q = t.block[Q].at, .k = t.block[K].at, .v = t.block[V].at,
    .out = t.block[OUT].at, .q_step = f->heads * f->key_dim,
    .k_step = f->kv_heads * f->key_dim,
    .v_step = f->kv_heads * f->value_dim,
    .out_step = f->heads * f->value_dim,
    .mask = f->masked ? t.block[MASK].at : NULL, .dropout = dropout,
    .key = { { 7, 8 }, { 9, 10 } }, .log_sum = t.block[LOG_SUM].at,
    .dout = t.block[DOUT].at, .dq = t.block[DQ].at, .dk = t.block[DK].at,
    .dv = t.block[DV].at
  };
  return t;
}

static void trial_free(trial *t) {
  for (int i = 0; i < TENSORS; i++) {
    cpu_block_free(&t->block[i]);
    free(t->want[i]);
  }
}

static double product(int64_t n, const real *x, const real *y) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) {
    sum += (double)x[i] * (double)y[i];
  }
  return sum;
}

static int sees(const nacre_attention *a, int64_t b, int64_t i, int64_t j) {
  return (a->before == ALL || j >= i - a->before) &&
         (a->after == ALL || j <= i + a->after) &&
         (a->mask == NULL || a->mask[b * a->keys + j] != 0);
}

/* Weights of one query over all keys, before dropout: p, [keys]. */
static void weigh(const nacre_attention *a, int64_t b, int64_t i,
                  const real *q, const real *k, double *p) {
  double most = -INFINITY, sum = 0;
  for (int64_t j = 0; j < a->keys; j++) {
    p[j] = sees(a, b, i, j)
             ? a->scale * product(a->key_dim, q, k + j * a->k_step)
             : -INFINITY;
    most = fmax(most, p[j]);
  }
  for (int64_t j = 0; j < a->keys; j++) {
    p[j] = p[j] > -INFINITY ? exp(p[j] - most) : 0;
    sum += p[j];
  }
  for (int64_t j = 0; j < a->keys && sum > 0; j++) {
    p[j] /= sum;
  }
}

/* Factor of dropout: word ((batch, head, query), key) of the stream. */
static double keep_of(const nacre_attention *a, int64_t row, int64_t j) {
  const uint64_t word = (uint64_t)(row * a->keys + j);
  uint32_t words[4];
  nacre_random_block(a->key, word / 4, words);
  return (double)nacre_random_unit(words[word % 4]) < a->dropout
           ? 0 : 1 / (1 - a->dropout);
}

/* One query of one head: its output, and what it adds to gradients. */
static void expect_query(trial *t, int64_t b, int64_t h, int64_t i,
                         double *p, double *ds) {
  const nacre_attention *a = &t->a;
  const int64_t shared = h / (a->heads / a->kv_heads);
  const int64_t q_at = (b * a->queries + i) * a->q_step + h * a->key_dim;
  const int64_t o_at = (b * a->queries + i) * a->out_step + h * a->value_dim;
  const int64_t k_at = b * a->keys * a->k_step + shared * a->key_dim;
  const int64_t v_at = b * a->keys * a->v_step + shared * a->value_dim;
  const int64_t row = (b * a->heads + h) * a->queries + i;
  double mean = 0;
  weigh(a, b, i, a->q + q_at, a->k + k_at, p);
  for (int64_t j = 0; j < a->keys; j++) {
    const double keep = a->dropout > 0 ? keep_of(a, row, j) : 1;
    const int64_t v = v_at + j * a->v_step;
    for (int64_t d = 0; d < a->value_dim; d++) {
      t->want[OUT][o_at + d] += p[j] * keep * (double)a->v[v + d];
      t->want[DV][v + d] += p[j] * keep * (double)a->dout[o_at + d];
    }
    ds[j] = keep * product(a->value_dim, a->dout + o_at, a->v + v);
    mean += p[j] * ds[j];
  }
  for (int64_t j = 0; j < a->keys; j++) {
    const double slope = a->scale * p[j] * (ds[j] - mean);
    const int64_t k = k_at + j * a->k_step;
    for (int64_t d = 0; d < a->key_dim; d++) {
      t->want[DQ][q_at + d] += slope * (double)a->k[k + d];
      t->want[DK][k + d] += slope * (double)a->q[q_at + d];
    }
  }
}

static void expect(trial *t) {
  const nacre_attention *a = &t->a;
  double *p = calloc((size_t)a->keys, 2 * sizeof *p);
  ck_assert_ptr_nonnull(p);
  for (int64_t b = 0; b < a->batch; b++) {
    for (int64_t h = 0; h < a->heads; h++) {
      for (int64_t i = 0; i < a->queries; i++) {
        expect_query(t, b, h, i, p, p + a->keys);
      }
    }
  }
  free(p);
}

static void check(const trial *t, int tensor, const char *name, int number) {
  const double tolerance = sizeof(real) == 4 ? 2e-5 : 1e-12;
  for (size_t i = 0; i < t->count[tensor]; i++) {
    const double want = t->want[tensor][i];
    const double got = (double)t->block[tensor].at[i];
    ck_assert_msg(fabs(got - want) <= tolerance * (1 + fabs(want)),
                  "form %d: %s[%zu] is %.9g, expected %.9g", number, name, i,
                  got, want);
  }
}

static void run(trial *t, const nacre_math *math) {
  static const int written[] = { OUT, LOG_SUM, DQ, DK, DV };
  for (int i = 0; i < 5; i++) {
    for (size_t j = 0; j < t->count[written[i]]; j++) {
      t->block[written[i]].at[j] = (real)NAN;
    }
  }
  math->attention(math, &t->a);
  math->attention_gradient(math, &t->a);
}

START_TEST(agrees_with_sums_in_double) {
  cpu_device d = cpu_open(cpu_levels[_i / FORMS], 2);
  for (int drops = 0; drops < 2; drops++) {
    uint64_t state = 11;
    trial t = trial_new(&state, &forms[_i % FORMS], drops ? 0.3 : 0);
    expect(&t);
    run(&t, d.math);
    check(&t, OUT, "out", _i % FORMS);
    check(&t, DQ, "dq", _i % FORMS);
    check(&t, DK, "dk", _i % FORMS);
    check(&t, DV, "dv", _i % FORMS);
    trial_free(&t);
  }
  cpu_close(&d);
}
END_TEST

START_TEST(threads_leave_no_trace) {
  static const int kept[] = { OUT, LOG_SUM, DQ, DK, DV };
  uint64_t state = 5;
  trial t = trial_new(&state, &forms[_i % FORMS], 0.2);
  trial first = trial_new(&state, &forms[_i % FORMS], 0);
  for (int64_t threads = 1; threads <= 4; threads++) {
    cpu_device d = cpu_open(cpu_levels[_i / FORMS], threads);
    run(&t, d.math);
    for (int i = 0; i < 5; i++) {
      const cpu_block *block = &t.block[kept[i]];
      const size_t bytes = t.count[kept[i]] * sizeof(real);
      if (threads == 1) {
        memcpy(first.block[kept[i]].at, block->at, bytes);
      }
      ck_assert_mem_eq(first.block[kept[i]].at, block->at, bytes);
    }
    cpu_close(&d);
  }
  trial_free(&t);
  trial_free(&first);
}
END_TEST

Suite *test_cpu_attention_suite(void);
Suite *test_cpu_attention_suite(void) {
  Suite *suite = suite_create("cpu_attention");
  TCase *tests = tcase_create("attention");
  tcase_set_timeout(tests, 120);
  tcase_add_loop_test(tests, agrees_with_sums_in_double, 0,
                      CPU_LEVELS * FORMS);
  tcase_add_loop_test(tests, threads_leave_no_trace, 0, CPU_LEVELS * FORMS);
  suite_add_tcase(suite, tests);
  return suite;
}
