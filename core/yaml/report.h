/* SPDX-License-Identifier: MIT */
/* report: problems at nodes, with "did you mean". */
#ifndef NACRE_YAML_REPORT_H
#define NACRE_YAML_REPORT_H

#include "tree.h"

/** A problem at a node's value, and at its key. Returns NACRE_ERROR. */
int nacre_report(nacre_error *, const nacre_node *, int code,
                 const char *format, ...) NACRE_PRINTF(4, 5);
int nacre_report_key(nacre_error *, const nacre_node *, int code,
                     const char *format, ...) NACRE_PRINTF(4, 5);

/** The candidate nearest to `word` (edit distance <= 2, and less than the
 *  word's length), or NULL. */
const char *nacre_nearest(const char *word, const char *const *candidates,
                          int n);

#endif
