/* SPDX-License-Identifier: MIT */
/* words: values of one parameter, inside its range and just outside. */
#include "candidates.h"

#include "base/text.h"

#include <math.h>
#include <string.h>

/* An interval such as "(0,inf)" or "[-1,1]". */
typedef struct interval {
  double low, high;
  bool low_open, high_open;
} interval;

static bool read_bound(const char *text, size_t n, double *value) {
  while (n > 0 && *text == ' ') {
    text++;
    n--;
  }
  if (n == 3 && strncmp(text, "inf", 3) == 0) {
    *value = INFINITY;
    return true;
  }
  if (n == 4 && strncmp(text, "-inf", 4) == 0) {
    *value = -INFINITY;
    return true;
  }
  return nacre_text_float(text, n, value);
}

/* Without a range everything is inside. */
static bool read_interval(const char *range, interval *out) {
  *out = (interval){ -INFINITY, INFINITY, true, true };
  size_t n = range == NULL ? 0 : strlen(range);
  if (n < 5 || strchr("[(", range[0]) == NULL ||
      strchr("])", range[n - 1]) == NULL) {
    return false;
  }
  const char *comma = strchr(range, ',');
  if (comma == NULL) {
    return false;
  }
  out->low_open = range[0] == '(';
  out->high_open = range[n - 1] == ')';
  return read_bound(range + 1, (size_t)(comma - range) - 1, &out->low) &&
         read_bound(comma + 1, n - (size_t)(comma - range) - 2, &out->high);
}

static bool is_inside(const interval *in, double x) {
  return (x > in->low || (x == in->low && !in->low_open)) &&
         (x < in->high || (x == in->high && !in->high_open));
}

/* A list of words that is being filled. */
typedef struct words {
  nacre_suite *suite;
  int n, max;
  const char **at;
} words;

static void put(words *list, const char *text) {
  if (list->n < list->max && text != NULL) {
    list->at[list->n++] = text;
  }
}

static void put_number(words *list, double value) {
  char text[32];
  nacre_text_from_float(value, text);
  put(list, nacre_suite_format(list->suite, "%s", text));
}

static void float_words(words *list, const char *range) {
  interval in;
  read_interval(range, &in);
  if (isfinite(in.low) && isfinite(in.high)) {
    put_number(list, in.low + 0.375 * (in.high - in.low));
    put_number(list, in.low + 0.8125 * (in.high - in.low));
  } else if (isfinite(in.low)) {
    put_number(list, in.low + 0.6875);
    put_number(list, in.low + 1.875);
  } else if (isfinite(in.high)) {
    put_number(list, in.high - 0.6875);
  } else {
    put_number(list, 0.6875);
    put_number(list, -1.375);
  }
  /* What is allowed at all must work. */
  if (isfinite(in.low) && !in.low_open) {
    put_number(list, in.low);
  }
  if (isfinite(in.high) && !in.high_open) {
    put_number(list, in.high);
  }
}

static void int_words(words *list, const char *range) {
  static const double likely[] = { 3, 2, 1, 5, 4, 0, -1, 8, -2 };
  interval in;
  read_interval(range, &in);
  for (size_t i = 0; i < sizeof likely / sizeof likely[0]; i++) {
    if (is_inside(&in, likely[i])) {
      put_number(list, likely[i]);
    }
  }
  if (list->n == 0 && isfinite(in.low)) {
    put_number(list, in.low + (in.low_open ? 1 : 0));
  }
}

static void choice_words(words *list, const char *range) {
  while (range != NULL && *range != '\0') {
    size_t n = strcspn(range, "|");
    put(list, nacre_suite_format(list->suite, "%.*s", (int)n, range));
    range += n + (range[n] == '|' ? 1 : 0);
  }
}

/* Components of the kind that the parameter refers to, with what they
 * require; others of the same name as the one under test would recurse. */
