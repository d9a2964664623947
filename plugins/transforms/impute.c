/* SPDX-License-Identifier: MIT */
/* impute: puts a number where one is missing (NaN).
 *
 * Everything is fitted in a fixed amount of memory per feature, however many
 * samples stream past. The median is selected exactly, six bits of the
 * number's order at a time, a pass over the data for each. The most frequent
 * value is found by the candidates of Misra and Gries, "Finding repeated
 * elements", Science of Computer Programming 2, 1982, counted exactly in a
 * second pass. */
#include <nacre/plugin.h>

#include <math.h>
#include <string.h>

#define MEAN 0
#define MEDIAN 1
#define MOST_FREQUENT 2

#define DIGIT_BITS 6
#define DIGITS ((64 + DIGIT_BITS - 1) / DIGIT_BITS)
#define TABLE 64 /* numbers per digit; candidates */

typedef struct impute_cfg {
  nacre_enum strategy;
  double value;
} impute_cfg;

/* What is kept for one feature. Made of doubles, as the state is. */
typedef struct feature {
  double fill;           /* the result */
  double count;          /* values that were there */
  double rank;           /* median: place among those that share the prefix */
  double high, low;      /* median: the 32-bit halves of the prefix */
  double next;           /* median: the least value above it */
  double count_table[TABLE];
  double value_table[TABLE];
} feature;

#define FEATURE_DOUBLES ((int64_t)(sizeof(feature) / sizeof(double)))

static int64_t per_feature(const impute_cfg *cfg) {
  return cfg->strategy.value == MEDIAN ||
             cfg->strategy.value == MOST_FREQUENT
           ? FEATURE_DOUBLES : 2;
}

static int impute_plan(nacre_transform_plan *plan) {
  const impute_cfg *cfg = plan->cfg;
  int64_t features = nacre_shape_last(&plan->in.shape);
  if (features > INT64_MAX / 16 / FEATURE_DOUBLES) {
    plan->fail->fail(plan->fail, NULL, "too many features");
    return NACRE_ERROR;
  }
  plan->state_count =
    cfg->strategy.value <= MOST_FREQUENT ? features * per_feature(cfg) : 0;
  return NACRE_OK;
}

/* --- mean: [fill, count] --- */

static void mean_add(double *state, double value) {
  state[1] += 1;
  state[0] += (value - state[0]) / state[1];
}

/* --- median --- */

/* Unsigned integers in the order of the numbers: the sign bit flipped, and
 * all others too where it was set. */
