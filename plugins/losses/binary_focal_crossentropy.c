/* SPDX-License-Identifier: MIT */
/* binary_focal_crossentropy: cross-entropy that leaves easy elements alone. */
#include <math.h>
#include <nacre/plugin.h>

#define EPSILON 1e-7 /* probabilities stay this far from 0 and 1 */

typedef struct binary_focal_crossentropy {
  double alpha, gamma, label_smoothing;
  bool apply_class_balancing;
} binary_focal_crossentropy;

static const nacre_param params[] = {
  NACRE_PARAM(binary_focal_crossentropy, apply_class_balancing, "false",
              NULL, "", "Weigh the classes 1 and 0 by alpha and 1 - alpha.",
              0),
  NACRE_PARAM(binary_focal_crossentropy, alpha, "0.25", "[0,1]", "",
              "Weight of class 1 with apply_class_balancing.", 0),
  NACRE_PARAM(binary_focal_crossentropy, gamma, "2.0", "[0,inf)", "",
              "How much less easy elements count; 0: not at all less.", 0),
  NACRE_PARAM(binary_focal_crossentropy, label_smoothing, "0", "[0,1]", "",
              "How far targets are drawn from 0 and 1 towards one half.", 0),
};

/* Targets after smoothing are keep * target + lift. */
typedef struct settings {
  double keep, lift, gamma, alpha;
  bool balanced;
} settings;

/* What one element is judged by: its target, its probability, the
 * cross-entropy and the slopes of these two by y. */
typedef struct element {
  double t, p, entropy, dp, dentropy;
} element;

static element of_logit(double t, double z) {
  double e = exp(z < 0.0 ? z : -z);
  double p = (z < 0.0 ? e : 1.0) / (1.0 + e);
  element x = { t, p, (z > 0.0 ? z : 0.0) - z * t + log1p(e),
                e / ((1.0 + e) * (1.0 + e)), p - t };
  return x;
}

static element of_probability(double t, double p) {
  const double least = EPSILON, most = 1.0 - EPSILON;
  double q = p < least ? least : p > most ? most : p;
  bool inside = p >= least && p <= most;
  element x = { t, p, -t * log(q) - (1.0 - t) * log(1.0 - q), 1.0,
                inside ? (q - t) / (q * (1.0 - q)) : 0.0 };
  return x;
}

/* loss = w (1 - hit)^gamma entropy with hit = t p + (1 - t) (1 - p); the slope
 * by y goes to *slope. */
static double focal(const settings *s, element x, double *slope) {
  double miss = 1.0 - x.t * x.p - (1.0 - x.t) * (1.0 - x.p);
  double weight = s->balanced
                    ? x.t * s->alpha + (1.0 - x.t) * (1.0 - s->alpha) : 1.0;
  miss = miss < 0.0 ? 0.0 : miss;
  double power = pow(miss, s->gamma);
  /* dmiss/dp = 1 - 2 t; pow(0, gamma - 1) might be infinite. */
  double steep = miss > 0.0 ? s->gamma * power / miss : 0.0;
  *slope = weight * (steep * (1.0 - 2.0 * x.t) * x.dp * x.entropy +
                     power * x.dentropy);
  return weight * power * x.entropy;
}

static void rows(nacre_loss_run *run) {
  const binary_focal_crossentropy *cfg = run->cfg;
  const settings s = { 1.0 - cfg->label_smoothing,
                       0.5 * cfg->label_smoothing, cfg->gamma, cfg->alpha,
                       cfg->apply_class_balancing };
  const double mean = 1.0 / (double)run->cols;
  for (int64_t i = 0; i < run->rows; i++) {
    double factor =
      mean * (run->weight != NULL ? run->weight[i] : run->scale);
    double sum = 0.0;
    for (int64_t j = i * run->cols; j < (i + 1) * run->cols; j++) {
      double t = s.keep * (double)run->target[j] + s.lift, slope;
      element x = run->on_logits ? of_logit(t, (double)run->y[j])
                                 : of_probability(t, (double)run->y[j]);
      sum += focal(&s, x, &slope);
      if (run->dy != NULL) {
        run->dy[j] = (real)(factor * slope);
      }
      if (run->prob != NULL) {
        run->prob[j] = (real)x.p;
      }
    }
    run->loss[i] = mean * sum;
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
  .name = "binary_focal_crossentropy",
  .summary = "Cross-entropy of targets 0 or 1 that leaves easy elements alone",
  .doc =
    "loss = mean over the last axis of (1 - h)^gamma times the binary "
    "cross-entropy, h = t p + (1 - t) (1 - p) being how far the prediction "
    "is right; with apply_class_balancing also times t alpha + (1 - t) "
    "(1 - alpha). After a sigmoid it is computed from the sigmoid's "
    "input.\n\n"
    "Lin et al., Focal loss for dense object detection, ICCV 2017.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(binary_focal_crossentropy),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(binary_focal_crossentropy, component)
