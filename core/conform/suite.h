/* SPDX-License-Identifier: MIT */
/* suite: what all checks share: the component under test, devices to compute
 * on, memory that lives until the component is done, and the score. */
#ifndef NACRE_CONFORM_SUITE_H
#define NACRE_CONFORM_SUITE_H

#include "conform.h"
#include "plugin/params.h"

#define NACRE_SUITE_CHECKS 64
#define NACRE_SUITE_DEVICES 5 /* the same device with 1, 2, 3, 4, 7 threads */

/** How far a computed number may be from the true one, relative to its
 *  size: rounding only. */
#ifdef NACRE_DOUBLE
#define NACRE_SUITE_ROUNDING 1e-11
#define NACRE_SUITE_STEP 6e-6    /* of central differences */
#define NACRE_SUITE_GRADIENT 1e-7 /* and how good they must be */
#else
#define NACRE_SUITE_ROUNDING 2e-4
#define NACRE_SUITE_STEP 2e-3
#define NACRE_SUITE_GRADIENT 2e-2
#endif

/** One open device. */
typedef struct nacre_suite_device {
  const nacre_device_ops *ops;
  void *self;
  const nacre_math *math;
  uint64_t entered; /* what enter() returned */
  int64_t floating; /* rounding, traps and subnormals after it */
} nacre_suite_device;

/** The score of one check. */
typedef struct nacre_suite_line {
  const char *check; /* a literal */
  int cases, failures;
  bool skipped;
  char text[512];
} nacre_suite_line;

typedef struct nacre_suite {
  nacre_registry *registry;
  const nacre_component *component;
  const nacre_conform_options *options;
  nacre_arena *arena;
  nacre_tree *tree;
  nacre_error error; /* of the calls under test; emptied between them */
  nacre_suite_device device[NACRE_SUITE_DEVICES];
  nacre_suite_line line[NACRE_SUITE_CHECKS];
  int lines;
  const char *where; /* the configuration and shapes at hand, or NULL */
  uint64_t drawn;    /* random words used */
  int declined;      /* plans that the component left to others */
  bool lost;         /* memory ran out */
} nacre_suite;

/** Notes one trial of a check; the text says what was wrong, and is formed
 *  only if `ok` is false. Returns `ok`. */
bool nacre_suite_check(nacre_suite *, const char *check, bool ok,
                       const char *format, ...) NACRE_PRINTF(4, 5);
/** Notes that a check could not be made, unless it was. */
void nacre_suite_skip(nacre_suite *, const char *check, const char *format,
                      ...) NACRE_PRINTF(3, 4);

/** Zeroed memory until the component is done; NULL sets `lost`. */
void *nacre_suite_alloc(nacre_suite *, size_t count, size_t size);
char *nacre_suite_format(nacre_suite *, const char *format, ...)
  NACRE_PRINTF(2, 3);

/** Empties the error of the calls under test. */
void nacre_suite_forget(nacre_suite *);
/** Text of the first problem that they reported, or "". */
const char *nacre_suite_problem(const nacre_suite *);
/** A nacre_fail whose problems land there. Lives in `fail`. */
nacre_fail *nacre_suite_fail(nacre_suite *, nacre_error_fail *fail);

/** Opens the devices; NACRE_ERROR with a problem if there is none whose
 *  memory is the host's. */
int nacre_suite_open(nacre_suite *, nacre_error *);
void nacre_suite_close(nacre_suite *);
/** Opens one device component with `threads` threads and defaults; false
 *  when it declines or fails, with the reason in the suite's error. */
bool nacre_suite_open_one(nacre_suite *, const nacre_component *,
                          int64_t threads, nacre_suite_device *);

/** Around every call of a component: the device's floating-point state is
 *  entered and left, and what the component did to it is checked. */
void nacre_suite_enter(nacre_suite *, nacre_suite_device *);
void nacre_suite_leave(nacre_suite *, nacre_suite_device *);

/** Fills the component's configuration from `map` (NULL: defaults); NULL if
 *  it is refused, with the reason in the suite's error. A component without
 *  parameters has a configuration too: it is not read. */
const void *nacre_suite_config(nacre_suite *, const nacre_component *,
                               nacre_node *map);
/** `text` as a node; NULL if it is not YAML. */
nacre_node *nacre_suite_yaml(nacre_suite *, const char *text);

#endif
