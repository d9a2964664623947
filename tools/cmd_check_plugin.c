/* SPDX-License-Identifier: MIT */
/* cmd_check_plugin: nacre check-plugin FILE
 *
 * The suite that nacre's own plugins pass, for one module. */
#include "cli.h"

#include "conform/conform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a component's report is printed with. */
typedef struct printer {
  bool all;    /* what passed as well */
  int checks;  /* of all components */
} printer;

static void print_result(void *ctx, const nacre_conform_result *result) {
  static const char *const word[] = { "ok", "FAILED", "skipped" };
  printer *to = ctx;
  to->checks++;
  if (result->status == NACRE_CONFORM_PASSED && !to->all) {
    return;
  }
  printf("  %s: %s", result->check, word[result->status]);
  if (result->status == NACRE_CONFORM_PASSED) {
    printf(", %d times", result->cases);
  } else if (result->status == NACRE_CONFORM_FAILED) {
    printf(", %d of %d: %s", result->failures, result->cases, result->text);
  } else {
    printf(": %s", result->text);
  }
  putchar('\n');
}

/* Checks one component. Adds to `failed`; 0, or NACRE_ERROR with a problem. */
static int check_component(cli_session *session,
                           const nacre_provider *provider,
                           const nacre_conform_options *options,
                           int *failed) {
  char *name = nacre_format("%s/%s", provider->module, provider->name);
  if (name == NULL) {
    return nacre_no_memory(&session->error);
  }
  const nacre_component *component =
    nacre_registry_find(session->registry, provider->kind, name, NULL, 0,
                        &session->error);
  nacre_free(name);
  const nacre_provider *found =
    component == NULL
      ? NULL : nacre_registry_provider(session->registry, component);
  if (found == NULL || strcmp(found->file, provider->file) != 0) {
    return nacre_error_add(
      &session->error, NACRE_EPLUGIN, NULL, "%s '%s' of %s %s",
      nacre_kind_name(provider->kind), provider->name, provider->file,
      found == NULL ? "could not be loaded" : "is hidden by another file");
  }
  printf("%s %s\n", nacre_kind_name(provider->kind), provider->name);
  int n = nacre_conform_run(session->registry, component, options,
                            &session->error);
  if (n < 0) {
    return NACRE_ERROR;
  }
  *failed += n;
  return 0;
}

/* Checks all components of the file. */
static int check_file(cli_session *session, const char *file,
                      const nacre_conform_options *options) {
  const nacre_registry *registry = session->registry;
  printer *to = options->ctx;
  int components = 0, failed = 0;
  for (int i = 0; i < nacre_registry_refusals(registry); i++) {
    const nacre_refusal *refusal = nacre_registry_refusal(registry, i);
    if (strcmp(refusal->file, file) == 0) {
      nacre_error_add(&session->error, NACRE_EPLUGIN, NULL,
                      "%s is refused: %s", file, refusal->reason);
      return cli_report(&session->error);
    }
  }
  for (int i = 0; i < nacre_registry_count(registry); i++) {
    const nacre_provider *provider = nacre_registry_at(registry, i);
    if (strcmp(provider->file, file) != 0) {
      continue;
    }
    components++;
    if (check_component(session, provider, options, &failed) != 0) {
      return cli_report(&session->error);
    }
  }
  if (components == 0) {
    nacre_error_add(&session->error, NACRE_EPLUGIN, NULL,
                    "%s holds no component: its name must end in .so and its "
                    "directory must be one that plugins are taken from",
                    file);
    return cli_report(&session->error);
  }
  printf("%d checks of %d component%s: %d failed\n", to->checks, components,
         components == 1 ? "" : "s", failed);
  return cli_finish(failed == 0 ? 0 : NACRE_EPLUGIN);
}

static int run(const cli_args *args) {
  cli_session session = { 0 };
  cli_args beside = *args;
  printer to = { args->all, 0 };
  char *dir = NULL, *path = NULL;
  char *file = realpath(args->word[0], NULL);
  nacre_error_init(&session.error);
  int code;
  if (file == NULL) {
    nacre_error_add(&session.error, NACRE_EPLUGIN, NULL,
                    "%s cannot be found", args->word[0]);
    code = cli_report(&session.error);
    goto done;
  }
  /* The file's own directory comes first, and is looked at anew: a plugin
   * that is being written changes from call to call. */
  dir = nacre_path_dir(file);
  path = dir == NULL || args->plugin_path == NULL
           ? nacre_strdup(dir)
           : nacre_format("%s:%s", dir, args->plugin_path);
  if (path == NULL) {
    nacre_no_memory(&session.error);
    code = cli_report(&session.error);
    goto done;
  }
  beside.plugin_path = path;
  beside.rescan = true;
  code = cli_open_registry(&session, &beside);
  if (code == 0) {
    nacre_conform_options options = { print_result, &to, dir, NULL };
    code = check_file(&session, file, &options);
  }
done:
  cli_close(&session);
  nacre_free(path);
  nacre_free(dir);
  free(file);
  return code;
}

static const cli_option options[] = {
  { "all", NULL, "list the checks that passed, too", CLI_FLAG,
    offsetof(cli_args, all) },
  { NULL, NULL, NULL, CLI_FLAG, 0 },
};

const cli_verb cli_check_plugin = {
  "check-plugin", "FILE.so",
  "prove that a plugin keeps its contract",
  "Runs the suite that nacre's own plugins pass: gradients against central\n"
  "differences (exact in a build with --enable-double, roughly in another),\n"
  "writes beyond buffers, reads of what was not asked for, results that\n"
  "depend on threads, texts and ranges of parameters, and what else the\n"
  "kind's contract asks. Configurations and shapes to try are taken from the\n"
  "parameter table; where that does not do, a file layers/NAME.yaml beside\n"
  "the plugin lists them: cases: [{config: {...}, inputs: [[3, 5]]}].",
  options, 1, 1, run
};
