/* SPDX-License-Identifier: MIT */
/* main: runs every suite of the unit tests. A new file adds a line. */
#include <check.h>
#include <stdlib.h>

#define SUITES(X)   \
  X(test_error)     \
  X(test_sys)       \
  X(test_text)      \
  X(test_random)    \
  X(test_tree)      \
  X(test_parse)     \
  X(test_merge)     \
  X(test_resolve)   \
  X(test_trust)     \
  X(test_scan)      \
  X(test_registry)  \
  X(test_params)    \
  X(test_host)       \
  X(test_cpu_attention) \
  X(test_cpu_conv)  \
  X(test_cpu_gemm)  \
  X(test_cpu_gemm_threads) \
  X(test_cpu_math)  \
  X(test_program)   \
  X(test_train)     \
  X(test_layout)    \
  X(test_optimize)  \
  X(test_tensors)   \
  X(test_checkpoint)\
  X(test_rundir)    \
  X(test_state)     \
  X(test_embed)     \
  X(test_split)     \
  X(test_masks)     \
  X(test_losses)    \
  X(test_split_groups) \
  X(test_directory) \
  X(test_recurrent) \
  X(test_measure)   \
  X(test_feed)      \
  X(test_augment)   \
  X(test_graph)    \
  X(test_provide)

#define DECLARE(name) Suite *name##_suite(void);
SUITES(DECLARE)

#define LIST(name) name##_suite,
static Suite *(*const suites[])(void) = { SUITES(LIST) };

int main(void) {
  SRunner *runner = srunner_create(NULL);
  for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++) {
    srunner_add_suite(runner, suites[i]());
  }
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
