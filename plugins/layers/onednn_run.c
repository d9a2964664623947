/* SPDX-License-Identifier: MIT */
/* onednn_run: runs the primitives of a convolution over the tiles of a
 * batch. */
#include "onednn.h"

#define SUM_GRAIN 16384

/* One run, as its lanes see it. */
typedef struct job {
  nacre_onednn *self;
  const nacre_run *run;
  int kind;
  int64_t tiles, lanes;
  char *x, *y;       /* [batch, ...]: the layer's, or gradients */
  real *pads, *sums; /* [lanes, pad], [lanes, 2, sum] */
} job;

static int add_arg(dnnl_exec_arg_t *args, int n, int arg,
                   dnnl_memory_t memory) {
  if (memory == NULL) {
    return n;
  }
  args[n].arg = arg;
  args[n].memory = memory;
  return n + 1;
}

/* One call of the library: samples from `at` on, a tile or one. */
static dnnl_status_t run_some(const job *t, nacre_onednn_lane *lane,
                              int size, int64_t at) {
  static const int names[NACRE_ONEDNN_KINDS][2] = {
    { DNNL_ARG_SRC, DNNL_ARG_DST },
    { DNNL_ARG_DIFF_SRC, DNNL_ARG_DIFF_DST },
    { DNNL_ARG_SRC, DNNL_ARG_DIFF_DST }
  };
  const nacre_onednn *self = t->self;
  const nacre_conv *c = &self->conv;
  const int64_t x = c->in[1] * c->in[2] * c->channels;
  const int64_t y = c->out[1] * c->out[2] * c->filters;
  const int64_t bytes = (int64_t)sizeof(real);
  const bool weights = t->kind == NACRE_ONEDNN_WEIGHTS;
  dnnl_exec_arg_t args[5];
  int n = add_arg(args, 0, names[t->kind][0], lane->x[size]);
  n = add_arg(args, n, names[t->kind][1], lane->y[size]);
  n = add_arg(args, n, weights ? DNNL_ARG_DIFF_WEIGHTS : DNNL_ARG_WEIGHTS,
              weights ? lane->sum : self->order[t->kind]);
  n = add_arg(args, n, DNNL_ARG_SCRATCHPAD, lane->pad[t->kind][size]);
  if (t->kind == NACRE_ONEDNN_FORWARD) {
    n = add_arg(args, n, DNNL_ARG_BIAS, self->bias);
  }
  dnnl_status_t status =
    dnnl_memory_set_data_handle(lane->x[size], t->x + at * x * bytes);
  if (status == dnnl_success) {
    status = dnnl_memory_set_data_handle(lane->y[size],
                                         t->y + at * y * bytes);
  }
  return status == dnnl_success
    ? dnnl_primitive_execute(self->run[t->kind][size], lane->stream, n, args)
    : status;
}

NACRE_KERNEL
static void add(int64_t n, const real *restrict x, real *restrict y) {
  for (int64_t i = 0; i < n; i++) {
    y[i] += x[i];
  }
}

static void apply_epilogue(const job *t, int64_t at, int64_t samples) {
  const nacre_activation *act = t->run->epilogue;
  const nacre_conv *c = &t->self->conv;
  const int64_t pixels = c->out[1] * c->out[2];
  if (act != NULL) {
    real *y = (real *)(void *)t->y + at * pixels * c->filters;
    act->forward(t->run->math, act->cfg, samples * pixels, c->filters, y, y);
  }
}

/* A call for a gradient of the kernel: the first of a lane writes its sum,
 * later ones are put beside it and added. */
static dnnl_status_t run_weights(const job *t, nacre_onednn_lane *lane,
                                 int size, int64_t at, bool first) {
  const int64_t room = t->self->sum;
  real *sum = t->sums + (lane - t->self->lane) * 2 * room;
  real *into = first ? sum : sum + room;
  dnnl_status_t status = dnnl_memory_set_data_handle(lane->sum, into);
  if (status == dnnl_success) {
    status = run_some(t, lane, size, at);
  }
  if (status == dnnl_success && !first) {
    add(room, into, sum);
  }
  return status;
}

/* The samples [from, to) of a lane. */
static dnnl_status_t run_samples(const job *t, nacre_onednn_lane *lane,
                                 int64_t from, int64_t to) {
  const int64_t tile = t->self->tile;
  dnnl_status_t status = dnnl_success;
  for (int64_t at = from; at < to && status == dnnl_success;) {
    const bool whole = to - at >= tile;
    const int size = whole ? NACRE_ONEDNN_TILE : NACRE_ONEDNN_ONE;
    if (t->kind == NACRE_ONEDNN_WEIGHTS) {
      status = run_weights(t, lane, size, at, at == from);
    } else {
      status = run_some(t, lane, size, at);
    }
    if (status == dnnl_success && t->kind == NACRE_ONEDNN_FORWARD) {
      apply_epilogue(t, at, whole ? tile : 1);
    }
    at += whole ? tile : 1;
  }
  return status;
}

