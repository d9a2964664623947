/* SPDX-License-Identifier: MIT */
/* state_identity: what must be the same where a training goes on: the
 * experiment, its data, and the layout of what components keep. */
#include "train/state.h"

#include <stdio.h>
#include <string.h>

#define PREFIX "identity."
#define CONFIG "config."
/* Of the layout of states as this file and state.c write them. */
#define LAYOUT 1
/* Samples of a data set that are looked at, spread over it. */
#define SAMPLES 16

/* Keys of a config that change nothing that is computed, or say where things
 * are rather than what they are; the data are compared as such. */
static const char *const free_top[] = { "nacre", "name", "extends", "vars",
                                        "blocks", "memory", NULL };
static const char *const free_train[] = { "epochs", "checkpoint", NULL };
static const char *const free_data[] = { "train", "validation", "test",
                                         "workers", "prefetch", NULL };

static bool is_listed(const char *const *list, const char *word) {
  for (; *list != NULL; list++) {
    if (strcmp(*list, word) == 0) {
      return true;
    }
  }
  return false;
}

static void add_text(nacre_hash *hash, const char *text) {
  nacre_hash_add(hash, text, strlen(text));
}

static void add_int(nacre_hash *hash, int64_t value) {
  unsigned char bytes[8];
  for (int i = 0; i < 8; i++) {
    bytes[i] = (unsigned char)((uint64_t)value >> (8 * i));
  }
  nacre_hash_add(hash, bytes, sizeof(bytes));
}

/* A tree by what it says, however it was written. `spared`: keys of this map
 * that do not count. The depth of a config's tree is limited. */
static void add_node(nacre_hash *hash, const nacre_node *node,
                     const char *const *spared) {
  add_int(hash, (int64_t)node->kind);
  if (node->kind == NACRE_NODE_SCALAR) {
    add_text(hash, node->text);
    return;
  }
  for (const nacre_node *item = node->first; item != NULL;
       item = item->next) {
    if (item->key != NULL) {
      if (spared != NULL && is_listed(spared, item->key->text)) {
        continue;
      }
      add_text(hash, item->key->text);
    }
    add_node(hash, item, NULL);
  }
  add_text(hash, "end");
}

static void add_shape(nacre_hash *hash, const nacre_shape *shape) {
  add_int(hash, shape->rank);
  for (int i = 0; i < shape->rank; i++) {
    add_int(hash, shape->dim[i]);
  }
}

/* Some samples of a field: all would take as long as reading the data. */
static int add_samples(nacre_hash *hash, const nacre_dataset *set, int field,
                       nacre_error *error) {
  int64_t n = set->count < SAMPLES ? set->count : SAMPLES;
  int64_t count = nacre_shape_count(&set->field[field].shape);
  nacre_place place = nacre_node_place(set->choice->node);
  nacre_error_fail fail;
  real *values = nacre_alloc((size_t)count, sizeof(real));
  if (values == NULL) {
    return nacre_no_memory(error);
  }
  int status = NACRE_OK;
  for (int64_t i = 0; i < n && status == NACRE_OK; i++) {
    int64_t row = n > 1 ? (set->count - 1) / (n - 1) * i : 0;
    status = set->ops->read(
      set->self, (uint32_t)field, &row, 1, values,
      nacre_error_fail_init(&fail, error, NACRE_EDATA, &place));
    nacre_hash_add(hash, values, (size_t)count * sizeof(real));
  }
  nacre_free(values);
  return status;
}

static int add_set(nacre_hash *hash, const nacre_dataset *set,
                   nacre_error *error) {
  int status = NACRE_OK;
  add_int(hash, set->n_fields);
  add_int(hash, set->count);
  for (int i = 0; i < set->n_fields && status == NACRE_OK; i++) {
    add_text(hash, set->field[i].name);
    add_shape(hash, &set->field[i].shape);
    status = add_samples(hash, set, i, error);
  }
  return status;
}

static void add_split(nacre_hash *hash, const nacre_split *split) {
  add_int(hash, split->n);
  if (split->row != NULL) {
    nacre_hash_add(hash, split->row,
                   (size_t)split->n * sizeof(*split->row));
  }
}

static int hash_data(const nacre_trainer *trainer, nacre_hash *hash) {
  const nacre_samples *samples = &trainer->samples;
  nacre_error *error = trainer->experiment->error;
  int status = NACRE_OK;
  add_int(hash, trainer->batches);
  for (int i = 0; i < 2 && status == NACRE_OK; i++) { /* not the test's */
    if (samples->set[i].self != NULL) {
      status = add_set(hash, &samples->set[i], error);
    }
  }
  add_split(hash, &samples->train);
  add_split(hash, &samples->validation);
  for (int i = 0; i < samples->n_pipes; i++) {
    const nacre_pipe *pipe = &samples->pipe[i];
    for (int j = 0; j < pipe->n_stages; j++) {
      nacre_hash_add(hash, pipe->stage[j].state,
                     (size_t)pipe->stage[j].state_count * sizeof(double));
    }
  }
  return status;
}

static void add_component(nacre_hash *hash, const nacre_trainer *trainer,
                          const nacre_component *component, size_t size) {
  const nacre_module *module =
    nacre_registry_module(trainer->experiment->registry, component);
  add_text(hash, component->name);
  add_text(hash, module != NULL ? module->name : "");
  add_text(hash, module != NULL ? module->version : "");
  add_int(hash, (int64_t)size);
}

/* Those whose private state is kept as bytes, which only the same module
 * understands, and the optimizer, which names its slots. */
