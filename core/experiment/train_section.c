/* SPDX-License-Identifier: MIT */
/* train_section: reads `train:`. */
#include "experiment/sections.h"
#include "yaml/report.h"

#include <math.h>

static const nacre_param train_params[] = {
  NACRE_PARAM(nacre_train_cfg, epochs, "1", "[1,1000000000]", "epochs",
              "Passes over the training data.", 0),
  NACRE_PARAM(nacre_train_cfg, batch_size, "null", "[1,1000000000]",
              "samples", "Samples in a step; 32 by default.", 0),
  NACRE_PARAM(nacre_train_cfg, steps_per_epoch, "null", "[1,inf)", "steps",
              "Steps in an epoch; all of the data by default.", 0),
  NACRE_PARAM(nacre_train_cfg, shuffle, "true", NULL, "",
              "A new order in each epoch.", 0),
  NACRE_PARAM(nacre_train_cfg, drop_remainder, "false", NULL, "",
              "Leave out a last batch that is not full.", 0),
  NACRE_PARAM(nacre_train_cfg, validation_frequency, "1", "[1,inf)",
              "epochs", "Validate after this many epochs.", 0),
};
static const char *const train_keys[] = {
  "epochs", "batch_size", "steps_per_epoch", "shuffle", "drop_remainder",
  "validation_frequency", "checkpoint", NULL
};

static const nacre_param checkpoint_params[] = {
  NACRE_PARAM(nacre_checkpoint_cfg, every, "1 epochs", "[1,1e15]", "",
              "How often the state of the training is saved.", 0),
  NACRE_PARAM(nacre_checkpoint_cfg, keep, "2", "[1,1000]", "",
              "How many of these checkpoints are kept, the latest.", 0),
};
static const char *const checkpoint_keys[] = { "every", "keep", NULL };

static int read_checkpoint(nacre_experiment *experiment, nacre_node *node) {
  nacre_params_ctx *ctx = &experiment->ctx;
  nacre_span table = NACRE_SPAN(checkpoint_params);
  nacre_checkpoint_cfg *cfg = &experiment->train.checkpoint;
  if (nacre_node_is_null(node)) {
    return NACRE_OK;
  }
  if (node->kind != NACRE_NODE_MAP) {
    return nacre_report(ctx->error, node, NACRE_ECONFIG,
                        "expected a map such as {every: 500 steps}");
  }
  int status =
    nacre_params_fill(ctx, table, cfg, "'train.checkpoint'", node);
  if (nacre_params_unknown(ctx, table, checkpoint_keys, "'train.checkpoint'",
                           node) != NACRE_OK) {
    status = NACRE_ERROR;
  }
  if (cfg->every.count > floor(cfg->every.count)) {
    status = nacre_report(ctx->error, nacre_node_peek(node, "every"),
                          NACRE_ECONFIG, "expected a whole number of steps "
                          "or epochs");
  }
  cfg->used = status == NACRE_OK;
  return status;
}

int nacre_experiment_read_train(nacre_experiment *experiment,
                                nacre_node *node) {
  nacre_params_ctx *ctx = &experiment->ctx;
  nacre_span table = NACRE_SPAN(train_params);
  if (node != NULL && node->kind != NACRE_NODE_MAP) {
    return nacre_report(ctx->error, node, NACRE_ECONFIG,
                        "expected a map such as {epochs: 10}");
  }
  int status = nacre_params_fill(ctx, table, &experiment->train, "'train'",
                                 node);
  if (node != NULL && nacre_params_unknown(ctx, table, train_keys, "'train'",
                                           node) != NACRE_OK) {
    status = NACRE_ERROR;
  }
  nacre_node *checkpoint =
    node != NULL ? nacre_node_get(node, "checkpoint") : NULL;
  if (checkpoint != NULL &&
      read_checkpoint(experiment, checkpoint) != NACRE_OK) {
    status = NACRE_ERROR;
  }
  return status;
}
