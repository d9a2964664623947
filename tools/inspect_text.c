/* SPDX-License-Identifier: MIT */
/* inspect_text: a component for people at a terminal. */
#include "inspect.h"

#include "base/sys.h"
#include "table.h"

#include <stdio.h>
#include <string.h>

#define LINE 78

/* Prints text in lines of at most LINE columns; its own line ends stay. */
static void print_wrapped(const char *text, int indent) {
  while (*text != '\0') {
    size_t line = strcspn(text, "\n");
    const char *end = text + line;
    int at = 0;
    while (text < end) {
      size_t n = strcspn(text, " \n");
      char word[256];
      snprintf(word, sizeof(word), "%.*s", (int)n, text);
      int width = table_width(word);
      if (at > 0 && at + 1 + width > LINE) {
        putchar('\n');
        at = 0;
      }
      printf("%*s%.*s", at == 0 ? indent : 1, "", (int)n, text);
      at += width + (at == 0 ? indent : 1);
      text += n;
      text += text < end ? 1 : 0;
    }
    putchar('\n');
    text = *end == '\n' ? end + 1 : end;
  }
}

static void print_fact(table *to, const char *what, const char *text) {
  if (text != NULL && text[0] != '\0') {
    table_cell(to, "%s", what);
    table_cell(to, "%s", text);
  }
}

static void print_origin(const inspect_subject *subject) {
  table facts = { .align = "ll", .indent = "  " };
  const nacre_provider *provider = subject->provider;
  char rank[16];
  snprintf(rank, sizeof(rank), "%d", (int)provider->rank);
  print_fact(&facts, "module", provider->module);
  print_fact(&facts, "version", provider->version);
  print_fact(&facts, "file", provider->file);
  print_fact(&facts, "licence", subject->module->license);
  print_fact(&facts, "author", subject->module->author);
  print_fact(&facts, "url", subject->module->url);
  print_fact(&facts, "aliases", subject->component->aliases);
  print_fact(&facts, "device",
             provider->device != NULL ? provider->device : "any");
  print_fact(&facts, "rank", rank);
  table_print(&facts);
}

static void print_param(const nacre_param *param) {
  char *text = nacre_param_describe(param);
  nacre_text flags = { 0 };
  printf("  %s %s\n", param->name, text != NULL ? text : "");
  nacre_free(text);
  print_wrapped(param->doc, 6);
  inspect_flags(param, &flags);
  if (flags.n > 0) {
    printf("      [%s]\n", flags.at);
  }
  nacre_text_fini(&flags);
}

static bool is_advanced(const nacre_param *param) {
  return (param->flags & NACRE_PARAM_ADVANCED) != 0;
}

/* The advanced ones come last. */
static void print_params(nacre_span params, const char *title) {
  if (params.n > 0) {
    printf("\n%s\n", title);
  }
  for (int advanced = 0; advanced < 2; advanced++) {
    for (uint32_t i = 0; i < params.n; i++) {
      const nacre_param *param = inspect_param(params, i);
      if (is_advanced(param) == (advanced == 1)) {
        print_param(param);
      }
    }
  }
}

static void print_weights(const nacre_component *component) {
  const nacre_weight *weight = NULL;
  for (uint32_t i = 0; (weight = inspect_weight(component, i)) != NULL;
       i++) {
    bool state = (weight->flags & NACRE_WEIGHT_STATE) != 0;
    printf("%s  %s (starts as %s%s)\n", i == 0 ? "\nweights\n" : "",
           weight->name, weight->initializer,
           state ? "; not trained" : "");
    print_wrapped(weight->doc, 6);
  }
}

static void print_universal(const nacre_component *component) {
  const uint32_t kind = component->kind;
  char title[64];
  snprintf(title, sizeof(title), "keys of every %s", nacre_kind_name(kind));
  for (int i = 0; inspect_universal(kind, i) != NULL; i++) {
    const inspect_key *key = inspect_universal(kind, i);
    if (i == 0) {
      printf("\n%s\n", title);
    }
    if (inspect_replaces(component, key)) {
      continue;
    }
    printf("  %s (%s)\n", key->name, key->type);
    print_wrapped(key->doc, 6);
  }
  print_params(inspect_universal_params(kind), title);
}

void inspect_text(const inspect_subject *subject) {
  const nacre_component *component = subject->component;
  nacre_text properties = { 0 };
  printf("%s %s: %s\n", nacre_kind_name(component->kind), component->name,
         component->summary);
  if (component->doc != NULL) {
    putchar('\n');
    print_wrapped(component->doc, 2);
  }
  putchar('\n');
  print_origin(subject);
  inspect_properties(component, &properties);
  if (properties.n > 0) {
    putchar('\n');
    print_wrapped(properties.at, 2);
  }
  nacre_text_fini(&properties);
  print_params(component->params, "parameters");
  print_weights(component);
  print_universal(component);
}
