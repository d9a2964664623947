/* SPDX-License-Identifier: MIT */
/* cmd_data: nacre data info|preview CONFIG [KEY=VALUE...] */
#include "data.h"

#include <stdio.h>
#include <string.h>

static const struct {
  const char *word;
  int (*run)(const cli_args *, cli_session *);
} words[] = { { "info", data_info }, { "preview", data_preview } };

static int run(const cli_args *args) {
  int (*body)(const cli_args *, cli_session *) = NULL;
  cli_session session;
  for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
    if (strcmp(args->word[0], words[i].word) == 0) {
      body = words[i].run;
    }
  }
  if (body == NULL) {
    fprintf(stderr, "nacre data: unknown word '%s'\nusage: nacre data %s\n",
            args->word[0], cli_data.usage);
    return NACRE_EUSAGE;
  }
  /* The words of cli_open() begin with the config. */
  cli_args behind = *args;
  behind.word++;
  behind.n_words--;
  int code = cli_open(&session, &behind);
  if (code == 0) {
    int status = body(&behind, &session);
    code = cli_report(&session.error);
    code = status != NACRE_OK && code == 0 ? NACRE_EBUG : code;
  }
  cli_close(&session);
  return code;
}

static const cli_option options[] = {
  { "json", NULL, "print the facts as JSON (info)", CLI_FLAG,
    offsetof(cli_args, json) },
  { "output", "FILE", "write a sheet of images, such as sheet.png (preview)",
    CLI_TEXT, offsetof(cli_args, output) },
  { "samples", "N", "how many samples (preview; default: 64 images, 10 rows)",
    CLI_COUNT, offsetof(cli_args, samples) },
  { NULL, NULL, NULL, CLI_FLAG, 0 },
};

const cli_verb cli_data = {
  "data", "info|preview CONFIG [KEY=VALUE...]",
  "show what an experiment's data are, and what becomes of them",
  "info prints the fields of the data, the size of each part, least and\n"
  "greatest value, mean, deviation and missing values of each field, and how\n"
  "often each class is there. These are the data as their source gives\n"
  "them.\n\n"
  "preview shows training samples as the network sees them, transformed and\n"
  "augmented: images as a sheet that is written to FILE, whose rows of\n"
  "targets are printed, anything else as rows of numbers. The samples are\n"
  "drawn by the experiment's seed.",
  options, 2, -1, run
};
