/* SPDX-License-Identifier: MIT */
/* conv: convolutions and their transposes, without a matrix in between.
 *
 * Either direction is a pass: each pixel that is written reaches some pixels
 * of the input by some taps, and the kernel has been laid out in panels in
 * the order in which taps come. Threads take blocks of rows. Where taps reach
 * beyond a row, the block's rows are first copied into a workspace with zeros
 * on either side; above and below, taps are left out instead. Every element
 * is one chain over its taps and channels, however rows are shared out. */
#include "conv.h"


/* Copied rows of a block stay within a share of the second-level cache. */
#define COPY_REALS 24576

/* Where input rows are: element (tap of depth, row, pixel) of `at`. */
typedef struct view {
  const real *at;
  int64_t slab, row;
} view;

/* --- the kernel in panels --- */

static void pack(const conv_pass *p, int64_t group, int64_t panel) {
  const nacre_conv *c = p->conv;
  const kernels *kern = p->kern;
  const int64_t taps = conv_taps(c), filters = c->filters;
  const int64_t depth = c->channels / c->groups; /* rows of w of a tap */
  const int64_t share = filters / c->groups;
  const int64_t col = panel * 2 * kern->lanes;
  const int64_t cols =
    p->n - col < 2 * kern->lanes ? p->n - col : 2 * kern->lanes;
  const int64_t width = cols <= kern->lanes ? kern->lanes : 2 * kern->lanes;
  real *out = p->packed + group * taps * p->k * conv_padded(p) +
              taps * p->k * col;
  if (p->reach_of == conv_reach) {
    kern->pack_panel(taps * depth, cols, c->w + group * share + col, filters,
                     width, out);
    return;
  }
  for (int64_t t = 0; t < taps; t++) {
    const real *w = c->w + (taps - 1 - t) * depth * filters;
    kern->transpose(p->k, cols, w + col * filters + group * share, filters,
                    width, out + t * p->k * width);
  }
}

static void pack_some(void *ctx, int64_t begin, int64_t end) {
  const conv_pass *p = ctx;
  const int64_t panels = conv_panels(p);
  for (int64_t i = begin; i < end; i++) {
    pack(p, i / panels, i % panels);
  }
}

/* --- a job: some rows of one image --- */

typedef struct job {
  const conv_pass *p;
  int64_t image, z, begin, end;
  reach depth;
  view rows;
} job;

static const real *input_row(const conv_pass *p, int64_t image, int64_t z,
                             int64_t y) {
  return p->in + ((image * p->in_dim[DEPTH] + z) * p->in_dim[HEIGHT] + y) *
                   p->in_dim[WIDTH] * p->in_pitch;
}

/* Copies the rows that the job reaches; the view begins left of row 0. */
static void copy_rows(job *j, real *space) {
  const conv_pass *p = j->p;
  int64_t low = p->in_dim[HEIGHT], high = 0;
  for (int64_t y = j->begin; y < j->end; y++) {
    reach r = p->reach_of(p->conv, HEIGHT, y);
    conv_clip(&r, p->in_dim[HEIGHT]);
    if (r.end > r.first) {
      const int64_t first = r.in + r.first * r.step;
      const int64_t last = r.in + (r.end - 1) * r.step;
      low = first < low ? first : low;
      high = last + 1 > high ? last + 1 : high;
    }
  }
  const int64_t row = (p->left + p->in_dim[WIDTH] + p->right) * p->in_pitch;
  real *to = space;
  for (int64_t t = j->depth.first; t < j->depth.end; t++) {
    for (int64_t y = low; y < high; y++) {
      conv_copy_row(
        input_row(p, j->image, j->depth.in + t * j->depth.step, y),
        p->left * p->in_pitch, p->in_dim[WIDTH] * p->in_pitch,
        p->right * p->in_pitch, to);
      to += row;
    }
  }
  j->rows.row = row;
  j->rows.slab = (high > low ? high - low : 0) * row;
  j->rows.at = space - j->depth.first * j->rows.slab - low * row +
               p->left * p->in_pitch;
}

static void place_rows(job *j, real *space) {
  const conv_pass *p = j->p;
  if (p->copies) {
    copy_rows(j, space);
    return;
  }
  j->rows.row = p->in_dim[WIDTH] * p->in_pitch;
  j->rows.slab = j->depth.step * p->in_dim[HEIGHT] * j->rows.row;
  j->rows.at = input_row(p, j->image, 0, 0) +
               j->depth.in * p->in_dim[HEIGHT] * j->rows.row;
}

