/* SPDX-License-Identifier: MIT */
/* onednn_open: asks oneDNN for the primitives of a convolution, and makes the
 * objects that its runs need. */
#include "onednn.h"

#include <stdlib.h>
#include <string.h>

#define TILE_MAX 8
#define TILE_FLOPS 32e6 /* work beside which a call of the library is small */
#define LANES_MAX 32
#define SHARES_MAX 16
#define SHARES_REALS ((int64_t)1 << 23) /* that sums of all shares may have */

/* The largest number that the library is asked to compute with: some of its
 * code counts in int. */
#define MOST INT32_MAX

static bool is_small(double number) {
  return number <= (double)MOST;
}

/* Whether nothing about a sample is too large to count. */
static bool is_countable(const nacre_conv *c) {
  double in = (double)c->channels, out = (double)c->filters;
  double kernel = (double)c->channels * (double)c->filters;
  for (int i = 1; i < 3; i++) {
    in *= (double)c->in[i];
    out *= (double)c->out[i];
    kernel *= (double)c->kernel[i];
    if (!is_small((double)c->stride[i]) ||
        !is_small((double)c->kernel[i] * (double)c->dilation[i])) {
      return false;
    }
  }
  return is_small(in * TILE_MAX) && is_small(out * TILE_MAX) &&
         is_small(kernel);
}

/* Samples of a tile: enough to do, but no more. */
static int64_t tile_of(const nacre_conv *c) {
  double flops = 2 * (double)c->channels * (double)c->filters /
                 (double)c->groups;
  for (int i = 1; i < 3; i++) {
    flops *= (double)c->kernel[i] * (double)c->out[i];
  }
  int64_t tile = TILE_MAX;
  while (tile > 1 && (double)tile * flops > TILE_FLOPS) {
    tile /= 2;
  }
  return tile;
}

/* [filters, channels, height, width], or the same in groups. */
static dnnl_status_t describe_kernel(const nacre_conv *c, bool any,
                                     dnnl_memory_desc_t *desc) {
  if (c->groups == 1) {
    const dnnl_dims_t dims = { c->filters, c->channels, c->kernel[1],
                               c->kernel[2] };
    return nacre_onednn_desc_init(desc, 4, dims,
                                  any ? dnnl_format_tag_any : dnnl_hwio);
  }
  const dnnl_dims_t dims = { c->groups, c->filters / c->groups,
                             c->channels / c->groups, c->kernel[1],
                             c->kernel[2] };
  return nacre_onednn_desc_init(desc, 5, dims,
                                any ? dnnl_format_tag_any : dnnl_hwigo);
}

static void place(const nacre_conv *c, nacre_onednn_conv *to) {
  for (int i = 0; i < 2; i++) {
    const int axis = i + 1;
    const int64_t span = (c->kernel[axis] - 1) * c->dilation[axis] + 1;
    const int64_t need = (c->out[axis] - 1) * c->stride[axis] + span -
                         c->in[axis] - c->before[axis];
    to->stride[i] = c->stride[axis];
    to->dilation[i] = c->dilation[axis] - 1;
    to->before[i] = c->before[axis];
    to->after[i] = need > 0 ? need : 0;
  }
}

static bool is_reference(const_dnnl_primitive_desc_t desc) {
  const char *name = "";
  return dnnl_primitive_desc_query(desc, dnnl_query_impl_info_str, 0,
                                   &name) != dnnl_success ||
         strncmp(name, "ref", 3) == 0;
}

/* The order of the kernel in a primitive. */
static nacre_onednn_layout order_of(const_dnnl_primitive_desc_t desc,
                                    int kind) {
  return dnnl_primitive_desc_query_md(
    desc, kind == NACRE_ONEDNN_WEIGHTS ? dnnl_query_diff_weights_md
                                       : dnnl_query_weights_md, 0);
}

/* Describes the three for batches of `batch`. Orders of the kernel are the
 * library's choice at first; later sizes keep to it. */
