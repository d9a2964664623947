/* SPDX-License-Identifier: MIT */
/* image_directory: images in folders of their classes, as Keras's
 * image_dataset_from_directory reads them.
 *
 * Images are decoded when they are first read, by whichever thread reads
 * them, and stay decoded, as bytes, while there is room for them. */
#include "directory.h"
#include "image.h"

#include <stdatomic.h>
#include <string.h>

#define KEEP_UNIT ((size_t)1 << 20)
#define HEADER_TRUST 4096 /* decoded bytes that a byte of a file may make */
#define HEADER_FREE ((int64_t)1 << 22)

typedef struct image_cfg {
  directory_cfg from;
  nacre_ints image_size;
  nacre_enum color_mode, interpolation;
  bool crop_to_aspect_ratio;
  int64_t keep_decoded;
} image_cfg;

/* A decoded image: its bytes, or the values that were made of them, whichever
 * is less. */
typedef struct kept {
  int64_t height, width;
  bool resized;
  real at[]; /* or bytes */
} kept;

typedef _Atomic(kept *) slot;

typedef struct image_source {
  directory from;
  int64_t height, width;
  int32_t channels, interpolation;
  bool crop;
  slot *slot;         /* [count] */
  atomic_size_t used;
  size_t most;        /* bytes that may be kept */
} image_source;

static const int32_t channels_of[] = { 3, 1, 4 }; /* words of color_mode */

/* --- reading --- */

static const nacre_image_ops *find_decoder(const directory *from,
                                           const nacre_bytes *file) {
  for (uint32_t i = 0; i < from->formats; i++) {
    const nacre_image_ops *ops = from->format[i]->ops;
    if (ops->probe(file->at, file->n)) {
      return ops;
    }
  }
  return NULL;
}

/* A few bytes must not claim gigabytes. */
static int check_header(const nacre_image *image, size_t n,
                        nacre_fail *fail) {
  int64_t pixels = image->height * image->width; /* both are below 2^31 */
  if (pixels > INT64_MAX / 8 ||
      (pixels * 4 > HEADER_FREE &&
       (uint64_t)pixels / HEADER_TRUST > (uint64_t)n)) {
    fail->fail(fail, NULL, "its header says %lld x %lld pixels, more than a "
                           "file of %zu bytes can hold",
               (long long)image->width, (long long)image->height, n);
    return NACRE_ERROR;
  }
  return NACRE_OK;
}

/* An image in the channels that are wanted; the caller frees it. NULL: it
 * has failed. */
static kept *decode(const image_source *self, const nacre_bytes *file,
                    nacre_fail *fail) {
  const nacre_host *host = self->from.host;
  const nacre_image_ops *ops = find_decoder(&self->from, file);
  nacre_image image = { 0, 0, 0, 0 };
  if (ops == NULL) {
    fail->fail(fail, NULL, file->n == 0 ? "the file is empty"
                                        : "not an image of a known format");
    return NULL;
  }
  if (ops->info(host, file->at, file->n, &image, fail) != NACRE_OK ||
      check_header(&image, file->n, fail) != NACRE_OK) {
    return NULL;
  }
  int32_t room = image.channels > self->channels ? image.channels
                                                 : self->channels;
  int64_t pixels = image.height * image.width;
  kept *out = host->alloc(1, sizeof(*out) + (size_t)(pixels * room));
  if (out == NULL) {
    directory_no_memory(fail);
    return NULL;
  }
  out->height = image.height;
  out->width = image.width;
  uint8_t *at = (uint8_t *)out->at;
  if (ops->decode(host, file->at, file->n, &image, at, fail) != NACRE_OK) {
    host->free(out);
    return NULL;
  }
  image_convert(at, pixels, image.channels, self->channels);
  return out;
}

/* out: [height, width, channels] */
static int show(const image_source *self, const kept *image, real *out) {
  size_t count = (size_t)(self->height * self->width * self->channels);
  if (image->resized) {
    memcpy(out, image->at, count * sizeof(*out));
    return NACRE_OK;
  }
  image_view view = { (const uint8_t *)image->at, image->height, image->width,
                      image->width * self->channels, self->channels, 0 };
  if (self->crop) {
    view = image_crop(&view, self->height, self->width);
  }
  return image_resize(self->from.host, &view, self->interpolation,
                      self->height, self->width, out);
}

