/* SPDX-License-Identifier: MIT */
/* checkpoint: keeps the weights of the best epochs, or of the latest. */
#include <nacre/plugin.h>

#include <math.h>
#include <stdio.h>

#define MODE_AUTO 0
#define MODE_MAX 2
#define KEEP_MAX 64

typedef struct checkpoint_cfg {
  const char *monitor; /* NULL: the latest are kept */
  nacre_enum mode;
  int64_t keep, every;
} checkpoint_cfg;

typedef struct kept {
  double value;
  int64_t epoch;
} kept;

typedef struct checkpoint_state {
  int64_t n;
  int64_t higher; /* 1: higher is better, else lower is */
  kept kept[KEEP_MAX];
} checkpoint_state;

static const char *checkpoint_monitor(const void *config, uint32_t index) {
  const checkpoint_cfg *cfg = config;
  return index == 0 ? cfg->monitor : NULL;
}

static void begin(const checkpoint_cfg *cfg, checkpoint_state *state,
                  const nacre_training *training) {
  state->n = 0;
  state->higher = cfg->monitor == NULL ? 1
                  : cfg->mode.value == MODE_AUTO
                    ? training->direction(training, cfg->monitor) > 0
                    : cfg->mode.value == MODE_MAX;
}

/* A state from a file may say anything. */
static int check_state(const checkpoint_state *state, nacre_fail *fail) {
  if (state->n < 0 || state->n > KEEP_MAX) {
    fail->fail(fail, NULL, "the saved state is damaged");
    return NACRE_ERROR;
  }
  return NACRE_OK;
}

static void name_epoch(char out[32], int64_t epoch) {
  snprintf(out, 32, "epoch-%04lld", (long long)epoch);
}

/* The one to give up first: the worst, of equals the latest, so that the
 * first to reach a value stays. */
static int64_t find_worst(const checkpoint_state *state) {
  int64_t worst = 0;
  for (int64_t i = 1; i < state->n; i++) {
    double value = state->kept[i].value, than = state->kept[worst].value;
    if (state->higher ? value <= than : value >= than) {
      worst = i;
    }
  }
  return worst;
}

/* The new file is written before an old one goes. */
static int keep_epoch(const checkpoint_cfg *cfg, checkpoint_state *state,
                      nacre_training *training, double value,
                      nacre_fail *fail) {
  char name[32];
  kept fresh = { value, training->epoch };
  int64_t place = state->n;
  if (state->n >= cfg->keep) {
    place = find_worst(state);
    double than = state->kept[place].value;
    if (state->higher ? !(value > than) : !(value < than)) {
      return NACRE_OK;
    }
  }
  name_epoch(name, training->epoch);
  if (training->save(training, name, fail) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (place < state->n) {
    /* The rest moves up: the order is that of the epochs. */
    name_epoch(name, state->kept[place].epoch);
    training->remove(training, name);
    for (int64_t i = place + 1; i < state->n; i++) {
      state->kept[i - 1] = state->kept[i];
    }
    state->n--;
  }
  state->kept[state->n++] = fresh;
  return NACRE_OK;
}

static int checkpoint_event(int32_t event, const void *config, void *private,
                            nacre_training *training, nacre_fail *fail) {
  const checkpoint_cfg *cfg = config;
  checkpoint_state *state = private;
  double value = (double)training->epoch; /* the latest is the best */
  if (event == NACRE_ON_TRAIN_BEGIN) {
    begin(cfg, state, training);
    return NACRE_OK;
  }
  if (event == NACRE_ON_RESUME) {
    return check_state(state, fail);
  }
  if (event != NACRE_ON_EPOCH_END || training->epoch % cfg->every != 0) {
    return NACRE_OK;
  }
  if (cfg->monitor != NULL &&
      (training->get(training, cfg->monitor, &value) != NACRE_OK ||
       isnan(value))) {
    return NACRE_OK;
  }
  return keep_epoch(cfg, state, training, value, fail);
}

static const nacre_param params[] = {
  NACRE_PARAM(checkpoint_cfg, monitor, "null", NULL, "",
              "Name of the number that decides which epochs are best; null: "
              "the latest are kept.", 0),
  NACRE_PARAM(checkpoint_cfg, mode, "auto", "auto|min|max", "",
              "Whether lower or higher is better; auto: the metric says.", 0),
  NACRE_PARAM(checkpoint_cfg, keep, "1", "[1,64]", "",
              "How many are kept.", 0),
  NACRE_PARAM(checkpoint_cfg, every, "1", "[1,inf)", "epochs",
              "Only epochs that this divides are considered.", 0),
};

static const nacre_callback_ops ops = {
  .size = sizeof(nacre_callback_ops),
  .flags = 1u << NACRE_ON_TRAIN_BEGIN | 1u << NACRE_ON_RESUME |
           1u << NACRE_ON_EPOCH_END,
  .state_size = sizeof(checkpoint_state),
  .monitor = checkpoint_monitor,
  .event = checkpoint_event,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_CALLBACK,
  .contract = 1,
  .name = "checkpoint",
  .summary = "Keep the weights of the best epochs",
  .doc = "Writes epoch-0007.safetensors after the seventh epoch if it is one "
         "of the `keep` best by the monitored number, then removes what is "
         "no longer one of them. NaN is never kept. These are weights to "
         "use; to go on with a training after an interruption there is "
         "`train.checkpoint`.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(checkpoint_cfg),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(checkpoint, component)
