/* SPDX-License-Identifier: MIT */
/* cmd_evaluate: nacre evaluate RUN [KEY=VALUE...] */
#include "cli.h"
#include "table.h"

#include "train/judge.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Which part of the data a word names; without one the first that is there
 * of test, validation and training data. */
static const nacre_split *choose_part(const nacre_samples *samples,
                                      const char *word, const char **name) {
  const struct {
    const char *name;
    const nacre_split *split;
  } parts[] = { { "test", &samples->test },
                { "validation", &samples->validation },
                { "train", &samples->train } };
  for (int i = 0; i < 3; i++) {
    if (word != NULL ? strcmp(word, parts[i].name) == 0
                     : parts[i].split->n > 0) {
      *name = parts[i].name;
      return parts[i].split;
    }
  }
  return NULL;
}

/* Names of the classes that a metric's table is about, or NULL. */
static const char *const *class_names(const nacre_trainer *trainer,
                                      const nacre_metric *metric,
                                      int64_t classes) {
  const nacre_dataset *set = &trainer->samples.set[0];
  const nacre_graph *graph = &trainer->experiment->graph;
  int field = nacre_dataset_find(set, graph->head[metric->cfg->head].name,
                                 true, graph->n_heads == 1);
  if (field < 0 || set->field[field].classes != classes) {
    return NULL;
  }
  return set->field[field].class_names;
}

/* A metric's table; NULL if it has none, or no memory. [rows, cols] */
static double *take_table(const nacre_metric *metric, int64_t *rows,
                          int64_t *cols) {
  const void *cfg = metric->cfg->choice.cfg;
  size_t size = 0;
  if (metric->ops->table == NULL ||
      metric->ops->table(cfg, metric->state, rows, cols, NULL) != NACRE_OK ||
      !nacre_size_mul((size_t)*rows, (size_t)*cols, &size)) {
    return NULL;
  }
  double *values = nacre_alloc(size, sizeof(double));
  if (values != NULL &&
      metric->ops->table(cfg, metric->state, rows, cols, values) !=
        NACRE_OK) {
    nacre_free(values);
    return NULL;
  }
  return values;
}

/* Tables as wide as this fit on a screen; the others are for programs. */
#define TABLE_CLASSES (TABLE_COLUMNS - 1)

static void print_table(const nacre_trainer *trainer,
                        const nacre_metric *metric) {
  int64_t rows = 0, cols = 0;
  double *values = take_table(metric, &rows, &cols);
  if (values == NULL) {
    return;
  }
  if (cols > TABLE_CLASSES) {
    printf("\n%s: %" PRId64 " by %" PRId64 ", printed by --json\n",
           metric->name, rows, cols);
    nacre_free(values);
    return;
  }
  char align[TABLE_COLUMNS + 1] = "l";
  memset(align + 1, 'r', (size_t)cols);
  align[cols + 1] = '\0';
  table grid = { .align = align, .indent = "  " };
  const char *const *names = rows == cols
    ? class_names(trainer, metric, rows) : NULL;
  for (int64_t i = -1; i < rows; i++) {
    for (int64_t j = -1; j < cols; j++) {
      if (i < 0 && j < 0) {
        table_cell(&grid, "%s", "");
      } else if (i < 0 || j < 0) {
        int64_t at = i < 0 ? j : i;
        if (names != NULL) {
          table_cell(&grid, "%s", names[at]);
        } else {
          table_cell(&grid, "%" PRId64, at);
        }
      } else {
        table_cell(&grid, "%.6g", values[i * cols + j]);
      }
    }
  }
  printf("\n%s%s\n", metric->name,
         rows == cols ? " (a row for each true class)" : "");
  table_print(&grid);
  nacre_free(values);
}

static void print_json_table(const nacre_metric *metric, bool *first) {
  int64_t rows = 0, cols = 0;
  double *values = take_table(metric, &rows, &cols);
  if (values == NULL) {
    return;
  }
  printf("%s", *first ? "" : ", ");
  *first = false;
  cli_json_text(metric->name);
  printf(": [");
  for (int64_t i = 0; i < rows; i++) {
    printf("%s[", i > 0 ? ", " : "");
    for (int64_t j = 0; j < cols; j++) {
      printf("%s", j > 0 ? ", " : "");
      cli_json_number(values[i * cols + j]);
    }
    printf("]");
  }
  printf("]");
  nacre_free(values);
}

