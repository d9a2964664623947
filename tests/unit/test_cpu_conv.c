/* SPDX-License-Identifier: MIT */
/* Convolutions of the device `cpu`, their transposes and the gradients of
 * their kernels against plain sums in double, at odd shapes and at every
 * instruction set. */
#include "cpu_fixture.h"

enum { FORWARD, DATA, WEIGHTS };

/* A convolution with its tensors, each up against forbidden memory. `before`
 * is what the tensor that is written held. */
typedef struct trial {
  nacre_conv c;
  int which;
  cpu_block x, w, y, scratch, bias, before;
  size_t x_count, w_count, y_count, bias_count, scratch_count;
} trial;

static size_t product3(const int64_t n[3]) {
  return (size_t)(n[0] * n[1] * n[2]);
}

static real *written(const trial *t, size_t *count) {
  *count = t->which == FORWARD ? t->y_count
           : t->which == DATA  ? t->x_count
                               : t->w_count;
  return t->which == FORWARD ? t->y.at
         : t->which == DATA  ? t->x.at
                             : t->w.at;
}

/* `shape` has extents, groups and steps; out[] follows from it and `after`,
 * zeros behind the input (negative: rows of it that nothing reaches). */
static trial trial_new(uint64_t *state, const nacre_conv *shape,
                       const int64_t after[3], int which, int extras) {
  trial t;
  memset(&t, 0, sizeof t);
  t.c = *shape;
  t.which = which;
  nacre_conv *c = &t.c;
  c->size = sizeof *c;
  for (int i = 0; i < 3; i++) {
    const int64_t span = (c->kernel[i] - 1) * c->dilation[i] + 1;
    const int64_t room = c->in[i] + c->before[i] + after[i] - span;
    c->out[i] = room < 0 ? 0 : room / c->stride[i] + 1;
  }
  t.x_count = (size_t)(c->batch * c->channels) * product3(c->in);
  t.y_count = (size_t)(c->batch * c->filters) * product3(c->out);
  t.w_count = (size_t)(c->channels / c->groups * c->filters) *
              product3(c->kernel);
  t.bias_count = (size_t)(which == DATA ? c->channels : c->filters);
  nacre_shape scratch = nacre_conv_scratch(c);
  t.scratch_count = (size_t)nacre_shape_count(&scratch);
  t.x = cpu_block_new(t.x_count);
  t.y = cpu_block_new(t.y_count);
  t.w = cpu_block_new(t.w_count);
  t.bias = cpu_block_new(t.bias_count);
  t.scratch = cpu_block_new(t.scratch_count);
  cpu_fill(state, t.x_count, t.x.at);
  cpu_fill(state, t.y_count, t.y.at);
  cpu_fill(state, t.w_count, t.w.at);
  cpu_fill(state, t.bias_count, t.bias.at);
  c->x = t.x.at;
  c->w = t.w.at;
  c->y = t.y.at;
  c->scratch = t.scratch.at;
  c->bias = (extras & 1) != 0 && which != WEIGHTS ? t.bias.at : NULL;
  c->act = (extras & 2) != 0 && which != WEIGHTS ? &cpu_activation : NULL;
  size_t count;
  const real *at = written(&t, &count);
  t.before = cpu_block_new(count);
  memcpy(t.before.at, at, count * sizeof(real));
  return t;
}

static void trial_free(trial *t) {
  cpu_block_free(&t->x);
  cpu_block_free(&t->w);
  cpu_block_free(&t->y);
  cpu_block_free(&t->scratch);
  cpu_block_free(&t->bias);
  cpu_block_free(&t->before);
}

/* What is written, not added to, starts as NaN, as does the scratch. */
static void trial_run(trial *t, const nacre_math *math) {
  size_t count;
  real *at = written(t, &count);
  memcpy(at, t->before.at, count * sizeof(real));
  for (size_t i = 0; t->which != WEIGHTS && i < count; i++) {
    at[i] = (real)NAN;
  }
  for (size_t i = 0; i < t->scratch_count; i++) {
    t->scratch.at[i] = (real)NAN;
  }
  (t->which == FORWARD ? math->conv
   : t->which == DATA  ? math->conv_data
                       : math->conv_weights)(math, &t->c);
}

