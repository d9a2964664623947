/* SPDX-License-Identifier: MIT */
#include "run/optimize.h"

#include "base/cache.h"
#include "yaml/report.h"

#include <math.h>
#include <string.h>

/* Elements that are updated at a time: gradient, weight and slots stay in the
 * first-level cache while they are scaled, clipped, used and cleared. The
 * lines of the weights are claimed so many elements ahead. */
#define BLOCK ((int64_t)512)
#define AHEAD ((int64_t)1024)

static const nacre_param update_params[] = {
  NACRE_PARAM_AS(nacre_update_cfg, clip_norm, "clipnorm", "null", "(0,inf)",
                 "", "Scale each weight's gradient down to this norm.", 0),
  NACRE_PARAM_AS(nacre_update_cfg, clip_value, "clipvalue", "null", "(0,inf)",
                 "", "Clip each element of a gradient to +- this.", 0),
  NACRE_PARAM_AS(nacre_update_cfg, clip_global_norm, "global_clipnorm",
                 "null", "(0,inf)", "",
                 "Scale all gradients so that their common norm is at most "
                 "this.", 0),
  NACRE_PARAM(nacre_update_cfg, weight_decay, "null", "[0,inf)", "",
              "Before each update weights shrink by this times the learning "
              "rate.", 0),
  NACRE_PARAM(nacre_update_cfg, gradient_accumulation_steps, "1", "[1,inf)",
              "batches", "Update once for this many batches.", 0),
};
const nacre_span nacre_update_params = NACRE_SPAN(update_params);

static const char *const update_keys[] = {
  "type", "clip_norm", "clipnorm", "clip_value", "clipvalue",
  "clip_global_norm", "global_clipnorm", "weight_decay",
  "gradient_accumulation_steps", NULL
};

/* Configuration. */

static const nacre_param *find_param(const nacre_component *component,
                                     const char *name) {
  for (uint32_t i = 0; i < component->params.n; i++) {
    const nacre_param *param = (const nacre_param *)
      ((const char *)component->params.at +
       (size_t)i * component->params.stride);
    if (strcmp(param->name, name) == 0 &&
        param->type == NACRE_TYPE_FLOAT) {
      return param;
    }
  }
  return NULL;
}

static double read_float(const nacre_choice *choice,
                         const nacre_param *param) {
  double value = 0;
  memcpy(&value, (const char *)choice->cfg + param->offset, sizeof(value));
  return value;
}

static int choose_schedule(nacre_optimizer_cfg *cfg, nacre_params_ctx *ctx,
                           nacre_node *node) {
  if (nacre_choose(ctx, NACRE_KIND_SCHEDULE, node, NULL, false,
                   &cfg->schedule) != NACRE_OK) {
    return NACRE_ERROR;
  }
  const nacre_schedule_ops *ops = cfg->schedule.component->ops;
  if (ops->check == NULL) {
    return NACRE_OK;
  }
  nacre_error_fail fail;
  nacre_place place = nacre_node_place(node);
  return ops->check(cfg->schedule.cfg,
                    nacre_error_fail_init(&fail, ctx->error, NACRE_ECONFIG,
                                          &place));
}

static bool is_clip(const nacre_node *item) {
  static const char *const keys[] = { "clip_norm", "clipnorm", "clip_value",
                                      "clipvalue", "clip_global_norm",
                                      "global_clipnorm" };
  for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
    if (strcmp(item->key->text, keys[i]) == 0) {
      return !nacre_node_is_null(item);
    }
  }
  return false;
}

/* Said at the second of two. */
static int check_clips(nacre_error *error, const nacre_node *map) {
  bool any = false;
  for (const nacre_node *item = map->first; item != NULL;
       item = item->next) {
    if (is_clip(item) && any) {
      return nacre_report_key(error, item, NACRE_ECONFIG,
                              "only one of clip_norm, clip_value and "
                              "clip_global_norm can be used");
    }
    any = any || is_clip(item);
  }
  return NACRE_OK;
}

