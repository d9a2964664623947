/* SPDX-License-Identifier: MIT */
/* recurrent_tokens: a sequence of words has the same word many times. What
 * the kernel makes of a word is computed once, and the gradients of all its
 * places are added before they meet the kernel. */
#ifndef NACRE_LAYERS_RECURRENT_TOKENS_H
#define NACRE_LAYERS_RECURRENT_TOKENS_H

#include "distinct.h"
#include "keyed_sum.h"
#include "recurrent.h"

/* Saved are which word stands in each place, then the first place of each
 * word, and in the last number how many words there are. */

static inline int64_t nacre_recurrent_places(const nacre_recurrent_pass *pass) {
  return pass->run->batch * pass->steps;
}

static inline const real *
nacre_recurrent_word_of(const nacre_recurrent_pass *pass) {
  return nacre_data(&pass->run->saved[RECURRENT_PLACES]);
}

static inline const real *
nacre_recurrent_first_of(const nacre_recurrent_pass *pass) {
  return nacre_recurrent_word_of(pass) + nacre_recurrent_places(pass);
}

/** Finds the words, unless dropout makes every place another. More than half as
 *  many as there are places do not pay. */
static inline void nacre_recurrent_find_words(nacre_recurrent_pass *pass,
                                              bool dropped) {
  const nacre_run *run = pass->run;
  const int64_t places = nacre_recurrent_places(pass);
  real *of = nacre_data(&run->saved[RECURRENT_PLACES]);
  if (of == NULL) {
    return;
  }
  pass->words =
    dropped || run->tokens[0].data == NULL
      ? 0
      : nacre_distinct_find(places, nacre_data(&run->tokens[0]),
                            places / 2, of, of + places,
                            nacre_data(&run->scratch[RECURRENT_TABLE]));
  of[2 * places - 1] = (real)pass->words;
}

/** How many the forward pass found; 0: each place is treated by itself. */
static inline int64_t nacre_recurrent_words(const nacre_recurrent_pass *pass) {
  return nacre_recurrent_word_of(pass) == NULL
           ? 0
           : (int64_t)
               nacre_recurrent_word_of(pass)[2 * nacre_recurrent_places(pass) -
                                             1];
}

/* Room for what the words are, [words, features], and behind it for what the
 * kernel makes of them, [words, columns]. */

static inline real *nacre_recurrent_word_x(const nacre_recurrent_pass *pass) {
  return nacre_data(&pass->run->scratch[RECURRENT_WORDS]);
}

static inline real *nacre_recurrent_word_gates(const nacre_recurrent_pass *pass,
                                               int64_t words) {
  return nacre_recurrent_word_x(pass) + words * pass->features;
}

/** Brings the words together. */
static inline const real *
nacre_recurrent_gather(const nacre_recurrent_pass *pass, int64_t words) {
  const real *x = nacre_data(&pass->run->in[0]);
  const real *first = nacre_recurrent_first_of(pass);
  const int64_t n = pass->features;
  real *to = nacre_recurrent_word_x(pass);
  for (int64_t i = 0; i < words; i++) {
    memcpy(to + i * n, x + (int64_t)first[i] * n, (size_t)n * sizeof(real));
  }
  return to;
}

/** What the kernel has made of the input, of row i in this step. */
static inline const real *nacre_recurrent_given(const nacre_recurrent_tile *t,
                                                int64_t i) {
  const nacre_recurrent_pass *pass = t->pass;
  if (pass->words == 0) {
    return nacre_recurrent_gates(t, i);
  }
  const int64_t place = (t->begin + i) * pass->steps + t->time;
  return nacre_recurrent_word_gates(pass, pass->words) +
         (int64_t)nacre_recurrent_word_of(pass)[place] * pass->columns;
}

/** The same of all rows, brought to where the gates of the step are. */
static inline void nacre_recurrent_lay(const nacre_recurrent_tile *t) {
  for (int64_t i = 0; t->pass->words > 0 && i < t->rows; i++) {
    memcpy(nacre_recurrent_gates(t, i), nacre_recurrent_given(t, i),
           (size_t)t->pass->columns * sizeof(real));
  }
}

/** The sums of the gradients of each word's places, [words, n]; dgates:
 *  [places, ...], rows pass->pitch apart. */
static inline const real *
nacre_recurrent_fold(const nacre_recurrent_pass *pass, int64_t words,
                     const real *dgates, int64_t n) {
  real *room = nacre_recurrent_word_gates(pass, words);
  nacre_keyed_sum sum = {
    .key = nacre_recurrent_word_of(pass), .n = nacre_recurrent_places(pass),
    .x = dgates, .pitch = pass->pitch, .rows = words, .cols = n, .sum = room,
    .fresh = true,
    /* The room is for half as many words as there are places. */
    .second = room + words * n
  };
  nacre_keyed_sum_run(pass->run->math, &sum);
  return sum.sum;
}

/** din[0] (+)= the words' gradients, each in the first place of its word. */
static inline void nacre_recurrent_scatter(const nacre_recurrent_pass *pass,
                                           int64_t words, const real *dx,
                                           bool fresh) {
  const nacre_math *math = pass->run->math;
  const real *first = nacre_recurrent_first_of(pass);
  const int64_t n = pass->features;
  real *din = nacre_data(&pass->run->din[0]);
  if (fresh) {
    math->fill(math, nacre_recurrent_places(pass) * n, 0, din);
  }
  for (int64_t i = 0; i < words; i++) {
    nacre_recurrent_add(n, dx + i * n, din + (int64_t)first[i] * n);
  }
}

#endif