/* Adds every product to its place in `sum`, and its size to `size`. */
static void add_products(const trial *t, double *sum, double *size) {
  const nacre_conv *c = &t->c;
  const int64_t k = c->channels / c->groups, n = c->filters / c->groups;
  const int64_t pixels = (int64_t)product3(c->out);
  const int64_t taps = (int64_t)product3(c->kernel);
  for (int64_t at = 0; at < c->batch * pixels * taps; at++) {
    const int64_t tap = at % taps, pixel = at / taps % pixels;
    const int64_t o[3] = { pixel / c->out[2] / c->out[1],
                           pixel / c->out[2] % c->out[1],
                           pixel % c->out[2] };
    const int64_t f[3] = { tap / c->kernel[2] / c->kernel[1],
                           tap / c->kernel[2] % c->kernel[1],
                           tap % c->kernel[2] };
    int64_t from = at / taps / pixels;
    int inside = 1;
    for (int i = 0; i < 3; i++) {
      const int64_t x =
        o[i] * c->stride[i] + f[i] * c->dilation[i] - c->before[i];
      inside = inside && x >= 0 && x < c->in[i];
      from = from * c->in[i] + x;
    }
    for (int64_t j = 0; inside && j < c->filters; j++) {
      const int64_t y = at / taps * c->filters + j;
      for (int64_t i = 0; i < k; i++) {
        const int64_t x = from * c->channels + j / n * k + i;
        const int64_t w = (tap * k + i) * c->filters + j;
        const double product =
          t->which == FORWARD ? (double)c->x[x] * (double)c->w[w]
          : t->which == DATA  ? (double)c->y[y] * (double)c->w[w]
                              : (double)c->x[x] * (double)c->y[y];
        const int64_t to = t->which == FORWARD ? y : t->which == DATA ? x : w;
        sum[to] += product;
        size[to] += fabs(product);
      }
    }
  }
}

static double largest(size_t n, const double *x) {
  double most = 0;
  for (size_t i = 0; i < n; i++) {
    most = x[i] > most ? x[i] : most;
  }
  return most;
}

static void trial_check(const trial *t) {
  const nacre_conv *c = &t->c;
  size_t count;
  const real *got = written(t, &count);
  double *sum = calloc(count + 1, sizeof *sum);
  double *size = calloc(count + 1, sizeof *size);
  ck_assert_ptr_nonnull(sum);
  ck_assert_ptr_nonnull(size);
  add_products(t, sum, size);
  const double unit = sizeof(real) == 4 ? 5.97e-8 : 1.12e-16;
  const double terms =
    t->which == WEIGHTS
      ? (double)c->batch * (double)product3(c->out)
      : (double)(c->channels + c->filters) * (double)product3(c->kernel);
  const double most = largest(count, size);
  const int few = nacre_conv_is_square(c) && !(c->flags & NACRE_CONV_PLAIN);
  for (size_t i = 0; i < count; i++) {
    double want = sum[i];
    if (t->which == WEIGHTS) {
      want += (double)t->before.at[i];
      size[i] += fabs((double)t->before.at[i]);
    } else if (c->bias != NULL) {
      want += (double)c->bias[i % t->bias_count];
      size[i] += fabs((double)c->bias[i % t->bias_count]);
    }
    want = c->act != NULL && want > 0 ? want * 0.5 : want;
    /* With fewer multiplications, an element has the rounding of others. */
    const double bound = 4 * (terms + 4) * unit * size[i] +
                         (few ? 16 * unit * most : 0) + 1e-300;
    ck_assert_msg(
      fabs((double)got[i] - want) <= bound,
      "which %d, batch %lld, %lld channels in %lld groups, %lld filters, in "
      "%lldx%lldx%lld, kernel %lldx%lldx%lld, strides %lld %lld %lld, "
      "dilation %lld %lld %lld, before %lld %lld %lld: [%zu] is %.9g, not "
      "%.9g",
      t->which, (long long)c->batch, (long long)c->channels,
      (long long)c->groups, (long long)c->filters, (long long)c->in[0],
      (long long)c->in[1], (long long)c->in[2], (long long)c->kernel[0],
      (long long)c->kernel[1], (long long)c->kernel[2],
      (long long)c->stride[0], (long long)c->stride[1],
      (long long)c->stride[2], (long long)c->dilation[0],
      (long long)c->dilation[1], (long long)c->dilation[2],
      (long long)c->before[0], (long long)c->before[1],
      (long long)c->before[2], i, (double)got[i], want);
  }
  free(sum);
  free(size);
}

static void try_shape(uint64_t *state, const nacre_math *math,
                      const nacre_conv *shape, const int64_t after[3],
                      int extras) {
  for (int which = FORWARD; which <= WEIGHTS; which++) {
    trial t = trial_new(state, shape, after, which, extras);
    trial_run(&t, math);
    trial_check(&t);
    trial_free(&t);
  }
}

