/* SPDX-License-Identifier: MIT */
/* layer_table: what the table of a layer's functions must hold. */
#include "layer.h"

bool nacre_layer_table(nacre_suite *suite) {
  const nacre_layer_ops *ops = suite->component->ops;
  bool view = (ops->flags & NACRE_LAYER_VIEW) != 0;
  if (ops->expand != NULL) {
    return nacre_suite_check(suite, "table",
                             ops->plan == NULL && ops->forward == NULL &&
                               ops->weights.n == 0,
                             "expand() and functions of its own");
  }
  bool ok = nacre_suite_check(suite, "table", ops->plan != NULL,
                              "no plan()");
  ok = nacre_suite_check(suite, "table", view || ops->forward != NULL,
                         "no forward(), and not a VIEW") && ok;
  ok = nacre_suite_check(suite, "table",
                         ops->max_inputs == 0 ||
                           ops->min_inputs <= ops->max_inputs,
                         "min_inputs is more than max_inputs") && ok;
  ok = nacre_suite_check(suite, "table",
                         (ops->flags & NACRE_LAYER_LOOKUP) == 0 ||
                           (ops->flags & NACRE_LAYER_INPLACE) == 0,
                         "a LOOKUP that may work INPLACE") && ok;
  ok = nacre_suite_check(suite, "table", ops->weights.n <= 32,
                         "more than 32 weights") && ok;
  ok = nacre_suite_check(suite, "table",
                         (ops->create == NULL) == (ops->destroy == NULL),
                         "create() without destroy(), or the reverse") && ok;
  for (uint32_t i = 0; ok && i < ops->weights.n; i++) {
    const nacre_weight *weight = nacre_layer_weight(ops, i);
    nacre_suite_check(suite, "docs",
                      weight->doc != NULL && weight->doc[0] != '\0',
                      "weight %s is not described", weight->name);
    nacre_suite_check(suite, "table",
                      weight->initializer != NULL &&
                        nacre_registry_has(suite->registry,
                                           NACRE_KIND_INITIALIZER,
                                           weight->initializer),
                      "weight %s starts from an unknown initializer",
                      weight->name);
  }
  return ok;
}
