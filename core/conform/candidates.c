/* SPDX-License-Identifier: MIT */
/* candidates: configurations worth trying, from a parameter table alone. */
#include "candidates.h"

#include "values.h"

#include <stdio.h>
#include <string.h>

#define WORDS_MAX 12
#define REFERENCES_MAX 3 /* of the many activations, enough for a step */
#define MIXTURES 16

const nacre_param *nacre_candidates_param(nacre_span params, uint32_t i) {
  return (const void *)((const char *)params.at + (size_t)i * params.stride);
}

/* "{a: 1}" and "b: 2" give "{a: 1, b: 2}". */
static const char *with(nacre_suite *suite, const char *map,
                        const char *name, const char *word) {
  size_t n = strlen(map) - 1;
  return nacre_suite_format(suite, "%.*s%s%s: %s}", (int)n, map,
                            n > 1 ? ", " : "", name, word);
}

/* Fills the configuration; false if it is refused. */
static bool accept(nacre_suite *suite, const char *text,
                   nacre_candidate *out) {
  if (text == NULL) {
    return false;
  }
  nacre_node *map = nacre_suite_yaml(suite, text);
  if (map == NULL) {
    return false;
  }
  out->text = text;
  out->cfg = nacre_suite_config(suite, suite->component, map);
  return out->cfg != NULL;
}

static bool same_text(const nacre_candidate *list, int n, const char *text) {
  for (int i = 0; i < n; i++) {
    if (strcmp(list[i].text, text) == 0) {
      return true;
    }
  }
  return false;
}

/* Extends each of the texts [0, *n) by each word of one more parameter. */
static int multiply(nacre_suite *suite, const nacre_param *param, int n,
                    const char **text) {
  const char *word[WORDS_MAX];
  const char *grown[NACRE_CANDIDATES_MAX];
  int words = nacre_candidates_words(suite, param, WORDS_MAX, word);
  int count = 0;
  for (int i = 0; i < words; i++) {
    for (int j = 0; j < n && count < NACRE_CANDIDATES_MAX; j++) {
      grown[count] = with(suite, text[j], param->name, word[i]);
      if (grown[count] != NULL) {
        count++;
      }
    }
  }
  memcpy(text, grown, (size_t)count * sizeof *text);
  return count;
}

int nacre_candidates_base(nacre_suite *suite, int max,
                          nacre_candidate *out) {
  nacre_span params = suite->component->params;
  const char *text[NACRE_CANDIDATES_MAX] = { "{}" };
  int n = 1;
  for (uint32_t i = 0; i < params.n; i++) {
    const nacre_param *param = nacre_candidates_param(params, i);
    if (param->def == NULL) {
      n = multiply(suite, param, n, text);
    }
  }
  int count = 0;
  for (int i = 0; i < n && count < max; i++) {
    count += accept(suite, text[i], &out[count]) ? 1 : 0;
  }
  return count;
}

/* Words of a parameter that stands at its default otherwise. */
static int other_words(nacre_suite *suite, const nacre_param *param,
                       const char **word) {
  int n = nacre_candidates_words(suite, param, WORDS_MAX, word);
  if (param->type == NACRE_TYPE_REF && n > REFERENCES_MAX) {
    for (int i = 1; i < REFERENCES_MAX; i++) {
      word[i] = word[i * n / REFERENCES_MAX];
    }
    n = REFERENCES_MAX;
  }
  return n;
}

static const char *mixture(nacre_suite *suite, const char *base) {
  nacre_span params = suite->component->params;
  const char *text = base;
  for (uint32_t i = 0; i < params.n && text != NULL; i++) {
    const nacre_param *param = nacre_candidates_param(params, i);
    const char *word[WORDS_MAX];
    if (param->def == NULL || nacre_values_unit(suite) < 0.5) {
      continue;
    }
    int n = other_words(suite, param, word);
    if (n > 0) {
      text = with(suite, text, param->name,
                  word[nacre_values_below(suite, n)]);
    }
  }
  return text;
}

int nacre_candidates_vary(nacre_suite *suite, const char *base, int max,
                          nacre_candidate *out) {
  nacre_span params = suite->component->params;
  int count = 0, optional = 0;
  for (uint32_t i = 0; i < params.n; i++) {
    const nacre_param *param = nacre_candidates_param(params, i);
    const char *word[WORDS_MAX];
    if (param->def == NULL) {
      continue;
    }
    optional++;
    int n = other_words(suite, param, word);
    for (int j = 0; j < n && count < max; j++) {
      if (strcmp(word[j], param->def) != 0 &&
          accept(suite, with(suite, base, param->name, word[j]),
                 &out[count])) {
        count++;
      }
    }
  }
  for (int i = 0; optional > 1 && i < MIXTURES && count < max; i++) {
    const char *text = mixture(suite, base);
    if (text != NULL && !same_text(out, count, text) &&
        strcmp(text, base) != 0 && accept(suite, text, &out[count])) {
      count++;
    }
  }
  return count;
}

int nacre_candidates_all(nacre_suite *suite, int max, nacre_candidate *out) {
  int count = nacre_candidates_base(suite, max < 4 ? max : 4, out);
  if (count > 0) {
    count += nacre_candidates_vary(suite, out[0].text, max - count,
                                   out + count);
  }
  return count;
}
