/* SPDX-License-Identifier: MIT */
/* class_weight: the `class_weight:` of a loss becomes a weight for each class
 * by its number. */
#include "run/feed.h"

#include "base/text.h"
#include "yaml/report.h"

#include <string.h>

static int64_t find_class(const nacre_field *field, const char *name) {
  for (int64_t i = 0; field->class_names != NULL && i < field->classes; i++) {
    if (strcmp(field->class_names[i], name) == 0) {
      return i;
    }
  }
  int64_t number = -1;
  return nacre_text_int(name, strlen(name), &number) && number >= 0 &&
         number < 1000000 ? number : -1;
}

int nacre_class_weights_read(nacre_class_weights *weights, nacre_node *node,
                             const nacre_field *field,
                             nacre_params_ctx *ctx) {
  *weights = (nacre_class_weights){ 0 };
  if (node->kind == NACRE_NODE_SCALAR || node->count == 0) {
    return nacre_report(ctx->error, node, NACRE_ECONFIG,
                        "expected a map from classes to weights, or a list");
  }
  int64_t highest = field->classes - 1, index = 0;
  for (nacre_node *item = node->first; item != NULL;
       item = item->next, index++) {
    int64_t at = node->kind == NACRE_NODE_MAP
      ? find_class(field, item->key->text) : index;
    double value = 0;
    if (at < 0) {
      return nacre_report_key(ctx->error, item, NACRE_ECONFIG,
                              "there is no class '%s'", item->key->text);
    }
    if (!nacre_node_float(item, &value) || !(value >= 0 && value < 1e30)) {
      return nacre_report(ctx->error, item, NACRE_ECONFIG,
                          "a class's weight must be a number of at least 0");
    }
    highest = at > highest ? at : highest;
  }
  weights->n = highest + 1;
  weights->weight = nacre_alloc((size_t)weights->n, sizeof(double));
  if (weights->weight == NULL) {
    return nacre_no_memory(ctx->error);
  }
  for (int64_t i = 0; i < weights->n; i++) {
    weights->weight[i] = 1;
  }
  index = 0;
  for (nacre_node *item = node->first; item != NULL;
       item = item->next, index++) {
    int64_t at = node->kind == NACRE_NODE_MAP
      ? find_class(field, item->key->text) : index;
    (void)nacre_node_float(item, &weights->weight[at]);
  }
  return NACRE_OK;
}
