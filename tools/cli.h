/* SPDX-License-Identifier: MIT */
/* cli: what the verbs share: options, exit codes, opening an experiment,
 * printing problems. Only files of tools/ print. */
#ifndef NACRE_TOOLS_CLI_H
#define NACRE_TOOLS_CLI_H

#include "experiment/experiment.h"

#include <stdbool.h>
#include <stdint.h>

/** An option of a verb, as a table. Its value is written at `offset` into
 *  cli_args: a flag is a bool, a text a const char *, a count an int64_t. */
typedef enum cli_type { CLI_FLAG, CLI_TEXT, CLI_COUNT } cli_type;
typedef struct cli_option {
  const char *name;  /* without the dashes */
  const char *value; /* what the help calls its value; NULL for a flag */
  const char *doc;
  cli_type type;
  size_t offset;
} cli_option;

typedef struct cli_args {
  const char *plugin_path, *progress, *runs, *output, *format, *to, *on;
  const char *seconds, *trace, *cpu, *ship, *prompt, *temperature, *seed;
  int64_t threads, length, top_k, samples;
  bool json, digest, help, rescan, all, data, why, markdown,
    inference, profile;
  const char **word; /* what is no option, in order */
  int n_words;
} cli_args;

typedef struct cli_verb {
  const char *name;
  const char *usage;   /* "CONFIG [KEY=VALUE...]" */
  const char *summary; /* one line */
  const char *help;    /* paragraphs, or NULL */
  const cli_option *options; /* ends with name NULL; may be NULL */
  int min_words, max_words;  /* max -1: any number */
  int (*run)(const cli_args *);
} cli_verb;

extern const cli_verb cli_train, cli_resume, cli_evaluate, cli_predict,
  cli_plan, cli_check, cli_config, cli_plugins, cli_inspect,
  cli_check_plugin, cli_bench, cli_data;

/** Options that every verb takes; ends with name NULL. */
extern const cli_option cli_common[];

/** Reads the words behind the verb. 0, or the exit code after a message. */
int cli_parse(const cli_verb *, int argc, char **argv, cli_args *);
void cli_print_help(const cli_verb *);

/** Prints problems to stderr; returns the exit code for them. */
int cli_report(nacre_error *);

/** Opens the registry and loads the config at word 0, with the words behind
 *  it as overrides. 0, or the exit code after a message. The experiment and
 *  the registry must be closed either way. */
typedef struct cli_session {
  nacre_registry *registry;
  nacre_error error;
  nacre_experiment experiment;
} cli_session;
int cli_open(cli_session *, const cli_args *);
/** The same for a run directory: its config.yaml, with n overrides.
 *  `*weights` gets the path of its weights, which must be there; caller
 *  frees it with nacre_free(), whatever is returned. NULL: a run without
 *  weights will do. */
int cli_open_run(cli_session *, const cli_args *, const char *run,
                 const char *const *overrides, int n, char **weights);
int cli_open_registry(cli_session *, const cli_args *);
void cli_close(cli_session *);

/** Whether stdout takes colours and redrawn lines. */
bool cli_is_terminal(int fd);
/** Flushes stdout; the exit code for output that could not be written. */
int cli_finish(int code);
/** "1.50 KiB" of bytes, "1.23 M" of a count. */
void cli_bytes(double bytes, char out[32]);
void cli_count(double count, char out[32]);
/** To stdout: a JSON string, quoted and escaped (null for NULL), and a
 *  number (null for NaN and infinities, which JSON lacks). */
void cli_json_text(const char *);
void cli_json_number(double);
/** A shape as "[28, 28, 1]", with `batch` (may be NULL) in front. */
void cli_shape(const nacre_shape *, const char *batch, char out[160]);

#endif