/* A shape at random; one or two axes more often than three. */
static nacre_conv any_shape(uint64_t *state, int64_t after[3]) {
  static const int64_t channels[] = { 1, 2, 3, 4, 7, 16, 19, 33, 40 };
  static const int64_t groups[] = { 1, 1, 1, 2, 3, 5, 21 };
  nacre_conv c;
  memset(&c, 0, sizeof c);
  c.batch = cpu_whole(state, 1, 5);
  c.groups = groups[cpu_whole(state, 0, 6)];
  const int64_t most = c.groups == 1 ? 8 : 4;
  c.channels = c.groups * channels[cpu_whole(state, 0, most)];
  c.filters = c.groups * channels[cpu_whole(state, 0, most)];
  const int64_t axes = cpu_whole(state, 0, 5);
  for (int i = 0; i < 3; i++) {
    const int there = i == 2 || (i == 1 && axes > 0) || axes == 5;
    c.in[i] = there ? cpu_whole(state, 1, axes == 5 ? 6 : 12) : 1;
    c.kernel[i] = there ? cpu_whole(state, 1, 4) : 1;
    c.stride[i] = there ? cpu_whole(state, 1, 3) : 1;
    c.dilation[i] = there ? cpu_whole(state, 1, 3) : 1;
    if (cpu_whole(state, 0, 1) == 0) {
      c.stride[i] = c.dilation[i] = 1;
    }
    const int64_t span = (c.kernel[i] - 1) * c.dilation[i] + 1;
    c.before[i] = there ? cpu_whole(state, 0, span) : 0;
    after[i] = there ? cpu_whole(state, -1, span) : 0;
    const int64_t lack = span - c.in[i] - c.before[i] - after[i];
    after[i] += lack > 0 ? lack : 0;
  }
  return c;
}

START_TEST(agrees_with_sums_in_double) {
  cpu_device d = cpu_open(cpu_levels[_i / 2], _i % 2 == 0 ? 1 : 3);
  uint64_t state = 31 + (uint64_t)_i;
  for (int round = 0; round < 250; round++) {
    int64_t after[3];
    const nacre_conv shape = any_shape(&state, after);
    try_shape(&state, d.math, &shape, after, (int)cpu_whole(&state, 0, 3));
  }
  cpu_close(&d);
}
END_TEST

#define SHAPE(batch, groups, channels, filters, h, w, kh, kw, sh, sw, dh,   \
              dw, bh, bw)                                                   \
  { 0, 0, batch, groups, channels, filters, { 1, h, w }, { 1, kh, kw },     \
    { 1, 0, 0 }, { 1, sh, sw }, { 1, dh, dw }, { 0, bh, bw }, NULL, NULL,   \
    NULL, NULL, NULL, NULL }

/* The layers of common networks; rows longer than any tile; rows too long,
 * or kernels too wide, to be copied; kernels larger than the input; steps
 * past it; as many filters as several panels. */
static const nacre_conv edges[] = {
  SHAPE(3, 1, 1, 32, 28, 28, 3, 3, 1, 1, 1, 1, 0, 0),
  SHAPE(2, 1, 32, 64, 26, 26, 3, 3, 1, 1, 1, 1, 0, 0),
  SHAPE(2, 1, 3, 16, 32, 32, 3, 3, 1, 1, 1, 1, 1, 1),
  SHAPE(2, 1, 16, 32, 32, 32, 3, 3, 2, 2, 1, 1, 0, 0),
  SHAPE(2, 1, 16, 32, 32, 32, 1, 1, 2, 2, 1, 1, 0, 0),
  SHAPE(5, 1, 64, 64, 8, 8, 3, 3, 1, 1, 1, 1, 1, 1),
  SHAPE(2, 1, 3, 5, 29, 31, 7, 7, 2, 2, 1, 1, 3, 3),
  SHAPE(1, 1, 2, 3, 1, 700, 1, 5, 1, 1, 1, 1, 0, 2),
  SHAPE(1, 1, 400, 2, 2, 500, 1, 3, 1, 1, 1, 1, 0, 1),
  SHAPE(1, 1, 2, 2, 1, 5, 1, 90000, 1, 1, 1, 3, 0, 135000),
  SHAPE(2, 1, 3, 4, 3, 3, 5, 5, 1, 1, 1, 1, 2, 2),
  SHAPE(2, 1, 3, 4, 9, 9, 2, 2, 7, 7, 1, 1, 0, 0),
  SHAPE(2, 1, 3, 4, 20, 20, 3, 3, 3, 2, 2, 3, 2, 3),
  SHAPE(1, 1, 5, 97, 6, 6, 3, 3, 1, 1, 1, 1, 1, 1),
  SHAPE(1, 4, 64, 96, 6, 6, 3, 3, 1, 1, 1, 1, 1, 1),
  SHAPE(2, 24, 24, 48, 7, 7, 3, 3, 1, 1, 1, 1, 1, 1),
  SHAPE(3, 37, 37, 37, 9, 10, 3, 3, 1, 1, 1, 1, 1, 1),
  SHAPE(2, 16, 16, 16, 12, 9, 5, 3, 2, 2, 1, 1, 2, 1),
  SHAPE(2, 5, 5, 5, 9, 20, 2, 3, 3, 2, 2, 3, 1, 4),
  SHAPE(1, 1, 200, 300, 4, 4, 3, 3, 1, 1, 1, 1, 1, 1),
  SHAPE(2, 1, 20, 30, 5, 5, 1, 1, 1, 1, 1, 1, 0, 0),
  SHAPE(3, 1, 19, 33, 9, 11, 3, 3, 1, 1, 1, 1, 1, 1),
  SHAPE(7, 1, 33, 17, 4, 6, 3, 3, 1, 1, 1, 1, 0, 2),
  SHAPE(2, 1, 16, 80, 13, 8, 3, 3, 1, 1, 1, 1, 4, 0),
  SHAPE(40, 1, 24, 16, 8, 4, 3, 3, 1, 1, 1, 1, 2, 1)
};
#define EDGES ((int)(sizeof edges / sizeof edges[0]))