/* Of one row of the output: everything but pixels and taps along it. */
typedef struct line {
  kernel_pixels t;
  int64_t wide;
  int64_t tap;    /* reals of the kernel from one tap to the next */
  const real *in; /* pixel 0 of the first row that is reached */
  const real *b;  /* tap 0 of a row of the kernel, of the first one reached */
  real *out;      /* pixel 0 */
} line;

/* `count` pixels from number `first` of a phase on, all by the taps of r. */
static void run_pixels(const conv_pass *p, line *l, const reach *r,
                       int64_t phase, int64_t first, int64_t count) {
  kernel_pixels *t = &l->t;
  t->taps[WIDTH] = r->end - r->first;
  t->a_tap[WIDTH] = r->step * p->in_pitch;
  t->b_tap[WIDTH] = r->weight_step * l->tap;
  t->b = l->b + (r->weight + r->first * r->weight_step) * l->tap;
  if (p->each) {
    t->a = l->in + (r->in + first * p->in_step + r->first * r->step) *
                     p->in_pitch;
    t->c = l->out + (phase + first * p->out_step) * p->out_pitch;
    p->kern->conv_each(t, count);
    return;
  }
  t->k = p->k;
  if (t->a_tap[WIDTH] == t->k && r->weight_step == 1) {
    t->k *= t->taps[WIDTH];
    t->taps[WIDTH] = t->taps[WIDTH] > 0;
  }
  const int64_t most = p->kern->pixels / l->wide;
  const int64_t tiles = (count - 1) / most + 1;
  for (int64_t i = 0; i < tiles; i++) {
    const int64_t begin = first + count * i / tiles;
    const int64_t rows = first + count * (i + 1) / tiles - begin;
    t->a = l->in + (r->in + begin * p->in_step + r->first * r->step) *
                     p->in_pitch;
    t->c = l->out + (phase + begin * p->out_step) * p->out_pitch;
    p->kern->conv[l->wide - 1][rows - 1](t);
  }
}

/* Pixel by pixel where a tap may be outside. */
static void run_clipped(const conv_pass *p, line *l, const reach *whole,
                        int64_t phase, int64_t count) {
  for (int64_t i = 0; i < count;) {
    reach r = *whole;
    r.in += i * p->in_step;
    conv_clip(&r, p->in_dim[WIDTH]);
    const int64_t first = r.first, end = r.end;
    int64_t same = i;
    do { /* all that reach as much at once */
      same++;
      r = *whole;
      r.in += same * p->in_step;
      conv_clip(&r, p->in_dim[WIDTH]);
    } while (same < count && r.first == first && r.end == end);
    r = *whole;
    r.first = first;
    r.end = end;
    run_pixels(p, l, &r, phase, i, same - i);
    i = same;
  }
}

static void run_line(const conv_pass *p, line *l) {
  for (int64_t phase = 0; phase < p->out_step; phase++) {
    const int64_t count =
      (p->out_dim[WIDTH] - phase + p->out_step - 1) / p->out_step;
    if (count <= 0) {
      break;
    }
    reach r = p->reach_of(p->conv, WIDTH, phase);
    if (p->copies || (p->left == 0 && p->right == 0)) {
      run_pixels(p, l, &r, phase, 0, count);
    } else {
      run_clipped(p, l, &r, phase, count);
    }
  }
}

/* What a panel of one group's channels has in common, or, of channels that
 * are each by themselves, all of them: these read the kernel where it is. */
static void set_panel(const conv_pass *p, int64_t group, int64_t panel,
                      line *l) {
  const nacre_conv *c = p->conv;
  const int64_t lanes = p->kern->lanes, taps = conv_taps(c);
  const int64_t col = panel * 2 * lanes;
  kernel_pixels *t = &l->t;
  t->a_pixel = p->in_step * p->in_pitch;
  t->c_pixel = p->out_step * p->out_pitch;
  t->bias = c->bias == NULL ? NULL : c->bias + group * p->n + col;
  if (p->each) {
    const int turned = p->reach_of != conv_reach;
    t->cols = c->channels;
    l->wide = 1;
    l->tap = turned ? -c->channels : c->channels;
    l->b = c->w + (turned ? (taps - 1) * c->channels : 0);
    return;
  }
  t->cols = p->n - col < 2 * lanes ? p->n - col : 2 * lanes;
  l->wide = t->cols <= lanes ? 1 : 2;
  l->tap = p->k * l->wide * lanes;
  l->b = p->packed + group * taps * p->k * conv_padded(p) +
         taps * p->k * col;
}

