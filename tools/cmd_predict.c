/* SPDX-License-Identifier: MIT */
/* cmd_predict: nacre predict RUN INPUT; what --prompt asks for is in
 * predict_text.c. */
#include "cli.h"
#include "predict_output.h"
#include "predict_text.h"

#include "train/predict.h"

#include <stdio.h>
#include <string.h>

#define BATCH 256

/* All that a prediction needs. */
typedef struct prediction {
  cli_session session;
  const char *weights;
  nacre_tensors tensors; /* fitted transforms and the source's state */
  nacre_prediction_input input;
  nacre_predictor predictor;
  predict_output output;
  predict_head *head;    /* [heads] */
  real **values;         /* [heads]: [BATCH, count] */
} prediction;

/* Whether the outputs of the activation that a loss undoes are independent
 * probabilities, and not those of one class each. */
static bool is_multi_label(prediction *self, const char *undoes) {
  nacre_error *error = &self->session.error;
  if (undoes == NULL) {
    return false;
  }
  const nacre_component *found =
    nacre_registry_find(self->session.registry, NACRE_KIND_ACTIVATION,
                        undoes, NULL, 0, error);
  if (found == NULL) {
    return false;
  }
  const nacre_activation_ops *ops = found->ops;
  return (ops->flags & NACRE_ACT_POINTWISE) != 0;
}

/* One row of one output is a class if its loss is one of classes. */
static predict_class classify(prediction *self, const nacre_head *head,
                              const nacre_shape *shape) {
  const nacre_loss_ops *ops = head->loss_ops;
  if (ops == NULL || (ops->flags & NACRE_LOSS_CLASSES) == 0 ||
      shape->rank > 1) {
    return PREDICT_NO_CLASS;
  }
  if (nacre_shape_count(shape) == 1) {
    return ops->undoes != NULL ? PREDICT_THRESHOLD : PREDICT_NO_CLASS;
  }
  bool one = (ops->flags & NACRE_LOSS_INDEX) != 0 ||
             !is_multi_label(self, ops->undoes);
  return one ? PREDICT_LARGEST : PREDICT_NO_CLASS;
}

static void name_classes(const prediction *self, const nacre_graph *graph,
                         int index) {
  const nacre_dataset *set = &self->input.set;
  predict_head *head = &self->head[index];
  int64_t classes = head->classify == PREDICT_THRESHOLD ? 2 : head->count;
  int field = nacre_dataset_find(set, graph->head[index].name, true,
                                 graph->n_heads == 1);
  if (field >= 0 && set->field[field].classes == classes) {
    head->class_name = set->field[field].class_names;
  }
}

static int describe_heads(prediction *self) {
  const nacre_graph *graph = &self->session.experiment.graph;
  size_t n = (size_t)graph->n_heads + 1;
  self->head = nacre_alloc(n, sizeof(*self->head));
  self->values = nacre_alloc(n, sizeof(*self->values));
  if (self->head == NULL || self->values == NULL) {
    return nacre_no_memory(&self->session.error);
  }
  for (int i = 0; i < graph->n_heads; i++) {
    const nacre_edge *edge = &graph->edge[graph->head[i].edge];
    predict_head *head = &self->head[i];
    *head = (predict_head){
      .name = graph->n_heads > 1 ? graph->head[i].name : "prediction",
      .shape = edge->shape, .count = nacre_shape_count(&edge->shape)
    };
    head->classify = classify(self, &graph->head[i], &edge->shape);
    name_classes(self, graph, i);
    self->values[i] =
      nacre_alloc((size_t)head->count * BATCH, sizeof(real));
    if (self->values[i] == NULL) {
      return nacre_no_memory(&self->session.error);
    }
  }
  return NACRE_OK;
}

/* The shape of the model's input, for one that leaves it to the data. */
static const nacre_shape *input_shape(const nacre_prediction_input *input) {
  int field = nacre_dataset_find(&input->set, "input", false, true);
  for (int i = 0; i < input->n_pipes && field >= 0; i++) {
    if (strcmp(input->pipe[i].field.name, input->set.field[field].name) ==
        0) {
      return &input->pipe[i].shape;
    }
  }
  return NULL;
}

