/* SPDX-License-Identifier: MIT */
/* conv_weights: the gradient of a convolution's kernel.
 *
 * It is made of tiles that fit into registers: some channels, or pixels and
 * channels where these lie side by side, by some filters. Each sums over all
 * pixels of a block of images that stays in the second-level cache, then adds
 * to its place. Jobs are sets of tiles; small kernels, of which there are few
 * tiles, are also summed by shares of the batch, in scratch, and these are
 * added in their order. Shares and blocks are of the shape alone. */
#include "conv.h"


#define BLOCK_REALS 65536 /* of x and of y that tiles pass over again */
#define JOB_TILES 16
/* With so few channels, taps of a row are taken together, for which rows are
 * copied with zeros around them. */
#define FEW_CHANNELS 8

typedef struct sums {
  const nacre_math *math;
  const kernels *kern;
  const nacre_conv *conv;
  int64_t k, n; /* channels and filters of a group */
  int64_t shares;
  int each;             /* channels are groups: each by itself */
  int joined;           /* taps of a row lie side by side */
  int copies;           /* rows are copied, since taps reach beyond them */
  int64_t left, right;  /* pixels */
  int64_t rows;         /* of the gradient, from which a tile takes some */
  int64_t tiles_row, tiles_col; /* tiles along rows and filters */
  int64_t tiles, jobs;          /* in all, for a share */
  int64_t images, lines;        /* of a block: lines < all: of one image */
} sums;

/* Images of x with rows of `row` reals; at[0] is pixel 0 of image 0. */
typedef struct block {
  int64_t image, images, z, begin, end; /* of y */
  const real *at;
  int64_t each, slab, row;
  int64_t first_slab, first_row; /* of the input, at `at` */
} block;

static int64_t share_size(const nacre_conv *c) {
  return c->kernel[0] * c->kernel[1] * c->kernel[2] *
         (c->channels / c->groups) * c->filters;
}

/* Output places [first, end) along an axis whose tap is within the input. */
static void places(const nacre_conv *c, int axis, int64_t tap, int64_t *first,
                   int64_t *end) {
  const int64_t stride = c->stride[axis];
  const int64_t at = tap * c->dilation[axis] - c->before[axis];
  *first = at < 0 ? (-at + stride - 1) / stride : 0;
  const int64_t room = c->in[axis] - at;
  *end = room > 0 ? (room - 1) / stride + 1 : 0;
  *end = *end < c->out[axis] ? *end : c->out[axis];
  *end = *end > *first ? *end : *first;
}

/* Where in x what output row y reads by a tap is. */
static int64_t input_at(const nacre_conv *c, int axis, int64_t at,
                        int64_t tap) {
  return at * c->stride[axis] + tap * c->dilation[axis] - c->before[axis];
}

/* One tile over one block: which it is, and what it reads of y. */
typedef struct tile {
  const sums *s;
  const block *b;
  int64_t kz, ky, kx; /* tap */
  int64_t group, row, col;
  int64_t y0, y1; /* rows of the output */
} tile;

/* Fills in the sums over columns [x0, x1) by the tile's first tap. */
static void set_sums(const tile *at, int64_t x0, int64_t x1, kernel_outer *t,
                     real *dw) {
  const sums *s = at->s;
  const block *b = at->b;
  const nacre_conv *c = s->conv;
  const int64_t z = input_at(c, DEPTH, b->z, at->kz);
  t->n[0] = b->images;
  t->n[1] = at->y1 - at->y0;
  t->n[2] = x1 - x0;
  /* Joined, the first tap may be left of the row: there are zeros, or it
   * never is. */
  t->a = b->at + (z - b->first_slab) * b->slab +
         (input_at(c, HEIGHT, at->y0, at->ky) - b->first_row) * b->row +
         input_at(c, WIDTH, x0, at->kx) * c->channels + at->group * s->k +
         at->row;
  t->a_step[0] = b->each;
  t->a_step[1] = c->stride[HEIGHT] * b->row;
  t->a_step[2] = c->stride[WIDTH] * c->channels;
  t->b_step[2] = c->filters;
  t->b_step[1] = c->out[WIDTH] * c->filters;
  t->b_step[0] = c->out[DEPTH] * c->out[HEIGHT] * t->b_step[1];
  t->b = c->y + b->image * t->b_step[0] +
         (b->z * c->out[HEIGHT] + at->y0) * t->b_step[1] + x0 * c->filters +
         at->group * s->n + at->col;
  t->ldc = c->filters;
  const int64_t tap =
    (at->kz * c->kernel[HEIGHT] + at->ky) * c->kernel[WIDTH] + at->kx;
  t->c = dw + (tap * s->k + at->row) * c->filters + at->group * s->n +
         at->col;
}

