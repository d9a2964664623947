/* SPDX-License-Identifier: MIT */
/* inspect_facts: what is known of a component, for all ways of printing. */
#include "inspect.h"

#include "run/dataset.h"
#include "run/optimize.h"

#include <stdio.h>
#include <string.h>

static const inspect_key layer_keys[] = {
  { "name", "text", "What other layers, overrides and weight files call it." },
  { "inputs", "text, or list of texts",
    "Names of the layers or inputs that it reads; the layer before by "
    "default. \"split:1\" is the second output of split." },
  { "activation", "activation", "Applied to what the layer gives." },
  { "trainable", "bool", "Whether its weights learn; true by default." },
  { "learning_rate_scale", "float >= 0",
    "Factor of the learning rate for its weights; 1 by default." },
  { "WEIGHT_initializer", "initializer",
    "Where a weight starts, as kernel_initializer." },
  { "WEIGHT_regularizer", "regularizer", "A penalty on a weight." },
  { "WEIGHT_constraint", "constraint",
    "A projection of a weight after each update." },
};

static const inspect_key loss_keys[] = {
  { "weight", "float >= 0",
    "Factor of this loss among those of several outputs; 1 by default." },
  { "class_weight", "map of floats",
    "Factor of each class, by its number or name." },
};

static const inspect_key metric_keys[] = {
  { "weighted", "bool",
    "Count samples by their weights; false by default." },
};

static const inspect_key transform_keys[] = {
  { "field", "text",
    "The field that it is for, as \"y\"; every one that is not a target by "
    "default." },
};

#define KEYS(table) { table, (int)(sizeof(table) / sizeof(table[0])) }

static const struct {
  const inspect_key *key;
  int n;
} universal[NACRE_KIND_COUNT] = {
  [NACRE_KIND_LAYER] = KEYS(layer_keys),
  [NACRE_KIND_LOSS] = KEYS(loss_keys),
  [NACRE_KIND_METRIC] = KEYS(metric_keys),
  [NACRE_KIND_TRANSFORM] = KEYS(transform_keys),
};

const inspect_key *inspect_universal(uint32_t kind, int i) {
  return kind < NACRE_KIND_COUNT && i < universal[kind].n
    ? &universal[kind].key[i] : NULL;
}

bool inspect_replaces(const nacre_component *component,
                      const inspect_key *key) {
  bool found = false;
  for (uint32_t i = 0; i < component->params.n && !found; i++) {
    found = strcmp(inspect_param(component->params, i)->name, key->name) == 0;
  }
  return found;
}

nacre_span inspect_universal_params(uint32_t kind) {
  nacre_span none = NACRE_EMPTY_SPAN;
  return kind == NACRE_KIND_OPTIMIZER ? nacre_update_params : none;
}

const nacre_param *inspect_param(nacre_span params, uint32_t i) {
  return (const nacre_param *)((const char *)params.at +
                               (size_t)i * params.stride);
}

const nacre_weight *inspect_weight(const nacre_component *component,
                                   uint32_t i) {
  if (component->kind != NACRE_KIND_LAYER) {
    return NULL;
  }
  const nacre_layer_ops *ops = component->ops;
  return i >= ops->weights.n ? NULL
    : (const nacre_weight *)((const char *)ops->weights.at +
                             (size_t)i * ops->weights.stride);
}

int inspect_load(nacre_registry *registry, uint32_t kind, const char *name,
                 int nth, inspect_subject *out, nacre_error *error) {
  out->component =
    nacre_registry_find(registry, kind, name, NULL, nth, error);
  if (out->component == NULL) {
    return NACRE_ERROR;
  }
  out->provider = nacre_registry_provider(registry, out->component);
  out->module = nacre_registry_module(registry, out->component);
  return out->provider != NULL && out->module != NULL ? NACRE_OK
                                                      : NACRE_ERROR;
}

/* Properties. */

