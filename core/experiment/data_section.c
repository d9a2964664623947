/* SPDX-License-Identifier: MIT */
/* data_section: the `data:` of an experiment: sources, splits, transforms. */
#include "experiment/sections.h"

#include "yaml/report.h"

#include <math.h>
#include <string.h>

typedef struct data_cfg {
  int64_t batch_size, workers, prefetch; /* INT64_MIN: not given */
} data_cfg;

static const nacre_param data_params[] = {
  NACRE_PARAM(data_cfg, batch_size, "null", "[1,1000000000]",
              "samples", "Samples in a step; 32 by default.", 0),
  NACRE_PARAM(data_cfg, workers, "null", "[0,64]", "threads",
              "Threads that make batches ahead of the steps.", 0),
  NACRE_PARAM(data_cfg, prefetch, "null", "[1,1024]", "batches",
              "How many batches they may be ahead.", 0),
};
static const char *const data_keys[] = {
  "batch_size", "workers", "prefetch", "train", "validation", "test",
  "transform", "augment", NULL
};
static const char *const part_keys[] = {
  "from", "fraction", "folds", "fold", "stratify", "shuffle", "group", "hold",
  NULL
};
static const char *const transform_keys[] = { "type", "field", NULL };

/* Groups that are named need no more to be said of. */
static int check_hold(nacre_params_ctx *ctx, const nacre_part_cfg *part,
                      const char *what) {
  static const char *const others[] = { "fraction", "folds", "stratify",
                                        "shuffle" };
  nacre_node *node = part->node;
  for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
    const nacre_node *other = nacre_node_peek(node, others[i]);
    if (other != NULL && !nacre_node_is_null(other)) {
      return nacre_report_key(ctx->error, other, NACRE_ECONFIG,
                              "%s names what it holds out: '%s' has no use",
                              what, others[i]);
    }
  }
  return part->split.group.n == 1
    ? NACRE_OK
    : nacre_report_key(ctx->error, nacre_node_peek(node, "hold"),
                       NACRE_ECONFIG, "%s needs the one 'group' that 'hold' "
                       "has the names of", what);
}

static int check_split(nacre_params_ctx *ctx, const nacre_part_cfg *part,
                       const char *what) {
  const nacre_split_cfg *split = &part->split;
  nacre_node *node = part->node;
  if (split->hold.n > 0) {
    return check_hold(ctx, part, what);
  }
  if (isnan(split->fraction) && split->folds == 0) {
    return nacre_report(ctx->error, node, NACRE_ECONFIG,
                        "%s needs a 'fraction', 'folds' or 'hold'", what);
  }
  if (!isnan(split->fraction) && split->folds != 0) {
    return nacre_report_key(ctx->error, nacre_node_peek(node, "folds"),
                            NACRE_ECONFIG,
                            "%s takes either a 'fraction' or 'folds'", what);
  }
  if (split->folds == 1) {
    return nacre_report(ctx->error, nacre_node_peek(node, "folds"),
                        NACRE_ECONFIG, "there must be at least 2 folds");
  }
  if (split->folds > 0 && split->fold >= split->folds) {
    return nacre_report(ctx->error, nacre_node_peek(node, "fold"),
                        NACRE_ECONFIG, "the last of %lld folds is fold %lld",
                        (long long)split->folds,
                        (long long)split->folds - 1);
  }
  return NACRE_OK;
}

static int read_part(nacre_experiment *experiment, nacre_node *node,
                     nacre_part_cfg *part, const char *what) {
  nacre_params_ctx *ctx = &experiment->ctx;
  *part = (nacre_part_cfg){ .node = node };
  if (node == NULL || nacre_node_is_null(node)) {
    part->node = NULL;
    return NACRE_OK;
  }
  nacre_node *from = node->kind == NACRE_NODE_MAP
    ? nacre_node_get(node, "from") : NULL;
  if (from == NULL) {
    return nacre_choose(ctx, NACRE_KIND_SOURCE, node, NULL, false,
                        &part->source);
  }
  int status = NACRE_OK;
  if (from->kind != NACRE_NODE_SCALAR || strcmp(from->text, "train") != 0 ||
      part == &experiment->train_data) {
    status = nacre_report(ctx->error, from, NACRE_ECONFIG,
                          "samples can only be taken from 'train', for "
                          "validation or test");
  }
  int filled = nacre_params_fill(ctx, nacre_split_params, &part->split, what,
                                 node);
  part->split.node = node;
  if (nacre_params_unknown(ctx, nacre_split_params, part_keys, what, node) !=
      NACRE_OK) {
    status = NACRE_ERROR;
  }
  return filled != NACRE_OK || check_split(ctx, part, what) != NACRE_OK
    ? NACRE_ERROR : status;
}

/* A list that a config took back by writing null is none. */
static nacre_node *list_of(nacre_node *map, const char *key) {
  nacre_node *list = nacre_node_get(map, key);
  return list != NULL && nacre_node_is_null(list) ? NULL : list;
}

static int count_list(const nacre_node *list) {
  return list == NULL ? 0 : list->kind == NACRE_NODE_LIST ? list->count : 1;
}