static uint64_t order_of(double value) {
  uint64_t bits;
  value += 0.0; /* -0 is 0 */
  memcpy(&bits, &value, sizeof(bits));
  return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

static double number_of(uint64_t order) {
  uint64_t bits = order >> 63 ? order & ~((uint64_t)1 << 63) : ~order;
  double value;
  memcpy(&value, &bits, sizeof(value));
  return value;
}

static uint64_t prefix_of(const feature *f) {
  return (uint64_t)f->high << 32 | (uint64_t)f->low;
}

static int shift_of(int32_t pass) {
  int shift = 64 - DIGIT_BITS * (pass + 1);
  return shift > 0 ? shift : 0;
}

static void median_add(feature *f, int32_t pass, double value) {
  uint64_t order = order_of(value);
  if (pass == DIGITS) { /* the last pass, for the value above */
    if (value > f->fill && !(f->next <= value)) {
      f->next = value;
    }
    return;
  }
  int known = DIGIT_BITS * pass;
  if (known > 0 && (order ^ prefix_of(f)) >> (64 - known) != 0) {
    return;
  }
  f->count += pass == 0;
  f->count_table[(order >> shift_of(pass)) & (TABLE - 1)] += 1;
}

/* Descends into the digit that holds the wanted rank. */
static void median_descend(feature *f, int32_t pass) {
  /* The last digit has fewer bits: those it shares with the one before are
   * the same in all that were counted. */
  if (pass == 0) {
    f->rank = floor((f->count - 1) / 2);
  }
  uint64_t digit = 0;
  while (digit < TABLE - 1 && f->rank >= f->count_table[digit]) {
    f->rank -= f->count_table[digit];
    digit++;
  }
  uint64_t prefix = prefix_of(f) | digit << shift_of(pass);
  f->high = (double)(prefix >> 32);
  f->low = (double)(prefix & UINT32_MAX);
  if (pass == DIGITS - 1) {
    f->fill = number_of(prefix);
    f->next = (double)NAN;
    /* Of an even number, the other of the two in the middle is this value
     * too if it comes again, else the least above it. */
    bool again = f->rank + 1 < f->count_table[digit];
    f->rank = fmod(f->count, 2) == 0 && !again;
  }
  memset(f->count_table, 0, sizeof(f->count_table));
}

static void median_finish(feature *f) {
  if (f->rank > 0 && !isnan(f->next)) {
    f->fill = f->fill / 2 + f->next / 2;
  }
}

/* --- most frequent --- */

static void frequent_add(feature *f, int32_t pass, double value) {
  int free_slot = -1;
  for (int i = 0; i < TABLE; i++) {
    if (f->count_table[i] > 0 || pass > 0) {
      if (f->value_table[i] == value) {
        f->count_table[i] += 1;
        f->count += pass == 0;
        return;
      }
    } else {
      free_slot = i;
    }
  }
  if (pass > 0) {
    return;
  }
  f->count += 1;
  if (free_slot >= 0) {
    f->value_table[free_slot] = value;
    f->count_table[free_slot] = 1;
    return;
  }
  for (int i = 0; i < TABLE; i++) {
    f->count_table[i] -= 1;
  }
}

/* Candidates that did not last are marked by NaN, which equals nothing. */
static void frequent_restart(feature *f) {
  for (int i = 0; i < TABLE; i++) {
    if (f->count_table[i] == 0) {
      f->value_table[i] = (double)NAN;
    }
    f->count_table[i] = 0;
  }
}

/* Of equally frequent values the least, as scikit-learn has it. False: none
 * is frequent enough to be sure of. */
static bool frequent_finish(feature *f) {
  double best = 0;
  for (int i = 0; i < TABLE; i++) {
    double count = f->count_table[i];
    if (count > best ||
        (count == best && count > 0 && f->value_table[i] < f->fill)) {
      best = count;
      f->fill = f->value_table[i];
    }
  }
  return f->count == 0 || best * (TABLE + 1) > f->count;
}

/* --- ops --- */

/* A pass has ended: 1 for another. */
static int end_pass(const impute_cfg *cfg, double *state, int64_t features,
                    int32_t pass, nacre_fail *fail) {
  int strategy = cfg->strategy.value;
  int32_t last = strategy == MEDIAN ? DIGITS
                                    : strategy == MOST_FREQUENT ? 1 : 0;
  for (int64_t i = 0; i < features; i++) {
    double *own = state + i * per_feature(cfg);
    feature *f = (feature *)own;
    if (strategy == MEAN) {
      continue;
    }
    if (strategy == MEDIAN) {
      if (pass < DIGITS && f->count > 0) {
        median_descend(f, pass);
      } else if (f->count > 0) {
        median_finish(f);
      }
    } else if (pass == 0) {
      frequent_restart(f);
    } else if (!frequent_finish(f)) {
      fail->fail(fail, NULL, "no value of feature %lld is frequent: use "
                             "strategy mean or median", (long long)i);
      return NACRE_ERROR;
    }
  }
  for (int64_t i = 0; pass == last && i < features; i++) {
    if (!(state[i * per_feature(cfg) + 1] > 0)) {
      fail->fail(fail, NULL, "feature %lld is missing in every training "
                             "sample", (long long)i);
      return NACRE_ERROR;
    }
  }
  return pass < last;
}

/* x: [n, in] */
static int impute_fit(const void *config, const nacre_shape *in,
                      double *state, int32_t pass, int64_t n, const real *x,
                      nacre_fail *fail) {
  const impute_cfg *cfg = config;
  int64_t features = nacre_shape_last(in);
  int64_t rows = n * nacre_shape_count(in) / features;
  if (cfg->strategy.value > MOST_FREQUENT) {
    return 0;
  }
  if (n == 0) {
    return end_pass(cfg, state, features, pass, fail);
  }
  for (int64_t i = 0; i < rows; i++) {
    for (int64_t f = 0; f < features; f++) {
      double value = (double)x[i * features + f];
      double *own = state + f * per_feature(cfg);
      if (isnan(value)) {
        continue;
      }
      if (cfg->strategy.value == MEAN) {
        mean_add(own, value);
      } else if (cfg->strategy.value == MEDIAN) {
        median_add((feature *)own, pass, value);
      } else {
        frequent_add((feature *)own, pass, value);
      }
    }
  }
  return 0;
}

/* x, out: [n, in] */
static int impute_apply(const void *config, const nacre_shape *in,
                        const double *state, nacre_key key, int64_t n,
                        const real *x, real *out, nacre_fail *fail) {
  const impute_cfg *cfg = config;
  int64_t features = nacre_shape_last(in);
  int64_t rows = n * nacre_shape_count(in) / features;
  bool constant = cfg->strategy.value > MOST_FREQUENT;
  (void)key;
  (void)fail;
  for (int64_t i = 0; i < rows; i++) {
    for (int64_t f = 0; f < features; f++) {
      int64_t at = i * features + f;
      out[at] = !isnan(x[at]) ? x[at]
                : constant    ? (real)cfg->value
                              : (real)state[f * per_feature(cfg)];
    }
  }
  return NACRE_OK;
}

static const nacre_param params[] = {
  NACRE_PARAM(impute_cfg, strategy, "mean",
              "mean|median|most_frequent|constant", "",
              "What stands in for a missing value.", 0),
  NACRE_PARAM(impute_cfg, value, "0", "(-inf,inf)", "",
              "The number, with strategy constant.", 0),
};

static const nacre_transform_ops ops = {
  .size = sizeof(nacre_transform_ops),
  .plan = impute_plan,
  .fit = impute_fit,
  .apply = impute_apply,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_TRANSFORM,
  .contract = 1,
  .name = "impute",
  .summary = "Put a number where one is missing",
  .doc = "NaN becomes the mean, the median or the most frequent value that "
         "the same element of the last axis has in the training split, or a "
         "constant. A feature that is always missing there is an error, and "
         "so is asking for the most frequent of values none of which makes "
         "up more than a 65th.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(impute_cfg),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(impute, component)
