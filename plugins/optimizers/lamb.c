/* SPDX-License-Identifier: MIT */
/* lamb: adam whose steps are as long as a tensor is large, for large
 * batches. */
#include "adam.h"

#define TILES 64   /* at most, so that their sums fit the stack */
#define TILE 4096  /* elements at least */
#define BLOCK 4096 /* elements whose sums are taken in one precision */
#define LANES 16

typedef struct lamb {
  double learning_rate, beta_1, beta_2, epsilon;
} lamb;

static const nacre_param params[] = {
  NACRE_PARAM_AS(lamb, learning_rate, "lr", "0.001", "[0,inf)", "",
                 "Size of a step.", NACRE_PARAM_SCHEDULABLE),
  NACRE_PARAM(lamb, beta_1, "0.9", "[0,1)", "",
              "Decay of the mean of gradients.", 0),
  NACRE_PARAM(lamb, beta_2, "0.999", "[0,1)", "",
              "Decay of the mean of squared gradients.", 0),
  NACRE_PARAM(lamb, epsilon, "1e-7", "(0,inf)", "",
              "Added to the root of the second moment.", 0),
};

static uint32_t slots(const void *cfg, double *start) {
  (void)cfg;
  (void)start;
  return 2;
}

/* scalar[0] and [1] correct the moments for having started at 0. */
static void begin(const void *config, double learning_rate, int64_t step,
                  double *scalar) {
  const lamb *cfg = config;
  (void)learning_rate;
  scalar[0] = 1.0 / (1.0 - pow(cfg->beta_1, (double)step));
  scalar[1] = 1.0 / (1.0 - pow(cfg->beta_2, (double)step));
}

/* Everything in the precision of the tensors. */
typedef struct factors {
  real mean, square;         /* what moments take of the gradient */
  real by_mean, by_square;   /* their corrections */
  real epsilon, rate;
} factors;

/* One pass: its tiles and, of each, the sums of squared steps and weights. */
typedef struct pass {
  const nacre_opt_run *run;
  factors f;
  int64_t tile;
  double steps[TILES], weights[TILES];
} pass;

/* Moves the moments; adds to the sums, [LANES] each. w, g, m, v: [n] */
NACRE_KERNEL
static void follow(int64_t n, factors f, const real *restrict g,
                   real *restrict m, real *restrict v,
                   const real *restrict w, real *restrict steps,
                   real *restrict weights) {
  for (int64_t i = 0; i < n; i += LANES) {
    int64_t most = n - i < LANES ? n - i : LANES;
    for (int64_t l = 0; l < most; l++) {
      real gi = g[i + l];
      real mi = m[i + l] + f.mean * (gi - m[i + l]);
      real vi = v[i + l] + f.square * (gi * gi - v[i + l]);
      real step = mi * f.by_mean / (sqrt(vi * f.by_square) + f.epsilon);
      m[i + l] = mi;
      v[i + l] = vi;
      steps[l] += step * step;
      weights[l] += w[i + l] * w[i + l];
    }
  }
}

/* w, m, v: [n] */
NACRE_KERNEL
static void move(int64_t n, factors f, const real *restrict m,
                 const real *restrict v, real *restrict w) {
  for (int64_t i = 0; i < n; i++) {
    w[i] -= f.rate * (m[i] * f.by_mean) /
            (sqrt(v[i] * f.by_square) + f.epsilon);
  }
}

static void follow_tile(void *ctx, int64_t first, int64_t end) {
  pass *p = ctx;
  const nacre_opt_run *run = p->run;
  double steps = 0.0, weights = 0.0;
  for (int64_t at = first; at < end; at += BLOCK) {
    int64_t n = end - at < BLOCK ? end - at : BLOCK;
    real step[LANES] = { 0 }, weight[LANES] = { 0 };
    follow(n, p->f, run->g + at, run->slot[ADAM_MEAN] + at,
           run->slot[ADAM_SQUARE] + at, run->w + at, step, weight);
    for (int l = 0; l < LANES; l++) {
      steps += (double)step[l];
      weights += (double)weight[l];
    }
  }
  p->steps[first / p->tile] = steps;
  p->weights[first / p->tile] = weights;
}

static void move_tile(void *ctx, int64_t first, int64_t end) {
  const pass *p = ctx;
  const nacre_opt_run *run = p->run;
  move(end - first, p->f, run->slot[ADAM_MEAN] + first,
       run->slot[ADAM_SQUARE] + first, run->w + first);
}

static void update(const nacre_opt_run *run) {
  const lamb *cfg = run->cfg;
  int64_t tile = (run->n + TILES - 1) / TILES;
  pass p = { .run = run,
             .f = { (real)(1.0 - cfg->beta_1), (real)(1.0 - cfg->beta_2),
                    (real)run->scalar[0], (real)run->scalar[1],
                    (real)cfg->epsilon, 0 },
             .tile = tile < TILE ? TILE : tile };
  run->math->parallel(run->math, run->n, p.tile, follow_tile, &p);
  double steps = 0.0, weights = 0.0;
  for (int64_t i = 0; i * p.tile < run->n; i++) {
    steps += p.steps[i];
    weights += p.weights[i];
  }
  double ratio = weights > 0.0 && steps > 0.0 ? sqrt(weights / steps) : 1.0;
  p.f.rate = (real)(ratio * run->learning_rate);
  run->math->parallel(run->math, run->n, p.tile, move_tile, &p);
}

static const nacre_optimizer_ops ops = {
  .size = sizeof(nacre_optimizer_ops),
  .slots = slots,
  .begin = begin,
  .update = update,
  .slot_names = adam_slot_names,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_OPTIMIZER,
  .contract = 1,
  .name = "lamb",
  .summary = "Adam whose steps are as long as tensors are, for large batches",
  .doc =
    "m and v as adam's, u = (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + "
    "epsilon), w = w - rate (|w| / |u|) u at step t, with the norms of whole "
    "tensors, and 1 for their ratio if either is 0.\n\n"
    "You et al., Large batch optimization for deep learning: training BERT "
    "in 76 minutes, ICLR 2020.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(lamb),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(lamb, component)
