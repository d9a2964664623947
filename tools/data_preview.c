/* SPDX-License-Identifier: MIT */
/* data_preview: training samples as the network sees them. */
#include "data.h"
#include "table.h"

#include "base/random.h"
#include "run/fetch.h"
#include "train/train.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define IMAGES 64 /* samples that are shown unless told otherwise */
#define ROWS 10
#define NUMBERS 10 /* of a row of text */
#define TILE_LEAST 64
#define TILE_MOST 512
#define GAP 2
#define TAG_PREVIEW 12u

/* The samples, fetched. */
typedef struct preview {
  nacre_trainer trainer;
  int64_t n;
  int64_t *position;
  real **data;   /* [channels]: [n, count] */
  real *weight;  /* [n] */
  int image;     /* the channel that holds images; -1: none */
} preview;

/* A channel as images. */
typedef struct frame {
  int64_t height, width, channels;
  int64_t grow, skip; /* a pixel becomes grow x grow; every skip-th is used */
  int64_t tile_height, tile_width;
} frame;

static bool is_image(const nacre_shape *shape) {
  return (shape->rank == 3 && shape->dim[2] <= 4) ||
         (shape->rank == 2 && shape->dim[0] > 3 && shape->dim[1] > 3);
}

static const nacre_shape *shape_of(const nacre_channel *channel) {
  /* Images may be read as they are and flattened by nobody. */
  return &channel->pipe->shape;
}

static int find_image(const nacre_feed *feed) {
  for (int i = 0; i < feed->n_channels; i++) {
    if (feed->channel[i].input >= 0 && is_image(shape_of(&feed->channel[i]))) {
      return i;
    }
  }
  return -1;
}

static int draw_samples(preview *self, const cli_args *args,
                        nacre_error *error) {
  nacre_feed *feed = &self->trainer.training.feed;
  int64_t most = feed->split->n;
  self->image = find_image(feed);
  self->n = args->samples > 0 ? args->samples
                              : self->image >= 0 ? IMAGES : ROWS;
  self->n = self->n < most ? self->n : most;
  self->position = nacre_alloc((size_t)most, sizeof(*self->position));
  self->data = nacre_alloc((size_t)feed->n_channels, sizeof(*self->data));
  self->weight = nacre_alloc((size_t)self->n, sizeof(*self->weight));
  if (self->position == NULL || self->data == NULL || self->weight == NULL) {
    return nacre_no_memory(error);
  }
  for (int64_t i = 0; i < most; i++) {
    self->position[i] = i;
  }
  nacre_random_draw(nacre_key_make(self->trainer.experiment->seed, "preview",
                                   TAG_PREVIEW),
                    most, self->n, self->position);
  for (int i = 0; i < feed->n_channels; i++) {
    self->data[i] = nacre_alloc(
      (size_t)self->n, (size_t)feed->channel[i].count * sizeof(real));
    if (self->data[i] == NULL) {
      return nacre_no_memory(error);
    }
  }
  return nacre_fetch(feed, &feed->room, self->position, self->n,
                     self->trainer.augment, self->data, self->weight, error);
}

/* Targets. */

static void write_class(const nacre_field *field, int64_t class, char *out,
                        size_t room) {
  if (field->class_names != NULL && class < field->classes) {
    snprintf(out, room, "%s", field->class_names[class]);
  } else {
    snprintf(out, room, "%" PRId64, class);
  }
}

/* "cat", "0.62 cat + 0.38 dog", "3.5", "[0.5, 0.25, ...]". */
static void write_target(const nacre_channel *channel, const real *y,
                         char *out, size_t room) {
  const nacre_pipe *pipe = channel->pipe;
  char name[64];
  double sum = 0;
  bool shares = channel->count > 1 &&
                (pipe->field.flags & NACRE_FIELD_INDEX) != 0 &&
                channel->count == pipe->field.classes;
  for (int64_t i = 0; i < channel->count; i++) {
    sum += (double)y[i];
    shares = shares && y[i] >= 0;
  }
  if (channel->count == 1 && (pipe->flags & NACRE_FIELD_INDEX) != 0 &&
      y[0] >= 0) {
    write_class(&pipe->field, (int64_t)y[0], out, room);
    return;
  }
  size_t at = 0;
  out[0] = '\0';
  shares = shares && fabs(sum - 1) < 1e-3;
  for (int64_t i = 0; i < channel->count && at + 80 < room; i++) {
    if (shares && y[i] > (real)0.995) {
      write_class(&pipe->field, i, out, room);
      return;
    }
    if (shares && y[i] >= (real)0.005) {
      write_class(&pipe->field, i, name, sizeof(name));
      at += (size_t)snprintf(out + at, room - at, "%s%.2f %s",
                             at > 0 ? " + " : "", (double)y[i], name);
    } else if (!shares) {
      at += (size_t)snprintf(out + at, room - at, "%s%.4g",
                             i > 0 ? " " : "", (double)y[i]);
    }
  }
}

