/* SPDX-License-Identifier: MIT */
/* text_source: running text, for the two files of that source. */
#ifndef NACRE_SOURCES_TEXT_SOURCE_H
#define NACRE_SOURCES_TEXT_SOURCE_H

#include "parts.h"
#include "text.h"

#define TEXT_LEVEL_CHAR 0
#define TEXT_UNKNOWN_AUTO 0
#define TEXT_UNKNOWN_TOKEN 2
#define TEXT_TARGETS_ALL 0
#define TEXT_CONTEXT_MOST (1 << 24)

typedef struct text_cfg {
  nacre_strings path;
  nacre_enum level, targets, unknown, part, encoding;
  int64_t context, stride, max_tokens;
  nacre_floats parts;
} text_cfg;

typedef struct text_source {
  const nacre_host *host;
  text_vocabulary vocabulary;
  void *token;          /* [tokens] uint16_t if narrow, else uint32_t */
  bool narrow, words, has_unknown, last;
  int64_t tokens, rows, context, stride;
  parts part;
  nacre_field field[2]; /* x, y */
} text_source;

/* Bytes of the token at `at`. */
static inline size_t text_token(const text_source *self, const char *at,
                                const char *end) {
  return self->words ? text_word(at, end) : text_char(at, end);
}

/* Reads the files of cfg, and learns the vocabulary or has it already. */
int text_load(text_source *, const text_cfg *, bool training, bool predict,
              nacre_fail *);

#endif
