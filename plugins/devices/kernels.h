/* SPDX-License-Identifier: MIT */
/* kernels: the table that each instruction set fills with its own versions
 * of the inner loops. One is chosen when a device is opened; nothing else of
 * a kernel file is visible. All functions run on the calling thread. */
#ifndef NACRE_DEVICES_KERNELS_H
#define NACRE_DEVICES_KERNELS_H

#include <nacre/plugin.h>

/* The longest stretch of k that one pass over packed panels takes, and the
 * widest block of columns: together half of a 1 MiB second-level cache. */
#define KERNEL_K_MAX ((int64_t)(2048 / sizeof(real)))
#define KERNEL_N_MAX ((int64_t)256)
/* Rows of a packed A lie this far apart: a constant, so that every address in
 * the inner loop is one register and a displacement, and an odd number of
 * cache lines, so that they do not compete for the same sets. */
#define KERNEL_A_STRIDE (KERNEL_K_MAX + (int64_t)(64 / sizeof(real)))
#define KERNEL_ROWS_MAX 14
/* A packed as [k, rows] has room for this many rows. */
#define KERNEL_A_STEP 16

/** One tile of C: c = alpha A B + beta c + bias, up to KERNEL_ROWS_MAX rows.
 *  How A and B lie in memory is the choice of a function in the table. */
typedef struct kernel_tile {
  int64_t k;
  const real *a;    /* rows: [rows, KERNEL_A_STRIDE]; columns: [k, a_step] */
  int64_t a_step;
  const real *b;    /* [k, cols], rows b_step apart */
  int64_t b_step;
  real *save;       /* NULL, or where a packed copy of B goes */
  real *c;          /* [rows, cols], rows ldc apart */
  int64_t ldc;
  int64_t cols;     /* at most the width of the tile */
  real alpha, beta; /* with beta 0, c is not read */
  const real *bias; /* [cols]; or NULL */
} kernel_tile;

typedef void (*kernel_tile_run)(const kernel_tile *);

#define KERNEL_A_ROWS 0    /* A packed row by row */
#define KERNEL_A_COLUMNS 1 /* A as [k, rows]: op(A) of a transposed matrix */
#define KERNEL_B_PACKED 0  /* B packed: padded with zeros to full lanes */
#define KERNEL_B_DIRECT 1  /* B where it is */
#define KERNEL_B_SAVE 2    /* B where it is, leaving a packed copy */

/* Of so few rows a tile is wider: a row of B is then read in long stretches,
 * where it is, which is what such products spend their time on. */
#define KERNEL_FEW_ROWS 3

/** Pixels of one row of a convolution's output: for each, a chain of
 *  multiply-adds over taps and channels, plus bias. */
typedef struct kernel_pixels {
  const real *a;   /* of the first pixel's first tap */
  int64_t a_pixel; /* reals from one pixel to the next */
  int64_t taps[3]; /* outermost first */
  int64_t a_tap[3], b_tap[3];
  int64_t k;       /* channels, side by side, of a tap */
  const real *b;   /* packed: [k, lanes of the tile] of a tap */
  real *c;         /* rows c_pixel apart */
  int64_t c_pixel;
  int64_t cols;     /* at most the width of the tile */
  const real *bias; /* [cols]; or NULL */
} kernel_pixels;

/** A tile of a kernel's gradient: c[i][j] += sum over pixels of a[i] b[j]. */
typedef struct kernel_outer {
  const real *a, *b;
  int64_t n[3]; /* images, rows and pixels */
  int64_t a_step[3], b_step[3];
  real *c;      /* rows ldc apart */
  int64_t ldc;
  int64_t cols; /* at most the width of the tile */
  int64_t taps, a_tap; /* outer_each: up to 3, and how far apart */
} kernel_outer;

/** A piece of an image, and its points of a Winograd transform. */
typedef struct kernel_piece {
  real *pixels; /* of row 0, column 0, which may be outside of the image */
  int64_t row, pixel;
  int64_t first[2], end[2]; /* rows and columns that are inside */
  int64_t channels;
  real *points; /* [36], `point` apart; but for inputs whole registers */
  int64_t point;
  const real *bias; /* [channels] */
} kernel_piece;

/* Rows of the tiles of kernel_pixels and kernel_outer, which hold them all
 * in registers: half as many when the tile is two registers wide. */
#define KERNEL_PIXELS_MAX 28

typedef void (*kernel_few_run)(const kernel_tile *, int64_t a_row);
typedef void (*kernel_some_run)(const kernel_tile *, const int32_t *row,
                                int64_t n);
