/* SPDX-License-Identifier: MIT */
/* media: the checks of archives, images and sounds. What is not theirs is
 * refused with a reason, and nothing is written beyond the room there is. */
#include <string.h>

#include "kinds.h"
#include "values.h"

#define TRIALS 130
#define INPUT 600 /* more than a block of any archive */
#define ROOM 4096
#define MARGIN 64

/* Random bytes of a trial; every other trial has lengths like those of small
 * headers. */
static size_t garbage(nacre_suite *suite, int trial, unsigned char *in) {
  size_t n = trial % 2 == 0 ? (size_t)trial / 2
                            : (size_t)nacre_values_below(suite, INPUT + 1);
  for (size_t i = 0; i < n; i++) {
    in[i] = (unsigned char)nacre_values_below(suite, 256);
  }
  nacre_suite_forget(suite);
  return n;
}

/* True when it was refused. */
static bool check_refusal(nacre_suite *suite, int status, size_t n) {
  nacre_suite_check(suite, "garbage",
                    status != NACRE_ERROR ||
                      nacre_suite_problem(suite)[0] != '\0',
                    "%zu random bytes are refused without a reason", n);
  return status != NACRE_OK;
}

static void check_margin(nacre_suite *suite, const unsigned char *room,
                         size_t used) {
  bool intact = true;
  for (size_t i = used; i < ROOM + MARGIN; i++) {
    intact = intact && room[i] == 0x5a;
  }
  nacre_suite_check(suite, "bounds", intact,
                    "decode() wrote beyond the room it was given");
}

typedef struct bounds {
  const char *from, *to;
  bool held;
} bounds;

static int see_file(void *ctx, const nacre_listed *file) {
  bounds *self = ctx;
  self->held = self->held && file->path != NULL && file->at != NULL &&
               file->at >= self->from && file->at <= self->to &&
               file->n <= (size_t)(self->to - file->at);
  return NACRE_OK;
}

void nacre_archive_check(nacre_suite *suite) {
  const nacre_archive_ops *ops = suite->component->ops;
  const nacre_host *host = nacre_registry_host(suite->registry);
  unsigned char in[INPUT];
  for (int trial = 0; trial < TRIALS; trial++) {
    nacre_error_fail fail;
    size_t n = garbage(suite, trial, in);
    bounds seen = { (const char *)in, (const char *)in + n, true };
    int status = ops->list(host, in, n, &seen, see_file,
                           nacre_suite_fail(suite, &fail));
    nacre_suite_check(suite, "garbage", check_refusal(suite, status, n),
                      "%zu random bytes are an archive", n);
    nacre_suite_check(suite, "bounds", seen.held,
                      "a file lies outside of its archive");
  }
}

/* What was encoded is decoded to the same bytes, with every number of
 * channels. */
static void check_encode(nacre_suite *suite) {
  const nacre_image_ops *ops = suite->component->ops;
  const nacre_host *host = nacre_registry_host(suite->registry);
  unsigned char in[ROOM], room[ROOM + MARGIN];
  for (int32_t channels = 1; channels <= 4; channels++) {
    nacre_error_fail fail;
    nacre_fail *to = nacre_suite_fail(suite, &fail);
    nacre_image image = { 7, 11, channels, 0 }, again = { 0, 0, 0, 0 };
    size_t count = 7 * 11 * (size_t)channels;
    nacre_bytes file = { NULL, 0 };
    nacre_suite_forget(suite);
    for (size_t i = 0; i < count; i++) {
      in[i] = (unsigned char)nacre_values_below(suite, 256);
    }
    memset(room, 0x5a, sizeof room);
    int status = ops->encode(host, &image, in, &file, to);
    bool same = status == NACRE_OK && ops->probe(file.at, file.n) == 1 &&
                ops->info(host, file.at, file.n, &again, to) == NACRE_OK &&
                again.height == 7 && again.width == 11 &&
                again.channels == channels &&
                ops->decode(host, file.at, file.n, &again, room, to) ==
                  NACRE_OK &&
                memcmp(in, room, count) == 0;
    nacre_suite_check(suite, "encode", same,
                      "an image of %d channels does not come back: %s",
                      (int)channels, nacre_suite_problem(suite));
    if (status == NACRE_OK) {
      host->free(file.at);
    }
  }
}

void nacre_image_check(nacre_suite *suite) {
  const nacre_image_ops *ops = suite->component->ops;
  const nacre_host *host = nacre_registry_host(suite->registry);
  unsigned char in[INPUT], room[ROOM + MARGIN];
  if (ops->encode != NULL) {
    check_encode(suite);
  }
  for (int trial = 0; trial < TRIALS; trial++) {
    nacre_error_fail fail;
    nacre_image image = { 0, 0, 0, 0 };
    size_t n = garbage(suite, trial, in);
    nacre_suite_check(suite, "garbage", ops->probe(in, n) == 0 || n > 1,
                      "a byte or none is taken for an image");
    int status = ops->info(host, in, n, &image,
                           nacre_suite_fail(suite, &fail));
    if (check_refusal(suite, status, n) ||
        !nacre_suite_check(suite, "info",
                           image.height > 0 && image.width > 0 &&
                             image.channels > 0 && image.channels < 5,
                           "%zu random bytes are an image of nothing", n) ||
        image.height > ROOM / image.width / image.channels) {
      continue;
    }
    memset(room, 0x5a, sizeof room);
    status = ops->decode(host, in, n, &image, room,
                         nacre_suite_fail(suite, &fail));
    check_refusal(suite, status, n);
    check_margin(suite, room,
                 (size_t)(image.height * image.width * image.channels));
  }
}

void nacre_sound_check(nacre_suite *suite) {
  const nacre_sound_ops *ops = suite->component->ops;
  const nacre_host *host = nacre_registry_host(suite->registry);
  unsigned char in[INPUT];
  for (int trial = 0; trial < TRIALS; trial++) {
    nacre_error_fail fail;
    nacre_sound sound = { 0, 0, 0 };
    size_t n = garbage(suite, trial, in);
    nacre_suite_check(suite, "garbage", ops->probe(in, n) == 0 || n > 1,
                      "a byte or none is taken for a sound");
    int status = ops->info(host, in, n, &sound,
                           nacre_suite_fail(suite, &fail));
    if (!check_refusal(suite, status, n)) {
      nacre_suite_check(suite, "info",
                        sound.frames > 0 && sound.channels > 0 &&
                          sound.rate > 0,
                        "%zu random bytes are a sound of nothing", n);
    }
  }
}