/* The room that is left, `bytes` of it taken; false: there is too little. */
static bool take_room(image_source *self, size_t bytes) {
  size_t used = atomic_load(&self->used);
  do {
    if (bytes > self->most - used) {
      return false;
    }
  } while (!atomic_compare_exchange_weak(&self->used, &used, used + bytes));
  return true;
}

/* Gives an image to those who read it later, or frees it. values: what was
 * made of it, [height, width, channels] */
static void keep(image_source *self, int64_t sample, kept *image,
                 const real *values) {
  const nacre_host *host = self->from.host;
  size_t bytes = (size_t)(image->height * image->width * self->channels);
  size_t resized = (size_t)(self->height * self->width * self->channels) *
                   sizeof(real);
  bool smaller = resized < bytes;
  size_t size = sizeof(kept) + (smaller ? resized : bytes);
  kept *none = NULL;
  if (!take_room(self, size)) {
    host->free(image);
    return;
  }
  /* Cut to size, or to what was made of it. */
  kept *fitted = host->resize(image, 1, size);
  if (fitted == NULL) {
    host->free(image);
    atomic_fetch_sub(&self->used, size);
    return;
  }
  if (smaller) {
    fitted->resized = true;
    memcpy(fitted->at, values, resized);
  }
  if (!atomic_compare_exchange_strong(&self->slot[sample], &none, fitted)) {
    host->free(fitted); /* another thread was first, with the same */
    atomic_fetch_sub(&self->used, size);
  }
}

static int read_image(image_source *self, int64_t sample, real *out,
                      nacre_fail *fail) {
  directory_file_fail inner;
  nacre_bytes file = { NULL, 0 };
  const kept *known =
    atomic_load_explicit(&self->slot[sample], memory_order_acquire);
  if (known != NULL) {
    return show(self, known, out) == NACRE_OK ? NACRE_OK
                                              : directory_no_memory(fail);
  }
  if (directory_fetch(&self->from, sample, fail, &file) != NACRE_OK) {
    return NACRE_ERROR;
  }
  kept *image = decode(self, &file, directory_fail_init(&inner, &self->from,
                                                        sample, fail));
  directory_release(&self->from, sample, &file);
  if (image == NULL) {
    return NACRE_ERROR;
  }
  if (show(self, image, out) != NACRE_OK) {
    self->from.host->free(image);
    return directory_no_memory(fail);
  }
  keep(self, sample, image, out);
  return NACRE_OK;
}

