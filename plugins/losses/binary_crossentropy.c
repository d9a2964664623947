/* SPDX-License-Identifier: MIT */
/* binary_crossentropy: yes or no, for each element by itself. */
#include <math.h>
#include <nacre/plugin.h>

#define CHUNK 256      /* elements worked on at a time, on the stack */
#define FEW 4          /* up to here plain libm beats a vector call */
#define EPSILON 1e-7   /* probabilities stay this far from 0 and 1 */

typedef struct binary_crossentropy {
  double label_smoothing;
} binary_crossentropy;

static const nacre_param params[] = {
  NACRE_PARAM(binary_crossentropy, label_smoothing, "0", "[0,1]", "",
              "How far targets are drawn from 0 and 1 towards one half.", 0),
};

/* What is known of CHUNK elements; the loss is the sum of value and log. */
typedef struct chunk {
  real value[CHUNK], log[CHUNK], slope[CHUNK];
} chunk;

/* Targets after smoothing are keep * target + lift. */
typedef struct smoothing {
  real keep, lift;
} smoothing;

/* log(1 + e), e in [0, 1]. In float the sum is taken in double, whose last
 * digits are below float's for every e that the loss could show. */
#ifdef NACRE_DOUBLE
#define EXP exp
#define LOG1P log1p
#else
#define EXP expf
#define LOG1P(e) log(1.0 + (double)(e))
#endif

/* loss = max(z, 0) - z t + log(1 + exp(-|z|)), which overflows nowhere. A
 * few numbers by libm: a network of one output at batch 1 waits for each. */
static void few_logits(const nacre_loss_run *run, smoothing smooth) {
  const real one = 1, zero = 0;
  const real *z = run->y, *t = run->target;
  for (int64_t i = 0; i < run->rows; i++) {
    real ti = smooth.keep * t[i] + smooth.lift;
    real e = EXP(z[i] < 0 ? z[i] : -z[i]);
    real p = (z[i] >= 0 ? one : e) / (one + e);
    if (run->dy != NULL) {
      run->dy[i] = (p - ti) * (real)(run->weight != NULL ? run->weight[i]
                                                         : run->scale);
    }
    if (run->prob != NULL) {
      run->prob[i] = p;
    }
    run->loss[i] =
      (double)((z[i] > 0 ? z[i] : zero) - z[i] * ti) + (double)LOG1P(e);
  }
}

NACRE_KERNEL
static void minus_abs(int64_t n, const real *restrict z, real *restrict e) {
  for (int64_t i = 0; i < n; i++) {
    e[i] = z[i] < 0 ? z[i] : -z[i];
  }
}

NACRE_KERNEL
static void from_exp(smoothing smooth, int64_t n, const real *restrict z,
                     const real *restrict t, const real *restrict e,
                     real *restrict value, real *restrict slope,
                     real *restrict prob) {
  for (int64_t i = 0; i < n; i++) {
    real ti = smooth.keep * t[i] + smooth.lift;
    real top = z[i] < 0 ? e[i] : (real)1;
    real p = top / ((real)1 + e[i]);
    real above = z[i] > 0 ? z[i] : (real)0;
    value[i] = above - z[i] * ti;
    slope[i] = p - ti;
    prob[i] = p;
  }
}

static void many_logits(const nacre_math *math, smoothing smooth, int64_t n,
                        const real *z, const real *t, chunk *c, real *prob) {
  real unwanted[CHUNK];
  minus_abs(n, z, c->log);
  math->exp(math, n, c->log, c->log);
  from_exp(smooth, n, z, t, c->log, c->value, c->slope,
           prob != NULL ? prob : unwanted);
  math->log1p(math, n, c->log, c->log);
}

/* yes = p and no = 1 - p, both kept within [EPSILON, 1 - EPSILON]: the second
 * is not taken from the first, which has lost its digits near 1. */
NACRE_KERNEL
static void clip(int64_t n, const real *restrict p, real *restrict yes,
                 real *restrict no) {
  const real least = (real)EPSILON, most = (real)1 - (real)EPSILON;
  for (int64_t i = 0; i < n; i++) {
    real q = (real)1 - p[i];
    real p_low = p[i] < least ? least : p[i];
    real q_low = q < least ? least : q;
    yes[i] = p_low > most ? most : p_low;
    no[i] = q_low > most ? most : q_low;
  }
}