/* Channels that are each by themselves: `taps` of them over the columns that
 * all reach, then each over those that it reaches alone. */
static void run_each(tile *at, int64_t taps, real *dw) {
  const nacre_conv *c = at->s->conv;
  const int64_t first = at->kx;
  int64_t from[3], to[3], x0 = 0, x1 = c->out[WIDTH];
  kernel_outer t = { .cols = c->channels, .taps = taps,
                     .a_tap = c->dilation[WIDTH] * c->channels };
  for (int64_t i = 0; i < taps; i++) {
    places(c, WIDTH, first + i, &from[i], &to[i]);
    x0 = from[i] > x0 ? from[i] : x0;
    x1 = to[i] < x1 ? to[i] : x1;
  }
  x1 = x1 > x0 ? x1 : x0;
  if (x1 > x0) {
    set_sums(at, x0, x1, &t, dw);
    at->s->kern->outer_each(&t);
  }
  t.taps = 1;
  for (int64_t i = 0; i < taps; i++) {
    at->kx = first + i;
    const int64_t left = to[i] < x0 ? to[i] : x0;
    const int64_t right = from[i] > x1 ? from[i] : x1;
    if (left > from[i]) {
      set_sums(at, from[i], left, &t, dw);
      at->s->kern->outer_each(&t);
    }
    if (to[i] > right) {
      set_sums(at, right, to[i], &t, dw);
      at->s->kern->outer_each(&t);
    }
  }
}

/* Several taps of a row go together where channels are by themselves. */
static int64_t each_groups(const nacre_conv *c) {
  return (c->kernel[WIDTH] + 2) / 3;
}

static void run_tile(const sums *s, const block *b, int64_t index, real *dw) {
  const nacre_conv *c = s->conv;
  const int64_t lanes = s->kern->lanes;
  const int64_t i = index / s->tiles_col % s->tiles_row;
  int64_t rest = index / s->tiles_col / s->tiles_row;
  const int64_t along =
    s->joined ? 1 : s->each ? each_groups(c) : c->kernel[WIDTH];
  tile at = { .s = s, .b = b, .kx = rest % along };
  rest /= along;
  at.ky = rest % c->kernel[HEIGHT];
  at.kz = rest / c->kernel[HEIGHT] % c->kernel[DEPTH];
  at.group = rest / c->kernel[HEIGHT] / c->kernel[DEPTH];
  at.row = s->rows * i / s->tiles_row;
  at.col = index % s->tiles_col * 2 * lanes;
  places(c, HEIGHT, at.ky, &at.y0, &at.y1);
  at.y0 = at.y0 > b->begin ? at.y0 : b->begin;
  at.y1 = at.y1 < b->end ? at.y1 : b->end;
  const int64_t z = input_at(c, DEPTH, b->z, at.kz);
  if (at.y1 <= at.y0 || z < 0 || z >= c->in[DEPTH]) {
    return;
  }
  if (s->each) {
    at.kx *= 3;
    const int64_t left = c->kernel[WIDTH] - at.kx;
    run_each(&at, left < 3 ? left : 3, dw);
    return;
  }
  const int64_t rows = s->rows * (i + 1) / s->tiles_row - at.row;
  int64_t x0 = 0, x1 = c->out[WIDTH];
  if (!s->joined) {
    places(c, WIDTH, at.kx, &x0, &x1);
  }
  if (x1 > x0) {
    kernel_outer t;
    set_sums(&at, x0, x1, &t, dw);
    t.cols = s->n - at.col < 2 * lanes ? s->n - at.col : 2 * lanes;
    s->kern->outer[t.cols <= lanes ? 0 : 1][rows - 1](&t);
  }
}

