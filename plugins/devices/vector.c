/* SPDX-License-Identifier: MIT */
/* vector: the math table's passes over arrays: which of them are long enough
 * for several threads, and in which fixed order partial sums are added. */
#include <string.h>

#include "host.h"

#define TILE 4096          /* elements of a partial sum */
#define PARALLEL_AT 65536  /* elements from which on threads are worth it */
#define CHUNK 16384        /* elements of a tile of a plain pass */
#define PARTIALS 1024      /* partial sums held at a time */

static const host_device *device_of(const nacre_math *math) {
  return math->self;
}

static void vector_parallel(const nacre_math *math, int64_t n, int64_t grain,
                            nacre_body body, void *ctx) {
  nacre_pool_run(device_of(math)->pool, n, grain, POOL_UNKNOWN, body, ctx);
}

/* A plain pass, about a quarter of a nanosecond an element. */
static void run_pass(const nacre_math *math, int64_t n, nacre_body body,
                     void *ctx) {
  if (n < PARALLEL_AT) {
    if (n > 0) {
      body(ctx, 0, n);
    }
    return;
  }
  nacre_pool_run(device_of(math)->pool, n, CHUNK, 0.25 * (double)n, body,
                 ctx);
}

typedef struct pass {
  const kernels *kern;
  real a;
  const real *x; /* [n] */
  const real *x2; /* [n], of an inner product */
  real *y;       /* [n] */
  double *sums;  /* [tiles of TILE] */
  nacre_key key;
  uint64_t first;
  int64_t rows, cols;
} pass;

static void fill_tile(void *ctx, int64_t begin, int64_t end) {
  const pass *p = ctx;
  p->kern->fill(end - begin, p->a, p->y + begin);
}

static void vector_fill(const nacre_math *math, int64_t n, real value,
                        real *y) {
  pass p = { .kern = device_of(math)->kern, .a = value, .y = y };
  run_pass(math, n, fill_tile, &p);
}

static void copy_tile(void *ctx, int64_t begin, int64_t end) {
  const pass *p = ctx;
  memmove(p->y + begin, p->x + begin, (size_t)(end - begin) * sizeof(real));
}

static void vector_copy(const nacre_math *math, int64_t n, const real *x,
                        real *y) {
  pass p = { .kern = device_of(math)->kern, .x = x, .y = y };
  run_pass(math, n, copy_tile, &p);
}

static void axpy_tile(void *ctx, int64_t begin, int64_t end) {
  const pass *p = ctx;
  p->kern->axpy(end - begin, p->a, p->x + begin, p->y + begin);
}

static void vector_axpy(const nacre_math *math, int64_t n, real a,
                        const real *x, real *y) {
  pass p = { .kern = device_of(math)->kern, .a = a, .x = x, .y = y };
  run_pass(math, n, axpy_tile, &p);
}

static void scale_tile(void *ctx, int64_t begin, int64_t end) {
  const pass *p = ctx;
  p->kern->scale(end - begin, p->a, p->y + begin);
}

static void vector_scale(const nacre_math *math, int64_t n, real a,
                         real *y) {
  pass p = { .kern = device_of(math)->kern, .a = a, .y = y };
  run_pass(math, n, scale_tile, &p);
}

static void uniform_tile(void *ctx, int64_t begin, int64_t end) {
  const pass *p = ctx;
  p->kern->uniform(p->key, p->first + (uint64_t)begin, end - begin,
                   p->y + begin);
}

static void vector_uniform(const nacre_math *math, nacre_key key,
                           uint64_t first, int64_t n, real *y) {
  pass p = {
    .kern = device_of(math)->kern, .y = y, .key = key, .first = first
  };
  run_pass(math, n, uniform_tile, &p);
}

static void sum_tile(void *ctx, int64_t begin, int64_t end) {
  const pass *p = ctx;
  p->sums[begin / TILE] = p->kern->sum(end - begin, p->x + begin);
}

static void dot_tile(void *ctx, int64_t begin, int64_t end) {
  const pass *p = ctx;
  p->sums[begin / TILE] =
    p->kern->dot(end - begin, p->x + begin, p->x2 + begin);
}

/* Neighbours in pairs, then pairs of pairs. */
static double add_tree(double *sums, int64_t n) {
  while (n > 1) {
    int64_t half = n / 2;
    for (int64_t i = 0; i < half; i++) {
      sums[i] = sums[2 * i] + sums[2 * i + 1];
    }
    if (n % 2 != 0) {
      sums[half] = sums[n - 1];
    }
    n = n - half;
  }
  return sums[0];
}

