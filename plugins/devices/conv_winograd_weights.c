/* SPDX-License-Identifier: MIT */
/* conv_winograd_weights: the gradient of a 3x3 kernel with a quarter of the
 * multiplications; the mathematics are in winograd.h.
 *
 * Jobs are a share of the batch and a panel of filters. Each transforms some
 * pieces at a time, of x and of the gradient of y, and adds the products of
 * their 36 points to those of its share, which are in scratch. In the end the
 * points of all shares are added in order and transformed back. */
#include "conv.h"

#define POINT_REALS 65536
#define INPUT_COST 240
#define GRADIENT_COST 200
#define KERNEL_MOST 1048576.0

typedef struct sums {
  const nacre_math *math;
  const kernels *kern;
  const nacre_conv *c;
  int64_t rows, cols; /* pieces along height and width of an image */
  int64_t each;       /* pieces at a time */
  int64_t panels, padded;
  int64_t shares;
} sums;

static int64_t pieces_along(int64_t extent) {
  return (extent - 1) / 4 + 1;
}

static int64_t padded_filters(const kernels *kern, const nacre_conv *c) {
  return (c->filters + kern->lanes - 1) / kern->lanes * kern->lanes;
}

int nacre_winograd_suits_weights(const kernels *kern, const nacre_conv *c) {
  const double lanes = (double)kern->lanes;
  const double k = (double)c->channels;
  const double n = (double)padded_filters(kern, c) / lanes;
  if (!nacre_conv_is_square(c) || (c->flags & NACRE_CONV_PLAIN) ||
      c->channels < 8 || 36 * k * n * lanes > KERNEL_MOST) {
    return 0;
  }
  const double loads = (double)((c->channels - 1) / kern->lanes + 1);
  const double panels = (double)((c->filters - 1) / (2 * kern->lanes) + 1);
  const double pieces = (double)pieces_along(c->out[HEIGHT]) *
                        (double)pieces_along(c->out[WIDTH]);
  const double plain =
    9 * k * n * (double)c->out[HEIGHT] * (double)c->out[WIDTH];
  const double fast = pieces * (36 * k * n + INPUT_COST * loads * panels +
                                GRADIENT_COST * n);
  return fast < 0.9 * plain;
}

static int64_t panel_width(const sums *s, int64_t panel) {
  const int64_t lanes = s->kern->lanes;
  return s->c->filters - panel * 2 * lanes <= lanes ? lanes : 2 * lanes;
}

/* Points of a share: [panels, 36, channels, width]. */
static real *points_of(const sums *s, int64_t share, int64_t panel) {
  return s->c->scratch +
         36 * s->c->channels * (share * s->padded +
                                panel * 2 * s->kern->lanes);
}

/* Transforms one piece of x, or of the gradient of y. */
static void transform(const sums *s, int64_t index, int64_t panel, int of_x,
                      real *points, int64_t point) {
  const nacre_conv *c = s->c;
  const int64_t image = index / (s->rows * s->cols);
  int64_t y = index / s->cols % s->rows * 4, x = index % s->cols * 4;
  const int64_t *extent = of_x ? c->in : c->out;
  const int64_t col = of_x ? 0 : panel * 2 * s->kern->lanes;
  kernel_piece t;
  if (of_x) {
    y -= c->before[HEIGHT];
    x -= c->before[WIDTH];
  }
  t.pixel = of_x ? c->channels : c->filters;
  t.row = extent[WIDTH] * t.pixel;
  t.pixels = (of_x ? c->x : c->y) + (image * extent[HEIGHT] + y) * t.row +
             x * t.pixel + col;
  t.first[0] = -y;
  t.first[1] = -x;
  t.end[0] = extent[HEIGHT] - y;
  t.end[1] = extent[WIDTH] - x;
  t.channels = t.pixel - col;
  if (!of_x && t.channels > 2 * s->kern->lanes) {
    t.channels = 2 * s->kern->lanes;
  }
  t.points = points;
  t.point = point;
  t.bias = NULL;
  (of_x ? s->kern->wino_input : s->kern->wino_gradient)(&t);
}