/* The keys of every optimizer, and those that none has. */
static int read_update(nacre_optimizer_cfg *cfg, nacre_params_ctx *ctx,
                       nacre_node *map) {
  const nacre_component *component = cfg->optimizer.component;
  int status = NACRE_OK;
  char *what = nacre_format("optimizer '%s'", component->name);
  if (nacre_params_fill(ctx, nacre_update_params, &cfg->update,
                        what != NULL ? what : "optimizer", map) != NACRE_OK) {
    status = NACRE_ERROR;
  }
  if (map != NULL &&
      nacre_params_unknown(ctx, component->params, update_keys,
                           what != NULL ? what : "optimizer", map) !=
        NACRE_OK) {
    status = NACRE_ERROR;
  }
  nacre_free(what);
  if (map != NULL && check_clips(ctx->error, map) != NACRE_OK) {
    status = NACRE_ERROR;
  }
  return status;
}

/* The map that stands at learning_rate, under whichever name; or NULL. */
static nacre_node *inner_schedule(const nacre_param *rate,
                                  const nacre_node *map) {
  nacre_node *inner = map != NULL ? nacre_node_peek(map, rate->name) : NULL;
  if (inner == NULL && map != NULL && rate->alias != NULL) {
    inner = nacre_node_peek(map, rate->alias);
  }
  return inner != NULL && inner->kind == NACRE_NODE_MAP ? inner : NULL;
}

int nacre_optimizer_choose(nacre_optimizer_cfg *cfg, nacre_params_ctx *ctx,
                           nacre_node *optimizer, nacre_node *schedule) {
  *cfg = (nacre_optimizer_cfg){ 0 };
  int status = nacre_choose(ctx, NACRE_KIND_OPTIMIZER, optimizer, update_keys,
                            true, &cfg->optimizer);
  const nacre_component *component = cfg->optimizer.component;
  nacre_node *map = optimizer->kind == NACRE_NODE_MAP ? optimizer : NULL;
  nacre_node *inner = NULL;
  if (component != NULL) {
    if (read_update(cfg, ctx, map) != NACRE_OK) {
      status = NACRE_ERROR;
    }
    /* An optimizer may have a default of its own for a universal key. */
    const nacre_param *decay = find_param(component, "weight_decay");
    if (decay != NULL) {
      cfg->update.weight_decay = read_float(&cfg->optimizer, decay);
    }
    const nacre_param *rate = find_param(component, "learning_rate");
    if (rate == NULL) {
      return nacre_report(ctx->error, optimizer, NACRE_EPLUGIN,
                          "optimizer '%s' has no learning_rate",
                          component->name);
    }
    inner = inner_schedule(rate, map);
  }
  if (inner != NULL && schedule != NULL) {
    return nacre_report_key(ctx->error, schedule, NACRE_ECONFIG,
                            "the optimizer's learning_rate is a schedule "
                            "already");
  }
  schedule = inner != NULL ? inner : schedule;
  if (schedule != NULL && !nacre_node_is_null(schedule) &&
      choose_schedule(cfg, ctx, schedule) != NACRE_OK) {
    status = NACRE_ERROR;
  }
  return status;
}

/* Ranges. */

