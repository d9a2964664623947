/* SPDX-License-Identifier: MIT */
/* resolve: variables first, then blocks and repeats, which may use them. */
#include "resolve.h"

#include "blocks.h"
#include "parse.h"
#include "report.h"
#include "variables.h"

#include <string.h>

int nacre_resolve(nacre_tree *tree, nacre_error *error) {
  nacre_node *root = tree->root;
  nacre_variables variables;
  memset(&variables, 0, sizeof variables);
  variables.tree = tree;
  variables.error = error;
  variables.nodes = nacre_node_size(root, NACRE_YAML_MAX_NODES);
  int status = NACRE_OK;
  for (nacre_node *at = root->first; at != NULL; at = at->next) {
    /* The bodies of blocks have a meaning only where they are used, and
     * `x-` keys only if something refers to them. */
    const char *key = at->key->text;
    if ((!nacre_blocks_is_aside(key) || strcmp(key, "vars") == 0) &&
        nacre_variables_resolve(&variables, at) != NACRE_OK) {
      status = NACRE_ERROR;
    }
  }
  if (status == NACRE_OK) {
    status = nacre_blocks_expand(&variables);
  }
  nacre_index_fini(&variables.index);
  nacre_node *next;
  for (nacre_node *at = root->first; at != NULL; at = next) {
    next = at->next;
    if (nacre_blocks_is_aside(at->key->text)) {
      nacre_node_remove(root, at);
    }
  }
  return status;
}
