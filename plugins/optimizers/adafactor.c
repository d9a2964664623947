/* SPDX-License-Identifier: MIT */
/* adafactor: the mean square of a matrix of gradients, from those of its rows
 * and of its columns. */
#include <nacre/plugin.h>
#include <tgmath.h>

#define LANES 16

typedef struct adafactor {
  double learning_rate, beta_2_decay, epsilon_1, epsilon_2, clip_threshold;
  bool relative_step;
} adafactor;

static const nacre_param params[] = {
  NACRE_PARAM_AS(adafactor, learning_rate, "lr", "0.001", "[0,inf)", "",
                 "Size of a step, relative to the weights'.",
                 NACRE_PARAM_SCHEDULABLE),
  NACRE_PARAM(adafactor, beta_2_decay, "-0.8", "(-inf,0]", "",
              "The mean square keeps 1 - step^this of itself.", 0),
  NACRE_PARAM(adafactor, epsilon_1, "1e-30", "(0,inf)", "",
              "Added to squared gradients.", 0),
  NACRE_PARAM(adafactor, epsilon_2, "1e-3", "[0,inf)", "",
              "What the size of weights counts as at least.", 0),
  NACRE_PARAM(adafactor, clip_threshold, "1.0", "(0,inf)", "",
              "Root mean square that steps have at most.", 0),
  NACRE_PARAM(adafactor, relative_step, "true", NULL, "",
              "Steps are at most 1 / sqrt(step), whatever this says.",
              NACRE_PARAM_ADVANCED),
};

/* Of each matrix the means of its rows, then those of its columns. */
static const char *const slot_names[] = { "velocity" };

static uint32_t slots(const void *cfg, double *start) {
  (void)cfg;
  (void)start;
  return 1;
}

/* The last two axes are matrices; rows 1 if the mean square is that of each
 * element: of vectors, and of matrices that are vectors, for which the
 * factors say the same. */
typedef struct matrices {
  int64_t count, rows, cols;
} matrices;

static matrices matrices_of(const nacre_shape *shape) {
  int64_t n = nacre_shape_count(shape);
  matrices m = { 1, 1, n };
  if (shape->rank < 2 || shape->dim[shape->rank - 1] < 2 ||
      shape->dim[shape->rank - 2] < 2) {
    return m;
  }
  m.rows = shape->dim[shape->rank - 2];
  m.cols = shape->dim[shape->rank - 1];
  m.count = n / (m.rows * m.cols);
  return m;
}

static int64_t slot_size(const void *cfg, uint32_t slot,
                         const nacre_shape *shape) {
  matrices m = matrices_of(shape);
  (void)cfg;
  (void)slot;
  return m.rows == 1 ? m.cols : m.count * (m.rows + m.cols);
}

/* What rows and columns of each matrix are multiplied by; the sums of
 * columns. */
static int64_t scratch(const void *cfg, const nacre_shape *shape) {
  matrices m = matrices_of(shape);
  (void)cfg;
  return m.rows == 1 ? 0
                     : (m.count * (m.rows + m.cols) + m.cols) *
                         (int64_t)sizeof(real);
}

static double sum_of(const real *lane) {
  double sum = 0.0;
  for (int l = 0; l < LANES; l++) {
    sum += (double)lane[l];
  }
  return sum;
}

/* Adds a row of squares to those of the columns, and returns its own sum.
 * g, column: [n] */
NACRE_KERNEL
static double add_squares(int64_t n, real epsilon, const real *restrict g,
                          real *restrict column) {
  real lane[LANES] = { 0 };
  for (int64_t i = 0; i < n; i += LANES) {
    int64_t most = n - i < LANES ? n - i : LANES;
    for (int64_t l = 0; l < most; l++) {
      real square = g[i + l] * g[i + l] + epsilon;
      column[i + l] += square;
      lane[l] += square;
    }
  }
  return sum_of(lane);
}

/* Sum of squared steps g factor column. g, column: [n] */
NACRE_KERNEL
static double size_of_row(int64_t n, real factor, const real *restrict g,
                          const real *restrict column) {
  real lane[LANES] = { 0 };
  for (int64_t i = 0; i < n; i += LANES) {
    int64_t most = n - i < LANES ? n - i : LANES;
    for (int64_t l = 0; l < most; l++) {
      real step = g[i + l] * factor * column[i + l];
      lane[l] += step * step;
    }
  }
  return sum_of(lane);
}

/* w, g, column: [n] */
NACRE_KERNEL
static void move_row(int64_t n, real factor, const real *restrict g,
                     const real *restrict column, real *restrict w) {
  for (int64_t i = 0; i < n; i++) {
    w[i] -= factor * g[i] * column[i];
  }
}

/* Each element by itself: moves v, and returns the sum of squared steps.
 * g, v: [n] */