/* Room of a list beyond its end, which is written register by register. */
#define KERNEL_LIST_ROOM 16
typedef void (*kernel_pointwise)(const nacre_math *, int64_t n,
                                 const real *x, real *y);

typedef struct kernels {
  const char *name;   /* "AVX-512" */
  int64_t lanes;      /* reals in a register */
  int64_t rows, wide; /* the largest tile: rows, and columns in registers */
  /* [layout of A][layout of B][wide - 1][rows - 1] */
  const kernel_tile_run (*tile)[3][2][KERNEL_ROWS_MAX];
  /** [narrow][rows - 1]: as a tile with B where it is, but of few_columns
   *  columns, or half as many; a is read as a[i * a_row + k * a_step]. */
  const kernel_few_run (*few)[KERNEL_FEW_ROWS];
  /** [narrow]: of one row, and only the `n` rows of B that are listed. */
  const kernel_some_run *some;
  /** Where a is not 0, as after a relu: returns how many places there are. */
  int64_t (*list)(int64_t k, const real *a, int32_t *list);
  int64_t few_columns;
  /** Small products with B untransposed: no packing at all. */
  void (*direct)(const nacre_gemm *, const real *a, const real *b, int64_t ldb,
                 real *c);
  /** y[i] = inner product of row i of a and x, of k elements each. */
  void (*times_vector)(int64_t rows, int64_t k, const real *a, int64_t lda,
                       const real *x, real *y);
  /** Packing, see packing.h. */
  void (*pack_rows)(int64_t rows, int64_t k, const real *a, int64_t lda,
                    real *out);
  void (*pack_columns)(int64_t k, int64_t rows, const real *a, int64_t lda,
                       real *out);
  void (*transpose)(int64_t k, int64_t n, const real *b, int64_t ldb,
                    int64_t width, real *out);
  kernel_pointwise exp, log, log1p, tanh, sigmoid, erf;
  void (*softmax)(int64_t rows, int64_t cols, const real *x, real *y);
  /** Rows of attention, see attend.h. */
  real (*soften)(int64_t n, real *x, real *top);
  void (*soften_gradient)(int64_t n, real log_sum, real mean,
                          const real *keep, real *p, real *dp);
  void (*keep)(int64_t n, real rate, real *u);
  void (*times)(int64_t n, const real *a, real *y);
  double (*sum)(int64_t n, const real *x);
  double (*dot)(int64_t n, const real *x, const real *y);
  /** y[j] += sum of x[i][j], rows ldx apart. */
  void (*col_sum)(int64_t rows, int64_t cols, const real *x, int64_t ldx,
                  real *y);
  void (*fill)(int64_t n, real value, real *y);
  void (*axpy)(int64_t n, real a, const real *x, real *y);
  void (*scale)(int64_t n, real a, real *y);
  void (*uniform)(nacre_key key, uint64_t first, int64_t n, real *y);
  /** See peak.h. */
  double (*multiply_add)(int64_t turns, const real seed[2], real *out);
  /* Convolution: [wide - 1][rows - 1], up to `pixels` rows, or half that. */
  int64_t pixels;
  void (*const (*conv)[KERNEL_PIXELS_MAX])(const kernel_pixels *);
  void (*const (*outer)[KERNEL_PIXELS_MAX])(const kernel_outer *);
  /** The same of channels that are each by themselves, of any number: taps of
   *  b are [cols], and a, b and c have a channel at each place of the others.
   *  `pixels` pixels; c[tap][j] += sum over pixels of a[tap][j] b[j]. */
  void (*conv_each)(const kernel_pixels *, int64_t pixels);
  void (*outer_each)(const kernel_outer *);
  /** out[k][width] from b[k][n]; width is whole registers, the columns from
   *  n on are zeros. */
  void (*pack_panel)(int64_t k, int64_t n, const real *b, int64_t ldb,
                     int64_t width, real *out);
  /** See winograd.h. */
  void (*wino_input)(const kernel_piece *);
  void (*wino_gradient)(const kernel_piece *);
  void (*wino_output)(const kernel_piece *);
  void (*wino_weights)(int64_t n, const real *taps, real *points,
                       int64_t point);
  void (*wino_unweights)(int64_t cols, const real *points, int64_t point,
                         real *dw, int64_t tap);
} kernels;

extern const kernels nacre_kernels_portable;
#ifdef __x86_64__
extern const kernels nacre_kernels_avx2;
extern const kernels nacre_kernels_avx512;
#endif

#endif