/* The sheet. */

static frame frame_of(const nacre_shape *shape) {
  frame f = { shape->dim[0], shape->dim[1],
              shape->rank == 3 ? shape->dim[2] : 1, 1, 1, 0, 0 };
  int64_t longest = f.height > f.width ? f.height : f.width;
  while (longest * f.grow < TILE_LEAST) {
    f.grow++;
  }
  while (longest / f.skip > TILE_MOST) {
    f.skip++;
  }
  f.tile_height = (f.height + f.skip - 1) / f.skip * f.grow;
  f.tile_width = (f.width + f.skip - 1) / f.skip * f.grow;
  return f;
}

/* Where black and white are: 0 to 1 or 0 to 255 if that holds all values. */
static void find_range(const real *x, int64_t n, double *low, double *high) {
  *low = *high = (double)x[0];
  for (int64_t i = 1; i < n; i++) {
    *low = fmin(*low, (double)x[i]);
    *high = fmax(*high, (double)x[i]);
  }
  if (*low >= 0 && *high <= 255) {
    *low = 0;
    *high = *high <= 1 ? 1 : 255;
  }
}

static uint8_t shade(double value, double low, double high) {
  double part = high > low ? (value - low) / (high - low) : 0;
  return (uint8_t)(255 * fmin(fmax(part, 0), 1) + 0.5);
}

/* x: [height, width, channels]; to: the tile's first pixel */
static void paint(const frame *f, const real *x, double low, double high,
                  int colours, int64_t stride, uint8_t *to) {
  for (int64_t i = 0; i < f->tile_height; i++) {
    for (int64_t j = 0; j < f->tile_width; j++) {
      const real *pixel =
        x + (i / f->grow * f->skip * f->width + j / f->grow * f->skip) *
              f->channels;
      for (int c = 0; c < colours; c++) {
        to[i * stride + j * colours + c] =
          shade((double)pixel[c], low, high);
      }
    }
  }
}

static const nacre_image_ops *find_writer(const cli_args *args,
                                          cli_session *session) {
  const char *slash = strrchr(args->output, '/');
  const char *dot = strrchr(slash != NULL ? slash : args->output, '.');
  nacre_place place = { .file = args->output };
  const nacre_component *format = dot != NULL && dot[1] != '\0'
    ? nacre_registry_find(session->registry, NACRE_KIND_IMAGE, dot + 1, NULL,
                          0, &session->error)
    : NULL;
  const nacre_image_ops *ops = format != NULL ? format->ops : NULL;
  if ((ops == NULL || ops->encode == NULL) && session->error.errors == 0) {
    nacre_error_add(&session->error, NACRE_EUSAGE, &place,
                    "no plugin writes images of this kind");
    nacre_error_hint(&session->error, "a name that ends in .png, if the "
                                      "plugin images/png was built");
  }
  return ops != NULL && ops->encode != NULL ? ops : NULL;
}

static int write_file(const char *path, const nacre_bytes *bytes,
                      nacre_error *error) {
  nacre_writer *writer = nacre_writer_open(path, error);
  if (writer == NULL) {
    return NACRE_ERROR;
  }
  if (nacre_writer_put(writer, bytes->at, bytes->n, error) != NACRE_OK) {
    nacre_writer_abandon(writer);
    return NACRE_ERROR;
  }
  return nacre_writer_commit(writer, error);
}

static int64_t columns_of(int64_t n) {
  int64_t columns = 1;
  while (columns * columns < n) {
    columns++;
  }
  return columns;
}

