/* SPDX-License-Identifier: MIT */
/* cifar: the binary files of CIFAR-10 and CIFAR-100,
 * https://www.cs.toronto.edu/~kriz/cifar.html.
 *
 * A record is one label byte (CIFAR-10) or two (CIFAR-100: coarse, fine),
 * then the planes of red, green and blue, 32 rows of 32 bytes each. */
#include "arrays.h"

#include <stdio.h>

#define SIDE 32
#define PLANE ((size_t)SIDE * SIDE)
#define PIXELS (3 * PLANE)
#define CIFAR_PLACE 4400 /* a path, and an offset */

/* Words of `labels`, in its order. */
#define LABELS_CIFAR10 0
#define LABELS_FINE 1

typedef struct cifar_cfg {
  nacre_strings path;
  nacre_enum labels;
} cifar_cfg;

static const char *const names10[] = {
  "airplane", "automobile", "bird",  "cat",  "deer",
  "dog",      "frog",       "horse", "ship", "truck",
};

static const char *const names_fine[] = {
  "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle",
  "bicycle", "bottle", "bowl", "boy", "bridge", "bus", "butterfly", "camel",
  "can", "castle", "caterpillar", "cattle", "chair", "chimpanzee", "clock",
  "cloud", "cockroach", "couch", "crab", "crocodile", "cup", "dinosaur",
  "dolphin", "elephant", "flatfish", "forest", "fox", "girl", "hamster",
  "house", "kangaroo", "keyboard", "lamp", "lawn_mower", "leopard", "lion",
  "lizard", "lobster", "man", "maple_tree", "motorcycle", "mountain",
  "mouse", "mushroom", "oak_tree", "orange", "orchid", "otter", "palm_tree",
  "pear", "pickup_truck", "pine_tree", "plain", "plate", "poppy",
  "porcupine", "possum", "rabbit", "raccoon", "ray", "road", "rocket",
  "rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper", "snail",
  "snake", "spider", "squirrel", "streetcar", "sunflower", "sweet_pepper",
  "table", "tank", "telephone", "television", "tiger", "tractor", "train",
  "trout", "tulip", "turtle", "wardrobe", "whale", "willow_tree", "wolf",
  "woman", "worm",
};

static const char *const names_coarse[] = {
  "aquatic_mammals", "fish", "flowers", "food_containers",
  "fruit_and_vegetables", "household_electrical_devices",
  "household_furniture", "insects", "large_carnivores",
  "large_man-made_outdoor_things", "large_natural_outdoor_scenes",
  "large_omnivores_and_herbivores", "medium_mammals",
  "non-insect_invertebrates", "people", "reptiles", "small_mammals", "trees",
  "vehicles_1", "vehicles_2",
};

/* What a word of `labels` says of the records. */
typedef struct layout {
  size_t labels, label; /* bytes before the pixels; which one is meant */
  int64_t classes;
  const char *const *names;
} layout;

#define COUNT_OF(table) ((int64_t)(sizeof(table) / sizeof((table)[0])))

static const layout layouts[] = {
  { 1, 0, COUNT_OF(names10), names10 },
  { 2, 1, COUNT_OF(names_fine), names_fine },
  { 2, 0, COUNT_OF(names_coarse), names_coarse },
};

/* One file's samples go behind those that are there. x: [n, 32, 32, 3],
 * y: [n] */
static int take_records(const layout *as, const char *path,
                        const nacre_bytes *file, size_t n, uint8_t *x,
                        uint8_t *y, nacre_fail *fail) {
  size_t record = as->labels + PIXELS;
  for (size_t i = 0; i < n; i++) {
    const uint8_t *at = (const uint8_t *)file->at + i * record;
    const uint8_t *plane = at + as->labels;
    uint8_t *pixel = x + i * PIXELS;
    y[i] = at[as->label];
    if (y[i] >= as->classes) {
      char place[CIFAR_PLACE];
      snprintf(place, sizeof(place), "%s@%zu", path, i * record + as->label);
      fail->fail(fail, place, "label %u of record %zu is not one of %lld "
                              "classes", (unsigned)y[i], i,
                 (long long)as->classes);
      return NACRE_ERROR;
    }
    for (size_t p = 0; p < PLANE; p++) {
      pixel[3 * p] = plane[p];
      pixel[3 * p + 1] = plane[PLANE + p];
      pixel[3 * p + 2] = plane[2 * PLANE + p];
    }
  }
  return NACRE_OK;
}

static int grow(const nacre_host *host, arrays_array *array, size_t count,
                size_t size, nacre_fail *fail) {
  void *grown = host->resize(array->block.at, count, size);
  if (grown == NULL) {
    return arrays_no_memory(fail);
  }
  array->block.at = grown;
  return NACRE_OK;
}

