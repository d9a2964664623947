/* SPDX-License-Identifier: MIT */
/* callbacks: the training as callbacks see it, and telling them of events. */
#include "train/state.h"

#include "base/text.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

static nacre_trainer *trainer_of(const nacre_training *view) {
  return view->host;
}

static int view_get(const nacre_training *view, const char *name,
                    double *value) {
  const nacre_trainer *trainer = trainer_of(view);
  if (strncmp(name, "val/", 4) == 0 && !trainer->validated) {
    return NACRE_ERROR;
  }
  for (int i = 0; i < trainer->n_logs; i++) {
    if (strcmp(trainer->log[i].name, name) == 0) {
      *value = trainer->log[i].value;
      return NACRE_OK;
    }
  }
  return NACRE_ERROR;
}

static int view_direction(const nacre_training *view, const char *name) {
  const nacre_trainer *trainer = trainer_of(view);
  const nacre_measure *measure = &trainer->training.measure;
  if (strncmp(name, "val/", 4) == 0) {
    name += 4;
  }
  for (int i = 0; i < measure->n_metrics; i++) {
    const nacre_metric *metric = &measure->metric[i];
    if (strcmp(metric->name, name) == 0) {
      return (metric->ops->flags & NACRE_METRIC_MAXIMIZE) != 0 ? 1 : -1;
    }
  }
  return -1;
}

static void view_stop(nacre_training *view, int32_t diverged,
                      const char *reason) {
  nacre_trainer *trainer = trainer_of(view);
  trainer->stopped = true;
  trainer->diverged = trainer->diverged || diverged != 0;
  snprintf(trainer->stop_reason, sizeof(trainer->stop_reason), "%s", reason);
}

static double view_learning_rate(const nacre_training *view) {
  return nacre_optimizer_rate(&trainer_of(view)->optimizer);
}

static void view_scale(nacre_training *view, double factor) {
  trainer_of(view)->optimizer.rate_scale *= factor;
}

static void view_remember(nacre_training *view) {
  /* Without memory for a copy there is nothing to go back to; restore()
   * then keeps the weights as they are. */
  nacre_trainer *trainer = trainer_of(view);
  (void)nacre_trainer_remember(trainer, &trainer->remembered);
}

static void view_restore(nacre_training *view) {
  nacre_trainer_restore(trainer_of(view), trainer_of(view)->remembered);
}

static char *checkpoint_file(const char *name) {
  return nacre_format("checkpoints/%s.safetensors", name);
}

static bool is_file_name(const char *name) {
  return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL &&
         strlen(name) < 200;
}

/* The training's own checkpoints stand in the same folder. */
static bool is_state(const char *name) {
  return strncmp(name, NACRE_STATE_PREFIX, strlen(NACRE_STATE_PREFIX)) == 0;
}

static int view_save(nacre_training *view, const char *name,
                     nacre_fail *fail) {
  nacre_trainer *trainer = trainer_of(view);
  if (trainer->options.dir == NULL) {
    return NACRE_OK; /* a training that leaves nothing behind */
  }
  if (!is_file_name(name) || is_state(name)) {
    fail->fail(fail, NULL, "'%s' cannot be a checkpoint's name", name);
    return NACRE_ERROR;
  }
  char *file = checkpoint_file(name);
  int status = file != NULL ? nacre_trainer_save(trainer, file)
                            : NACRE_ERROR;
  nacre_free(file);
  return status;
}

static int view_remove(nacre_training *view, const char *name) {
  nacre_trainer *trainer = trainer_of(view);
  if (trainer->options.dir == NULL || !is_file_name(name) ||
      is_state(name)) {
    return NACRE_ERROR;
  }
  char *file = checkpoint_file(name);
  char *path = file != NULL ? nacre_rundir_file(trainer->options.dir, file)
                            : NULL;
  int status = path != NULL && unlink(path) == 0 ? NACRE_OK : NACRE_ERROR;
  nacre_free(file);
  nacre_free(path);
  return status;
}

static void view_note(nacre_training *view, const char *format, ...) {
  nacre_trainer *trainer = trainer_of(view);
  char text[512];
  va_list args;
  if (trainer->options.observe == NULL) {
    return;
  }
  va_start(args, format);
  vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  nacre_progress progress = { .event = NACRE_EVENT_NOTE,
                              .epoch = trainer->epoch,
                              .epochs = trainer->experiment->train.epochs,
                              .note = text };
  trainer->options.observe(trainer->options.observer, &progress);
}

int nacre_callbacks_make(nacre_trainer *trainer) {
  nacre_experiment *experiment = trainer->experiment;
  trainer->view = (nacre_training){
    .size = sizeof(nacre_training), .get = view_get,
    .direction = view_direction, .stop = view_stop,
    .learning_rate = view_learning_rate, .scale_learning_rate = view_scale,
    .remember = view_remember, .restore = view_restore, .save = view_save,
    .remove = view_remove, .note = view_note, .host = trainer
  };
  trainer->callback = nacre_alloc((size_t)experiment->n_callbacks + 1,
                                  sizeof(nacre_bound_callback));
  if (trainer->callback == NULL) {
    return nacre_no_memory(experiment->error);
  }
  for (int i = 0; i < experiment->n_callbacks; i++) {
    nacre_bound_callback *callback =
      &trainer->callback[trainer->n_callbacks++];
    callback->choice = &experiment->callback[i];
    callback->ops = callback->choice->component->ops;
    callback->state = nacre_alloc(1, callback->ops->state_size + 1);
    if (callback->state == NULL) {
      return nacre_no_memory(experiment->error);
    }
  }
  return NACRE_OK;
}

void nacre_callbacks_fini(nacre_trainer *trainer) {
  for (int i = 0; i < trainer->n_callbacks; i++) {
    nacre_free(trainer->callback[i].state);
  }
  nacre_free(trainer->callback);
  trainer->callback = NULL;
  trainer->n_callbacks = 0;
}

bool nacre_callbacks_want(const nacre_trainer *trainer, int32_t event) {
  for (int i = 0; i < trainer->n_callbacks; i++) {
    if ((trainer->callback[i].ops->flags & (1u << event)) != 0) {
      return true;
    }
  }
  return false;
}

int nacre_callbacks_tell(nacre_trainer *trainer, int32_t event) {
  nacre_error *error = trainer->experiment->error;
  trainer->view.epoch = trainer->epoch;
  trainer->view.step = trainer->optimizer.step;
  for (int i = 0; i < trainer->n_callbacks; i++) {
    nacre_bound_callback *callback = &trainer->callback[i];
    if ((callback->ops->flags & (1u << event)) == 0) {
      continue;
    }
    nacre_place place = nacre_node_place(callback->choice->node);
    nacre_error_fail fail;
    if (callback->ops->event(event, callback->choice->cfg, callback->state,
                             &trainer->view,
                             nacre_error_fail_init(&fail, error, NACRE_EIO,
                                                   &place)) != NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  return NACRE_OK;
}
