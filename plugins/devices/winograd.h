/* SPDX-License-Identifier: MIT */
/* winograd: transforms of the 3x3 convolution that takes four times fewer
 * multiplications, F(4x4, 3x3) of Lavin and Gray, "Fast algorithms for
 * convolutional neural networks", arXiv:1509.09308.
 *
 * A 4x4 piece of the output comes of a 6x6 piece of the input. Both the piece
 * d and the kernel g are brought into 36 points, where a convolution is a
 * product of each point by itself, summed over channels: a matrix product.
 * With Y = A^T [ (G g G^T) (B^T d B) ] A the gradient of g is
 * G^T [ (B^T d B) (A dY A^T) ] G. Lanes are channels; each transform takes
 * columns, then rows. */
#ifndef NACRE_DEVICES_WINOGRAD_H
#define NACRE_DEVICES_WINOGRAD_H

/* t = B^T d */
ALWAYS void wino_in(const vreal d[6], vreal t[6]) {
  const vreal two = v_set(2), four = v_set(4), five = v_set(5);
  const vreal even = v_fma(-four, d[2], d[4]);
  const vreal odd = v_fma(-four, d[1], d[3]);
  const vreal narrow = d[4] - d[2];
  const vreal slope = two * (d[3] - d[1]);
  t[0] = v_fma(four, d[0], v_fma(-five, d[2], d[4]));
  t[1] = even + odd;
  t[2] = even - odd;
  t[3] = narrow + slope;
  t[4] = narrow - slope;
  t[5] = v_fma(four, d[1], v_fma(-five, d[3], d[5]));
}

/* y = A^T m */
ALWAYS void wino_out(const vreal m[6], vreal y[4]) {
  const vreal sum = m[1] + m[2], difference = m[1] - m[2];
  const vreal far = m[3] + m[4], slope = m[3] - m[4];
  y[0] = m[0] + sum + far;
  y[1] = v_fma(v_set(2), slope, difference);
  y[2] = v_fma(v_set(4), far, sum);
  y[3] = v_fma(v_set(8), slope, difference) + m[5];
}

/* m = A y */
ALWAYS void wino_spread(const vreal y[4], vreal m[6]) {
  const vreal even = y[0] + y[2], odd = y[1] + y[3];
  const vreal far = v_fma(v_set(4), y[2], y[0]);
  const vreal slope = v_fma(v_set(8), y[3], v_set(2) * y[1]);
  m[0] = y[0];
  m[1] = even + odd;
  m[2] = even - odd;
  m[3] = far + slope;
  m[4] = far - slope;
  m[5] = y[3];
}

/* u = G g */
ALWAYS void wino_kernel(const vreal g[3], vreal u[6]) {
  const vreal sixth = v_set((real)(-1.0 / 6.0));
  const vreal outer = v_fma(v_set((real)(1.0 / 24.0)), g[0],
                            v_set((real)(1.0 / 6.0)) * g[2]);
  const vreal middle = v_set((real)(1.0 / 12.0)) * g[1];
  u[0] = v_set((real)0.25) * g[0];
  u[1] = sixth * (g[0] + g[2] + g[1]);
  u[2] = sixth * (g[0] + g[2] - g[1]);
  u[3] = outer + middle;
  u[4] = outer - middle;
  u[5] = g[2];
}

/* g = G^T u */
ALWAYS void wino_unkernel(const vreal u[6], vreal g[3]) {
  const vreal sixth = v_set((real)(1.0 / 6.0));
  const vreal near = u[1] + u[2], far = u[3] + u[4];
  g[0] = v_fma(v_set((real)0.25), u[0],
               v_fma(v_set((real)(1.0 / 24.0)), far, -sixth * near));
  g[1] = v_fma(sixth, u[2] - u[1],
               v_set((real)(1.0 / 12.0)) * (u[3] - u[4]));
  g[2] = v_fma(sixth, far - near, u[5]);
}

ALWAYS vreal wino_pixel(const kernel_piece *p, const real *at, int64_t y,
                        int64_t x, part mask, const int whole) {
  const int inside = whole || (y >= p->first[0] && y < p->end[0] &&
                               x >= p->first[1] && x < p->end[1]);
  return inside ? v_load_part(at + y * p->row + x * p->pixel, mask)
                : (vreal){ 0 };
}

/* 36 points from 6x6 pixels. */
ALWAYS void wino_input_lanes(const kernel_piece *p, int64_t from,
                             const int whole) {
  const part mask = part_first(p->channels - from);
  vreal t[6][6]; /* [column][row] */
  UNROLL for (int x = 0; x < 6; x++) {
    vreal d[6];
    UNROLL for (int y = 0; y < 6; y++) {
      d[y] = wino_pixel(p, p->pixels + from, y, x, mask, whole);
    }
    wino_in(d, t[x]);
  }
  UNROLL for (int y = 0; y < 6; y++) {
    const vreal d[6] = { t[0][y], t[1][y], t[2][y],
                         t[3][y], t[4][y], t[5][y] };
    vreal out[6];
    wino_in(d, out);
    UNROLL for (int x = 0; x < 6; x++) {
      v_store_part(p->points + (6 * y + x) * p->point + from, mask, out[x]);
    }
  }
}

