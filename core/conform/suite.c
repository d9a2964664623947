/* SPDX-License-Identifier: MIT */
/* suite: the score, memory and devices of a run of the conformance suite. */
#include "suite.h"

#include <fenv.h>
#include <float.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "yaml/parse.h"

static nacre_suite_line *find_line(nacre_suite *suite, const char *check) {
  for (int i = 0; i < suite->lines; i++) {
    if (strcmp(suite->line[i].check, check) == 0) {
      return &suite->line[i];
    }
  }
  if (suite->lines == NACRE_SUITE_CHECKS) {
    return &suite->line[NACRE_SUITE_CHECKS - 1];
  }
  nacre_suite_line *line = &suite->line[suite->lines++];
  memset(line, 0, sizeof *line);
  line->check = check;
  return line;
}

bool nacre_suite_check(nacre_suite *suite, const char *check, bool ok,
                       const char *format, ...) {
  nacre_suite_line *line = find_line(suite, check);
  if (line->skipped) {
    line->skipped = false;
    line->text[0] = '\0';
  }
  line->cases++;
  if (ok) {
    return true;
  }
  if (line->failures++ == 0) {
    int n = 0;
    if (suite->where != NULL) {
      n = snprintf(line->text, sizeof line->text, "%s: ", suite->where);
    }
    if (n >= 0 && (size_t)n < sizeof line->text) {
      va_list args;
      va_start(args, format);
      vsnprintf(line->text + n, sizeof line->text - (size_t)n, format, args);
      va_end(args);
    }
  }
  return false;
}

void nacre_suite_skip(nacre_suite *suite, const char *check,
                      const char *format, ...) {
  nacre_suite_line *line = find_line(suite, check);
  if (line->cases > 0 || line->skipped) {
    return;
  }
  line->skipped = true;
  va_list args;
  va_start(args, format);
  vsnprintf(line->text, sizeof line->text, format, args);
  va_end(args);
}

void *nacre_suite_alloc(nacre_suite *suite, size_t count, size_t size) {
  void *memory = nacre_arena_alloc(suite->arena, count, size);
  if (memory == NULL) {
    suite->lost = true;
  }
  return memory;
}

char *nacre_suite_format(nacre_suite *suite, const char *format, ...) {
  char text[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  char *copy = nacre_arena_strndup(suite->arena, text, strlen(text));
  if (copy == NULL) {
    suite->lost = true;
  }
  return copy;
}

void nacre_suite_forget(nacre_suite *suite) {
  nacre_error_fini(&suite->error);
  nacre_error_init(&suite->error);
}

const char *nacre_suite_problem(const nacre_suite *suite) {
  for (int i = 0; i < suite->error.count; i++) {
    if (!suite->error.problem[i].warning) {
      return suite->error.problem[i].text;
    }
  }
  return "";
}

nacre_fail *nacre_suite_fail(nacre_suite *suite, nacre_error_fail *fail) {
  return nacre_error_fail_init(fail, &suite->error, NACRE_ECONFIG, NULL);
}

nacre_node *nacre_suite_yaml(nacre_suite *suite, const char *text) {
  nacre_suite_forget(suite);
  return nacre_yaml_text(suite->tree, "conformance", NULL, text, strlen(text),
                         &suite->error);
}

const void *nacre_suite_config(nacre_suite *suite,
                               const nacre_component *component,
                               nacre_node *map) {
  /* At least a byte, so that a configuration is never NULL. */
  void *cfg = nacre_suite_alloc(suite, component->cfg_size + 1, 1);
  nacre_suite_forget(suite);
  if (cfg == NULL) {
    return NULL;
  }
  nacre_params_ctx ctx = { suite->registry, suite->arena, &suite->error,
                           NULL };
  if (nacre_params_fill(&ctx, component->params, cfg, component->name,
                        map) != NACRE_OK) {
    return NULL;
  }
  return cfg;
}

bool nacre_suite_open_one(nacre_suite *suite,
                          const nacre_component *component, int64_t threads,
                          nacre_suite_device *device) {
  const nacre_device_ops *ops = component->ops;
  const void *cfg = nacre_suite_config(suite, component, NULL);
  if (cfg == NULL) {
    return false;
  }
  nacre_error_fail fail;
  nacre_device_open open = { sizeof open, 0, cfg, threads, NULL,
                             nacre_suite_fail(suite, &fail), nacre_alloc,
                             nacre_free };
  int status = ops->open(&open, &device->self);
  if (status == NACRE_DECLINE) {
    open.flags |= NACRE_DEVICE_LAST_RESORT;
    status = ops->open(&open, &device->self);
  }
  if (status != NACRE_OK) {
    return false;
  }
  device->ops = ops;
  device->math = ops->math(device->self);
  return true;
}

int nacre_suite_open(nacre_suite *suite, nacre_error *error) {
  static const int64_t threads[NACRE_SUITE_DEVICES] = { 1, 2, 3, 4, 7 };
  for (int i = 0; i < nacre_registry_count(suite->registry); i++) {
    const nacre_provider *provider = nacre_registry_at(suite->registry, i);
    if (provider->kind != NACRE_KIND_DEVICE) {
      continue;
    }
    nacre_suite_forget(suite);
    const nacre_component *component = nacre_registry_find(
      suite->registry, NACRE_KIND_DEVICE, provider->name, NULL, 0,
      &suite->error);
    if (component == NULL ||
        ((const nacre_device_ops *)component->ops)->write != NULL) {
      continue;
    }
    int opened = 0;
    while (opened < NACRE_SUITE_DEVICES &&
           nacre_suite_open_one(suite, component, threads[opened],
                                &suite->device[opened])) {
      opened++;
    }
    if (opened == NACRE_SUITE_DEVICES) {
      return NACRE_OK;
    }
    nacre_suite_close(suite);
  }
  const char *problem = nacre_suite_problem(suite);
  return nacre_error_add(error, NACRE_EPLUGIN, NULL,
                         "no device to check on could be opened%s%s",
                         problem[0] == '\0' ? "" : ": ", problem);
}

void nacre_suite_close(nacre_suite *suite) {
  for (int i = 0; i < NACRE_SUITE_DEVICES; i++) {
    nacre_suite_device *device = &suite->device[i];
    if (device->ops != NULL) {
      device->ops->close(device->self);
    }
    memset(device, 0, sizeof *device);
  }
}

/* Whether subnormal numbers still exist: flush-to-zero is not in fenv.h. */
static bool has_subnormals(void) {
  volatile double tiny = DBL_MIN;
  volatile double half = tiny / 2;
  return half != 0;
}

/* The parts of the floating-point state that change results. */
static int64_t float_state(void) {
  return (int64_t)fegetround() * 4 + (int64_t)fegetexcept() * 65536 +
         (has_subnormals() ? 1 : 0);
}

void nacre_suite_enter(nacre_suite *suite, nacre_suite_device *device) {
  (void)suite;
  if (device->ops->enter != NULL) {
    device->entered = device->ops->enter(device->self);
  }
  device->floating = float_state();
}

void nacre_suite_leave(nacre_suite *suite, nacre_suite_device *device) {
  nacre_suite_check(suite, "floating-point state",
                    float_state() == device->floating,
                    "rounding, traps or subnormals were changed");
  if (device->ops->leave != NULL) {
    device->ops->leave(device->self, device->entered);
  }
}
