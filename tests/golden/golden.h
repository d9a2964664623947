/* SPDX-License-Identifier: MIT */
/* golden: values that Keras computed, and the components that must give the
 * same. A file of tests/golden is a map with a list of "cases"; each names a
 * component and its parameters as YAML. */
#ifndef NACRE_TESTS_GOLDEN_H
#define NACRE_TESTS_GOLDEN_H

#include "plugin/params.h"
#include "plugin/registry.h"

#include <check.h>
#include <jansson.h>

/** How far results may be from golden ones, relative to the largest of them:
 *  the golden ones were computed in double. */
#ifdef NACRE_DOUBLE
#define GOLDEN_TOLERANCE 1e-7
#else
#define GOLDEN_TOLERANCE 1e-5
#endif

/** One file being checked. */
typedef struct golden {
  const char *name;    /* of the file, without .json */
  json_t *root;
  const json_t *at;    /* the case being checked */
  int index;           /* its number, from 0 */
  uint32_t kind;       /* of its component; 0: it has chosen none */
  int provider;        /* of the component, by rank */
  int failures;
  nacre_registry *registry;
  nacre_tree *tree;    /* its arena holds all memory of the test */
  nacre_error error;
  const nacre_device_ops *device;
  void *device_self;
  const nacre_math *math;
} golden;

/** Where the files are. Of static storage. */
const char *golden_folder(void);
/** Reads NAME.json out of $NACRE_TEST_GOLDEN and opens the CPU; the test
 *  fails without them. */
void golden_open(golden *, const char *name);
/** Frees everything; the test fails if any check has. */
void golden_close(golden *);

/** Opens every file whose name begins with `prefix`, calls check for each of
 *  its cases, and closes it. */
void golden_each(const char *prefix, void (*check)(golden *));

/** Makes the next case `at`, which is the same one for as long as there is
 *  another provider of its component; false after the last. */
bool golden_next(golden *);
/** Whether the component at hand is one of several, and may decline. */
bool golden_may_decline(golden *);
/** A member of the case, or of the file. The test fails without it. */
const json_t *golden_member(const golden *, const char *key);
const json_t *golden_shared(const golden *, const char *key);
int64_t golden_int(const golden *, const char *key);
double golden_number(const json_t *);

/** Numbers of a list, in the test's memory. `n` may be NULL. */
double *golden_doubles(const golden *, const json_t *list, int64_t *n);
real *golden_reals(const golden *, const json_t *list, int64_t *n);
void *golden_alloc(const golden *, int64_t count, size_t size); /* zeroed */

/** The component that the case names, with its parameters. The test fails
 *  if there is none or it refuses them. */
nacre_choice golden_choose(golden *, uint32_t kind);
/** A nacre_fail that fails the test. */
nacre_fail *golden_fail(void);

/** Checks `got` against a list of numbers; counts and prints a failure. */
void golden_near(golden *, const char *what, const json_t *expected,
                 int64_t n, const double *got);
void golden_near_reals(golden *, const char *what, const json_t *expected,
                       int64_t n, const real *got);

/** The same for sums whose terms, of this size, may cancel. */
void golden_near_sums(golden *, const char *what, const json_t *expected,
                      int64_t n, const real *got, double terms);

/** Counts and prints a failure of the case unless `ok`. */
void golden_check(golden *, bool ok, const char *format, ...)
  NACRE_PRINTF(3, 4);

Suite *test_golden_losses_suite(void);
Suite *test_golden_optimizers_suite(void);
Suite *test_golden_metrics_suite(void);
Suite *test_golden_schedules_suite(void);
Suite *test_golden_activations_suite(void);
Suite *test_golden_layers_suite(void);
Suite *test_golden_media_suite(void);
Suite *test_golden_nets_suite(void);
Suite *test_golden_sources_suite(void);
Suite *test_golden_transforms_suite(void);

#endif
