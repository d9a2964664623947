/* SPDX-License-Identifier: MIT */
/* ctc: a sequence of labels against one of frames, however they lie on each
 * other: connectionist temporal classification.
 *
 * The labels l become states, with blanks (class 0) around them: 0 l1 0 l2 0.
 * A path takes a state for each frame, from one of the first two to one of
 * the last two, and goes on by none or one, or by two where that skips a
 * blank between different labels. The loss is -log of the sum of the paths'
 * probabilities. forward[t][s] is the log of the sum over their beginnings
 * that are at s at time t, backward[s] that over what may follow. Logarithms
 * all the way: the sums span more than numbers do. */
#include <math.h>
#include <nacre/plugin.h>
#include <string.h>

/* The log of nothing: large enough to stay, small enough to add. */
#define NOTHING (-1e30)

static int plan(const void *cfg, const nacre_shape *y,
                const nacre_shape *target, nacre_fail *fail) {
  (void)cfg;
  if (y->rank != 2) {
    fail->fail(fail, NULL, "the output must be [frames, classes], but has %d "
               "axes without the batch", y->rank);
    return NACRE_ERROR;
  }
  if (target->rank > 1 || nacre_shape_count(target) > y->dim[0]) {
    fail->fail(fail, NULL, "the target must be labels, [labels], no more "
               "than the %lld frames", (long long)y->dim[0]);
    return NACRE_ERROR;
  }
  return NACRE_OK;
}

/* What one sample needs. */
typedef struct lattice {
  int64_t frames, classes, states;
  double *forward;    /* [frames, states] */
  double *norm;       /* [frames]: log of the sum of e^y */
  double *backward;   /* [states] */
  double *next;       /* [states]: of the frame behind, with its y */
  int64_t *label;     /* [states]: their classes */
  real *terms;        /* [3, states] */
  real *prob;         /* [classes] */
} lattice;

/* Lays the arrays out from `at` on; returns the bytes they take. NULL: only
 * counts. */
static int64_t lay_out(lattice *l, char *at) {
  int64_t doubles = l->frames * l->states + l->frames + 2 * l->states;
  int64_t whole = doubles * (int64_t)sizeof(double) +
                  l->states * (int64_t)sizeof(int64_t);
  if (at != NULL) {
    l->forward = (double *)(void *)at;
    l->norm = l->forward + l->frames * l->states;
    l->backward = l->norm + l->frames;
    l->next = l->backward + l->states;
    l->label = (int64_t *)(void *)(l->next + l->states);
    l->terms = (real *)(void *)(l->label + l->states);
    l->prob = l->terms + 3 * l->states;
  }
  return whole + (3 * l->states + l->classes) * (int64_t)sizeof(real);
}

static int64_t scratch(const void *cfg, const nacre_shape *y,
                       const nacre_shape *target, int64_t samples) {
  lattice l = { .frames = y->dim[0], .classes = y->dim[1],
                .states = 2 * nacre_shape_count(target) + 1 };
  (void)cfg;
  (void)samples;
  if ((double)l.frames * (double)l.states > 1e15) {
    return -1;
  }
  return lay_out(&l, NULL);
}

/* Labels are the target's numbers that are not 0. False: one is no class. */
static bool read_labels(lattice *l, const real *target, int64_t n) {
  l->states = 1;
  l->label[0] = 0;
  for (int64_t i = 0; i < n; i++) {
    if (!(target[i] >= 0 && target[i] < (real)l->classes)) {
      return false;
    }
    int64_t label = (int64_t)target[i];
    if ((real)label < target[i] || label >= l->classes) {
      return false;
    }
    if (label != 0) {
      l->label[l->states] = label;
      l->label[l->states + 1] = 0;
      l->states += 2;
    }
  }
  return true;
}

/* Whether a path may go from s - 2 to s. */
static bool skips(const lattice *l, int64_t s) {
  return s >= 2 && l->label[s] != 0 && l->label[s] != l->label[s - 2];
}

/* out[s] = log of the sum of e^a[s], e^b[s] and e^c[s]; a, b and c are those
 * of s itself, of the state `step` away and of that twice as far. */
static void join(const nacre_math *math, const lattice *l, const double *from,
                 int64_t step, double *out) {
  int64_t n = l->states;
  real *first = l->terms, *second = first + n, *third = second + n;
  for (int64_t s = 0; s < n; s++) {
    int64_t one = s + step, two = one + step;
    double a = from[s];
    double b = one >= 0 && one < n ? from[one] : NOTHING;
    double c = two >= 0 && two < n && skips(l, step < 0 ? s : two)
                 ? from[two] : NOTHING;
    double most = a > b ? a : b;
    most = c > most ? c : most;
    first[s] = (real)(a - most);
    second[s] = (real)(b - most);
    third[s] = (real)(c - most);
    out[s] = most;
  }
  math->exp(math, 3 * n, first, first);
  for (int64_t s = 0; s < n; s++) {
    first[s] += second[s] + third[s];
  }
  math->log(math, n, first, first);
  for (int64_t s = 0; s < n; s++) {
    out[s] += (double)first[s];
  }
}

/* Adds each state's log-probability at a frame; y: [classes] */
static void emit(const lattice *l, const real *y, double norm, double *at) {
  for (int64_t s = 0; s < l->states; s++) {
    at[s] += (double)y[l->label[s]] - norm;
  }
}

