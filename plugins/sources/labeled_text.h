/* SPDX-License-Identifier: MIT */
/* labeled_text: what the two files of that source share. */
#ifndef NACRE_SOURCES_LABELED_TEXT_H
#define NACRE_SOURCES_LABELED_TEXT_H

#include "csv.h"
#include "text.h"

/* Words of the enums, in the order of the parameter table. */
#define LABELED_FORMAT_LINES 1
#define LABELED_FORMAT_TABLE 2
#define LABELED_STANDARDIZE "lower_and_strip_punctuation|lower|" \
                            "strip_punctuation|none"
#define LABELED_LOWER(value) ((value) < 2)
#define LABELED_STRIP(value) ((value) % 2 == 0)
#define LABELED_SPLIT_WORDS 0

typedef struct labeled_cfg {
  const char *path, *text, *y, *directory, *delimiter, *quote;
  nacre_string_map classes;
  nacre_enum format, header, standardize, split, encoding;
  int64_t max_tokens, output_sequence_length;
} labeled_cfg;

/* Where a row stands, for messages. */
typedef struct labeled_place {
  const char *path;
  const csv_reader *reader; /* of a table; NULL: of lines */
  size_t label;             /* the cell */
} labeled_place;

/* A text and its class; label NULL: there is none. */
typedef int labeled_row(void *ctx, const char *text, size_t n,
                        const char *label, size_t label_n,
                        const labeled_place *);

/* How files are read. */
typedef struct labeled_reading {
  const nacre_host *host;
  const labeled_cfg *cfg;
  nacre_fail *fail;
  const char *text, *y; /* columns; y NULL: none */
  bool predict;         /* without labels; blank lines are texts, too */
  labeled_row *row;
  void *ctx;
} labeled_reading;

/* Calls row() for each text, in order; NACRE_ERROR from it ends that. */
int labeled_read(const labeled_reading *);

#endif
