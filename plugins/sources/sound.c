/* SPDX-License-Identifier: MIT */
/* sound: sounds at another rate, and what is kept of the training data's.
 *
 * Resampling: Smith, "Digital audio resampling"
 * (ccrma.stanford.edu/~jos/resample), the sum of the input's samples by a
 * sinc in a Hann window. Lengths and cut-off are those of torchaudio's
 * default: six zero crossings to each side, 0.99 of the lower rate. */
#include "sound.h"

#include "state.h"

#include <math.h>

#define CROSSINGS 6
#define ROLLOFF 0.99
#define SOUND_PI 3.14159265358979323846

/* The weights of one rate's samples in another's. Output j lies at j * from /
 * to, and the places between inputs repeat after `to` outputs, both rates
 * being without a common factor. */
typedef struct filter {
  int64_t from, to;
  double cut;      /* cycles of the sinc in `from` inputs */
  int64_t reach;   /* inputs to each side of the place */
  int64_t taps;
  float *weight;   /* [phases, taps] */
  int64_t phases;
} filter;

static int64_t common_factor(int64_t a, int64_t b) {
  while (b != 0) {
    int64_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

int64_t sound_length(int64_t frames, int64_t from, int64_t to) {
  int64_t factor = common_factor(from, to);
  from /= factor;
  to /= factor;
  if (frames > (INT64_MAX - from) / to) {
    return INT64_MAX;
  }
  return (frames * to + from - 1) / from;
}

static int64_t reach_of(int64_t from, int64_t to) {
  double cut = ROLLOFF * (double)(from < to ? from : to);
  return (int64_t)ceil(CROSSINGS * (double)from / cut);
}

int64_t sound_reach(int64_t length, int64_t from, int64_t to) {
  return sound_length(length, to, from) + reach_of(from, to) + 1;
}

static double window_sinc(double x) {
  if (fabs(x) >= CROSSINGS) {
    return 0;
  }
  double window = cos(x * SOUND_PI / CROSSINGS / 2);
  double angle = x * SOUND_PI;
  double sinc = fabs(angle) > 0 ? sin(angle) / angle : 1;
  return sinc * window * window;
}

static void fill_phase(filter *self, int64_t phase) {
  float *weight = self->weight + phase * self->taps;
  int64_t whole = phase * self->from / self->to;
  for (int64_t tap = 0; tap < self->taps; tap++) {
    int64_t at = whole - self->reach + tap;
    double apart = (double)at / (double)self->from -
                   (double)phase / (double)self->to;
    weight[tap] = (float)(window_sinc(apart * self->cut) * self->cut /
                          (double)self->from);
  }
}

static int begin(filter *self, const nacre_host *host, int64_t from,
                 int64_t to, int64_t length) {
  int64_t factor = common_factor(from, to);
  self->from = from / factor;
  self->to = to / factor;
  self->cut =
    ROLLOFF * (double)(self->from < self->to ? self->from : self->to);
  self->reach = reach_of(self->from, self->to);
  self->taps = 2 * self->reach + 2;
  self->phases = self->to < length ? self->to : length;
  self->weight = host->alloc((size_t)self->phases,
                             (size_t)self->taps * sizeof(*self->weight));
  if (self->weight == NULL) {
    return NACRE_ERROR;
  }
  for (int64_t phase = 0; phase < self->phases; phase++) {
    fill_phase(self, phase);
  }
  return NACRE_OK;
}

int sound_resample(const nacre_host *host, const float *in, int64_t frames,
                   int32_t channels, int64_t from, int64_t to, real *out,
                   int64_t length) {
  filter self = { 0 };
  int64_t there = sound_length(frames, from, to);
  if (begin(&self, host, from, to, length) != NACRE_OK) {
    return NACRE_ERROR;
  }
  for (int64_t j = 0; j < length; j++) {
    int64_t phase = j % self.to;
    int64_t first = j / self.to * self.from + phase * self.from / self.to -
                    self.reach;
    const float *weight = self.weight + phase * self.taps;
    for (int32_t c = 0; c < channels; c++) {
      double sum = 0;
      for (int64_t tap = 0; tap < self.taps && j < there; tap++) {
        int64_t at = first + tap;
        if (at >= 0 && at < frames) {
          sum += (double)weight[tap] * (double)in[at * channels + c];
        }
      }
      out[j * channels + c] = (real)sum;
    }
  }
  host->free(self.weight);
  return NACRE_OK;
}

int sound_state_write(const nacre_host *host, const int64_t *state,
                      const nacre_bytes *rest, nacre_bytes *out) {
  state_writer writer = { .host = host };
  char line[96];
  int n = snprintf(line, sizeof(line), "sound 1 %lld %lld %lld\n",
                   (long long)state[0], (long long)state[1],
                   (long long)state[2]);
  state_put(&writer, line, (size_t)n);
  state_put(&writer, rest->at, rest->n);
  return state_finish(&writer, out);
}

int sound_state_read(const char **text, int64_t *state, nacre_fail *fail) {
  if (*text == NULL) {
    return NACRE_OK;
  }
  bool ok = strncmp(*text, "sound 1 ", 8) == 0;
  *text += ok ? 8 : 0;
  for (int i = 0; i < SOUND_STATE && ok; i++) {
    ok = state_number(text, i + 1 < SOUND_STATE ? ' ' : '\n', 1, INT32_MAX,
                      &state[i]);
  }
  if (!ok || state[1] > INT32_MAX / state[2]) {
    fail->fail(fail, NULL, "what was kept of the training data's sounds is "
                           "damaged");
    return NACRE_ERROR;
  }
  return NACRE_OK;
}
