/* SPDX-License-Identifier: MIT */
#include "cli.h"

#include "base/text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define AT(field) offsetof(cli_args, field)

const cli_option cli_common[] = {
  { "plugin-path", "DIRS", "look for plugins here first, colon-separated",
    CLI_TEXT, AT(plugin_path) },
  { "help", NULL, "print this help", CLI_FLAG, AT(help) },
  { NULL, NULL, NULL, CLI_FLAG, 0 },
};

/* Options. */

static const cli_option *find_in(const cli_option *options, const char *name,
                                 size_t n) {
  for (; options != NULL && options->name != NULL; options++) {
    if (strlen(options->name) == n && strncmp(options->name, name, n) == 0) {
      return options;
    }
  }
  return NULL;
}

static int usage_error(const cli_verb *verb, const char *text,
                       const char *word) {
  fprintf(stderr, "nacre %s: %s '%s'\n", verb->name, text, word);
  fprintf(stderr, "usage: nacre %s [OPTION...] %s\n", verb->name,
          verb->usage);
  return NACRE_EUSAGE;
}

static int unknown_option(const cli_verb *verb, const char *word) {
  int code = usage_error(verb, "unknown option", word);
  const cli_option *tables[2] = { verb->options, cli_common };
  for (int i = 0; i < 2; i++) {
    for (const cli_option *at = tables[i]; at != NULL && at->name != NULL;
         at++) {
      if (nacre_text_distance(word + 2, at->name, 2) <= 2) {
        fprintf(stderr, "did you mean '--%s'?\n", at->name);
        return code;
      }
    }
  }
  return code;
}

static int set_option(const cli_verb *verb, const cli_option *option,
                      const char *value, cli_args *args) {
  char *at = (char *)args + option->offset;
  int64_t count = 0;
  switch (option->type) {
  case CLI_FLAG:
    *(bool *)(void *)at = true;
    return 0;
  case CLI_TEXT:
    memcpy(at, &value, sizeof(value));
    return 0;
  case CLI_COUNT:
    if (!nacre_text_int(value, strlen(value), &count) || count < 0 ||
        count > 1000000000) {
      return usage_error(verb, "expected a whole number, got", value);
    }
    memcpy(at, &count, sizeof(count));
    return 0;
  }
  return NACRE_EBUG;
}

int cli_parse(const cli_verb *verb, int argc, char **argv, cli_args *args) {
  bool options_over = false;
  *args = (cli_args){ 0 };
  args->word = calloc((size_t)argc + 1, sizeof(*args->word));
  if (args->word == NULL) {
    fprintf(stderr, "nacre: out of memory\n");
    return NACRE_ELIMIT;
  }
  for (int i = 0; i < argc; i++) {
    const char *word = argv[i];
    if (options_over || word[0] != '-' || word[1] == '\0') {
      args->word[args->n_words++] = word;
      continue;
    }
    if (strcmp(word, "--") == 0) {
      options_over = true;
      continue;
    }
    if (strcmp(word, "-h") == 0) {
      args->help = true;
      continue;
    }
    if (word[1] != '-') {
      return unknown_option(verb, word);
    }
    const char *equals = strchr(word, '=');
    size_t n = equals != NULL ? (size_t)(equals - word) - 2
                              : strlen(word) - 2;
    const cli_option *option = find_in(verb->options, word + 2, n);
    option = option != NULL ? option : find_in(cli_common, word + 2, n);
    if (option == NULL) {
      return unknown_option(verb, word);
    }
    const char *value = equals != NULL ? equals + 1 : NULL;
    if (option->type == CLI_FLAG && value != NULL) {
      return usage_error(verb, "this option takes no value:", word);
    }
    if (option->type != CLI_FLAG && value == NULL) {
      if (i + 1 >= argc) {
        return usage_error(verb, "this option needs a value:", word);
      }
      value = argv[++i];
    }
    int code = set_option(verb, option, value, args);
    if (code != 0) {
      return code;
    }
  }
  if (args->help) {
    return 0;
  }
  if (args->n_words < verb->min_words) {
    fprintf(stderr, "usage: nacre %s [OPTION...] %s\n", verb->name,
            verb->usage);
    return NACRE_EUSAGE;
  }
  if (verb->max_words >= 0 && args->n_words > verb->max_words) {
    return usage_error(verb, "one word too many:",
                       args->word[verb->max_words]);
  }
  return 0;
}

static void print_options(const cli_option *options) {
  for (; options != NULL && options->name != NULL; options++) {
    char left[64];
    snprintf(left, sizeof(left), "--%s%s%s", options->name,
             options->value != NULL ? "=" : "",
             options->value != NULL ? options->value : "");
    printf("  %-22s %s\n", left, options->doc);
  }
}

void cli_print_help(const cli_verb *verb) {
  printf("usage: nacre %s [OPTION...] %s\n\n%s.\n", verb->name, verb->usage,
         verb->summary);
  if (verb->help != NULL) {
    printf("\n%s\n", verb->help);
  }
  printf("\noptions:\n");
  print_options(verb->options);
  print_options(cli_common);
}

/* Problems. */

int cli_report(nacre_error *error) {
  nacre_error_sort(error);
  for (int i = 0; i < error->count; i++) {
    char *text = nacre_problem_format(&error->problem[i]);
    if (text != NULL) {
      size_t n = strlen(text);
      fprintf(stderr, "%s%s", text, n > 0 && text[n - 1] == '\n' ? "" : "\n");
    }
    nacre_free(text);
  }
  if (error->lost) {
    fprintf(stderr, "nacre: error: out of memory\n");
    return NACRE_ELIMIT;
  }
  int errors = error->errors - error->repeats;
  if (errors > 1) {
    fprintf(stderr, "%d errors\n", errors);
  }
  return nacre_error_code(error);
}