static int make_ranges(nacre_optimizer *optimizer, nacre_error *error) {
  nacre_model *model = optimizer->model;
  const nacre_graph *graph = model->graph;
  bool elementwise = (optimizer->ops->flags & NACRE_OPT_ELEMENTWISE) != 0;
  bool whole = !elementwise || !isnan(optimizer->cfg->update.clip_norm);
  optimizer->range =
    nacre_alloc((size_t)graph->n_variables + 1, sizeof(nacre_range));
  if (optimizer->range == NULL) {
    return nacre_no_memory(error);
  }
  for (int i = 0; i < graph->n_variables; i++) {
    int index = model->order[i];
    const nacre_variable *variable = &graph->variable[index];
    if (!variable->trained) {
      continue;
    }
    optimizer->regularized |= variable->regularizer.component != NULL;
    optimizer->constrained |= variable->constraint.component != NULL;
    int64_t first = model->offset[index];
    nacre_range *last = optimizer->n_ranges > 0
      ? &optimizer->range[optimizer->n_ranges - 1] : NULL;
    bool joins = !whole && last != NULL &&
                 !(last->learning_rate_scale <
                   variable->learning_rate_scale) &&
                 !(last->learning_rate_scale >
                   variable->learning_rate_scale);
    if (joins) {
      /* Over the padding between them: zeros stay zeros. */
      last->count = first + variable->count - last->first;
    } else {
      optimizer->range[optimizer->n_ranges++] = (nacre_range){
        .optimizer = optimizer, .variable = index, .first = first,
        .count = variable->count,
        .learning_rate_scale = variable->learning_rate_scale,
        .call = { .shape = elementwise ? NULL : &variable->shape,
                  .name = elementwise ? NULL : variable->name }
      };
    }
  }
  return NACRE_OK;
}

/* Room for the tensor that needs most: updates come one after another. */
static int make_scratch(nacre_optimizer *optimizer, nacre_error *error) {
  int64_t most = 0;
  for (int i = 0; i < optimizer->n_ranges; i++) {
    const nacre_shape *shape = optimizer->range[i].call.shape;
    int64_t bytes = optimizer->ops->scratch != NULL && shape != NULL
      ? optimizer->ops->scratch(optimizer->cfg->optimizer.cfg, shape) : 0;
    if (bytes < 0) {
      return nacre_error_add(error, NACRE_ELIMIT, NULL,
                             "optimizer '%s' would need more memory for '%s' "
                             "than can be counted",
                             optimizer->cfg->optimizer.component->name,
                             optimizer->range[i].call.name);
    }
    most = bytes > most ? bytes : most;
  }
  if (most == 0) {
    return NACRE_OK;
  }
  optimizer->scratch_bytes = most;
  optimizer->scratch = nacre_device_alloc(optimizer->model->device, most, 1,
                                          "the optimizer", error);
  return optimizer->scratch != NULL ? NACRE_OK : NACRE_ERROR;
}

/* What is the same in every step. */
static void bind_ranges(nacre_optimizer *optimizer) {
  nacre_model *model = optimizer->model;
  for (int i = 0; i < optimizer->n_ranges; i++) {
    nacre_range *range = &optimizer->range[i];
    range->g = model->grads + range->first;
    range->call = (nacre_opt_run){
      .size = sizeof(nacre_opt_run), .math = model->device->math,
      .cfg = optimizer->cfg->optimizer.cfg, .scalar = optimizer->scalar,
      .n = range->count, .w = model->params + range->first, .g = range->g,
      .shape = range->call.shape, .name = range->call.name,
      .scratch = optimizer->scratch
    };
    for (uint32_t j = 0; j < optimizer->n_slots; j++) {
      nacre_shape shape;
      range->call.slot[j] =
        nacre_optimizer_slot(optimizer, j, range->variable, &shape);
    }
  }
}

int nacre_optimizer_make(nacre_optimizer *optimizer,
                         const nacre_optimizer_cfg *cfg, nacre_model *model,
                         nacre_error *error) {
  *optimizer = (nacre_optimizer){
    .cfg = cfg, .ops = cfg->optimizer.component->ops, .model = model,
    .rate_scale = 1, .steps_per_epoch = 1, .total_steps = 1
  };
  optimizer->base_rate = read_float(
    &cfg->optimizer, find_param(cfg->optimizer.component, "learning_rate"));
  optimizer->plain = isnan(cfg->update.clip_norm) &&
                     isnan(cfg->update.clip_value) &&
                     isnan(cfg->update.clip_global_norm) &&
                     isnan(cfg->update.weight_decay) &&
                     cfg->update.gradient_accumulation_steps == 1;
  optimizer->host = model->device->ops->write == NULL;
  if (make_ranges(optimizer, error) != NACRE_OK ||
      nacre_optimizer_make_slots(optimizer, error) != NACRE_OK ||
      make_scratch(optimizer, error) != NACRE_OK) {
    return NACRE_ERROR;
  }
  bind_ranges(optimizer);
  return nacre_optimizer_make_tiles(optimizer, error);
}