/* out: [n, field.shape] */
static int image_read(const void *opened, uint32_t field,
                      const int64_t *rows, int64_t n, real *out,
                      nacre_fail *fail) {
  /* What changes are the kept images, by atomic operations alone. */
  image_source *self = (image_source *)(uintptr_t)opened;
  int64_t count = self->height * self->width * self->channels;
  if (field > 0) {
    directory_read(&self->from, field, rows, n, out);
    return NACRE_OK;
  }
  for (int64_t i = 0; i < n; i++) {
    if (read_image(self, rows[i], out + i * count, fail) != NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  return NACRE_OK;
}

/* --- opening --- */

static void image_close(void *opened) {
  image_source *self = opened;
  if (self != NULL) {
    const nacre_host *host = self->from.host;
    for (int64_t i = 0; self->slot != NULL && i < self->from.count; i++) {
      host->free(atomic_load(&self->slot[i]));
    }
    host->free((void *)self->slot);
    directory_close(&self->from);
    host->free(self);
  }
}

static int configure(image_source *self, const image_cfg *cfg,
                     nacre_fail *fail) {
  const nacre_ints *size = &cfg->image_size;
  if (size->n != 1 && size->n != 2) {
    fail->fail(fail, NULL, "image_size: expected a height and a width, got "
                           "%lld numbers", (long long)size->n);
    return NACRE_ERROR;
  }
  self->height = size->at[0];
  self->width = size->at[size->n - 1];
  self->channels = channels_of[cfg->color_mode.value];
  self->interpolation = cfg->interpolation.value;
  self->crop = cfg->crop_to_aspect_ratio;
  self->most = (uint64_t)cfg->keep_decoded <= SIZE_MAX / KEEP_UNIT
    ? (size_t)cfg->keep_decoded * KEEP_UNIT : SIZE_MAX;
  return NACRE_OK;
}

static int image_open(const nacre_source_open *open, void **out) {
  const image_cfg *cfg = open->cfg;
  const nacre_host *host = open->host;
  image_source *self = host->alloc(1, sizeof(*self));
  if (self == NULL) {
    return directory_no_memory(open->fail);
  }
  atomic_init(&self->used, 0);
  int status = configure(self, cfg, open->fail);
  self->from.host = host;
  if (status == NACRE_OK) {
    status = directory_open(&self->from, open, &cfg->from, NACRE_KIND_IMAGE,
                            "image");
  }
  if (status == NACRE_OK) {
    self->slot = host->alloc((size_t)self->from.count, sizeof(*self->slot));
    status = self->slot != NULL ? NACRE_OK : directory_no_memory(open->fail);
  }
  if (status != NACRE_OK) {
    image_close(self);
    return NACRE_ERROR;
  }
  self->from.field[0].shape = (nacre_shape){
    { self->height, self->width, self->channels, 0, 0, 0 }, 3, NACRE_REAL
  };
  *out = self;
  return NACRE_OK;
}

static int64_t image_count(const void *opened) {
  const image_source *self = opened;
  return self->from.count;
}

static nacre_span image_fields(const void *opened) {
  const image_source *self = opened;
  nacre_span span = { self->from.field, self->from.fields,
                      (uint32_t)sizeof(*self->from.field) };
  return span;
}

static int image_state(const void *opened, const nacre_host *host,
                       nacre_bytes *out) {
  const image_source *self = opened;
  (void)host;
  return directory_state(&self->from, out);
}

static const nacre_param params[] = {
  DIRECTORY_PARAMS(image_cfg),
  NACRE_PARAM(image_cfg, image_size, "[256, 256]", "[1,65536]", "pixels",
              "Height and width that images are brought to; one number for "
              "both.", 0),
  NACRE_PARAM(image_cfg, color_mode, "rgb", "rgb|grayscale|rgba", "",
              "Channels of the images: 3, 1 or 4.", 0),
  NACRE_PARAM(image_cfg, interpolation, "bilinear",
              "bilinear|nearest|bicubic|area", "",
              "How images of another size are brought to image_size; area "
              "takes the mean of what becomes one pixel.", 0),
  NACRE_PARAM(image_cfg, crop_to_aspect_ratio, "false", NULL, "",
              "Cut from the middle what has the proportions of image_size; "
              "false: distort.", 0),
  NACRE_PARAM(image_cfg, keep_decoded, "256", "[0,1048576]", "MiB",
              "Memory for decoded images; those beyond it are decoded each "
              "time they are read.", NACRE_PARAM_ADVANCED),
};

static const nacre_source_ops ops = {
  .size = sizeof(nacre_source_ops),
  .open = image_open,
  .close = image_close,
  .count = image_count,
  .fields = image_fields,
  .read = image_read,
  .state = image_state,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_SOURCE,
  .contract = 1,
  .name = "image_directory",
  .summary = "Images in folders of their classes, or in an archive of these",
  .doc = "Every image below a folder, in any depth, has the class that the "
         "folder is called; classes are sorted by name in byte order. Files "
         "are taken by their suffix and decoded by what is in them: PNG, "
         "JPEG and PNM, as far as their plugins are there. Images are "
         "[height, width, channels] with values 0 to 255; bytes are grey "
         "0.299 R + 0.587 G + 0.114 B. Resizing gives TensorFlow's numbers "
         "(without antialiasing), and cropping Keras's.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(image_cfg),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(image_directory, component)
