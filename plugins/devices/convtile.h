/* SPDX-License-Identifier: MIT */
/* convtile: the inner loops of convolutions, on the lanes of whichever kernel
 * file includes it.
 *
 * Registers lie along the channels that are written, and each pixel's value
 * is broadcast from where the image has it. Pixels of a row lie the same
 * distance apart, so four of them share a base register and two multiples of
 * that distance: nothing is gathered into a matrix beforehand. */
#ifndef NACRE_DEVICES_CONVTILE_H
#define NACRE_DEVICES_CONVTILE_H

#define CONV_UNROLL _Pragma("GCC unroll 28")
#define EACH_PIXELS 8 /* of a tile of channels that are each by themselves */

#if defined(__GNUC__)
/* Keeps the compiler from making a pointer of its own for each pixel. */
#define CONV_KEEP(pointer) __asm__("" : "+r"(pointer))
#else
#define CONV_KEEP(pointer) ((void)0)
#endif

ALWAYS real conv_pixel(const real *a, int i, int64_t one, int64_t three) {
  return i == 0 ? a[0] : i == 1 ? a[one] : i == 2 ? a[2 * one] : a[three];
}

/* rows and wide are constants where this is inlined, as in microtile.h. */
ALWAYS void conv_run(const kernel_pixels *t, const int rows, const int wide) {
  const int quads = (rows + 3) / 4;
  const int64_t one = t->a_pixel;
  const int64_t three = 3 * one;
  vreal acc[KERNEL_PIXELS_MAX][2];
  CONV_UNROLL for (int i = 0; i < rows; i++) {
    CONV_UNROLL for (int j = 0; j < wide; j++) {
      acc[i][j] = (vreal){ 0 };
    }
  }
  for (int64_t z = 0; z < t->taps[0]; z++) {
    for (int64_t y = 0; y < t->taps[1]; y++) {
      for (int64_t x = 0; x < t->taps[2]; x++) {
        const real *at = t->a + z * t->a_tap[0] + y * t->a_tap[1] +
                         x * t->a_tap[2];
        const real *b = t->b + z * t->b_tap[0] + y * t->b_tap[1] +
                        x * t->b_tap[2];
        const real *a[(KERNEL_PIXELS_MAX + 3) / 4];
        CONV_UNROLL for (int q = 0; q < quads; q++) {
          a[q] = at + 4 * q * one;
        }
        for (int64_t k = t->k; k > 0; k--) {
          vreal row[2];
          CONV_UNROLL for (int j = 0; j < wide; j++) {
            row[j] = v_load(b + j * LANES);
          }
          CONV_UNROLL for (int i = 0; i < rows; i++) {
            const vreal x_i = v_set(conv_pixel(a[i / 4], i % 4, one, three));
            CONV_UNROLL for (int j = 0; j < wide; j++) {
              acc[i][j] = v_fma(x_i, row[j], acc[i][j]);
            }
          }
          CONV_UNROLL for (int q = 0; q < quads; q++) {
            a[q]++;
            CONV_KEEP(a[q]);
          }
          b += wide * LANES;
        }
      }
    }
  }
  CONV_UNROLL for (int j = 0; j < wide; j++) {
    const part mask = part_first(t->cols - j * LANES);
    const vreal bias =
      t->bias == NULL ? (vreal){ 0 } : v_load_part(t->bias + j * LANES, mask);
    CONV_UNROLL for (int i = 0; i < rows; i++) {
      v_store_part(t->c + i * t->c_pixel + j * LANES, mask,
                   acc[i][j] + bias);
    }
  }
}

ALWAYS void outer_sum(const kernel_outer *t, const int rows, const int wide,
                      const int whole, vreal acc[KERNEL_PIXELS_MAX][2]) {
  part mask[2];
  mask[0] = part_first(t->cols);
  mask[1] = part_first(t->cols > LANES ? t->cols - LANES : 0);
  const int64_t a_step = t->a_step[2];
  const int64_t b_step = t->b_step[2];
  for (int64_t n = 0; n < t->n[0]; n++) {
    for (int64_t y = 0; y < t->n[1]; y++) {
      const real *a = t->a + n * t->a_step[0] + y * t->a_step[1];
      const real *b = t->b + n * t->b_step[0] + y * t->b_step[1];
      for (int64_t x = t->n[2]; x > 0; x--) {
        vreal row[2];
        CONV_UNROLL for (int j = 0; j < wide; j++) {
          row[j] = whole ? v_load(b + j * LANES)
                         : v_load_part(b + j * LANES, mask[j]);
        }
        CONV_UNROLL for (int i = 0; i < rows; i++) {
          const vreal x_i = v_set(a[i]);
          CONV_UNROLL for (int j = 0; j < wide; j++) {
            acc[i][j] = v_fma(x_i, row[j], acc[i][j]);
          }
        }
        a += a_step;
        b += b_step;
      }
    }
  }
}

