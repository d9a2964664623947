/* SPDX-License-Identifier: MIT */
/* cmd_check: nacre check CONFIG [KEY=VALUE...] */
#include "cli.h"

#include "train/train.h"

#include <stdio.h>

static void print_problem(const nacre_problem *problem) {
  printf("{\"severity\": \"%s\", \"code\": %d, \"file\": ",
         problem->warning ? "warning" : "error", problem->code);
  cli_json_text(problem->file);
  printf(", \"line\": %d, \"column\": %d, \"length\": %d, \"text\": ",
         problem->line, problem->column, problem->length);
  cli_json_text(problem->text);
  printf(", \"hint\": ");
  cli_json_text(problem->hint);
  printf("}");
}

static void print_problems(const nacre_error *error) {
  printf("{\"ok\": %s, \"problems\": [",
         error->errors == 0 ? "true" : "false");
  for (int i = 0; i < error->count; i++) {
    printf("%s\n  ", i > 0 ? "," : "");
    print_problem(&error->problem[i]);
  }
  printf("%s]}\n", error->count > 0 ? "\n" : "");
}

/* What only the data can show: their files, shapes and classes. All is made
 * that a training makes, up to its first step. */
static int check_data(cli_session *session) {
  nacre_experiment *experiment = &session->experiment;
  bool any = false;
  for (int i = 0; experiment->planned && i < experiment->graph.n_heads;
       i++) {
    any = any || experiment->graph.head[i].loss_ops != NULL;
  }
  any = any || (!experiment->planned && experiment->loss != NULL);
  if (!any) {
    nacre_samples samples;
    int status =
      nacre_samples_open(&samples, experiment,
                         NACRE_PART_VALIDATION | NACRE_PART_TEST);
    nacre_samples_close(&samples);
    return status;
  }
  nacre_trainer trainer;
  nacre_train_options options = { .threads = 1 };
  int status = nacre_trainer_make(&trainer, experiment, &options);
  nacre_trainer_fini(&trainer);
  return status;
}

static int run(const cli_args *args) {
  cli_session session;
  nacre_error *error = &session.error;
  int code = cli_open_registry(&session, args);
  if (code != 0) {
    cli_close(&session);
    return code;
  }
  int status = nacre_experiment_load(
    &session.experiment, session.registry, args->word[0], NULL, NULL, NULL,
    0, args->word + 1, args->n_words - 1, error);
  if (status == NACRE_OK && args->data) {
    status = check_data(&session);
  }
  if (args->json) {
    nacre_error_sort(error);
    print_problems(error);
    code = error->lost ? NACRE_ELIMIT : nacre_error_code(error);
  } else {
    code = cli_report(error);
    if (status == NACRE_OK && code == 0) {
      printf("%s: ok\n", args->word[0]);
    }
  }
  cli_close(&session);
  return status != NACRE_OK && code == 0 ? NACRE_EBUG : code;
}

static const cli_option options[] = {
  { "data", NULL, "open the data as well", CLI_FLAG,
    offsetof(cli_args, data) },
  { "json", NULL, "print the problems as JSON", CLI_FLAG,
    offsetof(cli_args, json) },
  { NULL, NULL, NULL, CLI_FLAG, 0 },
};

const cli_verb cli_check = {
  "check", "CONFIG [KEY=VALUE...]",
  "find all mistakes of an experiment",
  "Reads the config and whatever it extends, and reports every mistake in it\n"
  "with its line. Data are not opened unless --data says so. KEY=VALUE\n"
  "overrides settings, as for 'nacre train'.",
  options, 1, -1, run
};