void nacre_optimizer_fini(nacre_optimizer *optimizer) {
  if (optimizer->model != NULL) {
    nacre_optimizer_free_slots(optimizer);
    nacre_device_free(optimizer->model->device, optimizer->scratch,
                      optimizer->scratch_bytes, 1);
  }
  nacre_free(optimizer->range);
  nacre_free(optimizer->tile);
  *optimizer = (nacre_optimizer){ 0 };
}

/* A step. */

double nacre_optimizer_rate(const nacre_optimizer *optimizer) {
  double rate = optimizer->base_rate;
  const nacre_choice *schedule = &optimizer->cfg->schedule;
  if (schedule->component != NULL) {
    const nacre_schedule_ops *ops = schedule->component->ops;
    nacre_schedule_run run = {
      .size = sizeof(run), .cfg = schedule->cfg, .base = rate,
      .step = optimizer->step, .steps_per_epoch = optimizer->steps_per_epoch,
      .total_steps = optimizer->total_steps
    };
    rate = ops->value(&run);
  }
  return rate * optimizer->rate_scale;
}

double nacre_optimizer_penalty(nacre_optimizer *optimizer, bool gradients) {
  if (!optimizer->regularized) {
    return 0;
  }
  nacre_model *model = optimizer->model;
  const nacre_graph *graph = model->graph;
  double sum = 0;
  for (int i = 0; i < graph->n_variables; i++) {
    const nacre_variable *variable = &graph->variable[i];
    if (variable->regularizer.component == NULL || !variable->trained) {
      continue;
    }
    const nacre_regularizer_ops *ops = variable->regularizer.component->ops;
    int64_t at = model->offset[i];
    sum += ops->penalty(model->device->math, variable->regularizer.cfg,
                        &variable->shape, model->params + at,
                        gradients ? model->grads + at : NULL);
  }
  return sum;
}

static void clip_elements(int64_t n, real limit, real *restrict g) {
  for (int64_t i = 0; i < n; i++) {
    g[i] = g[i] > limit ? limit : g[i] < -limit ? -limit : g[i];
  }
}

/* The universal part of an update, on what is or comes into the cache. */
static void prepare(const nacre_range *range, int64_t n, real *w, real *g) {
  const nacre_math *math = range->call.math;
  double clip = range->optimizer->cfg->update.clip_value;
  if (range->scale < 1) {
    math->scale(math, n, (real)range->scale, g);
  }
  if (!isnan(clip)) {
    clip_elements(n, (real)clip, g);
  }
  if (range->decay > 0) {
    math->scale(math, n, (real)(1 - range->decay), w);
  }
}

static void clear(const nacre_range *range, int64_t n, real *g) {
  if (range->optimizer->host) {
    memset(g, 0, (size_t)n * sizeof(real));
  } else {
    range->call.math->fill(range->call.math, n, 0, g);
  }
}

static void update_block(const nacre_range *range, int64_t begin, int64_t n) {
  nacre_opt_run run = range->call;
  real *g = range->g + begin;
  run.n = n;
  run.w += begin;
  run.g = g;
  for (uint32_t i = 0; i < range->optimizer->n_slots; i++) {
    run.slot[i] += begin;
  }
  if (!range->optimizer->plain) {
    prepare(range, n, run.w, g);
  }
  range->optimizer->ops->update(&run);
  clear(range, n, g);
}

static int64_t least_of(int64_t a, int64_t b) {
  return a < b ? a : b;
}

/* Asks for a block of weights, `ahead` elements into a tile or into the next
 * one: every thread has read them in the pass before. */