static int open_all(prediction *self, const cli_args *args) {
  nacre_experiment *experiment = &self->session.experiment;
  nacre_error *error = &self->session.error;
  if (!experiment->has_data) {
    return nacre_error_add(error, NACRE_EMODEL, NULL,
                           "the experiment of %s names no data, so that it "
                           "is not known how to read others",
                           args->word[0]);
  }
  if (nacre_tensors_read(&self->tensors, self->weights, error) != NACRE_OK ||
      nacre_prediction_open(&self->input, experiment, &self->tensors,
                            self->weights, args->word[1], args->format) !=
        NACRE_OK ||
      nacre_predictor_make(&self->predictor, experiment, self->weights,
                           input_shape(&self->input), BATCH, args->threads,
                           args->cpu) != NACRE_OK ||
      nacre_prediction_join(&self->input, &self->predictor) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (self->output.format == PREDICT_NPY && experiment->graph.n_heads > 1) {
    nacre_error_add(error, NACRE_EUSAGE, NULL,
                    "an npy file holds one array, and the network has %d "
                    "outputs", experiment->graph.n_heads);
    nacre_error_hint(error, "--to csv or --to jsonl takes them all");
    return NACRE_ERROR;
  }
  return describe_heads(self);
}

static int write_rows(prediction *self) {
  nacre_error *error = &self->session.error;
  int64_t rows = self->input.set.count;
  int status = NACRE_OK;
  for (int64_t at = 0; at < rows && status == NACRE_OK; at += BATCH) {
    int64_t n = rows - at < BATCH ? rows - at : BATCH;
    status = nacre_prediction_rows(&self->input, &self->predictor, at, n,
                                   self->values);
    if (status == NACRE_OK) {
      status = predict_output_rows(&self->output, n, self->values, error);
    }
  }
  return status;
}

static int predict(prediction *self, const cli_args *args) {
  nacre_error *error = &self->session.error;
  int status = open_all(self, args);
  if (status == NACRE_OK) {
    self->output.head = self->head;
    self->output.n_heads = self->session.experiment.graph.n_heads;
    status = predict_output_open(&self->output, args->output,
                                 self->input.set.count, error);
  }
  if (status == NACRE_OK) {
    status = write_rows(self);
  }
  if (predict_output_close(&self->output, status == NACRE_OK, error) !=
      NACRE_OK) {
    status = NACRE_ERROR;
  }
  int code = cli_report(error);
  if (status != NACRE_OK && code == 0) {
    code = ferror(stdout) != 0 ? NACRE_EIO : NACRE_EBUG;
  }
  return code;
}

static void fini(prediction *self) {
  int heads = self->session.experiment.graph.n_heads;
  for (int i = 0; self->values != NULL && i < heads; i++) {
    nacre_free(self->values[i]);
  }
  nacre_free((void *)self->values);
  nacre_free(self->head);
  nacre_prediction_close(&self->input);
  nacre_predictor_fini(&self->predictor);
  nacre_tensors_fini(&self->tensors);
  cli_close(&self->session);
}

static int run(const cli_args *args) {
  prediction self = { 0 };
  char *weights = NULL;
  if ((args->n_words < 2) == (args->prompt == NULL)) {
    fprintf(stderr, "nacre predict: %s\n", args->prompt == NULL
              ? "what is there to predict? RUN is followed by INPUT, or "
                "--prompt=TEXT"
              : "there can be an INPUT or a --prompt, not both");
    return NACRE_EUSAGE;
  }
  if (args->prompt != NULL) {
    return predict_text(args);
  }
  if (!predict_output_format(args->to, args->output, &self.output.format)) {
    fprintf(stderr, "nacre predict: --to is csv, jsonl or npy, not '%s'\n",
            args->to);
    return NACRE_EUSAGE;
  }
  int code = cli_open_run(&self.session, args, args->word[0], NULL, 0,
                          &weights);
  self.weights = weights;
  if (code == 0) {
    code = predict(&self, args);
  }
  fini(&self);
  nacre_free(weights);
  return code;
}

static const cli_option options[] = {
  { "output", "FILE", "write to FILE (default: standard output)", CLI_TEXT,
    offsetof(cli_args, output) },
  { "to", "FORMAT", "csv, jsonl or npy (default: by FILE's name, or csv)",
    CLI_TEXT, offsetof(cli_args, to) },
  { "format", "SOURCE", "what INPUT is: csv, npy, ... (default: by its name)",
    CLI_TEXT, offsetof(cli_args, format) },
  { "prompt", "TEXT", "write what a language model lets follow on TEXT",
    CLI_TEXT, offsetof(cli_args, prompt) },
  { "length", "N", "so many tokens (default: 500)", CLI_COUNT,
    offsetof(cli_args, length) },
  { "temperature", "T", "below 1 bolder choices are rarer, 0: never any "
    "(default: 1)", CLI_TEXT, offsetof(cli_args, temperature) },
  { "top-k", "K", "choose among the K most probable tokens (default: all)",
    CLI_COUNT, offsetof(cli_args, top_k) },
  { "seed", "S", "another seed, another text (default: the experiment's)",
    CLI_TEXT, offsetof(cli_args, seed) },
  { "threads", "N", "threads to compute with (default: all there are)",
    CLI_COUNT, offsetof(cli_args, threads) },
  { "cpu", "LEVEL", "use no instructions above baseline, x86-64-v3, ...",
    CLI_TEXT, offsetof(cli_args, cpu) },
  { NULL, NULL, NULL, CLI_FLAG, 0 },
};

const cli_verb cli_predict = {
  "predict", "RUN INPUT | RUN --prompt=TEXT",
  "apply a trained network to new data",
  "RUN is the directory that 'nacre train' has left, INPUT a file such as\n"
  "its training data, with or without the targets; '-' is standard input.\n"
  "Inputs are transformed as in training, and what was done to a target is\n"
  "undone in its predictions. A classification's rows end in a class.\n\n"
  "With --prompt a network that was trained on running text writes more of\n"
  "it, to standard output.",
  options, 1, 2, run
};