static int check_size(const layout *as, const char *path, size_t bytes,
                      nacre_fail *fail) {
  size_t record = as->labels + PIXELS;
  if (bytes == 0) {
    fail->fail(fail, path, "the file is empty");
    return NACRE_ERROR;
  }
  if (bytes % record != 0) {
    char place[CIFAR_PLACE];
    snprintf(place, sizeof(place), "%s@%zu", path, bytes - bytes % record);
    fail->fail(fail, place, "%zu bytes, which are no whole number of records "
                            "of %zu: the last has %zu", bytes, record,
               bytes % record);
    return NACRE_ERROR;
  }
  return NACRE_OK;
}

static int add_file(arrays_source *self, const layout *as, const char *path,
                    size_t *count, nacre_fail *fail) {
  arrays_array *x = &self->array[0], *y = &self->array[1];
  nacre_bytes file = { NULL, 0 };
  if (self->host->read_file(self->host, path, 0, fail, &file) != NACRE_OK) {
    return NACRE_ERROR;
  }
  size_t n = file.n / (as->labels + PIXELS);
  int status = check_size(as, path, file.n, fail);
  if (status == NACRE_OK) {
    status = grow(self->host, x, *count + n, PIXELS, fail);
  }
  if (status == NACRE_OK) {
    status = grow(self->host, y, *count + n, 1, fail);
  }
  if (status == NACRE_OK) {
    status = take_records(as, path, &file, n,
                          (uint8_t *)x->block.at + *count * PIXELS,
                          (uint8_t *)y->block.at + *count, fail);
    *count += n;
  }
  self->host->free(file.at);
  return status;
}

static void describe(arrays_source *self, const layout *as, size_t count,
                     bool targets) {
  static const nacre_shape pixels = { { SIDE, SIDE, 3, 0, 0, 0 }, 3,
                                      NACRE_REAL };
  static const nacre_shape scalar = { { 0, 0, 0, 0, 0, 0 }, 0, NACRE_REAL };
  self->array[0].field = (nacre_field){ .name = "x", .shape = pixels };
  self->array[1].field = (nacre_field){
    .name = "y", .shape = scalar,
    .flags = NACRE_FIELD_TARGET | NACRE_FIELD_INDEX, .classes = as->classes,
    .class_names = as->names
  };
  for (uint32_t i = 0; i < 2; i++) {
    arrays_array *array = &self->array[i];
    array->at = array->block.at;
    array->type = ARRAYS_U8;
    array->count = (int64_t)count;
    self->field[i] = array->field;
  }
  self->count = (int64_t)count;
  if (!targets) {
    self->host->free(self->array[1].block.at);
    self->arrays = 1;
  }
}

static int cifar_open(const nacre_source_open *open, void **out) {
  const cifar_cfg *cfg = open->cfg;
  const layout *as = &layouts[cfg->labels.value];
  bool targets = (open->flags & NACRE_OPEN_PREDICT) == 0;
  size_t count = 0;
  arrays_source *self = arrays_new(open->host, 2);
  if (self == NULL) {
    return arrays_no_memory(open->fail);
  }
  self->arrays = 2;
  for (int64_t i = 0; i < cfg->path.n; i++) {
    if (add_file(self, as, cfg->path.at[i], &count, open->fail) !=
        NACRE_OK) {
      arrays_close(self);
      return NACRE_ERROR;
    }
  }
  if (count == 0) {
    open->fail->fail(open->fail, NULL, "'path' names no file");
    arrays_close(self);
    return NACRE_ERROR;
  }
  describe(self, as, count, targets);
  *out = self;
  return NACRE_OK;
}

static const nacre_param params[] = {
  NACRE_PARAM(cifar_cfg, path, NULL, NULL, "",
              "The file, or several whose samples follow one another; "
              "compressed or not.", NACRE_PARAM_PATH),
  NACRE_PARAM(cifar_cfg, labels, "cifar10", "cifar10|fine|coarse", "",
              "Records of CIFAR-10 with their one label, or of CIFAR-100 "
              "with the label of their class (fine) or superclass (coarse).",
              0),
};

static const nacre_source_ops ops = ARRAYS_OPS(cifar_open);

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_SOURCE,
  .contract = 1,
  .name = "cifar",
  .summary = "CIFAR-10 and CIFAR-100, in their binary form",
  .doc = "Images of shape [32, 32, 3] with values 0 to 255, which stay in "
         "memory as bytes; targets are class indices with the names of the "
         "data set.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(cifar_cfg),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(cifar, component)
