/* SPDX-License-Identifier: MIT */
/* onednn: a convolution by oneDNN, in tiles of the batch.
 *
 * The library runs on one thread in each tile, and tiles are spread over the
 * device's threads. A tile has a fixed number of samples; what is left of a
 * batch is computed sample by sample, so that there are two primitives of
 * each kind. Kernels are put into the library's own order in every run. */
#ifndef NACRE_LAYERS_ONEDNN_H
#define NACRE_LAYERS_ONEDNN_H

#include "conv.h"
#include "onednn_api.h"

enum { NACRE_ONEDNN_TILE, NACRE_ONEDNN_ONE, NACRE_ONEDNN_SIZES };

/* Scratch of the layer. */
enum {
  NACRE_ONEDNN_KERNEL, /* [kernel]: in the library's order */
  NACRE_ONEDNN_PADS,   /* [lanes, pad]: the library's own scratch */
  NACRE_ONEDNN_SUMS    /* [shares, 2, sum]: gradients of the kernel, in the
                          library's order: a share's sum and a tile's */
};

/** What runs at one time: a run of tiles, one after the other. */
typedef struct nacre_onednn_lane {
  dnnl_stream_t stream;
  dnnl_memory_t x[NACRE_ONEDNN_SIZES], y[NACRE_ONEDNN_SIZES];
  dnnl_memory_t pad[NACRE_ONEDNN_KINDS][NACRE_ONEDNN_SIZES]; /* or NULL */
  dnnl_memory_t sum;
  dnnl_status_t status; /* of the last run: the first that was no success */
} nacre_onednn_lane;

typedef struct nacre_onednn {
  nacre_conv conv;        /* its extents */
  bool use_bias;
  int64_t tile;           /* samples */
  int64_t lanes, shares;  /* at most, of the two kinds of run */
  int64_t kernel, pad, sum; /* reals of the parts of the scratch */
  dnnl_engine_t engine;
  dnnl_primitive_attr_t attr;
  dnnl_memory_desc_t plain_desc; /* of the kernel as nacre has it */
  bool has_plain_desc;
  dnnl_primitive_desc_t desc[NACRE_ONEDNN_KINDS][NACRE_ONEDNN_SIZES];
  dnnl_primitive_t run[NACRE_ONEDNN_KINDS][NACRE_ONEDNN_SIZES];
  dnnl_primitive_t reorder[NACRE_ONEDNN_KINDS]; /* to the library's order, of
                                                   WEIGHTS from it */
  dnnl_memory_t plain, order[NACRE_ONEDNN_KINDS], bias;
  nacre_onednn_lane *lane;
} nacre_onednn;

/** Asks the library how it would compute this for batches of up to
 *  conv->batch, and fills in the sizes. NACRE_DECLINE: it cannot, or only by
 *  its reference code. Ended by nacre_onednn_close() if it is NACRE_OK. */
int nacre_onednn_open(nacre_onednn *, const nacre_conv *conv, bool use_bias);
/** Makes what runs need. NACRE_ERROR: no memory. */
int nacre_onednn_make(nacre_onednn *);
void nacre_onednn_close(nacre_onednn *);

/** The three runs: out = act(in * kernel + bias); din; dkernel +=. */
void nacre_onednn_forward(nacre_onednn *, nacre_run *);
void nacre_onednn_data(nacre_onednn *, nacre_run *);
void nacre_onednn_weights(nacre_onednn *, nacre_run *);

#endif
