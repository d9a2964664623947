/* SPDX-License-Identifier: MIT */
/* encoding: text is UTF-8 without control characters, or refused. */
#ifndef NACRE_YAML_ENCODING_H
#define NACRE_YAML_ENCODING_H

#include "tree.h"

/** A source of the tree, with copies of all that is given. NULL with a
 *  problem added: it is too large, or not text as a config must be. */
const nacre_source_file *
nacre_encoding_source(nacre_tree *, const char *name, const char *dir,
                      const char *text, size_t n, nacre_error *);
/** The place of a byte of the source. */
nacre_place nacre_encoding_place(const nacre_source_file *, size_t offset);

#endif