/* What mixes samples needs them as they will be. */
static int place_mixer(nacre_experiment *experiment,
                       const nacre_transform *transform) {
  nacre_error *error = experiment->ctx.error;
  const char *name = transform->choice.component->name;
  bool mixes = transform->ops->mix != NULL;
  if (mixes && !transform->augments) {
    return nacre_report(error, transform->choice.node, NACRE_ECONFIG,
                        "'%s' mixes training samples: it belongs under "
                        "'augment'", name);
  }
  if (!mixes && experiment->n_mixers > 0) {
    return nacre_report(error, transform->choice.node, NACRE_ECONFIG,
                        "'%s' is for single samples: it belongs before '%s'",
                        name, experiment->mixer->choice.component->name);
  }
  if (mixes && experiment->n_mixers++ == 0) {
    experiment->mixer = transform;
  }
  return NACRE_OK;
}

static int read_transform(nacre_experiment *experiment, nacre_node *node,
                          bool augments) {
  nacre_params_ctx *ctx = &experiment->ctx;
  int status = NACRE_OK, number = experiment->n_transforms;
  nacre_transform *transform = &experiment->transform[number];
  nacre_node *field = node->kind == NACRE_NODE_MAP
    ? nacre_node_get(node, "field") : NULL;
  transform->number = number;
  transform->augments = augments;
  if (field != NULL && field->kind != NACRE_NODE_SCALAR) {
    status = nacre_report(ctx->error, field, NACRE_ECONFIG,
                          "expected the name of a field");
  } else if (field != NULL) {
    transform->field = field->text;
  }
  if (nacre_choose(ctx, NACRE_KIND_TRANSFORM, node, transform_keys, false,
                   &transform->choice) != NACRE_OK) {
    return NACRE_ERROR;
  }
  transform->ops = transform->choice.component->ops;
  experiment->n_transforms++;
  return place_mixer(experiment, transform) == NACRE_OK ? status
                                                        : NACRE_ERROR;
}

/* `transform:` and `augment:`, either of which may be NULL. */
static int read_transforms(nacre_experiment *experiment, nacre_node *always,
                           nacre_node *augment) {
  nacre_params_ctx *ctx = &experiment->ctx;
  nacre_node *const list[2] = { always, augment };
  int n = count_list(always) + count_list(augment), status = NACRE_OK;
  experiment->transform =
    nacre_arena_alloc(ctx->arena, (size_t)n + 1, sizeof(nacre_transform));
  if (experiment->transform == NULL) {
    return nacre_no_memory(ctx->error);
  }
  for (int i = 0; i < 2; i++) {
    bool many = list[i] != NULL && list[i]->kind == NACRE_NODE_LIST;
    for (nacre_node *node = many ? list[i]->first : list[i]; node != NULL;
         node = many ? node->next : NULL) {
      if (read_transform(experiment, node, i == 1) != NACRE_OK) {
        status = NACRE_ERROR;
      }
    }
  }
  return status;
}

int nacre_experiment_read_data(nacre_experiment *experiment,
                               nacre_node *node) {
  nacre_params_ctx *ctx = &experiment->ctx;
  nacre_span table = NACRE_SPAN(data_params);
  data_cfg sizes = { 0 };
  if (node->kind != NACRE_NODE_MAP) {
    return nacre_report(ctx->error, node, NACRE_ECONFIG,
                        "expected a map with 'train'");
  }
  int status = nacre_params_fill(ctx, table, &sizes, "'data'", node);
  nacre_node *train = nacre_node_get(node, "train");
  nacre_node *validation = nacre_node_get(node, "validation");
  nacre_node *test = nacre_node_get(node, "test");
  nacre_node *transform = list_of(node, "transform");
  nacre_node *augment = list_of(node, "augment");
  if (train == NULL) {
    status = nacre_report_key(ctx->error, node, NACRE_ECONFIG,
                              "'data' needs a 'train' source");
  }
  if (read_part(experiment, train, &experiment->train_data, "'train'") !=
      NACRE_OK) {
    status = NACRE_ERROR;
  }
  if (read_part(experiment, validation, &experiment->validation,
                "'validation'") != NACRE_OK) {
    status = NACRE_ERROR;
  }
  if (read_part(experiment, test, &experiment->test, "'test'") != NACRE_OK) {
    status = NACRE_ERROR;
  }
  if (read_transforms(experiment, transform, augment) != NACRE_OK) {
    status = NACRE_ERROR;
  }
  if (nacre_params_unknown(ctx, table, data_keys, "'data'", node) !=
      NACRE_OK) {
    status = NACRE_ERROR;
  }
  if (sizes.batch_size != INT64_MIN) {
    if (experiment->train.batch_size != INT64_MIN) {
      status = nacre_report_key(ctx->error,
                                nacre_node_peek(node, "batch_size"),
                                NACRE_ECONFIG,
                                "'batch_size' is given under 'train' too");
    }
    if (sizes.batch_size >= 1) {
      experiment->batch_size = sizes.batch_size;
    }
  }
  experiment->workers = sizes.workers;
  experiment->prefetch = sizes.prefetch;
  experiment->has_data = train != NULL;
  return status;
}

