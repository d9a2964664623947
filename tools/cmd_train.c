/* SPDX-License-Identifier: MIT */
/* cmd_train: nacre train CONFIG [KEY=VALUE...] */
#include "training.h"

#include <stdio.h>

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
  training_catch_signals();
  int code = cli_open(&session, args);
  if (code == 0) {
    code = training_run(&session, args, &shown, NULL);
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
  "is kept in a directory runs/NAME/TIME. SIGINT (Ctrl-C), SIGTERM and\n"
  "SIGUSR1 end it after the running step; 'nacre resume' goes on.",
  options, 1, -1, run
};
