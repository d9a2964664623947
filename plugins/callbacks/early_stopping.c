/* SPDX-License-Identifier: MIT */
/* early_stopping: ends training when a number has ceased to get better, as
 * Keras's EarlyStopping. */
#include <nacre/plugin.h>

#include <math.h>

#define MODE_AUTO 0
#define MODE_MAX 2

typedef struct early_cfg {
  const char *monitor;
  double min_delta;
  int64_t patience;
  nacre_enum mode;
  double baseline; /* NaN: none */
  bool restore_best_weights;
  int64_t start_from_epoch;
} early_cfg;

typedef struct early_state {
  double best;
  int64_t wait;       /* epochs since it got better */
  int64_t best_epoch; /* 0: there is no best yet */
  int64_t remembered; /* weights were */
  int64_t higher;     /* 1: higher is better, else lower is */
} early_state;

static const char *early_monitor(const void *config, uint32_t index) {
  const early_cfg *cfg = config;
  return index == 0 ? cfg->monitor : NULL;
}

/* NaN is never better. */
static bool better(const early_cfg *cfg, const early_state *state,
                   double value, double than) {
  return state->higher ? value - cfg->min_delta > than
                       : value + cfg->min_delta < than;
}

static void begin(const early_cfg *cfg, early_state *state,
                  const nacre_training *training) {
  early_state fresh = { 0, 0, 0, 0, 0 };
  *state = fresh;
  state->higher = cfg->mode.value == MODE_AUTO
                    ? training->direction(training, cfg->monitor) > 0
                    : cfg->mode.value == MODE_MAX;
}

static void epoch_end(const early_cfg *cfg, early_state *state,
                      nacre_training *training) {
  double value;
  if (training->get(training, cfg->monitor, &value) != NACRE_OK ||
      training->epoch <= cfg->start_from_epoch) {
    return;
  }
  if (cfg->restore_best_weights && !state->remembered) {
    training->remember(training);
    state->remembered = 1;
  }
  state->wait++;
  if (state->best_epoch == 0 ? !isnan(value)
                             : better(cfg, state, value, state->best)) {
    state->best = value;
    state->best_epoch = training->epoch;
    if (cfg->restore_best_weights) {
      training->remember(training);
    }
    if (isnan(cfg->baseline) || better(cfg, state, value, cfg->baseline)) {
      state->wait = 0;
      return;
    }
  }
  /* Never after the first epoch: Keras does so even with patience 0. */
  if (state->wait >= cfg->patience && training->epoch > 1) {
    training->stop(training, 0, "the monitored number stopped improving");
    training->note(training, "%s has not improved for %lld epochs; best %g "
                             "at epoch %lld", cfg->monitor,
                   (long long)state->wait, state->best,
                   (long long)state->best_epoch);
  }
}

static int early_event(int32_t event, const void *config, void *private,
                       nacre_training *training, nacre_fail *fail) {
  early_state *state = private;
  const early_cfg *cfg = config;
  (void)fail;
  if (event == NACRE_ON_TRAIN_BEGIN) {
    begin(cfg, state, training);
  } else if (event == NACRE_ON_EPOCH_END) {
    epoch_end(cfg, state, training);
  } else if (event == NACRE_ON_TRAIN_END && cfg->restore_best_weights &&
             state->remembered) {
    training->restore(training);
  }
  return NACRE_OK;
}

static const nacre_param params[] = {
  NACRE_PARAM(early_cfg, monitor, "val/loss", NULL, "",
              "Name of the number that is watched.", 0),
  NACRE_PARAM(early_cfg, min_delta, "0", "[0,inf)", "",
              "A change of no more than this is none.", 0),
  NACRE_PARAM(early_cfg, patience, "0", "[0,inf)", "epochs",
              "Epochs without improvement after which training ends.", 0),
  NACRE_PARAM(early_cfg, mode, "auto", "auto|min|max", "",
              "Whether lower or higher is better; auto: the metric says.", 0),
  NACRE_PARAM(early_cfg, baseline, "null", NULL, "",
              "Patience runs out unless the number gets better than this.",
              0),
  NACRE_PARAM(early_cfg, restore_best_weights, "false", NULL, "",
              "Put the best epoch's weights back at the end.", 0),
  NACRE_PARAM(early_cfg, start_from_epoch, "0", "[0,inf)", "epochs",
              "Epochs at the start that are not watched.", 0),
};

static const nacre_callback_ops ops = {
  .size = sizeof(nacre_callback_ops),
  .flags = 1u << NACRE_ON_TRAIN_BEGIN | 1u << NACRE_ON_EPOCH_END |
           1u << NACRE_ON_TRAIN_END,
  .state_size = sizeof(early_state),
  .monitor = early_monitor,
  .event = early_event,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_CALLBACK,
  .contract = 1,
  .name = "early_stopping",
  .summary = "End training when a number has ceased to improve",
  .doc = "At the end of each epoch the monitored number is compared with the "
         "best so far; after `patience` epochs without one better by more "
         "than `min_delta`, training ends. NaN is never the best.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(early_cfg),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(early_stopping, component)
