/* SPDX-License-Identifier: MIT */
/* conv_winograd: 3x3 convolutions with a quarter of the multiplications; the
 * mathematics are in winograd.h.
 *
 * A job takes some pieces of 4x4 output pixels, in the order of the batch. It
 * transforms their inputs into a workspace, multiplies each of the 36 points
 * by the transformed kernel, a panel of channels at a time, and transforms
 * the products into pixels. Nothing depends on how pieces fall into jobs. */
#include "conv.h"

/* Reals of a job's points: of inputs, and of products of a panel. */
#define POINT_REALS 49152
/* Transforms of one register of channels, in multiply-adds of registers: 36
 * loads and stores beside them. */
#define INPUT_COST 240
#define OUTPUT_COST 200
/* Transformed kernels stay within a share of the third-level cache. */
#define KERNEL_MOST 4194304.0

typedef struct wino {
  const conv_pass *p;
  int64_t rows, cols;   /* pieces along height and width of an image */
  int64_t pieces, each; /* in all, and of a job */
  int64_t origin[2];    /* of the first piece's input */
  real *u;              /* [panels, 36], of [k, width] each: kernel_point */
} wino;

static int64_t pieces_along(int64_t extent) {
  return (extent - 1) / 4 + 1;
}

int nacre_winograd_suits(const conv_pass *p) {
  const nacre_conv *c = p->conv;
  if (!nacre_conv_is_square(c) || (c->flags & NACRE_CONV_PLAIN) ||
      36.0 * (double)p->k * (double)conv_padded(p) > KERNEL_MOST) {
    return 0;
  }
  const double lanes = (double)p->kern->lanes;
  const double k = (double)p->k, n = (double)conv_padded(p) / lanes;
  const double loads = (double)((p->k - 1) / p->kern->lanes + 1);
  const double pieces = (double)pieces_along(p->out_dim[HEIGHT]) *
                        (double)pieces_along(p->out_dim[WIDTH]);
  const double pixels =
    (double)p->out_dim[HEIGHT] * (double)p->out_dim[WIDTH];
  const double plain = 9 * k * n * pixels;
  const double fast =
    pieces * (36 * k * n + INPUT_COST * loads + OUTPUT_COST * n);
  return fast < 0.9 * plain && (p->kern->lanes == 1 || p->k >= 8);
}

static int64_t panel_width(const conv_pass *p, int64_t panel) {
  const int64_t lanes = p->kern->lanes;
  return p->n - panel * 2 * lanes <= lanes ? lanes : 2 * lanes;
}

/* Points lie a register further apart than they are long: an odd number of
 * cache lines, for else all that are written together compete for one set of
 * the cache. */
static int64_t kernel_point(const wino *w, int64_t panel) {
  const conv_pass *p = w->p;
  return p->k * panel_width(p, panel) + p->kern->lanes;
}

static real *kernel_points(const wino *w, int64_t panel) {
  return w->u + 36 * panel * kernel_point(w, 0);
}

/* Transforms the panels [begin, end) of the packed kernel. */
static void transform_kernel(void *ctx, int64_t begin, int64_t end) {
  const wino *w = ctx;
  const conv_pass *p = w->p;
  for (int64_t i = begin; i < end; i++) {
    const int64_t size = p->k * panel_width(p, i);
    const int64_t at = i * 2 * p->kern->lanes * p->k;
    p->kern->wino_weights(size, p->packed + 9 * at, kernel_points(w, i),
                          kernel_point(w, i));
  }
}

/* Where piece `index` is. */
typedef struct piece {
  int64_t image, y, x; /* pixel of the output */
} piece;

static piece piece_at(const wino *w, int64_t index) {
  piece at = { index / (w->rows * w->cols), index / w->cols % w->rows * 4,
               index % w->cols * 4 };
  return at;
}

static void transform_input(const wino *w, int64_t index, real *points,
                            int64_t point) {
  const conv_pass *p = w->p;
  const piece at = piece_at(w, index);
  const int64_t y = at.y + w->origin[0], x = at.x + w->origin[1];
  kernel_piece t;
  t.pixel = p->in_pitch;
  t.row = p->in_dim[WIDTH] * p->in_pitch;
  t.pixels = (real *)p->in + (at.image * p->in_dim[HEIGHT] + y) * t.row +
             x * t.pixel;
  t.first[0] = -y;
  t.first[1] = -x;
  t.end[0] = p->in_dim[HEIGHT] - y;
  t.end[1] = p->in_dim[WIDTH] - x;
  t.channels = p->k;
  t.points = points;
  t.point = point;
  t.bias = NULL;
  p->kern->wino_input(&t);
}

static void transform_output(const wino *w, int64_t index, int64_t panel,
                             real *points, int64_t point) {
  const conv_pass *p = w->p;
  const piece at = piece_at(w, index);
  const int64_t col = panel * 2 * p->kern->lanes;
  kernel_piece t;
  t.pixel = p->out_pitch;
  t.row = p->out_dim[WIDTH] * p->out_pitch;
  t.pixels = p->out + (at.image * p->out_dim[HEIGHT] + at.y) * t.row +
             at.x * t.pixel + col;
  t.first[0] = t.first[1] = 0;
  t.end[0] = p->out_dim[HEIGHT] - at.y;
  t.end[1] = p->out_dim[WIDTH] - at.x;
  t.channels = p->n - col < 2 * p->kern->lanes ? p->n - col
                                               : 2 * p->kern->lanes;
  t.points = points;
  t.point = point;
  t.bias = p->conv->bias == NULL ? NULL : p->conv->bias + col;
  p->kern->wino_output(&t);
}