static int write_sheet(const preview *self, const cli_args *args,
                       cli_session *session) {
  const nacre_channel *channel =
    &self->trainer.training.feed.channel[self->image];
  const nacre_image_ops *ops = find_writer(args, session);
  if (ops == NULL) {
    return NACRE_ERROR;
  }
  const real *x = self->data[self->image];
  frame f = frame_of(shape_of(channel));
  int64_t columns = columns_of(self->n);
  int64_t rows = (self->n + columns - 1) / columns;
  int colours = f.channels >= 3 ? 3 : 1;
  nacre_image image = { rows * (f.tile_height + GAP) + GAP,
                        columns * (f.tile_width + GAP) + GAP, colours, 0 };
  int64_t stride = image.width * colours;
  uint8_t *sheet = nacre_alloc((size_t)image.height, (size_t)stride);
  if (sheet == NULL) {
    return nacre_no_memory(&session->error);
  }
  double low = 0, high = 1;
  memset(sheet, 128, (size_t)(image.height * stride));
  find_range(x, self->n * channel->count, &low, &high);
  for (int64_t i = 0; i < self->n; i++) {
    int64_t top = i / columns * (f.tile_height + GAP) + GAP;
    int64_t left = i % columns * (f.tile_width + GAP) + GAP;
    paint(&f, x + i * channel->count, low, high, colours, stride,
          sheet + top * stride + left * colours);
  }
  nacre_place place = { .file = args->output };
  nacre_error_fail fail;
  nacre_bytes file = { NULL, 0 };
  int status = ops->encode(
    nacre_registry_host(session->registry), &image, sheet, &file,
    nacre_error_fail_init(&fail, &session->error, NACRE_EIO, &place));
  if (status == NACRE_OK) {
    status = write_file(args->output, &file, &session->error);
    nacre_free(file.at);
  }
  nacre_free(sheet);
  return status;
}

/* The targets of a sheet's tiles, a line for each of its rows. */
static void print_targets(const preview *self) {
  const nacre_feed *feed = &self->trainer.training.feed;
  int64_t columns = columns_of(self->n);
  for (int i = 0; i < feed->n_channels; i++) {
    const nacre_channel *channel = &feed->channel[i];
    if (channel->head < 0 || channel->count > 1024) {
      continue;
    }
    for (int64_t j = 0; j < self->n; j++) {
      char text[512];
      write_target(channel, self->data[i] + j * channel->count, text,
                   sizeof(text));
      printf("%s%s%s", j % columns == 0 ? "" : ", ", text,
             (j + 1) % columns == 0 || j + 1 == self->n ? "\n" : "");
    }
  }
}

/* Rows of text. */

static void print_rows(const preview *self) {
  const nacre_feed *feed = &self->trainer.training.feed;
  for (int64_t j = 0; j < self->n; j++) {
    for (int i = 0; i < feed->n_channels; i++) {
      const nacre_channel *channel = &feed->channel[i];
      const real *at = self->data[i] + j * channel->count;
      printf("%s%s: ", i > 0 ? "  " : "", channel->pipe->field.name);
      if (channel->head >= 0) {
        char text[512];
        write_target(channel, at, text, sizeof(text));
        printf("%s", text);
        continue;
      }
      for (int64_t k = 0; k < channel->count && k < NUMBERS; k++) {
        printf("%s%.4g", k > 0 ? " " : "", (double)at[k]);
      }
      if (channel->count > NUMBERS) {
        printf(" ... (%" PRId64 ")", channel->count);
      }
    }
    printf("\n");
  }
}

int data_preview(const cli_args *args, cli_session *session) {
  nacre_train_options options = { .threads = 1 };
  preview self = { .image = -1 };
  nacre_feed *feed = &self.trainer.training.feed;
  int status =
    nacre_trainer_make(&self.trainer, &session->experiment, &options);
  if (status == NACRE_OK) {
    status = draw_samples(&self, args, &session->error);
  }
  if (status == NACRE_OK && self.image >= 0 && args->output == NULL) {
    status = nacre_error_add(&session->error, NACRE_EUSAGE, NULL,
                             "images need a file to be written to: "
                             "--output=sheet.png");
  } else if (status == NACRE_OK && self.image >= 0) {
    status = write_sheet(&self, args, session);
    if (status == NACRE_OK) {
      print_targets(&self);
    }
  } else if (status == NACRE_OK) {
    print_rows(&self);
  }
  for (int i = 0; self.data != NULL && i < feed->n_channels; i++) {
    nacre_free(self.data[i]);
  }
  nacre_free(self.data);
  nacre_free(self.weight);
  nacre_free(self.position);
  nacre_trainer_fini(&self.trainer);
  return status;
}
