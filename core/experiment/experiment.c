/* SPDX-License-Identifier: MIT */
#include "experiment/experiment.h"

#include "base/text.h"
#include "experiment/sections.h"
#include "yaml/merge.h"
#include "yaml/report.h"

#include <math.h>
#include <string.h>

/* The top of a config, as a table like any component's. */
typedef struct top_cfg {
  int64_t nacre;
  const char *name;
  int64_t seed;
  const char *device;
  nacre_enum final_weights;
} top_cfg;

static const nacre_param top_params[] = {
  NACRE_PARAM(top_cfg, nacre, NULL, NULL, "",
              "Version of the format, which is 1.", 0),
  NACRE_PARAM(top_cfg, name, "null", NULL, "",
              "Name of the experiment; the file's by default.", 0),
  NACRE_PARAM(top_cfg, seed, "0", "[0,inf)", "",
              "Seed of everything that is random.", 0),
  NACRE_PARAM(top_cfg, device, "cpu", NULL, "", "Where to compute.", 0),
  NACRE_PARAM(top_cfg, final_weights, "last", "last|best", "",
              "Which weights a training ends with.", 0),
};
static const char *const top_keys[] = {
  "nacre", "name", "seed", "device", "final_weights", "model", "loss",
  "optimizer", "schedule", "metrics", "data", "train", "memory", "callbacks",
  "extends", "vars", "blocks", NULL /* these three: for suggestions */
};

static const char *const metric_keys[] = { "type", "weighted", NULL };

static int report_device(nacre_experiment *experiment,
                         const nacre_node *node) {
  nacre_error *error = experiment->error;
  const char *near = nacre_registry_nearest(
    experiment->registry, NACRE_KIND_DEVICE, experiment->device);
  nacre_report(error, node != NULL ? node : experiment->tree->root,
               NACRE_EPLUGIN, "no plugin provides the device '%s'",
               experiment->device);
  if (near != NULL) {
    nacre_error_hint(error, "did you mean '%s'?", near);
  }
  return NACRE_ERROR;
}

static int read_top(nacre_experiment *experiment, const char *path) {
  nacre_params_ctx *ctx = &experiment->ctx;
  nacre_span table = NACRE_SPAN(top_params);
  top_cfg top = { 0 };
  nacre_node *root = experiment->tree->root;
  int status =
    nacre_params_fill(ctx, table, &top, "the experiment", root);
  for (int i = 0; top_keys[i] != NULL; i++) {
    (void)nacre_node_get(root, top_keys[i]);
  }
  if (nacre_params_unknown(ctx, table, top_keys, "the experiment", root) !=
      NACRE_OK) {
    status = NACRE_ERROR;
  }
  if (status == NACRE_OK && top.nacre != 1) {
    status = nacre_report(ctx->error, nacre_node_peek(root, "nacre"),
                          NACRE_ECONFIG,
                          "this program reads version 1 of the format, not "
                          "%lld", (long long)top.nacre);
  }
  experiment->seed = (uint64_t)top.seed;
  experiment->device = top.device != NULL ? top.device : "cpu";
  experiment->final_weights = top.final_weights;
  experiment->name = top.name;
  ctx->device = experiment->device;
  if (!nacre_registry_has(ctx->registry, NACRE_KIND_DEVICE,
                          experiment->device)) {
    status = report_device(experiment, nacre_node_peek(root, "device"));
  }
  if (top.name != NULL) {
    nacre_node *node = nacre_node_peek(root, "name");
    if (top.name[0] == '\0' || top.name[0] == '.' ||
        strchr(top.name, '/') != NULL || strlen(top.name) > 128) {
      return nacre_report(ctx->error, node, NACRE_ECONFIG,
                          "an experiment's name becomes a directory: 1 to "
                          "128 characters, no '/', no '.' in front");
    }
    return status;
  }
  const char *base = strrchr(path, '/');
  base = base != NULL ? base + 1 : path;
  const char *dot = strrchr(base, '.');
  size_t n = dot != NULL && dot != base ? (size_t)(dot - base) : strlen(base);
  experiment->name = nacre_arena_strndup(ctx->arena, base, n);
  return experiment->name != NULL ? status : nacre_no_memory(ctx->error);
}

/* Metrics and callbacks. */

