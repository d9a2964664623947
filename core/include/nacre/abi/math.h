/* SPDX-License-Identifier: MIT */
/* math: what a device computes for everybody.
 *
 * One table per open device. The device owns its threads and its BLAS; a
 * component asks for work here and starts no thread of its own. All results
 * are the same bits for any number of threads. All functions: [compute];
 * they never fail, allocate or print. Pointers are to the device's memory
 * unless said otherwise; arrays of one call do not overlap unless equal. */
#ifndef NACRE_ABI_MATH_H
#define NACRE_ABI_MATH_H

#include "random.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nacre_math nacre_math;

/** An activation bound to its configuration: row-wise over [rows, cols]. */
typedef struct nacre_activation {
  /** y = f(x); y may be x. x, y: [rows, cols]. */
  void (*forward)(const nacre_math *, const void *cfg, int64_t rows,
                  int64_t cols, const real *x, real *y);
  /** dx = f'(.) dy; dx may be dy. xy is x or y, as the flags ask. */
  void (*backward)(const nacre_math *, const void *cfg, int64_t rows,
                   int64_t cols, const real *xy, const real *dy, real *dx);
  const void *cfg;
} nacre_activation;

#define NACRE_GEMM_TRANS_A 1u /* a is [k, m] in memory */
#define NACRE_GEMM_TRANS_B 2u /* b is [n, k] in memory */
#define NACRE_GEMM_PACKED 4u  /* b is what pack() made of it: TRANS_B and ldb
                                 as then, batch 1 */

/** C = act(alpha op(A) op(B) + beta C + bias), `batch` times. With beta 0
 *  C is not read. Any of m, n, k, batch may be 0 (k = 0: the sum is 0). A row
 *  of op(B) that meets only zeros need not be read: a NaN or an infinity there
 *  may or may not be seen. */
typedef struct nacre_gemm {
  uint32_t size, flags;
  int64_t m, n, k;
  const real *a; /* op(A) is [m, k], rows lda apart */
  int64_t lda;
  const real *b; /* op(B) is [k, n], rows ldb apart */
  int64_t ldb;
  real *c; /* [m, n], rows ldc apart */
  int64_t ldc;
  int64_t batch, stride_a, stride_b, stride_c; /* 1, 0, 0, 0 for one */
  double alpha, beta;
  const real *bias;            /* [n], added to each row; or NULL */
  const nacre_activation *act; /* pointwise, applied last; or NULL */
} nacre_gemm;

/** The most that key_dim and value_dim of an attention may be. */
#define NACRE_ATTENTION_DIM_MAX 1024

/** Attention of several heads: for every entry of the batch and every head,
 *
 *   out = softmax(scale q k^T) v
 *
 *  with the scores of a query over the keys that it may see. The scores are
 *  never stored: Dao, "FlashAttention-2", arXiv:2307.08691. In rows of q, k,
 *  v and out the heads lie side by side; rows are *_step apart. Query head h
 *  reads key and value head h / (heads / kv_heads). A query that sees no key
 *  has 0 for its output and gives no gradient. */
typedef struct nacre_attention {
  uint32_t size, pad;
  int64_t batch, queries, keys;
  int64_t heads, kv_heads;    /* kv_heads divides heads */
  int64_t key_dim, value_dim; /* of one head */
  int64_t before, after;      /* query i sees keys i - before to i + after,
                                 causal: after = 0; INT64_MAX: no limit */
  double scale;
  const real *q; /* [batch, queries, heads, key_dim] */
  const real *k; /* [batch, keys, kv_heads, key_dim] */
  const real *v; /* [batch, keys, kv_heads, value_dim] */
  real *out;     /* [batch, queries, heads, value_dim] */
  int64_t q_step, k_step, v_step, out_step;
  const real *mask; /* [batch, keys], 0: nobody sees that key; or NULL */
  double dropout;   /* share of the probabilities that is set to 0, the others
                       growing by 1 / (1 - dropout) */
  nacre_key key;    /* of the dropout: word ((batch, head, query), key) */
  /** [batch, heads, queries]: logarithm of the sum of exponentials of each
   *  query. Written by attention (NULL: not wanted), read by its gradient. */
  real *log_sum;
  /* For the gradient, which reads all of the above: */
  const real *dout;    /* as out */
  real *dq, *dk, *dv;  /* as q, k and v; all written */
} nacre_attention;

