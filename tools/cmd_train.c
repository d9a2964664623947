/* SPDX-License-Identifier: MIT */
/* cmd_train: nacre train CONFIG [KEY=VALUE...] */
#include "cli.h"
#include "progress.h"

#include "train/judge.h"
#include <nacre/nacre.h>

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t interrupt;

/* The first signal finishes the step and saves; the second has its usual
 * effect at once. */
static void on_signal(int number) {
  interrupt = number;
  signal(number, SIG_DFL);
}

static int write_environment(const cli_session *session,
                             const nacre_trainer *trainer,
                             const nacre_rundir *dir, nacre_error *error) {
  struct utsname host = { 0 };
  char when[64] = "";
  time_t now = time(NULL);
  struct tm parts;
  uname(&host);
  if (gmtime_r(&now, &parts) != NULL) {
    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &parts);
  }
  nacre_text text = { 0 };
  const nacre_device *device = &trainer->device;
  nacre_text_printf(&text, "{\"nacre\": \"%s\", \"time\": \"%s\", "
                    "\"system\": \"%s %s %s\", \"device\": \"%s\", "
                    "\"precision\": \"%s\", \"plugins\": [", nacre_version(),
                    when, host.sysname, host.release, host.machine,
                    device->ops->describe != NULL
                      ? device->ops->describe(device->self)
                      : device->component->name,
                    sizeof(real) == sizeof(double) ? "double" : "float");
  bool first = true;
  for (int i = 0; i < trainer->experiment->graph.n_vertices; i++) {
    const nacre_vertex *vertex = &trainer->experiment->graph.vertex[i];
    const nacre_choice *choice = vertex->layer.component != NULL
      ? &vertex->layer : &vertex->activation;
    const nacre_provider *provider =
      nacre_registry_provider(session->registry, choice->component);
    if (provider != NULL) {
      nacre_text_printf(&text, "%s\"%s/%s %s\"", first ? "" : ", ",
                        nacre_kind_name(provider->kind), provider->name,
                        provider->version);
      first = false;
    }
  }
  nacre_text_puts(&text, "]}\n");
  int status = text.failed ? nacre_no_memory(error)
                           : nacre_rundir_write(dir, "env.json", text.at,
                                                false, error);
  nacre_text_fini(&text);
  return status;
}

static int write_config(const cli_session *session, const nacre_rundir *dir,
                        nacre_error *error) {
  char *text = nacre_node_write(session->experiment.tree->root);
  if (text == NULL) {
    return nacre_no_memory(error);
  }
  int status = nacre_rundir_write(dir, "config.yaml", text, true, error);
  nacre_free(text);
  return status;
}

static void print_items(const nacre_log_item *item, int n) {
  for (int i = 0; i < n; i++) {
    printf("%s %.6g\n", item[i].name, item[i].value);
  }
}

/* What the training came to: the last epoch's numbers, then the test's. */
static int conclude(nacre_trainer *trainer, const nacre_rundir *dir,
                    const cli_args *args, nacre_error *error) {
  nacre_log_item *test = NULL;
  int n = nacre_judge_numbers(trainer, &trainer->test, "test/", &test);
  if (n < 0) {
    return NACRE_ERROR;
  }
  int total = trainer->n_logs + n;
  nacre_log_item *all = calloc((size_t)total + 1, sizeof(*all));
  nacre_text text = { 0 };
  if (all == NULL) {
    return nacre_no_memory(error);
  }
  memcpy(all, trainer->log, (size_t)trainer->n_logs * sizeof(*all));
  if (n > 0) {
    memcpy(all + trainer->n_logs, test, (size_t)n * sizeof(*all));
  }
  nacre_log_json(&text, all, total);
  nacre_text_puts(&text, "\n");
  int status = text.failed ? nacre_no_memory(error)
    : dir->path != NULL
      ? nacre_rundir_write(dir, "metrics.json", text.at, false, error)
      : NACRE_OK;
  if (status == NACRE_OK && args->json) {
    printf("{\"run\": ");
    cli_json_text(dir->path);
    text.at[text.n - 1] = '\0';
    printf(", \"epochs\": %lld, \"interrupted\": %s, \"metrics\": %s}\n",
           (long long)trainer->epoch,
           trainer->interrupted ? "true" : "false", text.at);
  } else if (status == NACRE_OK) {
    print_items(all, total - n);
    print_items(all + trainer->n_logs, n);
    printf("run %s\n", dir->path);
  }
  free(all);
  nacre_text_fini(&text);
  return status;
}

