/* SPDX-License-Identifier: MIT */
/* microtile: the inner loop of a matrix product, on the lanes of whichever
 * kernel file includes it.
 *
 * A tile of `rows` by `wide` registers of C stays in registers for the whole
 * length of k, after Goto and van de Geijn, "Anatomy of high-performance
 * matrix multiplication", ACM TOMS 34(3), 2008. Every element of C is one
 * chain of multiply-adds in the order of k, whatever the tile it falls in:
 * that is why results do not depend on how C is cut among threads. */
#ifndef NACRE_DEVICES_MICROTILE_H
#define NACRE_DEVICES_MICROTILE_H

/* c = alpha acc + beta c + bias, for one register. */
ALWAYS void tile_put(const kernel_tile *t, real *c, const real *bias,
                     part mask, vreal acc) {
  vreal y = acc * v_set(t->alpha);
  if (t->beta != 0) {
    y = v_fma(v_set(t->beta), v_load_part(c, mask), y);
  }
  if (bias != NULL) {
    y += v_load_part(bias, mask);
  }
  v_store_part(c, mask, y);
}

/* Rows of a B that is read where it is are asked for this far ahead: two
 * cache lines of each, too far apart for the processor to foresee. */
#define TILE_AHEAD 32

/* The row TILE_AHEAD behind b of [k, ...] with `left` rows from b on; after
 * the last, the first ones of the columns beside these. */
ALWAYS void tile_fetch(const real *b, int64_t b_step, int64_t left,
                       int64_t k, const int wide) {
  const int64_t rows = left > TILE_AHEAD ? TILE_AHEAD : TILE_AHEAD - k;
  const int64_t beside = left > TILE_AHEAD ? 0 : wide * LANES;
  const char *at = (const char *)(const void *)b;
  at += (rows * b_step + beside) * (int64_t)sizeof(real);
  UNROLL for (int j = 0; j < wide; j++) {
    __builtin_prefetch(at + j * LANE_BYTES, 0, 3);
  }
}

/* All but t are constants where this is inlined, so the loops over rows and
 * registers unroll completely and acc lives in registers. */
ALWAYS void tile_run(const kernel_tile *t, const int rows, const int wide,
                     const int a_layout, const int b_layout) {
  vreal acc[KERNEL_ROWS_MAX][2];
  UNROLL for (int i = 0; i < rows; i++) {
    UNROLL for (int j = 0; j < wide; j++) {
      acc[i][j] = (vreal){ 0 };
    }
  }
  const real *a = t->a;
  const real *b = t->b;
  real *save = t->save;
  const int64_t a_step = a_layout == KERNEL_A_ROWS ? 1 : t->a_step;
  const int64_t b_step =
    b_layout == KERNEL_B_PACKED ? wide * LANES : t->b_step;
  part mask[2];
  mask[0] = part_first(t->cols);
  mask[1] = part_first(t->cols > LANES ? t->cols - LANES : 0);
  for (int64_t k = t->k; k > 0; k--) {
    vreal row[2];
    if (b_layout != KERNEL_B_PACKED) {
      tile_fetch(b, b_step, k, t->k, wide);
    }
    UNROLL for (int j = 0; j < wide; j++) {
      row[j] = b_layout == KERNEL_B_PACKED
                 ? v_load(b + j * LANES)
                 : v_load_part(b + j * LANES, mask[j]);
      if (b_layout == KERNEL_B_SAVE) {
        v_store(save + j * LANES, row[j]);
      }
    }
    UNROLL for (int i = 0; i < rows; i++) {
      vreal one =
        v_set(a_layout == KERNEL_A_ROWS ? a[i * KERNEL_A_STRIDE] : a[i]);
      UNROLL for (int j = 0; j < wide; j++) {
        acc[i][j] = v_fma(one, row[j], acc[i][j]);
      }
    }
    a += a_step;
    b += b_step;
    save += wide * LANES;
  }
  UNROLL for (int i = 0; i < rows; i++) {
    UNROLL for (int j = 0; j < wide; j++) {
      tile_put(t, t->c + i * t->ldc + j * LANES,
               t->bias == NULL ? NULL : t->bias + j * LANES, mask[j],
               acc[i][j]);
    }
  }
}

