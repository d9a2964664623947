/* SPDX-License-Identifier: MIT */
/* state: what sources keep of the training data, as lines of text. A text in
 * them is ASCII with %XX for all else, "%" when it is empty, and ends its
 * line. They come back out of a model's file, so nothing in them is
 * trusted. */
#ifndef NACRE_SOURCES_STATE_H
#define NACRE_SOURCES_STATE_H

#include "grow.h"

#include <stdio.h>
#include <string.h>

typedef struct state_writer {
  const nacre_host *host;
  char *at;
  size_t n, room;
  bool failed; /* out of memory; all later calls do nothing */
} state_writer;

static inline void state_put(state_writer *self, const char *text, size_t n) {
  void *block = self->at;
  if (self->failed ||
      sources_grow(self->host, &block, &self->room, self->n + n + 1, 1)) {
    self->failed = true;
    return;
  }
  self->at = block;
  memcpy(self->at + self->n, text, n);
  self->n += n;
  self->at[self->n] = '\0';
}

static inline void state_put_text(state_writer *self, const char *text) {
  if (text[0] == '\0') {
    state_put(self, "%", 1);
  }
  for (; *text != '\0'; text++) {
    unsigned char c = (unsigned char)*text;
    char code[4];
    if (c > 0x20 && c < 0x7F && c != '%') {
      state_put(self, text, 1);
    } else {
      snprintf(code, sizeof(code), "%%%02X", (unsigned)c);
      state_put(self, code, 3);
    }
  }
  state_put(self, "\n", 1);
}

/* A number as its bits in hex: exact, and the same in every locale. */
static inline void state_put_double(state_writer *self, double value) {
  char text[24];
  uint64_t bits;
  memcpy(&bits, &value, sizeof(bits));
  snprintf(text, sizeof(text), "%016llx", (unsigned long long)bits);
  state_put(self, text, 16);
}

/* Gives what was written to `out`, or frees it: NACRE_ERROR. */
static inline int state_finish(state_writer *self, nacre_bytes *out) {
  if (self->failed) {
    self->host->free(self->at);
    return NACRE_ERROR;
  }
  out->at = self->at;
  out->n = self->n;
  return NACRE_OK;
}

/* The next number and the character behind it. */
static inline bool state_number(const char **at, char end, int64_t least,
                                int64_t most, int64_t *out) {
  int64_t value = 0;
  bool minus = **at == '-';
  const char *digit = *at + minus;
  if (*digit < '0' || *digit > '9') {
    return false;
  }
  for (; *digit >= '0' && *digit <= '9'; digit++) {
    value = value * 10 + (*digit - '0');
    if (value > INT32_MAX) {
      return false;
    }
  }
  value = minus ? -value : value;
  *at = digit + 1;
  *out = value;
  return *digit == end && value >= least && value <= most;
}

static inline int state_hex(char c) {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10
         : c >= 'a' && c <= 'f'                                ? c - 'a' + 10
                                                               : -1;
}

/* The next finite number of 16 hex digits and the character behind it. */
static inline bool state_double(const char **at, char end, double *out) {
  uint64_t bits = 0;
  for (int i = 0; i < 16; i++) {
    int digit = state_hex((*at)[i]);
    if (digit < 0) {
      return false;
    }
    bits = bits << 4 | (uint64_t)digit;
  }
  memcpy(out, &bits, sizeof(*out));
  /* All exponent bits set: an infinity or none at all. */
  if ((bits >> 52 & 0x7FF) == 0x7FF || (*at)[16] != end) {
    return false;
  }
  *at += 17;
  return true;
}

/* A line of text, decoded and terminated, which the caller frees by the
 * host. NULL when it is malformed or memory is out. */
static inline char *state_text(const char **at, const nacre_host *host,
                               size_t *n) {
  const char *end = strchr(*at, '\n');
  if (end == NULL || end == *at) {
    return NULL;
  }
  char *text = host->alloc((size_t)(end - *at) + 1, 1);
  const char *from = *at;
  *at = end + 1;
  *n = 0;
  if (text == NULL || (end - from == 1 && *from == '%')) {
    return text;
  }
  for (; from < end; from++) {
    if (*from == '%') {
      int high = state_hex(from[1]);
      int low = high < 0 ? -1 : state_hex(from[2]);
      if (low < 0 || high * 16 + low == 0) {
        host->free(text);
        return NULL;
      }
      text[(*n)++] = (char)(high * 16 + low);
      from += 2;
    } else {
      text[(*n)++] = *from;
    }
  }
  return text;
}

#endif