/* A panel over all rows of the job. */
static void run_panel(const job *j, int64_t group, int64_t panel) {
  const conv_pass *p = j->p;
  const nacre_conv *c = p->conv;
  line l;
  set_panel(p, group, panel, &l);
  kernel_pixels *t = &l.t;
  const int64_t row = c->kernel[WIDTH] * l.tap;
  const int64_t slab = c->kernel[HEIGHT] * row;
  const real *b = l.b + (j->depth.weight +
                         j->depth.first * j->depth.weight_step) * slab;
  t->taps[DEPTH] = j->depth.end - j->depth.first;
  t->a_tap[DEPTH] = j->rows.slab;
  t->b_tap[DEPTH] = j->depth.weight_step * slab;
  for (int64_t y = j->begin; y < j->end; y++) {
    reach r = p->reach_of(c, HEIGHT, y);
    conv_clip(&r, p->in_dim[HEIGHT]);
    t->taps[HEIGHT] = r.end - r.first;
    t->a_tap[HEIGHT] = r.step * j->rows.row;
    t->b_tap[HEIGHT] = r.weight_step * row;
    l.in = j->rows.at + j->depth.first * j->rows.slab +
           (r.in + r.first * r.step) * j->rows.row + group * p->k;
    l.b = b + (r.weight + r.first * r.weight_step) * row;
    l.out = p->out +
            ((j->image * p->out_dim[DEPTH] + j->z) * p->out_dim[HEIGHT] + y) *
              p->out_dim[WIDTH] * p->out_pitch +
            group * p->n + panel * 2 * p->kern->lanes;
    run_line(p, &l);
  }
}

static int64_t count_blocks(const conv_pass *p) {
  return (p->out_dim[HEIGHT] - 1) / p->block + 1;
}

static void run_job(const conv_pass *p, real *space, int64_t index) {
  const int64_t blocks = count_blocks(p);
  job j;
  j.p = p;
  j.image = index / blocks / p->out_dim[DEPTH];
  j.z = index / blocks % p->out_dim[DEPTH];
  j.begin = index % blocks * p->block;
  j.end = j.begin + p->block < p->out_dim[HEIGHT] ? j.begin + p->block
                                                  : p->out_dim[HEIGHT];
  j.depth = p->reach_of(p->conv, DEPTH, j.z);
  conv_clip(&j.depth, p->in_dim[DEPTH]);
  place_rows(&j, space);
  const int64_t panels = conv_panels(p);
  const int64_t all = p->each ? 1 : p->conv->groups * panels;
  for (int64_t i = 0; i < all; i++) {
    run_panel(&j, i / panels, i % panels);
  }
  const nacre_activation *act = p->conv->act;
  if (act != NULL) {
    const int64_t pixels = (j.end - j.begin) * p->out_dim[WIDTH];
    real *out = p->out + ((j.image * p->out_dim[DEPTH] + j.z) *
                            p->out_dim[HEIGHT] + j.begin) *
                           p->out_dim[WIDTH] * p->out_pitch;
    act->forward(p->math, act->cfg, pixels, p->out_pitch, out, out);
  }
}

static void run_jobs(void *ctx, int64_t begin, int64_t end) {
  const conv_pass *p = ctx;
  host_device *d = p->math->self;
  real *space = p->copies ? nacre_host_take_space(d) : NULL;
  for (int64_t i = begin; i < end; i++) {
    run_job(p, space, i);
  }
  if (space != NULL) {
    nacre_host_give_space(d, space);
  }
}

/* --- the pass --- */

/* How far taps reach beyond rows of the input, over all phases. */
static void find_margins(conv_pass *p) {
  p->left = p->right = 0;
  for (int64_t phase = 0;
       phase < p->out_step && phase < p->out_dim[WIDTH]; phase++) {
    const reach r = p->reach_of(p->conv, WIDTH, phase);
    if (r.taps == 0) {
      continue;
    }
    const int64_t count =
      (p->out_dim[WIDTH] - phase + p->out_step - 1) / p->out_step;
    const int64_t last = r.in + (count - 1) * p->in_step +
                         (r.taps - 1) * r.step;
    const int64_t beyond = last - (p->in_dim[WIDTH] - 1);
    p->left = -r.in > p->left ? -r.in : p->left;
    p->right = beyond > p->right ? beyond : p->right;
  }
}

/* Reals of the copy that a block of `rows` makes; in double, for no extent
 * is too large to be asked about. */
