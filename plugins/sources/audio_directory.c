/* SPDX-License-Identifier: MIT */
/* audio_directory: sounds in folders of their classes, or with names that
 * tell the class; after Keras's audio_dataset_from_directory.
 *
 * A sound is decoded each time it is read, by whichever thread reads it: that
 * costs less than keeping it. */
#include "directory.h"
#include "sound.h"

#include <math.h>

/* Frames that a byte of a file may stand for: FLAC codes silence in a few
 * bytes a block of at most 65535 frames. */
#define HEADER_TRUST 65536
#define LENGTH_MOST ((int64_t)INT32_MAX)

typedef struct audio_cfg {
  directory_cfg from;
  int64_t sampling_rate, output_sequence_length;
  double duration;
  bool mono;
} audio_cfg;

typedef struct audio_source {
  directory from;
  int64_t rate, length; /* of every sample: frames a second, frames */
  int32_t channels;
  bool mono, resample;  /* resample: other rates are brought to this one */
} audio_source;

/* --- files --- */

static const nacre_sound_ops *find_decoder(const directory *from,
                                           const nacre_bytes *file) {
  for (uint32_t i = 0; i < from->formats; i++) {
    const nacre_sound_ops *ops = from->format[i]->ops;
    if (ops->probe(file->at, file->n)) {
      return ops;
    }
  }
  return NULL;
}

/* The header of a file, checked. NULL: it has failed. */
static const nacre_sound_ops *read_header(const directory *from,
                                          const nacre_bytes *file,
                                          nacre_sound *sound,
                                          nacre_fail *fail) {
  const nacre_sound_ops *ops = find_decoder(from, file);
  if (ops == NULL) {
    fail->fail(fail, NULL, file->n == 0 ? "the file is empty"
                                        : "not a sound of a known format");
    return NULL;
  }
  if (ops->info(from->host, file->at, file->n, sound, fail) != NACRE_OK) {
    return NULL;
  }
  if ((uint64_t)sound->frames / HEADER_TRUST > (uint64_t)file->n) {
    fail->fail(fail, NULL, "its header says %lld frames, more than a file of "
                           "%zu bytes can hold", (long long)sound->frames,
               file->n);
    return NULL;
  }
  return ops;
}

/* What every file must have in common with the first. */
static int check_kind(const audio_source *self, const nacre_sound *sound,
                      nacre_fail *fail) {
  if (!self->resample && sound->rate != self->rate) {
    fail->fail(fail, NULL, "%ld frames a second, but the first file has %lld: "
                           "'sampling_rate' brings all to one",
               (long)sound->rate, (long long)self->rate);
    return NACRE_ERROR;
  }
  if (!self->mono && sound->channels != self->channels) {
    fail->fail(fail, NULL, "%ld channels, but the first file has %ld: 'mono: "
                           "true' makes one of them", (long)sound->channels,
               (long)self->channels);
    return NACRE_ERROR;
  }
  return NACRE_OK;
}

/* --- reading --- */

/* from: [frames, channels], to: [frames]; may be the same */
static void mix(const float *from, int64_t frames, int32_t channels,
                float *to) {
  for (int64_t i = 0; i < frames && channels > 1; i++) {
    float sum = 0;
    for (int32_t c = 0; c < channels; c++) {
      sum += from[i * channels + c];
    }
    to[i] = sum / (float)channels;
  }
}

/* Frames of a file that can reach into the output. */
static int64_t frames_needed(const audio_source *self,
                             const nacre_sound *sound) {
  int64_t needs = sound->rate == self->rate
    ? self->length
    : sound_reach(self->length, sound->rate, self->rate);
  return needs < sound->frames ? needs : sound->frames;
}

/* frames: [frames, channels] of the file; out: [length, self->channels] */
static int fill(const audio_source *self, const nacre_sound *sound,
                float *frame, int64_t frames, real *out, nacre_fail *fail) {
  int32_t channels = sound->channels;
  int64_t whole = self->length * self->channels;
  if (self->mono) {
    mix(frame, frames, channels, frame);
    channels = 1;
  }
  if (sound->rate != self->rate) {
    return sound_resample(self->from.host, frame, frames, channels,
                          sound->rate, self->rate, out, self->length) ==
               NACRE_OK
      ? NACRE_OK : directory_no_memory(fail);
  }
  int64_t n = frames * channels < whole ? frames * channels : whole;
  for (int64_t i = 0; i < n; i++) {
    out[i] = (real)frame[i];
  }
  for (int64_t i = n; i < whole; i++) {
    out[i] = 0;
  }
  return NACRE_OK;
}

