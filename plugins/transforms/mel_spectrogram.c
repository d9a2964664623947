/* SPDX-License-Identifier: MIT */
/* mel_spectrogram: what the ear makes of a waveform, as Keras's
 * MelSpectrogram: short Fourier transforms, by FFTW, summed in bands that are
 * evenly spaced on the mel scale of the Hidden Markov Model Toolkit. */
#include <nacre/plugin.h>

#include <fftw3.h>
#include <math.h>
#include <stdalign.h>
#include <string.h>

#define LENGTH_MOST 16384 /* of a transform: it is done on the stack */
#define WINDOW_HANN 0

typedef struct mel_cfg {
  int64_t fft_length, sequence_stride;
  int64_t sequence_length; /* INT64_MIN: fft_length */
  nacre_enum window;
  int64_t sampling_rate, num_mel_bins;
  double min_freq, max_freq; /* max NaN: half the sampling rate */
  bool power_to_db;
  double top_db, mag_exp, min_power, ref_power;
} mel_cfg;

/* Between two edges of bands a frequency is in two of them: in the one that
 * falls there, and in the next, which rises. */
typedef struct mel_share {
  int64_t rising;     /* its number; that of the other is one less */
  double rise, fall;  /* shares of both; 0 where there is none */
} mel_share;

typedef struct mel {
  const nacre_host *host;
  const mel_cfg *cfg;
  int64_t length, bins; /* of the transform: fft_length / 2 + 1 */
  double *window;       /* [length] */
  mel_share *share;     /* [bins] */
  fftw_plan plan;
} mel;

static int64_t samples_of(const nacre_shape *in) {
  return nacre_shape_count(in);
}

/* Frames are centered: the first one on the first sample. */
static int64_t frames_of(const mel_cfg *cfg, const nacre_shape *in) {
  int64_t padded = samples_of(in) + cfg->fft_length / 2 * 2;
  return (padded - cfg->fft_length) / cfg->sequence_stride + 1;
}

static double highest(const mel_cfg *cfg) {
  return isnan(cfg->max_freq) ? (double)(cfg->sampling_rate / 2)
                              : cfg->max_freq;
}

static int refuse(nacre_fail *fail, const char *text) {
  fail->fail(fail, NULL, "%s", text);
  return NACRE_ERROR;
}

static int mel_plan(nacre_transform_plan *plan) {
  const mel_cfg *cfg = plan->cfg;
  const nacre_shape *in = &plan->in.shape;
  if (in->rank < 1 || in->rank > 2 || (in->rank == 2 && in->dim[1] != 1)) {
    return refuse(plan->fail, "it takes waveforms: samples of one axis, with "
                              "another of a single channel at most");
  }
  if (cfg->sequence_length > cfg->fft_length) {
    return refuse(plan->fail, "'sequence_length' must not be greater than "
                              "'fft_length'");
  }
  if (!(cfg->min_freq < highest(cfg)) ||
      highest(cfg) > 0.5 * (double)cfg->sampling_rate) {
    return refuse(plan->fail, "'min_freq' must be below 'max_freq', and that "
                              "at most half of 'sampling_rate'");
  }
  if (samples_of(in) <= cfg->fft_length / 2) {
    plan->fail->fail(plan->fail, NULL,
                     "waveforms of %lld samples are too short for an "
                     "'fft_length' of %lld", (long long)samples_of(in),
                     (long long)cfg->fft_length);
    return NACRE_ERROR;
  }
  plan->out = nacre_shape_2d(cfg->num_mel_bins, frames_of(cfg, in));
  return NACRE_OK;
}

/* Making. */

static double mel_of(double hertz) {
  return 1127 * log(1 + hertz / 700);
}

/* The window in the middle of the transform, zeros around it. */
static void make_window(mel *self) {
  const mel_cfg *cfg = self->cfg;
  int64_t n = cfg->sequence_length == INT64_MIN ? self->length
                                                : cfg->sequence_length;
  int64_t at = (self->length - n) / 2;
  double base = cfg->window.value == WINDOW_HANN ? 0.5 : 0.54;
  for (int64_t i = 0; i < n; i++) {
    double turn = 6.283185307179586 * (double)i / (double)n;
    self->window[at + i] = base - (1 - base) * cos(turn);
  }
}

