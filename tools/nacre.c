/* SPDX-License-Identifier: MIT */
/* nacre: the command line: a table of verbs. */
#include "cli.h"

#include "base/text.h"
#include <nacre/nacre.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const cli_verb *const verbs[] = {
  &cli_train, &cli_resume, &cli_evaluate, &cli_predict, &cli_plan,
  &cli_check, &cli_config, &cli_plugins, &cli_inspect, &cli_check_plugin,
  &cli_bench, &cli_data,
};
#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static void print_overview(FILE *to) {
  fprintf(to, "usage: nacre VERB [OPTION...] [ARGUMENT...]\n\n"
              "nacre trains neural networks that are described in YAML and "
              "made of plugins.\n\nverbs:\n");
  for (size_t i = 0; i < N_VERBS; i++) {
    fprintf(to, "  %-13s %s\n", verbs[i]->name, verbs[i]->summary);
  }
  fprintf(to, "\n'nacre VERB --help' tells more of a verb; 'nacre --version' "
              "the version.\n");
}

static int unknown_verb(const char *word) {
  fprintf(stderr, "nacre: unknown verb '%s'\n", word);
  for (size_t i = 0; i < N_VERBS; i++) {
    if (nacre_text_distance(word, verbs[i]->name, 2) <= 2) {
      fprintf(stderr, "did you mean '%s'?\n", verbs[i]->name);
      return NACRE_EUSAGE;
    }
  }
  print_overview(stderr);
  return NACRE_EUSAGE;
}

/* A program started with 0, 1 or 2 closed would write its messages into the
 * next file it opens. */
static bool hold_standard_files(void) {
  for (int fd = 0; fd <= 2; fd++) {
    FILE *at = NULL;
    if (fcntl(fd, F_GETFD) >= 0) {
      continue;
    }
    at = fopen("/dev/null", fd == 0 ? "r" : "w");
    if (at == NULL || fileno(at) != fd) {
      return false;
    }
  }
  return true;
}

int main(int argc, char **argv) {
  cli_args args;
  if (!hold_standard_files()) {
    return NACRE_EIO;
  }
  /* A reader that goes away is an error of write(), not a death. */
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN); /* so is a file that may not grow */
  if (argc < 2) {
    print_overview(stderr);
    return NACRE_EUSAGE;
  }
  const char *word = argv[1];
  if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 ||
      strcmp(word, "help") == 0) {
    print_overview(stdout);
    return cli_finish(0);
  }
  if (strcmp(word, "--version") == 0 || strcmp(word, "version") == 0) {
    printf("nacre %s\n", nacre_version());
    return cli_finish(0);
  }
  for (size_t i = 0; i < N_VERBS; i++) {
    if (strcmp(word, verbs[i]->name) != 0) {
      continue;
    }
    int code = cli_parse(verbs[i], argc - 2, argv + 2, &args);
    if (code == 0 && args.help) {
      cli_print_help(verbs[i]);
    } else if (code == 0) {
      code = verbs[i]->run(&args);
    }
    free(args.word);
    return cli_finish(code);
  }
  return unknown_verb(word);
}
