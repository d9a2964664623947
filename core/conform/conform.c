/* SPDX-License-Identifier: MIT */
/* conform: runs the checks of a component's kind and reports the score. */
#include "conform.h"

#include "kinds.h"
#include "layer.h"

/* Checks by kind; a kind is its index. */
static void (*const checks[NACRE_KIND_COUNT])(nacre_suite *) = {
  [NACRE_KIND_LAYER] = nacre_layer_check,
  [NACRE_KIND_ACTIVATION] = nacre_activation_check,
  [NACRE_KIND_LOSS] = nacre_loss_check,
  [NACRE_KIND_OPTIMIZER] = nacre_optimizer_check,
  [NACRE_KIND_METRIC] = nacre_metric_check,
  [NACRE_KIND_INITIALIZER] = nacre_initializer_check,
  [NACRE_KIND_REGULARIZER] = nacre_regularizer_check,
  [NACRE_KIND_CONSTRAINT] = nacre_constraint_check,
  [NACRE_KIND_SCHEDULE] = nacre_schedule_check,
  [NACRE_KIND_SOURCE] = nacre_source_check,
  [NACRE_KIND_TRANSFORM] = nacre_transform_check,
  [NACRE_KIND_CALLBACK] = nacre_callback_check,
  [NACRE_KIND_DEVICE] = nacre_device_check,
  [NACRE_KIND_CODEC] = nacre_codec_check,
  [NACRE_KIND_ARCHIVE] = nacre_archive_check,
  [NACRE_KIND_IMAGE] = nacre_image_check,
  [NACRE_KIND_SOUND] = nacre_sound_check
};

static int report(const nacre_suite *suite) {
  int failed = 0;
  for (int i = 0; i < suite->lines; i++) {
    const nacre_suite_line *line = &suite->line[i];
    nacre_conform_result result = {
      suite->component, line->check,
      line->failures > 0 ? NACRE_CONFORM_FAILED
      : line->skipped    ? NACRE_CONFORM_SKIPPED
                         : NACRE_CONFORM_PASSED,
      line->cases, line->failures, line->text
    };
    failed += line->failures > 0 ? 1 : 0;
    if (suite->options->report != NULL) {
      suite->options->report(suite->options->ctx, &result);
    }
  }
  return failed;
}

int nacre_conform_run(nacre_registry *registry,
                      const nacre_component *component,
                      const nacre_conform_options *options,
                      nacre_error *error) {
  nacre_suite *suite = nacre_alloc(1, sizeof *suite);
  if (suite == NULL) {
    return nacre_no_memory(error);
  }
  int status = NACRE_ERROR;
  suite->registry = registry;
  suite->component = component;
  suite->options = options;
  nacre_error_init(&suite->error);
  suite->arena = nacre_arena_new();
  suite->tree = nacre_tree_new();
  if (suite->arena == NULL || suite->tree == NULL) {
    nacre_no_memory(error);
    goto done;
  }
  if (nacre_suite_open(suite, error) != NACRE_OK) {
    goto done;
  }
  if (nacre_describe_check(suite)) {
    checks[component->kind](suite);
  }
  if (suite->lost) {
    nacre_no_memory(error);
    goto done;
  }
  status = report(suite);
done:
  nacre_suite_close(suite);
  nacre_tree_free(suite->tree);
  nacre_arena_free(suite->arena);
  nacre_error_fini(&suite->error);
  nacre_free(suite);
  return status;
}
