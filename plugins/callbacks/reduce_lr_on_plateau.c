/* SPDX-License-Identifier: MIT */
/* reduce_lr_on_plateau: lowers the learning rate when a number has ceased to
 * get better, as Keras's ReduceLROnPlateau. */
#include <nacre/plugin.h>

#include <math.h>

#define MODE_AUTO 0
#define MODE_MAX 2

typedef struct plateau_cfg {
  const char *monitor;
  double factor;
  int64_t patience;
  nacre_enum mode;
  double min_delta;
  int64_t cooldown;
  double min_lr;
} plateau_cfg;

typedef struct plateau_state {
  double best;
  int64_t wait;     /* epochs since it got better, or since the last cut */
  int64_t cooldown; /* epochs during which nothing is counted */
  int64_t higher;   /* 1: higher is better, else lower is */
} plateau_state;

static const char *plateau_monitor(const void *config, uint32_t index) {
  const plateau_cfg *cfg = config;
  return index == 0 ? cfg->monitor : NULL;
}

static void begin(const plateau_cfg *cfg, plateau_state *state,
                  const nacre_training *training) {
  state->higher = cfg->mode.value == MODE_AUTO
                    ? training->direction(training, cfg->monitor) > 0
                    : cfg->mode.value == MODE_MAX;
  state->best = state->higher ? (double)-INFINITY : (double)INFINITY;
  state->wait = 0;
  state->cooldown = 0;
}

/* NaN is never better. */
static bool improves(const plateau_cfg *cfg, const plateau_state *state,
                     double value) {
  return state->higher ? value > state->best + cfg->min_delta
                       : value < state->best - cfg->min_delta;
}

static void reduce(const plateau_cfg *cfg, plateau_state *state,
                   nacre_training *training) {
  double rate = training->learning_rate(training);
  if (!(rate > cfg->min_lr)) {
    return;
  }
  double lower = rate * cfg->factor;
  lower = lower > cfg->min_lr ? lower : cfg->min_lr;
  training->scale_learning_rate(training, lower / rate);
  training->note(training, "learning rate %g after %lld epochs without "
                           "improvement of %s", lower,
                 (long long)state->wait, cfg->monitor);
  state->cooldown = cfg->cooldown;
  state->wait = 0;
}

static int plateau_event(int32_t event, const void *config, void *private,
                         nacre_training *training, nacre_fail *fail) {
  const plateau_cfg *cfg = config;
  plateau_state *state = private;
  double value;
  (void)fail;
  if (event == NACRE_ON_TRAIN_BEGIN) {
    begin(cfg, state, training);
    return NACRE_OK;
  }
  if (event != NACRE_ON_EPOCH_END ||
      training->get(training, cfg->monitor, &value) != NACRE_OK) {
    return NACRE_OK;
  }
  if (state->cooldown > 0) {
    state->cooldown--;
    state->wait = 0;
  }
  if (improves(cfg, state, value)) {
    state->best = value;
    state->wait = 0;
  } else if (state->cooldown == 0) {
    state->wait++;
    if (state->wait >= cfg->patience) {
      reduce(cfg, state, training);
    }
  }
  return NACRE_OK;
}

static const nacre_param params[] = {
  NACRE_PARAM(plateau_cfg, monitor, "val/loss", NULL, "",
              "Name of the number that is watched.", 0),
  NACRE_PARAM(plateau_cfg, factor, "0.1", "(0,1)", "",
              "What the learning rate is multiplied by.", 0),
  NACRE_PARAM(plateau_cfg, patience, "10", "[0,inf)", "epochs",
              "Epochs without improvement before a cut.", 0),
  NACRE_PARAM(plateau_cfg, mode, "auto", "auto|min|max", "",
              "Whether lower or higher is better; auto: the metric says.", 0),
  NACRE_PARAM(plateau_cfg, min_delta, "1e-4", "[0,inf)", "",
              "A change of no more than this is none.", 0),
  NACRE_PARAM(plateau_cfg, cooldown, "0", "[0,inf)", "epochs",
              "Epochs after a cut that are not counted.", 0),
  NACRE_PARAM(plateau_cfg, min_lr, "0", "[0,inf)", "",
              "The learning rate is never cut below this.", 0),
};

static const nacre_callback_ops ops = {
  .size = sizeof(nacre_callback_ops),
  .flags = 1u << NACRE_ON_TRAIN_BEGIN | 1u << NACRE_ON_EPOCH_END,
  .state_size = sizeof(plateau_state),
  .monitor = plateau_monitor,
  .event = plateau_event,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_CALLBACK,
  .contract = 1,
  .name = "reduce_lr_on_plateau",
  .summary = "Lower the learning rate when a number has ceased to improve",
  .doc = "When `patience` epochs have not made the monitored number better "
         "by more than `min_delta`, the learning rate is multiplied by "
         "`factor`. A schedule keeps its form and is multiplied as well.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(plateau_cfg),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(reduce_lr_on_plateau, component)
