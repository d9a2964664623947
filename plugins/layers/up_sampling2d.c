/* SPDX-License-Identifier: MIT */
/* up_sampling2d: an image with more rows and columns, by repeating what there
 * is or by drawing straight lines between. */
#include <math.h>

#include "up_sampling.h"

#define BILINEAR 1 /* index of the word in "nearest|bilinear" */

typedef struct up_sampling2d {
  nacre_ints size;
  nacre_enum interpolation;
} up_sampling2d;

static int plan(nacre_plan *plan) {
  const up_sampling2d *cfg = plan->cfg;
  nacre_shape out = plan->input[0];
  if (out.rank != 3) {
    return nacre_plan_refuse(plan, "the input must be [rows, cols, "
                             "channels], but has %d axes without the batch",
                             out.rank);
  }
  if (cfg->size.n < 1 || cfg->size.n > 2) {
    return nacre_plan_refuse(plan, "size is one number or two, [rows, "
                             "cols]");
  }
  for (int32_t i = 0; i < 2; i++) {
    int64_t times = cfg->size.at[i % cfg->size.n];
    if (out.dim[i] > INT64_MAX / times) {
      return nacre_plan_refuse(plan, "the output would be too large");
    }
    out.dim[i] *= times;
  }
  nacre_plan_flops(plan, cfg->interpolation.value == BILINEAR
                           ? 8.0 * (double)out.dim[0] * (double)out.dim[1] *
                               (double)out.dim[2] : 0);
  return nacre_plan_output(plan, &out);
}

static nacre_up_sampling geometry(const nacre_run *run,
                                  const nacre_tensor *x) {
  const up_sampling2d *cfg = run->cfg;
  nacre_up_sampling up = { .rows = x->dim[1], .cols = x->dim[2],
                           .channels = x->dim[3],
                           .row_times = cfg->size.at[0],
                           .col_times = cfg->size.at[cfg->size.n - 1] };
  return up;
}

/* Position i of the large tensor between two of the small one's n. */
typedef struct between {
  int64_t low, high;
  real share; /* of high */
} between;

/* Centres of positions are half a position from the edges. */
static inline between between_of(int64_t i, int64_t times, int64_t n) {
  double at = ((double)i + 0.5) / (double)times - 0.5;
  double low = floor(at);
  between b = { (int64_t)low, (int64_t)low + 1, (real)(at - low) };
  b.low = b.low < 0 ? 0 : b.low;
  b.high = b.high < n ? b.high : n - 1;
  return b;
}

/* Row i of the large tensor, counted through the batch. */
NACRE_KERNEL
static void draw_row(const nacre_up_sampling *up, int64_t i) {
  int64_t tall = up->rows * up->row_times, width = up->cols * up->channels;
  int64_t channels = up->channels;
  between r = between_of(i % tall, up->row_times, up->rows);
  const real *top = up->from + (i / tall * up->rows + r.low) * width;
  const real *bottom = up->from + (i / tall * up->rows + r.high) * width;
  real *y = up->to + i * width * up->col_times;
  for (int64_t col = 0; col < up->cols * up->col_times; col++) {
    between c = between_of(col, up->col_times, up->cols);
    int64_t left = c.low * channels, right = c.high * channels;
    for (int64_t j = 0; j < channels; j++) {
      real upper = top[left + j] +
                   c.share * (top[right + j] - top[left + j]);
      real lower = bottom[left + j] +
                   c.share * (bottom[right + j] - bottom[left + j]);
      y[col * channels + j] = upper + r.share * (lower - upper);
    }
  }
}

/* Adds what row i of dy gives to dx. */
NACRE_KERNEL
static void give_row(const nacre_up_sampling *up, int64_t i) {
  int64_t tall = up->rows * up->row_times, width = up->cols * up->channels;
  int64_t channels = up->channels;
  between r = between_of(i % tall, up->row_times, up->rows);
  real *top = up->to + (i / tall * up->rows + r.low) * width;
  real *bottom = up->to + (i / tall * up->rows + r.high) * width;
  const real *dy = up->from + i * width * up->col_times;
  for (int64_t col = 0; col < up->cols * up->col_times; col++) {
    between c = between_of(col, up->col_times, up->cols);
    int64_t left = c.low * channels, right = c.high * channels;
    for (int64_t j = 0; j < channels; j++) {
      real d = dy[col * channels + j];
      top[left + j] += (1 - r.share) * (1 - c.share) * d;
      top[right + j] += (1 - r.share) * c.share * d;
      bottom[left + j] += r.share * (1 - c.share) * d;
      bottom[right + j] += r.share * c.share * d;
    }
  }
}

static void draw_rows(void *ctx, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; i++) {
    draw_row(ctx, i);
  }
}

/* Samples whole: rows of dy meet in rows of dx. */
static void give_samples(void *ctx, int64_t begin, int64_t end) {
  const nacre_up_sampling *up = ctx;
  int64_t n = up->rows * up->cols * up->channels;
  int64_t tall = up->rows * up->row_times;
  memset(up->to + begin * n, 0, (size_t)((end - begin) * n) * sizeof(real));
  for (int64_t i = begin * tall; i < end * tall; i++) {
    give_row(up, i);
  }
}

static void forward(nacre_run *run) {
  const up_sampling2d *cfg = run->cfg;
  nacre_up_sampling up = geometry(run, &run->in[0]);
  if (cfg->interpolation.value != BILINEAR) {
    nacre_up_sampling_forward(run, up);
    return;
  }
  up.from = nacre_data(&run->in[0]);
  up.to = nacre_data(&run->out[0]);
  nacre_tiles_run(run->math, run->batch * up.rows * up.row_times,
                  nacre_tiles_rows(up.cols * up.col_times * up.channels),
                  draw_rows, &up);
}

static void backward(nacre_run *run) {
  const up_sampling2d *cfg = run->cfg;
  nacre_up_sampling up = geometry(run, &run->din[0]);
  if (cfg->interpolation.value != BILINEAR) {
    nacre_up_sampling_backward(run, up);
    return;
  }
  up.from = nacre_data(&run->dout[0]);
  up.to = nacre_data(&run->din[0]);
  if (up.to) {
    nacre_tiles_run(run->math, run->batch,
                    nacre_tiles_rows(up.rows * up.row_times * up.cols *
                                     up.col_times * up.channels),
                    give_samples, &up);
  }
}

static const nacre_param params[] = {
  NACRE_PARAM(up_sampling2d, size, "[2, 2]", "[1,1048576]", "",
              "How many rows and columns come of one: a number, or [rows, "
              "cols].", 0),
  NACRE_PARAM(up_sampling2d, interpolation, "nearest", "nearest|bilinear", "",
              "nearest: repeat positions; bilinear: straight lines between "
              "their centres.", 0),
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops), .weights = NACRE_EMPTY_SPAN,
  .min_inputs = 1, .max_inputs = 1,
  .plan = plan, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "up_sampling2d", .summary = "An image with more rows and columns",
  .doc = "Input [rows, cols, channels], output [size[0] rows, size[1] cols, "
         "channels]. As Keras's UpSampling2D.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(up_sampling2d),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(up_sampling2d, component)