/* The bin of frequency 0 is in no band, as in the toolkit. */
static void make_bands(mel *self) {
  const mel_cfg *cfg = self->cfg;
  double low = mel_of(cfg->min_freq), high = mel_of(highest(cfg));
  double step = (high - low) / (double)(cfg->num_mel_bins + 1);
  double nyquist = 0.5 * (double)cfg->sampling_rate;
  for (int64_t i = 1; i < self->bins; i++) {
    double hertz = nyquist * (double)i / (double)(self->bins - 1);
    double at = (mel_of(hertz) - low) / step; /* counted in edges */
    int64_t edge = (int64_t)floor(at);
    if (edge < 0 || edge > cfg->num_mel_bins) {
      continue;
    }
    double part = at - (double)edge;
    self->share[i] = (mel_share){
      .rising = edge, .rise = edge < cfg->num_mel_bins ? part : 0,
      .fall = edge > 0 ? 1 - part : 0
    };
  }
}

static void mel_close(void *opened) {
  mel *self = opened;
  if (self->plan != NULL) {
    fftw_destroy_plan(self->plan);
  }
  self->host->free(self->window);
  self->host->free(self->share);
  self->host->free(self);
}

static int mel_open(const nacre_host *host, const void *cfg,
                    const nacre_shape *in, void **out, nacre_fail *fail) {
  alignas(64) double frame[LENGTH_MOST];
  alignas(64) fftw_complex spectrum[LENGTH_MOST / 2 + 1];
  mel *self = host->alloc(1, sizeof(*self));
  (void)in;
  if (self == NULL) {
    return refuse(fail, "out of memory");
  }
  self->host = host;
  self->cfg = cfg;
  self->length = self->cfg->fft_length;
  self->bins = self->length / 2 + 1;
  self->window = host->alloc((size_t)self->length, sizeof(double));
  self->share = host->alloc((size_t)self->bins, sizeof(mel_share));
  /* An estimate, since what is fastest today need not be so tomorrow, and
   * would give other bits. */
  self->plan = fftw_plan_dft_r2c_1d((int)self->length, frame, spectrum,
                                    FFTW_ESTIMATE);
  if (self->window == NULL || self->share == NULL || self->plan == NULL) {
    mel_close(self);
    return refuse(fail, "out of memory");
  }
  make_window(self);
  make_bands(self);
  *out = self;
  return NACRE_OK;
}

/* Running. */

/* Sample i of n, mirrored at both ends, which are not repeated. */
static real at_mirrored(const real *x, int64_t n, int64_t i) {
  i = i < 0 ? -i : i;
  return x[i < n ? i : 2 * (n - 1) - i];
}

/* The windowed stretch around sample `middle`. */
static void cut_frame(const mel *self, const real *x, int64_t n,
                      int64_t middle, double *frame) {
  int64_t begin = middle - self->length / 2;
  if (begin >= 0 && begin + self->length <= n) {
    for (int64_t i = 0; i < self->length; i++) {
      frame[i] = (double)x[begin + i] * self->window[i];
    }
    return;
  }
  for (int64_t i = 0; i < self->length; i++) {
    frame[i] = (double)at_mirrored(x, n, begin + i) * self->window[i];
  }
}

/* One frame's bands, `stride` apart in out. */
static void sum_bands(const mel *self, fftw_complex *spectrum,
                      int64_t stride, real *out) {
  const double power = self->cfg->mag_exp;
  double falling = 0, rising = 0; /* so far, in the two bands at hand */
  int64_t at = 0;
  for (int64_t i = 0; i < self->cfg->num_mel_bins; i++) {
    out[i * stride] = 0;
  }
  for (int64_t i = 1; i < self->bins; i++) {
    const mel_share *share = &self->share[i];
    double value = spectrum[i][0] * spectrum[i][0] +
                   spectrum[i][1] * spectrum[i][1];
    if (share->rise <= 0 && share->fall <= 0) {
      continue;
    }
    for (; at < share->rising; at++) {
      if (at > 0) {
        out[(at - 1) * stride] = (real)falling;
      }
      falling = rising;
      rising = 0;
    }
    value = power > 1.999999 && power < 2.000001 ? value
                                                 : pow(value, power / 2);
    falling += share->fall * value;
    rising += share->rise * value;
  }
  if (at > 0) {
    out[(at - 1) * stride] = (real)falling;
  }
  if (at < self->cfg->num_mel_bins) {
    out[at * stride] = (real)rising;
  }
}

