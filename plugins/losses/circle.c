/* SPDX-License-Identifier: MIT */
/* circle: embeddings of one class near each other, of others far. */
#include <math.h>
#include <nacre/plugin.h>

typedef struct circle {
  double gamma, margin;
  bool remove_diagonal;
} circle;

static const nacre_param params[] = {
  NACRE_PARAM(circle, gamma, "80", "(0,inf)", "",
              "Scale of the similarities.", 0),
  NACRE_PARAM(circle, margin, "0.4", "[0,1]", "",
              "How much nearer than others a class is to be.", 0),
  NACRE_PARAM(circle, remove_diagonal, "true", NULL, "",
              "A sample does not count as a neighbour of itself.", 0),
};

static int plan(const void *cfg, const nacre_shape *y,
                const nacre_shape *target, nacre_fail *fail) {
  (void)cfg;
  if (y->rank != 1 || nacre_shape_count(target) != 1) {
    fail->fail(fail, NULL, "the output must be one vector for each sample, "
               "and the target one class number");
    return NACRE_ERROR;
  }
  return NACRE_OK;
}

/* Similarities of all pairs, and their gradients. */
static int64_t scratch(const void *cfg, const nacre_shape *y,
                       const nacre_shape *target, int64_t samples) {
  (void)cfg;
  (void)y;
  (void)target;
  return samples > INT32_MAX / 8
           ? -1 : 2 * samples * samples * (int64_t)sizeof(real);
}

/* c = op(a) b + beta c */
static void multiply(const nacre_math *math, uint32_t flags, int64_t m,
                     int64_t n, int64_t k, const real *a, const real *b,
                     double beta, real *c) {
  nacre_gemm call = { .size = sizeof call, .flags = flags, .m = m, .n = n,
                      .k = k, .a = a,
                      .lda = (flags & NACRE_GEMM_TRANS_A) != 0 ? m : k,
                      .b = b,
                      .ldb = (flags & NACRE_GEMM_TRANS_B) != 0 ? k : n,
                      .c = c, .ldc = n, .batch = 1, .alpha = 1.0,
                      .beta = beta };
  math->gemm(math, &call);
}

/* A pair at distance d = max(1 - s, 0): for neighbours gamma (d^2 - m^2), for
 * others gamma ((1 - d)^2 - m^2), or 0 beyond 1 + m; and the slope by s. */
static double pair(const circle *cfg, bool same, double s, double *slope) {
  double d = 1.0 - s < 0.0 ? 0.0 : 1.0 - s, m = cfg->margin;
  double moving = 1.0 - s > 0.0 ? 2.0 * cfg->gamma : 0.0;
  if (same) {
    *slope = -moving * d;
    return cfg->gamma * (d * d - m * m);
  }
  if (d >= 1.0 + m) {
    *slope = 0.0;
    return 0.0;
  }
  *slope = moving * (1.0 - d);
  return cfg->gamma * ((1.0 - d) * (1.0 - d) - m * m);
}

/* The log of a sum of exponentials that grows. */
typedef struct log_sum {
  double most, sum;
  int64_t n;
} log_sum;

static void add_to(log_sum *l, double x) {
  if (l->n++ == 0) {
    l->most = x;
  }
  if (x > l->most) {
    l->sum *= exp(l->most - x);
    l->most = x;
  }
  l->sum += exp(x - l->most);
}

/* Whether j is nothing to i: i itself. */
static bool is_left_out(const circle *cfg, int64_t i, int64_t j) {
  return cfg->remove_diagonal && i == j;
}

/* Row i of the similarities, s: [rows]. Its loss is softplus(log-sum over
 * neighbours + log-sum over others); g, [rows], gets the slopes by s, if it
 * is not NULL. False, and nothing written, if either are none. */
static bool anchor(const nacre_loss_run *run, int64_t i, const real *s,
                   real *g, double *loss) {
  const circle *cfg = run->cfg;
  const real *t = run->target;
  log_sum sum[2] = { { 0.0, 0.0, 0 }, { 0.0, 0.0, 0 } };
  double slope;
  for (int64_t j = 0; j < run->rows; j++) {
    bool same = t[j] == t[i];
    if (!is_left_out(cfg, i, j)) {
      add_to(&sum[same], pair(cfg, same, (double)s[j], &slope));
    }
  }
  if (sum[0].n == 0 || sum[1].n == 0) {
    return false;
  }
  double x = sum[0].most + log(sum[0].sum) + sum[1].most + log(sum[1].sum);
  *loss = (x > 0.0 ? x : 0.0) + log1p(exp(-fabs(x)));
  double outer = x > 0.0 ? 1.0 / (1.0 + exp(-x)) : exp(x) / (1.0 + exp(x));
  for (int64_t j = 0; j < run->rows && g != NULL; j++) {
    bool same = t[j] == t[i];
    double value = pair(cfg, same, (double)s[j], &slope);
    double share = exp(value - sum[same].most) / sum[same].sum;
    g[j] = is_left_out(cfg, i, j) ? 0 : (real)(outer * share * slope);
  }
  return true;
}

/* Rows of g that have no loss become 0, the others get their factors. Every
 * loss counts for as many rows as there are of each that has one. */
static void weigh(nacre_loss_run *run, int64_t found, real *g) {
  double each = found > 0 ? (double)run->rows / (double)found : 0.0;
  for (int64_t i = 0; i < run->rows; i++) {
    bool none = run->loss[i] < 0.0;
    double factor = run->weight != NULL ? run->weight[i] : run->scale;
    real times = none ? 0 : (real)(each * factor);
    run->loss[i] = none ? 0.0 : each * run->loss[i];
    for (int64_t j = 0; j < run->rows && g != NULL; j++) {
      real *at = g + i * run->rows + j;
      *at = none ? 0 : *at * times;
    }
  }
}

/* S = Y Y', dY = (G + G') Y with G the gradient by S. */
static void rows(nacre_loss_run *run) {
  int64_t n = run->rows, d = run->cols, found = 0;
  real *s = run->scratch, *g = run->dy != NULL ? s + n * n : NULL;
  multiply(run->math, NACRE_GEMM_TRANS_B, n, n, d, run->y, run->y, 0.0, s);
  for (int64_t i = 0; i < n; i++) {
    if (anchor(run, i, s + i * n, g != NULL ? g + i * n : NULL,
               &run->loss[i])) {
      found++;
    } else {
      run->loss[i] = -1.0; /* for weigh() */
    }
  }
  weigh(run, found, g);
  if (g != NULL) {
    multiply(run->math, 0, n, d, n, g, run->y, 0.0, run->dy);
    multiply(run->math, NACRE_GEMM_TRANS_A, n, d, n, g, run->y, 1.0,
             run->dy);
  }
}

static const nacre_loss_ops ops = {
  .size = sizeof(nacre_loss_ops),
  .flags = NACRE_LOSS_INDEX | NACRE_LOSS_BATCH,
  .plan = plan,
  .rows = rows,
  .scratch = scratch,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_LOSS,
  .contract = 1,
  .name = "circle",
  .summary = "Embeddings of one class near each other, of others far",
  .doc =
    "For vectors y of length 1 (unit_normalization makes them) and class "
    "numbers: with d = max(1 - y_i y_j, 0) the loss of sample i is "
    "softplus(log sum exp(gamma (d^2 - margin^2)) over the batch's samples "
    "of its class + log sum exp(gamma ((1 - d)^2 - margin^2)) over those of "
    "others). Samples without any of either kind do not count.\n\n"
    "As Keras's Circle. Sun et al., Circle loss, CVPR 2020.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(circle),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(circle, component)