static void hash_components(const nacre_trainer *trainer, nacre_hash *hash) {
  const nacre_measure *measure = &trainer->training.measure;
  for (int i = 0; i < measure->n_metrics; i++) {
    add_component(hash, trainer, measure->metric[i].cfg->choice.component,
                  measure->metric[i].state_size);
  }
  for (int i = 0; i < trainer->n_callbacks; i++) {
    add_component(hash, trainer, trainer->callback[i].choice->component,
                  trainer->callback[i].ops->state_size);
  }
  add_component(hash, trainer,
                trainer->experiment->optimizer.optimizer.component,
                trainer->optimizer.n_slots);
}

static void hash_program(nacre_hash *hash) {
  const uint16_t order = 0x0102;
  add_int(hash, LAYOUT);
  add_int(hash, NACRE_ABI_MAJOR);
  add_int(hash, (int64_t)sizeof(real));
  nacre_hash_add(hash, &order, sizeof(order));
}

const char *nacre_state_precision(void) {
  return sizeof(real) == sizeof(double) ? "double" : "float";
}

const nacre_identity *nacre_state_identity(nacre_trainer *trainer) {
  nacre_experiment *experiment = trainer->experiment;
  nacre_arena *arena = experiment->ctx.arena;
  const nacre_node *root = experiment->tree->root;
  if (trainer->identity != NULL) {
    return trainer->identity;
  }
  nacre_identity *list = nacre_arena_alloc(arena, (size_t)root->count + 4,
                                           sizeof(*list));
  int n = 0;
  if (list == NULL) {
    nacre_no_memory(experiment->error);
    return NULL;
  }
  list[n].name = "program";
  hash_program(&list[n++].hash);
  for (const nacre_node *item = root->first; item != NULL;
       item = item->next) {
    const char *key = item->key->text;
    if (is_listed(free_top, key) || strncmp(key, "x-", 2) == 0) {
      continue;
    }
    list[n].name = nacre_arena_format(arena, CONFIG "%s", key);
    if (list[n].name == NULL) {
      nacre_no_memory(experiment->error);
      return NULL;
    }
    add_node(&list[n++].hash, item,
             strcmp(key, "train") == 0  ? free_train
             : strcmp(key, "data") == 0 ? free_data
                                        : NULL);
  }
  list[n].name = "components";
  hash_components(trainer, &list[n++].hash);
  list[n].name = "data";
  if (hash_data(trainer, &list[n].hash) != NACRE_OK) {
    return NULL;
  }
  trainer->identity = list;
  return list;
}

/* Comparing. */

static int differs(const nacre_tensors *tensors, const char *name,
                   const char *path, nacre_error *error) {
  nacre_place place = { .file = path };
  const char *precision = nacre_tensors_text(tensors, "nacre.precision");
  if (strcmp(name, "program") == 0 && precision != NULL &&
      strcmp(precision, nacre_state_precision()) != 0) {
    return nacre_error_add(error, NACRE_EMODEL, &place,
                           "this checkpoint was written by a nacre that "
                           "computes in %s precision, this one computes in "
                           "%s", precision, nacre_state_precision());
  }
  if (strcmp(name, "program") == 0) {
    return nacre_error_add(error, NACRE_EMODEL, &place,
                           "this checkpoint was written by a nacre with "
                           "another plugin ABI or on another kind of "
                           "machine");
  }
  if (strcmp(name, "components") == 0) {
    return nacre_error_add(error, NACRE_EMODEL, &place,
                           "this checkpoint was written with other versions "
                           "of the metrics, the callbacks or the optimizer");
  }
  if (strcmp(name, "data") == 0) {
    return nacre_error_add(error, NACRE_EMODEL, &place,
                           "the data are not those that this checkpoint was "
                           "trained on");
  }
  return nacre_error_add(error, NACRE_EMODEL, &place,
                         "the experiment's '%s' is not what it was when this "
                         "checkpoint was written",
                         name + strlen(CONFIG));
}

static const nacre_entry *find_identity(const nacre_tensors *tensors,
                                        const char *name) {
  char text[512];
  int n = snprintf(text, sizeof(text), PREFIX "%s", name);
  return n > 0 && n < (int)sizeof(text) ? nacre_tensors_find(tensors, text)
                                        : NULL;
}

int nacre_state_compare(nacre_trainer *trainer, const nacre_tensors *tensors,
                        const char *path, nacre_error *error) {
  const nacre_identity *identity = nacre_state_identity(trainer);
  if (identity == NULL) {
    return NACRE_ERROR;
  }
  for (int i = 0; identity[i].name != NULL; i++) {
    const nacre_entry *entry = find_identity(tensors, identity[i].name);
    if (entry == NULL || entry->shape.dtype != NACRE_I64 ||
        nacre_shape_count(&entry->shape) != 2 ||
        memcmp(entry->data, identity[i].hash.word, 16) != 0) {
      return differs(tensors, identity[i].name, path, error);
    }
  }
  /* What the experiment has ceased to say. */
  for (int i = 0; i < tensors->n_entries; i++) {
    const char *name = tensors->entry[i].name;
    bool known = strncmp(name, PREFIX, strlen(PREFIX)) != 0;
    for (int j = 0; identity[j].name != NULL && !known; j++) {
      known = strcmp(identity[j].name, name + strlen(PREFIX)) == 0;
    }
    if (!known) {
      return differs(tensors, name + strlen(PREFIX), path, error);
    }
  }
  return NACRE_OK;
}