NACRE_KERNEL
static double follow(int64_t n, real take, real epsilon,
                     const real *restrict g, real *restrict v) {
  real lane[LANES] = { 0 };
  for (int64_t i = 0; i < n; i += LANES) {
    int64_t most = n - i < LANES ? n - i : LANES;
    for (int64_t l = 0; l < most; l++) {
      real square = g[i + l] * g[i + l] + epsilon;
      v[i + l] += take * (square - v[i + l]);
      real step = g[i + l] / sqrt(v[i + l]);
      lane[l] += step * step;
    }
  }
  return sum_of(lane);
}

/* w, g, v: [n] */
NACRE_KERNEL
static void move(int64_t n, real factor, const real *restrict g,
                 const real *restrict v, real *restrict w) {
  for (int64_t i = 0; i < n; i++) {
    w[i] -= factor * g[i] / sqrt(v[i]);
  }
}

/* Moves the means of one matrix and gives what its rows and columns are
 * multiplied by, [rows] and [cols]: 1 / sqrt of its mean square, which is
 * row column / mean of all. g: [rows, cols], means: [rows + cols] */
static void factor(const matrices *m, real take, real epsilon,
                   const real *g, real *means, real *sums, real *by) {
  real *row = means, *column = means + m->rows;
  double all = 0.0;
  for (int64_t j = 0; j < m->cols; j++) {
    sums[j] = 0;
  }
  for (int64_t i = 0; i < m->rows; i++) {
    double sum = add_squares(m->cols, epsilon, g + i * m->cols, sums);
    row[i] += take * ((real)(sum / (double)m->cols) - row[i]);
    all += (double)row[i];
  }
  all /= (double)m->rows;
  for (int64_t j = 0; j < m->cols; j++) {
    column[j] += take * (sums[j] / (real)m->rows - column[j]);
    by[m->rows + j] = 1 / sqrt(column[j]);
  }
  for (int64_t i = 0; i < m->rows; i++) {
    by[i] = (real)sqrt(all / (double)row[i]);
  }
}

/* What steps are multiplied by: their size relative to the weights', and
 * clipped. `squares`: the sum of theirs. */
static real length(const nacre_opt_run *run, double squares) {
  const adafactor *cfg = run->cfg;
  double bound = 1.0 / sqrt((double)run->step);
  double rate = run->learning_rate < bound ? run->learning_rate : bound;
  double size =
    sqrt(run->math->dot(run->math, run->n, run->w, run->w) / (double)run->n);
  double over = sqrt(squares / (double)run->n) / cfg->clip_threshold;
  return (real)(rate * (size > cfg->epsilon_2 ? size : cfg->epsilon_2) /
                (over > 1.0 ? over : 1.0));
}

static void update_matrices(const nacre_opt_run *run, const matrices *m,
                            real take, real epsilon) {
  int64_t n = m->rows * m->cols, ends = m->rows + m->cols;
  real *sums = run->scratch, *by = sums + m->cols;
  double squares = 0.0;
  for (int64_t k = 0; k < m->count; k++) {
    const real *g = run->g + k * n;
    real *of_row = by + k * ends;
    factor(m, take, epsilon, g, run->slot[0] + k * ends, sums, of_row);
    for (int64_t i = 0; i < m->rows; i++) {
      squares += size_of_row(m->cols, of_row[i], g + i * m->cols,
                             of_row + m->rows);
    }
  }
  real step = length(run, squares);
  for (int64_t k = 0; k < m->count; k++) {
    const real *of_row = by + k * ends;
    for (int64_t i = 0; i < m->rows; i++) {
      int64_t at = k * n + i * m->cols;
      move_row(m->cols, step * of_row[i], run->g + at, of_row + m->rows,
               run->w + at);
    }
  }
}

static void update(const nacre_opt_run *run) {
  const adafactor *cfg = run->cfg;
  matrices m = matrices_of(run->shape);
  real take = (real)pow((double)run->step, cfg->beta_2_decay);
  real epsilon = (real)cfg->epsilon_1;
  if (m.rows > 1) {
    update_matrices(run, &m, take, epsilon);
    return;
  }
  double squares = follow(run->n, take, epsilon, run->g, run->slot[0]);
  move(run->n, length(run, squares), run->g, run->slot[0], run->w);
}

static const nacre_optimizer_ops ops = {
  .size = sizeof(nacre_optimizer_ops),
  .slots = slots,
  .update = update,
  .slot_names = slot_names,
  .scratch = scratch,
  .slot_size = slot_size,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_OPTIMIZER,
  .contract = 1,
  .name = "adafactor",
  .summary = "Steps by mean squares of rows and columns, relative to weights",
  .doc =
    "For a matrix with r and c the running means of g^2 + epsilon_1 along "
    "its rows and columns, v = r c / mean(r); elsewhere v is that of each "
    "element. u = g / sqrt(v), brought to a root mean square of at most "
    "clip_threshold; w = w - min(rate, 1 / sqrt(t)) max(epsilon_2, rms(w)) u "
    "at step t. The last two axes of a tensor are its matrices.\n\n"
    "Shazeer and Stern, Adafactor: adaptive learning rates with sublinear "
    "memory cost, ICML 2018.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(adafactor),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(adafactor, component)
