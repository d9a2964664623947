/* SPDX-License-Identifier: MIT */
/* conform: proves that a component keeps the contract of its kind.
 *
 * Nothing is known of a component but what it says of itself: its parameter
 * table gives configurations to try, its plan() the shapes that it takes.
 * What the suite then does to it is what a host may do, and nothing else. */
#ifndef NACRE_CONFORM_CONFORM_H
#define NACRE_CONFORM_CONFORM_H

#include "plugin/registry.h"

#define NACRE_CONFORM_PASSED 0
#define NACRE_CONFORM_FAILED 1
#define NACRE_CONFORM_SKIPPED 2

/** The outcome of one check on one component. */
typedef struct nacre_conform_result {
  const nacre_component *component;
  const char *check;   /* "gradient" */
  int status;
  int cases, failures; /* how often it was tried, and failed */
  const char *text;    /* the first failure, or why it was skipped; or "" */
} nacre_conform_result;

typedef struct nacre_conform_options {
  /** Called for each check when a component is done. Strings are borrowed
   *  until it returns. */
  void (*report)(void *ctx, const nacre_conform_result *);
  void *ctx;
  /** A directory with KIND/NAME.yaml files: configurations and shapes of
   *  components that cannot be guessed from their tables; or NULL. */
  const char *cases;
  /** Allocations that the process has made so far, if the program counts
   *  them; NULL: that check is skipped. */
  uint64_t (*allocations)(void);
} nacre_conform_options;

/** Runs every check of the component's kind on it. Returns the number of
 *  checks that failed, or NACRE_ERROR with a problem when the suite itself
 *  could not work (no memory, no device). */
int nacre_conform_run(nacre_registry *, const nacre_component *,
                      const nacre_conform_options *, nacre_error *);

#endif
