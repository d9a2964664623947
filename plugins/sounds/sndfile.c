/* SPDX-License-Identifier: MIT */
/* sndfile: the sounds "wav" (RIFF WAVE) and "flac" (RFC 9639) by libsndfile,
 * which reads from memory here and knows no file's name. */
#include <nacre/plugin.h>

#include <sndfile.h>
#include <stdio.h>
#include <string.h>

#define CHANNELS_MOST 64
#define RATE_MOST 3072000

typedef struct stream {
  const unsigned char *in;
  sf_count_t n, at;
} stream;

static sf_count_t on_length(void *user) {
  const stream *self = user;
  return self->n;
}

static sf_count_t on_seek(sf_count_t offset, int whence, void *user) {
  stream *self = user;
  sf_count_t from = whence == SEEK_SET   ? 0
                    : whence == SEEK_CUR ? self->at : self->n;
  if (offset < -from || offset > self->n - from) {
    return -1;
  }
  self->at = from + offset;
  return self->at;
}

static sf_count_t on_read(void *to, sf_count_t n, void *user) {
  stream *self = user;
  sf_count_t left = self->n - self->at;
  n = n < 0 ? 0 : n < left ? n : left;
  memcpy(to, self->in + self->at, (size_t)n);
  self->at += n;
  return n;
}

static sf_count_t on_write(const void *from, sf_count_t n, void *user) {
  (void)from;
  (void)n;
  (void)user;
  return 0;
}

static sf_count_t on_tell(void *user) {
  const stream *self = user;
  return self->at;
}

static int refuse(nacre_fail *fail, const char *text) {
  fail->fail(fail, NULL, "%s", text);
  return NACRE_ERROR;
}

static int probe_wav(const void *in, size_t n) {
  return n >= 12 && memcmp(in, "RIFF", 4) == 0 &&
         memcmp((const char *)in + 8, "WAVE", 4) == 0;
}

static int probe_flac(const void *in, size_t n) {
  return n >= 4 && memcmp(in, "fLaC", 4) == 0;
}

static uint64_t little_endian(const unsigned char *at) {
  return at[0] | (uint64_t)at[1] << 8 | (uint64_t)at[2] << 16 |
         (uint64_t)at[3] << 24;
}

/* libsndfile takes a WAV that was cut for a shorter one. Chunks are a name,
 * a size, and that many bytes, an even number of them. Writers of streams
 * leave the size of the data 0 or all ones. */
static int check_wav(const unsigned char *in, size_t n, nacre_fail *fail) {
  for (size_t at = 12; n - at >= 8;) {
    uint64_t size = little_endian(in + at + 4);
    size_t left = n - at - 8;
    bool data = memcmp(in + at, "data", 4) == 0;
    bool streamed = data && (size == 0 || size == UINT32_MAX);
    if (size > left && !streamed) {
      fail->fail(fail, NULL, "the sound is cut short: %llu bytes should "
                             "follow, %zu do", (unsigned long long)size,
                 left);
      return NACRE_ERROR;
    }
    if (data) {
      return NACRE_OK;
    }
    size += size % 2;
    if (size > left) {
      break;
    }
    at += 8 + (size_t)size;
  }
  return refuse(fail, "the sound is cut short: it ends before its data");
}

static SNDFILE *open_stream(stream *self, nacre_sound *out,
                            nacre_fail *fail) {
  SF_VIRTUAL_IO io = { on_length, on_seek, on_read, on_write, on_tell };
  SF_INFO info;
  memset(&info, 0, sizeof(info));
  SNDFILE *file = sf_open_virtual(&io, SFM_READ, &info, self);
  if (file == NULL) {
    char text[160];
    snprintf(text, sizeof(text), "%s", sf_strerror(NULL));
    for (char *c = text; *c != '\0'; c++) {
      *c = *c < ' ' || *c == 0x7f ? ' ' : *c;
    }
    fail->fail(fail, NULL, "a damaged sound (%s)", text);
    return NULL;
  }
  if (info.frames <= 0 || info.frames == SF_COUNT_MAX || info.channels <= 0 ||
      info.channels > CHANNELS_MOST || info.samplerate <= 0 ||
      info.samplerate > RATE_MOST) {
    refuse(fail, info.frames <= 0 ? "the sound is empty"
                                  : "a damaged sound: its header is "
                                    "impossible");
    sf_close(file);
    return NULL;
  }
  out->frames = info.frames;
  out->channels = info.channels;
  out->rate = info.samplerate;
  return file;
}

static int info_of(const void *in, size_t n, nacre_sound *out,
                   nacre_fail *fail) {
  stream self = { in, (sf_count_t)n, 0 };
  SNDFILE *file = open_stream(&self, out, fail);
  if (file == NULL) {
    return NACRE_ERROR;
  }
  sf_close(file);
  return NACRE_OK;
}

static int info_wav(const nacre_host *host, const void *in, size_t n,
                    nacre_sound *out, nacre_fail *fail) {
  (void)host;
  if (!probe_wav(in, n)) {
    return refuse(fail, "not a WAV sound");
  }
  return check_wav(in, n, fail) == NACRE_OK ? info_of(in, n, out, fail)
                                            : NACRE_ERROR;
}

static int info_flac(const nacre_host *host, const void *in, size_t n,
                     nacre_sound *out, nacre_fail *fail) {
  (void)host;
  return probe_flac(in, n) ? info_of(in, n, out, fail)
                           : refuse(fail, "not a FLAC sound");
}

static int decode(const nacre_host *host, const void *in, size_t n,
                  const nacre_sound *sound, int64_t frames, float *out,
                  nacre_fail *fail) {
  stream self = { in, (sf_count_t)n, 0 };
  nacre_sound again;
  (void)host;
  (void)sound;
  SNDFILE *file = open_stream(&self, &again, fail);
  if (file == NULL) {
    return NACRE_ERROR;
  }
  sf_count_t got = sf_readf_float(file, out, frames);
  int status = NACRE_OK;
  if (got != frames) {
    fail->fail(fail, NULL, "the sound is cut short or damaged: %lld of %lld "
                           "frames can be read", (long long)got,
               (long long)frames);
    status = NACRE_ERROR;
  }
  sf_close(file);
  return status;
}

static const nacre_sound_ops wav_ops = { sizeof(nacre_sound_ops), 0,
                                         probe_wav, info_wav, decode };
static const nacre_sound_ops flac_ops = { sizeof(nacre_sound_ops), 0,
                                          probe_flac, info_flac, decode };

static const nacre_component components[] = {
  {
    .size = sizeof(nacre_component),
    .kind = NACRE_KIND_SOUND,
    .contract = 1,
    .name = "wav",
    .aliases = "wave",
    .summary = "WAV sounds",
    .doc = "Whatever libsndfile reads in RIFF WAVE: whole numbers of 8 to 32 "
           "bits, floats, ADPCM. A file whose chunks are larger than it is "
           "cut short, and refused.",
    .ops = &wav_ops,
  },
  {
    .size = sizeof(nacre_component),
    .kind = NACRE_KIND_SOUND,
    .contract = 1,
    .name = "flac",
    .summary = "FLAC sounds",
    .doc = "Losslessly compressed sounds of 8 to 24 bits.",
    .ops = &flac_ops,
  },
};

static const nacre_module module = {
  .size = sizeof(nacre_module),
  .abi_major = NACRE_ABI_MAJOR,
  .real_size = sizeof(real),
  .name = "sndfile",
  .version = NACRE_MODULE_VERSION,
  .license = "MIT",
  .author = "the nacre authors",
  .components = NACRE_SPAN(components),
};

NACRE_MODULE(sndfile) { return &module; }
