/* SPDX-License-Identifier: MIT */
/* training: a training from its making to its outcome. */
#include "training.h"

#include "progress.h"

#include "train/judge.h"
#include "train/state.h"
#include <nacre/nacre.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t interrupt;

/* The first signal finishes the step and saves; the second of its kind has
 * its usual effect at once. Until then what handles it stays the same: who
 * loads a plugin compares. */
static void on_signal(int number) {
  if (interrupt == number) {
    signal(number, SIG_DFL);
    raise(number);
  } else if (interrupt == 0) {
    interrupt = number;
  }
}

void training_catch_signals(void) {
  static const int numbers[] = { SIGINT, SIGTERM, SIGUSR1 };
  struct sigaction action = { .sa_flags = SA_RESTART };
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
    sigaction(numbers[i], &action, NULL);
  }
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

/* An interruption that came when all epochs had been run: what is left can
 * be done from here, if no checkpoint comes before it. */
static int put_off(nacre_trainer *trainer) {
  return nacre_state_exists(trainer->options.dir) ? NACRE_OK
                                                  : nacre_state_save(trainer);
}

/* What the training came to: the last epoch's numbers, then the test's. A
 * run with a metrics.json has come to its end. */
static int conclude(nacre_trainer *trainer, const nacre_rundir *dir,
                    const cli_args *args, nacre_error *error) {
  nacre_log_item *test = NULL;
  int n = 0;
  if (!trainer->interrupted) {
    n = nacre_judge_numbers(trainer, &trainer->test, "test/", &test);
    if (n >= 0 && trainer->interrupted) {
      n = put_off(trainer) == NACRE_OK ? 0 : -1;
    }
  }
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
    : trainer->interrupted
      ? NACRE_OK
      : nacre_rundir_write(dir, "metrics.json", text.at, false, error);
  if (status == NACRE_OK && !trainer->interrupted) {
    nacre_state_clear(trainer);
  }
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

/* A directory of its own, known to be writable before the first step. */
static int begin_run(cli_session *session, const cli_args *args,
                     const nacre_trainer *trainer, nacre_rundir *dir) {
  nacre_error *error = &session->error;
  if (nacre_rundir_create(dir, args->runs != NULL ? args->runs : "runs",
                          session->experiment.name, error) != NACRE_OK ||
      write_config(session, dir, error) != NACRE_OK) {
    return NACRE_ERROR;
  }
  return write_environment(session, trainer, dir, error);
}

static void say(progress *shown, const nacre_trainer *trainer,
                nacre_state_found found) {
  char text[128];
  snprintf(text, sizeof(text), found == NACRE_STATE_NONE
             ? "no checkpoint has been written yet: from the beginning"
             : "from the checkpoint after %lld epochs and %lld steps",
           (long long)trainer->epoch, (long long)trainer->at);
  nacre_progress note = { .event = NACRE_EVENT_NOTE, .note = text };
  progress_observe(shown, &note);
}

/* What is told of checkpoints that were passed over must not look like the
 * reason of what comes later. */
static void flush_warnings(nacre_error *error) {
  if (error->count > 0 && error->errors == 0) {
    (void)cli_report(error);
    nacre_error_fini(error);
    nacre_error_init(error);
  }
}

/* Brings a trainer to where an older run goes on. Settings that were changed
 * become part of the run, and what it said at its end is no longer so. */
static int take_up_run(cli_session *session, const cli_args *args,
                       progress *shown, nacre_trainer *trainer,
                       nacre_rundir *dir) {
  nacre_error *error = &session->error;
  nacre_state_found found = NACRE_STATE_NONE;
  if (nacre_state_resume(trainer, &found) != NACRE_OK) {
    return NACRE_ERROR;
  }
  flush_warnings(error);
  say(shown, trainer, found);
  char *outcome = nacre_rundir_file(dir, "metrics.json");
  char *facts = nacre_rundir_file(dir, "env.json");
  int status = outcome != NULL && facts != NULL ? NACRE_OK
                                                : nacre_no_memory(error);
  if (status == NACRE_OK) {
    (void)unlink(outcome);
    if (args->n_words > 1) {
      status = write_config(session, dir, error);
    }
  }
  if (status == NACRE_OK && access(facts, F_OK) != 0) {
    status = write_environment(session, trainer, dir, error);
  }
  nacre_free(outcome);
  nacre_free(facts);
  return status;
}

/* Says how it went, when all that is printed of it has been. */
static int leave(const nacre_trainer *trainer, const nacre_rundir *dir,
                 nacre_error *error, int status) {
  int code = error->count > 0 ? cli_report(error) : 0;
  if (status == NACRE_OK && trainer->interrupted) {
    fprintf(stderr, "interrupted; what there is has been saved, 'nacre "
                    "resume %s' goes on\n", dir->path);
    code = interrupt == SIGINT ? 130 : 75;
  } else if (status != NACRE_OK && code == 0) {
    code = NACRE_EBUG;
  }
  if (status != NACRE_OK && dir->path != NULL) {
    fprintf(stderr, "run %s\n", dir->path);
  }
  return code;
}

int training_run(cli_session *session, const cli_args *args, progress *shown,
                 nacre_rundir *older) {
  nacre_error *error = &session->error;
  nacre_rundir own = NACRE_RUNDIR_NONE;
  nacre_rundir *dir = older != NULL ? older : &own;
  nacre_trainer trainer;
  nacre_train_options options = {
    .threads = args->threads, .cpu_level = args->cpu, .dir = dir,
    .digest = args->digest, .interrupt = &interrupt,
    .observe = progress_observe, .observer = shown
  };
  int status = nacre_trainer_make(&trainer, &session->experiment, &options);
  if (status == NACRE_OK) {
    status = older != NULL
      ? take_up_run(session, args, shown, &trainer, dir)
      : begin_run(session, args, &trainer, dir);
  }
  if (status == NACRE_OK) {
    status = nacre_trainer_fit(&trainer);
  }
  progress_clear(shown);
  if (status == NACRE_OK && trainer.stop_reason[0] != '\0') {
    fprintf(stderr, "stopped: %s\n", trainer.stop_reason);
  }
  if (status == NACRE_OK) {
    status = conclude(&trainer, dir, args, error);
  }
  int code = leave(&trainer, dir, error, status);
  nacre_trainer_fini(&trainer);
  nacre_rundir_close(&own);
  return code;
}
