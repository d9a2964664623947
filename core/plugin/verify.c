/* SPDX-License-Identifier: MIT */
/* verify: checks a module's description before anything relies on it. */
#include "verify.h"

#include "registry.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Sizes beyond these are garbage, not a later minor version. */
#define MAX_STRUCT 65536u
#define MAX_COMPONENTS 1000u
#define MAX_CFG (1u << 20)
#define MAX_REQUIRED 7

typedef struct verdict {
  char *reason;
  size_t room;
} verdict;

static bool flaw(verdict out, const char *format, ...) NACRE_PRINTF(2, 3);

static bool flaw(verdict out, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(out.reason, out.room, format, args);
  va_end(args);
  return false;
}

/* What the host needs of each kind's table: its size at this minor, and the
 * functions that it calls without asking whether they are there. */
#define NEED(T, f) (offsetof(T, f) + 1)
static const struct {
  size_t size;
  size_t required[MAX_REQUIRED]; /* offset + 1; 0 ends */
} tables[NACRE_KIND_COUNT] = {
  [NACRE_KIND_LAYER] = { sizeof(nacre_layer_ops), { 0 } },
  [NACRE_KIND_ACTIVATION] = { sizeof(nacre_activation_ops), { 0 } },
  [NACRE_KIND_LOSS] = { sizeof(nacre_loss_ops),
                        { NEED(nacre_loss_ops, rows) } },
  [NACRE_KIND_OPTIMIZER] = { sizeof(nacre_optimizer_ops),
                             { NEED(nacre_optimizer_ops, slots),
                               NEED(nacre_optimizer_ops, update) } },
  [NACRE_KIND_METRIC] = { sizeof(nacre_metric_ops),
                          { NEED(nacre_metric_ops, plan),
                            NEED(nacre_metric_ops, update),
                            NEED(nacre_metric_ops, result) } },
  [NACRE_KIND_INITIALIZER] = { sizeof(nacre_initializer_ops),
                               { NEED(nacre_initializer_ops, fill) } },
  [NACRE_KIND_REGULARIZER] = { sizeof(nacre_regularizer_ops),
                               { NEED(nacre_regularizer_ops, penalty) } },
  [NACRE_KIND_CONSTRAINT] = { sizeof(nacre_constraint_ops),
                              { NEED(nacre_constraint_ops, project) } },
  [NACRE_KIND_SCHEDULE] = { sizeof(nacre_schedule_ops),
                            { NEED(nacre_schedule_ops, value) } },
  [NACRE_KIND_SOURCE] = { sizeof(nacre_source_ops),
                          { NEED(nacre_source_ops, open),
                            NEED(nacre_source_ops, close),
                            NEED(nacre_source_ops, count),
                            NEED(nacre_source_ops, fields),
                            NEED(nacre_source_ops, read) } },
  [NACRE_KIND_TRANSFORM] = { sizeof(nacre_transform_ops), { 0 } },
  [NACRE_KIND_CALLBACK] = { sizeof(nacre_callback_ops),
                            { NEED(nacre_callback_ops, event) } },
  [NACRE_KIND_DEVICE] = { sizeof(nacre_device_ops),
                          { NEED(nacre_device_ops, open),
                            NEED(nacre_device_ops, close),
                            NEED(nacre_device_ops, math),
                            NEED(nacre_device_ops, describe),
                            NEED(nacre_device_ops, alloc),
                            NEED(nacre_device_ops, free) } },
  [NACRE_KIND_CODEC] = { sizeof(nacre_codec_ops),
                         { NEED(nacre_codec_ops, decode) } },
  [NACRE_KIND_ARCHIVE] = { sizeof(nacre_archive_ops),
                           { NEED(nacre_archive_ops, list) } },
  [NACRE_KIND_IMAGE] = { sizeof(nacre_image_ops),
                         { NEED(nacre_image_ops, probe),
                           NEED(nacre_image_ops, info),
                           NEED(nacre_image_ops, decode) } },
  [NACRE_KIND_SOUND] = { sizeof(nacre_sound_ops),
                         { NEED(nacre_sound_ops, probe),
                           NEED(nacre_sound_ops, info),
                           NEED(nacre_sound_ops, decode) } },
};

uint64_t nacre_verify_contract(void) {
  uint64_t contract = sizeof(nacre_module) * 31 + sizeof(nacre_component);
  for (size_t kind = 0; kind < NACRE_KIND_COUNT; kind++) {
    contract = contract * 1099511628211u + tables[kind].size + 1;
  }
  return contract;
}