ALWAYS void outer_run(const kernel_outer *t, const int rows, const int wide) {
  vreal acc[KERNEL_PIXELS_MAX][2];
  CONV_UNROLL for (int i = 0; i < rows; i++) {
    CONV_UNROLL for (int j = 0; j < wide; j++) {
      acc[i][j] = (vreal){ 0 };
    }
  }
  if (t->cols == wide * LANES) {
    outer_sum(t, rows, wide, 1, acc);
  } else {
    outer_sum(t, rows, wide, 0, acc);
  }
  CONV_UNROLL for (int j = 0; j < wide; j++) {
    const part mask = part_first(t->cols - j * LANES);
    CONV_UNROLL for (int i = 0; i < rows; i++) {
      real *c = t->c + i * t->ldc + j * LANES;
      v_store_part(c, mask, v_load_part(c, mask) + acc[i][j]);
    }
  }
}

/* `pixels` pixels of `wide` registers of channels, each channel by itself.
 * Three taps in a row of neighbours share what is loaded. */
ALWAYS void each_run(const kernel_pixels *t, const int pixels, const int wide,
                     const int neighbours, const real *a, const real *b,
                     real *c, const real *bias, part mask) {
  vreal acc[EACH_PIXELS][4];
  CONV_UNROLL for (int i = 0; i < pixels; i++) {
    CONV_UNROLL for (int j = 0; j < wide; j++) {
      acc[i][j] = (vreal){ 0 };
    }
  }
  const int taps = neighbours ? 3 : 1;
  const int64_t steps = neighbours ? 1 : t->taps[2];
  for (int64_t z = 0; z < t->taps[0]; z++) {
    for (int64_t y = 0; y < t->taps[1]; y++) {
      const real *from = a + z * t->a_tap[0] + y * t->a_tap[1];
      const real *w = b + z * t->b_tap[0] + y * t->b_tap[1];
      for (int64_t x = 0; x < steps; x++) {
        CONV_UNROLL for (int j = 0; j < wide; j++) {
          vreal tap[3];
          CONV_UNROLL for (int k = 0; k < taps; k++) {
            tap[k] = v_load_part(w + k * t->b_tap[2] + j * LANES, mask);
          }
          CONV_UNROLL for (int i = 0; i < pixels + 2 * neighbours; i++) {
            const vreal pixel =
              v_load_part(from + i * t->a_pixel + j * LANES, mask);
            CONV_UNROLL for (int k = 0; k < taps; k++) {
              if (i - k >= 0 && i - k < pixels) {
                acc[i - k][j] = v_fma(pixel, tap[k], acc[i - k][j]);
              }
            }
          }
        }
        from += t->a_tap[2];
        w += t->b_tap[2];
      }
    }
  }
  CONV_UNROLL for (int j = 0; j < wide; j++) {
    const vreal add =
      bias == NULL ? (vreal){ 0 } : v_load_part(bias + j * LANES, mask);
    CONV_UNROLL for (int i = 0; i < pixels; i++) {
      v_store_part(c + i * t->c_pixel + j * LANES, mask, acc[i][j] + add);
    }
  }
}

/* All channels of `pixels` pixels; of a single one, four registers at once,
 * for its chains alone would wait for themselves. */
ALWAYS void each_pixels(const kernel_pixels *t, const int pixels,
                        const real *a, real *c) {
  const int neighbours =
    pixels > 1 && t->taps[2] == 3 && t->a_tap[2] == t->a_pixel;
  for (int64_t j = 0; j < t->cols;) {
    const part mask = part_first(t->cols - j);
    const real *bias = t->bias == NULL ? NULL : t->bias + j;
    if (pixels == 1 && t->cols - j >= 4 * LANES) {
      each_run(t, 1, 4, 0, a + j, t->b + j, c + j, bias, mask);
      j += 4 * LANES;
      continue;
    }
    if (neighbours) {
      each_run(t, pixels, 1, 1, a + j, t->b + j, c + j, bias, mask);
    } else {
      each_run(t, pixels, 1, 0, a + j, t->b + j, c + j, bias, mask);
    }
    j += LANES;
  }
}

#define EACH(pixels)                                                        \
  static void KERNEL(each_##pixels)(const kernel_pixels *t, const real *a,  \
                                    real *c) {                              \
    each_pixels(t, pixels, a, c);                                           \
  }
EACH(1) EACH(2) EACH(3) EACH(4) EACH(5) EACH(6) EACH(7) EACH(8)