static void run_lanes(void *ctx, int64_t begin, int64_t end) {
  const job *t = ctx;
  const nacre_onednn *self = t->self;
  const int threads = nacre_onednn_enter();
  for (int64_t i = begin; i < end; i++) {
    nacre_onednn_lane *lane = &self->lane[i];
    const int64_t from = i * t->tiles / t->lanes * self->tile;
    const int64_t to = (i + 1) * t->tiles / t->lanes * self->tile;
    lane->status = dnnl_success;
    for (int size = 0; t->pads != NULL && size < NACRE_ONEDNN_SIZES; size++) {
      dnnl_memory_t pad = lane->pad[t->kind][size];
      if (pad != NULL && lane->status == dnnl_success) {
        lane->status =
          dnnl_memory_set_data_handle(pad, t->pads + i * self->pad);
      }
    }
    if (lane->status == dnnl_success) {
      lane->status = run_samples(
        t, lane, from, to < t->run->batch ? to : t->run->batch);
    }
  }
  nacre_onednn_leave(threads);
}

static void report(nacre_run *run, dnnl_status_t status) {
  if (status != dnnl_success) {
    run->fault(run, 0, "oneDNN could not compute it%s",
               status == dnnl_out_of_memory ? ": out of memory" : "");
  }
}

/* Puts a kernel into another order: `from` and `to` are of the reorder's
 * source and target. */
static dnnl_status_t reorder(nacre_onednn *self, int kind,
                             dnnl_memory_t from, void *source,
                             dnnl_memory_t to, void *target) {
  const dnnl_exec_arg_t args[] = { { DNNL_ARG_FROM, from },
                                   { DNNL_ARG_TO, to } };
  const int threads = nacre_onednn_enter();
  dnnl_status_t status = dnnl_memory_set_data_handle(from, source);
  if (status == dnnl_success) {
    status = dnnl_memory_set_data_handle(to, target);
  }
  if (status == dnnl_success) {
    status = dnnl_primitive_execute(self->reorder[kind],
                                    self->lane[0].stream, 2, args);
  }
  nacre_onednn_leave(threads);
  return status;
}

static job describe(nacre_onednn *self, const nacre_run *run, int kind,
                    int64_t lanes) {
  job t = { .self = self, .run = run, .kind = kind };
  t.tiles = (run->batch - 1) / self->tile + 1;
  t.lanes = t.tiles < lanes ? t.tiles : lanes;
  t.pads = nacre_data(&run->scratch[NACRE_ONEDNN_PADS]);
  return t;
}

/* Runs all lanes; the first that failed, in their order, is reported. */
static bool run_job(nacre_run *run, job *t) {
  run->math->parallel(run->math, t->lanes, 1, run_lanes, t);
  dnnl_status_t status = dnnl_success;
  for (int64_t i = 0; i < t->lanes && status == dnnl_success; i++) {
    status = t->self->lane[i].status;
  }
  report(run, status);
  return status == dnnl_success;
}

/* The kernel in the order of a kind, in scratch. */
static bool order_kernel(nacre_onednn *self, nacre_run *run, int kind) {
  dnnl_status_t status = reorder(
    self, kind, self->plain, run->weight[NACRE_CONV_KERNEL].data,
    self->order[kind], run->scratch[NACRE_ONEDNN_KERNEL].data);
  report(run, status);
  return status == dnnl_success;
}

void nacre_onednn_forward(nacre_onednn *self, nacre_run *run) {
  job t = describe(self, run, NACRE_ONEDNN_FORWARD, self->lanes);
  t.x = run->in[0].data;
  t.y = run->out[0].data;
  if (self->bias != NULL) {
    dnnl_status_t status = dnnl_memory_set_data_handle(
      self->bias, run->weight[NACRE_CONV_BIAS].data);
    if (status != dnnl_success) {
      report(run, status);
      return;
    }
  }
  if (order_kernel(self, run, NACRE_ONEDNN_FORWARD)) {
    run_job(run, &t);
  }
}

void nacre_onednn_data(nacre_onednn *self, nacre_run *run) {
  job t = describe(self, run, NACRE_ONEDNN_DATA, self->lanes);
  t.x = run->din[0].data;
  t.y = run->dout[0].data;
  if (order_kernel(self, run, NACRE_ONEDNN_DATA)) {
    run_job(run, &t);
  }
}

/* Adds the sums of all shares to the first's, in their order. */
static void add_shares(void *ctx, int64_t begin, int64_t end) {
  const job *t = ctx;
  const int64_t step = 2 * t->self->sum;
  for (int64_t i = 1; i < t->lanes; i++) {
    add(end - begin, t->sums + i * step + begin, t->sums + begin);
  }
}

void nacre_onednn_weights(nacre_onednn *self, nacre_run *run) {
  const nacre_math *math = run->math;
  const nacre_tensor *dkernel = &run->dweight[NACRE_CONV_KERNEL];
  job t = describe(self, run, NACRE_ONEDNN_WEIGHTS, self->shares);
  t.x = run->in[0].data;
  t.y = run->dout[0].data;
  t.sums = nacre_data(&run->scratch[NACRE_ONEDNN_SUMS]);
  if (!run_job(run, &t)) {
    return;
  }
  if (t.lanes > 1) {
    math->parallel(math, self->sum, SUM_GRAIN, add_shares, &t);
  }
  real *plain = t.sums + self->sum;
  dnnl_status_t status =
    reorder(self, NACRE_ONEDNN_WEIGHTS, self->order[NACRE_ONEDNN_WEIGHTS],
            t.sums, self->plain, plain);
  report(run, status);
  if (status == dnnl_success) {
    math->axpy(math, nacre_tensor_count(dkernel), 1, plain,
               nacre_data(dkernel));
  }
}
