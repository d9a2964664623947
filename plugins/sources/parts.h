/* SPDX-License-Identifier: MIT */
/* parts: the training, validation and test part of a sequence, each in one
 * piece and in this order, so that what is measured comes after what was
 * learned from. */
#ifndef NACRE_SOURCES_PARTS_H
#define NACRE_SOURCES_PARTS_H

#include "state.h"

#include <math.h>

#define PARTS_MOST 3

/* Words of the parameter `part`, in the order of its table. */
#define PARTS_WORDS "all|train|validation|test"
#define PARTS_ALL 0

/* Their lengths: below 1 a share of the whole, else a count. */
typedef struct parts {
  double length[PARTS_MOST];
  int64_t n;
} parts;

static inline int parts_init(parts *self, const nacre_floats *lengths,
                             nacre_fail *fail) {
  if (lengths->n > PARTS_MOST) {
    fail->fail(fail, NULL, "'parts' takes at most three lengths: of the "
                           "training, validation and test part");
    return NACRE_ERROR;
  }
  self->n = lengths->n;
  for (int64_t i = 0; i < self->n; i++) {
    self->length[i] = lengths->at[i];
  }
  return NACRE_OK;
}

/* The place up to which parts before number `count` reach, of n. */
static inline double parts_end(const parts *self, int64_t count, int64_t n) {
  double shares = 0, counts = 0;
  for (int64_t i = 0; i < count; i++) {
    if (self->length[i] < 1) {
      shares += self->length[i];
    } else {
      counts += floor(self->length[i]);
    }
  }
  /* A sum such as 0.7 + 0.2 + 0.1 must not fall short of 1. */
  return floor(shares * (double)n + 1e-6) + counts;
}

/* Where the part `which` (of PARTS_WORDS) begins and ends among n items of
 * the file at `path`, called `items` in messages. */
static inline int parts_find(const parts *self, int which, int64_t n,
                             const char *path, const char *items,
                             nacre_fail *fail, int64_t *begin,
                             int64_t *end) {
  static const char *const words[] = { "training", "validation", "test" };
  *begin = 0;
  *end = n;
  if (which == PARTS_ALL) {
    return NACRE_OK;
  }
  if (self->n == 0) {
    fail->fail(fail, NULL, "'part' needs 'parts', the lengths of the "
                           "training, validation and test part");
    return NACRE_ERROR;
  }
  if (which > self->n) {
    fail->fail(fail, NULL, "'parts' has no length for the %s part",
               words[which - 1]);
    return NACRE_ERROR;
  }
  double from = parts_end(self, which - 1, n), to = parts_end(self, which, n);
  if (!(to <= (double)n)) {
    fail->fail(fail, path, "the %s part ends behind %.0f %s, and there are "
                           "%lld", words[which - 1], to, items,
               (long long)n);
    return NACRE_ERROR;
  }
  if (!(to > from)) {
    fail->fail(fail, path, "the %s part of %lld %s is empty",
               words[which - 1], (long long)n, items);
    return NACRE_ERROR;
  }
  *begin = (int64_t)from;
  *end = (int64_t)to;
  return NACRE_OK;
}

/* "N LENGTH..." in a line of a state. */
static inline void parts_write(const parts *self, state_writer *out) {
  char line[32];
  int n = snprintf(line, sizeof(line), "%d", (int)self->n);
  state_put(out, line, (size_t)n);
  for (int64_t i = 0; i < self->n; i++) {
    state_put(out, " ", 1);
    state_put_double(out, self->length[i]);
  }
  state_put(out, "\n", 1);
}

static inline bool parts_read(parts *self, const char **at) {
  char end = **at == '0' ? '\n' : ' ';
  if (!state_number(at, end, 0, PARTS_MOST, &self->n)) {
    return false;
  }
  for (int64_t i = 0; i < self->n; i++) {
    if (!state_double(at, i + 1 < self->n ? ' ' : '\n', &self->length[i]) ||
        !(self->length[i] > 0)) {
      return false;
    }
  }
  return true;
}

#endif