static int decode(const audio_source *self, const nacre_bytes *file,
                  real *out, nacre_fail *fail) {
  const nacre_host *host = self->from.host;
  nacre_sound sound = { 0, 0, 0 };
  const nacre_sound_ops *ops = read_header(&self->from, file, &sound, fail);
  if (ops == NULL || check_kind(self, &sound, fail) != NACRE_OK) {
    return NACRE_ERROR;
  }
  int64_t frames = frames_needed(self, &sound);
  float *frame = host->alloc((size_t)frames,
                             (size_t)sound.channels * sizeof(*frame));
  if (frame == NULL) {
    return directory_no_memory(fail);
  }
  int status = ops->decode(host, file->at, file->n, &sound, frames, frame,
                           fail);
  if (status == NACRE_OK) {
    status = fill(self, &sound, frame, frames, out, fail);
  }
  host->free(frame);
  return status;
}

/* out: [n, field.shape] */
static int audio_read(const void *opened, uint32_t field,
                      const int64_t *rows, int64_t n, real *out,
                      nacre_fail *fail) {
  const audio_source *self = opened;
  if (field > 0) {
    directory_read(&self->from, field, rows, n, out);
    return NACRE_OK;
  }
  for (int64_t i = 0; i < n; i++) {
    directory_file_fail inner;
    nacre_bytes file = { NULL, 0 };
    if (directory_fetch(&self->from, rows[i], fail, &file) != NACRE_OK) {
      return NACRE_ERROR;
    }
    int status = decode(self, &file, out + i * self->length * self->channels,
                        directory_fail_init(&inner, &self->from, rows[i],
                                            fail));
    directory_release(&self->from, rows[i], &file);
    if (status != NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  return NACRE_OK;
}

/* --- opening --- */

static int look_at(const audio_source *self, int64_t sample,
                   nacre_sound *sound, nacre_fail *fail) {
  directory_file_fail inner;
  nacre_bytes file = { NULL, 0 };
  if (directory_fetch(&self->from, sample, fail, &file) != NACRE_OK) {
    return NACRE_ERROR;
  }
  const nacre_sound_ops *ops =
    read_header(&self->from, &file, sound,
                directory_fail_init(&inner, &self->from, sample, fail));
  directory_release(&self->from, sample, &file);
  return ops != NULL ? NACRE_OK : NACRE_ERROR;
}

/* The length of the longest file, all of which are looked at. */
static int find_longest(audio_source *self, nacre_fail *fail) {
  for (int64_t i = 0; i < self->from.count; i++) {
    nacre_sound sound;
    directory_file_fail inner;
    nacre_fail *to = directory_fail_init(&inner, &self->from, i, fail);
    if (look_at(self, i, &sound, fail) != NACRE_OK ||
        check_kind(self, &sound, to) != NACRE_OK) {
      return NACRE_ERROR;
    }
    int64_t length = sound_length(sound.frames, sound.rate, self->rate);
    self->length = length > self->length ? length : self->length;
  }
  return NACRE_OK;
}

/* Rate, length and channels: what training had, what the user says, what the
 * first file has. */
static int settle(audio_source *self, const audio_cfg *cfg,
                  const int64_t *state, nacre_fail *fail) {
  nacre_sound first = { 0, 0, 0 };
  bool given = cfg->sampling_rate != INT64_MIN;
  self->mono = cfg->mono;
  self->resample = given;
  if (state[0] > 0) {
    self->rate = state[0];
    self->length = state[1];
    self->channels = (int32_t)state[2];
    return NACRE_OK;
  }
  if (look_at(self, 0, &first, fail) != NACRE_OK) {
    return NACRE_ERROR;
  }
  self->rate = given ? cfg->sampling_rate : first.rate;
  self->channels = self->mono ? 1 : first.channels;
  if (cfg->output_sequence_length != INT64_MIN && !isnan(cfg->duration)) {
    fail->fail(fail, NULL, "either 'duration' or 'output_sequence_length' "
                           "says how long sounds are made");
    return NACRE_ERROR;
  }
  if (cfg->output_sequence_length != INT64_MIN) {
    self->length = cfg->output_sequence_length;
  } else if (!isnan(cfg->duration)) {
    self->length = (int64_t)floor(cfg->duration * (double)self->rate + 0.5);
  } else if (find_longest(self, fail) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (self->length < 1 || self->length > LENGTH_MOST / self->channels) {
    fail->fail(fail, self->length < 1 ? NULL : cfg->from.path,
               "sounds of %lld frames cannot be samples",
               (long long)self->length);
    return NACRE_ERROR;
  }
  return NACRE_OK;
}

static void audio_close(void *opened) {
  audio_source *self = opened;
  if (self != NULL) {
    const nacre_host *host = self->from.host;
    directory_close(&self->from);
    host->free(self);
  }
}

static int audio_open(const nacre_source_open *open, void **out) {
  const audio_cfg *cfg = open->cfg;
  const nacre_host *host = open->host;
  int64_t state[SOUND_STATE] = { 0 };
  nacre_source_open rest = *open;
  audio_source *self = host->alloc(1, sizeof(*self));
  if (self == NULL) {
    return directory_no_memory(open->fail);
  }
  self->from.host = host;
  int status = sound_state_read(&rest.state, state, open->fail);
  if (status == NACRE_OK) {
    status = directory_open(&self->from, &rest, &cfg->from, NACRE_KIND_SOUND,
                            "sound");
  }
  if (status == NACRE_OK) {
    status = settle(self, cfg, state, open->fail);
  }
  if (status != NACRE_OK) {
    audio_close(self);
    return NACRE_ERROR;
  }
  self->from.field[0].shape = nacre_shape_2d(self->length, self->channels);
  *out = self;
  return NACRE_OK;
}

static int64_t audio_count(const void *opened) {
  const audio_source *self = opened;
  return self->from.count;
}

static nacre_span audio_fields(const void *opened) {
  const audio_source *self = opened;
  nacre_span span = { self->from.field, self->from.fields,
                      (uint32_t)sizeof(*self->from.field) };
  return span;
}

static int audio_state(const void *opened, const nacre_host *host,
                       nacre_bytes *out) {
  const audio_source *self = opened;
  const int64_t state[SOUND_STATE] = { self->rate, self->length,
                                       self->channels };
  nacre_bytes rest = { NULL, 0 };
  if (directory_state(&self->from, &rest) != NACRE_OK) {
    return NACRE_ERROR;
  }
  int status = sound_state_write(host, state, &rest, out);
  host->free(rest.at);
  return status;
}

static const nacre_param params[] = {
  DIRECTORY_PARAMS(audio_cfg),
  NACRE_PARAM_AS(audio_cfg, sampling_rate, "sample_rate", "null",
                 "[1,3072000]", "frames a second",
                 "What sounds of other rates are resampled to; none given: "
                 "the rate of the first file, which all must have.", 0),
  NACRE_PARAM(audio_cfg, output_sequence_length, "null", "[1,2147483647]",
              "frames",
              "Length that sounds are cut or filled up with zeros to; none "
              "given: the longest's.", 0),
  NACRE_PARAM(audio_cfg, duration, "null", "(0,86400]", "seconds",
              "The same as a time.", 0),
  NACRE_PARAM(audio_cfg, mono, "true", NULL, "",
              "Make one channel, the mean, of several.", 0),
};

static const nacre_source_ops ops = {
  .size = sizeof(nacre_source_ops),
  .open = audio_open,
  .close = audio_close,
  .count = audio_count,
  .fields = audio_fields,
  .read = audio_read,
  .state = audio_state,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_SOURCE,
  .contract = 1,
  .name = "audio_directory",
  .summary = "Sounds in folders of their classes, or named by them",
  .doc = "Labels come from folders as those of image_directory, or from "
         "names by a pattern. Sounds are [length, channels] with values -1 "
         "to 1. Resampling is by a sinc of 12 zero crossings in a Hann "
         "window, with 0.99 of the lower rate's half as its cut-off (Smith, "
         "\"Digital audio resampling\", ccrma.stanford.edu/~jos/resample), "
         "as torchaudio's. Length, rate and channels of the training data "
         "are those of files read later.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(audio_cfg),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(audio_directory, component)