/* Tiles of TILE elements, PARTIALS of them at a time. */
static double reduce(const nacre_math *math, int64_t n, const pass *whole,
                     nacre_body body) {
  double sums[PARTIALS], total = 0;
  const int64_t most = (int64_t)TILE * PARTIALS;
  pass p = *whole;
  p.sums = sums;
  while (n > 0) {
    int64_t part = n < most ? n : most;
    nacre_pool_run(device_of(math)->pool, part, TILE, 0.25 * (double)part,
                   body, &p);
    total += add_tree(sums, (part - 1) / TILE + 1);
    n -= part;
    p.x += part;
    p.x2 += p.x2 == NULL ? 0 : part;
  }
  return total;
}

static double vector_sum(const nacre_math *math, int64_t n, const real *x) {
  const host_device *d = device_of(math);
  if (n <= TILE) {
    return d->kern->sum(n, x);
  }
  pass p = { .kern = d->kern, .x = x };
  return reduce(math, n, &p, sum_tile);
}

static double vector_dot(const nacre_math *math, int64_t n, const real *x,
                         const real *y) {
  const host_device *d = device_of(math);
  if (n <= TILE) {
    return d->kern->dot(n, x, y);
  }
  pass p = { .kern = d->kern, .x = x, .x2 = y };
  return reduce(math, n, &p, dot_tile);
}

static void softmax_tile(void *ctx, int64_t begin, int64_t end) {
  const pass *p = ctx;
  p->kern->softmax(end - begin, p->cols, p->x + begin * p->cols,
                   p->y + begin * p->cols);
}

static void vector_softmax(const nacre_math *math, int64_t rows,
                           int64_t cols, const real *x, real *y) {
  const host_device *d = device_of(math);
  if (rows <= 0 || cols <= 0) {
    return;
  }
  if (rows < PARALLEL_AT / cols) {
    d->kern->softmax(rows, cols, x, y);
    return;
  }
  pass p = { .kern = d->kern, .x = x, .y = y, .cols = cols };
  int64_t grain = CHUNK / cols > 0 ? CHUNK / cols : 1;
  nacre_pool_run(d->pool, rows, grain, (double)rows * (double)cols,
                 softmax_tile, &p);
}

/* Sums of columns. Long, narrow matrices are cut into SLICES slices of rows,
 * a number that only the shape decides, and the slices' sums are added in
 * their order; wide ones into blocks of columns. */
#define SLICES 16
#define SLICE_ROWS 512
#define SLICE_COLS 512

typedef struct col_sums {
  const kernels *kern;
  int64_t rows, cols, slice;
  const real *x; /* [rows, cols] */
  real *y;       /* [cols], or [SLICES, cols] partial sums */
} col_sums;

static void col_sum_block(void *ctx, int64_t begin, int64_t end) {
  const col_sums *s = ctx;
  s->kern->col_sum(s->rows, end - begin, s->x + begin, s->cols,
                   s->y + begin);
}

static void col_sum_slices(void *ctx, int64_t begin, int64_t end) {
  const col_sums *s = ctx;
  for (int64_t i = begin; i < end; i++) {
    int64_t row = i * s->slice;
    int64_t count = s->rows - row < s->slice ? s->rows - row : s->slice;
    if (count > 0) {
      s->kern->col_sum(count, s->cols, s->x + row * s->cols, s->cols,
                       s->y + i * s->cols);
    }
  }
}

static void vector_col_sum(const nacre_math *math, int64_t rows,
                           int64_t cols, const real *x, real *y) {
  const host_device *d = device_of(math);
  col_sums s = { d->kern, rows, cols, 0, x, y };
  if (rows <= 0 || cols <= 0) {
    return;
  }
  double ns = 0.25 * (double)rows * (double)cols;
  if (rows < SLICE_ROWS || cols > SLICE_COLS) {
    int64_t block = ns < 16384 ? cols : 64;
    nacre_pool_run(d->pool, cols, block, ns, col_sum_block, &s);
    return;
  }
  real partial[SLICES * SLICE_COLS];
  memset(partial, 0, (size_t)(SLICES * cols) * sizeof(real));
  s.slice = (rows - 1) / SLICES + 1;
  s.y = partial;
  nacre_pool_run(d->pool, SLICES, 1, ns, col_sum_slices, &s);
  s.rows = SLICES;
  s.x = partial;
  s.y = y;
  col_sum_block(&s, 0, cols);
}

void nacre_vector_bind(nacre_math *math, const kernels *kern) {
  math->parallel = vector_parallel;
  math->col_sum = vector_col_sum;
  math->sum = vector_sum;
  math->dot = vector_dot;
  math->fill = vector_fill;
  math->copy = vector_copy;
  math->axpy = vector_axpy;
  math->scale = vector_scale;
  math->exp = kern->exp;
  math->log = kern->log;
  math->log1p = kern->log1p;
  math->tanh = kern->tanh;
  math->sigmoid = kern->sigmoid;
  math->erf = kern->erf;
  math->softmax = vector_softmax;
  math->uniform = vector_uniform;
  math->attention = nacre_attention_run;
  math->attention_gradient = nacre_attention_gradient_run;
}