#define NACRE_CONV_PLAIN 1u /* that very sum, by no algorithm of fewer
                               multiplications, whose rounding is coarser */

#define NACRE_CONV_KEPT 2u /* w and scratch are as the last call of this very
                              function left them: the kernel is prepared */

/** A convolution over up to three spatial axes, depth, height and width,
 *  channels last; an axis that is not there has extent 1, kernel 1, stride 1.
 *
 *  y[o, f] = act(sum over taps t and channels c of
 *                x[o stride + t dilation - before, c] w[t, c, f] + bias[f])
 *
 *  where what lies outside of x counts as 0. Filters fall into `groups` of
 *  equal size, each of which sees its own share of the channels. */
typedef struct nacre_conv {
  uint32_t size, flags;
  int64_t batch, groups;
  int64_t channels, filters; /* of all groups together */
  int64_t in[3], kernel[3], out[3];
  int64_t stride[3], dilation[3];
  int64_t before[3]; /* zeros in front; >= 0 */
  real *x;           /* [batch, in[0], in[1], in[2], channels] */
  real *w;           /* [kernel[0..2], channels / groups, filters] */
  real *y;           /* [batch, out[0], out[1], out[2], filters] */
  const real *bias;  /* of what is written; or NULL */
  const nacre_activation *act; /* pointwise, applied last; or NULL */
  real *scratch;     /* [nacre_conv_scratch()] */
} nacre_conv;

/** Work on the tile [begin, end) of a range. Runs on any thread. */
typedef void (*nacre_body)(void *ctx, int64_t begin, int64_t end);

struct nacre_math {
  uint32_t size, threads;
  void *self; /* the device's own */

  /** Calls body once for every tile [i*grain, min((i+1)*grain, n)), on any
   *  threads in any order, and returns when all are done. The tiles do not
   *  depend on the number of threads, so a reduction may keep one partial
   *  result per tile. Host memory. */
  void (*parallel)(const nacre_math *, int64_t n, int64_t grain,
                   nacre_body body, void *ctx);

  void (*gemm)(const nacre_math *, const nacre_gemm *);
  /** y[j] += sum over i of x[i][j]; x: [rows, cols], y: [cols]. */
  void (*col_sum)(const nacre_math *, int64_t rows, int64_t cols,
                  const real *x, real *y);
  /** Sum and inner product, in a fixed order, accumulated in double. */
  double (*sum)(const nacre_math *, int64_t n, const real *x);
  double (*dot)(const nacre_math *, int64_t n, const real *x, const real *y);

  void (*fill)(const nacre_math *, int64_t n, real value, real *y);
  void (*copy)(const nacre_math *, int64_t n, const real *x, real *y);
  /** y += a x */
  void (*axpy)(const nacre_math *, int64_t n, real a, const real *x, real *y);
  /** y *= a */
  void (*scale)(const nacre_math *, int64_t n, real a, real *y);

  /** Pointwise functions on one thread, y may be x; within 2 ulp (erf: 3)
   *  in float and in double, exact at their limits (exp(-inf) = 0, NaN to
   *  NaN). For calling on tiles, inside a body or an activation. */
  void (*exp)(const nacre_math *, int64_t n, const real *x, real *y);
  void (*log)(const nacre_math *, int64_t n, const real *x, real *y);
  void (*log1p)(const nacre_math *, int64_t n, const real *x, real *y);
  void (*tanh)(const nacre_math *, int64_t n, const real *x, real *y);
  void (*sigmoid)(const nacre_math *, int64_t n, const real *x, real *y);
  void (*erf)(const nacre_math *, int64_t n, const real *x, real *y);

  /** Softmax of each row: y = exp(x - max) / sum. x, y: [rows, cols]. */
  void (*softmax)(const nacre_math *, int64_t rows, int64_t cols,
                  const real *x, real *y);