static int read_metric(nacre_experiment *experiment, nacre_node *node,
                       int head) {
  nacre_params_ctx *ctx = &experiment->ctx;
  nacre_metric_cfg *metric = &experiment->metric[experiment->n_metrics];
  *metric = (nacre_metric_cfg){ .head = head };
  nacre_node *weighted = node->kind == NACRE_NODE_MAP
    ? nacre_node_get(node, "weighted") : NULL;
  if (weighted != NULL && !nacre_node_bool(weighted, &metric->weighted)) {
    return nacre_report(ctx->error, weighted, NACRE_ECONFIG,
                        "expected true or false");
  }
  if (nacre_choose(ctx, NACRE_KIND_METRIC, node, metric_keys, false,
                   &metric->choice) != NACRE_OK) {
    return NACRE_ERROR;
  }
  const char *name = metric->choice.component->name;
  for (int i = 0; i < experiment->n_metrics; i++) {
    const nacre_metric_cfg *other = &experiment->metric[i];
    if (other->head == head &&
        strcmp(other->choice.component->name, name) == 0) {
      return nacre_report(ctx->error, node, NACRE_ECONFIG,
                          "metric '%s' is listed twice", name);
    }
  }
  experiment->n_metrics++;
  return NACRE_OK;
}

static int read_metric_list(nacre_experiment *experiment, nacre_node *list,
                            int head) {
  int status = NACRE_OK;
  bool many = list->kind == NACRE_NODE_LIST;
  for (nacre_node *node = many ? list->first : list; node != NULL;
       node = many ? node->next : NULL) {
    if (read_metric(experiment, node, head) != NACRE_OK) {
      status = NACRE_ERROR;
    }
  }
  return status;
}

static int count_items(const nacre_node *node) {
  int n = 1;
  for (const nacre_node *item = node->first; item != NULL;
       item = item->next) {
    n += 1 + item->count;
  }
  return n;
}

/* A metric, a list, or a map from outputs to either. Where the model has
 * not been built, its outputs are whatever the map says. */
static int read_metrics(nacre_experiment *experiment, nacre_node *node) {
  nacre_params_ctx *ctx = &experiment->ctx;
  const nacre_graph *graph = &experiment->graph;
  experiment->metric = nacre_arena_alloc(
    ctx->arena, (size_t)count_items(node), sizeof(nacre_metric_cfg));
  if (experiment->metric == NULL) {
    return nacre_no_memory(ctx->error);
  }
  experiment->n_metrics = 0;
  if (nacre_node_is_null(node)) {
    return NACRE_OK;
  }
  bool by_name = node->kind == NACRE_NODE_MAP &&
                 nacre_node_peek(node, "type") == NULL;
  if (!by_name) {
    if (experiment->built && graph->n_heads > 1) {
      return nacre_report(ctx->error, node, NACRE_ECONFIG,
                          "the model has %d outputs: give metrics for each "
                          "by name", graph->n_heads);
    }
    return read_metric_list(experiment, node, 0);
  }
  int status = NACRE_OK, n = 0;
  for (nacre_node *item = node->first; item != NULL; item = item->next) {
    int head = experiment->built ? -1 : n;
    for (int i = 0; i < graph->n_heads && experiment->built; i++) {
      if (strcmp(graph->head[i].name, item->key->text) == 0) {
        head = i;
      }
    }
    n++;
    if (head < 0) {
      status = nacre_graph_report_output(&experiment->graph, item);
    } else if (read_metric_list(experiment, item, head) != NACRE_OK) {
      status = NACRE_ERROR;
    }
  }
  return status;
}

/* A metric compares with targets, and only a loss brings these. */
static int check_metrics(const nacre_experiment *experiment) {
  int status = NACRE_OK;
  for (int i = 0; i < experiment->n_metrics; i++) {
    const nacre_metric_cfg *metric = &experiment->metric[i];
    const nacre_head *head = &experiment->graph.head[metric->head];
    if (head->loss_ops == NULL) {
      status = nacre_report(experiment->error, metric->choice.node,
                            NACRE_ECONFIG, "output '%s' has no loss, so that "
                            "no target comes with it to be measured by",
                            head->name);
    }
  }
  return status;
}

bool nacre_experiment_logs(const nacre_experiment *experiment,
                           const char *name) {
  if (strncmp(name, "val/", 4) == 0) {
    if (experiment->validation.node == NULL) {
      return false;
    }
    name += 4;
  } else if (strcmp(name, "learning_rate") == 0) {
    return true;
  }
  if (strcmp(name, "loss") == 0) {
    return true;
  }
  const nacre_graph *graph = &experiment->graph;
  for (int i = 0; i < graph->n_heads && graph->n_heads > 1; i++) {
    size_t n = strlen(graph->head[i].name);
    if (graph->head[i].loss_ops != NULL &&
        strncmp(name, graph->head[i].name, n) == 0 &&
        strcmp(name + n, "_loss") == 0) {
      return true;
    }
  }
  for (int i = 0; i < experiment->n_metrics; i++) {
    const char *own = nacre_metric_name(graph, &experiment->metric[i]);
    if (own != NULL && strcmp(own, name) == 0) {
      return true;
    }
  }
  return false;
}