static int describe_size(nacre_onednn *self, int size, int64_t batch) {
  const nacre_conv *c = &self->conv;
  const dnnl_dims_t x = { batch, c->channels, c->in[1], c->in[2] };
  const dnnl_dims_t y = { batch, c->filters, c->out[1], c->out[2] };
  const dnnl_dims_t filters = { c->filters };
  enum { X, Y, BIAS, ANY, DESCS };
  dnnl_memory_desc_t at[DESCS];
  memset(at, 0, sizeof at);
  nacre_onednn_conv conv;
  memset(&conv, 0, sizeof conv);
  bool ok =
    nacre_onednn_desc_init(&at[X], 4, x, dnnl_nhwc) == dnnl_success &&
    nacre_onednn_desc_init(&at[Y], 4, y, dnnl_nhwc) == dnnl_success &&
    nacre_onednn_desc_init(&at[BIAS], 1, filters, dnnl_x) == dnnl_success &&
    describe_kernel(c, true, &at[ANY]) == dnnl_success;
  place(c, &conv);
  for (int kind = 0; ok && kind < NACRE_ONEDNN_KINDS; kind++) {
    dnnl_primitive_desc_t *out = &self->desc[kind][size];
    const_dnnl_primitive_desc_t first = self->desc[kind][NACRE_ONEDNN_TILE];
    conv.x = nacre_onednn_desc_layout(&at[X]);
    conv.y = nacre_onednn_desc_layout(&at[Y]);
    conv.bias =
      self->use_bias ? nacre_onednn_desc_layout(&at[BIAS]) : NULL;
    conv.w = size > NACRE_ONEDNN_TILE && first != NULL
      ? order_of(first, kind) : nacre_onednn_desc_layout(&at[ANY]);
    const_dnnl_primitive_desc_t forward =
      kind == NACRE_ONEDNN_FORWARD ? NULL
                                   : self->desc[NACRE_ONEDNN_FORWARD][size];
    ok = nacre_onednn_describe(out, self->engine, kind, &conv, forward,
                               self->attr) == dnnl_success &&
         !is_reference(*out);
  }
  for (int i = 0; i < DESCS; i++) {
    nacre_onednn_desc_fini(&at[i]);
  }
  return ok ? NACRE_OK : NACRE_DECLINE;
}

/* Reals that hold a layout, in whole cache lines. */
static int64_t reals_of(nacre_onednn_layout layout) {
  const size_t line = 64;
  const size_t bytes = dnnl_memory_desc_get_size(layout);
  return (int64_t)((bytes + line - 1) / line * (line / sizeof(real)));
}

static int64_t least(int64_t a, int64_t b) {
  return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b) {
  return a > b ? a : b;
}

static nacre_onednn_layout pad_of(const_dnnl_primitive_desc_t desc) {
  return dnnl_primitive_desc_query_md(desc, dnnl_query_scratchpad_md, 0);
}

static void measure(nacre_onednn *self) {
  const int64_t tiles = (self->conv.batch - 1) / self->tile + 1;
  self->sum = reals_of(nacre_onednn_desc_layout(&self->plain_desc));
  for (int size = 0; size < NACRE_ONEDNN_SIZES; size++) {
    for (int kind = 0; kind < NACRE_ONEDNN_KINDS; kind++) {
      const_dnnl_primitive_desc_t desc = self->desc[kind][size];
      if (desc != NULL) {
        int64_t *room =
          kind == NACRE_ONEDNN_WEIGHTS ? &self->sum : &self->kernel;
        *room = most(*room, reals_of(order_of(desc, kind)));
        self->pad = most(self->pad, reals_of(pad_of(desc)));
      }
    }
  }
  self->lanes = least(tiles, LANES_MAX);
  self->shares = most(least(SHARES_REALS / self->sum, SHARES_MAX), 2);
  self->shares = least(self->shares, tiles);
}

