/* SPDX-License-Identifier: MIT */
/* encoding: text is UTF-8 without control characters, or refused. */
#ifndef NACRE_YAML_ENCODING_H
#define NACRE_YAML_ENCODING_H

#include "tree.h"

/** Checks all of a source. Problems go to `error`. */
int nacre_encoding_check(const nacre_source_file *, nacre_error *);
/** The place of a byte of the source. */
nacre_place nacre_encoding_place(const nacre_source_file *, size_t offset);

#endif