static int train(cli_session *session, const cli_args *args,
                 progress *shown) {
  nacre_error *error = &session->error;
  nacre_rundir dir = NACRE_RUNDIR_NONE;
  nacre_trainer trainer;
  nacre_train_options options = {
    .threads = args->threads, .cpu_level = args->cpu, .dir = &dir,
    .digest = args->digest, .interrupt = &interrupt,
    .observe = progress_observe, .observer = shown
  };
  signal(SIGINT, on_signal);
  signal(SIGTERM, on_signal);
  signal(SIGUSR1, on_signal);
  int status = nacre_trainer_make(&trainer, &session->experiment, &options);
  /* The output is known to be writable before the first step. */
  if (status == NACRE_OK) {
    status = nacre_rundir_create(
      &dir, args->runs != NULL ? args->runs : "runs",
      session->experiment.name, error);
  }
  if (status == NACRE_OK) {
    status = write_config(session, &dir, error);
  }
  if (status == NACRE_OK) {
    status = write_environment(session, &trainer, &dir, error);
  }
  if (status == NACRE_OK) {
    status = nacre_trainer_fit(&trainer);
  }
  progress_clear(shown);
  if (status == NACRE_OK && trainer.stop_reason[0] != '\0') {
    fprintf(stderr, "stopped: %s\n", trainer.stop_reason);
  }
  if (status == NACRE_OK) {
    status = conclude(&trainer, &dir, args, error);
  }
  int code = error->count > 0 ? cli_report(error) : 0;
  if (status == NACRE_OK && trainer.interrupted) {
    fprintf(stderr, "interrupted; the weights so far are saved\n");
    code = interrupt == SIGINT ? 130 : 75;
  } else if (status != NACRE_OK && code == 0) {
    code = NACRE_EBUG;
  }
  if (status != NACRE_OK && dir.path != NULL) {
    fprintf(stderr, "run %s\n", dir.path);
  }
  nacre_trainer_fini(&trainer);
  nacre_rundir_close(&dir);
  return code;
}

static int run(const cli_args *args) {
  cli_session session;
  progress shown;
  if (!progress_choose(&shown, args->progress)) {
    fprintf(stderr, "nacre train: --progress is auto, bar, plain, jsonl or "
                    "none, not '%s'\n", args->progress);
    return NACRE_EUSAGE;
  }
  shown.digest = args->digest;
  if (args->json && args->progress == NULL) {
    shown.mode = PROGRESS_NONE;
  }
  int code = cli_open(&session, args);
  if (code == 0) {
    code = train(&session, args, &shown);
  }
  cli_close(&session);
  return code;
}

static const cli_option options[] = {
  { "threads", "N", "threads to compute with (default: all there are)",
    CLI_COUNT, offsetof(cli_args, threads) },
  { "runs", "DIR", "where run directories go (default: runs)", CLI_TEXT,
    offsetof(cli_args, runs) },
  { "progress", "HOW", "auto, bar, plain, jsonl or none", CLI_TEXT,
    offsetof(cli_args, progress) },
  { "digest", NULL, "print a hash of the weights after each epoch",
    CLI_FLAG, offsetof(cli_args, digest) },
  { "cpu", "LEVEL", "use no instructions above baseline, x86-64-v3, ...",
    CLI_TEXT, offsetof(cli_args, cpu) },
  { "json", NULL, "print the outcome as JSON", CLI_FLAG,
    offsetof(cli_args, json) },
  { NULL, NULL, NULL, CLI_FLAG, 0 },
};

const cli_verb cli_train = {
  "train", "CONFIG [KEY=VALUE...]",
  "train the network of an experiment",
  "Settings of the config can be overridden: optimizer.learning_rate=0.01\n"
  "replaces a value, model.layers.head.units=20 one of the layer called\n"
  "head, metrics+=auc adds to a list, ~schedule removes a key. The outcome\n"
  "is kept in a directory runs/NAME/TIME.",
  options, 1, -1, run
};