static void reference_words(words *list, const nacre_param *param) {
  nacre_suite *suite = list->suite;
  uint32_t kind = param->range == NULL ? 0
                                       : nacre_kind_from_name(param->range);
  int count = nacre_registry_count(suite->registry);
  for (int i = 0; i < count && list->n < list->max; i++) {
    const nacre_provider *provider = nacre_registry_at(suite->registry, i);
    if (provider->kind != kind ||
        strcmp(provider->name, suite->component->name) == 0) {
      continue;
    }
    nacre_suite_forget(suite);
    const nacre_component *part = nacre_registry_find(
      suite->registry, kind, provider->name, NULL, 0, &suite->error);
    const char *more = "";
    for (uint32_t j = 0; part != NULL && j < part->params.n; j++) {
      const nacre_param *need = nacre_candidates_param(part->params, j);
      const char *word;
      if (need->def != NULL) {
        continue;
      }
      if (need->type == NACRE_TYPE_REF ||
          nacre_candidates_words(suite, need, 1, &word) == 0) {
        part = NULL;
        break;
      }
      more = nacre_suite_format(suite, "%s, %s: %s", more, need->name, word);
    }
    if (part != NULL && more != NULL) {
      put(list, nacre_suite_format(suite, "{type: %s%s}", provider->name,
                                   more));
    }
  }
}

static void put_all(words *list, const char *const *text, size_t n) {
  for (size_t i = 0; i < n; i++) {
    put(list, text[i]);
  }
}

#define PUT_ALL(list, array) \
  put_all(list, array, sizeof(array) / sizeof((array)[0]))

int nacre_candidates_words(nacre_suite *suite, const nacre_param *param,
                           int max, const char **out) {
  static const char *const flags[] = { "true", "false" };
  static const char *const ints[] = {
    "2",      "[2, 1]",    "[-1]",      "[15]", "3", "1",
    "[1, 2]", "[3, 2, 1]", "[2, 1, 3]", "0",    "-1", "[5, 3]"
  };
  static const char *const floats[] = { "[0.5]", "[0.5, 1.5]",
                                        "[0.25, 0.5, 0.25]" };
  static const char *const durations[] = { "3", "2 epochs", "5 steps" };
  words list = { suite, 0, max, out };
  switch (param->type) {
    case NACRE_TYPE_FLOAT:
      float_words(&list, param->range);
      break;
    case NACRE_TYPE_INT:
      int_words(&list, param->range);
      break;
    case NACRE_TYPE_BOOL:
      PUT_ALL(&list, flags);
      break;
    case NACRE_TYPE_ENUM:
      choice_words(&list, param->range);
      break;
    case NACRE_TYPE_INTS:
      PUT_ALL(&list, ints);
      break;
    case NACRE_TYPE_FLOATS:
      PUT_ALL(&list, floats);
      break;
    case NACRE_TYPE_DURATION:
      PUT_ALL(&list, durations);
      break;
    case NACRE_TYPE_REF:
      reference_words(&list, param);
      break;
    default: /* texts and arrays mean something: a sidecar file says what */
      break;
  }
  return list.n;
}

int nacre_candidates_bad_words(nacre_suite *suite, const nacre_param *param,
                               int max, const char **out) {
  words list = { suite, 0, max, out };
  interval in;
  bool bounded = read_interval(param->range, &in);
  switch (param->type) {
    case NACRE_TYPE_FLOAT:
    case NACRE_TYPE_INT: {
      bool whole = param->type == NACRE_TYPE_INT;
      if (bounded && isfinite(in.low)) {
        double step = whole ? 1 : 1e-3;
        put_number(&list, in.low_open ? in.low : in.low - step);
      }
      if (bounded && isfinite(in.high)) {
        double step = whole ? 1 : 1e-3;
        put_number(&list, in.high_open ? in.high : in.high + step);
      }
      put(&list, "[wrong, type]");
      put(&list, "nonsense");
      if (whole) {
        put(&list, "1.5");
      }
      break;
    }
    case NACRE_TYPE_BOOL:
      put(&list, "nonsense");
      put(&list, "[true]");
      break;
    case NACRE_TYPE_ENUM:
    case NACRE_TYPE_REF:
      put(&list, "no_such_word_at_all");
      break;
    case NACRE_TYPE_INTS:
    case NACRE_TYPE_FLOATS:
    case NACRE_TYPE_DURATION:
      put(&list, "nonsense");
      put(&list, "{a: 1}");
      if (bounded && isfinite(in.low) && param->type == NACRE_TYPE_INTS) {
        put_number(&list, in.low_open ? in.low : in.low - 1);
      }
      break;
    default:
      break;
  }
  return list.n;
}
