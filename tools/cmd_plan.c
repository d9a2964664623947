/* SPDX-License-Identifier: MIT */
/* cmd_plan: nacre plan CONFIG [KEY=VALUE...]
 *
 * A training as it would be, worked out without allocating any of it. */
#include "cli.h"
#include "table.h"

#include "experiment/footprint.h"
#include "train/samples.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A backward pass makes two products for the forward pass's one. */
#define STEP_PER_FORWARD 3

/* What a training comes to. */
typedef struct totals {
  nacre_footprint memory;
  int64_t batch, parameters, trainable;
  double flops, step_flops; /* a sample's forward pass; a whole step */
  int fused, added;         /* activations and sums that ride in epilogues */
} totals;

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
  *sum = (totals){ .batch = experiment->batch_size };
  int status =
    nacre_footprint_make(&sum->memory, experiment, nacre_memory_limit());
  sum->parameters = nacre_graph_parameters(graph, false);
  sum->trainable = nacre_graph_parameters(graph, true);
  for (int i = 0; i < graph->n_vertices; i++) {
    const nacre_vertex *vertex = &graph->vertex[i];
    sum->flops += vertex->flops;
    sum->fused += vertex->ops != NULL && vertex->activation.component != NULL;
    sum->added += vertex->sum != NULL;
  }
  sum->step_flops =
    (double)sum->batch *
    (sum->flops * (sum->memory.trains ? STEP_PER_FORWARD : 1) +
     sum->memory.layout.flops_again);
  return status;
}

/* "dense + relu", "batch_normalization + add + relu", "softmax",
 * "dense (weights of fc1)". */
static void describe_type(const nacre_graph *graph, int vertex,
                          char out[256]) {
  const nacre_vertex *at = &graph->vertex[vertex];
  const nacre_component *rides = at->activation.component;
  if (at->ops == NULL) {
    snprintf(out, 256, "%s", rides->name);
    return;
  }
  int n = snprintf(out, 256, "%s", at->type);
  if (at->sum != NULL) {
    n += snprintf(out + n, (size_t)(256 - n), " + %s", at->sum);
  }
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
  table rows = { .align = "lr", .indent = "  " };
  const nacre_footprint *memory = &sum->memory;
  printf("\nmemory for batches of %" PRId64 "%s\n", sum->batch,
         memory->trains ? "" : " (no loss: predicting only)");
  print_bytes(&rows, "parameters", memory->parameters);
  print_bytes(&rows, "gradients", memory->gradients);
  print_bytes(&rows, "optimizer state", memory->optimizer);
  print_bytes(&rows, "activations", memory->activations);
  print_bytes(&rows, "scratch", memory->scratch);
  if (memory->evaluation > 0) {
    print_bytes(&rows, "evaluation", memory->evaluation);
  }
  print_bytes(&rows, "total", memory->total);
  table_print(&rows);
}

/* What the step does to need no more memory. */
static void print_again(const totals *sum) {
  const nacre_layout *layout = &sum->memory.layout;
  char flops[32];
  if (layout->n_again == 0) {
    return;
  }
  cli_count(layout->flops_again, flops);
  printf("%d call%s made again for the backward pass, %s flops a sample "
         "(%.0f %% of a forward pass)\n", layout->n_again,
         layout->n_again == 1 ? " is" : "s are", flops,
         sum->flops > 0 ? 100 * layout->flops_again / sum->flops : 0);
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
         sum->memory.trains ? "training step" : "batch");
  print_memory(sum);
  putchar('\n');
  print_losses(&experiment->graph);
  if (sum->fused > 0) {
    printf("%d activation%s in the epilogue%s of %s\n", sum->fused,
           sum->fused == 1 ? " is applied" : "s are applied",
           sum->fused == 1 ? "" : "s",
           sum->fused == 1 ? "its layer" : "their layers");
  }
  if (sum->added > 0) {
    printf("%d sum%s computed with the layer%s in front\n", sum->added,
           sum->added == 1 ? " is" : "s are", sum->added == 1 ? "" : "s");
  }
  print_again(sum);
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
  printf(", \"kind\": \"%s\", \"sum\": ",
         at->ops != NULL ? "layer" : "activation");
  cli_json_text(at->sum);
  printf(", \"epilogue\": ");
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
  const nacre_footprint *memory = &sum->memory;
  printf(",\n  \"memory\": {\"parameters\": %" PRId64
         ", \"gradients\": %" PRId64 ", \"optimizer\": %" PRId64
         ", \"activations\": %" PRId64 ", \"scratch\": %" PRId64
         ", \"evaluation\": %" PRId64 ", \"total\": %" PRId64
         "},\n  \"recomputed\": {\"calls\": %d, \"flops_per_sample\": ",
         memory->parameters, memory->gradients, memory->optimizer,
         memory->activations, memory->scratch, memory->evaluation,
         memory->total, memory->layout.n_again);
  cli_json_number(memory->layout.flops_again);
  printf("}}\n");
}

static int run(const cli_args *args) {
  cli_session session;
  nacre_samples samples = { 0 };
  totals sum = { 0 };
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
  /* A plan that is over the limit is a plan to look at. */
  bool shown = status == NACRE_OK || sum.memory.total > 0;
  if (shown && args->json) {
    print_json(&session.experiment, &sum);
  } else if (shown) {
    print_text(&session.experiment, &sum);
  }
  code = cli_report(&session.error);
  code = code == 0 && status != NACRE_OK ? NACRE_EBUG : code;
  nacre_footprint_fini(&sum.memory);
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