/* Products of all 36 points of `count` pieces with one panel. */
static void multiply(const wino *w, int64_t panel, int64_t count,
                     const real *v, int64_t v_point, real *m,
                     int64_t m_point) {
  const conv_pass *p = w->p;
  const int64_t lanes = p->kern->lanes, width = panel_width(p, panel);
  const int64_t wide = width / lanes;
  const real *u = kernel_points(w, panel);
  const int64_t most = p->kern->pixels / wide;
  const int64_t tiles = (count - 1) / most + 1;
  kernel_pixels t = { .a_pixel = p->k, .taps = { 1, 1, 1 }, .k = p->k,
                      .c_pixel = width, .cols = width };
  for (int64_t point = 0; point < 36; point++) {
    t.b = u + point * kernel_point(w, panel);
    for (int64_t i = 0; i < tiles; i++) {
      const int64_t begin = count * i / tiles;
      const int64_t rows = count * (i + 1) / tiles - begin;
      t.a = v + point * v_point + begin * p->k;
      t.c = m + point * m_point + begin * width;
      p->kern->conv[wide - 1][rows - 1](&t);
    }
  }
}

static void activate(const wino *w, int64_t index) {
  const conv_pass *p = w->p;
  const nacre_activation *act = p->conv->act;
  const piece at = piece_at(w, index);
  const int64_t rows = p->out_dim[HEIGHT] - at.y;
  const int64_t cols = p->out_dim[WIDTH] - at.x;
  for (int64_t y = 0; y < 4 && y < rows; y++) {
    real *out = p->out + ((at.image * p->out_dim[HEIGHT] + at.y + y) *
                            p->out_dim[WIDTH] + at.x) * p->out_pitch;
    act->forward(p->math, act->cfg, cols < 4 ? cols : 4, p->n, out, out);
  }
}

static void run_pieces(const wino *w, int64_t first, int64_t count,
                       real *space) {
  const conv_pass *p = w->p;
  const int64_t lanes = p->kern->lanes;
  /* An odd number of cache lines, so that points do not compete for them. */
  const int64_t v_point = (w->each * p->k + 2 * lanes - 1) / (2 * lanes) *
                            2 * lanes + lanes;
  const int64_t m_point = w->each * 2 * lanes + lanes;
  real *v = space, *m = space + 36 * v_point;
  for (int64_t i = 0; i < count; i++) {
    transform_input(w, first + i, v + i * p->k, v_point);
  }
  for (int64_t panel = 0; panel < conv_panels(p); panel++) {
    multiply(w, panel, count, v, v_point, m, m_point);
    for (int64_t i = 0; i < count; i++) {
      transform_output(w, first + i, panel, m + i * panel_width(p, panel),
                       m_point);
    }
  }
  for (int64_t i = 0; p->conv->act != NULL && i < count; i++) {
    activate(w, first + i);
  }
}

static void run_jobs(void *ctx, int64_t begin, int64_t end) {
  const wino *w = ctx;
  host_device *d = w->p->math->self;
  real *space = nacre_host_take_space(d);
  for (int64_t i = begin; i < end; i++) {
    const int64_t first = i * w->each;
    const int64_t left = w->pieces - first;
    run_pieces(w, first, left < w->each ? left : w->each, space);
  }
  nacre_host_give_space(d, space);
}

/* Pieces of a job: whole tiles, as many as the cache has room for. */
static void choose_each(wino *w) {
  const conv_pass *p = w->p;
  const int64_t lanes = p->kern->lanes;
  int64_t tile = p->kern->pixels / (p->n <= lanes ? 1 : 2);
  tile = tile > 8 ? tile / 4 * 4 : tile; /* whole base registers */
  const int64_t of_piece = 36 * (p->k + 2 * lanes);
  const int64_t most = (HOST_SPACE_REALS - 36 * 4 * lanes) / of_piece;
  int64_t tiles = POINT_REALS / of_piece / tile;
  tiles = tiles > 0 ? tiles : 1;
  w->each = tiles * tile < most ? tiles * tile : most;
  /* Few jobs are made as many as the threads share evenly. */
  const int64_t threads =
    nacre_pool_threads(((host_device *)p->math->self)->pool);
  int64_t jobs = (w->pieces - 1) / w->each + 1;
  if (threads > 1 && jobs < 4 * threads) {
    jobs = (jobs + threads - 1) / threads * threads;
    w->each = (w->pieces - 1) / jobs + 1;
  }
}

void nacre_winograd_run(conv_pass *p) {
  const nacre_conv *c = p->conv;
  host_device *d = p->math->self;
  wino w;
  w.p = p;
  w.rows = pieces_along(p->out_dim[HEIGHT]);
  w.cols = pieces_along(p->out_dim[WIDTH]);
  w.pieces = c->batch * w.rows * w.cols;
  w.u = p->packed + 9 * p->k * conv_padded(p);
  for (int i = 0; i < 2; i++) {
    w.origin[i] = p->reach_of(c, HEIGHT + i, 0).in;
  }
  choose_each(&w);
  const double size = 36 * (double)p->k * (double)conv_padded(p);
  if (!(c->flags & NACRE_CONV_KEPT)) {
    nacre_pool_run(d->pool, conv_panels(p), 1, size / 4, transform_kernel,
                   &w);
  }
  nacre_pool_run(d->pool, (w.pieces - 1) / w.each + 1, 1,
                 1.5 * size * (double)w.pieces / CONV_WORK_PER_NS, run_jobs,
                 &w);
}