static bool open_library(nacre_onednn *self) {
  const dnnl_scratchpad_mode_t user = dnnl_scratchpad_mode_user;
  return dnnl_engine_create(&self->engine, dnnl_cpu, 0) == dnnl_success &&
         dnnl_primitive_attr_create(&self->attr) == dnnl_success &&
         dnnl_primitive_attr_set_scratchpad_mode(self->attr, user) ==
           dnnl_success &&
         /* The environment may ask for less than float. */
         dnnl_primitive_attr_set_fpmath_mode(
           self->attr, dnnl_fpmath_mode_strict) == dnnl_success;
}

int nacre_onednn_open(nacre_onednn *self, const nacre_conv *conv,
                      bool use_bias) {
  memset(self, 0, sizeof *self);
  self->conv = *conv;
  self->use_bias = use_bias;
  if (sizeof(real) != sizeof(float) || !nacre_onednn_is_usable() ||
      !is_countable(conv)) {
    return NACRE_DECLINE;
  }
  self->tile = tile_of(conv);
  const int threads = nacre_onednn_enter();
  int status = open_library(self) ? NACRE_OK : NACRE_DECLINE;
  if (status == NACRE_OK) {
    self->has_plain_desc =
      describe_kernel(conv, false, &self->plain_desc) == dnnl_success;
    status = self->has_plain_desc ? NACRE_OK : NACRE_DECLINE;
  }
  /* Also for batches that are smaller: the order of the kernel, and with it
   * the scratch, is not to depend on them. */
  if (status == NACRE_OK) {
    status = describe_size(self, NACRE_ONEDNN_TILE, self->tile);
  }
  if (status == NACRE_OK && self->tile > 1) {
    status = describe_size(self, NACRE_ONEDNN_ONE, 1);
  }
  nacre_onednn_leave(threads);
  if (status == NACRE_OK) {
    measure(self);
  } else {
    nacre_onednn_close(self);
  }
  return status;
}

/* Memory without data, which every run gives it. */
static bool make_memory(const nacre_onednn *self, dnnl_memory_t *memory,
                        nacre_onednn_layout layout) {
  return dnnl_memory_create(memory, layout, self->engine,
                            DNNL_MEMORY_NONE) == dnnl_success;
}

static bool make_kind(nacre_onednn *self, int kind) {
  const_dnnl_primitive_desc_t first = NULL;
  for (int size = NACRE_ONEDNN_ONE; size >= 0; size--) {
    const_dnnl_primitive_desc_t desc = self->desc[kind][size];
    if (desc != NULL) {
      first = desc;
      if (dnnl_primitive_create(&self->run[kind][size], desc) !=
          dnnl_success) {
        return false;
      }
    }
  }
  nacre_onednn_layout own = order_of(first, kind);
  nacre_onednn_layout plain = nacre_onednn_desc_layout(&self->plain_desc);
  const bool back = kind == NACRE_ONEDNN_WEIGHTS;
  dnnl_primitive_desc_t desc = NULL;
  bool ok = make_memory(self, &self->order[kind], own) &&
            dnnl_reorder_primitive_desc_create(
              &desc, back ? own : plain, self->engine, back ? plain : own,
              self->engine, NULL) == dnnl_success &&
            dnnl_primitive_create(&self->reorder[kind], desc) ==
              dnnl_success;
  if (desc != NULL) {
    dnnl_primitive_desc_destroy(desc);
  }
  return ok;
}