/* Copies what the block reads of x into the workspace. */
static void copy_block(const sums *s, block *b, real *space) {
  const nacre_conv *c = s->conv;
  int64_t low[2], high[2]; /* slabs and rows */
  const int64_t begin[2] = { b->z, b->begin }, end[2] = { b->z + 1, b->end };
  for (int axis = DEPTH; axis <= HEIGHT; axis++) {
    low[axis] = input_at(c, axis, begin[axis], 0);
    high[axis] =
      input_at(c, axis, end[axis] - 1, c->kernel[axis] - 1) + 1;
    low[axis] = low[axis] > 0 ? low[axis] : 0;
    high[axis] = high[axis] < c->in[axis] ? high[axis] : c->in[axis];
    high[axis] = high[axis] > low[axis] ? high[axis] : low[axis];
  }
  b->row = (s->left + c->in[WIDTH] + s->right) * c->channels;
  b->slab = (high[HEIGHT] - low[HEIGHT]) * b->row;
  b->each = (high[DEPTH] - low[DEPTH]) * b->slab;
  b->first_slab = low[DEPTH];
  b->first_row = low[HEIGHT];
  b->at = space + s->left * c->channels;
  const int64_t row = c->in[WIDTH] * c->channels;
  for (int64_t i = b->image; i < b->image + b->images; i++) {
    for (int64_t z = low[DEPTH]; z < high[DEPTH]; z++) {
      for (int64_t y = low[HEIGHT]; y < high[HEIGHT]; y++) {
        conv_copy_row(
          c->x + ((i * c->in[DEPTH] + z) * c->in[HEIGHT] + y) * row,
          s->left * c->channels, row, s->right * c->channels, space);
        space += b->row;
      }
    }
  }
}

static void place_block(const sums *s, block *b, real *space) {
  const nacre_conv *c = s->conv;
  if (s->copies) {
    copy_block(s, b, space);
    return;
  }
  b->row = c->in[WIDTH] * c->channels;
  b->slab = c->in[HEIGHT] * b->row;
  b->each = c->in[DEPTH] * b->slab;
  b->first_slab = b->first_row = 0;
  b->at = c->x + b->image * b->each;
}

/* The tiles [begin, end) over the images [first, last). */
static void run_images(const sums *s, int64_t first, int64_t last,
                       int64_t begin, int64_t end, real *space, real *dw) {
  const nacre_conv *c = s->conv;
  block b;
  for (int64_t i = first; i < last; i += s->images) {
    b.image = i;
    b.images = last - i < s->images ? last - i : s->images;
    for (b.z = 0; b.z < c->out[DEPTH]; b.z++) {
      for (b.begin = 0; b.begin < c->out[HEIGHT]; b.begin = b.end) {
        b.end = c->out[HEIGHT] - b.begin < s->lines ? c->out[HEIGHT]
                                                    : b.begin + s->lines;
        place_block(s, &b, space);
        for (int64_t t = begin; t < end; t++) {
          run_tile(s, &b, t, dw);
        }
      }
    }
  }
}

static void run_jobs(void *ctx, int64_t begin, int64_t end) {
  const sums *s = ctx;
  const nacre_conv *c = s->conv;
  host_device *d = s->math->self;
  real *space = s->copies ? nacre_host_take_space(d) : NULL;
  for (int64_t i = begin; i < end; i++) {
    const int64_t share = i / s->jobs, job = i % s->jobs;
    real *dw = c->w;
    if (s->shares > 1) {
      dw = c->scratch + share * share_size(c);
    }
    run_images(s, c->batch * share / s->shares,
               c->batch * (share + 1) / s->shares,
               s->tiles * job / s->jobs, s->tiles * (job + 1) / s->jobs,
               space, dw);
  }
  if (space != NULL) {
    nacre_host_give_space(d, space);
  }
}

static void add_shares(void *ctx, int64_t begin, int64_t end) {
  const sums *s = ctx;
  const int64_t size = share_size(s->conv);
  for (int64_t i = 0; i < s->shares; i++) {
    s->kern->axpy(end - begin, 1, s->conv->scratch + i * size + begin,
                  s->conv->w + begin);
  }
}

/* --- how it is cut --- */

static double reals_of(const sums *s, double images, double lines) {
  const nacre_conv *c = s->conv;
  double rows = lines * (double)c->stride[HEIGHT] +
                (double)(c->kernel[HEIGHT] - 1) *
                  (double)c->dilation[HEIGHT];
  rows = rows < (double)c->in[HEIGHT] ? rows : (double)c->in[HEIGHT];
  double slabs = (double)c->in[DEPTH];
  slabs = slabs < (double)c->kernel[DEPTH] * (double)c->dilation[DEPTH]
            ? slabs
            : (double)c->kernel[DEPTH] * (double)c->dilation[DEPTH];
  return images * slabs * rows * (double)c->channels *
         ((double)s->left + (double)c->in[WIDTH] + (double)s->right);
}