static void layer_properties(const nacre_layer_ops *ops, nacre_text *out) {
  static const struct {
    uint32_t flag;
    const char *text;
  } words[] = {
    { NACRE_LAYER_EPILOGUE, "applies its activation itself" },
    { NACRE_LAYER_INPLACE, "may work in place" },
    { NACRE_LAYER_VIEW, "only looks at its input in another way" },
    { NACRE_LAYER_RANDOM, "draws random numbers" },
    { NACRE_LAYER_TRAINING, "acts in training only" },
    { NACRE_LAYER_SUM, "may be done by the layer before it" },
    { NACRE_LAYER_RESIDUAL, "may do the sum behind it" },
    { NACRE_LAYER_LOOKUP, "gives equal rows for equal numbers" },
    { NACRE_LAYER_TOKENS, "computes equal rows of a lookup only once" },
    { NACRE_LAYER_ALLOCATES, "calls a library that allocates memory" },
  };
  if (ops->max_inputs == ops->min_inputs) {
    nacre_text_printf(out, "inputs: %u\n", ops->min_inputs);
  } else if (ops->max_inputs == 0) {
    nacre_text_printf(out, "inputs: %u or more\n", ops->min_inputs);
  } else {
    nacre_text_printf(out, "inputs: %u to %u\n", ops->min_inputs,
                      ops->max_inputs);
  }
  for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
    if ((ops->flags & words[i].flag) != 0) {
      nacre_text_printf(out, "%s\n", words[i].text);
    }
  }
}

static void loss_properties(const nacre_loss_ops *ops, nacre_text *out) {
  if ((ops->flags & NACRE_LOSS_INDEX) != 0) {
    nacre_text_puts(out, "targets are class numbers\n");
  } else if ((ops->flags & NACRE_LOSS_CLASSES) != 0) {
    nacre_text_puts(out, "targets are classes, one-hot or 0 and 1\n");
  }
  if (ops->undoes != NULL) {
    nacre_text_printf(out, "works on logits when its output ends in %s\n",
                      ops->undoes);
  }
}

static void metric_properties(const nacre_metric_ops *ops, nacre_text *out) {
  nacre_text_puts(out, (ops->flags & NACRE_METRIC_MAXIMIZE) != 0
                         ? "higher is better\n" : "lower is better\n");
  if (ops->table != NULL) {
    nacre_text_puts(out, "has a table, which 'nacre evaluate' prints\n");
  }
}

static void transform_properties(const nacre_transform_ops *ops,
                                 nacre_text *out) {
  if (ops->fit != NULL) {
    nacre_text_puts(out, "is fitted to the training data\n");
  }
  if ((ops->flags & NACRE_TRANSFORM_RANDOM) != 0) {
    nacre_text_puts(out, "random: changes training batches only\n");
  }
  if (ops->invert != NULL) {
    nacre_text_puts(out, "is undone in predictions of a target\n");
  }
}

void inspect_properties(const nacre_component *component, nacre_text *out) {
  switch (component->kind) {
  case NACRE_KIND_LAYER:
    layer_properties(component->ops, out);
    break;
  case NACRE_KIND_ACTIVATION: {
    const nacre_activation_ops *ops = component->ops;
    nacre_text_puts(out, (ops->flags & NACRE_ACT_POINTWISE) != 0
                           ? "every element by itself\n"
                           : "rows, along the last axis\n");
    break;
  }
  case NACRE_KIND_LOSS:
    loss_properties(component->ops, out);
    break;
  case NACRE_KIND_METRIC:
    metric_properties(component->ops, out);
    break;
  case NACRE_KIND_OPTIMIZER: {
    const nacre_optimizer_ops *ops = component->ops;
    nacre_text_puts(out, (ops->flags & NACRE_OPT_ELEMENTWISE) != 0
                           ? "every parameter by itself\n"
                           : "sees whole tensors\n");
    break;
  }
  case NACRE_KIND_TRANSFORM:
    transform_properties(component->ops, out);
    break;
  default:
    break;
  }
}

void inspect_flags(const nacre_param *param, nacre_text *out) {
  static const struct {
    uint32_t flag;
    const char *text;
  } words[] = {
    { NACRE_PARAM_SCHEDULABLE, "a schedule may drive it" },
    { NACRE_PARAM_PATH, "a path, from the directory of the config" },
    { NACRE_PARAM_ADVANCED, "advanced" },
    { NACRE_PARAM_DEPRECATED, "deprecated" },
  };
  if (param->alias != NULL) {
    nacre_text_printf(out, "also called %s", param->alias);
  }
  for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
    if ((param->flags & words[i].flag) != 0) {
      nacre_text_printf(out, "%s%s", out->n > 0 ? "; " : "", words[i].text);
    }
  }
}