/* Sessions. */

int cli_open_registry(cli_session *session, const cli_args *args) {
  nacre_registry_options options = { .plugin_path = args->plugin_path,
                                     .rescan = args->rescan };
  *session = (cli_session){ 0 };
  nacre_error_init(&session->error);
  session->registry = nacre_registry_open(&options, &session->error);
  return session->registry != NULL ? 0 : cli_report(&session->error);
}

static int load(cli_session *session, const char *path,
                const char *const *overrides, int n) {
  if (nacre_experiment_load(&session->experiment, session->registry, path,
                            NULL, NULL, NULL, 0, overrides, n,
                            &session->error) != NACRE_OK) {
    int code = cli_report(&session->error);
    return code != 0 ? code : NACRE_EBUG;
  }
  return 0;
}

int cli_open(cli_session *session, const cli_args *args) {
  int code = cli_open_registry(session, args);
  return code != 0 ? code : load(session, args->word[0], args->word + 1,
                                 args->n_words - 1);
}

static int refuse_run(cli_session *session, const char *path,
                      const char *text) {
  nacre_place place = { .file = path };
  nacre_error_add(&session->error, NACRE_EMODEL, &place, "%s", text);
  return cli_report(&session->error);
}

int cli_open_run(cli_session *session, const cli_args *args,
                 const char *run, const char *const *overrides, int n,
                 char **weights) {
  struct stat st;
  if (weights != NULL) {
    *weights = nacre_format("%s/weights.safetensors", run);
  }
  int code = cli_open_registry(session, args);
  if (code != 0) {
    return code;
  }
  char *config = nacre_format("%s/config.yaml", run);
  if (config == NULL || (weights != NULL && *weights == NULL)) {
    nacre_no_memory(&session->error);
    code = cli_report(&session->error);
  } else if (stat(run, &st) != 0) {
    code = refuse_run(session, run, strerror(errno));
  } else if (!S_ISDIR(st.st_mode)) {
    code = refuse_run(session, run, "this is not a run directory");
  } else if (stat(config, &st) != 0) {
    code = refuse_run(session, config, "a run directory has this file, and "
                                       "this one has not");
  } else if (weights != NULL && stat(*weights, &st) != 0) {
    code = refuse_run(session, *weights, "there are no weights: the "
                                         "training did not come to its end");
  } else {
    code = load(session, config, overrides, n);
  }
  nacre_free(config);
  return code;
}

void cli_close(cli_session *session) {
  nacre_experiment_free(&session->experiment);
  nacre_registry_free(session->registry);
  nacre_error_fini(&session->error);
  *session = (cli_session){ 0 };
}

/* Output. */

bool cli_is_terminal(int fd) {
  const char *term = getenv("TERM");
  return isatty(fd) == 1 && term != NULL && strcmp(term, "dumb") != 0;
}

int cli_finish(int code) {
  errno = 0;
  if (fflush(stdout) != 0 || ferror(stdout)) {
    /* A reader that has seen enough, as in "nacre plugins | head", needs no
     * message. */
    if (errno != EPIPE) {
      fprintf(stderr, "nacre: error: cannot write to standard output%s%s\n",
              errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
    }
    return code != 0 ? code : NACRE_EIO;
  }
  return code;
}

void cli_bytes(double bytes, char out[32]) {
  static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB",
                                       "PiB", "EiB" };
  int unit = 0;
  while (bytes >= 1024 && unit < 6) {
    bytes /= 1024;
    unit++;
  }
  snprintf(out, 32, unit == 0 ? "%.0f %s" : "%.2f %s", bytes, units[unit]);
}

void cli_count(double count, char out[32]) {
  static const char *const units[] = { "", " k", " M", " G", " T", " P" };
  int unit = 0;
  /* Four digits are read as they stand. */
  while (count >= (unit == 0 ? 10000 : 1000) && unit < 5) {
    count /= 1000;
    unit++;
  }
  snprintf(out, 32, unit == 0 ? "%.0f%s" : "%.2f%s", count, units[unit]);
}

void cli_json_text(const char *text) {
  if (text == NULL) {
    printf("null");
    return;
  }
  putchar('"');
  for (; *text != '\0'; text++) {
    unsigned char c = (unsigned char)*text;
    if (c == '"' || c == '\\') {
      printf("\\%c", c);
    } else if (c == '\n') {
      printf("\\n");
    } else if (c < 0x20) {
      printf("\\u%04x", c);
    } else {
      putchar(c);
    }
  }
  putchar('"');
}

void cli_json_number(double value) {
  char text[32];
  if (!isfinite(value)) {
    printf("null");
    return;
  }
  nacre_text_from_float(value, text);
  printf("%s", text);
}

void cli_shape(const nacre_shape *shape, const char *batch, char out[160]) {
  int at = snprintf(out, 160, "[%s", batch != NULL ? batch : "");
  for (int i = 0; i < shape->rank && at > 0 && at < 130; i++) {
    at += snprintf(out + at, (size_t)(160 - at), "%s%lld",
                   i > 0 || batch != NULL ? ", " : "",
                   (long long)shape->dim[i]);
  }
  snprintf(out + at, (size_t)(160 - at), "]");
}
