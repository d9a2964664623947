/* SPDX-License-Identifier: MIT */
/* packing: bringing panels of A and B into the order in which the tiles read
 * them. */
#ifndef NACRE_DEVICES_PACKING_H
#define NACRE_DEVICES_PACKING_H

/* out[rows][KERNEL_A_STRIDE] from a[rows][lda], k of each row. */
static void KERNEL(pack_rows)(int64_t rows, int64_t k, const real *a,
                              int64_t lda, real *out) {
  const part rest = part_first(k % LANES);
  for (int64_t i = 0; i < rows; i++) {
    int64_t j = 0;
    for (; j + LANES <= k; j += LANES) {
      v_store(out + j, v_load(a + j));
    }
    if (j < k) {
      v_store(out + j, v_load_part(a + j, rest));
    }
    a += lda;
    out += KERNEL_A_STRIDE;
  }
}

/* out[k][KERNEL_A_STEP] from a[k][lda], `rows` of each. */
static void KERNEL(pack_columns)(int64_t k, int64_t rows, const real *a,
                                 int64_t lda, real *out) {
  for (int64_t i = 0; i < rows; i += LANES) {
    const part mask = part_first(rows - i);
    for (int64_t j = 0; j < k; j++) {
      v_store(out + j * KERNEL_A_STEP + i, v_load_part(a + j * lda + i, mask));
    }
  }
}

/* out[k][width] from b[k][ldb]; width is whole registers, columns from n on
 * are zeros. */
static void KERNEL(pack_panel)(int64_t k, int64_t n, const real *b,
                               int64_t ldb, int64_t width, real *out) {
  for (int64_t i = 0; i < k; i++) {
    for (int64_t j = 0; j < width; j += LANES) {
      v_store(out + j, v_load_part(b + j, part_first(n - j)));
    }
    b += ldb;
    out += width;
  }
}

/* out[k][width] from b[n][ldb], a square of LANES by LANES at a time; width
 * is whole registers, columns from n on are zeros. */
static void KERNEL(transpose)(int64_t k, int64_t n, const real *b,
                              int64_t ldb, int64_t width, real *out) {
  for (int64_t j = 0; j < width; j += LANES) {
    const int64_t cols = n - j < LANES ? n - j : LANES;
    for (int64_t i = 0; i < k; i += LANES) {
      const int64_t rows = k - i < LANES ? k - i : LANES;
      const part mask = part_first(rows);
      const real *from = b + j * ldb + i;
      vreal square[LANE_BYTES / sizeof(real)];
      if (cols == LANES && rows == LANES) {
        UNROLL for (int64_t r = 0; r < LANES; r++) {
          square[r] = v_load(from + r * ldb);
        }
      } else {
        UNROLL for (int64_t r = 0; r < LANES; r++) {
          square[r] =
            r < cols ? v_load_part(from + r * ldb, mask) : (vreal){ 0 };
        }
      }
      v_turn(square);
      real *to = out + i * width + j;
      if (rows == LANES) {
        UNROLL for (int64_t r = 0; r < LANES; r++) {
          v_store(to + r * width, square[r]);
        }
      } else {
        UNROLL for (int64_t r = 0; r < LANES; r++) {
          if (r < rows) {
            v_store(to + r * width, square[r]);
          }
        }
      }
    }
  }
}

#endif
