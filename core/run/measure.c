/* SPDX-License-Identifier: MIT */
#include "run/measure.h"

#include "yaml/report.h"

#include <math.h>
#include <string.h>

const char *nacre_metric_name(const nacre_graph *graph,
                              const nacre_metric_cfg *cfg) {
  const char *name = cfg->choice.component->name;
  if (graph->n_heads == 1) {
    return name;
  }
  return nacre_arena_format(graph->ctx->arena, "%s_%s",
                            graph->head[cfg->head].name, name);
}

static int plan_metric(nacre_metric *metric, const nacre_graph *graph,
                       const nacre_metric_cfg *cfg,
                       const nacre_pipe *target, nacre_params_ctx *ctx) {
  const nacre_head *head = &graph->head[cfg->head];
  const nacre_shape *y = &graph->edge[head->edge].shape;
  nacre_place place = nacre_node_place(cfg->choice.node);
  nacre_error_fail fail;
  *metric = (nacre_metric){ .cfg = cfg, .ops = cfg->choice.component->ops };
  metric->name = nacre_metric_name(graph, cfg);
  nacre_metric_plan plan = {
    .size = sizeof(plan), .cfg = cfg->choice.cfg,
    .y = *y, .target = target != NULL ? target->shape : *y,
    .fail = nacre_error_fail_init(&fail, ctx->error, NACRE_ECONFIG, &place)
  };
  if (head->loss_ops != NULL &&
      (head->loss_ops->flags & NACRE_LOSS_CLASSES) != 0) {
    plan.task = (head->loss_ops->flags & NACRE_LOSS_INDEX) != 0
      ? NACRE_TASK_INDEX : NACRE_TASK_CLASSES;
  }
  if (metric->ops->plan(&plan) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (target != NULL && target->n_stages > 0 &&
      nacre_pipe_invertible(target) &&
      nacre_shape_count(y) == nacre_shape_count(&target->shape)) {
    metric->undo = target;
  }
  metric->state_size = plan.state_size > 0 ? plan.state_size : 1;
  metric->state = nacre_alloc(1, metric->state_size);
  if (metric->name == NULL || metric->state == NULL) {
    return nacre_no_memory(ctx->error);
  }
  return NACRE_OK;
}

/* Metrics go through rows, each with its target: a loss of whole samples may
 * have others. */
static int check_targets(const nacre_bound_head *head,
                         const nacre_metric_cfg *cfg, nacre_error *error) {
  if (head->target_size == head->rows_per_sample * head->target_cols) {
    return NACRE_OK;
  }
  nacre_place place = nacre_node_place(cfg->choice.node);
  return nacre_error_add(error, NACRE_ECONFIG, &place,
                         "metric '%s' wants a target for each row of output "
                         "'%s', but loss '%s' has others",
                         cfg->choice.component->name, head->head->name,
                         head->head->loss.component->name);
}

/* Copies of what metrics read, from devices with their own memory, or for
 * undoing transforms. */
static int make_copies(nacre_measure *measure, nacre_error *error) {
  const nacre_program *program = measure->program;
  int64_t most = 1;
  bool wanted = program->model->device->ops->read != NULL;
  for (int i = 0; i < measure->n_metrics; i++) {
    wanted = wanted || measure->metric[i].undo != NULL;
  }
  if (!wanted) {
    return NACRE_OK;
  }
  for (int i = 0; i < program->model->graph->n_heads; i++) {
    const nacre_bound_head *head = &program->head[i];
    int64_t cols = head->cols > head->target_cols ? head->cols
                                                  : head->target_cols;
    int64_t n = program->batch_max * head->rows_per_sample * cols;
    most = n > most ? n : most;
  }
  measure->y = nacre_alloc((size_t)most, sizeof(real));
  measure->target = nacre_alloc((size_t)most, sizeof(real));
  return measure->y != NULL && measure->target != NULL
    ? NACRE_OK : nacre_no_memory(error);
}

/* Of several heads, each with a loss logs it by itself as well. */
static int name_losses(nacre_measure *measure, nacre_params_ctx *ctx) {
  const nacre_graph *graph = measure->program->model->graph;
  measure->loss_name =
    nacre_alloc((size_t)graph->n_heads + 1, sizeof(char *));
  measure->loss_head = nacre_alloc((size_t)graph->n_heads + 1, sizeof(int));
  if (measure->loss_name == NULL || measure->loss_head == NULL) {
    return nacre_no_memory(ctx->error);
  }
  for (int i = 0; i < graph->n_heads && graph->n_heads > 1; i++) {
    if (graph->head[i].loss_ops == NULL) {
      continue;
    }
    const char *name =
      nacre_arena_format(ctx->arena, "%s_loss", graph->head[i].name);
    if (name == NULL) {
      return nacre_no_memory(ctx->error);
    }
    measure->loss_name[measure->n_losses] = name;
    measure->loss_head[measure->n_losses++] = i;
  }
  return NACRE_OK;
}

int nacre_measure_make(nacre_measure *measure, nacre_program *program,
                       const nacre_metric_cfg *cfg, int n_metrics,
                       const nacre_pipe *const *targets,
                       nacre_params_ctx *ctx) {
  const nacre_graph *graph = program->model->graph;
  *measure = (nacre_measure){ .program = program };
  measure->metric = nacre_alloc((size_t)n_metrics + 1, sizeof(nacre_metric));
  measure->loss = nacre_alloc((size_t)graph->n_heads + 1, sizeof(double));
  measure->rows = nacre_alloc((size_t)graph->n_heads + 1, sizeof(double));
  if (measure->metric == NULL || measure->loss == NULL ||
      measure->rows == NULL) {
    return nacre_no_memory(ctx->error);
  }
  int status = name_losses(measure, ctx);
  for (int i = 0; i < n_metrics && status == NACRE_OK; i++) {
    nacre_metric *metric = &measure->metric[measure->n_metrics++];
    status = plan_metric(metric, graph, &cfg[i], targets[cfg[i].head], ctx);
    const nacre_bound_head *head = &program->head[cfg[i].head];
    if (status == NACRE_OK) {
      status = check_targets(head, &cfg[i], ctx->error);
    }
    metric->call = (nacre_metric_run){
      .size = sizeof(metric->call), .math = program->model->device->math,
      .cfg = cfg[i].choice.cfg, .state = metric->state, .cols = head->cols,
      .target_cols = head->target_cols, .y = head->prediction,
      .target = head->target
    };
  }
  return status == NACRE_OK ? make_copies(measure, ctx->error) : status;
}

void nacre_measure_fini(nacre_measure *measure) {
  for (int i = 0; i < measure->n_metrics; i++) {
    nacre_free(measure->metric[i].state);
  }
  nacre_free(measure->metric);
  nacre_free((void *)measure->loss_name);
  nacre_free(measure->loss_head);
  nacre_free(measure->loss);
  nacre_free(measure->rows);
  nacre_free(measure->y);
  nacre_free(measure->target);
  *measure = (nacre_measure){ 0 };
}

void nacre_measure_reset(nacre_measure *measure) {
  int heads = measure->program->model->graph->n_heads;
  for (int i = 0; i < measure->n_metrics; i++) {
    memset(measure->metric[i].state, 0, measure->metric[i].state_size);
  }
  for (int i = 0; i < heads; i++) {
    measure->loss[i] = measure->rows[i] = 0;
  }
  measure->penalty = 0;
  measure->samples = 0;
}

/* n numbers of a tensor where the host can read them, without what `undo`
 * did to the batch. */
static const real *copy_of(const nacre_measure *measure, const real *at,
                           real *copy, int64_t n, const nacre_pipe *undo) {
  nacre_device *device = measure->program->model->device;
  if (device->ops->read != NULL) {
    device->ops->read(device->self, copy, at, (size_t)n * sizeof(real));
  } else {
    memcpy(copy, at, (size_t)n * sizeof(real));
  }
  if (undo != NULL) {
    (void)nacre_pipe_invert(undo, measure->program->batch, copy);
  }
  return copy;
}

void nacre_measure_batch(nacre_measure *measure, double penalty) {
  nacre_program *program = measure->program;
  int heads = program->model->graph->n_heads;
  int64_t batch = program->batch;
  for (int i = 0; i < heads; i++) {
    const nacre_bound_head *head = &program->head[i];
    if (head->head->loss_ops != NULL) {
      measure->loss[i] += head->loss_sum;
      measure->rows[i] += head->counted;
    }
  }
  measure->penalty += penalty * (double)batch;
  measure->samples += batch;
  for (int i = 0; i < measure->n_metrics; i++) {
    nacre_metric *metric = &measure->metric[i];
    const nacre_bound_head *head = &program->head[metric->cfg->head];
    int64_t rows = batch * head->rows_per_sample;
    nacre_metric_run *call = &metric->call;
    call->rows = rows;
    if (measure->y != NULL) {
      call->y = copy_of(measure, head->prediction, measure->y,
                        rows * head->cols, metric->undo);
      call->target = copy_of(measure, head->target, measure->target,
                             rows * head->target_cols, metric->undo);
    }
    /* Weights are of samples; a metric over several rows of a sample counts
     * each row alike, but for those that are masked. */
    call->weight = head->row_weight;
    if (head->mask == NULL) {
      call->weight = metric->cfg->weighted && head->weighted &&
                     head->rows_per_sample == 1 ? head->sample_weight : NULL;
    }
    metric->ops->update(call);
  }
}

double nacre_measure_head_loss(const nacre_measure *measure, int head) {
  return measure->rows[head] > 0 ? measure->loss[head] / measure->rows[head]
                                 : (double)NAN;
}

double nacre_measure_loss(const nacre_measure *measure) {
  const nacre_graph *graph = measure->program->model->graph;
  if (measure->samples == 0) {
    return (double)NAN;
  }
  double sum = measure->penalty / (double)measure->samples;
  for (int i = 0; i < graph->n_heads; i++) {
    if (measure->rows[i] > 0) {
      sum += graph->head[i].weight * nacre_measure_head_loss(measure, i);
    }
  }
  return sum;
}

const char *nacre_measure_name(const nacre_measure *measure, int index) {
  int logs = measure->n_losses;
  if (index == 0) {
    return "loss";
  }
  if (index <= logs) {
    return measure->loss_name[index - 1];
  }
  index -= 1 + logs;
  return index < measure->n_metrics ? measure->metric[index].name : NULL;
}

double nacre_measure_value(const nacre_measure *measure, int index) {
  int logs = measure->n_losses;
  if (index == 0) {
    return nacre_measure_loss(measure);
  }
  if (index <= logs) {
    return nacre_measure_head_loss(measure, measure->loss_head[index - 1]);
  }
  const nacre_metric *metric = &measure->metric[index - 1 - logs];
  return metric->ops->result(metric->cfg->choice.cfg, metric->state);
}