bool nacre_verify_name(const char *name) {
  if (name == NULL || name[0] < 'a' || name[0] > 'z') {
    return false;
  }
  size_t n = 1;
  for (; name[n] != '\0' && n < 64; n++) {
    char c = name[n];
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) {
      return false;
    }
  }
  return n < 64;
}

/* One line that a table or a terminal can show. */
static bool is_line(const char *text) {
  for (; *text != '\0'; text++) {
    if ((unsigned char)*text < ' ' || *text == 0x7f) {
      return false;
    }
  }
  return true;
}

/* Comma-separated names. */
static bool are_names(const char *list) {
  while (list != NULL) {
    char name[64];
    const char *comma = strchr(list, ',');
    size_t n = comma != NULL ? (size_t)(comma - list) : strlen(list);
    if (n >= sizeof name) {
      return false;
    }
    memcpy(name, list, n);
    name[n] = '\0';
    if (!nacre_verify_name(name)) {
      return false;
    }
    list = comma != NULL ? comma + 1 : NULL;
  }
  return true;
}

static bool check_span(nacre_span span, size_t least) {
  return span.at != NULL && span.stride >= least &&
         span.stride <= MAX_STRUCT && span.stride % sizeof(void *) == 0 &&
         (uintptr_t)span.at % sizeof(void *) == 0;
}

/* Words for flaws: "layer 'dense'". */
static void name_it(const nacre_component *component, char out[96]) {
  snprintf(out, 96, "%s '%.63s'", nacre_kind_name(component->kind),
           component->name);
}

static bool has_all(const char *ops, const size_t *required) {
  for (int i = 0; i < MAX_REQUIRED && required[i] != 0; i++) {
    const char *function;
    memcpy(&function, ops + required[i] - 1, sizeof function);
    if (function == NULL) {
      return false;
    }
  }
  return true;
}

static bool check_activation(const nacre_activation_ops *ops) {
  uint32_t needs = ops->flags & (NACRE_ACT_NEED_X | NACRE_ACT_NEED_Y);
  return (needs == NACRE_ACT_NEED_X || needs == NACRE_ACT_NEED_Y) &&
         ops->call.forward != NULL && ops->call.backward != NULL;
}

static bool check_transform(const nacre_transform_ops *ops) {
  bool maps = ops->plan != NULL && ops->apply != NULL;
  bool mixes = ops->plan_mix != NULL && ops->mix != NULL;
  return maps != mixes && (ops->open == NULL) == (ops->close == NULL);
}

static bool check_weights(const nacre_layer_ops *ops) {
  if (ops->weights.n == 0) {
    return true;
  }
  if (ops->weights.n > MAX_COMPONENTS ||
      !check_span(ops->weights, sizeof(nacre_weight))) {
    return false;
  }
  for (uint32_t i = 0; i < ops->weights.n; i++) {
    const char *at =
      (const char *)ops->weights.at + (size_t)i * ops->weights.stride;
    const nacre_weight *weight = (const nacre_weight *)(const void *)at;
    if (!nacre_verify_name(weight->name) ||
        (weight->initializer != NULL &&
         !nacre_verify_name(weight->initializer))) {
      return false;
    }
  }
  return true;
}

static bool check_ops(const nacre_component *component, verdict out) {
  char it[96];
  name_it(component, it);
  if (component->ops == NULL) {
    return flaw(out, "%s has no operations", it);
  }
  uint32_t size;
  size_t least = tables[component->kind].size;
  memcpy(&size, component->ops, sizeof size);
  if (size < least || size > MAX_STRUCT) {
    return flaw(out, "%s: its operations have %lu bytes, not %lu", it,
                (unsigned long)size, (unsigned long)least);
  }
  if (!has_all(component->ops, tables[component->kind].required)) {
    return flaw(out, "%s lacks a function that its kind must have", it);
  }
  if (component->kind == NACRE_KIND_ACTIVATION &&
      !check_activation(component->ops)) {
    return flaw(out, "%s needs forward, backward, and either x or y", it);
  }
  if (component->kind == NACRE_KIND_TRANSFORM &&
      !check_transform(component->ops)) {
    return flaw(out, "%s needs plan and apply, or plan_mix and mix; with "
                     "open, close", it);
  }
  if (component->kind == NACRE_KIND_LAYER) {
    const nacre_layer_ops *layer = component->ops;
    if ((layer->plan == NULL) == (layer->expand == NULL)) {
      return flaw(out, "%s needs plan, or expand and not plan", it);
    }
  }
  if (component->kind == NACRE_KIND_LAYER && !check_weights(component->ops)) {
    return flaw(out, "%s: its table of weights is damaged", it);
  }
  return true;
}

