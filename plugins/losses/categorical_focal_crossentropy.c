/* SPDX-License-Identifier: MIT */
/* categorical_focal_crossentropy: cross-entropy over classes that leaves easy
 * rows alone. */
#include <math.h>
#include <nacre/plugin.h>

#define EPSILON 1e-7 /* probabilities stay this far from 0 and 1 */

typedef struct categorical_focal_crossentropy {
  nacre_floats alpha;
  double gamma, label_smoothing;
} categorical_focal_crossentropy;

static const nacre_param params[] = {
  NACRE_PARAM(categorical_focal_crossentropy, alpha, "0.25", "[0,inf)", "",
              "Weight of all classes, or a list with one of each.", 0),
  NACRE_PARAM(categorical_focal_crossentropy, gamma, "2.0", "[0,inf)", "",
              "How much less easy classes count; 0: not at all less.", 0),
  NACRE_PARAM(categorical_focal_crossentropy, label_smoothing, "0", "[0,1]",
              "", "How far targets are drawn towards all classes alike.", 0),
};

static int plan(const void *config, const nacre_shape *y,
                const nacre_shape *target, nacre_fail *fail) {
  const categorical_focal_crossentropy *cfg = config;
  int64_t classes = nacre_shape_last(y);
  if (!nacre_shape_equal(y, target)) {
    fail->fail(fail, NULL, "the target must have the shape of the output, "
               "with a number for each class");
    return NACRE_ERROR;
  }
  if (cfg->alpha.n != 1 && cfg->alpha.n != classes) {
    fail->fail(fail, NULL, "alpha has %lld numbers; expected one, or one for "
               "each of %lld classes", (long long)cfg->alpha.n,
               (long long)classes);
    return NACRE_ERROR;
  }
  return NACRE_OK;
}

/* What turns the numbers of a row into probabilities: p = e^(y - shift) /
 * sum, or y / sum. */
typedef struct scale {
  double shift, sum, log_sum;
} scale;

static scale scale_of(const nacre_loss_run *run, const real *y) {
  scale s = { (double)y[0], 0.0, 0.0 };
  for (int64_t j = 1; j < run->cols; j++) {
    s.shift = (double)y[j] > s.shift ? (double)y[j] : s.shift;
  }
  for (int64_t j = 0; j < run->cols; j++) {
    s.sum += run->on_logits ? exp((double)y[j] - s.shift) : (double)y[j];
  }
  s.sum = s.sum == 0.0 ? 1.0 : s.sum; /* no class at all */
  s.log_sum = log(s.sum);
  return s;
}

/* One class: its probability, its loss -alpha (1 - p)^gamma t log p, and p
 * times the slope of that by p. */
typedef struct part {
  double p, loss, slope;
} part;

static part part_of(const nacre_loss_run *run, const scale *s, double y,
                    double t, double alpha, double gamma) {
  const double least = EPSILON, most = 1.0 - EPSILON;
  part x;
  double q, log_q, inside = 1.0;
  if (run->on_logits) {
    x.p = q = exp(y - s->shift) / s->sum;
    log_q = y - s->shift - s->log_sum;
  } else {
    x.p = y / s->sum;
    q = x.p < least ? least : x.p > most ? most : x.p;
    log_q = log(q);
    inside = x.p >= least && x.p <= most ? 1.0 : 0.0;
  }
  double rest = 1.0 - q, power = pow(rest, gamma);
  /* pow(0, gamma - 1) might be infinite. */
  double steep = rest > 0.0 ? gamma * q * power / rest : 0.0;
  x.loss = -alpha * power * t * log_q;
  x.slope = inside * alpha * t * (steep * log_q - power);
  return x;
}

/* With g = p dloss/dp: on logits dloss/dy = g - p sum of g, on numbers that
 * are brought to a sum of 1, (g / p - sum of g) / sum. */
static void row(nacre_loss_run *run, int64_t i) {
  const categorical_focal_crossentropy *cfg = run->cfg;
  const int64_t at = i * run->cols;
  const double keep = 1.0 - cfg->label_smoothing;
  const double lift = cfg->label_smoothing / (double)run->cols;
  double factor = run->weight != NULL ? run->weight[i] : run->scale;
  scale s = scale_of(run, run->y + at);
  double loss = 0.0, sum = 0.0;
  for (int pass = 0; pass < (run->dy != NULL ? 2 : 1); pass++) {
    for (int64_t j = 0; j < run->cols; j++) {
      double t = keep * (double)run->target[at + j] + lift;
      part x = part_of(run, &s, (double)run->y[at + j], t,
                       cfg->alpha.at[cfg->alpha.n > 1 ? j : 0], cfg->gamma);
      if (pass == 0) {
        loss += x.loss;
        sum += x.slope;
        if (run->prob != NULL) {
          run->prob[at + j] = (real)x.p;
        }
      } else if (run->on_logits) {
        run->dy[at + j] = (real)(factor * (x.slope - x.p * sum));
      } else {
        double own = x.p > 0.0 ? x.slope / x.p : 0.0;
        run->dy[at + j] = (real)(factor * (own - sum) / s.sum);
      }
    }
  }
  run->loss[i] = loss;
}

static void rows(nacre_loss_run *run) {
  for (int64_t i = 0; i < run->rows; i++) {
    row(run, i);
  }
}

static const nacre_loss_ops ops = {
  .size = sizeof(nacre_loss_ops),
  .flags = NACRE_LOSS_CLASSES,
  .undoes = "softmax",
  .plan = plan,
  .rows = rows,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_LOSS,
  .contract = 1,
  .name = "categorical_focal_crossentropy",
  .summary = "Cross-entropy over classes that leaves easy rows alone",
  .doc =
    "loss = sum over classes of -alpha (1 - p)^gamma t log p, for one-hot "
    "targets t. After a softmax it is computed from the softmax's input; "
    "elsewhere p is brought to a sum of 1 and kept within "
    "[1e-7, 1 - 1e-7].\n\n"
    "Lin et al., Focal loss for dense object detection, ICCV 2017.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(categorical_focal_crossentropy),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(categorical_focal_crossentropy, component)