/* As many images as stay in the cache with their y, or lines of one. */
static void choose_block(sums *s) {
  const nacre_conv *c = s->conv;
  const double line = (double)c->out[WIDTH] * (double)c->filters;
  const double most = BLOCK_REALS;
  s->lines = c->out[HEIGHT];
  s->images = 1;
  const double image =
    reals_of(s, 1, (double)s->lines) + line * (double)s->lines;
  if (image <= most && c->out[DEPTH] == 1) {
    s->images = (int64_t)(most / image);
  }
  while (s->lines > 1 && s->images == 1 &&
         reals_of(s, 1, (double)s->lines) + line * (double)s->lines > most) {
    s->lines = (s->lines + 1) / 2;
  }
}

static void choose_tiles(sums *s) {
  const nacre_conv *c = s->conv;
  const int64_t lanes = s->kern->lanes;
  const int64_t most = s->kern->pixels / (s->n <= lanes ? 1 : 2);
  s->rows = s->joined ? c->kernel[WIDTH] * s->k : s->k;
  s->tiles_row = (s->rows - 1) / most + 1;
  s->tiles_col = (s->n - 1) / (2 * lanes) + 1;
  s->tiles = (s->each ? 1 : c->groups) * c->kernel[DEPTH] * c->kernel[HEIGHT] *
             (s->joined ? 1 : s->each ? each_groups(c) : c->kernel[WIDTH]) *
             s->tiles_row * s->tiles_col;
  s->jobs = (s->tiles - 1) / JOB_TILES + 1;
}

static void choose_copies(sums *s) {
  const nacre_conv *c = s->conv;
  const int64_t last = input_at(c, WIDTH, c->out[WIDTH] - 1,
                                c->kernel[WIDTH] - 1);
  s->left = c->before[WIDTH];
  s->right = last >= c->in[WIDTH] ? last - c->in[WIDTH] + 1 : 0;
  const int beyond = s->left > 0 || s->right > 0;
  /* Side by side: no channels of other groups and no gaps in between. */
  const int side = c->groups == 1 && !s->each &&
                   (c->dilation[WIDTH] == 1 || c->kernel[WIDTH] == 1);
  s->joined = side && (!beyond || s->k < FEW_CHANNELS);
  s->copies = s->joined && beyond;
  if (!s->copies) {
    s->left = s->right = 0;
  }
  choose_block(s);
  if (s->copies && reals_of(s, (double)s->images, (double)s->lines) >
                     HOST_SPACE_REALS) {
    s->copies = s->joined = 0;
    s->left = s->right = 0;
  }
}

static int is_product(const nacre_conv *c) {
  for (int i = 0; i < 3; i++) {
    if (c->kernel[i] != 1 || c->stride[i] != 1 || c->before[i] != 0 ||
        c->in[i] != c->out[i]) {
      return 0;
    }
  }
  return c->groups == 1;
}

void nacre_conv_run_weights(const nacre_math *math, const nacre_conv *c) {
  host_device *d = math->self;
  const int64_t pixels = c->batch * c->out[0] * c->out[1] * c->out[2];
  if (pixels <= 0) {
    return;
  }
  if (is_product(c)) {
    nacre_gemm g = { sizeof g, NACRE_GEMM_TRANS_A, c->channels, c->filters,
                     pixels, c->x, c->channels, c->y, c->filters, c->w,
                     c->filters, 1, 0, 0, 0, 1, 1, NULL, NULL };
    math->gemm(math, &g);
    return;
  }
  sums s = { .math = math, .kern = d->kern, .conv = c,
             .k = c->channels / c->groups, .n = c->filters / c->groups,
             .shares = nacre_conv_shares(c) };
  if (nacre_winograd_suits_weights(d->kern, c)) {
    nacre_winograd_run_weights(math, c);
    return;
  }
  s.each = s.k == 1 && s.n == 1;
  choose_copies(&s);
  choose_tiles(&s);
  const double size = (double)share_size(c);
  if (s.shares > 1) {
    memset(c->scratch, 0,
           (size_t)(s.shares * share_size(c)) * sizeof(real));
  }
  nacre_pool_run(d->pool, s.jobs * s.shares, 1,
                 size * (double)pixels / CONV_WORK_PER_NS, run_jobs, &s);
  if (s.shares > 1) {
    nacre_pool_run(d->pool, share_size(c), 8192,
                   size * (double)s.shares / 8, add_shares, &s);
  }
}
