/* SPDX-License-Identifier: MIT */
/* muon: steps that are orthogonal matrices, nearly; adam for what is no
 * matrix. */
#include "adam.h"

#include <string.h>

#define TILE 4096 /* elements that a thread takes at a time */

/* Coefficients of x, x x' x and x x' x x' x in a step towards an orthogonal
 * matrix: Jordan's, which bring small singular values near 1 soonest. */
#define LINEAR 3.4445
#define CUBIC (-4.7750)
#define QUINTIC 2.0315

typedef struct muon {
  double learning_rate, adam_beta_1, adam_beta_2, adam_weight_decay, epsilon;
  double weight_decay, adam_lr_ratio, momentum, rms_rate;
  int64_t ns_steps;
  nacre_strings exclude_layers;
  bool exclude_embeddings, nesterov;
} muon;

static const nacre_param params[] = {
  NACRE_PARAM_AS(muon, learning_rate, "lr", "0.001", "[0,inf)", "",
                 "Size of a step.", NACRE_PARAM_SCHEDULABLE),
  NACRE_PARAM(muon, adam_beta_1, "0.9", "[0,1)", "",
              "Adam's decay of the mean of gradients.", 0),
  NACRE_PARAM(muon, adam_beta_2, "0.999", "[0,1)", "",
              "Adam's decay of the mean of squared gradients.", 0),
  NACRE_PARAM(muon, adam_weight_decay, "0.004", "[0,inf)", "",
              "weight_decay of what adam moves.", 0),
  NACRE_PARAM(muon, epsilon, "1e-7", "(0,inf)", "",
              "Added to the root of adam's second moment.", 0),
  NACRE_PARAM(muon, weight_decay, "0.004", "[0,inf)", "",
              "Before each update weights shrink by this times the learning "
              "rate.", 0),
  NACRE_PARAM(muon, exclude_layers, "[]", NULL, "",
              "Adam moves weights whose names, such as fc1.kernel, contain "
              "one of these.", 0),
  NACRE_PARAM(muon, exclude_embeddings, "true", NULL, "",
              "Adam moves weights whose names contain \"embedding\".", 0),
  NACRE_PARAM(muon, adam_lr_ratio, "1.0", "[0,inf)", "",
              "Factor of the learning rate for what adam moves.", 0),
  NACRE_PARAM(muon, momentum, "0.95", "[0,1)", "",
              "What the sum of gradients keeps of itself.", 0),
  NACRE_PARAM(muon, ns_steps, "5", "[1,100]", "",
              "Steps towards an orthogonal matrix.", 0),
  NACRE_PARAM(muon, nesterov, "true", NULL, "",
              "Look ahead: the step is of gradient and momentum.", 0),
  NACRE_PARAM(muon, rms_rate, "0.2", "(0,inf)", "",
              "Steps are multiplied by this and by the root of the longer "
              "side.", 0),
};

static uint32_t slots(const void *cfg, double *start) {
  (void)cfg;
  (void)start;
  return 2;
}

static void begin(const void *config, double learning_rate, int64_t step,
                  double *scalar) {
  const muon *cfg = config;
  (void)learning_rate;
  scalar[0] = adam_correction(cfg->adam_beta_1, cfg->adam_beta_2, step);
}

/* x and its next value, [rows, cols]; two squares of the shorter side. */
static int64_t scratch(const void *cfg, const nacre_shape *shape) {
  (void)cfg;
  if (shape->rank != 2) {
    return 0;
  }
  int64_t n = nacre_shape_count(shape);
  int64_t side = shape->dim[0] < shape->dim[1] ? shape->dim[0]
                                               : shape->dim[1];
  return n > INT64_MAX / 64 ? -1
                            : 2 * (n + side * side) * (int64_t)sizeof(real);
}

/* c = alpha op(a) op(b) + beta c; op(a): [m, k], op(b): [k, n] */
static void multiply(const nacre_math *math, uint32_t flags, int64_t m,
                     int64_t n, int64_t k, double alpha, const real *a,
                     const real *b, double beta, real *c) {
  nacre_gemm call = { .size = sizeof call, .flags = flags, .m = m, .n = n,
                      .k = k, .a = a,
                      .lda = (flags & NACRE_GEMM_TRANS_A) != 0 ? m : k,
                      .b = b,
                      .ldb = (flags & NACRE_GEMM_TRANS_B) != 0 ? k : n,
                      .c = c, .ldc = n, .batch = 1, .alpha = alpha,
                      .beta = beta };
  math->gemm(math, &call);
}

/* One step of Newton and Schulz: y = LINEAR x + (CUBIC S + QUINTIC S S) x with
 * S = x x', or the same with S = x' x behind x if that is smaller. x, y:
 * [rows, cols] */