static double copied(const conv_pass *p, int64_t rows) {
  const nacre_conv *c = p->conv;
  const double width = (double)p->left + (double)p->in_dim[WIDTH] +
                       (double)p->right;
  double height = (double)(c->kernel[HEIGHT] - 1) *
                    (double)c->dilation[HEIGHT] +
                  (double)rows * (double)c->stride[HEIGHT] + 1;
  const double most = (double)p->in_dim[HEIGHT];
  height = height < most ? height : most;
  return width * height * (double)c->kernel[DEPTH] * (double)p->in_pitch;
}

/* Rows of a job: an image if there are enough of them for the threads. */
static void choose_block(conv_pass *p) {
  const host_device *d = p->math->self;
  const int64_t threads = nacre_pool_threads(d->pool);
  const int64_t want = threads > 1 ? 4 * threads : 1;
  const int64_t images = p->conv->batch * p->out_dim[DEPTH];
  p->block = p->out_dim[HEIGHT];
  while (p->block > 1 && images * count_blocks(p) < want) {
    p->block = (p->block + 1) / 2;
  }
  p->copies = !p->each && (p->left > 0 || p->right > 0);
  while (p->copies && p->block > 1 && copied(p, p->block) > COPY_REALS) {
    p->block = (p->block + 1) / 2;
  }
  if (copied(p, p->block) > HOST_SPACE_REALS) {
    p->copies = 0;
  }
}

static void run(conv_pass *p) {
  const nacre_conv *c = p->conv;
  host_device *d = p->math->self;
  for (int i = 0; i < 3; i++) {
    if (p->out_dim[i] <= 0) {
      return;
    }
  }
  if (c->batch <= 0) {
    return;
  }
  p->kern = d->kern;
  p->packed = c->scratch;
  p->each = p->k == 1 && p->n == 1;
  find_margins(p);
  choose_block(p);
  const double size =
    (double)conv_taps(c) * (double)p->k * (double)conv_padded(p);
  if (!p->each && !(c->flags & NACRE_CONV_KEPT)) {
    nacre_pool_run(d->pool, c->groups * conv_panels(p), 1,
                   size * (double)c->groups / 8, pack_some, p);
  }
  if (nacre_winograd_suits(p)) {
    nacre_winograd_run(p);
    return;
  }
  const int64_t jobs = c->batch * p->out_dim[DEPTH] * count_blocks(p);
  const double pixels = (double)c->batch * (double)c->out[0] *
                        (double)c->out[1] * (double)c->out[2];
  nacre_pool_run(d->pool, jobs, 1,
                 pixels * size * (double)c->groups / CONV_WORK_PER_NS, run_jobs,
                 p);
}

/* A kernel of one pixel that meets all of them: a product of matrices. */
static int is_product(const nacre_conv *c) {
  for (int i = 0; i < 3; i++) {
    if (c->kernel[i] != 1 || c->stride[i] != 1 || c->before[i] != 0 ||
        c->in[i] != c->out[i]) {
      return 0;
    }
  }
  return c->groups == 1;
}

void nacre_conv_run(const nacre_math *math, const nacre_conv *c) {
  const int64_t rows = c->batch * c->out[0] * c->out[1] * c->out[2];
  if (is_product(c)) {
    nacre_gemm g = { sizeof g, 0, rows, c->filters, c->channels,
                     c->x, c->channels, c->w, c->filters, c->y, c->filters,
                     1, 0, 0, 0, 1, 0, c->bias, c->act };
    math->gemm(math, &g);
    return;
  }
  conv_pass p = { .math = math, .conv = c, .reach_of = conv_reach,
             .in = c->x, .out = c->y, .in_dim = c->in, .out_dim = c->out,
             .in_pitch = c->channels, .out_pitch = c->filters,
             .k = c->channels / c->groups, .n = c->filters / c->groups,
             .out_step = 1, .in_step = c->stride[WIDTH] };
  run(&p);
}

void nacre_conv_run_data(const nacre_math *math, const nacre_conv *c) {
  const int64_t rows = c->batch * c->out[0] * c->out[1] * c->out[2];
  if (is_product(c)) {
    nacre_gemm g = { sizeof g, NACRE_GEMM_TRANS_B, rows, c->channels,
                     c->filters, c->y, c->filters, c->w, c->filters, c->x,
                     c->channels, 1, 0, 0, 0, 1, 0, c->bias, c->act };
    math->gemm(math, &g);
    return;
  }
  conv_pass p = { .math = math, .conv = c, .reach_of = conv_reach_data,
             .in = c->y, .out = c->x, .in_dim = c->out, .out_dim = c->in,
             .in_pitch = c->filters, .out_pitch = c->channels,
             .k = c->filters / c->groups, .n = c->channels / c->groups,
             .out_step = c->stride[WIDTH], .in_step = 1 };
  run(&p);
}
