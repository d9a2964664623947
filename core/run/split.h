/* SPDX-License-Identifier: MIT */
/* split: what the files that choose rows share. */
#ifndef NACRE_RUN_SPLIT_H
#define NACRE_RUN_SPLIT_H

#include "run/dataset.h"

#define NACRE_TAG_SPLIT 3u /* of the seed's stream that chooses rows */

/** The field of the classes that a part is stratified by; -1 with a problem
 *  if the data have no single target that is a class. */
int nacre_split_classes(const nacre_dataset *, const nacre_node *,
                        nacre_params_ctx *);

/** Rows of whole groups, among those that are not `taken`, for a cfg with a
 *  `group`. Writes them to rows (in no order, [*n], room for all). */
int nacre_split_groups(const nacre_dataset *, const nacre_split_cfg *,
                       uint64_t seed, const unsigned char *taken,
                       nacre_params_ctx *, int64_t *rows, int64_t *n);

#endif
