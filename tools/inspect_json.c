/* SPDX-License-Identifier: MIT */
/* inspect_json: a component for programs. */
#include "inspect.h"

#include "cli.h"

#include <stdio.h>
#include <string.h>

static void print_member(const char *name, const char *text) {
  printf(", \"%s\": ", name);
  cli_json_text(text);
}

static void print_param(const nacre_param *param) {
  printf("{\"name\": ");
  cli_json_text(param->name);
  print_member("type", nacre_param_type(param));
  printf(", \"required\": %s", param->def == NULL ? "true" : "false");
  print_member("default", param->def);
  print_member("range", param->range);
  print_member("unit", param->unit);
  print_member("doc", param->doc);
  print_member("alias", param->alias);
  printf(", \"schedulable\": %s, \"path\": %s, \"advanced\": %s, "
         "\"deprecated\": %s}",
         (param->flags & NACRE_PARAM_SCHEDULABLE) != 0 ? "true" : "false",
         (param->flags & NACRE_PARAM_PATH) != 0 ? "true" : "false",
         (param->flags & NACRE_PARAM_ADVANCED) != 0 ? "true" : "false",
         (param->flags & NACRE_PARAM_DEPRECATED) != 0 ? "true" : "false");
}

static void print_params(const char *name, nacre_span params) {
  printf(",\n  \"%s\": [", name);
  for (uint32_t i = 0; i < params.n; i++) {
    printf("%s\n    ", i > 0 ? "," : "");
    print_param(inspect_param(params, i));
  }
  printf("]");
}

/* A comma-separated list as an array. */
static void print_words(const char *name, const char *list) {
  printf(", \"%s\": [", name);
  while (list != NULL) {
    size_t n = strcspn(list, ",");
    printf("\"%.*s\"", (int)n, list); /* names: letters, digits and "_" */
    list = list[n] == ',' ? list + n + 1 : NULL;
    printf("%s", list != NULL ? ", " : "");
  }
  printf("]");
}

static void print_properties(const nacre_component *component) {
  nacre_text text = { 0 };
  inspect_properties(component, &text);
  printf(",\n  \"properties\": [");
  char *at = text.at;
  for (bool first = true; at != NULL && *at != '\0'; first = false) {
    char *end = strchr(at, '\n');
    *end = '\0';
    printf("%s", first ? "" : ", ");
    cli_json_text(at);
    at = end + 1;
  }
  printf("]");
  nacre_text_fini(&text);
}

static void print_weights(const nacre_component *component) {
  const nacre_weight *weight = NULL;
  printf(",\n  \"weights\": [");
  for (uint32_t i = 0; (weight = inspect_weight(component, i)) != NULL;
       i++) {
    printf("%s\n    {\"name\": ", i > 0 ? "," : "");
    cli_json_text(weight->name);
    print_member("initializer", weight->initializer);
    print_member("doc", weight->doc);
    printf(", \"trained\": %s}",
           (weight->flags & NACRE_WEIGHT_STATE) != 0 ? "false" : "true");
  }
  printf("]");
}

static void print_keys(const nacre_component *component) {
  const uint32_t kind = component->kind;
  const inspect_key *key = NULL;
  printf(",\n  \"universal_keys\": [");
  for (int i = 0; (key = inspect_universal(kind, i)) != NULL; i++) {
    if (inspect_replaces(component, key)) {
      continue;
    }
    printf("%s\n    {\"name\": ", i > 0 ? "," : "");
    cli_json_text(key->name);
    print_member("type", key->type);
    print_member("doc", key->doc);
    printf("}");
  }
  printf("]");
}

void inspect_json(const inspect_subject *subject) {
  const nacre_component *component = subject->component;
  const nacre_provider *provider = subject->provider;
  printf("{\"kind\": \"%s\", \"name\": ", nacre_kind_name(component->kind));
  cli_json_text(component->name);
  print_words("aliases", component->aliases);
  print_member("summary", component->summary);
  print_member("doc", component->doc);
  printf(",\n  \"module\": ");
  cli_json_text(provider->module);
  print_member("version", provider->version);
  print_member("file", provider->file);
  print_member("license", subject->module->license);
  print_member("author", subject->module->author);
  print_member("url", subject->module->url);
  print_member("device", provider->device);
  printf(", \"rank\": %d, \"contract\": %u", (int)provider->rank,
         component->contract);
  print_properties(component);
  print_params("parameters", component->params);
  print_weights(component);
  print_keys(component);
  print_params("universal_parameters",
               inspect_universal_params(component->kind));
  printf("}");
}
