/* SPDX-License-Identifier: MIT */
/* inspect_markdown: the reference of all components, docs/components.md.
 *
 * Nothing of this machine is in it: no files, ranks or devices; where a name
 * has several providers, the ordinary one, of the rank nearest 0, speaks. */
#include "inspect.h"

#include "base/sys.h"
#include "providers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Text in a cell of a table. */
static void print_cell(const char *text) {
  for (; *text != '\0'; text++) {
    if (*text == '|' || *text == '<') {
      printf("\\%c", *text);
    } else {
      putchar(*text == '\n' ? ' ' : *text);
    }
  }
}

/* Text between tables: "<" would begin a tag, and "*" in a formula would
 * change the type. */
static void print_prose(const char *text) {
  for (; *text != '\0'; text++) {
    if (*text == '<' || *text == '*') {
      putchar('\\');
    }
    putchar(*text);
  }
}

static void print_param(const nacre_param *param) {
  char *text = nacre_param_describe(param);
  nacre_text flags = { 0 };
  printf("| `%s` | ", param->name);
  /* Without the parentheses, and the default in a column of its own. */
  if (text != NULL) {
    char *end = strstr(text, param->def != NULL ? ", default " : ", required");
    if (end != NULL) {
      *end = '\0';
    }
    print_cell(text + 1);
  }
  nacre_free(text);
  if (param->def == NULL) {
    printf(" | required | ");
  } else {
    printf(" | `%s` | ", param->def[0] != '\0' ? param->def : "''");
  }
  print_cell(param->doc);
  inspect_flags(param, &flags);
  if (flags.n > 0) {
    printf(" (");
    print_cell(flags.at);
    putchar(')');
  }
  printf(" |\n");
  nacre_text_fini(&flags);
}

static void print_params(nacre_span params) {
  for (uint32_t i = 0; i < params.n; i++) {
    if (i == 0) {
      printf("\n| parameter | type | default | |\n|---|---|---|---|\n");
    }
    print_param(inspect_param(params, i));
  }
}

static void print_weights(const nacre_component *component) {
  const nacre_weight *weight = NULL;
  for (uint32_t i = 0; (weight = inspect_weight(component, i)) != NULL;
       i++) {
    if (i == 0) {
      printf("\n| weight | starts as | |\n|---|---|---|\n");
    }
    printf("| `%s` | `%s` | ", weight->name, weight->initializer);
    print_cell(weight->doc);
    printf("%s |\n", (weight->flags & NACRE_WEIGHT_STATE) != 0
                       ? " (not trained)" : "");
  }
}

static void print_component(const nacre_component *component) {
  nacre_text properties = { 0 };
  printf("\n### %s\n\n", component->name);
  print_prose(component->summary);
  printf(".");
  if (component->aliases != NULL) {
    printf(" Also called ");
    print_prose(component->aliases);
    printf(".");
  }
  putchar('\n');
  if (component->doc != NULL) {
    putchar('\n');
    print_prose(component->doc);
    putchar('\n');
  }
  inspect_properties(component, &properties);
  for (char *at = properties.at; at != NULL && *at != '\0';) {
    char *end = strchr(at, '\n');
    *end = '\0';
    printf("%s- %s\n", at == properties.at ? "\n" : "", at);
    at = end + 1;
  }
  nacre_text_fini(&properties);
  print_params(component->params);
  print_weights(component);
}

static void print_kind(uint32_t kind) {
  const char *folder = nacre_kind_folder(kind);
  printf("\n## %c%s\n", folder[0] - 'a' + 'A', folder + 1);
  const inspect_key *key = NULL;
  for (int i = 0; (key = inspect_universal(kind, i)) != NULL; i++) {
    if (i == 0) {
      printf("\nEvery %s takes:\n\n| key | type | |\n|---|---|---|\n",
             nacre_kind_name(kind));
    }
    printf("| `%s` | ", key->name);
    print_cell(key->type);
    printf(" | ");
    print_cell(key->doc);
    printf(" |\n");
  }
  if (inspect_universal_params(kind).n > 0) {
    printf("\nEvery %s takes:\n", nacre_kind_name(kind));
    print_params(inspect_universal_params(kind));
  }
}

/* The ordinary one of the `n` providers that begin at `list` and bear one
 * name. */
static const nacre_provider *ordinary(const nacre_provider *const *list,
                                      int n) {
  const nacre_provider *found = list[0];
  for (int i = 1; i < n; i++) {
    if (abs(list[i]->rank) < abs(found->rank)) {
      found = list[i];
    }
  }
  return found;
}

static int same_name(const nacre_provider *const *list, int n) {
  int same = 1;
  while (same < n && list[same]->kind == list[0]->kind &&
         strcmp(list[same]->name, list[0]->name) == 0) {
    same++;
  }
  return same;
}

static int print_one(nacre_registry *registry,
                     const nacre_provider *provider, nacre_error *error) {
  inspect_subject subject;
  char *name = nacre_format("%s/%s", provider->module, provider->name);
  if (name == NULL) {
    return nacre_no_memory(error);
  }
  int status =
    inspect_load(registry, provider->kind, name, 0, &subject, error);
  nacre_free(name);
  if (status == NACRE_OK) {
    print_component(subject.component);
  }
  return status;
}

int inspect_markdown(nacre_registry *registry, nacre_error *error) {
  int n = 0, status = NACRE_OK;
  uint32_t kind = 0;
  const nacre_provider **list = providers_list(registry, 0, &n);
  if (list == NULL) {
    return nacre_no_memory(error);
  }
  printf("# Components\n\n"
         "What the plugins of nacre say of themselves, as `nacre inspect "
         "--markdown` prints\nit; `nacre inspect KIND/NAME` shows one of "
         "them.\n");
  for (int i = 0, same = 0; i < n && status == NACRE_OK; i += same) {
    same = same_name(list + i, n - i);
    if (list[i]->kind != kind) {
      kind = list[i]->kind;
      print_kind(kind);
    }
    status = print_one(registry, ordinary(list + i, same), error);
  }
  nacre_free((void *)list);
  return status;
}