/* A tile of few rows and FEW_WIDE whole registers or half of them, B where it
 * is. */
#define FEW_WIDE (LANE_BYTES == 64 ? 8 : 4)

ALWAYS void few_run(const kernel_tile *t, const int rows, const int wide,
                    int64_t a_row) {
  const part all = part_first(LANES);
  vreal acc[KERNEL_FEW_ROWS][FEW_WIDE];
  UNROLL for (int i = 0; i < rows; i++) {
    UNROLL for (int j = 0; j < wide; j++) {
      acc[i][j] = (vreal){ 0 };
    }
  }
  const real *a = t->a;
  const real *b = t->b;
  for (int64_t k = t->k; k > 0; k--) {
    vreal one[KERNEL_FEW_ROWS];
    UNROLL for (int i = 0; i < rows; i++) {
      one[i] = v_set(a[i * a_row]);
    }
    UNROLL for (int j = 0; j < wide; j++) {
      const vreal row = v_load(b + j * LANES);
      UNROLL for (int i = 0; i < rows; i++) {
        acc[i][j] = v_fma(one[i], row, acc[i][j]);
      }
    }
    a += t->a_step;
    b += t->b_step;
  }
  UNROLL for (int i = 0; i < rows; i++) {
    UNROLL for (int j = 0; j < wide; j++) {
      tile_put(t, t->c + i * t->ldc + j * LANES,
               t->bias == NULL ? NULL : t->bias + j * LANES, all, acc[i][j]);
    }
  }
}

#define FEW(rows, wide)                                               \
  static void KERNEL(few_##rows##_##wide)(const kernel_tile *t,       \
                                          int64_t a_row) {            \
    few_run(t, rows, FEW_WIDE / wide, a_row);                         \
  }
FEW(1, 1) FEW(2, 1) FEW(3, 1)
FEW(1, 2) FEW(2, 2) FEW(3, 2)
static const kernel_few_run few[2][KERNEL_FEW_ROWS] = {
  { KERNEL(few_1_1), KERNEL(few_2_1), KERNEL(few_3_1) },
  { KERNEL(few_1_2), KERNEL(few_2_2), KERNEL(few_3_2) }
};

/* One row of C, of the rows of B that are listed: the others meet a zero. Each
 * is asked for some time before, for where they lie the processor does not
 * foresee. */
#define SOME_AHEAD 8

ALWAYS void some_run(const kernel_tile *t, const int32_t *row, int64_t n,
                     const int wide) {
  const part all = part_first(LANES);
  vreal acc[FEW_WIDE];
  UNROLL for (int j = 0; j < wide; j++) {
    acc[j] = (vreal){ 0 };
  }
  for (int64_t i = 0; i < n; i++) {
    const real *b = t->b + row[i] * t->b_step;
    const int64_t ahead = i + SOME_AHEAD < n ? i + SOME_AHEAD : n - 1;
    const real *later = t->b + row[ahead] * t->b_step;
    const vreal one = v_set(t->a[row[i]]);
    UNROLL for (int j = 0; j < wide; j++) {
      __builtin_prefetch(later + j * LANES, 0, 3);
      acc[j] = v_fma(one, v_load(b + j * LANES), acc[j]);
    }
  }
  UNROLL for (int j = 0; j < wide; j++) {
    tile_put(t, t->c + j * LANES,
             t->bias == NULL ? NULL : t->bias + j * LANES, all, acc[j]);
  }
}

static void KERNEL(some_1)(const kernel_tile *t, const int32_t *row,
                           int64_t n) {
  some_run(t, row, n, FEW_WIDE);
}