/* Which number may have been meant, or where it would come from. */
static void hint_logs(const nacre_experiment *experiment, const char *name) {
  nacre_arena *arena = experiment->ctx.arena;
  size_t room = 2 * (size_t)experiment->n_metrics + 3;
  const char **known = nacre_arena_alloc(arena, room, sizeof(*known));
  int n = 0;
  if (known == NULL) {
    return;
  }
  known[n++] = "loss";
  known[n++] = "val/loss";
  known[n++] = "learning_rate";
  for (int i = 0; i < experiment->n_metrics; i++) {
    const char *own =
      nacre_metric_name(&experiment->graph, &experiment->metric[i]);
    const char *held = own != NULL ? nacre_arena_format(arena, "val/%s", own)
                                   : NULL;
    if (held == NULL) {
      return;
    }
    known[n++] = own;
    known[n++] = held;
  }
  const char *near = nacre_nearest(name, known, n);
  if (near != NULL && strcmp(near, name) != 0 &&
      nacre_experiment_logs(experiment, near)) {
    nacre_error_hint(experiment->error, "did you mean '%s'?", near);
  } else if (strncmp(name, "val", 3) == 0 &&
             experiment->validation.node == NULL) {
    nacre_error_hint(experiment->error, "there is no validation data");
  } else {
    nacre_error_hint(experiment->error,
                     "the loss is 'loss', metrics have their own names, on "
                     "validation data with 'val/' before them");
  }
}

static int check_monitors(nacre_experiment *experiment,
                          const nacre_choice *callback) {
  const nacre_callback_ops *ops = callback->component->ops;
  int status = NACRE_OK;
  for (uint32_t i = 0; ops->monitor != NULL; i++) {
    const char *name = ops->monitor(callback->cfg, i);
    if (name == NULL) {
      break;
    }
    if (nacre_experiment_logs(experiment, name)) {
      continue;
    }
    nacre_node *node = callback->node->kind == NACRE_NODE_MAP
      ? nacre_node_peek(callback->node, "monitor") : NULL;
    status = nacre_report(experiment->error,
                          node != NULL ? node : callback->node,
                          NACRE_ECONFIG, "nothing called '%s' is logged",
                          name);
    hint_logs(experiment, name);
  }
  return status;
}

static int read_callbacks(nacre_experiment *experiment, nacre_node *list) {
  nacre_params_ctx *ctx = &experiment->ctx;
  if (nacre_node_is_null(list)) {
    return NACRE_OK;
  }
  int n = list->kind == NACRE_NODE_LIST ? list->count : 1, status = NACRE_OK;
  experiment->callback =
    nacre_arena_alloc(ctx->arena, (size_t)n + 1, sizeof(nacre_choice));
  if (experiment->callback == NULL) {
    return nacre_no_memory(ctx->error);
  }
  nacre_node *node = list->kind == NACRE_NODE_LIST ? list->first : list;
  for (int i = 0; i < n; i++, node = node->next) {
    nacre_choice *choice = &experiment->callback[experiment->n_callbacks];
    if (nacre_choose(ctx, NACRE_KIND_CALLBACK, node, NULL, false, choice) !=
        NACRE_OK) {
      status = NACRE_ERROR;
      continue;
    }
    experiment->n_callbacks++;
  }
  return status;
}

/* The model and all that needs its outputs' names. */

/* shaped: `input`, or else the YAML, says what the model reads; else its
 * shapes are not looked at. */
static int plan(nacre_experiment *experiment, const nacre_shape *input,
                bool shaped) {
  nacre_params_ctx *ctx = &experiment->ctx;
  nacre_node *root = experiment->tree->root;
  nacre_graph *graph = &experiment->graph;
  nacre_graph_fini(graph);
  int status = nacre_graph_build(graph, ctx, experiment->model, input);
  experiment->built = status == NACRE_OK;
  if (experiment->built) {
    status = shaped ? nacre_graph_shape(graph, experiment->batch_size)
                    : NACRE_OK;
    if (nacre_graph_link(graph, experiment->loss) != NACRE_OK) {
      status = NACRE_ERROR;
    }
  } else if (experiment->loss != NULL) {
    (void)nacre_graph_check_loss(graph, experiment->loss);
  }
  experiment->planned = shaped && status == NACRE_OK;
  nacre_node *metrics = nacre_node_peek(root, "metrics");
  if (metrics != NULL && read_metrics(experiment, metrics) != NACRE_OK) {
    return NACRE_ERROR; /* which numbers are logged is not known */
  }
  if (status == NACRE_OK && experiment->loss != NULL) {
    status = check_metrics(experiment);
  }
  for (int i = 0; i < experiment->n_callbacks && experiment->built; i++) {
    if (check_monitors(experiment, &experiment->callback[i]) != NACRE_OK) {
      status = NACRE_ERROR;
    }
  }
  return status;
}

