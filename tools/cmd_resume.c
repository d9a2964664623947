/* SPDX-License-Identifier: MIT */
/* cmd_resume: nacre resume RUN [KEY=VALUE...] */
#include "training.h"

#include "train/state.h"

#include <stdio.h>
#include <unistd.h>

static bool has_file(const nacre_rundir *dir, const char *file) {
  char *path = nacre_rundir_file(dir, file);
  bool has = path != NULL && access(path, F_OK) == 0;
  nacre_free(path);
  return has;
}

/* A run with an outcome, or with weights and nothing to go on from, has come
 * to its end; other settings may give it another one. */
static bool is_finished(const nacre_rundir *dir, int n_settings) {
  bool state = nacre_state_exists(dir);
  return (has_file(dir, "metrics.json") && (n_settings == 0 || !state)) ||
         (has_file(dir, "weights.safetensors") && !state);
}

static void print_finished(const nacre_rundir *dir, bool json) {
  fprintf(stderr, "this training has come to its end: nothing is left to "
                  "do\n");
  if (json) {
    printf("{\"run\": ");
    cli_json_text(dir->path);
    printf(", \"finished\": true}\n");
  } else {
    printf("run %s\n", dir->path);
  }
}

static int resume(cli_session *session, const cli_args *args,
                  progress *shown) {
  nacre_rundir dir = NACRE_RUNDIR_NONE;
  int code = 0;
  if (nacre_rundir_open(&dir, args->word[0], &session->error) != NACRE_OK) {
    code = cli_report(&session->error);
  } else if (is_finished(&dir, args->n_words - 1)) {
    print_finished(&dir, args->json);
  } else {
    code = training_run(session, args, shown, &dir);
  }
  nacre_rundir_close(&dir);
  return code;
}

static int run(const cli_args *args) {
  cli_session session;
  progress shown;
  if (!progress_choose(&shown, args->progress)) {
    fprintf(stderr, "nacre resume: --progress is auto, bar, plain, jsonl or "
                    "none, not '%s'\n", args->progress);
    return NACRE_EUSAGE;
  }
  shown.digest = args->digest;
  if (args->json && args->progress == NULL) {
    shown.mode = PROGRESS_NONE;
  }
  training_catch_signals();
  int code = cli_open_run(&session, args, args->word[0], args->word + 1,
                          args->n_words - 1, NULL);
  if (code == 0) {
    code = resume(&session, args, &shown);
  }
  cli_close(&session);
  return code;
}

static const cli_option options[] = {
  { "threads", "N", "threads to compute with (default: all there are)",
    CLI_COUNT, offsetof(cli_args, threads) },
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

const cli_verb cli_resume = {
  "resume", "RUN [KEY=VALUE...]",
  "go on with a training that was interrupted",
  "RUN is the directory that 'nacre train' has left. The training goes on\n"
  "from its newest checkpoint that is whole, or from the beginning if there\n"
  "is none, and comes to the same bits as one that was never interrupted.\n"
  "Settings that do not change what was done so far, such as\n"
  "train.epochs=50, become part of the run.",
  options, 1, -1, run
};
