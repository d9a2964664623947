/* SPDX-License-Identifier: MIT */
/* range: the texts that bound a parameter: "(0,inf)", "[0,1)",
 * "same|valid". */
#ifndef NACRE_PLUGIN_RANGE_H
#define NACRE_PLUGIN_RANGE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct nacre_range {
  double low, high;
  bool open_low, open_high; /* the bound itself is outside */
} nacre_range;

/** Reads an interval; NULL gives every finite number. False: not one. */
bool nacre_range_parse(const char *text, nacre_range *);
/** NaN is in no range; infinity only in one closed at infinity. */
bool nacre_range_holds(const nacre_range *, double);

/** The index of a word in "same|valid", or -1. */
int nacre_range_word(const char *words, const char *word);
/** The words' number; 0 if the text is not a list of words. */
int nacre_range_words(const char *words);

#endif