static bool make_lane(const nacre_onednn *self, nacre_onednn_lane *lane) {
  bool ok = dnnl_stream_create(&lane->stream, self->engine,
                               dnnl_stream_default_flags) == dnnl_success;
  for (int size = 0; ok && size < NACRE_ONEDNN_SIZES; size++) {
    const_dnnl_primitive_desc_t desc =
      self->desc[NACRE_ONEDNN_FORWARD][size];
    if (desc == NULL) {
      continue;
    }
    ok = make_memory(self, &lane->x[size], dnnl_primitive_desc_query_md(
                       desc, dnnl_query_src_md, 0)) &&
         make_memory(self, &lane->y[size], dnnl_primitive_desc_query_md(
                       desc, dnnl_query_dst_md, 0));
    for (int kind = 0; ok && kind < NACRE_ONEDNN_KINDS; kind++) {
      nacre_onednn_layout pad = pad_of(self->desc[kind][size]);
      ok = dnnl_memory_desc_get_size(pad) == 0 ||
           make_memory(self, &lane->pad[kind][size], pad);
    }
    ok = ok && (lane->sum != NULL ||
                make_memory(self, &lane->sum, order_of(
                              self->desc[NACRE_ONEDNN_WEIGHTS][size],
                              NACRE_ONEDNN_WEIGHTS)));
  }
  return ok;
}

static bool make_bias(nacre_onednn *self) {
  const dnnl_dims_t filters = { self->conv.filters };
  dnnl_memory_desc_t desc;
  if (!self->use_bias) {
    return true;
  }
  if (nacre_onednn_desc_init(&desc, 1, filters, dnnl_x) != dnnl_success) {
    return false;
  }
  bool ok =
    make_memory(self, &self->bias, nacre_onednn_desc_layout(&desc));
  nacre_onednn_desc_fini(&desc);
  return ok;
}

int nacre_onednn_make(nacre_onednn *self) {
  const int threads = nacre_onednn_enter();
  self->lane = calloc((size_t)self->lanes, sizeof *self->lane);
  bool ok = self->lane != NULL && make_bias(self) &&
            make_memory(self, &self->plain,
                        nacre_onednn_desc_layout(&self->plain_desc));
  for (int kind = 0; ok && kind < NACRE_ONEDNN_KINDS; kind++) {
    ok = make_kind(self, kind);
  }
  for (int64_t i = 0; ok && i < self->lanes; i++) {
    ok = make_lane(self, &self->lane[i]);
  }
  nacre_onednn_leave(threads);
  return ok ? NACRE_OK : NACRE_ERROR;
}

static void end_memory(dnnl_memory_t memory) {
  if (memory != NULL) {
    dnnl_memory_destroy(memory);
  }
}

static void end_lane(nacre_onednn_lane *lane) {
  for (int size = 0; size < NACRE_ONEDNN_SIZES; size++) {
    end_memory(lane->x[size]);
    end_memory(lane->y[size]);
    for (int kind = 0; kind < NACRE_ONEDNN_KINDS; kind++) {
      end_memory(lane->pad[kind][size]);
    }
  }
  end_memory(lane->sum);
  if (lane->stream != NULL) {
    dnnl_stream_destroy(lane->stream);
  }
}

static void end_primitive(dnnl_primitive_t primitive) {
  if (primitive != NULL) {
    dnnl_primitive_destroy(primitive);
  }
}

void nacre_onednn_close(nacre_onednn *self) {
  for (int64_t i = 0; self->lane != NULL && i < self->lanes; i++) {
    end_lane(&self->lane[i]);
  }
  free(self->lane);
  for (int kind = 0; kind < NACRE_ONEDNN_KINDS; kind++) {
    end_memory(self->order[kind]);
    end_primitive(self->reorder[kind]);
    for (int size = 0; size < NACRE_ONEDNN_SIZES; size++) {
      end_primitive(self->run[kind][size]);
      if (self->desc[kind][size] != NULL) {
        dnnl_primitive_desc_destroy(self->desc[kind][size]);
      }
    }
  }
  end_memory(self->plain);
  end_memory(self->bias);
  if (self->has_plain_desc) {
    nacre_onednn_desc_fini(&self->plain_desc);
  }
  if (self->attr != NULL) {
    dnnl_primitive_attr_destroy(self->attr);
  }
  if (self->engine != NULL) {
    dnnl_engine_destroy(self->engine);
  }
  memset(self, 0, sizeof *self);
}
