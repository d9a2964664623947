/* SPDX-License-Identifier: MIT */
/* cmd_plugins: nacre plugins [KIND] */
#include "cli.h"
#include "providers.h"
#include "table.h"

#include <stdio.h>

static void print_text(const nacre_registry *registry,
                       const nacre_provider *const *list, int n) {
  static const char *const head[] = { "kind", "name", "version", "rank",
                                      "device", "file" };
  table components = { .align = "lllrll", .head = head };
  for (int i = 0; i < n; i++) {
    table_cell(&components, "%s", nacre_kind_name(list[i]->kind));
    table_cell(&components, "%s", list[i]->name);
    table_cell(&components, "%s", list[i]->version);
    table_cell(&components, "%d", (int)list[i]->rank);
    table_cell(&components, "%s",
               list[i]->device != NULL ? list[i]->device : "any");
    table_cell(&components, "%s", list[i]->file);
  }
  table_print(&components);
  int refused = nacre_registry_refusals(registry);
  if (refused > 0) {
    printf("%srefused\n", n > 0 ? "\n" : "");
  }
  for (int i = 0; i < refused; i++) {
    const nacre_refusal *refusal = nacre_registry_refusal(registry, i);
    printf("  %s: %s\n", refusal->file, refusal->reason);
  }
}

static void print_provider(const nacre_provider *provider) {
  printf("{\"kind\": \"%s\", \"name\": ", nacre_kind_name(provider->kind));
  cli_json_text(provider->name);
  printf(", \"aliases\": ");
  cli_json_text(provider->aliases);
  printf(", \"summary\": ");
  cli_json_text(provider->summary);
  printf(", \"module\": ");
  cli_json_text(provider->module);
  printf(", \"version\": ");
  cli_json_text(provider->version);
  printf(", \"rank\": %d, \"device\": ", (int)provider->rank);
  cli_json_text(provider->device);
  printf(", \"file\": ");
  cli_json_text(provider->file);
  printf("}");
}

static void print_json(const nacre_registry *registry,
                       const nacre_provider *const *list, int n) {
  printf("{\"components\": [");
  for (int i = 0; i < n; i++) {
    printf("%s\n  ", i > 0 ? "," : "");
    print_provider(list[i]);
  }
  printf("\n ], \"refused\": [");
  for (int i = 0; i < nacre_registry_refusals(registry); i++) {
    const nacre_refusal *refusal = nacre_registry_refusal(registry, i);
    printf("%s\n  {\"file\": ", i > 0 ? "," : "");
    cli_json_text(refusal->file);
    printf(", \"reason\": ");
    cli_json_text(refusal->reason);
    printf("}");
  }
  printf("\n ]}\n");
}

static int ship(cli_session *session, const char *directory) {
  int status =
    nacre_registry_ship(session->registry, directory, &session->error);
  int code = cli_report(&session->error);
  return status != NACRE_OK && code == 0 ? NACRE_EBUG : code;
}

static int list(cli_session *session, const cli_args *args, uint32_t kind) {
  int n = 0;
  const nacre_provider **found =
    providers_list(session->registry, kind, &n);
  if (found == NULL) {
    nacre_no_memory(&session->error);
    return cli_report(&session->error);
  }
  if (args->json) {
    print_json(session->registry, found, n);
  } else {
    print_text(session->registry, found, n);
  }
  nacre_free((void *)found);
  return 0;
}

static int run(const cli_args *args) {
  cli_session session;
  uint32_t kind = 0;
  if (args->n_words > 0) {
    kind = nacre_kind_from_name(args->word[0]);
    if (kind == 0) {
      providers_unknown_kind("plugins", args->word[0]);
      return NACRE_EUSAGE;
    }
  }
  int code = cli_open_registry(&session, args);
  if (code == 0) {
    code = args->ship != NULL ? ship(&session, args->ship)
                              : list(&session, args, kind);
  }
  cli_close(&session);
  return code;
}

static const cli_option options[] = {
  { "rescan", NULL, "look at all files again, refused ones too", CLI_FLAG,
    offsetof(cli_args, rescan) },
  { "ship", "DIR", "write DIR/registry-cache, for packages", CLI_TEXT,
    offsetof(cli_args, ship) },
  { "json", NULL, "print JSON", CLI_FLAG, offsetof(cli_args, json) },
  { NULL, NULL, NULL, CLI_FLAG, 0 },
};

const cli_verb cli_plugins = {
  "plugins", "[KIND]",
  "list the plugins there are, and those that were refused",
  "Plugins are looked for in the directories of --plugin-path, of the\n"
  "environment variable NACRE_PLUGIN_PATH, of the user and of the system, in\n"
  "this order. KIND is layer, activation, loss, optimizer, metric,\n"
  "initializer, regularizer, constraint, schedule, source, transform,\n"
  "callback, device or codec. --ship writes what a scan of DIR found into\n"
  "it, so that an installed directory need not be scanned.",
  options, 0, 1, run
};