static void KERNEL(some_2)(const kernel_tile *t, const int32_t *row,
                           int64_t n) {
  some_run(t, row, n, FEW_WIDE / 2);
}

static int64_t KERNEL(list)(int64_t k, const real *a, int32_t *list) {
  int64_t n = 0;
  for (int64_t i = 0; i < k; i += LANES) {
    n += v_list(v_load_part(a + i, part_first(k - i)), (int32_t)i, list + n);
  }
  return n;
}

static const kernel_some_run some[2] = { KERNEL(some_1), KERNEL(some_2) };

#define TILE_NAME(a, b, wide, rows) KERNEL(tile_##a##b##_##rows##x##wide)
#define TILE(a, b, wide, rows)                                        \
  static void KERNEL(tile_##a##b##_##rows##x##wide)(                  \
    const kernel_tile *t) {                                           \
    tile_run(t, rows, wide, a, b);                                    \
  }
#define TILES_6(a, b, wide)                                           \
  TILE(a, b, wide, 1) TILE(a, b, wide, 2) TILE(a, b, wide, 3)         \
  TILE(a, b, wide, 4) TILE(a, b, wide, 5) TILE(a, b, wide, 6)
#define TILES_14(a, b, wide)                                          \
  TILES_6(a, b, wide)                                                 \
  TILE(a, b, wide, 7) TILE(a, b, wide, 8) TILE(a, b, wide, 9)         \
  TILE(a, b, wide, 10) TILE(a, b, wide, 11) TILE(a, b, wide, 12)      \
  TILE(a, b, wide, 13) TILE(a, b, wide, 14)
#define LIST_6(a, b, wide)                                            \
  KERNEL(tile_##a##b##_1x##wide), KERNEL(tile_##a##b##_2x##wide),     \
    KERNEL(tile_##a##b##_3x##wide), KERNEL(tile_##a##b##_4x##wide),   \
    KERNEL(tile_##a##b##_5x##wide), KERNEL(tile_##a##b##_6x##wide)
#define LIST_14(a, b, wide)                                           \
  LIST_6(a, b, wide),                                                 \
    KERNEL(tile_##a##b##_7x##wide), KERNEL(tile_##a##b##_8x##wide),   \
    KERNEL(tile_##a##b##_9x##wide), KERNEL(tile_##a##b##_10x##wide),  \
    KERNEL(tile_##a##b##_11x##wide), KERNEL(tile_##a##b##_12x##wide), \
    KERNEL(tile_##a##b##_13x##wide), KERNEL(tile_##a##b##_14x##wide)

/* Defines all tiles up to `most` rows (6 or 14), and their table. */
#define TILES(most)                                                   \
  TILES_##most(0, 0, 1) TILES_##most(0, 0, 2)                         \
  TILES_##most(0, 1, 1) TILES_##most(0, 1, 2)                         \
  TILES_##most(0, 2, 1) TILES_##most(0, 2, 2)                         \
  TILES_##most(1, 0, 1) TILES_##most(1, 0, 2)                         \
  TILES_##most(1, 1, 1) TILES_##most(1, 1, 2)                         \
  TILES_##most(1, 2, 1) TILES_##most(1, 2, 2)                         \
  static const kernel_tile_run tiles[2][3][2][KERNEL_ROWS_MAX] = {    \
    { { { LIST_##most(0, 0, 1) }, { LIST_##most(0, 0, 2) } },         \
      { { LIST_##most(0, 1, 1) }, { LIST_##most(0, 1, 2) } },         \
      { { LIST_##most(0, 2, 1) }, { LIST_##most(0, 2, 2) } } },       \
    { { { LIST_##most(1, 0, 1) }, { LIST_##most(1, 0, 2) } },         \
      { { LIST_##most(1, 1, 1) }, { LIST_##most(1, 1, 2) } },         \
      { { LIST_##most(1, 2, 1) }, { LIST_##most(1, 2, 2) } } }        \
  };

#endif