static void approach(const nacre_opt_run *run, const real *x, real *y,
                     real *square, real *mixed) {
  const nacre_math *math = run->math;
  int64_t rows = run->shape->dim[0], cols = run->shape->dim[1];
  bool wide = rows <= cols;
  int64_t side = wide ? rows : cols;
  multiply(math, wide ? NACRE_GEMM_TRANS_B : NACRE_GEMM_TRANS_A, side, side,
           wide ? cols : rows, 1.0, x, x, 0.0, square);
  math->copy(math, side * side, square, mixed);
  multiply(math, 0, side, side, side, QUINTIC, square, square,
           CUBIC, mixed);
  math->copy(math, run->n, x, y);
  multiply(math, 0, rows, cols, side, 1.0, wide ? mixed : x,
           wide ? x : mixed, LINEAR, y);
}

static void update_matrix(const nacre_opt_run *run) {
  const nacre_math *math = run->math;
  const muon *cfg = run->cfg;
  int64_t rows = run->shape->dim[0], cols = run->shape->dim[1];
  int64_t side = rows < cols ? rows : cols;
  real *m = run->slot[ADAM_MEAN], *x = run->scratch, *y = x + run->n;
  real *square = y + run->n, *mixed = square + side * side;
  math->scale(math, run->n, (real)cfg->momentum, m);
  math->axpy(math, run->n, 1, run->g, m);
  math->copy(math, run->n, cfg->nesterov ? run->g : m, x);
  if (cfg->nesterov) {
    math->axpy(math, run->n, (real)cfg->momentum, m, x);
  }
  double norm = sqrt(math->dot(math, run->n, x, x));
  math->scale(math, run->n, (real)(1.0 / (norm + 1e-7)), x);
  for (int64_t i = 0; i < cfg->ns_steps; i++) {
    approach(run, x, y, square, mixed);
    real *next = y;
    y = x;
    x = next;
  }
  double longer = (double)(rows > cols ? rows : cols);
  double rate = run->learning_rate * cfg->rms_rate * sqrt(longer);
  math->axpy(math, run->n, (real)-rate, x, run->w);
}

static bool contains(const char *name, const char *part) {
  return name != NULL && strstr(name, part) != NULL;
}

static bool is_adams(const nacre_opt_run *run) {
  const muon *cfg = run->cfg;
  if (run->shape->rank != 2 ||
      (cfg->exclude_embeddings && contains(run->name, "embedding"))) {
    return true;
  }
  for (int64_t i = 0; i < cfg->exclude_layers.n; i++) {
    if (contains(run->name, cfg->exclude_layers.at[i])) {
      return true;
    }
  }
  return false;
}

typedef struct pass {
  const nacre_opt_run *run;
  adam_factors f;
  real decay; /* what weights are multiplied by */
} pass;

static void adam_tile(void *ctx, int64_t first, int64_t end) {
  const pass *p = ctx;
  nacre_opt_run run = *p->run;
  run.n = end - first;
  run.w += first;
  run.g += first;
  run.slot[ADAM_MEAN] += first;
  run.slot[ADAM_SQUARE] += first;
  for (int64_t i = 0; i < run.n; i++) {
    run.w[i] *= p->decay;
  }
  adam_update(&run, p->f, false);
}

static void update(const nacre_opt_run *run) {
  const muon *cfg = run->cfg;
  if (!is_adams(run)) {
    update_matrix(run);
    return;
  }
  /* The host has shrunk these weights as it does matrices. */
  double done = 1.0 - run->learning_rate * cfg->weight_decay;
  double wanted = 1.0 - run->learning_rate * cfg->adam_weight_decay;
  double rate = run->learning_rate * cfg->adam_lr_ratio;
  pass p = { run,
             { (real)(rate * run->scalar[0]),
               (real)(1.0 - cfg->adam_beta_1),
               (real)(1.0 - cfg->adam_beta_2), (real)cfg->epsilon },
             done > 0.0 ? (real)(wanted / done) : 1 };
  run->math->parallel(run->math, run->n, TILE, adam_tile, &p);
}

static const nacre_optimizer_ops ops = {
  .size = sizeof(nacre_optimizer_ops),
  .slots = slots,
  .begin = begin,
  .update = update,
  .slot_names = adam_slot_names,
  .scratch = scratch,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_OPTIMIZER,
  .contract = 1,
  .name = "muon",
  .summary = "Steps that are orthogonal matrices, nearly; adam for the rest",
  .doc =
    "For weights with two axes m = momentum m + g, and the step is the "
    "orthogonal matrix nearest to g + momentum m (m itself without "
    "nesterov), by ns_steps steps of Newton and Schulz, times rate rms_rate "
    "sqrt(longer side). Adam moves all others, and embeddings.\n\n"
    "Jordan et al., Muon: an optimizer for hidden layers in neural networks, "
    "2024; Liu et al., Muon is scalable for LLM training, 2025.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(muon),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(muon, component)