  /** Words first .. first+n-1 of a stream as uniform numbers in [0, 1). */
  void (*uniform)(const nacre_math *, nacre_key key, uint64_t first,
                  int64_t n, real *y);

  /** Attention, and its gradient; see nacre_attention. */
  void (*attention)(const nacre_math *, const nacre_attention *);
  void (*attention_gradient)(const nacre_math *, const nacre_attention *);

  /** A convolution: writes y from x and w. */
  void (*conv)(const nacre_math *, const nacre_conv *);
  /** Its transpose: writes x = act(sum + bias) from y and w, which is the
   *  gradient of x when y holds that of y; bias: [channels]. */
  void (*conv_data)(const nacre_math *, const nacre_conv *);
  /** Adds to w its gradient, from x and the gradient of y. No bias, no act.
   */
  void (*conv_weights)(const nacre_math *, const nacre_conv *);

  /** Brings op(B) of a product (its n, k, b, ldb and TRANS_B) into the order
   *  that the device reads it in, for products with NACRE_GEMM_PACKED: worth
   *  it where one B is multiplied many times. packed: room for k rows of
   *  nacre_packed_cols(n). */
  void (*pack)(const nacre_math *, const nacre_gemm *, real *packed);
};

/** Whether it is 3 by 3 over two axes, by single steps: there are algorithms
 *  for those that take fewer multiplications. */
static inline int nacre_conv_is_square(const nacre_conv *conv) {
  int square = conv->groups == 1 && conv->in[0] == 1 && conv->kernel[0] == 1;
  for (int i = 0; i < 3; i++) {
    square = square && conv->stride[i] == 1 && conv->dilation[i] == 1 &&
             (i == 0 || conv->kernel[i] == 3);
  }
  return square && conv->before[0] == 0;
}

/** Shares of the batch whose gradients of w are summed apart. */
static inline int64_t nacre_conv_shares(const nacre_conv *conv) {
  const double most = 131072.0;
  double size = (double)conv->channels * (double)conv->filters /
                (double)conv->groups;
  for (int i = 0; i < 3; i++) {
    size *= (double)conv->kernel[i];
  }
  int64_t shares = size >= most ? 1 : size > 0 ? (int64_t)(most / size) : 1;
  shares = shares < 16 ? shares : 16;
  return shares < conv->batch ? shares : conv->batch;
}

/** The shape of the scratch that each of the three needs; a smaller batch
 *  needs no more. Its product may overflow: whoever plans it checks that. */
static inline nacre_shape nacre_conv_scratch(const nacre_conv *conv) {
  const int64_t lanes = 16; /* of the widest register, which padding fills */
  const int64_t k = conv->channels / conv->groups;
  const int64_t n = conv->filters / conv->groups;
  const int64_t wide_k = (k + lanes - 1) / lanes * lanes;
  const int64_t wide_n = (n + lanes - 1) / lanes * lanes;
  nacre_shape shape = { { 1, 1, 1, 1, 1, 0 }, 5, NACRE_REAL };
  shape.dim[0] = nacre_conv_shares(conv);
  shape.dim[1] = conv->kernel[0] * conv->kernel[1] * conv->kernel[2];
  if (nacre_conv_is_square(conv)) {
    /* A transformed kernel beside it, its points a register apart. */
    shape.dim[1] += 36 + 36 / (k < n ? k : n) + 1;
  }
  shape.dim[2] = conv->groups;
  /* Kernels are laid out anew, in the order of either direction. */
  const int turned = (double)n * (double)wide_k > (double)k * (double)wide_n;
  shape.dim[3] = turned ? n : k;
  shape.dim[4] = turned ? wide_k : wide_n;
  return shape;
}

/** Columns that a packed B of n columns has room for: whole cache lines. */
static inline int64_t nacre_packed_cols(int64_t n) {
  const int64_t line = (int64_t)(64 / sizeof(real));
  return (n + line - 1) / line * line;
}

/** Marks a function of plain loops whose arrays are worth the vector unit:
 *  it is compiled for several instruction sets and chosen at load. Contraction
 *  is off, so every version gives the same bits. */
#ifndef NACRE_KERNEL
#define NACRE_KERNEL
#endif

#ifdef __cplusplus
}
#endif

#endif
