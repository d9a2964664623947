/* SPDX-License-Identifier: MIT */
/* cmd_plan: nacre plan CONFIG [KEY=VALUE...]
 *
 * A training as it would be, worked out without allocating any of it. */
#include "cli.h"
#include "table.h"

#include "graph/layout.h"
#include "train/samples.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A backward pass makes two products for the forward pass's one. */
#define STEP_PER_FORWARD 3

/* What a training comes to. Bytes are of one region each. */
typedef struct totals {
  bool trains; /* there are a loss and an optimizer */
  int64_t batch, parameters, trainable;
  int64_t parameter_bytes, gradient_bytes, optimizer_bytes;
  int64_t activation_bytes, scratch_bytes;
  double flops, step_flops; /* a sample's forward pass; a whole step */
  int fused;                /* activations that ride in epilogues */
} totals;

static bool has_loss(const nacre_graph *graph) {
  for (int i = 0; i < graph->n_heads; i++) {
    if (graph->head[i].loss_ops != NULL) {
      return true;
    }
  }
  return false;
}

static int64_t count_parameters(const nacre_graph *graph, int vertex) {
  const nacre_vertex *at = &graph->vertex[vertex];
  int64_t count = 0;
  if (at->ops == NULL || at->owner != vertex) {
    return 0;
  }
  for (uint32_t i = 0; i < at->ops->weights.n; i++) {
    if (at->variable[i] >= 0) {
      count += graph->variable[at->variable[i]].count;
    }
  }
  return count;
}

static int add_up(const nacre_experiment *experiment, totals *sum) {
  const nacre_graph *graph = &experiment->graph;
  nacre_layout layout;
  *sum = (totals){ .batch = experiment->batch_size };
  sum->trains = has_loss(graph) &&
                experiment->optimizer.optimizer.component != NULL;
  if (nacre_model_measure(graph, &sum->gradient_bytes,
                          &sum->parameter_bytes, experiment->error) !=
        NACRE_OK) {
    return NACRE_ERROR;
  }
  int status = nacre_layout_make(
    &layout, graph, sum->trains ? NACRE_MODE_TRAIN : NACRE_MODE_PREDICT,
    sum->batch);
  if (status == NACRE_OK) {
    sum->activation_bytes = layout.activation_bytes;
    sum->scratch_bytes = layout.scratch_bytes;
  }
  nacre_layout_fini(&layout);
  sum->parameters = nacre_graph_parameters(graph, false);
  sum->trainable = nacre_graph_parameters(graph, true);
  if (sum->trains) {
    sum->optimizer_bytes =
      nacre_optimizer_bytes(&experiment->optimizer, sum->gradient_bytes);
  } else {
    sum->gradient_bytes = 0;
  }
  for (int i = 0; i < graph->n_vertices; i++) {
    const nacre_vertex *vertex = &graph->vertex[i];
    sum->flops += vertex->flops;
    sum->fused += vertex->ops != NULL && vertex->activation.component != NULL;
  }
  sum->step_flops = sum->flops * (double)sum->batch *
                    (sum->trains ? STEP_PER_FORWARD : 1);
  return status;
}

/* "dense + relu", "dense (weights of fc1)", "softmax". */
static void describe_type(const nacre_graph *graph, int vertex,
                          char out[256]) {
  const nacre_vertex *at = &graph->vertex[vertex];
  const nacre_component *rides = at->activation.component;
  if (at->ops == NULL) {
    snprintf(out, 256, "%s", rides->name);
    return;
  }
  int n = snprintf(out, 256, "%s", at->type);
  if (rides != NULL) {
    n += snprintf(out + n, (size_t)(256 - n), " + %s", rides->name);
  }
  if (at->owner != vertex && n < 200) {
    snprintf(out + n, (size_t)(256 - n), " (weights of %.*s)", 200 - n,
             graph->vertex[at->owner].name);
  }
}

/* Text. */

