/* SPDX-License-Identifier: MIT */
/* candidates: configurations worth trying, from a parameter table alone. */
#ifndef NACRE_CONFORM_CANDIDATES_H
#define NACRE_CONFORM_CANDIDATES_H

#include "suite.h"

/** A configuration that params_fill took. */
typedef struct nacre_candidate {
  const char *text; /* "{units: 3, use_bias: false}", as in YAML */
  const void *cfg;  /* filled */
} nacre_candidate;

#define NACRE_CANDIDATES_MAX 96

/** Configurations with the required parameters only, each combination of
 *  likely values, the smallest first. Returns how many; room for `max`. */
int nacre_candidates_base(nacre_suite *, int max, nacre_candidate *);
/** Neighbours of `base` ("{...}"): every other parameter stepped to other
 *  valid values one at a time, then random mixtures of them. */
int nacre_candidates_vary(nacre_suite *, const char *base, int max,
                          nacre_candidate *);
/** All of both, for kinds whose parameters do not meet shapes. */
int nacre_candidates_all(nacre_suite *, int max, nacre_candidate *);

/** Values of one parameter as YAML text, the likeliest first. */
int nacre_candidates_words(nacre_suite *, const nacre_param *, int max,
                           const char **);
/** Values that lie one step outside its range, or are of another type. */
int nacre_candidates_bad_words(nacre_suite *, const nacre_param *, int max,
                               const char **);

/** Parameter `i` of a table. */
const nacre_param *nacre_candidates_param(nacre_span, uint32_t i);

#endif
