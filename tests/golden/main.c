/* SPDX-License-Identifier: MIT */
/* main: runs the suites of golden values. */
#include "golden.h"

#include <stdlib.h>

int main(void) {
  SRunner *runner = srunner_create(test_golden_losses_suite());
  srunner_add_suite(runner, test_golden_optimizers_suite());
  srunner_add_suite(runner, test_golden_metrics_suite());
  srunner_add_suite(runner, test_golden_schedules_suite());
  srunner_add_suite(runner, test_golden_activations_suite());
  srunner_add_suite(runner, test_golden_layers_suite());
  srunner_add_suite(runner, test_golden_media_suite());
  srunner_add_suite(runner, test_golden_nets_suite());
  srunner_add_suite(runner, test_golden_sources_suite());
  srunner_add_suite(runner, test_golden_transforms_suite());
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
