/* SPDX-License-Identifier: MIT */
/* cmd_inspect: nacre inspect [KIND/NAME] */
#include "cli.h"
#include "inspect.h"
#include "providers.h"
#include "table.h"

#include <stdio.h>
#include <string.h>

/* What a word that is no component's would show: the kinds, or a kind's
 * components. */

static int list_kinds(cli_session *session, bool json) {
  static const char *const head[] = { "kind", "components" };
  table kinds = { .align = "lr", .head = head };
  int n = 0;
  const nacre_provider **list = providers_list(session->registry, 0, &n);
  printf("%s", json ? "{" : "");
  for (uint32_t kind = 1; list != NULL && kind < NACRE_KIND_COUNT; kind++) {
    int count = 0;
    for (int i = 0; i < n; i++) {
      count += list[i]->kind == kind &&
               (i == 0 || list[i - 1]->kind != kind ||
                strcmp(list[i - 1]->name, list[i]->name) != 0);
    }
    if (json) {
      printf("%s\"%s\": %d", kind > 1 ? ", " : "", nacre_kind_name(kind),
             count);
    }
    table_cell(&kinds, "%s", nacre_kind_name(kind));
    table_cell(&kinds, "%d", count);
  }
  if (json) {
    printf("}\n");
    nacre_text_fini(&kinds.text);
  } else {
    table_print(&kinds);
  }
  nacre_free((void *)list);
  return list != NULL ? NACRE_OK : nacre_no_memory(&session->error);
}

static int list_components(cli_session *session, uint32_t kind, bool json) {
  table components = { .align = "ll" };
  int n = 0;
  const nacre_provider **list = providers_list(session->registry, kind, &n);
  printf("%s", json ? "[" : "");
  for (int i = 0; i < n; i++) {
    if (i > 0 && strcmp(list[i - 1]->name, list[i]->name) == 0) {
      continue;
    }
    if (json) {
      printf("%s{\"name\": ", i > 0 ? ",\n " : "");
      cli_json_text(list[i]->name);
      printf(", \"summary\": ");
      cli_json_text(list[i]->summary);
      printf("}");
    }
    table_cell(&components, "%s", list[i]->name);
    table_cell(&components, "%s", list[i]->summary);
  }
  if (json) {
    printf("]\n");
    nacre_text_fini(&components.text);
  } else {
    table_print(&components);
  }
  nacre_free((void *)list);
  return list != NULL ? NACRE_OK : nacre_no_memory(&session->error);
}

/* --why: a name's providers in the order in which they are asked. One that
 * cannot be loaded is said to be so. */
static int print_candidates(cli_session *session,
                            const providers_name *name, bool json) {
  static const char *const head[] = { "", "module", "rank", "device",
                                      "file" };
  table candidates = { .align = "rlrll", .head = head };
  inspect_subject subject;
  int n = 0, status = NACRE_OK;
  printf("%s", json ? "[" : "");
  while ((status = inspect_load(session->registry, name->kind, name->name, n,
                                &subject, &session->error)) == NACRE_OK) {
    const nacre_provider *one = subject.provider;
    if (json) {
      printf("%s{\"module\": ", n > 0 ? ",\n " : "");
      cli_json_text(one->module);
      printf(", \"rank\": %d, \"device\": ", (int)one->rank);
      cli_json_text(one->device);
      printf(", \"file\": ");
      cli_json_text(one->file);
      printf("}");
    }
    table_cell(&candidates, "%d.", n + 1);
    table_cell(&candidates, "%s", one->module);
    table_cell(&candidates, "%d", (int)one->rank);
    table_cell(&candidates, "%s", one->device != NULL ? one->device : "any");
    table_cell(&candidates, "%s", one->file);
    n++;
  }
  if (json) {
    printf("]\n");
    nacre_text_fini(&candidates.text);
  } else {
    table_print(&candidates);
  }
  return session->error.errors > 0 ? NACRE_ERROR : NACRE_OK;
}

static int print_component(cli_session *session, const providers_name *name,
                           bool json) {
  inspect_subject subject;
  if (inspect_load(session->registry, name->kind, name->name, 0, &subject,
                   &session->error) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (json) {
    inspect_json(&subject);
    putchar('\n');
  } else {
    inspect_text(&subject);
  }
  return NACRE_OK;
}

static int inspect_word(cli_session *session, const cli_args *args) {
  providers_name name;
  int code = providers_resolve(session->registry, args->word[0], &name);
  if (code != 0) {
    return code;
  }
  int status = name.name[0] == '\0'
    ? list_components(session, name.kind, args->json)
    : args->why ? print_candidates(session, &name, args->json)
                : print_component(session, &name, args->json);
  code = cli_report(&session->error);
  return status != NACRE_OK && code == 0 ? NACRE_EBUG : code;
}

static int run(const cli_args *args) {
  cli_session session;
  if (args->markdown && args->n_words > 0) {
    fprintf(stderr, "nacre inspect: --markdown prints all components\n");
    return NACRE_EUSAGE;
  }
  int code = cli_open_registry(&session, args);
  if (code == 0 && args->n_words > 0) {
    code = inspect_word(&session, args);
  } else if (code == 0) {
    int status = args->markdown
      ? inspect_markdown(session.registry, &session.error)
      : list_kinds(&session, args->json);
    code = cli_report(&session.error);
    code = status != NACRE_OK && code == 0 ? NACRE_EBUG : code;
  }
  cli_close(&session);
  return code;
}

static const cli_option options[] = {
  { "why", NULL, "list the providers of the name, the one chosen first",
    CLI_FLAG, offsetof(cli_args, why) },
  { "markdown", NULL, "print the reference of all components", CLI_FLAG,
    offsetof(cli_args, markdown) },
  { "json", NULL, "print JSON", CLI_FLAG, offsetof(cli_args, json) },
  { NULL, NULL, NULL, CLI_FLAG, 0 },
};

const cli_verb cli_inspect = {
  "inspect", "[KIND/NAME]",
  "tell what a component does and which parameters it takes",
  "KIND/NAME is as in layer/dense; NAME alone does where only one kind has\n"
  "it, MODULE/NAME means that plugin's. A KIND alone lists its components,\n"
  "no word the kinds.",
  options, 0, 1, run
};