static void KERNEL(conv_each)(const kernel_pixels *t, int64_t pixels) {
  static void (*const runs[EACH_PIXELS])(const kernel_pixels *, const real *,
                                         real *) = {
    KERNEL(each_1), KERNEL(each_2), KERNEL(each_3), KERNEL(each_4),
    KERNEL(each_5), KERNEL(each_6), KERNEL(each_7), KERNEL(each_8)
  };
  const int64_t tiles = (pixels + EACH_PIXELS - 1) / EACH_PIXELS;
  for (int64_t i = 0; i < tiles; i++) {
    const int64_t begin = pixels * i / tiles;
    const int64_t count = pixels * (i + 1) / tiles - begin;
    runs[count - 1](t, t->a + begin * t->a_pixel, t->c + begin * t->c_pixel);
  }
}

/* `taps` sums of one register of channels. Pixels of a row take turns in two
 * chains each, which are added in the end. */
ALWAYS void each_sum(const kernel_outer *t, const int taps, int64_t col) {
  const part mask = part_first(t->cols - col);
  const int64_t a_step = t->a_step[2], b_step = t->b_step[2];
  vreal acc[3][2];
  CONV_UNROLL for (int k = 0; k < taps; k++) {
    acc[k][0] = acc[k][1] = (vreal){ 0 };
  }
  for (int64_t n = 0; n < t->n[0]; n++) {
    for (int64_t y = 0; y < t->n[1]; y++) {
      const real *a = t->a + n * t->a_step[0] + y * t->a_step[1] + col;
      const real *b = t->b + n * t->b_step[0] + y * t->b_step[1] + col;
      int64_t x = t->n[2];
      for (; x >= 2; x -= 2) {
        CONV_UNROLL for (int i = 0; i < 2; i++) {
          const vreal slope = v_load_part(b, mask);
          CONV_UNROLL for (int k = 0; k < taps; k++) {
            acc[k][i] =
              v_fma(v_load_part(a + k * t->a_tap, mask), slope, acc[k][i]);
          }
          a += a_step;
          b += b_step;
        }
      }
      if (x > 0) {
        const vreal slope = v_load_part(b, mask);
        CONV_UNROLL for (int k = 0; k < taps; k++) {
          acc[k][0] =
            v_fma(v_load_part(a + k * t->a_tap, mask), slope, acc[k][0]);
        }
      }
    }
  }
  CONV_UNROLL for (int k = 0; k < taps; k++) {
    real *c = t->c + k * t->ldc + col;
    v_store_part(c, mask,
                 v_load_part(c, mask) + (acc[k][0] + acc[k][1]));
  }
}

static void KERNEL(outer_each)(const kernel_outer *t) {
  for (int64_t j = 0; j < t->cols; j += LANES) {
    if (t->taps == 3) {
      each_sum(t, 3, j);
    } else if (t->taps == 2) {
      each_sum(t, 2, j);
    } else {
      each_sum(t, 1, j);
    }
  }
}

#define CONV_TILE(rows, wide)                                               \
  static void KERNEL(conv_##rows##x##wide)(const kernel_pixels *t) {        \
    conv_run(t, rows, wide);                                                \
  }                                                                         \
  static void KERNEL(outer_##rows##x##wide)(const kernel_outer *t) {        \
    outer_run(t, rows, wide);                                               \
  }
#define CONV_EACH_6(of, wide)                                               \
  of(1, wide) of(2, wide) of(3, wide) of(4, wide) of(5, wide) of(6, wide)
#define CONV_EACH_12(of, wide)                                              \
  CONV_EACH_6(of, wide)                                                     \
  of(7, wide) of(8, wide) of(9, wide) of(10, wide) of(11, wide) of(12, wide)
#define CONV_EACH_14(of, wide)                                              \
  CONV_EACH_12(of, wide) of(13, wide) of(14, wide)
#define CONV_EACH_28(of, wide)                                              \
  CONV_EACH_14(of, wide)                                                    \
  of(15, wide) of(16, wide) of(17, wide) of(18, wide) of(19, wide)          \
  of(20, wide) of(21, wide) of(22, wide) of(23, wide) of(24, wide)          \
  of(25, wide) of(26, wide) of(27, wide) of(28, wide)
#define CONV_NAME(rows, wide) KERNEL(conv_##rows##x##wide),
#define OUTER_NAME(rows, wide) KERNEL(outer_##rows##x##wide),

/* Defines all tiles, of one register up to `high` rows and of two up to
 * `low` (28 and 14, or 12 and 6), and their tables. */
#define CONV_TILES(high, low)                                               \
  CONV_EACH_##high(CONV_TILE, 1) CONV_EACH_##low(CONV_TILE, 2)              \
  static void (*const conv_tiles[2][KERNEL_PIXELS_MAX])(                    \
    const kernel_pixels *) = { { CONV_EACH_##high(CONV_NAME, 1) },          \
                               { CONV_EACH_##low(CONV_NAME, 2) } };         \
  static void (*const outer_tiles[2][KERNEL_PIXELS_MAX])(                   \
    const kernel_outer *) = { { CONV_EACH_##high(OUTER_NAME, 1) },          \
                              { CONV_EACH_##low(OUTER_NAME, 2) } };

#endif