static void print_json(const cli_args *args, const char *part,
                       const nacre_pass_over *pass,
                       const nacre_log_item *item, int n) {
  bool first = true;
  printf("{\"run\": ");
  cli_json_text(args->word[0]);
  printf(", \"on\": \"%s\", \"samples\": %" PRId64 ", \"metrics\": {", part,
         pass->feed.split->n);
  for (int i = 0; i < n; i++) {
    printf("%s", i > 0 ? ", " : "");
    cli_json_text(item[i].name);
    printf(": ");
    cli_json_number(item[i].value);
  }
  printf("}, \"tables\": {");
  for (int i = 0; i < pass->measure.n_metrics; i++) {
    print_json_table(&pass->measure.metric[i], &first);
  }
  printf("}}\n");
}

static int judge(nacre_trainer *trainer, const cli_args *args,
                 const nacre_split *split, const char *part) {
  nacre_pass_over pass;
  nacre_log_item *item = NULL;
  char prefix[32];
  int n = -1;
  snprintf(prefix, sizeof(prefix), "%s/", part);
  if (nacre_judge_open(&pass, trainer, split) == NACRE_OK) {
    n = nacre_judge_numbers(trainer, &pass, prefix, &item);
  }
  if (n >= 0 && args->json) {
    print_json(args, part, &pass, item, n);
  } else if (n >= 0) {
    for (int i = 0; i < n; i++) {
      printf("%s %.6g\n", item[i].name, item[i].value);
    }
    for (int i = 0; i < pass.measure.n_metrics; i++) {
      print_table(trainer, &pass.measure.metric[i]);
    }
  }
  nacre_judge_close(&pass);
  return n >= 0 ? NACRE_OK : NACRE_ERROR;
}

static int evaluate(cli_session *session, const cli_args *args,
                    const char *weights) {
  nacre_trainer trainer;
  nacre_train_options options = { .threads = args->threads,
                                  .cpu_level = args->cpu };
  nacre_error *error = &session->error;
  const char *part = args->on;
  int status = nacre_trainer_make(&trainer, &session->experiment, &options);
  if (status == NACRE_OK) {
    status = nacre_judge_load(&trainer, weights);
  }
  if (status == NACRE_OK) {
    const nacre_split *split =
      choose_part(&trainer.samples, args->on, &part);
    status = split != NULL && split->n > 0
      ? judge(&trainer, args, split, part)
      : nacre_error_add(error, NACRE_EDATA, NULL,
                        "the experiment of %s has no %s data", args->word[0],
                        part != NULL ? part : "such");
  }
  nacre_trainer_fini(&trainer);
  int code = cli_report(error);
  return status != NACRE_OK && code == 0 ? NACRE_EBUG : code;
}

static int run(const cli_args *args) {
  static const char *const parts[] = { "train", "validation", "test" };
  cli_session session;
  char *weights = NULL;
  bool known = args->on == NULL;
  for (int i = 0; i < 3 && !known; i++) {
    known = strcmp(args->on, parts[i]) == 0;
  }
  if (!known) {
    fprintf(stderr, "nacre evaluate: --on is train, validation or test, not "
                    "'%s'\n", args->on);
    return NACRE_EUSAGE;
  }
  int code = cli_open_run(&session, args, args->word[0], args->word + 1,
                          args->n_words - 1, &weights);
  if (code == 0) {
    code = evaluate(&session, args, weights);
  }
  nacre_free(weights);
  cli_close(&session);
  return code;
}

static const cli_option options[] = {
  { "on", "PART", "test, validation or train (default: the first there is)",
    CLI_TEXT, offsetof(cli_args, on) },
  { "threads", "N", "threads to compute with (default: all there are)",
    CLI_COUNT, offsetof(cli_args, threads) },
  { "cpu", "LEVEL", "use no instructions above baseline, x86-64-v3, ...",
    CLI_TEXT, offsetof(cli_args, cpu) },
  { "json", NULL, "print JSON, with the tables of metrics", CLI_FLAG,
    offsetof(cli_args, json) },
  { NULL, NULL, NULL, CLI_FLAG, 0 },
};

const cli_verb cli_evaluate = {
  "evaluate", "RUN [KEY=VALUE...]",
  "measure a trained network again",
  "RUN is the directory that 'nacre train' has left. Its data are opened as\n"
  "its config says; KEY=VALUE overrides settings, such as\n"
  "data.test.path=new.csv.",
  options, 1, -1, run
};
