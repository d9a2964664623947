/* SPDX-License-Identifier: MIT */
/* samples: opens what an experiment's `data:` names. */
#include "train/samples.h"

#include "yaml/report.h"

#include <string.h>

static int open_part(nacre_samples *samples, int index,
                     const nacre_part_cfg *part,
                     nacre_split *split) {
  nacre_params_ctx *ctx = &samples->experiment->ctx;
  nacre_dataset *set = &samples->set[index];
  if (nacre_dataset_open(set, ctx, &part->source, samples->state.at, false) !=
      NACRE_OK) {
    return NACRE_ERROR;
  }
  *split = (nacre_split){ .set = set, .n = set->count };
  return NACRE_OK;
}

/* Test rows are chosen before validation rows, so that adding a validation
 * set does not change what is tested. */
static int split_rows(nacre_samples *samples) {
  nacre_experiment *experiment = samples->experiment;
  nacre_params_ctx *ctx = &experiment->ctx;
  const nacre_dataset *set = &samples->set[0];
  bool test = experiment->test.node != NULL &&
              experiment->test.source.component == NULL;
  bool validation = experiment->validation.node != NULL &&
                    experiment->validation.source.component == NULL;
  if (!test && !validation) {
    samples->train = (nacre_split){ .set = set, .n = set->count };
    return NACRE_OK;
  }
  unsigned char *taken = nacre_alloc((size_t)set->count, 1);
  if (taken == NULL) {
    return nacre_no_memory(ctx->error);
  }
  int status = NACRE_OK;
  if (test) {
    status = nacre_split_take(&samples->test, set, &experiment->test.split,
                              experiment->seed, taken, ctx);
  }
  if (validation && status == NACRE_OK) {
    status = nacre_split_take(&samples->validation, set,
                              &experiment->validation.split,
                              experiment->seed, taken, ctx);
  }
  if (status == NACRE_OK) {
    status = nacre_split_rest(&samples->train, set, taken, ctx);
  }
  nacre_free(taken);
  return status;
}

static int make_pipes(nacre_samples *samples) {
  nacre_experiment *experiment = samples->experiment;
  const nacre_dataset *set = &samples->set[0];
  samples->pipe = nacre_alloc((size_t)set->n_fields + 1, sizeof(nacre_pipe));
  if (samples->pipe == NULL) {
    return nacre_no_memory(experiment->error);
  }
  for (int i = 0; i < experiment->n_transforms; i++) {
    const nacre_transform *transform = &experiment->transform[i];
    bool known = transform->field == NULL;
    for (int j = 0; j < set->n_fields && !known; j++) {
      known = strcmp(set->field[j].name, transform->field) == 0 &&
              (set->field[j].flags & NACRE_FIELD_GROUP) == 0;
    }
    if (!known) {
      const nacre_node *node = transform->choice.node;
      return nacre_report(experiment->error, nacre_node_peek(node, "field"),
                          NACRE_ECONFIG, "the data has no field '%s'",
                          transform->field);
    }
  }
  for (int i = 0; i < set->n_fields; i++) {
    nacre_pipe *pipe = &samples->pipe[samples->n_pipes++];
    if (nacre_pipe_make(pipe, &set->field[i], experiment->transform,
                        experiment->n_transforms, &experiment->ctx) !=
          NACRE_OK ||
        nacre_pipe_fit(pipe, &samples->train, i, &experiment->ctx) !=
          NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  return NACRE_OK;
}

/* The shape becomes part of the config: what a run writes down can be
 * loaded without its data. */
static int write_input(nacre_experiment *experiment,
                       const nacre_shape *shape) {
  nacre_tree *tree = experiment->tree;
  nacre_node *model = experiment->model;
  nacre_node *key = nacre_node_scalar(tree, "input", model);
  nacre_node *list = nacre_node_new(tree, NACRE_NODE_LIST);
  if (key == NULL || list == NULL) {
    return nacre_no_memory(experiment->error);
  }
  for (int i = 0; i < shape->rank; i++) {
    char *text = nacre_format("%lld", (long long)shape->dim[i]);
    nacre_node *extent =
      text != NULL ? nacre_node_scalar(tree, text, model) : NULL;
    nacre_free(text);
    if (extent == NULL) {
      return nacre_no_memory(experiment->error);
    }
    nacre_node_append(list, NULL, extent);
  }
  nacre_node_append(model, key, list);
  return NACRE_OK;
}

/* The shape of the only input, for a model that leaves it to the data. */
static int plan_from_data(nacre_samples *samples) {
  nacre_experiment *experiment = samples->experiment;
  const nacre_shape *input = NULL;
  int field = nacre_dataset_find(&samples->set[0], "input", false, true);
  if (field >= 0) {
    input = &samples->pipe[field].shape;
  }
  if (nacre_experiment_plan(experiment, input) != NACRE_OK) {
    return NACRE_ERROR;
  }
  return input != NULL ? write_input(experiment, input) : NACRE_OK;
}

int nacre_samples_open(nacre_samples *samples, nacre_experiment *experiment,
                    uint32_t parts) {
  nacre_params_ctx *ctx = &experiment->ctx;
  *samples = (nacre_samples){ .experiment = experiment };
  if (!experiment->has_data) {
    return nacre_report(ctx->error, experiment->tree->root, NACRE_ECONFIG,
                        "the experiment names no data");
  }
  if (open_part(samples, 0, &experiment->train_data, &samples->train) !=
        NACRE_OK ||
      nacre_dataset_state(&samples->set[0], ctx, &samples->state) != NACRE_OK ||
      split_rows(samples) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (experiment->validation.source.component != NULL &&
      (parts & NACRE_PART_VALIDATION) != 0 &&
      open_part(samples, 1, &experiment->validation, &samples->validation) !=
        NACRE_OK) {
    return NACRE_ERROR;
  }
  if (experiment->test.source.component != NULL &&
      (parts & NACRE_PART_TEST) != 0 &&
      open_part(samples, 2, &experiment->test, &samples->test) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (make_pipes(samples) != NACRE_OK) {
    return NACRE_ERROR;
  }
  return experiment->planned ? NACRE_OK : plan_from_data(samples);
}

void nacre_samples_close(nacre_samples *samples) {
  for (int i = 0; i < samples->n_pipes; i++) {
    nacre_pipe_fini(&samples->pipe[i]);
  }
  nacre_free(samples->pipe);
  nacre_split_fini(&samples->train);
  nacre_split_fini(&samples->validation);
  nacre_split_fini(&samples->test);
  for (int i = 0; i < 3; i++) {
    nacre_dataset_close(&samples->set[i]);
  }
  nacre_free(samples->state.at);
  *samples = (nacre_samples){ 0 };
}

const nacre_pipe **nacre_samples_targets(const nacre_samples *samples) {
  const nacre_experiment *experiment = samples->experiment;
  const nacre_graph *graph = &experiment->graph;
  const nacre_pipe **targets = nacre_arena_alloc(
    experiment->ctx.arena, (size_t)graph->n_heads + 1, sizeof(*targets));
  for (int i = 0; i < graph->n_heads && targets != NULL; i++) {
    int field = nacre_dataset_find(&samples->set[0], graph->head[i].name, true,
                                   graph->n_heads == 1);
    targets[i] = field >= 0 ? &samples->pipe[field] : NULL;
  }
  return targets;
}