/* Adds the products of `count` pieces to the points of a share. */
static void multiply(const sums *s, int64_t width, int64_t count,
                     const real *v, int64_t v_point, const real *m,
                     int64_t m_point, real *points) {
  const int64_t k = s->c->channels, wide = width / s->kern->lanes;
  const int64_t most = s->kern->pixels / wide;
  const int64_t tiles = (k - 1) / most + 1;
  kernel_outer t = { .n = { 1, 1, count }, .a_step = { 0, 0, k },
                     .b_step = { 0, 0, width }, .ldc = width,
                     .cols = width };
  for (int64_t point = 0; point < 36; point++) {
    t.b = m + point * m_point;
    for (int64_t i = 0; i < tiles; i++) {
      const int64_t row = k * i / tiles;
      const int64_t rows = k * (i + 1) / tiles - row;
      t.a = v + point * v_point + row;
      t.c = points + (point * k + row) * width;
      s->kern->outer[wide - 1][rows - 1](&t);
    }
  }
}

static void run_share(const sums *s, int64_t share, int64_t panel,
                      real *space) {
  const nacre_conv *c = s->c;
  const int64_t lanes = s->kern->lanes, width = panel_width(s, panel);
  const int64_t image = s->rows * s->cols;
  const int64_t last = c->batch * (share + 1) / s->shares * image;
  /* An odd number of cache lines, so that points do not compete for them. */
  const int64_t v_point = (s->each * c->channels + 2 * lanes - 1) /
                            (2 * lanes) * 2 * lanes + lanes;
  const int64_t m_point = s->each * 2 * lanes + lanes;
  real *v = space, *m = space + 36 * v_point;
  real *points = points_of(s, share, panel);
  memset(points, 0, (size_t)(36 * c->channels * width) * sizeof(real));
  int64_t first = c->batch * share / s->shares * image;
  for (; first < last; first += s->each) {
    const int64_t left = last - first;
    const int64_t count = left < s->each ? left : s->each;
    for (int64_t i = 0; i < count; i++) {
      transform(s, first + i, panel, 1, v + i * c->channels, v_point);
      transform(s, first + i, panel, 0, m + i * width, m_point);
    }
    multiply(s, width, count, v, v_point, m, m_point, points);
  }
}

static void run_jobs(void *ctx, int64_t begin, int64_t end) {
  const sums *s = ctx;
  host_device *d = s->math->self;
  real *space = nacre_host_take_space(d);
  for (int64_t i = begin; i < end; i++) {
    run_share(s, i / s->panels, i % s->panels, space);
  }
  nacre_host_give_space(d, space);
}

/* Rows [begin, end) of all panels: channels of the gradient. */
static void finish(void *ctx, int64_t begin, int64_t end) {
  const sums *s = ctx;
  const nacre_conv *c = s->c;
  const int64_t tap = c->channels * c->filters;
  for (int64_t panel = 0; panel < s->panels; panel++) {
    const int64_t width = panel_width(s, panel);
    const int64_t col = panel * 2 * s->kern->lanes;
    const int64_t left = c->filters - col;
    real *all = points_of(s, 0, panel);
    for (int64_t share = 1; share < s->shares; share++) {
      for (int64_t point = 0; point < 36; point++) {
        const int64_t at = (point * c->channels + begin) * width;
        s->kern->axpy((end - begin) * width, 1,
                      points_of(s, share, panel) + at, all + at);
      }
    }
    for (int64_t k = begin; k < end; k++) {
      s->kern->wino_unweights(left < width ? left : width, all + k * width,
                              c->channels * width,
                              c->w + k * c->filters + col, tap);
    }
  }
}

void nacre_winograd_run_weights(const nacre_math *math, const nacre_conv *c) {
  host_device *d = math->self;
  const kernels *kern = d->kern;
  sums s = { .math = math, .kern = kern, .c = c,
             .rows = pieces_along(c->out[HEIGHT]),
             .cols = pieces_along(c->out[WIDTH]),
             .panels = (c->filters - 1) / (2 * kern->lanes) + 1,
             .padded = padded_filters(kern, c),
             .shares = nacre_conv_shares(c) };
  const int64_t of_piece = 36 * (c->channels + 2 * kern->lanes);
  const int64_t most = (HOST_SPACE_REALS - 36 * 4 * kern->lanes) / of_piece;
  const int64_t few = 16;
  s.each = POINT_REALS / of_piece;
  s.each = s.each < few ? few : s.each;
  s.each = s.each < most ? s.each : most;
  const double size = 36 * (double)c->channels * (double)s.padded;
  const double pieces =
    (double)c->batch * (double)s.rows * (double)s.cols;
  nacre_pool_run(d->pool, s.shares * s.panels, 1,
                 1.5 * size * pieces / CONV_WORK_PER_NS, run_jobs, &s);
  nacre_pool_run(d->pool, c->channels, 8,
                 size * (double)s.shares / 4, finish, &s);
}