/* yes, no: logarithms of p and 1 - p. Where p was clipped, the loss does not
 * change with it. */
NACRE_KERNEL
static void from_logs(smoothing smooth, int64_t n, const real *restrict p,
                      const real *restrict t, const real *restrict yes,
                      const real *restrict no, real *restrict value,
                      real *restrict slope) {
  const real least = (real)EPSILON, most = (real)1 - (real)EPSILON;
  for (int64_t i = 0; i < n; i++) {
    real ti = smooth.keep * t[i] + smooth.lift;
    real inside = p[i] >= least && p[i] <= most ? (real)1 : (real)0;
    real low = p[i] < least ? least : p[i];
    real pi = low > most ? most : low;
    value[i] = -(ti * yes[i] + ((real)1 - ti) * no[i]);
    slope[i] = inside * (pi - ti) / (pi * ((real)1 - pi));
  }
}

static void probabilities(const nacre_math *math, smoothing smooth, int64_t n,
                          const real *p, const real *t, chunk *c) {
  real yes[CHUNK], no[CHUNK];
  clip(n, p, yes, no);
  math->log(math, n, yes, yes);
  math->log(math, n, no, no);
  from_logs(smooth, n, p, t, yes, no, c->value, c->slope);
  for (int64_t i = 0; i < n; i++) {
    c->log[i] = 0;
  }
}

static void elements(const nacre_loss_run *run, smoothing smooth,
                     int64_t first, int64_t n, chunk *c) {
  const real *y = run->y + first, *t = run->target + first;
  real *prob = run->prob != NULL ? run->prob + first : NULL;
  if (!run->on_logits) {
    probabilities(run->math, smooth, n, y, t, c);
  } else {
    many_logits(run->math, smooth, n, y, t, c, prob);
  }
}

/* Chunks run over the ends of rows, so that narrow rows, one column above
 * all, are as fast as wide ones. */
static void by_chunks(nacre_loss_run *run, smoothing smooth) {
  const int64_t cols = run->cols, total = run->rows * cols;
  const double mean = 1.0 / (double)cols;
  chunk c;
  int64_t row = 0, col = 0;
  double sum = 0.0;
  for (int64_t first = 0; first < total; first += CHUNK) {
    int64_t n = total - first < CHUNK ? total - first : CHUNK;
    elements(run, smooth, first, n, &c);
    for (int64_t i = 0; i < n;) {
      int64_t end = cols - col < n - i ? i + cols - col : n;
      real factor = (real)(mean * (run->weight != NULL ? run->weight[row]
                                                       : run->scale));
      col += end - i;
      for (; i < end; i++) {
        sum += (double)c.value[i] + (double)c.log[i];
        if (run->dy != NULL) {
          run->dy[first + i] = factor * c.slope[i];
        }
      }
      if (col == cols) {
        run->loss[row++] = sum * mean;
        sum = 0.0;
        col = 0;
      }
    }
  }
}

static void rows(nacre_loss_run *run) {
  const binary_crossentropy *cfg = run->cfg;
  const smoothing smooth = { (real)(1.0 - cfg->label_smoothing),
                             (real)(0.5 * cfg->label_smoothing) };
  if (run->cols == 1 && run->rows <= FEW && run->on_logits) {
    few_logits(run, smooth);
  } else {
    by_chunks(run, smooth);
  }
}

static const nacre_loss_ops ops = {
  .size = sizeof(nacre_loss_ops),
  .flags = NACRE_LOSS_CLASSES,
  .undoes = "sigmoid",
  .rows = rows,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_LOSS,
  .contract = 1,
  .name = "binary_crossentropy",
  .aliases = "bce",
  .summary = "Cross-entropy of targets 0 or 1, element by element",
  .doc =
    "loss = mean over the last axis of -t log p - (1 - t) log(1 - p), where t "
    "is the target after label smoothing, t (1 - s) + s / 2.\n\n"
    "After a sigmoid it is computed from the sigmoid's input z, as "
    "max(z, 0) - z t + log(1 + exp(-|z|)), which neither overflows nor loses "
    "digits; elsewhere p is kept within [1e-7, 1 - 1e-7].",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(binary_crossentropy),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(binary_crossentropy, component)
