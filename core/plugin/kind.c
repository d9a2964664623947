/* SPDX-License-Identifier: MIT */
/* kind: the names of the kinds of components, and of their folders. */
#include "registry.h"

#include <string.h>

static const struct {
  const char *name, *folder;
} kinds[NACRE_KIND_COUNT] = {
  [NACRE_KIND_LAYER] = { "layer", "layers" },
  [NACRE_KIND_ACTIVATION] = { "activation", "activations" },
  [NACRE_KIND_LOSS] = { "loss", "losses" },
  [NACRE_KIND_OPTIMIZER] = { "optimizer", "optimizers" },
  [NACRE_KIND_METRIC] = { "metric", "metrics" },
  [NACRE_KIND_INITIALIZER] = { "initializer", "initializers" },
  [NACRE_KIND_REGULARIZER] = { "regularizer", "regularizers" },
  [NACRE_KIND_CONSTRAINT] = { "constraint", "constraints" },
  [NACRE_KIND_SCHEDULE] = { "schedule", "schedules" },
  [NACRE_KIND_SOURCE] = { "source", "sources" },
  [NACRE_KIND_TRANSFORM] = { "transform", "transforms" },
  [NACRE_KIND_CALLBACK] = { "callback", "callbacks" },
  [NACRE_KIND_DEVICE] = { "device", "devices" },
  [NACRE_KIND_CODEC] = { "codec", "codecs" },
  [NACRE_KIND_ARCHIVE] = { "archive", "archives" },
  [NACRE_KIND_IMAGE] = { "image", "images" },
  [NACRE_KIND_SOUND] = { "sound", "sounds" },
};

const char *nacre_kind_name(uint32_t kind) {
  bool known = kind > 0 && kind < NACRE_KIND_COUNT;
  return known ? kinds[kind].name : "component";
}

const char *nacre_kind_folder(uint32_t kind) {
  bool known = kind > 0 && kind < NACRE_KIND_COUNT;
  return known ? kinds[kind].folder : "components";
}

uint32_t nacre_kind_from_name(const char *name) {
  for (uint32_t kind = 1; kind < NACRE_KIND_COUNT; kind++) {
    if (strcmp(name, kinds[kind].name) == 0 ||
        strcmp(name, kinds[kind].folder) == 0) {
      return kind;
    }
  }
  return 0;
}