static void print_layers(const nacre_graph *graph) {
  static const char *const head[] = { "layer", "type", "output shape",
                                      "parameters", "flops/sample" };
  table layers = { .align = "lllrr", .head = head };
  char shape[160], type[256], flops[32];
  for (int i = 0; i < graph->n_inputs; i++) {
    cli_shape(&graph->edge[i].shape, "None", shape);
    table_cell(&layers, "%s", graph->edge[i].name);
    table_cell(&layers, "(input)");
    table_cell(&layers, "%s", shape);
    table_cell(&layers, "0");
    table_cell(&layers, "0");
  }
  for (int i = 0; i < graph->n_vertices; i++) {
    const nacre_vertex *vertex = &graph->vertex[i];
    describe_type(graph, i, type);
    cli_count(vertex->flops, flops);
    for (int j = 0; j < vertex->n_outputs; j++) {
      cli_shape(&graph->edge[vertex->output[j]].shape, "None", shape);
      table_cell(&layers, "%s", j == 0 ? vertex->name : "");
      table_cell(&layers, "%s", j == 0 ? type : "");
      table_cell(&layers, "%s", shape);
      if (j == 0) {
        table_cell(&layers, "%" PRId64, count_parameters(graph, i));
      } else {
        table_cell(&layers, "%s", "");
      }
      table_cell(&layers, "%s", j == 0 ? flops : "");
    }
  }
  table_print(&layers);
}

static void print_bytes(table *to, const char *what, int64_t bytes) {
  char text[32];
  cli_bytes((double)bytes, text);
  table_cell(to, "%s", what);
  table_cell(to, "%s", text);
}

static void print_memory(const totals *sum) {
  table memory = { .align = "lr", .indent = "  " };
  printf("\nmemory for batches of %" PRId64 "%s\n", sum->batch,
         sum->trains ? "" : " (no loss: predicting only)");
  print_bytes(&memory, "parameters", sum->parameter_bytes);
  print_bytes(&memory, "gradients", sum->gradient_bytes);
  print_bytes(&memory, "optimizer state", sum->optimizer_bytes);
  print_bytes(&memory, "activations", sum->activation_bytes);
  print_bytes(&memory, "scratch", sum->scratch_bytes);
  print_bytes(&memory, "total", sum->parameter_bytes + sum->gradient_bytes +
                                  sum->optimizer_bytes +
                                  sum->activation_bytes +
                                  sum->scratch_bytes);
  table_print(&memory);
}

static void print_losses(const nacre_graph *graph) {
  for (int i = 0; i < graph->n_heads; i++) {
    const nacre_head *head = &graph->head[i];
    if (head->loss_ops == NULL) {
      printf("output %s: no loss\n", head->name);
      continue;
    }
    printf("output %s: %s", head->name, head->loss.component->name);
    if (head->on_logits) {
      printf(", on the logits (the input of %s)", head->loss_ops->undoes);
    }
    putchar('\n');
  }
}

static void print_text(const nacre_experiment *experiment,
                       const totals *sum) {
  char flops[32], step[32];
  print_layers(&experiment->graph);
  printf("\nparameters: %" PRId64 " (%" PRId64 " trained, %" PRId64
         " not)\n", sum->parameters, sum->trainable,
         sum->parameters - sum->trainable);
  cli_count(sum->flops, flops);
  cli_count(sum->step_flops, step);
  printf("flops: %s for a sample forward, about %s for a %s\n", flops, step,
         sum->trains ? "training step" : "batch");
  print_memory(sum);
  putchar('\n');
  print_losses(&experiment->graph);
  if (sum->fused > 0) {
    printf("%d activation%s in the epilogue%s of %s\n", sum->fused,
           sum->fused == 1 ? " is applied" : "s are applied",
           sum->fused == 1 ? "" : "s",
           sum->fused == 1 ? "its layer" : "their layers");
  }
}

/* JSON. */

static void print_shape(const nacre_shape *shape) {
  char text[160];
  cli_shape(shape, NULL, text);
  printf("%s", text);
}

static void print_layer(const nacre_graph *graph, int index) {
  const nacre_vertex *at = &graph->vertex[index];
  printf("{\"name\": ");
  cli_json_text(at->name);
  printf(", \"type\": ");
  cli_json_text(at->ops != NULL ? at->type
                                : at->activation.component->name);
  printf(", \"kind\": \"%s\", \"epilogue\": ",
         at->ops != NULL ? "layer" : "activation");
  cli_json_text(at->ops != NULL && at->activation.component != NULL
                  ? at->activation.component->name : NULL);
  printf(", \"shares\": ");
  cli_json_text(at->owner != index ? graph->vertex[at->owner].name : NULL);
  printf(", \"inputs\": [");
  for (int i = 0; i < at->n_inputs; i++) {
    printf("%s", i > 0 ? ", " : "");
    cli_json_text(graph->edge[at->input[i]].name);
  }
  printf("], \"outputs\": [");
  for (int i = 0; i < at->n_outputs; i++) {
    printf("%s", i > 0 ? ", " : "");
    print_shape(&graph->edge[at->output[i]].shape);
  }
  printf("], \"parameters\": %" PRId64 ", \"trainable\": %s, \"flops\": ",
         count_parameters(graph, index), at->trainable ? "true" : "false");
  cli_json_number(at->flops);
  printf("}");
}