static void KERNEL(wino_input)(const kernel_piece *p) {
  const int whole = p->first[0] <= 0 && p->end[0] >= 6 && p->first[1] <= 0 &&
                    p->end[1] >= 6;
  for (int64_t i = 0; i < p->channels; i += LANES) {
    if (whole) {
      wino_input_lanes(p, i, 1);
    } else {
      wino_input_lanes(p, i, 0);
    }
  }
}

/* 36 points from the gradients of 4x4 pixels. */
static void KERNEL(wino_gradient)(const kernel_piece *p) {
  for (int64_t i = 0; i < p->channels; i += LANES) {
    const part mask = part_first(p->channels - i);
    vreal t[4][6]; /* [column][row] */
    UNROLL for (int x = 0; x < 4; x++) {
      vreal d[4];
      UNROLL for (int y = 0; y < 4; y++) {
        d[y] = wino_pixel(p, p->pixels + i, y, x, mask, 0);
      }
      wino_spread(d, t[x]);
    }
    UNROLL for (int y = 0; y < 6; y++) {
      const vreal d[4] = { t[0][y], t[1][y], t[2][y], t[3][y] };
      vreal out[6];
      wino_spread(d, out);
      UNROLL for (int x = 0; x < 6; x++) {
        v_store(p->points + (6 * y + x) * p->point + i, out[x]);
      }
    }
  }
}

/* 4x4 pixels from 36 points, plus bias. */
static void KERNEL(wino_output)(const kernel_piece *p) {
  for (int64_t i = 0; i < p->channels; i += LANES) {
    const part mask = part_first(p->channels - i);
    const vreal bias =
      p->bias == NULL ? (vreal){ 0 } : v_load_part(p->bias + i, mask);
    vreal t[6][4]; /* [column][row] */
    UNROLL for (int x = 0; x < 6; x++) {
      vreal m[6];
      UNROLL for (int y = 0; y < 6; y++) {
        m[y] = v_load(p->points + (6 * y + x) * p->point + i);
      }
      wino_out(m, t[x]);
    }
    UNROLL for (int y = 0; y < 4; y++) {
      const vreal m[6] = { t[0][y], t[1][y], t[2][y],
                           t[3][y], t[4][y], t[5][y] };
      vreal out[4];
      wino_out(m, out);
      UNROLL for (int x = 0; x < 4; x++) {
        if (y < p->end[0] && x < p->end[1]) {
          v_store_part(p->pixels + i + y * p->row + x * p->pixel, mask,
                       out[x] + bias);
        }
      }
    }
  }
}

/* points[36][n] from taps[9][n]; n is whole registers. */
static void KERNEL(wino_weights)(int64_t n, const real *taps, real *points,
                                 int64_t point) {
  for (int64_t i = 0; i < n; i += LANES) {
    vreal t[3][6]; /* [column][row] */
    UNROLL for (int x = 0; x < 3; x++) {
      vreal g[3];
      UNROLL for (int y = 0; y < 3; y++) {
        g[y] = v_load(taps + (3 * y + x) * n + i);
      }
      wino_kernel(g, t[x]);
    }
    UNROLL for (int y = 0; y < 6; y++) {
      const vreal g[3] = { t[0][y], t[1][y], t[2][y] };
      vreal u[6];
      wino_kernel(g, u);
      UNROLL for (int x = 0; x < 6; x++) {
        v_store(points + (6 * y + x) * point + i, u[x]);
      }
    }
  }
}

/* dw[tap][cols] += 3x3 taps of points[36][cols]. */
static void KERNEL(wino_unweights)(int64_t cols, const real *points,
                                   int64_t point, real *dw, int64_t tap) {
  for (int64_t i = 0; i < cols; i += LANES) {
    const part mask = part_first(cols - i);
    vreal t[6][3]; /* [column][row] */
    UNROLL for (int x = 0; x < 6; x++) {
      vreal u[6];
      UNROLL for (int y = 0; y < 6; y++) {
        u[y] = v_load(points + (6 * y + x) * point + i);
      }
      wino_unkernel(u, t[x]);
    }
    UNROLL for (int y = 0; y < 3; y++) {
      const vreal u[6] = { t[0][y], t[1][y], t[2][y],
                           t[3][y], t[4][y], t[5][y] };
      vreal g[3];
      wino_unkernel(u, g);
      UNROLL for (int x = 0; x < 3; x++) {
        real *at = dw + (3 * y + x) * tap + i;
        v_store_part(at, mask, v_load_part(at, mask) + g[x]);
      }
    }
  }
}

#endif