START_TEST(holds_at_edges) {
  cpu_device d = cpu_open(cpu_levels[_i / EDGES], 2);
  uint64_t state = 7;
  const nacre_conv *shape = &edges[_i % EDGES];
  int64_t after[3];
  for (int more = 0; more < 2; more++) {
    for (int i = 0; i < 3; i++) {
      after[i] = shape->before[i] + (i > 0 ? more : 0);
    }
    try_shape(&state, d.math, shape, after, 3 * more);
  }
  cpu_close(&d);
}
END_TEST

/* Every bit is the same for 1, 2, 3, 4 and 7 threads. */
START_TEST(threads_leave_no_trace) {
  static const int64_t threads[] = { 1, 2, 3, 4, 7 };
  const nacre_conv *shape = &edges[_i % EDGES];
  for (int which = FORWARD; which <= WEIGHTS; which++) {
    uint64_t state = 5;
    trial t = trial_new(&state, shape, shape->before, which, 3);
    size_t count;
    const real *at = written(&t, &count);
    real *first = malloc(count * sizeof(real));
    ck_assert_ptr_nonnull(first);
    for (int i = 0; i < 5; i++) {
      cpu_device d = cpu_open(cpu_levels[_i / EDGES], threads[i]);
      trial_run(&t, d.math);
      if (i == 0) {
        memcpy(first, at, count * sizeof(real));
      }
      ck_assert_mem_eq(first, at, count * sizeof(real));
      cpu_close(&d);
    }
    free(first);
    trial_free(&t);
  }
}
END_TEST

/* The plain sum where another algorithm would be taken. */
START_TEST(plain_sums) {
  cpu_device d = cpu_open(cpu_levels[_i], 2);
  uint64_t state = 17;
  for (int i = EDGES - 4; i < EDGES; i++) {
    nacre_conv shape = edges[i];
    shape.flags = NACRE_CONV_PLAIN;
    try_shape(&state, d.math, &shape, shape.before, 3);
  }
  cpu_close(&d);
}
END_TEST

START_TEST(empty_extents) {
  cpu_device d = cpu_open(cpu_levels[_i], 2);
  uint64_t state = 3;
  nacre_conv shape = edges[2];
  shape.batch = 0;
  try_shape(&state, d.math, &shape, shape.before, 3);
  cpu_close(&d);
}
END_TEST

Suite *test_cpu_conv_suite(void);
Suite *test_cpu_conv_suite(void) {
  Suite *suite = suite_create("cpu_conv");
  TCase *tests = tcase_create("conv");
  tcase_set_timeout(tests, 120);
  tcase_add_loop_test(tests, agrees_with_sums_in_double, 0, 2 * CPU_LEVELS);
  tcase_add_loop_test(tests, holds_at_edges, 0, CPU_LEVELS * EDGES);
  tcase_add_loop_test(tests, threads_leave_no_trace, 0, CPU_LEVELS * EDGES);
  tcase_add_loop_test(tests, plain_sums, 0, CPU_LEVELS);
  tcase_add_loop_test(tests, empty_extents, 0, CPU_LEVELS);
  suite_add_tcase(suite, tests);
  return suite;
}