static bool check_component(const nacre_component *component, uint32_t stride,
                            verdict out) {
  char it[96];
  if (component->size < sizeof *component || component->size > stride) {
    return flaw(out, "a component has %lu bytes, not %lu",
                (unsigned long)component->size,
                (unsigned long)sizeof *component);
  }
  if (component->kind == 0 || component->kind >= NACRE_KIND_COUNT) {
    return flaw(out, "a component has the unknown kind %lu",
                (unsigned long)component->kind);
  }
  if (!nacre_verify_name(component->name)) {
    return flaw(out, "bad name of %s '%.40s': names are lower case letters, "
                "digits and _", nacre_kind_name(component->kind),
                component->name != NULL ? component->name : "");
  }
  name_it(component, it);
  if (!are_names(component->aliases) ||
      (component->device != NULL && !nacre_verify_name(component->device))) {
    return flaw(out, "%s has a bad alias or device", it);
  }
  if (component->summary == NULL || component->summary[0] == '\0' ||
      !is_line(component->summary)) {
    return flaw(out, "%s has no summary of one line", it);
  }
  if (component->cfg_size > MAX_CFG) {
    return flaw(out, "%s: its config struct is too large", it);
  }
  return check_ops(component, out) &&
         nacre_verify_params(component, out.reason, out.room);
}

static const nacre_component *component_at(const nacre_module *module,
                                           uint32_t i) {
  const char *at = (const char *)module->components.at +
                   (size_t)i * module->components.stride;
  return (const nacre_component *)(const void *)at;
}

static bool same(const char *a, const char *b) {
  return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool check_unique(const nacre_module *module, verdict out) {
  for (uint32_t i = 0; i < module->components.n; i++) {
    const nacre_component *a = component_at(module, i);
    for (uint32_t j = 0; j < i; j++) {
      const nacre_component *b = component_at(module, j);
      if (a->kind == b->kind && strcmp(a->name, b->name) == 0 &&
          same(a->device, b->device)) {
        char it[96];
        name_it(a, it);
        return flaw(out, "it has %s twice", it);
      }
    }
  }
  return true;
}

/* The fields up to real_size are there in every minor of every major. */
static bool check_versions(const nacre_module *module, verdict out) {
  if (module->abi_major != NACRE_ABI_MAJOR) {
    return flaw(out, "built for ABI %u, this nacre speaks %d",
                (unsigned)module->abi_major, NACRE_ABI_MAJOR);
  }
  if (module->abi_need > NACRE_ABI_MINOR) {
    return flaw(out, "needs ABI %d.%u, this nacre speaks %d.%d",
                NACRE_ABI_MAJOR, (unsigned)module->abi_need, NACRE_ABI_MAJOR,
                NACRE_ABI_MINOR);
  }
  if (module->size < sizeof *module || module->size > MAX_STRUCT) {
    return flaw(out, "its description has %lu bytes, not %lu",
                (unsigned long)module->size, (unsigned long)sizeof *module);
  }
  if (module->real_size != sizeof(real)) {
    return flaw(out, "built for %s, this nacre computes in %s",
                module->real_size == sizeof(float)    ? "float"
                : module->real_size == sizeof(double) ? "double"
                                                      : "another precision",
                sizeof(real) == sizeof(double) ? "double" : "float");
  }
  return true;
}

bool nacre_verify_module(const nacre_module *module, char *reason,
                         size_t room) {
  verdict out = { reason, room };
  if (module == NULL) {
    return flaw(out, "its entry function returned NULL");
  }
  if (!check_versions(module, out)) {
    return false;
  }
  if (!nacre_verify_name(module->name)) {
    return flaw(out, "the module has a bad name");
  }
  if (module->version == NULL || module->version[0] == '\0' ||
      !is_line(module->version)) {
    return flaw(out, "the module has no version");
  }
  const char *const lines[] = { module->license, module->author, module->url };
  for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
    if (lines[i] != NULL && !is_line(lines[i])) {
      return flaw(out, "license, author or URL is not one line of text");
    }
  }
  if (module->components.n == 0 || module->components.n > MAX_COMPONENTS ||
      !check_span(module->components, sizeof(nacre_component))) {
    return flaw(out, "its table of components is empty or damaged");
  }
  for (uint32_t i = 0; i < module->components.n; i++) {
    if (!check_component(component_at(module, i), module->components.stride,
                         out)) {
      return false;
    }
  }
  return check_unique(module, out);
}
