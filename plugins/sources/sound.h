/* SPDX-License-Identifier: MIT */
/* sound: what the files of the audio_directory source share: sounds at
 * another rate, and what is kept of the training data's. */
#ifndef NACRE_SOURCES_SOUND_H
#define NACRE_SOURCES_SOUND_H

#include <nacre/plugin.h>

#define SOUND_STATE 3 /* rate, length, channels */

/* Frames that `frames` of one rate become at another, rounded up; INT64_MAX
 * when that cannot be counted. */
int64_t sound_length(int64_t frames, int64_t from, int64_t to);
/* Frames at rate `from` that the first `length` at rate `to` depend on. */
int64_t sound_reach(int64_t length, int64_t from, int64_t to);
/* in: [frames, channels] at rate `from`; out: [length, channels] at rate
 * `to`, zeros behind the end. NACRE_ERROR: out of memory. */
int sound_resample(const nacre_host *, const float *in, int64_t frames,
                   int32_t channels, int64_t from, int64_t to, real *out,
                   int64_t length);

/* A line of the three numbers before `rest`. */
int sound_state_write(const nacre_host *, const int64_t *state,
                      const nacre_bytes *rest, nacre_bytes *out);
/* Reads it and moves the text behind it; leaves 0 where there is no text,
 * which may be NULL. NACRE_ERROR with a message if it is damaged. */
int sound_state_read(const char **text, int64_t *state, nacre_fail *);

#endif
