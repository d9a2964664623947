/* SPDX-License-Identifier: MIT */
/* cfg_fixture: the config struct of a component from pairs of texts, for
 * tests that have no core to fill it. */
#ifndef NACRE_TESTS_CFG_FIXTURE_H
#define NACRE_TESTS_CFG_FIXTURE_H

#include <nacre/plugin.h>

#include <check.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static void *fixture_pool[4096]; /* lives as long as the process */
static size_t fixture_pooled;

static inline void *fixture_keep(size_t n) {
  ck_assert_uint_lt(fixture_pooled, 4096);
  return fixture_pool[fixture_pooled++] = calloc(n, 1);
}

/* A text without the quotes around it and the spaces before it. */
static inline char *fixture_word(const char *at, size_t n) {
  while (n > 0 && *at == ' ') {
    at++;
    n--;
  }
  if (n >= 2 && (*at == '\'' || *at == '"') && at[n - 1] == *at) {
    at++;
    n -= 2;
  }
  char *copy = fixture_keep(n + 1);
  memcpy(copy, at, n);
  return copy;
}

static inline int32_t fixture_index(const char *words, const char *word) {
  size_t n = strlen(word);
  for (int32_t i = 0;; i++) {
    if (strncmp(words, word, n) == 0 && (words[n] == '|' || !words[n])) {
      return i;
    }
    words = strchr(words, '|');
    ck_assert_msg(words != NULL, "no word '%s'", word);
    words++;
  }
}

static inline nacre_strings fixture_list(const char *text) {
  nacre_strings list = { NULL, 0 };
  const char **at = fixture_keep(64 * sizeof(*at));
  size_t n = strlen(text);
  if (n >= 2 && text[0] == '[') {
    text++;
    n -= 2;
  }
  for (const char *end = text + n; text < end; text++) {
    const char *comma = memchr(text, ',', (size_t)(end - text));
    comma = comma != NULL ? comma : end;
    at[list.n++] = fixture_word(text, (size_t)(comma - text));
    text = comma;
  }
  list.at = at;
  return list;
}

static inline nacre_floats fixture_numbers(const char *text) {
  nacre_strings list = fixture_list(text);
  double *at = fixture_keep(64 * sizeof(*at));
  for (int64_t i = 0; i < list.n; i++) {
    at[i] = strtod(list.at[i], NULL);
  }
  nacre_floats numbers = { at, list.n };
  return numbers;
}

static inline nacre_ints fixture_ints(const char *text) {
  nacre_strings words = fixture_list(text);
  int64_t *at = fixture_keep(64 * sizeof(*at));
  for (int64_t i = 0; i < words.n; i++) {
    at[i] = strtoll(words.at[i], NULL, 10);
  }
  nacre_ints list = { at, words.n };
  return list;
}

/* "file", or "a=file,b=file" */
static inline nacre_string_map fixture_map(const char *text) {
  nacre_strings list = fixture_list(text);
  const char **name = fixture_keep(64 * sizeof(*name));
  const char **at = fixture_keep(64 * sizeof(*at));
  for (int64_t i = 0; i < list.n; i++) {
    const char *equals = strchr(list.at[i], '=');
    size_t n = equals != NULL ? (size_t)(equals - list.at[i]) : 0;
    name[i] = fixture_word(list.at[i], n);
    at[i] = equals != NULL ? equals + 1 : list.at[i];
  }
  nacre_string_map map = { name, at, list.n };
  return map;
}

static inline void fixture_set_at(const nacre_param *param, void *cfg,
                                  const char *text) {
  void *field = (char *)cfg + param->offset;
  int null = strcmp(text, "null") == 0;
  if (param->type == NACRE_TYPE_FLOAT) {
    *(double *)field = null ? (double)NAN : strtod(text, NULL);
  } else if (param->type == NACRE_TYPE_INT) {
    *(int64_t *)field = null ? INT64_MIN : strtoll(text, NULL, 10);
  } else if (param->type == NACRE_TYPE_INTS) {
    *(nacre_ints *)field = fixture_ints(text);
  } else if (param->type == NACRE_TYPE_BOOL) {
    *(bool *)field = strcmp(text, "true") == 0;
  } else if (param->type == NACRE_TYPE_ENUM) {
    ((nacre_enum *)field)->value = fixture_index(param->range, text);
  } else if (param->type == NACRE_TYPE_STRING) {
    *(const char **)field = null ? NULL : fixture_word(text, strlen(text));
  } else if (param->type == NACRE_TYPE_STRINGS) {
    *(nacre_strings *)field = fixture_list(text);
  } else if (param->type == NACRE_TYPE_FLOATS) {
    *(nacre_floats *)field = fixture_numbers(text);
  } else if (param->type == NACRE_TYPE_STRING_MAP && !null) {
    *(nacre_string_map *)field = fixture_map(text);
  }
}

static inline const nacre_param *
fixture_param(const nacre_component *component, const char *key) {
  const nacre_param *param = component->params.at;
  for (uint32_t i = 0; i < component->params.n; i++) {
    if (strcmp(param[i].name, key) == 0) {
      return &param[i];
    }
  }
  ck_abort_msg("%s has no parameter %s", component->name, key);
  return NULL;
}

static inline void fixture_set(const nacre_component *component, void *cfg,
                               const char *key, const char *text) {
  fixture_set_at(fixture_param(component, key), cfg, text);
}

/* A config struct with the defaults, then `key, text` pairs up to NULL. */
static inline void *fixture_cfg(const nacre_component *component, ...) {
  void *cfg = fixture_keep(component->cfg_size + 1);
  const nacre_param *param = component->params.at;
  for (uint32_t i = 0; i < component->params.n; i++) {
    if (param[i].def != NULL) {
      fixture_set_at(&param[i], cfg, param[i].def);
    }
  }
  va_list args;
  va_start(args, component);
  for (const char *key; (key = va_arg(args, const char *)) != NULL;) {
    fixture_set(component, cfg, key, va_arg(args, const char *));
  }
  va_end(args);
  return cfg;
}

#endif