static void to_decibels(const mel_cfg *cfg, int64_t n, real *y) {
  double reference =
    10 * log10(fmax(fabs(cfg->ref_power), cfg->min_power));
  double loudest = -INFINITY;
  for (int64_t i = 0; i < n; i++) {
    double value =
      10 * log10(fmax((double)y[i], cfg->min_power)) - reference;
    loudest = value > loudest ? value : loudest;
    y[i] = (real)value;
  }
  real floor_at = (real)(loudest - cfg->top_db);
  for (int64_t i = 0; i < n; i++) {
    y[i] = y[i] < floor_at ? floor_at : y[i];
  }
}

/* x: [n, samples], out: [n, num_mel_bins, frames] */
static int mel_apply(const void *opened, const nacre_shape *in,
                     const double *state, nacre_key key, int64_t n,
                     const real *x, real *out, nacre_fail *fail) {
  alignas(64) double frame[LENGTH_MOST];
  alignas(64) fftw_complex spectrum[LENGTH_MOST / 2 + 1];
  const mel *self = opened;
  const mel_cfg *cfg = self->cfg;
  int64_t samples = samples_of(in), frames = frames_of(cfg, in);
  (void)state;
  (void)key;
  (void)fail;
  for (int64_t i = 0; i < n; i++) {
    for (int64_t t = 0; t < frames; t++) {
      cut_frame(self, x, samples, t * cfg->sequence_stride, frame);
      fftw_execute_dft_r2c(self->plan, frame, spectrum);
      sum_bands(self, spectrum, frames, out + t);
    }
    if (cfg->power_to_db) {
      to_decibels(cfg, cfg->num_mel_bins * frames, out);
    }
    x += samples;
    out += cfg->num_mel_bins * frames;
  }
  return NACRE_OK;
}

static const nacre_param params[] = {
  NACRE_PARAM(mel_cfg, fft_length, "2048", "[2,16384]", "samples",
              "Length of a Fourier transform.", 0),
  NACRE_PARAM(mel_cfg, sequence_stride, "512", "[1,1000000]", "samples",
              "From one frame to the next.", 0),
  NACRE_PARAM(mel_cfg, sequence_length, "null", "[1,16384]", "samples",
              "Length of the window; fft_length by default.", 0),
  NACRE_PARAM(mel_cfg, window, "hann", "hann|hamming", "",
              "Shape of the window.", 0),
  NACRE_PARAM(mel_cfg, sampling_rate, "16000", "[1,1000000000]", "Hz",
              "Samples in a second.", 0),
  NACRE_PARAM(mel_cfg, num_mel_bins, "128", "[1,100000]", "",
              "Number of bands.", 0),
  NACRE_PARAM(mel_cfg, min_freq, "20", "[0,inf)", "Hz",
              "Where the lowest band begins.", 0),
  NACRE_PARAM(mel_cfg, max_freq, "null", "(0,inf)", "Hz",
              "Where the highest ends; half the sampling rate by default.",
              0),
  NACRE_PARAM(mel_cfg, power_to_db, "true", NULL, "",
              "Give decibels.", 0),
  NACRE_PARAM(mel_cfg, top_db, "80", "[0,inf)", "dB",
              "Nothing is further below the loudest of the sample.", 0),
  NACRE_PARAM(mel_cfg, mag_exp, "2", "(0,inf)", "",
              "Exponent of the magnitudes: 2 for power, 1 for amplitude.", 0),
  NACRE_PARAM(mel_cfg, min_power, "1e-10", "(0,inf)", "",
              "The least power in decibels.", 0),
  NACRE_PARAM(mel_cfg, ref_power, "1", "(-inf,inf)", "",
              "The power of 0 dB.", 0),
};

static const nacre_transform_ops ops = {
  .size = sizeof(nacre_transform_ops),
  .flags = NACRE_TRANSFORM_APART,
  .plan = mel_plan,
  .apply = mel_apply,
  .open = mel_open,
  .close = mel_close,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_TRANSFORM,
  .contract = 1,
  .name = "mel_spectrogram",
  .summary = "The spectrogram of a waveform, in mel bands",
  .doc = "A waveform [samples] or [samples, 1] becomes [num_mel_bins, frames]"
         ", with samples / sequence_stride + 1 frames, rounded down. Each "
         "frame is the waveform around its sample, mirrored at the ends, "
         "times a window. `top_db` counts from the loudest band of the "
         "sample, where Keras takes the loudest of the batch.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(mel_cfg),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(mel_spectrogram, component)