static void print_heads(const nacre_graph *graph) {
  for (int i = 0; i < graph->n_heads; i++) {
    const nacre_head *head = &graph->head[i];
    printf("%s\n    {\"name\": ", i > 0 ? "," : "");
    cli_json_text(head->name);
    printf(", \"shape\": ");
    print_shape(&graph->edge[head->edge].shape);
    printf(", \"loss\": ");
    cli_json_text(head->loss_ops != NULL ? head->loss.component->name : NULL);
    printf(", \"on_logits\": %s}", head->on_logits ? "true" : "false");
  }
}

static void print_json(const nacre_experiment *experiment,
                       const totals *sum) {
  const nacre_graph *graph = &experiment->graph;
  printf("{\"name\": ");
  cli_json_text(experiment->name);
  printf(",\n  \"inputs\": [");
  for (int i = 0; i < graph->n_inputs; i++) {
    printf("%s{\"name\": ", i > 0 ? ", " : "");
    cli_json_text(graph->edge[i].name);
    printf(", \"shape\": ");
    print_shape(&graph->edge[i].shape);
    printf("}");
  }
  printf("],\n  \"layers\": [");
  for (int i = 0; i < graph->n_vertices; i++) {
    printf("%s\n    ", i > 0 ? "," : "");
    print_layer(graph, i);
  }
  printf("\n  ],\n  \"outputs\": [");
  print_heads(graph);
  printf("\n  ],\n  \"batch_size\": %" PRId64 ", \"parameters\": %" PRId64
         ", \"trainable_parameters\": %" PRId64 ",\n  \"flops_per_sample\": ",
         sum->batch, sum->parameters, sum->trainable);
  cli_json_number(sum->flops);
  printf(", \"flops_per_step\": ");
  cli_json_number(sum->step_flops);
  printf(",\n  \"memory\": {\"parameters\": %" PRId64
         ", \"gradients\": %" PRId64 ", \"optimizer\": %" PRId64
         ", \"activations\": %" PRId64 ", \"scratch\": %" PRId64 "}}\n",
         sum->parameter_bytes, sum->gradient_bytes, sum->optimizer_bytes,
         sum->activation_bytes, sum->scratch_bytes);
}

static int run(const cli_args *args) {
  cli_session session;
  nacre_samples samples = { 0 };
  totals sum;
  int code = cli_open(&session, args);
  if (code != 0) {
    cli_close(&session);
    return code;
  }
  /* A model may leave the shape of its input to the data. */
  int status = session.experiment.planned
    ? NACRE_OK : nacre_samples_open(&samples, &session.experiment, 0);
  nacre_samples_close(&samples);
  if (status == NACRE_OK) {
    status = add_up(&session.experiment, &sum);
  }
  code = cli_report(&session.error);
  if (status == NACRE_OK && args->json) {
    print_json(&session.experiment, &sum);
  } else if (status == NACRE_OK) {
    print_text(&session.experiment, &sum);
  } else if (code == 0) {
    code = NACRE_EBUG;
  }
  cli_close(&session);
  return code;
}

static const cli_option options[] = {
  { "json", NULL, "print JSON", CLI_FLAG, offsetof(cli_args, json) },
  { NULL, NULL, NULL, CLI_FLAG, 0 },
};

const cli_verb cli_plan = {
  "plan", "CONFIG [KEY=VALUE...]",
  "show the layers, parameters, memory and flops of a network",
  "Nothing of the network is allocated, so that plans of any size can be\n"
  "looked at. \"dense + relu\" is a layer that applies its activation while\n"
  "its output is in the cache; \"None\" stands for the batch. Flops are of\n"
  "multiplications and additions; a training step is taken as three forward\n"
  "passes.",
  options, 1, -1, run
};
