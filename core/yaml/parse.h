/* SPDX-License-Identifier: MIT */
/* parse: YAML text to a tree. The only file that knows libyaml. */
#ifndef NACRE_YAML_PARSE_H
#define NACRE_YAML_PARSE_H

#include "tree.h"

#define NACRE_YAML_MAX_BYTES (1u << 20)
#define NACRE_YAML_MAX_DEPTH 64
#define NACRE_YAML_MAX_NODES 100000

/** Parses a file into new nodes of the tree. Problems (duplicate keys, tags,
 *  `<<`, a second document, limits, encoding) go to `error`; NULL then. */
nacre_node *nacre_yaml_file(nacre_tree *, const char *path, nacre_error *);
/** The same for text; `name` is used in messages, `dir` (may be NULL) for
 *  relative paths. Text is copied. */
nacre_node *nacre_yaml_text(nacre_tree *, const char *name, const char *dir,
                            const char *text, size_t n, nacre_error *);
/** The YAML value that follows the first `skip` bytes of one line of text, as
 *  in "key=value"; places count from the beginning of the line. Nothing is a
 *  null. */
nacre_node *nacre_yaml_value(nacre_tree *, const char *name, const char *dir,
                             const char *text, size_t skip, nacre_error *);

#endif
