/* SPDX-License-Identifier: MIT */
/* blocks: {block: NAME, ...} and `repeat: N` in lists. */
#ifndef NACRE_YAML_BLOCKS_H
#define NACRE_YAML_BLOCKS_H

#include "variables.h"

/** Checks the root's `blocks` and expands the uses of them, and repeats, in
 *  every list of the root but those of `vars`, `blocks` and `x-` keys.
 *
 *  A block use may have `name`, `inputs`, `repeat` and the block's
 *  parameters. Layers named in the block get the use's name before theirs
 *  ("c1_conv"), or, if it has none, the block's name and a running number.
 *  The use's name stands for its last layer, its inputs go to its first. */
int nacre_blocks_expand(nacre_variables *);
/** Whether a key of the root is not part of the experiment: `vars`, `blocks`
 *  or `x-...`. */
bool nacre_blocks_is_aside(const char *key);

#endif
