/* SPDX-License-Identifier: MIT */
#include "experiment/footprint.h"

#include <stdio.h>

static bool has_loss(const nacre_graph *graph) {
  for (int i = 0; i < graph->n_heads; i++) {
    if (graph->head[i].loss_ops != NULL) {
      return true;
    }
  }
  return false;
}

/* Sums of what checked arithmetic has found to be countable. */
static int64_t add(int64_t a, int64_t b) {
  int64_t sum = 0;
  return nacre_int_add(a, b, &sum) ? sum : INT64_MAX;
}

static int measure_evaluation(nacre_footprint *print,
                              const nacre_experiment *experiment) {
  nacre_layout layout;
  if (!print->trains || (experiment->validation.node == NULL &&
                         experiment->test.node == NULL)) {
    return NACRE_OK;
  }
  int status = nacre_layout_make(&layout, &experiment->graph,
                                 NACRE_MODE_EVALUATE, experiment->batch_size);
  print->evaluation = add(layout.activation_bytes, layout.scratch_bytes);
  nacre_layout_fini(&layout);
  return status;
}

static int lay_out(nacre_footprint *print,
                   const nacre_experiment *experiment, int64_t fixed) {
  const nacre_graph *graph = &experiment->graph;
  int64_t batch = experiment->batch_size;
  int32_t recompute = experiment->memory.recompute.value;
  if (!print->trains) {
    return nacre_layout_make(&print->layout, graph, NACRE_MODE_PREDICT,
                             batch);
  }
  if (recompute == NACRE_RECOMPUTE_NEVER) {
    return nacre_layout_make(&print->layout, graph, NACRE_MODE_TRAIN, batch);
  }
  int64_t room = recompute == NACRE_RECOMPUTE_ALWAYS || fixed > print->limit
    ? 0 : print->limit - fixed;
  return nacre_layout_fit(&print->layout, graph, batch, room);
}

static void write_bytes(double bytes, char out[32]) {
  static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
  int unit = 0;
  for (; bytes >= 1024 && unit < 4; unit++) {
    bytes /= 1024;
  }
  snprintf(out, 32, unit == 0 ? "%.0f %s" : "%.2f %s", bytes, units[unit]);
}

static int refuse(const nacre_footprint *print,
                  const nacre_experiment *experiment) {
  nacre_place place = { 0 };
  char takes[32], may[32];
  bool forgets = experiment->memory.recompute.value != NACRE_RECOMPUTE_NEVER;
  if (experiment->memory.node != NULL) {
    place = nacre_node_place(experiment->memory.node);
  }
  write_bytes((double)print->total, takes);
  write_bytes((double)print->limit, may);
  nacre_error_add(experiment->error, NACRE_ELIMIT, &place,
                  "a training takes %s%s, and may take %s", takes,
                  forgets ? " even where it computes activations again" : "",
                  may);
  if (!forgets && print->trains) {
    nacre_error_hint(experiment->error,
                     "memory.recompute=auto takes less and more time; so "
                     "does a smaller batch");
  }
  return NACRE_ERROR;
}

int nacre_footprint_make(nacre_footprint *print,
                         const nacre_experiment *experiment,
                         uint64_t machine) {
  const nacre_graph *graph = &experiment->graph;
  const nacre_memory_cfg *memory = &experiment->memory;
  *print = (nacre_footprint){ .limit = INT64_MAX };
  print->trains = has_loss(graph) &&
                  experiment->optimizer.optimizer.component != NULL;
  if (memory->limit > 0) {
    print->limit = memory->limit;
  } else if (memory->recompute.value == NACRE_RECOMPUTE_AUTO &&
             machine < (uint64_t)INT64_MAX) {
    print->limit = (int64_t)machine;
  }
  if (nacre_model_measure(graph, &print->gradients, &print->parameters,
                          experiment->error) != NACRE_OK ||
      measure_evaluation(print, experiment) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (print->trains) {
    print->optimizer =
      nacre_optimizer_bytes(&experiment->optimizer, graph);
  } else {
    print->gradients = 0;
  }
  int64_t fixed = add(add(print->parameters, print->gradients),
                      add(print->optimizer, print->evaluation));
  if (lay_out(print, experiment, fixed) != NACRE_OK) {
    return NACRE_ERROR;
  }
  print->activations = print->layout.activation_bytes;
  print->scratch = print->layout.scratch_bytes;
  print->total = add(fixed, add(print->activations, print->scratch));
  return print->total > print->limit ? refuse(print, experiment) : NACRE_OK;
}

void nacre_footprint_fini(nacre_footprint *print) {
  nacre_layout_fini(&print->layout);
  *print = (nacre_footprint){ 0 };
}