static void claim_weights(const nacre_range *range, int64_t index,
                          int64_t ahead) {
  const nacre_tile *tile = &range->tile[index];
  if (ahead >= tile->count && index + 1 < range->n_tiles) {
    ahead -= tile->count;
    tile++;
  }
  const int64_t n = least_of(tile->count - ahead, BLOCK);
  if (n > 0) {
    nacre_claim_lines(range->call.w + tile->first + ahead,
                      (size_t)n * sizeof(real));
  }
}

static void update_tile(const nacre_range *range, int64_t index) {
  const nacre_tile tile = range->tile[index];
  const bool host = range->optimizer->host;
  const int64_t block = host ? BLOCK : tile.count;
  for (int64_t at = 0; at < tile.count; at += block) {
    if (host) {
      claim_weights(range, index, at + AHEAD);
    }
    update_block(range, tile.first + at, least_of(tile.count - at, block));
  }
}

static void update_tiles(void *ctx, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; i++) {
    update_tile(ctx, i);
  }
}

/* What the gradients of a range are to be multiplied by. */
static double gradient_scale(const nacre_optimizer *optimizer,
                             double per_batch, double clip, int64_t first,
                             int64_t count) {
  const nacre_math *math = optimizer->model->device->math;
  const real *g = optimizer->model->grads + first;
  double norm = per_batch * sqrt(math->dot(math, count, g, g));
  return norm > clip ? per_batch * clip / norm : per_batch;
}

static void update_range(nacre_optimizer *optimizer, nacre_range *range,
                         double scale) {
  const nacre_update_cfg *update = &optimizer->cfg->update;
  double rate = optimizer->rate * range->learning_rate_scale;
  range->call.learning_rate = rate;
  range->call.step = optimizer->step;
  if (!optimizer->plain) {
    range->scale = isnan(update->clip_norm) ? scale
      : gradient_scale(optimizer, scale, update->clip_norm, range->first,
                       range->count);
    range->decay = isnan(update->weight_decay) ? 0
                                               : rate * update->weight_decay;
  }
  if (range->n_tiles == 0) { /* small: even a copy of the call would tell */
    if (!optimizer->plain) {
      prepare(range, range->count, range->call.w, range->g);
    }
    optimizer->ops->update(&range->call);
    clear(range, range->count, range->g);
  } else {
    range->call.math->parallel(range->call.math, range->n_tiles, 1,
                               update_tiles, range);
  }
}

static void constrain(nacre_optimizer *optimizer) {
  nacre_model *model = optimizer->model;
  const nacre_graph *graph = model->graph;
  for (int i = 0; i < graph->n_variables; i++) {
    const nacre_variable *variable = &graph->variable[i];
    if (variable->constraint.component == NULL || !variable->trained) {
      continue;
    }
    const nacre_constraint_ops *ops = variable->constraint.component->ops;
    ops->project(model->device->math, variable->constraint.cfg,
                 &variable->shape, model->params + model->offset[i]);
  }
}

bool nacre_optimizer_step(nacre_optimizer *optimizer) {
  const nacre_update_cfg *update = &optimizer->cfg->update;
  int64_t batches = update->gradient_accumulation_steps;
  if (++optimizer->pending < batches) {
    return false;
  }
  optimizer->pending = 0;
  optimizer->model->version++;
  optimizer->rate = nacre_optimizer_rate(optimizer);
  optimizer->step++;
  double scale = batches == 1 ? 1 : 1.0 / (double)batches;
  if (!isnan(update->clip_global_norm)) {
    scale = gradient_scale(optimizer, scale, update->clip_global_norm, 0,
                           optimizer->model->trained);
  }
  if (optimizer->ops->begin != NULL) {
    optimizer->ops->begin(optimizer->cfg->optimizer.cfg, optimizer->rate,
                          optimizer->step, optimizer->scalar);
  }
  for (int i = 0; i < optimizer->n_ranges; i++) {
    update_range(optimizer, &optimizer->range[i], scale);
  }
  if (optimizer->constrained) {
    constrain(optimizer);
  }
  return true;
}