/* prob = softmax(y); returns the log of the sum of e^y. */
static double normalize(const nacre_math *math, int64_t n, const real *y,
                        real *prob) {
  double most = (double)y[0], sum = 0.0;
  for (int64_t j = 1; j < n; j++) {
    most = (double)y[j] > most ? (double)y[j] : most;
  }
  for (int64_t j = 0; j < n; j++) {
    prob[j] = (real)((double)y[j] - most);
  }
  math->exp(math, n, prob, prob);
  for (int64_t j = 0; j < n; j++) {
    sum += (double)prob[j];
  }
  for (int64_t j = 0; j < n; j++) {
    prob[j] = (real)((double)prob[j] / sum);
  }
  return most + log(sum);
}

/* Fills forward and returns the log of the probability of the labels. y:
 * [frames, classes] */
static double walk(const nacre_math *math, lattice *l, const real *y) {
  int64_t n = l->states;
  for (int64_t s = 0; s < n; s++) {
    l->forward[s] = s < 2 ? 0.0 : NOTHING;
  }
  for (int64_t t = 0; t < l->frames; t++) {
    double *at = l->forward + t * n;
    l->norm[t] = normalize(math, l->classes, y + t * l->classes, l->prob);
    if (t > 0) {
      join(math, l, at - n, -1, at);
    }
    emit(l, y + t * l->classes, l->norm[t], at);
  }
  const double *last = l->forward + (l->frames - 1) * n;
  double a = last[n - 1], b = n > 1 ? last[n - 2] : NOTHING;
  double most = a > b ? a : b;
  return most + log(exp(a - most) + exp(b - most));
}

/* dy = factor (softmax(y) - how likely each class is at the frame, given the
 * labels), from the last frame to the first. */
static void walk_back(const nacre_math *math, lattice *l, const real *y,
                      double total, double factor, real *dy) {
  int64_t n = l->states;
  for (int64_t s = 0; s < n; s++) {
    l->backward[s] = s >= n - 2 ? 0.0 : NOTHING;
  }
  for (int64_t t = l->frames - 1; t >= 0; t--) {
    const double *forward = l->forward + t * n;
    const real *frame = y + t * l->classes;
    real *slope = dy + t * l->classes;
    if (t < l->frames - 1) {
      memcpy(l->next, l->backward, (size_t)n * sizeof(double));
      emit(l, frame + l->classes, l->norm[t + 1], l->next);
      join(math, l, l->next, 1, l->backward);
    }
    for (int64_t s = 0; s < n; s++) {
      l->terms[s] = (real)(forward[s] + l->backward[s] - total);
    }
    math->exp(math, n, l->terms, l->terms);
    normalize(math, l->classes, frame, slope);
    for (int64_t s = 0; s < n; s++) {
      slope[l->label[s]] -= l->terms[s];
    }
    for (int64_t j = 0; j < l->classes; j++) {
      slope[j] = (real)(factor * (double)slope[j]);
    }
  }
}

/* The sample that begins with row `row`; false if its target is none. */
static bool sample(nacre_loss_run *run, int64_t row) {
  lattice l = { .frames = run->sample_rows, .classes = run->cols,
                .states = 2 * run->target_size + 1 };
  const real *y = run->y + row * run->cols;
  lay_out(&l, run->scratch);
  if (!read_labels(&l, run->target + row / l.frames * run->target_size,
                   run->target_size)) {
    return false;
  }
  double total = walk(run->math, &l, y), factor = 0.0;
  if (total < 0.1 * NOTHING) {
    return false; /* too few frames for so many labels */
  }
  for (int64_t i = row; i < row + l.frames; i++) {
    run->loss[i] = -total;
    factor += run->weight != NULL ? run->weight[i] : run->scale;
  }
  if (run->dy != NULL) {
    walk_back(run->math, &l, y, total, factor, run->dy + row * run->cols);
  }
  return true;
}

static void rows(nacre_loss_run *run) {
  for (int64_t i = 0; i < run->rows; i += run->sample_rows) {
    if (sample(run, i)) {
      continue;
    }
    if (run->fault == 0) {
      run->fault = 1;
      run->fault_row = i;
    }
    for (int64_t j = i; j < i + run->sample_rows; j++) {
      run->loss[j] = 0.0;
    }
    for (int64_t j = i * run->cols;
         run->dy != NULL && j < (i + run->sample_rows) * run->cols; j++) {
      run->dy[j] = 0;
    }
  }
}

static const nacre_loss_ops ops = {
  .size = sizeof(nacre_loss_ops),
  .flags = NACRE_LOSS_INDEX | NACRE_LOSS_SAMPLE,
  .plan = plan,
  .rows = rows,
  .scratch = scratch,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_LOSS,
  .contract = 1,
  .name = "ctc",
  .summary = "A sequence of labels against frames that are not aligned to it",
  .doc =
    "loss = -log of the probability that the frames spell the labels, when "
    "repeated classes are taken once and blanks are left out. The output is "
    "[frames, classes], logits, class 0 being the blank; the target is "
    "[labels], class indices of 1 and more, with zeros behind the last of a "
    "shorter sequence. There must be a frame for each label, and one "
    "between equal ones. The mean is over samples.\n\n"
    "As Keras's CTC. Graves et al., Connectionist temporal classification, "
    "ICML 2006.",
  .params = NACRE_EMPTY_SPAN,
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(ctc, component)
