/* SPDX-License-Identifier: MIT */
/* einsum: an equation like "abc,cd->abd", read and checked: input, kernel,
 * output. The first axis of input and output is the batch. */
#ifndef NACRE_LAYERS_EINSUM_H
#define NACRE_LAYERS_EINSUM_H

#include <nacre/plugin.h>

#include <stdio.h>
#include <string.h>

#define NACRE_EINSUM_WHY 160
#define NACRE_EINSUM_AXES (NACRE_RANK_MAX + 1) /* with the zero at the end */

/** Letters of the axes of input, kernel and output. An ellipsis has become
 *  '0', '1', ..., a letter for each axis that it stands for. */
typedef struct nacre_einsum {
  char x[NACRE_EINSUM_AXES], w[NACRE_EINSUM_AXES], y[NACRE_EINSUM_AXES];
  int elided;          /* axes that the ellipsis stands for, or 0 */
  int named, at_named; /* letters of the output that output_shape speaks of:
                          so many, from this one on */
} nacre_einsum;

/* One operand as it is written: its letters, less an ellipsis. */
typedef struct nacre_einsum_part {
  const char *name, *at;
  int n;
  int dots; /* -1: in front, 1: behind, 0: none */
} nacre_einsum_part;

/** Whether a letter is one of `letters`. */
static inline int nacre_einsum_has(const char *letters, char letter) {
  return letter != '\0' && strchr(letters, letter) != NULL;
}

/* Writes a message; is NACRE_ERROR. */
#define nacre_einsum_no(why, ...) \
  (snprintf((why), NACRE_EINSUM_WHY, __VA_ARGS__), NACRE_ERROR)

/* The operand of the text from `at` to `end`. */
static inline int nacre_einsum_read(nacre_einsum_part *part, const char *name,
                                    const char *at, const char *end,
                                    char *why) {
  *part = (nacre_einsum_part){ name, at, (int)(end - at), 0 };
  if (part->n >= 3 && strncmp(at, "...", 3) == 0) {
    part->dots = -1;
    part->at += 3;
    part->n -= 3;
  } else if (part->n >= 3 && strncmp(end - 3, "...", 3) == 0) {
    part->dots = 1;
    part->n -= 3;
  }
  if (part->n < 1) {
    return nacre_einsum_no(why, "the equation's %s has no letters", name);
  }
  if (part->n > NACRE_RANK_MAX) {
    return nacre_einsum_no(why, "the equation's %s has too many axes",
                           name);
  }
  for (int i = 0; i < part->n; i++) {
    const char c = part->at[i];
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))) {
      return nacre_einsum_no(why, "the equation's %s may hold letters, and "
                             "... in front or behind them, and nothing else",
                             name);
    }
    if (memchr(part->at, c, (size_t)i) != NULL) {
      return nacre_einsum_no(why, "the equation's %s has the letter '%c' "
                             "twice", name, c);
    }
  }
  return NACRE_OK;
}

/* The three operands of the text. */
static inline int nacre_einsum_split(const char *text,
                                     nacre_einsum_part *part, char *why) {
  const char *arrow = strstr(text, "->"), *comma = strchr(text, ',');
  if (arrow == NULL) {
    return nacre_einsum_no(why, "the equation has no '->', behind which its "
                           "output stands");
  }
  if (comma == NULL || comma > arrow) {
    return nacre_einsum_no(why, "the equation has no ',' between its input "
                           "and its kernel");
  }
  if (nacre_einsum_read(&part[0], "input", text, comma, why) != NACRE_OK ||
      nacre_einsum_read(&part[1], "kernel", comma + 1, arrow, why) !=
        NACRE_OK ||
      nacre_einsum_read(&part[2], "output", arrow + 2, text + strlen(text),
                        why) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (part[1].dots != 0) {
    return nacre_einsum_no(why, "the equation's kernel cannot have '...'");
  }
  if (part[0].dots != part[2].dots) {
    return nacre_einsum_no(why, "the equation needs '...' at the same end of "
                           "its input and its output, or at neither");
  }
  return NACRE_OK;
}

/* Letters with an ellipsis written out. */
static inline int nacre_einsum_fill(const nacre_einsum_part *part, int elided,
                                    char *out, char *why) {
  const int total = part->n + elided, first = part->dots < 0 ? elided : 0;
  if (total > NACRE_RANK_MAX) {
    return nacre_einsum_no(why, "the equation's %s has too many axes",
                           part->name);
  }
  for (int i = 0; i < total; i++) {
    const int letter = i - first;
    out[i] = letter >= 0 && letter < part->n
               ? part->at[letter]
               : (char)('0' + (letter < 0 ? i : letter - part->n));
  }
  out[total] = '\0';
  return NACRE_OK;
}

/* What letters may stand where. */
static inline int nacre_einsum_check(const nacre_einsum *e, char *why) {
  if (e->y[0] != e->x[0]) {
    return nacre_einsum_no(why, "the equation's output must begin with the "
                           "batch, '%c', as its input does", e->x[0]);
  }
  if (nacre_einsum_has(e->w, e->x[0])) {
    return nacre_einsum_no(why, "the equation's kernel cannot have the "
                           "letter '%c', which is the batch", e->x[0]);
  }
  for (const char *c = e->w; *c != '\0'; c++) {
    if (!nacre_einsum_has(e->x, *c) && !nacre_einsum_has(e->y, *c)) {
      return nacre_einsum_no(why, "the equation's kernel has the letter '%c', "
                             "which is neither in its input nor in its "
                             "output", *c);
    }
  }
  for (const char *c = e->y; *c != '\0'; c++) {
    if (!nacre_einsum_has(e->x, *c) && !nacre_einsum_has(e->w, *c)) {
      return nacre_einsum_no(why, "the equation's output has the letter '%c', "
                             "which is neither in its input nor in its "
                             "kernel", *c);
    }
  }
  return NACRE_OK;
}

/** Reads the equation for an input of `rank` axes, the batch with them.
 *  NACRE_ERROR: `why`, with room for NACRE_EINSUM_WHY, says why not. */
static inline int nacre_einsum_parse(nacre_einsum *e, const char *text,
                                     int rank, char *why) {
  nacre_einsum_part part[3];
  if (nacre_einsum_split(text, part, why) != NACRE_OK) {
    return NACRE_ERROR;
  }
  /* An ellipsis in front stands for the batch, so for one axis at least. */
  const int least = part[0].n + (part[0].dots < 0 ? 1 : 0);
  if (part[0].dots == 0 ? rank != least : rank < least) {
    return nacre_einsum_no(why, "the equation's input has %s%d axes, but what "
                           "comes in has %d, the batch with them",
                           part[0].dots != 0 ? "at least " : "", least, rank);
  }
  e->elided = rank - part[0].n;
  e->at_named = part[0].dots < 0 ? e->elided : 1;
  e->named = part[2].n - (part[0].dots < 0 ? 0 : 1);
  if (nacre_einsum_fill(&part[0], e->elided, e->x, why) != NACRE_OK ||
      nacre_einsum_fill(&part[1], 0, e->w, why) != NACRE_OK ||
      nacre_einsum_fill(&part[2], e->elided, e->y, why) != NACRE_OK) {
    return NACRE_ERROR;
  }
  return nacre_einsum_check(e, why);
}

#endif