int nacre_experiment_plan(nacre_experiment *experiment,
                          const nacre_shape *input) {
  return plan(experiment, input, true);
}

/* All of a model but its shapes, which its data will give. */
static int check_unshaped(nacre_experiment *experiment) {
  nacre_shape any = nacre_shape_1d(1);
  int status = plan(experiment, &any, false);
  nacre_graph_fini(&experiment->graph);
  experiment->built = false;
  return status;
}

static int read_optimizer(nacre_experiment *experiment, nacre_node *root) {
  nacre_params_ctx *ctx = &experiment->ctx;
  nacre_node *optimizer = nacre_node_peek(root, "optimizer");
  nacre_node *schedule = nacre_node_peek(root, "schedule");
  if (optimizer == NULL) {
    return experiment->loss == NULL ? NACRE_OK
      : nacre_report(ctx->error, root, NACRE_ECONFIG,
                     "an experiment with a loss needs an 'optimizer'");
  }
  return nacre_optimizer_choose(&experiment->optimizer, ctx, optimizer,
                                schedule);
}

static int read_all(nacre_experiment *experiment, const char *path) {
  nacre_params_ctx *ctx = &experiment->ctx;
  nacre_node *root = experiment->tree->root;
  int status = read_top(experiment, path);
  if (nacre_experiment_read_train(experiment,
                                  nacre_node_peek(root, "train")) !=
      NACRE_OK) {
    status = NACRE_ERROR;
  }
  if (nacre_experiment_read_memory(experiment,
                                   nacre_node_peek(root, "memory")) !=
      NACRE_OK) {
    status = NACRE_ERROR;
  }
  experiment->batch_size = experiment->train.batch_size >= 1
    ? experiment->train.batch_size : 32; /* also where it was refused */
  nacre_node *data = nacre_node_peek(root, "data");
  if (data != NULL &&
      nacre_experiment_read_data(experiment, data) != NACRE_OK) {
    status = NACRE_ERROR;
  }
  experiment->model = nacre_node_peek(root, "model");
  experiment->loss = nacre_node_peek(root, "loss");
  if (read_optimizer(experiment, root) != NACRE_OK) {
    status = NACRE_ERROR;
  }
  nacre_node *callbacks = nacre_node_peek(root, "callbacks");
  if (callbacks != NULL &&
      read_callbacks(experiment, callbacks) != NACRE_OK) {
    status = NACRE_ERROR;
  }
  if (experiment->model == NULL) {
    return nacre_report(ctx->error, root, NACRE_ECONFIG,
                        "an experiment needs a 'model'");
  }
  bool wait = experiment->has_data &&
              !nacre_graph_has_inputs(experiment->model);
  if ((wait ? check_unshaped(experiment)
            : nacre_experiment_plan(experiment, NULL)) != NACRE_OK) {
    status = NACRE_ERROR;
  }
  return status;
}

int nacre_experiment_load(nacre_experiment *experiment,
                          nacre_registry *registry, const char *path,
                          const nacre_bytes *text, const char *dir,
                          const char *const *more, int n_more,
                          const char *const *overrides, int n_overrides,
                          nacre_error *error) {
  *experiment = (nacre_experiment){ .registry = registry, .error = error,
                                    .tree = nacre_tree_new() };
  if (experiment->tree == NULL) {
    return nacre_no_memory(error);
  }
  experiment->ctx = (nacre_params_ctx){ .registry = registry,
                                        .arena = experiment->tree->arena,
                                        .error = error };
  int problems = error->errors;
  int status = text != NULL
    ? nacre_config_load_text(experiment->tree, path, dir, text->at, text->n,
                             overrides, n_overrides, error)
    : nacre_config_load(experiment->tree, path, more, n_more, overrides,
                        n_overrides, error);
  if (status == NACRE_OK) {
    status = read_all(experiment, path);
  }
  if (status != NACRE_OK || error->errors > problems) {
    nacre_error_sort(error);
    return NACRE_ERROR;
  }
  return NACRE_OK;
}

void nacre_experiment_free(nacre_experiment *experiment) {
  nacre_graph_fini(&experiment->graph);
  nacre_tree_free(experiment->tree);
  *experiment = (nacre_experiment){ 0 };
}
