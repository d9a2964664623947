/* SPDX-License-Identifier: MIT */
/* describe: checks of what a component says of itself: names, texts, and a
 * parameter table that takes its own defaults and refuses the rest. */
#include "kinds.h"

#include <string.h>

#include "candidates.h"

#define BAD_WORDS 8

/* [a-z][a-z0-9_]* */
static bool is_name(const char *text) {
  if (text == NULL || text[0] < 'a' || text[0] > 'z') {
    return false;
  }
  return text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

static bool is_text(const char *text) {
  return text != NULL && text[0] != '\0';
}

static bool ends_with_stop(const char *text) {
  return text[strlen(text) - 1] == '.';
}

static void check_texts(nacre_suite *suite) {
  const nacre_component *component = suite->component;
  nacre_suite_check(suite, "name", is_name(component->name),
                    "'%s' is not a name of lower-case letters, digits and _",
                    component->name == NULL ? "" : component->name);
  nacre_suite_check(suite, "docs", is_text(component->summary),
                    "no summary");
  nacre_suite_check(suite, "docs",
                    !is_text(component->summary) ||
                      (!ends_with_stop(component->summary) &&
                       strchr(component->summary, '\n') == NULL),
                    "the summary must be one line without a full stop");
  nacre_suite_check(suite, "docs", is_text(component->doc),
                    "no doc: formula, shapes, source");
}

static void check_params_texts(nacre_suite *suite) {
  nacre_span params = suite->component->params;
  for (uint32_t i = 0; i < params.n; i++) {
    const nacre_param *param = nacre_candidates_param(params, i);
    if (!nacre_suite_check(suite, "name", is_name(param->name),
                           "parameter %u has no lawful name", i)) {
      continue;
    }
    nacre_suite_check(suite, "docs", is_text(param->doc),
                      "parameter '%s' is not described", param->name);
    nacre_suite_check(suite, "docs",
                      param->type != NACRE_TYPE_REF ||
                        (param->range != NULL &&
                         nacre_kind_from_name(param->range) != 0),
                      "the range of '%s' must name a kind", param->name);
    for (uint32_t j = 0; j < i; j++) {
      const nacre_param *other = nacre_candidates_param(params, j);
      nacre_suite_check(suite, "name", strcmp(param->name, other->name) != 0,
                        "parameter '%s' is there twice", param->name);
    }
  }
}

/* The required parameters but `skip`, each with its likeliest value; NULL if
 * one of them cannot be guessed. */
static const char *required_but(nacre_suite *suite, uint32_t skip) {
  nacre_span params = suite->component->params;
  const char *text = "";
  for (uint32_t i = 0; i < params.n && text != NULL; i++) {
    const nacre_param *param = nacre_candidates_param(params, i);
    const char *word;
    if (i == skip || param->def != NULL) {
      continue;
    }
    if (nacre_candidates_words(suite, param, 1, &word) == 0) {
      return NULL;
    }
    text = nacre_suite_format(suite, "%s, %s: %s", text, param->name, word);
  }
  return text;
}

/* Whether the table refuses `text` in a message that names the parameter. */
static void check_refused(nacre_suite *suite, const nacre_param *param,
                          const char *text) {
  nacre_node *map = text == NULL ? NULL : nacre_suite_yaml(suite, text);
  if (map == NULL) {
    return;
  }
  const void *cfg = nacre_suite_config(suite, suite->component, map);
  if (nacre_suite_check(suite, "ranges", cfg == NULL,
                        "%s was taken, out of the range %s", text,
                        param->range == NULL ? "of its type"
                                             : param->range)) {
    const char *problem = nacre_suite_problem(suite);
    nacre_suite_check(suite, "ranges", strstr(problem, param->name) != NULL,
                      "%s is refused without naming the parameter: %s", text,
                      problem);
  }
}

static void check_ranges(nacre_suite *suite) {
  nacre_span params = suite->component->params;
  for (uint32_t i = 0; i < params.n; i++) {
    const nacre_param *param = nacre_candidates_param(params, i);
    const char *others = required_but(suite, i);
    const char *word[BAD_WORDS];
    int n = nacre_candidates_bad_words(suite, param, BAD_WORDS, word);
    for (int j = 0; others != NULL && j < n; j++) {
      check_refused(suite, param,
                    nacre_suite_format(suite, "{%s: %s%s}", param->name,
                                       word[j], others));
    }
    if (others != NULL && param->def == NULL) { /* left out */
      check_refused(suite, param,
                    nacre_suite_format(
                      suite, "{%s}",
                      others[0] == ',' ? others + 2 : others));
    }
  }
}

static void check_defaults(nacre_suite *suite) {
  const char *others = required_but(suite, UINT32_MAX);
  if (others == NULL) {
    nacre_suite_skip(suite, "defaults",
                     "a required parameter's value cannot be guessed");
    return;
  }
  nacre_node *map = nacre_suite_yaml(
    suite, nacre_suite_format(suite, "{%s}",
                              others[0] == ',' ? others + 2 : others));
  const void *cfg = map == NULL
                      ? NULL
                      : nacre_suite_config(suite, suite->component, map);
  nacre_suite_check(suite, "defaults", cfg != NULL,
                    "with defaults alone it is refused: %s",
                    nacre_suite_problem(suite));
}

bool nacre_describe_check(nacre_suite *suite) {
  const nacre_component *component = suite->component;
  check_texts(suite);
  bool ok = nacre_suite_check(suite, "table",
                              component->kind > 0 &&
                                component->kind < NACRE_KIND_COUNT,
                              "unknown kind %u", component->kind);
  ok = nacre_suite_check(suite, "table", component->ops != NULL,
                         "no ops") && ok;
  ok = nacre_suite_check(suite, "table",
                         component->params.n == 0 ||
                           (component->params.at != NULL &&
                            component->cfg_size > 0),
                         "parameters without a config struct") && ok;
  ok = nacre_suite_check(suite, "table", component->contract >= 1,
                         "contract versions start at 1") && ok;
  if (ok) {
    check_params_texts(suite);
    check_defaults(suite);
    check_ranges(suite);
  }
  return ok;
}
